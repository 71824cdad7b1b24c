"""A saved model: to the board and back, and what is in it."""

import hashlib
import io
import json
import math
import os
from functools import cache

from rich.console import Console
from rich.table import Table

from tinyprop_cli.board import ROOT, Problem, ask, facts, micropython, names
from tinyprop_cli.copying import read, write

# The row of bench/results.json that tells of each file for boards; and whether it has cycles or
# instructions, which are then taken for as many cycles.
MEASURED = {
    "armv6m": ("pico-mpy", "cycles"),
    "armv7emsp": ("Cortex-M4F", "instructions"),
    "xtensawin": ("Xtensa", "instructions"),
    "rv32imc": ("RISC-V", "instructions"),
}
# Multiply-accumulates of a prediction by the models of the benchmark, and whether they convolve.
BENCHMARK = {
    "mlp-64-32-10": (2_368, False),
    "mnist-784-32-16-10": (25_760, False),
    "cnn-8x8": (25_600, True),
    "kws-cnn": (139_840, True),
    "vision-64x64x3": (677_544, True),
}
BESIDE = 800  # what else a step costs, as so many multiply-accumulates

NOTE = """\
It fits where its RAM is free once tinyprop is loaded. Boards have at least what was taken here,
and with PSRAM far more: tinyprop doctor asks yours. Times are estimates, within a factor of two:
those of the most similar model of the benchmark, scaled by multiply-accumulates. On the RP2040
its cycles were counted, on others instructions, taken as one a cycle. To learn means from a
sample that is new to it; one that it knows takes hardly more than to predict."""


# ---- to the board and back


def pull(port, name, file):
    with micropython(port) as board:
        data = read(board, name)
    model_in(data, f"{name} on the board")
    new = file.with_name(file.name + ".new")
    try:
        new.write_bytes(data)
        os.replace(new, file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise Problem(f"{file} could not be written: {error.strerror}.") from None
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
        if board.fs_exists(old) and not board.fs_readfile(old).startswith(b"TYNP"):
            raise Problem(
                f"{old} on the board is no model, and push needs its name: move it away."
            )
        for there in (name, old) if is_damaged(board, name) else (old, name):
            write(board, there, data, f"{there}, {len(data)} bytes")
    print(f"{file} is on the board as {name}, {of_both(data)}")


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


def bytes_of(file):
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise Problem(f"There is no file {file}.") from None
    except OSError as error:
        raise Problem(f"{file} cannot be read: {error.strerror}.") from None


def model_in(data, where):
    import tinyprop

    try:
        return tinyprop.load(io.BytesIO(data))
    except ValueError as error:
        raise Problem(
            f"{where} is no model that tinyprop {tinyprop.__version__} reads: {error}"
        ) from None


# ---- what is in it


def info(file):
    model = model_in(bytes_of(file), str(file))
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


def thousands(n):
    return f"{n / 1000:.0f} kB"


def room(about):
    """Bytes for models that a board has at least, once tinyprop is loaded."""
    loaded = sum(row["value"] for row in results() if row["metric"] == "heap of import")
    return int(about["HEAP"]) - loaded


def milliseconds(about, op, model):
    """About how long a step takes on a board, as text."""
    cycles = step_cycles(about["ARCH"], op, *work(model))
    return f"{cycles / 1000 / int(about['MHZ']):.2g}"


def work(model):
    """Multiply-accumulates of a prediction, and whether any are a convolution's."""
    import tinyprop_words

    total, convolves = 0, False
    for layer, _, _, macs in tinyprop_words._layers(model):
        total += macs
        convolves |= "Conv" in layer
    return total, convolves


def step_cycles(arch, op, macs, convolves):
    """Cycles of a step, from those of the most similar model of the benchmark."""
    similar = [name for name in BENCHMARK if BENCHMARK[name][1] == convolves]
    nearest = min(similar, key=lambda name: abs(math.log(BENCHMARK[name][0] / macs)))
    target, metric = MEASURED[arch]
    (measured,) = (
        row["value"]
        for row in results()
        if (row["target"], row["case"], row["op"], row["unit"]) == (target, nearest, op, metric)
    )
    return measured * (macs + BESIDE) / BENCHMARK[nearest][0]


@cache
def results():
    return json.loads((ROOT / "bench/results.json").read_text())
