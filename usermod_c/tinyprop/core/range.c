// The user's numbers in and out: integers of any array type or float32, mapped to the model's integers by integer
// arithmetic alone, so that a board without a floating point unit is quick and every machine gives the same bits.
//
// A range (lo, hi) is turned into fixed point once: f is chosen so that the larger of |lo|, |hi| lies in [2^28, 2^29).
// A value becomes v in Q.f, |v| <= 2^30 by saturation; what it is above `zero` is shortened to d, in which the width of
// the range has at most 16 bits, and held within twice that width; and then q = round(d * gain / 2^post):
//   inputs, 8 bits    lo >= 0: lo..hi -> 0..255 (Q.8)     lo < 0: lo..hi -> -127..127 (Q.7)      post 20
//   inputs, 12 bits   lo..hi -> -1024..1024 (Q.10), clamped at +-2047: twice the range           post 17
//   targets           lo..hi -> -2^14..2^14 (Q.14), clamped at +-2^15                            post 13
// gain = (span << post) / width with a span of 255, 254, 2^11 or 2^15: within 2^-12 of exact, and bytes in the range
// (0, 255) are themselves. Bounds: |v - zero| <= 2^30 + 2^29 < 2^31; |d gain| <= 2 (span << post) <= 2^29.
#include "internal.h"

#define FLOAT_255 0x437f0000u
#define FLOAT_1 0x3f800000u
#define MAX_FLOAT 0x7f7fffffu
#define SATURATED (1 << 30)

#define HAS_8_BYTES (sizeof(size_t) == 8)  // items of that size come up on a PC only, as its 'l' has it

size_t tp_item_size(char type) {
    switch (type | 32) {  // in lower case: the signed type of that size
        case 'b': return 1;
        case 'h': return 2;
        case 'i': return 4;
        case 'f': return type == 'f' ? 4 : 0;
        case 'l': return sizeof(long);
        case 'q': return HAS_8_BYTES ? 8 : 0;
        default: return 0;
    }
}

// Byte by byte: a user's buffer may start anywhere, and a Cortex-M0 faults on a misaligned word.
static uint32_t word_at(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

// Item i, an integer, saturated at +-(2^31 - 1).
int32_t tp_integer_at(const tp_values_t *v, size_t i) {
    size_t size = tp_item_size(v->type);
    const uint8_t *p = (const uint8_t *)v->items + i * size;
    int is_signed = v->type >= 'a';
    if (size == 1) {
        return is_signed ? (int8_t)p[0] : p[0];
    }
    if (size == 2) {
        int32_t bits = p[0] | p[1] << 8;
        return is_signed ? (int16_t)bits : bits;
    }
    uint32_t low = word_at(p);
    uint32_t high = HAS_8_BYTES && size == 8 ? word_at(p + 4) : is_signed && low >> 31 ? UINT32_MAX : 0;
    if (is_signed && high >> 31) {
        return high == UINT32_MAX && low > 1u << 31 ? (int32_t)low : -INT32_MAX;
    }
    return high == 0 && low < 1u << 31 ? (int32_t)low : INT32_MAX;
}

// Subnormals (below 2^-126) count as zero, or a range of nothing else would have no width.
static uint32_t float_at(const tp_values_t *v, size_t i) {
    uint32_t bits = word_at((const uint8_t *)v->items + 4 * i);
    return bits & 0x7f800000 ? bits : 0;
}

static int is_finite(uint32_t bits) {
    return (bits >> 23 & 255) != 255;
}

// Items from .. from+count-1 of v, of which there must be n in all, can be used.
// Else an error that is `first` for a wrong length, one below it for a wrong type, two for a NaN or infinity.
int tp_check_values(const tp_values_t *v, size_t n, size_t from, size_t count, int first) {
    if (tp_item_size(v->type) == 0) {
        return first - 1;
    }
    if (v->n != n) {
        return first;
    }
    if (v->type == 'f') {
        for (size_t i = from; i < from + count; i++) {
            if (!is_finite(float_at(v, i))) {
                return first - 2;
            }
        }
    }
    return TP_OK;
}

// ---- float32 bit patterns and fixed point

// A finite float32 in Q.f, saturated at +-2^30; halves away from zero. Subnormals (below 2^-126) count as zero.
static int32_t fixed_from_float(uint32_t bits, int f) {
    int e = (int)(bits >> 23 & 255);
    if (e == 0) {
        return 0;
    }
    int32_t mantissa = (int32_t)(bits & 0x7fffff) | 0x800000;  // value = mantissa * 2^(e-150)
    int32_t v = tp_shift(mantissa, 150 - e - f, SATURATED);
    return bits >> 31 ? -v : v;
}

// The float32 nearest to v * 2^-f (halves away from zero); |v| <= 2^31 - 1.
static uint32_t float_from_fixed(int32_t v, int f) {
    if (v == 0) {
        return 0;
    }
    uint32_t sign = v < 0 ? 0x80000000u : 0;
    uint32_t mantissa = (uint32_t)tp_abs(v);
    int n = tp_bits(mantissa);
    if (n > 24) {
        mantissa = (mantissa + (1u << (n - 25))) >> (n - 24);
        if (mantissa >> 24) {
            mantissa >>= 1;
            n++;
        }
    } else {
        mantissa <<= 24 - n;
    }
    int e = n - f + 126;
    if (e < 1) {
        return sign;
    }
    return sign | (e > 254 ? MAX_FLOAT : (uint32_t)e << 23 | (mantissa & 0x7fffff));
}

// A number that orders as the float32 does.
static int32_t order(uint32_t bits) {
    if (bits << 1 == 0) {
        return 0;
    }
    return bits >> 31 ? -(int32_t)(bits & 0x7fffffff) : (int32_t)bits;
}

// ---- ranges

tp_range_t *tp_ranges(const tp_model_t *m, int which) {
    return (tp_range_t *)tp_at(m, m->ranges) + (which ? m->n_in_ranges : 0);
}

static size_t range_count(const tp_model_t *m, int which) {
    return which ? m->n_out_ranges : m->n_in_ranges;
}

static int known(const tp_range_t *r) {
    return r->lo != 0 || r->hi != 0;
}

// f such that lo and hi fill 29 bits.
static int range_exponent(uint32_t lo, uint32_t hi) {
    int e_lo = (int)(lo >> 23 & 255), e_hi = (int)(hi >> 23 & 255);
    return 155 - (e_lo > e_hi ? e_lo : e_hi);
}

int tp_range_has_width(const tp_range_t *r) {
    return !known(r) || (is_finite(r->lo) && is_finite(r->hi) && order(r->lo) < order(r->hi));
}

// Safe even for what a damaged image may hold: fields of the right size, if of no sense.
int tp_range_is_sound(const tp_range_t *r) {
    if (!known(r)) {
        return r->post == 0;
    }
    return tp_range_has_width(r) && r->zero >= -(1 << 29) && r->zero <= 1 << 29
        && r->width >= 2 && (r->gain >> 14 == 0 || tp_bits(r->width) + tp_bits(r->gain) <= 30)  // 2 width gain < 2^31
        && r->f >= -100 && r->f <= 155 && r->pre <= 14 && r->post >= 13 && r->post <= 20;
}

static void derive(tp_range_t *r, uint32_t span, uint8_t post, int centred) {
    r->f = (int16_t)range_exponent(r->lo, r->hi);
    int32_t lo = fixed_from_float(r->lo, r->f), hi = fixed_from_float(r->hi, r->f);
    uint32_t width = hi - lo > 1 ? (uint32_t)(hi - lo) : 2;
    r->zero = centred ? lo + (int32_t)(width >> 1) : lo;
    for (r->pre = 0; width > 65535; width >>= 1) {
        r->pre++;
    }
    r->width = (uint16_t)width;
    r->gain = (span << post) / width;
    r->post = post;
}

// Fills in all that follows from lo and hi of every range.
void tp_derive_ranges(tp_model_t *m) {
    tp_range_t *r = tp_ranges(m, 0);
    m->in_signed = m->bits == 12;
    for (size_t i = 0; i < m->n_in_ranges; i++) {
        m->in_signed |= order(r[i].lo) < 0;
    }
    uint32_t span = m->bits == 12 ? 1 << 11 : m->in_signed ? 254 : 255;
    for (size_t i = 0; i < m->n_in_ranges; i++) {
        if (known(&r[i])) {
            derive(&r[i], span, m->bits == 12 ? 17 : 20, m->in_signed);
        }
    }
    r = tp_ranges(m, 1);
    for (size_t i = 0; i < m->n_out_ranges; i++) {
        if (known(&r[i])) {
            derive(&r[i], 1 << 15, 13, 1);
        }
    }
}

// Widens the ranges so that they hold n more values, with a quarter of the width to spare on each side that grew.
// Values that are all >= 0 never get a range that starts below 0.
void tp_learn_range(tp_model_t *m, int which, const tp_values_t *v, size_t from, size_t n) {
    size_t count = range_count(m, which);
    int changed = 0;
    for (size_t c = 0; c < count; c++) {
        tp_range_t *r = tp_ranges(m, which) + c;
        int grew_lo = !known(r), grew_hi = grew_lo;
        uint32_t lo = r->lo, hi = r->hi;
        for (size_t i = c; i < n; i += count) {
            uint32_t bits = v->type == 'f' ? float_at(v, from + i) : float_from_fixed(tp_integer_at(v, from + i), 0);
            if (i == c && grew_lo) {
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
            continue;
        }
        if ((lo | hi) << 1 == 0) {
            hi = FLOAT_1;  // nothing but zeros so far: 0..1
        }
        int f = range_exponent(lo, hi);
        int32_t a = fixed_from_float(lo, f), b = fixed_from_float(hi, f);
        int32_t margin = b - a < 8 ? tp_abs(b) >> 2 : (b - a) >> 2;
        a -= grew_lo ? (a >= 0 && a < margin ? a : margin) : 0;
        b += grew_hi ? margin : 0;
        r->lo = float_from_fixed(a, f);
        r->hi = float_from_fixed(b, f);
        changed = 1;
    }
    if (changed) {
        tp_derive_ranges(m);
    }
}

// ---- values

// Item i as an integer of the model, clamped to lo..hi.
static int32_t to_integer(const tp_range_t *r, const tp_values_t *v, size_t i, int32_t lo, int32_t hi) {
    int32_t fixed = v->type == 'f' ? fixed_from_float(float_at(v, i), r->f)
        : tp_shift(tp_integer_at(v, i), -r->f, SATURATED);
    int32_t d = tp_sat((fixed - r->zero) >> r->pre, 2 * r->width);
    int32_t q = tp_scale(d * (int32_t)r->gain, r->post, 0);
    return q < lo ? lo : q > hi ? hi : q;
}

// n_in values from item `from` on -> activations of the input; where they meet a dense layer, its list of them, for which
// bytes in the usual range need not be copied. Checked by tp_check_values before.
void tp_read_inputs(const tp_model_t *m, const tp_values_t *x, size_t from) {
    tp_layer_t *first = tp_layers(m);
    int16_t *inputs = tp_at(m, first->inputs);
    const uint8_t *bytes = NULL;
    size_t n = (size_t)m->in_h * m->in_w * m->in_c;
    const tp_range_t *r = tp_ranges(m, 0);
    int unsigned8 = m->bits == 8 && !m->in_signed;
    if (x->type == 'B' && unsigned8 && m->n_in_ranges == 1 && r->lo == 0 && r->hi == FLOAT_255
        && 2u * first->out_c <= TP_MAX_SKIP) {
        bytes = (const uint8_t *)x->items + from;
    }
    int32_t hi = m->bits == 12 ? 2047 : unsigned8 ? 255 : 127, lo = unsigned8 ? 0 : -hi;
    size_t c = 0;
    for (size_t i = 0; i < n && !(bytes && first->kind == TP_DENSE); i++) {
        inputs[i] = (int16_t)(bytes ? bytes[i] : to_integer(&r[c], x, from + i, lo, hi));
        c = c + 1 < m->n_in_ranges ? c + 1 : 0;
    }
    if (first->kind == TP_DENSE) {
        tp_dense_list(m, first, bytes);
    }
}

// Target j of the sample at item `from`, Q.14 of the half range, within +-2 (32768).
int32_t tp_read_target(const tp_model_t *m, const tp_values_t *y, size_t from, size_t j) {
    return to_integer(tp_ranges(m, 1) + (m->n_out_ranges > 1 ? j : 0), y, from + j, -(2 << 14), 2 << 14);
}

// A score as float32: a probability (Q.14), or with mse an output (Q.14 of the half range) in the user's units.
// |score| <= 2^15 and width < 2^16: the product is at most 2^31 - 2^15, and half a width to each side of zero in Q.f
// below 2^30.
uint32_t tp_score_bits(const tp_model_t *m, size_t j, int32_t score) {
    if (m->loss == TP_CROSSENTROPY) {
        return float_from_fixed(score, 14);
    }
    const tp_range_t *r = tp_ranges(m, 1) + (m->n_out_ranges > 1 ? j : 0);
    return float_from_fixed(r->zero + tp_shift(score * r->width, 15 - r->pre, 1 << 30), r->f);
}
