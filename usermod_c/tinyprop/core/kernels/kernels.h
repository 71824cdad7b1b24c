// The inner loops, with one contract for all implementations:
//   portable.c   C99, for every processor; what the others are compared with
//   armv6m.S     Cortex-M0 and M0+
//   armv7em.c    Cortex-M4 and above: products of halves of words
// All give the same bits. Whatever depends on a processor is in this folder.
//
// Per argument: shape, Q format, range. Pointers to int16 are aligned to 2 bytes and to int32 to 4; "rows of weights" of an
// even length start at multiples of 4. Arguments alias only where it says so. Counts are 1 at least, unless it says so.
#ifndef TINYPROP_KERNELS_H
#define TINYPROP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "target.h"

// ---- lists of non-zero inputs
//
// A list is a sparse vector x beside the way through the rows of weights that belong to it. An entry is x << 16 | delta,
// where delta is how many bytes its row lies behind the place where the reader stands after the entry before; that is an
// implementation's own (tp_row_delta). Padding entries (x = 0), for a stride above TP_MAX_ROW_DELTA. An entry of 0 ends it.

typedef struct {
    uint32_t *end;             // where the next entry goes; on return: the entry that ends the list
    uint32_t delta;            // bytes from the row of the last entry to that of the input at hand
    uint32_t n_padding;        // padding entries so far
    uint32_t row_bytes;        // from one row of weights to the next
    uint32_t n_rows, x_bytes;  // of inputs: so many rows of so many bytes each
    int32_t x_jump;            // bytes from the end of a row of inputs to the next row,
    uint32_t delta_jump;       // and from the row of weights there to the one that belongs to it
    uint32_t row_delta;        // tp_row_delta(n_out)
} tp_nonzero_t;

// What an entry adds to reach the next row of n_out weights: its length, less how far tp_spmv has gone ahead in it.
static inline uint32_t tp_row_delta(size_t n_out) {
#ifdef TP_ARMV6M
    return 2 * (uint32_t)n_out - (n_out % 2 == 0 && n_out >= 8 ? 16 : 0);
#else
    return 2 * (uint32_t)n_out;
#endif
}

// Lists rows of inputs.
//   x     int16 [n_rows][x_bytes / 2], any value; read as words where it is aligned to them
//   list  end points to room for an entry an input, three where row_bytes > TP_MAX_ROW_DELTA, and one more. It may overlap x
//         if the last entry does not lie before the last x (plan.c)
// Where row_bytes > TP_MAX_ROW_DELTA a row of inputs must be a single one, as only between rows is a delta split.
void tp_list_nonzero(tp_nonzero_t *list, const int16_t *x);

// The same of one row of bytes.
//   x     uint8 [x_bytes], may start anywhere
// row_bytes <= TP_MAX_ROW_DELTA.
void tp_list_nonzero_bytes(tp_nonzero_t *list, const uint8_t *x);

// ---- sums

// Sparse vector times matrix: z_j = start_j + sum over the entries of x_i w_ij.
//   list      entries of inputs |x| <= 255 (4095 with 12 bits), Q.x_frac, with row_delta = tp_row_delta(n_out)
//   w         int16 [..][n_out], Q.w_frac
//   start, z  int32 [n_out], Q.(x_frac+w_frac); may be the same
// Bound: |w| <= max_weight keeps |z| < 2^31 in any order of summation (max_weight in plan.c). Beyond it sums wrap.
// Reads up to 2 bytes past the last row, where an image has biases.
void tp_spmv(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z);

// One pixel of a depthwise convolution: z_c += sum over the taps of x_c w_c.
//   x  int16 [n_rows] rows of [taps][channels], Q.x_frac, x_stride bytes apart
//   w  int16, the same, w_stride bytes apart, Q.w_frac
//   z  int32 [channels], Q.(x_frac+w_frac), read and written
// x and w are aligned to 4 bytes if channels are a multiple of 4. Bound: as of tp_spmv.
typedef struct {
    uint32_t n_rows, taps, channels;
    uint32_t x_stride, w_stride;
} tp_patch_t;
void tp_depthwise_sums(const tp_patch_t *patch, const int16_t *x, const int16_t *w, int32_t *z);

// ---- requantising

// to_i = v_i 2^-s, rounded, within +-limit, for n values.
//   v  int32 [n], any   to int32 [n]; may be v   s any   limit <= 2^30
void tp_requantize(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit);
// The same to the right alone, s 1..255. Returns how many were beyond the limit.
uint32_t tp_requantize_right(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit);
// The same to int16 [n], which may be the start of v: v is lost. limit <= 32767.
uint32_t tp_requantize_int16(int32_t *v, int16_t *to, size_t n, int s, int32_t limit);

// How a format is used.
typedef struct {
    int32_t top;                   // the largest activation
    uint32_t n_saturated, n_high;  // how many outputs were above it, and above a quarter of it
} tp_format_use_t;

// y_i = min(max(round(z_i 2^-s), 0), top); counts in *use. Returns whether any y is not 0.
//   z  int32 [n], any   y int16 [n]   s 1..255
int tp_relu(const int32_t *z, int16_t *y, size_t n, int s, tp_format_use_t *use);
// tp_relu, and the list of y: one row of inputs, row_bytes <= TP_MAX_ROW_DELTA. Only where TP_RELU_LISTS.
void tp_relu_listed(const int32_t *z, int16_t *y, size_t n, int s, tp_format_use_t *use, tp_nonzero_t *list);

// sum |v_i| of at most 65534 deltas of 2^14: below 2^30.
uint32_t tp_l1_norm(const int16_t *v, size_t n);

// ---- moving weights

// A step is w -= round(x delta m 2^-shift), halves of it up.
typedef struct {
    int32_t lr_mantissa;  // m, 16..31
    int32_t shift;        // 1..31
    int32_t max_weight;
} tp_step_t;

// A selected delta, not 0; times -lr_mantissa for tp_update_rows.
typedef struct {
    int32_t delta;
    uint32_t offset;  // bytes from the start of a row to its weight
} tp_selected_t;

// (armv6m.S has the offsets of these fields.)
typedef struct {
    tp_step_t step;
    uint32_t n_clamped;  // weights that met max_weight: counted
    tp_selected_t *selected, *selected_end;
    uint32_t row_bytes;  // of weights
    uint32_t n_in;
    int32_t guard_shift;  // bits that deltas are rounded off by when they are selected
    int32_t bounded;      // whether a weight might pass max_weight
    int32_t x_bits;       // |x| < 2^x_bits
    int32_t x_signed;     // whether an x may be below 0
} tp_update_t;

// Selects: stores round(d 2^-guard_shift) * factor where its magnitude exceeds dead_zone. Returns how many rounded deltas are
// not 0.
//   deltas  int16 [n], |d| <= 2^14   factor 1, or -lr_mantissa   update->selected: room for n
uint32_t tp_select_nonzero(const int16_t *deltas, size_t n, int32_t factor, int32_t dead_zone, tp_update_t *update);

// Sparse rank-1 update: w_ij -= round(x_i d_j m 2^-shift) for the listed i and selected j, within +-max_weight.
//   list  as tp_spmv read it   w int16 [..][row_bytes / 2]   at least one delta is selected, each times -m
// Bound: |x d m| <= 255 * 2^14 * 31, or 4095 * 2^13 * 31 < 2^30; with half a step below 2^31. update->selected may be lost.
void tp_update_rows(const uint32_t *list, int16_t *w, tp_update_t *update);

// Both at once: dx_i = sum over the selected j of w_ij d_j, with the weights before their update; and tp_update_rows.
//   x   int16 [n_in]; where x is 0, dx is 0   dx int32 [n_in]   at least one delta is selected, each times 1
// Bound: |sum w d| <= 32767 * sum |d|, and sum |d| <= 65535 (tp_guard_shift): below 2^31.
void tp_backward_rows(const int16_t *x, int16_t *w, int32_t *dx, tp_update_t *update);

// b_i -= round(d_i factor 2^-s), within +-2^30, for n biases.
//   deltas int16 [n]   b int32 [n], |b| <= 2^30   |d factor| < 2^30   s 1..255
void tp_move_biases(const int16_t *deltas, int32_t *b, size_t n, int32_t factor, int s);

// to += d * from over a patch of elements: int32 [n_rows][..] += int32 * int16 [n_rows][..]. The sums wrap.
typedef struct {
    int32_t *to;
    const int16_t *from;
    uint32_t n_rows;
    uint32_t to_bytes;                // of a row
    uint32_t to_step, from_step;      // bytes from one element to the next
    uint32_t to_stride, from_stride;  // bytes from one row to the next
} tp_axpy_t;
void tp_strided_axpy(const tp_axpy_t *patch, int32_t d);

#endif
