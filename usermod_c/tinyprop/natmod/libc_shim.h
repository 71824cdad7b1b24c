// What a compiler may call by itself, from the firmware's own table: a native module has no C library.
#include "py/dynruntime.h"

__attribute__((externally_visible)) void *memset(void *s, int c, size_t n) {
    return mp_fun_table.memset_(s, c, n);
}

__attribute__((externally_visible)) void *memmove(void *dest, const void *src, size_t n) {
    return mp_fun_table.memmove_(dest, src, n);
}

__attribute__((externally_visible)) void *memcpy(void *dest, const void *src, size_t n) {
    return mp_fun_table.memmove_(dest, src, n);
}
