"""start() of the examples, in front of a `machine` that stands for a board's: it reads sensors and
buttons, switches lights, saves at Ctrl-C and goes on from that."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import tinyprop as tp
from example import modules

READS = 700
DRAWN = sorted(Path(__file__).resolve().parents[2].glob("examples/*/draw.py"))


class Machine:
    """The module `machine` of a board on which Ctrl-C is pressed after so many reads."""

    def __init__(self, bus=None, presses=True):
        self.bus, self.reads, self.lights = bus, 0, set()
        machine = self

        class Pin:
            IN, OUT, PULL_UP = range(3)

            def __init__(self, n, *kind, value=0):
                self.n = n

            def value(self, *new):
                if new:
                    machine.lights |= {self.n} if new[0] else set()
                # One button after the other is pressed for a while, and then none.
                return int(
                    not presses or self.n - 10 != machine.reads // 60 or machine.reads > 300
                )

        class I2S:
            RX, MONO = range(2)

            def __init__(self, number, **settings):
                assert settings["bits"] == 32

            def readinto(self, halves):
                machine.read()
                loud = 2000 if machine.reads % 60 > 20 else 10
                for i in range(1, len(halves), 2):
                    halves[i] = loud if i % (4 + 4 * (machine.reads // 60 % 4)) == 1 else 0
                return 2 * len(halves)

        self.Pin, self.I2S = Pin, I2S
        self.ADC = lambda pin: SimpleNamespace(read_u16=self.read)

    def I2C(self, number, **settings):
        machine = self

        class Bus:
            def __getattr__(self, name):
                if name.endswith("_into"):
                    machine.read()
                return getattr(machine.bus, name)

        return Bus()

    def read(self):
        self.reads += 1
        if self.reads > READS:
            raise KeyboardInterrupt
        return 1000 * (self.reads // 60 % 4) + self.reads % 50


class Chip:
    """An MPU6050 at rest."""

    def scan(self):
        return [0x68]

    def readfrom_mem(self, address, register, n):
        return bytes([0x68])

    def readfrom_mem_into(self, address, register, buffer):
        buffer[:] = bytes([1] * len(buffer))

    def writeto_mem(self, address, register, data):
        pass


@pytest.mark.parametrize(
    "name, file, lights",
    [
        ("buttons", "things.tp", {18, 19, 20}),
        ("gesture", "gestures.tp", {18, 19, 20, 21}),
        ("keywords", "words.tp", {18, 19, 20, 21}),
        ("thermostat", "room.tp", {18}),
    ],
)
def test_it_starts_and_goes_on(name, file, lights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(time, "sleep_ms", lambda ms: None, raising=False)
    known = 0
    for _ in range(2):
        with modules([name], "main") as example:
            bus = __import__("room").Room(9) if name == "thermostat" else Chip()
            machine = Machine(bus)
            monkeypatch.setitem(sys.modules, "machine", machine)
            example.main.start()
        steps = tp.load(file).stats()["steps"]
        assert steps > known and machine.reads > READS
        assert machine.lights and machine.lights <= lights
        known = steps


@pytest.mark.parametrize("name", ["buttons", "gesture"])
def test_it_waits_to_be_taught_and_shows_what_it_was_taught_before(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "sleep_ms", lambda ms: None, raising=False)
    for presses, shows in ((False, False), (True, True), (False, True)):
        with modules([name], "main") as example:
            machine = Machine(Chip(), presses)
            monkeypatch.setitem(sys.modules, "machine", machine)
            example.main.start()
        assert machine.reads > READS and bool(machine.lights) == shows


@pytest.mark.parametrize("draw", DRAWN, ids=lambda path: path.parent.name)
def test_who_names_no_file_for_a_recording_is_told(draw):
    done = subprocess.run([sys.executable, draw], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "arguments are required: file" in done.stderr
