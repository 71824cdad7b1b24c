"""A gateway with boards, without Flower: whatever is asked twice, in the middle, or in another's
round, an update is that of a board or there is none."""

import contextlib
import io
import os
import pty
import random
import struct
import termios
import threading
import time
import tty

import pytest
import tinyprop as tp
import tinyprop_fleet
from tinyprop_flower import gateway, models

STEPS = 15
LONG = 30  # seconds after which something hangs
SEED = int(os.environ.get("TINYPROP_SEED", "1"))


class Clock:
    now = 0

    def ticks_ms(self):
        self.now += 1
        return self.now

    def ticks_diff(self, a, b):
        return a - b


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(tinyprop_fleet, "time", Clock())


def model(seed=1, classes=None):
    layers = [tp.Dense(6, activation="relu"), tp.Dense(3)]
    return tp.Model(5, layers, input_range=(-1, 1), seed=seed, classes=classes)


def file_of(model):
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def samples(k):
    chosen = random.Random(k)
    return [[chosen.uniform(-1, 1) for _ in range(5)] for _ in range(9)], [i % 3 for i in range(9)]


def learned(file, k, turn=1):
    board = models.load(file)
    tinyprop_fleet.learn(board, *samples(k), turn, STEPS)
    return file_of(board)


class Line:
    """Straight to a round, by way of a function that may lose or repeat messages."""

    piece = 50

    def __init__(self, name, answer):
        self.name, self.answer = name, answer

    def ask(self, question):
        return self.answer(self.name, question)


def test_many_boards_at_once():
    sent = file_of(model(2))
    this, boards = gateway.Round(sent, 1, STEPS), []
    for k in range(8):
        member = tinyprop_fleet.Member(model(), Line(str(k), this.answer), every=0)
        boards.append(threading.Thread(target=member.step, args=samples(k)))
    for board in boards:
        board.start()
    updates = this.wait(8, 60)
    assert updates == {str(k): (learned(sent, k), 9) for k in range(8)}
    for board in boards:
        board.join()


def test_names_of_classes_travel_with_the_file():
    names = ["down", "still", "up"]
    sent = file_of(model(2, names))
    this = gateway.Round(sent, 1, STEPS)
    member = tinyprop_fleet.Member(model(1, names), Line("a", this.answer), every=0)
    x, y = samples(0)
    assert member.step(x, [names[k] for k in y])
    assert this.wait(1, 0) == {"a": (learned(sent, 0), 9)}


def test_lost_and_repeated_messages_and_gateways_that_come_and_go():
    print("seed", SEED)
    chosen, sent = random.Random(SEED), file_of(model(2))

    class Unsteady:
        round = gateway.Round(sent, 1, STEPS)

        def answer(self, name, question):
            what = chosen.random()
            if what < 0.01:
                self.round = gateway.Round(sent, 1, STEPS)  # another gateway
            if what < 0.03:
                return None
            if what < 0.1:
                self.round.answer(name, question)
            return self.round.answer(name, question)

    unsteady, whole = Unsteady(), 0
    for k in range(30):
        member = tinyprop_fleet.Member(model(), Line(str(k), unsteady.answer), every=0)
        for _ in range(200):
            if member.step(*samples(k)):
                break
        assert member.round == 1
        found = unsteady.round.updates.get(str(k))
        whole += found is not None
        assert found in (None, (learned(sent, k), 9))
    assert whole > 20


def test_a_gateway_that_did_not_give_the_file_takes_the_update():
    sent, new = file_of(model(2)), learned(file_of(model(2)), 0)
    this = gateway.Round(sent, 1, STEPS)
    done = struct.pack("<BII", tinyprop_fleet._DONE, 1, 9)
    changes = list(tinyprop_fleet._changes(new[:-4], sent[:-4], 100))
    assert len(changes) > 1
    for these in changes[1:], changes:
        for start, end in these:
            head = struct.pack("<BII", tinyprop_fleet._TAKE, 1, start)
            assert this.answer("a", head + new[start:end])[9:] == gateway.YES
        if these is not changes:  # not all of it is there
            assert this.answer("a", done + new[-4:])[9:] == gateway.NO
            assert this.updates == {}
    assert this.answer("a", done + new[-4:])[9:] == gateway.YES
    assert this.answer("a", done + new[-4:])[9:] == gateway.YES  # as the first answer was lost
    assert this.wait(1, 0) == {"a": (new, 9)}


def test_who_comes_late_is_told_that_the_round_is_over():
    sent = file_of(model())
    this = gateway.Round(sent, 2, STEPS)
    late = struct.pack("<BII", tinyprop_fleet._TAKE, 1, 200)
    assert this.answer("a", late + b"x") == late
    assert this.wait(1, 0) == {}


def test_an_update_that_comes_when_the_round_has_ended_is_not_taken():
    this = gateway.Round(file_of(model(2)), 1, STEPS)
    kinds = tinyprop_fleet._HERE, tinyprop_fleet._GIVE, tinyprop_fleet._TAKE, tinyprop_fleet._DONE
    done = struct.pack("<BII", kinds[-1], 1, 9) + this.file[-4:]
    assert this.answer("a", done)[9:] == gateway.YES
    assert list(this.wait(2, 0)) == ["a"]
    assert this.answer("a", done)[9:] == gateway.YES  # as the first answer was lost
    for kind in kinds:
        question = struct.pack("<BII", kind, 1, 9) + this.file[-4:]
        assert this.answer("b", question)[9:] == gateway.OVER
    assert list(this.updates) == ["a"]


def test_what_is_no_question_is_not_answered():
    this = gateway.Round(file_of(model()), 1, STEPS)
    for question in b"", b"12345678", struct.pack("<BII", 9, 1, 0):
        assert this.answer("a", question) is None
    beyond = struct.pack("<BII", tinyprop_fleet._TAKE, 1, len(this.file) - 4)
    assert this.answer("a", beyond + b"x") == beyond
    for line in b"", b"~", b"~\n", b"~!!!!\n", b"~AAAA\n", b">>> print(1)\n", b"\xff\n":
        assert gateway.decoded(line) is None


def test_a_bit_that_a_serial_line_has_changed_does_not_pass():
    message = struct.pack("<BII", tinyprop_fleet._DONE, 1, 9) + b"1234"
    line = gateway.encoded(message)
    assert gateway.decoded(line) == message
    for at in range(8 * len(line)):
        changed = bytearray(line)
        changed[at // 8] ^= 1 << at % 8
        assert gateway.decoded(bytes(changed)) in (None, message)


def test_it_tells_what_it_does_not_reach(caplog):
    assert gateway.serve(file_of(model()), 7, STEPS, ["/dev/of-none"], "", 3, 0.2) == {}
    (record,) = caplog.records
    assert "round 7: 0 of 3 boards" in record.getMessage()
    assert "/dev/of-none: " in record.getMessage()


def test_it_names_boards_at_a_broker_that_asked_and_sent_nothing(caplog, monkeypatch):
    here = struct.pack("<BII", tinyprop_fleet._HERE, 0, 0)

    class Broker:
        name = trouble = None

        def __init__(self, address, answer):
            for board in "kitchen", "attic":
                assert answer(board, here)

        def stop(self):
            pass

    monkeypatch.setattr(gateway, "Broker", Broker)
    assert gateway.serve(file_of(model()), 7, STEPS, [], "here", 3, 0) == {}
    said = "attic: it has asked, but no update came; kitchen: it has asked, but no update came"
    assert caplog.records[0].getMessage().endswith(f"have sent an update; {said}")


def test_it_tells_what_a_board_says_that_sends_nothing(caplog):
    (quiet, quiet_end), (failed, failed_end) = pty.openpty(), pty.openpty()
    says = b"Traceback (most recent call last):\r\nValueError: another model\r\n>>> \r\n"
    ports, over = [os.ttyname(end) for end in (quiet_end, failed_end)], threading.Event()

    def fail():
        while not over.wait(0.05):  # what comes before the gateway opens a port is lost
            os.write(failed, says)

    board = threading.Thread(target=fail)
    board.start()
    assert gateway.serve(file_of(model()), 1, STEPS, ports, "", 2, 1) == {}
    over.set()
    board.join()
    for end in quiet, quiet_end, failed, failed_end:
        os.close(end)
    (record,) = caplog.records
    assert f"{ports[0]}: it is open, but no update came" in record.getMessage()
    assert record.getMessage().endswith(f"{ports[1]}: the board says ValueError: another model")


def opened_port(answer):
    """(what answers at a serial port, the two ends of it)"""
    master, slave = pty.openpty()
    tty.setraw(slave)
    port = gateway.SerialPort(os.ttyname(slave), answer)
    assert os.read(master, 1) == b"\n"  # which it begins with
    return port, master, slave


def stops(port):
    stop = threading.Thread(target=port.stop, daemon=True)
    stop.start()
    stop.join(LONG)
    return not stop.is_alive()


def test_a_serial_port_is_as_fast_as_boards_are():
    port, *ends = opened_port(None)
    assert termios.tcgetattr(ends[1])[4:6] == [termios.B115200] * 2
    assert stops(port)
    for end in ends:
        os.close(end)


def test_a_board_that_asks_and_does_not_read_holds_nobody():
    asked = threading.Event()

    def answer(name, question):
        asked.set()
        return bytes(100_000)  # more than a line has room for

    port, *ends = opened_port(answer)
    os.write(ends[0], gateway.encoded(b"here"))
    assert asked.wait(LONG)
    assert stops(port)
    for end in ends:
        os.close(end)


def test_a_board_that_ends_no_line_holds_nobody():
    port, *ends = opened_port(None)
    over = threading.Event()
    os.set_blocking(ends[0], False)

    def print_on():
        while not over.wait(0.001):
            with contextlib.suppress(BlockingIOError):
                os.write(ends[0], b"21.5 ")

    board = threading.Thread(target=print_on)
    board.start()
    stopped = stops(port)
    over.set()
    board.join()
    for end in ends:
        os.close(end)
    assert stopped


def test_over_a_serial_port():
    """A pseudo terminal, whose other end is the stdin and stdout of a board that prints, too."""
    sent = file_of(model(2))
    master, slave = pty.openpty()
    tty.setraw(slave)
    tinyprop_fleet.time = type(
        "Time", (), {"ticks_ms": lambda: int(time.monotonic() * 1000), "ticks_diff": int.__sub__}
    )
    board = model()
    with os.fdopen(master, "r+b", buffering=0) as port:
        line = tinyprop_fleet.Serial(port, patience=500)
        member = tinyprop_fleet.Member(board, line, every=0)
        over = threading.Event()

        def run():
            while not over.is_set():
                port.write(b"21.5 ")
                if member.step(*samples(0)):
                    break

        thread = threading.Thread(target=run)
        thread.start()
        updates = gateway.serve(sent, 1, STEPS, [os.ttyname(slave)], "", 1, 60)
        over.set()
        thread.join()
    os.close(slave)
    assert list(updates.values()) == [(learned(sent, 0), 9)]
    assert file_of(board) == learned(sent, 0)
