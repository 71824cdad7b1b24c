// Fixed-point arithmetic: the only rounding, saturating and shifting code. "Q.f" means value = integer * 2^-f.
// Rounding is to nearest, halves up, everywhere. Right shifts of negative numbers are arithmetic on every compiler and
// target that tinyprop is built for (checked by a test).
#ifndef TINYPROP_FIXED_H
#define TINYPROP_FIXED_H

#include <stddef.h>
#include <stdint.h>

// floor(v / 2^s + 1/2), 0 <= s: the bit that falls off last is added. Cannot overflow, unlike (v + half) >> s.
static inline int32_t tp_rshift_round(int32_t v, int s) {
    if (s > 31) {
        return 0;  // |v| < 2^31, so v / 2^s is in -1/2 .. 1/2 and -2^31 / 2^32 rounds up to 0
    }
    return s > 0 ? (v >> s) + ((v >> (s - 1)) & 1) : v;
}

// tp_rshift_round for s from 1 to 32, without its branches.
static inline int32_t tp_rshift_round_fast(int32_t v, int s) {
    int32_t twice = v >> (s - 1);
    return (twice >> 1) + (twice & 1);
}

// v within +-limit.
static inline int32_t tp_sat(int32_t v, int32_t limit) {
    return v > limit ? limit : v < -limit ? -limit : v;
}

// Whether |v| > limit, in one comparison, for any v.
static inline int tp_beyond(int32_t v, int32_t limit) {
    return (uint32_t)v + (uint32_t)limit > 2 * (uint32_t)limit;
}

// v * 2^-s for any s, rounded, within +-limit (0 <= limit < 2^31).
int32_t tp_rshift_round_sat(int32_t v, int s, int32_t limit);

// |v|; -2^31 stays what it is (only a damaged image leads there).
static inline int32_t tp_abs(int32_t v) {
    return v < 0 ? (int32_t)(0u - (uint32_t)v) : v;
}

// Number of bits of v: 0 for 0, 32 for 2^31 and above.
int tp_bits(uint32_t v);

// a + b modulo 2^32: a damaged image may hold weights beyond their bound, and even then nothing is undefined.
static inline int32_t tp_add(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

#endif
