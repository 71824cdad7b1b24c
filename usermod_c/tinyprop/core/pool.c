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

// Index of the first input of the window of output (py, px, c).
static size_t corner(window_t w, size_t py, size_t px, size_t c) {
    return py * w.height * w.row + px * w.width * w.column + c;
}

static size_t first_largest(const int16_t *x, window_t w, size_t start) {
    size_t best = start;
    for (size_t dy = 0; dy < w.height; dy++) {
        for (size_t dx = 0; dx < w.width; dx++) {
            size_t i = start + dy * w.row + dx * w.column;
            if (x[i] > x[best]) {
                best = i;
            }
        }
    }
    return best;
}

// Sum of at most 65534 inputs of at most 12 bits: below 2^28.
static int32_t average(const int16_t *x, window_t w, size_t start) {
    int32_t sum = 0, n = (int32_t)(w.height * w.width);
    for (size_t dy = 0; dy < w.height; dy++) {
        for (size_t dx = 0; dx < w.width; dx++) {
            sum += x[start + dy * w.row + dx * w.column];
        }
    }
    return sum >= 0 ? (sum + n / 2) / n : -((n / 2 - sum) / n);
}

void tp_pool_forward(const tp_model_t *m, const tp_layer_t *l) {
    const int16_t *x = tp_at(m, l->inputs);
    int16_t *y = tp_at(m, l->outputs);
    window_t w = window_of(l);
    for (size_t py = 0; py < l->out_h; py++) {
        for (size_t px = 0; px < l->out_w; px++) {
            for (size_t c = 0; c < l->out_c; c++) {
                size_t start = corner(w, py, px, c);
                *y++ = l->kind == TP_MAXPOOL ? x[first_largest(x, w, start)] : (int16_t)average(x, w, start);
            }
        }
    }
}

// dy int32 [n_out] Q.f -> dx int32 [n_in] Q.(f + returned). For averages of n = 2^a inputs the division is a change of
// format: dx = dy in Q.(f+a). For other n, with 2^(a-1) < n < 2^a: dx = dy * floor(2^(a+8) / n) / 2^8 in Q.(f+a), where
// the factor is below 2^9 and 2^8 of it a whole: split so that |dy| < 2^31 cannot overflow.
int tp_pool_backward(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, int32_t *dx) {
    const int16_t *x = tp_at(m, l->inputs);
    window_t w = window_of(l);
    uint32_t n = (uint32_t)(w.height * w.width);
    int a = tp_bits(n - 1);
    int32_t factor = (int32_t)((1u << (a + 7)) / n);  // 1/n in Q.(a+7): 64 < factor <= 128
    for (size_t i = 0; i < l->n_in; i++) {
        dx[i] = 0;
    }
    for (size_t py = 0; py < l->out_h; py++) {
        for (size_t px = 0; px < l->out_w; px++) {
            for (size_t c = 0; c < l->out_c; c++) {
                size_t start = corner(w, py, px, c);
                int32_t d = *dy++;
                if (l->kind == TP_MAXPOOL) {
                    dx[first_largest(x, w, start)] = d;
                    continue;
                }
                int32_t share = (d >> 7) * factor + (((d & 127) * factor) >> 7);
                for (size_t v = 0; v < w.height; v++) {
                    for (size_t h = 0; h < w.width; h++) {
                        dx[start + v * w.row + h * w.column] = share;
                    }
                }
            }
        }
    }
    return l->kind == TP_AVGPOOL ? a : 0;
}
