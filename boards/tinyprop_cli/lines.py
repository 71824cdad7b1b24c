"""Lines that a program on a board prints."""

import time

import serial

from tinyprop_cli.board import check_port

TICK = 0.1  # seconds, after which `lines` comes back without a line
SILENCE = 3  # seconds until the board is asked whether it waits at its prompt
PROMPT = b">>> "
BANNER = ">>>", "MicroPython v", 'Type "help()"'  # how MicroPython greets
START = b"\x04"  # Ctrl-D, which restarts MicroPython and its main.py


class Gone(Exception):
    """The board was unplugged."""


def lines(port):
    """Each line from now on, and None in between; ends when the program on the board does.

    A board that prints nothing may wait at its prompt. Then its main.py is started.
    """
    check_port(port)
    try:
        with serial.Serial(port, 115200, timeout=TICK, exclusive=True) as line:
            yield from read(line)
    except OSError:
        raise Gone from None


def read(line):
    part, asked, started, spoke = b"", False, False, False
    is_first = True  # a line of which the beginning may be missing
    opened = time.monotonic()
    while True:
        data = line.read(max(1, line.in_waiting))
        *whole, part = (part + data).split(b"\n")
        for text in whole:
            text = text.decode("utf-8", "replace").strip()
            if not is_first and not text.startswith(BANNER):
                spoke = True
                yield text
            is_first = False
        yield None
        if part.endswith(PROMPT):
            if started or spoke:
                return
            line.write(START)
            part, started = b"", True
        elif not asked and not spoke and time.monotonic() - opened > SILENCE:
            line.write(b"\r\n")
            asked = True
