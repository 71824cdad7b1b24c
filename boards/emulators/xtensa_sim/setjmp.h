// The C library that comes with the compiler has another calling convention: setjmp.S has its own.
#ifndef XTENSA_SIM_SETJMP_H
#define XTENSA_SIM_SETJMP_H

typedef unsigned int jmp_buf[17];

int setjmp(jmp_buf buffer) __attribute__((returns_twice));
void longjmp(jmp_buf buffer, int value) __attribute__((noreturn));

#endif
