"""Draws what three light sensors in a row might measure, as a recording to try the example with.

    python examples/buttons/draw.py light.bin

Nobody measured it: nothing is before the sensors, or a hand is over the left ones or the right
ones, higher or lower, with more or less light in the room, which changes slowly. No two sensors
are alike. The same seed draws the same bytes. recorded.py has the format.
"""

import argparse

import numpy as np

NO_BUTTON = 255
PLACES = np.array([-1.0, 0.0, 1.0])  # of the sensors
NOTHING, LEFT, RIGHT = range(3)


def recording(seed=1, taught=(NOTHING, LEFT, RIGHT) * 6, shown=(NOTHING, LEFT, RIGHT) * 10, n=10):
    """Things that are taught, n readings of each, then others that are shown: [(button, thing,
    reading)]."""
    random = np.random.default_rng(seed)
    strength = random.uniform(0.6, 1, 3) * 40000
    light = 1.0
    for what, button in [(taught, True), (shown, False)]:
        for thing in what:
            middle = {LEFT: -1, RIGHT: 1}.get(thing, 0) + random.normal(0, 0.15)
            high = random.uniform(0.6, 1.2)
            for _ in range(n):
                light = np.clip(light + random.normal(0, 0.01), 0.7, 1.3)
                shade = 0.9 * np.exp(-(((PLACES - middle) / high) ** 2)) * (thing != NOTHING)
                reading = strength * light * (1 - shade) + random.normal(0, 200, 3)
                yield thing if button else NO_BUTTON, thing, reading.clip(0, 65535)


def write(path, records):
    with open(path, "wb") as file:
        for button, thing, reading in records:
            file.write(bytes([button, thing]) + reading.astype("<u2").tobytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", help="where the recording goes")
    write(parser.parse_args().file, recording())
