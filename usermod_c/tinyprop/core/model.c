// A step: forward through all layers, backward down to the lowest trained one.
#include "core.h"

#define REPLAYS 2         // steps on remembered samples after each new one; more bring no more (docs/method.md)
#define RESCALE_EVERY 64  // trained steps between checks of the weights' formats; also after a clamp

// The user's numbers -> inputs of the first layer, and the list of the non-zero ones if it is dense. Returns how many were
// clamped to an end of their range.
static uint32_t read_inputs(const tp_model_t *m, const tp_values_t *x, size_t from) {
    tp_layer_t *first = m->layers;
    const uint8_t *bytes = tp_bytes_as_inputs(m, x, from);
    if (bytes && first->reads_map) {
        tp_copy_bytes(bytes, tp_at(m, first->inputs), first->n_in);
        return 0;
    }
    if (bytes && 2u * first->out_c <= TP_MAX_ROW_DELTA) {
        tp_list_input_bytes(m, first, bytes);
        return 0;
    }
    uint32_t n_clamped = tp_read_inputs(m, x, from);
    if (!first->reads_map) {
        tp_list_inputs(m, first);
    }
    return n_clamped;
}

// The format of a layer's inputs: that of the next outputs below, through pools.
static int8_t x_frac_of(const tp_model_t *m, const tp_layer_t *l) {
    while (l > m->layers) {
        if (tp_has_weights(--l)) {
            return tp_state(m, l)->y_frac;
        }
    }
    return tp_input_frac(m);
}

// A dense layer and, unless it is the last one, its activation. If its inputs are a vector, their list is built where they
// come from: by read_inputs, or by the activation of the dense layer below.
static void forward_dense(const tp_model_t *m, tp_layer_t *l, int learning) {
    int32_t *z = m->buffer[0];
    tp_dense_forward(m, l, z);
    if (l < m->output) {
        tp_layer_t *above = l->gives_map ? NULL : l + 1;
        tp_format_use_t use = tp_no_use_yet(m, l);
        int alive = tp_activate(m, l, above, z, tp_at(m, l->outputs), l->n_out, &use);
        if (learning) {
            tp_adapt_format(m, l, &use, alive);
        }
    }
}

// Returns the sums of the output layer, int32 [n_out], from the inputs of layer l in the image, Q.x_frac.
static int32_t *forward(const tp_model_t *m, tp_layer_t *l, int8_t x_frac, int learning) {
    for (; l <= m->output; l++) {
        l->x_frac = x_frac;
        if (tp_has_weights(l)) {
            x_frac = tp_state(m, l)->y_frac;  // for the layer above, even if learning changes it for the next sample
        }
        if (l->kind == TP_DENSE) {
            forward_dense(m, l, learning);
        } else if (tp_has_weights(l)) {
            tp_conv_forward(m, l, learning);
        } else if (l == m->layers || !l[-1].pooled) {
            tp_pool_forward(m, l);
        }
    }
    return m->buffer[0];
}

// Multiply-accumulates of a backward pass for n_deltas deltas of a layer, those with zero inputs included. Those of all layers
// are at most twice TP_MAX_PRODUCTS.
static uint32_t macs(const tp_model_t *m, const tp_layer_t *l, size_t n_deltas) {
    uint32_t n = (uint32_t)n_deltas * l->fan_in;
    return (l->trainable ? n : 0) + (l > m->first_trained ? n : 0);
}

// A layer with weights: updates these by its deltas, and gives the next such layer below it its own, unless below is NULL.
static void backward_layer(const tp_model_t *m, tp_layer_t *l, int16_t *deltas, int frac, int depth,
    tp_deltas_t *below) {
    tp_delta_sums_t sums;
    tp_count(&m->state->macs_selected, macs(m, l, tp_select(m, l, deltas, frac, depth, &sums)));
    int guard_shift = tp_guard_shift(l, sums.l1_norm);
    if (guard_shift > 0) {
        tp_sum_deltas(m, l, deltas, guard_shift, &sums);
        frac -= guard_shift;
    }
    int32_t *v = m->buffer[(m->output - l + 1) & 1];
    if (below && l->reads_map) {
        tp_start_deltas(below, m, l - 1, frac + tp_state(m, l)->w_frac);
    } else if (below) {
        tp_start_vector(below, m, l - 1, frac + tp_state(m, l)->w_frac, v);
    }
    if (l->kind == TP_DENSE) {
        tp_dense_backward(m, l, deltas, sums.l1_norm, frac, v, below);
    } else {
        tp_conv_backward(m, l, deltas, sums.n_nonzero, frac, below);
    }
}

// From the deltas of the output layer, int16, Q.delta_frac, in buffer[0].
static void backward(const tp_model_t *m) {
    tp_layer_t *l = m->output;
    int16_t *deltas = (int16_t *)m->buffer[0];
    int frac = m->delta_frac;
    for (int depth = 0;; depth++) {
        tp_deltas_t below;
        if (l == m->first_trained) {
            backward_layer(m, l, deltas, frac, depth, NULL);
            return;
        }
        backward_layer(m, l, deltas, frac, depth, &below);
        frac = tp_end_deltas(&below);
        deltas = below.to;
        l = below.layer;
    }
}

static size_t argmax(const int32_t *z, size_t n) {
    size_t best = 0;
    int32_t largest = z[0];
    for (size_t j = 1; j < n; j++) {
        if (z[j] > largest) {
            largest = z[j];
            best = j;
        }
    }
    return best;
}

static void rescale_all_weights(const tp_model_t *m) {
    for (tp_layer_t *l = m->layers; l <= m->output; l++) {
        if (tp_has_weights(l) && l->trainable) {
            tp_rescale_weights(m, l);
        }
    }
}

// Learns from the deltas of the output layer, which are where its sums z were. Returns whether the sample was trained
// on.
static int learn_step(const tp_model_t *m, const int32_t *z, int32_t p_target) {
    tp_model_state_t *state = m->state;
    uint32_t dense = 0, left = tp_left_to_learn(m);
    for (const tp_layer_t *l = m->layers; l <= m->output; l++) {
        dense += tp_has_weights(l) ? macs(m, l, tp_map_of(l)->n_out) : 0;
    }
    tp_count(&state->macs_dense, dense);
    if (m->first_trained > m->output || tp_skip_sample(m, (const int16_t *)z, p_target, left)) {
        return 0;
    }
    state->trained++;
    uint32_t n_clamped = (uint32_t)state->n_clamped;
    int brake = tp_brake(m, left);
    for (tp_layer_t *l = m->first_trained; l <= m->output; l++) {
        if (tp_has_weights(l) && l->trainable) {
            tp_survey(m, l);
            tp_set_rate(m, l, brake);
        }
    }
    backward(m);
    if (state->trained % RESCALE_EVERY == 0 || (uint32_t)state->n_clamped != n_clamped) {
        rescale_all_weights(m);
    }
    return 1;
}

// z -> deltas of the output layer. Returns the loss; *p_target: with crossentropy, Q.14.
static uint32_t loss_of(const tp_model_t *m, int32_t *z, const int16_t *label, int learning, int32_t *p_target) {
    if (m->spec->loss == TP_MSE) {
        *p_target = 0;
        return tp_mse(m, z, label, learning);
    }
    return tp_crossentropy(m, z, (uint16_t)label[0], p_target);
}

static void add_loss(const tp_model_t *m, uint32_t loss) {
    m->state->loss_count++;
    tp_count(&m->state->loss_sum, loss);
}

// One sample, whose inputs are in the image. Returns whether it was trained on.
static int learn_sample(const tp_model_t *m, const tp_values_t *y, size_t sample) {
    int32_t *z = forward(m, m->layers, tp_input_frac(m), 1), p_target;
    size_t best = argmax(z, m->output->n_out);
    const int16_t *label = tp_read_label(m, y, sample, &m->state->n_outside_y);
    add_loss(m, loss_of(m, z, label, 1, &p_target));
    m->state->steps++;
    if (m->spec->loss == TP_MSE) {
        tp_note_outputs(m, (const int16_t *)z);
    } else {
        tp_note_class(m, (uint16_t)label[0], best == (uint16_t)label[0], p_target);
    }
    int trained = learn_step(m, z, p_target);
    m->state->skipped += !trained;
    return trained;
}

// Remembers the sample, and learns from two that are remembered.
static void replay(const tp_model_t *m, const tp_values_t *y, size_t sample) {
    uint32_t counted_already = 0;
    tp_remember(m, tp_read_label(m, y, sample, &counted_already));
    for (int i = 0; i < REPLAYS; i++) {
        const int16_t *label = tp_recall(m);
        int32_t *z = forward(m, m->first_trained, (int8_t)m->state->replay_frac, 1), p_target;
        loss_of(m, z, label, 1, &p_target);
        learn_step(m, z, p_target);
        m->state->n_replayed++;
    }
}

// Returns whether the sample was classified correctly.
static int evaluate_sample(const tp_model_t *m, const tp_values_t *y, size_t sample) {
    int32_t *z = forward(m, m->layers, tp_input_frac(m), 0), p_target;
    uint32_t n_clamped = 0;  // counts only while learning
    size_t best = argmax(z, m->output->n_out);
    const int16_t *label = tp_read_label(m, y, sample, &n_clamped);
    add_loss(m, loss_of(m, z, label, 0, &p_target));
    return m->spec->loss == TP_CROSSENTROPY && best == (uint16_t)label[0];
}

static void learn_output_ranges(const tp_model_t *m, const tp_values_t *y, size_t from) {
    tp_map_t old;
    for (size_t j = 0; m->learned[TP_OUTPUTS] && j < m->output->n_out; j++) {
        if (tp_learn_output_range(m, y, from, j, &old)) {
            tp_note_range(m, j, tp_follow_range(m, j, &old));
        }
    }
}

// Samples are checked before they change anything. At start = 0 all of the total are, so that a run in pieces fails
// before its first step or not at all.
static tp_err_t check_samples(const tp_model_t *m, const tp_values_t *x, const tp_values_t *y, size_t total,
    size_t start, size_t count) {
    size_t n_in = m->layers->n_in, n_out = m->output->n_out;
    if (total > SIZE_MAX / 65535 || start > total || count > total - start) {
        return TP_E_X_LENGTH;
    }
    count = start == 0 ? total : count;
    tp_err_t err = tp_check_values(x, total * n_in, start * n_in, count * n_in, TP_INPUTS);
    if (err) {
        return err;
    }
    if (m->spec->loss == TP_MSE) {
        return tp_check_values(y, total * n_out, start * n_out, count * n_out, TP_OUTPUTS);
    }
    err = tp_check_values(y, total, 0, 0, TP_OUTPUTS);
    if (y->type == 'f') {
        return TP_E_Y_TYPE;
    }
    for (size_t i = start; i < start + count && !err; i++) {
        int32_t target = tp_integer_at(y, i);
        if (target < 0 || target >= (int32_t)n_out) {
            err = TP_E_Y_CLASS;
        }
    }
    return err;
}

static int run(const tp_model_t *m, const tp_values_t *x, const tp_values_t *y, size_t total, size_t start,
    size_t count, int learning) {
    tp_err_t err = check_samples(m, x, y, total, start, count);
    if (!err && !learning && !tp_ranges_known(m)) {
        err = TP_E_NO_RANGE;
    }
    if (err) {
        return err;
    }
    if (start == 0) {
        m->state->loss_sum = 0;
        m->state->loss_count = 0;
    }
    for (tp_layer_t *l = m->layers; learning && l <= m->output; l++) {
        if (l->kind == TP_DENSE && !l->headroom_known) {  // a new model, or one from a file
            tp_find_headroom(m, l);
        }
    }
    int hits = 0;
    for (size_t i = start; i < start + count; i++) {
        if (learning) {
            tp_learn_input_ranges(m, x, i * m->layers->n_in);
            learn_output_ranges(m, y, i * m->output->n_out);
        }
        uint32_t n_outside = read_inputs(m, x, i * m->layers->n_in);
        m->state->n_outside += learning ? n_outside : 0;
        hits += learning ? learn_sample(m, y, i) : evaluate_sample(m, y, i);
        if (learning && m->spec->replay > 0) {
            replay(m, y, i);
        }
    }
    return hits;
}

int tp_run(void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *y, size_t total, size_t start,
    size_t count, int learning) {
    tp_model_t m;
    int result = tp_enter(&m, image, n_bytes, x, y);
    if (result == TP_OK) {
        result = run(&m, x, y, total, start, count, learning);
        tp_leave(&m);
    }
    return result;
}

// To an address that need not be aligned.
static uint8_t *write_word(uint8_t *to, uint32_t bits) {
    for (int i = 0; i < 4; i++, bits >>= 8) {
        *to++ = (uint8_t)bits;
    }
    return to;
}

// Writes the scores as float32.
static void write_scores(const tp_model_t *m, int32_t *z, uint8_t *to) {
    int crossentropy = m->spec->loss == TP_CROSSENTROPY;
    if (crossentropy) {
        tp_softmax(m, z);
    }
    for (size_t j = 0; j < m->output->n_out; j++) {
        to = write_word(to, tp_score_as_float(m, j, crossentropy ? z[j] : tp_mse_output(m, z[j])));
    }
}

static tp_err_t check_question(const tp_model_t *m, const tp_values_t *x) {
    tp_err_t err = tp_check_values(x, m->layers->n_in, 0, m->layers->n_in, TP_INPUTS);
    return !err && !tp_ranges_known(m) ? TP_E_NO_RANGE : err;
}

static int predict(const tp_model_t *m, const tp_values_t *x, const tp_values_t *out) {
    tp_err_t err = TP_E_OUT;
    if (!out || (out->type == 'f' && out->n == m->output->n_out)) {
        err = check_question(m, x);
    }
    if (err) {
        return err;
    }
    read_inputs(m, x, 0);
    int32_t *z = forward(m, m->layers, tp_input_frac(m), 0);
    size_t label = argmax(z, m->output->n_out);
    if (out) {
        write_scores(m, z, (uint8_t *)(uintptr_t)out->items);  // x, which may lie there, was read
    }
    return (int)label;
}

int tp_predict(void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *out) {
    tp_model_t m;
    int result = tp_enter(&m, image, n_bytes, x, out);
    if (result == TP_OK) {
        result = predict(&m, x, out);
        tp_leave(&m);
    }
    return result;
}

// By how much the largest probability is below 1.0, Q.14; 0 with mse. z is not needed any more.
static int doubt(const tp_model_t *m, int32_t *z) {
    if (m->spec->loss == TP_MSE) {
        return 0;
    }
    tp_softmax(m, z);
    return (1 << 14) - z[argmax(z, m->output->n_out)];
}

static int distances(const tp_model_t *m, const tp_values_t *x, size_t place, const tp_values_t *out) {
    size_t n = m->spec->replay;
    if (n == 0 || out->type != 'I' || out->n != n) {
        return TP_E_OUT;
    }
    tp_err_t err = x ? check_question(m, x) : place < n ? TP_OK : TP_E_X_TYPE;
    if (err) {
        return err;
    }
    tp_layer_t *l = x ? m->layers : m->first_trained;
    if (x) {
        read_inputs(m, x, 0);
    } else {
        tp_recall_inputs(m, place);
    }
    int32_t *z = forward(m, l, x_frac_of(m, l), 0);
    // In another format all is forgotten by the next step.
    int known = m->first_trained->x_frac == m->state->replay_frac && (x || tp_is_used(m, place));
    size_t of_class = tp_places_of_class(m), first = place - place % of_class;
    uint8_t *to = (uint8_t *)(uintptr_t)out->items;
    for (size_t i = 0; i < n; i++) {
        int counts = x || (i != place && i - first < of_class);
        to = write_word(to, known && counts && tp_is_used(m, i) ? tp_distance(m, i) : TP_FAR);
    }
    return doubt(m, z);
}

int tp_distances(void *image, size_t n_bytes, const tp_values_t *x, size_t place, const tp_values_t *out) {
    tp_model_t m;
    int result = tp_enter(&m, image, n_bytes, x, out);
    if (result == TP_OK) {
        result = distances(&m, x, place, out);
        tp_leave(&m);
    }
    return result;
}
