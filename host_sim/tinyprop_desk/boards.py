"""Which boards a model fits, and how long a step takes there: by what was measured."""

import json
import math
import re
from functools import cache
from pathlib import Path

# The checkout, or the copy of what is needed of it that an installation has beside the command.
HERE = Path(__file__).resolve().parent
INSTALLED = (HERE.parent / "tinyprop_cli/checkout").is_dir()
ROOT = HERE.parent / "tinyprop_cli/checkout" if INSTALLED else HERE.parents[1]

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


def names():
    """Of the boards, as MicroPython has them."""
    return sorted(path.parent.name for path in ROOT.glob("boards/*/board.mk"))


def facts(board):
    """{NAME: value} of boards/<board>/board.mk."""
    text = (ROOT / "boards" / board / "board.mk").read_text()
    return dict(re.findall(r'^(\w+)="?(.*?)"?$', text, re.MULTILINE))


def where_it_fits(model):
    """A sentence."""
    ram = len(model._image)
    small = {name: room(facts(name)) for name in names() if room(facts(name)) < ram}
    text = f"It takes {ram} bytes of RAM, and "
    if not small:
        return text + f"fits each board: {', '.join(names())}."
    without = ", ".join(f"{name} (has {thousands(small[name])})" for name in small)
    others = ", ".join(name for name in names() if name not in small)
    if not others:
        return text + f"fits no board that has no PSRAM: {without}."
    return text + f"fits {others}. It does not fit {without}."


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
    return cycles_of(arch, op, nearest) * (macs + BESIDE) / BENCHMARK[nearest][0]


def cycles_of(arch, op, name):
    """Of a model of the benchmark."""
    target, metric = MEASURED[arch]
    (measured,) = (
        row["value"]
        for row in results()
        if (row["target"], row["case"], row["op"], row["unit"]) == (target, name, op, metric)
    )
    return measured


def figures():
    """What the page in a browser goes by, to say the same."""
    boards = [{"name": title(name)} | figures_of(facts(name)) for name in names()]
    measured = {
        arch: [
            {
                "macs": macs,
                "convolves": convolves,
                "predict": cycles_of(arch, "forward", name),
                "learn": cycles_of(arch, "learn-full-first", name),
            }
            for name, (macs, convolves) in BENCHMARK.items()
        ]
        for arch in MEASURED
    }
    return {"boards": boards, "measured": measured, "beside": BESIDE}


def title(board):
    """As a person calls it: what its board.mk begins with."""
    first = (ROOT / "boards" / board / "board.mk").read_text().splitlines()[0]
    return re.match(r"# (?:Boards with an )?([^.]+)", first)[1]


def figures_of(about):
    return {"arch": about["ARCH"], "mhz": int(about["MHZ"]), "room": room(about)}


@cache
def results():
    return json.loads((ROOT / "bench/results.json").read_text())
