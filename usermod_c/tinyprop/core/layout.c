// The layout of a model image, worked out from what was asked for, and its first contents.
//   head | layer records | ranges | weights and biases, layer by layer || inputs | outputs | work | two buffers | list
//   |<------------------- saved ------------------------------------->||<----------------- scratch ------------------>|
#include "internal.h"

// The same layout on every machine: no padding, little-endian.
typedef char no_padding[sizeof(tp_model_t) == 128 && sizeof(tp_layer_t) == 80 && sizeof(tp_range_t) == 24 ? 1 : -1];
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tinyprop needs a little-endian machine"
#endif

#define MAX_BYTES 0x7ffffffcu
#define MAX_N 65534u   // of inputs, outputs and products per output of a layer: indices and sums fit (dense.c, select.c)

// Hands out the image piece by piece.
typedef struct {
    uint32_t used;      // at most MAX_BYTES
    int overflow;
} space_t;

static uint32_t take(space_t *s, uint32_t bytes) {
    uint32_t at = s->used;
    if (bytes > MAX_BYTES - at) {
        s->overflow = 1;
        return at;
    }
    s->used = (at + bytes + 3) & ~3u;
    return at;
}

// a / b, which most likely is what it was at the last call: a Cortex-M0 divides in software. guess < 2^16.
static uint32_t quotient(uint32_t a, uint32_t b, uint32_t guess) {
    if (b < 1 << 16 && guess * b <= a && a - guess * b < b) {
        return guess;
    }
    return a / b;
}

// Output size and padding of one dimension. valid: floor((in - kernel) / stride) + 1. same: ceil(in / stride), with the
// padding that this needs, the odd one below or to the right (as in Keras). Returns 0 if the kernel does not fit.
static int slide(uint32_t in, uint32_t kernel, uint32_t stride, int same, uint16_t *out, uint8_t *pad) {
    if (kernel == 0 || stride == 0 || (!same && kernel > in)) {
        return 0;
    }
    uint32_t steps = quotient(in - (same ? 1 : kernel), stride, *out - 1u);
    uint32_t reach = steps * stride + kernel;
    *out = (uint16_t)(steps + 1);
    *pad = (uint8_t)(reach > in ? (reach - in) / 2 : 0);
    return 1;
}

// a * b * c, or 0 if that is 0 or above MAX_N.
static uint16_t product(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t ab = a * b;  // below 2^32
    if (ab > MAX_N || ab * c > MAX_N) {
        return 0;
    }
    return (uint16_t)(ab * c);
}

// Shape of the layer's output from that of its input, and products per output.
static tp_err_t shape(tp_layer_t *l, uint16_t n_in) {
    l->out_c = l->kind == TP_DENSE || l->kind == TP_CONV ? l->units : l->in_c;
    if (l->in_h == 0 || l->in_w == 0 || l->in_c == 0 || l->out_c == 0) {
        return TP_E_LAYER;
    }
    if (l->kind == TP_DENSE) {
        l->out_h = l->out_w = 1;
        l->pad_h = l->pad_w = 0;
        l->n_out = product(l->out_c, 1, 1);
        l->fan_in = n_in;
    } else {
        uint32_t kernel_h = l->kernel_h, kernel_w = l->kernel_w, stride_h = l->stride_h, stride_w = l->stride_w;
        int same = l->same;
        if (!tp_has_weights(l)) {
            if (kernel_h == 0) {  // one window: the whole input
                kernel_h = l->in_h;
                kernel_w = l->in_w;
            }
            stride_h = kernel_h;
            stride_w = kernel_w;
            same = 0;
        }
        if (!slide(l->in_h, kernel_h, stride_h, same, &l->out_h, &l->pad_h)
            || !slide(l->in_w, kernel_w, stride_w, same, &l->out_w, &l->pad_w)) {
            return TP_E_LAYER;
        }
        l->n_out = product(l->out_h, l->out_w, l->out_c);
        l->fan_in = product(kernel_h, kernel_w, l->kind == TP_DEPTHWISE ? 1 : l->in_c);
    }
    l->n_in = n_in;
    return n_in && l->n_out && l->fan_in && tp_weight_count(l) <= MAX_BYTES / 2 ? TP_OK : TP_E_TOO_BIG;
}

// Every field that is a choice, a shift or a count, of a head and a record made by others.
static int head_is_sound(const tp_model_t *m) {
    return m->n_layers > 0 && m->loss < TP_LOSSES && m->policy < TP_POLICIES && m->s_min <= 1 << 15 && m->s_max <= 1 << 15
        && m->zeta <= 1 << 15 && m->skip <= 1 << 14 && m->lr_m >= 16 && m->lr_m <= 31 && m->lr_n >= 4 && m->lr_n <= 30
        && m->in_signed <= 1;
}

static int record_is_sound(const tp_layer_t *l) {
    return l->kind < TP_KINDS && l->activation < TP_ACTIVATIONS && l->trainable <= 1 && l->same <= 1
        && l->fw >= 0 && l->fw <= TP_MAX_FW && l->fy >= -8 && l->fy <= 12 && l->age < 512
        && l->threshold <= 1u << 30 && l->carry <= 1u << 30;
}

static int activation_bits(const tp_model_t *m) {
    // 12 bits: regressions with dense layers of at most 64 inputs, where 8 bits cost accuracy (docs/numbers.md).
    if (m->loss != TP_MSE || (uint32_t)m->in_h * m->in_w * m->in_c > 64) {
        return 8;
    }
    const tp_layer_t *l = tp_layers(m);
    for (size_t i = 0; i < m->n_layers; i++) {
        if (l[i].kind != TP_DENSE || (i + 1 < m->n_layers && l[i].units > 64)) {
            return 8;
        }
    }
    return 12;
}

#define SUM_MAX(spare) (0x7fffffffu - (1u << spare))

// max |w| such that no sum can overflow: x_max * fan_in * max_weight + bias < 2^31 (tp_sum_rows), at most 32767.
static uint16_t max_weight(const tp_model_t *m, const tp_layer_t *l, int non_negative) {
    uint32_t inputs = ((1u << (m->bits - !non_negative)) - 1) * l->fan_in;  // below 2^24
    uint32_t sum_max = m->bits == 8 ? SUM_MAX(27) : SUM_MAX(29);
    if (inputs <= (m->bits == 8 ? SUM_MAX(27) / 32767 : SUM_MAX(29) / 32767)) {
        return 32767;
    }
    return (uint16_t)quotient(sum_max, inputs, l->max_weight);
}

// Shapes, from the inputs up, and what follows from them for each layer alone.
static tp_err_t lay_out_shapes(tp_model_t *m) {
    tp_layer_t *layers = tp_layers(m), *end = layers + m->n_layers;
    uint16_t h = m->in_h, w = m->in_w, c = m->in_c, n = product(h, w, c);
    int non_negative = m->bits == 8;  // inputs of a model may be set to be (range.c), and that bound is the tighter one
    int rectified = 0;                // zeros below have zero errors: above a relu, also through a maximum
    uint8_t i = 0;
    m->first_trained = m->n_layers;
    for (tp_layer_t *l = layers; l < end; l++, i++) {
        if (!record_is_sound(l)) {
            return TP_E_IMAGE;
        }
        l->in_h = h;
        l->in_w = w;
        l->in_c = c;
        m->bad_layer = i;
        tp_err_t err = shape(l, n);
        if (err) {
            return err;
        }
        h = l->out_h;
        w = l->out_w;
        c = l->out_c;
        n = l->n_out;
        l->rectified = (uint8_t)rectified;
        if (tp_has_weights(l)) {
            l->max_weight = max_weight(m, l, non_negative);
            non_negative = l->activation == TP_RELU || l->activation == TP_SIGMOID;
            rectified = l->activation == TP_RELU;
            if (l->trainable && m->first_trained == m->n_layers) {
                m->first_trained = i;
            }
        } else if (l->kind == TP_AVGPOOL) {
            rectified = 0;  // a small average rounds to 0
        }
    }
    const tp_layer_t *last = end - 1;
    if (last->kind != TP_DENSE || last->activation != TP_LINEAR) {
        return TP_E_OUTPUT;
    }
    int ranges_fit = m->loss == TP_MSE ? m->n_out_ranges == 1 || m->n_out_ranges == last->n_out : m->n_out_ranges == 0;
    return ranges_fit && (m->n_in_ranges == 1 || m->n_in_ranges == m->in_c) ? TP_OK : TP_E_IMAGE;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

// Of a list of n inputs, even if none is 0: an entry for each, three where rows of weights are too long for one (at most 2 *
// MAX_N bytes), and the one that ends it (tp_list_nonzero).
static uint32_t list_bytes(const tp_layer_t *l, uint32_t n) {
    return 4 * ((2u * l->out_c > TP_MAX_SKIP ? 3 * n : n) + 1);
}

// Whether the list of its non-zero inputs is needed beyond the layer's forward pass: by the backward pass of the lowest
// trained layer; and that of a model's inputs is made in their place (lay_out_memory). Other lists come and go in `work`.
static int keeps_list(const tp_model_t *m, const tp_layer_t *l) {
    const tp_layer_t *layers = tp_layers(m);
    return l->kind == TP_DENSE && (l == layers || l == layers + m->first_trained);
}

// Offsets. Errors of layer i live in buffer[(last - i) % 2], as int32 sums, then as int16 (tp_errors); the sums of a
// forward pass in buffer[0], the biases that a convolution starts from in buffer[1]. The inputs of a model that starts
// with a Dense layer lie at the end of their own list: it grows by 4 bytes (12) for each input of 2 bytes that was read, so
// the last entry meets the last input only when that has been read; and nothing else needs them.
static tp_err_t lay_out_memory(tp_model_t *m, space_t space) {
    tp_layer_t *layers = tp_layers(m), *end = layers + m->n_layers;
    m->ranges = take(&space, ((uint32_t)m->n_in_ranges + m->n_out_ranges) * (uint32_t)sizeof(tp_range_t));
    for (tp_layer_t *l = layers; l < end; l++) {
        l->weights = take(&space, tp_has_weights(l) ? 2 * tp_weight_count(l) : 0);
        l->biases = take(&space, tp_has_weights(l) ? 4u * l->out_c : 0);
    }
    m->n_saved = space.used;

    // The largest errors in the buffer of the layer at hand, and in the other one: they take turns. Then the largest sums of
    // a position, and the biases that they start from.
    uint32_t here = 0, there = 0, sums = 0, starts = 0, work = 0;
    int lists_inputs = keeps_list(m, layers);
    uint32_t at = lists_inputs ? 0 : take(&space, 2u * layers->n_in);
    tp_layer_t *first_trained = layers + m->first_trained;
    for (tp_layer_t *l = layers; l < end; l++) {
        l->inputs = at;
        l->outputs = at = take(&space, l + 1 < end ? 2u * l->n_out : 0);  // those of the last one stay sums
        uint32_t errors = l < first_trained ? 0 : 4u * l->n_out, below = here;
        here = larger(there, errors);
        there = below;
        if (tp_has_weights(l)) {
            sums = larger(sums, 4u * l->out_c);
            if (l->kind == TP_DENSE) {
                work = larger(work, (uint32_t)sizeof(tp_kept_t) * l->n_out);
            } else {
                starts = larger(starts, 4u * l->out_c);
            }
            if (!keeps_list(m, l)) {
                work = larger(work, list_bytes(l, l->fan_in));
            }
        }
    }
    m->work = take(&space, work);
    m->buffer[0] = take(&space, larger(here, sums));
    m->buffer[1] = take(&space, larger(there, starts));
    for (tp_layer_t *l = layers; l < end; l++) {
        l->list = keeps_list(m, l) ? take(&space, list_bytes(l, l->n_in)) : m->work;
    }
    if (lists_inputs) {
        layers->inputs = layers->list + list_bytes(layers, layers->n_in) - 2u * layers->n_in;
    }
    m->n_bytes = space.used;
    return space.overflow ? TP_E_TOO_BIG : TP_OK;
}

tp_err_t tp_layout(void *image, size_t n_bytes) {
    tp_model_t *m = image;
    if ((uintptr_t)image % TP_ALIGN != 0) {
        return TP_E_ALIGN;
    }
    if (n_bytes < sizeof(tp_model_t) || m->magic != TP_MAGIC) {
        return TP_E_IMAGE;
    }
    if (m->version != TP_VERSION) {
        return TP_E_VERSION;
    }
    space_t space = { (uint32_t)(sizeof(tp_model_t) + m->n_layers * sizeof(tp_layer_t)), 0 };
    if (n_bytes < space.used || !head_is_sound(m)) {
        return TP_E_IMAGE;
    }
    m->bits = (uint8_t)activation_bits(m);
    tp_err_t err = lay_out_shapes(m);
    return err ? err : lay_out_memory(m, space);
}

// The layout of an image that is all there, with ranges that pass the test.
static tp_err_t open_with(void *image, size_t n_bytes, int (*test)(const tp_range_t *), tp_err_t otherwise) {
    tp_model_t *m = image;
    tp_err_t err = tp_layout(image, n_bytes);
    if (err) {
        return err;
    }
    if (n_bytes < m->n_bytes) {
        return TP_E_IMAGE;
    }
    const tp_range_t *r = tp_ranges(m, 0);
    for (size_t i = 0; i < (size_t)m->n_in_ranges + m->n_out_ranges; i++) {
        if (!test(&r[i])) {
            return otherwise;
        }
    }
    return TP_OK;
}

tp_err_t tp_open(void *image, size_t n_bytes) {
    return open_with(image, n_bytes, tp_range_is_sound, TP_E_IMAGE);
}

static uint32_t xorshift32(uint32_t *state) {
    uint32_t v = *state;
    v ^= v << 13;
    v ^= v >> 17;
    v ^= v << 5;
    return *state = v;
}

// He (relu: variance 2 / fan_in) or LeCun (1 / fan_in) uniform: |w| <= sqrt(c / fan_in), c = 6 or 3; the exponent is the
// largest at which that limit fits max_weight. Biases start at 0.
static void init_layer(const tp_model_t *m, tp_layer_t *l, uint32_t *random) {
    uint32_t c = l->activation == TP_RELU ? 6 : 3;
    // c / fan_in in Q.28, and its root in Q.14, bit by bit: below 2^16. (A dividend below 2^31 makes GCC take in the
    // code of signed division.)
    uint32_t square = quotient(c << 29, l->fan_in, 0) >> 1, limit = 0;
    for (uint32_t bit = 1 << 15; bit; bit >>= 1) {
        if ((limit + bit) * (limit + bit) <= square) {
            limit += bit;
        }
    }
    limit <<= TP_MAX_FW - 14;
    for (l->fw = TP_MAX_FW; limit > l->max_weight; limit >>= 1) {
        l->fw--;
    }
    int16_t *w = tp_at(m, l->weights);
    int32_t *b = tp_at(m, l->biases);
    for (uint32_t i = 0, n = tp_weight_count(l); i < n; i++) {
        int32_t r = (int32_t)(xorshift32(random) >> 16) - 32768;
        w[i] = (int16_t)tp_round(r * (int32_t)limit, 15);  // |r limit| <= 2^15 * 32767
    }
    for (size_t i = 0; i < l->out_c; i++) {
        b[i] = 0;
    }
}

tp_err_t tp_init(void *image, size_t n_bytes, uint32_t seed) {
    tp_err_t err = open_with(image, n_bytes, tp_range_has_width, TP_E_RANGE);
    if (err) {
        return err;
    }
    tp_model_t *m = image;
    tp_derive_ranges(m);
    // The generator never leaves 0; this spreads small seeds over its states and maps none to 0 but one.
    uint32_t random = seed * 0x9e3779b9u + 0x7f4a7c15u;
    random = random ? random : 1;
    for (int i = 0; i < 8; i++) {
        xorshift32(&random);
    }
    for (tp_layer_t *l = tp_layers(m); l < tp_layers(m) + m->n_layers; l++) {
        l->fy = (int8_t)tp_start_exponent(m, l);
        l->age = 1;
        if (tp_has_weights(l)) {
            init_layer(m, l, &random);
        }
    }
    return TP_OK;
}
