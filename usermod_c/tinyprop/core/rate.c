// The learning rate of a layer, when none is given.
//   lr = min(c_t / sqrt(q), 1 / q), as a power of two: the first one rounded, the second one rounded down
//   c_t = c max(1, 6 / (1 + t / 256))        t: steps so far, c: the rate in the spec
// q is the energy of the layer's centred inputs (centre.c): a step of rate 1 / q on one sample would set its error to 0
// (normalised LMS, Widrow and Hoff), so more is never right. docs/method.md says how the rest was found.
//
// With lr = 2^-n, n is the least for which  q / c_t^2 <= 2^(2n+1)  and  q <= 2^n.
#include "core.h"

#define SETTLES_AT 1536  // c_t ends its fall when t + 256 reaches this

// The least e for which a <= b 2^e; a, b > 0.
static int exponent_of_quotient(uint32_t a, uint32_t b) {
    int bits_a = tp_bits(a), bits_b = tp_bits(b);
    return bits_a - bits_b + (a << (32 - bits_a) > b << (32 - bits_b));
}

// The least n for which e <= 2 n + 1.
static int half(int e) {
    return e >> 1;
}

void tp_set_rate(const tp_model_t *m, tp_layer_t *l) {
    const tp_model_spec_t *spec = m->spec;
    l->lr_mantissa = spec->lr_mantissa;
    l->lr_shift = spec->lr_shift;
    if (!spec->auto_rate) {
        return;
    }
    // q = q10 2^e, q10 of 10 bits. c_t^2 = (m 1536 / t)^2 2^(-2 lr_shift), where t is at most 1536.
    uint32_t energy = tp_state(m, l)->energy, t = SETTLES_AT, mantissa = spec->lr_mantissa;
    energy = energy > 256 ? energy : 256;  // less than 1.0 only in a damaged image
    if (m->state->steps < SETTLES_AT - 256) {
        t = (uint32_t)m->state->steps + 256;
    }
    int k = tp_bits(energy) > 10 ? tp_bits(energy) - 10 : 0, e = k - 8;
    uint32_t q10 = energy >> k;
    int by_root = exponent_of_quotient(q10 * t * t, mantissa * mantissa * SETTLES_AT * SETTLES_AT);
    int n = half(by_root + e + 2 * spec->lr_shift), least = exponent_of_quotient(q10, 1) + e;
    n = n < least ? least : n;
    l->lr_mantissa = 16;
    l->lr_shift = (uint8_t)(n < 0 ? 4 : n > 26 ? 30 : n + 4);
}
