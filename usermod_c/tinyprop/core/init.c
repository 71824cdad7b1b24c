// The first weights and state of a model.
#include "core.h"

// The generator never leaves state 0. This spreads small seeds over the states; the one seed that it maps to 0 gets 1.
static uint32_t start_of_random(uint32_t seed) {
    uint32_t random = seed * 0x9e3779b9u + 0x7f4a7c15u;
    random = random ? random : 1;
    for (int i = 0; i < 8; i++) {
        tp_random(&random);
    }
    return random;
}

// sqrt(c / fan_in) in Q.14, below 2^16, bit by bit. (The quotient is Q.29 and then halved: for a dividend that GCC
// knows to be below 2^31 it links the signed division into the .mpy, 468 bytes.)
static uint32_t root_of_quotient(uint32_t c, uint32_t fan_in) {
    uint32_t square = (c << 29) / fan_in >> 1, root = 0;
    for (uint32_t bit = 1 << 15; bit; bit >>= 1) {
        if ((root + bit) * (root + bit) <= square) {
            root += bit;
        }
    }
    return root;
}

// He (relu: variance 2 / fan_in) or LeCun (1 / fan_in) uniform: |w| <= sqrt(c / fan_in), c = 6 or 3. w_frac is the
// largest for which this limit is within max_weight. Biases start at 0, and with mse so do the weights of the output layer:
// what a new model says is the middle of the range, where weights by chance would only have to be unlearned. (With
// crossentropy they do not harm, and layers below learn from the first sample on; docs/method.md.)
static void init_weights(const tp_model_t *m, const tp_layer_t *l, uint32_t *random) {
    uint32_t limit = root_of_quotient(l->activation == TP_RELU ? 6 : 3, l->fan_in) << (TP_MAX_W_FRAC - 14);
    int8_t w_frac = TP_MAX_W_FRAC;
    for (; limit > l->max_weight; limit >>= 1) {
        w_frac--;
    }
    tp_state(m, l)->w_frac = w_frac;
    int16_t *w = tp_at(m, l->weights);
    int32_t *b = tp_at(m, l->biases);
    limit = l == m->output && m->spec->loss == TP_MSE ? 0 : limit;
    for (uint32_t i = 0, n = tp_weight_count(l); i < n; i++) {
        int32_t r = (int32_t)(tp_random(random) >> 16) - 32768;
        w[i] = (int16_t)tp_rshift_round(r * (int32_t)limit, 15);  // |r limit| <= 2^15 * 32767
    }
    for (size_t i = 0; i < l->out_c; i++) {
        b[i] = 0;
    }
}

tp_err_t tp_init(void *image, size_t n_bytes, uint32_t seed) {
    tp_sizes_t sizes;
    tp_err_t err = tp_measure(image, n_bytes, NULL, &sizes);
    if (err) {
        return err;
    }
    if (n_bytes < sizes.image) {
        return TP_E_IMAGE;
    }
    if (((tp_model_spec_t *)image)->busy > TP_HELD) {
        return TP_E_BUSY;
    }
    ((tp_model_spec_t *)image)->saved_bytes = sizes.saved;
    tp_model_t m;
    err = tp_open(&m, image, n_bytes);
    if (err) {
        return err;
    }
    m.state->error = m.state->least_error = 1 << 28;
    m.state->account = TP_MOST_SAVED;
    uint32_t random = start_of_random(seed);
    for (tp_layer_t *l = m.layers; l <= m.output; l++) {
        tp_state(&m, l)->y_frac = (int8_t)tp_first_y_frac(&m, l);
        tp_state(&m, l)->age = 1;
        if (tp_has_weights(l)) {
            init_weights(&m, l, &random);
        }
    }
    m.state->random = random;
    return TP_OK;
}
