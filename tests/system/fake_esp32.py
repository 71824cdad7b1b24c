"""The boot loader of an ESP32 at a pseudo-terminal, with the flash behind it, for esptool.

It speaks the protocol that Espressif publishes ("Serial Protocol" in esptool's documentation):
that of the chip's ROM, and once a stub was loaded into RAM, that of the stub, which is not run.
Like a true flash, it clears bits when it is written, and sets them when it is erased.
"""

import hashlib
import os
import pty
import struct
import threading
import tty
import zlib
from dataclasses import dataclass

SECTOR = 4096
DETECT_REGISTER = 0x40001000

# Errors in the status bytes
INVALID, FAILED, BAD_CHECKSUM, BAD_DEFLATE = 5, 6, 7, 11

# Commands of the SPI flash, which esptool gives through registers of the chip
READ_ID = 0x9F
SPI_START = 1 << 18


@dataclass
class Chip:
    image_id: int  # in the head of firmware for it
    detect: int  # at DETECT_REGISTER, by which the older two are known
    spi: int  # the registers of the flash's SPI, and two of them by their offset
    spi_command: int = 0x20
    spi_data: int = 0x58


CHIPS = {
    "ESP32": Chip(0, 0x00F01D83, 0x3FF42000, 0x24, 0x80),
    "ESP32-S2": Chip(2, 0x000007C6, 0x3F402000),
    "ESP32-S3": Chip(9, 0x00000009, 0x60002000),
    "ESP32-C3": Chip(5, 0x1B31506F, 0x60002000),
    "ESP32-C6": Chip(13, 0x2CE0806F, 0x60003000),
}


@dataclass
class Transfer:
    """What a ..._BEGIN announced."""

    blocks: int
    address: int
    inflate: object = None
    done: int = 0


class Refused(Exception):
    pass


class FakeEsp32:
    """with FakeEsp32("ESP32") as esp: ... esp.port, esp.flash

    bad_cell: the address of a byte in the flash that does not keep what is written.
    """

    def __init__(self, chip="ESP32", megabytes=4, bad_cell=None):
        self.name, self.chip = chip, CHIPS[chip]
        self.flash = bytearray(b"\xff" * (megabytes << 20))
        self.bad_cell = bad_cell
        self.registers = {DETECT_REGISTER: self.chip.detect}
        self.stub = self.attached = False
        self.transfer = None
        self.log = []  # names of the commands that came
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        os.close(self.slave)
        self.thread.join(5)
        os.close(self.master)

    # ---- packets: SLIP frames

    def serve(self):
        received = b""
        while True:
            try:
                received += os.read(self.master, 65536)
            except OSError:
                return  # the port was closed
            *frames, received = received.split(b"\xc0")
            for frame in filter(None, frames):
                self.answer(frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb"))

    def send(self, packet):
        escaped = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        data = b"\xc0" + escaped + b"\xc0"
        while data:
            data = data[os.write(self.master, data) :]

    def answer(self, packet):
        if len(packet) < 8 or packet[0] != 0:
            return
        _, number, size, checksum = struct.unpack_from("<BBHI", packet)
        data = packet[8:]
        command = self.COMMANDS.get(number)
        self.log.append(command.__name__ if command else f"{number:#04x}")
        value, result, error = 0, b"", 0
        try:
            if not command or len(data) != size:
                raise Refused(INVALID)
            if command in self.CHECKED and checksum != xor(data[16:]):
                raise Refused(BAD_CHECKSUM)
            value, result = command(self, data) or (0, b"")
        except Refused as refused:
            error = refused.args[0]
        status = bytes([error != 0, error]) + bytes(0 if self.stub else 2)
        reply = struct.pack("<BBHI", 1, number, len(result + status), value) + result + status
        for _ in range(8 if command == FakeEsp32.sync and not error else 1):
            self.send(reply)
        if command == FakeEsp32.mem_end:
            self.stub = True
            self.send(b"OHAI")

    # ---- commands; each returns (value, result) where it has any

    def sync(self, data):
        if data != b"\x07\x07\x12\x20" + b"\x55" * 32:
            raise Refused(INVALID)
        return 0 if self.stub else 0x20120707, b""

    def get_security_info(self, data):
        if self.name == "ESP32":
            raise Refused(INVALID)
        if self.name == "ESP32-S2":
            return 0, bytes(12)
        return 0, struct.pack("<12xII", self.chip.image_id, 0)

    def read_reg(self, data):
        return self.registers.get(struct.unpack("<I", data)[0], 0), b""

    def write_reg(self, data):
        for address, value, mask, _ in struct.iter_unpack("<4I", data):
            old = self.registers.get(address, 0)
            self.registers[address] = old & ~mask | value & mask
            if address == self.chip.spi and value & SPI_START:
                self.run_spi()

    def run_spi(self):
        self.registers[self.chip.spi] = 0
        command = self.registers[self.chip.spi + self.chip.spi_command] & 0xFF
        size = len(self.flash).bit_length() - 1
        answer = 0x40EF | size << 16 if command == READ_ID else 0
        self.registers[self.chip.spi + self.chip.spi_data] = answer

    def spi_attach(self, data):
        self.attached = True

    def spi_set_params(self, data):
        if struct.unpack("<6I", data)[1] != len(self.flash):
            raise Refused(FAILED)

    def change_baudrate(self, data):
        pass  # a pseudo-terminal has none

    def mem_begin(self, data):
        _, blocks, _, address = struct.unpack("<4I", data)
        self.transfer = Transfer(blocks, address)

    def mem_data(self, data):
        self.next_block(data)

    def mem_end(self, data):
        self.transfer = None

    def flash_begin(self, data):
        erase, blocks, _, address = struct.unpack_from("<4I", data)
        self.begin(erase, Transfer(blocks, address))

    def flash_defl_begin(self, data):
        write, blocks, _, address = struct.unpack_from("<4I", data)
        self.begin(write, Transfer(blocks, address, zlib.decompressobj()))

    def begin(self, size, transfer):
        end = -(-(transfer.address + size) // SECTOR) * SECTOR
        if not (self.attached or self.stub) or transfer.address % SECTOR or end > len(self.flash):
            raise Refused(FAILED)
        self.flash[transfer.address : end] = b"\xff" * (end - transfer.address)
        self.transfer = transfer

    def flash_data(self, data):
        self.write(self.next_block(data))

    def flash_defl_data(self, data):
        block = self.next_block(data)
        try:
            self.write(self.transfer.inflate.decompress(block))
        except zlib.error:
            raise Refused(BAD_DEFLATE) from None

    def next_block(self, data):
        size, number = struct.unpack_from("<2I", data)
        if not self.transfer or number != self.transfer.done or number >= self.transfer.blocks:
            raise Refused(FAILED)
        if len(data) != 16 + size:
            raise Refused(INVALID)
        self.transfer.done += 1
        return data[16:]

    def write(self, data):
        start, end = self.transfer.address, self.transfer.address + len(data)
        old = int.from_bytes(self.flash[start:end], "little")
        new = old & int.from_bytes(data, "little")
        self.flash[start:end] = new.to_bytes(len(data), "little")
        if self.bad_cell is not None and start <= self.bad_cell < end:
            self.flash[self.bad_cell] ^= 1
        self.transfer.address = end

    def flash_end(self, data):
        self.transfer = None

    def flash_defl_end(self, data):
        self.transfer = None

    def spi_flash_md5(self, data):
        start, size = struct.unpack_from("<2I", data)
        digest = hashlib.md5(self.flash[start : start + size])
        return 0, digest.digest() if self.stub else digest.hexdigest().encode()

    COMMANDS = {
        0x02: flash_begin,
        0x03: flash_data,
        0x04: flash_end,
        0x05: mem_begin,
        0x06: mem_end,
        0x07: mem_data,
        0x08: sync,
        0x09: write_reg,
        0x0A: read_reg,
        0x0B: spi_set_params,
        0x0D: spi_attach,
        0x0F: change_baudrate,
        0x10: flash_defl_begin,
        0x11: flash_defl_data,
        0x12: flash_defl_end,
        0x13: spi_flash_md5,
        0x14: get_security_info,
    }
    CHECKED = flash_data, flash_defl_data, mem_data


def xor(data):
    """The protocol's checksum."""
    state = 0xEF
    for byte in data:
        state ^= byte
    return state


def image(chip, size=200_000):
    """Bytes that look to esptool like firmware for a chip; what follows the head is noise."""
    head = struct.pack("<4BI4xH10x", 0xE9, 1, 2, 0x20, 0x40080000, CHIPS[chip].image_id)
    segment = bytes(range(16))
    body = head + struct.pack("<2I", 0x3FFB0000, len(segment)) + segment
    body += bytes(-(len(body) + 1) % 16) + bytes([xor(segment)])
    noise = hashlib.shake_128(chip.encode()).digest(size // 2)
    return body + noise + b"\xc0\xdb\xdc\xdd" * (size // 8)
