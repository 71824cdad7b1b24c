// The only rounding, saturating and shifting code. Right shifts of negative numbers are arithmetic on every compiler
// and target that tinyprop is built for (checked by a test).
#ifndef TINYPROP_FIXED_H
#define TINYPROP_FIXED_H

#include <stddef.h>
#include <stdint.h>

// Loops that run most often; all else is compiled for size where that matters (.mpy).
#ifdef __OPTIMIZE_SIZE__
#define TP_HOT __attribute__((optimize("O2")))
#else
#define TP_HOT
#endif

// A loop that needs all registers there are, and would not get them inside another function.
#define TP_ALONE __attribute__((noinline))

// Round to nearest, halves up: floor(v / 2^s + 1/2), 0 <= s: the bit that falls off last is added. Cannot overflow, unlike
// (v + half) >> s.
static inline int32_t tp_round(int32_t v, int s) {
    if (s > 31) {
        return 0;  // |v| < 2^31, so v / 2^s is in -1/2 .. 1/2 and -2^31 / 2^32 rounds up to 0
    }
    return s > 0 ? (v >> s) + ((v >> (s - 1)) & 1) : v;
}

static inline int32_t tp_sat(int32_t v, int32_t limit) {
    return v > limit ? limit : v < -limit ? -limit : v;
}

// Whether |v| > limit, in one comparison, for any v.
static inline int tp_beyond(int32_t v, int32_t limit) {
    return (uint32_t)v + (uint32_t)limit > 2 * (uint32_t)limit;
}

// tp_round for any s; to the left the result saturates at +-limit, as it does to the right (0 <= limit < 2^31).
int32_t tp_shift(int32_t v, int s, int32_t limit);

// tp_shift as it mostly is, without a call: s from 1 to 31. Only then is the result not saturated.
static inline int32_t tp_scale(int32_t v, int s, int32_t limit) {
    return (unsigned)s - 1 < 31 ? (v >> s) + ((v >> (s - 1)) & 1) : tp_shift(v, s, limit);
}

// The loops of the core are written in assembly where the compiler falls far behind (armv6m.c).
#ifdef __ARM_ARCH_6M__
#define TP_ARMV6M
#endif

// tp_round to the right by s from 1 to 32.
static inline int32_t tp_round_right(int32_t v, int s) {
    int32_t twice = v >> (s - 1);
    return (twice >> 1) + (twice & 1);
}

// tp_shift of n numbers, which may be done in place. To the right alone (1 <= s <= 255) as 32 or 16 bits (v is lost), it
// returns how many of them saturated; limit <= 2^30.
void tp_shift_all(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit);
uint32_t tp_scale_all(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit);
uint32_t tp_narrow_all(int32_t *v, int16_t *to, size_t n, int s, int32_t limit);

// Once for all counters of the head: 64 bits take more code than a call.
void tp_count(uint64_t *counter, uint32_t n);

// |v|; -2^31 stays what it is (only a damaged image leads there).
static inline int32_t tp_abs(int32_t v) {
    return v < 0 ? (int32_t)(0u - (uint32_t)v) : v;
}

// Number of bits of v: 0 for 0, 32 for 2^31 and above.
int tp_bits(uint32_t v);

// Sum of |v|: at most 65534 errors of 2^14, below 2^30.
uint32_t tp_sum_of_sizes(const int16_t *v, size_t n);

// a + b and a * b modulo 2^32: a damaged image may hold weights beyond their bound, and even then nothing is undefined.
static inline int32_t tp_add(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t tp_mul(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

#endif
