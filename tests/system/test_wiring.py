"""How the examples are connected: pictures and tables are what their one source makes, and the
pins are those that the examples' code takes."""

import re
import sys
from itertools import combinations
from unittest.mock import MagicMock
from xml.etree import ElementTree

import pytest
from example import EXAMPLES, modules

from host_sim import ROOT
from host_sim.generate import wiring
from host_sim.generate.wiring_parts import Buttons, Lights, LightSensors

DRIVERS = "accelerometer", "aht20", "esp32_camera", "microphone"
KINDS = {Buttons: "button", Lights: "out", LightSensors: "analog"}
with_wiring = pytest.mark.parametrize("name", wiring.EXAMPLES)


@pytest.mark.parametrize("path", wiring.files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_generated(path):
    assert path.read_text() == wiring.files()[path], "python -m host_sim wiring writes it"


def test_every_example_with_pins_has_its_wiring():
    with_pins = {
        path.parent.name for path in EXAMPLES.glob("*/main.py") if "Pin(" in path.read_text()
    }
    assert with_pins == set(wiring.EXAMPLES)


@with_wiring
def test_page_shows_it(name):
    assert re.search(r"!\[.{40,}\]\(wiring.svg\)", (EXAMPLES / name / "README.md").read_text())


class Machine:
    """The module `machine` of a board, which notes what each pin is for."""

    def __init__(self):
        self.uses = uses = {}  # of each pin, in the order in which they are first taken

        class Pin:
            IN, OUT, PULL_UP = "in", "out", "up"

            def __init__(self, n, *kind, value=0):
                self.n = n
                uses[n] = "button" if kind == ("in", "up") else "".join(kind)

            def value(self, *new):
                return 1

        class Bus:
            RX = MONO = 0

            def __init__(self, number, **settings):
                for name, pin in settings.items():
                    if isinstance(pin, Pin):
                        uses[pin.n] = name

        self.Pin, self.I2C, self.I2S = Pin, Bus, Bus

    def ADC(self, pin):
        self.uses[pin.n] = "analog"


def pins_of_code(name, monkeypatch):
    machine = Machine()
    monkeypatch.setitem(sys.modules, "machine", machine)
    for driver in DRIVERS:
        monkeypatch.setitem(sys.modules, driver, MagicMock())
    with modules([name], "main") as example:
        example.main.run = lambda *arguments: None
        example.main.start()
    return machine.uses


def pins_of_wiring(name):
    uses = {}
    for part in wiring.EXAMPLES[name][1:]:
        kind = KINDS.get(type(part))
        pins = dict.fromkeys(part.pads, kind) if kind else {v: k for k, v in part.pins.items()}
        for pad, use in pins.items():
            if number := re.fullmatch(r"GP(?:IO)?(\d+)", pad):
                uses[int(number[1])] = {"IN": "out"}.get(use, use.lower())
    return uses


@with_wiring
def test_pins_are_those_of_the_code(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # In order: the first button is the first one in both.
    assert list(pins_of_code(name, monkeypatch).items()) == list(pins_of_wiring(name).items())


def wires(name):
    """(colour, straight pieces) of each wire of a picture."""
    for line in ElementTree.parse(EXAMPLES / name / "wiring.svg").iterfind("{*}polyline"):
        points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        if line.get("stroke-width") == "4":
            yield line.get("stroke"), list(zip(points, points[1:], strict=False))


def meet(one, other):
    """Whether two pieces, each level or upright, have a point in common."""
    return all(
        max(min(a[i], b[i]) for a, b in (one, other))
        <= min(max(a[i], b[i]) for a, b in (one, other))
        for i in range(2)
    )


@with_wiring
def test_no_wires_cross(name):
    seen = list(wires(name))
    assert len(seen) > 4
    for (colour, pieces), (other_colour, others) in combinations(seen, 2):
        if colour != other_colour:
            assert not any(meet(a, b) for a in pieces for b in others), (colour, other_colour)
