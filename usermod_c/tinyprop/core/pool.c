// Pooling over windows that do not overlap; rows and columns that fill no window are left out, as in Keras.
//   max       forward: the largest input;                         backward: the first largest input gets dy
//   average   forward: sum / n, to nearest, halves away from 0;   backward: each input of the window gets dy / n
// A maximum takes its input row by row, so that a convolution below it need not keep its own; which input of a window was
// the largest is noted for the backward pass. This too goes row by row: no map of dx is ever made.
#include "core.h"

void tp_take_row(const tp_model_t *m, const tp_layer_t *l, const uint8_t *x, size_t row) {
    size_t out_row = row / l->kernel_h, n = tp_out_row(l), channels = l->out_c;
    uint32_t first = (uint32_t)(row - out_row * l->kernel_h) * l->kernel_w;
    int wide = tp_is_wide(l);
    uint8_t *y = (uint8_t *)tp_at(m, l->outputs) + out_row * n, sign = l->x_signed ? 128 : 0;
    uint8_t *which = (uint8_t *)tp_at(m, l->which) + (out_row * n << wide);
    if (out_row >= l->out_h) {
        return;
    }
    if (first == 0) {
        for (size_t i = 0; i < n; i++) {
            y[i] = sign;  // the least: if all are that, the first is the largest
        }
        for (size_t i = 0; i < n << wide; i++) {
            which[i] = 0;
        }
    }
    if (!wide && !l->x_signed) {
        tp_take_larger(x, y, which, n, channels, first, first + l->kernel_w);
        return;
    }
    for (size_t place = 0; place < n; place += channels) {
        for (uint32_t k = first; k < first + l->kernel_w; k++) {
            for (size_t i = place; i < place + channels; i++, x++) {
                if ((*x ^ sign) > (y[i] ^ sign)) {
                    y[i] = *x;
                    if (wide) {
                        ((uint16_t *)which)[i] = (uint16_t)k;
                    } else {
                        which[i] = (uint8_t)k;
                    }
                }
            }
        }
    }
}

// The mean of the window that starts at x[0]. The sum of at most 65534 inputs of 8 bits is below 2^24.
static int32_t mean_of(const tp_layer_t *l, const uint8_t *x) {
    int32_t sum = 0, sign = l->x_signed ? 128 : 0, n = l->kernel_h * l->kernel_w;
    size_t channels = l->in_c, width = l->kernel_w * channels;
    for (size_t row = l->kernel_h; row > 0; row--, x += tp_in_row(l) - width) {
        for (const uint8_t *end = x + width; x < end; x += channels) {
            sum += *x ^ sign;
        }
    }
    return tp_quotient_round(sum - n * sign, (uint32_t)n);
}

// The means of four channels, whose sums are halves of two words: of a window of at most 256 inputs.
static void four_means(const tp_layer_t *l, const uint8_t *x, uint8_t *y) {
    int32_t sign = l->x_signed ? 128 : 0, n = l->kernel_h * l->kernel_w;
    size_t channels = l->in_c, width = l->kernel_w * channels;
    const uint32_t halves = 0x00ff00ff, signs = 0x80808080 * (uint32_t)l->x_signed;
    uint32_t even = 0, odd = 0, word;
    for (size_t row = l->kernel_h; row > 0; row--, x += tp_in_row(l) - width) {
        for (const uint8_t *end = x + width; x < end; x += channels) {
            __builtin_memcpy(&word, __builtin_assume_aligned(x, 4), 4);
            word ^= signs;
            even += word & halves;
            odd += word >> 8 & halves;
        }
    }
    uint32_t sums[4] = { even & 0xffff, odd & 0xffff, even >> 16, odd >> 16 };
    for (int i = 0; i < 4; i++) {
        y[i] = (uint8_t)tp_quotient_round((int32_t)sums[i] - n * sign, (uint32_t)n);
    }
}

void tp_pool_forward(const tp_model_t *m, const tp_layer_t *l) {
    const uint8_t *x = tp_at(m, l->inputs);
    uint8_t *y = tp_at(m, l->outputs);
    if (l->kind == TP_MAXPOOL) {
        for (size_t row = 0; row < l->in_h; row++, x += tp_in_row(l)) {
            tp_take_row(m, l, x, row);
        }
        return;
    }
    size_t at_once = l->out_c % 4 == 0 && (uint32_t)l->kernel_h * l->kernel_w <= 256 ? 4 : 1;
    for (size_t row = 0; row < l->out_h; row++, x += l->kernel_h * tp_in_row(l)) {
        const uint8_t *window = x;
        for (size_t column = 0; column < l->out_w; column++, window += (l->kernel_w - 1u) * l->in_c) {
            for (size_t c = 0; c < l->out_c; c += at_once, window += at_once, y += at_once) {
                if (at_once == 4) {
                    four_means(l, window, y);
                } else {
                    *y = (uint8_t)mean_of(l, window);
                }
            }
        }
    }
}

int tp_pool_shift(const tp_layer_t *l) {
    return l->kind == TP_AVGPOOL ? tp_bits((uint32_t)l->kernel_h * l->kernel_w) - 1 : 0;
}

// For an average of n inputs, 2^a <= n < 2^(a+1), dy / n is dy * (2^a / n) in Q.(f+a). The factor 2^a / n is 2^14 .. 2^15
// in Q.15, so |dx| <= |dy|; the product is taken in two parts, so that none overflows.
void tp_share_row(const tp_layer_t *l, int32_t *dy) {
    int32_t factor = (int32_t)((32768u << tp_pool_shift(l)) / ((uint32_t)l->kernel_h * l->kernel_w));
    for (const int32_t *end = dy + tp_out_row(l); dy < end; dy++) {
        *dy = (*dy >> 15) * factor + (((*dy & 32767) * factor) >> 15);
    }
}

void tp_spread_row(const tp_model_t *m, const tp_layer_t *l, const int32_t *dy, size_t row, int32_t *dx) {
    size_t out_row = row / l->kernel_h, channels = l->out_c, i = out_row * tp_out_row(l);
    uint32_t first = (uint32_t)(row - out_row * l->kernel_h) * l->kernel_w;
    const int32_t *end = dx + tp_in_row(l);
    for (size_t column = 0; dy && column < l->out_w; column++, dy += channels, i += channels) {
        for (uint32_t k = first; k < first + l->kernel_w; k++) {
            if (l->kind == TP_AVGPOOL) {
                for (const int32_t *share = dy; share < dy + channels;) {
                    *dx++ = *share++;
                }
                continue;
            }
            for (size_t c = 0; c < channels; c++) {
                *dx++ = tp_which(m, l, i + c) == k ? dy[c] : 0;
            }
        }
    }
    while (dx < end) {
        *dx++ = 0;
    }
}
