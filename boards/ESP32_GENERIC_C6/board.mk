# Boards with an ESP32-C6
NAME="ESP32-C6"
MICROPY_PORT=esp32
RAM_KB=512
ARCH=rv32imc
LIBRARIES="berkeley-db-1.xx micropython-lib"
FLASH_TOOL=esptool
CHIP=ESP32-C6
FLASH_OFFSET=0
