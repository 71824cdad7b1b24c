# Raspberry Pi Pico W
MICROPY_PORT=rp2
LIBRARIES="tinyusb mbedtls micropython-lib cyw43-driver lwip btstack"
CHIP=RP2040
FLASH_TOOL=uf2
UF2_FAMILY=0xe48bff56
UF2_DRIVE=RPI-RP2
# Which .mpy it executes, its clock, and the bytes of heap that stock MicroPython has at least.
ARCH=armv6m
MHZ=125
HEAP=150000
