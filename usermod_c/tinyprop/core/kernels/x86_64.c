// Kernels for PCs, whose instructions work on four or eight numbers at a time: in C that compilers turn into these. Unless
// few deltas are selected, they go through whole rows of weights. The other kernels are those of portable.c.
#include "portable.h"

#ifdef TP_X86_64

#pragma GCC optimize("O3")  // with less it makes no vectors where it does not know how many columns there are

// Eight numbers, at any address; compilers know how to add and multiply them. Sums of eight_uint32_t may wrap.
typedef int16_t eight_int16_t __attribute__((vector_size(16), aligned(2)));
typedef int32_t eight_int32_t __attribute__((vector_size(32), aligned(4)));
typedef uint32_t eight_uint32_t __attribute__((vector_size(32), aligned(4)));
typedef uint8_t eight_uint8_t __attribute__((vector_size(8), aligned(1)));
typedef int8_t eight_int8_t __attribute__((vector_size(8), aligned(1)));
#define EIGHT_OF(v, type) __builtin_convertvector(*(const eight_int16_t *)(v), type)

#define SUMS 32     // at a time: as many as fit into the registers
#define COLUMNS 64  // of the weights at a time, as what is kept of them is on the stack

// Some columns of the weights, and their deltas: 0 if not selected.
typedef struct {
    size_t first, n;
    const tp_selected_t *selected;  // the first delta behind them
    int32_t delta[COLUMNS];
} columns_t;

static inline void start_columns(columns_t *c, const tp_update_t *update) {
    c->first = c->n = 0;
    c->selected = update->selected;
}

// Goes to the next columns; 0: there are none.
static inline int next_columns(columns_t *c, const tp_update_t *update) {
    c->first += c->n;
    size_t left = update->row_bytes / 2 - c->first;
    c->n = left < COLUMNS ? left : COLUMNS;
    for (size_t j = 0; j < c->n; j++) {
        c->delta[j] = 0;
    }
    for (; c->selected != update->selected_end && c->selected->offset / 2 < c->first + c->n; c->selected++) {
        c->delta[c->selected->offset / 2 - c->first] = c->selected->delta;
    }
    return c->n > 0;
}

// w += (dither - factor delta) >> shift for a row. bounded: clamped to +-max_weight. Returns how many were clamped.
static inline uint32_t move_row(int16_t *row, int32_t factor, const columns_t *c, const tp_step_t *step,
    const int bounded) {
    uint32_t n_clamped = 0;
    for (size_t j = 0; j < c->n; j++) {
        int32_t moved = row[j] + ((step->dither - factor * c->delta[j]) >> step->shift);
        if (bounded) {
            int32_t clamped = tp_sat(moved, step->max_weight);
            n_clamped += clamped != moved;
            moved = clamped;
        }
        row[j] = (int16_t)moved;
    }
    return n_clamped;
}

static inline void update_columns(const uint32_t *list, int16_t *row, const columns_t *c, tp_update_t *update,
    const int bounded) {
    const tp_step_t step = update->step;
    for (; *list != 0; list++) {
        row = (int16_t *)tp_row_of(list, row);
        update->n_clamped += move_row(row, -((int32_t)*list >> 16), c, &step, bounded);
    }
}

static inline void backward_columns(const int16_t *x, int16_t *row, int32_t *dx, const columns_t *c,
    tp_update_t *update, const int bounded) {
    const tp_step_t step = update->step;
    for (size_t i = 0; i < update->n_in; i++, row += update->row_bytes / 2) {
        uint32_t sum = c->first == 0 ? 0 : (uint32_t)dx[i];
        if (x[i] != 0) {
            for (size_t j = 0; j < c->n; j++) {
                sum += (uint32_t)(row[j] * c->delta[j]);
            }
            update->n_clamped += move_row(row, x[i] * step.lr_mantissa, c, &step, bounded);
        }
        dx[i] = (int32_t)sum;
    }
}

TP_HOT TP_NOINLINE static void sum_many(const uint32_t *list, const int16_t *w, const int32_t *start, int32_t *z) {
    tp_sum_columns(list, w, SUMS, start, z);
}

TP_HOT TP_NOINLINE static void sum_half_as_many(const uint32_t *list, const int16_t *w, const int32_t *start,
    int32_t *z) {
    tp_sum_columns(list, w, SUMS / 2, start, z);
}

TP_HOT void tp_spmv(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z) {
    for (; n_out >= SUMS; n_out -= SUMS, w += SUMS, start += SUMS, z += SUMS) {
        sum_many(list, w, start, z);
    }
    if (n_out >= SUMS / 2) {
        sum_half_as_many(list, w, start, z);
        n_out -= SUMS / 2, w += SUMS / 2, start += SUMS / 2, z += SUMS / 2;
    }
    if (n_out > 0) {
        tp_spmv_in_c(list, w, n_out, start, z);
    }
}

// Whether going through whole rows would take longer.
static inline int few_are_selected(const tp_update_t *update) {
    return 3 * (size_t)(update->selected_end - update->selected) < update->row_bytes / 2;
}

TP_HOT void tp_update_rows(const uint32_t *list, int16_t *w, tp_update_t *update) {
    if (few_are_selected(update)) {
        tp_update_rows_in_c(list, w, update);
        return;
    }
    columns_t columns;
    for (start_columns(&columns, update); next_columns(&columns, update);) {
        if (update->bounded) {
            update_columns(list, w + columns.first, &columns, update, 1);
        } else {
            update_columns(list, w + columns.first, &columns, update, 0);
        }
    }
}

TP_HOT void tp_backward_rows(const int16_t *x, int16_t *w, int32_t *dx, tp_update_t *update) {
    if (few_are_selected(update)) {
        tp_backward_rows_in_c(x, w, dx, update);
        return;
    }
    columns_t columns;
    for (start_columns(&columns, update); next_columns(&columns, update);) {
        if (update->bounded) {
            backward_columns(x, w + columns.first, dx, &columns, update, 1);
        } else {
            backward_columns(x, w + columns.first, dx, &columns, update, 0);
        }
    }
}

// Eight inputs of a strip from number i on.
#define EIGHT_BYTES(type, x, i) \
    __builtin_convertvector(__builtin_convertvector(*(const type *)((const char *)(x) + (i)), eight_int16_t), \
        eight_uint32_t)
#define EIGHT_INPUTS(x, i, kind) \
    ((kind) == TP_INT16         ? EIGHT_OF((const int16_t *)(x) + (i), eight_uint32_t) \
            : (kind) == TP_INT8 ? EIGHT_BYTES(eight_int8_t, x, i) \
                                : EIGHT_BYTES(eight_uint8_t, x, i))

static int are_by_eight(const tp_strip_t *strip) {
    return strip->channels % 8 == 0 && strip->stride == 1;
}

// Pixel by pixel, whose sums of eight channels stay in registers over all taps.
TP_INLINE static void eight_sums(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z,
    const uint32_t kind) {
    const size_t channels = strip->channels, row = strip->columns * channels, row_w = strip->row_taps * channels;
    for (uint32_t p = 0; p < strip->pixels; p++) {
        uint32_t first = strip->pad > p ? strip->pad - p : 0, end = strip->columns + strip->pad - p;
        end = end < strip->taps ? end : strip->taps;
        for (size_t c = 0; c < channels; c += 8, z += 8) {
            eight_uint32_t sum = *(const eight_uint32_t *)z;
            size_t i = (p + first - strip->pad) * channels + c, j = first * channels + c;
            for (uint32_t rows = strip->n_rows; rows > 0; rows--, i += row, j += row_w) {
                for (uint32_t k = 0; k < (end - first) * channels; k += (uint32_t)channels) {
                    sum += EIGHT_INPUTS(x, i + k, kind) * EIGHT_OF(w + j + k, eight_uint32_t);
                }
            }
            *(eight_uint32_t *)z = sum;
        }
    }
}

// Tap by tap, whose sums of eight channels stay in registers over all pixels.
TP_INLINE static void eight_gradients(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum,
    const uint32_t kind) {
    const size_t channels = strip->channels, row = strip->columns * channels;
    for (uint32_t rows = strip->n_rows; rows > 0; rows--, sum += strip->row_taps * channels) {
        for (uint32_t k = 0; k < strip->taps && k < strip->columns + strip->pad; k++) {
            uint32_t first = strip->pad > k ? strip->pad - k : 0, end = strip->columns + strip->pad - k;
            end = end < strip->pixels ? end : strip->pixels;
            for (size_t c = 0; c < channels; c += 8) {
                eight_uint32_t *to = (eight_uint32_t *)(sum + k * channels + c), of_tap = *to;
                const int16_t *delta = deltas + first * channels + c;
                size_t i = (first + k - strip->pad) * channels + c;
                for (uint32_t p = first; p < end; p++, i += channels, delta += channels) {
                    of_tap += EIGHT_INPUTS(x, i, kind) * EIGHT_OF(delta, eight_uint32_t);
                }
                *to = of_tap;
            }
        }
        x = (const char *)x + row;
    }
}

TP_HOT void tp_depthwise_sums(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z) {
    if (!are_by_eight(strip)) {
        tp_depthwise_sums_in_c(strip, x, w, z);
    } else if (strip->x_kind == TP_INT16) {
        eight_sums(strip, x, w, z, TP_INT16);
    } else if (strip->x_kind == TP_INT8) {
        eight_sums(strip, x, w, z, TP_INT8);
    } else {
        eight_sums(strip, x, w, z, TP_UINT8);
    }
}

TP_HOT void tp_depthwise_gradients(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum) {
    if (!are_by_eight(strip)) {
        tp_depthwise_gradients_in_c(strip, x, deltas, sum);
    } else if (strip->x_kind == TP_INT8) {
        eight_gradients(strip, x, deltas, sum, TP_INT8);
    } else {
        eight_gradients(strip, x, deltas, sum, TP_UINT8);
    }
}

// Of eight filters.
static inline uint32_t sum_eight(int16_t *v, const int16_t *end, size_t filters, int s, int32_t *sum,
    uint32_t *n_nonzero) {
    eight_int32_t of_filter = { 0 }, norm = { 0 }, minus_nonzero = { 0 };
    uint32_t all = 0;
    for (; v < end; v += filters) {
        eight_int32_t d = EIGHT_OF(v, eight_int32_t);
        if (s > 0) {
            eight_int32_t twice = d >> (s - 1);
            d = (twice >> 1) + (twice & 1);
            *(eight_int16_t *)v = __builtin_convertvector(d, eight_int16_t);
        }
        of_filter += d;
        norm += (d ^ (d >> 31)) - (d >> 31);
        minus_nonzero += d != 0;  // a comparison that holds is -1
    }
    *(eight_int32_t *)sum = of_filter;
    for (int f = 0; f < 8; f++) {
        all += (uint32_t)norm[f];
        *n_nonzero -= (uint32_t)minus_nonzero[f];
    }
    return all;
}

TP_HOT uint32_t tp_sum_filters(int16_t *v, size_t n, size_t filters, int s, int32_t *sum, uint32_t *n_nonzero) {
    const int16_t *end = v + n;
    size_t left = filters;
    uint32_t norm = 0;
    *n_nonzero = 0;
    for (; left >= 8; left -= 8, v += 8, sum += 8) {
        norm += sum_eight(v, end, filters, s, sum, n_nonzero);
    }
    return norm + tp_sum_filters_in_c(v, end, filters, left, s, sum, n_nonzero);
}

#endif
