"""Ctrl-C at any moment in learn_many: the model is whole, as if it had learned the samples up to
there one by one. Interrupts that call a model in the midst of its step: they are refused."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import targets
from mpremote.transport_serial import SerialTransport
from serial_port import EmulatedPico

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = "host_sim/backend", "host_sim", "micropython_mod"
PATH = os.pathsep.join(f"{ROOT}/{folder}" for folder in FOLDERS)

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

def until_ctrl_c(model):
    try:
        print("learning")
        while True:
            model.learn_many(x, y)
    except KeyboardInterrupt:
        pass

def is_whole(model, steps):
    # It has learned once more since, as the mean loss is of the last call.
    twin = new()
    for i in range(steps + 1):
        learn(twin, i)
    assert file_of(model) == file_of(twin), steps
    print("whole after", steps)

def interrupted():
    model = new()
    until_ctrl_c(model)
    steps = model.stats()["steps"]
    learn(model, steps)
    is_whole(model, steps)
"""
MOMENTS = "for _ in range({}):\n    interrupted()\n"


def seconds(times, longest):
    """To wait before each Ctrl-C, the same in each run; what has been learned by then is not."""
    return [random.Random(i).uniform(0, longest) for i in range(times)]


def check(said):
    """said: what the program said after each Ctrl-C."""
    assert all(re.fullmatch(r"whole after \d+\s*", line) for line in said), said
    steps = [int(line.split()[-1]) for line in said]
    assert len(set(steps)) > 1, steps  # it was at work


def on_a_pc(command, times, longest, **environment):
    """What it says after each Ctrl-C."""
    said = []
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    ) as process:
        for pause in seconds(times, longest):
            assert process.stdout.readline() == "learning\n"
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            said.append(process.stdout.readline())
    return said


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_on_cpython(backend):
    command = [sys.executable, "-u", "-c", PROGRAM + MOMENTS.format(40)]
    check(on_a_pc(command, 40, 0.1, PYTHONPATH=PATH, TINYPROP_BACKEND=backend))


HELD = """
import io, random, signal
import tinyprop as tp

def stop(*of_signal):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, stop)
wait, model = random.Random(1), tp.Model(4, [tp.Dense(3)], input_range=(0, 1))

def set_lr():
    model.lr = 0.1

for call in set_lr, model.reset, lambda: model.save(io.BytesIO()):
    for _ in range(150):
        try:
            # Once more after a second: CPython drops what is raised while it frees an object.
            signal.setitimer(signal.ITIMER_REAL, wait.uniform(0.001, 0.006), 1)
            while True:
                call()
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, 0)
        model.learn((1, 0, 1, 0), 1)
print("free")
"""


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_it_leaves_no_model_in_a_call(backend):
    """In the midst of what holds the model: Ctrl-C, or any signal that raises."""
    environment = {**os.environ, "PYTHONPATH": PATH, "TINYPROP_BACKEND": backend}
    command = [sys.executable, "-c", HELD]
    assert subprocess.check_output(command, env=environment, text=True) == "free\n"


OTHERS_LEARN = """
import signal
from array import array
import tinyprop as tp

model = tp.Model(16, [tp.Dense(64, "relu"), tp.Dense(2)], input_range=(0, 1))
one, learned = array("f", [0.5] * 16), 0

def learn(*of_signal):
    global learned
    try:
        model.learn(one, 0)
        learned += 1
    except RuntimeError:  # it is in a call
        pass

learn()
signal.signal(signal.SIGALRM, learn)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
while learned < 100:
    assert model.evaluate(one * 9000, bytes(9000)) == 1
signal.setitimer(signal.ITIMER_REAL, 0)
print("right")
"""


def test_an_evaluation_counts_its_own_samples():
    """While signals have the same model learn."""
    environment = {**os.environ, "PYTHONPATH": PATH, "TINYPROP_BACKEND": "c"}
    command = [sys.executable, "-c", OTHERS_LEARN]
    assert subprocess.check_output(command, env=environment, text=True) == "right\n"


def unix_port(*arguments):
    printed = subprocess.check_output([ROOT / "boards/unix/build.sh", *arguments], text=True)
    return printed.split()[-1]


def test_on_the_unix_port():
    check(on_a_pc([unix_port(), "-c", PROGRAM + MOMENTS.format(40)], 40, 0.1))


CUT_SHORT = """
def interrupted_once():
    model = new()
    file = io.BytesIO()
    until_ctrl_c(model)
    try:
        steps = model.stats()["steps"]
        learn(model, steps)
    except RuntimeError:
        try:
            model.save(file)
        except RuntimeError:
            print("refused", len(file.getvalue()))
        return
    is_whole(model, steps)

interrupted_once()
"""


def test_a_step_that_the_unix_port_cuts_short_is_refused():
    """A native module there cannot hold Ctrl-C back: it leaves the midst of a step."""
    subprocess.check_call([ROOT / "usermod_c/tinyprop/natmod/build.sh", "x64"])
    command, said = [unix_port("plain"), "-c", PROGRAM + CUT_SHORT], []
    for pause in seconds(30, 0.05):
        with subprocess.Popen(
            command,
            env={**os.environ, "MICROPYPATH": f"{ROOT}/dist/x64_6.3"},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout.readline() == "learning\n"
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            said.append(process.stdout.read())
    assert all(re.fullmatch(r"(whole after \d+|refused 0)\n", line) for line in said), said
    assert "refused 0\n" in said  # it was cut short


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


HARD_INTERRUPT = """
from array import array
from rp2 import StateMachine, asm_pio

@asm_pio()
def every_64_cycles():
    set(x, 1)
    label("wait")
    jmp(x_dec, "wait") [30]
    irq(rel(0))

model, twin, out = new(), new(), array("f", [0] * 3)
first, counts = x[:64], [0, 0]  # calls that worked, and that were refused

def interrupt(machine):
    try:
        model.predict_into(first, out)
        counts[0] += 1
    except RuntimeError:
        counts[1] += 1

machine = StateMachine(0, every_64_cycles, freq=20000)
machine.irq(interrupt, hard=True)
machine.active(1)
for i in range(300):
    learn(model, i)
file_of(model)
machine.active(0)
for i in range(300):
    learn(twin, i)
assert file_of(model) == file_of(twin)
print(counts[0] > 0, counts[1] > 0)
"""


def test_an_interrupt_that_calls_the_model_in_a_step():
    with EmulatedPico("tinyprop") as pico:
        line = SerialTransport(pico.port, timeout=60)
        line.enter_raw_repl(soft_reset=False)
        assert line.exec(PROGRAM + HARD_INTERRUPT) == b"True True\r\n"
        line.close()


def test_the_firmware_of_a_pico_claims_a_model_in_ram():
    """The wait of a claim (claim.h) is too short for a core that waits for its flash."""
    elf = Path(targets.script("boards/firmware.sh", "RPI_PICO")).with_suffix(".elf")
    symbols = subprocess.check_output(["arm-none-eabi-nm", elf], text=True)
    (address,) = re.findall(r"^(\w+) t tp_claim$", symbols, re.MULTILINE)
    assert 0x20000000 <= int(address, 16) < 0x20042000
