// Ranges (lo, hi) of the user's numbers: the map to the model's integers that follows from a range, and how ranges are
// learned.
//
// A range is converted to fixed point once; frac is chosen so that the larger of |lo|, |hi| is in [2^28, 2^29).
//   inputs, 8 bits    lo >= 0: lo..hi -> 0..255 (Q.8)     lo < 0: lo..hi -> -127..127 (Q.7)      post 20
//   inputs, 12 bits   lo..hi -> -1024..1024 (Q.10), clamped at +-2047: twice the range           post 17
//   targets           lo..hi -> -2^14..2^14 (Q.14), clamped at +-2^15                            post 13
// gain = (span << post) / width with span = 255, 254, 2^11 or 2^15: within 2^-12 of exact. Bytes with the range (0,
// 255) stay what they are.
#include "core.h"

#define FLOAT_1 0x3f800000u

static size_t range_count(const tp_model_t *m, int which) {
    return which == TP_INPUTS ? m->spec->n_input_ranges : m->spec->n_output_ranges;
}

static int known(const tp_range_t *r) {
    return r->lo != 0 || r->hi != 0;
}

// An integer that is ordered as the float32 is.
static int32_t order(uint32_t bits) {
    if (bits << 1 == 0) {
        return 0;
    }
    return bits >> 31 ? -(int32_t)(bits & 0x7fffffff) : (int32_t)bits;
}

static int has_width(const tp_range_t *r) {
    return tp_is_finite(r->lo) && tp_is_finite(r->hi) && order(r->lo) < order(r->hi);
}

int tp_ranges_known(const tp_model_t *m, int which) {
    const tp_range_t *r = m->ranges + tp_first_range(m, which);
    for (size_t i = 0; i < range_count(m, which); i++) {
        if (!known(&r[i])) {
            return 0;
        }
    }
    return 1;
}

// ---- maps

// The frac with which the larger of |lo|, |hi| fills 29 bits.
static int range_frac(uint32_t lo, uint32_t hi) {
    int e_lo = (int)(lo >> 23 & 255), e_hi = (int)(hi >> 23 & 255);
    return 155 - (e_lo > e_hi ? e_lo : e_hi);
}

// The map of a range to `span` integers; centred: 0 is the middle of the range, not lo.
static void derive(const tp_range_t *r, tp_affine_t *map, uint32_t span, uint8_t post, int centred) {
    map->frac = (int16_t)range_frac(r->lo, r->hi);
    int32_t lo = tp_fixed_from_float(r->lo, map->frac), hi = tp_fixed_from_float(r->hi, map->frac);
    uint32_t width = hi - lo > 1 ? (uint32_t)(hi - lo) : 2;
    map->zero = centred ? lo + (int32_t)(width >> 1) : lo;
    for (map->pre = 0; width > 65535; width >>= 1) {
        map->pre++;
    }
    map->width = (uint16_t)width;
    map->gain = (span << post) / width;
    map->post = post;
}

static int inputs_are_signed(const tp_model_t *m) {
    int is_signed = m->bits == 12;
    for (size_t i = 0; i < m->spec->n_input_ranges; i++) {
        is_signed |= order(m->ranges[i].lo) < 0;
    }
    return is_signed;
}

tp_err_t tp_complete_ranges(tp_model_t *m) {
    m->in_signed = inputs_are_signed(m);
    size_t n_inputs = m->spec->n_input_ranges, n = n_inputs + m->spec->n_output_ranges;
    for (size_t i = 0; i < n; i++) {
        const tp_range_t *r = &m->ranges[i];
        tp_affine_t *map = &m->affine[i];
        if (map->post != 0 || !known(r)) {
            continue;
        }
        if (!has_width(r)) {
            return TP_E_RANGE;
        }
        if (i >= n_inputs) {
            derive(r, map, 1 << 15, 13, 1);
        } else if (m->bits == 12) {
            derive(r, map, 1 << 11, 17, 1);
        } else {
            derive(r, map, m->in_signed ? 254 : 255, 20, m->in_signed);
        }
    }
    return TP_OK;
}

// ---- learning a range

// Widens a range so that it holds items from, from + stride, ... of n, and on each side that grew a quarter of the
// width more. A range whose values are all >= 0 never starts below 0. Returns whether it grew.
static int widen(tp_range_t *r, const tp_values_t *v, size_t from, size_t n, size_t stride) {
    int grew_lo = !known(r), grew_hi = grew_lo;
    uint32_t lo = r->lo, hi = r->hi;
    for (size_t i = 0; i < n; i += stride) {
        uint32_t bits = v->type == 'f' ? tp_float_at(v, from + i) : tp_float_from_fixed(tp_integer_at(v, from + i), 0);
        if (i == 0 && grew_lo) {
            lo = hi = bits;
        }
        if (order(bits) < order(lo)) {
            lo = bits;
            grew_lo = 1;
        }
        if (order(bits) > order(hi)) {
            hi = bits;
            grew_hi = 1;
        }
    }
    if (!grew_lo && !grew_hi) {
        return 0;
    }
    if (((lo | hi) & 0x7f800000) == 0) {
        hi = FLOAT_1;  // nothing but zeros and subnormal numbers so far: 0..1
    }
    int frac = range_frac(lo, hi);
    int32_t a = tp_fixed_from_float(lo, frac), b = tp_fixed_from_float(hi, frac);
    int32_t margin = b - a < 8 ? tp_abs(b) >> 2 : (b - a) >> 2;
    if (grew_lo) {
        a -= a >= 0 && a < margin ? a : margin;
    }
    if (grew_hi) {
        b += margin;
    }
    r->lo = tp_float_from_fixed(a, frac);
    r->hi = tp_float_from_fixed(b, frac);
    return 1;
}

void tp_widen_ranges(tp_model_t *m, int which, const tp_values_t *v, size_t from, size_t n) {
    size_t count = range_count(m, which);
    tp_range_t *r = m->ranges + tp_first_range(m, which);
    int grew = 0;
    for (size_t c = 0; c < count; c++) {
        grew |= widen(&r[c], v, from + c, n - c, count);
    }
    for (size_t c = 0; c < count && grew; c++) {  // all maps: one input below 0 makes all inputs signed
        m->affine[tp_first_range(m, which) + c].post = 0;
    }
    tp_complete_ranges(m);
}
