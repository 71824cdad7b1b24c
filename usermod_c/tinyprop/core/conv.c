// Convolutions and depthwise convolutions over (height, width, channels); Conv1D is a Conv2D of height 1.
//   forward    z_pf  = b_f + sum_k w_kf x_pk        p a position of the output, f a filter, k a place of the kernel
//   backward   dw_kf = sum_p x_pk d_pf              dx  = sum over the p and k that saw it of w_kf d_pf
// In a depthwise convolution filter f sees channel f alone. Weights are [kh][kw][in_c][filters], or [kh][kw][in_c].
// A position of a convolution is a dense layer on its patch of the input, and uses the same sum (dense.c).
#include "internal.h"

// Where a row of the kernel meets the input, seen from one position.
typedef struct {
    size_t x;      // index of the first input met, channel 0
    size_t k;      // the first column of the kernel that meets one
    size_t n;      // columns that do; the rest lies in the padding
} overlap_t;

static overlap_t overlap(const tp_layer_t *l, size_t oy, size_t ox, size_t ky) {
    int32_t y = (int32_t)(oy * l->stride_h + ky) - l->pad_h;
    int32_t x = (int32_t)(ox * l->stride_w) - l->pad_w;
    overlap_t o = { 0, 0, 0 };
    if (y < 0 || y >= l->in_h) {
        return o;
    }
    int32_t first = x < 0 ? -x : 0, last = l->in_w - x < l->kernel_w ? l->in_w - x : l->kernel_w;
    if (last > first) {
        o.x = ((size_t)y * l->in_w + (size_t)(x + first)) * l->in_c;
        o.k = (size_t)first;
        o.n = (size_t)(last - first);
    }
    return o;
}

// Lists the non-zero inputs that a position sees.
TP_HOT static void list_patch(const tp_layer_t *l, const int16_t *x, size_t oy, size_t ox, uint32_t *entries) {
    uint32_t row_bytes = 2u * l->out_c;
    size_t listed = 0;
    tp_list_t list = { entries, 0, 0 };
    *entries = 0;
    for (size_t ky = 0; ky < l->kernel_h; ky++) {
        overlap_t o = overlap(l, oy, ox, ky);
        if (o.n > 0) {
            size_t k = (ky * l->kernel_w + o.k) * l->in_c;
            list.skip += (uint32_t)(k - listed) * row_bytes;
            tp_list_nonzero(&list, x + o.x, o.n * l->in_c, row_bytes);
            listed = k + o.n * l->in_c;
        }
    }
}

TP_HOT static void depthwise_sums(const tp_layer_t *l, const int16_t *x, size_t oy, size_t ox, const int16_t *w, int32_t *z) {
    for (size_t ky = 0; ky < l->kernel_h; ky++) {
        overlap_t o = overlap(l, oy, ox, ky);
        const int16_t *row = w + (ky * l->kernel_w + o.k) * l->in_c;
        const int16_t *v = x + o.x;
        for (size_t kx = 0; kx < o.n; kx++) {
            for (size_t c = 0; c < l->in_c; c++) {
                z[c] = tp_add(z[c], *v++ * *row++);
            }
        }
    }
}

// Bound of the sums: see tp_sum_rows; fan_in is kh * kw * in_c, or kh * kw depthwise.
void tp_conv_forward(tp_model_t *m, tp_layer_t *l, int learning) {
    const int16_t *x = tp_at(m, l->inputs), *w = tp_at(m, l->weights);
    int16_t *y = tp_at(m, l->outputs);
    uint32_t *list = tp_at(m, m->work);
    int32_t *z = tp_at(m, m->buffer[0]), *start = tp_at(m, m->buffer[1]);
    int alive = 0;
    tp_start_sums(l, m, start);
    for (size_t oy = 0; oy < l->out_h; oy++) {
        for (size_t ox = 0; ox < l->out_w; ox++) {
            if (l->kind == TP_CONV) {
                list_patch(l, x, oy, ox, list);
                tp_sum_rows(list, w, l->out_c, start, z);
            } else {
                for (size_t f = 0; f < l->out_c; f++) {
                    z[f] = start[f];
                }
                depthwise_sums(l, x, oy, ox, w, z);
            }
            alive |= tp_activate(m, l, z, y, l->out_c, learning);
            y += l->out_c;
        }
    }
    if (learning) {
        tp_adapt_activation(m, l, alive);
    }
}

// One error d of filter f at (oy, ox): gradient_k += d x_k and dx += d w_kf over what it saw. Returns the places met.
TP_HOT static size_t spread(const tp_layer_t *l, const int16_t *x, size_t oy, size_t ox, int32_t d, int32_t *gradient,
    const int16_t *w, int32_t *dx) {
    size_t step = l->kind == TP_CONV ? 1 : l->in_c;      // from one input of a filter to its next
    size_t per_tap = l->kind == TP_CONV ? l->in_c : 1;   // inputs of a filter at one place of the kernel
    size_t met = 0;
    for (size_t ky = 0; ky < l->kernel_h; ky++) {
        overlap_t o = overlap(l, oy, ox, ky);
        size_t k = (ky * l->kernel_w + o.k) * per_tap, n = o.n * per_tap;
        const int16_t *v = x + o.x, *row = w + k * l->out_c;
        int32_t *g = gradient + k, *e = dx ? dx + o.x : NULL;
        met += n;
        for (size_t i = 0; i < n; i++) {
            g[i] += d * v[i * step];
        }
        if (dx) {
            for (size_t i = 0; i < n; i++) {
                e[i * step] = tp_add(e[i * step], d * row[i * l->out_c]);
            }
        }
    }
    return met;
}

// errors int16 [positions][filters] Q.fd, those not kept are 0;   dx int32 [n_in] Q.(fd+fw), or NULL.
//   gradient  |sum x d| <= 255 * sum |d| <= 255 * 65535 (model.c, L1 guard); times m <= 31, plus half <= 2^30: below 2^31
//   dx        each error reaches an input through one weight at most: |dx| <= 32767 * 65535 < 2^31
void tp_conv_backward(tp_model_t *m, const tp_layer_t *l, const int16_t *errors, int fd, int32_t *dx) {
    const int16_t *x = tp_at(m, l->inputs);
    int16_t *w = tp_at(m, l->weights);
    int32_t *gradient = tp_at(m, m->work);
    tp_step_t step;
    int trains = tp_weight_step(m, l, fd, &step);
    int32_t half = (int32_t)(1u << (step.shift <= 31 ? step.shift - 1 : 0));
    uint32_t clamped = 0;
    if (dx) {
        for (size_t i = 0; i < l->n_in; i++) {
            dx[i] = 0;
        }
    }
    for (size_t f = 0; f < l->out_c; f++) {
        size_t met = 0, channel = l->kind == TP_CONV ? 0 : f;
        const int16_t *error = errors + f;
        for (size_t k = 0; k < l->fan_in; k++) {
            gradient[k] = 0;
        }
        for (size_t oy = 0; oy < l->out_h; oy++) {
            for (size_t ox = 0; ox < l->out_w; ox++, error += l->out_c) {
                if (*error) {
                    met += spread(l, x + channel, oy, ox, *error, gradient, w + f, dx ? dx + channel : NULL);
                }
            }
        }
        m->macs_done += trains ? met : 0;
        m->macs_done += dx ? met : 0;
        if (!trains || met == 0) {
            continue;
        }
        int16_t *weight = w + f;
        for (size_t k = 0; k < l->fan_in; k++, weight += l->out_c) {
            int32_t moved = *weight - ((gradient[k] * step.m + half) >> step.shift);
            int32_t held = tp_sat(moved, step.max);
            clamped += held != moved;
            *weight = (int16_t)held;
        }
    }
    m->n_clamped += clamped;
}
