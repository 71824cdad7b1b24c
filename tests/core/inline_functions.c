// Gives the inline functions of fixed.h a name that ctypes can call.
#include "fixed.h"

int32_t call_rshift_round(int32_t v, int s) {
    return tp_rshift_round(v, s);
}

int32_t call_rshift_round_fast(int32_t v, int s) {
    return tp_rshift_round_fast(v, s);
}

int32_t call_sat(int32_t v, int32_t limit) {
    return tp_sat(v, limit);
}

int call_beyond(int32_t v, int32_t limit) {
    return tp_beyond(v, limit);
}

int32_t call_abs(int32_t v) {
    return tp_abs(v);
}

int32_t call_add(int32_t a, int32_t b) {
    return tp_add(a, b);
}
