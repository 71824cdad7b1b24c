// Dense layers.
//   forward    z_j  = b_j + sum_i w_ij x_i
//   backward   dx_i = sum_j w_ij delta_j          dw_ij = x_i delta_j
// Skipping zeros is exact: an x_i of 0 adds nothing to z or dw, and above a relu its dx_i is not needed either; a
// delta_j of 0 adds nothing to dw or dx. One list of the non-zero inputs, built in the forward pass, serves the sums
// and the update. Weights are [input][output], so that those of one entry of the list lie side by side. Behind them is
// the row of slopes, which is what w_ij has of the inputs' means (centre.c).
#include "core.h"

// b is Q.(w_frac+12), z is Q.(x_frac+w_frac) and x_frac <= 12. |b| <= 2^30, so with 8 bits (x_frac <= 8) sums start
// within 2^26; with 12 bits they are clamped to 2^28. The clamp binds only for x_frac > 10, or in a damaged image.
void tp_start_sums(const tp_model_t *m, const tp_layer_t *l, int32_t *z) {
    const int32_t *b = tp_at(m, l->biases);
    tp_requantize(b, z, l->out_c, TP_BIAS_FRAC - l->x_frac, m->bits == 8 ? 1 << 26 : 1 << 28);
}

void tp_dense_forward(const tp_model_t *m, const tp_layer_t *l, int32_t *z) {
    tp_start_sums(m, l, z);
    tp_spmv(tp_nonzero_of(m, l), tp_at(m, l->weights), l->n_out, z, z);
}

// dx of the inputs that tp_backward_rows leaves out: of those that are 0 (only_zeros), or of all. Above a relu, dx of
// an input of 0 is 0.
static void input_deltas(const tp_layer_t *l, const int16_t *x, const int16_t *row, int only_zeros, int32_t *dx,
    const tp_update_t *update) {
    for (size_t i = 0; i < l->n_in; i++, row += l->n_out) {
        if (x[i] == 0 ? !l->zero_delta : !only_zeros) {
            int32_t sum = 0;
            for (const tp_selected_t *d = update->selected; d < update->selected_end; d++) {
                sum = tp_add(sum, row[d->offset / 2] * d->delta);
            }
            dx[i] = sum;
        } else if (!only_zeros) {
            dx[i] = 0;
        }
    }
}

// Whether a weight of the layer might pass its bound in this step: not while the headroom is at least the largest step
// that deltas of this l1 norm can make. The headroom shrinks by that step. (With a guard_shift the norm is 2^14 or
// more, so `largest` comes from 2^delta_frac, which loses no bit by the shift.)
static int may_pass_bound(const tp_model_t *m, tp_layer_t *l, const tp_update_t *update, uint32_t l1_norm) {
    uint32_t one = 1u << m->delta_frac, largest = (l1_norm < one ? l1_norm : one) >> update->guard_shift;
    uint32_t gradient = ((1u << m->bits) - 1) * largest * (uint32_t)update->step.lr_mantissa;
    uint32_t step = (gradient >> update->step.shift) + 1;
    int may_pass = step > l->headroom;
    l->headroom = (uint16_t)(may_pass ? 0 : l->headroom - step);
    return may_pass;
}

void tp_dense_backward(const tp_model_t *m, tp_layer_t *l, const int16_t *deltas, uint32_t l1_norm, int guard_shift,
    int frac, int32_t *dx) {
    const int16_t *x = tp_at(m, l->inputs);
    int16_t *w = tp_at(m, l->weights);
    tp_update_t update;
    update.n_clamped = 0;
    update.selected = m->work;
    update.row_bytes = 2u * l->n_out;
    update.n_in = l->n_in;
    update.guard_shift = guard_shift;
    update.x_bits = m->bits;
    update.x_signed = l->x_signed;
    int trains = tp_weight_step(m, l, frac, &update.step);
    // If no dx is wanted, a delta too small to move any weight is left out: x < 2^bits, and |x delta m| < 2^(shift - 1)
    // rounds to a step of 0.
    int32_t factor = dx ? 1 : -update.step.lr_mantissa;
    int32_t dead_zone = dx || !trains ? 0 : (int32_t)(((1u << (update.step.shift - 1)) - 1) >> m->bits);
    uint32_t n_selected = tp_select_nonzero(deltas, l->n_out, factor, dead_zone, &update);
    trains = trains && n_selected > 0;
    update.bounded = trains && may_pass_bound(m, l, &update, l1_norm);
    if (trains && dx) {
        tp_backward_rows(x, w, dx, &update);
    } else if (trains && update.selected_end > update.selected) {
        tp_nonzero_of(m, l)[l->list_end / 4] = 0;  // the slopes move by themselves
        tp_update_rows(tp_nonzero_of(m, l), w, &update);
    }
    if (dx && !(trains && l->zero_delta)) {
        input_deltas(l, x, w, trains, dx, &update);
    }
    if (dx) {
        tp_slopes_backward(m, l, deltas, guard_shift, dx);
    }
    if (trains) {
        tp_move_slopes(m, l, deltas, guard_shift, &update.step);
    }
    if (trains) {
        tp_count(&m->state->macs_done, (uint32_t)l->n_nonzero * n_selected);
    }
    if (dx) {
        tp_count(&m->state->macs_done, (uint32_t)(l->zero_delta ? l->n_nonzero : l->n_in) * n_selected);
    }
    tp_count(&m->state->n_clamped, update.n_clamped);
}
