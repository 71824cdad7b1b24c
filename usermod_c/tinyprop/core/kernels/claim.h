// A word that one caller at a time may have.
//
// On a PC an instruction sees to that. On boards callers are interrupts, which nest, and where Python has no lock (RP2040,
// RP2350) programs on two cores. There a Cortex-M0+ has no such instruction, and others have it for a part of their memory
// only. So whoever finds the word free writes its own name, waits, and has it if that name still stands: another core
// that found it free as well has written its own by then, as nothing interrupts it between reading and writing
// (Fischer's algorithm, in Lamport, A fast mutual exclusion algorithm, ACM TOCS 5, 1987). Nor does flash, whose cache
// misses take up to a hundred cycles: this function is in RAM.
#ifndef TINYPROP_CLAIM_H
#define TINYPROP_CLAIM_H

#include <stdint.h>
#include "target.h"

#define TP_WAIT 8  // reads of the word: some 64 cycles, in which the other core does four instructions

// Writes `who`, which is not 0 and no other's name, into a word that is 0. Returns whether the caller has it now.
TP_IN_RAM static int tp_claim(volatile uint32_t *word, uint32_t who) {
#ifdef TP_EXCHANGE
    uint32_t nobody = 0;
    return __atomic_compare_exchange_n(word, &nobody, who, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
#else
#ifdef TP_PRIMASK
    uint32_t mask;
    __asm__ volatile("mrs %0, primask\n cpsid i" : "=r"(mask) : : "memory");
#endif
    uint32_t owner = *word;
    if (owner == 0) {
        *word = who;
    }
#ifdef TP_PRIMASK
    __asm__ volatile("msr primask, %0" : : "r"(mask) : "memory");
#endif
    for (int i = TP_WAIT; owner == 0 && i > 0; i--) {
        owner = *word ^ who;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return owner == 0;
#endif
}

static inline void tp_let_go(volatile uint32_t *word) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *word = 0;
}

#endif
