"""The boot loader of an ESP32 at a pseudo-terminal, for esptool: that of esp32-mock-bootloader,
with a flash that, like a true one, is erased before it is written.
"""

import hashlib
import struct
import threading

from esp32_mock_bootloader.server import (
    BootloaderConnection,
    FlashImage,
    PtyMasterTransport,
    handle_client,
)
from esptool.loader import ESPLoader
from esptool.targets import CHIP_DEFS

SECTOR = ESPLoader.FLASH_SECTOR_SIZE


class Cells(bytearray):
    """A byte that is written clears bits. What sets them is an erase, which assigns slices."""

    bad = None  # the address of a byte that does not keep what is written

    def __setitem__(self, at, value):
        if isinstance(at, int):
            value = value & self[at] ^ (at == self.bad)
        super().__setitem__(at, value)


class Flash(FlashImage):
    def __init__(self):
        super().__init__()
        self.data = Cells(self.data)
        self.log = set()  # what it was asked to do

    def begin_plain(self, payload):
        self.begin(payload)
        super().begin_plain(payload)

    def begin_defl(self, payload):
        self.begin(payload)
        super().begin_defl(payload)

    def begin(self, payload):
        size, _, _, address = struct.unpack_from("<4I", payload)
        end = -(-(address + size) // SECTOR) * SECTOR
        assert address % SECTOR == 0 and end <= len(self.data)
        self.erase_region(address, end - address)

    def write_plain_block(self, payload):
        self.log.add("write")
        super().write_plain_block(payload)

    def write_defl_block(self, payload):
        self.log.add("write compressed")
        super().write_defl_block(payload)

    def md5_stub_response(self, payload, *, stub=False):
        self.log.add("MD5 by the stub" if stub else "MD5 by the ROM")
        return super().md5_stub_response(payload, stub=stub)


class FakeEsp32:
    """with FakeEsp32("ESP32") as esp: ... esp.port, esp.flash, esp.log

    bad_cell: the address of a byte in the flash that does not keep what is written.
    """

    def __init__(self, chip="ESP32", bad_cell=None):
        memory = Flash()
        memory.data.bad = bad_cell
        self.flash, self.log = memory.data, memory.log
        self.terminal = PtyMasterTransport.create()
        self.port = self.terminal.client_path
        self.stop = threading.Event()
        self.thread = threading.Thread(
            target=handle_client,
            args=[BootloaderConnection(pty=self.terminal), self.stop, key(chip)],
            # Until it is stopped, whoever comes and goes.
            kwargs={"exit_on_disconnect": True, "flash": memory},
            daemon=True,
        )

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.stop.set()
        self.thread.join(5)
        self.terminal.close()


def key(chip):
    """esptool's name for the chip ESP32-S3 is esp32s3."""
    return chip.lower().replace("-", "")


def image(chip, size=200_000):
    """Bytes that look to esptool like firmware for a chip; what follows the head is noise."""
    chip_id = CHIP_DEFS[key(chip)].IMAGE_CHIP_ID
    head = struct.pack("<4BI4xH10x", ESPLoader.ESP_IMAGE_MAGIC, 1, 2, 0x20, 0x40080000, chip_id)
    segment = bytes(range(16))
    body = head + struct.pack("<2I", 0x3FFB0000, len(segment)) + segment
    body += bytes(-(len(body) + 1) % 16) + bytes([ESPLoader.checksum(segment)])
    noise = hashlib.shake_128(chip.encode()).digest(size // 2)
    return body + noise + b"\xc0\xdb\xdc\xdd" * (size // 8)
