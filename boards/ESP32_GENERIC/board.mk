# Boards with an ESP32
NAME="ESP32"
MICROPY_PORT=esp32
RAM_KB=520
ARCH=xtensawin
LIBRARIES="berkeley-db-1.xx micropython-lib"
FLASH_TOOL=esptool
CHIP=ESP32
FLASH_OFFSET=0x1000
