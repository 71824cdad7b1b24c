// Kernels for Cortex-M4 and above, which can multiply either half of a word, and multiply, round and add in one
// instruction. The other kernels are those of portable.c.
#include "portable.h"

#ifdef TP_ARMV7EM

// Loads the pairs at v + i and v + i + 2. (In asm, as the compiler would make two loads of the LDRD.)
#define LOAD_PAIRS(first, second, v, i) \
    __asm__("ldrd %0, %1, [%2, %3]" : "=r"(first), "=r"(second) : "r"(v), "i"(2 * (i)), "m"(*(const int16_t (*)[8])(v)))

// Adds the products of x and both weights of a pair.
static inline void add_products(int32_t *low, int32_t *high, int16_t x, uint32_t pair) {
    *low = tp_add(*low, x * (int16_t)pair);
    *high = tp_add(*high, x * (int16_t)(pair >> 16));
}

// tp_spmv for eight columns, which lie at multiples of 4.
TP_INLINE static void sum_eight(const uint32_t *list, const int16_t *row, const int32_t *start, int32_t *z) {
    int32_t a = start[0], b = start[1], c = start[2], d = start[3];
    int32_t e = start[4], f = start[5], g = start[6], h = start[7];
    for (; *list != 0; list++) {
        int16_t x = (int16_t)(*list >> 16);
        uint32_t first, second;
        row = tp_row_of(list, row);
        LOAD_PAIRS(first, second, row, 0);
        add_products(&a, &b, x, first);
        add_products(&c, &d, x, second);
        LOAD_PAIRS(first, second, row, 4);
        add_products(&e, &f, x, first);
        add_products(&g, &h, x, second);
    }
    z[0] = a, z[1] = b, z[2] = c, z[3] = d;
    z[4] = e, z[5] = f, z[6] = g, z[7] = h;
}

TP_HOT void tp_spmv(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z) {
    int aligned = n_out % 2 == 0;  // every other row of an odd length is misaligned
    for (; aligned && n_out >= 8; n_out -= 8, w += 8, start += 8, z += 8) {
        sum_eight(list, w, start, z);
    }
    if (n_out > 0) {
        tp_spmv_in_c(list, w, n_out, start, z);
    }
}

static inline int32_t add_two_products(int32_t sum, uint32_t a, uint32_t b) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

static inline uint32_t load_pair(const int16_t *from) {
    uint32_t pair;
    __builtin_memcpy(&pair, __builtin_assume_aligned(from, 4), 4);
    return pair;
}

// Eight deltas at a time, which stay in registers for all rows.
TP_HOT void tp_input_sums_of_all(const int16_t *w, size_t n_deltas, size_t n, const int16_t *deltas, int32_t *dx) {
    const int16_t *deltas_end = deltas + n_deltas;
    const int32_t *end = dx + n;
    for (; deltas_end - deltas >= 8; deltas += 8, w += 8) {
        uint32_t a, b, c, d;
        LOAD_PAIRS(a, b, deltas, 0);
        LOAD_PAIRS(c, d, deltas, 4);
        const int16_t *row = w;
        for (int32_t *sum = dx; sum != end; sum++, row += n_deltas) {
            uint32_t first, second, third, fourth;
            LOAD_PAIRS(first, second, row, 0);
            LOAD_PAIRS(third, fourth, row, 4);
            int32_t of_half = add_two_products(add_two_products(*sum, first, a), second, b);
            *sum = add_two_products(add_two_products(of_half, third, c), fourth, d);
        }
    }
    for (; deltas != deltas_end; deltas += 2, w += 2) {
        uint32_t pair = load_pair(deltas);
        const int16_t *row = w;
        for (int32_t *sum = dx; sum != end; sum++, row += n_deltas) {
            *sum = add_two_products(*sum, load_pair(row), pair);
        }
    }
}

static inline uint32_t load_bytes(const uint8_t *from) {
    uint32_t bytes;
    __builtin_memcpy(&bytes, from, 4);
    return bytes;
}

// Four channels at a time.
void tp_take_larger(const uint8_t *x, uint8_t *y, uint8_t *which, size_t n, size_t channels, uint32_t first,
    uint32_t end) {
    if (channels % 4 != 0) {
        tp_take_larger_in_c(x, y, which, n, channels, first, end);
        return;
    }
    for (const uint8_t *y_end = y + n; y != y_end; y += channels, which += channels) {
        for (uint32_t k = first; k < end; k++) {
            for (size_t c = 0; c < channels; c += 4, x += 4) {
                uint32_t largest = load_bytes(y + c), places = load_bytes(which + c), differences;
                __asm__("usub8 %2, %0, %3\n sel %0, %0, %3\n sel %1, %1, %4"
                    : "+r"(largest), "+r"(places), "=&r"(differences)
                    : "r"(load_bytes(x)), "r"(k * 0x01010101u));
                __builtin_memcpy(y + c, &largest, 4);
                __builtin_memcpy(which + c, &places, 4);
            }
        }
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

// All in one asm, as it takes every register. ASRS leaves the last bit that it drops in the carry, so ADC rounds.
TP_HOT uint32_t tp_move_by_gradients(const int32_t *gradient, size_t n, int32_t mean, const int32_t *sum,
    int32_t *along, int along_shift, int16_t *w, const tp_step_t *step) {
    uint32_t n_clamped = 0;
    const int16_t *end = w + n;
    while (w != end) {
        int32_t moved, g, scratch;
        // Until all are done, or one passes its bound.
        __asm__ volatile("1: ldr %[g], [%[gradient]], #4\n ldr %[scratch], [%[sum]], #4\n"
                         "mls %[g], %[scratch], %[mean], %[g]\n"
                         "asrs %[scratch], %[g], %[along_shift]\n adc %[scratch], %[scratch], #0\n"
                         "ldr %[moved], [%[along]]\n mla %[scratch], %[scratch], %[mean], %[moved]\n"
                         "str %[scratch], [%[along]], #4\n"
                         "mls %[g], %[g], %[factor], %[dither]\n ldrsh %[moved], [%[w]], #2\n"
                         "asr %[g], %[g], %[shift]\n add %[moved], %[g]\n"
                         "add %[g], %[moved], %[max]\n cmp %[g], %[max], lsl #1\n bhi 2f\n"
                         "strh %[moved], [%[w], #-2]\n cmp %[w], %[end]\n bne 1b\n 2:"
            : [moved] "=&r"(moved), [g] "=&r"(g), [scratch] "=&r"(scratch), [gradient] "+r"(gradient), [sum] "+r"(sum),
            [along] "+r"(along), [w] "+r"(w)
            : [mean] "r"(mean), [along_shift] "r"(along_shift), [factor] "r"(step->lr_mantissa),
            [dither] "r"(step->dither), [shift] "r"(step->shift), [max] "r"(step->max_weight), [end] "r"(end)
            : "cc", "memory");
        n_clamped += tp_put_clamped(w - 1, moved, step->max_weight);
    }
    return n_clamped;
}

TP_HOT void tp_update_rows(const uint32_t *list, int16_t *row, tp_update_t *update) {
    if (update->bounded || update->step.shift <= update->x_bits) {
        tp_update_rows_in_c(list, row, update);
    } else {
        update_by_upper_half(list, row, update, 32 - update->step.shift);
    }
}

#endif
