// What vectors.S and sim.c agree upon: the state of an interrupted program.
#define FRAME_A(n) (4 * (n))
#define FRAME_PC 64
#define FRAME_PS 68
#define FRAME_CAUSE 72
#define FRAME_ADDRESS 76
#define FRAME_CCOUNT 80

#define EXCEPTION_STACK_SIZE 4096

#define CAUSE_ILLEGAL 0
#define CAUSE_DOUBLE 64  // not a number of the hardware's

#ifndef __ASSEMBLER__
#include <stdint.h>

struct exception_frame {
    uint32_t a[16];
    uint32_t pc;
    uint32_t ps;
    uint32_t cause;
    uint32_t address;
    uint32_t ccount;
};
#endif
