"""docs/boards.md, followed line by line from an empty board, where emulation allows.

A ```text block is what a person sees after the ```sh block before it. The Pico is emulated, the
ESP32 is a fake boot loader, and the drive of the Pico's boot loader is a folder.
"""

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fake_esp32 import FakeEsp32, image
from serial_port import EmulatedPico
from test_flash import show, take
from test_pico_tools import Terminal
from test_readme import check, outputs, program
from tinyprop_cli import board, deploy, flash

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


@pytest.fixture(scope="module")
def shell(installed):
    """shell(commands, folder): what they print where tinyprop is installed."""
    tools = Path(sys.executable).parent  # with the scripts of what came with it
    path = os.pathsep.join([str(installed.bin), str(tools), os.environ["PATH"]])

    def run(commands, folder=ROOT, **replacements):
        for name, value in replacements.items():
            commands = commands.replace(globals()[name], value)
        # What installs and builds speaks to stderr; the commands do not.
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, commands
        return done.stdout.replace("\r", "")

    run.path = path
    return run


def test_every_step_is_followed_here():
    followed = "pip install,tinyprop flash RPI_PICO,tinyprop flash ESP32,esptool,tinyprop deploy"
    followed += ",tinyprop repl,tinyprop pull,tinyprop push,mpremote,make deploy,make firmware"
    assert [named(words) for words in followed.split(",")] == STEPS


def test_tinyprop_onto_the_pc(shell):
    commands, sees = named("pip install tinyprop\n")
    compare(sees, shell(commands.partition("\n")[2]))


@pytest.fixture
def stock(tmp_path, monkeypatch):
    """Where the stock firmware of the page was fetched to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_micropython_onto_a_pico(stock, monkeypatch, shell):
    commands, sees = named("tinyprop flash RPI_PICO")
    firmware = stock / commands.split()[-1]
    plain = shell("boards/firmware.sh RPI_PICO plain").split()[-1]
    firmware.write_bytes(Path(plain).read_bytes())
    drive = stock / "RPI-RP2"
    drive.mkdir()
    show(drive, drive.name)
    taker = threading.Thread(target=take, args=[drive, firmware.stat().st_size], daemon=True)
    taker.start()
    monkeypatch.setattr(flash, "mount_points", lambda: [drive])
    monkeypatch.setattr(board, "INSTALLED", True)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        flash.flash(firmware.name, "", "")
    taker.join()
    compare(sees, printed.getvalue())
    assert (drive / "firmware.uf2").read_bytes() == firmware.read_bytes()


@pytest.mark.parametrize("words", ["tinyprop flash ESP32", "esptool"])
def test_micropython_onto_an_esp32(words, stock, shell):
    commands, sees = named(words)
    (name,) = re.findall(r"\w+-[\w.-]+\.bin", commands)
    (stock / name).write_bytes(image("ESP32"))
    with FakeEsp32() as esp:
        printed = shell(commands, stock, ESP32=esp.port)
        assert esp.flash[0x1000:].startswith(image("ESP32"))
    if sees:
        compare(sees, printed.replace(esp.port, ESP32))


def test_tinyprop_onto_a_pico_and_the_first_network(tmp_path, shell):
    flash_file = tmp_path / "flash.bin"
    with EmulatedPico("plain", "--flash", flash_file) as pico:
        commands, sees = named("tinyprop deploy")
        compare(sees, shell(commands, PICO=pico.port).replace(pico.port, PICO))
        commands, sees = named("make deploy")
        make = shell(commands.replace("make", "make --no-print-directory"), PICO=pico.port)
        compare(sees, make.replace(pico.port, PICO))

        commands, sees = named("tinyprop repl")
        terminal = Terminal(
            "env", f"PATH={shell.path}", *commands.replace(PICO, pico.port).split()
        )
        for line in sees.splitlines():
            terminal.expect(line.replace(PICO, pico.port))
        terminal.type_until("\r", ">>> ")
        terminal.type("import tinyprop as tp; print(tp.__name__)\r")
        terminal.expect("\ntinyprop\n>>> ")
        terminal.type("\x1d")
        assert terminal.process.wait(60) == 0

        file = tmp_path / "page.py"
        file.write_text(program(PAGE))
        printed = shell(f"mpremote connect {pico.port} run {file}")
        check(PAGE, outputs(printed))

    # Another day: the board has had no power.
    load = "import tinyprop as tp; print(tp.load('pose.tp').predict((0.97, 0.04, 0.11)))"
    with EmulatedPico("plain", "--flash", flash_file) as pico:
        assert shell(f'mpremote connect {pico.port} exec "{load}"') == "upright\n"
        commands, sees = named("tinyprop pull")
        compare(sees, shell(commands, tmp_path, PICO=pico.port))
        assert shell(f'python -c "{load}"', tmp_path) == "upright\n"
        shell(named("tinyprop push")[0], tmp_path, PICO=pico.port)

        # By mip, beside nothing else.
        removed = " + ".join(f"rm :{name}" for name in deploy.FILES)
        shell(f"mpremote connect {pico.port} {removed}")
        shell(f"boards/mip/build.sh {tmp_path}/mip")
        by_mip = shell(named("mpremote")[0], tmp_path, PICO=pico.port)
        assert by_mip.endswith(f"Done\n{board.version()}\n")
        assert shell(f'mpremote connect {pico.port} exec "{load}"') == "upright\n"


def test_firmware(shell):
    commands, sees = named("make firmware")
    compare(sees, shell(commands))
