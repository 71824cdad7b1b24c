"""The rows of results.json as tables and a bar chart."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

GREEN, GREY = "#3a7", "#999"
ON_PICO = {"pico": "firmware", "pico-mpy": ".mpy"}
DRAWN = ("forward", "learn-full", "learn-default-first", "learn-default")
HEAD = """# How fast it is

Made by `make bench`. Which data, what is counted and why it is not quicker still:
[docs/performance.md](../docs/performance.md).
"""
PICO = """
A figure is a mean over an epoch of a run that learns from scratch: over the last one, in which a
model knows most samples; with `-first` over the first one, in which all is new to it; with
`-drift` over the last one with other samples: all classes look other than before.

## Raspberry Pi Pico

On an emulated one (RP2040, a Cortex-M0+), cycles of a step: in firmware that has tinyprop built
in, between a C function's entry and its return; with the .mpy files on stock firmware those of the
interpreter's call of that function. What a call from Python adds is in the lines `-call`. At the
Pico's 125 MHz a million cycles take 8 ms. In brackets the samples that were skipped as known.
"""
PARTS = """
### Where they go

Of mlp-64-32-10: cycles of a step in these functions of the core, with what they call.
"""
OTHERS = """
## Other processors

Instructions of a step in QEMU, with the .mpy file on stock firmware, less those of the
interpreter.
"""
SIZES = """
## Sizes

Bytes of RAM that a model takes, bytes of the files for each kind of processor, and the RAM that a
file takes on a Pico with stock firmware once it is imported.
"""
SPEED = """
## This PC

Of one run; they differ from run to run. Steps of mlp-64-32-10 a second on one core, in the C
extension for CPython, and how many times those of a plain loop of floats they are. The loop learns
from every sample; gcc compiles it with the options above.
"""


def names(rows, field):
    return list(dict.fromkeys(r[field] for r in rows))


def number(row):
    return f"{row['value']:,}"


def grid(rows, down, across, cell=number):
    """A table: a line for each value of the fields `down`, a column for each of `across`."""
    columns = names(rows, across)
    yield "| " + " | ".join([*("" for _ in down), *columns]) + " |"
    yield "|" + "---|" * len(down) + "---:|" * len(columns)
    lines = dict.fromkeys(tuple(r[field] for field in down) for r in rows)
    for line in lines:
        of_line = {r[across]: r for r in rows if tuple(r[field] for field in down) == line}
        cells = (cell(of_line[c]) if c in of_line else "" for c in columns)
        yield "| " + " | ".join([*line, *cells]) + " |"


def with_skipped(rows):
    """The means on a Pico, and with them the share of skipped samples."""
    skipped = {(r["case"], r["op"]): r["value"] for r in rows if r["metric"] == "skipped"}

    def cell(row):
        share = skipped.get((row["case"], row["op"]))
        return number(row) + (f" ({share:.0%})" if share else "")

    means = [r | {"target": ON_PICO[r["target"]]} for r in rows if r["metric"] != "skipped"]
    ops = names(means, "op")
    means.sort(key=lambda r: ops.index(r["op"]))
    return grid(means, ("op", "target"), "case", cell)


def speed_table(extension, loops):
    yield "| | steps | " + " | ".join(f"floats, `{options}`" for options in loops) + " |"
    yield "|---|---:|" + "---:|" * len(loops)
    yield "| floats | | " + " | ".join(f"{steps:,.0f}" for steps in loops.values()) + " |"
    for op, steps in extension.items():
        ratios = " | ".join(f"{steps / of_loop:.2f}" for of_loop in loops.values())
        yield f"| {op} | {steps:,.0f} | {ratios} |"


def tables(rows, speed):
    module = [r for r in rows if r["case"] == "module"]
    ram = [r for r in rows if r["metric"] == "RAM"]
    parts = [r for r in rows if r["metric"].startswith("in ")]
    steps = [r for r in rows if r not in module and r not in ram and r not in parts]
    yield HEAD + PICO
    yield from with_skipped([r for r in steps if r["target"] in ON_PICO])
    yield PARTS
    yield from grid(parts, ("metric",), "op")
    yield OTHERS
    yield from grid([r for r in steps if r["target"] not in ON_PICO], ("target", "op"), "case")
    yield SIZES
    yield from grid(ram, ("metric",), "case")
    yield ""
    files = [r for r in module if r["metric"] == "file"]
    imported = [r | {"target": "RAM"} for r in module if r["metric"] == "heap of import"]
    yield from grid(files + imported, ("op",), "target")
    yield ""
    yield from (f"Firmware: {number(r)} bytes of flash." for r in module if r["metric"] == "flash")
    yield SPEED
    yield from speed_table(*speed)


def bars(axis, labels, rows):
    values = [r["value"] for r in rows]
    colours = [GREEN if r["op"] == "forward" else GREY for r in rows]
    drawn = axis.barh(range(len(values)), values, color=colours)
    axis.bar_label(drawn, [f"{n:,}" for n in values], padding=2, fontsize=8)
    axis.set_yticks(range(len(values)), labels)
    axis.invert_yaxis()
    axis.margins(x=0.3)
    axis.set_xticks([])
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.set_visible(len(rows) > 0)


def chart(rows, path):
    """Above a Pico's cycles, below the other processors' instructions; a column for each case."""
    means = [r for r in rows if r["metric"] == "mean"]
    cases = names(means, "case")
    figure, axes = plt.subplots(2, len(cases), figsize=(15, 7), layout="constrained")
    for (above, below), case in zip(axes.T, cases, strict=True):
        of_case = [r for r in means if r["case"] == case]
        pico = [r for r in of_case if r["target"] == "pico"]
        others = [r for r in of_case if r["target"] not in ON_PICO and r["op"] in DRAWN]
        bars(above, [r["op"] for r in pico], pico)
        bars(below, [f"{r['target']} {r['op']}" for r in others], others)
        above.set_title(f"{case}\nCortex-M0+: cycles", fontsize=9)
        below.set_title(f"{case}\nothers: instructions", fontsize=9)
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def write(rows, speed, path):
    path.with_suffix(".md").write_text("\n".join(tables(rows, speed)) + "\n")
    chart(rows, path.with_suffix(".png"))
