// The kernels for Cortex-M0 and M0+ (ARMv6-M); their contracts are in kernels.h. What a compiler does not find:
//   - Eight sums stay in registers, six of them in r8 to lr, which few instructions but ADD can use.
//   - LDM loads two words, that is four weights, in three cycles; ASR unpacks the weight in the upper half.
//   - The last bit that a shift drops is the carry, so ADC rounds.
//   - The list has the distance to the next row, so no loop multiplies by a row's length or keeps it in a register.
// docs/performance.md counts the cycles. Functions keep r4 to r11 as they were.
#include "offsets.h"
#include "target.h"

#ifdef TP_ARMV6M

    .syntax unified
    .thumb
    .text

.macro function name
    .align 2
    .global \name
    .type \name, %function
    .thumb_func
\name:
.endm

.macro end name
    .pool
    .size \name, . - \name
.endm

// Saves r4 to r11 and the return address on the stack, 36 bytes; leave restores them and returns.
.macro enter
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    push {r4-r7}
.endm

.macro leave
    pop {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
    pop {r4-r7, pc}
.endm

// Adds 1 to a counter, a field of the structure at `base`.
.macro count base, field, scratch
    ldr \scratch, [\base, #\field]
    adds \scratch, #1
    str \scratch, [\base, #\field]
.endm

// ---- lists of non-zero inputs

// Adds a padding entry, as the delta does not fit 16 bits. list: the tp_nonzero_t; end: end of the list.
.macro pad list, end, delta, scratch
    count \list, LIST_N_PADDING, \scratch
    ldr \scratch, =TP_MAX_ROW_DELTA
    stmia \end!, {\scratch}
    subs \delta, \delta, \scratch
.endm

// void tp_list_nonzero(tp_nonzero_t *list, const int16_t *x)
//   12 cycles per input, 14 for a 0, 3 for a 0 in a run of four
//   r1 x   r2 end of the row   r3 bytes per row of weights   r4 end of the list   r5 delta   r12 rows left
//   lr row_delta
function tp_list_nonzero
    push {r4-r7, lr}
    ldr r4, [r0, #LIST_END]
    ldr r5, [r0, #LIST_DELTA]
    ldr r3, [r0, #LIST_ROW_BYTES]
    ldr r6, [r0, #LIST_ROW_DELTA]
    mov lr, r6
    ldr r6, [r0, #LIST_N_ROWS]
.Llist_row:
    mov r12, r6
    ldr r2, [r0, #LIST_X_BYTES]
    adds r2, r2, r1
.Llist_skipped:             // the delta can be too large here, and never after an entry (tp_list_inputs)
    lsrs r6, r5, #16
    bne .Llist_far
    cmp r1, r2
    beq .Llist_jump
.Llist_next:
    ldrh r6, [r1]
    adds r1, #2
    lsls r6, r6, #16
    beq .Llist_zero
    orrs r6, r5
    stmia r4!, {r6}
    mov r5, lr
    cmp r1, r2
    bne .Llist_next
.Llist_jump:
    ldr r6, [r0, #LIST_X_JUMP]
    adds r1, r1, r6
    ldr r6, [r0, #LIST_DELTA_JUMP]
    adds r5, r5, r6
    mov r6, r12
    subs r6, #1
    bne .Llist_row
    str r6, [r4]
    str r4, [r0, #LIST_END]
    str r5, [r0, #LIST_DELTA]
    pop {r4-r7, pc}

.Llist_zero:                // zeros tend to come in runs
    adds r5, r5, r3
    lsls r6, r1, #30
    bne .Llist_skipped
.Llist_four:
    subs r6, r2, r1
    cmp r6, #8
    blo .Llist_skipped
    ldmia r1!, {r6, r7}
    orrs r6, r7
    bne .Llist_back
    lsls r6, r3, #2
    adds r5, r5, r6
    b .Llist_four
.Llist_back:
    subs r1, #8
    b .Llist_skipped
.Llist_far:
    pad r0, r4, r5, r7
    b .Llist_skipped
end tp_list_nonzero

// Lists two bytes; a byte of 0 leads to .Lbyte and its number. r5, the delta, is of use between entries.
.macro list_two_bytes first, second
    ldrb r6, [r1, #\first]
    lsls r0, r6, #16
    beq .Lbyte\first
    orrs r0, r5
    ldrb r5, [r2, #\first]
    muls r5, r6
    add r10, r5
    mov r5, r8
    ldrb r6, [r1, #\second]
    lsls r7, r6, #16
    beq .Lbyte\second
    orrs r7, r5
    ldrb r5, [r2, #\second]
    muls r5, r6
    add r10, r5
    mov r5, r8
    stmia r4!, {r0, r7}
.endm

// void tp_list_nonzero_bytes(tp_nonzero_t *list, const uint8_t *x)
//   17 cycles per input, or 12 where code may be larger (124 bytes), 16 for a 0, 2 for a 0 in a word of four; there 7 for
//   a 0 in the word behind
//   r1 x   r2 means   r3 bytes per row of weights   r4 end of the list   r5 delta   r8 row_delta   r9 end of x
//   r10 dot   r11 bytes from x to means   r12 the last address at which four bytes are left   lr bytes of four rows
//   on the stack: 0 list
function tp_list_nonzero_bytes
    enter
    push {r0}
    ldmia r0!, {r2-r7}
    mov r8, r6
    subs r6, r2, r1
    mov r11, r6
    adds r7, r7, r1
    mov r9, r7
    subs r7, #4
    mov r12, r7
    movs r7, #0
    mov r10, r7
    lsls r6, r3, #2
    mov lr, r6
#ifdef TP_ARMV6M_ALL
    b .Lbytes_test
.Lbytes_many:               // four at a time
    list_two_bytes 0, 1
    list_two_bytes 2, 3
    adds r1, #4
    adds r2, #4
    cmp r1, r12
    bls .Lbytes_many
    b .Lbytes_test
.Lbyte0:
    adds r1, #1
    b .Lbytes_zero
.Lbyte1:
    stmia r4!, {r0}
    adds r1, #2
    b .Lbytes_zero
.Lbyte2:
    adds r1, #3
    b .Lbytes_zero
.Lbyte3:
    stmia r4!, {r0}
    adds r1, #4
    b .Lbytes_zero
#endif
.Lbytes_next:
    ldrb r6, [r1]
    adds r1, #1
    lsls r0, r6, #16
    beq .Lbytes_zero
    orrs r0, r5
    stmia r4!, {r0}
    ldrb r5, [r2]
    adds r2, #1
    muls r5, r6
    add r10, r5
    mov r5, r8
.Lbytes_test:
#ifdef TP_ARMV6M_ALL
    cmp r1, r12
    bls .Lbytes_many
#endif
    cmp r1, r9
    bne .Lbytes_next
    movs r6, #0
    str r6, [r4]
    pop {r0}
    str r4, [r0, #LIST_END]
    str r5, [r0, #LIST_DELTA]
    mov r6, r10
    str r6, [r0, #LIST_DOT]
    b .Lleave
.Lbytes_zero:               // zeros tend to come in runs
    adds r5, r5, r3
    lsls r6, r1, #30
    bne .Lbytes_skipped
.Lbytes_four:
    cmp r1, r12
    bhi .Lbytes_skipped
    ldmia r1!, {r6}
    cmp r6, #0
    bne .Lbytes_back
    add r5, lr
    b .Lbytes_four
.Lbytes_back:
    subs r1, #4
#ifdef TP_ARMV6M_ALL
.Lbytes_first:              // the first byte of the word that is not 0
    lsls r7, r6, #24
    bne .Lbytes_skipped
    adds r1, #1
    adds r5, r5, r3
    lsrs r6, r6, #8
    b .Lbytes_first
#endif
.Lbytes_skipped:
    mov r2, r11
    add r2, r1
.Lbytes_far:
    lsrs r6, r5, #16
    beq .Lbytes_test
    ldr r0, [sp]
    pad r0, r4, r5, r7
    b .Lbytes_far
end tp_list_nonzero_bytes

.macro sign_byte
    eors r6, r3
    subs r6, r6, r3
.endm

// Lists the inputs of a row; where a delta is too large it goes to \far and comes back. It can be so at the start, and where
// inputs are 0, but not behind an entry.
.macro list_row loop, far, sign:vararg
\loop\()_skipped:
    lsrs r6, r5, #16
    bne \far
    cmp r1, r10
    beq .Lstrided_jump
\loop: ldrb r6, [r1]
    adds r1, r1, r2
    \sign
    lsls r6, r6, #16
    beq \loop\()_zero
    orrs r6, r5
    stmia r4!, {r6}
    mov r5, r9
    cmp r1, r10
    bne \loop
    b .Lstrided_jump
\loop\()_zero:
    add r5, r8
    lsrs r6, r5, #16
    bne \far
    cmp r1, r10
    bne \loop
    b .Lstrided_jump
\far: pad r0, r4, r5, r7
    b \loop\()_skipped
.endm

// void tp_list_strided(tp_nonzero_t *list, const uint8_t *x, uint32_t step, int is_signed)
//   14 cycles per input, or 12 of unsigned ones where code may be larger (60 bytes)
//   r3 128 if inputs are signed, else 0   r4 end of the list   r5 delta   r8 bytes per row of weights   r9 row_delta
//   r10 end of the row   r11 rows left
function tp_list_strided
    enter
    ldr r4, [r0, #LIST_END]
    ldr r5, [r0, #LIST_DELTA]
    ldr r6, [r0, #LIST_ROW_BYTES]
    mov r8, r6
    ldr r6, [r0, #LIST_ROW_DELTA]
    mov r9, r6
    ldr r6, [r0, #LIST_N_ROWS]
    mov r11, r6
    lsls r3, r3, #7
.Lstrided_row:
    ldr r6, [r0, #LIST_X_BYTES]
    adds r6, r6, r1
    mov r10, r6
#ifdef TP_ARMV6M_ALL
    cmp r3, #0
    bne .Lsigned_skipped
    list_row .Lunsigned, .Lunsigned_far
#endif
    list_row .Lsigned, .Lsigned_far, sign_byte
.Lstrided_jump:
    ldr r6, [r0, #LIST_X_JUMP]
    adds r1, r1, r6
    ldr r6, [r0, #LIST_DELTA_JUMP]
    adds r5, r5, r6
    mov r6, r11
    subs r6, #1
    mov r11, r6
    bne .Lstrided_row
    str r6, [r4]
    str r4, [r0, #LIST_END]
    str r5, [r0, #LIST_DELTA]
    b .Lleave
end tp_list_strided

// ---- sums

// Four sums at r0, which moves behind them: to r8 .. r11, or from there; clobbers r4 .. r7.
.macro load_four
    ldmia r0!, {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
.endm

.macro store_four
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    stmia r0!, {r4-r7}
.endm

// Loads the next entry from the list at r0 into r3 and its x into r1, and sets the flags by x.
.macro next_entry
    ldmia r0!, {r3}
    asrs r1, r3, #16
.endm

// An entry whose x is 0 is padding, or the end of the list.
.macro skip_or_end next, end
    uxth r3, r3
    cmp r3, #0
    beq \end
    adds r2, r2, r3
    b \next
.endm

// Adds x (r1) times the two weights in a word to two sums; clobbers the word and r5.
.macro mac_two word, low, high
    sxth r5, \word
    muls r5, r1
    add \low, r5
    asrs \word, \word, #16
    muls \word, r1
    add \high, \word
.endm

// Adds the products of the entry in r3 to eight sums; clobbers r4 and r5. Moves r2 16 bytes ahead in the row
// (tp_row_delta).
.macro mac_eight
    uxth r3, r3
    adds r2, r2, r3
    ldmia r2!, {r3, r4}
    mac_two r3, r8, r9
    mac_two r4, r10, r11
    ldmia r2!, {r3, r4}
    mac_two r3, r12, lr
    mac_two r4, r6, r7
.endm

// Adds x (r1) times the weight at r2 + offset, a register, to a sum; clobbers r3.
.macro mac_one offset, sum
    ldrsh r3, [r2, \offset]
    muls r3, r1
    add \sum, r3
.endm

// void tp_spmv(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z)
//   on the stack: 0 list, 4 first weight, 8 start and 12 z of the next columns, 16 how many columns are left, 20 bytes
//   that r2 has to move ahead in a row
function tp_spmv
    enter
    ldr r4, [sp, #36]
    movs r5, #0
    push {r0-r5}
    str r2, [sp, #16]
    str r3, [sp, #8]
    str r4, [sp, #12]
    cmp r2, #8
    blo .Lnarrow
    lsrs r4, r2, #1
    bcs .Lnarrow            // rows of an odd length: words would be misaligned
    movs r5, #16
    str r5, [sp, #20]
.Lwide:
    ldr r0, [sp, #16]
    subs r0, #8
    bmi .Lnarrow
    str r0, [sp, #16]
    ldr r0, [sp, #8]
    load_four
    ldmia r0!, {r4-r7}
    mov r12, r4
    mov lr, r5
    str r0, [sp, #8]
    ldr r0, [sp]
    ldr r2, [sp, #4]
    b .Lwide_next

    // 1 to 4 columns: 24 cycles per entry, or 16 for 1 or 2. With 1 or 3 columns the weight behind them is read too,
    // and its sum is not stored.
.Lnarrow:
    ldr r3, [sp, #16]
    cmp r3, #0
    beq .Lsums_end
    ldr r0, [sp]
    ldr r2, [sp, #4]
    movs r4, #0
    movs r5, #2
    movs r6, #4
    movs r7, #6
    mov r8, r4
    mov r9, r4
    mov r10, r4
    mov r11, r4
    ldr r1, [sp, #20]
    mov r12, r1
    cmp r3, #2
    bls .Ltwo_next
    b .Lfour_next
.Lfour_loop:
    uxth r3, r3
    adds r2, r2, r3
    mac_one r4, r8
    mac_one r5, r9
    mac_one r6, r10
    mac_one r7, r11
    add r2, r12
.Lfour_next:
    next_entry
    bne .Lfour_loop
    skip_or_end .Lfour_next, .Lnarrow_end
.Ltwo_loop:
    uxth r3, r3
    adds r2, r2, r3
    mac_one r4, r8
    mac_one r5, r9
    add r2, r12
.Ltwo_next:
    next_entry
    bne .Ltwo_loop
    skip_or_end .Ltwo_next, .Lnarrow_end
.Lnarrow_end:
    ldr r0, [sp, #4]
    adds r0, #8
    str r0, [sp, #4]
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    ldr r0, [sp, #8]
    ldr r1, [sp, #12]
    ldr r3, [sp, #16]
    movs r2, #4             // sums that are in r4 to r7
.Lstore:
    push {r3}
    ldmia r0!, {r3}
    adds r3, r3, r4
    stmia r1!, {r3}
    pop {r3}
    movs r4, r5
    movs r5, r6
    movs r6, r7
    subs r3, #1
    beq .Lsums_end
    subs r2, #1
    bne .Lstore
    str r0, [sp, #8]
    str r1, [sp, #12]
    str r3, [sp, #16]
    b .Lnarrow

.Lsums_end:
    add sp, #24
.Lleave:                    // other functions end here too
    leave

    // 8 columns: 37 cycles per entry, or 36.25 where code may be larger (186 bytes)
.Lwide_loop:
#ifdef TP_ARMV6M_ALL
    .rept 3
    mac_eight
    next_entry
    beq .Lwide_zero
    .endr
#endif
    mac_eight
.Lwide_next:
    next_entry
    bne .Lwide_loop
.Lwide_zero:
    skip_or_end .Lwide_next, .Lwide_end
.Lwide_end:
    ldr r0, [sp, #12]
    mov r2, r8
    mov r3, r9
    mov r4, r10
    mov r5, r11
    stmia r0!, {r2-r5}
    mov r2, r12
    mov r3, lr
    stmia r0!, {r2, r3, r6, r7}
    str r0, [sp, #12]
    ldr r0, [sp, #4]
    adds r0, #16
    str r0, [sp, #4]
    b .Lwide
end tp_spmv

// ---- moving weights
//
// The macros update one weight, for the selected delta d at r0: d goes to r1, the offset of its weight in the row (r3)
// to r2, and the weight to r4. With v = d times r5, the weight changes by (v + dither) >> shift; shift is in r6. A weight rarely
// passes its bound, and mostly it is known beforehand that none can.

.macro load_weight
    ldmia r0!, {r1, r2}
    ldrsh r4, [r3, r2]
.endm

.macro store_weight
    strh r4, [r3, r2]
.endm

.macro move_weight dither
    muls r1, r5
    add r1, \dither
    asrs r1, r6
    adds r4, r4, r1
.endm

// 20 bytes of code; max_weight is in r7, twice that in r9, the dither in r12.
.macro update_bounded
    load_weight
    move_weight r12
    adds r1, r4, r7
    cmp r1, r9
    bhi .Lupdate_clamp
    store_weight
.endm

// 14 bytes of code.
.macro update_free
    load_weight
    move_weight r12
    store_weight
.endm

// Reads the tp_update_t at `update`: shift to r6, max_weight to r7, twice max_weight to r9, end of the selected deltas
// to r10; clobbers r5.
.macro read_update update
    ldr r7, [\update, #UPDATE_MAX_WEIGHT]
    lsls r5, r7, #1
    mov r9, r5
    ldr r6, [\update, #UPDATE_SHIFT]
    ldr r5, [\update, #UPDATE_SELECTED_END]
    mov r10, r5
.endm

// Stores the bound, +-max_weight (r7), for the weight in r4, and counts. The address of the tp_update_t is on the
// stack. r1 gets the bytes of selected deltas that are left.
.macro clamp_weight
    rsbs r1, r7, #0
    cmp r4, #0
    blt 1f
    movs r1, r7
1:  strh r1, [r3, r2]
    ldr r2, [sp]
    count r2, UPDATE_N_CLAMPED, r1
    mov r1, r10
    subs r1, r1, r0
.endm

// The loop over the selected deltas is unrolled: one iteration updates this many weights. It is entered in the middle,
// so that the first iteration does what is left over. r: bytes (first - end) of the selected deltas -> weights to leave
// out.
#ifdef TP_ARMV6M_ALL
#define WEIGHTS_PER_TURN 8
.macro left_out r
    lsls \r, \r, #26
    lsrs \r, \r, #29
.endm
#else
#define WEIGHTS_PER_TURN 4
.macro left_out r
    lsls \r, \r, #27
    lsrs \r, \r, #30
.endm
#endif

// Works out where to enter the loop at `turn`, with `bytes` of code per weight and r0 weights to leave out; goes to its
// first row.
.macro start_rows turn, bytes
    adr r4, \turn
    push {r2, r4}
    movs r1, #\bytes
    muls r0, r1
    adds r0, r0, r4
    mov lr, r0
    b \turn\()_row
.endm

.macro rows_loop turn, update
    .align 2
\turn:
    .rept WEIGHTS_PER_TURN
    \update
    .endr
\turn\()_test:
    cmp r0, r10
    bne \turn
    ldr r0, [sp, #8]
    adds r3, r3, r0
\turn\()_row:
    mov r0, r11
    ldmia r0!, {r4}
    mov r11, r0
    uxth r0, r4
    adds r3, r3, r0
    mov r0, r8
    asrs r5, r4, #16
    beq \turn\()_zero
    mov pc, lr
\turn\()_zero:
    cmp r4, #0
    bne \turn\()_row
    add sp, #12
    b .Lleave
.endm

// void tp_update_rows(const uint32_t *list, int16_t *w, tp_update_t *update)
//   14.75 cycles per weight (four per iteration) or, where code may be larger (176 bytes), 14.4 (eight); 11.4 if no
//   weight can pass its bound; 15 per row
//   r8 selected deltas   r11 list   r12 dither   lr where to enter the loop   on the stack: 0 update, 4 start of the loop,
//   8 bytes that the list expects its reader to be ahead (tp_row_delta)
function tp_update_rows
    enter
    movs r3, r1
    mov r11, r0
    read_update r2
    ldr r1, [r2, #UPDATE_ROW_BYTES]
    movs r4, #0
    lsls r5, r1, #30
    bne .Lupdate_ahead
    cmp r1, #16
    blo .Lupdate_ahead
    movs r4, #16
.Lupdate_ahead:
    push {r4}
    ldr r4, [r2, #UPDATE_DITHER]
    mov r12, r4
    mov r5, r10
    ldr r1, [r2, #UPDATE_SELECTED]
    mov r8, r1
    subs r0, r1, r5
    left_out r0
#ifdef TP_ARMV6M_ALL
    ldr r1, [r2, #UPDATE_BOUNDED]
    cmp r1, #0
    beq .Lfree
    b .Lbounded
.Lfree:
    start_rows .Lfree_update, 14
    rows_loop .Lfree_update, update_free
.Lbounded:
#endif
    start_rows .Lupdate, 20
    rows_loop .Lupdate, update_bounded
.Lupdate_clamp:
    clamp_weight
    rsbs r1, r1, #0
    left_out r1
    beq .Lupdate_test
    movs r2, #20
    muls r1, r2
    ldr r2, [sp, #4]
    adds r1, r1, r2
    mov pc, r1
end tp_update_rows

// Adds w d to the sum in r12; clobbers r7.
.macro add_wd
    movs r7, r4
    muls r7, r1
    add r12, r7
.endm

// max_weight is in r11, twice that in r9, the dither in r8.
.macro backward_bounded
    load_weight
    add_wd
    move_weight r8
    mov r1, r4
    add r1, r11
    cmp r1, r9
    bhi .Lbackward_clamp
    store_weight
.endm

.macro backward_free
    load_weight
    add_wd
    move_weight r8
    store_weight
.endm

.macro backward_loop row, update
\row:
    mov r0, lr
    movs r1, #0
    ldrsh r5, [r0, r1]
    adds r0, #2
    mov lr, r0
    mov r12, r1
    cmp r5, #0
    beq \row\()_next
    ldr r1, [sp, #4]
    muls r5, r1
    rsbs r5, r5, #0
    ldr r0, [sp, #8]
    mov r1, r10
    subs r1, r1, r0
    lsrs r1, #4             // carry: an odd number of selected deltas
    bcs \row\()_second
\row\()_first:
    \update
\row\()_second:
    \update
\row\()_test:
    cmp r0, r10
    bne \row\()_first
\row\()_next:
    ldr r0, [sp, #20]
    mov r1, r12
    stmia r0!, {r1}
    str r0, [sp, #20]
    ldr r1, [sp, #12]
    adds r3, r3, r1
    ldr r1, [sp, #16]
    cmp lr, r1
    bne \row
    add sp, #24
    b .Lleave
.endm

// void tp_backward_rows(const int16_t *x, int16_t *w, int32_t *dx, tp_update_t *update)
//   19.5 cycles per weight, or 15.5 if none can pass its bound, where code may be larger (104 bytes); 34 per row, 24 if
//   its x is 0
//   r8 dither   r11 max_weight   r12 sum of dx   lr x
//   on the stack: 0 update, 4 lr_mantissa, 8 selected deltas, 12 bytes per row, 16 end of x, 20 dx
function tp_backward_rows
    enter
    mov lr, r0
    push {r2}
    ldr r7, [r3, #UPDATE_DITHER]
    mov r8, r7
    ldr r7, [r3, #UPDATE_N_IN]
    lsls r7, #1
    adds r7, r7, r0
    ldr r4, [r3, #UPDATE_LR_MANTISSA]
    ldr r5, [r3, #UPDATE_SELECTED]
    ldr r6, [r3, #UPDATE_ROW_BYTES]
    push {r3-r7}
    read_update r3
    mov r11, r7
#ifdef TP_ARMV6M_ALL
    ldr r0, [r3, #UPDATE_BOUNDED]
    movs r3, r1
    cmp r0, #0
    bne .Lbackward
    backward_loop .Lfree_backward, backward_free
#else
    movs r3, r1
#endif
    backward_loop .Lbackward, backward_bounded
.Lbackward_clamp:
    mov r7, r11
    clamp_weight
    lsls r1, r1, #28        // an odd number is left: this was the first of two
    bmi .Lbackward_second
    b .Lbackward_test
end tp_backward_rows

// Adds d (r1) times the weight of a row to a sum. r2: offset in the row; clobbers r3.
.macro add_product row, sum
    ldrsh r3, [\row, r2]
    muls r3, r1
    add \sum, r3
.endm

// void tp_input_sums(const int16_t *w, uint32_t row_bytes, size_t n, const tp_selected_t *first,
//     const tp_selected_t *end, int32_t *dx)
//   four rows at a time, 5.75 cycles per product and 50 per four rows; fewer rows at the end one by one
//   r0 next delta   r4 to r7 rows   r8 to r11 sums   r12 end of the deltas   lr first delta
//   on the stack: 0 first row, 4 row_bytes, 8 rows left, 12 dx
function tp_input_sums
    enter
    ldr r4, [sp, #36]
    mov r12, r4
    ldr r5, [sp, #40]
    mov lr, r3
    push {r0-r2, r5}
.Linput_four:
    ldr r2, [sp, #8]
    subs r2, #4
    bmi .Linput_rest
    str r2, [sp, #8]
    ldr r0, [sp, #12]
    load_four
    ldr r1, [sp, #4]
    ldr r4, [sp]
    adds r5, r4, r1
    adds r6, r5, r1
    adds r7, r6, r1
    adds r1, r7, r1
    str r1, [sp]
    mov r0, lr
.Linput_next:
    ldmia r0!, {r1, r2}
    add_product r4, r8
    add_product r5, r9
    add_product r6, r10
    add_product r7, r11
    cmp r0, r12
    bne .Linput_next
    ldr r0, [sp, #12]
    store_four
    str r0, [sp, #12]
    b .Linput_four
.Linput_rest:
    pop {r4-r7}             // first row, row_bytes, rows left, dx
    b .Linput_test
.Linput_row:
    ldr r3, [r7]
    mov r8, r3
    mov r0, lr
.Linput_one:
    ldmia r0!, {r1, r2}
    add_product r4, r8
    cmp r0, r12
    bne .Linput_one
    mov r3, r8
    stmia r7!, {r3}
    adds r4, r4, r5
    subs r6, #1
.Linput_test:
    cmp r6, #0
    bne .Linput_row
    b .Lleave
end tp_input_sums

// uint32_t tp_select_nonzero(const int16_t *deltas, size_t n, int32_t factor, int32_t dead_zone, tp_update_t *update)
//   17 cycles per delta, 10 for a 0
//   r0 deltas   r2 factor   r3 dead_zone   r4 selected   r7 offset in the row
//   r8 end of the deltas   r12 2 dead_zone   lr how many are in the dead zone
function tp_select_nonzero
    mov r12, r8
    push {r4-r7, lr}
    mov r4, r12
    push {r4}
    lsls r1, #1
    adds r1, r1, r0
    mov r8, r1
    ldr r4, [sp, #24]
    ldr r4, [r4, #UPDATE_SELECTED]
    lsls r5, r3, #1
    mov r12, r5
    movs r7, #0
    mov lr, r7
.Lselect_next:
    ldrh r5, [r0]
    adds r0, #2
    lsls r5, r5, #16
    beq .Lselect_none
    asrs r5, r5, #16
    muls r5, r2
    adds r6, r5, r3
    cmp r6, r12
    bls .Lselect_dead
    stmia r4!, {r5, r7}
.Lselect_none:
    adds r7, #2
    cmp r0, r8
    bne .Lselect_next
    ldr r5, [sp, #24]
    str r4, [r5, #UPDATE_SELECTED_END]
    ldr r5, [r5, #UPDATE_SELECTED]
    subs r0, r4, r5
    lsrs r0, r0, #3
    add r0, lr
    pop {r4}
    mov r8, r4
    pop {r4-r7, pc}
.Lselect_dead:
    movs r5, #1
    add lr, r5
    b .Lselect_none
end tp_select_nonzero

// int32_t tp_sum_bytes(const uint8_t *x, const uint8_t *end, size_t step, int is_signed, uint32_t *squares)
//   11 cycles per byte
//   r3 128 if the bytes are signed, else 0   r4 sum   r5 sum of squares
function tp_sum_bytes
    push {r4-r6, lr}
    movs r4, #0
    movs r5, #0
    cmp r3, #0
    beq .Lsquare_next
    movs r3, #128
.Lsquare_next:
    ldrb r6, [r0]
    adds r0, r0, r2
    eors r6, r3
    subs r6, r6, r3
    adds r4, r4, r6
    muls r6, r6
    adds r5, r5, r6
    cmp r0, r1
    blo .Lsquare_next
    ldr r3, [sp, #16]
    ldr r6, [r3]
    adds r6, r6, r5
    str r6, [r3]
    movs r0, r4
    pop {r4-r6, pc}
end tp_sum_bytes

// The loop over the deltas of a filter: of those above 0, and of those below, the sum goes to a register of its own.
.macro sum_filter loop, round:vararg
\loop:
    ldrsh r6, [r0, r3]
    cmp r6, #0
    beq \loop\()_next
    \round
    bmi \loop\()_below
    adds r4, r4, r6
    adds r1, #1
\loop\()_next:
    adds r3, r3, r2
    bmi \loop
    b .Lsum_end
\loop\()_below:
    adds r5, r5, r6
    adds r1, #1
    adds r3, r3, r2
    bmi \loop
    b .Lsum_end
.endm

// r6 = round(2 r6 2^-r7), stored, and its flags; leaves the rest out if it is 0.
.macro round_delta next
    lsls r6, r6, #1
    asrs r6, r7
    bcc 1f
    adds r6, #1
1:  strh r6, [r0, r3]
    cmp r6, #0
    beq \next
.endm

// uint32_t tp_sum_filters(int16_t *v, size_t n, size_t filters, int s, int32_t *sum, uint32_t *n_nonzero)
//   18 cycles per delta, 8 for a 0; where code may be larger (36 bytes) 11 if they are not rounded
//   r0 end of v, of this filter   r1 how many are not 0   r2 bytes per pixel   r3 bytes from r0, below 0   r4 and r5 sums
//   of those above and below 0   r7 s + 1, as a shift by 0 drops no bit; 0: they are not rounded   r8 bytes of v, times -1
//   r9 sum   r10 end of the sums   r11 sum of |v|
function tp_sum_filters
    enter
    lsls r1, #1
    adds r0, r0, r1
    rsbs r1, r1, #0
    mov r8, r1
    ldr r4, [sp, #36]
    mov r9, r4
    lsls r5, r2, #2
    adds r4, r4, r5
    mov r10, r4
    lsls r2, #1
    movs r1, #0
    mov r11, r1
    movs r7, r3
#ifdef TP_ARMV6M_ALL
    beq .Lsum_filter
#endif
    adds r7, #1
.Lsum_filter:
    movs r4, #0
    movs r5, #0
    mov r3, r8
#ifdef TP_ARMV6M_ALL
    cmp r7, #0
    bne .Lround_and_sum
    sum_filter .Lsum
#else
    sum_filter .Lround_and_sum, round_delta .Lround_and_sum_next
#endif
.Lsum_end:
    mov r3, r9
    adds r6, r4, r5
    stmia r3!, {r6}
    mov r9, r3
    subs r4, r4, r5
    add r11, r4
    adds r0, #2
    cmp r3, r10
    bne .Lsum_filter
    ldr r3, [sp, #40]
    str r1, [r3]
    mov r0, r11
    b .Lleave
#ifdef TP_ARMV6M_ALL
    sum_filter .Lround_and_sum, round_delta .Lround_and_sum_next
#endif
end tp_sum_filters

// uint32_t tp_diffuse(int16_t *v, size_t n, size_t filters, int32_t t, int32_t *residual, int32_t *all, int32_t *left,
//     uint32_t *n_left)
//   18 cycles per delta, 8 for a 0, 50 per filter. What has to add up to the next +-t is `room`, t less the residual: |v| is
//   below t if v + t - 1 as an unsigned number is at most 2 (t - 1), and so is the sum of the small ones below the room.
//   r0 end of v, of this filter   r1 t - 1   r2 bytes per pixel   r3 bytes from r0, below 0   r4 sum of the small ones
//   r5 room - 1   r8 sum of those left   r9 sum of |v|   r10 how many   r11 2 (t - 1)   r12 sum of all   lr 2 (room - 1)
//   on the stack: 0 bytes of v, times -1, 4 filters left
function tp_diffuse
    enter
    lsls r1, #1
    adds r0, r0, r1
    rsbs r1, r1, #0
    push {r1, r2}
    lsls r2, #1
    subs r1, r3, #1
    lsls r5, r1, #1
    mov r11, r5
    ldr r5, [sp, #44]
    ldr r5, [r5]
    subs r5, r1, r5
    lsls r6, r5, #1
    mov lr, r6
    movs r4, #0
    mov r9, r4
    mov r10, r4
.Ldiffuse_filter:
    movs r4, #0
    mov r8, r4
    mov r12, r4
    ldr r3, [sp]
.Ldiffuse_next:
    ldrsh r6, [r0, r3]
    cmp r6, #0
    beq .Ldiffuse_test
    add r12, r6
    adds r7, r6, r1
    cmp r7, r11
    bhi .Ldiffuse_left
    adds r4, r4, r6
    adds r7, r4, r5
    cmp r7, lr
    bhi .Ldiffuse_full
    movs r6, #0
    strh r6, [r0, r3]
.Ldiffuse_test:
    adds r3, r3, r2
    bmi .Ldiffuse_next
    b .Ldiffuse_end
.Ldiffuse_full:             // what is over is the new residual, so the new room is t + the room - |sum|
    asrs r7, r4, #31
    eors r4, r7
    subs r4, r4, r7
    adds r6, r1, #1
    adds r5, r5, r6
    subs r5, r5, r4
    lsls r4, r5, #1
    mov lr, r4
    movs r4, #0
    eors r6, r7
    subs r6, r6, r7         // t or -t
    strh r6, [r0, r3]
.Ldiffuse_left:
    add r8, r6
    asrs r7, r6, #31
    eors r6, r7
    subs r6, r6, r7
    add r9, r6
    movs r7, #1
    add r10, r7
    adds r3, r3, r2
    bmi .Ldiffuse_next
.Ldiffuse_end:
    asrs r7, r4, #31
    eors r4, r7
    subs r4, r4, r7
    subs r5, r5, r4
    lsls r4, r5, #1
    mov lr, r4
    ldr r6, [sp, #48]
    mov r7, r12
    stmia r6!, {r7}
    str r6, [sp, #48]
    ldr r6, [sp, #52]
    mov r7, r8
    stmia r6!, {r7}
    str r6, [sp, #52]
    adds r0, #2
    ldr r7, [sp, #4]
    subs r7, #1
    str r7, [sp, #4]
    bne .Ldiffuse_filter
    subs r1, r1, r5
    ldr r6, [sp, #44]
    str r1, [r6]
    ldr r6, [sp, #56]
    mov r7, r10
    str r7, [r6]
    mov r0, r9
    add sp, #8
    b .Lleave
end tp_diffuse

// uint32_t tp_mask(int32_t *v, const uint8_t *y, size_t n)
//   14 cycles per value, or 4 in four that are masked where code may be larger (24 bytes)
//   r2 end of v   r3 OR of all |v|   r4 and r5 0
function tp_mask
    push {r4-r7, lr}
    lsls r2, #2
    adds r2, r2, r0
    movs r3, #0
    movs r4, #0
    movs r5, #0
    cmp r1, #0
    beq .Lmask_none
.Lmask_next:
    ldrb r6, [r1]
    adds r1, #1
    cmp r6, #0
    beq .Lmask_zero
    ldmia r0!, {r6}
    asrs r7, r6, #31
    eors r6, r7
    subs r6, r6, r7
    orrs r3, r6
.Lmask_test:
    cmp r0, r2
    bne .Lmask_next
.Lmask_end:
    movs r0, r3
    pop {r4-r7, pc}
.Lmask_zero:                // zeros tend to come in runs
    stmia r0!, {r4}
#ifdef TP_ARMV6M_ALL
    lsls r7, r1, #30
    bne .Lmask_test
.Lmask_four:
    subs r7, r2, r0
    cmp r7, #16
    blo .Lmask_test
    ldr r6, [r1]
    cmp r6, #0
    bne .Lmask_test
    stmia r0!, {r4, r5}
    stmia r0!, {r4, r5}
    adds r1, #4
    b .Lmask_four
#else
    b .Lmask_test
#endif
.Lmask_none:
    ldmia r0!, {r6}
    asrs r7, r6, #31
    eors r6, r7
    subs r6, r6, r7
    orrs r3, r6
    cmp r0, r2
    bne .Lmask_none
    b .Lmask_end
end tp_mask

// void tp_move_biases(const int16_t *deltas, int32_t *b, size_t n, int32_t factor, int s): 18 cycles per bias
//   r2 end of b   r7 0   r12 bound   lr 2 bound
function tp_move_biases
    push {r4-r7, lr}
    ldr r4, [sp, #20]
    lsls r2, #2
    adds r2, r2, r1
    movs r7, #1
    lsls r6, r7, #30
    mov r12, r6
    lsls r6, r7, #31
    mov lr, r6
    movs r7, #0
.Lbias_next:
    ldrsh r5, [r0, r7]
    adds r0, #2
    muls r5, r3
    mvns r5, r5
    asrs r5, r4
    ldr r6, [r1]
    adcs r6, r5
    mov r5, r6
    add r5, r12
    cmp r5, lr
    bhi .Lbias_clamp
.Lbias_put:
    stmia r1!, {r6}
    cmp r1, r2
    bne .Lbias_next
    pop {r4-r7, pc}
.Lbias_clamp:
    cmp r6, #0
    mov r6, r12
    bgt .Lbias_put
    rsbs r6, r6, #0
    b .Lbias_put
end tp_move_biases

// ---- requantising

// void tp_requantize_right(const int32_t *v, int32_t *to, size_t n, int s)
//   5.25 cycles per value, or 10 where code is small
//   r2 0   r12 end of v   lr end of those that are not done by fours
function tp_requantize_right
    push {r4-r7, lr}
    lsls r4, r2, #2
    adds r4, r4, r0
    mov r12, r4
#ifdef TP_ARMV6M_ALL
    lsls r4, r2, #30
    lsrs r4, r4, #28
    adds r4, r4, r0
#endif
    mov lr, r4
    movs r2, #0
    b 2f
1:  ldmia r0!, {r4}
    asrs r4, r3
    adcs r4, r2             // rounds by the last bit that the shift dropped
    stmia r1!, {r4}
2:  cmp r0, lr
    bne 1b
#ifdef TP_ARMV6M_ALL
    b 4f
3:  ldmia r0!, {r4-r7}
    .irp value, r4, r5, r6, r7
    asrs \value, r3
    adcs \value, r2
    .endr
    stmia r1!, {r4-r7}
4:  cmp r0, r12
    bne 3b
#endif
    pop {r4-r7, pc}
end tp_requantize_right

#ifdef TP_ARMV6M_ALL

// uint32_t tp_requantize_int16(int32_t *v, int16_t *to, size_t n, int s, int32_t limit): 11 cycles per value
//   r2 end of v   r4 limit   r7 0   r12 2 limit   lr how many were clamped
.macro requantize_one put, clamp
    ldmia r0!, {r5}
    asrs r5, r3
    adcs r5, r7
    adds r6, r5, r4
    cmp r6, r12
    bhi \clamp\()f
\put: strh r5, [r1]
    adds r1, #2
.endm

.macro requantize_clamp put, clamp
\clamp:
    movs r6, #1
    add lr, r6
    asrs r5, r5, #31
    eors r5, r4
    lsrs r6, r5, #31
    adds r5, r5, r6         // limit or -limit
    b \put\()b
.endm

function tp_requantize_int16
    push {r4-r7, lr}
    ldr r4, [sp, #20]
    lsls r5, r4, #1
    mov r12, r5
    movs r7, #0
    mov lr, r7
    lsls r5, r2, #2
    adds r5, r5, r0
    lsrs r6, r2, #1         // carry: an odd number of values
    mov r2, r5
    bcs 2f
    b 3f
1:  requantize_one 11, 21
2:  requantize_one 12, 22
3:  cmp r0, r2
    bne 1b
    mov r0, lr
    pop {r4-r7, pc}
    requantize_clamp 11, 21
    requantize_clamp 12, 22
end tp_requantize_int16

#endif

// int tp_relu(const int32_t *z, int16_t *y, size_t n, int s, tp_format_use_t *use), and tp_relu_bytes
//   14 cycles per output, 12 if it is negative
//   r2 end of z   r4 top / 4   r6 OR of all y   r7 0
.macro relu store, bytes
    push {r4-r7, lr}
    ldr r4, [sp, #20]
    ldr r4, [r4, #USE_TOP]
    asrs r4, r4, #2
    lsls r2, #2
    adds r2, r2, r0
    movs r6, #0
    movs r7, #0
1:  ldmia r0!, {r5}
    asrs r5, r3
    adcs r5, r7
    bmi 4f
    cmp r5, r4
    bgt 5f
2:  \store r5, [r1]
    adds r1, #\bytes
    orrs r6, r5
    cmp r0, r2
    bne 1b
3:  movs r0, r6
    pop {r4-r7, pc}
4:  \store r7, [r1]
    adds r1, #\bytes
    cmp r0, r2
    bne 1b
    b 3b
5:  push {r0, r1}
    ldr r0, [sp, #28]
    count r0, USE_N_HIGH, r1
    ldr r1, [r0, #USE_TOP]
    cmp r5, r1
    ble 6f
    movs r5, r1
    count r0, USE_N_SATURATED, r1
6:  pop {r0, r1}
    b 2b
.endm

function tp_relu
    relu strh, 2
end tp_relu

function tp_relu_bytes
    relu strb, 1
end tp_relu_bytes

#ifdef TP_ARMV6M_ALL

// void tp_relu_listed(const int32_t *z, int16_t *y, size_t n, int s, tp_format_use_t *use, tp_nonzero_t *list)
//   24 cycles per output, 15 for a 0
//   r2 0   r4 end of the list   r6 delta   r8 top / 4   r9 bytes per row   r10 row_delta   r11 means - y / 2
//   r12 end of z   lr dot
function tp_relu_listed
    enter
    lsls r2, #2
    adds r2, r2, r0
    mov r12, r2
    ldr r4, [sp, #36]
    ldr r4, [r4, #USE_TOP]
    asrs r4, r4, #2
    mov r8, r4
    ldr r5, [sp, #40]
    ldr r4, [r5, #LIST_END]
    ldr r6, [r5, #LIST_ROW_BYTES]
    mov r9, r6
    ldr r6, [r5, #LIST_ROW_DELTA]
    mov r10, r6
    ldr r6, [r5, #LIST_MEANS]
    lsrs r2, r1, #1         // y is even
    subs r6, r6, r2
    mov r11, r6
    movs r2, #0
    movs r6, #0
    mov lr, r6
.Lboth_next:
    ldmia r0!, {r5}
    asrs r5, r3
    adcs r5, r2
    ble .Lboth_zero
    cmp r5, r8
    bgt .Lboth_high
.Lboth_put:
    strh r5, [r1]
    lsrs r7, r1, #1
    add r7, r11
    ldrb r7, [r7]
    muls r7, r5
    add lr, r7
    adds r1, #2
    lsls r5, r5, #16
    orrs r5, r6
    stmia r4!, {r5}
    mov r6, r10
    cmp r0, r12
    bne .Lboth_next
.Lboth_end:
    str r2, [r4]
    ldr r5, [sp, #40]
    str r4, [r5, #LIST_END]
    str r6, [r5, #LIST_DELTA]
    mov r6, lr
    str r6, [r5, #LIST_DOT]
    leave
.Lboth_zero:
    strh r2, [r1]
    adds r1, #2
    add r6, r9
.Lboth_skipped:
    lsrs r5, r6, #16
    bne .Lboth_far
    cmp r0, r12
    bne .Lboth_next
    b .Lboth_end
.Lboth_far:
    ldr r7, [sp, #40]
    pad r7, r4, r6, r5
    b .Lboth_skipped
.Lboth_high:
    ldr r7, [sp, #36]
    push {r4}
    count r7, USE_N_HIGH, r4
    ldr r4, [r7, #USE_TOP]
    cmp r5, r4
    ble 1f
    movs r5, r4
    count r7, USE_N_SATURATED, r4
1:  pop {r4}
    b .Lboth_put
end tp_relu_listed

// uint32_t tp_move_by_gradients(const int32_t *gradient, size_t n, int32_t mean, const int32_t *sum, int32_t *along,
//     int along_shift, int16_t *w, const tp_step_t *step)
//   45 cycles per weight
//   r0 gradient   r1 w   r2 sum   r3 along   r8 mean   r9 along_shift   r10 lr_mantissa   r11 shift   r12 max_weight
//   lr 2 max_weight   on the stack: 0 end of w, 4 how many are clamped, 8 dither
function tp_move_by_gradients
    enter
    mov r8, r2
    movs r2, r3
    ldr r3, [sp, #36]
    ldr r4, [sp, #40]
    mov r9, r4
    lsls r4, r1, #1
    ldr r1, [sp, #44]
    adds r4, r4, r1
    ldr r5, [sp, #48]
    ldr r6, [r5, #UPDATE_LR_MANTISSA]
    mov r10, r6
    ldr r6, [r5, #UPDATE_SHIFT]
    mov r11, r6
    ldr r6, [r5, #UPDATE_MAX_WEIGHT]
    mov r12, r6
    lsls r6, r6, #1
    mov lr, r6
    ldr r6, [r5, #UPDATE_DITHER]
    movs r5, #0
    push {r4-r6}
.Lgradient_next:
    ldmia r2!, {r5}
    mov r6, r8
    muls r5, r6
    ldmia r0!, {r4}
    subs r4, r4, r5         // the gradient of x - mean
    movs r5, r4
    mov r7, r9
    asrs r5, r7
    movs r7, #0
    adcs r5, r7
    muls r5, r6
    ldr r6, [r3]
    adds r6, r6, r5
    stmia r3!, {r6}
    mov r6, r10
    muls r4, r6
    ldr r6, [sp, #8]
    subs r4, r6, r4
    mov r6, r11
    asrs r4, r6
    ldrsh r5, [r1, r7]
    adds r5, r5, r4
    mov r4, r5
    add r4, r12
    cmp r4, lr
    bhi .Lgradient_clamp
.Lgradient_put:
    strh r5, [r1]
    adds r1, #2
    ldr r4, [sp]
    cmp r1, r4
    bne .Lgradient_next
    pop {r1-r3}
    movs r0, r2
    leave
.Lgradient_clamp:
    ldr r4, [sp, #4]
    adds r4, #1
    str r4, [sp, #4]
    asrs r5, r5, #31
    mov r4, r12
    eors r5, r4
    lsrs r4, r5, #31
    adds r5, r5, r4         // max_weight or -max_weight
    b .Lgradient_put
end tp_move_by_gradients

#endif

// ---- depthwise convolutions of three taps side by side, with strides of 1: one channel after the other

// x (r3) times the weights goes to three pixels, of which the first one is done then. r2: bytes from that to the third.
.macro taps_loop load
1:  \load r3, [r0, r2]
    mov r4, r9
    muls r4, r3
    adds r5, r5, r4
    str r5, [r1]
    mov r4, r8
    muls r4, r3
    adds r5, r6, r4
    muls r3, r7
    ldr r6, [r1, r2]
    adds r6, r6, r3
    add r0, r10
    add r1, r11
    cmp r0, r12
    bne 1b
.endm

// void tp_three_taps(const tp_strip_t *strip, const void *x, const int16_t *w, int32_t *z): of uint8 or int16
//   6.3 cycles per multiply-accumulate, 60 per channel
//   r0 x, less r2   r1 first of three pixels   r5, r6 sums of the first and the second   r7 to r9 weights, from the left
//   r10 bytes from x to x   r11 bytes from pixel to pixel   r12 end of x, less r2   lr channels left
//   on the stack: 0 x, 4 w and 8 z of this channel, 12 bytes of an x, 16 of a row of them
function tp_three_taps
    enter
    ldr r4, [r0, #STRIP_CHANNELS]
    mov lr, r4
    lsls r5, r4, #2
    mov r11, r5
    ldr r6, [r0, #STRIP_PAD]
    subs r6, #2
    muls r6, r5
    adds r3, r3, r6
    movs r6, #1
    ldr r5, [r0, #STRIP_X_KIND]
    cmp r5, #0
    beq 1f
    movs r6, #2
    lsls r4, r4, #1
1:  mov r10, r4
    ldr r7, [r0, #STRIP_COLUMNS]
    muls r7, r4
    push {r1-r3, r6, r7}
.Ltaps_channel:
    ldr r0, [sp, #4]
    movs r4, #0
    ldrsh r7, [r0, r4]
    mov r4, r11
    ldrsh r5, [r0, r4]
    mov r9, r5
    lsrs r4, r4, #1
    ldrsh r5, [r0, r4]
    mov r8, r5
    adds r0, #2
    str r0, [sp, #4]
    ldr r1, [sp, #8]
    adds r4, r1, #4
    str r4, [sp, #8]
    mov r4, r11
    lsls r2, r4, #1
    ldr r5, [r1]
    ldr r6, [r1, r4]
    ldr r0, [sp, #0]
    ldr r3, [sp, #12]
    adds r4, r0, r3
    str r4, [sp, #0]
    subs r0, r0, r2
    ldr r4, [sp, #16]
    adds r4, r4, r0
    mov r12, r4
    cmp r3, #1
    bne .Ltaps_int16
    taps_loop ldrb
.Ltaps_end:
    str r5, [r1]
    add r1, r11
    str r6, [r1]
    mov r4, lr
    subs r4, #1
    mov lr, r4
    bne .Ltaps_channel
    add sp, #20
    leave
.Ltaps_int16:
    taps_loop ldrsh
    b .Ltaps_end
end tp_three_taps

// A delta times three inputs side by side, of which it loads the one to the right; the next one finds those of \a, \b and \c
// in \b, \c and \a. Behind the row, inputs are 0.
.macro gradients_of_pixel at, a, b, c
\at: cmp r1, r12
    bhs \at\()_behind
    ldrb \c, [r0]
    add r0, r11
\at\()_loaded:
    ldrsh r5, [r1, r7]
    add r1, lr
    cmp r5, #0
    beq \at\()_end
    muls \a, r5
    add r8, \a
    mov r6, \b
    muls r6, r5
    add r9, r6
    mov r6, \c
    muls r6, r5
    add r10, r6
\at\()_end:
.endm

.macro behind_row at, c
\at\()_behind:
    movs \c, #0
    ldr r6, [sp, #0]
    cmp r1, r6
    blo \at\()_loaded
    b .Lpixels_end
.endm

// void tp_three_gradients(const tp_strip_t *strip, const void *x, const int16_t *deltas, int32_t *sum): of uint8, pad < 2
//   6 cycles per multiply-accumulate, 3.7 where the delta is 0; 70 per channel
//   r0 x   r1 deltas   r2 to r4 three inputs   r5 delta   r7 0   r8 to r10 sums, from the left   r11 bytes from x to x
//   r12 where no x is left   lr bytes from pixel to pixel
//   on the stack: 0 end of the deltas, 4 x, 8 deltas and 12 sums of this channel, 16 channels left, 20 bytes behind those of
//   deltas that see an x
function tp_three_gradients
    enter
    ldr r4, [r0, #STRIP_CHANNELS]
    mov r11, r4
    lsls r5, r4, #1
    mov lr, r5
    ldr r6, [r0, #STRIP_PIXELS]
    muls r6, r5
    adds r6, r6, r2         // the end of the deltas, of their first channel
    ldr r7, [r0, #STRIP_PAD]
    muls r7, r5
    mov r5, r7
    mov r0, r6
    push {r0-r5}
    movs r7, #0
.Lpixels_channel:
    mov r8, r7
    mov r9, r7
    mov r10, r7
    ldr r0, [sp, #4]
    ldr r1, [sp, #8]
    ldr r4, [sp, #0]
    ldr r5, [sp, #20]
    subs r4, r4, r5
    mov r12, r4
    movs r2, #0
    cmp r5, #0
    bne 1f
    ldrb r2, [r0]
    add r0, r11
1:  ldrb r3, [r0]
    add r0, r11
.Lpixels_next:
    gradients_of_pixel .Lfirst, r2, r3, r4
    gradients_of_pixel .Lsecond, r3, r4, r2
    gradients_of_pixel .Lthird, r4, r2, r3
    b .Lpixels_next
    behind_row .Lfirst, r4
    behind_row .Lsecond, r2
    behind_row .Lthird, r3
.Lpixels_end:
    ldr r0, [sp, #12]
    mov r4, r11
    lsls r4, r4, #2
    ldr r5, [r0]
    add r5, r8
    str r5, [r0]
    ldr r5, [r0, r4]
    add r5, r9
    str r5, [r0, r4]
    lsls r6, r4, #1
    ldr r5, [r0, r6]
    add r5, r10
    str r5, [r0, r6]
    pop {r0-r4}
    adds r0, #2             // to the next channel
    adds r1, #1
    adds r2, #2
    adds r3, #4
    subs r4, #1
    push {r0-r4}
    bne .Lpixels_channel
    add sp, #24
    leave
end tp_three_gradients

#endif
