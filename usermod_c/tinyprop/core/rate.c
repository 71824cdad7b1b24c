// The learning rate of a layer, when none is given.
//   lr = min(c_t / sqrt(q), 1 / q), as a power of two: the first one rounded, the second one rounded down
//   c_t = c / (1 + t / 256), with t at most 512, or 2048 with mse       c: the rate in the spec, t: steps so far
// q is the energy of the layer's centred inputs (centre.c): a step of rate 1 / q on one sample would set its error to 0
// (normalised LMS, Widrow and Hoff), so more is never right. docs/method.md says how the rest was found.
//
// With mse c_t is halved for each of 5/8, 3/4, 7/8 that is less than what is left to learn (progress.c): there is little to
// learn then, or it is hidden in noise, which large steps follow.
//
// With lr = 2^-n, n is the least for which  q / c_t^2 <= 2^(2n+1)  and  q <= 2^n.
#include "core.h"

#define START 256         // t + START is what c_t falls with,
#define SETTLED 768       // up to here,
#define SETTLED_MSE 2304  // or with mse
#define JUDGED 128        // targets from which on what is left tells something

// The least e for which a <= b 2^e; a, b > 0.
static int exponent_of_quotient(uint32_t a, uint32_t b) {
    int bits_a = tp_bits(a), bits_b = tp_bits(b);
    return bits_a - bits_b + (a << (32 - bits_a) > b << (32 - bits_b));
}

// Where the ranges of outputs are given, what is left is not known as well as that.
int tp_brake(const tp_model_t *m, uint32_t left) {
    if (!m->learned[TP_OUTPUTS] || !m->spec->auto_rate || m->state->n_seen[TP_OUTPUTS] < JUDGED) {
        return 0;
    }
    return (left > TP_ONE * 5 / 8) + (left > TP_ONE * 3 / 4) + (left > TP_ONE * 7 / 8);
}

void tp_set_rate(const tp_model_t *m, tp_layer_t *l, int brake) {
    const tp_model_spec_t *spec = m->spec;
    l->lr_mantissa = spec->lr_mantissa;
    l->lr_shift = spec->lr_shift;
    if (!spec->auto_rate) {
        return;
    }
    // q = q8 2^e, q8 of 8 bits, so 2^(e+7) is at most q. c_t = 256 m / t 2^-lr_shift.
    uint32_t energy = tp_state(m, l)->energy, t = spec->loss == TP_MSE ? SETTLED_MSE : SETTLED;
    energy = energy > 256 ? energy : 256;  // less than 1.0 only in a damaged image
    if (m->state->steps < t - START) {
        t = (uint32_t)m->state->steps + START;
    }
    int k = tp_bits(energy) - 8, e = k - 8;
    uint32_t q8 = energy >> k, start = START * (uint32_t)spec->lr_mantissa;
    int by_root = exponent_of_quotient(q8 * t * t, start * start) + e + 2 * spec->lr_shift;
    int n = (by_root >> 1) + brake, least = e + 7 + (q8 > 128);
    n = n < least ? least : n;
    l->lr_mantissa = 16;
    l->lr_shift = (uint8_t)(n < 0 ? 4 : n > 26 ? 30 : n + 4);
}
