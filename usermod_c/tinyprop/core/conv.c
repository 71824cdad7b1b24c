// Convolutions and depthwise convolutions over (height, width, channels); Conv1D is a Conv2D of height 1.
//   forward    z_pf  = b_f + sum_k w_kf x_pk        p: pixel of the output, f: filter, k: tap of the kernel
//   backward   dw_kf = sum_p x_pk delta_pf          dx = sum of w_kf delta_pf over all p and k that read this x
// In a depthwise convolution filter f sees channel f alone. Weights are [kernel_h][kernel_w][in_c][filters], or
// [kernel_h][kernel_w][in_c].
//
// All three sums run through kernels of dense layers. A pixel is a dense layer on its patch of the input, whose non-zero
// values are listed. A tap is one on all pixels: its x of each pixel are listed, and the rows of "weights" are the pixels'
// deltas. dx of a patch are those of a dense layer's inputs.
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

// The number of a tap, in the order of the weights.
static size_t tap_at(const tp_layer_t *l, size_t row, size_t column) {
    return row * l->down + column * l->right;
}

// The taps of a row that may lie in the input.
static size_t taps_of_row(const tp_layer_t *l) {
    return l->in_w == 1 ? 1 : l->kernel_w;
}

// The first of them in row `row` of the kernel.
static size_t first_tap(const tp_layer_t *l, size_t row) {
    return tap_at(l, row, l->in_w == 1 ? l->pad_w : 0);
}

// The input that the first of these taps sees.
static const uint8_t *input_at(const tp_model_t *m, const tp_layer_t *l, const overlap_t *rows,
    const overlap_t *columns) {
    return (const uint8_t *)tp_at(m, l->inputs) + rows->x * tp_in_row(l) + columns->x * l->in_c;
}

// ---- forward

// Lists a patch where rows of weights are long: padding is only made between rows of inputs, so each input is one.
static void list_long_rows(const tp_layer_t *l, tp_nonzero_t *list, const uint8_t *x) {
    uint32_t n_rows = list->n_rows, n = list->x_bytes, row_jump = list->delta_jump;
    list->n_rows = n;
    list->x_bytes = 1;
    list->x_jump = 0;
    list->delta_jump = 0;
    for (; n_rows > 0; n_rows--, x += tp_in_row(l), list->delta += row_jump) {
        tp_list_strided(list, x, 1, l->x_signed);
    }
}

// A row of pixels of a convolution: z_f = start_f + sum over k of w_kf x_k for each. What a patch looks like changes only
// where the kernel overlaps an edge.
static void conv_row(const tp_model_t *m, const tp_layer_t *l, const overlap_t *rows, const int32_t *start,
    int32_t *z) {
    uint32_t *entries = m->work, row_bytes = 2u * l->out_c, delta = 0;
    const int16_t *w = tp_at(m, l->weights);
    const uint8_t *x = NULL;
    size_t step = (size_t)l->stride_w * l->in_c, at = 0;  // at: where the kernel is in the padded input
    int whole = 0;
    tp_nonzero_t list;
    list.row_bytes = row_bytes;
    list.row_delta = tp_row_delta(l->out_c);
    list.n_padding = 0;
    for (size_t column = 0; column < l->out_w; column++, at += l->stride_w, z += l->out_c) {
        int was_whole = whole;
        whole = at >= l->pad_w && at + l->kernel_w <= (size_t)l->pad_w + l->in_w;
        if (whole && was_whole) {
            x += step;
        } else {
            overlap_t columns = columns_at(l, column);
            x = input_at(m, l, rows, &columns);
            delta = (uint32_t)tap_at(l, rows->k, columns.k) * l->in_c * row_bytes;
            list.n_rows = (uint32_t)rows->n;
            list.x_bytes = (uint32_t)columns.n * l->in_c;
            list.x_jump = (int32_t)(tp_in_row(l) - list.x_bytes);
            list.delta_jump = (l->down - (uint32_t)columns.n) * l->in_c * row_bytes;
        }
        list.end = entries;
        list.delta = delta;
        if (row_bytes > TP_MAX_ROW_DELTA) {
            list_long_rows(l, &list, x);
            whole = 0;
        } else {
            tp_list_strided(&list, x, 1, l->x_signed);
        }
        tp_spmv(entries, w, l->out_c, start, z);
    }
}

// What a row of pixels of a depthwise convolution with strides of 1 to its right sees of n_rows rows of inputs.
static void open_strip(const tp_layer_t *l, size_t n_rows, tp_strip_t *strip) {
    strip->n_rows = (uint32_t)n_rows;
    strip->columns = l->in_w;
    strip->pixels = l->out_w;
    strip->channels = l->in_c;
    strip->taps = (uint32_t)taps_of_row(l);
    strip->pad = l->in_w == 1 ? 0 : l->pad_w;
    strip->stride = l->stride_w;
    strip->row_taps = l->down;
    strip->x_kind = l->x_signed ? TP_INT8 : TP_UINT8;
}

// A row of pixels of a depthwise convolution.
static void depthwise_row(const tp_model_t *m, const tp_layer_t *l, const overlap_t *rows, const int32_t *start,
    int32_t *z) {
    const int16_t *w = tp_at(m, l->weights);
    overlap_t first = { 0, 0, 0 };
    tp_strip_t strip;
    open_strip(l, rows->n, &strip);
    for (int32_t *to = z, *end = z + tp_out_row(l); to < end;) {
        for (size_t c = 0; c < l->out_c; c++) {
            *to++ = start[c];
        }
    }
    tp_depthwise_sums(&strip, input_at(m, l, rows, &first), w + first_tap(l, rows->k) * l->in_c, z);
}

// Bound of the sums: fan_in products, as for tp_spmv.
void tp_conv_forward(const tp_model_t *m, const tp_layer_t *l, int learning) {
    int is_conv = l->kind == TP_CONV;
    uint8_t *y = l->pooled ? (uint8_t *)m->buffer[0] : tp_at(m, l->outputs);
    int32_t *z = m->buffer[0] + (is_conv ? 0 : TP_MARGIN * l->out_c), *start = m->buffer[1];
    tp_format_use_t use = tp_no_use_yet(m, l);
    int alive = 0;
    tp_start_sums(m, l, start);
    for (size_t row = 0; row < l->out_h; row++) {
        overlap_t rows = rows_at(l, row);
        if (is_conv) {
            conv_row(m, l, &rows, start, z);
        } else {
            depthwise_row(m, l, &rows, start, z);
        }
        alive |= tp_activate(m, l, NULL, z, y, tp_out_row(l), &use);
        if (l->pooled) {
            tp_take_row(m, l + 1, y, row);
        } else {
            y += tp_out_row(l);
        }
    }
    if (learning) {
        tp_adapt_format(m, l, &use, alive);
    }
}

// ---- backward

// What all parts of a backward pass need.
typedef struct {
    const tp_model_t *m;
    const tp_layer_t *l, *map;
    const int16_t *deltas;  // those of the map
    int32_t *delta_sum;     // [filters]: sum of the deltas (tp_sum_deltas)
    int32_t *along_mean;    // [filters]: sum over the taps of u times the gradient, in units of 2^shift
    int shift;
    tp_step_t step;
    uint32_t n_clamped;
    char *rest;  // of `work`
} backward_t;

static void *piece(backward_t *b, size_t bytes) {
    char *at = b->rest;
    b->rest += (bytes + 3) & ~(size_t)3;
    return at;
}

static void clear(int32_t *v, size_t n) {
    for (const int32_t *end = v + n; v < end;) {
        *v++ = 0;
    }
}

// The gradients of x - u from those of x (centre.c), for one tap of n filters: less u times the sum of the filter's deltas.
// With |x - u| <= 255 the bound is that of the plain gradient. Then a step by them, within +-max_weight.
//   c  channel of the tap   w, sum, along_mean  those of the first filter
static void move_by_gradients(backward_t *b, const int32_t *gradient, size_t n, size_t c, int16_t *w,
    const int32_t *sum, int32_t *along_mean) {
    int32_t mean = tp_byte_at(b->l, tp_at(b->m, b->l->means), c);
    b->n_clamped += tp_move_by_gradients(gradient, n, mean, sum, along_mean, b->shift, w, &b->step);
}

// The pixels along one axis for which a tap lies in the input.
static overlap_t pixels_of(size_t tap, size_t stride, size_t pad, size_t size, size_t n_out) {
    overlap_t met = { 0, 0, 0 };  // x: the first input; k: the pixel that reads it; n: pixels
    while (met.k < n_out && met.k * stride + tap < pad) {
        met.k++;
    }
    met.x = met.k * stride + tap - pad;
    for (size_t x = met.x; met.k + met.n < n_out && x < size; x += stride) {
        met.n++;
    }
    return met;
}

// The gradients of one tap of all filters, by a list of what it sees; blocks of pixels keep that short.
// x, deltas: the first input and the first pixel's deltas   start: zeros, [filters]
static void tap_gradient(const tp_layer_t *l, const overlap_t *rows, const overlap_t *columns, size_t block_rows,
    const uint8_t *x, const int16_t *deltas, tp_nonzero_t *list, uint32_t *entries, const int32_t *start,
    int32_t *gradient) {
    uint32_t filters = l->out_c, step = (uint32_t)l->stride_w * l->in_c, row_step = l->stride_h * tp_in_row(l);
    for (size_t row = 0, n_rows; row < rows->n; row += n_rows) {
        n_rows = block_rows < rows->n - row ? block_rows : rows->n - row;
        for (size_t column = 0, n; column < columns->n; column += n) {
            n = TP_BLOCK < columns->n - column ? TP_BLOCK : columns->n - column;
            list->end = entries;
            list->delta = 0;
            list->n_rows = (uint32_t)n_rows;
            list->x_bytes = (uint32_t)n * step;
            list->x_jump = (int32_t)(row_step - list->x_bytes);
            list->delta_jump = (l->out_w - (uint32_t)n) * list->row_bytes;
            tp_list_strided(list, x + row * row_step + column * step, step, l->x_signed);
            tp_spmv(entries, deltas + (row * l->out_w + column) * filters, filters, start, gradient);
            start = gradient;
        }
    }
}

static void conv_by_taps(backward_t *b) {
    const tp_layer_t *l = b->l;
    size_t filters = l->out_c, block_rows = tp_block_rows(l);
    int32_t *zero = piece(b, 4 * filters), *gradient = piece(b, 4 * filters);
    tp_nonzero_t list;
    clear(zero, filters);
    list.row_bytes = 2u * l->out_c;
    list.row_delta = tp_row_delta(filters);
    list.n_padding = 0;
    for (size_t ky = 0; ky < l->kernel_h; ky++) {
        overlap_t rows = pixels_of(ky, l->stride_h, l->pad_h, l->in_h, l->out_h);
        for (size_t kx = 0; kx < l->kernel_w; kx++) {
            overlap_t columns = pixels_of(kx, l->stride_w, l->pad_w, l->in_w, l->out_w);
            size_t k = rows.k * l->out_w + columns.k;
            int16_t *w = (int16_t *)tp_at(b->m, l->weights) + tap_at(l, ky, kx) * l->in_c * filters;
            int is_seen = rows.n > 0 && columns.n > 0;  // by some pixel
            const uint8_t *x = is_seen ? input_at(b->m, l, &rows, &columns) : NULL;
            for (size_t c = 0; c < l->in_c; c++, w += filters) {
                if (is_seen) {
                    tap_gradient(l, &rows, &columns, block_rows, x + c, b->deltas + k * filters, &list,
                        (uint32_t *)b->rest, zero, gradient);
                }
                move_by_gradients(b, is_seen ? gradient : zero, filters, c, w, b->delta_sum, b->along_mean);
            }
        }
    }
}

// A depthwise convolution: the products of each row of pixels with the inputs that its taps see.
static void depthwise_by_taps(backward_t *b) {
    const tp_layer_t *l = b->l;
    size_t channels = l->in_c, n_weights = l->fan_in * channels;
    int32_t *gradient = piece(b, 4 * n_weights);
    overlap_t first = { 0, 0, 0 };
    tp_strip_t strip;
    open_strip(l, 0, &strip);
    clear(gradient, n_weights);
    for (size_t row = 0; row < l->out_h; row++) {
        overlap_t rows = rows_at(l, row);
        strip.n_rows = (uint32_t)rows.n;
        tp_depthwise_gradients(&strip, input_at(b->m, l, &rows, &first), b->deltas + row * tp_out_row(l),
            gradient + first_tap(l, rows.k) * channels);
    }
    int16_t *w = tp_at(b->m, l->weights);
    for (size_t i = 0, c = 0; i < n_weights; i++, c = c + 1 < channels ? c + 1 : 0) {
        move_by_gradients(b, gradient + i, 1, c, w + i, b->delta_sum + c, b->along_mean + c);
    }
}

// The gradient of one filter, delta by delta: for few of them. Returns whether there is one.
static int filter_gradient(const backward_t *b, size_t f, int32_t *gradient) {
    const tp_layer_t *l = b->l, *map = b->map;
    size_t per_tap = l->kind == TP_CONV ? l->in_c : 1;
    tp_patch_t patch = { 0, 0, l->kind == TP_CONV ? 1 : l->in_c, tp_in_row(l), (uint32_t)(l->down * per_tap) };
    size_t i = f, first = l->kind == TP_CONV ? 0 : f;
    int any = 0;
    clear(gradient, l->fan_in);
    for (size_t map_row = 0; map_row < map->out_h; map_row++) {
        for (size_t map_column = 0; map_column < map->out_w; map_column++, i += l->out_c) {
            int32_t d = b->deltas[i];
            if (d == 0) {
                continue;
            }
            any = 1;
            size_t row = map_row, column = map_column;
            if (l->pooled) {
                uint32_t which = tp_which(b->m, map, i);
                for (row *= map->kernel_h; which >= map->kernel_w; which -= map->kernel_w) {
                    row++;
                }
                column = column * map->kernel_w + which;
            }
            overlap_t rows = rows_at(l, row), columns = columns_at(l, column);
            patch.n_rows = (uint32_t)rows.n;
            patch.taps = (uint32_t)(columns.n * per_tap);
            tp_add_bytes(&patch, d, input_at(b->m, l, &rows, &columns) + first, l->x_signed,
                gradient + tap_at(l, rows.k, columns.k) * per_tap);
        }
    }
    return any;
}

static void by_filters(backward_t *b) {
    const tp_layer_t *l = b->l;
    const uint8_t *means = tp_at(b->m, l->means);
    int16_t *w = tp_at(b->m, l->weights);
    int32_t *gradient = (int32_t *)b->rest;
    int is_conv = l->kind == TP_CONV;
    for (size_t f = 0; f < l->out_c; f++, w++, means += !is_conv) {
        if (filter_gradient(b, f, gradient)) {
            b->n_clamped += tp_move_filter(gradient, l->fan_in, means, is_conv ? l->in_c : 1, l->x_signed,
                b->delta_sum[f], &b->along_mean[f], b->shift, w, l->out_c, &b->step);
        }
    }
}

// By taps each pixel costs as much as any, by filters each delta: about so many cycles for a tap on a Cortex-M0+.
static int taps_are_cheaper(const tp_layer_t *l, uint32_t n_deltas) {
    uint32_t pixels = (uint32_t)l->out_h * l->out_w;
    uint32_t of_a_pixel = l->kind == TP_CONV ? 15 + 20 * ((l->out_c + 7u) / 8) : 6u * l->out_c;
    uint32_t of_a_delta = 12 + (200 + 60 * tp_kernel_rows(l)) / l->fan_in;
    return tp_are_by_pixel(l) && n_deltas * of_a_delta > pixels * of_a_pixel;
}

static void move_weights(backward_t *b, uint32_t n_deltas, int frac) {
    const tp_layer_t *l = b->l;
    char *rest = b->rest;
    clear(b->along_mean, l->out_c);
    if (!taps_are_cheaper(l, n_deltas)) {
        by_filters(b);
    } else if (l->kind == TP_CONV) {
        conv_by_taps(b);
    } else {
        depthwise_by_taps(b);
    }
    for (size_t f = 0; f < l->out_c; f++) {
        tp_move_bias(b->m, l, f, -b->along_mean[f], frac + 2 * l->x_frac - b->shift);
    }
    b->rest = rest;
}

// Lists the deltas of a pixel below a maximum: those of windows whose largest input it is.
static void list_pooled(const backward_t *b, size_t row, size_t column, tp_update_t *list) {
    const tp_layer_t *map = b->map;
    size_t map_row = row / map->kernel_h, map_column = column / map->kernel_w, channels = map->out_c;
    size_t which = (row - map_row * map->kernel_h) * map->kernel_w + column - map_column * map->kernel_w;
    size_t i = (map_row * map->out_w + map_column) * channels;
    tp_selected_t *end = list->selected;
    for (uint32_t f = 0; map_row < map->out_h && map_column < map->out_w && f < channels; f++, i++) {
        if (b->deltas[i] != 0 && tp_which(b->m, map, i) == which) {
            *end++ = (tp_selected_t) { b->deltas[i], 2 * f };
        }
    }
    list->selected_end = end;
}

// dx of one row of the patch of a pixel, from the list of its deltas, or from all of them, if not NULL.
static void row_of_patch(const tp_layer_t *l, const int16_t *w, size_t taps, const tp_update_t *list,
    const int16_t *all, int32_t *dx) {
    const tp_selected_t *first = list->selected, *end = list->selected_end;
    if (all) {
        tp_input_sums_of_all(w, l->out_c, taps * l->in_c, all, dx);
        return;
    }
    if (l->kind == TP_CONV) {
        tp_input_sums(w, 2u * l->out_c, taps * l->in_c, first, end, dx);
        return;
    }
    for (; taps > 0; taps--, w += l->in_c, dx += l->in_c) {
        for (const tp_selected_t *d = first; d < end; d++) {
            dx[d->offset / 2] = tp_add(dx[d->offset / 2], w[d->offset / 2] * d->delta);
        }
    }
}

// Each pixel adds to the rows of dx under its kernel; as many rows as the kernel has are not done yet.
static void scatter_dx(backward_t *b, const int16_t *w, tp_deltas_t *dx) {
    const tp_layer_t *l = b->l;
    size_t row_length = tp_in_row(l), n_rows = tp_kernel_rows(l), done = 0;
    size_t per_tap = (l->kind == TP_CONV ? l->in_c : 1u) * l->out_c;
    tp_update_t list;
    list.selected = piece(b, sizeof(tp_selected_t) * l->out_c);
    int32_t *ring = (int32_t *)b->rest;
    int has_pairs = l->kind == TP_CONV && !l->pooled && l->out_c % 2 == 0;
    clear(ring, n_rows * row_length);
    for (size_t row = 0; row <= l->out_h; row++) {
        overlap_t rows = { l->in_h, 0, 0 };
        if (row < l->out_h) {
            rows = rows_at(l, row);
        }
        for (; done < rows.x; done++) {
            int32_t *v = ring + done % n_rows * row_length;
            tp_put_deltas(dx, v, done);
            clear(v, row_length);
        }
        size_t slot = rows.x % n_rows;
        const int16_t *deltas = b->deltas + row * l->out_w * l->out_c, *first = w + rows.k * l->down * per_tap;
        for (size_t column = 0; rows.n > 0 && column < l->out_w; column++, deltas += l->out_c) {
            if (l->pooled) {
                list_pooled(b, row, column, &list);
            } else {
                tp_select_nonzero(deltas, l->out_c, 1, 0, &list);
            }
            if (list.selected == list.selected_end) {
                continue;
            }
            // A product in the list takes as long as two and a half in the order they lie in.
            size_t n_listed = (size_t)(list.selected_end - list.selected);
            int takes_all = TP_PAIRS && has_pairs && 5 * n_listed >= 2u * l->out_c;
            overlap_t columns = columns_at(l, column);
            const int16_t *taps = first + columns.k * l->right * per_tap;
            int32_t *patch = ring + columns.x * l->in_c;
            for (size_t y = slot, n = rows.n; n > 0; n--, y++, taps += l->down * per_tap) {
                y = y < n_rows ? y : 0;
                row_of_patch(l, taps, columns.n, &list, takes_all ? deltas : NULL, patch + y * row_length);
            }
        }
    }
}

// A depthwise convolution with strides of 1: dx are a depthwise convolution of the deltas, its kernel turned round.
static void gather_dx(backward_t *b, const int16_t *turned, tp_deltas_t *dx) {
    const tp_layer_t *l = b->l;
    int32_t *room = (int32_t *)b->rest, *v = room + TP_MARGIN * l->in_c;
    tp_strip_t strip;
    open_strip(l, 0, &strip);
    strip.columns = l->out_w;
    strip.pixels = l->in_w;
    strip.pad = strip.taps - 1 - strip.pad;
    strip.x_kind = TP_INT16;
    for (size_t row = 0; row < l->in_h; row++) {
        overlap_t rows = overlap(row, 1, l->kernel_h - 1u - l->pad_h, l->kernel_h, l->out_h);
        size_t tap = tap_at(l, rows.k, l->in_w == 1 ? l->kernel_w - 1u - l->pad_w : 0);
        strip.n_rows = (uint32_t)rows.n;
        clear(v, tp_in_row(l));
        tp_depthwise_sums(&strip, b->deltas + rows.x * tp_out_row(l), turned + tap * l->in_c, v);
        tp_put_deltas(dx, v, row);
    }
}

// dx by the weights before their step. They are copied if the step comes first (in_place), or to be turned round.
static const int16_t *weights_for_dx(backward_t *b, int turns) {
    const tp_layer_t *l = b->l;
    const int16_t *w = tp_at(b->m, l->weights);
    if (!turns && !(l->in_place && l->trainable)) {
        return w;
    }
    size_t n = tp_weight_count(l), channels = l->out_c;
    int16_t *copy = piece(b, 2 * n), *to = turns ? copy + n : copy;
    for (const int16_t *end = w + n; w < end; w += channels) {
        to -= turns ? channels : 0;
        for (size_t f = 0; f < channels; f++) {
            to[f] = w[f];
        }
        to += turns ? 0 : channels;
    }
    return copy;
}

static void find_dx(backward_t *b, const int16_t *w, int turned, tp_deltas_t *dx) {
    if (turned) {
        gather_dx(b, w, dx);
    } else {
        scatter_dx(b, w, dx);
    }
}

// Bounds, with |x| <= 255 and sum |delta| <= 65535 (tp_guard_shift):
//   gradient    |sum x delta| <= 255 * 65535, as |sum (x - u) delta|; times m <= 31: below 2^31
//   along_mean  |u gradient| < 2^32, in units of 2^shift with fan_in < 2^(shift - 2): its sum is below 2^30
//   dx          each delta reaches an input through one weight at most: |dx| <= 32767 * 65535 < 2^31
void tp_conv_backward(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas, uint32_t n_deltas, int frac,
    tp_deltas_t *dx) {
    backward_t b = { m, l, tp_map_of(l), deltas, NULL, NULL, tp_bits(l->fan_in) + 2, { 0, 0, 0, 0 }, 0, m->work };
    int trains = tp_weight_step(m, l, frac, &b.step), turns = l->kind == TP_DEPTHWISE && tp_are_by_pixel(l);
    b.delta_sum = piece(&b, 4u * l->out_c);
    b.along_mean = piece(&b, 4u * l->out_c);
    tp_count(&m->state->macs_done, n_deltas * l->fan_in * (uint32_t)(trains + (dx != NULL)));
    const int16_t *w = dx ? weights_for_dx(&b, turns) : NULL;
    if (dx && !l->in_place) {
        char *rest = b.rest;
        find_dx(&b, w, turns, dx);
        b.rest = rest;
    }
    if (trains && n_deltas > 0) {
        move_weights(&b, n_deltas, frac);
    }
    if (dx && l->in_place) {
        find_dx(&b, w, turns, dx);
    }
    tp_count(&m->state->n_clamped, b.n_clamped);
}
