// tinyprop core: a small neural network that learns in integers, inside one buffer of memory.
//
// The buffer is the *model image*. It has three parts, by how long they live:
//   spec    what the user asked for                                         saved in a file
//   state   what was learned: ranges, weights, biases, formats, counters    saved in a file
//   plan    what follows from the spec: shapes, offsets; and scratch        the core's own
// Spec and state are in format.h and, byte by byte, in docs/format.md; the plan is in core.h. Every call works the plan
// out anew and compares it with the length of the buffer, so no image, however damaged, makes the core read or write
// elsewhere. The core keeps nothing outside the image between calls, and uses no heap, float, global or library. A call
// on a model that another call works on gets TP_E_BUSY; one with buffers that lie in the image gets TP_E_OVERLAP.
//
// Numbers are Q.f: value = integer * 2^-f. How the formats were chosen and what they cost is in docs/numbers.md.
//   weights      int16  Q.w_frac        |w| <= max_weight; w_frac changes by one when weights outgrow their range, or
//                                       leave two bits of it unused
//   biases       int32  Q.(w_frac+12)   |b| <= 2^30
//   activations  int16  Q.y_frac        8 bits: 0..255 (relu, sigmoid), -127..127 (linear, tanh); 12 bits in small
//                                       dense regressions: 0..4095, -2047..2047 (plan.c chooses)
//   sums z       int32  Q.(x_frac+w_frac)   pre-activations; x_frac is the y_frac of the layer below
//   deltas       int16  Q.frac          dLoss/dz; clipped at 1.0 = 2^delta_frac, which is 2^14 (2^13 with 12 bits)
// Rounding is to nearest, halves up, unless a comment says otherwise (fixed.h).
#ifndef TINYPROP_H
#define TINYPROP_H

#include <stddef.h>
#include <stdint.h>
#include "format.h"

// A view of the user's numbers: `type` is a typecode of Python's array, `n` counts items. Items may start at any
// address.
typedef struct {
    const void *items;
    size_t n;
    char type;
} tp_values_t;

// Shape of a layer's output, the products that each of its values sums, and the bytes of RAM that the layer takes. Work
// is at one place for all layers in turn, so that a model takes little more of it than one layer needs.
typedef struct {
    uint32_t h, w, c, fan_in;
    uint32_t learned;  // weights, biases, sums and means
    uint32_t outputs;  // with its deltas, the list of its inputs, and the inputs of the model
    uint32_t work;     // what else it needs in its turn
} tp_shape_t;

// Bytes per item: 1, 2, 4 or 8; 0 for a typecode that no function takes.
size_t tp_item_size(char type);

// Returns the bytes of RAM that a model of this spec needs, or a negative tp_err_t. spec: a tp_model_spec_t and one
// tp_layer_spec_t per layer, aligned to TP_ALIGN; more bytes may follow. shapes [n_shapes], n_shapes >= n_layers,
// aligned to 4: gets the shape of each layer, up to the first one that has none (TP_E_LAYER, TP_E_TOO_BIG).
int32_t tp_layout(const void *spec, size_t n_bytes, tp_shape_t *shapes, size_t n_shapes);

// Gives a new image its first weights (He / LeCun uniform, xorshift32) and state; the same seed gives the same bytes.
// The image has tp_layout() bytes: the spec, then zeros, except the ranges that the user gave.
// TP_E_RANGE: one of the ranges does not have lo < hi. To do this again, hold the model before.
tp_err_t tp_init(void *image, size_t n_bytes, uint32_t seed);

// Lets no call work on a model, so that what the caller reads is whole and what it writes disturbs none, until it sets
// busy, the last word of the spec, to 0. TP_E_BUSY: a call is at work, or another caller has it.
tp_err_t tp_hold(void *image, size_t n_bytes);

// Returns the class number of x (index of the largest score; the first one on a tie), or a negative tp_err_t. Unless it
// is NULL, out gets the scores as float32: probabilities, or with mse values in the user's units.
int tp_predict(void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *out);

// How far x is from what is remembered: out, uint32 [replay], gets the squared distance to each such sample, between inputs
// of the lowest trained layer in 8 bits; UINT32_MAX for a place that is not in use. x NULL: those of the remembered sample
// at `place` to the others of its class, to all else UINT32_MAX. Returns by how much its largest probability is below 1.0,
// Q.14, with mse 0; or a negative tp_err_t.
int tp_distances(void *image, size_t n_bytes, const tp_values_t *x, size_t place, const tp_values_t *out);

// Runs samples start .. start+count-1 of the `total` samples in x and y through the model, learning from them or only
// evaluating it. y holds one class number per sample, or with mse n_out targets per sample. Returns how many samples
// were trained on (learning) or classified correctly (evaluating; 0 with mse), or a negative tp_err_t. Nothing changes
// if any of these samples is invalid, or at start = 0 any of the total. start = 0 also resets the sum of losses in the
// state.
int tp_run(void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *y, size_t total, size_t start,
    size_t count, int learning);

#endif
