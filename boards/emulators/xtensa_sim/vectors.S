// Reset, the register window and exceptions of a windowed Xtensa core (Xtensa ISA reference manual, 4.7.1).
#include "exception.h"

#define PS_WOE 0x40000
#define CAUSE_ALLOCA 5

    .section .reset, "ax"
    .global reset
reset:
    j 1f
    .balign 4
start_address:
    .word start
1:  l32r a0, start_address
    jx a0

    .text
    .balign 4
    .literal_position
start:
    movi a0, 0
    wsr.intenable a0
    wsr.windowbase a0
    movi a2, 1
    wsr.windowstart a2
    movi a2, PS_WOE
    wsr.ps a2
    rsync
    movi a1, _stack_top
    movi a2, _bss_start
    movi a3, _bss_end
    j 2f
1:  s32i a0, a2, 0
    addi a2, a2, 4
2:  bltu a2, a3, 1b
    call4 sim_main

// A call or a return that finds registers of another frame in its way stores or loads that frame: a0 to a3
// just below the stack pointer of the frame it called (a5, a9 or a13 here), the others just below the
// four words that belong to the stack pointer of the frame it was called from.
    .macro vector offset
    .org \offset
    .endm

    .section .vectors, "ax"
    .literal_position
vectors:

    vector 0x000 // overflow of a frame that made a CALL4
    s32e a0, a5, -16
    s32e a1, a5, -12
    s32e a2, a5, -8
    s32e a3, a5, -4
    rfwo

    vector 0x040
underflow4:
    l32e a0, a5, -16
    l32e a1, a5, -12
    l32e a2, a5, -8
    l32e a3, a5, -4
    rfwu

    vector 0x080 // overflow of a frame that made a CALL8
    s32e a0, a9, -16
    l32e a0, a1, -12
    s32e a1, a9, -12
    s32e a2, a9, -8
    s32e a3, a9, -4
    s32e a4, a0, -32
    s32e a5, a0, -28
    s32e a6, a0, -24
    s32e a7, a0, -20
    rfwo

    vector 0x0c0
underflow8:
    l32e a0, a9, -16
    l32e a1, a9, -12
    l32e a2, a9, -8
    l32e a7, a1, -12
    l32e a3, a9, -4
    l32e a4, a7, -32
    l32e a5, a7, -28
    l32e a6, a7, -24
    l32e a7, a7, -20
    rfwu

    vector 0x100 // overflow of a frame that made a CALL12
    s32e a0, a13, -16
    l32e a0, a1, -12
    s32e a1, a13, -12
    s32e a2, a13, -8
    s32e a3, a13, -4
    s32e a4, a0, -48
    s32e a5, a0, -44
    s32e a6, a0, -40
    s32e a7, a0, -36
    s32e a8, a0, -32
    s32e a9, a0, -28
    s32e a10, a0, -24
    s32e a11, a0, -20
    rfwo

    vector 0x140
underflow12:
    l32e a0, a13, -16
    l32e a1, a13, -12
    l32e a2, a13, -8
    l32e a11, a1, -12
    l32e a3, a13, -4
    l32e a4, a11, -48
    l32e a5, a11, -44
    l32e a6, a11, -40
    l32e a7, a11, -36
    l32e a8, a11, -32
    l32e a9, a11, -28
    l32e a10, a11, -24
    l32e a11, a11, -20
    rfwu

    vector 0x300 // any exception: PS.UM stays 0
    wsr.excsave1 a0
    rsr.exccause a0
    beqi a0, CAUSE_ALLOCA, 1f
    j exception
1:  j alloca

    vector 0x3c0 // an exception inside these handlers
    wsr.excsave1 a0
    rsr.depc a0
    wsr.epc1 a0
    movi a0, CAUSE_DOUBLE
    wsr.exccause a0
    j exception

    .org 0x400
    .literal_position

// MOVSP would leave the caller's registers behind, which are stored below the old stack pointer. So
// they are loaded as if this frame returned; then MOVSP is executed again.
alloca:
    wsr.excsave2 a1
    rsr.ps a1 // PS.OWB, to which the underflow handler returns, becomes this frame
    rsr.windowbase a0
    slli a0, a0, 8
    xor a0, a0, a1
    extui a0, a0, 8, 4
    slli a0, a0, 8
    xor a1, a1, a0
    wsr.ps a1
    rsr.excsave2 a1
    rsr.excsave1 a0
    rotw -1 // the top bits of this frame's a0 tell how many registers its caller set aside, in fours
    bbsi a4, 31, 1f
    j underflow4
1:  rotw -1
    bbsi a8, 30, 1f
    j underflow8
1:  rotw -1
    j underflow12

// Calls sim_exception() with every register in memory, and goes on with what it left there.
exception:
    movi a0, sim_exception_frame
    s32i a1, a0, FRAME_A(1)
    s32i a2, a0, FRAME_A(2)
    s32i a3, a0, FRAME_A(3)
    rsr.ccount a1
    s32i a1, a0, FRAME_CCOUNT
    rsr.excsave1 a1
    s32i a1, a0, FRAME_A(0)
    rsr.epc1 a1
    s32i a1, a0, FRAME_PC
    rsr.ps a1
    s32i a1, a0, FRAME_PS
    rsr.exccause a1
    s32i a1, a0, FRAME_CAUSE
    rsr.excvaddr a1
    s32i a1, a0, FRAME_ADDRESS
    movi a1, PS_WOE
    wsr.ps a1
    rsync
    l32i a1, a0, FRAME_A(1) // from here on window exceptions can be served
    call0 store_windows
    movi a0, sim_exception_frame
    .irp n, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    s32i a\n, a0, FRAME_A(\n)
    .endr
    movi a1, sim_exception_stack + EXCEPTION_STACK_SIZE
    mov a6, a0
    call4 sim_exception
    l32i a1, a0, FRAME_PS
    wsr.ps a1 // PS.EXCM is set in it: no window exception from here on
    rsync
    l32i a1, a0, FRAME_PC
    wsr.epc1 a1
    .irp n, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2
    l32i a\n, a0, FRAME_A(\n)
    .endr
    l32i a1, a0, FRAME_CCOUNT
    wsr.ccount a1
    l32i a1, a0, FRAME_A(1)
    l32i a0, a0, FRAME_A(0)
    rfe

// Stores the registers of all frames but the current one; reached by CALL0, changes no register. A register
// of each following group of four is touched, which makes the frames that they belong to overflow.
    .global store_windows
store_windows:
    and a12, a12, a12
    rotw 3
    and a12, a12, a12
    rotw 3
    and a4, a4, a4
    rotw 2 // 3 + 3 + 2 groups are the whole register file
    ret
