# Raspberry Pi Pico 2
NAME="Raspberry Pi Pico 2"
MICROPY_PORT=rp2
RAM_KB=520
ARCH=armv7emsp
LIBRARIES="tinyusb mbedtls"
FLASH_TOOL=uf2
UF2_FAMILY=0xe48bff59
UF2_DRIVE=RP2350
