# Boards with an ESP32-S2
MICROPY_PORT=esp32
LIBRARIES="berkeley-db-1.xx micropython-lib tinyusb"
FLASH_TOOL=esptool
CHIP=ESP32-S2
FLASH_OFFSET=0x1000
# Which .mpy it executes, its clock, and the bytes of heap that stock MicroPython has at least (no PSRAM).
ARCH=xtensawin
MHZ=160
HEAP=100000
# Executable memory is apart from the heap.
NATIVE_CODE=apart
