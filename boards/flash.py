"""Puts firmware on a board: by esptool on an ESP32, by its UF2 drive or picotool on an RP2.

python boards/flash.py BOARD [--port PORT] [--firmware FILE]

Without --firmware it is that of `make firmware`, in dist/BOARD/.
"""

import argparse
import contextlib
import os
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

from board import Problem, ask, check_port, facts, micropython, run
from esptool import FatalError
from esptool.cmds import attach_flash, detect_chip, reset_chip, run_stub, write_flash

ESP32_BAUD = 460800
ESP32_HEAD = struct.Struct("<B11xH")  # of an image: a magic number, and the number of the chip
ESP32_MAGIC = 0xE9
UF2_BLOCK = struct.Struct("<8I")
UF2_MAGIC = 0x0A324655, 0x9E5D5157
SECONDS = 30  # for a board to restart


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("board")
    parser.add_argument("--port", default="")
    parser.add_argument("--firmware", default="")
    options = parser.parse_args(arguments)
    board = facts(options.board)
    flash = {"esptool": flash_esp32, "uf2": flash_rp2}[board["FLASH_TOOL"]]
    flash(board, options.port, find_firmware(options.board, board, options.firmware))


def find_firmware(name, board, given):
    suffix = {"esptool": "bin", "uf2": "uf2"}[board["FLASH_TOOL"]]
    file = Path(given or f"dist/{name}/firmware.{suffix}")
    if file.is_file():
        return file
    if given:
        raise Problem(f"There is no file {file}.")
    raise Problem(
        f"There is no {file}: make firmware BOARD={name} makes it. Or give stock firmware with"
        f" FIRMWARE=file, from https://micropython.org/download/{name}/"
    )


# ---- ESP32


def flash_esp32(board, port, file):
    head = file.read_bytes()[: ESP32_HEAD.size]
    if len(head) < ESP32_HEAD.size or ESP32_HEAD.unpack(head)[0] != ESP32_MAGIC:
        raise Problem(f"{file} is no firmware for an ESP32; that is a .bin file.")
    check_port(port)
    try:
        with connect_esp32(port) as esp:
            if esp.CHIP_NAME != board["CHIP"]:
                raise Problem(
                    f"The chip at {port} is an {esp.CHIP_NAME}, not an {board['CHIP']}: another"
                    " BOARD=..., or another port."
                )
            if ESP32_HEAD.unpack(head)[1] != esp.IMAGE_CHIP_ID:
                raise Problem(f"{file} is for another chip than this board's {board['CHIP']}.")
            esp = run_stub(esp)
            esp.change_baud(ESP32_BAUD)
            attach_flash(esp)
            write_flash(esp, [(int(board["FLASH_OFFSET"], 0), str(file))])
            reset_chip(esp, "hard-reset")
    except (FatalError, OSError) as error:
        raise Problem(f"The board was not flashed; esptool says: {error}") from None
    print(f"{file} is on the board, verified. Next: make deploy PORT={port}")


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
    if not drive and port:
        start_boot_loader(board, port)
        drive = wait_for(lambda: find_drive(board))
    if drive:
        copy_to_drive(file, drive)
    elif shutil.which("picotool"):
        load_by_picotool(file)
    else:
        raise Problem(no_drive(board))
    print(f"{file} is on the board. Next: make deploy PORT=..., or make repl PORT=...")


def check_uf2(board, file):
    data = file.read_bytes()
    families = set()
    for start in range(0, len(data) - 511, 512):
        block = UF2_BLOCK.unpack_from(data, start)
        if block[:2] != UF2_MAGIC:
            families.clear()
            break
        families.add(block[7])
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
    data = file.read_bytes()
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
        " again. A board that runs MicroPython needs no button: PORT=/dev/ttyACM0."
    )


if __name__ == "__main__":
    run(main)
