# Boards with an ESP32-C3
MICROPY_PORT=esp32
LIBRARIES="berkeley-db-1.xx micropython-lib"
FLASH_TOOL=esptool
CHIP=ESP32-C3
FLASH_OFFSET=0
