// The output layer: its sums become deltas, scores and a loss.
//   crossentropy   p = softmax(z);  loss = -ln p_y;  delta = p - onehot(y)
//   mse            loss = mean over the outputs of (o - t)^2;  delta = o - t      (in units of half the target's range)
#include "core.h"

static int logit_shift(const tp_model_t *m) {
    return m->output->x_frac + tp_state(m, m->output)->w_frac - 12;
}

// z -> 65535 e^(z - max) in place, from logits in Q.12 (z 2^-shift, saturated at +-2^26). Returns the largest logit.
// *sum gets the sum of all, at most 65534 of them, so below 2^32.
static int32_t exponentials(int32_t *z, size_t n, int shift, uint32_t *sum) {
    int32_t max = INT32_MIN;
    tp_requantize(z, z, n, shift, 1 << 26);
    for (size_t j = 0; j < n; j++) {
        max = z[j] > max ? z[j] : max;
    }
    *sum = 0;
    for (size_t j = 0; j < n; j++) {
        z[j] = (int32_t)tp_exp_minus((uint32_t)(max - z[j]));
        *sum += (uint32_t)z[j];
    }
    return max;
}

// e -> probabilities in Q.14, in place, by one division: the sum is s * 2^k with s of 16 bits, and inverse = 2^31 / s.
// e <= 65535 and inverse <= 2^16, so their product is below 2^32. Its relative error is below 2^-14.
static void normalise(int32_t *e, size_t n, uint32_t sum) {
    int k = tp_bits(sum) - 16;
    uint32_t inverse = (1u << 31) / (sum >> k);
    for (size_t j = 0; j < n; j++) {
        e[j] = (int32_t)((((uint32_t)e[j] * inverse >> 16 >> k) + 1) >> 1);  // k may be 16
    }
}

void tp_softmax(const tp_model_t *m, int32_t *z) {
    uint32_t sum;
    exponentials(z, m->output->n_out, logit_shift(m), &sum);
    normalise(z, m->output->n_out, sum);
}

// loss = (max - z_y) + ln sum e^(z - max): from the logits, so it is never the logarithm of 0.
uint32_t tp_crossentropy(const tp_model_t *m, int32_t *z, size_t target, int32_t *p_target) {
    size_t n = m->output->n_out;
    int shift = logit_shift(m);
    uint32_t sum;
    int32_t z_target = tp_rshift_round_sat(z[target], shift, 1 << 26);
    int32_t max = exponentials(z, n, shift, &sum);
    int32_t loss = max - z_target + tp_log_sum(sum);  // rounding can make it negative
    normalise(z, n, sum);
    *p_target = z[target];
    z[target] -= 1 << 14;
    int16_t *deltas = (int16_t *)z;
    for (size_t j = 0; j < n; j++) {
        deltas[j] = (int16_t)z[j];
    }
    return loss < 0 ? 0 : loss < 1 << 20 ? (uint32_t)loss << 12 : UINT32_MAX;
}

// Straight from the sum, not through an activation of 8 bits.
int32_t tp_mse_output(const tp_model_t *m, int32_t z) {
    return tp_rshift_round_sat(z, m->output->x_frac + tp_state(m, m->output)->w_frac - 14, 32767);
}

// |o - t| <= 65534, so its square fits 32 bits, and the sum of 65534 squares fits 64.
uint32_t tp_mse(const tp_model_t *m, int32_t *z, const int16_t *targets, int learning) {
    int16_t *deltas = (int16_t *)z;
    size_t n = m->output->n_out;
    uint64_t squares = 0;
    uint32_t n_saturated = 0, n_clipped = 0;
    for (size_t j = 0; j < n; j++) {
        int32_t o = tp_mse_output(m, z[j]);
        n_saturated += tp_abs(o) == 32767;
        int32_t difference = o - targets[j];
        uint32_t magnitude = (uint32_t)tp_abs(difference);
        squares += (uint64_t)(magnitude * magnitude);
        int32_t delta = tp_rshift_round(difference, 14 - m->delta_frac);
        int32_t clipped = tp_sat(delta, 1 << m->delta_frac);
        n_clipped += clipped != delta;
        deltas[j] = (int16_t)clipped;
    }
    if (learning) {
        tp_count(&m->state->n_saturated, n_saturated);
        tp_count(&m->state->n_clipped, n_clipped);
    }
    // squares / n, from Q.28 to Q.24: below 2^28. The sum is cut to 32 bits first.
    int k = 0;
    for (; squares >> 32; squares >>= 1) {
        k++;
    }
    uint32_t mean = (uint32_t)squares / (uint32_t)n;
    return k >= 4 ? mean << (k - 4) : mean >> (4 - k);
}
