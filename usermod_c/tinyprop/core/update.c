// Learning: plain stochastic gradient descent at batch 1, in place, and the exponent of a layer's weights.
//   w -= lr * dw,   b -= lr * db      lr = m * 2^-n
#include "internal.h"

// The step of a layer's weights for errors in Q.fd: the gradient x d is Q.(fx+fd), so in units of the weights (Q.fw)
//   w -= (x d m + 2^(s-1)) >> s,   s = n + fd + fx - fw.
// Returns 0 where nothing can change: a frozen layer, or s > 31, where every step rounds to 0 (|x d m| < 2^30). Always
// to nearest: a truncated step drifts, and ruins training (docs/numbers.md).
int tp_weight_step(const tp_model_t *m, const tp_layer_t *l, int fd, tp_step_t *step) {
    step->m = m->lr_m;
    step->shift = m->lr_n + fd + l->fx - l->fw;
    step->shift = step->shift < 1 ? 1 : step->shift;
    step->max = l->max_weight;
    return l->trainable && step->shift <= 31;
}

// L1 guard: with sum |d| < 2^15, and at most 2^16 - 1 after rounding 65534 errors, no gradient or error below can overflow.
// Returns how many bits errors of that sum are to be rounded off by.
int tp_excess(uint32_t sum) {
    int excess = tp_bits(sum) - 15;
    return excess > 0 ? excess : 0;
}

static int32_t held(int32_t bias) {
    return tp_sat(bias, TP_MAX_BIAS);
}

#ifndef TP_ARMV6M

// b -= round(d factor / 2^s)
TP_HOT void tp_move_biases(const int16_t *errors, int32_t *b, size_t n, int32_t factor, int s) {
    s = s < 32 ? s : 32;
    for (; n > 0; n--, b++) {
        int32_t moved = tp_add(*b, -tp_round_right(*errors++ * factor, s));
        *b = __builtin_expect(tp_beyond(moved, TP_MAX_BIAS), 0) ? held(moved) : moved;
    }
}

#endif

// b -= lr * (sum of its errors over all positions), from all errors, before any is dropped. Biases are Q.(fw+12).
// The sum of at most 65534 errors of 2^14 is below 2^30; rounded to 16 bits, times m < 2^5, it is below 2^22.
void tp_update_bias(tp_model_t *m, const tp_layer_t *l, const int16_t *errors, int fd) {
    int32_t *b = tp_at(m, l->biases);
    int shift = m->lr_n + fd - (l->fw + 12);
    size_t n = l->out_c;
    if (n == l->n_out && shift >= -8) {  // one position, and a factor that fits: |d factor| <= 2^14 * 31 * 2^9
        tp_move_biases(errors, b, n, m->lr_m << (shift < 1 ? 1 - shift : 0), shift < 1 ? 1 : shift);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 0;
        for (size_t at = i; at < l->n_out; at += n) {
            sum += errors[at];
        }
        int excess = 0;
        if (tp_abs(sum) >= 1 << 16) {
            excess = tp_bits((uint32_t)tp_abs(sum)) - 16;
            sum = tp_round(sum, excess);
        }
        int32_t step = tp_scale(sum * m->lr_m, shift - excess, TP_MAX_BIAS - 1);
        b[i] = held(tp_add(b[i], -step));
    }
}

// Weights that reach their bound, or biases theirs, are halved together with the exponent (nothing but a bit is lost);
// weights that leave two bits unused are doubled.
void tp_rescale_weights(tp_model_t *m, tp_layer_t *l) {
    int16_t *w = tp_at(m, l->weights);
    int32_t *b = tp_at(m, l->biases);
    uint32_t n = tp_weight_count(l);
    int32_t w_max = 0, b_max = 0;
    for (uint32_t i = 0; i < n; i++) {
        int32_t size = tp_abs(w[i]);
        w_max = size > w_max ? size : w_max;
    }
    for (size_t i = 0; i < l->out_c; i++) {
        int32_t size = tp_abs(b[i]);
        b_max = size > b_max ? size : b_max;
    }
    int s = 0;
    if ((w_max >= l->max_weight || b_max >= TP_MAX_BIAS) && l->fw > TP_MIN_FW) {
        s = 1;
    } else if (w_max < l->max_weight >> 2 && b_max < TP_MAX_BIAS >> 2 && l->fw < TP_MAX_FW) {
        s = -1;
    }
    if (s != 0) {
        l->fw = (int8_t)(l->fw - s);
        w_max = tp_shift(w_max, s, 32767);
        for (uint32_t i = 0; i < n; i++) {
            w[i] = (int16_t)tp_shift(w[i], s, 32767);
        }
        tp_shift_all(b, b, l->out_c, s, TP_MAX_BIAS);
    }
    l->room = (uint16_t)(w_max < l->max_weight ? l->max_weight - w_max : 0);
}
