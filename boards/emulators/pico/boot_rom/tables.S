// What a program finds at fixed addresses of the boot ROM (RP2040 datasheet, 2.8.3), and what from there.
    .syntax unified

    .macro function first, second, name
    .byte \first, \second
    .hword \name + 1                    // + 1: Thumb code
    .endm

    .macro data first, second, name
    .byte \first, \second
    .hword \name
    .endm

    .section .vectors, "a"
    .word 0x2003bef8                    // 0x00 stack; read as an instruction it is "bkpt #0xf8":
                                        //      that is what a call through a null pointer meets
    .word rom_start + 1                 // 0x04 reset
    .word rom_fault + 1                 // 0x08 NMI
    .word rom_fault + 1                 // 0x0c HardFault
    .byte 'M', 'u', 1                   // 0x10 magic
    .byte 3                             // 0x13 version: 3 is that of the RP2040 B2
    .hword functions                    // 0x14
    .hword data_table                   // 0x16
    .hword rom_table_lookup + 1         // 0x18
    .hword 0

functions:
    function 'P', '3', rom_popcount32
    function 'R', '3', rom_reverse32
    function 'L', '3', rom_clz32
    function 'T', '3', rom_ctz32
    function 'M', 'S', rom_memset
    function 'S', '4', rom_memset
    function 'M', 'C', rom_memcpy
    function 'C', '4', rom_memcpy
    function 'I', 'F', rom_flash_nothing_to_do
    function 'E', 'X', rom_flash_nothing_to_do
    function 'R', 'E', rom_flash_range_erase
    function 'R', 'P', rom_flash_range_program
    function 'F', 'C', rom_flash_nothing_to_do
    function 'C', 'X', rom_flash_nothing_to_do
    function 'U', 'B', rom_reset_usb_boot
    .word 0

data_table:
    data 'S', 'F', float_table
    data 'S', 'D', double_table
    .word 0

// The tables of 2.8.3.2, in its order; each is preceded by a word that holds the number of its entries.
    .macro missing count
    .rept \count
    .word rom_no_such_function
    .endr
    .endm

    .section .rodata, "a"
    .align 2
    .byte 0, 0, 32, 0
float_table:
    .word __aeabi_fadd, __aeabi_fsub, __aeabi_fmul, __aeabi_fdiv
    missing 3                           // fast compare (two), square root
    .word rom_float_to_int
    missing 1                           // to fixed point
    .word rom_float_to_uint
    missing 1
    .word __aeabi_i2f
    missing 1                           // from fixed point
    .word __aeabi_ui2f
    missing 9                           // sine, exponential and so on; compare
    .word __aeabi_l2f
    missing 1
    .word __aeabi_ul2f
    missing 1
    .word rom_float_to_int64
    missing 1
    .word rom_float_to_uint64
    missing 1
    .word __aeabi_f2d

    .byte 0, 0, 32, 0
double_table:
    .word __aeabi_dadd, __aeabi_dsub, __aeabi_dmul, __aeabi_ddiv
    missing 3
    .word rom_double_to_int
    missing 1
    .word rom_double_to_uint
    missing 1
    .word __aeabi_i2d
    missing 1
    .word __aeabi_ui2d
    missing 9
    .word __aeabi_l2d
    missing 1
    .word __aeabi_ul2d
    missing 1
    .word rom_double_to_int64
    missing 1
    .word rom_double_to_uint64
    missing 1
    .word __aeabi_d2f
