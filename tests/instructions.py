# Counts instructions on the machines of boards/emulators/qemu.sh, started with the option
# -icount shift=7. Then each instruction takes 128 ns of the machine's time, and every machine has
# a clock that tells it: a count is exact but for the clock's rounding (1), and the same each run.
#
#   import instructions
#   n = instructions.count(model.learn, x, y)
#
# n includes the interpreter's call of the function, about a thousand instructions; the difference
# of two counts does not. On Xtensa the ESP32's MULUH and MULSH count as one instruction, though
# QEMU's core has to emulate them; but with 32 registers in place of an ESP32's 64 it spends more
# on window overflows.
import gc
import sys

from machine import mem32

MACHINE = sys.implementation._machine


# The clocks: a function that returns ticks, the number of bits they have, and nanoseconds a tick.
def mps2():
    # Timer 0 counts down from RELOAD, at 25 MHz.
    mem32[0x40000008] = 0xFFFFFFFF
    mem32[0x40000004] = 0xFFFFFFFF
    mem32[0x40000000] = 1
    return lambda: -mem32[0x40000004], 32, 40


def microbit():
    # TIMER0 counts up at 16 MHz: 32 bits, no prescaler, start; a capture makes it readable.
    mem32[0x40008508] = 3
    mem32[0x40008510] = 0
    mem32[0x40008000] = 1

    def ticks():
        mem32[0x40008040] = 1
        return mem32[0x40008540]

    return ticks, 32, 62.5


def virt():
    # The real-time counter of the core-local interrupt controller, at 10 MHz.
    return lambda: mem32[0x0200BFF8], 32, 100


def sim():
    import xtensa_sim

    return xtensa_sim.ccount, 30, 100


CLOCKS = {"mps2-an385": mps2, "mps2-an386": mps2, "microbit": microbit, "virt": virt, "sim": sim}
ticks, bits, nanoseconds = CLOCKS[MACHINE.split()[0]]()


def count(function, *args):
    gc.collect()
    start = ticks()
    function(*args)
    passed = (ticks() - start) & ((1 << bits) - 1)
    return round(passed * nanoseconds / 128)
