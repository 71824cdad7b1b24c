// A stand-in for the RP2040's boot ROM, for an emulated RP2040 only.
//
// It offers what the datasheet's section 2.8.3 promises to programs ("Bootrom Contents"), as far as
// MicroPython needs it, and has none of the true ROM's code. tables.S says where programs find each
// function. What is missing or has gone wrong ends in a breakpoint, which pico.mjs reports in words.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLASH 0x10000000u
#define BOOT2_BYTES 256         // the second stage boot loader: the first page of the flash
#define BOOT2_COPY 0x20041f00u  // where the ROM puts it: the last page but one of SRAM5

// The same numbers as in pico.mjs.
#define STOP(number) \
    for (;;) { \
        __asm volatile("bkpt #" #number); \
    }

void rom_no_such_function(void) {
    STOP(0xf1)
}
static void bad_boot2(void) {
    STOP(0xf2)
}
void rom_fault(void) {
    STOP(0xf3)
}
// UB: become a USB drive
void rom_reset_usb_boot(void) {
    STOP(0xf4)
}

// ---- Start (2.8.1): check the second stage in flash, copy it to RAM and enter it

static uint32_t boot2_crc(const uint8_t *bytes, size_t n) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7u : 0);
        }
    }
    return crc;
}

void rom_start(void) {
    const uint32_t *flash = (const uint32_t *)FLASH;
    uint32_t *copy = (uint32_t *)BOOT2_COPY;
    for (int i = 0; i < BOOT2_BYTES / 4; i++) {
        copy[i] = flash[i];
    }
    if (boot2_crc((const uint8_t *)copy, BOOT2_BYTES - 4) != copy[BOOT2_BYTES / 4 - 1]) {
        bad_boot2();
    }
    // A link register of zero tells the second stage to go on to the program's own vector table.
    register uint32_t entry __asm("r0") = BOOT2_COPY + 1;
    __asm volatile("movs r1, #0; mov lr, r1; bx %0" : : "r"(entry) : "r1", "lr");
    __builtin_unreachable();
}

// The lookup function that the header at address 0x18 points to: a table is {code, address} pairs.
void *rom_table_lookup(const uint16_t *table, uint32_t code) {
    for (; table[0]; table += 2) {
        if (table[0] == code) {
            return (void *)(uintptr_t)table[1];
        }
    }
    return NULL;
}

// ---- Bits (2.8.3.1.1)

// P3: the number of ones
uint32_t rom_popcount32(uint32_t x) {
    x -= x >> 1 & 0x55555555u;
    x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
    return ((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}

// R3: the bits in reverse order
uint32_t rom_reverse32(uint32_t x) {
    x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
    return __builtin_bswap32(x);
}

// L3: the number of zeros above the highest one; 32 for zero
uint32_t rom_clz32(uint32_t x) {
    uint32_t n = 32;
    for (uint32_t half = 16; half; half >>= 1) {
        if (x >> half) {
            n -= half;
            x >>= half;
        }
    }
    return n - x;
}

// T3: the number of zeros below the lowest one; 32 for zero
uint32_t rom_ctz32(uint32_t x) {
    return x ? 31 - rom_clz32(x & -x) : 32;
}

// ---- Memory (2.8.3.1.2)

// MS, and S4 for aligned words
void *rom_memset(void *start, uint8_t value, uint32_t n) {
    uint8_t *p = start;
    for (; n && (uintptr_t)p & 3; n--) {
        *p++ = value;
    }
    for (; n >= 4; n -= 4, p += 4) {
        *(uint32_t *)p = value * 0x01010101u;
    }
    for (; n; n--) {
        *p++ = value;
    }
    return start;
}

// MC, and C4 for aligned words
void *rom_memcpy(void *to, const void *from, uint32_t n) {
    uint8_t *d = to;
    const uint8_t *s = from;
    if (!(((uintptr_t)d ^ (uintptr_t)s) & 3)) {
        for (; n && (uintptr_t)d & 3; n--) {
            *d++ = *s++;
        }
        for (; n >= 4; n -= 4, d += 4, s += 4) {
            *(uint32_t *)d = *(const uint32_t *)s;
        }
    }
    for (; n; n--) {
        *d++ = *s++;
    }
    return to;
}

// ---- Flash (2.8.3.1.3): the true ROM drives the flash chip through its serial port; here the
// emulator lets the ROM, and only the ROM, write the flash where it is mapped.

// IF, EX, FC, CX: connect, leave mapped mode, flush the cache, enter mapped mode
void rom_flash_nothing_to_do(void) {
}

// RE: erased flash is all ones
void rom_flash_range_erase(uint32_t offset, uint32_t n) {
    uint32_t *flash = (uint32_t *)(FLASH + offset);
    for (uint32_t i = 0; i < n / 4; i++) {
        flash[i] = 0xffffffffu;
    }
}

// RP: programming can only turn ones into zeros
void rom_flash_range_program(uint32_t offset, const uint8_t *bytes, uint32_t n) {
    uint32_t *flash = (uint32_t *)(FLASH + offset);
    for (uint32_t i = 0; i < n; i += 4) {
        flash[i / 4] &= bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
    }
}

// ---- Floating point (2.8.3.2): arithmetic is libgcc's; conversions to integers are not, because
// the ROM's round downwards and clamp.

typedef struct {
    bool negative;
    uint64_t digits;  // the magnitude is digits * 2^exponent
    int exponent;
} number_t;

#define INFINITE 1024  // an exponent that clamps; NaN counts as an infinity

static number_t of_float(uint32_t bits) {
    int exponent = bits >> 23 & 0xff;
    return (number_t) {
        .negative = bits >> 31,
        .digits = exponent ? (bits & 0x7fffff) | 0x800000 : 0,  // a denormal counts as zero
        .exponent = exponent == 0xff ? INFINITE : exponent - 150,
    };
}

static number_t of_double(uint64_t bits) {
    int exponent = bits >> 52 & 0x7ff;
    return (number_t) {
        .negative = bits >> 63,
        .digits = exponent ? (bits & 0xfffffffffffffu) | 1ull << 52 : 0,
        .exponent = exponent == 0x7ff ? INFINITE : exponent - 1075,
    };
}

static uint64_t magnitude(number_t x, bool round_up, uint64_t limit) {
    if (x.exponent >= 0) {
        bool fits = x.exponent < 64 && x.digits <= limit >> x.exponent;
        return fits || !x.digits ? x.digits << (x.exponent & 63) : limit;
    }
    int shift = -x.exponent < 64 ? -x.exponent : 63;  // digits have 53 bits at most
    uint64_t down = x.digits >> shift;
    uint64_t result = down + (round_up && down << shift != x.digits);
    return result < limit ? result : limit;
}

static uint64_t to_unsigned(number_t x, uint64_t limit) {
    return x.negative ? 0 : magnitude(x, false, limit);
}

static int64_t to_signed(number_t x, int64_t limit) {
    if (x.negative) {
        return (int64_t)-magnitude(x, true, (uint64_t)limit + 1);
    }
    return (int64_t)magnitude(x, false, (uint64_t)limit);
}

// The arguments are the bits of a float or double: so the soft-float calling convention passes them.
int32_t rom_float_to_int(uint32_t f) {
    return (int32_t)to_signed(of_float(f), INT32_MAX);
}
uint32_t rom_float_to_uint(uint32_t f) {
    return (uint32_t)to_unsigned(of_float(f), UINT32_MAX);
}
int64_t rom_float_to_int64(uint32_t f) {
    return to_signed(of_float(f), INT64_MAX);
}
uint64_t rom_float_to_uint64(uint32_t f) {
    return to_unsigned(of_float(f), UINT64_MAX);
}
int32_t rom_double_to_int(uint64_t d) {
    return (int32_t)to_signed(of_double(d), INT32_MAX);
}
uint32_t rom_double_to_uint(uint64_t d) {
    return (uint32_t)to_unsigned(of_double(d), UINT32_MAX);
}
int64_t rom_double_to_int64(uint64_t d) {
    return to_signed(of_double(d), INT64_MAX);
}
uint64_t rom_double_to_uint64(uint64_t d) {
    return to_unsigned(of_double(d), UINT64_MAX);
}
