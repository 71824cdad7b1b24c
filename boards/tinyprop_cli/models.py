"""A saved model: to the board and back, and what is in it."""

import hashlib

from rich.console import Console
from rich.table import Table
from tinyprop_desk.boards import facts, milliseconds, names, room, thousands

from tinyprop_cli.board import Problem, ask, micropython
from tinyprop_cli.copying import read, write
from tinyprop_cli.files import bytes_of, check_model_place, load, model_in, replace

NOTE = """\
It fits where its RAM is free once tinyprop is loaded. Boards have at least what was taken here,
and with PSRAM far more: tinyprop doctor asks yours. Times are estimates: on the RP2040
within a factor of two and a half of each model that was measured, but one: where most inputs are
0, as black pixels, a step takes down to a sixth. Inputs are taken to be bytes if their range was
given as 0 to 255, else floats. On other processors the benchmark's instructions were counted, and
taken as one a cycle. To learn means from a sample that is new to it; one that it knows takes
hardly more than to predict."""


# ---- to the board and back


def pull(port, name, file):
    check_model_place(file)
    with micropython(port) as board:
        data = read(board, name)
        has_old = board.fs_exists(name + ".old")
    model_in(data, f"{name} on the board", has_old)
    replace(file, data)
    print(f"{name} is here as {file}, {of_both(data)}")


def push(port, file, name):
    """As m.save() on the board does: NAME and NAME.old, one of which is whole at any moment."""
    data = bytes_of(file)
    model_in(data, str(file))
    with micropython(port) as board:
        if ask(board)["free"] is None:
            raise Problem("The board has no file system to copy to.")
        if board.fs_isdir(name):
            raise Problem(f"{name} is a folder on the board. Say the name the file shall have.")
        old = name + ".old"
        known = old if board.fs_exists(old) else name  # as save has it
        if board.fs_exists(known) and not may_be_model(board.fs_readfile(known)):
            raise Problem(
                f"{known} on the board is no model, and push needs its name: move it away."
            )
        for there in (name, old) if is_damaged(board, name) else (old, name):
            write(board, there, data, f"{there}, {len(data)} bytes")
    print(f"{file} is on the board as {name}, {of_both(data)}")


def may_be_model(data):
    """As save sees a file in its way: of a model a cut may have left a part, or zeros."""
    return b"TYNP".startswith(bytes(data[:4]).rstrip(b"\0"))


def is_damaged(board, name):
    """Whether the board has a file of this name that load would not take."""
    if not board.fs_exists(name):
        return False
    try:
        model_in(bytes(board.fs_readfile(name)), name)
    except Problem:
        return True
    return False


def of_both(data):
    digest = hashlib.sha256(data).hexdigest()
    return f"{len(data)} bytes; at both ends its SHA-256 is {digest}"


# ---- what is in it


def info(file):
    model = load(file)
    stats = model.stats()
    model.summary()
    learned = f"It has seen {stats['steps']} samples"
    if stats["steps"] and stats["accuracy"] is not None:
        learned += f"; of the last ones it knew {stats['accuracy']:.0%} before it learned them"
    print(learned + ".\n")

    table = Table("board", "it fits", "ms to predict", "ms to learn", "MHz")
    for column in table.columns[2:]:
        column.justify = "right"
    ram = len(model._image)
    for name in names():
        about = facts(name)
        fits = "yes" if ram <= room(about) else "not in " + thousands(room(about))
        table.add_row(
            name,
            fits,
            milliseconds(about, "forward", model),
            milliseconds(about, "learn-full-first", model),
            about["MHZ"],
        )
    Console(soft_wrap=True).print(table)
    print(NOTE)
