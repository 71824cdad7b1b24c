// The output layer: its sums become errors, scores and a loss.
//   crossentropy   p = softmax(z);  loss = -ln p_y;  d = p - onehot(y)
//   mse            loss = mean (o - t)^2 over the outputs;  d = o - t      (units: half of the target's range)
#include "internal.h"
#include "tables.h"

// 2^16 e^-d, for d in Q.12: 65535 at 0, 0 from 16 on. e^-d = 2^-t with t = d / ln 2 in Q.16 (23637 = 2^14 / ln 2; the
// product is below 2^31), from 65 points of 2^-t and straight lines between: within 2^-15 of it.
uint32_t tp_exp_minus(uint32_t d) {
    uint32_t t = ((d < 1 << 16 ? d : 1 << 16) * 23637u) >> 10;
    uint32_t i = (t >> 10) & 63, fraction = t & 1023;
    uint32_t e = tp_exp2_table[i] - (((uint32_t)(tp_exp2_table[i] - tp_exp2_table[i + 1]) * fraction + 512) >> 10);
    return e >> (t >> 16);
}

// ln(v / 65536) in Q.12, 65535 <= v, by the bits of v and 65 points of ln(1 + t).
static int32_t log_sum(uint32_t v) {
    int n = tp_bits(v) - 1;                                    // v = 2^n (1 + t)
    uint32_t t = (v << (31 - n)) & 0x7fffffff;                 // Q.31
    uint32_t i = t >> 25, fraction = (t >> 15) & 1023;
    uint32_t ln = tp_log_table[i] + (((uint32_t)(tp_log_table[i + 1] - tp_log_table[i]) * fraction + 512) >> 10);
    return (n - 16) * 2839 + (int32_t)ln;                      // 2839 = 2^12 ln 2
}

// Sums, Q.(fx+fw) -> logits in Q.12, saturated at +-2^26.
static int32_t logit(const tp_layer_t *l, int32_t z) {
    return tp_shift(z, l->fx + l->fw - 12, 1 << 26);
}

// z -> e^(z - max) * 65535 in place; returns the largest logit. The sum of at most 65534 is below 2^32.
static int32_t exponentials(const tp_layer_t *l, int32_t *z, uint32_t *sum) {
    int32_t max = INT32_MIN;
    tp_shift_all(z, z, l->n_out, l->fx + l->fw - 12, 1 << 26);  // logits, Q.12
    for (size_t j = 0; j < l->n_out; j++) {
        max = z[j] > max ? z[j] : max;
    }
    *sum = 0;
    for (size_t j = 0; j < l->n_out; j++) {
        z[j] = (int32_t)tp_exp_minus((uint32_t)(max - z[j]));
        *sum += (uint32_t)z[j];
    }
    return max;
}

// z -> probabilities in Q.14, in place. One division: the sum as s * 2^k with s of 16 bits, and 2^31 / s.
// e <= 65535 and 2^31 / s <= 2^16: their product is below 2^32. Its relative error is under 2^-14.
static void normalise(int32_t *e, size_t n, uint32_t sum) {
    int k = tp_bits(sum) - 16;
    uint32_t inverse = (1u << 31) / (sum >> k);
    for (size_t j = 0; j < n; j++) {
        e[j] = (int32_t)((((uint32_t)e[j] * inverse >> 16 >> k) + 1) >> 1);  // k may be 16
    }
}

void tp_softmax(const tp_layer_t *l, int32_t *z) {
    uint32_t sum;
    exponentials(l, z, &sum);
    normalise(z, l->n_out, sum);
}

// z int32 [n_out] -> errors int16 [n_out], Q.14, at the start of the same memory. The loss comes from the logits, so it
// is never the logarithm of 0: (max - z_y) + ln sum e^(z - max).
uint32_t tp_crossentropy(const tp_layer_t *l, int32_t *z, size_t target, int32_t *p_target) {
    uint32_t sum;
    int32_t z_target = logit(l, z[target]);
    int32_t max = exponentials(l, z, &sum);
    int32_t loss = max - z_target + log_sum(sum);  // 0 at least, but for rounding
    normalise(z, l->n_out, sum);
    *p_target = z[target];
    z[target] -= 1 << 14;
    int16_t *errors = (int16_t *)z;
    for (size_t j = 0; j < l->n_out; j++) {
        errors[j] = (int16_t)z[j];
    }
    return loss < 0 ? 0 : loss < 1 << 20 ? (uint32_t)loss << 12 : UINT32_MAX;
}

// An output in Q.14 of the half range, straight from its sum, within +-2 (32767).
int32_t tp_output(const tp_layer_t *l, int32_t z) {
    return tp_shift(z, l->fx + l->fw - 14, 32767);
}

// z int32 [n_out] -> errors int16 [n_out], Q.unit, clipped at +-1.0, in place. |o - t| <= 65535: its square fits 32 bits,
// and the sum of 65534 of them 64.
uint32_t tp_mse(tp_model_t *m, const tp_layer_t *l, int32_t *z, const tp_values_t *y, size_t from, int learning) {
    int16_t *errors = (int16_t *)z;
    int unit = tp_unit(m);
    uint64_t squares = 0;
    uint32_t saturated = 0, clipped = 0;
    for (size_t j = 0; j < l->n_out; j++) {
        int32_t o = tp_output(l, z[j]);
        saturated += tp_abs(o) == 32767;
        int32_t d = o - tp_read_target(m, y, from, j);
        uint32_t size = (uint32_t)tp_abs(d);
        squares += (uint64_t)(size * size);
        int32_t error = tp_round(d, 14 - unit);
        int32_t held = tp_sat(error, 1 << unit);
        clipped += held != error;
        errors[j] = (int16_t)held;
    }
    if (learning) {
        tp_count(&m->n_saturated, saturated);
        tp_count(&m->n_clipped, clipped);
    }
    // squares / n_out from Q.28 to Q.24; the quotient is at most 2^32 / 2^4.
    int k = 0;
    for (; squares >> 32; squares >>= 1) {
        k++;
    }
    uint32_t mean = (uint32_t)squares / l->n_out;
    return k >= 4 ? mean << (k - 4) : mean >> (4 - k);
}
