"""make deploy: a person's way with stock firmware, on an emulated Pico at a pseudo-terminal."""

import errno
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import serial
from serial_port import EmulatedPico
from tinyprop_cli import board, copying, deploy, doctor
from tinyprop_cli.board import Problem

from host_sim.tasks import digits as digits_data

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent

LEARN = """
import digits
digits.TEST, digits.TRAIN = 60, 300
digits.learn(epochs=1).save("digits.tp")
"""

# Runs on the board and on the PC.
SCORES = """
import tinyprop as tp
from array import array
from binascii import hexlify
m = tp.load("digits.tp")
scores = array("f", [0] * 10)
with open("digits.bin", "rb") as file:
    for _ in range(20):
        m.predict_into(file.read(65)[:64], scores)
        print(hexlify(bytes(scores)).decode())
"""

# As the first thing on the board: what other firmware would say of itself.
PRETEND = """
import sys
class Implementation:
    version = (1, 99, 0)
{}
class Sys:
    implementation = Implementation()
    path, modules, platform = sys.path, sys.modules, "pretended"
sys.modules["sys"] = Sys
"""


WITHOUT_PARTS = """
import tinyprop as tp
m = tp.load("m.tp")
try:
    {}
except ImportError as e:
    print(e)
"""
RAM = re.compile(r"    \d+ bytes of RAM and \d+ bytes for files are free\n")
MISSING = "no module named 'tinyprop_{}': copy its .mpy file to the board"


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A board is never too slow because this machine is busy."""
    monkeypatch.setattr(board, "PATIENCE", 100)


@pytest.fixture(scope="module")
def emulated():
    with EmulatedPico("plain") as pico:
        yield pico


@pytest.fixture
def pico(emulated):
    """The board as it comes, without any file."""
    mpremote(emulated, "exec", "import os\nfor name in os.listdir(): os.remove(name)")
    return emulated


def output(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, check=True, **options)
    return done.stdout.decode().replace("\r", "")


def mpremote(pico, *arguments):
    return output(TOOLS / "mpremote", "connect", pico.port, *arguments)


def ampy(pico, *arguments):
    return output(TOOLS / "ampy", "--port", pico.port, *arguments)


def make_deploy(port):
    command = ["make", "deploy", f"PORT={port}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def refuses(port, words):
    with pytest.raises(Problem, match=words):
        deploy.deploy(port)


def test_what_a_board_learned_gives_the_same_answers_on_a_pc(pico, tmp_path):
    done = make_deploy(pico.port)
    assert done.returncode == 0, done.stderr
    assert "MicroPython 1.25.0 on Raspberry Pi Pico with RP2040\n" in done.stdout
    assert "copied; its SHA-256 read back is the same\n" in done.stdout
    assert f"tinyprop {board.version()} works;" in done.stdout
    assert "6 weights and biases" in mpremote(pico, "exec", done.stdout.splitlines()[-1].strip())

    # Fewer digits than the example has, as an emulated Pico is slow.
    digits_data.write(tmp_path / "digits.bin")
    os.truncate(tmp_path / "digits.bin", 65 * (60 + 300))
    ampy(pico, "put", ROOT / "examples/digits.py")
    mpremote(pico, "cp", tmp_path / "digits.bin", ":")
    mpremote(pico, "exec", LEARN)
    (tmp_path / "scores.py").write_text(SCORES)
    on_board = mpremote(pico, "run", tmp_path / "scores.py")
    assert len(set(on_board.split())) == 20

    ampy(pico, "get", "digits.tp", tmp_path / "digits.tp")
    mpremote(pico, "cp", ":digits.tp", tmp_path / "again.tp")
    assert (tmp_path / "digits.tp").read_bytes() == (tmp_path / "again.tp").read_bytes()
    folders = "micropython_mod", "host_sim/backend", "host_sim"
    path = os.pathsep.join(str(ROOT / folder) for folder in folders)
    for backend in "c", "numpy":
        environment = {**os.environ, "PYTHONPATH": path, "TINYPROP_BACKEND": backend}
        on_pc = output(sys.executable, "scores.py", cwd=tmp_path, env=environment)
        assert on_pc == on_board, backend


def test_only_a_file_that_differs_is_copied(pico, capsys):
    for altered, copied in [([], deploy.FILES), ([], ())] + [([n], (n,)) for n in deploy.FILES]:
        for name in altered:
            change = f"f = open('{name}', 'r+b'); f.seek(999); f.write(b'?'); f.close()"
            mpremote(pico, "exec", change)
        deploy.deploy(pico.port)
        said = capsys.readouterr().out
        for name in deploy.FILES:
            words = "copied;" if name in copied else "is on the board already"
            assert re.search(rf"/{name}, \d+ bytes: {words}", said), (altered, said)


def test_a_program_that_runs_on_the_board_is_stopped(pico):
    mpremote(pico, "exec", "with open('main.py', 'w') as f: f.write('while True: pass')")
    mpremote(pico, "reset", "sleep", "2")
    deploy.deploy(pico.port)


def test_a_copy_that_arrives_damaged_is_noticed(pico, monkeypatch):
    write = board.SerialTransport.fs_writefile
    monkeypatch.setattr(
        board.SerialTransport,
        "fs_writefile",
        lambda self, name, data, **how: write(self, name, data[:5000] + b"?" + data[5001:]),
    )
    refuses(pico.port, "arrived damaged")


FILL = """
import os
f = open("big", "wb")
while os.statvfs("/")[3] > 20: f.write(bytes(65536 if os.statvfs("/")[3] > 40 else 4096))
while os.statvfs("/")[3] > 3: f.write(bytes(4096)); f.flush()
f.close()
"""


def test_no_room(pico, monkeypatch):
    mpremote(pico, "exec", FILL)
    refuses(pico.port, "no room for .* 12288 are free")
    # What a file needs beside its own bytes shows only when it is written.
    ask = copying.ask
    monkeypatch.setattr(copying, "ask", lambda board: {**ask(board), "free": 99999})
    refuses(pico.port, "no room")
    assert mpremote(pico, "exec", "import os; print(os.listdir())") == "['big']\n"


@pytest.mark.parametrize(
    "says, words",
    [
        ("    mpy = 517", "1.99.0 is too old for tinyprop.mpy: it has to be 1.23 or newer"),
        ("    _mpy = 4 << 10 | 2 << 8 | 6", "too old"),
        ("    _mpy = 4 << 10 | 7", "version 7.0, newer than tinyprop's 6.3"),
        ("    _mpy = 3 << 8 | 6", "loads no native code"),
        ("    _mpy = 9 << 10 | 3 << 8 | 6", r"no file for this board's architecture \(.* 9\)"),
        ("    _mpy = 10 << 10 | 3 << 8 | 6", "importing it failed: .*incompatible .mpy arch"),
    ],
)
def test_firmware_that_does_not_fit(pico, tmp_path, capsys, says, words):
    (tmp_path / "boot.py").write_text(PRETEND.format(says))
    mpremote(pico, "cp", tmp_path / "boot.py", ":")
    refuses(pico.port, words)
    if "import" not in words:  # which deploy alone does
        with pytest.raises(Problem, match=words):
            doctor.look_at(pico.port)
        assert RAM.search(capsys.readouterr().out)


def test_the_numbers_are_those_of_micropython():
    source = output(ROOT / "boards/setup/sources.sh", "micropython").strip()
    text = Path(source, "py/persistentcode.h").read_text()
    names = re.findall(r"^    MP_NATIVE_ARCH_(\w+)", text, re.MULTILINE)
    numbers = {name.lower(): number for number, name in enumerate(names)}
    for number, name in deploy.ARCHITECTURES.items():
        of_a_lesser_one = numbers["armv6m"] <= numbers[name] < number <= numbers["armv7emdp"]
        assert numbers[name] == number or of_a_lesser_one


def test_without_other_parts_a_model_learns_and_errors_say_what_to_copy(pico):
    deploy.deploy(pico.port)
    made = "import tinyprop as tp; tp.Model(2, [tp.Dense(2)], input_range=(0, 1)).save('m.tp')"
    mpremote(pico, "exec", made)
    for part in "layers", "words", "state":
        mpremote(pico, "rm", f":tinyprop_{part}.mpy")
    for code, prints in [
        ("m = tp.load('m.tp'); print(m.learn([0, 1], 1), m.predict((0, 1)), m.lr)", "True 1 None"),
        ("m.learn([1, 0], 0); m.save('m.tp'); print(tp.load('m.tp').loss == m.loss > 0)", "True"),
        ("tp.Dense(2)", MISSING.format("layers")),
        ("m.summary()", MISSING.format("words")),
        ("m.learn([1], 0)", MISSING.format("words")),
        ("m.stats()", MISSING.format("state")),
        ("m.check()", MISSING.format("layers")),  # which the part that is there needs
    ]:
        code = WITHOUT_PARTS.format(code)
        assert mpremote(pico, "soft-reset", "exec", code) == prints + "\n", code


@pytest.mark.parametrize("name", ["tinyprop.py", "tinyprop", "tinyprop_layers.py"])
def test_a_file_that_would_be_imported_instead(pico, name):
    mpremote(pico, "exec", f"open('{name}', 'w').close()")
    refuses(pico.port, f"The board has {name} among its files")


def test_little_ram(pico):
    mpremote(pico, "exec", "with open('boot.py', 'w') as f: f.write('taken = bytearray(215000)')")
    refuses(pico.port, "importing it failed: MemoryError.* 30 kB of RAM in one piece")


def test_doctor_asks_for_no_file_where_tinyprop_is_in_the_firmware(tmp_path, capsys):
    (tmp_path / "boot.py").write_text(PRETEND.format("    _mpy = 3 << 8 | 6"))
    with EmulatedPico("tinyprop") as pico:
        mpremote(pico, "cp", tmp_path / "boot.py", ":")
        doctor.look_at(pico.port)
    said = capsys.readouterr().out
    assert f"tinyprop {board.version()} is on it\n" in said and RAM.search(said)


def test_firmware_with_tinyprop_in_it(tmp_path, monkeypatch, capsys):
    """The board's own files come before those in its firmware, so a copy would win."""
    backend = "import tinyprop, _tinyprop; print(_tinyprop.backend())"
    tinyprop, layers, *_ = deploy.FILES
    with EmulatedPico("tinyprop") as pico:
        deploy.deploy(pico.port)
        assert "is in this firmware; nothing has to be copied." in capsys.readouterr().out
        assert mpremote(pico, "exec", backend) == "firmware\n"
        mpremote(pico, "cp", deploy.mpy_folder("armv6m") / tinyprop, ":")
        assert mpremote(pico, "soft-reset", "exec", backend) == "mpy\n"
        refuses(pico.port, "the board imports its file tinyprop.mpy, which wins")
        mpremote(pico, "rm", ":tinyprop.mpy")
        mpremote(pico, "cp", deploy.mpy_folder("armv6m") / layers, ":")
        refuses(pico.port, "the board imports its file tinyprop_layers.mpy, which wins")
        mpremote(pico, "rm", ":tinyprop_layers.mpy")
        monkeypatch.setattr(deploy, "version", lambda: "9.9.9")
        refuses(pico.port, "This firmware has tinyprop .* in it, and this is 9.9.9")


# ---- the port


def test_no_port():
    done = make_deploy("/dev/ttyACM99")
    assert done.returncode and done.stderr.startswith("error: There is no port /dev/ttyACM99. ")


def test_a_busy_port(emulated):
    with serial.Serial(emulated.port, exclusive=True):
        refuses(emulated.port, f"Another program is using {emulated.port}")


def test_no_permission(emulated, locked):
    with locked(emulated.port):
        refuses(emulated.port, f"no permission to use {emulated.port}.* usermod -a -G .* ")


def test_no_serial_port():
    refuses("/dev/null", "/dev/null is no serial port")


def test_a_board_that_does_not_answer(monkeypatch):
    transport = board.SerialTransport
    monkeypatch.setattr(board, "SerialTransport", lambda port, timeout: transport(port, timeout=1))
    monkeypatch.setattr(board, "PATIENCE", 1)
    master, slave = pty.openpty()
    try:
        refuses(os.ttyname(slave), "does not answer as MicroPython does")
    finally:
        os.close(slave)
        os.close(master)


def test_a_board_that_is_pulled_out(tmp_path):
    with EmulatedPico("plain", "--flash", tmp_path / "flash.bin") as pico:
        mpremote(
            pico, "exec", "with open('boot.py', 'w') as f: f.write('import time; time.sleep(5)')"
        )
        threading.Timer(3, pico.power_off).start()
        refuses(pico.port, "does not answer as MicroPython does")


def test_a_board_whose_files_cannot_be_written(pico, monkeypatch):
    def read_only(self, name, data, **how):
        raise OSError(errno.EROFS, name)

    monkeypatch.setattr(board.SerialTransport, "fs_writefile", read_only)
    refuses(pico.port, "could not write tinyprop.mpy: Read-only file system")
