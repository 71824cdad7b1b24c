// Dense layers.
//   forward    z_j  = b_j + sum_i w_ij x_i
//   backward   dx_i = sum_j w_ij delta_j          dw_ij = x_i delta_j
// Skipping zeros is exact: an x_i of 0 adds nothing to z or dw, and above a relu its dx_i is not needed either; a
// delta_j of 0 adds nothing to dw or dx. One list of the non-zero inputs, built in the forward pass, serves the sums
// and the update. Weights are [input][output], so that those of one entry of the list lie side by side. Behind them is
// the row of slopes, which is what w_ij has of the inputs' means (centre.c).
#include "core.h"

// b is Q.(w_frac+12), z is Q.(x_frac+w_frac). Sums start within 2^26, with 12 bits within 2^28. |b| <= 2^30, so only for an
// x_frac above 8 (10), as a damaged image may have it, or a narrow range with 12 bits, does that need a clamp.
void tp_start_sums(const tp_model_t *m, const tp_layer_t *l, int32_t *z) {
    const int32_t *b = tp_at(m, l->biases);
    int s = TP_BIAS_FRAC - l->x_frac, of_most = m->bits == 8 ? 26 : 28;
    if (s >= 30 - of_most) {
        tp_requantize_right(b, z, l->out_c, s);
    } else {
        tp_requantize(b, z, l->out_c, s, 1 << of_most);
    }
}

// A map is read by pieces, so that neither its list nor its dx take much room. In `work`:
//   the selected deltas | the piece as int16 | its list, or its dx
static tp_selected_t *selected_at(const tp_model_t *m) {
    return m->work;
}

static int16_t *piece_at(const tp_model_t *m, const tp_layer_t *l) {
    return (int16_t *)(selected_at(m) + l->n_out);
}

static uint32_t *list_at(const tp_model_t *m, const tp_layer_t *l) {
    return (uint32_t *)(piece_at(m, l) + ((tp_rows_of_piece(l) * tp_in_row(l) + 1) & ~1u));
}

static void widen_piece(const tp_model_t *m, const tp_layer_t *l, size_t first, size_t n) {
    tp_widen((const uint8_t *)tp_at(m, l->inputs) + first, piece_at(m, l), n, l->x_signed);
}

static void list_piece(const tp_model_t *m, tp_layer_t *l, size_t first, size_t n) {
    widen_piece(m, l, first, n);
    l->n_nonzero = (uint16_t)(l->n_nonzero + tp_list_vector(l, piece_at(m, l), n, list_at(m, l)));
}

TP_RARE static void forward_by_pieces(const tp_model_t *m, tp_layer_t *l, int32_t *z) {
    const int16_t *w = tp_at(m, l->weights);
    uint32_t *list = list_at(m, l);
    l->dot = tp_map_dot(m, l);
    l->n_nonzero = 0;
    for (size_t first = 0, n; first < l->n_in; first += n, w += n * l->n_out) {
        n = tp_rows_of_piece(l) * tp_in_row(l);
        n = n < l->n_in - first ? n : l->n_in - first;
        list_piece(m, l, first, n);
        tp_spmv(list, w, l->n_out, z, z);
    }
    list[0] = (uint32_t)tp_scaled_dot(l, tp_state(m, l), l->dot) << 16;
    list[1] = 0;
    tp_spmv(list, w, l->n_out, z, z);
}

void tp_dense_forward(const tp_model_t *m, tp_layer_t *l, int32_t *z) {
    tp_start_sums(m, l, z);
    if (l->reads_map) {
        forward_by_pieces(m, l, z);
    } else {
        tp_spmv(tp_nonzero_of(m, l), tp_at(m, l->weights), l->n_out, z, z);
    }
}

// dx of the inputs that tp_backward_rows leaves out: of those that are 0 (only_zeros), or of all. Above a relu, dx of
// an input of 0 is 0.
static void input_deltas(const tp_layer_t *l, const int16_t *x, const int16_t *row, int only_zeros, int32_t *dx,
    const tp_update_t *update) {
    int any = update->selected < update->selected_end;
    for (size_t i = 0; i < update->n_in; i++, row += l->n_out) {
        if (only_zeros && x[i] != 0) {
            continue;
        }
        dx[i] = 0;
        if (any && (x[i] != 0 || !l->zero_delta)) {
            tp_input_sums(row, update->row_bytes, 1, update->selected, update->selected_end, dx + i);
        }
    }
}

// Whether a weight of the layer might pass its bound in this step: not while the headroom is at least the largest step
// that deltas of this l1 norm can make. The headroom shrinks by that step.
static int may_pass_bound(const tp_model_t *m, tp_layer_t *l, const tp_update_t *update, uint32_t l1_norm) {
    uint32_t one = 1u << m->delta_frac, largest = l1_norm < one ? l1_norm : one;
    uint32_t gradient = ((1u << m->bits) - 1) * largest * (uint32_t)update->step.lr_mantissa;
    uint32_t step = (gradient >> update->step.shift) + 1;
    int may_pass = step > l->headroom;
    l->headroom = (uint16_t)(may_pass ? 0 : l->headroom - step);
    return may_pass;
}

// The most that a gradient times lr_mantissa can be, with any sign, and move no weight.
static int32_t most_that_moves_none(const tp_step_t *step) {
    int32_t up = (1 << step->shift) - 1 - step->dither;
    return step->dither < up ? step->dither : up;
}

// A piece of the inputs, or all of them: inputs n_in x, their weights and list, and dx or NULL.
static void backward_piece(tp_layer_t *l, const int16_t *x, int16_t *w, const uint32_t *list, int trains, int32_t *dx,
    tp_update_t *update) {
    if (trains && dx) {
        tp_backward_rows(x, w, dx, update);
    } else if (trains && update->selected_end > update->selected) {
        tp_update_rows(list, w, update);
    }
    if (dx && !(trains && l->zero_delta)) {
        input_deltas(l, x, w, trains, dx, update);
    }
}

static void backward_by_pieces(const tp_model_t *m, tp_layer_t *l, int trains, int32_t slope, tp_deltas_t *dx,
    tp_update_t *update) {
    int16_t *w = tp_at(m, l->weights);
    size_t row = tp_in_row(l);
    int32_t *v = dx ? (int32_t *)list_at(m, l) : NULL;
    for (size_t first = 0, n; first < l->in_h; first += n) {
        n = tp_rows_of_piece(l);
        n = n < l->in_h - first ? n : l->in_h - first;
        update->n_in = (uint32_t)(n * row);
        if (dx) {
            widen_piece(m, l, first * row, n * row);
        } else {
            list_piece(m, l, first * row, n * row);
        }
        backward_piece(l, piece_at(m, l), w, list_at(m, l), trains, v, update);
        w += n * row * l->n_out;
        for (size_t i = 0; dx && i < n; i++) {
            tp_slopes_backward(m, l, piece_at(m, l) + i * row, (first + i) * row, row, slope, v + i * row);
            tp_put_deltas(dx, v + i * row, first + i);
        }
    }
}

void tp_dense_backward(const tp_model_t *m, tp_layer_t *l, const int16_t *deltas, uint32_t l1_norm, int frac,
    int32_t *v, tp_deltas_t *dx) {
    tp_update_t update;
    update.n_clamped = 0;
    update.selected = selected_at(m);
    update.row_bytes = 2u * l->n_out;
    update.n_in = l->n_in;
    update.x_bits = m->bits;
    int trains = tp_weight_step(m, l, frac, &update.step);
    // If no dx is wanted, a delta too small to move any weight is left out: |x| < 2^bits, and dither - x delta m stays within
    // 0 .. 2^shift - 1, which is a step of 0.
    int32_t factor = dx ? 1 : -update.step.lr_mantissa;
    int32_t dead_zone = dx || !trains ? 0 : most_that_moves_none(&update.step) >> m->bits;
    uint32_t n_selected = tp_select_nonzero(deltas, l->n_out, factor, dead_zone, &update), n_nonzero = l->n_nonzero;
    trains = trains && n_selected > 0;
    update.bounded = trains && may_pass_bound(m, l, &update, l1_norm);
    int32_t slope = dx ? tp_slope_dx(m, l, deltas) : 0;
    if (l->reads_map) {
        backward_by_pieces(m, l, trains, slope, dx, &update);
    } else {
        const int16_t *x = tp_at(m, l->inputs);
        uint32_t *list = tp_nonzero_of(m, l);
        if (!dx) {
            list[l->list_end / 4] = 0;  // the slopes move by themselves
        }
        backward_piece(l, x, tp_at(m, l->weights), list, trains, dx ? v : NULL, &update);
        if (dx) {
            tp_slopes_backward(m, l, x, 0, l->n_in, slope, v);
            tp_put_deltas(dx, v, 0);
        }
    }
    if (trains) {
        tp_move_slopes(m, l, deltas, &update.step);
        tp_count(&m->state->macs_done, n_nonzero * n_selected);
    }
    if (dx) {
        tp_count(&m->state->macs_done, (l->zero_delta ? n_nonzero : l->n_in) * n_selected);
    }
    tp_count(&m->state->n_clamped, update.n_clamped);
}
