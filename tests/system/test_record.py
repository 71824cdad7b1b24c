"""`tinyprop record` and `tinyprop watch`: what boards print, and what becomes of it."""

import os
import pty
import resource
import signal
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

import numpy as np
import pytest
import tinyprop as tp
from serial_port import EmulatedPico
from tinyprop_cli import board, lines, record, samples, watch
from tinyprop_cli.board import Problem

PATH = [f"{board.ROOT}/{name}" for name in ("boards", "micropython_mod", "host_sim")]
PATH.append(f"{board.ROOT}/host_sim/backend")


class Line:
    """A serial port, and what a board says there as soon as a program listens."""

    def __init__(self):
        self.board, self.pc = pty.openpty()
        tty.setraw(self.pc)
        self.port = os.ttyname(self.pc)
        self.opened, self.heard = threading.Event(), []

    def say(self, text, unplugged_after=None):
        """A line is cut first: a program that comes to a port hears the rest of one."""
        arguments = f"8,8\r\n{text}", unplugged_after
        self.thread = threading.Thread(target=self.talk, args=arguments)
        self.thread.start()

    def talk(self, text, unplugged_after):
        self.opened.wait()  # what was there before is thrown away when the port is opened
        self.opened.clear()
        os.write(self.board, text.encode())
        if unplugged_after:
            while unplugged_after not in self.heard:
                time.sleep(0.01)
            self.close()

    def close(self):
        for end in self.board, self.pc:
            os.close(end)


@pytest.fixture
def line(monkeypatch):
    line, read = Line(), lines.read

    def reading(port):
        line.opened.set()
        for text in read(port):
            line.heard.append(text)
            yield text

    monkeypatch.setattr(lines, "read", reading)
    yield line
    line.opened.set()
    line.thread.join()
    try:
        line.close()
    except OSError:  # unplugged
        pass


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows(label, *values):
    return "".join(f"{label},{','.join(map(str, row))}\r\n" for row in values)


END = "\r\n>>> "


# ---- record


@pytest.mark.parametrize("name", ["samples.csv", "samples.npz"])
def test_samples_are_added_to_those_before(line, said, name):
    line.say("a robot\r\n" + rows("wave", [1, -2.5], [3, 4]) + rows("still", [0, 1e-3]) + END)
    text = said("record", line.port, "-o", name)
    assert "a robot\n" in text and "The program on the board has ended.\n" in text
    assert f"3 samples are new, and {name} has wave (2), still (1).\n" in text
    line.thread.join()
    line.say(rows("still", [7, 8], [9, 10], [11, 12]))
    text = said("record", line.port, "-o", name, "-n", 2)
    assert f"2 samples are new, and {name} has wave (2), still (3).\n" in text
    kept = samples.read(Path(name))
    x = [[1, -2.5], [3, 4], [0, 1e-3], [7, 8], [9, 10]]
    assert kept.x.tolist() == np.float32(x).tolist()
    assert list(kept.y) == ["wave", "wave", "still", "still", "still"]
    assert sorted(os.listdir()) == [name]


def test_a_label_that_is_said_on_the_pc(line, said):
    line.say("1,2\r\n3,4\r\n" + END)
    said("record", line.port, "--label", "wave")
    assert Path("samples.csv").read_text() == "v1,v2,label\n1,2,wave\n3,4,wave\n"


@pytest.mark.parametrize("label", ["left, slow", 'left "slow"', "a;b;c"])
def test_samples_are_added_under_a_label_of_any_characters(line, said, label):
    for n, samples_now in (2, "1,2\r\n3,4\r\n"), (3, "5,6\r\n"):
        line.say(samples_now + END)
        assert f"has {label} ({n})." in said("record", line.port, "--label", label)
        line.thread.join()
    assert list(samples.read(Path("samples.csv")).y) == [label] * 3


def test_a_label_that_is_typed(monkeypatch):
    class Keyboard:
        def isatty(self):
            return True

        def __iter__(self):
            return iter(["still\n", "\n", "nan\n"])

    monkeypatch.setattr(sys, "stdin", Keyboard())
    typed = record.Typed("wave")
    for _ in range(100):
        if typed.label == "still":
            break
        time.sleep(0.05)
    assert typed.label == "still"


def test_what_is_no_sample():
    for text in (
        "",
        "hello",
        "wave",
        "wave,",
        "wave,1,",
        ",1,2",
        "wave,1,x",
        "wave,1,nan",
        "nan,1",
        "-inf,1",
    ):
        assert record.sample_in(text, None) is None, text
    assert record.sample_in("wave, 1, 2", None) == ("wave", ["1", "2"])
    assert record.sample_in("1,2", "wave") == ("wave", ["1", "2"])
    assert record.sample_in("wave,1,2", "wave") is None


def test_a_label_that_is_no_number_is_only_shown(line, said):
    line.say(rows("7", [1, 2]) + rows("nan", [3, 4]) + rows("7", [5, 6]) + END)
    text = said("record", line.port)
    assert "nan,3,4\n" in text and "2 samples are new, and samples.csv has 7 (2).\n" in text
    assert samples.read(Path("samples.csv")).x.tolist() == [[1, 2], [5, 6]]
    for label in "nan", "-Inf", "1e40":
        text = said("record", line.port, "-o", "none.csv", "--label", label, code=1)
        assert f"error: {label} is no label: a name, or a number that a network takes." in text
    assert not Path("none.csv").exists()


@pytest.mark.parametrize("name", ["samples.csv", "samples.npz"])
def test_nothing_is_lost_when_the_board_is_unplugged(line, said, name):
    line.say(rows("wave", [1, 2], [3, 4]) + "wave,5", unplugged_after="wave,3,4")
    text = said("record", line.port, "-o", name, code=1)
    assert f"2 samples are new, and {name} has wave (2).\n" in text
    assert f"error: The board at {line.port} is gone. All that it sent is in {name}." in text
    assert samples.read(Path(name)).x.tolist() == [[1, 2], [3, 4]]


def knock(line, listens):
    """Says something again and again, until a program listens."""
    while not listens.wait(0.1):
        os.write(line.board, b"knock\r\n")


@pytest.mark.parametrize("name", ["samples.csv", "samples.npz"])
def test_ctrl_c_ends_it_and_nothing_is_lost(name):
    line = Line()
    command = [sys.executable, "-m", "tinyprop_cli", "record", line.port, "-o", name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(PATH)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, text=True) as process:
        listens = threading.Event()
        knocking = threading.Thread(target=knock, args=(line, listens))
        knocking.start()
        assert process.stdout.readline() == "knock\n"
        listens.set()
        knocking.join()
        os.write(line.board, (rows("wave", [1, 2], [3, 4]) + "next\r\n").encode())
        assert "next\n" in process.stdout
        process.send_signal(signal.SIGINT)
        assert f"2 samples are new, and {name} has wave (2).\n" in process.stdout.read()
    assert process.returncode == 0
    assert samples.read(Path(name)).x.tolist() == [[1, 2], [3, 4]]


def add_until_ctrl_c(table, n):
    """Adds a sample; Ctrl-C comes before line n of record.py that this runs. Whether it came."""

    def traced(frame, event, argument):
        nonlocal n
        if frame.f_code.co_filename != record.__file__:
            return None
        n -= event == "line"
        if n == 0:
            raise KeyboardInterrupt
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        table.add("still", ["5", "6"])
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("name", ["samples.csv", "samples.npz"])
def test_ctrl_c_in_the_midst_of_a_sample_leaves_the_others(name):
    file, n, came = Path(name), 0, True
    while came:
        file.unlink(missing_ok=True)
        table = {".csv": record.Rows, ".npz": record.Arrays}[file.suffix](file)
        table.add("wave", ["1", "2"])
        n += 1
        came = add_until_ctrl_c(table, n)
        table.save()
        kept = samples.read(file)
        assert kept.x.tolist() in ([[1, 2]], [[1, 2], [5, 6]]), n
        assert list(kept.y) == ["wave", "still"][: len(kept)], n
    assert n > 3


def test_arrays_are_in_the_file_while_samples_come(line, said, monkeypatch):
    monkeypatch.setattr(record, "SAVE_EVERY", 0)
    there, read = [], lines.read

    def reading(port):
        yield from read(port)
        there.extend(samples.read(Path("s.npz")).y)  # before record saves for the last time

    monkeypatch.setattr(lines, "read", reading)
    line.say(rows("wave", [1, 2], [3, 4]) + END)
    said("record", line.port, "-o", "s.npz")
    assert there == ["wave", "wave"]


def test_a_disk_that_is_full(line, said):
    line.say(rows("wave", [1, 2], [3, 4]) + END)
    Path("full.npz.new").symlink_to("/dev/full")
    text = said("record", line.port, "-o", "full.npz", code=1)
    assert "full.npz could not be written: No space left on device" in text


@pytest.mark.parametrize("bytes_left", [0, 3])
def test_a_row_that_has_no_room_is_not_left_half(bytes_left):
    table = record.Rows(Path("t.csv"))
    table.add("wave", ["1", "2"])
    before = Path("t.csv").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + bytes_left, limits[1]))
    try:
        with pytest.raises(Problem, match="t.csv could not be .*The 1 samples before are in it"):
            table.add("wave", ["3", "4"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert Path("t.csv").read_bytes() == before


def test_files_that_samples_cannot_be_added_to(line, said):
    line.say(rows("wave", [1, 2]) + END)
    Path("three.csv").write_text("1,2,3,wave\n")
    text = said("record", line.port, "-o", "three.csv", code=1)
    assert "wave,1,2  (2 values, and three.csv has 3 a sample)\n" in text
    words = f"error: The lines from {line.port} have 2 values, and three.csv has 3 a sample: say"
    assert words in text and Path("three.csv").read_text() == "1,2,3,wave\n"
    line.thread.join()
    line.say(rows("wave", [4, 5], [6, 7, 8]) + END)
    assert "1 samples are new, and three.csv has wave (2)." in said(
        "record", line.port, "-o", "three.csv"
    )
    Path("other.csv").write_text("1;2;wave\n")
    text = said("record", line.port, "-o", "other.csv", code=1)
    assert "other.csv has no commas between its cells: take another file." in text
    Path("other.csv").write_text("1;2;a,b,c\n")
    text = said("record", line.port, "-o", "other.csv", code=1)
    assert "other.csv has no commas between its cells: take another file." in text
    assert "There is no folder no for s.csv." in said("record", "x", "-o", "no/s.csv", code=1)
    assert "s.txt should be a table, .csv, or" in said("record", "x", "-o", "s.txt", code=1)
    assert "There is no port x." in said("record", "x", code=1)
    Path("cut.csv").write_text("1,2,wave")
    line.thread.join()
    line.say(rows("wave", [3, 4]) + END)
    said("record", line.port, "-o", "cut.csv")
    assert Path("cut.csv").read_text() == "1,2,wave\n3,4,wave\n"


X = np.float32([[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": X, "y": np.array(["a", "b"]), "mean": X.mean(0)},
        {"x": X.astype(float), "y": np.array(["a", "b"])},
        {"x": X[:, :, None], "y": np.array(["a", "b"])},
        {"x": X, "y": np.arange(2)},
        {"x": X, "y": np.eye(2)[:, :1]},
        {"x": X, "y": np.array([1 / 3, 2])},
    ],
)
def test_arrays_that_record_would_not_write_so_are_left_alone(line, said, arrays):
    line.say(rows("a", [5, 6]) + END)
    np.savez("mine.npz", **arrays)
    before = Path("mine.npz").read_bytes()
    text = said("record", line.port, "-o", "mine.npz", code=1)
    assert text.startswith("error: mine.npz is not as record writes it, x in rows of float32")
    assert Path("mine.npz").read_bytes() == before


# ---- watch


def told(model):
    return f"{model.stats()}\r\n"


def test_a_board_that_learns(line, said):
    model, text = tp.Model(2, [tp.Dense(2)], input_range=(0, 1)), "hello\r\n"
    for _ in range(20):
        for i in range(10):
            model.learn((i % 2, 1), i % 2)
        text += told(model)
    line.say(text + END)
    text = said("watch", line.port)
    stats = model.stats()
    assert "hello\n" in text and "The program on the board has ended.\n" in text
    assert text.count(" of them skipped; ") == 21
    assert text.endswith(
        f"200 samples, {stats['skipped'] / 200:.0%} of them skipped; of the last ones"
        f" {stats['accuracy']:.0%} were right, error {stats['error']:.3g}\n"
    )
    assert "(right)" in text and "> (samples)" in text


def test_numbers_and_a_model_that_begins_anew():
    model, history = tp.Model(1, [tp.Dense(2)], loss="mse"), watch.History()
    assert watch.stats_in(told(model).strip()) is None  # no range is known yet
    for i in range(30):
        model.learn([i % 3], [i % 3, 1])
    stats = watch.stats_in(told(model).strip())
    history.add(stats)
    history.add(stats | {"steps": 40})
    assert history.error == sum(stats["error"]) / 2 and history.steps == [30, 40]
    assert "right" not in history.text()
    history.add(stats | {"steps": 10})
    assert history.steps == [10]


def test_lines_that_are_not_stats():
    for text in ("", "1", "{}", "{'steps': 1}", "steps", "(" * 1000, "{'steps'", "[1, 2]"):
        assert watch.stats_in(text) is None, text


def test_nothing_to_watch(line, said):
    line.say("hello\r\n" + END)
    text = said("watch", line.port, code=1)
    assert "a program prints it by print(model.stats())" in text
    line.thread.join()
    line.say(told(tp.Model(2, [tp.Dense(2)])) + "next\r\n", unplugged_after="next")
    assert f"error: The board at {line.port} is gone." in said("watch", line.port, code=1)


# ---- a board with MicroPython

PROGRAM = """
import tinyprop as tp
m = tp.Model(2, [tp.Dense(2)], input_range=(0, 1))
for i in range(30):
    m.learn((i % 2, 1), i % 2)
    print("even" if i % 2 == 0 else "odd", i % 2, 1, sep=",")
    if i % 10 == 9:
        print(m.stats())
"""


def test_a_pico_whose_program_is_started(said, monkeypatch):
    """It waits at its prompt, until main.py is started; then it is recorded, then watched."""
    monkeypatch.setattr(board, "PATIENCE", 100)
    with EmulatedPico("tinyprop") as pico:
        with board.micropython(pico.port) as connected:
            connected.fs_writefile("main.py", PROGRAM.encode())
        text = said("record", pico.port)
        assert "30 samples are new, and samples.csv has even (15), odd (15).\n" in text
        text = said("watch", pico.port)
        assert "30 samples, " in text and "even,0,1\n" in text
