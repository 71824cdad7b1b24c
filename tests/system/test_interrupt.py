"""Ctrl-C at any moment in learn_many: the model is whole, as if it had learned the samples up to
there one by one."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from mpremote.transport_serial import SerialTransport
from serial_port import EmulatedPico

ROOT = Path(__file__).resolve().parents[2]

# Runs on a PC and on a board.
PROGRAM = """
import io
import tinyprop as tp

N = 200
x = memoryview(bytearray(i * i % 251 for i in range(64 * N)))
y = bytes(i * i % 5 % 3 for i in range(N))

def new():
    layers, policy = [tp.Dense(24, "relu"), tp.Dense(3)], tp.Full()  # no step is skipped
    return tp.Model(64, layers, input_range=(0, 255), policy=policy)

def learn(model, i):
    model.learn(x[i % N * 64 : i % N * 64 + 64], y[i % N])

def file_of(model):
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()

def interrupted():
    model = new()
    try:
        print("learning")
        while True:
            model.learn_many(x, y)
    except KeyboardInterrupt:
        pass
    steps = model.stats()["steps"]
    twin = new()
    for i in range(steps):
        learn(twin, i)
    # One more of both, as the mean loss is of the last call.
    learn(model, steps)
    learn(twin, steps)
    assert file_of(model) == file_of(twin), steps
    print("whole after", steps)
"""
MOMENTS = "for _ in range({}):\n    interrupted()\n"


def seconds(times, longest):
    """To wait before each Ctrl-C, the same in each run; what has been learned by then is not."""
    return [random.Random(i).uniform(0, longest) for i in range(times)]


def check(said):
    """said: what the program said after each Ctrl-C."""
    assert all(re.fullmatch(r"whole after \d+\s*", line) for line in said), said
    steps = [int(line.split()[-1]) for line in said]
    assert len(set(steps)) > len(steps) / 2, steps  # it was at work


# In a job of the background Ctrl-C is ignored, by what it starts as well.
HEED = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


# Neither numpy nor the unix port of MicroPython keeps this promise.
def test_on_cpython():
    times, said = 40, []
    folders = [f"{ROOT}/host_sim/backend", f"{ROOT}/micropython_mod"]
    environment = {"PYTHONPATH": os.pathsep.join(folders), "TINYPROP_BACKEND": "c"}
    with subprocess.Popen(
        [sys.executable, "-u", "-c", HEED + PROGRAM + MOMENTS.format(times)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for pause in seconds(times, 0.1):
            assert process.stdout.readline() == "learning\n"
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            said.append(process.stdout.readline())
    check(said)


def test_on_a_board():
    times, said = 8, []
    with EmulatedPico("tinyprop") as pico:
        line = SerialTransport(pico.port, timeout=60)
        line.enter_raw_repl(soft_reset=False)
        line.exec_raw_no_follow(PROGRAM + MOMENTS.format(times))
        for pause in seconds(times, 1):
            line.read_until(1, b"learning\r\n", timeout=60)
            time.sleep(pause)
            line.serial.write(b"\x03")
            said.append(line.read_until(1, b"\n", timeout=60).decode())
        line.close()
    check(said)
