// What the core's files share among themselves.
#ifndef TINYPROP_INTERNAL_H
#define TINYPROP_INTERNAL_H

#include "fixed.h"
#include "tinyprop.h"

// Assembly that pays where code may be larger: not in an .mpy, which a board holds in RAM.
#if defined(TP_ARMV6M) && !defined(__OPTIMIZE_SIZE__)
#define TP_LISTS_AT_ONCE
#define TP_FOUR_CHANNELS
#endif

#define TP_MAX_SKIP 65532u    // bytes, of an entry in a list of inputs (dense.c): whole words, as rows are loaded by words
#define TP_MAX_BIAS (1 << 30)
#define TP_MAX_FW 16
#define TP_MIN_FW 2

static inline void *tp_at(const tp_model_t *m, uint32_t offset) {
    return (char *)(uintptr_t)m + offset;
}

static inline tp_layer_t *tp_layers(const tp_model_t *m) {
    return tp_at(m, sizeof(tp_model_t));
}

static inline int tp_has_weights(const tp_layer_t *l) {
    return l->kind <= TP_DEPTHWISE;
}

// Weights are [input][output]: all weights of one input lie together. Dense [n_in][units], Conv [kh][kw][in_c][units],
// depthwise [kh][kw][in_c].
static inline uint32_t tp_weight_count(const tp_layer_t *l) {
    return (uint32_t)l->fan_in * l->out_c;
}

// Errors are Q.fd with 1.0 = 2^unit at fd = unit; finer (up to 6 bits) for a sample whose errors are all small.
static inline int tp_unit(const tp_model_t *m) {
    return 16 - m->bits / 4;  // 14 with 8 bits, 13 with 12
}

// range.c
int tp_check_values(const tp_values_t *v, size_t n, size_t from, size_t count, int first);
int32_t tp_integer_at(const tp_values_t *v, size_t i);
int tp_range_has_width(const tp_range_t *r);
int tp_range_is_sound(const tp_range_t *r);
tp_range_t *tp_ranges(const tp_model_t *m, int which);
void tp_derive_ranges(tp_model_t *m);
void tp_learn_range(tp_model_t *m, int which, const tp_values_t *v, size_t from, size_t n);
void tp_read_inputs(const tp_model_t *m, const tp_values_t *x, size_t from);
int32_t tp_read_target(const tp_model_t *m, const tp_values_t *y, size_t from, size_t j);
uint32_t tp_score_bits(const tp_model_t *m, size_t j, int32_t score);

// update.c
typedef struct {
    int32_t m;      // a step is (gradient * m + half) >> shift
    int32_t shift;
    int32_t max;    // bound of |w|
} tp_step_t;
int tp_excess(uint32_t sum);
int tp_weight_step(const tp_model_t *m, const tp_layer_t *l, int fd, tp_step_t *step);
void tp_move_biases(const int16_t *errors, int32_t *b, size_t n, int32_t factor, int s);
void tp_update_bias(tp_model_t *m, const tp_layer_t *l, const int16_t *errors, int fd);
void tp_rescale_weights(tp_model_t *m, tp_layer_t *l);

// dense.c; armv6m.c has the offsets in these structures and in tp_range_use_t
typedef struct {
    uint32_t *end;          // where the next entry goes
    uint32_t skip;          // bytes from the row of weights of the last entry to that of the input at hand
    uint32_t fillers;       // entries with an x of 0
    uint32_t row_bytes;     // from one row of weights to the next
    uint32_t lines, line_bytes;  // of inputs
    int32_t jump_bytes;     // from the end of a line to the next line,
    uint32_t jump_skip;     // and from the row of weights there to the one that belongs to it
    uint32_t after;         // what an entry skips to the row behind it: row_bytes, less tp_ahead
} tp_list_t;
typedef struct {
    int32_t d;          // an error that is not 0; times -m for tp_update_rows
    uint32_t at;        // bytes from the start of a row to its weight
} tp_kept_t;
typedef struct {
    tp_step_t step;
    uint32_t clamped;
    tp_kept_t *kept, *kept_end;
    uint32_t row_bytes, n_in;
    uint32_t ahead;
    int32_t excess;     // bits that errors are rounded off by when they are kept
    int32_t bounded;    // whether a weight might pass its bound
    int32_t bits;       // |x| < 2^bits
    int32_t negative;   // whether an x may be below 0 (told to a Cortex-M4 only)
} tp_update_t;

// Bytes of a row that its reader has gone ahead at the next entry of the list: what tp_sum_rows loads at a time.
static inline uint32_t tp_ahead(size_t n_out) {
#ifdef TP_ARMV6M
    return n_out % 2 == 0 && n_out >= 8 ? 16 : 0;
#else
    (void)n_out;
    return 0;
#endif
}

void tp_list_nonzero(tp_list_t *list, const int16_t *x);
void tp_list_bytes(tp_list_t *list, const uint8_t *x);
void tp_sum_rows(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z);
uint32_t tp_keep(const int16_t *errors, size_t n, int32_t factor, int32_t idle, tp_update_t *job);
void tp_update_rows(const uint32_t *list, int16_t *w, tp_update_t *job);
void tp_backward_rows(const int16_t *x, int16_t *w, int32_t *dx, tp_update_t *job);
void tp_start_sums(const tp_layer_t *l, const tp_model_t *m, int32_t *z);
// Whether the layer's activation lists its outputs at once, for a dense layer above another: where code may be larger.
static inline int tp_lists_at_once(const tp_layer_t *l) {
#ifdef TP_LISTS_AT_ONCE
    return l->kind == TP_DENSE && l[1].kind == TP_DENSE;
#else
    (void)l;
    return 0;
#endif
}

void tp_dense_list(const tp_model_t *m, tp_layer_t *l, const uint8_t *bytes);
void tp_dense_forward(const tp_model_t *m, tp_layer_t *l, int32_t *z);
void tp_dense_backward(tp_model_t *m, tp_layer_t *l, const int16_t *errors, uint32_t sum, int excess, int fd, int32_t *dx);

// conv.c; ways in bytes
typedef struct {
    int32_t *to;
    const int16_t *from;
    uint32_t n;                     // of lines
    uint32_t to_bytes;              // of a line
    uint32_t to_step, from_step;    // from one place to the next
    uint32_t to_line, from_line;    // from one line to the next
} tp_lines_t;
void tp_add_lines(const tp_lines_t *lines, int32_t d);
typedef struct {
    uint32_t lines, line_bytes;     // of the inputs that a position of a depthwise convolution sees
    uint32_t step;                  // from behind four channels to the next place,
    uint32_t x_jump, w_jump;        // and from the end of a line to the next one
} tp_patch_t;
void tp_sum_four_channels(const tp_patch_t *patch, const int16_t *x, const int16_t *w, int32_t *z);
void tp_conv_forward(tp_model_t *m, tp_layer_t *l, int learning);
void tp_conv_backward(tp_model_t *m, const tp_layer_t *l, const int16_t *errors, int excess, int fd, int32_t *dx);

// pool.c
void tp_pool_forward(const tp_model_t *m, const tp_layer_t *l);
int tp_pool_backward(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, int32_t *dx);

// activation.c
typedef struct {
    int32_t top;                // the largest activation
    uint32_t saturated, high;   // how many outputs were above it, and above a quarter of it
} tp_range_use_t;
int tp_relu(const int32_t *z, int16_t *y, size_t n, int s, tp_range_use_t *use);
int tp_relu_to_dense(const tp_model_t *m, tp_layer_t *above, const int32_t *z, int16_t *y, int s, tp_range_use_t *use);
void tp_relu_and_list(const int32_t *z, int16_t *y, size_t n, int s, tp_range_use_t *use, tp_list_t *list);
int tp_activate(tp_model_t *m, tp_layer_t *l, const int32_t *z, int16_t *y, size_t n, int learning);
void tp_adapt_activation(tp_model_t *m, tp_layer_t *l, int alive);
int tp_start_exponent(const tp_model_t *m, const tp_layer_t *l);
int tp_errors(tp_model_t *m, const tp_layer_t *l, int32_t *v, int fin);

// loss.c: sums of the output layer -> errors in place, Q.unit; the loss in Q.24
uint32_t tp_exp_minus(uint32_t d);
uint32_t tp_crossentropy(const tp_layer_t *l, int32_t *z, size_t target, int32_t *p_target);
uint32_t tp_mse(tp_model_t *m, const tp_layer_t *l, int32_t *z, const tp_values_t *y, size_t from, int learning);
void tp_softmax(const tp_layer_t *l, int32_t *z);
int32_t tp_output(const tp_layer_t *l, int32_t z);

// select.c
int tp_skip_step(tp_model_t *m, const int16_t *errors, int32_t p_target);
size_t tp_select(tp_model_t *m, tp_layer_t *l, int16_t *errors, int fd, int depth);

#endif
