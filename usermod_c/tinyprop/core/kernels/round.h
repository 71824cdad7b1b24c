// The rounding of the hottest loops.
#ifndef TINYPROP_ROUND_H
#define TINYPROP_ROUND_H

#include <stdint.h>

#include "target.h"

// tp_rshift_round (fixed.h) for 1 <= s <= 32, without branches. (Where code is to be small, a compiler would call it for each
// number.)
__attribute__((always_inline)) static inline int32_t tp_rshift_round_fast(int32_t v, int s) {
#ifdef TP_ARMV7M  // ASRS leaves the last bit that it drops in the carry
    int32_t rounded;
    __asm__("asrs %0, %1, %2\n adc %0, %0, #0" : "=r"(rounded) : "r"(v), "r"(s) : "cc");
    return rounded;
#else
    int32_t twice = v >> (s - 1);
    return (twice >> 1) + (twice & 1);
#endif
}

#endif
