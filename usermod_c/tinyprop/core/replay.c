// Replay: some samples are remembered, and learned from again with each new one. A board that is taught one class after
// the other would forget the first; and few samples go further.
//
// What is remembered of a sample are the inputs of the lowest trained layer, in 8 bits, and its label: what frozen layers
// below make of x does not change (latent replay, Pellegrini et al., arXiv 1912.01100). Each class has as many places as
// any other. When they are full a new sample takes the place of a random one, with the probability that leaves each
// sample seen so far the same chance to be there (reservoir sampling, Vitter 1985).
//   in the image   maps [learned ranges] | uint16 n_seen [classes] | int16 labels [places][1 or n_out] |
//                  uint8 x [places][n_in]
// Where ranges are learned, what is remembered follows them: the maps say by which ones it came to be.
#include "core.h"

#define MOST_SEEN 65535

// With mse all samples are of one class.
static size_t n_classes(const tp_model_t *m) {
    return m->spec->loss == TP_MSE ? 1 : m->output->n_out;
}

static size_t label_size(const tp_model_t *m) {
    return m->spec->loss == TP_MSE ? m->output->n_out : 1;
}

static tp_map_t *maps(const tp_model_t *m, int which) {
    return (tp_map_t *)tp_at(m, m->replay.maps) + (which == TP_OUTPUTS ? m->replay.n_maps[TP_INPUTS] : 0);
}

static uint16_t *n_seen(const tp_model_t *m) {
    return tp_at(m, m->replay.n_seen);
}

static int16_t *label_at(const tp_model_t *m, size_t place) {
    return (int16_t *)tp_at(m, m->replay.labels) + place * label_size(m);
}

static uint8_t *inputs_at(const tp_model_t *m, size_t place) {
    return (uint8_t *)tp_at(m, m->replay.inputs) + place * m->first_trained->n_in;
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

// A number in Q.frac of the old map, by that of the range as it is now.
static int32_t converted(int32_t number, const tp_map_t *old, const tp_learned_range_t *now, int frac, int32_t limit) {
    int32_t above = tp_rshift_round_sat(number, frac - old->shift, TP_SATURATED - (1 << 29));
    int32_t value = tp_rshift_round_sat(tp_add(above, old->zero), old->frac - now->frac, TP_SATURATED);
    return tp_rshift_round_sat(tp_add(value, -now->zero), now->shift - frac, limit);
}

// What is remembered of range i follows it.
static void follow(const tp_model_t *m, int which, size_t i, const tp_map_t *old, const tp_learned_range_t *now) {
    size_t n_in = m->first_trained->n_in, step = m->n_ranges[TP_INPUTS];
    for (size_t place = 0; place < m->spec->replay; place++) {
        if (which == TP_OUTPUTS) {
            int16_t *target = label_at(m, place) + i;
            *target = (int16_t)converted(*target, old, now, 14, 32767);
            continue;
        }
        for (uint8_t *x = inputs_at(m, place) + i, *end = inputs_at(m, place) + n_in; x < end; x += step) {
            *x = (uint8_t)converted((int8_t)*x, old, now, 6, 127);
        }
    }
}

static void follow_ranges(const tp_model_t *m) {
    for (int which = TP_INPUTS; which <= TP_OUTPUTS; which++) {
        const tp_learned_range_t *now = m->learned[which];
        tp_map_t *old = maps(m, which);
        for (size_t i = 0, n = m->replay.n_maps[which]; i < n; i++, now++, old++) {
            if (tp_is_other_map(now, old)) {
                follow(m, which, i, old, now);
                *old = (tp_map_t) { now->zero, now->frac, now->shift };
            }
        }
    }
}

// An input of a vector as it is remembered, in 8 bits.
static int32_t as_byte(const tp_model_t *m, const tp_layer_t *l, int32_t x) {
    return tp_sat(tp_rshift_round(x, tp_byte_unit(m)), tp_largest_byte(l));
}

// The inputs of the lowest trained layer: a map as it is, a vector from its list.
static void keep_inputs(const tp_model_t *m, uint8_t *bytes) {
    const tp_layer_t *l = m->first_trained;
    const uint8_t *map = tp_at(m, l->inputs);
    for (size_t i = 0; i < l->n_in; i++) {
        bytes[i] = l->reads_map ? map[i] : 0;
    }
    tp_walk_t w;
    tp_walk(m, l, &w);
    while (!l->reads_map && tp_walk_next(&w)) {
        bytes[w.i] = (uint8_t)as_byte(m, l, w.x);
    }
}

void tp_remember(const tp_model_t *m, const int16_t *label) {
    check_format(m);
    follow_ranges(m);
    size_t n = tp_places_of_class(m), class = n_classes(m) == 1 ? 0 : (uint16_t)label[0];
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
    size_t n = tp_places_of_class(m), n_known = 0, class = 0;
    for (size_t c = 0; c < n_classes(m); c++) {
        n_known += seen[c] > 0;
    }
    for (size_t nth = below(m, (uint32_t)n_known) + 1; nth > 0; class++) {
        nth -= seen[class] > 0;
    }
    class--;
    size_t place = class * n + below(m, seen[class] < n ? seen[class] : (uint32_t)n);
    tp_recall_inputs(m, place);
    int16_t *label = label_at(m, place);
    if (m->spec->loss == TP_CROSSENTROPY) {
        label[0] = (int16_t)class;  // as it is, but in a damaged image
    }
    return label;
}

void tp_recall_inputs(const tp_model_t *m, size_t place) {
    tp_layer_t *l = m->first_trained;
    const uint8_t *bytes = inputs_at(m, place);
    uint8_t *map = tp_at(m, l->inputs);
    int16_t *vector = tp_at(m, l->inputs);
    for (size_t i = 0; i < l->n_in; i++) {
        if (l->reads_map) {
            map[i] = bytes[i];
        } else {
            vector[i] = (int16_t)(tp_byte_at(l, bytes, i) * (1 << tp_byte_unit(m)));
        }
    }
    if (!l->reads_map) {
        tp_list_inputs(m, l);
    }
}

size_t tp_places_of_class(const tp_model_t *m) {
    return m->spec->replay / n_classes(m);
}

int tp_is_used(const tp_model_t *m, size_t place) {
    size_t n = tp_places_of_class(m), class = place / n;
    return class < n_classes(m) && place % n < n_seen(m)[class];
}

// Of the inputs that are 0 the list has none: they count b^2, as the others do at first.
uint32_t tp_distance(const tp_model_t *m, size_t place) {
    const tp_layer_t *l = m->first_trained;
    const uint8_t *bytes = inputs_at(m, place), *map = tp_at(m, l->inputs);
    uint32_t sum = 0;  // at most 65534 * 255^2
    for (size_t i = 0; i < l->n_in; i++) {
        int32_t x = l->reads_map ? tp_byte_at(l, map, i) : 0, b = tp_byte_at(l, bytes, i);
        sum += (uint32_t)((x - b) * (x - b));
    }
    tp_walk_t w;
    tp_walk(m, l, &w);
    while (!l->reads_map && tp_walk_next(&w)) {
        int32_t x = as_byte(m, l, w.x);
        sum += (uint32_t)(x * (x - 2 * tp_byte_at(l, bytes, w.i)));
    }
    return sum;
}
