// Kernels for Cortex-M4 and above, which can multiply either half of a word, and multiply, round and add in one
// instruction. The other kernels are those of portable.c.
#include "portable.h"

#ifdef TP_ARMV7EM

TP_HOT TP_NOINLINE static void sum_eight(const uint32_t *list, const int16_t *w, const int32_t *start, int32_t *z) {
    tp_sum_columns(list, w, 8, 1, start, z);
}

TP_HOT void tp_spmv(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z) {
    int aligned = n_out % 2 == 0;  // every other row of an odd length is misaligned
    for (; aligned && n_out >= 8; n_out -= 8, w += 8, start += 8, z += 8) {
        sum_eight(list, w, start, z);
    }
    for (; n_out >= 2; n_out -= 2, w += 2, start += 2, z += 2) {
        tp_sum_columns(list, w, 2, 0, start, z);
    }
    if (n_out > 0) {
        tp_sum_columns(list, w, 1, 0, start, z);
    }
}

// w += (dither + x d) >> shift for a selected delta: x and dither come shifted left, so that the step is the upper half of a
// sum of 64 bits, which starts with the weight there and the dither below. Returns the next selected delta. (All in one asm,
// as the compiler would make two loads of the LDRD.)
static inline const tp_selected_t *move_one(int16_t *row, int32_t x, uint32_t dither, const tp_selected_t *selected) {
    int32_t delta;
    uint32_t offset, low, high;
    __asm__ volatile("ldrd %0, %1, [%4], #8\n ldrh %3, [%5, %1]\n mov %2, %7\n smlal %2, %3, %6, %0\n strh %3, [%5, %1]"
        : "=&r"(delta), "=&r"(offset), "=&r"(low), "=&r"(high), "+&r"(selected)
        : "r"(row), "r"(x), "r"(dither)
        : "memory");
    return selected;
}

// The same for two selected deltas, loaded by one instruction.
static inline const tp_selected_t *move_two(int16_t *row, int32_t x, uint32_t dither, const tp_selected_t *selected) {
    uint32_t low, high;
    __asm__ volatile("ldmia %2!, {r4, r5, r6, r8}\n"
                     "ldrh %1, [%3, r5]\n mov %0, %5\n smlal %0, %1, %4, r4\n strh %1, [%3, r5]\n"
                     "ldrh %1, [%3, r8]\n mov %0, %5\n smlal %0, %1, %4, r6\n strh %1, [%3, r8]"
        : "=&r"(low), "=&r"(high), "+&r"(selected)
        : "r"(row), "r"(x), "r"(dither)
        : "r4", "r5", "r6", "r8", "memory");
    return selected;
}

// tp_update_rows if no weight can pass its bound, and |x| 2^left < 2^31: left = 32 - shift.
static inline void update_by_upper_half(const uint32_t *list, int16_t *row, const tp_update_t *update, int left) {
    const tp_selected_t *first = update->selected, *end = update->selected_end;
    uint32_t dither = (uint32_t)update->step.dither << left;
    for (; *list != 0; list++) {
        int32_t x = ((int32_t)*list >> 16) * (1 << left);
        row = (int16_t *)tp_row_of(list, row);
        const tp_selected_t *selected = first;
        if (x == 0) {
            continue;
        }
        if ((end - first) & 1) {
            selected = move_one(row, x, dither, selected);
        }
        if ((end - first) & 2) {
            selected = move_two(row, x, dither, selected);
        }
        while (selected != end) {
            selected = move_two(row, x, dither, selected);
            selected = move_two(row, x, dither, selected);
        }
    }
}

TP_HOT void tp_update_rows(const uint32_t *list, int16_t *row, tp_update_t *update) {
    if (update->bounded || update->step.shift <= update->x_bits) {
        tp_update_rows_in_c(list, row, update);
    } else {
        update_by_upper_half(list, row, update, 32 - update->step.shift);
    }
}

#endif
