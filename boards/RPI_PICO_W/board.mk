# Raspberry Pi Pico W
NAME="Raspberry Pi Pico W"
MICROPY_PORT=rp2
RAM_KB=264
ARCH=armv6m
LIBRARIES="tinyusb mbedtls micropython-lib cyw43-driver lwip btstack"
CHIP=RP2040
FLASH_TOOL=uf2
UF2_FAMILY=0xe48bff56
UF2_DRIVE=RPI-RP2
