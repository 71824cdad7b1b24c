"""A board as deploy.py and flash.py see it: its facts in board.mk, its port, MicroPython on it."""

import ast
import contextlib
import errno
import io
import re
import sys
from pathlib import Path

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial.tools.list_ports import comports

ROOT = Path(__file__).resolve().parent.parent
BOARDS = ROOT / "boards"
PATIENCE = 10  # seconds for a board to answer

ASK = """
import os, sys
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
print({
    "release": ".".join(str(n) for n in _i.version[:3]),
    "machine": getattr(_i, "_machine", sys.platform),
    "mpy": getattr(_i, "_mpy", 0),
    "built_in": _built_in,
    "files": _files,
    "free": _free,
})
"""


class Problem(Exception):
    """An error that the user can fix; its text says how."""


def run(main):
    """Runs a script; a Problem ends it with one sentence and exit code 1."""
    try:
        main(sys.argv[1:])
    except Problem as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit("error: stopped")


def facts(board):
    """{NAME: value} of boards/<board>/board.mk."""
    file = BOARDS / board / "board.mk"
    if not board or not file.is_file():
        known = " ".join(sorted(path.parent.name for path in BOARDS.glob("*/board.mk")))
        raise Problem(f"BOARD={board} should be one of: {known}.")
    return dict(re.findall(r'^(\w+)="?(.*?)"?$', file.read_text(), re.MULTILINE))


def check_port(port):
    """Opens the port once, to say in clear words what may be wrong with it."""
    if not port:
        raise Problem(f"Which port is the board at? Say PORT=..., such as /dev/ttyACM0. {ports()}")
    try:
        serial.Serial(port, exclusive=True).close()
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        if code == errno.ENOENT:
            raise Problem(f"There is no port {port}. {ports()}") from None
        if code in (errno.EACCES, errno.EPERM):
            raise Problem(
                f"You have no permission to use {port}. Join the group that has it, then log in"
                f" anew: sudo usermod -a -G {group(port)} $USER"
            ) from None
        if code in (errno.EAGAIN, errno.EBUSY):
            raise Problem(
                f"Another program is using {port}: close its terminal, editor or monitor."
            ) from None
        raise Problem(f"{port} is no serial port that can be used: {error}") from None


def ports():
    """A sentence that lists the ports of this machine."""
    found = [str(port).removesuffix(" - n/a") for port in comports()]
    if not found:
        return "No serial port is there: is the board plugged in, with a cable that carries data?"
    return f"There are: {', '.join(sorted(found))}."


def group(port):
    try:
        return Path(port).group()
    except (KeyError, OSError):
        return "dialout"


@contextlib.contextmanager
def micropython(port):
    """with micropython(port) as board: ...; freshly started, as far as boot.py, not main.py."""
    board = None
    try:
        board = connect(port)
        yield board
        with contextlib.suppress(OSError):
            board.exit_raw_repl()
    except TransportExecError as error:
        raise Problem(f"The board at {port} says:\n{error.error_output.strip()}") from None
    except (TransportError, OSError) as error:
        raise Problem(
            f"What is at {port} does not answer as MicroPython does ({error}). Press the board's"
            " reset button and try again; a board without MicroPython needs make flash first."
        ) from None
    finally:
        if board:
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
    """Runs code on the board, which prints a literal, and returns its value."""
    return ast.literal_eval(board.exec(code).decode())


def ask(board):
    """What the board says of itself; the keys are in ASK."""
    return tell(board, ASK)
