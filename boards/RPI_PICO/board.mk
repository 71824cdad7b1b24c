# Raspberry Pi Pico. Facts about one board, read by the scripts in boards/.
MICROPY_PORT=rp2
# What MicroPython's port needs beside itself, in lib/ of its source.
LIBRARIES="tinyusb mbedtls"
# How firmware gets onto the board: a file copied to the drive that its boot loader shows.
CHIP=RP2040
FLASH_TOOL=uf2
UF2_FAMILY=0xe48bff56
UF2_DRIVE=RPI-RP2
# Which .mpy it executes, its clock, and the bytes of heap that stock MicroPython has at least.
ARCH=armv6m
MHZ=125
HEAP=240000
