"""What host_sim/web/board/ has to know and the command knows: board.json, on stdout."""

import json

from esptool.targets import CHIP_DEFS
from tinyprop_cli import board, deploy, flash

esp32 = [about for about in map(board.facts, board.names()) if about["FLASH_TOOL"] == "esptool"]
known = {
    "version": board.version(),
    "files": deploy.FILES,
    "mpyVersion": deploy.VERSION,
    "architectures": deploy.ARCHITECTURES,
    "ask": board.ASK,
    "import": deploy.IMPORT,
    "esp32": {
        "baud": flash.ESP32_BAUD,
        "chips": {chip.IMAGE_CHIP_ID: chip.CHIP_NAME for chip in CHIP_DEFS.values()},
        "offsets": {about["CHIP"]: int(about["FLASH_OFFSET"], 0) for about in esp32},
    },
}
print(json.dumps(known, indent=1))
