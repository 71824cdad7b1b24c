// A target of libFuzzer: each input is a model and what is done with it, for the sanitizers to watch (fuzz.py).
//
// An input is read as decisions, mostly one byte each, so that nearly every input is a legal model whose calls go deep,
// and a changed byte changes one thing of it. Where the input ends all decisions are 0, which is the plain case. Some
// inputs are an image as it stands instead. An image and each other buffer is a heap block of exactly its size, so that
// an access one byte beyond is found; so are the parts of an image's scratch (apart.c), but for inputs that want them
// where they belong. Buffers may lie in the image itself.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core.h"

#define MAX_IMAGE 850000  // bytes of a whole image; enough for rows of weights beyond TP_MAX_ROW_DELTA
#define MAX_MACS 300000   // multiply-accumulates that an input may take
#define MAX_SAMPLES 4
#define MAX_LAYERS 10

const char *__asan_default_options(void);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
extern int tp_apart;  // apart.c

// The core allocates nothing that could leak; a short quarantine of freed blocks is faster.
const char *__asan_default_options(void) {
    return "detect_leaks=0:quarantine_size_mb=4";
}

// ---- decisions

static const uint8_t *input, *input_end;
static uint32_t noise;
static uint64_t macs_left;  // of MAX_MACS

static uint32_t byte(void) {
    return input < input_end ? *input++ : 0;
}

static uint32_t word(void) {
    uint32_t low = byte();
    return low | byte() << 8;
}

static uint32_t below(uint32_t n) {
    return (n <= 256 ? byte() : word() | word() << 16) % n;
}

// Whether something happens that happens once in n times, n a power of 2.
static int one_in(uint32_t n) {
    return below(n) == n - 1;
}

// Noise for what has too many bytes to decide each.
static void fill(void *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)(tp_random(&noise) >> 16);
    }
}

static const uint32_t edges[] = { 0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65534, 65535, 65536, 0x3fffffff,
    0x40000000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7f800000, 0x00400000, 0x7f7fffff };

static uint32_t edge(void) {
    return edges[below(sizeof(edges) / sizeof(edges[0]))];
}

static void *block(size_t n) {
    void *bytes = malloc(n);
    if (bytes == NULL) {
        abort();
    }
    return bytes;
}

static void check(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "wrong: %s\n", what);
        abort();
    }
}

// ---- models

// 1 .. n, and now and then far more.
static uint32_t size_up_to(uint32_t n, uint32_t most) {
    uint32_t decision = byte();
    return decision < 240 ? 1 + decision % n : decision < 255 ? 1 + below(256) % most : 1 + word() % most;
}

static tp_layer_spec_t layer(uint8_t kind, uint32_t units) {
    tp_layer_spec_t l;
    memset(&l, 0, sizeof(l));
    l.kind = kind;
    l.activation = (uint8_t)((TP_RELU + below(TP_N_ACTIVATION)) % TP_N_ACTIVATION);
    l.trainable = !one_in(4);
    l.units = (uint16_t)units;
    return l;
}

// A layer on maps; of a series, kernels and strides are mostly in its direction.
static tp_layer_spec_t map_layer(int is_series) {
    static const uint8_t kinds[] = { TP_CONV, TP_CONV, TP_DEPTHWISE, TP_MAXPOOL, TP_MAXPOOL, TP_AVGPOOL, TP_DENSE };
    tp_layer_spec_t l = layer(kinds[below(sizeof(kinds))], 0);
    int pool = l.kind == TP_MAXPOOL || l.kind == TP_AVGPOOL;
    if (l.kind == TP_CONV || l.kind == TP_DENSE) {
        l.units = (uint16_t)size_up_to(9, 65535);
    }
    if (l.kind == TP_DENSE) {
        return l;
    }
    int is_flat = is_series && !one_in(8);
    if (!pool || !one_in(4)) {  // else a pool over all of it
        l.kernel_h = (uint8_t)(is_flat ? 1 : size_up_to(3, 255));
        l.kernel_w = (uint8_t)size_up_to(3, 255);
    }
    if (!pool) {
        l.same = (uint8_t)below(2);
        l.stride_h = (uint8_t)(is_flat ? 1 : size_up_to(3, 255));
        l.stride_w = (uint8_t)size_up_to(3, 255);
    }
    return l;
}

// Writes the spec of a model to the start of an image; returns its length.
static size_t spec(uint8_t *image) {
    tp_model_spec_t m;
    tp_layer_spec_t l[MAX_LAYERS];
    uint8_t n = 0;
    memset(&m, 0, sizeof(m));
    m.magic = TP_MAGIC;
    m.version = TP_VERSION;
    m.in_h = m.in_w = 1;
    m.in_c = (uint16_t)size_up_to(16, 65535);
    uint32_t n_hidden = below(MAX_LAYERS);
    if (one_in(2)) {
        int is_series = one_in(4);
        m.in_h = (uint16_t)(is_series ? 1 : size_up_to(9, 300));
        m.in_w = (uint16_t)size_up_to(is_series ? 40 : 9, 300);
        while (n < n_hidden) {
            l[n++] = map_layer(is_series);
        }
    }
    for (; n < n_hidden; n++) {
        l[n] = layer(TP_DENSE, size_up_to(10, 65535));
    }
    l[n] = layer(TP_DENSE, size_up_to(6, 65535));
    l[n++].activation = TP_LINEAR;
    m.n_layers = n;
    m.loss = (uint8_t)below(TP_N_LOSS);
    m.policy = (uint8_t)below(TP_N_POLICY);
    m.n_input_ranges = one_in(2) ? 0 : one_in(2) ? 1 : m.in_c;
    m.n_output_ranges = m.loss == TP_CROSSENTROPY ? 0 : one_in(2) ? 0 : one_in(2) ? 1 : l[n - 1].units;
    m.s_min = (uint16_t)(word() % ((1 << 15) + 1));
    m.s_max = (uint16_t)(one_in(4) ? 0 : word() % ((1 << 15) + 1));
    m.zeta = (uint16_t)((1 << 15) - word() % ((1 << 15) + 1));
    m.skip = (uint16_t)(one_in(2) ? word() % ((1 << 14) + 1) : 0);
    m.lr_mantissa = (uint8_t)(16 + below(16));
    m.lr_shift = (uint8_t)(4 + below(27));
    m.auto_rate = (uint8_t)below(2);
    m.replay = (uint16_t)(one_in(2) ? size_up_to(20, 65535) : 0);
    memcpy(image, &m, sizeof(m));
    memcpy(image + sizeof(m), l, n * sizeof(l[0]));
    return sizeof(m) + n * sizeof(l[0]);
}

static void give_ranges(tp_range_t *r, size_t n) {
    uint32_t kind = below(4);
    for (; n > 0; n--, r++) {
        r->lo = kind == 0 ? 0 : kind == 1 ? 0xbf800000u : kind == 2 ? edge() : tp_random(&noise);
        r->hi = kind == 0 ? 0x437f0000u : kind == 1 ? 0x3f800000u : kind == 2 ? edge() : tp_random(&noise);
    }
}

typedef struct {
    uint8_t *bytes;
    size_t n;
} image_t;

// An image of a model with its first weights; one that is no more than the spec where that is refused, or is too large.
static image_t new_image(void) {
    static tp_shape_t shapes[MAX_LAYERS];
    _Alignas(TP_ALIGN) uint8_t draft[sizeof(tp_model_spec_t) + MAX_LAYERS * sizeof(tp_layer_spec_t)];
    size_t n_spec = spec(draft);
    int32_t n_bytes = tp_layout(draft, n_spec, shapes, MAX_LAYERS);
    int is_whole = n_bytes > 0 && n_bytes <= MAX_IMAGE;
    image_t image = { NULL, is_whole ? (size_t)n_bytes : n_spec };
    image.bytes = block(image.n);
    memset(image.bytes, 0, image.n);
    memcpy(image.bytes, draft, n_spec);
    if (is_whole) {
        const tp_model_spec_t *m = (const tp_model_spec_t *)image.bytes;
        tp_layer_state_t *states = (tp_layer_state_t *)(image.bytes + n_spec + sizeof(tp_model_state_t));
        tp_range_t *ranges = (tp_range_t *)(states + m->n_layers);
        give_ranges(ranges, m->n_input_ranges);
        uint32_t n_learned = m->n_input_ranges > 0 ? 0 : m->in_c;
        give_ranges((tp_range_t *)((tp_learned_range_t *)(ranges + m->n_input_ranges) + n_learned), m->n_output_ranges);
        tp_init(image.bytes, image.n, byte());
    }
    return image;
}

// The rest of the input as it stands; what is done with it is decided by the same bytes.
static image_t raw_image(void) {
    image_t image = { NULL, (size_t)(input_end - input) };
    image.bytes = block(image.n);
    memcpy(image.bytes, input, image.n);
    return image;
}

// ---- damage

// Changes a bit, or a field of any size, mostly where it matters: in the spec, and in the state before the weights.
static void damage(const image_t *image) {
    size_t n_layers = image->n > 5 ? image->bytes[5] : 0u;
    size_t records = sizeof(tp_model_spec_t) + sizeof(tp_model_state_t)
        + n_layers * (sizeof(tp_layer_spec_t) + sizeof(tp_layer_state_t));
    size_t size = (size_t)1 << below(4), at = word() | (one_in(4) ? byte() << 16 : 0);
    at %= (one_in(4) || records > image->n ? image->n : records) + (image->n == 0);
    uint64_t value = one_in(2) ? word() | (uint64_t)word() << 16 : edge();
    if (one_in(4) && at < image->n) {
        image->bytes[at] ^= (uint8_t)(1 << (value & 7));
    } else if ((at &= ~(size - 1)) + size <= image->n) {
        memcpy(image->bytes + at, &value, size);
    }
}

// Gives a whole image weights and biases at or beyond all bounds, now and then nonsense for a plan, and a counter by which
// the weights are checked after the next step (RESCALE_EVERY).
static void go_wild(const image_t *image) {
    tp_model_t m;
    if (tp_open(&m, image->bytes, image->n) != TP_OK) {
        return;
    }
    const tp_layer_t *first = m.layers;
    while (!tp_has_weights(first)) {
        first++;
    }
    uint32_t weights = (edge() & 0xffff) * 0x10001u, odds = byte();
    for (uint8_t *at = image->bytes + first->weights; at < (uint8_t *)m.layers; at += 4) {
        uint32_t value = tp_random(&noise);
        value = (value >> 8 & 255) < odds ? value : weights;
        memcpy(at, &value, 4);
    }
    if (one_in(2)) {
        fill(m.layers, (size_t)(image->bytes + image->n - (uint8_t *)m.layers));
    }
    m.state->trained = 63;
}

// The file is cut short.
static void cut(image_t *image) {
    size_t n = image->n > 0 ? word() % image->n : 0;
    uint8_t *part = block(n);
    memcpy(part, image->bytes, n);
    free(image->bytes);
    image->bytes = part;
    image->n = n;
}

// ---- calls

static uint64_t macs_of(const tp_model_t *m) {
    uint64_t macs = 0;
    for (const tp_layer_t *l = m->layers; l <= m->output; l++) {
        macs += (uint64_t)l->n_out * l->fan_in;
    }
    return macs;
}

// Of about 1.0: above 0, mostly 0, or of any sign.
static uint32_t tame_float(uint32_t kind) {
    uint32_t r = tp_random(&noise) >> 6;
    if (kind % 2) {
        return 0x3e000000u + (r & 0x1ffffff);
    }
    return kind == 2 ? (r & 7 ? 0 : 0xbe000000u + (r & 0x1ffffff)) : (0x3f000000u + (r & 0x7fffff)) ^ r << 31;
}

// n numbers of a type, at an odd address now and then: in a block of their own, or within the image.
static tp_values_t numbers(size_t n, const image_t *image, void **own) {
    static const char types[] = "BffbhHiIlLqQdx";
    tp_values_t v = { NULL, n, types[below(sizeof(types) - 1)] };
    size_t item = tp_item_size(v.type), size = n * (item ? item : 1), shift = below(2);
    *own = NULL;
    if (one_in(16) && size <= image->n) {
        size_t at = (word() | byte() << 16) % (image->n - size + 1);
        v.items = image->bytes + (one_in(2) ? image->n - size - at : at);
        return v;
    }
    *own = block(shift + size);
    uint8_t *items = (uint8_t *)*own + shift;
    v.items = items;
    uint32_t kind = below(8);
    if (kind == 7) {
        fill(items, size);
    } else if (kind == 6) {
        for (size_t i = 0; i < size; i++) {
            items[i] = (uint8_t)byte();
        }
    } else {
        uint32_t constant = kind == 5 ? edge() : 0, strange = kind == 4 ? byte() : n;
        for (size_t i = 0; i < n && item; i++) {
            uint32_t value = v.type == 'f' ? tame_float(kind) : tp_random(&noise) >> 6 & 3;
            uint64_t bits = kind == 5 ? constant : i == strange ? edge() : value;
            memcpy(items + i * item, &bits, item);
        }
    }
    if (one_in(64)) {
        v.n = one_in(2) && n ? n - 1 : 0;  // never more than there are, as a binding promises
    }
    return v;
}

static int is_within(const tp_values_t *v, const image_t *image) {
    return v->n > 0 && (uintptr_t)v->items - (uintptr_t)image->bytes < image->n;
}

// What a file would hold of an image, or all of it where there is no model in it.
static size_t saved_bytes(const image_t *image) {
    tp_model_t m;
    return tp_open(&m, image->bytes, image->n) == TP_OK ? m.spec->saved_bytes : image->n;
}

// To x, and among what is remembered.
static void ask_distances(const image_t *image, const tp_values_t *x, size_t n_places) {
    uint32_t *squares = block(4 * n_places);
    tp_values_t out = { squares, n_places, 'I' };
    check(tp_distances(image->bytes, image->n, x, 0, &out) <= 1 << 14, "distances");
    check(tp_distances(image->bytes, image->n, NULL, x->n ? x->type % (2 * x->n) : 0, &out) <= 1 << 14,
        "distances of a place");
    free(squares);
}

static void call(const image_t *image) {
    tp_model_t m;
    int is_open = tp_open(&m, image->bytes, image->n) == TP_OK, is_predict = one_in(4), learning = !one_in(4);
    size_t n_in = is_open ? m.layers->n_in : 3, n_out = is_open ? m.output->n_out : 3;
    size_t total = is_predict ? 1 : 1 + below(MAX_SAMPLES), start = one_in(4) ? below(6) : 0,
           count = one_in(4) ? below(6) : total;
    uint64_t macs = is_open ? (macs_of(&m) + n_in) * total * (m.spec->replay ? 9u + m.spec->replay : 3u) : 0;
    if (macs > macs_left) {
        return;
    }
    macs_left -= macs;
    void *blocks[2];
    tp_values_t x = numbers(total * n_in, image, &blocks[0]);
    int with_targets = is_predict || (is_open && m.spec->loss == TP_MSE);
    tp_values_t y = numbers(total * (with_targets ? n_out : 1), image, &blocks[1]);
    size_t n_saved = saved_bytes(image);
    uint8_t *before = block(n_saved);
    memcpy(before, image->bytes, n_saved);
    int result, has_y = !is_predict || !one_in(4);
    if (is_predict) {
        result = tp_predict(image->bytes, image->n, &x, has_y ? &y : NULL);
        check(result < (int)n_out, "class");
    } else {
        result = tp_run(image->bytes, image->n, &x, &y, total, start, count, learning);
        check(result <= (int)count, "more hits than samples");
    }
    check(result < 0 || !(is_within(&x, image) || (has_y && is_within(&y, image))), "a buffer in the image");
    check(result >= 0 || memcmp(before, image->bytes, n_saved) == 0, "a refused call changed something");
    if (is_predict) {
        ask_distances(image, &x, is_open ? m.spec->replay : 3);
    }
    free(before);
    free(blocks[0]);
    free(blocks[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static tp_shape_t shapes[255];
    input = bytes;
    input_end = bytes + n;
    macs_left = MAX_MACS;
    uint32_t kind = byte();
    noise = 1 + byte();
    tp_apart = !(kind & 1);
    image_t image = (kind >> 1) % 8 == 7 ? raw_image() : new_image();
    do {
        switch (below(8)) {
            case 4: damage(&image); break;
            case 5: go_wild(&image); break;
            case 6:
                if (one_in(4)) {
                    cut(&image);
                } else if (one_in(4)) {
                    check(tp_init(image.bytes, image.n, byte()) <= 0, "init");
                } else {
                    check(tp_layout(image.bytes, image.n, shapes, 255) != 0, "layout");
                }
                break;
            case 7:
                check(image.n < 40 || tp_layout(image.bytes + 4, image.n - 4, shapes, 255) == TP_E_ALIGN, "alignment");
                break;
            default: call(&image);
        }
    } while (input < input_end);
    free(image.bytes);
    return 0;
}
