// Which implementation a processor gets. The only place that asks.
#ifndef TINYPROP_TARGET_H
#define TINYPROP_TARGET_H

#if defined(__ARM_ARCH_6M__)
#define TP_ARMV6M
#ifndef TP_SMALL_CODE  // set for a .mpy file, which is held in RAM: there only the loops that matter most are in assembly
#define TP_ARMV6M_ALL
#endif
#elif defined(__ARM_FEATURE_DSP)
#define TP_ARMV7EM
#endif

// Whether tp_relu_listed is quicker than tp_relu and then tp_list_nonzero.
#ifdef TP_ARMV6M_ALL
#define TP_RELU_LISTS 1
#else
#define TP_RELU_LISTS 0
#endif

#define TP_MAX_ROW_DELTA 65532  // bytes, of an entry of a list: whole words, as rows are loaded by words

#endif
