"""Pictures of results: above learning curves, below final accuracy against backward work.

A result has a "curve", the accuracy after each epoch, and a "backward_share".
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from . import tables

plt.switch_backend("agg")  # there may be no screen

SHARES = 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1  # ticks of the axis


def panels(columns, size, **options):
    """A figure, and for each column its two panels: curves, work."""
    figure, axes = plt.subplots(
        2, columns, figsize=size, layout="constrained", squeeze=False, **options
    )
    for panel in axes.flat:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#eeeeee")
    return figure, axes.T


def percent_axis(panel, decimals=None):
    panel.yaxis.set_major_formatter(PercentFormatter(1, decimals))


def epochs_axis(panel):
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_xlabel("epoch")


def work_axis(panel, limits=None):
    """Without limits this comes after all is drawn."""
    panel.set_xscale("log")
    if limits:
        panel.set_xlim(limits)
    low, high = panel.get_xlim()
    marks = [share for share in SHARES if low <= share <= high]
    panel.set_xticks(marks, [f"{100 * share:g}%" for share in marks])
    panel.minorticks_off()
    panel.set_xlabel("backward work, share of dense training")


def curve(panel, results, band=False, dashed=False, **style):
    """The mean curve; band: with one standard deviation on each side."""
    curves = np.array([result["curve"] for result in results])
    epochs, mean = np.arange(1, curves.shape[1] + 1), curves.mean(0)
    panel.plot(epochs, mean, "--" if dashed else "-", **style)
    if band:
        sd = curves.std(0, ddof=1)
        panel.fill_between(epochs, mean - sd, mean + sd, color=style["color"], alpha=0.1, lw=0)


def end(results):
    """(backward share, accuracy, standard deviation of the accuracy) after the last epoch."""
    final = [result["curve"][-1] for result in results]
    share = np.mean([result["backward_share"] for result in results])
    return share, np.mean(final), tables.sd(final)


def save(figure, path, dpi):
    figure.savefig(path, dpi=dpi)
    plt.close(figure)
