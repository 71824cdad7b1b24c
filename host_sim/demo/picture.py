"""The picture of `make demo`: what was learned, what it cost, and some digits of the test set."""

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

plt.switch_backend("agg")  # there may be no screen
STYLE = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titlepad": 14,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
}
SPARSE, DENSE, WRONG = "#0b7a75", "#9a9a9a", "#c8321f"


@plt.rc_context(STYLE)
def draw(path, sparse, dense, test, verdict):
    figure = plt.figure(figsize=(11, 7.6), layout="constrained")
    figure.get_layout_engine().set(rect=(0.012, 0.012, 0.976, 0.976))
    top, bottom = figure.subfigures(2, 1, height_ratios=[2.8, 1])
    title = "A network of 64-32-10 learns to read digits inside MicroPython"
    top.suptitle(f"{title}\n\n", fontsize=16, x=0.01, ha="left")
    top.text(0.01, 0.91, verdict, fontsize=12, color="#555555")
    left, right = top.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    accuracy(left, sparse, dense)
    work(right, sparse, dense)
    digits(bottom, sparse, test)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def accuracy(axes, sparse, dense):
    axes.set_title("Right in the test set")
    for run, colour, height in (dense, DENSE, 0.34), (sparse, SPARSE, 0.42):
        steps, right = run.curve[:, 0], run.curve[:, 1]
        axes.plot(steps, right, color=colour, lw=1.8)
        label = f"{run.policy} {right[-1]:.1%}"
        axes.text(
            0.97, height, label, transform=axes.transAxes, color=colour, weight="bold", ha="right"
        )
    axes.set_xscale("log")
    axes.set_xticks([100, 1000, 10000])
    axes.set_xlim(100, steps[-1])
    axes.set_ylim(0, 1.02)
    finish(axes)


def work(axes, sparse, dense):
    axes.set_title("Backward work done")
    for run, colour in (dense, DENSE), (sparse, SPARSE):
        steps, share = run.curve[:, 0], run.curve[:, 3]
        done = steps * share / steps[-1]
        axes.plot(steps, done, color=colour, lw=1.8)
        axes.fill_between(steps, done, color=colour, alpha=0.12, lw=0)
        label = f"{run.policy} {share[-1]:.1%}"
        style = {"color": colour, "weight": "bold", "ha": "right"}
        axes.annotate(label, (steps[-1], done[-1]), (-8, 6), textcoords="offset points", **style)
    axes.set_xlim(0, steps[-1])
    axes.set_xticks(range(0, int(steps[-1]), 5000))
    axes.set_ylim(0, 1.1)
    finish(axes)


def finish(axes):
    axes.set_xlabel("digits seen")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y", color="#eeeeee")


def digits(figure, run, test):
    """One digit of each kind, then some mistakes."""
    x, y = test
    wrong = [i for i, (label, _) in enumerate(run.answers) if label != y[i]]
    chosen = [list(y).index(label) for label in range(10)] + wrong[:3]
    figure.suptitle(
        "What it says of digits in the test set, and how sure it is",
        fontsize=12,
        x=0.01,
        ha="left",
    )
    for i, axes in zip(chosen, figure.subplots(1, len(chosen)), strict=True):
        label, probability = run.answers[i]
        colour, note = (SPARSE, "") if label == y[i] else (WRONG, f"it is {y[i]}")
        axes.imshow(x[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        axes.set_title(label, color=colour, weight="bold", loc="center", fontsize=15, pad=4)
        axes.set_xlabel(f"{probability:.0%}\n{note}", fontsize=9)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(visible=True, color="#cccccc")
