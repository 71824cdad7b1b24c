"""The pictures of docs/method.md, from a real training run: writes docs/*.svg.

While a network learns digits with Full, each policy is shown the same deltas of its hidden layer
(errors, as the page calls them), and selects as it would.
"""

import argparse

import _tinyprop_numpy
import matplotlib.pyplot as plt
import numpy as np
import tinyprop as tp
from _tinyprop_numpy import progress, select
from matplotlib.ticker import PercentFormatter

from .. import ROOT, internals
from ..tasks import digits

DOCS = ROOT / "docs"
STEPS = 1437  # each digit once
SHOWN = 500  # the step whose errors are shown
POLICIES = {  # they look at each digit: none is skipped
    "Full()": tp.Full(),
    "TopK(0.25)": tp.TopK(0.25),
    "TinyProp()": tp.TinyProp(),
    "Diffused()": tp.Diffused(skip=0),
    "Adaptive()": tp.Adaptive(skip=0),
}
COLOURS = dict(zip(POLICIES, ("#9a9a9a", "#c77d1e", "#0b7a75", "#5b4b9a", "#c8321f"), strict=True))
DROPPED = "#d9d9d9"
select_deltas, skips = select.select, select.skips


def new_model(policy):
    layers = [tp.Dense(32, activation="relu"), tp.Dense(10)]
    return tp.Model(64, layers, input_range=(0, 16), policy=policy)


class Onlooker:
    """A policy with its own state, which selects among the deltas of another model."""

    def __init__(self, policy):
        self.model = internals.view(new_model(policy))
        self.shares, self.shown = [], None

    def see(self, delta, p_target):
        self.model.state.steps += 1
        progress.note_error(self.model, (1 << 14) - p_target << 14)
        skips(self.model, delta, p_target, progress.left_to_learn(self.model))

    def choose(self, delta, frac):
        selected, _ = select_deltas(self.model, self.model.layers[0], delta, frac, depth=1)
        self.shares.append(np.count_nonzero(selected) / len(delta))
        if len(self.shares) == SHOWN:
            self.shown = delta / 2**frac, selected / 2**frac


def watch():
    """Onlookers of a network that learns each digit once, in numpy, as that backend can be looked
    into."""
    onlookers = {name: Onlooker(policy) for name, policy in POLICIES.items()}

    def look_on(model, layer, delta, frac, depth):
        if depth == 1:
            for onlooker in onlookers.values():
                onlooker.choose(delta, frac)
        return select_deltas(model, layer, delta, frac, depth)

    def look_on_errors(model, delta, p_target, left):
        for onlooker in onlookers.values():
            onlooker.see(delta, p_target)
        return skips(model, delta, p_target, left)

    (x, y), _ = digits.load()
    image = internals.image(new_model(tp.Full()))
    select.select, select.skips = look_on, look_on_errors
    for sample, label in zip(x[:STEPS], y[:STEPS], strict=True):
        _tinyprop_numpy.learn(image, sample, label)
    select.select, select.skips = select_deltas, skips
    return onlookers


def style(axes):
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#888888")
    axes.tick_params(colors="#555555")


def save(figure, name):
    # The same file every time, so that a change in git is a change of the picture.
    figure.savefig(DOCS / name, metadata={"Date": None}, facecolor="white")
    plt.close(figure)
    print(f"docs/{name}")


def draw_choice(onlookers):
    """Which errors of one digit each policy selects."""
    figure, rows = plt.subplots(
        len(onlookers), 1, figsize=(8, 7), sharex=True, sharey=True, layout="constrained"
    )
    for axes, (name, onlooker) in zip(rows, onlookers.items(), strict=True):
        delta, selected = onlooker.shown
        axes.bar(range(len(delta)), delta, color=DROPPED)
        axes.bar(range(len(delta)), selected, color=COLOURS[name], alpha=0.85)
        axes.axhline(0, color="#888888", lw=0.8)
        n = np.count_nonzero(selected)
        axes.set_title(
            f"{name} selects {n} of {len(delta)}", loc="left", fontsize=11, color=COLOURS[name]
        )
        style(axes)
    rows[-1].set_xlabel("hidden unit")
    figure.supylabel("error", fontsize=10)
    save(figure, "choice.svg")


def draw_share(onlookers):
    """How much each policy selects as learning goes on."""
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    window = 50
    steps = range(window, STEPS + 1, 10)
    ends = []
    for name, onlooker in onlookers.items():
        share = [np.mean(onlooker.shares[i - window : i]) for i in steps]
        axes.plot(steps, share, color=COLOURS[name], lw=1.8)
        ends.append((share[-1], name))
    lowest = 0
    for end, name in sorted(ends):  # labels, each a line of text above the one before at least
        lowest = max(end, lowest + 0.04)
        axes.text(STEPS, lowest, f" {name}", color=COLOURS[name], va="center")
    axes.set_xlim(0, STEPS)
    axes.set_ylim(0)
    axes.set_xlabel("digits seen")
    axes.set_title(f"Errors selected, mean of {window} digits", loc="left", fontsize=11)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y", color="#eeeeee")
    style(axes)
    save(figure, "share.svg")


@plt.rc_context({"svg.hashsalt": "tinyprop", "font.size": 10})
def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m host_sim pictures", description=__doc__)
    parser.parse_args(arguments)

    plt.switch_backend("svg")
    onlookers = watch()
    draw_choice(onlookers)
    draw_share(onlookers)
