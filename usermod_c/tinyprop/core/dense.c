// Dense layers, and the sum that dense and convolution layers share.
//   forward    z_j  = b_j + sum_i w_ij x_i
//   backward   dx_i = sum_j w_ij d_j          dw_ij = x_i d_j
// Zeros are skipped exactly: an x_i of 0 takes no part in z or dw, and where the layer below is a relu its error is 0 as
// well; a d_j of 0 takes no part in dw or dx. So one list of the non-zero inputs, made in the forward pass, serves all
// three, and weights lie [input][output] so that each entry of the list meets its weights side by side.
#include "internal.h"

TP_HOT size_t tp_list_nonzero(const int16_t *v, size_t n, uint16_t *list) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        list[count] = (uint16_t)i;  // written in any case: no branch
        count += v[i] != 0;
    }
    return count;
}

// z_j = bias in Q.(fx+fw): b is Q.(fw+12) and fx <= 12. |b| <= 2^30, so 8-bit layers (fx <= 8) start within 2^26, and
// 12-bit layers are held to 2^28. The clamp binds only for fx > 10 or an image made by others.
void tp_start_sums(const tp_layer_t *l, const tp_model_t *m, int32_t *z) {
    const int32_t *b = tp_at(m, l->biases);
    int32_t limit = m->bits == 8 ? 1 << 26 : 1 << 28;
    int shift = 12 - l->fx;
    for (size_t j = 0; j < l->out_c; j++) {
        z[j] = tp_sat(tp_scale(b[j], shift, limit), limit);
    }
}

// z_j += sum over the n listed i of x_i w_ij, for n_out columns.
//   x int16 [..]   list uint16 [n], indices into x and rows of w   w int16 [..][n_out]   z int32 [n_out], Q.(fx+fw)
// Bound: max_weight = floor((2^31 - 1 - spare) / (x_max * fan_in)) (tp_layout), so |z| <= bias + x_max * fan_in *
// max_weight < 2^31 in any order of summation; spare is 2^27 (2^29 with 12 bits), twice the bias' limit.
TP_HOT void tp_sum_rows(const int16_t *x, const uint16_t *list, size_t n, const int16_t *w, size_t n_out, int32_t *z) {
    size_t j = 0;
    for (; j + 4 <= n_out; j += 4) {
        int32_t z0 = z[j], z1 = z[j + 1], z2 = z[j + 2], z3 = z[j + 3];
        for (size_t k = 0; k < n; k++) {
            size_t i = list[k];
            int32_t v = x[i];
            const int16_t *row = w + i * n_out + j;
            z0 = tp_add(z0, v * row[0]);
            z1 = tp_add(z1, v * row[1]);
            z2 = tp_add(z2, v * row[2]);
            z3 = tp_add(z3, v * row[3]);
        }
        z[j] = z0;
        z[j + 1] = z1;
        z[j + 2] = z2;
        z[j + 3] = z3;
    }
    for (; j < n_out; j++) {
        int32_t sum = z[j];
        for (size_t k = 0; k < n; k++) {
            sum = tp_add(sum, x[list[k]] * w[list[k] * n_out + j]);
        }
        z[j] = sum;
    }
}

void tp_dense_forward(const tp_model_t *m, tp_layer_t *l, int32_t *z) {
    const int16_t *x = tp_at(m, l->inputs);
    uint16_t *list = tp_at(m, l->list);
    l->n_nonzero = (uint16_t)tp_list_nonzero(x, l->n_in, list);
    tp_start_sums(l, m, z);
    tp_sum_rows(x, list, l->n_nonzero, tp_at(m, l->weights), l->n_out, z);
}

// One input: its row of weights moves, and its error is the row (as it was before) times the kept errors.
//   w -= (x d m + half) >> shift, clamped to +-max;   |x m| <= 255 * 31 with |d| <= 2^14, or 4095 * 31 with |d| <= 2^13:
//   |x d m| <= 2^13 * 4095 * 31 < 2^30, plus half <= 2^30: below 2^31
//   dx: |sum w d| <= 32767 * sum |d|, and sum |d| <= 65535 (model.c, L1 guard): below 2^31
TP_HOT static int32_t backward_row(int16_t *row, int32_t x, const int16_t *errors, const uint16_t *kept, size_t n,
    const tp_step_t *step, uint32_t *clamped) {
    int32_t xm = x * step->m, half = (int32_t)(1u << (step->shift - 1)), dx = 0;
    for (size_t k = 0; k < n; k++) {
        size_t j = kept[k];
        int32_t d = errors[j], w = row[j];
        dx = tp_add(dx, w * d);
        int32_t moved = w - ((xm * d + half) >> step->shift);
        int32_t held = tp_sat(moved, step->max);
        *clamped += held != moved;
        row[j] = (int16_t)held;
    }
    return dx;
}

TP_HOT static int32_t error_of_row(const int16_t *row, const int16_t *errors, const uint16_t *kept, size_t n) {
    int32_t dx = 0;
    for (size_t k = 0; k < n; k++) {
        dx = tp_add(dx, row[kept[k]] * errors[kept[k]]);
    }
    return dx;
}

// errors int16 [n_out] Q.fd, those not kept are 0;   dx int32 [n_in] Q.(fd+fw), or NULL where no layer below is trained.
void tp_dense_backward(tp_model_t *m, const tp_layer_t *l, const int16_t *errors, int fd, int32_t *dx) {
    const int16_t *x = tp_at(m, l->inputs);
    const uint16_t *list = tp_at(m, l->list);
    int16_t *w = tp_at(m, l->weights);
    uint16_t *kept = tp_at(m, m->work);
    size_t n = tp_list_nonzero(errors, l->n_out, kept);
    tp_step_t step;
    int trains = tp_weight_step(m, l, fd, &step);
    uint32_t clamped = 0;

    if (trains) {
        m->macs_done += (uint32_t)l->n_nonzero * (uint32_t)n;
    }
    if (dx) {
        // Where an input is 0, dw is 0; if its own error is not, dx is still needed.
        for (size_t i = 0; i < l->n_in; i++) {
            dx[i] = l->rectified || x[i] != 0 ? 0 : error_of_row(w + i * l->n_out, errors, kept, n);
        }
        m->macs_done += (uint32_t)(l->rectified ? l->n_nonzero : l->n_in) * (uint32_t)n;
    }
    for (size_t k = 0; k < l->n_nonzero; k++) {
        size_t i = list[k];
        int16_t *row = w + i * l->n_out;
        int32_t error = trains ? backward_row(row, x[i], errors, kept, n, &step, &clamped)
                               : dx ? error_of_row(row, errors, kept, n) : 0;
        if (dx) {
            dx[i] = error;
        }
    }
    m->n_clamped += clamped;
}
