// Activation functions, and the formats of activations.   y = act(z)
#include "core.h"

// With 8 bits relu starts with 0..8 and linear with -8..8; the formats of tanh and sigmoid fit their range and stay.
int tp_first_y_frac(const tp_model_t *m, const tp_layer_t *l) {
    static const int8_t first[TP_N_ACTIVATION] = { [TP_LINEAR] = 4, [TP_RELU] = 5, [TP_SIGMOID] = 8, [TP_TANH] = 7 };
    return first[l->activation] + m->bits - 8;
}

// z Q.12 -> 1 / (1 + e^-z), Q.15. e is Q.16, so for z >= 0 the quotient is 2^14 .. 2^15; sigmoid(-z) = 1 - sigmoid(z).
static int32_t sigmoid_q15(int32_t z) {
    uint32_t e = tp_exp_minus((uint32_t)tp_abs(z));
    int32_t s = (int32_t)((1u << 31) / ((1u << 16) + e));
    return z < 0 ? (1 << 15) - s : s;
}

// z is Q.z_frac. tanh(z) = 2 sigmoid(2 z) - 1, and z in Q.13 is 2 z in Q.12.
static int32_t sigmoid_or_tanh(const tp_model_t *m, int tanh, int32_t z, int z_frac) {
    int32_t s = sigmoid_q15(tp_rshift_round_sat(z, z_frac - 12 - tanh, 1 << 16));
    return tp_rshift_round(tanh ? s - (1 << 14) : s, 15 - m->bits);
}

// The activations that tp_relu does not do.
static int activate_one_by_one(const tp_model_t *m, const tp_layer_t *l, const int32_t *z, void *y, size_t n,
    tp_format_use_t *use) {
    const tp_layer_state_t *state = tp_state(m, l);
    int z_frac = l->x_frac + state->w_frac, relu = l->activation == TP_RELU, any = 0;
    int adapts = !tp_is_bounded(l->activation);
    int16_t *vector = y;
    uint8_t *bytes = y;
    for (size_t i = 0; i < n; i++) {
        int32_t v = adapts ? tp_rshift_round_sat(z[i], z_frac - state->y_frac, 32767)
                           : sigmoid_or_tanh(m, l->activation == TP_TANH, z[i], z_frac);
        v = relu && v < 0 ? 0 : v;
        if (adapts) {
            use->n_saturated += tp_abs(v) > use->top;
            use->n_high += tp_abs(v) > use->top >> 2;
        }
        v = tp_sat(v, use->top);
        any |= v;
        if (l->gives_map) {
            bytes[i] = (uint8_t)v;
        } else {
            vector[i] = (int16_t)v;
        }
    }
    return any != 0;
}

int tp_activate(const tp_model_t *m, const tp_layer_t *l, tp_layer_t *above, const int32_t *z, void *y, size_t n,
    tp_format_use_t *use) {
    const tp_layer_state_t *state = tp_state(m, l);
    int s = l->x_frac + state->w_frac - state->y_frac;
    if (l->activation != TP_RELU || s < 1) {
        int alive = activate_one_by_one(m, l, z, y, n, use);
        if (above) {
            tp_list_inputs(m, above);
        }
        return alive;
    }
    if (above) {
        tp_list_relu(m, above, z, s, use);
        return above->n_nonzero > 0;
    }
    return l->gives_map ? tp_relu_bytes(z, y, n, s, use) : tp_relu(z, y, n, s, use);
}

// A window has 1 step, the next ones 2, 4, ... 256, so each ends at an age that is a power of two. If more than 1 in
// 512 outputs saturated, y_frac goes down; if fewer than 1 in 2048 were above a quarter of the range, it goes up. Then
// fewer than 1 in 2048 exceed half the range, so y_frac does not oscillate.
void tp_adapt_format(const tp_model_t *m, const tp_layer_t *l, const tp_format_use_t *use, int alive) {
    tp_layer_state_t *state = tp_state(m, l);
    state->n_saturated += use->n_saturated;
    state->n_high += use->n_high;
    tp_count(&m->state->n_saturated, use->n_saturated);
    state->dead_steps = (uint16_t)(alive ? 0 : state->dead_steps == 65535 ? 65535 : state->dead_steps + 1);
    if (tp_is_bounded(l->activation)) {
        return;
    }
    uint32_t age = ++state->age, window = age / 2, outputs = window * l->n_out;
    if (age & (age - 1)) {
        return;
    }
    if (state->n_saturated > outputs / 512) {
        state->y_frac = (int8_t)(state->y_frac > TP_MIN_Y_FRAC ? state->y_frac - 1 : TP_MIN_Y_FRAC);
    } else if (window >= 64 && state->n_high * 2048u < outputs) {
        state->y_frac = (int8_t)(state->y_frac < m->bits ? state->y_frac + 1 : m->bits);
    }
    state->n_saturated = state->n_high = 0;
    state->age = (uint16_t)(age < 512 ? age : 256);
}
