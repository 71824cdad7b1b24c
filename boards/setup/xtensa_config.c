// Tells GNU binutils and gcc for Xtensa (through XTENSA_GNU_CONFIG) which core to build for: what
// ESP32, ESP32-S2 and ESP32-S3 have in common, so that one windowed .mpy file serves all three.
//
// The instruction tables are QEMU's for the core dc233c, which lacks only MULUH and MULSH.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "xtensa-isa.h"
#include "xtensa-isa-internal.h"

#define ATTRIBUTE_UNUSED __attribute__((unused))
#include "core-dc233c/xtensa-modules.c.inc"

// MULUH and MULSH: like MULL in all but the field op2.
enum {
    OPCODES = sizeof(opcodes) / sizeof(*opcodes),
    OPCODE_MULUH = OPCODES,
    OPCODE_MULSH,
};

static void encode_muluh(xtensa_insnbuf instruction) {
    instruction[0] = 0xa20000;
}

static void encode_mulsh(xtensa_insnbuf instruction) {
    instruction[0] = 0xb20000;
}

static int decode(const xtensa_insnbuf instruction) {
    switch (instruction[0] & 0xff000f) {
        case 0xa20000: return OPCODE_MULUH;
        case 0xb20000: return OPCODE_MULSH;
        default: return Slot_inst_decode(instruction);
    }
}

__attribute__((constructor)) static void add_mulh(void) {
    static xtensa_opcode_encode_fn muluh_in_slots[] = { encode_muluh, NULL, NULL };
    static xtensa_opcode_encode_fn mulsh_in_slots[] = { encode_mulsh, NULL, NULL };
    static xtensa_opcode_internal extended[OPCODES + 2];

    memcpy(extended, opcodes, sizeof(opcodes));
    extended[OPCODE_MULUH] = extended[OPCODE_MULSH] = opcodes[OPCODE_MULL];
    extended[OPCODE_MULUH].name = "muluh";
    extended[OPCODE_MULUH].encode_fns = muluh_in_slots;
    extended[OPCODE_MULSH].name = "mulsh";
    extended[OPCODE_MULSH].encode_fns = mulsh_in_slots;
    xtensa_modules.opcodes = extended;
    xtensa_modules.num_opcodes += 2;
    slots[0].opcode_decode_fn = decode;
}

// Order and names are binutils' struct xtensa_config_v1. The ESP32-S2 decides about loops (LOOPS),
// atomics (S32C1I), MAC16 and floating point: it has none of them.
#define CONFIG_V1(X) \
    X(XCHAL_HAVE_BE, 0) \
    X(XCHAL_HAVE_DENSITY, 1) \
    X(XCHAL_HAVE_CONST16, 0) \
    X(XCHAL_HAVE_ABS, 1) \
    X(XCHAL_HAVE_ADDX, 1) \
    X(XCHAL_HAVE_L32R, 1) \
    X(XSHAL_USE_ABSOLUTE_LITERALS, 0) \
    X(XSHAL_HAVE_TEXT_SECTION_LITERALS, 1) \
    X(XCHAL_HAVE_MAC16, 0) \
    X(XCHAL_HAVE_MUL16, 1) \
    X(XCHAL_HAVE_MUL32, 1) \
    X(XCHAL_HAVE_MUL32_HIGH, 1) \
    X(XCHAL_HAVE_DIV32, 1) \
    X(XCHAL_HAVE_NSA, 1) \
    X(XCHAL_HAVE_MINMAX, 1) \
    X(XCHAL_HAVE_SEXT, 1) \
    X(XCHAL_HAVE_LOOPS, 0) \
    X(XCHAL_HAVE_THREADPTR, 1) \
    X(XCHAL_HAVE_RELEASE_SYNC, 1) \
    X(XCHAL_HAVE_S32C1I, 0) \
    X(XCHAL_HAVE_BOOLEANS, 0) \
    X(XCHAL_HAVE_FP, 0) \
    X(XCHAL_HAVE_FP_DIV, 0) \
    X(XCHAL_HAVE_FP_RECIP, 0) \
    X(XCHAL_HAVE_FP_SQRT, 0) \
    X(XCHAL_HAVE_FP_RSQRT, 0) \
    X(XCHAL_HAVE_FP_POSTINC, 0) \
    X(XCHAL_HAVE_DFP, 0) \
    X(XCHAL_HAVE_DFP_DIV, 0) \
    X(XCHAL_HAVE_DFP_RECIP, 0) \
    X(XCHAL_HAVE_DFP_SQRT, 0) \
    X(XCHAL_HAVE_DFP_RSQRT, 0) \
    X(XCHAL_HAVE_WINDOWED, 1) \
    X(XCHAL_NUM_AREGS, 64) \
    X(XCHAL_HAVE_WIDE_BRANCHES, 0) \
    X(XCHAL_HAVE_PREDICTED_BRANCHES, 0) \
    X(XCHAL_ICACHE_SIZE, 0) \
    X(XCHAL_DCACHE_SIZE, 0) \
    X(XCHAL_ICACHE_LINESIZE, 4) \
    X(XCHAL_DCACHE_LINESIZE, 4) \
    X(XCHAL_ICACHE_LINEWIDTH, 2) \
    X(XCHAL_DCACHE_LINEWIDTH, 2) \
    X(XCHAL_DCACHE_IS_WRITEBACK, 0) \
    X(XCHAL_HAVE_MMU, 0) \
    X(XCHAL_MMU_MIN_PTE_PAGE_SIZE, 1) \
    X(XCHAL_HAVE_DEBUG, 1) \
    X(XCHAL_NUM_IBREAK, 2) \
    X(XCHAL_NUM_DBREAK, 2) \
    X(XCHAL_DEBUGLEVEL, 6) \
    X(XCHAL_MAX_INSTRUCTION_SIZE, 3) \
    X(XCHAL_INST_FETCH_WIDTH, 4) \
    X(XSHAL_ABI, 0) \
    X(XTHAL_ABI_WINDOWED, 0) \
    X(XTHAL_ABI_CALL0, 1)

// struct xtensa_config_v2: the pipeline stage that multiplies in, and no claim about a release.
#define CONFIG_V2(X) \
    X(XCHAL_M_STAGE, 0) \
    X(XTENSA_MARCH_LATEST, 0) \
    X(XTENSA_MARCH_EARLIEST, 0)

#define VALUE(name, value) value,
#define DEFINITION(name, value) "__" #name "=" #value,

const int xtensa_config_v1[] = { CONFIG_V1(VALUE) };
const int xtensa_config_v2[] = { CONFIG_V2(VALUE) };
// gcc predefines these as macros.
const char *const xtensa_config_strings[] = { CONFIG_V1(DEFINITION) CONFIG_V2(DEFINITION) NULL };

int plugin_is_GPL_compatible;
