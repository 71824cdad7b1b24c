// What the core's files share: the plan of a model, and the contract of each function that one file calls in another.
// A file calls only files in rows below its own (tests/core/test_sources.py reads this drawing):
//   model
//   conv
//   init   dense   loss   select   progress
//   deltas
//   pool   activation   centre   replay
//   update   call
//   nonzero   rate   plan
//   ranges
//   values   exp   random   kernels/
//   fixed
#ifndef TINYPROP_CORE_H
#define TINYPROP_CORE_H

#include "fixed.h"
#include "kernels/kernels.h"
#include "tinyprop.h"

// For a function that is rarely called, lest it take registers from what calls it. Where code is to be small, it is not one.
#ifdef TP_SMALL_CODE
#define TP_RARE
#else
#define TP_RARE __attribute__((noinline))
#endif

enum { TP_INPUTS, TP_OUTPUTS };  // `which` of the user's numbers

// ---- plan

// A layer as the core works with it. It lies in the image and is worked out from the spec in each call, except where a
// field says otherwise. Values between layers are a vector, int16 [n], between two dense layers and below a first dense
// layer; else a map, bytes [height][width][channels], uint8 or int8. Shapes are height, width, channels. A series, of
// height 1, stands upright in the plan: its height is its length and its width 1, so that it too has short rows.
// Offsets count bytes from the start of the image.
typedef struct {
    uint8_t kind, activation, trainable;
    uint8_t zero_delta;             // an input of 0 has a delta of 0: above a relu, also through a maximum
    uint8_t reads_map, gives_map;   // whether its inputs and outputs are a map
    uint8_t pooled;                 // a convolution with a maximum directly above it: see tp_map_of
    uint8_t in_place;               // dx of this convolution are written over its inputs
    uint8_t pad_h, pad_w;           // rows above, columns to the left; like the next two lines not set in a dense layer
    int8_t x_frac;                  // format of the inputs in the last forward pass
    uint8_t headroom_known;         // 0: not looked for yet. Survives between calls
    uint8_t x_signed;               // inputs may be negative; so may their means, int8 then, not uint8
    uint8_t lr_mantissa, lr_shift;  // of the step at hand (rate.c)
    uint8_t reserved;
    uint16_t kernel_h, kernel_w, stride_h, stride_w;  // of a pool: its window, twice
    uint16_t down, right;                             // taps from one of a kernel to the one below, and to its right
    uint16_t in_h, in_w, in_c;                        // set if it reads a map
    uint16_t out_h, out_w;
    uint16_t out_c;
    uint16_t n_in, n_out, fan_in;
    uint16_t max_weight;       // largest |w| that keeps every sum below 2^31
    uint16_t headroom;         // all |w| <= max_weight - headroom (dense.c). Survives between calls
    uint16_t n_nonzero;        // inputs that were not 0 in the last forward pass of a dense layer
    uint16_t row, end_row;     // of a pool that passes deltas on: the next row of dx to make, and where its turn ends
    uint32_t state;            // tp_layer_state_t
    uint32_t weights, biases;  // int16 [fan_in][out_c], int32 [out_c]; behind the weights of a dense layer its slopes
    uint32_t sums, means;      // uint16 or int16, uint8 or int8: [n_in], where it reads a map [in_c] (centre.c)
    uint32_t inputs, outputs;  // the last layer has no outputs, as its sums are read
    uint32_t deltas;    // int16 [n_out], of a map whose layer is trained or has trained ones below it. Of a pool that
                        // passes deltas on: bytes from m->rows to its row of dx, int32
    uint32_t which;     // of a maximum: which input of each window, uint8 or, of more than 256, uint16 [n_out]
    uint32_t nonzero;   // list of non-zero inputs of a dense layer; 0: it is in `work` (nonzero.c)
    uint32_t list_end;  // bytes from its start to its end, or to the entry for the row of slopes
    uint32_t dot;       // of a dense layer: sum of mean x, modulo 2^32
} tp_layer_t;

// The map between the user's numbers and the model's integers that follows from a given range (ranges.c). It lies in
// the image and survives between calls.
typedef struct {
    int32_t zero;       // the value that maps to 0, Q.frac
    uint32_t gain;      // integers per unit of Q.(frac-pre), Q.post
    int16_t frac;       // format in which the range fills 29 bits
    uint16_t width;     // hi - lo, Q.(frac-pre)
    uint8_t pre, post;  // right shifts before and after the gain; post = 0: not worked out yet
    uint16_t reserved;
} tp_affine_t;

// The map of a learned range: zero and 2^shift, Q.frac (ranges.c).
typedef struct {
    int32_t zero;
    int16_t frac, shift;
} tp_map_t;

// Where what is remembered lies in the image (replay.c).
typedef struct {
    uint32_t n_maps[2];       // of inputs and targets: learned ranges that these follow
    uint32_t maps;            // tp_map_t, as they were when it was written
    uint32_t n_seen;          // uint16 [classes]: samples so far
    uint32_t labels, inputs;  // int16 [places][1 or n_out], uint8 [places][n_in of the lowest trained layer]
} tp_replay_t;

// A model as the core works with it, during one call.
typedef struct {
    char *image;
    const tp_model_spec_t *spec;
    tp_model_state_t *state;
    tp_layer_t *layers, *output;     // the first layer, and the last
    tp_layer_t *first_trained;       // the lowest trainable layer; output + 1: there is none
    tp_range_t *given[2];            // of inputs and outputs: ranges that the user gave,
    tp_affine_t *affine[2];          // and the map of each;
    tp_learned_range_t *learned[2];  // or ranges that follow the data. Those that there are not are NULL
    uint16_t n_ranges[2];
    uint32_t *tally;  // [n_out]: progress.c
    tp_replay_t replay;
    void *work;          // what a layer needs for a while (plan.c)
    int32_t *buffer[2];  // sums, and the deltas of vectors, alternating from layer to layer
    char *rows;          // of dx, which pools pass on
    int bits;            // of an activation: 8 or 12
    int delta_frac;      // a delta of 1.0 is 2^delta_frac; 14 with 8 bits, 13 with 12
    int in_signed;       // the model's inputs may be negative
} tp_model_t;

// ---- call.c

#define TP_HELD 1  // spec->busy of a model that tp_hold has; in a call it is an address

// Opens the model in an image for a call with these buffers of the user's; y may be NULL. TP_E_BUSY: another call has it.
// TP_E_OVERLAP: a buffer lies in it. On an error there is nothing to leave.
tp_err_t tp_enter(tp_model_t *m, void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *y);
void tp_leave(const tp_model_t *m);

// ---- plan.c

// Checks that a spec starts here, of this version.
static inline tp_err_t tp_check_head(const void *spec_bytes, size_t n_bytes) {
    const tp_model_spec_t *spec = spec_bytes;
    if ((uintptr_t)spec_bytes % TP_ALIGN != 0) {
        return TP_E_ALIGN;
    }
    if (n_bytes < sizeof(tp_model_spec_t) || spec->magic != TP_MAGIC) {
        return TP_E_IMAGE;
    }
    return spec->version == TP_VERSION ? TP_OK : TP_E_VERSION;
}
// Opens the model in an image and checks all of it. On an error m is not valid.
tp_err_t tp_open(tp_model_t *m, void *image, size_t n_bytes);

// Bytes of spec and state, and of the whole image.
typedef struct {
    uint32_t saved, image;
} tp_sizes_t;
// Works out the sizes of a model of this spec. shapes: as in tp_layout, or NULL.
tp_err_t tp_measure(const void *spec, size_t n_bytes, tp_shape_t *shapes, tp_sizes_t *sizes);

static inline void *tp_at(const tp_model_t *m, uint32_t offset) {
    return m->image + offset;
}

static inline tp_layer_state_t *tp_state(const tp_model_t *m, const tp_layer_t *l) {
    return tp_at(m, l->state);
}

static inline int tp_has_weights(const tp_layer_t *l) {
    return l->kind <= TP_DEPTHWISE;
}

// Weights are [fan_in][out_c], all weights of one input side by side: dense [n_in][units], convolution
// [kernel_h][kernel_w][in_c][filters], depthwise [kernel_h][kernel_w][in_c].
static inline uint32_t tp_weight_count(const tp_layer_t *l) {
    return (uint32_t)l->fan_in * l->out_c;
}

// Rows of weights, and in a dense layer that of its slopes.
static inline uint32_t tp_row_count(const tp_layer_t *l) {
    return l->fan_in + (l->kind == TP_DENSE ? 1u : 0u);
}

// Of a dense layer: s_j int16 [n_out], one more row of its weights (centre.c).
static inline int16_t *tp_slopes(const tp_model_t *m, const tp_layer_t *l) {
    return (int16_t *)tp_at(m, l->weights) + tp_weight_count(l);
}

// Means of inputs: of each one; of a map that a convolution reads, or that is a large one, of each channel.
static inline uint32_t tp_mean_count(const tp_layer_t *l) {
    int by_channel = l->reads_map && (l->kind != TP_DENSE || l->n_in > TP_MOST_MEANS);
    return by_channel ? l->in_c : l->n_in;
}

// The layer whose outputs are those of l, a layer with weights: l itself, or a maximum directly above a convolution. That
// takes each row of the convolution as it is made, so there is no map between them, and an error for each of its own
// outputs: the other inputs of its windows have none.
static inline const tp_layer_t *tp_map_of(const tp_layer_t *l) {
    return l->pooled ? l + 1 : l;
}

// Values in a row of inputs, and in a row of outputs.
static inline uint32_t tp_in_row(const tp_layer_t *l) {
    return (uint32_t)l->in_w * l->in_c;
}

static inline uint32_t tp_out_row(const tp_layer_t *l) {
    return l->kind == TP_DENSE ? l->n_out : (uint32_t)l->out_w * l->out_c;
}

// Whether `which` of a maximum needs two bytes an output.
static inline int tp_is_wide(const tp_layer_t *l) {
    return (uint32_t)l->kernel_h * l->kernel_w > 256;
}

// Rows of the input under a kernel at a time.
static inline uint32_t tp_kernel_rows(const tp_layer_t *l) {
    return l->kernel_h < l->in_h ? l->kernel_h : l->in_h;
}

// Whether the deltas of a convolution lie pixel by pixel, so that kernels can run over them.
static inline int tp_are_by_pixel(const tp_layer_t *l) {
    return !l->pooled && (l->kind == TP_CONV || (l->stride_h == 1 && l->stride_w == 1));
}

// A convolution's gradients are summed over blocks of so many pixels, in rows or parts of a row.
#define TP_BLOCK 256
static inline uint32_t tp_block_rows(const tp_layer_t *l) {
    uint32_t rows = l->out_w < TP_BLOCK ? TP_BLOCK / l->out_w : 1;
    return rows < l->out_h ? rows : l->out_h;
}

// A dense layer reads a map by pieces of so many rows.
#define TP_PIECE 256  // values of a piece, where that is a row or more
static inline uint32_t tp_rows_of_piece(const tp_layer_t *l) {
    uint32_t row = tp_in_row(l), rows = row < TP_PIECE ? TP_PIECE / row : 1;
    return rows < l->in_h ? rows : l->in_h;
}

// Means, and inputs that are remembered, have 8 bits, signed as the inputs are, in units of 2^tp_byte_unit of these.
static inline int tp_byte_unit(const tp_model_t *m) {
    return m->bits - 8;
}

static inline int32_t tp_largest_byte(const tp_layer_t *l) {
    return l->x_signed ? 127 : 255;
}

static inline int32_t tp_byte_at(const tp_layer_t *l, const uint8_t *bytes, size_t i) {
    return l->x_signed ? (int8_t)bytes[i] : bytes[i];
}

// Adds n to a counter of the state.
void tp_count(uint64_t *counter, uint32_t n);

// ---- values.c: float32 as bit patterns, and the user's numbers

#define TP_SATURATED (1 << 30)

// A finite float32 -> Q.frac, saturated at +-2^30; halves away from zero. Subnormal numbers (below 2^-126) count as 0.
int32_t tp_fixed_from_float(uint32_t bits, int frac);
// The float32 nearest to v * 2^-frac (halves away from zero); |v| <= 2^31 - 1.
uint32_t tp_float_from_fixed(int32_t v, int frac);
// Item i of an integer type, saturated at +-(2^31 - 1).
int32_t tp_integer_at(const tp_values_t *v, size_t i);
// Bits of item i of type f; a subnormal number as 0.
uint32_t tp_float_at(const tp_values_t *v, size_t i);
static inline int tp_is_finite(uint32_t bits) {
    return (bits >> 23 & 255) != 255;
}
// Checks that v has n items, and that items from .. from+count-1 can be used as inputs or targets; returns what is
// wrong. count = 0: only the type and n are checked.
tp_err_t tp_check_values(const tp_values_t *v, size_t n, size_t from, size_t count, int which);
// Item i in Q.frac, rounded, saturated at +-2^30.
int32_t tp_fixed_at(const tp_values_t *v, size_t i, int frac);
// Whether two pieces of memory share a byte; a is not empty.
static inline int tp_overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
    size_t b_in_a = (uintptr_t)b - (uintptr_t)a, a_in_b = (uintptr_t)a - (uintptr_t)b;
    return b_in_a < a_bytes ? b_bytes > 0 : a_in_b < b_bytes;
}

// ---- ranges.c

// Whether all ranges are known: those that are learned, from the first sample on.
static inline int tp_ranges_known(const tp_model_t *m) {
    const uint16_t *n_seen = m->state->n_seen;
    return (!m->learned[TP_INPUTS] || n_seen[TP_INPUTS] > 0) && (!m->learned[TP_OUTPUTS] || n_seen[TP_OUTPUTS] > 0);
}
// Works out every map that is missing; TP_E_RANGE if a range does not have lo < hi.
tp_err_t tp_complete_ranges(tp_model_t *m);
#define TP_NO_SHIFT 31  // of a learned range: all values were the same so far
// Lets a sample's values, from item `from` on, move the ranges of inputs, if these are learned.
void tp_learn_input_ranges(const tp_model_t *m, const tp_values_t *x, size_t from);
// Lets target j of a sample move its learned range, one after the other. Returns whether its map is another than before,
// *old; not so in the first three samples, which find it.
int tp_learn_output_range(const tp_model_t *m, const tp_values_t *y, size_t from, size_t j, tp_map_t *old);
// Whether a learned range has another map than `old`.
int tp_is_other_map(const tp_learned_range_t *now, const tp_map_t *old);
// The format of the model's inputs.
static inline int8_t tp_input_frac(const tp_model_t *m) {
    return m->bits == 12 ? 10 : m->learned[TP_INPUTS] ? 6 : m->in_signed ? 7 : 8;
}
// n_in values from item `from` on, already checked -> inputs of the first layer. Returns how many were clamped.
uint32_t tp_read_inputs(const tp_model_t *m, const tp_values_t *x, size_t from);
// The values from item `from` on, if they can be used as inputs unchanged: bytes with the range (0, 255). Else NULL.
const uint8_t *tp_bytes_as_inputs(const tp_model_t *m, const tp_values_t *x, size_t from);
// The label of a sample, in `work`: its class number, modulo 2^16, or with mse n_out targets, Q.14 of half the range,
// clamped to +-2.0 (32767); adds to *n_clamped how many were.
const int16_t *tp_read_label(const tp_model_t *m, const tp_values_t *y, size_t sample, uint32_t *n_clamped);
// A score as float32: a probability from Q.14, or with mse output j in the user's units, from Q.14 of half the range
// (|score| <= 2^15).
uint32_t tp_score_as_float(const tp_model_t *m, size_t j, int32_t score);

// ---- random.c

// Moves a generator, whose state is never 0, and returns the new state (xorshift32; Marsaglia, Xorshift RNGs, 2003).
uint32_t tp_random(uint32_t *state);

// ---- exp.c

// 2^16 e^-d for d in Q.12: 65535 for 0, 0 from 16.0 on; within 2^-15.
uint32_t tp_exp_minus(uint32_t d);
// ln(v / 65536) in Q.12, for v >= 65535.
int32_t tp_log_sum(uint32_t v);

// ---- nonzero.c: the list of the non-zero inputs of a dense layer

// Bytes of the list of n inputs of a layer with n_out outputs, and one more for its slopes, if none is 0. Rows of
// weights longer than TP_MAX_ROW_DELTA need up to two padding entries each, as they have at most 2 * TP_MAX_VALUES bytes.
static inline uint32_t tp_nonzero_list_bytes(uint32_t n, uint32_t n_out) {
    return 4 * ((2 * n_out > TP_MAX_ROW_DELTA ? 3 * (n + 1) : n + 1) + 1);
}
// Where the list of the layer is.
static inline uint32_t *tp_nonzero_of(const tp_model_t *m, const tp_layer_t *l) {
    return l->nonzero ? tp_at(m, l->nonzero) : m->work;
}
// The list of a dense layer ends with an entry for the row of slopes, whose x is the layer's dot, scaled (centre.c).
// Builds the list from the inputs in the image; sets n_nonzero, list_end and dot.
void tp_list_inputs(const tp_model_t *m, tp_layer_t *l);
// Builds the list of n inputs alone, without slopes, from x int16 [n], at `entries`. Returns how many are not 0.
uint32_t tp_list_vector(const tp_layer_t *l, const int16_t *x, size_t n, uint32_t *entries);
// Builds the list from x uint8 [n_in], which are inputs already quantised, without copying them to the image. Rows of
// weights are at most TP_MAX_ROW_DELTA bytes.
void tp_list_input_bytes(const tp_model_t *m, tp_layer_t *l, const uint8_t *x);
// z int32 [n_in], s >= 1 -> relu(z 2^-s) as inputs of the layer, and their list.
void tp_list_relu(const tp_model_t *m, tp_layer_t *l, const int32_t *z, int s, tp_format_use_t *use);

// The non-zero inputs of a dense layer, one after the other, from its list.
typedef struct {
    const uint32_t *entry, *end;
    uint32_t row_bytes, reader, at;  // reader: how far in a row the reader's pointer is moved; at: bytes beyond row i
    size_t i;                        // number of the input
    int32_t x;
} tp_walk_t;
void tp_walk(const tp_model_t *m, const tp_layer_t *l, tp_walk_t *w);
// Goes to the next input; 0: there is none.
static inline int tp_walk_next(tp_walk_t *w) {
    for (; w->entry < w->end; w->entry++) {
        w->at += *w->entry & 0xffff;
        w->x = (int32_t)*w->entry >> 16;
        if (w->x != 0) {
            for (; w->at >= w->row_bytes; w->at -= w->row_bytes) {
                w->i++;
            }
            w->at += w->reader;
            w->entry++;
            return 1;
        }
    }
    return 0;
}

// ---- centre.c: gradients as of inputs less their means

#define TP_MAX_DOT 16383
#define TP_MAX_SLOPE 32767  // TP_MAX_DOT times this, 2^29, is what the sums have room for (plan.c)
// The dot of a dense layer as x of the row of slopes: dot 2^-a, to nearest, at most TP_MAX_DOT. It is below 2^31 if inputs
// may be negative, else below 2^32.
static inline int32_t tp_scaled_dot(const tp_layer_t *l, const tp_layer_state_t *state, uint32_t dot) {
    int a = state->mean_shift;
    if (a > 0) {
        uint32_t twice = l->x_signed ? (uint32_t)((int32_t)dot >> (a - 1)) : dot >> (a - 1);
        dot = (uint32_t)((int32_t)(twice + 1) >> 1);
    }
    return tp_sat((int32_t)dot, TP_MAX_DOT);
}
// Before the step of a sample that is trained on: lets its inputs take part in the layer's means and energy.
void tp_survey(const tp_model_t *m, tp_layer_t *l);
// The part of a dense layer's step that its means make: moves slopes and biases. deltas: as tp_dense_backward.
void tp_move_slopes(const tp_model_t *m, tp_layer_t *l, const int16_t *deltas, const tp_step_t *step);
// What the slopes of a dense layer add to dx: this number times the mean of each input,
int32_t tp_slope_dx(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas);
// here for n inputs x from number `first` on: all, or some rows of a map.
void tp_slopes_backward(const tp_model_t *m, const tp_layer_t *l, const int16_t *x, size_t first, size_t n,
    int32_t slope, int32_t *dx);
// sum u x of the map that a layer reads, modulo 2^32.
uint32_t tp_map_dot(const tp_model_t *m, const tp_layer_t *l);

// ---- progress.c: after a sample that was new
//   deltas  int16 [n_out], Q.delta_frac   p_target  Q.14

void tp_note_class(const tp_model_t *m, size_t target, int right, int32_t p_target);
void tp_note_outputs(const tp_model_t *m, const int16_t *deltas);
// After learned output range j has become 2^wider times as wide: its error, in units of that, is another.
void tp_note_range(const tp_model_t *m, size_t j, int wider);

// The part of what there is to learn that is left, Q.15: what errors come to beside those of a model that knows nothing.
uint32_t tp_left_to_learn(const tp_model_t *m);

// ---- replay.c: only where spec.replay is not 0

#define TP_FAR UINT32_MAX  // more than any distance there can be

// Makes the remembered sample at a place the inputs of the lowest trained layer.
void tp_recall_inputs(const tp_model_t *m, size_t place);

// Whether a place is in use.
int tp_is_used(const tp_model_t *m, size_t place);

// How many places, one after the other, are for samples of the same class.
size_t tp_places_of_class(const tp_model_t *m);

// The squared distance of the inputs of the lowest trained layer to the sample at a place.
uint32_t tp_distance(const tp_model_t *m, size_t place);

// Remembers the sample that was just learned from.   label: as of tp_read_label
void tp_remember(const tp_model_t *m, const int16_t *label);
// Gives the lowest trained layer the inputs of a random sample. Returns its label.
const int16_t *tp_recall(const tp_model_t *m);

// ---- rate.c

// By how many powers of two rates are lower in this step, as much is left to learn: 0 to 3.
//   left  what tp_left_to_learn returns
int tp_brake(const tp_model_t *m, uint32_t left);

// Sets the learning rate of a layer's step.   brake: what tp_brake returns
void tp_set_rate(const tp_model_t *m, tp_layer_t *l, int brake);

// ---- update.c

// Works out the step of a layer's weights for deltas in Q.frac. Returns 0 if no weight can change.
int tp_weight_step(const tp_model_t *m, const tp_layer_t *l, int frac, tp_step_t *step);
// b_i -= learning rate * gradient.   gradient  Q.frac, below 2^30
void tp_move_bias(const tp_model_t *m, const tp_layer_t *l, size_t i, int32_t gradient, int frac);
// Of the deltas of a layer.
typedef struct {
    uint32_t l1_norm;    // sum of |delta|; of a dense layer, once rounded, as much as one can be: all that is asked
    uint32_t n_nonzero;  // of a convolution: how many are not 0,
    int32_t *of_filter;  // and the sum for each filter, [out_c], at the start of `work`
} tp_delta_sums_t;
// deltas 2^-s, to nearest, s = 0..31, and their sums.
void tp_sum_deltas(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int s, tp_delta_sums_t *sums);
// Of a trainable layer b -= learning rate * (sum of its deltas over all pixels): of a dense one by its deltas, int16 [n_out],
// of others by their sums for each filter. Q.frac
void tp_update_biases(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas, const int32_t *of_filter,
    int frac);
// Finds the headroom of a layer, by a pass over its weights.
void tp_find_headroom(const tp_model_t *m, tp_layer_t *l);
// Changes w_frac by one if weights or biases reach their bound, or leave two bits unused; finds the headroom.
void tp_rescale_weights(const tp_model_t *m, tp_layer_t *l);
// After the map of learned output range j has changed, from old: the weights of this output become such that it says the
// same as before, in the user's units. Returns by how many bits 1.0 is larger in these than it was; 0 if one of the two maps
// is of values that are all the same, and has no unit.
int tp_follow_range(const tp_model_t *m, size_t j, const tp_map_t *old);
// L1 guard: by how many bits deltas of this sum of |delta| are rounded off, so that sums of products with them cannot
// overflow.
int tp_guard_shift(const tp_layer_t *l, uint32_t l1_norm);

// ---- activation.c

// Whether an activation gives values below 0.
static inline int tp_has_sign(unsigned activation) {
    return activation == TP_LINEAR || activation == TP_TANH;
}
// Whether it gives values within +-1, whose format stays, and its slope follows from them.
static inline int tp_is_bounded(unsigned activation) {
    return activation == TP_SIGMOID || activation == TP_TANH;
}
// y_frac of a new layer.
int tp_first_y_frac(const tp_model_t *m, const tp_layer_t *l);
// The use of a layer's output format before any output is counted.
static inline tp_format_use_t tp_no_use_yet(const tp_model_t *m, const tp_layer_t *l) {
    return (tp_format_use_t) { (1 << (m->bits - tp_has_sign(l->activation))) - 1, 0, 0 };
}
// z int32 [n], Q.(x_frac+w_frac) -> y [n], Q.y_frac: outputs of the layer. Of a vector y is int16 and does not overlap z,
// and above, if not NULL, is the dense layer that reads it, whose list is built as well. Of a map y is bytes, and may be
// the start of z. Counts in *use. Returns whether any y is not 0.
int tp_activate(const tp_model_t *m, const tp_layer_t *l, tp_layer_t *above, const int32_t *z, void *y, size_t n,
    tp_format_use_t *use);
// After a layer's forward pass while learning: adds the use to the state, and changes y_frac by one if the counts call
// for it. alive: some output was not 0.
void tp_adapt_format(const tp_model_t *m, const tp_layer_t *l, const tp_format_use_t *use, int alive);

// ---- pool.c

// Row `row` of the inputs of a maximum, in order; after the last one its outputs are done.
void tp_take_row(const tp_model_t *m, const tp_layer_t *l, const uint8_t *x, size_t row);
// Which input of its window, row by row, output i of a maximum is.
static inline uint32_t tp_which(const tp_model_t *m, const tp_layer_t *l, size_t i) {
    const void *which = tp_at(m, l->which);
    return tp_is_wide(l) ? ((const uint16_t *)which)[i] : ((const uint8_t *)which)[i];
}
// Inputs -> outputs.
void tp_pool_forward(const tp_model_t *m, const tp_layer_t *l);
// dx are Q.(f + what is returned) for dy in Q.f.
int tp_pool_shift(const tp_layer_t *l);
// Of an average: a row of dy, int32 -> what each input of its windows gets, in place.
void tp_share_row(const tp_layer_t *l, int32_t *dy);
// Such a row, or of a maximum row row / kernel_h of dy -> row `row` of dx int32. dy = NULL: no window has this row.
void tp_spread_row(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, size_t row, int32_t *dx);

// ---- deltas.c: dLoss/dy -> dLoss/dz of the next layer with weights

#define TP_FINER 6  // how many bits finer than delta_frac deltas may be

typedef struct {
    const tp_model_t *m;
    tp_layer_t *first;      // whose dy are given
    tp_layer_t *layer;      // the next layer with weights, from there down
    const tp_layer_t *map;  // tp_map_of it
    int16_t *to;            // where its deltas go
    int v_frac, frac;       // formats of dLoss/dy of the map, and of the deltas so far
    uint32_t largest;       // OR of all |dLoss/dy| so far
    uint16_t end_row[7];    // of the deltas in Q.(delta_frac+i), i up to TP_FINER
} tp_deltas_t;

// first: the layer whose outputs were differentiated by; its dy are Q.v_frac.
void tp_start_deltas(tp_deltas_t *d, const tp_model_t *m, tp_layer_t *first, int v_frac);
// The same for a vector: its only row is v, and its deltas take the place of that.
void tp_start_vector(tp_deltas_t *d, const tp_model_t *m, tp_layer_t *l, int v_frac, int32_t *v);
// A row of dy, int32, in order from row 0. v is overwritten.
void tp_put_deltas(tp_deltas_t *d, int32_t *v, size_t row);
// After the last row: returns the format of the deltas, int16 [n_out].
int tp_end_deltas(tp_deltas_t *d);

// ---- dense.c, conv.c: forward and backward pass of a layer
//   deltas  int16 [n_out], Q.frac, |delta| <= 2^delta_frac, sum |delta| as tp_guard_shift has it; those not selected are 0
//   dx      dLoss/dx, Q.(frac+w_frac), go to tp_put_deltas; NULL where no layer below is trained

// Inputs -> z int32 [n_out], Q.(x_frac+w_frac).
void tp_dense_forward(const tp_model_t *m, tp_layer_t *l, int32_t *z);
// l1_norm: sum of |delta|.   v  int32 [n_in], where dx of a vector are made
void tp_dense_backward(const tp_model_t *m, tp_layer_t *l, const int16_t *deltas, uint32_t l1_norm, int frac,
    int32_t *v, tp_deltas_t *dx);
// z int32 [out_c] = the biases in Q.(x_frac+w_frac), within +-2^26, with 12 bits +-2^28.
void tp_start_sums(const tp_model_t *m, const tp_layer_t *l, int32_t *z);
// Inputs -> outputs, activation included, and a maximum directly above.
void tp_conv_forward(const tp_model_t *m, const tp_layer_t *l, int learning);
// deltas: those of tp_map_of(l), of which n_deltas are not 0 and whose sums are in `work` (tp_sum_deltas).
void tp_conv_backward(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas, uint32_t n_deltas, int frac,
    tp_deltas_t *dx);

// ---- loss.c
//   z int32 [n_out] of the output layer -> deltas int16 [n_out], Q.delta_frac, at the start of the same memory
//   returned: the loss, Q.24

// *p_target gets the probability of the right class, Q.14.
uint32_t tp_crossentropy(const tp_model_t *m, int32_t *z, size_t target, int32_t *p_target);
// targets: int16 [n_out], Q.14.
uint32_t tp_mse(const tp_model_t *m, int32_t *z, const int16_t *targets, int learning);
// z -> probabilities, Q.14, in place.
void tp_softmax(const tp_model_t *m, int32_t *z);
// An output of mse from its sum: Q.14 of half the range, within +-2.0 (2^15 - 1).
int32_t tp_mse_output(const tp_model_t *m, int32_t z);

// ---- select.c

#define TP_MOST_SAVED (4096 << 15)  // what the account of TP_DIFFUSED starts with and holds at most, Q.15

// Whether the sample needs no backward pass.
//   deltas  int16 [n_out] of the output layer, Q.delta_frac   p_target  Q.14, with crossentropy
//   left    what tp_left_to_learn returns
int tp_skip_sample(const tp_model_t *m, const int16_t *deltas, int32_t p_target, uint32_t left);
// Zeroes the deltas of a layer that the policy does not select, after its biases have learned from all. Returns how many it
// selects (TP_FULL: n_out).
//   deltas  int16 [n_out], Q.frac, delta_frac <= frac <= delta_frac + 8   depth  layers with weights above this one
//   sums    gets those of what is left
size_t tp_select(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int frac, int depth, tp_delta_sums_t *sums);

#endif
