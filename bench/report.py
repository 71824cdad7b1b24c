"""The rows of results.json as tables and a bar chart."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

GREEN, GREY = "#3a7", "#999"
HEAD = """# How fast it is

Made by `make bench`. Which data, what is counted and why it is not quicker still:
[docs/performance.md](../docs/performance.md).
"""
PICO = """
## Raspberry Pi Pico

On an emulated one (RP2040, a Cortex-M0+): cycles between a C function's entry and its return, mean
over the last epoch of a run that learns from scratch, and what a call from Python adds. At the
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
"""
SPEED = """
## This PC

Of one run; they differ from run to run.
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
    """The means, and with them the share of skipped samples."""
    skipped = {(r["case"], r["op"]): r["value"] for r in rows if r["metric"] == "skipped"}

    def cell(row):
        share = skipped.get((row["case"], row["op"]))
        return number(row) + (f" ({share:.0%})" if share else "")

    shown = [
        r | {"op": "RAM, bytes"} if r["op"] == "model" else r
        for r in rows
        if r["metric"] != "skipped"
    ]
    return grid(shown, ("op",), "case", cell)


def tables(rows, speed):
    module = [r for r in rows if r["case"] == "module"]
    steps = [r for r in rows if r["case"] != "module"]
    parts = [r for r in steps if r["metric"].startswith("in ")]
    yield HEAD + PICO
    yield from with_skipped([r for r in steps if r["target"] == "pico" and r not in parts])
    yield PARTS
    yield from grid(parts, ("metric",), "op")
    yield OTHERS
    yield from grid([r for r in steps if r["target"] != "pico"], ("target", "op"), "case")
    yield SIZES
    yield "| | | bytes |"
    yield "|---|---|---:|"
    for r in module:
        what = "" if r["target"] == "pico" else f" {r['target']}"
        yield f"| {r['op']}{what} | {r['metric']} | {r['value']:,} |"
    yield SPEED
    yield from (f"- {line}" for line in speed)


def bars(axis, labels, values, colours):
    drawn = axis.barh(range(len(values)), values, color=colours)
    axis.bar_label(drawn, [f"{n:,}" for n in values], padding=2, fontsize=8)
    axis.set_yticks(range(len(values)), labels)
    axis.invert_yaxis()
    axis.margins(x=0.3)
    axis.set_xticks([])
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right", "bottom"]].set_visible(False)


def chart(rows, path):
    """Above a Pico's cycles, below the other processors' instructions; a column for each case."""
    means = [r for r in rows if r["metric"] == "mean"]
    cases = names(means, "case")
    figure, axes = plt.subplots(2, len(cases), figsize=(13, 6), layout="constrained")
    for (above, below), case in zip(axes.T, cases, strict=True):
        pico = [r for r in means if r["case"] == case and r["target"] == "pico"]
        ops = [r["op"] for r in pico]
        bars(above, ops, [r["value"] for r in pico], [GREEN, *[GREY] * (len(ops) - 1)])
        others = [r for r in means if r["case"] == case and r["target"] != "pico"]
        labels = [f"{r['target']} {r['op']}" for r in others]
        colours = [GREEN if r["op"] == "forward" else GREY for r in others]
        bars(below, labels, [r["value"] for r in others], colours)
        above.set_title(f"{case}, Cortex-M0+: cycles", fontsize=9)
        below.set_title("other processors: instructions", fontsize=9)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def write(rows, speed, path):
    path.with_suffix(".md").write_text("\n".join(tables(rows, speed)) + "\n")
    chart(rows, path.with_suffix(".png"))
