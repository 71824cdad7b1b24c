// Calls every function of the core with images that are valid, damaged or random, for the sanitizers to watch.
//     fuzz_image COUNT SEED
// Each image and each other buffer is a heap block of exactly its size, so that an access one byte beyond is found; so are
// the parts of an image's scratch (apart.c).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core.h"

#define MAX_IMAGE 20000  // bytes of a whole image
#define MAX_MACS 20000   // multiply-accumulates of a pass that is run
#define MAX_SAMPLES 4

static uint64_t state;

static uint32_t random32(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static uint32_t below(uint32_t n) {
    return random32() % n;
}

static void fill(void *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)random32();
    }
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

// ---- valid models

static tp_layer_spec_t layer(uint8_t kind, uint8_t activation, uint16_t units, uint8_t kernel, uint8_t stride) {
    tp_layer_spec_t l;
    memset(&l, 0, sizeof(l));
    l.kind = kind;
    l.activation = activation;
    l.trainable = below(5) != 0;
    l.same = (uint8_t)below(2);
    l.units = units;
    l.kernel_h = l.kernel_w = kernel;
    l.stride_h = l.stride_w = stride;
    return l;
}

static uint8_t any_activation(void) {
    return (uint8_t)below(TP_N_ACTIVATION);
}

// 1 .. n, and now and then far more, up to 255.
static uint8_t size_up_to(uint32_t n) {
    return (uint8_t)(below(30) ? 1 + below(n) : 1 + below(255));
}

// A layer on maps; of a series, kernels and strides are mostly in its direction.
static tp_layer_spec_t map_layer(int is_series) {
    static const uint8_t kinds[] = { TP_CONV, TP_CONV, TP_DEPTHWISE, TP_MAXPOOL, TP_MAXPOOL, TP_AVGPOOL };
    uint8_t kind = below(12) ? kinds[below(sizeof(kinds))] : TP_DENSE;
    int pool = kind == TP_MAXPOOL || kind == TP_AVGPOOL;
    tp_layer_spec_t l = layer(kind, pool ? 0 : any_activation(), 0, 0, 0);
    l.units = kind == TP_CONV || kind == TP_DENSE ? (uint16_t)(1 + below(9)) : 0;
    if (kind != TP_DENSE && !(pool && below(4) == 0)) {
        l.kernel_h = is_series && below(8) ? 1 : size_up_to(3);
        l.kernel_w = size_up_to(3);
    }
    if (kind != TP_DENSE && !pool) {
        l.stride_h = below(2) ? 1 : size_up_to(3);
        l.stride_w = below(2) ? 1 : size_up_to(3);
    }
    return l;
}

// Writes the spec of a random model to the start of an image; returns its length.
static size_t spec(uint8_t *image) {
    tp_model_spec_t m;
    tp_layer_spec_t l[8];
    uint8_t n = 0;
    memset(&m, 0, sizeof(m));
    m.magic = TP_MAGIC;
    m.version = TP_VERSION;
    m.in_h = m.in_w = m.in_c = 1;
    if (below(3)) {
        int is_series = below(4) == 0;
        m.in_h = (uint16_t)(is_series ? 1 : 1 + below(9));
        m.in_w = (uint16_t)(1 + below(is_series ? 40 : 9));
        m.in_c = (uint16_t)(1 + below(below(4) ? 3 : 11));
        for (uint32_t maps = below(6); maps > 0; maps--) {
            l[n++] = map_layer(is_series);
        }
    } else {
        m.in_c = (uint16_t)(1 + below(16));
    }
    if (below(2)) {
        l[n++] = layer(TP_DENSE, any_activation(), (uint16_t)(1 + below(10)), 0, 0);
    }
    l[n++] = layer(TP_DENSE, TP_LINEAR, (uint16_t)(1 + below(6)), 0, 0);
    m.n_layers = n;
    m.loss = (uint8_t)below(TP_N_LOSS);
    m.policy = (uint8_t)below(TP_N_POLICY);
    m.n_input_ranges = below(2) ? 0 : below(2) ? 1 : m.in_c;
    m.n_output_ranges = m.loss == TP_MSE ? (uint16_t)below(2) : 0;
    m.s_min = (uint16_t)below((1 << 15) + 1);
    m.s_max = below(4) ? (uint16_t)below((1 << 15) + 1) : 0;
    m.zeta = (uint16_t)below((1 << 15) + 1);
    m.skip = below(2) ? 0 : (uint16_t)below((1 << 14) + 1);
    m.lr_mantissa = (uint8_t)(16 + below(16));
    m.lr_shift = (uint8_t)(4 + below(12));
    m.auto_rate = (uint8_t)below(2);
    m.replay = below(2) ? 0 : (uint16_t)below(20);
    memcpy(image, &m, sizeof(m));
    memcpy(image + sizeof(m), l, n * sizeof(l[0]));
    return sizeof(m) + n * sizeof(l[0]);
}

// ---- damage

static const uint32_t edges[] = { 0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65534, 65535, 65536, 0x3fffffff,
    0x40000000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7f800000, 0x00400000 };

static uint32_t edge(void) {
    return edges[below(sizeof(edges) / sizeof(edges[0]))];
}

// Changes bits, and fields of any size, mostly where it matters: in the spec, and in the state before the weights.
static void damage(uint8_t *image, size_t n) {
    size_t n_layers = n > 5 ? image[5] : 0u,
           records = sizeof(tp_model_spec_t) + sizeof(tp_model_state_t)
        + n_layers * (sizeof(tp_layer_spec_t) + sizeof(tp_layer_state_t));
    for (uint32_t times = 1 + below(4); times > 0; times--) {
        size_t at = below((uint32_t)(below(4) && records < n ? records : n)), size = (size_t)1 << below(3);
        uint32_t value = below(2) ? edge() : random32();
        if (below(3) == 0) {
            image[at] ^= (uint8_t)(1 << below(8));
        } else if ((at &= ~(size - 1)) + size <= n) {
            memcpy(image + at, &value, size);
        }
    }
}

// Gives a whole image weights and biases beyond all bounds, now and then nonsense for a plan, and a counter by which the
// weights are checked after the next step (RESCALE_EVERY).
static void go_wild(uint8_t *image, size_t n) {
    tp_model_t m;
    check(tp_open(&m, image, n) == TP_OK, "open");
    const tp_layer_t *first = m.layers;
    while (!tp_has_weights(first)) {
        first++;
    }
    uint8_t *at = image + first->weights;
    uint32_t weights = (edge() & 0xffff) * 0x10001u, odds = 1 + below(40);
    for (; at < (uint8_t *)m.layers; at += 4) {
        uint32_t value = below(odds) ? weights : below(2) ? edge() : random32();
        memcpy(at, &value, 4);
    }
    if (below(2)) {
        fill(m.layers, (size_t)(image + n - (uint8_t *)m.layers));
    }
    m.state->trained = 63;
}

// ---- calls

static uint64_t macs_of(const tp_model_t *m) {
    uint64_t macs = 0;
    for (const tp_layer_t *l = m->layers; l <= m->output; l++) {
        macs += (uint64_t)l->n_out * l->fan_in;
    }
    return macs;
}

// n numbers of a random type, in a block of their own, at an odd address now and then.
static tp_values_t numbers(size_t n, void **whole) {
    static const char types[] = "BbHhIiLlQqfffffdx";
    tp_values_t v = { NULL, n, types[below(sizeof(types) - 1)] };
    size_t shift = below(2), size = tp_item_size(v.type);
    *whole = block(shift + n * (size ? size : 1));
    fill(*whole, shift + n * (size ? size : 1));
    v.items = (uint8_t *)*whole + shift;
    for (size_t i = 0; i < n && below(4); i++) {  // some tame ones among the wild
        uint64_t tame = v.type == 'f' ? 0x3e000000u + below(0x2000000) : below(4);
        memcpy((uint8_t *)*whole + shift + i * size, &tame, size);
    }
    if (below(50) == 0) {
        v.n += below(2) ? 1 : (size_t)-1;
        if (v.n > n) {
            v.n = n ? n - 1 : 0;  // never more than there are, as a binding promises
        }
    }
    return v;
}

static void call_all(uint8_t *image, size_t n) {
    tp_model_t m;
    for (uint32_t calls = 1 + below(4); calls > 0; calls--) {
        int is_open = tp_open(&m, image, n) == TP_OK;
        if (is_open && macs_of(&m) > MAX_MACS) {
            return;
        }
        size_t n_in = is_open ? m.layers->n_in : 3, n_out = is_open ? m.output->n_out : 3;
        size_t total = 1 + below(MAX_SAMPLES), start = below(3) ? 0 : below(6), count = below(3) ? total : below(6);
        void *blocks[4];
        tp_values_t x = numbers(total * n_in, &blocks[0]);
        tp_values_t y = numbers(total * (is_open && m.spec->loss == TP_MSE ? n_out : 1), &blocks[1]);
        tp_values_t one = numbers(n_in, &blocks[2]), scores = numbers(n_out, &blocks[3]);
        int result;
        switch (below(6)) {
            case 0:
                result = tp_init(image, n, random32());
                check(result <= 0, "init");
                break;
            case 1:
                result = tp_predict(image, n, &one, below(2) ? &scores : NULL);
                check(result < (int)n_out, "class");
                break;
            default:
                result = tp_run(image, n, &x, &y, total, start, count, below(3) != 0);
                check(result <= (int)count, "more hits than samples");
        }
        check(result >= TP_E_OVERLAP, "error number");
        for (int i = 0; i < 4; i++) {
            free(blocks[i]);
        }
    }
}

int main(int n_arguments, char **arguments) {
    if (n_arguments != 3) {
        fprintf(stderr, "usage: fuzz_image COUNT SEED\n");
        return 2;
    }
    long count = atol(arguments[1]), whole = 0, opened = 0;
    state = strtoull(arguments[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
    uint8_t *draft = block(MAX_IMAGE);
    tp_shape_t shapes[255];
    for (long i = 0; i < count; i++) {
        // The spec of a model; now and then nothing but noise, with or without magic and version.
        size_t n = spec(draft);
        for (int tries = 4; tries > 0 && tp_layout(draft, n, shapes, 255) < 0; tries--) {
            n = spec(draft);  // whose layers fit together
        }
        uint32_t kind = below(8);
        if (kind == 0) {
            n = below(1000);
            fill(draft, n);
            if (below(2) && n > sizeof(tp_model_spec_t)) {
                tp_model_spec_t m = { .magic = TP_MAGIC, .version = TP_VERSION };
                memcpy(draft, &m, 5);
            }
        } else if (kind < 3) {
            damage(draft, n);
        }
        // A whole image if there can be one, with ranges; some calls, damage, and calls again.
        int32_t n_bytes = tp_layout(draft, n, shapes, 255);
        if (n_bytes > 0 && n_bytes <= MAX_IMAGE) {
            const tp_model_spec_t *m = (const tp_model_spec_t *)draft;
            tp_model_state_t *s = (tp_model_state_t *)(draft + n);
            memset(s, 0, (size_t)n_bytes - n);
            tp_range_t *r = (tp_range_t *)((tp_layer_state_t *)(s + 1) + m->n_layers);
            for (size_t j = 0; below(8) && j < m->n_input_ranges; j++) {
                r[j].lo = below(2) ? 0 : 0xbf800000u;
                r[j].hi = below(2) ? 0x437f0000u : 0x3f800000u;
            }
            uint32_t n_learned = m->n_input_ranges > 0 ? 0 : m->in_c;
            r = (tp_range_t *)((tp_learned_range_t *)(r + m->n_input_ranges) + n_learned);
            if (m->n_output_ranges > 0) {
                r->hi = 0x3f800000u;
            }
            n = (size_t)n_bytes;
            tp_init(draft, n, random32());
            whole++;
        }
        uint8_t *image = block(n);
        memcpy(image, draft, n);
        tp_model_t opened_model;
        if (below(8) == 0 && tp_open(&opened_model, image, n) == TP_OK) {
            go_wild(image, n);
        }
        if (below(4)) {
            call_all(image, n);
        }
        if (below(2) && n > 0) {
            damage(image, n);
        }
        if (below(8) == 0) {
            size_t cut = n > 0 ? below((uint32_t)n) : 0;
            uint8_t *part = block(cut);
            memcpy(part, image, cut);
            free(image);
            image = part;
            n = cut;
        }
        check(n < 40 || tp_layout(image + 4, n - 4, shapes, 255) == TP_E_ALIGN, "alignment");
        tp_layout(image, n, shapes, 255);
        opened += tp_open(&opened_model, image, n) == TP_OK;
        call_all(image, n);
        free(image);
    }
    free(draft);
    printf("%ld images, %ld whole, %ld open in the end\n", count, whole, opened);
    return 0;
}
