// The user's numbers, integers of any array type or float32, to the model's integers and back, by integer arithmetic
// alone: quick on a board without a floating point unit, and the same bits on every machine.
#include "core.h"

#define MAX_FLOAT 0x7f7fffffu

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
    int32_t v = tp_rshift_round_sat(mantissa, 150 - e - frac, TP_SATURATED);
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

// ---- items in fixed point

int32_t tp_fixed_at(const tp_values_t *v, size_t i, int frac) {
    return v->type == 'f' ? tp_fixed_from_float(tp_float_at(v, i), frac)
                          : tp_rshift_round_sat(tp_integer_at(v, i), -frac, TP_SATURATED);
}
