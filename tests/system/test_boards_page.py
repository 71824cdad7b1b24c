"""docs/boards.md, followed line by line from an empty board, where emulation allows.

A ```text block is what a person sees after the ```sh block before it. The Pico is emulated, the
ESP32 is a fake boot loader, and the drive of the Pico's boot loader is a folder.
"""

import contextlib
import doctest
import io
import re
import subprocess
import threading
from pathlib import Path

import flash
import pytest
from fake_esp32 import FakeEsp32, image
from serial_port import EmulatedPico
from test_flash import show, take
from test_pico_tools import Terminal
from test_readme import check, outputs, program

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/boards.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICO, ESP32 = "/dev/ttyACM0", "/dev/ttyUSB0"  # on the page


def steps():
    """The commands of each sh block of the page, and what a person should see, if it says so."""
    found = []
    for language, text in BLOCK.findall(PAGE.read_text()):
        if language == "sh":
            found.append((text.strip(), None))
        else:
            assert found[-1][1] is None
            found[-1] = found[-1][0], text
    return found


STEPS = steps()


def named(words):
    """The one step whose commands begin like this."""
    (step,) = [step for step in STEPS if step[0].startswith(words)]
    return step


def compare(want, got):
    got = re.sub(r"[ \t]+$", "", got, flags=re.MULTILINE)
    matches = doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
    assert matches, f"the page says:\n{want}\nand this came:\n{got}"


def shell(commands, folder=ROOT, **replacements):
    for name, value in replacements.items():
        commands = commands.replace(globals()[name], value)
    # What installs and builds speaks to stderr; make flash and make deploy do not.
    done = subprocess.run(
        ["bash", "-euc", commands], cwd=folder, stdout=subprocess.PIPE, text=True, timeout=600
    )
    assert done.returncode == 0, commands
    return done.stdout.replace("\r", "")


def option(commands, name):
    return re.search(rf"\b{name}=(\S+)", commands)[1]


def test_every_step_is_followed_here():
    followed = "make flash BOARD=RPI_PICO,make flash BOARD=ESP32,esptool,make deploy,make repl"
    followed += ",source,mpremote connect /dev/ttyACM0 cp :,mpremote connect /dev/ttyACM0 cp build"
    followed += ",make mpy,make firmware"
    assert [named(words) for words in followed.split(",")] == STEPS


@pytest.fixture
def stock(tmp_path, monkeypatch):
    """Where the stock firmware of the page was fetched to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_micropython_onto_a_pico(stock, monkeypatch):
    commands, sees = named("make flash BOARD=RPI_PICO")
    firmware = stock / option(commands, "FIRMWARE")
    plain = shell("boards/firmware.sh RPI_PICO plain").split()[-1]
    firmware.write_bytes(Path(plain).read_bytes())
    drive = stock / "RPI-RP2"
    drive.mkdir()
    show(drive, drive.name)
    board = threading.Thread(target=take, args=[drive, firmware.stat().st_size], daemon=True)
    board.start()
    monkeypatch.setattr(flash, "mount_points", lambda: [drive])
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        flash.main([option(commands, "BOARD"), "--firmware", firmware.name])
    board.join()
    compare(sees, printed.getvalue())
    assert (drive / "firmware.uf2").read_bytes() == firmware.read_bytes()


@pytest.mark.parametrize("words", ["make flash BOARD=ESP32", "esptool"])
def test_micropython_onto_an_esp32(words, stock):
    commands, sees = named(words)
    (name,) = re.findall(r"\w+-[\w.-]+\.bin", commands)
    (stock / name).write_bytes(image("ESP32"))
    with FakeEsp32() as esp:
        if commands.startswith("make"):
            commands = f"make --no-print-directory -C {ROOT} {commands.removeprefix('make ')}"
            commands = commands.replace(name, f"{stock}/{name}")
        else:
            commands = (
                f'source "$(boards/setup/python.sh all)/bin/activate"; cd {stock}; {commands}'
            )
        printed = shell(commands, ESP32=esp.port)
        assert esp.flash[0x1000:].startswith(image("ESP32"))
    if sees:
        compare(sees, printed.replace(f"{stock}/", "").replace(esp.port, ESP32))


def test_tinyprop_onto_a_pico_and_the_first_network(tmp_path):
    flash_file = tmp_path / "flash.bin"
    with EmulatedPico("plain", "--flash", flash_file) as pico:
        commands, sees = named("make deploy")
        compare(sees, shell(commands, PICO=pico.port).replace(pico.port, PICO))

        commands, sees = named("make repl")
        terminal = Terminal(*commands.replace(PICO, pico.port).split())
        for line in sees.splitlines():
            terminal.expect(line.replace(PICO, pico.port))
        terminal.type_until("\r", ">>> ")
        terminal.type("import tinyprop as tp; print(tp.__name__)\r")
        terminal.expect("\ntinyprop\n>>> ")
        terminal.type("\x1d")
        assert terminal.process.wait(60) == 0

        activate, _ = named("source")
        file = tmp_path / "page.py"
        file.write_text(program(PAGE))
        printed = shell(f"{activate}; mpremote connect {pico.port} run {file}")
        check(PAGE, outputs(printed))

    # Another day: the board has had no power.
    with EmulatedPico("plain", "--flash", flash_file) as pico:
        load = "import tinyprop as tp; print(tp.load('pose.tp').predict((0.97, 0.04, 0.11)))"
        assert shell(f'{activate}; mpremote connect {pico.port} exec "{load}"') == "1\n"
        to_pc = named("mpremote connect /dev/ttyACM0 cp :")[0]
        to_board = named("mpremote connect /dev/ttyACM0 cp build")[0]
        saved = ROOT / "build/pose.tp"
        saved.unlink(missing_ok=True)
        shell(f"{activate}; {to_pc}", PICO=pico.port)
        on_pc = f'PYTHONPATH=micropython_mod:host_sim/backend python -c "{load}"'
        assert shell(f"{activate}; {on_pc.replace('pose.tp', 'build/pose.tp')}") == "1\n"
        shell(f"{activate}; {to_board}", PICO=pico.port)
        shell(f"{activate}; mpremote connect {pico.port} rm :tinyprop.mpy")
        by_hand = shell(f"{activate}\n{named('make mpy')[0]}", PICO=pico.port)
        assert re.search(r"^\d+\.\d+\.\d+$", by_hand, re.MULTILINE)


def test_firmware():
    commands, sees = named("make firmware")
    compare(sees, shell(commands))
