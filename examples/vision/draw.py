"""Draws what a camera might see of three things, as a recording to try the example with.

    python examples/vision/draw.py frames.bin

Nothing of it was photographed: a red ball, a blue cup with a handle and a green leaf, larger or
smaller, here or there, in more or less light, and noise. The camera stands still, so a recording
has one wall behind them all. The same seed draws the same bytes. recorded.py has the format.
"""

import argparse

import numpy as np

SIDE = 64
COLOURS = np.array([(200, 50, 40), (30, 50, 120), (130, 210, 110)])
NO_BUTTON = 255


def outline(thing, y, x):
    """Where a thing of size 1 is, its centre at 0."""
    if thing == 0:
        return x**2 + y**2 < 1
    if thing == 1:
        handle = np.abs(np.hypot(x - 0.9, y) - 0.45) < 0.15
        return ((np.abs(x) < 0.7) & (np.abs(y) < 1)) | (handle & (x > 0.6))
    return (np.abs(x) < 0.6 * (1 - y**2)) | ((np.abs(x) < 0.08) & (np.abs(y) < 1.4))


def new_wall(random):
    """float [SIDE][SIDE][3]: plain and grey, a little lighter on one side."""
    slope = 1 + random.normal(0, 0.1) * np.linspace(-1, 1, SIDE)
    return (random.uniform(60, 120) + random.normal(0, 10, 3)) * slope[:, None, None]


def picture(thing, wall, random):
    """uint8 [SIDE][SIDE][3]."""
    size, angle = random.uniform(13, 22), random.normal(0, 0.2)
    centre = SIDE / 2 + random.uniform(-8, 8, 2)
    y, x = (np.mgrid[:SIDE, :SIDE] - centre[:, None, None]) / size
    y, x = y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)
    colour = COLOURS[thing] * random.uniform(0.8, 1.2) + random.normal(0, 12, 3)
    shade = 1 - 0.25 * np.hypot(x + 0.3, y + 0.3)[..., None]
    drawn = np.where(outline(thing, y, x)[..., None], colour * shade, wall)
    light = random.uniform(0.8, 1.2)
    noisy = drawn * light + random.normal(0, 8, drawn.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def grey(frame):
    return (frame @ np.array([0.3, 0.59, 0.11])).astype(np.uint8)


def recording(seed=1, taught=(0, 1, 2) * 20, shown=(0, 1, 2) * 5):
    """Things that are taught, then others that are shown: [(button, thing, frame)]."""
    random = np.random.default_rng(seed)
    wall = new_wall(random)
    for thing in taught:
        yield thing, thing, picture(thing, wall, random)
    for thing in shown:
        yield NO_BUTTON, thing, picture(thing, wall, random)


def write(path, records):
    with open(path, "wb") as file:
        for button, thing, frame in records:
            file.write(bytes([button, thing]) + frame.tobytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", help="where the recording goes")
    write(parser.parse_args().file, recording())
