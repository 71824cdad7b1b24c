// The list of the non-zero inputs of a dense layer. An input of 0 adds nothing to the sums and has no gradient, so one
// list, built in the forward pass, serves both. kernels.h has its format. Its last entry is that of the row of slopes,
// whose x is the dot product of inputs and means (centre.c).
#include "core.h"

static inline void start_list(const tp_model_t *m, const tp_layer_t *l, tp_nonzero_t *list) {
    list->end = tp_nonzero_of(m, l);
    list->delta = 0;
    list->n_padding = 0;
    list->row_bytes = 2u * l->out_c;
    list->row_delta = tp_row_delta(l->out_c);
    list->means = tp_at(m, l->means);
}

static inline void end_list(const tp_model_t *m, tp_layer_t *l, const tp_nonzero_t *list) {
    uint32_t *first = tp_nonzero_of(m, l), *end = list->end, delta = list->delta;
    l->n_nonzero = (uint16_t)((uint32_t)(end - first) - list->n_padding);
    l->list_end = (uint32_t)(end - first) * 4;
    l->dot = list->dot;
    int32_t x = tp_scaled_dot(l, tp_state(m, l), list->dot);
    if (x != 0) {
        for (; delta > TP_MAX_ROW_DELTA; delta -= TP_MAX_ROW_DELTA) {
            *end++ = TP_MAX_ROW_DELTA;
        }
        *end++ = (uint32_t)x << 16 | delta;
        *end = 0;
    }
}

static void list_vector(const int16_t *x, size_t n, tp_nonzero_t *list) {
    int long_rows = list->row_bytes > TP_MAX_ROW_DELTA;  // padding is made between rows of inputs: each is one then
    list->n_rows = long_rows ? (uint32_t)n : 1;
    list->x_bytes = long_rows ? 2 : 2 * (uint32_t)n;
    list->x_jump = 0;
    list->delta_jump = 0;
    tp_list_nonzero(list, x);
}

void tp_list_inputs(const tp_model_t *m, tp_layer_t *l) {
    const int16_t *x = tp_at(m, l->inputs);
    tp_nonzero_t list;
    start_list(m, l, &list);
    list.dot = tp_dot(list.means, x, l->n_in, l->x_signed);
    list_vector(x, l->n_in, &list);
    end_list(m, l, &list);
}

uint32_t tp_list_vector(const tp_layer_t *l, const int16_t *x, size_t n, uint32_t *entries) {
    tp_nonzero_t list;
    list.end = entries;
    list.delta = list.n_padding = 0;
    list.row_bytes = 2u * l->out_c;
    list.row_delta = tp_row_delta(l->out_c);
    list_vector(x, n, &list);
    return (uint32_t)(list.end - entries) - list.n_padding;
}

void tp_list_input_bytes(const tp_model_t *m, tp_layer_t *l, const uint8_t *x) {
    tp_nonzero_t list;
    start_list(m, l, &list);
    list.x_bytes = l->n_in;
    tp_list_nonzero_bytes(&list, x);
    end_list(m, l, &list);
}

void tp_list_relu(const tp_model_t *m, tp_layer_t *l, const int32_t *z, int s, tp_format_use_t *use) {
    int16_t *inputs = tp_at(m, l->inputs);
    if (!TP_RELU_LISTS || 2u * l->out_c > TP_MAX_ROW_DELTA) {
        tp_relu(z, inputs, l->n_in, s, use);
        tp_list_inputs(m, l);
        return;
    }
    tp_nonzero_t list;
    start_list(m, l, &list);
    tp_relu_listed(z, inputs, l->n_in, s, use, &list);
    end_list(m, l, &list);
}

void tp_walk(const tp_model_t *m, const tp_layer_t *l, tp_walk_t *w) {
    w->entry = tp_nonzero_of(m, l);
    w->end = w->entry + l->list_end / 4;
    w->row_bytes = 2u * l->out_c;
    w->reader = w->row_bytes - tp_row_delta(l->out_c);
    w->at = 0;
    w->i = 0;
}
