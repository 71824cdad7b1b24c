#include "fixed.h"

int32_t tp_rshift_round_sat(int32_t v, int s, int32_t limit) {
    if (s >= 0) {
        return tp_sat(tp_rshift_round(v, s), limit);
    }
    if (s < -30) {
        return v > 0 ? limit : v < 0 ? -limit : 0;
    }
    int32_t edge = limit >> -s;
    return v > edge ? limit : v < -edge ? -limit : v * (int32_t)(1u << -s);
}

int32_t tp_quotient_round(int32_t sum, uint32_t n) {
    int32_t quotient = (int32_t)(((uint32_t)tp_abs(sum) + n / 2) / n);
    return sum < 0 ? -quotient : quotient;
}

uint32_t tp_part(uint32_t a, uint32_t b) {
    if (a >= b) {
        return a > 0 ? TP_ONE : 0;
    }
    int k = tp_bits(b >> 16);
    return ((a >> k) << 15) / (b >> k);
}

int tp_bits(uint32_t v) {
#ifdef TP_COUNTS_ZEROS
    return v ? 32 - __builtin_clz(v) : 0;
#else
    int n = 0;
    for (; v > 255; v >>= 8) {
        n += 8;
    }
    for (; v; v >>= 1) {
        n++;
    }
    return n;
#endif
}
