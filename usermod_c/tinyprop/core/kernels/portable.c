// The kernels in C99: what a processor without kernels of its own runs, and the specification of the others.
#include "portable.h"

#ifdef TP_ARMV6M

#include "offsets.h"
#define OFFSET_IS(offset, type, field) _Static_assert(offsetof(type, field) == (offset), "offsets.h: " #offset)
OFFSET_IS(LIST_END, tp_nonzero_t, end);
OFFSET_IS(LIST_DELTA, tp_nonzero_t, delta);
OFFSET_IS(LIST_N_PADDING, tp_nonzero_t, n_padding);
OFFSET_IS(LIST_ROW_BYTES, tp_nonzero_t, row_bytes);
OFFSET_IS(LIST_N_ROWS, tp_nonzero_t, n_rows);
OFFSET_IS(LIST_X_BYTES, tp_nonzero_t, x_bytes);
OFFSET_IS(LIST_X_JUMP, tp_nonzero_t, x_jump);
OFFSET_IS(LIST_DELTA_JUMP, tp_nonzero_t, delta_jump);
OFFSET_IS(LIST_ROW_DELTA, tp_nonzero_t, row_delta);
OFFSET_IS(LIST_MEANS, tp_nonzero_t, means);
OFFSET_IS(LIST_DOT, tp_nonzero_t, dot);
OFFSET_IS(USE_TOP, tp_format_use_t, top);
OFFSET_IS(USE_N_SATURATED, tp_format_use_t, n_saturated);
OFFSET_IS(USE_N_HIGH, tp_format_use_t, n_high);
OFFSET_IS(UPDATE_LR_MANTISSA, tp_update_t, step.lr_mantissa);
OFFSET_IS(UPDATE_SHIFT, tp_update_t, step.shift);
OFFSET_IS(UPDATE_DITHER, tp_update_t, step.dither);
OFFSET_IS(UPDATE_MAX_WEIGHT, tp_update_t, step.max_weight);
OFFSET_IS(UPDATE_N_CLAMPED, tp_update_t, n_clamped);
OFFSET_IS(UPDATE_SELECTED, tp_update_t, selected);
OFFSET_IS(UPDATE_SELECTED_END, tp_update_t, selected_end);
OFFSET_IS(UPDATE_ROW_BYTES, tp_update_t, row_bytes);
OFFSET_IS(UPDATE_N_IN, tp_update_t, n_in);
OFFSET_IS(UPDATE_BOUNDED, tp_update_t, bounded);
OFFSET_IS(STRIP_COLUMNS, tp_strip_t, columns);
OFFSET_IS(STRIP_PIXELS, tp_strip_t, pixels);
OFFSET_IS(STRIP_CHANNELS, tp_strip_t, channels);
OFFSET_IS(STRIP_PAD, tp_strip_t, pad);
OFFSET_IS(STRIP_X_KIND, tp_strip_t, x_kind);

#endif

// ---- lists

// Padding entries, for a delta above TP_MAX_ROW_DELTA.
static inline uint32_t *pad_list(tp_nonzero_t *list, uint32_t *end, uint32_t *delta) {
    for (; *delta > TP_MAX_ROW_DELTA; *delta -= TP_MAX_ROW_DELTA) {
        *end++ = TP_MAX_ROW_DELTA;
        list->n_padding++;
    }
    return end;
}

// Adds an entry for the next input, unless it is 0. delta can become too large only after an input of 0, and between
// rows.
static inline uint32_t *list_input(tp_nonzero_t *list, uint32_t *end, uint32_t x, uint32_t *delta) {
    if (TP_VECTORS) {  // no branch on what nobody can predict: an entry of x = 0 is written over
        *end = x << 16 | *delta;
        *delta = x != 0 ? list->row_delta : *delta + list->row_bytes;
        end += x != 0;
        return x == 0 && *delta > TP_MAX_ROW_DELTA ? pad_list(list, end, delta) : end;
    }
    if (x == 0) {
        *delta += list->row_bytes;
        return pad_list(list, end, delta);
    }
    *end++ = x << 16 | *delta;
    *delta = list->row_delta;
    return end;
}

void tp_widen(const uint8_t *x, int16_t *to, size_t n, int is_signed) {
    const int32_t sign = is_signed ? 128 : 0;
    const int16_t *end = to + n;
#ifndef TP_ARMV6M_SMALL
    if (sign == 0 && ((uintptr_t)x | (uintptr_t)to) % 4 == 0) {  // four at a time
        for (; end - to >= 4; x += 4, to += 4) {
            uint32_t four, pairs[2];
            __builtin_memcpy(&four, __builtin_assume_aligned(x, 4), 4);
            pairs[0] = (four & 0xff) | (four & 0xff00) << 8;
            pairs[1] = (four >> 16 & 0xff) | four >> 24 << 16;
            __builtin_memcpy(__builtin_assume_aligned(to, 4), pairs, 8);
        }
    }
#endif
    while (to != end) {
        *to++ = (int16_t)tp_byte(*x++, sign);
    }
}

void tp_copy_bytes(const uint8_t *x, uint8_t *to, size_t n) {
    const uint8_t *end = x + n;
    if (((uintptr_t)x | (uintptr_t)to) % 4 == 0) {
        for (; end - x >= 4; x += 4, to += 4) {
            __builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(x, 4), 4);
        }
    }
    while (x != end) {
        *to++ = *x++;
    }
}

#ifndef TP_ARMV6M

TP_INLINE static void list_strided(tp_nonzero_t *list, const uint8_t *x, uint32_t step, const int32_t sign) {
    uint32_t *end = list->end, delta = list->delta;
    for (uint32_t rows = list->n_rows; rows > 0; rows--) {
        end = pad_list(list, end, &delta);
        for (const uint8_t *row_end = x + list->x_bytes; x != row_end; x += step) {
            end = list_input(list, end, (uint32_t)tp_byte(*x, sign), &delta);
        }
        x += list->x_jump;
        delta += list->delta_jump;
    }
    *end = 0;
    list->end = end;
    list->delta = delta;
}

TP_HOT void tp_list_strided(tp_nonzero_t *list, const uint8_t *x, uint32_t step, int is_signed) {
    if (is_signed) {
        list_strided(list, x, step, 128);
    } else {
        list_strided(list, x, step, 0);
    }
}

TP_HOT void tp_list_nonzero(tp_nonzero_t *list, const int16_t *x) {
    uint32_t *end = list->end, delta = list->delta;
    for (uint32_t rows = list->n_rows; rows > 0; rows--) {
        end = pad_list(list, end, &delta);
        for (uint32_t n = list->x_bytes / 2; n > 0; n--) {
            end = list_input(list, end, (uint16_t)*x++, &delta);
        }
        x += list->x_jump / 2;
        delta += list->delta_jump;
    }
    *end = 0;
    list->end = end;
    list->delta = delta;
}

static inline int four_zeros(const uint8_t *x, size_t left) {
    uint32_t word;
    if ((uintptr_t)x % 4 != 0 || left < 4) {
        return 0;
    }
    __builtin_memcpy(&word, __builtin_assume_aligned(x, 4), 4);
    return word == 0;
}

TP_HOT void tp_list_nonzero_bytes(tp_nonzero_t *list, const uint8_t *x) {
    const uint8_t *x_end = x + list->x_bytes, *mean = list->means;
    uint32_t *end = list->end, delta = list->delta, dot = 0;
    while (x != x_end) {
        uint32_t v = *x++;
        dot += *mean++ * v;
        for (; v == 0 && four_zeros(x, (size_t)(x_end - x)); x += 4, mean += 4) {  // zeros tend to come in runs
            delta += 4 * list->row_bytes;
        }
        end = list_input(list, end, v, &delta);
    }
    *end = 0;
    list->end = end;
    list->delta = delta;
    list->dot = dot;
}

// ---- requantising

TP_HOT void tp_requantize_right(const int32_t *v, int32_t *to, size_t n, int s) {
    s = s < 32 ? s : 32;
    for (; n > 0; n--) {
        *to++ = tp_rshift_round_fast(*v++, s);
    }
}

// y_i as tp_relu has it. *any: OR of all.
static inline int32_t relu(int32_t z, int s, tp_format_use_t *use, int32_t *any) {
    int32_t v = tp_rshift_round_fast(z, s);
    v = v > 0 ? v : 0;
    if (TP_VECTORS) {
        use->n_high += v > use->top >> 2;
        use->n_saturated += v > use->top;
        v = v > use->top ? use->top : v;
    } else if (v > use->top >> 2) {
        use->n_high++;
        use->n_saturated += v > use->top;
        v = v > use->top ? use->top : v;
    }
    *any |= v;
    return v;
}

TP_HOT int tp_relu(const int32_t *z, int16_t *y, size_t n, int s, tp_format_use_t *use) {
    int32_t any = 0;
    s = s < 32 ? s : 32;
    for (; n > 0; n--) {
        *y++ = (int16_t)relu(*z++, s, use, &any);
    }
    return any != 0;
}

TP_HOT int tp_relu_bytes(const int32_t *z, uint8_t *y, size_t n, int s, tp_format_use_t *use) {
    tp_format_use_t counted = *use;  // what no y can be
    int32_t any = 0;
    s = s < 32 ? s : 32;
    for (; n > 0; n--) {
        *y++ = (uint8_t)relu(*z++, s, &counted, &any);
    }
    *use = counted;
    return any != 0;
}

// ---- deltas

TP_HOT int32_t tp_sum_bytes(const uint8_t *x, const uint8_t *end, size_t step, int is_signed, uint32_t *squares) {
    const int32_t sign = is_signed ? 128 : 0;
    int32_t sum = 0;
    uint32_t of_squares = 0;
    for (; x < end; x += step) {
        int32_t v = tp_byte(*x, sign);
        sum += v;
        of_squares += (uint32_t)(v * v);
    }
    *squares += of_squares;
    return sum;
}

static inline uint32_t sum_filters(int16_t *v, const int16_t *end, size_t filters, size_t count, int s,
    const int rounds, int32_t *sum, uint32_t *n_nonzero) {
    uint32_t norm = 0, n = 0;
    for (; count > 0; count--) {
        int32_t of_filter = 0;
        for (int16_t *at = v++; at < end; at += filters) {
            int32_t d = *at;
            if (!TP_VECTORS && d == 0) {
                continue;
            }
            if (rounds) {
                d = tp_rshift_round_fast(d, s);
                *at = (int16_t)d;
            }
            of_filter += d;
            norm += (uint32_t)tp_abs(d);
            n += d != 0;
        }
        *sum++ = of_filter;
    }
    *n_nonzero += n;
    return norm;
}

TP_HOT uint32_t tp_sum_filters_in_c(int16_t *v, const int16_t *end, size_t filters, size_t count, int s, int32_t *sum,
    uint32_t *n_nonzero) {
    return s > 0 ? sum_filters(v, end, filters, count, s, 1, sum, n_nonzero)
                 : sum_filters(v, end, filters, count, s, 0, sum, n_nonzero);
}

#ifndef TP_X86_64

uint32_t tp_sum_filters(int16_t *v, size_t n, size_t filters, int s, int32_t *sum, uint32_t *n_nonzero) {
    *n_nonzero = 0;
    return tp_sum_filters_in_c(v, v + n, filters, filters, s, sum, n_nonzero);
}

#endif

static inline uint32_t mask(int32_t *v, const uint8_t *y, size_t n, const int masks) {
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++) {
        if (!TP_VECTORS && masks && y[i] == 0) {
            v[i] = 0;
            continue;
        }
        if (TP_VECTORS && masks) {
            v[i] &= -(int32_t)(y[i] != 0);
        }
        all |= (uint32_t)tp_abs(v[i]);
    }
    return all;
}

TP_HOT uint32_t tp_mask(int32_t *v, const uint8_t *y, size_t n) {
    return y ? mask(v, y, n, 1) : mask(v, y, n, 0);
}

TP_HOT uint32_t tp_diffuse(int16_t *v, size_t n, size_t filters, int32_t t, int32_t *residual, int32_t *all,
    int32_t *left, uint32_t *n_left) {
    const int16_t *end = v + n;
    uint32_t norm = 0, n_nonzero = 0;
    int32_t excess = *residual;
    for (size_t f = 0; f < filters; f++) {
        int32_t small = 0, of_all = 0, of_left = 0;
        for (int16_t *delta = v + f; delta < end; delta += filters) {
            int32_t d = *delta;
            if (d == 0) {  // what adds up stays below t
                continue;
            }
            of_all += d;
            if (tp_abs(d) < t) {
                small += d;
                int32_t over = excess + tp_abs(small) - t;  // below t, as the two were below t before this delta
                if (over < 0) {
                    *delta = 0;
                    continue;
                }
                d = small < 0 ? -t : t;
                *delta = (int16_t)d;
                excess = over;
                small = 0;
            }
            of_left += d;
            norm += (uint32_t)tp_abs(d);
            n_nonzero++;
        }
        excess += tp_abs(small);
        all[f] = of_all;
        left[f] = of_left;
    }
    *residual = excess;
    *n_left = n_nonzero;
    return norm;
}

// ---- moving weights

TP_HOT uint32_t tp_select_nonzero(const int16_t *deltas, size_t n, int32_t factor, int32_t dead_zone,
    tp_update_t *update) {
    tp_selected_t *end = update->selected;
    uint32_t n_nonzero = 0;
    for (uint32_t j = 0; j < n; j++) {
        int32_t d = *deltas++;
        if (TP_VECTORS || d != 0) {
            n_nonzero += d != 0;
            d *= factor;
            *end = (tp_selected_t) { d, 2 * j };  // is written over if it is too small
            end += tp_beyond(d, dead_zone);
        }
    }
    update->selected_end = end;
    return n_nonzero;
}

// w += (dither - gradient) >> shift, where gradient = x d m. bounded: clamped to +-max_weight, and counted.
static inline void move_weight(int16_t *weight, int32_t gradient, const tp_step_t *step, const int bounded,
    uint32_t *n_clamped) {
    int32_t moved = *weight + ((step->dither - gradient) >> step->shift);
    if (bounded && __builtin_expect(tp_beyond(moved, step->max_weight), 0)) {
        moved = moved > 0 ? step->max_weight : -step->max_weight;
        ++*n_clamped;
    }
    *weight = (int16_t)moved;
}

static inline int16_t *weight_at(int16_t *row, uint32_t offset) {
    return (int16_t *)((char *)row + offset);
}

static inline void update_rows(const uint32_t *list, int16_t *row, tp_update_t *update, const int bounded) {
    const tp_step_t step = update->step;
    const tp_selected_t *first = update->selected, *end = update->selected_end;
    for (; *list != 0; list++) {
        int32_t x = (int32_t)*list >> 16;
        row = (int16_t *)tp_row_of(list, row);
        const tp_selected_t *selected = first;
        if (x != 0) {
            do {
                tp_selected_t d = *selected++;
                move_weight(weight_at(row, d.offset), -x * d.delta, &step, bounded, &update->n_clamped);
            } while (selected != end);
        }
    }
}

TP_HOT void tp_update_rows_in_c(const uint32_t *list, int16_t *row, tp_update_t *update) {
    if (update->bounded) {
        update_rows(list, row, update, 1);
    } else {
        update_rows(list, row, update, 0);
    }
}

static inline void backward_rows(const int16_t *x, int16_t *row, int32_t *dx, tp_update_t *update, const int bounded) {
    const tp_step_t step = update->step;
    const tp_selected_t *first = update->selected, *end = update->selected_end;
    for (uint32_t n = update->n_in; n > 0; n--) {
        int32_t xm = *x++ * step.lr_mantissa, sum = 0;
        const tp_selected_t *selected = first;
        if (xm != 0) {
            do {
                tp_selected_t d = *selected++;
                int16_t *weight = weight_at(row, d.offset);
                sum = tp_add(sum, *weight * d.delta);
                move_weight(weight, xm * d.delta, &step, bounded, &update->n_clamped);
            } while (selected != end);
        }
        *dx++ = sum;
        row = weight_at(row, update->row_bytes);
    }
}

TP_HOT void tp_backward_rows_in_c(const int16_t *x, int16_t *row, int32_t *dx, tp_update_t *update) {
    if (update->bounded) {
        backward_rows(x, row, dx, update, 1);
    } else {
        backward_rows(x, row, dx, update, 0);
    }
}

TP_HOT void tp_move_biases(const int16_t *deltas, int32_t *b, size_t n, int32_t factor, int s) {
    s = s < 32 ? s : 32;
    for (; n > 0; n--, b++) {
        int32_t moved = tp_add(*b, -tp_rshift_round_fast(*deltas++ * factor, s));
        *b = __builtin_expect(tp_beyond(moved, 1 << 30), 0) ? tp_sat(moved, 1 << 30) : moved;
    }
}

// Four rows at a time, so that each selected delta is loaded for four products.
TP_HOT void tp_input_sums(const int16_t *w, uint32_t row_bytes, size_t n, const tp_selected_t *first,
    const tp_selected_t *end, int32_t *dx) {
    const char *row = (const char *)w;
    for (; n >= 4; n -= 4, row += 4 * row_bytes, dx += 4) {
        int32_t a = dx[0], b = dx[1], c = dx[2], e = dx[3];
        const char *second = row + row_bytes, *third = second + row_bytes, *fourth = third + row_bytes;
        for (const tp_selected_t *d = first; d != end; d++) {
            a = tp_add(a, *(const int16_t *)(row + d->offset) * d->delta);
            b = tp_add(b, *(const int16_t *)(second + d->offset) * d->delta);
            c = tp_add(c, *(const int16_t *)(third + d->offset) * d->delta);
            e = tp_add(e, *(const int16_t *)(fourth + d->offset) * d->delta);
        }
        dx[0] = a;
        dx[1] = b;
        dx[2] = c;
        dx[3] = e;
    }
    for (; n > 0; n--, row += row_bytes, dx++) {
        for (const tp_selected_t *d = first; d != end; d++) {
            *dx = tp_add(*dx, *(const int16_t *)(row + d->offset) * d->delta);
        }
    }
}

TP_HOT TP_NOINLINE static void sum_wide(const uint32_t *list, const int16_t *w, const int32_t *start, int32_t *z) {
    tp_sum_columns(list, w, TP_COLUMNS, start, z);
}

TP_HOT TP_NOINLINE void tp_spmv_in_c(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start,
    int32_t *z) {
    for (; n_out >= TP_COLUMNS; n_out -= TP_COLUMNS, w += TP_COLUMNS, start += TP_COLUMNS, z += TP_COLUMNS) {
        sum_wide(list, w, start, z);
    }
    for (; n_out >= 2; n_out -= 2, w += 2, start += 2, z += 2) {
        tp_sum_columns(list, w, 2, start, z);
    }
    if (n_out > 0) {
        tp_sum_columns(list, w, 1, start, z);
    }
}

#if !defined(TP_ARMV7EM) && !defined(TP_X86_64)

void tp_spmv(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z) {
    tp_spmv_in_c(list, w, n_out, start, z);
}

void tp_update_rows(const uint32_t *list, int16_t *row, tp_update_t *update) {
    tp_update_rows_in_c(list, row, update);
}

#endif

#ifndef TP_X86_64

void tp_backward_rows(const int16_t *x, int16_t *row, int32_t *dx, tp_update_t *update) {
    tp_backward_rows_in_c(x, row, dx, update);
}

#endif
#endif

void tp_requantize(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit) {
    if (s > 0) {
        tp_requantize_right(v, to, n, s);
        for (const int32_t *end = to + n; to != end; to++) {
            *to = tp_sat(*to, limit);
        }
        return;
    }
    for (; n > 0; n--) {
        *to++ = tp_rshift_round_sat(*v++, s, limit);
    }
}

uint32_t tp_dot(const uint8_t *means, const int16_t *x, size_t n, int is_signed) {
    uint32_t dot = 0;
    for (const uint8_t *end = means + n; means != end; means++) {
        dot += (uint32_t)(*x++ * (is_signed ? (int8_t)*means : *means));
    }
    return dot;
}

void tp_take_larger_in_c(const uint8_t *x, uint8_t *y, uint8_t *which, size_t n, size_t channels, uint32_t first,
    uint32_t end) {
    for (const uint8_t *y_end = y + n; y != y_end; y += channels, which += channels) {
        for (uint32_t k = first; k < end; k++, x += channels) {
            for (size_t c = 0; c < channels; c++) {
                if (x[c] > y[c]) {
                    y[c] = x[c];
                    which[c] = (uint8_t)k;
                }
            }
        }
    }
}

#ifndef TP_ARMV7EM

TP_HOT void tp_input_sums_of_all(const int16_t *w, size_t n_deltas, size_t n, const int16_t *deltas, int32_t *dx) {
    for (; n > 0; n--, w += n_deltas, dx++) {
        int32_t sum = *dx;
        for (size_t f = 0; f < n_deltas; f++) {
            sum = tp_add(sum, w[f] * deltas[f]);
        }
        *dx = sum;
    }
}

void tp_take_larger(const uint8_t *x, uint8_t *y, uint8_t *which, size_t n, size_t channels, uint32_t first,
    uint32_t end) {
    tp_take_larger_in_c(x, y, which, n, channels, first, end);
}

#endif

void tp_mask_shares(const int16_t *v, const uint8_t *y, int16_t *to, size_t n) {
    for (const int16_t *end = v + n; v != end; v++) {
        *to++ = *y++ ? *v : 0;
    }
}

uint32_t tp_l1_norm(const int16_t *v, size_t n) {
    uint32_t sum = 0;
    for (const int16_t *end = v + n; v != end; v++) {
        sum += (uint32_t)tp_abs(*v);
    }
    return sum;
}

TP_INLINE static void add_bytes(const tp_patch_t *its_patch, int32_t d, const uint8_t *x, const int32_t sign,
    const uint32_t channels, int32_t *to) {
    const tp_patch_t patch = *its_patch;  // which *to cannot change
    for (uint32_t rows = patch.n_rows; rows > 0; rows--, x += patch.x_stride, to += patch.w_stride) {
        const uint8_t *v = x;
        for (int32_t *sum = to, *end = to + patch.taps; sum != end; sum++, v += channels) {
            *sum = tp_add(*sum, d * tp_byte(*v, sign));
        }
    }
}

void tp_add_bytes(const tp_patch_t *patch, int32_t d, const uint8_t *x, int is_signed, int32_t *to) {
    uint32_t channels = patch->channels;
    int32_t sign = is_signed ? 128 : 0;
#ifndef TP_ARMV6M_SMALL
    if (sign == 0 && channels == 1) {
        add_bytes(patch, d, x, 0, 1, to);
        return;
    }
#endif
    add_bytes(patch, d, x, sign, channels, to);
}

// w += (dither - g m) >> shift, clamped, and counted.
static inline void move_by(int16_t *w, int32_t g, const tp_step_t *step, uint32_t *n_clamped) {
    int32_t moved = *w + ((step->dither - g * step->lr_mantissa) >> step->shift);
    if (TP_VECTORS) {
        *n_clamped += (uint32_t)tp_beyond(moved, step->max_weight);
        moved = tp_sat(moved, step->max_weight);
    } else if (__builtin_expect(tp_beyond(moved, step->max_weight), 0)) {
        ++*n_clamped;
        moved = tp_sat(moved, step->max_weight);
    }
    *w = (int16_t)moved;
}

uint32_t tp_move_filter(const int32_t *gradient, size_t n, const uint8_t *means, size_t n_means, int is_signed,
    int32_t sum, int32_t *along, int along_shift, int16_t *w, size_t filters, const tp_step_t *step) {
    const int32_t sign = is_signed ? 128 : 0;
    int32_t along_means = 0;
    uint32_t n_clamped = 0;
    size_t c = 0;
    for (const int32_t *end = gradient + n; gradient != end; gradient++, w += filters) {
        int32_t mean = tp_byte(means[c], sign), g = *gradient - mean * sum;
        along_means += mean * tp_rshift_round_fast(g, along_shift);
        move_by(w, g, step, &n_clamped);
        c = c + 1 < n_means ? c + 1 : 0;
    }
    *along += along_means;
    return n_clamped;
}

TP_INLINE static int32_t strip_value(const void *x, size_t i, const uint32_t kind) {
    return kind == TP_INT16 ? ((const int16_t *)x)[i] : tp_byte(((const uint8_t *)x)[i], kind == TP_INT8 ? 128 : 0);
}

// Any kernel: pixel by pixel, all channels of a tap in turn. What is multiplied by x and what that is added to are those of
// the tap and of the pixel, or the other way round.
TP_INLINE static void strip_products(const tp_strip_t *strip, const void *x, const int16_t *v, uint32_t of_pixel,
    int32_t *to, const uint32_t kind) {
    const size_t channels = strip->channels;
    for (uint32_t p = 0; p < strip->pixels; p++) {
        for (uint32_t k = 0; k < strip->taps; k++) {
            uint32_t j = p * strip->stride + k - strip->pad;
            const int16_t *factor = v + (of_pixel ? p : k) * channels;
            int32_t *sum = to + (of_pixel ? k : p) * channels;
            for (size_t c = 0; j < strip->columns && c < channels; c++) {
                sum[c] = tp_add(sum[c], factor[c] * strip_value(x, j * channels + c, kind));
            }
        }
    }
}

// Whether tp_three_taps and tp_three_gradients do it, which is quicker unless instructions take several channels at a time.
// In assembly they are for inputs that are not negative, and for deltas.
static inline int has_three_taps(const tp_strip_t *strip, const uint32_t kind) {
#ifdef TP_ARMV6M
    const int takes_kind = kind != TP_INT8;
#else
    const int takes_kind = kind <= TP_INT16;
#endif
    return !TP_VECTORS && takes_kind && strip->taps == 3 && strip->stride == 1;
}

#ifndef TP_ARMV6M

// Three taps side by side, channel by channel. Each input is read once, and z is in a register until all three inputs that
// it sees are added to it.
TP_INLINE static void tp_three_taps(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z,
    const uint32_t kind) {
    const size_t channels = strip->channels, n = strip->columns * channels;
    for (size_t c = 0; c < channels; c++, w++) {
        const int32_t left = w[0], middle = w[channels], right = w[2 * channels];
        int32_t *to = z + c - TP_MARGIN * channels + strip->pad * channels, first = to[0], second = to[channels];
        for (size_t i = c; i < n; i += channels, to += channels) {
            int32_t v = strip_value(x, i, kind);
            to[0] = tp_add(first, right * v);
            first = tp_add(second, middle * v);
            second = tp_add(to[2 * channels], left * v);
        }
        to[0] = first;
        to[channels] = second;
    }
}

TP_INLINE static void tp_three_gradients(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum,
    const uint32_t kind) {
    const size_t channels = strip->channels, n = strip->columns * channels, end = strip->pixels * channels;
    for (size_t c = 0; c < channels; c++, sum++) {
        size_t i = c;
        int32_t left = 0, of_left = 0, of_middle = 0, of_right = 0;
        if (strip->pad == 0) {
            left = strip_value(x, i, kind);
            i += channels;
        }
        int32_t middle = strip_value(x, i, kind);
        for (size_t p = c; p < end; p += channels) {
            i += channels;
            int32_t d = deltas[p], right = i < n ? strip_value(x, i, kind) : 0;
            of_left = tp_add(of_left, d * left);
            of_middle = tp_add(of_middle, d * middle);
            of_right = tp_add(of_right, d * right);
            left = middle;
            middle = right;
        }
        sum[0] = tp_add(sum[0], of_left);
        sum[channels] = tp_add(sum[channels], of_middle);
        sum[2 * channels] = tp_add(sum[2 * channels], of_right);
    }
}

#endif

// tp_depthwise_sums, or of_pixel tp_depthwise_gradients.
TP_INLINE static void depthwise(const tp_strip_t *strip, const void *x, const int16_t *v, const uint32_t of_pixel,
    int32_t *to, const uint32_t kind) {
    size_t row = strip->row_taps * strip->channels;
    int three = has_three_taps(strip, kind) && strip->pad + of_pixel < 3;
    for (uint32_t rows = strip->n_rows; rows > 0; rows--, v += of_pixel ? 0 : row, to += of_pixel ? row : 0) {
        if (three && of_pixel) {
            tp_three_gradients(strip, x, v, to, kind);
        } else if (three) {
            tp_three_taps(strip, x, v, to, kind);
        } else {
            strip_products(strip, x, v, of_pixel, to, kind);
        }
        x = (const char *)x + (strip->columns * strip->channels << (kind == TP_INT16));
    }
}

#ifdef TP_ARMV6M

TP_NOINLINE static void depthwise_of_kind(const tp_strip_t *strip, const void *x, const int16_t *v, uint32_t of_pixel,
    int32_t *to) {
    depthwise(strip, x, v, of_pixel, to, strip->x_kind);
}

void tp_depthwise_sums(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z) {
    depthwise_of_kind(strip, x, w, 0, z);
}

void tp_depthwise_gradients(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum) {
    depthwise_of_kind(strip, x, deltas, 1, sum);
}

#else

TP_HOT void tp_depthwise_sums_in_c(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z) {
    switch (strip->x_kind) {
        case TP_UINT8: depthwise(strip, x, w, 0, z, TP_UINT8); break;
        case TP_INT8: depthwise(strip, x, w, 0, z, TP_INT8); break;
        default: depthwise(strip, x, w, 0, z, TP_INT16); break;
    }
}

TP_HOT void tp_depthwise_gradients_in_c(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum) {
    if (strip->x_kind == TP_UINT8) {
        depthwise(strip, x, deltas, 1, sum, TP_UINT8);
    } else {
        depthwise(strip, x, deltas, 1, sum, TP_INT8);
    }
}

#ifndef TP_X86_64

void tp_depthwise_sums(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z) {
    tp_depthwise_sums_in_c(strip, x, w, z);
}

void tp_depthwise_gradients(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum) {
    tp_depthwise_gradients_in_c(strip, x, deltas, sum);
}

#endif
#endif

// ---- what armv6m.S leaves to C where code has to be small

#ifndef TP_ARMV6M_ALL

static inline int32_t requantize(int32_t v, int s, int32_t limit, uint32_t *n_beyond) {
    v = tp_rshift_round_fast(v, s);
    if (TP_VECTORS) {
        *n_beyond += (uint32_t)tp_beyond(v, limit);
        return tp_sat(v, limit);
    }
    if (__builtin_expect(tp_beyond(v, limit), 0)) {
        ++*n_beyond;
        return tp_sat(v, limit);
    }
    return v;
}

TP_HOT uint32_t tp_requantize_int16(int32_t *v, int16_t *to, size_t n, int s, int32_t limit) {
    uint32_t n_beyond = 0;
    s = s < 32 ? s : 32;
    for (; n > 0; n--) {
        *to++ = (int16_t)requantize(*v++, s, limit, &n_beyond);
    }
    return n_beyond;
}

#ifndef TP_ARMV7EM

TP_HOT uint32_t tp_move_by_gradients(const int32_t *gradient, size_t n, int32_t mean, const int32_t *sum,
    int32_t *along, int along_shift, int16_t *w, const tp_step_t *its_step) {
    const tp_step_t step = *its_step;  // which *along cannot change
    uint32_t n_clamped = 0;
    for (int16_t *end = w + n; w != end; w++, along++) {
        int32_t g = *gradient++ - mean * *sum++;
        *along += mean * tp_rshift_round_fast(g, along_shift);
        move_by(w, g, &step, &n_clamped);
    }
    return n_clamped;
}

#endif
#endif
