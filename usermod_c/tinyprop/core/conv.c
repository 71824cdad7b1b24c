// Convolutions and depthwise convolutions over (height, width, channels); Conv1D is a Conv2D of height 1.
//   forward    z_pf  = b_f + sum_k w_kf x_pk        p a position of the output, f a filter, k a place of the kernel
//   backward   dw_kf = sum_p x_pk d_pf              dx  = sum over the p and k that saw it of w_kf d_pf
// In a depthwise convolution filter f sees channel f alone. Weights are [kh][kw][in_c][filters], or [kh][kw][in_c].
// A position of a convolution is a dense layer on its patch of the input, and uses the same sum (dense.c).
#include "internal.h"

// Where the kernel meets the input along one axis, seen from one position.
typedef struct {
    size_t x;      // the first place of the input that it meets
    size_t k;      // the place of the kernel that does so
    size_t n;      // how many do, at least 1 (pad < kernel, and tp_layout's steps end in the input); the rest lies in the padding
} overlap_t;

static inline overlap_t overlap(size_t o, size_t stride, size_t pad, size_t kernel, size_t size) {
    size_t start = o * stride;  // in an input with its padding
    overlap_t met = { start > pad ? start - pad : 0, start > pad ? 0 : pad - start, 0 };
    met.n = kernel - met.k < size - met.x ? kernel - met.k : size - met.x;
    return met;
}

static overlap_t rows_at(const tp_layer_t *l, size_t oy) {
    return overlap(oy, l->stride_h, l->pad_h, l->kernel_h, l->in_h);
}

static overlap_t columns_at(const tp_layer_t *l, size_t ox) {
    return overlap(ox, l->stride_w, l->pad_w, l->kernel_w, l->in_w);
}

// Lists the non-zero inputs that a position sees.
static void list_patch(const tp_layer_t *l, const int16_t *x, const overlap_t *rows, const overlap_t *columns,
    uint32_t *entries) {
    uint32_t row_bytes = 2u * l->out_c, in_c = l->in_c;
    uint32_t outside = (uint32_t)(l->kernel_w - columns->n) * in_c;  // inputs of a line of the kernel, from padding
    tp_list_t list;
    list.end = entries;
    list.skip = (uint32_t)(rows->k * l->kernel_w + columns->k) * in_c * row_bytes;
    list.fillers = 0;
    list.row_bytes = row_bytes;
    list.lines = (uint32_t)rows->n;
    list.line_bytes = 2 * (uint32_t)columns->n * in_c;
    list.jump_bytes = (int32_t)(2u * l->in_w * in_c - list.line_bytes);
    list.jump_skip = outside * row_bytes;
    list.after = row_bytes - tp_ahead(l->out_c);
    tp_list_nonzero(&list, x + (rows->x * l->in_w + columns->x) * in_c);
}

TP_HOT static void depthwise_sums(const tp_layer_t *l, const int16_t *x, const overlap_t *rows, const overlap_t *columns,
    const int16_t *w, int32_t *z) {
    size_t in_c = l->in_c;
#ifdef TP_FOUR_CHANNELS
    if (in_c % 4 == 0) {
        uint32_t step = 2 * (uint32_t)in_c, met = (uint32_t)columns->n * step;
        tp_patch_t patch = { (uint32_t)rows->n, met, step - 8, l->in_w * step - met, l->kernel_w * step - met };
        w += (rows->k * l->kernel_w + columns->k) * in_c;
        x += (rows->x * l->in_w + columns->x) * in_c;
        for (const int32_t *end = z + in_c; z < end; x += 4, w += 4, z += 4) {
            tp_sum_four_channels(&patch, x, w, z);
        }
        return;
    }
#endif
    for (size_t ky = 0; ky < rows->n; ky++) {
        const int16_t *row = w + ((rows->k + ky) * l->kernel_w + columns->k) * in_c;
        const int16_t *v = x + ((rows->x + ky) * l->in_w + columns->x) * in_c;
        for (size_t kx = 0; kx < columns->n; kx++) {
            for (size_t c = 0; c < in_c; c++) {
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
        overlap_t rows = rows_at(l, oy);
        for (size_t ox = 0; ox < l->out_w; ox++) {
            overlap_t columns = columns_at(l, ox);
            if (l->kind == TP_CONV) {
                list_patch(l, x, &rows, &columns, list);
                tp_sum_rows(list, w, l->out_c, start, z);
            } else {
                for (size_t f = 0; f < l->out_c; f++) {
                    z[f] = start[f];
                }
                depthwise_sums(l, x, &rows, &columns, w, z);
            }
            alive |= tp_activate(m, l, z, y, l->out_c, learning);
            y += l->out_c;
        }
    }
    if (learning) {
        tp_adapt_activation(m, l, alive);
    }
}

#ifndef TP_ARMV6M

// to += d from, at every place of every line.
TP_HOT void tp_add_lines(const tp_lines_t *lines, int32_t d) {
    char *to_line = (char *)lines->to;
    const char *from_line = (const char *)lines->from;
    for (uint32_t n = lines->n; n > 0; n--, to_line += lines->to_line, from_line += lines->from_line) {
        const char *from = from_line;
        for (char *to = to_line; to != to_line + lines->to_bytes; to += lines->to_step, from += lines->from_step) {
            *(int32_t *)to = tp_add(*(int32_t *)to, d * *(const int16_t *)from);
        }
    }
}

#endif

// errors int16 [positions][filters] Q.(fd+excess), those not kept are 0;   dx int32 [n_in] Q.(fd+fw), or NULL.
//   gradient  |sum x d| <= 255 * sum |d| <= 255 * 65535 (model.c, L1 guard); times m <= 31: below 2^31
//   dx        each error reaches an input through one weight at most: |dx| <= 32767 * 65535 < 2^31
void tp_conv_backward(tp_model_t *m, const tp_layer_t *l, const int16_t *errors, int excess, int fd, int32_t *dx) {
    const int16_t *x = tp_at(m, l->inputs);
    int16_t *w = tp_at(m, l->weights);
    int32_t *gradient = tp_at(m, m->work);
    tp_step_t step;
    int trains = tp_weight_step(m, l, fd, &step);
    uint32_t filters = l->out_c, in_c = l->in_c, in_line = l->in_w * in_c, clamped = 0;
    // Inputs of a filter at one place of the kernel; from one of them to the next.
    uint32_t per_tap = l->kind == TP_CONV ? in_c : 1, next = l->kind == TP_CONV ? 1 : in_c, kernel_line = l->kernel_w * per_tap;
    tp_lines_t up = { NULL, NULL, 0, 0, 4, 2 * next, 4 * kernel_line, 2 * in_line };
    tp_lines_t down = { NULL, NULL, 0, 0, 4 * next, 2 * filters, 4 * in_line, 2 * filters * kernel_line };
    for (size_t i = 0; dx && i < l->n_in; i++) {
        dx[i] = 0;
    }
    for (size_t f = 0; f < filters; f++) {
        uint32_t met = 0;
        size_t channel = l->kind == TP_CONV ? 0 : f;
        const int16_t *error = errors + f;
        for (size_t k = 0; k < l->fan_in; k++) {
            gradient[k] = 0;
        }
        // One error d: gradient_k += d x_k and dx += d w_kf over what it saw.
        for (size_t oy = 0; oy < l->out_h; oy++) {
            overlap_t rows = rows_at(l, oy);
            for (size_t ox = 0; ox < l->out_w; ox++, error += filters) {
                int32_t d = tp_round(*error, excess);
                if (d == 0) {
                    continue;
                }
                overlap_t columns = columns_at(l, ox);
                size_t k = rows.k * kernel_line + columns.k * per_tap, at = rows.x * in_line + columns.x * in_c + channel;
                uint32_t n = (uint32_t)columns.n * per_tap;
                up.to = gradient + k;
                up.from = x + at;
                up.n = down.n = (uint32_t)rows.n;
                up.to_bytes = 4 * n;
                met += up.n * n;
                tp_add_lines(&up, d);
                if (dx) {
                    down.to = dx + at;
                    down.from = w + k * filters + f;
                    down.to_bytes = n * down.to_step;
                    tp_add_lines(&down, d);
                }
            }
        }
        tp_count(&m->macs_done, met * (uint32_t)(trains + (dx != NULL)));
        if (!trains || met == 0) {
            continue;
        }
        int16_t *weight = w + f;
        const int32_t *end = gradient + l->fan_in;
        for (const int32_t *g = gradient; g < end; g++, weight += filters) {
            int32_t moved = *weight - tp_round_right(*g * step.m, step.shift), held = tp_sat(moved, step.max);
            clamped += held != moved;
            *weight = (int16_t)held;
        }
    }
    tp_count(&m->n_clamped, clamped);
}
