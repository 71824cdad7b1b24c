// How learning goes: running means over the last 64 samples or so, each as the model knew it before it learned from it. And
// what is left to learn:
//     left = e / v      e: the mean error, with crossentropy of 1 - p_y, with mse of |delta|
//                       v: that of a model which knows nothing, crossentropy: 1.0, mse: of one that always says the middle
// With mse v is the spread of the targets (ranges.c). Of a range that is given it is what it would be if all targets in it
// were equally frequent, 1/2.
#include "core.h"

#define MEAN_SHIFT 6
#define CERTAIN (1 << 28)  // 1.0

// Moves a running mean of n values by the n-th one, both Q.28: a plain mean at first. In a damaged image it wraps.
static void move_mean(uint32_t *mean, int32_t value, uint64_t n) {
    int k = n >> MEAN_SHIFT ? MEAN_SHIFT : tp_bits((uint32_t)n) - 1;
    *mean += (uint32_t)tp_rshift_round((int32_t)((uint32_t)value - *mean), k);
}

// The least error begins anew where what it was says nothing any more, and counts once `error` is the mean of 64 samples.
static void begin_least(const tp_model_t *m) {
    m->state->least_error = CERTAIN;
    tp_state(m, m->output)->settling = 1 << MEAN_SHIFT;
}

// The error counts as 1.0 before the first sample.
static void note_error(const tp_model_t *m, int32_t error, uint64_t n) {
    tp_model_state_t *state = m->state;
    uint16_t *settling = &tp_state(m, m->output)->settling;
    if (n == 1) {
        begin_least(m);
    }
    move_mean(&state->error, error, n + 1);
    if (*settling > 0) {
        (*settling)--;
    } else if (state->error < state->least_error) {
        state->least_error = state->error;
    }
}

void tp_note_class(const tp_model_t *m, size_t target, int right, int32_t p_target) {
    uint64_t n = m->state->steps;
    if (m->tally[target] == 0) {
        begin_least(m);  // with fewer classes it was easier
    }
    move_mean(&m->state->right, right ? CERTAIN : 0, n);
    note_error(m, ((1 << 14) - p_target) << 14, n);
    m->tally[target] = (uint32_t)n;
}

void tp_note_outputs(const tp_model_t *m, const int16_t *deltas) {
    uint64_t n = m->state->steps;
    uint32_t n_out = m->output->n_out;
    for (size_t j = 0; j < n_out; j++) {
        move_mean(&m->tally[j], tp_abs(deltas[j]) << (28 - m->delta_frac), n);
    }
    note_error(m, (int32_t)(tp_l1_norm(deltas, n_out) / n_out) << (28 - m->delta_frac), n);
}

void tp_note_range(const tp_model_t *m, size_t j, int wider) {
    tp_model_state_t *state = m->state;
    int32_t before = tp_sat((int32_t)m->tally[j], CERTAIN), now = tp_rshift_round_sat(before, wider, CERTAIN);
    int32_t error = (int32_t)(state->error + (uint32_t)tp_quotient_round(now - before, m->output->n_out));
    m->tally[j] = (uint32_t)now;
    state->error = error > 0 ? (uint32_t)tp_sat(error, CERTAIN) : 0;
    begin_least(m);
}

// Sums over the outputs are Q.12 and below 2^28.
uint32_t tp_left_to_learn(const tp_model_t *m) {
    if (m->spec->loss == TP_CROSSENTROPY) {
        return m->state->error >> 13;
    }
    uint32_t n_out = m->output->n_out, error = (m->state->error >> 16) * n_out;
    if (!m->learned[TP_OUTPUTS]) {
        return tp_part(error, n_out << 11);
    }
    if (m->state->n_seen[TP_OUTPUTS] < 3) {  // no spread is known yet
        return TP_ONE;
    }
    uint32_t spread = 0;
    const tp_learned_range_t *end = m->learned[TP_OUTPUTS] + n_out;
    for (const tp_learned_range_t *r = end - n_out; r < end; r++) {
        spread += (uint32_t)tp_rshift_round_sat((int32_t)r->spread, r->shift - 12, 1 << 12);
    }
    return tp_part(error, spread);
}
