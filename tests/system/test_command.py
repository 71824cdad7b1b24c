"""The command `tinyprop` out of this checkout: ports of every system, models there and back, what
it says of them. test_package.py has it installed.
"""

import ast
import os
import subprocess
import sys

import models as benchmark
import pytest
import serial
import tinyprop as tp
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo
from serial_port import EmulatedPico
from tinyprop_cli import board, copying, deploy, lines
from tinyprop_cli.__main__ import main
from tinyprop_desk import boards

ABSENT = FileNotFoundError(2, "The system cannot find the file specified.")
FOLDERS = "boards", "micropython_mod", "host_sim"
PORTS = "/dev/ttyACM0", "COM3", "/dev/cu.usbmodem1101"


@pytest.fixture(scope="module")
def pico():
    with EmulatedPico("plain") as emulated:
        deploy.deploy(emulated.port)
        yield emulated


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A board is never too slow because this machine is busy."""
    monkeypatch.setattr(board, "PATIENCE", 100)


@pytest.fixture
def plugged_in(monkeypatch):
    """plugged_in({name: path}): the ports of a machine on which a path has this name."""

    def plug(ports, error=ABSENT):
        true = serial.Serial

        class Serial(true):
            def open(self):
                if self._port not in ports:
                    # pyserial on Windows has the reason in its words alone.
                    raise serial.SerialException(f"could not open port {self._port!r}: {error!r}")
                name, self.portstr = self._port, ports[self._port]
                super().open()
                self.portstr = name

        listed = [ListPortInfo(name, skip_link_detection=True) for name in ["COM1", *ports]]
        for port in listed[1:]:
            port.vid, port.description = 0x2E8A, "Board in FS mode"
        monkeypatch.setattr(serial, "Serial", Serial)
        monkeypatch.setattr(list_ports, "comports", lambda: listed)

    return plug


@pytest.fixture
def saved(tmp_path):
    model = tp.Model(3, [tp.Dense(8, activation="relu"), tp.Dense(2)])
    for _ in range(30):
        model.learn((0, 0, 1), 0)
        model.learn((1, 0, 0), 1)
    model.save(str(tmp_path / "pose.tp"))
    return tmp_path / "pose.tp"


# ---- ports


@pytest.mark.parametrize("name", PORTS)
def test_a_board_is_found_whatever_its_port_is_called(name, pico, plugged_in, said, saved):
    plugged_in({name: pico.port})
    assert f"{name}: MicroPython 1.25.0 on Raspberry Pi Pico with RP2040" in said("deploy")
    assert "is on the board already" in said("deploy", name)
    assert "is on the board as pose.tp" in said("push", saved, "--port", name)
    there = said("doctor")
    assert f"{name}: Board in FS mode" in there and "COM1" not in there
    assert f"    tinyprop {tp.__version__} is on it\n" in there


def test_which_of_several_boards_has_to_be_said(pico, plugged_in, said):
    plugged_in({"COM3": pico.port, "COM4": pico.port})
    assert "error: Several boards are there: say which one" in said("deploy", code=1)
    plugged_in({})
    assert "error: No board is there" in said("deploy", code=1)
    assert "No board is there. Plug it in" in said("doctor")


def test_errors_of_windows(plugged_in, said):
    plugged_in({})
    assert "error: There is no port COM9." in said("deploy", "COM9", code=1)
    plugged_in({}, PermissionError(13, "Access is denied."))
    assert "error: Another program is using COM9" in said("deploy", "COM9", code=1)


def test_a_reader_that_goes_is_not_a_board_that_does(pico):
    command = [sys.executable, "-m", "tinyprop_cli", "deploy", pico.port]
    reader, writer = os.pipe()
    os.close(reader)
    path = os.pathsep.join(f"{board.ROOT}/{folder}" for folder in FOLDERS)
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        command, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=300
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_prompt_needs_a_terminal(said):
    ours, port = os.openpty()
    text = said("repl", os.ttyname(port), code=1)
    assert text.startswith("error: A prompt needs a terminal.")
    for end in ours, port:
        os.close(end)


def test_a_command_that_fails_leaves_the_board_at_its_prompt(pico, said):
    said("pull", "none.tp", "-p", pico.port, code=1)
    with serial.Serial(pico.port, timeout=10) as line:
        line.write(b"\r\n")
        assert line.read_until(lines.PROMPT).endswith(lines.PROMPT)


# ---- models


def test_a_model_goes_there_and_back(pico, said, saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = said("push", saved, "-p", pico.port)
    original = saved.read_bytes()
    saved.unlink()
    back = said("pull", "pose.tp", "-p", pico.port)
    assert saved.read_bytes() == original
    digest = there.rpartition("SHA-256 is ")[2]
    assert back.rpartition("SHA-256 is ")[2] == digest and len(digest) == 65
    said("pull", "pose.tp", "other.tp", "-p", pico.port)
    assert (tmp_path / "other.tp").read_bytes() == original
    with board.micropython(pico.port) as connected:
        assert connected.fs_readfile("pose.tp.old") == original


def test_what_is_no_model_is_not_copied(pico, said, saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said("push", saved, "-p", pico.port)
    (tmp_path / "no.tp").write_bytes(saved.read_bytes()[:-1])
    words = "cannot load no.tp: the file is damaged or cut short."
    assert words in said("push", "no.tp", "pose.tp", "-p", pico.port, code=1)
    assert "There is no file x.tp" in said("push", "x.tp", "-p", pico.port, code=1)
    assert "files are: pose.tp, pose.tp.old, tiny" in said("pull", "x.tp", "-p", pico.port, code=1)
    before = saved.read_bytes()
    words = "cannot load tinyprop.mpy on the board: the file is no tinyprop model: it begins with"
    assert words in said("pull", "tinyprop.mpy", "pose.tp", "-p", pico.port, code=1)
    with board.micropython(pico.port) as connected:
        connected.fs_writefile("pose.tp", before[:-1])
    text = said("pull", "pose.tp", "-p", pico.port, code=1)
    assert "cut short. That with .old in its name is of the save before: try it." in text
    said("pull", "pose.tp.old", "pose.tp", "-p", pico.port)
    assert saved.read_bytes() == before
    said("push", saved, "-p", pico.port)
    assert saved.read_bytes() == before and not list(tmp_path.glob("*.new"))
    assert said("pull", "pose.tp", "-p", pico.port) and saved.read_bytes() == before


def test_a_model_that_is_pulled_replaces_no_file_but_a_model(said, tmp_path):
    table = tmp_path / "poses.csv"
    table.write_text("0,1,flat\n")
    text = said("pull", "pose.tp", table, "-p", "COM1", code=1)
    assert f"{table} is there already, and no model: say another name" in text
    assert table.read_text() == "0,1,flat\n"


def test_a_disk_that_is_full(pico, said, saved, tmp_path):
    said("push", saved, "-p", pico.port)
    words = "could not be written: No space left on device"
    file = tmp_path / "full.tp"
    (tmp_path / "full.tp.new").symlink_to("/dev/full")
    assert words in said("pull", "pose.tp", file, "-p", pico.port, code=1)
    assert not file.exists()


def test_a_model_on_the_board_outlives_a_copy_that_fails(pico, said, saved, monkeypatch):
    said("push", saved, "-p", pico.port)
    before = saved.read_bytes()
    model = tp.load(str(saved))
    model.learn((1, 1, 1), 0)
    model.save(str(saved))
    write = board.SerialTransport.fs_writefile
    monkeypatch.setattr(
        board.SerialTransport,
        "fs_writefile",
        lambda self, name, data, **how: write(self, name, data[:-1] + b"?", **how),
    )
    assert "arrived damaged" in said("push", saved, "-p", pico.port, code=1)
    said("pull", "pose.tp", saved, "-p", pico.port)
    assert saved.read_bytes() == before


LOADED = """
import tinyprop as tp
m = tp.load("pose.tp")
print((m.loaded_from, m.stats()["steps"]))
"""


def test_the_plug_is_pulled_in_the_midst_of_each_copy(pico, said, saved, tmp_path, monkeypatch):
    said("push", saved, "-p", pico.port)
    other = tmp_path / "other.tp"
    model = tp.load(str(saved))
    model.learn((1, 1, 1), 0)
    model.save(str(other))
    write = board.SerialTransport.fs_writefile
    left = []  # how many copies come to their end before one that does not

    def write_half(self, name, data, **how):
        if not left or left.pop():
            return write(self, name, data, **how)
        write(self, name, data[: len(data) // 2], **how)
        raise OSError

    def loaded():
        with board.micropython(pico.port) as connected:
            return ast.literal_eval(connected.exec(LOADED).decode().splitlines()[-1])

    monkeypatch.setattr(board.SerialTransport, "fs_writefile", write_half)
    monkeypatch.setattr(copying, "CLEAN_UP", "# {}: there is no time for it")
    for whole, expected in (
        (0, ("pose.tp", 60)),
        (1, ("pose.tp.old", 61)),
        (0, ("pose.tp.old", 61)),
    ):
        left[:] = [False] + [True] * whole
        said("push", other, "pose.tp", "-p", pico.port, code=1)
        assert loaded() == expected and not left
    said("push", other, "pose.tp", "-p", pico.port)
    assert loaded() == ("pose.tp", 61)


def test_what_is_no_model_is_not_overwritten(pico, said, saved):
    said("push", saved, "-p", pico.port)
    with board.micropython(pico.port) as connected:
        connected.fs_writefile("diary.tp.old", b"Dear diary")
        connected.fs_writefile("diary.tp", b"")
        connected.fs_writefile("main.py", b"print(1)")
    assert "diary.tp.old on the board is no model" in said(
        "push", saved, "diary.tp", "-p", pico.port, code=1
    )
    assert "main.py on the board is no model" in said(
        "push", saved, "main.py", "-p", pico.port, code=1
    )
    with board.micropython(pico.port) as connected:
        assert connected.fs_readfile("diary.tp.old") == b"Dear diary"
        assert connected.fs_readfile("main.py") == b"print(1)"
        connected.fs_rmfile("main.py")
        connected.fs_writefile("diary.tp.old", b"TY\0\0")  # as a cut leaves it
    said("push", saved, "diary.tp", "-p", pico.port)
    with board.micropython(pico.port) as connected:
        assert connected.fs_readfile("diary.tp.old") == saved.read_bytes()
        connected.fs_rmfile("diary.tp.old")
        connected.fs_rmfile("diary.tp")


def test_info_tells_what_is_in_it_and_where_it_fits(said, saved, tmp_path):
    text = said("info", saved)
    assert "Dense            8                     32 " in text
    assert "It has seen 60 samples" in text
    assert all(name in text for name in board.names()) and "not in" not in text
    big = tmp_path / "big.tp"
    tp.Model(1000, [tp.Dense(90), tp.Dense(2)], input_range=(0, 1)).save(str(big))
    text = said("info", big)
    smallest = min(boards.room(board.facts(name)) for name in board.names())
    assert f"not in {boards.thousands(smallest)}" in text and "yes" in text
    slow = tmp_path / "slow.tp"
    tp.Model((60, 60, 1), [tp.Conv2D(8, 5), tp.GlobalAvgPool2D(), tp.Dense(2)]).save(str(slow))
    assert "e+" not in said("info", slow)
    assert "is no tinyprop model: it begins with b" in said("info", __file__, code=1)
    big.write_bytes(big.read_bytes()[:-1])
    assert "cut short. That with .old in its name" in said("info", big, code=1)
    big.with_name("big.tp.old").unlink()
    assert said("info", big, code=1).endswith("the file is damaged or cut short.\n")


LARGE = """
import gc
import tinyprop as tp
m = tp.Model({n}, [tp.Dense(100, activation="relu"), tp.Dense(2)], input_range=(0, 255))
for i in range(2):
    m.learn(bytes({n}), i)
m.save("large.tp")
steps = m.stats()["steps"]
gc.collect()
print(steps, gc.mem_free())
"""


def test_what_just_fits_a_pico_learns_and_is_saved_there(pico):
    def bytes_of(n):
        layers = [tp.Dense(100, activation="relu"), tp.Dense(2)]
        return len(tp.Model(n, layers, input_range=(0, 255))._image)

    room = boards.room(board.facts("RPI_PICO"))
    n = next(n for n in range(800, 0, -1) if bytes_of(n) <= room)
    with board.micropython(pico.port) as connected:
        steps, free = map(int, connected.exec(LARGE.format(n=n)).split())
        connected.fs_rmfile("large.tp")
        connected.fs_rmfile("large.tp.old")
    assert steps == 2 and free < 20000  # so much is left for the program


# ---- estimates


@pytest.mark.parametrize("name", benchmark.MODELS)
def test_estimates_beside_the_benchmark(name):
    """Most inputs of mnist are 0: it takes far less."""
    model = benchmark.build(name, "full")
    for arch, (target, _) in boards.MEASURED.items():
        for op in boards.COSTS:
            (taken,) = (
                row["value"]
                for row in boards.results()
                if (row["target"], row["case"], row["op"]) == (target, name, op)
                and row["metric"] == "mean"
            )
            estimate = boards.step_cycles(arch, op, model)
            assert taken / 2.5 < estimate < taken * (8 if "mnist" in name else 2.5), (arch, op)


TIMES = """
import time, tinyprop as tp
from array import array
m = tp.load("timed.tp")
x = array("f", [i / 30 for i in range(30)])
def cycles(step):
    began = time.ticks_us()
    for i in range(20): step(x, i % 4) if step == m.learn else step(x)
    return time.ticks_diff(time.ticks_us(), began) * 125 // 20
print([cycles(m.predict), cycles(m.learn)])
"""


def test_a_step_takes_about_as_long_as_estimated(pico, said, tmp_path):
    layers = [tp.Dense(32, activation="relu"), tp.Dense(16, activation="relu"), tp.Dense(4)]
    model = tp.Model(30, layers, policy=tp.Full())
    model.learn([i / 30 for i in range(30)], 0)
    model.save(str(tmp_path / "timed.tp"))
    said("push", tmp_path / "timed.tp", "-p", pico.port)
    with board.micropython(pico.port) as connected:
        taken = board.tell(connected, TIMES)
    for op, cycles in zip(("forward", "learn-full-first"), taken, strict=True):
        estimate = boards.step_cycles("armv6m", op, model)
        assert cycles / 2.5 < estimate < cycles * 2.5, op


def test_help_names_every_command(said):
    text = said("--help")
    for command in main.commands:
        assert f" {command} " in text
        assert "Usage" in said(command, "--help")
