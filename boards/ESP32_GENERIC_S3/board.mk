# Boards with an ESP32-S3
NAME="ESP32-S3"
MICROPY_PORT=esp32
RAM_KB=512
ARCH=xtensawin
LIBRARIES="berkeley-db-1.xx micropython-lib tinyusb"
FLASH_TOOL=esptool
CHIP=ESP32-S3
FLASH_OFFSET=0
