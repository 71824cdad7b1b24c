"""Files over the line to a board and back, compared by their SHA-256."""

import contextlib
import errno
import hashlib
import os

from rich.console import Console
from rich.progress import Progress

from tinyprop_cli.board import Problem, ask

# After mpremote could not write the file: its handle is f.
CLEAN_UP = """
try:
    f.close()
except Exception:
    pass
try:
    os.remove({!r})
except OSError:
    pass
"""


@contextlib.contextmanager
def progress(text):
    """with progress(text) as moved: ...; shows a bar of moved(n, total) to who sees it."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text)
        yield lambda n, total: bar.update(task, completed=n, total=total)


def write(board, name, data, what):
    """Writes a file; of one that cannot be written no part is left. what: the data, in words."""
    if ask(board)["free"] < len(data):
        raise no_room(board, what)
    try:
        with progress(name) as moved:
            board.fs_writefile(name, data, progress_callback=moved)
    except OSError as error:
        board.exec(CLEAN_UP.format(name))
        if error.errno == errno.ENOSPC:
            raise no_room(board, what) from None
        reason = os.strerror(error.errno) if error.errno else error
        raise Problem(f"The board could not write {name}: {reason}") from None
    if digest_there(board, name) != hashlib.sha256(data).digest():
        raise Problem(f"{name} arrived damaged: its SHA-256 read back is another. Try again.")


def read(board, name):
    """The bytes of a file of the board."""
    if not board.fs_exists(name):
        there = ", ".join(sorted(ask(board)["files"])) or "none"
        raise Problem(f"The board has no file {name}; its files are: {there}.")
    with progress(name) as moved:
        data = bytes(board.fs_readfile(name, progress_callback=moved))
    if digest_there(board, name) != hashlib.sha256(data).digest():
        raise Problem(f"{name} arrived damaged: its SHA-256 here is another. Try again.")
    return data


def no_room(board, what):
    free = ask(board)["free"]
    return Problem(f"The board has no room for {what}; {free} are free. See mpremote ls and df.")


def digest_there(board, name):
    return board.fs_hashfile(name, "sha256") if board.fs_exists(name) else None
