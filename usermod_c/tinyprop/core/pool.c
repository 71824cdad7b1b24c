// Pooling over windows that do not overlap; rows and columns that fill no window are left out, as in Keras.
//   max       forward the first largest;                        backward its error goes there
//   average   forward sum / n, to nearest, halves away from 0;  backward each input of the window gets error / n
#include "internal.h"

typedef struct {
    size_t height, width;      // of a window
    size_t row, column;        // from one input of it to the next below, to the right
} window_t;

static window_t window_of(const tp_layer_t *l) {
    window_t w = { l->in_h, l->in_w, (size_t)l->in_w * l->in_c, l->in_c };
    if (l->kernel_h) {  // else the whole input
        w.height = l->kernel_h;
        w.width = l->kernel_w;
    }
    return w;
}

// In the window whose first input is x[0]: its first largest input.
static inline const int16_t *largest_of(const int16_t *x, const window_t *w) {
    const int16_t *best = x;
    int32_t most = *x;
    for (size_t v = w->height; v > 0; v--, x += w->row) {
        const int16_t *at = x;
        for (size_t h = w->width; h > 0; h--, at += w->column) {
            if (*at > most) {
                most = *at;
                best = at;
            }
        }
    }
    return best;
}

// The sum of all. At most 65534 inputs of 12 bits: below 2^28.
static int32_t sum_of(const int16_t *x, const window_t *w) {
    int32_t sum = 0;
    for (size_t v = w->height; v > 0; v--, x += w->row) {
        const int16_t *at = x;
        for (size_t h = w->width; h > 0; h--, at += w->column) {
            sum += *at;
        }
    }
    return sum;
}

static void pass(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, int32_t *dx) {
    const int16_t *inputs = tp_at(m, l->inputs);
    int16_t *y = tp_at(m, l->outputs);
    size_t channels = l->out_c;
    int max = l->kind == TP_MAXPOOL;
    window_t w = window_of(l);
    uint32_t n = (uint32_t)(w.height * w.width);
    int32_t factor = (int32_t)((32768u << (tp_bits(n) - 1)) / n);
    for (size_t py = 0; py < l->out_h; py++) {
        for (size_t px = 0; px < l->out_w; px++) {
            size_t start = py * w.height * w.row + px * w.width * w.column;
            for (size_t end = start + channels; start < end; start++) {
                const int16_t *x = inputs + start;
                if (max) {
                    const int16_t *best = largest_of(x, &w);
                    if (dx) {
                        dx[best - inputs] = *dy++;
                    } else {
                        *y++ = *best;
                    }
                } else if (!dx) {
                    int32_t sum = sum_of(x, &w);
                    int32_t mean = (int32_t)(((uint32_t)tp_abs(sum) + n / 2) / n);  // unsigned: half the code of signed
                    *y++ = (int16_t)(sum < 0 ? -mean : mean);
                } else {
                    int32_t share = (*dy >> 15) * factor + (((*dy & 32767) * factor) >> 15);
                    dy++;
                    for (size_t v = 0; v < w.height; v++) {
                        for (size_t h = 0; h < w.width; h++) {
                            dx[start + v * w.row + h * w.column] = share;
                        }
                    }
                }
            }
        }
    }
}

void tp_pool_forward(const tp_model_t *m, const tp_layer_t *l) {
    pass(m, l, NULL, NULL);
}

// dy int32 [n_out] Q.f -> dx int32 [n_in] Q.(f + returned). An average of n inputs, 2^a <= n < 2^(a+1), is a change of
// format and a factor: dx = dy * (2^a / n) in Q.(f+a), the factor in Q.15, 2^14 <= it <= 2^15. So |dx| <= |dy|; and split
// as it is, no product goes beyond |dy| either.
int tp_pool_backward(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, int32_t *dx) {
    window_t w = window_of(l);
    for (size_t i = 0; i < l->n_in; i++) {
        dx[i] = 0;
    }
    pass(m, l, dy, dx);
    return l->kind == TP_AVGPOOL ? tp_bits((uint32_t)(w.height * w.width)) - 1 : 0;
}
