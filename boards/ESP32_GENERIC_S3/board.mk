# Boards with an ESP32-S3
MICROPY_PORT=esp32
LIBRARIES="berkeley-db-1.xx micropython-lib tinyusb"
FLASH_TOOL=esptool
CHIP=ESP32-S3
FLASH_OFFSET=0
