#include "fixed.h"

void tp_count(uint64_t *counter, uint32_t n) {
    *counter += n;
}

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

void tp_shift_all(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit) {
    if (s > 0) {
        tp_scale_all(v, to, n, s, limit);
        return;
    }
    for (; n > 0; n--) {
        *to++ = tp_shift(*v++, s, limit);
    }
}

#ifndef TP_ARMV6M

static inline int32_t scaled(int32_t v, int s, int32_t limit, uint32_t *beyond) {
    v = tp_round_right(v, s);
    if (__builtin_expect(tp_beyond(v, limit), 0)) {
        ++*beyond;
        return tp_sat(v, limit);
    }
    return v;
}

TP_HOT uint32_t tp_scale_all(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit) {
    uint32_t beyond = 0;
    s = s < 32 ? s : 32;
    for (; n > 0; n--) {
        *to++ = scaled(*v++, s, limit, &beyond);
    }
    return beyond;
}

TP_HOT uint32_t tp_narrow_all(int32_t *v, int16_t *to, size_t n, int s, int32_t limit) {
    uint32_t beyond = 0;
    s = s < 32 ? s : 32;
    for (; n > 0; n--) {
        *to++ = (int16_t)scaled(*v++, s, limit, &beyond);
    }
    return beyond;
}

#elif defined(__OPTIMIZE_SIZE__)

// In assembly only where speed is worth 56 bytes.
uint32_t tp_narrow_all(int32_t *v, int16_t *to, size_t n, int s, int32_t limit) {
    uint32_t beyond = tp_scale_all(v, v, n, s, limit);
    for (; n > 0; n--) {
        *to++ = (int16_t)*v++;
    }
    return beyond;
}

#endif

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
    for (const int16_t *end = v + n; v != end; v++) {
        sum += (uint32_t)tp_abs(*v);
    }
    return sum;
}
