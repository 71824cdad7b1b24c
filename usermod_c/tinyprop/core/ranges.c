// Ranges: how the user's numbers map to the model's integers and back. A range is given, (lo, hi), or it is learned.
//
// A given range is converted to fixed point once; frac is chosen so that the larger of |lo|, |hi| is in [2^28, 2^29).
//   inputs, 8 bits    lo >= 0: lo..hi -> 0..255 (Q.8)     lo < 0: lo..hi -> -127..127 (Q.7)      post 20
//   inputs, 12 bits   lo..hi -> -1024..1024 (Q.10), clamped at +-2047: twice the range           post 17
//   targets           lo..hi -> -2^14..2^14 (Q.14), clamped at +-32767                           post 13
// gain = (span << post) / width with span = 255, 254, 2^11 or 2^15: within 2^-11 of exact. Bytes with the range (0,
// 255) stay what they are.
//   v = value in Q.frac, saturated at +-2^30
//   d = (v - zero) >> pre, clamped to +-2 width       pre is such that the width of the range has at most 16 bits
//   q = round(d * gain / 2^post)
// Bounds: |v - zero| <= 2^30 + 2^29 < 2^31; |d gain| <= 2 (span << post) <= 2^29.
//
// A learned range is where the values lie, and how far from there, each in a running mean:
//   d = value - centre, clamped to +-4 spread      centre += d / 2^k      spread += (|d| - spread) / 2^k
// with 2^k <= n < 2^(k+1) for the n-th value, up to 1024 samples; so it follows a drift for ever. The clamp, and that the
// first three values leave their median and the smallest distance between two of them, keep out what is absurd. The first
// two wait for the third as float32 in place of centre and spread, as no fixed format has room for both 1.5 and 1e30.
//
// What is rare is not absurd, if it comes again: rain, a motor that starts. Were it clamped for ever, spread would become
// that of the other values, and nobody would learn how strong it was. So from the 32nd value on one that is clamped has
// spread grow by 2^(4 - k), of targets by 2^(5 - k), and a quarter at most. Each other one takes up to 2^-k of it away, so
// in the long run spread grows if more than 1 in 16 are clamped, or of targets 1 in 32, until they are within 4 spreads.
//   inputs    (value - zero) / 2^shift in Q.6, with 12 bits in Q.10, clamped to +-2.0 (-127..127, -2047..2047)
//   targets   the same in Q.14
// zero is the centre, and 2^shift the power of two at or above 2.5 spread, so most values lie within 1.0. What a model
// learned is about this map, so it stays until it is an eighth wrong: the centre 2^shift / 8 away from zero, or 2.5 spread
// an eighth beyond its bounds. When that of an output changes, its weights follow (tp_follow_range). docs/method.md says
// what was tried.
#include "core.h"

#define FLOAT_255 0x437f0000u
#define MOST_SAMPLES 1024
#define MOST_PIXELS 32        // of a channel, that each sample lends
#define MOST_FIXED (1 << 28)  // of centre and spread

// An integer that is ordered as the float32 is.
static int32_t order(uint32_t bits) {
    if (bits << 1 == 0) {
        return 0;
    }
    return bits >> 31 ? -(int32_t)(bits & 0x7fffffff) : (int32_t)bits;
}

// The exponent of a float32, as it is in its bits.
static int exponent(uint32_t bits) {
    return (int)(bits >> 23 & 255);
}

// ---- given ranges

// The map of a range to `span` integers; centred: 0 is the middle of the range, not lo.
static void derive(const tp_range_t *r, tp_affine_t *map, uint32_t span, uint8_t post, int centred) {
    int e_lo = exponent(r->lo), e_hi = exponent(r->hi);
    map->frac = (int16_t)(155 - (e_lo > e_hi ? e_lo : e_hi));
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

// Works out the map of a given range.
static tp_err_t complete(const tp_model_t *m, int which, const tp_range_t *r, tp_affine_t *map) {
    if (!tp_is_finite(r->lo) || !tp_is_finite(r->hi) || order(r->lo) >= order(r->hi)) {
        return TP_E_RANGE;
    }
    if (which == TP_OUTPUTS) {
        derive(r, map, 1 << 15, 13, 1);
    } else if (m->bits == 12) {
        derive(r, map, 1 << 11, 17, 1);
    } else {
        derive(r, map, m->in_signed ? 254 : 255, 20, m->in_signed);
    }
    return TP_OK;
}

tp_err_t tp_complete_ranges(tp_model_t *m) {
    const tp_range_t *r = m->given[TP_INPUTS];
    int is_signed = m->bits == 12 || !r;
    for (size_t n = r ? m->n_ranges[TP_INPUTS] : 0; n > 0; n--, r++) {
        is_signed |= order(r->lo) < 0;
    }
    m->in_signed = is_signed;
    for (int which = TP_INPUTS; which <= TP_OUTPUTS; which++) {
        tp_affine_t *map = m->affine[which];
        r = m->given[which];
        for (size_t n = r ? m->n_ranges[which] : 0; n > 0; n--, r++, map++) {
            tp_err_t err = map->post ? TP_OK : complete(m, which, r, map);
            if (err) {
                return err;
            }
        }
    }
    return TP_OK;
}

// ---- learned ranges

// The same range in units that are 2^s times finer.
static void move_frac(tp_learned_range_t *r, int s) {
    int shift = r->shift + s;
    r->shift = (int16_t)(r->shift == TP_NO_SHIFT ? TP_NO_SHIFT
            : shift < 0                          ? 0
            : shift < TP_NO_SHIFT                ? shift
                                                 : TP_NO_SHIFT - 1);
    r->centre = tp_rshift_round_sat(r->centre, -s, MOST_FIXED);
    r->zero = tp_rshift_round_sat(r->zero, -s, MOST_FIXED);
    r->spread = (uint32_t)tp_rshift_round_sat((int32_t)r->spread, -s, MOST_FIXED);
    r->frac = (int16_t)(r->frac + s);
}

// 2^shift is to be at least 2.5 spread, and less than 5 spread.
static int shift_of(uint32_t spread) {
    return spread ? tp_bits(5 * spread - 1) - 1 : TP_NO_SHIFT;
}

// Whether the map still does.
static int map_does(const tp_learned_range_t *r) {
    uint32_t five = 5 * r->spread, twice = 2u << r->shift;
    return r->shift != TP_NO_SHIFT && five <= twice + (twice >> 3) && five > (twice >> 1) - (twice >> 4)
        && !tp_beyond(r->centre - r->zero, 1 << r->shift >> 3);
}

static void sort(uint32_t *a, uint32_t *b) {
    if (order(*a) > order(*b)) {
        uint32_t larger = *a;
        *a = *b;
        *b = larger;
    }
}

// The frac with which a float32 of this exponent has 26 bits.
static int frac_of(int exponent) {
    return exponent ? 152 - exponent : 0;
}

// The first three values, as float32. Their common format has room for two of them; the third one saturates.
static void begin(tp_learned_range_t *r, uint32_t n, uint32_t value) {
    uint32_t lo = n == 1 ? value : (uint32_t)r->centre, mid = n == 3 ? r->spread : lo, hi = value;
    sort(&lo, &mid);
    sort(&mid, &hi);
    sort(&lo, &mid);
    int e_lo = exponent(lo), e_hi = exponent(hi), larger = e_lo > e_hi ? e_lo : e_hi;
    int e = n < 3 ? larger : e_lo + e_hi - larger;
    e = e > exponent(mid) ? e : exponent(mid);
    e = e ? e : larger;  // two of them are 0
    r->frac = (int16_t)frac_of(e);
    int32_t a = tp_fixed_from_float(lo, r->frac), b = tp_fixed_from_float(mid, r->frac);
    int32_t c = tp_fixed_from_float(hi, r->frac);
    if (n < 3) {
        r->zero = (a >> 1) + (c >> 1);
        r->shift = (int16_t)shift_of((uint32_t)(c >> 1) - (uint32_t)(a >> 1));
        r->centre = n == 1 ? (int32_t)value : r->centre;
        r->spread = value;
        return;
    }
    uint32_t d = (uint32_t)b - (uint32_t)a, other = (uint32_t)c - (uint32_t)b;
    d = d - 1 < other - 1 ? d : other;  // 0 is none
    r->centre = b;
    r->spread = d < MOST_FIXED ? d : MOST_FIXED;
}

// Lets the n-th value move a range.
static void move_range(tp_learned_range_t *r, uint32_t n, int32_t value, int which) {
    int k = tp_bits(n) - 1, few = which == TP_OUTPUTS ? 5 : 4;
    int32_t d = value - r->centre, spread = (int32_t)r->spread;
    int clamped = spread && tp_beyond(d, 4 * spread);
    d = clamped ? tp_sat(d, 4 * spread) : d;
    int32_t wider = tp_rshift_round(tp_abs(d) - spread, k);
    if (clamped && k > 4) {
        wider = tp_rshift_round(spread, k - few < 2 ? 2 : k - few);
    }
    r->centre = tp_sat(r->centre + tp_rshift_round(d, k), MOST_FIXED);
    r->spread = (uint32_t)tp_sat(spread + wider, MOST_FIXED);
}

// Gives the larger of |centre|, spread 24 to 26 bits, and the range a map that does. Then 2^shift is at most 2^28, and all
// that the map does not clamp is below 2^30.
static void fit_format(tp_learned_range_t *r, uint32_t n) {
    uint32_t larger = (uint32_t)tp_abs(r->centre) | r->spread;
    int s = 26 - tp_bits(larger);
    if (larger != 0 && (s < 0 || s > 2) && r->frac + s <= 200) {
        move_frac(r, s);
    }
    if (n == 3 || !map_does(r)) {
        r->zero = r->centre;
        r->shift = (int16_t)shift_of(r->spread);
    }
}

static uint32_t as_float(const tp_values_t *v, size_t i) {
    return v->type == 'f' ? tp_float_at(v, i) : tp_float_from_fixed(tp_integer_at(v, i), 0);
}

static void learn_value(tp_learned_range_t *r, uint32_t n, const tp_values_t *v, size_t i, int which) {
    if (n <= 3) {
        begin(r, n, as_float(v, i));
    } else {
        r->centre = tp_sat(r->centre, MOST_FIXED);  // beyond only in a damaged image
        r->spread = r->spread < MOST_FIXED ? r->spread : MOST_FIXED;
        r->zero = tp_sat(r->zero, MOST_FIXED);
        r->shift = (int16_t)(r->shift & TP_NO_SHIFT);
        if (r->centre == 0 && r->spread == 0) {
            r->frac = (int16_t)frac_of(exponent(as_float(v, i)));
        }
        move_range(r, n, tp_fixed_at(v, i, r->frac), which);
    }
    if (n >= 3) {
        fit_format(r, n);
    }
}

static void count_sample(const tp_model_t *m, int which) {
    uint16_t *n_seen = &m->state->n_seen[which];
    *n_seen = (uint16_t)(*n_seen < MOST_SAMPLES ? *n_seen + 1 : MOST_SAMPLES);
}

void tp_learn_input_ranges(const tp_model_t *m, const tp_values_t *x, size_t from) {
    tp_learned_range_t *learned = m->learned[TP_INPUTS];
    if (!learned) {
        return;
    }
    uint32_t n = m->layers->n_in, channels = m->n_ranges[TP_INPUTS], pixels = n == channels ? 1 : n / channels;
    uint32_t used = pixels < MOST_PIXELS ? pixels : MOST_PIXELS, step = pixels / used;
    uint32_t first = (uint32_t)m->state->steps % (pixels - (used - 1) * step);  // other pixels in each sample
    uint32_t nth = m->state->n_seen[TP_INPUTS] * used + 1;
    for (uint32_t i = 0; i < used; i++) {
        for (uint32_t c = 0; c < channels; c++) {
            learn_value(&learned[c], nth + i, x, from + (first + i * step) * channels + c, TP_INPUTS);
        }
    }
    count_sample(m, TP_INPUTS);
}

int tp_is_other_map(const tp_learned_range_t *now, const tp_map_t *old) {
    return now->zero != old->zero || now->frac != old->frac || now->shift != old->shift;
}

int tp_learn_output_range(const tp_model_t *m, const tp_values_t *y, size_t from, size_t j, tp_map_t *old) {
    tp_learned_range_t *r = &m->learned[TP_OUTPUTS][j];
    uint32_t nth = m->state->n_seen[TP_OUTPUTS] + 1u;
    *old = (tp_map_t) { r->zero, r->frac, r->shift };
    learn_value(r, nth, y, from + j, TP_OUTPUTS);
    if (j + 1 == m->output->n_out) {
        count_sample(m, TP_OUTPUTS);
    }
    return nth > 3 && tp_is_other_map(r, old);
}

// ---- values

// Item i as an integer of the model. Sums and products wrap, and shifts are masked, so that a map in a damaged image
// gives wrong numbers, and nothing undefined.
static int32_t by_given(const tp_affine_t *map, const tp_values_t *v, size_t i) {
    uint32_t above = (uint32_t)tp_fixed_at(v, i, map->frac) - (uint32_t)map->zero;
    uint32_t d = (uint32_t)tp_sat((int32_t)above >> (map->pre & 31), 2 * map->width);
    return tp_rshift_round((int32_t)(d * map->gain), map->post & 31);
}

// |value - zero| <= 2^30 + 2^28; in a damaged image it wraps.
static int32_t by_learned(const tp_learned_range_t *r, const tp_values_t *v, size_t i, int frac) {
    if (r->shift == TP_NO_SHIFT) {
        return 0;
    }
    int32_t distance = (int32_t)((uint32_t)tp_fixed_at(v, i, r->frac) - (uint32_t)r->zero);
    return tp_rshift_round_sat(distance, r->shift - frac, 1 << 16);
}

const uint8_t *tp_bytes_as_inputs(const tp_model_t *m, const tp_values_t *x, size_t from) {
    const tp_range_t *given = m->given[TP_INPUTS];
    int as_they_stand = x->type == 'B' && m->bits == 8 && given && m->n_ranges[TP_INPUTS] == 1 && given->lo == 0
        && given->hi == FLOAT_255;
    return as_they_stand ? (const uint8_t *)x->items + from : NULL;
}

uint32_t tp_read_inputs(const tp_model_t *m, const tp_values_t *x, size_t from) {
    const tp_layer_t *first = m->layers;
    const uint8_t *bytes = tp_bytes_as_inputs(m, x, from);
    const tp_learned_range_t *learned = m->learned[TP_INPUTS];
    int16_t *vector = tp_at(m, first->inputs);
    uint8_t *map = tp_at(m, first->inputs);
    int32_t hi = m->bits == 12 ? 2047 : m->in_signed ? 127 : 255, lo = m->in_signed ? -hi : 0;
    uint32_t n_outside = 0;
    size_t range = 0;
    for (size_t i = 0; i < first->n_in; i++) {
        int32_t input;
        if (bytes) {
            input = bytes[i];
        } else if (learned) {
            input = by_learned(&learned[range], x, from + i, tp_input_frac(m));
        } else {
            input = by_given(&m->affine[TP_INPUTS][range], x, from + i);
        }
        int32_t inside = input < lo ? lo : input > hi ? hi : input;
        n_outside += inside != input;
        if (first->reads_map) {
            map[i] = (uint8_t)inside;
        } else {
            vector[i] = (int16_t)inside;
        }
        range = range + 1u < m->n_ranges[TP_INPUTS] ? range + 1 : 0;
    }
    return n_outside;
}

// The range of output j.
static size_t output_range(const tp_model_t *m, size_t j) {
    return m->n_ranges[TP_OUTPUTS] > 1 ? j : 0;
}

const int16_t *tp_read_label(const tp_model_t *m, const tp_values_t *y, size_t sample, uint32_t *n_clamped) {
    int16_t *label = m->work;
    if (m->spec->loss == TP_CROSSENTROPY) {
        uint32_t class = (uint32_t)tp_integer_at(y, sample);
        label[0] = (int16_t)(class < m->output->n_out ? class : 0);  // if y has changed since it was checked
        return label;
    }
    for (size_t j = 0, n = m->output->n_out; j < n; j++) {
        size_t range = output_range(m, j), i = sample * n + j;
        int32_t target = m->learned[TP_OUTPUTS] ? by_learned(&m->learned[TP_OUTPUTS][range], y, i, 14)
                                                : by_given(&m->affine[TP_OUTPUTS][range], y, i);
        *n_clamped += tp_put_clamped(&label[j], target, 32767);
    }
    return label;
}

// A width is below 2^16, so the product is at most 2^31 - 2^15, and `above` at most a width in Q.frac, below 2^30.
uint32_t tp_score_as_float(const tp_model_t *m, size_t j, int32_t score) {
    if (m->spec->loss == TP_CROSSENTROPY) {
        return tp_float_from_fixed(score, 14);
    }
    size_t range = output_range(m, j);
    if (m->learned[TP_OUTPUTS]) {
        const tp_learned_range_t *r = &m->learned[TP_OUTPUTS][range];
        int32_t above = r->shift == TP_NO_SHIFT ? 0 : tp_rshift_round_sat(score, 14 - r->shift, TP_SATURATED);
        return tp_float_from_fixed(tp_add(r->zero, above), r->frac);
    }
    const tp_affine_t *map = &m->affine[TP_OUTPUTS][range];
    int32_t above = tp_rshift_round_sat(score * map->width, 15 - map->pre, TP_SATURATED);
    return tp_float_from_fixed(tp_add(map->zero, above), map->frac);
}
