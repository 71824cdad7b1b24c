# Boards with an ESP32-C3
MICROPY_PORT=esp32
LIBRARIES="berkeley-db-1.xx micropython-lib"
FLASH_TOOL=esptool
CHIP=ESP32-C3
FLASH_OFFSET=0
# Which .mpy it executes, its clock, and the bytes of heap that stock MicroPython has at least.
ARCH=rv32imc
MHZ=160
HEAP=100000
