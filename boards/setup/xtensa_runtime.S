// What Debian's gcc calls the run-time library for, because the ESP8266 lacks it, and the ESP32's core
// has as instructions. Arguments arrive in a2 to a5 (64-bit values low word first), results leave in a2 and a3.

.macro function name
    .section .text.\name, "ax"
    .global \name
    .type \name, @function
    .balign 4
\name:
    entry a1, 32
.endm

function __divsi3
    quos a2, a2, a3
    retw

function __modsi3
    rems a2, a2, a3
    retw

function __udivsi3
    quou a2, a2, a3
    retw

function __umodsi3
    remu a2, a2, a3
    retw

function __muldi3
    mull a6, a2, a5
    mull a7, a3, a4
    muluh a3, a2, a4
    mull a2, a2, a4
    add a3, a3, a6
    add a3, a3, a7
    retw

function __umulsidi3
    mull a4, a2, a3
    muluh a3, a2, a3
    mov a2, a4
    retw
