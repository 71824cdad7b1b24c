#include "internal.h"

int32_t tp_shift(int32_t v, int s, int32_t limit) {
    if (s >= 0) {
        return tp_sat(tp_round(v, s), limit);
    }
    if (s < -30) {
        return v > 0 ? limit : v < 0 ? -limit : 0;
    }
    int32_t edge = limit >> -s;
    return v > edge ? limit : v < -edge ? -limit : v * (int32_t)(1u << -s);
}

TP_HOT void tp_shift_all(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit) {
    const int32_t *end = v + n;
    if (!tp_is_usual(s)) {
        while (v < end) {
            *to++ = tp_shift(*v++, s, limit);
        }
    }
    while (v < end) {
        int32_t result = tp_round_usual(*v++, s);
        if ((uint32_t)(result + limit) > 2 * (uint32_t)limit) {
            result = tp_sat(result, limit);
        }
        *to++ = result;
    }
}

int tp_bits(uint32_t v) {
    int n = 0;
    for (; v > 255; v >>= 8) {
        n += 8;
    }
    for (; v; v >>= 1) {
        n++;
    }
    return n;
}

uint32_t tp_sum_of_sizes(const int16_t *v, size_t n) {
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (uint32_t)tp_abs(v[i]);
    }
    return sum;
}
