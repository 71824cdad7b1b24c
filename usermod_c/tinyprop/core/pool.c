// Pooling over windows that do not overlap; rows and columns that fill no window are left out, as in Keras.
//   max       forward: the largest input;                         backward: the first largest input gets dy
//   average   forward: sum / n, to nearest, halves away from 0;   backward: each input of the window gets dy / n
#include "core.h"

// A window of the input.
typedef struct {
    size_t height, width;
    size_t below, right;  // strides: from an input to the one below, and to the one on the right
} window_t;

static window_t window_of(const tp_layer_t *l) {
    return (window_t) { l->kernel_h, l->kernel_w, (size_t)l->in_w * l->in_c, l->in_c };
}

// The first largest input of the window that starts at x[0].
static inline const int16_t *largest_of(const int16_t *x, const window_t *w) {
    const int16_t *largest = x;
    for (size_t row = w->height; row > 0; row--, x += w->below) {
        const int16_t *input = x;
        for (size_t column = w->width; column > 0; column--, input += w->right) {
            if (*input > *largest) {
                largest = input;
            }
        }
    }
    return largest;
}

// The mean of the window that starts at x[0]. The sum of at most 65534 inputs of 12 bits is below 2^28.
static int16_t mean_of(const int16_t *x, const window_t *w) {
    int32_t sum = 0;
    for (size_t row = w->height; row > 0; row--, x += w->below) {
        const int16_t *input = x;
        for (size_t column = w->width; column > 0; column--, input += w->right) {
            sum += *input;
        }
    }
    return (int16_t)tp_quotient_round(sum, (uint32_t)(w->height * w->width));
}

static void fill(int32_t *dx, int32_t share, const window_t *w) {
    for (size_t row = w->height; row > 0; row--, dx += w->below) {
        for (size_t column = 0; column < w->width; column++) {
            dx[column * w->right] = share;
        }
    }
}

// All windows: forward (dx = NULL), or backward from dy to dx. factor: of an average, Q.15, at most 1.0.
static void pass(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, int32_t *dx, int32_t factor) {
    const int16_t *x = tp_at(m, l->inputs);
    int16_t *y = tp_at(m, l->outputs);
    window_t w = window_of(l);
    for (size_t row = 0; row < l->out_h; row++) {
        for (size_t column = 0; column < l->out_w; column++) {
            size_t first = row * w.height * w.below + column * w.width * w.right;
            for (size_t i = first; i < first + l->out_c; i++) {
                if (l->kind == TP_MAXPOOL) {
                    const int16_t *largest = largest_of(x + i, &w);
                    if (dx) {
                        dx[largest - x] = *dy++;
                    } else {
                        *y++ = *largest;
                    }
                } else if (dx) {
                    int32_t delta = *dy++;  // in two parts, so that no product overflows
                    fill(dx + i, (delta >> 15) * factor + (((delta & 32767) * factor) >> 15), &w);
                } else {
                    *y++ = mean_of(x + i, &w);
                }
            }
        }
    }
}

void tp_pool_forward(const tp_model_t *m, const tp_layer_t *l) {
    pass(m, l, NULL, NULL, 0);
}

// For an average of n inputs, 2^a <= n < 2^(a+1), dy / n is dy * (2^a / n) in Q.(f+a). The factor 2^a / n is 2^14 ..
// 2^15 in Q.15, so |dx| <= |dy|.
int tp_pool_backward(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, int32_t *dx) {
    uint32_t n = (uint32_t)l->kernel_h * l->kernel_w;
    int a = tp_bits(n) - 1;
    for (size_t i = 0; i < l->n_in; i++) {
        dx[i] = 0;
    }
    pass(m, l, dy, dx, (int32_t)((32768u << a) / n));
    return l->kind == TP_AVGPOOL ? a : 0;
}
