// dLoss/dy of a layer's outputs becomes its deltas, dLoss/dz, row by row as the layer above makes dx: a map of 32-bit
// numbers would take four times the room of the outputs. Pools between the two pass each row on.
//
// A row is int32, Q.v_frac; deltas are int16, Q.frac. frac is chosen so that the largest delta fills delta_frac bits,
// within delta_frac (so that 1.0 fits, where deltas are clipped) and delta_frac + 6, and not above v_frac unless v_frac is
// below delta_frac. The largest delta is known at the end, so a row gets the format that suits the rows so far, and at the
// end those whose format was finer than the last one are rounded once more.
#include "core.h"

void tp_start_deltas(tp_deltas_t *d, const tp_model_t *m, tp_layer_t *below, int v_frac) {
    d->m = m;
    d->first = below;
    for (; !tp_has_weights(below) && !(below[-1].pooled); below--) {
        v_frac += tp_pool_shift(below);
    }
    d->map = below;
    d->layer = tp_has_weights(below) ? below : below - 1;
    d->v_frac = v_frac;
    d->largest = 0;
    d->frac = m->delta_frac + TP_FINER;
    d->to = tp_at(m, d->map->deltas);
    for (int i = 0; i <= TP_FINER; i++) {
        d->end_row[i] = 0;
    }
}

// Deltas of a vector take the place of v.
void tp_start_vector(tp_deltas_t *d, const tp_model_t *m, tp_layer_t *l, int v_frac, int32_t *v) {
    tp_start_deltas(d, m, l, v_frac);
    d->to = (int16_t *)v;
}

static int format_of(const tp_deltas_t *d) {
    int least = d->m->delta_frac, frac = d->v_frac - tp_bits(d->largest) + least;
    int finest = d->v_frac < least + TP_FINER ? d->v_frac : least + TP_FINER;
    frac = frac > finest ? finest : frac;
    return frac < least ? least : frac;
}

// Brings the format up to date with the rows up to `row`. Returns the shift from v to it.
static int shift_for(tp_deltas_t *d, size_t row) {
    for (int frac = format_of(d); d->frac > frac; d->frac--) {
        d->end_row[d->frac - d->m->delta_frac] = (uint16_t)row;
    }
    return d->v_frac - d->frac;
}

// v -> int16 by a shift, which may be the start of v. Returns how many were clipped.
static uint32_t to_int16(const tp_deltas_t *d, int32_t *v, int16_t *to, size_t n, int s) {
    if (s < 1) {
        tp_requantize(v, v, n, s - 1, 1 << 30);  // all but the last bit of the shift
        s = 1;
    }
    return tp_requantize_int16(v, to, n, s, 1 << d->m->delta_frac);
}

static const uint8_t *relu_row(const tp_deltas_t *d, size_t row) {
    int relu = d->map->gives_map && d->layer->activation == TP_RELU;  // in a vector the layer above has masked them
    return relu ? (const uint8_t *)tp_at(d->m, d->map->outputs) + row * tp_out_row(d->map) : NULL;
}

// |v| < 2^31 (kernels.h).
static void put_row(tp_deltas_t *d, int32_t *v, size_t row) {
    size_t n = tp_out_row(d->map);
    d->largest |= tp_mask(v, relu_row(d, row), n);
    tp_count(&d->m->state->n_clipped, to_int16(d, v, d->to + row * n, n, shift_for(d, row)));
}

// Row `row` of a map below an average, whose windows all have the same dy in it: quicker than put_row, if it brings no new
// format and nothing is clipped. Returns whether that is so. v: the shares (tp_share_row); buffer: for as many
static int put_shares(tp_deltas_t *d, const tp_layer_t *average, const int32_t *v, size_t row, int32_t *buffer) {
    size_t n = tp_out_row(average), channels = average->in_c;
    const uint8_t *y = relu_row(d, row);
    int16_t *to = d->to + row * tp_out_row(d->map), *end = to + tp_out_row(d->map), *shares = (int16_t *)buffer;
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++) {
        buffer[i] = v[i];
        all |= (uint32_t)tp_abs(v[i]);
    }
    if (!y || d->largest == 0 || tp_bits(all) > tp_bits(d->largest)
        || to_int16(d, buffer, shares, n, d->v_frac - d->frac) > 0) {
        return 0;
    }
    for (size_t column = 0; column < average->out_w; column++, shares += channels) {
        for (size_t k = 0; k < average->kernel_w; k++, y += channels, to += channels) {
            tp_mask_shares(shares, y, to, channels);
        }
    }
    while (to < end) {
        *to++ = 0;
    }
    return 1;
}

// A pool has got row `row` of its dy: rows of its dx are to be made.
static void begin_rows(tp_layer_t *pool, int32_t *dy, size_t row) {
    pool->row = (uint16_t)(row * pool->kernel_h);
    pool->end_row = (uint16_t)(row + 1u < pool->out_h ? (row + 1) * pool->kernel_h : pool->in_h);
    if (pool->kind == TP_AVGPOOL) {
        tp_share_row(pool, dy);
    }
}

// The lowest pool that has rows to make makes the next one, which goes to the pool below it, or to the map. There may be
// 252 pools one upon the other, so none calls the next: a board's stack is small.
void tp_put_deltas(tp_deltas_t *d, int32_t *v, size_t row) {
    tp_layer_t *l = d->first;
    if (l == d->map) {
        put_row(d, v, row);
        return;
    }
    begin_rows(l, v, row);
    for (;;) {
        for (; l->row == l->end_row; l++) {
            if (l == d->first) {
                return;
            }
        }
        int32_t *dy = l == d->first ? v : (int32_t *)(d->m->rows + l[1].deltas);
        int32_t *dx = (int32_t *)(d->m->rows + l->deltas);
        int above_map = l - 1 == d->map;
        row = l->row++;
        if (row >= (size_t)l->out_h * l->kernel_h) {
            dy = NULL;  // no window has this row
        } else if (above_map && l->kind == TP_AVGPOOL && put_shares(d, l, dy, row, dx)) {
            continue;
        }
        tp_spread_row(d->m, l, dy, row, dx);
        if (above_map) {
            put_row(d, dx, row);
        } else {
            begin_rows(--l, dx, row);
        }
    }
}

// tanh and sigmoid multiply |delta| <= 2^14 by at most 2^14.
static void by_slope(const tp_deltas_t *d, size_t n) {
    const uint8_t *bytes = tp_at(d->m, d->map->outputs);
    const int16_t *vector = tp_at(d->m, d->map->outputs);
    int narrow = d->m->bits - 8, tanh = d->layer->activation == TP_TANH;
    for (size_t i = 0; i < n; i++) {
        int32_t y = !d->map->gives_map ? vector[i] : tanh ? (int8_t)bytes[i] : bytes[i];
        int32_t slope = tanh ? (1 << 14) - ((y * y) >> (2 * narrow))           // Q.14
                             : (y * ((1 << d->m->bits) - y)) >> (2 * narrow);  // Q.16, at most 2^14
        d->to[i] = (int16_t)tp_rshift_round(d->to[i] * slope, 14);
    }
}

int tp_end_deltas(tp_deltas_t *d) {
    size_t n = tp_out_row(d->map), i = 0;
    for (int finer = TP_FINER; finer > d->frac - d->m->delta_frac; finer--) {
        for (size_t end = d->end_row[finer] * n; i < end; i++) {
            d->to[i] = (int16_t)tp_rshift_round(d->to[i], finer + d->m->delta_frac - d->frac);
        }
    }
    if (tp_is_bounded(d->layer->activation)) {
        by_slope(d, d->map->n_out);
    }
    return d->layer->activation == TP_SIGMOID ? d->frac + 2 : d->frac;
}
