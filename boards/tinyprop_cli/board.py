"""A board as the commands see it: its facts in board.mk, its port, MicroPython on it."""

import contextlib
import errno
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports
from tinyprop_desk import boards
from tinyprop_desk.boards import INSTALLED, ROOT, names

COMMAND = "tinyprop"
PATIENCE = 10  # seconds for a board to answer


ASK = """
import json, os, sys
_path = sys.path[:]
sys.path[:] = [".frozen"]
try:
    from tinyprop import __version__ as _built_in
except ImportError:
    _built_in = None
sys.path[:] = _path
sys.modules.pop("tinyprop", None)
try:
    _s = os.statvfs(os.getcwd())
    _files, _free = os.listdir(), _s[1] * _s[4]
except OSError:
    _files, _free = [], None
_i = sys.implementation
print(json.dumps({
    "release": ".".join(str(n) for n in _i.version[:3]),
    "machine": getattr(_i, "_machine", sys.platform),
    "mpy": getattr(_i, "_mpy", 0),
    "built_in": _built_in,
    "files": _files,
    "free": _free,
}))
"""


class Problem(Exception):
    """An error that the user can fix; its text says how."""


def how(command, port=""):
    """How a person says a command; by make in a checkout."""
    if INSTALLED:
        return f"{COMMAND} {command} {port}".strip()
    return f"make {command} PORT={port}" if port else f"make {command}"


def version():
    """That of tinyprop, which is in its Python half."""
    beside = Path(__file__).resolve().parents[1] / "tinyprop/__init__.py"
    source = beside if INSTALLED else ROOT / "micropython_mod/tinyprop.py"
    return re.search(r'__version__ = "(.*)"', source.read_text(encoding="utf-8"))[1]


def facts(board):
    """{NAME: value} of boards/<board>/board.mk."""
    if board not in names():
        raise Problem(f"BOARD={board} should be one of: {' '.join(names())}.")
    return boards.facts(board)


# ---- ports


def find_port(port):
    """The port that was named, or that of the one board that is plugged in."""
    if port:
        return port
    found = boards_ports()
    if len(found) == 1:
        return found[0].device
    if not found:
        raise Problem(
            "No board is there: is it plugged in, with a cable that carries data? If so, say its"
            f" port. {ports()}"
        )
    raise Problem(f"Several boards are there: say which one, by its port. {ports()}")


def boards_ports():
    """Ports of things at USB, as boards are; no modem, and no Bluetooth."""
    return sorted(port for port in list_ports.comports() if port.vid)


def ports():
    """A sentence that lists the ports of this machine."""
    found = [str(port).removesuffix(" - n/a") for port in list_ports.comports()]
    return f"There are: {', '.join(sorted(found))}." if found else "This PC has no serial port."


def check_port(port):
    """Opens the port once, to say in clear words what may be wrong with it."""
    try:
        serial.Serial(port, exclusive=True).close()
    except (OSError, ValueError) as error:
        code = error_code(error)
        if code == errno.ENOENT:
            raise Problem(f"There is no port {port}. {ports()}") from None
        # Windows gives a port to one program, and says to another that it has no permission.
        if code in (errno.EAGAIN, errno.EBUSY) or code == errno.EACCES and is_com(port):
            raise Problem(
                f"Another program is using {port}: close its terminal, editor or monitor."
            ) from None
        if code in (errno.EACCES, errno.EPERM):
            raise Problem(
                f"You have no permission to use {port}. Join the group that has it, then log in"
                f" anew: sudo usermod -a -G {group(port)} $USER"
            ) from None
        raise Problem(f"{port} is no serial port that can be used: {error}") from None


def error_code(error):
    """The number of what went wrong; on Windows pyserial has it in its words alone."""
    if "FileNotFoundError" in str(error):
        return errno.ENOENT
    if "PermissionError" in str(error):
        return errno.EACCES
    return getattr(error, "errno", None)


def is_com(port):
    return re.fullmatch(r"(\\\\\.\\)?COM\d+", port, re.IGNORECASE)


def group(port):
    try:
        return Path(port).group()
    except (KeyError, OSError, NotImplementedError):
        return "dialout"


def open_repl(port):
    check_port(port)
    if not sys.stdin.isatty():
        raise Problem(
            f"A prompt needs a terminal. For a program in a file: mpremote connect {port} run FILE"
        )
    done = subprocess.run([sys.executable, "-m", "mpremote", "connect", port, "repl"])
    sys.exit(done.returncode)


# ---- MicroPython on the board


@contextlib.contextmanager
def micropython(port):
    """with micropython(port) as board: ...; freshly started, as far as boot.py, not main.py."""
    board = None
    try:
        board = connect(port)
        yield board
    except BrokenPipeError:
        raise  # who reads what is printed is gone, not the board
    except TransportExecError as error:
        raise Problem(f"The board at {port} says:\n{error.error_output.strip()}") from None
    except (TransportError, OSError) as error:
        raise Problem(
            f"What is at {port} does not answer as MicroPython does ({error}). Press the board's"
            " reset button and try again; a board without MicroPython needs it first:"
            f" {COMMAND} flash, or make flash in a checkout."
        ) from None
    finally:
        if board:
            # After a Problem too: the next command may be one that listens to the prompt.
            with contextlib.suppress(OSError):
                board.exit_raw_repl()
            with contextlib.suppress(OSError):
                board.close()


def connect(port):
    try:
        board = SerialTransport(port, timeout=5)
    except TransportError:
        check_port(port)
        raise
    with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it does not expect
        try:
            board.enter_raw_repl(timeout_overall=PATIENCE)
        except TransportError:
            # Opening the port may have restarted the board; by now it has come up.
            board.enter_raw_repl(timeout_overall=PATIENCE)
    return board


def tell(board, code):
    """Runs code on the board, which prints JSON, and returns its value."""
    return json.loads(board.exec(code))


def ask(board):
    """What the board says of itself; the keys are in ASK."""
    return tell(board, ASK)
