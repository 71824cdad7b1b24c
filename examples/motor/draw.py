"""Draws what an MPU6050 might measure on a motor, as a recording to try the example with.

    python examples/motor/draw.py motor.bin

No motor ran: a rotor of some 20 turns a second, a little out of balance, shakes a machine on
springs, which rings at frequencies of its own; the load goes up and down, and the speed with it.
Then something breaks: a blade of the fan, so the rotor is out of balance; a bearing, which knocks
once a turn; or a screw of the feet comes loose, so the springs are softer. The same seed draws the
same bytes, in the format of ../gesture/recorded.py, with the number of what is broken in place of
the gesture.
"""

import argparse

import numpy as np

RATE = 100  # readings a second
INSIDE = 8  # steps of the model for each reading
READINGS = 128  # of a piece
NO_BUTTON = 255
NOTHING, BLADE, BEARING, FOOT = range(4)
G = 9.81
SPRINGS = 2 * np.pi * np.array([33, 27, 41])  # x, y and z ring so fast, in radians a second
DAMPING = 0.1


def shaken(force, spring):
    """How a mass of 1 kg on a spring is accelerated by a force, step by step."""
    dt = 1 / RATE / INSIDE
    place = speed = 0.0
    moved = []
    for f in force.tolist():
        acceleration = f - spring * spring * place - 2 * DAMPING * spring * speed
        speed += acceleration * dt
        place += speed * dt
        moved.append(acceleration)
    return np.array(moved)


def readings(broken, random):
    """int16 [READINGS][3]: 8192 for 1 g."""
    before = 50  # readings until the machine has got into its swing
    n = (before + READINGS) * INSIDE
    t = np.arange(n) / RATE / INSIDE
    load = 1 + 0.03 * np.sin(2 * np.pi * (t / random.uniform(4, 9) + random.uniform()))
    turns = np.cumsum(random.normal(20, 0.3) * load) / RATE / INSIDE + random.uniform()
    angle = 2 * np.pi * turns
    pull = random.normal(1.2, 0.1) * load**2 * (2.5 if broken == BLADE else 1)
    force = np.stack([np.cos(angle), np.sin(angle), 0.3 * np.sin(2 * angle)], 1) * pull[:, None]
    if broken == BEARING:
        force[:, 1] += 60 * np.diff(np.floor(turns), prepend=np.floor(turns[0]))
    force += random.normal(0, 2, force.shape)
    springs = SPRINGS * (0.85 if broken == FOOT else 1)
    moved = np.stack([shaken(force[:, i], springs[i]) for i in range(3)], 1)
    # The sensor feels gravity, too, and gives means over its own time; it has noise.
    felt = moved.reshape(-1, INSIDE, 3).mean(1)[before:] + (0, 0, G)
    return (felt / G * 8192 + random.normal(0, 40, felt.shape)).astype(np.int16)


def recording(seed=1, normal=360, broken=40):
    """Pieces of a normal motor, and then as many of each that is broken: [(what, readings)]."""
    random = np.random.default_rng(seed)
    for what, n in (NOTHING, normal), (BLADE, broken), (BEARING, broken), (FOOT, broken):
        for _ in range(n):
            yield what, readings(what, random)


def write(path, records):
    with open(path, "wb") as file:
        for what, measured in records:
            file.write(bytes([NO_BUTTON, what, READINGS]) + measured.astype(">i2").tobytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", help="where the recording goes")
    write(parser.parse_args().file, recording())
