// What the core's files share: the plan of a model, and the contract of every function that one file calls in another.
// A file calls only files in rows below its own (tests/core/test_sources.py reads this drawing):
//   model
//   conv
//   init   dense   pool   loss   select
//   activation   update
//   nonzero   plan
//   ranges
//   values   exp   kernels/
//   fixed
#ifndef TINYPROP_CORE_H
#define TINYPROP_CORE_H

#include "fixed.h"
#include "kernels/kernels.h"
#include "tinyprop.h"

enum { TP_INPUTS, TP_OUTPUTS };  // which of the user's numbers

// ---- plan

// A layer as the core works with it. In the image, made anew in each call from the spec, except where it says otherwise.
// Shapes are height, width, channels; channels are innermost, a plain vector is (1, 1, n). Offsets are bytes in the image.
typedef struct {
    uint8_t kind, activation, trainable;
    uint8_t zero_delta;      // an input of 0 has a delta of 0 too: above a relu, also through a maximum
    uint8_t pad_h, pad_w;    // rows above, columns to the left; like kernel and stride not set in a dense layer
    int8_t x_frac;           // of the last forward pass
    uint8_t headroom_known;  // 0: not looked for yet. Kept between calls
    uint16_t kernel_h, kernel_w, stride_h, stride_w;  // of a pool: its window, and the same again
    uint16_t in_h, in_w, in_c, out_h, out_w, out_c;
    uint16_t n_in, n_out, fan_in;
    uint16_t max_weight;  // |w| that keeps every sum below 2^31
    uint16_t headroom;    // all |w| <= max_weight - headroom (dense.c). Kept between calls
    uint16_t n_nonzero;   // inputs that were not 0 in the last forward pass of a dense layer
    uint32_t state;
    uint32_t weights, biases;  // int16 [fan_in][out_c], int32 [out_c]
    uint32_t inputs, outputs;  // int16 [n_in], [n_out]; the last layer has no outputs, as its sums are read
    uint32_t nonzero;          // list of the inputs of a dense layer; 0: in `work` (nonzero.c)
} tp_layer_t;

// The map between the user's numbers and the model's integers that follows from a range (ranges.c). In the image, kept
// between calls.
typedef struct {
    int32_t zero;   // the value that maps to 0, Q.frac
    uint32_t gain;  // integers per unit of Q.(frac-pre), Q.post
    int16_t frac;
    uint16_t width;     // hi - lo, Q.(frac-pre)
    uint8_t pre, post;  // post = 0: not worked out yet
    uint16_t reserved;
} tp_affine_t;

// A model as the core works with it, during one call.
typedef struct {
    char *image;
    const tp_model_spec_t *spec;
    tp_model_state_t *state;
    tp_layer_t *layers, *output;  // the first one and the last one
    tp_layer_t *first_trained;    // the lowest trainable one; output + 1: there is none
    tp_range_t *ranges;           // of the inputs, then of the outputs
    tp_affine_t *affine;          // as many
    void *work;                   // the list of a layer's inputs, a filter's gradient, or the selected deltas
    int32_t *buffer[2];           // sums and deltas, layer by layer in turn
    int bits;                     // of an activation: 8 or 12
    int delta_frac;               // 14 with 8 bits, 13 with 12
    int in_signed;                // inputs are -127..127, not 0..255
} tp_model_t;

// plan.c: the model in an image, checked from end to end; an error if anything is amiss, and then no word of m is valid.
tp_err_t tp_open(tp_model_t *m, void *image, size_t n_bytes);

// Bytes of a model of this spec: of spec and state, and of the whole image.
typedef struct {
    uint32_t saved, image;
} tp_sizes_t;
// shapes: see tp_layout; or NULL.
tp_err_t tp_measure(const void *spec, size_t n_bytes, tp_shape_t *shapes, tp_sizes_t *sizes);

static inline void *tp_at(const tp_model_t *m, uint32_t offset) {
    return m->image + offset;
}

static inline tp_layer_state_t *tp_state(const tp_model_t *m, const tp_layer_t *l) {
    return tp_at(m, l->state);
}

// Where the ranges of the inputs (TP_INPUTS) or outputs start.
static inline size_t tp_first_range(const tp_model_t *m, int which) {
    return which == TP_INPUTS ? 0 : m->spec->n_input_ranges;
}

static inline int tp_has_weights(const tp_layer_t *l) {
    return l->kind <= TP_DEPTHWISE;
}

// Weights lie [fan_in][out_c], all weights of one input together: dense [n_in][units], convolution
// [kernel_h][kernel_w][in_c][filters], depthwise [kernel_h][kernel_w][in_c].
static inline uint32_t tp_weight_count(const tp_layer_t *l) {
    return (uint32_t)l->fan_in * l->out_c;
}

// A counter of the state moves on.
void tp_count(uint64_t *counter, uint32_t n);

// ---- values.c: float32 as bit patterns, and the user's numbers

// A finite float32 in Q.frac, saturated at +-2^30; halves away from zero. Subnormal numbers (below 2^-126) count as 0.
int32_t tp_fixed_from_float(uint32_t bits, int frac);
// The float32 nearest to v * 2^-frac (halves away from zero); |v| <= 2^31 - 1.
uint32_t tp_float_from_fixed(int32_t v, int frac);
// Item i, an integer type, saturated at +-(2^31 - 1).
int32_t tp_integer_at(const tp_values_t *v, size_t i);
// Item i of type f; a subnormal number as 0.
uint32_t tp_float_at(const tp_values_t *v, size_t i);
static inline int tp_is_finite(uint32_t bits) {
    return (bits >> 23 & 255) != 255;
}
// Whether items from .. from+count-1 of v, of which there must be n in all, can be used as inputs or targets; if not, an
// error. count = 0: only type and number are looked at.
tp_err_t tp_check_values(const tp_values_t *v, size_t n, size_t from, size_t count, int which);
// Values from item `from` on if they are inputs as they stand: bytes with the range (0, 255); else NULL.
const uint8_t *tp_bytes_as_inputs(const tp_model_t *m, const tp_values_t *x, size_t from);
// n_in values from item `from` on, checked before -> inputs of the first layer.
void tp_read_inputs(const tp_model_t *m, const tp_values_t *x, size_t from);
// Target j of the sample at item `from`: Q.14 of half the range, within +-2 (2^15).
int32_t tp_read_target(const tp_model_t *m, const tp_values_t *y, size_t from, size_t j);
// A score as float32: a probability (Q.14), or with mse an output (Q.14 of half the range, |score| <= 2^15) in the user's
// units.
uint32_t tp_score_as_float(const tp_model_t *m, size_t j, int32_t score);

// ---- ranges.c

// Whether all ranges of the inputs or outputs are known.
int tp_ranges_known(const tp_model_t *m, int which);
// Works out every map that is missing. An error if its range has no width, or a map that is there is out of bounds.
tp_err_t tp_complete_ranges(tp_model_t *m);
// Widens the ranges so that they hold n more values from item `from` on.
void tp_widen_ranges(tp_model_t *m, int which, const tp_values_t *v, size_t from, size_t n);

// ---- exp.c

// 2^16 e^-d, for d in Q.12: 65535 at 0, 0 from 16 on; within 2^-15.
uint32_t tp_exp_minus(uint32_t d);
// ln(v / 65536) in Q.12, for 65535 <= v.
int32_t tp_log_sum(uint32_t v);

// ---- nonzero.c: the list of the inputs of a dense layer that are not 0

// Bytes of a list of n inputs of a layer of n_out outputs, even if none is 0; its rows are 2 * TP_MAX_VALUES bytes at most.
static inline uint32_t tp_nonzero_list_bytes(uint32_t n, uint32_t n_out) {
    return 4 * ((2 * n_out > TP_MAX_ROW_DELTA ? 3 * n : n) + 1);
}
uint32_t *tp_nonzero_of(const tp_model_t *m, const tp_layer_t *l);
// Makes it from the inputs in the image; sets n_nonzero.
void tp_list_inputs(const tp_model_t *m, tp_layer_t *l);
// The same from bytes that are what the inputs would be, which are not copied; rows of weights of TP_MAX_ROW_DELTA at most.
void tp_list_input_bytes(const tp_model_t *m, tp_layer_t *l, const uint8_t *x);
// z int32 [n_in], s >= 1 -> relu of z 2^-s as inputs int16 [n_in] of the layer, and their list.
void tp_list_relu(const tp_model_t *m, tp_layer_t *l, const int32_t *z, int s, tp_format_use_t *use);

// ---- update.c

// The step of a layer's weights for deltas in Q.frac. 0: no weight can change.
int tp_weight_step(const tp_model_t *m, const tp_layer_t *l, int frac, tp_step_t *step);
// b -= learning rate * (sum of its deltas over all pixels). deltas int16 [pixels][out_c], Q.frac.
void tp_update_biases(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas, int frac);
// Looks for the headroom of a layer.
void tp_find_headroom(const tp_model_t *m, tp_layer_t *l);
// Moves w_frac by one where weights or biases reach their bound or leave two bits unused; renews headroom.
void tp_rescale_weights(const tp_model_t *m, tp_layer_t *l);
// How many bits deltas of that sum of |delta| are rounded off by, so that sums of them cannot overflow (L1 guard).
int tp_guard_shift(uint32_t l1_norm);

// ---- activation.c

// y_frac of a new layer.
int tp_first_y_frac(const tp_model_t *m, const tp_layer_t *l);
// How the format of a layer's outputs is used, before it is.
tp_format_use_t tp_no_use_yet(const tp_model_t *m, const tp_layer_t *l);
// z int32 [n], Q.(x_frac+w_frac) -> y int16 [n], Q.y_frac: the outputs of the layer, or of one pixel of it. y does not overlap
// z. above: a dense layer whose inputs y are all of, and whose list is made as well; or NULL. Returns whether any y is not 0.
int tp_activate(const tp_model_t *m, const tp_layer_t *l, tp_layer_t *above, const int32_t *z, int16_t *y, size_t n,
    tp_format_use_t *use);
// After a layer's forward pass while learning: counts the use, and moves y_frac by one when the counts say so. alive: some
// output was not 0.
void tp_adapt_format(const tp_model_t *m, const tp_layer_t *l, const tp_format_use_t *use, int alive);
// dLoss/dy -> dLoss/dz, in place: v int32 [n_out], Q.v_frac -> int16 [n_out] at the start of the same
// memory, Q.returned.
int tp_activation_backward(const tp_model_t *m, const tp_layer_t *l, int32_t *v, int v_frac);

// ---- dense.c, conv.c, pool.c: forward and backward of a layer
//   deltas int16 [n_out], Q.(frac+guard_shift), at most 2^delta_frac; those not selected are 0
//   dx int32 [n_in], Q.(frac+w_frac): the deltas of the inputs; or NULL, where no layer below is trained

// The inputs' list is there -> z int32 [n_out], Q.(x_frac+w_frac).
void tp_dense_forward(const tp_model_t *m, const tp_layer_t *l, int32_t *z);
// l1_norm: sum of |delta|.
void tp_dense_backward(const tp_model_t *m, tp_layer_t *l, const int16_t *deltas, uint32_t l1_norm, int guard_shift,
    int frac, int32_t *dx);
// z int32 [out_c] = the biases, Q.(x_frac+w_frac); within 2^26, with 12 bits 2^28.
void tp_start_sums(const tp_model_t *m, const tp_layer_t *l, int32_t *z);
// Inputs -> outputs, activation included; both buffers are used.
void tp_conv_forward(const tp_model_t *m, const tp_layer_t *l, int learning);
void tp_conv_backward(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas, int guard_shift, int frac,
    int32_t *dx);
// Inputs -> outputs.
void tp_pool_forward(const tp_model_t *m, const tp_layer_t *l);
// dy int32 [n_out], Q.f -> dx int32 [n_in], Q.(f + returned).
int tp_pool_backward(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, int32_t *dx);

// ---- loss.c: z int32 [n_out] of the output layer -> deltas int16 [n_out], Q.delta_frac, at the start of the same memory.
// Returns the loss, Q.24.

// p_target: probability of the right class, Q.14.
uint32_t tp_crossentropy(const tp_model_t *m, int32_t *z, size_t target, int32_t *p_target);
// Targets: n_out items of y from `from` on.
uint32_t tp_mse(const tp_model_t *m, int32_t *z, const tp_values_t *y, size_t from, int learning);
// z -> probabilities, Q.14, in place.
void tp_softmax(const tp_model_t *m, int32_t *z);
// An output of mse from its sum: Q.14 of half the range, within +-2 (2^15 - 1).
int32_t tp_mse_output(const tp_model_t *m, int32_t z);

// ---- select.c

// Whether the sample needs no backward pass. deltas: of the output layer, Q.delta_frac; p_target: Q.14, with crossentropy.
int tp_skip_sample(const tp_model_t *m, const int16_t *deltas, int32_t p_target);
// Zeroes the deltas of a layer that the policy does not select; returns how many it selects (TP_FULL: all). deltas int16
// [n_out], Q.frac, delta_frac <= frac <= delta_frac + 8; depth: layers with weights above it.
size_t tp_select(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int frac, int depth);

#endif
