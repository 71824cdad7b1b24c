// Learning: plain stochastic gradient descent at batch 1, in place, and the format of a layer's weights.
//   w -= lr * dw,   b -= lr * db      lr = lr_mantissa * 2^-lr_shift
#include "core.h"

// What looks like a random number, another one for each trained step and layer (as MurmurHash3 mixes bits).
static uint32_t random_of_step(const tp_model_t *m, const tp_layer_t *l) {
    uint32_t v = (uint32_t)m->state->trained * 0x9e3779b9u + l->weights * 0x7feb352du;
    return (v ^ v >> 15) * 0x85ebca6bu;
}

// The gradient x delta is Q.(x_frac+frac), and the weights are Q.w_frac:
//   w += (dither - x delta m) >> s,   s = lr_shift + frac + x_frac - w_frac,   m = lr_mantissa,   0 <= dither < 2^s
// Most steps of a network that knows much already are smaller than a weight's last bit. Rounded to nearest they would all be
// lost; with a random dither each is made with a probability of its size, so on average they are exact (Gupta et al., Deep
// Learning with Limited Numerical Precision, 2015). One dither serves a layer's step. Nothing can change in a frozen layer,
// nor with s > 30.
int tp_weight_step(const tp_model_t *m, const tp_layer_t *l, int frac, tp_step_t *step) {
    step->lr_mantissa = l->lr_mantissa;
    step->shift = l->lr_shift + frac + l->x_frac - tp_state(m, l)->w_frac;
    step->shift = step->shift < 1 ? 1 : step->shift;
    step->max_weight = l->max_weight;
    if (!l->trainable || step->shift > 30) {
        return 0;
    }
    step->dither = (int32_t)(random_of_step(m, l) >> (32 - step->shift));
    return 1;
}

// After the shift sum |delta| < 2^15, and with the rounding of 65534 deltas at most 2^16 - 1. Then no gradient and no
// dx can overflow. In a dense layer it is < 2^14, and at most 49150, as its slopes add to dx too (centre.c).
int tp_guard_shift(const tp_layer_t *l, uint32_t l1_norm) {
    int shift = tp_bits(l1_norm) - (l->kind == TP_DENSE ? 14 : 15);
    return shift > 0 ? shift : 0;
}

// Biases are Q.(w_frac+12). A gradient below 2^30, rounded to 16 bits, times m < 2^5, is below 2^22.
void tp_move_bias(const tp_model_t *m, const tp_layer_t *l, size_t i, int32_t gradient, int frac) {
    int32_t *b = tp_at(m, l->biases);
    int bits = tp_bits((uint32_t)tp_abs(gradient)), guard_shift = bits > 16 ? bits - 16 : 0;
    gradient = tp_rshift_round(gradient, guard_shift);
    int shift = l->lr_shift + frac - guard_shift - (tp_state(m, l)->w_frac + TP_BIAS_FRAC);
    int32_t step = tp_rshift_round_sat(gradient * l->lr_mantissa, shift, TP_MAX_BIAS - 1);
    b[i] = tp_sat(tp_add(b[i], -step), TP_MAX_BIAS);
}

// The sum of at most 65534 deltas of 2^14 is below 2^30.
void tp_sum_deltas(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int s, tp_delta_sums_t *sums) {
    size_t n = tp_map_of(l)->n_out;
    if (l->kind != TP_DENSE) {
        sums->of_filter = m->work;
        sums->l1_norm = tp_sum_filters(deltas, n, l->out_c, s, sums->of_filter, &sums->n_nonzero);
        return;
    }
    sums->l1_norm = s > 0 ? (uint32_t)tp_rshift_round(1 << m->delta_frac, s) : tp_l1_norm(deltas, n);
    for (const int16_t *end = deltas + n; s > 0 && deltas < end; deltas++) {
        *deltas = (int16_t)tp_rshift_round_fast(*deltas, s);
    }
}

void tp_update_biases(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas, const int32_t *of_filter,
    int frac) {
    if (!l->trainable) {
        return;
    }
    if (l->kind == TP_DENSE) {  // a shift of 4 + 14 - 28 at least: |delta factor| <= 2^14 * 31 * 2^11 < 2^30
        int shift = l->lr_shift + frac - (tp_state(m, l)->w_frac + TP_BIAS_FRAC);
        int32_t factor = l->lr_mantissa << (shift < 1 ? 1 - shift : 0);
        tp_move_biases(deltas, tp_at(m, l->biases), l->out_c, factor, shift < 1 ? 1 : shift);
        return;
    }
    for (size_t i = 0; i < l->out_c; i++) {
        tp_move_bias(m, l, i, of_filter[i], frac);
    }
}

// The largest |w| of n weights, each `step` behind the one before.
static int32_t largest_of(const int16_t *w, size_t n, size_t step) {
    int32_t largest = 0;
    for (; n > 0; n--, w += step) {
        int32_t magnitude = tp_abs(*w);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

static int32_t largest_weight(const tp_model_t *m, const tp_layer_t *l) {
    return largest_of(tp_at(m, l->weights), tp_weight_count(l), 1);
}

static int32_t largest_bias(const tp_model_t *m, const tp_layer_t *l) {
    const int32_t *b = tp_at(m, l->biases);
    int32_t largest = 0;
    for (const int32_t *end = b + l->out_c; b < end; b++) {
        int32_t magnitude = tp_abs(*b);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

static void set_headroom(tp_layer_t *l, int32_t w_max) {
    l->headroom = (uint16_t)(w_max < l->max_weight ? l->max_weight - w_max : 0);
    l->headroom_known = 1;
}

void tp_find_headroom(const tp_model_t *m, tp_layer_t *l) {
    set_headroom(l, largest_weight(m, l));
}

// All weights and biases of a layer times 2^-s.
static void change_format(const tp_model_t *m, const tp_layer_t *l, int s) {
    int16_t *w = tp_at(m, l->weights);
    int32_t *b = tp_at(m, l->biases);
    tp_layer_state_t *state = tp_state(m, l);
    state->w_frac = (int8_t)(state->w_frac - s);
    for (const int16_t *end = w + tp_row_count(l) * l->out_c; w < end; w++) {
        *w = (int16_t)tp_rshift_round_sat(*w, s, 32767);
    }
    tp_requantize(b, b, l->out_c, s, TP_MAX_BIAS);
}

// If weights or biases reach their bound, all are halved and w_frac goes down (only the last bit is lost). If they
// leave two bits unused, all are doubled and w_frac goes up.
void tp_rescale_weights(const tp_model_t *m, tp_layer_t *l) {
    tp_layer_state_t *state = tp_state(m, l);
    int32_t w_max = largest_weight(m, l), b_max = largest_bias(m, l);
    int s = 0;
    if ((w_max >= l->max_weight || b_max >= TP_MAX_BIAS) && state->w_frac > TP_MIN_W_FRAC) {
        s = 1;
    } else if (w_max < l->max_weight >> 2 && b_max < TP_MAX_BIAS >> 2 && state->w_frac < TP_MAX_W_FRAC) {
        s = -1;
    }
    if (s != 0) {
        w_max = tp_rshift_round_sat(w_max, s, 32767);
        change_format(m, l, s);
    }
    set_headroom(l, w_max);
}

// An output is zero + z 2^shift (ranges.c), where z is its sum. It stays what it is when zero and shift change if
//   z' = (zero + z 2^shift - zero') 2^-shift' = z 2^-wider + moved 2^-shift'
// So its weights, and its slope in the row behind them, become w 2^-wider, and its bias b 2^-wider + moved 2^-shift'. If
// that is too large for the layer's format, all of the layer is halved first. A slope fills at most half its range, as after a
// step (centre.c), so that tp_rescale_weights may double it.
int tp_follow_range(const tp_model_t *m, size_t j, const tp_map_t *old) {
    tp_layer_t *l = m->output;
    const tp_learned_range_t *now = &m->learned[TP_OUTPUTS][j];
    if (old->shift == TP_NO_SHIFT || now->shift == TP_NO_SHIFT) {
        return 0;
    }
    int16_t *w = (int16_t *)tp_at(m, l->weights) + j, *s = tp_slopes(m, l) + j;
    int32_t *b = (int32_t *)tp_at(m, l->biases) + j, limit = TP_MAX_BIAS - 1, slope, share, offset;
    int wider = now->shift - now->frac - (old->shift - old->frac);
    int32_t moved = tp_add(tp_rshift_round_sat(old->zero, old->frac - now->frac, limit), -now->zero);
    for (;; change_format(m, l, 1)) {
        int w_frac = tp_state(m, l)->w_frac;
        int32_t largest = tp_rshift_round_sat(largest_of(w, l->fan_in, l->out_c), wider, 65535);
        slope = tp_rshift_round_sat(*s, wider, 65535);
        share = tp_rshift_round_sat(*b, wider, limit);
        offset = tp_rshift_round_sat(moved, now->shift - (w_frac + TP_BIAS_FRAC), limit);
        int weights_fit = largest <= l->max_weight && tp_abs(slope) <= TP_MAX_SLOPE / 2;
        int bias_fits = tp_abs(share) < limit && tp_abs(offset) < limit && tp_abs(share + offset) <= limit;
        if ((weights_fit && bias_fits) || w_frac <= TP_MIN_W_FRAC) {
            break;
        }
    }
    *b = tp_sat(share + offset, limit);
    uint32_t n_clamped = tp_put_clamped(s, slope, TP_MAX_SLOPE / 2);
    for (; w < s; w += l->out_c) {
        n_clamped += tp_put_clamped(w, tp_rshift_round_sat(*w, wider, 65535), l->max_weight);
    }
    tp_count(&m->state->n_clamped, n_clamped);
    tp_find_headroom(m, l);
    return wider;
}
