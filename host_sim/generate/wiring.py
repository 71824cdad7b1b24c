"""Writes how the examples are connected: examples/*/wiring.svg, and the table in each README.

EXAMPLES is the one place that says which part is at which pin. wiring_parts knows what parts look
like, and wiring_picture where wires go.
"""

import argparse

from .. import ROOT
from .format import between
from .wiring_parts import Board, Buttons, Lights, LightSensors, Module
from .wiring_picture import Picture

START, END = "<!-- wiring: python -m host_sim wiring -->\n", "\n<!-- end of wiring -->"

PICO = Board(
    "Raspberry Pi Pico",
    left=tuple(
        "GP0 GP1 GND GP2 GP3 GP4 GP5 GND GP6 GP7"
        " GP8 GP9 GND GP10 GP11 GP12 GP13 GND GP14 GP15".split()
    ),
    right=tuple(
        "VBUS VSYS GND 3V3_EN 3V3 VREF GP28 GND GP27 GP26"
        " RUN GP22 GND GP21 GP20 GP19 GP18 GND GP17 GP16".split()
    ),
)
# Of such boards each has its pins elsewhere.
CAMERA_BOARD = Board(
    "board with a camera",
    left=("", "", "GPIO1", "GPIO2", "GPIO3", "GND", "", ""),
    right=("", "", "GPIO4", "GPIO5", "GPIO6", "GND", "", ""),
    numbers=False,
    camera=True,
)

FOUR_BUTTONS = Buttons(("GP10", "GP11", "GP12", "GP13"), "GND 18")
FOUR_LIGHTS = Lights(("GP18", "GP19", "GP20", "GP21"), "GND 23")
I2C = {"VCC": "3V3", "SDA": "GP4", "SCL": "GP5", "GND": "GND 8"}
ACCELEROMETER = Module("accelerometer", "MPU6050 or LSM6DS3", I2C)

# For each example its board and what is connected to that; on each side the upper one first.
EXAMPLES = {
    "buttons": (
        PICO,
        LightSensors(("GP26", "GP27", "GP28"), ("GND 28", "GND 33", "GND 33")),
        Buttons(("GP10", "GP11", "GP12"), "GND 18"),
        Lights(("GP18", "GP19", "GP20"), "GND 23"),
    ),
    "gesture": (PICO, ACCELEROMETER, FOUR_BUTTONS, FOUR_LIGHTS),
    "keywords": (
        PICO,
        Module(
            "microphone",
            "INMP441",
            {
                "VDD": "3V3",
                "L/R": "GND 8",
                "GND": "GND 8",
                "SCK": "GP6",
                "WS": "GP7",
                "SD": "GP8",
            },
        ),
        FOUR_BUTTONS,
        FOUR_LIGHTS,
    ),
    "motor": (PICO, ACCELEROMETER, Lights(("GP18",), "GND 23")),
    "thermostat": (
        PICO,
        Module("thermometer", "AHT20", I2C),
        Module("relay", "for 3.3 V", {"VCC": "3V3", "IN": "GP18", "GND": "GND 23"}),
    ),
    "vision": (
        CAMERA_BOARD,
        Buttons(("GPIO1", "GPIO2", "GPIO3"), "GND 6"),
        Lights(("GPIO4", "GPIO5", "GPIO6"), "GND 11"),
    ),
}


def table(board, *parts):
    numbers = " (and its number)" if board.numbers else ""
    lines = [f"| part | pin of the {board.name}{numbers} |", "|---|---|"]
    return lines + [f"| {part} | {pads} |" for each in parts for part, pads in each.rows(board)]


def picture(board, *parts):
    drawn = Picture(board)
    for part in parts:
        part.draw(drawn)
    return drawn.text()


def files():
    """What each file should hold."""
    made = {}
    for name, wiring in EXAMPLES.items():
        folder = ROOT / "examples" / name
        page = folder / "README.md"
        made[folder / "wiring.svg"] = picture(*wiring)
        made[page] = between(page.read_text(), START, END, table(*wiring))
    return made


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m host_sim wiring", description=__doc__)
    parser.parse_args(arguments)
    for path, text in files().items():
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
