// What the kernels in C share.
#ifndef TINYPROP_PORTABLE_H
#define TINYPROP_PORTABLE_H

#include "../fixed.h"
#include "kernels.h"

// For the loops that run most often: fast in a .mpy file too, where all else is compiled for size; and on a PC in two
// versions, one for processors with AVX2 (from 2013 on).
#ifdef TP_SMALL_CODE
#define TP_HOT __attribute__((optimize("O2")))
#elif defined(TP_VERSIONS)
#define TP_HOT __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define TP_HOT
#endif

// For a loop that is compiled once for each of its constants.
#define TP_INLINE __attribute__((always_inline)) inline

// For a loop that needs all registers, and would not get them when it is inlined.
#define TP_NOINLINE __attribute__((noinline))

// The row of weights of a list entry.
static inline const int16_t *tp_row_of(const uint32_t *entry, const int16_t *reader) {
    return (const int16_t *)((const char *)reader + (uint16_t)*entry);
}

// The loop of tp_spmv for n columns. n is a compile-time constant, so sum[] stays in registers.
static inline void tp_sum_columns(const uint32_t *entry, const int16_t *row, const int n, const int32_t *start,
    int32_t *z) {
    int32_t sum[32];
    TP_UNROLL for (int j = 0; j < n; j++) {
        sum[j] = start[j];
    }
    for (; *entry != 0; entry++) {
        int16_t x = (int16_t)(*entry >> 16);
        row = tp_row_of(entry, row);
        TP_UNROLL for (int j = 0; j < n; j++) {
            sum[j] = tp_add(sum[j], x * row[j]);
        }
    }
    TP_UNROLL for (int j = 0; j < n; j++) {
        z[j] = sum[j];
    }
}

// Kernels for all cases, for an implementation that does only some itself.
void tp_spmv_in_c(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z);
void tp_take_larger_in_c(const uint8_t *x, uint8_t *y, uint8_t *which, size_t n, size_t channels, uint32_t first,
    uint32_t end);
void tp_update_rows_in_c(const uint32_t *list, int16_t *row, tp_update_t *update);
void tp_backward_rows_in_c(const int16_t *x, int16_t *row, int32_t *dx, tp_update_t *update);
void tp_depthwise_sums_in_c(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z);
void tp_depthwise_gradients_in_c(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum);
// The first `count` filters from v on; adds to *n_nonzero.
uint32_t tp_sum_filters_in_c(int16_t *v, const int16_t *end, size_t filters, size_t count, int s, int32_t *sum,
    uint32_t *n_nonzero);

#ifdef TP_ARMV6M

// A row of tp_depthwise_sums and tp_depthwise_gradients, with three taps side by side and a stride of 1: of uint8 or int16,
// and of uint8 with pad < 2.
void tp_three_taps(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z, uint32_t kind);
void tp_three_gradients(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum, uint32_t kind);

#endif
#endif
