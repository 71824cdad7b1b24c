"""Draws what an MPU6050 might measure of four gestures, as a recording to try the example with.

    python examples/gesture/draw.py gestures.bin

Nobody moved: a model of a hand with a sensor in it waves from side to side, pumps up and down,
saws back and forth, or goes in a circle. A recording is of one person, quick or slow, who never
does it twice with the same speed, width, tilt and start. The hand sways and trembles, and the
sensor has noise. The same seed draws the same bytes. recorded.py has the format.
"""

import argparse

import numpy as np

RATE = 100  # readings a second
G = 9.81
TAUGHT, SHOWN = 100, 200  # readings of a gesture that is taught, and of one that is shown
NO_BUTTON = 255


def turn(axis, angle):
    """The matrix that turns about x, y or z by an angle."""
    matrix = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix


def motion(gesture, n, late, habit, random):
    """Where the hand is, in m, at each of n readings. x points to the right, y ahead, z up."""
    t = np.arange(n) / RATE
    # It takes a moment to get going, without a jerk.
    begun = np.sin(np.pi / 2 * np.clip((t - late) / 0.3, 0, 1)) ** 2
    speed, width = habit * random.normal(1, 0.15, 2)
    phase = 2 * np.pi * (speed * t + random.uniform())
    width = width * begun
    place = np.zeros((n, 3))
    place[:, (0, 2, 1, 0)[gesture]] = width * np.sin(phase)
    if gesture == 3:
        place[:, 2] = width * np.cos(phase)
    sway = np.sin(phase[:, None] / 2 + random.uniform(0, 6, 3)) * begun[:, None]
    return place + 0.015 * sway


def readings(gesture, n, late, habit, random):
    """int16 [n][3]: what the sensor in the hand measures, 8192 for 1 g."""
    # A little more at either end, as the hand moves before and after.
    place = motion(gesture, n + 2, late, habit, random)
    force = np.diff(place, 2, axis=0) * RATE**2 + (0, 0, G)
    force += random.normal(0, 0.5, force.shape)  # it trembles
    held = turn(0, random.normal(0, 0.15)) @ turn(1, random.normal(0, 0.15))
    measured = force @ held / G * 8192
    measured += random.normal(0, 40, measured.shape)
    return measured.clip(-32768, 32767).astype(np.int16)


def recording(seed=1, taught=10, shown=10):
    """Each gesture is taught so often, in turn, and then shown: [(button, gesture, readings)]."""
    random = np.random.default_rng(seed)
    habit = random.uniform((1.4, 0.05), (2.4, 0.1))  # how often a second, and how far in m
    for gesture in [0, 1, 2, 3] * taught:
        late = random.uniform(0, 0.2)
        yield gesture, gesture, readings(gesture, TAUGHT, late, habit, random)
    for gesture in [0, 1, 2, 3] * shown:
        yield NO_BUTTON, gesture, readings(gesture, SHOWN, 0, habit, random)


def write(path, records):
    with open(path, "wb") as file:
        for button, gesture, measured in records:
            file.write(bytes([button, gesture, len(measured)]) + measured.astype(">i2").tobytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", help="where the recording goes")
    write(parser.parse_args().file, recording())
