// Convolutions and depthwise convolutions over (height, width, channels); Conv1D is a Conv2D of height 1.
//   forward    z_pf  = b_f + sum_k w_kf x_pk        p: pixel of the output, f: filter, k: tap of the kernel
//   backward   dw_kf = sum_p x_pk delta_pf          dx = sum of w_kf delta_pf over all p and k that read this x
// In a depthwise convolution filter f sees channel f alone. Weights are [kernel_h][kernel_w][in_c][filters], or
// [kernel_h][kernel_w][in_c]. Each output pixel of a convolution is a dense layer on its patch of the input, and uses
// the same kernel, tp_spmv.
#include "core.h"

// Where the kernel overlaps the input along one axis, for one output pixel. The rest of the kernel lies in the padding.
typedef struct {
    size_t x;  // the first input under the kernel
    size_t k;  // the tap above it
    size_t n;  // how many taps overlap, at least 1 (pad < kernel, and the last pixel's kernel starts in the input)
} overlap_t;

static inline overlap_t overlap(size_t out, size_t stride, size_t pad, size_t kernel, size_t size) {
    size_t start = out * stride;  // in the padded input
    overlap_t met = { start > pad ? start - pad : 0, start > pad ? 0 : pad - start, 0 };
    met.n = kernel - met.k < size - met.x ? kernel - met.k : size - met.x;
    return met;
}

static overlap_t rows_at(const tp_layer_t *l, size_t out_row) {
    return overlap(out_row, l->stride_h, l->pad_h, l->kernel_h, l->in_h);
}

static overlap_t columns_at(const tp_layer_t *l, size_t out_column) {
    return overlap(out_column, l->stride_w, l->pad_w, l->kernel_w, l->in_w);
}

// One pixel of a convolution: z_f = start_f + sum over k of w_kf x_k.
static void conv_sums(const tp_layer_t *l, const int16_t *x, const int16_t *w, const overlap_t *rows,
    const overlap_t *columns, tp_nonzero_t *list, uint32_t *entries, const int32_t *start, int32_t *z) {
    uint32_t row_bytes = list->row_bytes, in_c = l->in_c, met = (uint32_t)columns->n * in_c;
    list->end = entries;
    list->delta = (uint32_t)(rows->k * l->kernel_w + columns->k) * in_c * row_bytes;
    list->n_rows = (uint32_t)rows->n;
    list->x_bytes = 2 * met;
    list->x_jump = (int32_t)(2 * (l->in_w * in_c - met));
    list->delta_jump = (l->kernel_w * in_c - met) * row_bytes;  // over the weights of taps in the padding
    tp_list_nonzero(list, x + (rows->x * l->in_w + columns->x) * in_c);
    tp_spmv(entries, w, l->out_c, start, z);
}

// One pixel of a depthwise convolution.
static void depthwise_sums(const tp_layer_t *l, const int16_t *x, const int16_t *w, const overlap_t *rows,
    const overlap_t *columns, const int32_t *start, int32_t *z) {
    size_t in_c = l->in_c;
    tp_patch_t patch = { (uint32_t)rows->n, (uint32_t)columns->n, l->in_c, 2u * l->in_w * l->in_c,
        2u * l->kernel_w * l->in_c };
    for (size_t c = 0; c < in_c; c++) {
        z[c] = start[c];
    }
    tp_depthwise_sums(&patch, x + (rows->x * l->in_w + columns->x) * in_c,
        w + (rows->k * l->kernel_w + columns->k) * in_c, z);
}

// Bound of the sums: fan_in products, as for tp_spmv.
void tp_conv_forward(const tp_model_t *m, const tp_layer_t *l, int learning) {
    const int16_t *x = tp_at(m, l->inputs), *w = tp_at(m, l->weights);
    int16_t *y = tp_at(m, l->outputs);
    int32_t *z = m->buffer[0], *start = m->buffer[1];
    tp_format_use_t use = tp_no_use_yet(m, l);
    tp_nonzero_t list;
    int alive = 0;
    list.n_padding = 0;
    list.row_bytes = 2u * l->out_c;
    list.row_delta = tp_row_delta(l->out_c);
    tp_start_sums(m, l, start);
    for (size_t row = 0; row < l->out_h; row++) {
        overlap_t rows = rows_at(l, row);
        for (size_t column = 0; column < l->out_w; column++) {
            overlap_t columns = columns_at(l, column);
            if (l->kind == TP_CONV) {
                conv_sums(l, x, w, &rows, &columns, &list, m->work, start, z);
            } else {
                depthwise_sums(l, x, w, &rows, &columns, start, z);
            }
            alive |= tp_activate(m, l, NULL, z, y, l->out_c, &use);
            y += l->out_c;
        }
    }
    if (learning) {
        tp_adapt_format(m, l, &use, alive);
    }
}

// Each delta of a filter adds delta * inputs to the gradient and delta * weights to dx. Here is what does not change
// from delta to delta. The taps of one row of the kernel are consecutive in a gradient.
typedef struct {
    tp_axpy_t to_gradient, to_dx;
    uint32_t inputs_per_tap;         // 1 in a depthwise convolution, which sees one channel
    int32_t delta_sum;               // of the last filter
    uint32_t kernel_row, input_row;  // elements per row
} backward_t;

static void start_backward(const tp_layer_t *l, backward_t *b) {
    uint32_t next_input = l->kind == TP_CONV ? 1u : l->in_c;
    b->inputs_per_tap = l->kind == TP_CONV ? l->in_c : 1u;
    b->kernel_row = l->kernel_w * b->inputs_per_tap;
    b->input_row = (uint32_t)l->in_w * l->in_c;
    b->to_gradient.to_step = 4;
    b->to_gradient.from_step = 2 * next_input;
    b->to_gradient.to_stride = 4 * b->kernel_row;
    b->to_gradient.from_stride = 2 * b->input_row;
    b->to_dx.to_step = 4 * next_input;
    b->to_dx.from_step = 2u * l->out_c;
    b->to_dx.to_stride = 4 * b->input_row;
    b->to_dx.from_stride = 2u * l->out_c * b->kernel_row;
}

// For all deltas of one filter: adds delta_p x_pk to gradient_k, and delta_p w_k to dx (unless it is NULL). Returns the
// number of products of each kind.
static uint32_t backward_filter(const tp_layer_t *l, backward_t *b, const int16_t *delta, int guard_shift,
    const int16_t *x, const int16_t *w, int32_t *gradient, int32_t *dx) {
    uint32_t n_products = 0, filters = l->out_c, in_c = l->in_c;
    b->delta_sum = 0;
    for (size_t row = 0; row < l->out_h; row++) {
        overlap_t rows = rows_at(l, row);
        for (size_t column = 0; column < l->out_w; column++, delta += filters) {
            int32_t d = tp_rshift_round_fast(2 * *delta, guard_shift + 1);  // 2 d, so that the shift may be 0
            if (d == 0) {
                continue;
            }
            b->delta_sum += d;
            overlap_t columns = columns_at(l, column);
            size_t k = rows.k * b->kernel_row + columns.k * b->inputs_per_tap;
            size_t i = rows.x * b->input_row + columns.x * in_c;
            uint32_t n = (uint32_t)columns.n * b->inputs_per_tap;
            n_products += (uint32_t)rows.n * n;
            b->to_gradient.to = gradient + k;
            b->to_gradient.from = x + i;
            b->to_gradient.n_rows = b->to_dx.n_rows = (uint32_t)rows.n;
            b->to_gradient.to_bytes = 4 * n;
            tp_strided_axpy(&b->to_gradient, d);
            if (dx) {
                b->to_dx.to = dx + i;
                b->to_dx.from = w + k * filters;
                b->to_dx.to_bytes = n * b->to_dx.to_step;
                tp_strided_axpy(&b->to_dx, d);
            }
        }
    }
    return n_products;
}

// gradient of x - u from that of x (centre.c), for one filter: less u times the sum of its deltas. With |x - u| <= 255 its
// bound is that of the plain gradient. first: channel of the first tap. Returns the sum over the taps of u times the
// gradient, below 2^30, in units of 2^*shift.
static int32_t centre_gradient(const tp_model_t *m, const tp_layer_t *l, int32_t *gradient, int32_t delta_sum,
    size_t first, int *shift) {
    const uint8_t *means = tp_at(m, l->means);
    int32_t along_mean = 0;
    size_t c = first;
    *shift = tp_bits(l->fan_in) + 2;  // |gradient| < 2^24, u < 2^8
    for (size_t k = 0; k < l->fan_in; k++) {
        int32_t mean = tp_byte_at(l, means, c);
        gradient[k] -= mean * delta_sum;
        along_mean += mean * tp_rshift_round(gradient[k], *shift);
        if (l->kind == TP_CONV) {
            c = c + 1 < l->in_c ? c + 1 : 0;
        }
    }
    return along_mean;
}

// w -= round(gradient m 2^-shift), within +-max_weight, for the weights of one filter. Returns how many were clamped.
static uint32_t apply_gradient(const tp_layer_t *l, const int32_t *gradient, const tp_step_t *step, int16_t *w) {
    uint32_t n_clamped = 0;
    for (const int32_t *end = gradient + l->fan_in; gradient < end; gradient++, w += l->out_c) {
        int32_t moved = *w - tp_rshift_round_fast(*gradient * step->lr_mantissa, step->shift);
        n_clamped += tp_put_clamped(w, moved, step->max_weight);
    }
    return n_clamped;
}

// Bounds, with |x| <= 255 and sum |delta| <= 65535 (tp_guard_shift):
//   gradient  |sum x delta| <= 255 * 65535, as |sum (x - u) delta|; times m <= 31: below 2^31
//   dx        each delta reaches an input through one weight at most: |dx| <= 32767 * 65535 < 2^31
void tp_conv_backward(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas, int guard_shift, int frac,
    int32_t *dx) {
    const int16_t *x = tp_at(m, l->inputs);
    int16_t *w = tp_at(m, l->weights);
    int32_t *gradient = m->work;
    tp_step_t step;
    int trains = tp_weight_step(m, l, frac, &step);
    backward_t b;
    start_backward(l, &b);
    uint32_t n_clamped = 0;
    for (size_t i = 0; dx && i < l->n_in; i++) {
        dx[i] = 0;
    }
    for (size_t f = 0; f < l->out_c; f++) {
        size_t channel = l->kind == TP_CONV ? 0 : f;
        for (size_t k = 0; k < l->fan_in; k++) {
            gradient[k] = 0;
        }
        uint32_t n_products = backward_filter(l, &b, deltas + f, guard_shift, x + channel, w + f, gradient,
            dx ? dx + channel : NULL);
        tp_count(&m->state->macs_done, n_products * (uint32_t)(trains + (dx != NULL)));
        if (trains && n_products > 0) {
            int shift;
            int32_t along_mean = centre_gradient(m, l, gradient, b.delta_sum, channel, &shift);
            n_clamped += apply_gradient(l, gradient, &step, w + f);
            tp_move_bias(m, l, f, -along_mean, frac + 2 * l->x_frac - shift);
        }
    }
    tp_count(&m->state->n_clamped, n_clamped);
}
