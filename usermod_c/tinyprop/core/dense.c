// Dense layers, and the sum that dense and convolution layers share.
//   forward    z_j  = b_j + sum_i w_ij x_i
//   backward   dx_i = sum_j w_ij d_j          dw_ij = x_i d_j
// Zeros are skipped exactly: an x_i of 0 takes no part in z or dw, and where the layer below is a relu its error is 0 as
// well; a d_j of 0 takes no part in dw or dx. So one list of the non-zero inputs, made in the forward pass, serves all
// three, and weights lie [input][output] so that each entry of the list meets its weights side by side.
#include "internal.h"

// That sums are made of at a time: as many as fit into the registers.
#ifdef __XTENSA__
#define COLUMNS 4
#else
#define COLUMNS 8
#endif
#define UNROLL _Pragma("GCC unroll 8")

// Cortex-M4 and above have products of halves of words.
#ifdef __ARM_FEATURE_DSP
#define TP_DSP 1
#else
#define TP_DSP 0
#endif

#ifndef TP_ARMV6M

// Entries with an x of 0, for a way longer than one can say.
static inline uint32_t *go_far(tp_list_t *list, uint32_t *end, uint32_t *skip) {
    for (; *skip > TP_MAX_SKIP; *skip -= TP_MAX_SKIP) {
        *end++ = TP_MAX_SKIP;
        list->fillers++;
    }
    return end;
}

// The next input: an entry at the end of the list, unless it is 0. Only then, and between lines, can the way become too long.
static inline uint32_t *list_input(tp_list_t *list, uint32_t *end, uint32_t x, uint32_t *skip) {
    if (x == 0) {
        *skip += list->row_bytes;
        return go_far(list, end, skip);
    }
    *end++ = x << 16 | *skip;
    *skip = list->after;
    return end;
}

// Lists the non-zero ones among some lines of inputs. An entry is x << 16 | skip, where skip is how many bytes its row of
// weights lies behind that of the entry before. A way longer than that can say takes entries with an x of 0 in between; an
// entry of 0 ends the list.
TP_HOT void tp_list_nonzero(tp_list_t *list, const int16_t *x) {
    uint32_t *end = list->end, skip = list->skip;
    for (uint32_t lines = list->lines; lines > 0; lines--) {
        end = go_far(list, end, &skip);
        for (uint32_t n = list->line_bytes / 2; n > 0; n--) {
            end = list_input(list, end, (uint16_t)*x++, &skip);
        }
        x += list->jump_bytes / 2;
        skip += list->jump_skip;
    }
    *end = 0;
    list->end = end;
}

static inline int four_zeros(const uint8_t *x, size_t left) {
    uint32_t word;
    if ((uintptr_t)x % 4 != 0 || left < 4) {
        return 0;
    }
    __builtin_memcpy(&word, __builtin_assume_aligned(x, 4), 4);
    return word == 0;
}

// The same of one line of bytes, where zeros are seldom alone.
TP_HOT void tp_list_bytes(tp_list_t *list, const uint8_t *x) {
    const uint8_t *x_end = x + list->line_bytes;
    uint32_t *end = list->end, skip = list->skip;
    while (x != x_end) {
        uint32_t v = *x++;
        for (; v == 0 && four_zeros(x, (size_t)(x_end - x)); x += 4) {
            skip += 4 * list->row_bytes;
        }
        end = list_input(list, end, v, &skip);
    }
    *end = 0;
    list->end = end;
}

#endif

// The list of a layer's inputs before its first entry, and after the last one.
static inline tp_list_t new_list(const tp_model_t *m, const tp_layer_t *l) {
    uint32_t row = 2u * l->out_c;
    return (tp_list_t) { tp_at(m, l->list), 0, 0, row, 1, 2u * l->n_in, 0, 0, row - tp_ahead(l->out_c) };
}

static inline void end_list(const tp_model_t *m, tp_layer_t *l, const tp_list_t *list) {
    l->n_nonzero = (uint16_t)((uint32_t)(list->end - (uint32_t *)tp_at(m, l->list)) - list->fillers);
}

// Makes the list of a layer's inputs, which may be bytes that are what the inputs would be, if a row has TP_MAX_SKIP at most.
void tp_dense_list(const tp_model_t *m, tp_layer_t *l, const uint8_t *bytes) {
    tp_list_t list = new_list(m, l);
    if (bytes) {
        list.line_bytes = l->n_in;
        tp_list_bytes(&list, bytes);
    } else {
        if (list.row_bytes > TP_MAX_SKIP) {  // a line each: only from one to the next may be further than 16 bits can say
            list.lines = l->n_in;
            list.line_bytes = 2;
        }
        tp_list_nonzero(&list, tp_at(m, l->inputs));
    }
    end_list(m, l, &list);
}

#ifdef TP_LISTS_AT_ONCE

// tp_relu of the outputs y of a layer, and their list for the dense layer above.
int tp_relu_to_dense(const tp_model_t *m, tp_layer_t *above, const int32_t *z, int16_t *y, int s, tp_range_use_t *use) {
    tp_list_t list = new_list(m, above);
    if (list.row_bytes > TP_MAX_SKIP) {
        int any = tp_relu(z, y, above->n_in, s, use);
        tp_dense_list(m, above, NULL);
        return any;
    }
    tp_relu_and_list(z, y, above->n_in, s, use, &list);
    end_list(m, above, &list);
    return above->n_nonzero != 0;
}

#endif

// z_j = bias in Q.(fx+fw): b is Q.(fw+12) and fx <= 12. |b| <= 2^30, so 8-bit layers (fx <= 8) start within 2^26, and
// 12-bit layers are held to 2^28. The clamp binds only for fx > 10 or an image made by others.
void tp_start_sums(const tp_layer_t *l, const tp_model_t *m, int32_t *z) {
    const int32_t *b = tp_at(m, l->biases);
    int32_t limit = m->bits == 8 ? 1 << 26 : 1 << 28;
    tp_shift_all(b, z, l->out_c, 12 - l->fx, limit);
}

// z_j = start_j + sum over the listed i of x_i w_ij, for n_out columns.
//   w int16 [..][n_out]   start, z int32 [n_out], Q.(fx+fw); they may be the same
// Bound: max_weight = floor((2^31 - 1 - spare) / (x_max * fan_in)) (tp_layout), so |z| <= bias + x_max * fan_in *
// max_weight < 2^31 in any order of summation; spare is 2^27 (2^29 with 12 bits), twice the bias' limit.
#ifndef TP_ARMV6M

static inline const int16_t *row_of(const uint32_t *entry, const int16_t *before) {
    return (const int16_t *)((const char *)before + (uint16_t)*entry);
}

// Weight j of a row. Cortex-M4 multiplies either half of a word; words lie where they can be loaded in rows of an even length.
static inline int32_t weight_of(const int16_t *row, int j, const int in_words) {
    if (in_words) {
        uint32_t pair;
        __builtin_memcpy(&pair, __builtin_assume_aligned(row + (j & ~1), 4), 4);
        return (int16_t)(j & 1 ? pair >> 16 : pair);
    }
    return row[j];
}

// So many columns; as arrays of a known length the sums stay in registers.
static inline void sum_columns(const uint32_t *entry, const int16_t *row, const int n, const int in_words, const int32_t *start,
    int32_t *z) {
    int32_t sum[COLUMNS];
    UNROLL for (int j = 0; j < n; j++) {
        sum[j] = start[j];
    }
    for (; *entry != 0; entry++) {
        int16_t x = (int16_t)(*entry >> 16);
        row = row_of(entry, row);
        UNROLL for (int j = 0; j < n; j++) {
            sum[j] = tp_add(sum[j], x * weight_of(row, j, in_words));
        }
    }
    UNROLL for (int j = 0; j < n; j++) {
        z[j] = sum[j];
    }
}

TP_HOT TP_ALONE static void sum_wide(const uint32_t *list, const int16_t *w, const int32_t *start, int32_t *z) {
    sum_columns(list, w, COLUMNS, TP_DSP, start, z);
}

TP_HOT void tp_sum_rows(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z) {
    int wide = !TP_DSP || n_out % 2 == 0;
    for (; wide && n_out >= COLUMNS; n_out -= COLUMNS, w += COLUMNS, start += COLUMNS, z += COLUMNS) {
        sum_wide(list, w, start, z);
    }
    for (; n_out >= 2; n_out -= 2, w += 2, start += 2, z += 2) {
        sum_columns(list, w, 2, 0, start, z);
    }
    if (n_out > 0) {
        sum_columns(list, w, 1, 0, start, z);
    }
}

#endif

void tp_dense_forward(const tp_model_t *m, tp_layer_t *l, int32_t *z) {
    int has_list = l == tp_layers(m) || tp_lists_at_once(l - 1);  // made where inputs are read, or outputs below
    if (!has_list) {
        tp_dense_list(m, l, NULL);
    }
    tp_start_sums(l, m, z);
    tp_sum_rows(tp_at(m, l->list), tp_at(m, l->weights), l->n_out, z, z);
}

#ifndef TP_ARMV6M

// w -= (gradient + half) >> shift, clamped to +-max if it might pass it;   gradient = x d m, and x <= 255 with |d| <= 2^14, or
// x <= 4095 with |d| <= 2^13: |x d m| <= 2^13 * 4095 * 31 < 2^30, plus half <= 2^30: below 2^31
static inline void move_weight(int16_t *weight, int32_t gradient, const tp_step_t *step, const int bounded, uint32_t *clamped) {
    int32_t moved = *weight - ((gradient + (1 << (step->shift - 1))) >> step->shift);
    if (bounded && __builtin_expect(tp_beyond(moved, step->max), 0)) {
        moved = moved > 0 ? step->max : -step->max;
        ++*clamped;
    }
    *weight = (int16_t)moved;
}

static inline int16_t *weight_at(int16_t *row, uint32_t at) {
    return (int16_t *)((char *)row + at);
}

// Keeps the errors that are not 0 without the excess bits, times factor, where that is beyond +-idle. Returns how many are not 0.
TP_HOT uint32_t tp_keep(const int16_t *errors, size_t n, int32_t factor, int32_t idle, tp_update_t *job) {
    tp_kept_t *end = job->kept;
    uint32_t idle_ones = 0;
    for (uint32_t j = 0; j < n; j++) {
        int32_t d = *errors++;
        if (d != 0) {
            d = tp_round_right(2 * d, job->excess + 1) * factor;  // tp_round, the same way for an excess of 0
            if (tp_beyond(d, idle)) {
                *end++ = (tp_kept_t) { d, 2 * j };
            } else {
                idle_ones += d != 0;
            }
        }
    }
    job->kept_end = end;
    return (uint32_t)(end - job->kept) + idle_ones;
}

// The rows of weights of the listed inputs move. At least one error is kept, here and in tp_backward_rows.
static inline void update_rows(const uint32_t *list, int16_t *row, tp_update_t *job, const int bounded) {
    const tp_step_t step = job->step;
    const tp_kept_t *first = job->kept, *end = job->kept_end;
    for (; *list != 0; list++) {
        int32_t x = (int32_t)*list >> 16;
        row = (int16_t *)row_of(list, row);
        const tp_kept_t *kept = first;
        if (x != 0) {
            do {
                tp_kept_t error = *kept++;
                move_weight(weight_at(row, error.at), -x * error.d, &step, bounded, &job->clamped);
            } while (kept != end);
        }
    }
}

#if TP_DSP

// A kept error times x moves its weight in the row, by the upper half of the product. One piece, as the compiler makes two
// loads of one. Returns the next error.
static inline const tp_kept_t *move_by_upper_half(int16_t *row, int32_t x, const tp_kept_t *kept) {
    int32_t d;
    uint32_t at, weight;
    __asm__ volatile(
        "ldrd %0, %1, [%3], #8\n ldrh %2, [%4, %1]\n smmlar %0, %5, %0, %2\n strh %0, [%4, %1]"
        : "=&r" (d), "=&r" (at), "=&r" (weight), "+&r" (kept) : "r" (row), "r" (x) : "memory");
    return kept;
}

// The same for two, brought by one instruction.
static inline const tp_kept_t *move_two_by_upper_half(int16_t *row, int32_t x, const tp_kept_t *kept) {
    uint32_t weight;
    __asm__ volatile(
        "ldmia %1!, {r4, r5, r6, r8}\n"
        "ldrh %0, [%2, r5]\n smmlar r4, %3, r4, %0\n strh r4, [%2, r5]\n"
        "ldrh %0, [%2, r8]\n smmlar r6, %3, r6, %0\n strh r6, [%2, r8]"
        : "=&r" (weight), "+&r" (kept) : "r" (row), "r" (x) : "r4", "r5", "r6", "r8", "memory");
    return kept;
}

// The same where no bound is in the way and no x is below 0. SMMLAR adds the upper half of a product to a weight, rounded:
// halves up, but in a step that is subtracted up is down. So d becomes d 2^bits - 1, where x times that 1 is less than a
// last bit of x d 2^bits, as x < 2^bits. The rest of the way to bit 32 is on x.
//   |d| <= 2^14 * 31 with 8 bits, 2^13 * 31 with 12: |d| 2^bits < 2^30
static inline void update_rows_by_upper_half(const uint32_t *list, int16_t *row, const tp_update_t *job, int rest) {
    tp_kept_t *first = job->kept, *end = job->kept_end;
    for (tp_kept_t *kept = first; kept != end; kept++) {
        kept->d = kept->d * (1 << job->bits) - 1;
    }
    for (; *list != 0; list++) {
        int32_t x = (int32_t)(*list >> 16 << rest);
        row = (int16_t *)row_of(list, row);
        const tp_kept_t *kept = first;
        if (x == 0) {
            continue;
        }
        if ((end - first) & 1) {
            kept = move_by_upper_half(row, x, kept);
        }
        if ((end - first) & 2) {
            kept = move_two_by_upper_half(row, x, kept);
        }
        while (kept != end) {
            kept = move_two_by_upper_half(row, x, kept);
            kept = move_two_by_upper_half(row, x, kept);
        }
    }
}

#endif

TP_HOT void tp_update_rows(const uint32_t *list, int16_t *row, tp_update_t *job) {
    if (job->bounded) {
        update_rows(list, row, job, 1);
        return;
    }
#if TP_DSP
    int rest = 32 - job->step.shift - job->bits;
    if (rest >= 0 && !job->negative) {
        update_rows_by_upper_half(list, row, job, rest);
        return;
    }
#endif
    update_rows(list, row, job, 0);
}

// The row of weights of each input that is not 0 moves, and the input's error is the row (as it was before) times the kept
// errors; that of an input of 0 is 0:   |sum w d| <= 32767 * sum |d|, and sum |d| <= 65535 (model.c, L1 guard): below 2^31
static inline void backward_rows(const int16_t *x, int16_t *row, int32_t *dx, tp_update_t *job, const int bounded) {
    const tp_step_t step = job->step;
    const tp_kept_t *first = job->kept, *end = job->kept_end;
    for (uint32_t n = job->n_in; n > 0; n--) {
        int32_t xm = *x++ * step.m, sum = 0;
        const tp_kept_t *kept = first;
        if (xm != 0) {
            do {
                tp_kept_t error = *kept++;
                int16_t *weight = weight_at(row, error.at);
                sum = tp_add(sum, *weight * error.d);
                move_weight(weight, xm * error.d, &step, bounded, &job->clamped);
            } while (kept != end);
        }
        *dx++ = sum;
        row = (int16_t *)((char *)row + job->row_bytes);
    }
}

TP_HOT void tp_backward_rows(const int16_t *x, int16_t *row, int32_t *dx, tp_update_t *job) {
    if (job->bounded) {
        backward_rows(x, row, dx, job, 1);
    } else {
        backward_rows(x, row, dx, job, 0);
    }
}

#endif

// The errors of a layer that moves no weight, or of inputs that are 0, where they have one.
static void errors_alone(const tp_layer_t *l, const int16_t *x, const int16_t *row, int only_zeros, int32_t *dx,
    const tp_update_t *job) {
    for (size_t i = 0; i < l->n_in; i++, row += l->n_out) {
        if (x[i] == 0 ? !l->rectified : !only_zeros) {
            int32_t sum = 0;
            for (const tp_kept_t *kept = job->kept; kept < job->kept_end; kept++) {
                sum = tp_add(sum, row[kept->at / 2] * kept->d);
            }
            dx[i] = sum;
        } else if (!only_zeros) {
            dx[i] = 0;
        }
    }
}

// Whether a weight of the layer might pass its bound in a step for errors of that sum: not if the largest step there can be
// leaves room to the largest weight. (Where there is excess the sum is above 2^15, and 2^unit loses no bit.)
static int may_pass_bound(const tp_model_t *m, tp_layer_t *l, const tp_update_t *job, uint32_t sum) {
    uint32_t unit = 1u << tp_unit(m), largest = (sum < unit ? sum : unit) >> job->excess;
    uint32_t step = ((((1u << m->bits) - 1) * largest * m->lr_m) >> job->step.shift) + 1;
    int may = step > l->room;
    l->room = (uint16_t)(may ? 0 : l->room - step);
    return may;
}

// errors int16 [n_out] Q.(fd+excess), those not kept are 0; sum is of their sizes;   dx int32 [n_in] Q.(fd+fw), or NULL where
// no layer below is trained.
void tp_dense_backward(tp_model_t *m, tp_layer_t *l, const int16_t *errors, uint32_t sum, int excess, int fd, int32_t *dx) {
    const int16_t *x = tp_at(m, l->inputs);
    int16_t *w = tp_at(m, l->weights);
    tp_kept_t *kept = tp_at(m, m->work);
    tp_update_t job = { { 0, 0, 0 }, 0, kept, kept, 2u * l->n_out, l->n_in, tp_ahead(l->n_out), excess, 0, m->bits,
        TP_DSP && (l == tp_layers(m) ? m->in_signed : !l->rectified) };
    int trains = tp_weight_step(m, l, fd, &job.step);
    // Where weights alone move, an error is left out that moves none: x < 2^bits, and |x d m| < half is a step of 0.
    int32_t factor = dx ? 1 : -job.step.m, idle = dx || !trains ? 0 : (int32_t)(((1u << (job.step.shift - 1)) - 1) >> m->bits);
    uint32_t n = tp_keep(errors, l->n_out, factor, idle, &job);
    trains = trains && n > 0;
    job.bounded = trains && may_pass_bound(m, l, &job, sum);
    if (trains && dx) {
        tp_backward_rows(x, w, dx, &job);
    } else if (trains && job.kept_end > kept) {
        tp_update_rows(tp_at(m, l->list), w, &job);
    }
    if (dx && !(trains && l->rectified)) {
        errors_alone(l, x, w, trains, dx, &job);
    }
    if (trains) {
        tp_count(&m->macs_done, (uint32_t)l->n_nonzero * n);
    }
    if (dx) {
        tp_count(&m->macs_done, (uint32_t)(l->rectified ? l->n_nonzero : l->n_in) * n);
    }
    tp_count(&m->n_clamped, job.clamped);
}
