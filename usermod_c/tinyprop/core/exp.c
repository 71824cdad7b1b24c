// The exponential function and the logarithm, by linear interpolation in tables of 65 points.
#include "core.h"
#include "tables.h"

uint32_t tp_exp_minus(uint32_t d) {
    // e^-d = 2^-t with t = d / ln 2 in Q.16; 23637 = 2^14 / ln 2, and the product is below 2^31.
    uint32_t t = ((d < 1 << 16 ? d : 1 << 16) * 23637u) >> 10;
    uint32_t i = (t >> 10) & 63, fraction = t & 1023;
    uint32_t e = tp_exp2_table[i] - (((uint32_t)(tp_exp2_table[i] - tp_exp2_table[i + 1]) * fraction + 512) >> 10);
    return e >> (t >> 16);
}

int32_t tp_log_sum(uint32_t v) {
    int n = tp_bits(v) - 1;                     // v = 2^n (1 + t)
    uint32_t t = (v << (31 - n)) & 0x7fffffff;  // Q.31
    uint32_t i = t >> 25, fraction = (t >> 15) & 1023;
    uint32_t ln = tp_log_table[i] + (((uint32_t)(tp_log_table[i + 1] - tp_log_table[i]) * fraction + 512) >> 10);
    return (n - 16) * 2839 + (int32_t)ln;  // 2839 = 2^12 ln 2
}
