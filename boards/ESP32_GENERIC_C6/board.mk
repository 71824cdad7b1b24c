# Boards with an ESP32-C6
MICROPY_PORT=esp32
LIBRARIES="berkeley-db-1.xx micropython-lib"
FLASH_TOOL=esptool
CHIP=ESP32-C6
FLASH_OFFSET=0
