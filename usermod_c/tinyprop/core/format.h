// Written by `python -m host_sim format` from host_sim/generate/schema.py.
// What the bytes mean is in docs/format.md.
#ifndef TINYPROP_FORMAT_H
#define TINYPROP_FORMAT_H

#include <stdint.h>

#define TP_MAGIC 0x504e5954u
#define TP_VERSION 5
#define TP_ALIGN 8
#define TP_MAX_VALUES 65534  // inputs, outputs, products per output of a layer: indices and sums fit
#define TP_MAX_PRODUCTS 268435456  // of the forward pass of a sample
#define TP_MAX_BYTES 2147483644  // of an image
#define TP_MAX_BIAS 1073741824  // |b|
#define TP_MIN_W_FRAC 2  // w_frac moves between these
#define TP_MAX_W_FRAC 16
#define TP_BIAS_FRAC 12  // biases are Q.(w_frac + bias_frac)
#define TP_MOST_MEANS 1024  // inputs of a dense layer above a map with a mean each; of more, by channel
#define TP_MIN_Y_FRAC -8  // y_frac moves from here to the number of bits of an activation

// What a layer does. The first three have weights.
enum {
    TP_DENSE,  // every output sees every input
    TP_CONV,  // convolution: filters over (height, width, channels)
    TP_DEPTHWISE,  // convolution of one filter per channel
    TP_MAXPOOL,  // largest of each window
    TP_AVGPOOL,  // mean of each window
    TP_N_KIND
};

// y = act(z). Pools and the last layer have linear.
enum {
    TP_LINEAR,  // z
    TP_RELU,  // max(z, 0)
    TP_SIGMOID,  // 1 / (1 + e^-z)
    TP_TANH,  // tanh(z)
    TP_N_ACTIVATION
};

// What learning minimises.
enum {
    TP_CROSSENTROPY,  // classes: softmax, -ln p of the right class
    TP_MSE,  // numbers: mean squared error
    TP_N_LOSS
};

// Which deltas of a layer take part in its backward pass (select.c).
enum {
    TP_FULL,  // all
    TP_TOPK,  // the largest: meProp, TinyProp, TinyPropV2
    TP_DIFFUSED,  // those of at least a threshold, which adapts; smaller ones add up
    TP_N_POLICY
};

// What a call returns in place of a result.
typedef enum {
    TP_OK = 0,
    TP_E_IMAGE = -1,  // not a model image, or a damaged one
    TP_E_VERSION = -2,  // an image of another version
    TP_E_LAYER = -3,  // a layer that does not fit the output of the one below it
    TP_E_OUTPUT = -4,  // the last layer is not a linear dense layer
    TP_E_TOO_BIG = -5,  // more than MAX_VALUES inputs, outputs or products per output in a layer
    TP_E_X_LENGTH = -6,  // x has the wrong number of values
    TP_E_X_TYPE = -7,  // x is no buffer of a known item type
    TP_E_X_FINITE = -8,  // x holds a NaN or an infinity
    TP_E_Y_LENGTH = -9,  // y has the wrong number of values
    TP_E_Y_TYPE = -10,  // y is of the wrong type
    TP_E_Y_FINITE = -11,  // y holds a NaN or an infinity
    TP_E_Y_CLASS = -12,  // y is no class number of this model
    TP_E_RANGE = -13,  // a range whose low end is not below its high end, or not finite
    TP_E_NO_RANGE = -14,  // the range of inputs or outputs is not known yet
    TP_E_OUT = -15,  // out is no buffer of type f with one item per output
    TP_E_ALIGN = -16,  // the image does not start at a multiple of ALIGN
    TP_E_TOO_SLOW = -17,  // more than MAX_PRODUCTS products in a sample
    TP_E_BUSY = -18,  // another call works on the model, or holds it
    TP_E_OVERLAP = -19,  // x, y or out lies in the image
} tp_err_t;

// What the user asked for.
typedef struct {
    uint32_t magic;  // TYNP
    uint8_t version;  // of the format
    uint8_t n_layers;  // 1 to 254
    uint8_t loss;  // see loss
    uint8_t policy;  // see policy
    uint32_t saved_bytes;  // of spec and state, with all that may be remembered
    uint8_t lr_mantissa;  // 16 to 31; learning rate = lr_mantissa * 2^-lr_shift
    uint8_t lr_shift;  // 4 to 30
    uint16_t in_h;  // shape of the input: height, 1 for a series or vector
    uint16_t in_w;  // width, 1 for a vector
    uint16_t in_c;  // channels, the innermost dimension, as in Keras
    uint16_t n_input_ranges;  // given ranges: 1, or in_c; 0: learned, one per channel
    uint16_t n_output_ranges;  // the same with mse, one per output; 0 with crossentropy, which has none
    uint16_t s_min;  // Q.15, at most 1.0: least share of deltas to select (the ratio of topk and diffused)
    uint16_t s_max;  // Q.15, at most 1.0: share to select at the largest deltas seen; diffused: share that is affordable in the long run, 0 if s_min is always selected
    uint16_t zeta;  // Q.15, at most 1.0: factor of the share per layer further down
    uint16_t skip;  // Q.14, at most 1.0: samples of a smaller error are skipped; 0: none
    uint16_t replay;  // samples that are remembered, to learn from them again; 0: none
    uint8_t auto_rate;  // 0: the rate above; else each layer finds its own (rate.c)
    uint8_t reserved;  // 0
    uint32_t busy;  // 0; in RAM, who works on the model just now (call.c)
} tp_model_spec_t;

// One for each layer.
typedef struct {
    uint8_t kind;  // see kind
    uint8_t activation;  // see activation
    uint8_t trainable;  // 0 or 1
    uint8_t same;  // padding of a convolution: 1 same, 0 valid
    uint8_t kernel_h;  // kernel or window; 0 x 0 in a pool: the whole input
    uint8_t kernel_w;
    uint8_t stride_h;  // of a convolution; pools step by their window
    uint8_t stride_w;
    uint16_t units;  // units of a dense layer, filters of a convolution, else 0
    uint16_t reserved[3];  // 0
} tp_layer_spec_t;

// What was learned and counted.
typedef struct {
    uint16_t n_seen[2];  // samples that learned ranges follow, up to 1024: x, y
    uint32_t loss_count;  // samples of the last call
    uint64_t steps;  // samples given to learn from, skipped ones included
    uint64_t skipped;  // those of them without a backward pass
    uint64_t loss_sum;  // Q.24, sum of their losses
    uint64_t macs_dense;  // multiply-accumulates of a dense backward pass in every step
    uint64_t macs_selected;  // those of the selected deltas
    uint64_t macs_done;  // those whose delta is not 0, in dense layers nor the input
    uint64_t n_saturated;  // activations and outputs of mse beyond their format
    uint64_t n_clipped;  // deltas beyond 1.0
    uint64_t n_clamped;  // weights at their bound
    uint32_t trained;  // steps with a backward pass
    uint32_t error;  // Q.28, at most 1.0: running mean of 1 - p of the right class (mse: |delta|)
    uint32_t account;  // diffused: left to spend, in dense steps, Q.15; at most 2^27
    uint16_t share;  // diffused: share of the deltas to select in this step, Q.15
    int16_t replay_frac;  // remembered values are as inputs in Q.replay_frac
    uint32_t least_error;  // Q.28: the least that `error` has been
    uint32_t right;  // Q.28: running share of samples that were right beforehand
    uint32_t n_outside;  // values of x that were clamped to an end of their range
    uint32_t n_replayed;  // steps on remembered samples
    uint32_t random;  // state of the generator that chooses among them (replay.c)
    uint32_t n_outside_y;  // values of y that were clamped, to twice a range
} tp_model_state_t;

// One for each layer.
typedef struct {
    int8_t w_frac;  // weights are Q.w_frac, biases Q.(w_frac + 12)
    int8_t y_frac;  // activations are Q.y_frac
    uint16_t age;  // 1 + learn steps until 256, then 256 to 511: when y_frac is reconsidered
    uint16_t dead_steps;  // learn steps in a row in which every output was 0, up to 65535
    uint16_t n_summed;  // samples in the sums that the means come from, up to 255
    uint32_t n_saturated;  // outputs beyond the format since y_frac was reconsidered
    uint32_t n_high;  // outputs beyond a quarter of it
    uint32_t threshold;  // topk, or mse with skip: largest sum of |delta|, Q.delta_frac; diffused: T times the share, Q.30; at most 2^30
    uint32_t residual;  // diffused: deltas not yet passed on, Q.22; at most 2^30
    uint32_t energy;  // 1 + sum of (x - mean)^2, a running mean, Q.8; at most 2^30
    uint32_t norm;  // sum of mean^2, of a dense layer
    int8_t x_frac;  // sums and means are in the format of inputs in Q.x_frac
    uint8_t mean_shift;  // s of a dense layer: sum |mean| max |x| < 16383 2^s; 0 to 31
    uint16_t settling;  // of the output layer: samples until least_error is looked for
} tp_layer_state_t;

// A range that was given, of the user's numbers: lo < hi.
typedef struct {
    uint32_t lo;  // lowest value
    uint32_t hi;  // highest value
} tp_range_t;

// A range that is learned: where the values lie, and how far from there (ranges.c).
typedef struct {
    int32_t centre;  // running mean of the values, Q.frac; within 2^28. Until there are three: the first one, float32
    uint32_t spread;  // running mean of |value - centre|, Q.frac; at most 2^28. Until there are three: the second one, float32
    int32_t zero;  // the value that maps to 0, Q.frac; within 2^28
    int16_t frac;  // -200 to 200
    int16_t shift;  // 1.0 is 2^shift, Q.frac; 31 if all values were the same so far
} tp_learned_range_t;

#endif
