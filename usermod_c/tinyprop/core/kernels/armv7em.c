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

// Adds the upper half of delta * x, rounded, to the weight of a selected delta in the row. Returns the next selected
// delta. (All in one asm, as the compiler would make two loads of the LDRD.)
static inline const tp_selected_t *move_by_upper_half(int16_t *row, int32_t x, const tp_selected_t *selected) {
    int32_t delta;
    uint32_t offset, weight;
    __asm__ volatile("ldrd %0, %1, [%3], #8\n ldrh %2, [%4, %1]\n smmlar %0, %5, %0, %2\n strh %0, [%4, %1]"
        : "=&r"(delta), "=&r"(offset), "=&r"(weight), "+&r"(selected)
        : "r"(row), "r"(x)
        : "memory");
    return selected;
}

// The same for two selected deltas, loaded by one instruction.
static inline const tp_selected_t *move_two_by_upper_half(int16_t *row, int32_t x, const tp_selected_t *selected) {
    uint32_t weight;
    __asm__ volatile("ldmia %1!, {r4, r5, r6, r8}\n"
                     "ldrh %0, [%2, r5]\n smmlar r4, %3, r4, %0\n strh r4, [%2, r5]\n"
                     "ldrh %0, [%2, r8]\n smmlar r6, %3, r6, %0\n strh r6, [%2, r8]"
        : "=&r"(weight), "+&r"(selected)
        : "r"(row), "r"(x)
        : "r4", "r5", "r6", "r8", "memory");
    return selected;
}

// tp_update_rows if no weight can pass its bound and no x is negative. SMMLAR adds the upper half of a product to a
// weight and rounds halves up. Halves of w - step must round down, so d is biased by -1 below its last bit: it becomes
// d 2^x_bits - 1. As x < 2^x_bits, x times this 1 is less than the last bit of x d 2^x_bits. x is shifted left by the
// rest, so that the step is in the upper half: rest + x_bits + shift = 32.
//   |d m| <= 2^14 * 31 with 8 bits, 2^13 * 31 with 12: |d m| 2^x_bits < 2^30
static inline void update_by_upper_half(const uint32_t *list, int16_t *row, const tp_update_t *update, int rest) {
    tp_selected_t *first = update->selected, *end = update->selected_end;
    for (tp_selected_t *selected = first; selected != end; selected++) {
        selected->delta = selected->delta * (1 << update->x_bits) - 1;
    }
    for (; *list != 0; list++) {
        int32_t x = (int32_t)(*list >> 16 << rest);
        row = (int16_t *)tp_row_of(list, row);
        const tp_selected_t *selected = first;
        if (x == 0) {
            continue;
        }
        if ((end - first) & 1) {
            selected = move_by_upper_half(row, x, selected);
        }
        if ((end - first) & 2) {
            selected = move_two_by_upper_half(row, x, selected);
        }
        while (selected != end) {
            selected = move_two_by_upper_half(row, x, selected);
            selected = move_two_by_upper_half(row, x, selected);
        }
    }
}

TP_HOT void tp_update_rows(const uint32_t *list, int16_t *row, tp_update_t *update) {
    int rest = 32 - update->step.shift - update->x_bits;
    if (update->bounded || update->x_signed || rest < 0) {
        tp_update_rows_in_c(list, row, update);
    } else {
        update_by_upper_half(list, row, update, rest);
    }
}

#endif
