// Replay: some samples are remembered, and learned from again with each new one. A board that is taught one class after
// the other would forget the first; and few samples go further.
//
// What is remembered of a sample are the inputs of the lowest trained layer, in 8 bits, and its label: what frozen layers
// below make of x does not change (latent replay, Pellegrini et al., arXiv 1912.01100). Each class has as many places as
// any other. When they are full a new sample takes the place of a random one, with the probability that leaves each
// sample seen so far the same chance to be there (reservoir sampling, Vitter 1985).
//   in the image   uint16 n_seen [classes] | int16 labels [places][1 or n_out] | uint8 x [places][n_in]
#include "core.h"

#define MOST_SEEN 65535

// With mse all samples are of one class.
static size_t n_classes(const tp_model_t *m) {
    return m->spec->loss == TP_MSE ? 1 : m->output->n_out;
}

static size_t label_size(const tp_model_t *m) {
    return m->spec->loss == TP_MSE ? m->output->n_out : 1;
}

uint32_t tp_replay_bytes(const tp_model_spec_t *spec, uint32_t n_in, uint32_t n_out) {
    int mse = spec->loss == TP_MSE;
    return 2 * (mse ? 1 : n_out) + spec->replay * (2 * (mse ? n_out : 1) + n_in);
}

static uint16_t *n_seen(const tp_model_t *m) {
    return tp_at(m, m->replay);
}

static int16_t *label_at(const tp_model_t *m, size_t place) {
    return (int16_t *)n_seen(m) + n_classes(m) + place * label_size(m);
}

static uint8_t *inputs_at(const tp_model_t *m, size_t place) {
    return (uint8_t *)label_at(m, m->spec->replay) + place * m->first_trained->n_in;
}

// 0 <= random number < n.
static uint32_t below(const tp_model_t *m, uint32_t n) {
    return tp_random(&m->state->random) % n;
}

// Forgets all if the inputs have another format now.
static void check_format(const tp_model_t *m) {
    if (m->first_trained->x_frac != m->state->replay_frac) {
        for (size_t c = 0; c < n_classes(m); c++) {
            n_seen(m)[c] = 0;
        }
        m->state->replay_frac = m->first_trained->x_frac;
    }
}

// The inputs of the lowest trained layer, from its list or from the image.
static void keep_inputs(const tp_model_t *m, uint8_t *bytes) {
    const tp_layer_t *l = m->first_trained;
    const int16_t *inputs = tp_at(m, l->inputs);
    int unit = m->bits - 8;
    for (size_t i = 0; i < l->n_in; i++) {
        bytes[i] = l->kind == TP_DENSE ? 0 : (uint8_t)inputs[i];
    }
    tp_walk_t w = tp_walk(m, l);
    while (l->kind == TP_DENSE && tp_walk_next(&w)) {
        bytes[w.i] = (uint8_t)(w.x >> unit);
    }
}

void tp_remember(const tp_model_t *m, const int16_t *label) {
    check_format(m);
    size_t n = m->spec->replay / n_classes(m), class = n_classes(m) == 1 ? 0 : (uint16_t)label[0];
    uint16_t *seen = &n_seen(m)[class];
    size_t place = *seen < n ? *seen : below(m, *seen + 1u);
    *seen = (uint16_t)(*seen < MOST_SEEN ? *seen + 1 : MOST_SEEN);
    if (place < n) {
        place += class * n;
        for (size_t j = 0; j < label_size(m); j++) {
            label_at(m, place)[j] = label[j];
        }
        keep_inputs(m, inputs_at(m, place));
    }
}

const int16_t *tp_recall(const tp_model_t *m) {
    const uint16_t *seen = n_seen(m);
    size_t n = m->spec->replay / n_classes(m), n_known = 0, class = 0;
    for (size_t c = 0; c < n_classes(m); c++) {
        n_known += seen[c] > 0;
    }
    for (size_t nth = below(m, (uint32_t)n_known) + 1; nth > 0; class++) {
        nth -= seen[class] > 0;
    }
    class--;
    size_t place = class * n + below(m, seen[class] < n ? seen[class] : (uint32_t)n);
    tp_layer_t *l = m->first_trained;
    const uint8_t *bytes = inputs_at(m, place);
    int16_t *inputs = tp_at(m, l->inputs);
    for (size_t i = 0; i < l->n_in; i++) {
        inputs[i] = (int16_t)((l->x_signed ? (int8_t)bytes[i] : bytes[i]) * (1 << (m->bits - 8)));
    }
    if (l->kind == TP_DENSE) {
        tp_list_inputs(m, l);
    }
    return label_at(m, place);
}
