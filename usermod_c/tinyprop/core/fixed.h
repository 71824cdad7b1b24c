// Fixed-point arithmetic. "Q.f" means value = integer * 2^-f. Rounding is to nearest, halves up, unless a comment says
// otherwise; steps of weights are rounded by a dither (update.c). Right shifts of negative numbers are arithmetic on every
// compiler and target that tinyprop is built for (checked by a test).
#ifndef TINYPROP_FIXED_H
#define TINYPROP_FIXED_H

#include <stddef.h>
#include <stdint.h>

// What GCC and clang offer beyond C99, for a compiler that does not, such as Microsoft's.
#ifdef __GNUC__
#define TP_UNROLL _Pragma("GCC unroll 32")
#else
#include <string.h>
#define TP_UNROLL
#define __attribute__(words)
#define __builtin_expect(value, expected) (value)
#define __builtin_assume_aligned(pointer, bytes) (pointer)
#define __builtin_memcpy memcpy
#endif

#include "kernels/round.h"

// floor(v / 2^s + 1/2), s >= 0: adds the last bit that is shifted out. Cannot overflow, unlike (v + half) >> s.
static inline int32_t tp_rshift_round(int32_t v, int s) {
    if (s > 31) {
        return 0;  // |v / 2^s| <= 1/2, and -1/2 rounds up to 0
    }
    return s > 0 ? (v >> s) + ((v >> (s - 1)) & 1) : v;
}

// v clamped to +-limit.
static inline int32_t tp_sat(int32_t v, int32_t limit) {
    return v > limit ? limit : v < -limit ? -limit : v;
}

// A byte as a number; sign: 128 if it is an int8, else 0.
static inline int32_t tp_byte(int32_t byte, int32_t sign) {
    return (byte ^ sign) - sign;
}

// *at = v, clamped to +-limit. Returns 1 if it was clamped, else 0.
static inline uint32_t tp_put_clamped(int16_t *at, int32_t v, int32_t limit) {
    *at = (int16_t)tp_sat(v, limit);
    return *at != v;
}

// Whether |v| > limit, for any v, by one comparison.
static inline int tp_beyond(int32_t v, int32_t limit) {
    return (uint32_t)v + (uint32_t)limit > 2 * (uint32_t)limit;
}

// v * 2^-s for any s, rounded, clamped to +-limit (0 <= limit < 2^31).
int32_t tp_rshift_round_sat(int32_t v, int s, int32_t limit);

// |v|; -2^31 stays -2^31 (only a damaged image leads to it).
static inline int32_t tp_abs(int32_t v) {
    return v < 0 ? (int32_t)(0u - (uint32_t)v) : v;
}

// sum / n to nearest, halves away from 0; n >= 1, |sum| < 2^30, n < 2^17.
int32_t tp_quotient_round(int32_t sum, uint32_t n);

#define TP_ONE (1 << 15)  // of shares, Q.15

// a / b, rounded down and at most 1.0, Q.15; nothing of nothing is 0. Of b its highest 16 bits count.
uint32_t tp_part(uint32_t a, uint32_t b);

// Number of bits of v: 0 for 0, 32 for 2^31 and above.
int tp_bits(uint32_t v);

// a + b modulo 2^32. A damaged image may hold weights beyond their bound; even then nothing is undefined.
static inline int32_t tp_add(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

#endif
