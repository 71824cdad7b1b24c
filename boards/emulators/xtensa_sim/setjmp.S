// setjmp and longjmp for register windows: all frames live on the stack (store_windows) while jmp_buf gets,
// or gives back, the words there that hold the registers of setjmp's caller.
#define CALLER_LOW 0      // words of jmp_buf: the caller's a0 to a3,
#define CALLER_HIGH 4     // its a4 to a7 or a11, if it set them aside (MicroPython's native code changes a4 here),
#define CALLERS_CALLER 12 // the a0 to a3 that the caller returns with (alloca may have moved them since),
#define RETURN_ADDRESS 16 // and setjmp's own a0

// Copies a5 words from a3 to a4.
    .macro copy_words
    beqz a5, 2f
1:  l32i a6, a3, 0
    s32i a6, a4, 0
    addi a3, a3, 4
    addi a4, a4, 4
    addi a5, a5, -1
    bnez a5, 1b
2:
    .endm

    .text
    .balign 4
    .global setjmp
setjmp:
    entry a1, 16
    mov a7, a0
    call0 store_windows
    s32i a7, a2, 4 * RETURN_ADDRESS

    addi a3, a1, -16
    addi a4, a2, 4 * CALLER_LOW
    movi a5, 4
    copy_words

    mov a3, a1 // a1 + 16 is the caller's stack pointer
    addi a4, a2, 4 * CALLERS_CALLER
    movi a5, 4
    copy_words

    l32i a3, a1, 4 // the caller's caller's stack pointer
    extui a5, a7, 30, 2
    slli a5, a5, 2 // how many registers the caller set aside
    slli a6, a5, 2
    sub a3, a3, a6
    addi a4, a2, 4 * CALLER_HIGH
    addi a5, a5, -4
    copy_words

    mov a0, a7
    movi a2, 0
    retw

    .balign 4
    .global longjmp
longjmp:
    entry a1, 16
    mov a7, a3
    call0 store_windows
    l32i a1, a2, 4 * (CALLER_LOW + 1) // the caller's stack pointer
    addi a1, a1, -16              // setjmp's

    addi a3, a2, 4 * CALLER_LOW
    addi a4, a1, -16
    movi a5, 4
    copy_words

    addi a3, a2, 4 * CALLERS_CALLER
    mov a4, a1
    movi a5, 4
    copy_words

    l32i a0, a2, 4 * RETURN_ADDRESS
    l32i a4, a1, 4
    extui a5, a0, 30, 2
    slli a5, a5, 2
    slli a6, a5, 2
    sub a4, a4, a6
    addi a3, a2, 4 * CALLER_HIGH
    addi a5, a5, -4
    copy_words

    movi a2, 1
    movnez a2, a7, a7
    retw // loads the caller's registers from where they have just been put
