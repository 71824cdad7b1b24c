"""The rows of results.json as a table and a bar chart."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

HEAD = """# How fast it is

Made by `make bench`, on an emulated Raspberry Pi Pico (RP2040, a Cortex-M0+): cycles between a C
function's entry and its return, mean over the last of four epochs of learning; and
what a call from Python adds. At the Pico's 125 MHz a million cycles take 8 ms. Which data,
and why it is not quicker still: [docs/performance.md](../docs/performance.md).
"""


def cell(value):
    return f"{value:,}" if isinstance(value, int) else f"{value:.0%}"


def table(rows):
    yield "| case | what | | | |"
    yield "|---|---|---|---:|---|"
    for r in rows:
        name = r["case"] if r["target"] == "pico" else r["target"]
        unit = "" if r["unit"] == "share" else r["unit"]
        yield f"| {name} | {r['op']} | {r['metric']} | {cell(r['value'])} | {unit} |"


def chart(rows, path):
    cases = list(dict.fromkeys(r["case"] for r in rows if r["metric"] == "mean"))
    figure, axes = plt.subplots(1, len(cases), figsize=(11, 3.2), layout="constrained")
    for axis, case in zip(axes, cases, strict=True):
        means = {r["op"]: r["value"] for r in rows if r["case"] == case and r["metric"] == "mean"}
        forward = means.pop("forward")
        names = ["forward", *means]
        bars = axis.barh(names, [forward, *means.values()], color=["#888", *["#3a7"] * len(means)])
        axis.bar_label(bars, [f"{n:,}" for n in (forward, *means.values())], padding=2, fontsize=8)
        axis.axvline(forward, color="#888", lw=0.8, ls=":")
        axis.invert_yaxis()
        axis.margins(x=0.25)
        axis.set_title(case, fontsize=10)
        axis.set_xticks([])
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    figure.suptitle("Cycles of a step on a Cortex-M0+", fontsize=11)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def write(rows, path):
    path.with_suffix(".md").write_text("\n".join([HEAD, *table(rows)]) + "\n")
    chart(rows, path.with_suffix(".png"))
