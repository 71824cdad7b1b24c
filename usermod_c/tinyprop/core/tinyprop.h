// tinyprop core: a small neural network that learns in integers, inside one buffer of memory.
//
// The buffer is the *model image*: head, layer records, ranges, weights and biases (this much is saved in a file), then
// activations and scratch. Every function takes the image and its length, works out the layout anew from what was asked
// for (tp_layout) and compares it with the length, so no image, however damaged, makes it read or write elsewhere. The
// core keeps nothing between calls and uses no heap, float, global or library.
//
// Numbers: value = integer * 2^-f ("Q.f"). How they were chosen and what they cost is in docs/numbers.md.
//   weights      int16  Q.fw   |w| <= max_weight; fw of a layer moves by one when its weights outgrow or underuse the range
//   biases       int32  Q.(fw+12)   |b| <= 2^30
//   activations  int16  Q.fy   of 8 bits: 0..255 (relu, sigmoid), -127..127 (linear, tanh); fy moves with saturation.
//                              of 12 bits in small dense regressions: 0..4095, -2047..2047 (tp_layout chooses)
//   sums         int32  Q.(fx+fw)
//   errors       int16  Q.fd   1.0 = 2^unit and clipped there; unit = 14 (13 with 12-bit activations)
// fx is the fy of the layer below. Rounding is to nearest, halves up, everywhere (fixed.h).
#ifndef TINYPROP_H
#define TINYPROP_H

#include <stddef.h>
#include <stdint.h>

#define TP_MAGIC 0x504e5954u  // "TYNP" in little-endian order
#define TP_VERSION 2          // of the image and the file
#define TP_ALIGN 8            // an image starts at a multiple of this

enum { TP_DENSE, TP_CONV, TP_DEPTHWISE, TP_MAXPOOL, TP_AVGPOOL, TP_KINDS };
enum { TP_LINEAR, TP_RELU, TP_SIGMOID, TP_TANH, TP_ACTIVATIONS };
enum { TP_CROSSENTROPY, TP_MSE, TP_LOSSES };
enum { TP_FULL, TP_TOPK, TP_DIFFUSED, TP_POLICIES };

// Results are 0 or positive; these are errors. The Python half puts them into words.
typedef enum {
    TP_OK = 0,
    TP_E_IMAGE = -1,       // not a model image, or a damaged one
    TP_E_VERSION = -2,     // an image of another version
    TP_E_LAYER = -3,       // a layer that cannot follow the one before it (head.bad_layer)
    TP_E_OUTPUT = -4,      // the last layer is not a linear Dense layer
    TP_E_TOO_BIG = -5,     // more than 65,534 inputs, outputs or products per output in a layer
    TP_E_X_LENGTH = -6,    // x has the wrong number of values
    TP_E_X_TYPE = -7,      // x is no buffer of a type that tp_item_size knows
    TP_E_X_FINITE = -8,    // x holds a NaN or an infinity
    TP_E_Y_LENGTH = -9,    // y has the wrong number of values
    TP_E_Y_TYPE = -10,     // y is of the wrong type
    TP_E_Y_FINITE = -11,   // y holds a NaN or an infinity
    TP_E_Y_CLASS = -12,    // y is no class number of this model
    TP_E_RANGE = -13,      // a range whose low end is not below its high end, or not finite
    TP_E_NO_RANGE = -14,   // predict before the input range is known
    TP_E_OUT = -15,        // out is no buffer of f with a place for each output
    TP_E_ALIGN = -16,      // the image does not start at a multiple of TP_ALIGN
} tp_err_t;

// An affine map between the user's numbers and the model's integers (range.c).
typedef struct {
    uint32_t lo, hi;       // float32 bit patterns; lo < hi, or lo = hi = 0: not known yet
    int32_t zero;          // the value that maps to 0, Q.f
    uint32_t gain;         // integers per unit of Q.(f-pre), Q.post
    int16_t f;
    uint16_t width;        // hi - lo, Q.(f-pre)
    uint8_t pre, post;
    uint16_t reserved;
} tp_range_t;

// One layer. Shapes are height, width, channels; channels are innermost (as in Keras), a plain vector is (1, 1, n).
typedef struct {
    // Asked for.
    uint8_t kind, activation;
    uint8_t trainable;
    uint8_t same;                  // padding: 1 same, 0 valid
    uint8_t kernel_h, kernel_w;    // pools: 0 x 0 is the whole input
    uint8_t stride_h, stride_w;    // pools: equal to the kernel
    uint16_t units;                // Dense units, Conv filters, else 0
    // Learned, beside weights and biases (with age to carry below).
    int8_t fw, fy;
    // Worked out by tp_layout, or by the last forward pass. (Bytes first, then halves and words: a Cortex-M0 reaches
    // only the first 32 bytes of a struct byte by byte.)
    uint8_t pad_h, pad_w;          // rows above, columns to the left
    uint8_t rectified;             // where an input is 0 its error is 0 too
    int8_t fx;                     // of the last forward pass
    uint16_t age;                  // 1 + learn steps, to know when fy is reconsidered (tp_adapt_activation)
    uint16_t room;                 // a Dense layer's weights are all at least this far within +-max_weight (dense.c)
    uint16_t quiet;                // learn steps in a row with nothing but zeros, at most 65535
    uint16_t n_nonzero;            // non-zero inputs in the last forward pass
    uint16_t in_h, in_w, in_c, out_h, out_w, out_c;
    uint16_t n_in, n_out, fan_in;
    uint16_t max_weight;
    uint32_t n_saturated, n_high;  // outputs above the range, and above a quarter of it, since fy was reconsidered
    uint32_t threshold;            // select.c: Y_max, or T
    uint32_t carry;                // select.c: error not yet handed on
    uint32_t weights, biases;      // offsets in the image, bytes
    uint32_t inputs, outputs;
    uint32_t list;                 // Dense: the non-zero inputs (tp_list_nonzero)
} tp_layer_t;

typedef struct {
    // Asked for.
    uint32_t magic;
    uint8_t version, n_layers, loss, policy;
    uint8_t lr_m, lr_n;            // learning rate m * 2^-n, m 16..31
    // Worked out by tp_layout.
    uint8_t bits;                  // of an activation: 8 or 12
    uint8_t first_trained;         // index of the lowest trainable layer; n_layers if there is none
    uint8_t bad_layer;             // after TP_E_LAYER, TP_E_TOO_BIG: which
    uint8_t in_signed;             // inputs are -127..127, not 0..255 (range.c)
    // Asked for.
    uint16_t in_h, in_w, in_c;
    uint16_t n_in_ranges;          // 1, or one per channel
    uint16_t n_out_ranges;         // 0 with crossentropy; 1, or one per output
    uint16_t s_min, s_max, zeta;   // Q.15 (select.c)
    uint16_t skip;                 // Q.14: no backward pass for an error below this share of the largest
    uint16_t learn_ranges[2];      // samples yet to come from which the ranges of inputs, outputs are learned
    // Learned.
    uint32_t steps, skipped;
    // Worked out by tp_layout.
    uint32_t n_bytes;              // the image
    uint32_t n_saved;              // the part of it that a file keeps
    uint32_t ranges;               // offsets in the image, bytes
    uint32_t work;                 // list of inputs, or gradients of a filter, of a convolution; kept errors
    uint32_t buffer[2];            // sums and errors, layer by layer in turn
    // Counted.
    uint32_t loss_count;
    uint64_t loss_sum;             // Q.24, over loss_count samples of the last call
    uint64_t macs_dense;           // multiply-accumulates of dense backward passes in every step
    uint64_t macs_kept;            // those of the errors that were kept
    uint64_t macs_done;            // those with a non-zero input as well: what was really multiplied
    uint64_t n_saturated, n_clipped, n_clamped;  // activations and outputs of mse, errors, weights
} tp_model_t;

// A view of the user's numbers: `type` is an array typecode, `n` counts items.
typedef struct {
    const void *items;
    size_t n;
    char type;
} tp_values_t;

// Bytes of an item: 1, 2, 4 or 8; 0 for a typecode that no function takes.
size_t tp_item_size(char type);

// Works out shapes, offsets and sizes from what was asked for, checks every field that is used as a shift, count or
// choice, and writes the results into the image, of which only head and records need be there. Time: a few dozen
// operations a layer.
tp_err_t tp_layout(void *image, size_t n_bytes);

// tp_layout, and the whole image must be there.
tp_err_t tp_open(void *image, size_t n_bytes);

// Gives an image, whole but for what it is to learn, its first weights (He / LeCun uniform, xorshift32) and state. The same
// seed gives the same bytes. lo and hi of each range may have been set, float32 bit patterns, or be 0: to be learned.
tp_err_t tp_init(void *image, size_t n_bytes, uint32_t seed);

// Class number of x (index of the largest score; the first one on a tie). Unless NULL, out gets the scores as float32 bit
// patterns: probabilities, or values in the user's units with mse.
int tp_predict(void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *out);

// Runs samples start .. start+count-1 of the `total` ones in x and y through the model, learning or just evaluating. y
// holds a class number a sample, or n_out targets a sample with mse. Returns the number of samples trained on (learning)
// or classified rightly (else; 0 with mse). Nothing is changed when any of these samples is invalid, or, at start = 0, any
// of all. The head gets the sum of losses, from start = 0 on.
int tp_run(void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *y, size_t total, size_t start,
    size_t count, int learning);

#endif
