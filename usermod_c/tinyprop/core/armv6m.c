// The core's loops for Cortex-M0 and M0+ (ARMv6-M), bit for bit what the C in dense.c, fixed.c and activation.c gives. What a
// compiler does not find:
//   - Eight sums stay in registers, six of them in the upper half of the register file, which ADD alone reaches.
//   - LDM brings two words, and so four weights, in three cycles; the weight of the upper half is an ASR away.
//   - The last bit that a shift drops is the carry, and so rounds in one addition.
//   - The distance to the next row is in the list, so no loop multiplies or keeps a row's length.
// docs/performance.md counts every cycle. Registers r4 to r11 belong to the caller.
#include "internal.h"

#ifdef TP_ARMV6M

#define ASM_FUNCTION(name) \
    ".pushsection .text.tp_armv6m,\"ax\",%progbits\n" \
    ".syntax unified\n.align 2\n.global " name "\n.type " name ",%function\n.thumb_func\n" name ":\n"
#define ASM_END(name) ".size " name ",.-" name "\n.popsection\n"

// r4 to r11 and the return address onto the stack: 36 bytes; and back.
#define ASM_ENTER \
    "push {r4-r7, lr}\n" \
    "mov r4, r8\nmov r5, r9\nmov r6, r10\nmov r7, r11\n" \
    "push {r4-r7}\n"
#define ASM_LEAVE \
    ".Lleave:\n" \
    "pop {r4-r7}\n" \
    "mov r8, r4\nmov r9, r5\nmov r10, r6\nmov r11, r7\n" \
    "pop {r4-r7, pc}\n"

// Two weights in one word, times the input in r1, to two sums; r5 is lost.
#define ASM_TWO(word, low, high) \
    "sxth r5, " word "\nmuls r5, r1\nadd " low ", r5\n" \
    "asrs " word ", " word ", #16\nmuls " word ", r1\nadd " high ", " word "\n"

// The entry in r3 for eight sums; r4 and r5 are lost.
#define ASM_EIGHT \
    "uxth r3, r3\nadds r2, r2, r3\n" \
    "ldmia r2!, {r3, r4}\n" ASM_TWO("r3", "r8", "r9") ASM_TWO("r4", "r10", "r11") \
    "ldmia r2!, {r3, r4}\n" ASM_TWO("r3", "r12", "lr") ASM_TWO("r4", "r6", "r7")

// One weight, the register `at` behind r2, times r1, to a sum; r3 is lost.
#define ASM_ONE(at, sum) "ldrsh r3, [r2, " at "]\nmuls r3, r1\nadd " sum ", r3\n"

// The next entry of the list at r0 to r3, its x to r1; flags are those of x.
#define ASM_NEXT "ldmia r0!, {r3}\nasrs r1, r3, #16\n"

// After an entry with an x of 0: on to the next one, or to the end.
#define ASM_ZERO(next, end) "uxth r3, r3\ncmp r3, #0\nbeq " end "\nadds r2, r2, r3\nb " next "\n"

// An entry that skips by 65532, as 16 bits do not hold the skip in r5; r7 is lost.
#define ASM_FILLER \
    "ldr r7, [r0, #8]\nadds r7, #1\nstr r7, [r0, #8]\n" \
    "ldr r7, =65532\nstmia r4!, {r7}\nsubs r5, r5, r7\n"

// void tp_list_nonzero(tp_list_t *list, const int16_t *x)
//   12 cycles an input, 14 for one that is 0, 3 where four of them are
//   r1 x   r2 end of the line   r3 bytes of a row   r4 end of the list   r5 skip   r12 lines left   lr skip after an entry
__asm__(
    ASM_FUNCTION("tp_list_nonzero")
    "push {r4-r7, lr}\n"
    "ldr r4, [r0]\n"
    "ldr r5, [r0, #4]\n"
    "ldr r3, [r0, #12]\n"
    "ldr r6, [r0, #32]\nmov lr, r6\n"
    "ldr r6, [r0, #16]\n"
    ".Llist_line:\n"
    "mov r12, r6\n"
    "ldr r2, [r0, #20]\n"
    "adds r2, r2, r1\n"
    ".Llist_skipped:\n"        // only here the skip can be too long: after an entry it is not (tp_dense_list)
    "lsrs r6, r5, #16\n"
    "bne .Llist_far\n"
    "cmp r1, r2\n"
    "beq .Llist_jump\n"
    ".Llist_next:\n"
    "ldrh r6, [r1]\n"
    "adds r1, #2\n"
    "lsls r6, r6, #16\n"
    "beq .Llist_zero\n"
    "orrs r6, r5\n"
    "stmia r4!, {r6}\n"
    "mov r5, lr\n"
    "cmp r1, r2\n"
    "bne .Llist_next\n"
    ".Llist_jump:\n"
    "ldr r6, [r0, #24]\n"
    "adds r1, r1, r6\n"
    "ldr r6, [r0, #28]\n"
    "adds r5, r5, r6\n"
    "mov r6, r12\n"
    "subs r6, #1\n"
    "bne .Llist_line\n"
    "str r6, [r4]\n"
    "str r4, [r0]\n"
    "pop {r4-r7, pc}\n"

    ".Llist_zero:\n"           // seldom alone
    "adds r5, r5, r3\n"
    "lsls r6, r1, #30\n"
    "bne .Llist_skipped\n"
    ".Llist_four:\n"
    "subs r6, r2, r1\n"
    "cmp r6, #8\n"
    "blo .Llist_skipped\n"
    "ldmia r1!, {r6, r7}\n"
    "orrs r6, r7\n"
    "bne .Llist_back\n"
    "lsls r6, r3, #2\n"
    "adds r5, r5, r6\n"
    "b .Llist_four\n"
    ".Llist_back:\n"
    "subs r1, #8\n"
    "b .Llist_skipped\n"
    ".Llist_far:\n" ASM_FILLER "b .Llist_skipped\n.pool\n"
    ASM_END("tp_list_nonzero"));

// Two bytes as two entries, and where one of them is 0.
#define ASM_TWO_BYTES(first, second) \
    "ldrb r6, [r1, #" first "]\n" \
    "lsls r6, r6, #16\n" \
    "beq .Lbyte" first "\n" \
    "orrs r6, r5\n" \
    "mov r5, r8\n" \
    "ldrb r7, [r1, #" second "]\n" \
    "lsls r7, r7, #16\n" \
    "beq .Lbyte" second "\n" \
    "orrs r7, r5\n" \
    "stmia r4!, {r6, r7}\n"
#define ASM_BYTE_0(at, entry_before) \
    ".Lbyte" at ":\n" entry_before "adds r1, #" at "\nadds r1, #1\nb .Lbytes_zero\n"

// void tp_list_bytes(tp_list_t *list, const uint8_t *x)
//   12 cycles an input, 8 where it may take 80 bytes more, 14 for one that is 0, 2 where four of them are in a word
//   r1 x   r2 end of x   r3 bytes of a row   r4 end of the list   r5 skip   r8 skip after an entry
//   r12 where the last word starts   lr bytes of four rows
__asm__(
    ASM_FUNCTION("tp_list_bytes")
    "mov r3, r8\n"
    "push {r3-r7, lr}\n"
    "ldr r6, [r0, #32]\nmov r8, r6\n"
    "ldr r4, [r0]\n"
    "ldr r5, [r0, #4]\n"
    "ldr r3, [r0, #12]\n"
    "ldr r2, [r0, #20]\n"
    "adds r2, r2, r1\n"
    "lsls r6, r3, #2\nmov lr, r6\n"
    "subs r6, r2, #4\nmov r12, r6\n"
#ifndef __OPTIMIZE_SIZE__
    "b .Lbytes_test\n"
    ".Lbytes_many:\n"          // four at a time
    ASM_TWO_BYTES("0", "1") ASM_TWO_BYTES("2", "3")
    "adds r1, #4\n"
    "b .Lbytes_test\n"
    ASM_BYTE_0("0", "") ASM_BYTE_0("1", "stmia r4!, {r6}\n") ASM_BYTE_0("2", "") ASM_BYTE_0("3", "stmia r4!, {r6}\n")
#endif
    ".Lbytes_next:\n"
    "ldrb r6, [r1]\n"
    "adds r1, #1\n"
    "lsls r6, r6, #16\n"
    "beq .Lbytes_zero\n"
    "orrs r6, r5\n"
    "stmia r4!, {r6}\n"
    "mov r5, r8\n"
    ".Lbytes_test:\n"
#ifndef __OPTIMIZE_SIZE__
    "cmp r1, r12\n"
    "bls .Lbytes_many\n"
#endif
    "cmp r1, r2\n"
    "bne .Lbytes_next\n"
    "movs r6, #0\n"
    "str r6, [r4]\n"
    "str r4, [r0]\n"
    "pop {r3}\nmov r8, r3\n"
    "pop {r4-r7, pc}\n"
    ".Lbytes_zero:\n"          // seldom alone
    "adds r5, r5, r3\n"
    "lsls r6, r1, #30\n"
    "bne .Lbytes_skipped\n"
    ".Lbytes_four:\n"
    "cmp r1, r12\n"
    "bhi .Lbytes_skipped\n"
    "ldmia r1!, {r6}\n"
    "cmp r6, #0\n"
    "bne .Lbytes_back\n"
    "add r5, lr\n"
    "b .Lbytes_four\n"
    ".Lbytes_back:\n"
    "subs r1, #4\n"
    ".Lbytes_skipped:\n"
    "lsrs r6, r5, #16\n"
    "beq .Lbytes_test\n"
    ASM_FILLER "b .Lbytes_skipped\n.pool\n"
    ASM_END("tp_list_bytes"));

// void tp_sum_rows(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z)
//   on the stack: 0 list, 4 the columns' weights in the row at hand, 8 their start, 12 their z, 16 how many are left, 20 tp_ahead
__asm__(
    ASM_FUNCTION("tp_sum_rows")
    ASM_ENTER
    "ldr r4, [sp, #36]\n"
    "movs r5, #0\n"
    "push {r0-r5}\n"
    "str r2, [sp, #16]\n"
    "str r3, [sp, #8]\n"
    "str r4, [sp, #12]\n"
    "cmp r2, #8\n"
    "blo .Lnarrow\n"
    "lsrs r4, r2, #1\n"
    "bcs .Lnarrow\n"            // rows of an odd length: words would be misaligned
    "movs r5, #16\n"
    "str r5, [sp, #20]\n"
    "b .Lwide\n"

    // 8 columns: 37 cycles an entry, 36.5 where it may take 56 bytes more
    ".Lwide_loop:\n"
#ifndef __OPTIMIZE_SIZE__
    ASM_EIGHT ASM_NEXT
    "beq .Lwide_zero\n"
#endif
    ASM_EIGHT
    ".Lwide_next:\n" ASM_NEXT
    "bne .Lwide_loop\n"
    ".Lwide_zero:\n" ASM_ZERO(".Lwide_next", ".Lwide_end")
    ".Lwide_end:\n"
    "ldr r0, [sp, #12]\n"
    "mov r2, r8\nmov r3, r9\nmov r4, r10\nmov r5, r11\n"
    "stmia r0!, {r2-r5}\n"
    "mov r2, r12\nmov r3, lr\n"
    "stmia r0!, {r2, r3, r6, r7}\n"
    "str r0, [sp, #12]\n"
    "ldr r0, [sp, #4]\n"
    "adds r0, #16\n"
    "str r0, [sp, #4]\n"

    ".Lwide:\n"
    "ldr r0, [sp, #16]\n"
    "subs r0, #8\n"
    "bmi .Lnarrow\n"
    "str r0, [sp, #16]\n"
    "ldr r0, [sp, #8]\n"
    "ldmia r0!, {r4-r7}\n"
    "mov r8, r4\nmov r9, r5\nmov r10, r6\nmov r11, r7\n"
    "ldmia r0!, {r4-r7}\n"
    "mov r12, r4\nmov lr, r5\n"
    "str r0, [sp, #8]\n"
    "ldr r0, [sp]\n"
    "ldr r2, [sp, #4]\n"
    "b .Lwide_next\n"

    // 1 to 4 columns: 24 cycles an entry, or 16 for no more than 2. Of 1 or 3 the weight behind is read too, and its sum
    // forgotten: behind the last row the image has biases.
    ".Lnarrow:\n"
    "ldr r3, [sp, #16]\n"
    "cmp r3, #0\n"
    "beq .Lsums_end\n"
    "ldr r0, [sp]\n"
    "ldr r2, [sp, #4]\n"
    "movs r4, #0\nmovs r5, #2\nmovs r6, #4\nmovs r7, #6\n"
    "mov r8, r4\nmov r9, r4\nmov r10, r4\nmov r11, r4\n"
    "ldr r1, [sp, #20]\nmov r12, r1\n"
    "cmp r3, #2\n"
    "bls .Ltwo_next\n"
    "b .Lfour_next\n"
    ".Lfour_loop:\n"
    "uxth r3, r3\n"
    "adds r2, r2, r3\n"
    ASM_ONE("r4", "r8") ASM_ONE("r5", "r9") ASM_ONE("r6", "r10") ASM_ONE("r7", "r11")
    "add r2, r12\n"
    ".Lfour_next:\n" ASM_NEXT
    "bne .Lfour_loop\n"
    ASM_ZERO(".Lfour_next", ".Lnarrow_end")
    ".Ltwo_loop:\n"
    "uxth r3, r3\n"
    "adds r2, r2, r3\n"
    ASM_ONE("r4", "r8") ASM_ONE("r5", "r9")
    "add r2, r12\n"
    ".Ltwo_next:\n" ASM_NEXT
    "bne .Ltwo_loop\n"
    ASM_ZERO(".Ltwo_next", ".Lnarrow_end")
    ".Lnarrow_end:\n"
    "ldr r0, [sp, #4]\n"
    "adds r0, #8\n"
    "str r0, [sp, #4]\n"
    "mov r4, r8\nmov r5, r9\nmov r6, r10\nmov r7, r11\n"
    "ldr r0, [sp, #8]\n"
    "ldr r1, [sp, #12]\n"
    "ldr r3, [sp, #16]\n"
    "movs r2, #4\n"             // sums in r4 to r7
    ".Lstore:\n"
    "push {r3}\n"
    "ldmia r0!, {r3}\n"
    "adds r3, r3, r4\n"
    "stmia r1!, {r3}\n"
    "pop {r3}\n"
    "movs r4, r5\nmovs r5, r6\nmovs r6, r7\n"
    "subs r3, #1\n"
    "beq .Lsums_end\n"
    "subs r2, #1\n"
    "bne .Lstore\n"
    "str r0, [sp, #8]\n"
    "str r1, [sp, #12]\n"
    "str r3, [sp, #16]\n"
    "b .Lnarrow\n"

    ".Lsums_end:\n"
    "add sp, #24\n"
    ASM_LEAVE
    ASM_END("tp_sum_rows"));

// A kept error at r0, d to r1 and its weight's place in the row to r2, and that weight to r4. With v = d times what is in r5, and
// the shift in r6, the weight is to move by the integer nearest to v / 2^shift, halves down: by (v - 1) >> shift plus the last bit
// that falls off, as carry. Where no v can be a half, v will do. What moves a weight beyond the bound is rare, and mostly it is
// known that nothing does.
#define ASM_LOAD "ldmia r0!, {r1, r2}\nldrsh r4, [r3, r2]\n"
#define ASM_ERROR "movs r7, r4\nmuls r7, r1\nadd r12, r7\n"
#define ASM_MOVE "muls r1, r5\nsubs r1, #1\nasrs r1, r6\nadcs r4, r1\n"
#define ASM_MOVE_NO_HALF "muls r1, r5\nasrs r1, r6\nadcs r4, r1\n"
#define ASM_STORE "strh r4, [r3, r2]\n"
#define ASM_UPDATE ASM_LOAD ASM_MOVE "adds r1, r4, r7\ncmp r1, r9\nbhi .Lupdate_clamp\n" ASM_STORE
#define ASM_UPDATE_FREELY ASM_LOAD ASM_MOVE ASM_STORE
#define ASM_UPDATE_NO_HALF ASM_LOAD ASM_MOVE_NO_HALF ASM_STORE
#define ASM_BACKWARD ASM_LOAD ASM_ERROR ASM_MOVE "mov r1, r4\nadd r1, r11\ncmp r1, r9\nbhi .Lbackward_clamp\n" ASM_STORE
#define ASM_BACKWARD_FREELY ASM_LOAD ASM_ERROR ASM_MOVE ASM_STORE

// From the job at `job`, by way of r5: 2 max to r9, shift to r6 and max to r7; end of the kept errors to r10.
#define ASM_READ(job) \
    "ldr r7, [" job ", #8]\nlsls r5, r7, #1\nmov r9, r5\n" \
    "ldr r6, [" job ", #4]\nldr r5, [" job ", #20]\nmov r10, r5\n"

// A weight beyond the bound, in r4, and max in r7: stores the bound and counts. The job's address is on the stack.
#define ASM_CLAMP \
    "rsbs r1, r7, #0\ncmp r4, #0\nblt 1f\nmovs r1, r7\n1:\nstrh r1, [r3, r2]\n" \
    "ldr r2, [sp]\nldr r1, [r2, #12]\nadds r1, #1\nstr r1, [r2, #12]\n" \
    "mov r1, r10\nsubs r1, r1, r0\n"

// The weights that a turn of the loop moves, and how (start - end) of the kept errors, in r0 or r1, becomes the number that
// is left out in the first turn: modulo 4, or 8.
#ifdef __OPTIMIZE_SIZE__
#define ASM_TURN(update) update update update update
#define ASM_LEFT_OUT(r) "lsls " r ", " r ", #27\nlsrs " r ", " r ", #30\n"
#else
#define ASM_TURN(update) update update update update update update update update
#define ASM_LEFT_OUT(r) "lsls " r ", " r ", #26\nlsrs " r ", " r ", #29\n"
#endif

// To the loop at `turn`, of so many bytes a weight, without those that are left out in its first turn: their number is in r0.
#define ASM_START(turn, bytes) \
    "adr r4, " turn "\npush {r2, r4}\nmovs r1, #" bytes "\nmuls r0, r1\nadds r0, r0, r4\nmov lr, r0\n"

#define ASM_UPDATE_ROWS(turn, update) \
    ".align 2\n" \
    turn ":\n" ASM_TURN(update) \
    turn "_test:\n" \
    "cmp r0, r10\n" \
    "bne " turn "\n" \
    "add r3, r12\n" \
    turn "_row:\n" \
    "mov r0, r11\n" \
    "ldmia r0!, {r4}\n" \
    "mov r11, r0\n" \
    "uxth r0, r4\n" \
    "adds r3, r3, r0\n" \
    "mov r0, r8\n" \
    "asrs r5, r4, #16\n" \
    "beq " turn "_zero\n" \
    "mov pc, lr\n" \
    turn "_zero:\n" \
    "cmp r4, #0\n" \
    "bne " turn "_row\n" \
    "add sp, #8\n" \
    "b .Lleave\n"

// void tp_update_rows(const uint32_t *list, int16_t *w, tp_update_t *job)
//   14.75 cycles a weight, or 14.4: a turn of the loop moves four, or eight, and the first one fewer; 13 a row. Where the
//   code may take 336 bytes more, 11.4 if no weight can pass its bound, and 10.4 if no step can be a half either. A half has as
//   many zeros at its end as x and d have together, shift - 1. As x < 2^bits it has less than `bits` of them, so if no d has
//   shift - bits or more there is none.
//   r8 kept errors   r11 list   r12 tp_ahead   lr where the loop is entered   on the stack: 0 job, 4 where the loop starts
__asm__(
    ASM_FUNCTION("tp_update_rows")
    ASM_ENTER
    "movs r3, r1\n"
    "mov r11, r0\n"
    ASM_READ("r2")
    "ldr r1, [r2, #32]\nmov r12, r1\n"
    "ldr r1, [r2, #16]\nmov r8, r1\n"
    "subs r0, r1, r5\n"
    ASM_LEFT_OUT("r0")
#ifndef __OPTIMIZE_SIZE__
    "ldr r1, [r2, #40]\n"
    "cmp r1, #0\n"
    "beq .Lfree\n"
    "b .Lbounded\n"
    ".Lfree:\n"
    "ldr r1, [r2, #44]\n"
    "subs r1, r6, r1\n"
    "ble .Lmaybe_half\n"
    "movs r4, #32\n"
    "subs r4, r4, r1\n"
    "mov r5, r8\n"
    ".Lhalf_next:\n"
    "ldr r1, [r5]\n"
    "lsls r1, r4\n"
    "beq .Lmaybe_half\n"
    "adds r5, #8\n"
    "cmp r5, r10\n"
    "bne .Lhalf_next\n"
    ASM_START(".Lno_half", "12")
    "b .Lno_half_row\n"
    ASM_UPDATE_ROWS(".Lno_half", ASM_UPDATE_NO_HALF)
    ".Lmaybe_half:\n"
    ASM_START(".Lfree_update", "14")
    "b .Lfree_update_row\n"
    ASM_UPDATE_ROWS(".Lfree_update", ASM_UPDATE_FREELY)
    ".Lbounded:\n"
#endif
    ASM_START(".Lupdate", "20")
    "b .Lupdate_row\n"
    ASM_UPDATE_ROWS(".Lupdate", ASM_UPDATE)
    ".Lupdate_clamp:\n" ASM_CLAMP
    "rsbs r1, r1, #0\n" ASM_LEFT_OUT("r1")
    "beq .Lupdate_test\n"
    "movs r2, #20\nmuls r1, r2\n"
    "ldr r2, [sp, #4]\nadds r1, r1, r2\n"
    "mov pc, r1\n"
    ASM_END("tp_update_rows"));

#define ASM_BACKWARD_ROWS(row, update) \
    row ":\n" \
    "mov r0, lr\n" \
    "movs r1, #0\n" \
    "ldrsh r5, [r0, r1]\n" \
    "adds r0, #2\n" \
    "mov lr, r0\n" \
    "mov r12, r1\n" \
    "cmp r5, #0\n" \
    "beq " row "_next\n" \
    "ldr r1, [sp, #4]\nmuls r5, r1\nrsbs r5, r5, #0\n" \
    "ldr r0, [sp, #8]\n" \
    "mov r1, r10\nsubs r1, r1, r0\nlsrs r1, #4\n" \
    "bcs " row "_second\n" \
    row "_first:\n" update \
    row "_second:\n" update \
    row "_test:\n" \
    "cmp r0, r10\n" \
    "bne " row "_first\n" \
    row "_next:\n" \
    "mov r0, r8\n" \
    "mov r1, r12\n" \
    "stmia r0!, {r1}\n" \
    "mov r8, r0\n" \
    "ldr r1, [sp, #12]\n" \
    "adds r3, r3, r1\n" \
    "ldr r1, [sp, #16]\n" \
    "cmp lr, r1\n" \
    "bne " row "\n" \
    "add sp, #20\n" \
    "b .Lleave\n"

// void tp_backward_rows(const int16_t *x, int16_t *w, int32_t *dx, tp_update_t *job)
//   19.5 cycles a weight, 32 a row, 22 a row that does not move; or, for 104 bytes, 15.5 a weight
//   r8 dx   r11 max   r12 sum of dx   lr x   on the stack: 0 job, 4 m, 8 kept errors, 12 bytes of a row, 16 end of x
__asm__(
    ASM_FUNCTION("tp_backward_rows")
    ASM_ENTER
    "mov lr, r0\n"
    "mov r8, r2\n"
    "ldr r7, [r3, #28]\nlsls r7, #1\nadds r7, r7, r0\n"
    "ldr r4, [r3]\nldr r5, [r3, #16]\nldr r6, [r3, #24]\n"
    "push {r3-r7}\n"
    ASM_READ("r3")
    "mov r11, r7\n"
#ifndef __OPTIMIZE_SIZE__
    "ldr r0, [r3, #40]\n"
    "movs r3, r1\n"
    "cmp r0, #0\n"
    "bne .Lbackward\n"
    ASM_BACKWARD_ROWS(".Lfree_backward", ASM_BACKWARD_FREELY)
#else
    "movs r3, r1\n"
#endif
    ASM_BACKWARD_ROWS(".Lbackward", ASM_BACKWARD)
    ".Lbackward_clamp:\n"
    "mov r7, r11\n" ASM_CLAMP
    "lsls r1, r1, #28\n"       // an odd number left: this was the first of two
    "bmi .Lbackward_second\n"
    "b .Lbackward_test\n"
    ASM_END("tp_backward_rows"));

// uint32_t tp_scale_all(const int32_t *v, int32_t *to, size_t n, int s, int32_t limit), and tp_narrow_all: 12 cycles, 13
//   r2 end of v   r4 limit   r7 0   r12 2 limit   lr saturated
#define ASM_SCALE(name, store) \
    ASM_FUNCTION(name) \
    "push {r4-r7, lr}\n" \
    "ldr r4, [sp, #20]\nlsls r5, r4, #1\nmov r12, r5\n" \
    "lsls r2, #2\nadds r2, r2, r0\n" \
    "movs r7, #0\n" \
    "mov lr, r7\n" \
    "b 4f\n" \
    "1:\nldmia r0!, {r5}\n" \
    "asrs r5, r3\nadcs r5, r7\n"   /* the last bit that fell off rounds */ \
    "adds r6, r5, r4\ncmp r6, r12\n" \
    "bhi 3f\n" \
    "2:\n" store \
    "4:\ncmp r0, r2\n" \
    "bne 1b\n" \
    "mov r0, lr\n" \
    "pop {r4-r7, pc}\n" \
    "3:\nmovs r6, #1\nadd lr, r6\n" \
    "asrs r5, r5, #31\n" \
    "eors r5, r4\nlsrs r6, r5, #31\nadds r5, r5, r6\n"   /* limit, or minus it */ \
    "b 2b\n" \
    ASM_END(name)
__asm__(ASM_SCALE("tp_scale_all", "stmia r1!, {r5}\n"));
#ifndef __OPTIMIZE_SIZE__
__asm__(ASM_SCALE("tp_narrow_all", "strh r5, [r1]\nadds r1, #2\n"));
#endif

// int tp_relu(const int32_t *z, int16_t *y, size_t n, int s, tp_range_use_t *use)
//   14 cycles an output, 12 below 0
//   r2 end of z   r4 a quarter of the top   r6 or of all y   r7 0
__asm__(
    ASM_FUNCTION("tp_relu")
    "push {r4-r7, lr}\n"
    "ldr r4, [sp, #20]\nldr r4, [r4]\nasrs r4, r4, #2\n"
    "lsls r2, #2\nadds r2, r2, r0\n"
    "movs r6, #0\n"
    "movs r7, #0\n"
    ".Lrelu_next:\n"
    "ldmia r0!, {r5}\n"
    "asrs r5, r3\n"
    "adcs r5, r7\n"
    "bmi .Lrelu_negative\n"
    "cmp r5, r4\n"
    "bgt .Lrelu_high\n"
    ".Lrelu_put:\n"
    "strh r5, [r1]\n"
    "adds r1, #2\n"
    "orrs r6, r5\n"
    "cmp r0, r2\n"
    "bne .Lrelu_next\n"
    ".Lrelu_end:\n"
    "movs r0, r6\n"
    "pop {r4-r7, pc}\n"
    ".Lrelu_negative:\n"
    "strh r7, [r1]\n"
    "adds r1, #2\n"
    "cmp r0, r2\n"
    "bne .Lrelu_next\n"
    "b .Lrelu_end\n"
    ".Lrelu_high:\n"
    "push {r0, r1}\n"
    "ldr r0, [sp, #28]\n"
    "ldr r1, [r0, #8]\nadds r1, #1\nstr r1, [r0, #8]\n"
    "ldr r1, [r0]\n"
    "cmp r5, r1\n"
    "ble 1f\n"
    "movs r5, r1\n"
    "ldr r1, [r0, #4]\nadds r1, #1\nstr r1, [r0, #4]\n"
    "1:\npop {r0, r1}\n"
    "b .Lrelu_put\n"
    ASM_END("tp_relu"));

// uint32_t tp_keep(const int16_t *errors, size_t n, int32_t factor, int32_t idle, tp_update_t *job)
//   19 cycles an error, 10 for one that is 0
//   r0 errors   r1 excess, and 16   r2 factor   r3 idle   r4 kept   r7 place in the row   r8 end of errors   r12 2 idle   lr left out
__asm__(
    ASM_FUNCTION("tp_keep")
    "mov r12, r8\n"
    "push {r4-r7, lr}\n"
    "mov r4, r12\npush {r4}\n"
    "lsls r1, #1\nadds r1, r1, r0\nmov r8, r1\n"
    "ldr r4, [sp, #24]\nldr r1, [r4, #36]\nadds r1, #16\nldr r4, [r4, #16]\n"
    "lsls r5, r3, #1\nmov r12, r5\n"
    "movs r7, #0\nmov lr, r7\n"
    ".Lkeep_next:\n"
    "ldrh r5, [r0]\n"
    "adds r0, #2\n"
    "lsls r5, r5, #16\n"
    "beq .Lkeep_none\n"
    "movs r6, #0\n"
    "asrs r5, r1\nadcs r5, r6\n"
    "muls r5, r2\n"
    "adds r6, r5, r3\ncmp r6, r12\n"
    "bls .Lkeep_idle\n"
    "stmia r4!, {r5, r7}\n"
    ".Lkeep_none:\n"
    "adds r7, #2\n"
    "cmp r0, r8\n"
    "bne .Lkeep_next\n"
    "ldr r5, [sp, #24]\n"
    "str r4, [r5, #20]\n"
    "ldr r5, [r5, #16]\nsubs r0, r4, r5\nlsrs r0, r0, #3\nadd r0, lr\n"
    "pop {r4}\nmov r8, r4\n"
    "pop {r4-r7, pc}\n"
    ".Lkeep_idle:\n"
    "cmp r5, #0\n"
    "beq .Lkeep_none\n"
    "movs r5, #1\nadd lr, r5\n"
    "b .Lkeep_none\n"
    ASM_END("tp_keep"));

// void tp_move_biases(const int16_t *errors, int32_t *b, size_t n, int32_t factor, int s): 18 cycles a bias
//   r2 end of b   r7 0   r12 the bound   lr 2 bounds
__asm__(
    ASM_FUNCTION("tp_move_biases")
    "push {r4-r7, lr}\n"
    "ldr r4, [sp, #20]\n"
    "lsls r2, #2\nadds r2, r2, r1\n"
    "movs r7, #1\nlsls r6, r7, #30\nmov r12, r6\nlsls r6, r7, #31\nmov lr, r6\n"
    "movs r7, #0\n"
    ".Lbias_next:\n"
    "ldrsh r5, [r0, r7]\n"
    "adds r0, #2\n"
    "muls r5, r3\nmvns r5, r5\nasrs r5, r4\n"
    "ldr r6, [r1]\n"
    "adcs r6, r5\n"
    "mov r5, r6\nadd r5, r12\ncmp r5, lr\n"
    "bhi .Lbias_clamp\n"
    ".Lbias_put:\n"
    "stmia r1!, {r6}\n"
    "cmp r1, r2\n"
    "bne .Lbias_next\n"
    "pop {r4-r7, pc}\n"
    ".Lbias_clamp:\n"
    "cmp r6, #0\n"
    "mov r6, r12\n"
    "bgt .Lbias_put\n"
    "rsbs r6, r6, #0\n"
    "b .Lbias_put\n"
    ASM_END("tp_move_biases"));

// void tp_add_lines(const tp_lines_t *lines, int32_t d): 13 cycles a place
//   r0 to   r1 from   r2 d   r3 0   r4 end of the line   r7 lines left   r12 from_step   lr to_step - 4
__asm__(
    ASM_FUNCTION("tp_add_lines")
    "push {r0, r4-r7, lr}\n"
    "movs r2, r1\n"
    "ldmia r0!, {r3-r7}\n"
    "ldr r1, [r0]\nmov r12, r1\n"
    "subs r7, #4\nmov lr, r7\n"
    "movs r7, r5\n"
    "movs r0, r3\nmovs r1, r4\n"
    "movs r3, #0\n"
    ".Lplace_line:\n"
    "push {r0, r1}\n"
    "ldr r4, [sp, #8]\nldr r4, [r4, #12]\nadds r4, r4, r0\n"
    ".Lplace_next:\n"
    "ldrsh r5, [r1, r3]\n"
    "muls r5, r2\n"
    "ldr r6, [r0]\n"
    "adds r6, r6, r5\n"
    "stmia r0!, {r6}\n"
    "add r1, r12\n"
    "add r0, lr\n"
    "cmp r0, r4\n"
    "bne .Lplace_next\n"
    "pop {r0, r1, r5}\npush {r5}\n"
    "ldr r6, [r5, #24]\nadds r0, r0, r6\n"
    "ldr r6, [r5, #28]\nadds r1, r1, r6\n"
    "subs r7, #1\n"
    "bne .Lplace_line\n"
    "pop {r0, r4-r7, pc}\n"
    ASM_END("tp_add_lines"));

#ifdef TP_FOUR_CHANNELS
// One input times one weight of the same half of two words, to a sum; r0, r7 and then the words are lost.
#define ASM_TWO_CHANNELS(x, w, low, high) \
    "sxth r0, " x "\nsxth r7, " w "\nmuls r0, r7\nadd " low ", r0\n" \
    "asrs " x ", " x ", #16\nasrs " w ", " w ", #16\nmuls " x ", " w "\nadd " high ", " x "\n"

// void tp_sum_four_channels(const tp_patch_t *patch, const int16_t *x, const int16_t *w, int32_t *z)
//   6.75 cycles a multiply-accumulate, 17 a line, 60 a call
//   r1 x   r2 w   r8 to r11 sums   r12 end of the line   lr step   on the stack: 0 lines left, 4 patch, 8 z
__asm__(
    ASM_FUNCTION("tp_sum_four_channels")
    ASM_ENTER
    "ldr r5, [r0]\n"
    "movs r6, r0\nmovs r7, r3\n"
    "push {r5-r7}\n"
    "ldmia r3!, {r4-r7}\n"
    "mov r8, r4\nmov r9, r5\nmov r10, r6\nmov r11, r7\n"
    "ldr r4, [r0, #8]\nmov lr, r4\n"
    ".Lchannels_line:\n"
    "ldr r0, [sp, #4]\n"
    "ldr r4, [r0, #4]\nadds r4, r4, r1\nmov r12, r4\n"
    ".Lchannels_next:\n"
    "ldmia r1!, {r3, r4}\n"
    "ldmia r2!, {r5, r6}\n"
    "add r1, lr\n"
    "add r2, lr\n"
    ASM_TWO_CHANNELS("r3", "r5", "r8", "r9") ASM_TWO_CHANNELS("r4", "r6", "r10", "r11")
    "cmp r1, r12\n"
    "bne .Lchannels_next\n"
    "ldr r0, [sp, #4]\n"
    "ldr r3, [r0, #12]\nadds r1, r1, r3\n"
    "ldr r3, [r0, #16]\nadds r2, r2, r3\n"
    "ldr r3, [sp]\nsubs r3, #1\nstr r3, [sp]\n"
    "bne .Lchannels_line\n"
    "ldr r0, [sp, #8]\n"
    "mov r4, r8\nmov r5, r9\nmov r6, r10\nmov r7, r11\n"
    "stmia r0!, {r4-r7}\n"
    "add sp, #12\n"
    "b .Lleave\n"
    ASM_END("tp_sum_four_channels"));
#endif

#ifdef TP_LISTS_AT_ONCE
// void tp_relu_and_list(const int32_t *z, int16_t *y, size_t n, int s, tp_range_use_t *use, tp_list_t *list)
//   18 cycles an output, 15 for 0
//   r2 0   r4 end of the list   r6 skip   r8 a quarter of the top   r9 bytes of a row   r10 skip after an entry   r12 end of z
__asm__(
    ASM_FUNCTION("tp_relu_and_list")
    ASM_ENTER
    "lsls r2, #2\nadds r2, r2, r0\nmov r12, r2\n"
    "ldr r4, [sp, #36]\nldr r4, [r4]\nasrs r4, r4, #2\nmov r8, r4\n"
    "ldr r5, [sp, #40]\nldr r4, [r5]\n"
    "ldr r6, [r5, #12]\nmov r9, r6\n"
    "ldr r6, [r5, #32]\nmov r10, r6\n"
    "movs r2, #0\n"
    "movs r6, #0\n"
    ".Lboth_next:\n"
    "ldmia r0!, {r5}\n"
    "asrs r5, r3\n"
    "adcs r5, r2\n"
    "ble .Lboth_zero\n"
    "cmp r5, r8\n"
    "bgt .Lboth_high\n"
    ".Lboth_put:\n"
    "strh r5, [r1]\n"
    "adds r1, #2\n"
    "lsls r5, r5, #16\n"
    "orrs r5, r6\n"
    "stmia r4!, {r5}\n"
    "mov r6, r10\n"
    "cmp r0, r12\n"
    "bne .Lboth_next\n"
    ".Lboth_end:\n"
    "str r2, [r4]\n"
    "ldr r5, [sp, #40]\nstr r4, [r5]\n"
    "b .Lleave\n"
    ".Lboth_zero:\n"
    "strh r2, [r1]\n"
    "adds r1, #2\n"
    "add r6, r9\n"
    ".Lboth_skipped:\n"
    "lsrs r5, r6, #16\n"
    "bne .Lboth_far\n"
    "cmp r0, r12\n"
    "bne .Lboth_next\n"
    "b .Lboth_end\n"
    ".Lboth_far:\n"
    "ldr r7, [sp, #40]\n"
    "ldr r5, [r7, #8]\nadds r5, #1\nstr r5, [r7, #8]\n"
    "ldr r5, =65532\nstmia r4!, {r5}\nsubs r6, r6, r5\n"
    "b .Lboth_skipped\n"
    ".Lboth_high:\n"
    "ldr r7, [sp, #36]\n"
    "push {r4}\n"
    "ldr r4, [r7, #8]\nadds r4, #1\nstr r4, [r7, #8]\n"
    "ldr r4, [r7]\n"
    "cmp r5, r4\n"
    "ble 1f\n"
    "movs r5, r4\n"
    "ldr r4, [r7, #4]\nadds r4, #1\nstr r4, [r7, #4]\n"
    "1:\npop {r4}\n"
    "b .Lboth_put\n"
    ".pool\n"
    ASM_END("tp_relu_and_list"));
#endif

#endif
