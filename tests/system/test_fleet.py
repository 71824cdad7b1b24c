"""The real thing: Flower's SuperLink and SuperNode, three emulated Picos at serial ports and two
MicroPythons over MQTT, all on this machine, learn one model. Every port is one that is free."""

import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import tinyprop as tp
import tinyprop_fleet
from mpremote.transport_serial import SerialTransport
from serial_port import EmulatedPico
from test_fleet_engine import flower
from tinyprop_flower import averaging, models

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "examples/fleet"
MEMBER = (ROOT / "tests/system/fleet_member.py").read_text()
PICOS, PCS = 3, 2
STEPS = 30
LONG = 300  # seconds after which something hangs

SERIAL = """
import tinyprop as tp
def line():
    return tp.fleet.Serial()
"""
MQTT = """
import tinyprop as tp
from umqtt.simple import MQTTClient
def line():
    return tp.fleet.MQTT(MQTTClient("{name}", "127.0.0.1", {port}), "{name}")
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what):
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline, f"waited {LONG} s for {what()}"
        time.sleep(0.1)


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def started_by(pid):
    """The processes that this one has started, and those that these have."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = stat.read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid:
                child = int(stat.parent.name)
                yield child
                yield from started_by(child)


class Program:
    """A program with children of its own, and what it says in a file."""

    def __init__(self, log, command, **environment):
        self.log, self.command, self.environment = log, [*map(str, command)], environment
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self):
        """At once, with all that it has started, also in sessions of their own."""
        for pid in [self.process.pid, *started_by(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def said(self):
        return self.log.read_text(errors="replace")


class Fleet:
    """All of it, in a folder."""

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        self.programs, self.environment = flower(folder / "flower")
        model = tp.Model(64, [tp.Dense(32, activation="relu"), tp.Dense(10)], input_range=(0, 16))
        model.save(str(folder / "model.tp"))
        self.file = (folder / "model.tp").read_bytes()
        self.link_port, self.broker_port = free_port(), free_port()
        self.start_broker()
        self.picos = [self.start_pico(k) for k in range(PICOS)]
        self.pcs = [self.start_pc(k) for k in range(PICOS, PICOS + PCS)]
        self.link = self.program(
            "superlink",
            ["--insecure", "--host", "127.0.0.1", "--port", self.link_port]
            + ["--disable-runtime-dependency-installation"],
        )
        wait_for(lambda: answers(self.link_port), self.link.said)
        ports = ",".join(pico.port for pico in self.picos)
        self.node = self.program(
            "supernode",
            ["--insecure", "--superlink", f"127.0.0.1:{self.link_port}"]
            + ["--host", "127.0.0.1", "--port", free_port(), "--node-config"]
            + [f'ports="{ports}" broker="127.0.0.1:{self.broker_port}" boards={PICOS + PCS}'],
        )

    def start(self, name, command, **environment):
        program = Program(self.folder / f"{name}.log", command, **environment)
        self.stack.callback(program.kill)
        return program

    def program(self, name, arguments):
        return self.start(name, [self.programs / f"flower-{name}", *arguments], **self.environment)

    def start_broker(self):
        subprocess.run([ROOT / "boards/setup/apt.sh", "mqtt"], check=True)
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        )
        broker = self.start("broker", ["/usr/sbin/mosquitto", "-c", config])
        wait_for(lambda: answers(self.broker_port), broker.said)

    def start_pico(self, number):
        pico = self.stack.enter_context(EmulatedPico("tinyprop"))
        board = SerialTransport(pico.port, timeout=5)
        board.enter_raw_repl(timeout_overall=60)
        board.fs_writefile("model.tp", self.file)
        program = f"NUMBER, FILE, PAUSE = {number}, 'model.tp', 300\n{SERIAL}\n{MEMBER}"
        board.exec_raw_no_follow(program)
        board.close()
        return pico

    def model_on(self, pico):
        board = SerialTransport(pico.port, timeout=5)
        board.enter_raw_repl(soft_reset=False, timeout_overall=60)
        data = board.fs_readfile("model.tp")
        board.close()
        return bytes(data)

    def start_pc(self, number):
        name = f"pc{number}"
        micropython = output(ROOT / "boards/unix/build.sh")
        file = self.folder / f"{name}.tp"
        file.write_bytes(self.file)
        mqtt = MQTT.format(name=name, port=self.broker_port)
        path = self.folder / f"{name}.py"
        path.write_text(f"NUMBER, FILE, PAUSE = {number}, '{file}', 300\n{mqtt}\n{MEMBER}")
        folders = f"{output(ROOT / 'boards/setup/umqtt.sh')}:.frozen"
        return self.start(name, [micropython, path], MICROPYPATH=folders)

    def run(self, rounds, seconds=LONG):
        """Begins a run, or goes on with one that ended early."""
        home = Path(self.environment["FLWR_HOME"])
        home.mkdir(exist_ok=True)
        (home / "config.toml").write_text(
            f'[superlink]\ndefault = "here"\n'
            f'[superlink.here]\naddress = "127.0.0.1:{self.link_port}"\ninsecure = true\n'
        )
        settings = {
            "model": f'"{self.folder}/model.tp"',
            "folder": f'"{self.folder}/rounds"',
            "rounds": rounds,
            "steps": STEPS,
            "seconds": seconds,
        }
        text = " ".join(f"{name}={value}" for name, value in settings.items())
        command = [self.programs / "flwr", "run", APP, "here", "--run-config", text]
        done = subprocess.run(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert b"Successfully started run" in done.stdout, done.stdout.decode()

    def kept(self, turn):
        return self.folder / f"rounds/{turn:04}.tp"

    def wait_for_round(self, turn):
        wait_for(self.kept(turn).exists, self.all_said)
        return self.kept(turn).read_bytes()

    def all_said(self):
        return "\n".join(f"{log.name}: {log.read_text()}" for log in self.folder.glob("*.log"))


def output(script):
    return subprocess.check_output([script], text=True).split()[-1]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Fleet(tmp_path_factory.mktemp("fleet"), stack)


def expected(before, now, turn):
    """(the file after a round, that of each board), as boards learn one by one here."""
    sent = averaging.onward(before, now)
    files = []
    for number in range(PICOS + PCS):
        names = {}
        exec(MEMBER.partition("def learn")[0], names)
        x, y = names["samples"](number)
        model = models.load(sent)
        tinyprop_fleet.learn(model, x, y, turn, STEPS)
        file = io.BytesIO()
        model.save(file)
        files.append((file.getvalue(), len(y)))
    return averaging.average(sent, files), [file for file, _ in files]


def test_two_rounds_give_what_a_simulation_gives(fleet):
    fleet.run(rounds=2)
    after = [None, fleet.file]
    for turn in (1, 2):
        file, on_boards = expected(*after[-2:], turn)
        after.append(file)
    assert [fleet.wait_for_round(turn) for turn in (1, 2)] == after[2:]
    for pc, file in zip(fleet.pcs, on_boards[PICOS:], strict=True):
        assert pc.log.with_suffix(".tp").read_bytes() == file


def next_round(fleet, after):
    """The number of the next round, once a board that is never killed is in the middle of it."""

    def last():
        return max(map(int, re.findall(r"^learns (\d+)$", fleet.pcs[1].said(), re.MULTILINE)))

    wait_for(lambda: last() > after, fleet.all_said)
    return last()


def test_whoever_is_killed_in_a_round_the_run_goes_on(fleet):
    fleet.wait_for_round(2)
    fleet.run(rounds=100, seconds=12)  # a gateway that is gone is waited for so long

    turn = next_round(fleet, 2)
    fleet.pcs[0].kill()
    fleet.pcs[0].start()

    turn = next_round(fleet, turn)
    fleet.node.kill()
    fleet.node.start()

    turn = next_round(fleet, turn)
    fleet.link.kill()
    fleet.link.start()
    wait_for(lambda: answers(fleet.link_port), fleet.link.said)
    # It knows no node that it knew before, and what nodes do about that takes longer than this.
    fleet.node.kill()
    fleet.node.start()
    assert not fleet.kept(turn).exists()

    fleet.run(rounds=turn)
    last = models.load(fleet.wait_for_round(turn))
    on_boards = [fleet.model_on(pico) for pico in fleet.picos]
    on_boards += [pc.log.with_suffix(".tp").read_bytes() for pc in fleet.pcs]
    assert all(steps(models.load(file)) >= steps(last) for file in on_boards)
    assert steps(last) > steps(models.load(fleet.kept(2).read_bytes()))


def steps(model):
    return model.stats()["steps"]
