# Counts instructions on the machines of boards/emulators/qemu.sh, started with the option
# -icount shift=7. Then each instruction takes 128 ns of the machine's time, and every machine has
# a clock that tells it: a count is exact but for the clock's rounding (1), and the same each run.
# On Xtensa the ESP32's MULUH and MULSH count as one instruction, though QEMU's core has to emulate
# them; but with 32 registers in place of an ESP32's 64 it spends more on window overflows.
#
# run.py sends this file, and models.py before it.
import gc
import sys

from machine import mem32

MACHINE = sys.implementation._machine


# The clocks, started: a function that returns ticks, the number of bits they have, and nanoseconds
# a tick. Ticks stay below 2^30, as larger numbers take the interpreter longer.
def mps2():
    # Timer 0 counts down from RELOAD, at 25 MHz.
    mem32[0x40000008] = (1 << 29) - 1
    mem32[0x40000004] = (1 << 29) - 1
    mem32[0x40000000] = 1
    return lambda: -mem32[0x40000004], 29, 40


def virt():
    # The real-time counter of the core-local interrupt controller, at 10 MHz, from 0.
    mem32[0x0200BFF8] = 0
    mem32[0x0200BFFC] = 0
    return lambda: mem32[0x0200BFF8], 30, 100


def sim():
    import xtensa_sim

    return xtensa_sim.ccount, 30, 100


CLOCKS = {"mps2-an385": mps2, "mps2-an386": mps2, "virt": virt, "sim": sim}


def count(function, x, y=None):
    """Instructions of function(x, y), or function(x). (With *args the interpreter would look for
    memory, sometimes longer than at other times.)"""
    if y is None:
        start = ticks()
        function(x)
    else:
        start = ticks()
        function(x, y)
    passed = (ticks() - start) & ((1 << bits) - 1)
    return round(passed * nanoseconds / 128)


class Nothing:
    """Its methods take what the interpreter does for those of a Model: a look at an attribute, a
    call of C, two tests of the result."""

    def __init__(self):
        self._image = 0

    def predict(self, x):
        result = nothing(self._image, 0)
        if result < 0:
            result = 1
        return result

    def learn(self, x, y):
        result = nothing(self._image, 0)
        if result < 0:
            result = 1
        return result == 1


nothing = max


def means(model, x, y):
    """Instructions of learn and of predict, means over all samples, without the interpreter's."""
    global ticks, bits, nanoseconds
    ticks, bits, nanoseconds = CLOCKS[MACHINE.split()[0]]()
    learn = predicted = 0
    empty = Nothing()
    # The interpreter finds a name faster the second time.
    predict(model, x[: len(x) // len(y)], y[:1])  # noqa: F821
    for sample, label in each(x, y):  # noqa: F821
        gc.collect()
        predicted += count(model.predict, sample) - count(empty.predict, sample)
        learn += count(model.learn, sample, label) - count(empty.learn, sample, label)
    return round(learn / len(y)), round(predicted / len(y))
