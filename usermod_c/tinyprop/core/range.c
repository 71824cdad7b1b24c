// The user's numbers in and out: B, b, H, h, I, i, ... or float32, mapped to the model's integers by integer arithmetic
// alone, so that a board without a floating point unit is quick and every machine gives the same bits.
//
// A range (lo, hi) is turned into fixed point once: f is chosen so that the larger of |lo|, |hi| lies in [2^28, 2^29).
// A value becomes v in Q.f, |v| <= 2^30 by saturation, and then q = round((v - zero) * gain / 2^shift):
//   inputs, 8 bits    lo >= 0: lo..hi -> 0..255 (Q.8)     lo < 0: lo..hi -> -127..127 (Q.7)
//   inputs, 12 bits   lo..hi -> -1024..1024 (Q.10), clamped at +-2047: twice the range
//   targets           lo..hi -> -2^14..2^14 (Q.14)
// Bounds: |v - zero| <= 2^30 + 2^29 < 2^31; gain < span * 2^15 <= 2^30; the product stays below 2^61 in int64.
#include "internal.h"

#define FLOAT_255 0x437f0000u
#define MAX_FLOAT 0x7f7fffffu
#define SATURATED (1 << 30)

size_t tp_item_size(char type) {
    switch (type) {
        case 'B': case 'b': return 1;
        case 'H': case 'h': return 2;
        case 'I': case 'i': case 'f': return 4;
        case 'L': case 'l': return sizeof(long);
        case 'Q': case 'q': return 8;
        default: return 0;
    }
}

// Byte by byte: a user's buffer may start anywhere, and a Cortex-M0 faults on a misaligned word.
static uint64_t load(const uint8_t *p, size_t size) {
    uint64_t v = 0;
    while (size--) {
        v = v << 8 | p[size];
    }
    return v;
}

int64_t tp_integer_at(const tp_values_t *v, size_t i) {
    size_t size = tp_item_size(v->type);
    uint64_t bits = load((const uint8_t *)v->items + i * size, size);
    if (v->type >= 'a' && size < 8) {  // lower case is signed
        uint64_t sign = (uint64_t)1 << (8 * size - 1);
        return (int64_t)((bits ^ sign) - sign);
    }
    return bits > INT64_MAX && v->type < 'a' ? INT64_MAX : (int64_t)bits;
}

// Subnormals (below 2^-126) count as zero, or a range of nothing else would have no width.
static uint32_t float_at(const tp_values_t *v, size_t i) {
    uint32_t bits = (uint32_t)load((const uint8_t *)v->items + 4 * i, 4);
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

// a / b, bit by bit: it runs when a range is set, and a library division would cost the smallest boards a kilobyte.
static uint32_t divide(uint64_t a, uint32_t b) {
    uint64_t rest = 0;
    uint32_t quotient = 0;
    for (int i = 63; i >= 0; i--) {
        rest = rest << 1 | (a >> i & 1);
        quotient <<= 1;
        if (rest >= b) {
            rest -= b;
            quotient |= 1;
        }
    }
    return quotient;
}

// Safe even for what a damaged image may hold: fields of the right size, if of no sense.
int tp_range_is_sound(const tp_range_t *r) {
    if (!known(r)) {
        return r->shift == 0;
    }
    return is_finite(r->lo) && is_finite(r->hi) && order(r->lo) < order(r->hi)
        && r->zero >= -(1 << 29) && r->zero <= 1 << 29 && r->half >= 0 && r->half <= 1 << 29 && r->gain <= 1u << 30
        && r->f >= -100 && r->f <= 155 && r->shift > 14 && r->shift <= 44;
}

static void derive(tp_range_t *r, uint32_t span, int centred) {
    r->f = (int16_t)range_exponent(r->lo, r->hi);
    int32_t lo = fixed_from_float(r->lo, r->f), hi = fixed_from_float(r->hi, r->f);
    uint32_t width = hi - lo > 1 ? (uint32_t)(hi - lo) : 2;
    r->half = (int32_t)(width >> 1);
    r->zero = centred ? lo + r->half : lo;
    r->shift = (int16_t)(tp_bits(width) + 14);
    r->gain = divide((uint64_t)span << r->shift, width);
}

// Fills in all that follows from lo and hi of every range.
void tp_derive_ranges(tp_model_t *m) {
    tp_range_t *r = tp_ranges(m, 0);
    m->in_signed = m->bits == 12;
    for (size_t i = 0; i < m->n_in_ranges; i++) {
        m->in_signed |= order(r[i].lo) < 0;
    }
    uint32_t span = m->bits == 12 ? 2048 : m->in_signed ? 254 : 255;
    for (size_t i = 0; i < m->n_in_ranges; i++) {
        if (known(&r[i])) {
            derive(&r[i], span, m->in_signed);
        }
    }
    r = tp_ranges(m, 1);
    for (size_t i = 0; i < m->n_out_ranges; i++) {
        if (known(&r[i])) {
            derive(&r[i], 1 << 15, 1);
        }
    }
}

tp_err_t tp_set_range(void *image, size_t n_bytes, int which, size_t index, uint32_t lo, uint32_t hi) {
    tp_err_t err = tp_open(image, n_bytes);
    if (err) {
        return err;
    }
    tp_model_t *m = image;
    if (index >= range_count(m, which) || !is_finite(lo) || !is_finite(hi) || order(lo) >= order(hi)) {
        return TP_E_RANGE;
    }
    int f = range_exponent(lo, hi);
    if (fixed_from_float(hi, f) - fixed_from_float(lo, f) < 2) {
        return TP_E_RANGE;  // apart by less than float32 can tell at their size
    }
    tp_range_t *r = tp_ranges(m, which) + index;
    r->lo = lo;
    r->hi = hi;
    tp_derive_ranges(m);
    return TP_OK;
}

// Widens the ranges so that they hold n more values, with a quarter of the width to spare on each side that grew.
// Values that are all >= 0 never get a range that starts below 0.
void tp_learn_range(tp_model_t *m, int which, const tp_values_t *v, size_t from, size_t n) {
    size_t count = range_count(m, which);
    int changed = 0;
    for (size_t c = 0; c < count; c++) {
        tp_range_t *r = tp_ranges(m, which) + c;
        int have = known(r), grew_lo = 0, grew_hi = 0;
        uint32_t lo = r->lo, hi = r->hi;
        for (size_t i = c; i < n; i += count) {
            uint32_t bits;
            if (v->type == 'f') {
                bits = float_at(v, from + i);
            } else {
                int64_t k = tp_integer_at(v, from + i);
                bits = float_from_fixed((int32_t)(k > INT32_MAX ? INT32_MAX : k < -INT32_MAX ? -INT32_MAX : k), 0);
            }
            if (!have || order(bits) < order(lo)) {
                lo = bits;
                grew_lo = 1;
            }
            if (!have || order(bits) > order(hi)) {
                hi = bits;
                grew_hi = 1;
            }
            have = 1;
        }
        if (!grew_lo && !grew_hi) {
            continue;
        }
        if ((lo | hi) << 1 == 0) {
            hi = 0x3f800000u;  // nothing but zeros so far: 0..1
        }
        int f = range_exponent(lo, hi);
        int32_t a = fixed_from_float(lo, f), b = fixed_from_float(hi, f);
        int32_t margin = b - a < 8 ? tp_abs(b) >> 2 : (b - a) >> 2;
        margin = margin < 2 ? 2 : margin;
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

// Item i as an integer of the model: (v - zero) * gain * 2^-shift, clamped to lo..hi.
static int32_t to_integer(const tp_range_t *r, const tp_values_t *v, size_t i, int32_t lo, int32_t hi) {
    int32_t fixed;
    if (v->type == 'f') {
        fixed = fixed_from_float(float_at(v, i), r->f);
    } else {
        int64_t k = tp_integer_at(v, i);
        k = k > SATURATED ? SATURATED : k < -SATURATED ? -SATURATED : k;
        fixed = tp_shift((int32_t)k, -r->f, SATURATED);
    }
    int64_t q = (int64_t)(fixed - r->zero) * r->gain;
    q = ((q >> (r->shift - 1)) + 1) >> 1;
    return q < lo ? lo : q > hi ? hi : (int32_t)q;
}

// n_in values from item `from` on -> activations of the input. Checked by tp_check_values before.
void tp_read_inputs(const tp_model_t *m, const tp_values_t *x, size_t from, int16_t *inputs) {
    size_t n = (size_t)m->in_h * m->in_w * m->in_c;
    const tp_range_t *r = tp_ranges(m, 0);
    int unsigned8 = m->bits == 8 && !m->in_signed;
    if (x->type == 'B' && unsigned8 && m->n_in_ranges == 1 && r->lo == 0 && r->hi == FLOAT_255) {
        const uint8_t *bytes = (const uint8_t *)x->items + from;
        for (size_t i = 0; i < n; i++) {
            inputs[i] = bytes[i];
        }
        return;
    }
    int32_t hi = m->bits == 12 ? 2047 : unsigned8 ? 255 : 127, lo = unsigned8 ? 0 : -hi;
    size_t c = 0;
    for (size_t i = 0; i < n; i++) {
        inputs[i] = (int16_t)to_integer(&r[c], x, from + i, lo, hi);
        c = c + 1 < m->n_in_ranges ? c + 1 : 0;
    }
}

// Target j of the sample at item `from`, Q.14 of the half range, within +-2 (32768).
int32_t tp_read_target(const tp_model_t *m, const tp_values_t *y, size_t from, size_t j) {
    return to_integer(tp_ranges(m, 1) + (m->n_out_ranges > 1 ? j : 0), y, from + j, -(2 << 14), 2 << 14);
}

// A score as float32: a probability (Q.14), or with mse an output (Q.14 of the half range) in the user's units.
// |score| <= 32768 and half <= 2^29: the product of mse is below 2^44, its Q.f value below 2^30 + 2^29.
uint32_t tp_score_bits(const tp_model_t *m, size_t j, int32_t score) {
    if (m->loss == TP_CROSSENTROPY) {
        return float_from_fixed(score, 14);
    }
    const tp_range_t *r = tp_ranges(m, 1) + (m->n_out_ranges > 1 ? j : 0);
    int64_t v = (int64_t)score * r->half;
    return float_from_fixed(r->zero + (int32_t)((v + (1 << 13)) >> 14), r->f);
}
