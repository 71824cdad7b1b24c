#!/usr/bin/env python3
"""An emulated Raspberry Pi Pico at a serial port (a pseudo terminal), for ampy and mpremote.

    python3 boards/emulators/pico/serial_port.py [arguments of pico.sh]

names the port in its first line of output and runs until Ctrl-C, SIGTERM, or the end of what
started it.
"""

import ctypes
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import tty
from pathlib import Path

PR_SET_PDEATHSIG = 1  # of Linux's prctl
PICO = Path(__file__).with_name("pico.sh")


class EmulatedPico:
    """with EmulatedPico("tinyprop", "--flash", "flash.bin") as pico: ... pico.port ..."""

    def __init__(self, *arguments):
        self._news = threading.Condition()
        self._ready = self._ended = False
        self._profile = None
        self._master, self._slave = pty.openpty()
        # This end stays open, so that programs can come to the port and go.
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._board = subprocess.Popen(
            [str(PICO), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._copies = [
            start(copy, self._board.stdout.fileno(), self._master),
            start(copy, self._master, self._board.stdin.fileno()),
        ]
        self._listener = start(self._listen)
        with self._news:
            self._news.wait_for(lambda: self._ready or self._ended)
        if not self._ready:
            raise RuntimeError("the emulated Pico did not start")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.power_off()

    def power_off(self):
        """Ends the run; the flash file is written before."""
        self._board.terminate()
        while self._listener.is_alive():
            self._listener.join(0.5)
            with self._news:
                if not self._ended:
                    self._drop_unread_output()
        return self.wait()

    def wait(self):
        """Waits for the end of the run and returns the emulator's exit code."""
        self._listener.join()
        return self._board.returncode

    def take_profile(self):
        """{function: {"calls": n, "cycles": n}} since the last call; needs --profile."""
        with self._news:
            self._profile = None
            self._board.send_signal(signal.SIGUSR2)
            self._news.wait_for(lambda: self._ended or self._profile)
            return self._profile

    # What the emulator says beside the board's own output, to its end.
    def _listen(self):
        for line in self._board.stderr:
            with self._news:
                if line == b"ready\n":
                    self._ready = True
                elif line.startswith(b"{"):
                    self._profile = json.loads(line)
                else:
                    print(line.decode(), end="", file=sys.stderr, flush=True)
                self._news.notify_all()
        self._board.wait()
        # Wakes the thread that reads the port, which then finds the board gone.
        os.write(self._slave, b"\n")
        for thread in self._copies:
            thread.join(1)
            if thread.is_alive():
                self._drop_unread_output()
                thread.join()
        with self._news:
            self._ended = True
            self._news.notify_all()
            # Whatever program is at the port finds it gone.
            os.close(self._slave)
            os.close(self._master)

    # A port that nobody reads fills up, and then the board waits for it.
    def _drop_unread_output(self):
        termios.tcflush(self._slave, termios.TCIFLUSH)


def start(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def copy(source, target):
    try:
        while data := os.read(source, 4096):
            while data:
                data = data[os.write(target, data) :]
    except OSError:
        pass  # The board or the port is gone.


def main(arguments):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        with EmulatedPico(*arguments) as pico:
            print(f"An emulated Pico is at {pico.port}; Ctrl-C switches it off.", flush=True)
            return pico.wait()
    except KeyboardInterrupt:
        return 0
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
