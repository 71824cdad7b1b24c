# Counts instructions on the machines of boards/emulators/qemu.sh, started with the option
# -icount shift=7. Then each instruction takes 128 ns of the machine's time, and every machine has
# a clock that tells it: a count is exact but for the clock's rounding (1), and the same each run.
# On Xtensa the ESP32's MULUH and MULSH count as one instruction, though QEMU's core has to emulate
# them; but with 32 registers in place of an ESP32's 64 it spends more on window overflows.
#
# run.py sends this file, and models.py before it.
import gc
import sys

import _tinyprop
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


def count(ticks, function, image, x, y):
    """Ticks that function(image, x, y) takes, and reading the clock. All names are local: others
    take the interpreter longer to find at some times than at others."""
    start = ticks()
    function(image, x, y)
    return ticks() - start


def means(model, x, y):
    """Instructions of learn and of predict, means over all samples, without those of a call that
    is refused at once."""
    ticks, bits, nanoseconds = CLOCKS[MACHINE.split()[0]]()
    wrap = (1 << bits) - 1
    learn, predict, image, none = _tinyprop.learn, _tinyprop.predict, model._image, bytearray()
    learned = predicted = 0
    for sample, label in each(x, y):  # noqa: F821
        gc.collect()
        predicted += count(ticks, predict, image, sample, None) & wrap
        predicted -= count(ticks, predict, none, sample, None) & wrap
        learned += count(ticks, learn, image, sample, label) & wrap
        learned -= count(ticks, learn, none, sample, label) & wrap
    total = len(y) * 128
    return tuple((ticks * nanoseconds + total // 2) // total for ticks in (learned, predicted))
