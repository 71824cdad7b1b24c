"""make flash: esptool against a fake boot loader; an RP2's drive, with an emulated Pico."""

import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from esptool.targets import CHIP_DEFS
from fake_esp32 import SECTOR, FakeEsp32, image
from serial_port import EmulatedPico
from tinyprop_cli import flash
from tinyprop_cli.board import Problem, facts

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
ESP32_BOARDS = sorted(path.name for path in ROOT.glob("boards/ESP32_*"))


@pytest.fixture(autouse=True)
def in_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def make_flash(**variables):
    command = ["make", "flash", *(f"{name}={value}" for name, value in variables.items())]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def refuses(words, board, file="", port=""):
    with pytest.raises(Problem, match=words):
        flash.flash(str(file), port, board)


# ---- ESP32


@pytest.fixture
def firmware(tmp_path):
    def write(chip):
        file = tmp_path / f"{chip}.bin"
        file.write_bytes(image(chip))
        return file

    return write


def holds(esp, data, offset):
    """Whether the flash has the data at the offset, and is empty everywhere else."""
    empty = bytes(esp.flash[:offset] + esp.flash[offset + len(data) :]).strip(b"\xff") == b""
    return esp.flash[offset : offset + len(data)] == data and empty


@pytest.mark.parametrize("board", ESP32_BOARDS)
def test_the_flash_holds_the_image(board, firmware):
    about = facts(board)
    file = firmware(about["CHIP"])
    with FakeEsp32(about["CHIP"]) as esp:
        done = make_flash(BOARD=board, PORT=esp.port, FIRMWARE=file)
        assert done.returncode == 0, done.stderr
        assert (
            f"{file} is on the board, verified. Next: make deploy PORT={esp.port}" in done.stdout
        )
        assert holds(esp, file.read_bytes(), int(about["FLASH_OFFSET"], 0))
        assert esp.log == {"write compressed", "MD5 by the stub"}


def test_what_was_in_the_flash_before_is_erased(firmware):
    with FakeEsp32() as esp:
        esp.flash[:] = bytes(len(esp.flash))
        file = firmware("ESP32")
        flash.flash(str(file), esp.port, "ESP32_GENERIC")
        data = file.read_bytes()
        end = -(-(0x1000 + len(data)) // SECTOR) * SECTOR
        assert esp.flash[0x1000:end] == data.ljust(end - 0x1000, b"\xff")
        assert not any(esp.flash[:0x1000]) and not any(esp.flash[end:])


@pytest.mark.parametrize("options, how", [([], "write"), (["--compress"], "write compressed")])
def test_the_roms_own_boot_loader(options, how, firmware):
    """The fake without a stub, for who uses esptool so."""
    file = firmware("ESP32")
    with FakeEsp32() as esp:
        command = [TOOLS / "esptool", "--no-stub", "--port", esp.port, "write-flash", *options]
        subprocess.run([*command, "0x1000", file], check=True, timeout=300, capture_output=True)
        assert holds(esp, file.read_bytes(), 0x1000)
        assert esp.log == {how, "MD5 by the ROM"}


@pytest.mark.parametrize("there, board", [("ESP32", "_S3"), ("ESP32-S3", ""), ("ESP32-C3", "_S3")])
def test_wrong_chip(there, board, firmware):
    board = f"ESP32_GENERIC{board}"
    file = firmware(facts(board)["CHIP"])
    with FakeEsp32(there) as esp:
        done = make_flash(BOARD=board, PORT=esp.port, FIRMWARE=file)
        words = f"The chip at {esp.port} is an {there}, not an {facts(board)['CHIP']}"
        assert done.returncode and f"error: {words}: it needs other firmware" in done.stderr
        assert set(esp.flash) == {0xFF}


def test_wrong_firmware(firmware, tmp_path):
    with FakeEsp32() as esp:
        another = "is for another chip than this board's ESP32: an ESP32-S3"
        refuses(another, "ESP32_GENERIC", firmware("ESP32-S3"), esp.port)
        refuses("is no firmware for an ESP32", "ESP32_GENERIC", ROOT / "README.md", esp.port)
        refuses("is no firmware for a chip that tinyprop knows", "", ROOT / "README.md", esp.port)
        assert set(esp.flash) == {0xFF}


def test_a_flash_that_keeps_something_else(firmware):
    with FakeEsp32(bad_cell=0x4321) as esp:
        words = "The board was not flashed; .*MD5 .* does not match"
        refuses(words, "ESP32_GENERIC", firmware("ESP32"), esp.port)


def test_no_boot_loader_answers(firmware):
    master, slave = pty.openpty()
    try:
        words = "No boot loader of an ESP32 answers at .* BOOT"
        refuses(words, "ESP32_GENERIC", firmware("ESP32"), os.ttyname(slave))
    finally:
        os.close(slave)
        os.close(master)


# ---- a build that is broken

CMAKE = """#!/bin/sh
while [ "$1" != -B ]; do shift; done
printf 'all:\\n\\thead -c %s /dev/zero >firmware.bin\\n' $BYTES >"$2/Makefile"
exit $CODE
"""


def test_a_build_that_failed_is_never_firmware(tmp_path):
    """cmake, a stand-in, leaves a Makefile even when it fails, and one may make too little."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in "boards", "micropython_mod", "usermod_c":
        (checkout / name).symlink_to(ROOT / name)
    cmake = tmp_path / "cmake"
    cmake.write_text(CMAKE)
    cmake.chmod(0o755)

    def build(code, size):
        changes = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CODE": code, "BYTES": size}
        command = [checkout / "boards/firmware.sh", "RPI_PICO2"]
        return subprocess.run(command, env=os.environ | changes, capture_output=True, text=True)

    folder, dist = (checkout / f"{name}/RPI_PICO2" for name in ("build", "dist"))
    failed = build("1", "6144")
    assert failed.returncode and (folder / "Makefile").exists()
    whole = build("0", "300000")
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout == f"{folder}/firmware.uf2\n"
    size = (dist / "firmware.uf2").stat().st_size
    assert size >= 600000
    (folder / "configured").unlink()
    small = build("0", "6144")
    assert small.returncode and "firmware.uf2 has 12288 bytes, too few" in small.stderr
    assert (dist / "firmware.uf2").stat().st_size == size


# ---- what is wrong before a board is asked


def test_missing_firmware(tmp_path, monkeypatch):
    refuses("There is no file nothing.bin", "ESP32_GENERIC", "nothing.bin")
    refuses("tests cannot be read: Is a directory", "", "tests")
    monkeypatch.chdir(tmp_path)
    refuses("make firmware BOARD=RPI_PICO makes it. Or .* FIRMWARE=file", "RPI_PICO")


@pytest.mark.parametrize("board", ["", "ESP32_GENERIC", "RPI_PICO"])
def test_firmware_that_cannot_be_read(board, tmp_path, monkeypatch, locked):
    monkeypatch.chdir(tmp_path)
    Path("firmware.bin").write_bytes(b"x")
    with locked("firmware.bin"):
        refuses("firmware.bin cannot be read: Permission denied", board, "firmware.bin")
    refuses("cannot be read: File name too long", board, "x" * 256)


def test_wrong_board():
    done = make_flash(BOARD="ESP8266")
    assert done.returncode
    assert done.stderr.startswith("error: BOARD=ESP8266 should be one of: ESP32_GENERIC ")


def test_no_port(firmware):
    words = "There is no port /dev/ttyUSB99"
    refuses(words, "ESP32_GENERIC", firmware("ESP32"), "/dev/ttyUSB99")


def test_facts_of_the_boards():
    for path in ROOT.glob("boards/*/board.mk"):
        about = facts(path.parent.name)
        if about["FLASH_TOOL"] == "esptool":
            chip = CHIP_DEFS[about["CHIP"].lower().replace("-", "")]
            assert chip.CHIP_NAME == about["CHIP"]
            assert chip.BOOTLOADER_FLASH_OFFSET == int(about["FLASH_OFFSET"], 0)
        else:
            assert about["CHIP"] and int(about["UF2_FAMILY"], 0) and about["UF2_DRIVE"]


# ---- RP2


@pytest.fixture(scope="module")
def uf2():
    command = [ROOT / "boards/firmware.sh", "RPI_PICO"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return ROOT / "dist/RPI_PICO/firmware.uf2"


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """Where the boot loader's drive will be mounted."""
    folder = tmp_path / "a drive"
    folder.mkdir()
    monkeypatch.setattr(flash, "mount_points", lambda: [Path("/"), folder])
    return folder


def show(drive, board_id):
    text = f"UF2 Bootloader v3.0\r\nModel: Raspberry Pi\r\nBoard-ID: {board_id}\r\n"
    (drive / "INFO_UF2.TXT").write_text(text, newline="")


def take(drive, size):
    """What the boot loader does with a file that is copied to its drive."""
    file = drive / "firmware.uf2"
    while not file.exists() or file.stat().st_size < size:
        time.sleep(0.1)
    (drive / "INFO_UF2.TXT").unlink()


def start(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def test_from_stock_firmware_to_that_with_tinyprop(uf2, drive):
    """MicroPython starts the boot loader, the drive appears, the file is copied, and it runs."""

    def boot_loader():
        assert pico.wait() == 1
        show(drive, "RPI-RP2")
        take(drive, uf2.stat().st_size)

    with EmulatedPico("plain") as pico:
        board = start(boot_loader)
        flash.flash(str(uf2), pico.port, "")
        board.join()
    with EmulatedPico(drive / "firmware.uf2") as pico:
        command = [TOOLS / "mpremote", "connect", pico.port, "exec", "import tinyprop"]
        subprocess.run(command, check=True, timeout=300)


def test_a_drive_that_is_there_already(uf2, drive):
    show(drive, "RPI-RP2")
    board = start(take, drive, uf2.stat().st_size)
    flash.flash("", "", "RPI_PICO")
    board.join()
    assert (drive / "firmware.uf2").read_bytes() == uf2.read_bytes()


def test_a_drive_that_does_not_take_the_file(uf2, drive, monkeypatch):
    monkeypatch.setattr(flash, "SECONDS", 0.5)
    show(drive, "RPI-RP2")
    refuses("The board did not take dist/RPI_PICO/firmware.uf2", "RPI_PICO")


def test_no_drive(uf2, drive, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    refuses("No drive RPI-RP2 is there. Hold the board's button BOOTSEL", "RPI_PICO")


def test_the_drive_of_another_chip(uf2, drive):
    show(drive, "RP2350")
    refuses("not that of a board with RP2040", "RPI_PICO")


def test_uf2_for_another_chip(uf2):
    refuses("for another chip than this board's RP2350", "RPI_PICO2", uf2)
    refuses("README.md is no UF2 file", "RPI_PICO", ROOT / "README.md")


def test_another_chip_at_the_port(uf2, drive, tmp_path):
    rp2040, rp2350 = (
        int(facts(name)["UF2_FAMILY"], 0).to_bytes(4, "little")
        for name in ("RPI_PICO", "RPI_PICO2")
    )
    (tmp_path / "pico2.uf2").write_bytes(uf2.read_bytes().replace(rp2040, rp2350))
    with EmulatedPico("plain") as pico:
        words = f"The board at {pico.port} is Raspberry Pi Pico with RP2040, not one with RP2350"
        refuses(words, "RPI_PICO2", tmp_path / "pico2.uf2", pico.port)


def test_picotool(uf2, drive, tmp_path, monkeypatch):
    """Without a drive; a stand-in, as no picotool can reach an emulated board."""
    tool = tmp_path / "picotool"
    tool.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/log\nexit $CODE\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CODE", "0")
    flash.flash("", "", "RPI_PICO")
    assert (tmp_path / "log").read_text() == "load -x dist/RPI_PICO/firmware.uf2\n"
    monkeypatch.setenv("CODE", "1")
    refuses("picotool failed", "RPI_PICO")


def test_mount_points(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "proc /proc proc rw 0 0\n"
        "/dev/sda1 /boot/efi vfat rw 0 0\n"
        "/dev/sdb1 /media/J\u00f6\\040K/RPI-RP2 vfat rw,nosuid 0 0\n"
    )
    assert flash.mount_points(mounts) == [Path("/boot/efi"), Path("/media/J\u00f6 K/RPI-RP2")]
    assert Path("/") not in flash.mount_points()
