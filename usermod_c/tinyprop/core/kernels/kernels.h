// The inner loops, with one contract for all implementations:
//   portable.c   C99, for every processor; what the others are compared with
//   armv6m.S     Cortex-M0 and M0+
//   armv7em.c    Cortex-M4 and above, which multiply halves of words
//   x86_64.c     PCs, which do the same to several numbers at a time
// All give the same bits. Everything that depends on a processor is in this folder.
//
// Contracts say for each argument its shape, Q format and range. Unless they say otherwise, pointers to int16 are
// aligned to 2 bytes and to int32 to 4, rows of weights of an even length start at multiples of 4, arguments do not
// alias, and counts are at least 1.
#ifndef TINYPROP_KERNELS_H
#define TINYPROP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "target.h"

// ---- lists of non-zero inputs
//
// A list is a sparse vector: the non-zero inputs x, each with the offset of its row of weights. An entry is x << 16 |
// delta, where delta is the number of bytes from where the reader's pointer is after the previous entry to the row of
// this one. How far a reader moves its pointer within a row is its implementation's own affair (tp_row_delta). Padding
// entries (x = 0) stand for a delta above TP_MAX_ROW_DELTA. An entry of 0 ends the list.

typedef struct {
    const uint8_t *means;  // of the inputs; for tp_list_nonzero_bytes and tp_relu_listed
    uint32_t row_bytes;    // bytes per row of weights
    uint32_t *end;         // where the next entry goes; on return: the entry that ends the list
    uint32_t delta;        // bytes from the reader's pointer to the row of the next input; on return: to the row behind
                           // the last one
    uint32_t row_delta;    // tp_row_delta(n_out)
    uint32_t x_bytes;      // bytes per row of inputs; not for tp_relu_listed
    uint32_t n_rows;       // rows of inputs; like the next two only for tp_list_nonzero
    int32_t x_jump;        // bytes from the end of a row of inputs to the next row
    uint32_t delta_jump;   // bytes of weights that belong to the inputs between
    uint32_t n_padding;    // padding entries so far
    uint32_t dot;          // on return: sum of mean * input, modulo 2^32; where there are means
} tp_nonzero_t;

// Bytes from the reader's pointer after an entry to the next row of n_out weights: the length of a row, less how far
// tp_spmv has moved its pointer in it.
static inline uint32_t tp_row_delta(size_t n_out) {
#ifdef TP_ARMV6M
    return 2 * (uint32_t)n_out - (n_out % 2 == 0 && n_out >= 8 ? 16 : 0);
#else
    return 2 * (uint32_t)n_out;
#endif
}

// Lists the non-zero values of rows of inputs.
//   x     int16 [n_rows][x_bytes / 2], any value, rows x_jump bytes apart; read as words where it is aligned
//   list  end has space for one entry per input (three if row_bytes > TP_MAX_ROW_DELTA) and one more. It may overlap x
//         if no entry is written over an input that was not read yet (plan.c)
// If row_bytes > TP_MAX_ROW_DELTA each row of inputs has one input: padding is only made between rows.
void tp_list_nonzero(tp_nonzero_t *list, const int16_t *x);

// The same for one row of bytes.
//   x     uint8 [x_bytes], at any address
//   list  row_bytes <= TP_MAX_ROW_DELTA
void tp_list_nonzero_bytes(tp_nonzero_t *list, const uint8_t *x);

// tp_list_nonzero for rows of bytes, int8 if is_signed, step bytes apart.
//   x     bytes [n_rows][x_bytes]
//   list  end has space for one entry per value, one for each TP_MAX_ROW_DELTA bytes of all rows, and one more
void tp_list_strided(tp_nonzero_t *list, const uint8_t *x, uint32_t step, int is_signed);

// x bytes [n], int8 if is_signed -> int16 [n].
void tp_widen(const uint8_t *x, int16_t *to, size_t n, int is_signed);

// ---- sums

// Sparse vector times matrix: z_j = start_j + sum over the entries of x_i w_ij.
//   list      inputs, |x| <= 255 (4095 with 12 bits), Q.x_frac; and for the row of slopes |x| <= 16383 (nonzero.c). Made with
//             row_delta = tp_row_delta(n_out)
//   w         int16 [..][n_out], Q.w_frac; or deltas, which conv.c has the bound of
//   start, z  int32 [n_out], Q.(x_frac+w_frac); may be the same
// Bound: with |w| <= max_weight (plan.c) |z| is, in any order of summation, at most
//   |start| + x_max fan_in max_weight + 16383 * 32767 <= 2^26 + (2^31 - 1 - 2^27 - 2^29) + 2^29 = 2^31 - 1 - 2^26
// and with 12 bits 2^28 + (2^31 - 1 - 2^29 - 2^29) + 2^29 = 2^31 - 1 - 2^28. Beyond it sums wrap.
// Reads up to 2 bytes past the last row of w, where an image has biases.
void tp_spmv(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z);

// Rows of inputs under rows of a depthwise convolution's kernel, for one row of its pixels: pixel p sees the input
// j = p stride + k - pad of a row through tap k, if there is one. There is as much padding to the right as to the left,
// unless it differs by one that stride or an even number of taps leave over.
typedef struct {
    uint32_t n_rows, columns;    // of inputs
    uint32_t pixels, channels;   // of outputs
    uint32_t taps, pad, stride;  // in a row of the kernel; pad < taps
    uint32_t row_taps;           // from a row of the kernel to the next
    uint32_t x_kind;
} tp_strip_t;
enum { TP_UINT8, TP_INT8, TP_INT16 };  // x_kind
#define TP_MARGIN 2                    // pixels

// z_pc += sum over the taps k of all rows of w_kc x_jc.
//   x  [n_rows][columns][channels] of x_kind, int16 aligned to 2 bytes   w  int16 [n_rows][row_taps][channels]
//   z  int32 [pixels][channels], and TP_MARGIN more pixels before them and behind, which may be overwritten
// Bound: as for tp_spmv.
void tp_depthwise_sums(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z);

// sum_kc += sum over the pixels p of delta_pc x_jc, for the taps k of all rows.
//   x    as above, but not int16   deltas  int16 [pixels][channels]   sum  int32 [n_rows][row_taps][channels]
// Bound: as for the gradient of a convolution (conv.c).
void tp_depthwise_gradients(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum);

// ---- requantising

// to_i = round(v_i 2^-s).
//   v  int32 [n], any value   to  int32 [n], may be v   s  1..255
void tp_requantize_right(const int32_t *v, int32_t *to, size_t n, int s);
// The same for shifts to either side, clamped to +-limit.   s  any   limit  <= 2^30
void tp_requantize(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit);
// The same to int16 [n], which may be the start of v.   s  1..255   limit  <= 32767. Returns how many values were clamped.
uint32_t tp_requantize_int16(int32_t *v, int16_t *to, size_t n, int s, int32_t limit);

// How much of a format of activations is used.
typedef struct {
    int32_t top;                   // the largest activation
    uint32_t n_saturated, n_high;  // how many outputs were above it, and above a quarter of it
} tp_format_use_t;

// y_i = min(max(round(z_i 2^-s), 0), top); counts in *use. Returns whether any y is not 0.
//   z  int32 [n], any value   y  int16 [n]   s  1..255
int tp_relu(const int32_t *z, int16_t *y, size_t n, int s, tp_format_use_t *use);
// The same to bytes [n], which may be the start of z. top <= 255.
int tp_relu_bytes(const int32_t *z, uint8_t *y, size_t n, int s, tp_format_use_t *use);
// tp_relu, and the list of the non-zero y as one row of inputs, row_bytes <= TP_MAX_ROW_DELTA. Only if TP_RELU_LISTS.
void tp_relu_listed(const int32_t *z, int16_t *y, size_t n, int s, tp_format_use_t *use, tp_nonzero_t *list);

// Windows of a maximum: where x_kc of a window is larger than its y_c, that is y_c = x_kc, which_c = k, from the first on.
//   x  uint8 [windows][end - first][channels]   y, which  uint8 [windows][channels], n in all   k  first .. end - 1
void tp_take_larger(const uint8_t *x, uint8_t *y, uint8_t *which, size_t n, size_t channels, uint32_t first,
    uint32_t end);

// sum mean_i x_i, modulo 2^32.   means  uint8 [n], or int8 if is_signed   x  int16 [n]
uint32_t tp_dot(const uint8_t *means, const int16_t *x, size_t n, int is_signed);

// v_i = 0 where y_i = 0, unless y is NULL. Returns the OR of all |v_i|.   v  int32 [n], |v| < 2^31   y  bytes [n]
uint32_t tp_mask(int32_t *v, const uint8_t *y, size_t n);

// to_i = v_i, or 0 where y_i = 0, from the first on.   v, to  int16 [n]   y  bytes [n], which `to` may overlap as long as no
// y is written over before it was read (plan.c)
void tp_mask_shares(const int16_t *v, const uint8_t *y, int16_t *to, size_t n);

// The sum of bytes `step` apart, up to end; adds that of their squares to *squares.
//   x  int8 if is_signed; at most 65534
int32_t tp_sum_bytes(const uint8_t *x, const uint8_t *end, size_t step, int is_signed, uint32_t *squares);

// v_i = round(v_i 2^-s), halves up; then sum_f is the sum of the deltas of filter f, and *n_nonzero how many are not 0.
// Returns the sum of |v|.
//   v  int16 [n], pixels of `filters` deltas each, |v| <= 2^14, n <= 65534   s  0..31   sum  int32 [filters]
uint32_t tp_sum_filters(int16_t *v, size_t n, size_t filters, int s, int32_t *sum, uint32_t *n_nonzero);

// Error diffusion, one filter after the other: of |v| >= t all stay. The others become 0; within a filter they add up, and each
// time that the magnitude of their sum and the *residual together reach t, v becomes t with the sign of that sum, what is over
// is the new residual, and the sum starts anew. At a filter's end its magnitude is added to the residual. all_f is the sum of
// the deltas of filter f, left_f that of what is left of them, and *n_left how many are left. Returns the sum of their |v|.
//   v  int16 [n], pixels of `filters` deltas each, |v| <= 2^14, n <= 65534   t  1..2^14   *residual  0..t-1, also on return
//   all, left  int32 [filters]
uint32_t tp_diffuse(int16_t *v, size_t n, size_t filters, int32_t t, int32_t *residual, int32_t *all, int32_t *left,
    uint32_t *n_left);

// to_i = x_i, bytes [n].
void tp_copy_bytes(const uint8_t *x, uint8_t *to, size_t n);

// sum |v_i|.   v  int16 [n], n <= 65534, |v| <= 2^14, so the sum is below 2^30
uint32_t tp_l1_norm(const int16_t *v, size_t n);

// ---- moving weights

// A step of a weight by its gradient g is w += (dither - g m) >> shift: -g m 2^-shift, rounded up or down at random if
// dither is (update.c). |g m| < 2^30, so nothing overflows.
typedef struct {
    int32_t lr_mantissa;  // m, 16..31
    int32_t shift;        // 1..30
    int32_t max_weight;
    int32_t dither;  // 0..2^shift - 1
} tp_step_t;

// A selected delta d, not 0; for tp_update_rows d times -lr_mantissa.
typedef struct {
    int32_t delta;
    uint32_t offset;  // bytes from the start of a row to its weight
} tp_selected_t;

// The update of a layer's weights. (offsets.h has the offsets of the fields.)
typedef struct {
    tp_step_t step;
    uint32_t n_clamped;  // grows by the weights that are clamped to max_weight
    tp_selected_t *selected, *selected_end;
    uint32_t row_bytes;  // bytes per row of weights
    uint32_t n_in;       // rows
    int32_t bounded;     // whether a weight might pass max_weight
    int32_t x_bits;      // |x| < 2^x_bits
} tp_update_t;

// Lists the selected deltas: stores d * factor if its magnitude exceeds dead_zone. Returns how many deltas are not 0.
//   deltas  int16 [n], |d| <= 2^14   factor  1, or -lr_mantissa   update->selected  space for n
uint32_t tp_select_nonzero(const int16_t *deltas, size_t n, int32_t factor, int32_t dead_zone, tp_update_t *update);

// Sparse rank-1 update: a step of w_ij by x_i d_j for the listed i and the selected j, clamped to +-max_weight.
//   list    inputs as for tp_spmv, |x| < 2^x_bits, and no row of slopes
//   w       int16 [..][row_bytes / 2], within +-max_weight
//   update  at least one delta is selected, each times -m
// Bound: |x d m| <= 255 * 2^14 * 31, or with 12 bits 4095 * 2^13 * 31 < 2^30; with the dither below 2^31.
void tp_update_rows(const uint32_t *list, int16_t *w, tp_update_t *update);

// dx_i = sum over the selected j of w_ij d_j, with the weights before their update; and the update, as tp_update_rows.
//   x       int16 [n_in]; where x is 0, dx is set to 0
//   w       int16 [n_in][row_bytes / 2], within +-max_weight
//   dx      int32 [n_in]
//   update  at least one delta is selected, each times 1
// Bound: |sum w d| <= 32767 * sum |d|, and sum |d| <= 65535 (tp_guard_shift): below 2^31.
void tp_backward_rows(const int16_t *x, int16_t *w, int32_t *dx, tp_update_t *update);

// b_i -= round(d_i factor 2^-s), clamped to +-2^30.
//   deltas  int16 [n], |d factor| < 2^30   b  int32 [n], |b| <= 2^30   s  1..255
void tp_move_biases(const int16_t *deltas, int32_t *b, size_t n, int32_t factor, int s);

// dx_i += sum over the selected j of w_ij d_j.
//   w  int16 [n][row_bytes / 2]   first .. end  selected deltas, each times 1; at least one   dx  int32 [n]
// Bound: as for tp_backward_rows.
void tp_input_sums(const int16_t *w, uint32_t row_bytes, size_t n, const tp_selected_t *first, const tp_selected_t *end,
    int32_t *dx);

// The same of all deltas as they lie: quicker for many of them, where instructions do two products at a time (TP_PAIRS).
//   w  int16 [n][n_deltas]   deltas  int16 [n_deltas]; both at multiples of 4, n_deltas is even
void tp_input_sums_of_all(const int16_t *w, size_t n_deltas, size_t n, const int16_t *deltas, int32_t *dx);

// The step of one tap of n filters by its gradients, which become those of x - mean first:
//   g_f = gradient_f - mean sum_f,   along_f += mean round(g_f 2^-along_shift),   w_f += (dither - g_f m) >> shift
// w is clamped to +-max_weight. Returns how many were.
//   gradient, sum, along  int32 [n], |g_f| <= 255 * 65535   |mean| <= 255   along_shift  1..31   w  int16 [n]
uint32_t tp_move_by_gradients(const int32_t *gradient, size_t n, int32_t mean, const int32_t *sum, int32_t *along,
    int along_shift, int16_t *w, const tp_step_t *step);

// The same for n taps of one filter, whose sums are `sum` and *along; its weights are `filters` values apart.
//   means  those of the first taps, n_means bytes, int8 if is_signed; the next taps have the same again
//   n < 2^(along_shift - 2), so *along stays below 2^30
uint32_t tp_move_filter(const int32_t *gradient, size_t n, const uint8_t *means, size_t n_means, int is_signed,
    int32_t sum, int32_t *along, int along_shift, int16_t *w, size_t filters, const tp_step_t *step);

// What a delta adds to the gradients of its filter.
typedef struct {
    uint32_t n_rows, taps, channels;
    uint32_t x_stride, w_stride;  // from row to row
} tp_patch_t;

// to_i += d x_i.
//   x   bytes [n_rows][taps], int8 if is_signed, `channels` bytes apart, rows x_stride bytes apart
//   to  int32 [n_rows][taps], rows w_stride values apart
// Bound: as for the gradient of a convolution (conv.c).
void tp_add_bytes(const tp_patch_t *patch, int32_t d, const uint8_t *x, int is_signed, int32_t *to);

#endif
