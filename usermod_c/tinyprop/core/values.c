// The user's numbers, integers of any array type or float32, to the model's integers and back, by integer arithmetic
// alone: quick on a board without a floating point unit, and the same bits on every machine. With the map of ranges.c:
//
//   v = value in Q.frac, saturated at +-2^30
//   d = (v - zero) >> pre, clamped to +-2 width       pre is such that the width of the range has at most 16 bits
//   q = round(d * gain / 2^post)
//
// Bounds: |v - zero| <= 2^30 + 2^29 < 2^31; |d gain| <= 2 (span << post) <= 2^29.
#include "core.h"

#define FLOAT_255 0x437f0000u
#define MAX_FLOAT 0x7f7fffffu
#define SATURATED (1 << 30)

#define HAS_8_BYTES (sizeof(size_t) == 8)  // only a PC has items of 8 bytes: its 'l' is one

size_t tp_item_size(char type) {
    switch (type) {
        case 'b':
        case 'B': return 1;
        case 'h':
        case 'H': return 2;
        case 'i':
        case 'I':
        case 'f': return 4;
        case 'l':
        case 'L': return sizeof(long);
        case 'q':
        case 'Q': return HAS_8_BYTES ? 8 : 0;
        default: return 0;
    }
}

// Byte by byte: a user's buffer may start anywhere, and a Cortex-M0 faults on a misaligned word.
static uint32_t word_at(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

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

// Subnormal numbers count as 0: a range of nothing else would have no width.
uint32_t tp_float_at(const tp_values_t *v, size_t i) {
    uint32_t bits = word_at((const uint8_t *)v->items + 4 * i);
    return bits & 0x7f800000 ? bits : 0;
}

// The error for `which` that is the counterpart of an error of inputs.
static tp_err_t fault(tp_err_t of_inputs, int which) {
    return which == TP_INPUTS ? of_inputs : of_inputs + (TP_E_Y_LENGTH - TP_E_X_LENGTH);
}

tp_err_t tp_check_values(const tp_values_t *v, size_t n, size_t from, size_t count, int which) {
    if (tp_item_size(v->type) == 0) {
        return fault(TP_E_X_TYPE, which);
    }
    if (v->n != n) {
        return fault(TP_E_X_LENGTH, which);
    }
    for (size_t i = from; v->type == 'f' && i < from + count; i++) {
        if (!tp_is_finite(tp_float_at(v, i))) {
            return fault(TP_E_X_FINITE, which);
        }
    }
    return TP_OK;
}

// ---- float32 bit patterns

int32_t tp_fixed_from_float(uint32_t bits, int frac) {
    int e = (int)(bits >> 23 & 255);
    if (e == 0) {
        return 0;
    }
    int32_t mantissa = (int32_t)(bits & 0x7fffff) | 0x800000;  // value = mantissa * 2^(e-150)
    int32_t v = tp_rshift_round_sat(mantissa, 150 - e - frac, SATURATED);
    return bits >> 31 ? -v : v;
}

uint32_t tp_float_from_fixed(int32_t v, int frac) {
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
    int e = n - frac + 126;
    if (e < 1) {
        return sign;
    }
    return sign | (e > 254 ? MAX_FLOAT : (uint32_t)e << 23 | (mantissa & 0x7fffff));
}

// ---- values

// Item i as an integer of the model, clamped to lo..hi. Sums and products wrap, and shifts are masked, so that a map in
// a damaged image gives wrong numbers, and nothing undefined.
static int32_t to_integer(const tp_affine_t *map, const tp_values_t *v, size_t i, int32_t lo, int32_t hi) {
    int32_t fixed = v->type == 'f' ? tp_fixed_from_float(tp_float_at(v, i), map->frac)
                                   : tp_rshift_round_sat(tp_integer_at(v, i), -map->frac, SATURATED);
    int32_t above = (int32_t)((uint32_t)fixed - (uint32_t)map->zero) >> (map->pre & 31);
    uint32_t d = (uint32_t)tp_sat(above, 2 * map->width);
    int32_t q = tp_rshift_round((int32_t)(d * map->gain), map->post & 31);
    return q < lo ? lo : q > hi ? hi : q;
}

const uint8_t *tp_bytes_as_inputs(const tp_model_t *m, const tp_values_t *x, size_t from) {
    int as_they_stand = x->type == 'B' && m->bits == 8 && m->spec->n_input_ranges == 1 && m->ranges->lo == 0
        && m->ranges->hi == FLOAT_255;
    return as_they_stand ? (const uint8_t *)x->items + from : NULL;
}

void tp_read_inputs(const tp_model_t *m, const tp_values_t *x, size_t from) {
    const tp_layer_t *first = m->layers;
    const uint8_t *bytes = tp_bytes_as_inputs(m, x, from);
    int16_t *inputs = tp_at(m, first->inputs);
    int32_t hi = m->bits == 12 ? 2047 : m->in_signed ? 127 : 255, lo = m->in_signed ? -hi : 0;
    size_t range = 0;
    for (size_t i = 0; i < first->n_in; i++) {
        inputs[i] = (int16_t)(bytes ? bytes[i] : to_integer(&m->affine[range], x, from + i, lo, hi));
        range = range + 1 < m->spec->n_input_ranges ? range + 1 : 0;
    }
}

// The map of output j.
static const tp_affine_t *output_map(const tp_model_t *m, size_t j) {
    return m->affine + m->spec->n_input_ranges + (m->spec->n_output_ranges > 1 ? j : 0);
}

int32_t tp_read_target(const tp_model_t *m, const tp_values_t *y, size_t from, size_t j) {
    return to_integer(output_map(m, j), y, from + j, -(2 << 14), 2 << 14);
}

// width < 2^16, so the product is at most 2^31 - 2^15, and `above` at most a width in Q.frac, below 2^30.
uint32_t tp_score_as_float(const tp_model_t *m, size_t j, int32_t score) {
    if (m->spec->loss == TP_CROSSENTROPY) {
        return tp_float_from_fixed(score, 14);
    }
    const tp_affine_t *map = output_map(m, j);
    int32_t above = tp_rshift_round_sat(score * map->width, 15 - map->pre, SATURATED);
    return tp_float_from_fixed(tp_add(map->zero, above), map->frac);
}
