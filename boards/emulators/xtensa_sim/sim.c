// Console, exit and exceptions of the simulated board.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "py/runtime.h"
#include "uart.h"
#include "exception.h"

// QEMU's semihosting: files 0 and 1 are its own standard input and output. (Its console device for this
// machine, -serial, loses input: it is filled and emptied by two threads without a lock.)
enum {
    SIMCALL_EXIT = 1,
    SIMCALL_READ = 3,
    SIMCALL_WRITE = 4,
    SIMCALL_SELECT = 29,
};
enum {
    SELECT_READ = 1,
};
enum {
    CYCLES_PER_US = 10,
};

static int simcall(int number, uintptr_t argument1, uintptr_t argument2, uintptr_t argument3) {
    register int a2 __asm__("a2") = number;
    register uintptr_t a3 __asm__("a3") = argument1;
    register uintptr_t a4 __asm__("a4") = argument2;
    register uintptr_t a5 __asm__("a5") = argument3;
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
    return a2;
}

void exit(int status) {
    for (;;) {
        simcall(SIMCALL_EXIT, status, 0, 0);
    }
}

void sim_main(void) {
    int main(int argc, char **argv);
    main(0, NULL);
    exit(0);
}

// uart.c of the port defines nothing for this machine.

void uart_init(void) {
}

static int input_within(uint32_t us) {
    const struct {
        uint32_t s, us;
    } wait = { 0, us };
    return simcall(SIMCALL_SELECT, 0, SELECT_READ, (uintptr_t)&wait) == 1;
}

int uart_rx_any(void) {
    return input_within(0);
}

// Waits a little, for less load on the host; a wait without end would keep QEMU from ending.
int uart_rx_chr(void) {
    unsigned char c;
    if (!input_within(10000)) {
        return UART_RX_NO_CHAR;
    }
    if (simcall(SIMCALL_READ, 0, (uintptr_t)&c, 1) != 1) {
        exit(0);
    }
    return c;
}

void uart_tx_strn(const char *buf, size_t len) {
    simcall(SIMCALL_WRITE, 1, (uintptr_t)buf, len);
}

// The clock, for newer versions of the port.

static uint32_t cycles(void) {
    uint32_t ccount;
    __asm__ volatile("rsr.ccount %0" : "=a"(ccount));
    return ccount;
}

uintptr_t ticks_us(void) {
    return cycles() / CYCLES_PER_US;
}

uintptr_t ticks_ms(void) {
    return ticks_us() / 1000;
}

struct exception_frame sim_exception_frame;
uint64_t sim_exception_stack[EXCEPTION_STACK_SIZE / sizeof(uint64_t)];

// The high word of a * b, without the instructions that are to be emulated with it.
static uint32_t multiply_high(uint32_t a, uint32_t b) {
    uint32_t al = a & 0xffff, ah = a >> 16, bl = b & 0xffff, bh = b >> 16;
    uint32_t middle = ah * bl + (al * bl >> 16);
    uint32_t carry = al * bh + (middle & 0xffff);
    return ah * bh + (middle >> 16) + (carry >> 16);
}

// MULUH and MULSH, which the ESP32 has and dc233c has not. One that ended a zero-overhead loop would not go
// back to its start; the compiler makes no such loops, as the ESP32-S2 has none.
static int emulate(struct exception_frame *frame) {
    const uint8_t *pc = (const uint8_t *)frame->pc;
    uint32_t instruction = pc[0] | pc[1] << 8 | pc[2] << 16;
    if ((instruction & 0xef000f) != 0xa20000) {
        return 0;
    }
    int is_signed = instruction >> 20 & 1;
    uint32_t a = frame->a[instruction >> 8 & 15];
    uint32_t b = frame->a[instruction >> 4 & 15];
    uint32_t high = multiply_high(a, b);
    if (is_signed) {
        high -= ((int32_t)a < 0 ? b : 0) + ((int32_t)b < 0 ? a : 0);
    }
    frame->a[instruction >> 12 & 15] = high;
    frame->pc += 3;
    // So that the emulation counts as one instruction in what is measured (bench/instructions.py): the
    // handler's instructions outside of those between its reading and writing CCOUNT take 17 ticks more.
    frame->ccount -= 17;
    return 1;
}

static const char *cause_name(uint32_t cause) {
    switch (cause) {
        case CAUSE_ILLEGAL: return "illegal instruction";
        case 6: return "division by zero";
        case 9: return "misaligned load or store";
        case CAUSE_DOUBLE: return "exception in an exception handler";
        default: return "exception";
    }
}

// An ESP32 would panic: nothing goes on after a fault.
void sim_exception(struct exception_frame *frame) {
    if (frame->cause == CAUSE_ILLEGAL && emulate(frame)) {
        return;
    }
    mp_printf(&mp_plat_print, "\r\nXtensa fault: %s (cause %u) at pc=0x%08x address=0x%08x\r\n",
        cause_name(frame->cause), (unsigned)frame->cause, (unsigned)frame->pc, (unsigned)frame->address);
    for (int i = 0; i < 16; i++) {
        mp_printf(&mp_plat_print, "a%-2d 0x%08x%s", i, (unsigned)frame->a[i], i % 4 == 3 ? "\r\n" : "  ");
    }
    exit(1);
}

// Python module xtensa_sim: ccount() is the cycle counter, as a small integer.

static mp_obj_t sim_ccount(void) {
    return MP_OBJ_NEW_SMALL_INT(cycles() & 0x3fffffff);
}
static MP_DEFINE_CONST_FUN_OBJ_0(sim_ccount_obj, sim_ccount);

static const mp_rom_map_elem_t sim_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_xtensa_sim) },
    { MP_ROM_QSTR(MP_QSTR_ccount), MP_ROM_PTR(&sim_ccount_obj) },
};
static MP_DEFINE_CONST_DICT(sim_globals, sim_globals_table);

const mp_obj_module_t sim_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&sim_globals,
};
MP_REGISTER_MODULE(MP_QSTR_xtensa_sim, sim_module);
