// Activation functions, their derivatives, and the exponents of activations and errors.
//   forward    y = act(z)
//   backward   d = dx * act'(z), with act' from y:  relu 1 where y > 0;  tanh 1 - y^2;  sigmoid y (1 - y);  linear 1
#include "internal.h"

// The exponent a layer's activations start with: relu 0..8, linear -8..8; tanh and sigmoid fill their range and stay.
int tp_start_exponent(const tp_model_t *m, const tp_layer_t *l) {
    static const int8_t start[TP_ACTIVATIONS] = { [TP_LINEAR] = 4, [TP_RELU] = 5, [TP_SIGMOID] = 8, [TP_TANH] = 7 };
    return start[l->activation] + m->bits - 8;
}

static int32_t largest(const tp_model_t *m, const tp_layer_t *l) {
    int is_signed = l->activation == TP_LINEAR || l->activation == TP_TANH;
    return (1 << (m->bits - is_signed)) - 1;
}

// 1 / (1 + e^-z) for z in Q.12, Q.15. e is Q.16, so the quotient is 2^14 .. 2^15 for z >= 0; below, 1 minus its mirror.
static int32_t sigmoid_q15(int32_t z) {
    uint32_t e = tp_exp_minus((uint32_t)tp_abs(z));
    int32_t s = (int32_t)((1u << 31) / ((1u << 16) + e));
    return z < 0 ? (1 << 15) - s : s;
}

#ifndef TP_ARMV6M

// n sums -> outputs of relu, s >= 1 bits to the right. Returns whether any is not 0.
TP_HOT int tp_relu(const int32_t *z, int16_t *y, size_t n, int s, tp_range_use_t *use) {
    int32_t any = 0;
    s = s < 32 ? s : 32;
    for (; n > 0; n--) {
        int32_t v = tp_round_right(*z++, s);
        v &= ~(v >> 31);
        if (v > use->top >> 2) {
            use->high++;
            use->saturated += v > use->top;
            v = v > use->top ? use->top : v;
        }
        *y++ = (int16_t)v;
        any |= v;
    }
    return any != 0;
}

#endif

// n sums z, Q.(fx+fw) -> activations y, Q.fy. While learning, counts outputs above the range and above a quarter of it.
// Returns whether any y is not 0.
int tp_activate(tp_model_t *m, tp_layer_t *l, const int32_t *z, int16_t *y, size_t n, int learning) {
    tp_range_use_t use = { largest(m, l), 0, 0 };
    int shift = l->fx + l->fw, any = 0, relu = l->activation == TP_RELU, lists = tp_lists_at_once(l);
    if (l->activation == TP_TANH || l->activation == TP_SIGMOID) {
        int tanh = l->activation == TP_TANH;  // tanh(z) = 2 sigmoid(2 z) - 1
        for (size_t i = 0; i < n; i++) {
            int32_t s = sigmoid_q15(tp_shift(z[i], shift - 12 - tanh, 1 << 16));
            int32_t v = tanh ? tp_round(s - (1 << 14), 15 - m->bits) : tp_round(s, 15 - m->bits);
            y[i] = (int16_t)tp_sat(v, use.top);
            any |= y[i];
        }
    } else if (relu && shift > l->fy) {
        any = lists ? tp_relu_to_dense(m, l + 1, z, y, shift - l->fy, &use) : tp_relu(z, y, n, shift - l->fy, &use);
        lists = 0;
    } else {
        for (size_t i = 0; i < n; i++) {
            int32_t v = tp_shift(z[i], shift - l->fy, 32767);
            int32_t size = relu ? v : tp_abs(v);
            use.saturated += size > use.top;
            use.high += size > use.top >> 2;
            y[i] = (int16_t)(relu && v < 0 ? 0 : tp_sat(v, use.top));
            any |= y[i];
        }
    }
    if (lists) {
        tp_dense_list(m, l + 1, NULL);
    }
    if (learning) {
        l->n_saturated += use.saturated;
        l->n_high += use.high;
        if (use.saturated > 0) {
            tp_count(&m->n_saturated, use.saturated);
        }
    }
    return any != 0;
}

// After a layer's forward pass while learning: moves fy by one when the counts of a window say so. A window is of 1 step, the
// next ones of 2, 4, ... 256, so each ends at an age that is a power of two. More than 1 in 512 outputs saturated: coarser.
// Fewer than 1 in 2048 above a quarter of the range: finer; so after a move up fewer than 1 in 2048 exceed half the range, and
// it does not swing back.
void tp_adapt_activation(tp_model_t *m, tp_layer_t *l, int alive) {
    l->quiet = (uint16_t)(alive ? 0 : l->quiet == 65535 ? 65535 : l->quiet + 1);
    if (l->activation != TP_RELU && l->activation != TP_LINEAR) {
        return;
    }
    uint32_t age = ++l->age, window = age / 2, outputs = window * l->n_out;
    if (age & (age - 1)) {
        return;
    }
    if (l->n_saturated > outputs / 512) {
        l->fy = (int8_t)(l->fy > -8 ? l->fy - 1 : -8);
    } else if (window >= 64 && l->n_high < outputs / 2048) {
        l->fy = (int8_t)(l->fy < m->bits ? l->fy + 1 : m->bits);
    }
    l->n_saturated = l->n_high = 0;
    l->age = (uint16_t)(age < 512 ? age : 256);
}

// Errors of a hidden layer, in place: v int32 [n_out] Q.fin -> int16 [n_out] Q.fd at the start of the same memory.
// Returns fd: such that the largest error fills `unit` bits, but at least unit (1.0, where errors are clipped), at most
// unit + 6, and no finer than fin if that is more than unit. |v| < 2^31 (dense.c). tanh and sigmoid multiply |d| <= 2^14 by at most 2^14.
int tp_errors(tp_model_t *m, const tp_layer_t *l, int32_t *v, int fin) {
    const int16_t *y = tp_at(m, l->outputs);
    int unit = tp_unit(m), narrow = m->bits - 8;
    size_t n = l->n_out;
    uint32_t all = 0;
    if (l->activation == TP_RELU && !(l[1].kind == TP_DENSE && l[1].rectified)) {  // else these errors are 0 (dense.c)
        for (size_t i = 0; i < n; i++) {
            v[i] = y[i] ? v[i] : 0;
        }
    }
    for (const int32_t *at = v; at < v + n; at++) {
        all |= (uint32_t)tp_abs(*at);
    }
    int fd = fin - tp_bits(all) + unit;
    int finest = fin < unit + 6 ? fin : unit + 6;
    fd = fd > finest ? finest : fd;
    fd = fd < unit ? unit : fd;

    int s = fin - fd;
    if (s < 1) {
        tp_shift_all(v, v, n, s - 1, 1 << 30);  // but for the last bit
        s = 1;
    }
    int16_t *errors = (int16_t *)v;  // each is written after the v it overlaps was read
    tp_count(&m->n_clipped, tp_narrow_all(v, errors, n, s, 1 << unit));
    if (l->activation == TP_TANH || l->activation == TP_SIGMOID) {
        for (size_t i = 0; i < n; i++) {
            int32_t slope = l->activation == TP_TANH
                ? (1 << 14) - ((y[i] * y[i]) >> (2 * narrow))              // Q.14
                : (y[i] * ((1 << m->bits) - y[i])) >> (2 * narrow);        // Q.16, at most 2^14
            errors[i] = (int16_t)tp_round(errors[i] * slope, 14);
        }
    }
    return l->activation == TP_SIGMOID ? fd + 2 : fd;
}
