"""Which boards a model fits, and how long a step takes there: by what was measured."""

import json
import re
import struct
from functools import cache
from pathlib import Path
from statistics import geometric_mean

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
# Cycles of a step on a Cortex-M0+: of the call; and for each layer, pixel of an output, value that
# a layer reads or gives, multiply-accumulate, and weight. They are fitted, in ratios, to
# bench/results.json and to odd models on an emulated Pico, of whose inputs few are 0. All but
# mnist, most of whose inputs are 0, are within a factor of 2.5 (tests/system/test_call_time.py).
CALL = {"forward": 7000, "learn-full-first": 12400}
COSTS = {"forward": (2600, 580, 6.5, 7.6, 0), "learn-full-first": (3600, 395, 156, 12, 34)}
# What no Model imports, but a program that uses it.
APART = "tinyprop_sensor.mpy", "tinyprop_fleet.mpy"
FLOAT = 340  # for each value of x that is no byte
RANGE = 270  # for each whose range is learned


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
    """Bytes for models that a board has at least, once all is loaded that a Model may import: it
    is made there, learns and is saved."""
    imported = [row for row in results() if row["metric"] == "heap of import"]
    loaded = sum(row["value"] for row in imported if row["op"] not in APART)
    if about.get("NATIVE_CODE") == "apart":
        loaded -= sum(row["value"] for row in results() if row["metric"] == "native code")
    return int(about["HEAP"]) - loaded


def milliseconds(about, op, model):
    """About how long a step takes on a board, as text."""
    ms = step_cycles(about["ARCH"], op, model) / 1000 / int(about["MHZ"])
    return f"{float(f'{ms:.2g}'):g}"


def step_cycles(arch, op, model):
    """Layers below the lowest trained one only predict; with replay learning is three steps."""
    import tinyprop_words as words

    replay, given = (
        struct.unpack_from("<H", model._image, at)[0]
        for at in (words._MODEL_SPEC_REPLAY, words._MODEL_SPEC_N_INPUT_RANGES)
    )
    are_bytes = given and model.input_range == (0, 255)
    n, learns = model._n_in, False
    each = 0 if are_bytes else FLOAT
    if op != "forward" and not given:
        each += RANGE
    cycles = CALL[op] * (3 if op != "forward" and replay else 1) + each * n
    for layer, (height, width, channels), parameters, macs in words._layers(model):
        n_out = height * width * channels
        learns |= op != "forward" and macs > 0 and "trainable=False" not in layer
        steps = 3 if learns and replay else 1
        counts = 1, height * width, n + n_out, macs, max(0, parameters - channels)
        costs = COSTS[op if learns else "forward"]
        cycles += steps * sum(count * cost for count, cost in zip(counts, costs, strict=True))
        n = n_out
    return cycles * relative(arch, op)


@cache
def relative(arch, op):
    """What a step of the benchmark takes, as a multiple of what it takes on a Cortex-M0+."""
    there, here = (
        {
            row["case"]: row["value"]
            for row in results()
            if (row["target"], row["op"], row["unit"]) == (target, op, metric)
        }
        for target, metric in (MEASURED[arch], MEASURED["armv6m"])
    )
    return geometric_mean(there[case] / here[case] for case in here)


def figures():
    """What the page in a browser goes by, to say the same."""
    return {
        "boards": [{"name": title(name)} | figures_of(facts(name)) for name in names()],
        "call": {"predict": CALL["forward"], "learn": CALL["learn-full-first"]},
        "costs": {"predict": COSTS["forward"], "learn": COSTS["learn-full-first"]},
        "float": FLOAT,
        "range": RANGE,
    }


def title(board):
    """As a person calls it: what its board.mk begins with."""
    first = (ROOT / "boards" / board / "board.mk").read_text().splitlines()[0]
    return re.match(r"# (?:Boards with an )?([^.]+)", first)[1]


def figures_of(about):
    """predict, learn: milliseconds for what is a cycle of a Cortex-M0+."""
    predict, learn = (relative(about["ARCH"], op) / 1000 / int(about["MHZ"]) for op in COSTS)
    return {"room": room(about), "predict": predict, "learn": learn}


@cache
def results():
    return json.loads((ROOT / "bench/results.json").read_text())
