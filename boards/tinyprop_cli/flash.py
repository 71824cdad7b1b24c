"""Puts firmware on a board: by esptool on an ESP32, by its UF2 drive or picotool on an RP2."""

import contextlib
import os
import re
import shutil
import string
import struct
import subprocess
import sys
import time
from pathlib import Path

from esptool import FatalError
from esptool.cmds import attach_flash, detect_chip, reset_chip, run_stub, write_flash
from esptool.targets import CHIP_DEFS

from tinyprop_cli.board import (
    INSTALLED,
    Problem,
    ask,
    boards_ports,
    check_port,
    facts,
    find_port,
    how,
    micropython,
    names,
)
from tinyprop_cli.files import bytes_of

ESP32_BAUD = 460800
ESP32_HEAD = struct.Struct("<B11xH")  # of an image: a magic number, and the number of the chip
ESP32_MAGIC = 0xE9
UF2_BLOCK = struct.Struct("<8I")
UF2_MAGIC = 0x0A324655, 0x9E5D5157
SECONDS = 30  # for a board to restart


def flash(firmware, port, board):
    """Each of them may be "": board is then told by the firmware, or firmware by the board."""
    file = find_firmware(firmware, board)
    board = facts(board) if board else board_of(file)
    flash_it = {"esptool": flash_esp32, "uf2": flash_rp2}[board["FLASH_TOOL"]]
    flash_it(board, port, file)


def find_firmware(given, board):
    """The file that is given, or in a checkout that of make firmware."""
    if given:
        return Path(given)
    where = f"https://micropython.org/download/{board}"
    if INSTALLED or not board:
        raise Problem(f"Which firmware? Fetch it from {where}, then: tinyprop flash FILE")
    suffix = {"esptool": "bin", "uf2": "uf2"}[facts(board)["FLASH_TOOL"]]
    file = Path(f"dist/{board}/firmware.{suffix}")
    if not file.is_file():
        raise Problem(
            f"There is no {file}: make firmware BOARD={board} makes it. Or give stock firmware"
            f" with FIRMWARE=file, from {where}/"
        )
    return file


def board_of(file):
    """The facts of a board with the chip that the firmware is for: how all of them are flashed."""
    families, chip = families_of(file), chip_of(file)
    for name in names():
        board = facts(name)
        if int(board.get("UF2_FAMILY", "0"), 0) in families or board["CHIP"] == chip:
            return board
    raise Problem(
        f"{file} is no firmware for a chip that tinyprop knows. It should be a .uf2 file for a"
        " Raspberry Pi Pico, or a .bin file for an ESP32."
    )


def families_of(file):
    """The chips that a UF2 file is for, by their numbers; none if it is no such file."""
    data = bytes_of(file)
    families = set()
    for start in range(0, len(data) - 511, 512):
        block = UF2_BLOCK.unpack_from(data, start)
        if block[:2] != UF2_MAGIC:
            return set()
        families.add(block[7])
    return families


def chip_of(file):
    """The name of the chip that an image for an ESP32 is for; None if it is no such image."""
    head = bytes_of(file)[: ESP32_HEAD.size]
    if len(head) < ESP32_HEAD.size or head[0] != ESP32_MAGIC:
        return None
    number = ESP32_HEAD.unpack(head)[1]
    found = [chip.CHIP_NAME for chip in CHIP_DEFS.values() if chip.IMAGE_CHIP_ID == number]
    return found[0] if found else f"chip number {number}"


# ---- ESP32


def flash_esp32(board, port, file):
    chip = chip_of(file)
    if chip is None:
        raise Problem(f"{file} is no firmware for an ESP32; that is a .bin file.")
    if chip != board["CHIP"]:
        raise Problem(f"{file} is for another chip than this board's {board['CHIP']}: an {chip}.")
    port = find_port(port)
    check_port(port)
    try:
        with connect_esp32(port) as esp:
            if esp.CHIP_NAME != board["CHIP"]:
                raise Problem(
                    f"The chip at {port} is an {esp.CHIP_NAME}, not an {board['CHIP']}: it needs"
                    " other firmware, or this is another port."
                )
            esp = run_stub(esp)
            esp.change_baud(ESP32_BAUD)
            attach_flash(esp)
            write_flash(esp, [(int(board["FLASH_OFFSET"], 0), str(file))])
            reset_chip(esp, "hard-reset")
    except (FatalError, OSError) as error:
        raise Problem(f"The board was not flashed; esptool says: {error}") from None
    print(f"{file} is on the board, verified. Next: {how('deploy', port)}")


def connect_esp32(port):
    try:
        return detect_chip(port)
    except FatalError as error:
        if "Failed to connect" not in str(error):
            raise
        raise Problem(
            f"No boot loader of an ESP32 answers at {port}. Hold the board's button BOOT, press"
            " and release EN (or RST), release BOOT, and try again."
        ) from None


# ---- RP2


def flash_rp2(board, port, file):
    check_uf2(board, file)
    drive = find_drive(board)
    if not drive and (port or len(boards_ports()) == 1):
        start_boot_loader(board, find_port(port))
        drive = wait_for(lambda: find_drive(board))
    if drive:
        copy_to_drive(file, drive)
    elif shutil.which("picotool"):
        load_by_picotool(file)
    else:
        raise Problem(no_drive(board))
    print(f"{file} is on the board. Next: {how('deploy', port)}")


def check_uf2(board, file):
    families = families_of(file)
    if not families:
        raise Problem(f"{file} is no UF2 file.")
    if int(board["UF2_FAMILY"], 0) not in families:
        raise Problem(f"{file} is for another chip than this board's {board['CHIP']}.")


def find_drive(board):
    """The folder where the board's boot loader shows its drive, if it does."""
    others = []
    for folder in mount_points():
        try:
            info = (folder / "INFO_UF2.TXT").read_text()
        except OSError:
            continue
        if f"Board-ID: {board['UF2_DRIVE']}" in info.splitlines():
            return folder
        others.append(folder)
    if others:
        raise Problem(f"The drive at {others[0]} is not that of a board with {board['CHIP']}.")
    return None


def mount_points(mounts=Path("/proc/self/mounts")):
    """Where drives of the kind that boot loaders show are mounted."""
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in string.ascii_uppercase]
    if not mounts.exists():  # macOS
        return list(Path("/Volumes").iterdir())
    lines = [line.split() for line in mounts.read_text().splitlines()]
    # A space in a path is written as \040 there.
    return [
        Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), path))
        for _, path, kind, *_ in lines
        if kind == "vfat"
    ]


def start_boot_loader(board, port):
    with micropython(port) as connected:
        machine = ask(connected)["machine"]
        if board["CHIP"] not in machine:
            raise Problem(f"The board at {port} is {machine}, not one with {board['CHIP']}.")
        print(f"{machine}: starting its boot loader")
        # The board waits until its answer is here, as then the port is gone.
        code = "import machine, time; time.sleep_ms(200); machine.bootloader()"
        connected.exec_raw_no_follow(code)


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


def copy_to_drive(file, drive):
    print(f"Copying {file} to {drive}")
    data = bytes_of(file)
    try:
        with open(drive / "firmware.uf2", "wb") as copy:
            copy.write(data)
            copy.flush()
            # The board restarts once it has the last block, and then the drive is gone.
            with contextlib.suppress(OSError):
                os.fsync(copy.fileno())
    except PermissionError:
        raise Problem(f"You have no permission to write to {drive}; copy {file} there.") from None
    except OSError as error:
        raise Problem(f"{file} could not be copied to {drive}: {error.strerror}") from None
    if not wait_for(lambda: not (drive / "INFO_UF2.TXT").exists()):
        raise Problem(f"The board did not take {file}: its drive at {drive} is still there.")


def load_by_picotool(file):
    if subprocess.run(["picotool", "load", "-x", file]).returncode:
        raise Problem("picotool failed; see above. Often it needs sudo, or its udev rules.")


def no_drive(board):
    label = board["UF2_DRIVE"]
    device = Path("/dev/disk/by-label") / label
    if device.exists():
        return (
            f"The board's drive is there, but not mounted. Mount it, then try again: sudo mkdir -p"
            f" /mnt/{label} && sudo mount -o umask=0 {device} /mnt/{label}"
        )
    return (
        f"No drive {label} is there. Hold the board's button BOOTSEL while you plug it in, and try"
        " again. A board that runs MicroPython needs no button if you say its port."
    )
