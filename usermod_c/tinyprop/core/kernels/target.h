// Which implementation a processor gets: the only place that asks for the processor.
#ifndef TINYPROP_TARGET_H
#define TINYPROP_TARGET_H

#if defined(__ARM_ARCH_6M__)
#define TP_ARMV6M
#ifdef TP_SMALL_CODE  // set for a .mpy file, whose code is in RAM: there only the hottest loops are in assembly
#define TP_ARMV6M_SMALL
#else
#define TP_ARMV6M_ALL
#endif
#elif defined(__ARM_FEATURE_DSP)
#define TP_ARMV7EM
#elif defined(__x86_64__) && !defined(TP_SMALL_CODE)
#define TP_X86_64
#endif

#if defined(__thumb2__)  // all of ARM above them
#define TP_ARMV7M
#endif

// How a word is claimed (claim.h): by an instruction, or on a Cortex-M with interrupts held off.
#if defined(__unix__) || defined(__APPLE__) || defined(_WIN32)
#define TP_EXCHANGE
#elif defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define TP_PRIMASK
#endif

// For a function that must not wait for flash: the firmware of a chip with two cores copies it to RAM, where a .mpy file is
// anyway.
#if defined(TP_PRIMASK) && !defined(TP_SMALL_CODE)
#define TP_IN_RAM __attribute__((noinline, section(".time_critical.tinyprop")))
#else
#define TP_IN_RAM inline
#endif

// Whether a function can be compiled twice, and the loader takes the version for the processor it finds: by GCC (clang
// says that it is GCC 4) and glibc.
#if defined(TP_X86_64) && __GNUC__ >= 12 && defined(__GLIBC__)
#define TP_VERSIONS
#endif

// Whether tp_relu_listed is there, and faster than tp_relu followed by tp_list_nonzero.
#ifdef TP_ARMV6M_ALL
#define TP_RELU_LISTS 1
#else
#define TP_RELU_LISTS 0
#endif

// Whether instructions work on several numbers at a time, so that a loop without branches is faster.
#ifdef TP_X86_64
#define TP_VECTORS 1
#else
#define TP_VECTORS 0
#endif

// Whether instructions do two or more products of int16 at a time and add them up.
#if defined(TP_ARMV7EM)
#define TP_PAIRS 1
#else
#define TP_PAIRS 0
#endif

// Whether an instruction counts the zeros above the highest bit.
#if defined(__ARM_FEATURE_CLZ) || defined(__XTENSA__) || defined(TP_X86_64)
#define TP_COUNTS_ZEROS
#endif

// How many columns of weights portable.c sums at a time: as many sums as fit into the registers.
#ifdef __XTENSA__
#define TP_COLUMNS 4
#else
#define TP_COLUMNS 8
#endif

#define TP_MAX_ROW_DELTA 65532  // the largest delta of a list entry: whole words, as rows are loaded in words

#endif
