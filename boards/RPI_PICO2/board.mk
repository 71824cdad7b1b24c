# Raspberry Pi Pico 2
MICROPY_PORT=rp2
LIBRARIES="tinyusb mbedtls"
CHIP=RP2350
FLASH_TOOL=uf2
UF2_FAMILY=0xe48bff59
UF2_DRIVE=RP2350
# Which .mpy it executes, its clock, and the bytes of heap that stock MicroPython has at least.
ARCH=armv7emsp
MHZ=150
HEAP=400000
