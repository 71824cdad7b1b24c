// The model runner: forward through all layers, backward down to the lowest trained one.
#include "internal.h"

#define RESCALE_EVERY 64  // trained steps between looks at the weights' exponents

static size_t input_count(const tp_model_t *m) {
    return tp_layers(m)->n_in;
}

static tp_layer_t *output_layer(const tp_model_t *m) {
    return tp_layers(m) + m->n_layers - 1;
}

static int ranges_known(const tp_model_t *m, int which) {
    const tp_range_t *r = tp_ranges(m, which);
    for (size_t i = 0; i < (which ? m->n_out_ranges : m->n_in_ranges); i++) {
        if (r[i].post == 0) {
            return 0;
        }
    }
    return 1;
}

// The sums of the output layer, int32 [n_out], from the inputs already in the image.
static int32_t *forward(tp_model_t *m, int learning) {
    int32_t *z = tp_at(m, m->buffer[0]);
    int8_t fx = m->bits == 12 ? 10 : m->in_signed ? 7 : 8;
    tp_layer_t *end = tp_layers(m) + m->n_layers;
    for (tp_layer_t *l = tp_layers(m); l < end; l++) {
        int8_t fy = l->fy;  // the layer above uses it even when learning moves it for the next sample
        l->fx = fx;
        if (l->kind == TP_DENSE) {
            tp_dense_forward(m, l, z);
            if (l + 1 < end) {
                int alive = tp_activate(m, l, z, tp_at(m, l->outputs), l->n_out, learning);
                if (learning) {
                    tp_adapt_activation(m, l, alive);
                }
            }
        } else if (tp_has_weights(l)) {
            tp_conv_forward(m, l, learning);
        } else {
            tp_pool_forward(m, l);
            fy = l->fy = fx;
        }
        fx = fy;
    }
    return z;
}

// Adds the multiply-accumulates of a backward pass for so many errors of a layer, zero inputs counted.
static void count_macs(uint64_t *counter, const tp_model_t *m, const tp_layer_t *l, size_t errors) {
    uint32_t n = (uint32_t)errors * l->fan_in;  // at most 65534^2
    if (l->trainable) {
        tp_count(counter, n);
    }
    if (l > tp_layers(m) + m->first_trained) {
        tp_count(counter, n);
    }
}

// errors: of the output layer, int16 Q.unit in buffer[0].
static void backward(tp_model_t *m) {
    int fd = tp_unit(m), depth = 0, b = 0;
    tp_layer_t *first = tp_layers(m) + m->first_trained;
    for (tp_layer_t *l = output_layer(m);; l--, b ^= 1) {
        int32_t *v = tp_at(m, m->buffer[b]);
        int32_t *dx = l > first ? tp_at(m, m->buffer[b ^ 1]) : NULL;
        if (tp_has_weights(l)) {
            if (depth > 0) {
                fd = tp_errors(m, l, v, fd);
            }
            int16_t *errors = (int16_t *)v;
            if (l->trainable) {
                tp_update_bias(m, l, errors, fd);
            }
            size_t kept = tp_select(m, l, errors, fd, depth++);
            count_macs(&m->macs_kept, m, l, kept);
            uint32_t sum = tp_sum_of_sizes(errors, l->n_out);
            int excess = tp_excess(sum);
            fd -= excess;
            if (l->kind == TP_DENSE) {
                tp_dense_backward(m, l, errors, sum, excess, fd, dx);
            } else {
                tp_conv_backward(m, l, errors, excess, fd, dx);
            }
            fd += l->fw;
        } else {
            fd += tp_pool_backward(m, l, v, dx);
        }
        if (l == first) {
            break;
        }
    }
}

static size_t argmax(const int32_t *z, size_t n) {
    const int32_t *best = z, *end = z + n;
    int32_t most = *z;
    for (const int32_t *at = z; at < end; at++) {
        if (*at > most) {
            most = *at;
            best = at;
        }
    }
    return (size_t)(best - z);
}

// One sample, already in the image. Returns whether it was trained on; if not learning, whether it was classified rightly.
static int step(tp_model_t *m, const tp_values_t *y, size_t sample, int learning) {
    tp_layer_t *output = output_layer(m);
    int32_t *z = forward(m, learning), p_target = 0;
    uint32_t loss;
    int right = 0;
    m->loss_count++;
    if (m->loss == TP_MSE) {
        loss = tp_mse(m, output, z, y, sample * output->n_out, learning);
    } else {
        size_t target = (size_t)tp_integer_at(y, sample);
        right = !learning && argmax(z, output->n_out) == target;
        loss = tp_crossentropy(output, z, target, &p_target);
    }
    tp_count(&m->loss_sum, loss);
    if (!learning) {
        return right;
    }
    m->steps++;
    for (const tp_layer_t *l = tp_layers(m); l <= output; l++) {
        if (tp_has_weights(l)) {
            count_macs(&m->macs_dense, m, l, l->n_out);
        }
    }
    if (m->first_trained == m->n_layers || tp_skip_step(m, (int16_t *)z, p_target)) {
        m->skipped++;
        return 0;
    }
    backward(m);
    if ((m->steps - m->skipped) % RESCALE_EVERY == 0) {
        for (tp_layer_t *l = tp_layers(m); l <= output; l++) {
            if (tp_has_weights(l) && l->trainable) {
                tp_rescale_weights(m, l);
            }
        }
    }
    return 1;
}

// The samples to come are checked before they change anything; all of them before the first does.
static int check_samples(const tp_model_t *m, const tp_values_t *x, const tp_values_t *y, size_t total, size_t start,
    size_t count) {
    size_t n_in = input_count(m), n_out = output_layer(m)->n_out;
    if (total > SIZE_MAX / 65535 || start > total || count > total - start) {
        return TP_E_X_LENGTH;
    }
    count = start == 0 ? total : count;
    int err = tp_check_values(x, total * n_in, start * n_in, count * n_in, TP_E_X_LENGTH);
    if (err) {
        return err;
    }
    if (m->loss == TP_MSE) {
        return tp_check_values(y, total * n_out, start * n_out, count * n_out, TP_E_Y_LENGTH);
    }
    err = tp_check_values(y, total, 0, 0, TP_E_Y_LENGTH);
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

int tp_run(void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *y, size_t total, size_t start,
    size_t count, int learning) {
    tp_model_t *m = image;
    int err = tp_open(image, n_bytes);
    if (!err) {
        err = check_samples(m, x, y, total, start, count);
    }
    for (int which = 0; which < 2 && !err; which++) {
        if (!(learning && m->learn_ranges[which]) && !ranges_known(m, which)) {
            err = TP_E_NO_RANGE;
        }
    }
    if (err) {
        return err;
    }
    size_t n_in = input_count(m), n_out = output_layer(m)->n_out;
    int hits = 0;
    if (start == 0) {
        m->loss_sum = 0;
        m->loss_count = 0;
    }
    for (size_t i = start; i < start + count; i++) {
        for (int which = 0; which < 2; which++) {
            if (learning && m->learn_ranges[which]) {
                m->learn_ranges[which]--;
                size_t n = which ? n_out : n_in;
                tp_learn_range(m, which, which ? y : x, i * n, n);
            }
        }
        tp_read_inputs(m, x, i * n_in);
        hits += step(m, y, i, learning);
    }
    return hits;
}

static void write_scores(tp_model_t *m, int32_t *z, uint8_t *to) {
    const tp_layer_t *output = output_layer(m);
    if (m->loss == TP_CROSSENTROPY) {
        tp_softmax(output, z);
    }
    for (size_t j = 0; j < output->n_out; j++) {
        uint32_t bits = tp_score_bits(m, j, m->loss == TP_CROSSENTROPY ? z[j] : tp_output(output, z[j]));
        for (int i = 0; i < 4; i++, bits >>= 8) {
            *to++ = (uint8_t)bits;
        }
    }
}

int tp_predict(void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *out) {
    tp_model_t *m = image;
    int err = tp_open(image, n_bytes);
    if (!err && out && (out->type != 'f' || out->n != output_layer(m)->n_out)) {
        err = TP_E_OUT;
    }
    if (!err) {
        err = tp_check_values(x, input_count(m), 0, input_count(m), TP_E_X_LENGTH);
    }
    if (!err && !(ranges_known(m, 0) && ranges_known(m, 1))) {
        err = TP_E_NO_RANGE;
    }
    if (err) {
        return err;
    }
    tp_read_inputs(m, x, 0);
    int32_t *z = forward(m, 0);
    int label = (int)argmax(z, output_layer(m)->n_out);
    if (out) {
        write_scores(m, z, (uint8_t *)(uintptr_t)out->items);
    }
    return label;
}
