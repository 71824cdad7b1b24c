"""A picture for each data set: learning curves, and the result against the backward work."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

plt.switch_backend("agg")  # there may be no screen

FAMILIES = {  # by how a policy's name begins: colour, marker
    "float32": ("#999999", "s"),
    "Full": ("black", "s"),
    "last": ("#8c564b", "v"),
    "TopK": ("tab:blue", "o"),
    "TinyPropV2": ("tab:red", "o"),
    "TinyProp": ("tab:orange", "D"),
    "default": ("tab:purple", "*"),
}
SHARES = 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1  # that are marked


def style(policy):
    return next(look for start, look in FAMILIES.items() if policy.startswith(start))


def draw(path, title, runs, metric):
    """runs: (protocol, policy) -> results."""
    protocols = list(dict.fromkeys(protocol for protocol, _ in runs))
    size = (6 * len(protocols), 9)
    figure, axes = plt.subplots(
        2, len(protocols), figsize=size, layout="constrained", squeeze=False
    )
    for protocol, (curves, work) in zip(protocols, axes.T, strict=True):
        of = {policy: results for (its, policy), results in runs.items() if its == protocol}
        seeds = min(map(len, of.values()))  # the same for all, to be compared
        of = {policy: results[:seeds] for policy, results in of.items()}
        draw_curves(curves, of)
        curves.set_title(f"{title}, {protocol}")
        draw_work(work, of)
        for panel in curves, work:
            panel.set_ylabel(metric)
            panel.yaxis.set_major_formatter(PercentFormatter(1))
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(axis="y", color="#eeeeee")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def one_of_a_family(policies):
    """The policies whose curves are drawn: of each family the one in the middle."""
    for start in FAMILIES:
        members = [p for p in policies if p.startswith(start) and style(p) is FAMILIES[start]]
        if members:
            yield members[len(members) // 2]


def draw_curves(panel, runs):
    for policy in one_of_a_family(runs):
        curves = np.array([result["curve"] for result in runs[policy]])
        epochs = np.arange(1, curves.shape[1] + 1)
        dashes = "--" if policy.startswith("float") else "-"
        panel.plot(epochs, curves.mean(0), dashes, color=style(policy)[0], label=policy)
    lowest = np.median([result["curve"][0] for results in runs.values() for result in results])
    panel.set_ylim(bottom=lowest)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_xlabel("epoch")
    panel.legend(frameon=False, loc="lower right")


def draw_work(panel, runs):
    for start, (colour, marker) in FAMILIES.items():
        points = []
        for policy, results in runs.items():
            if style(policy) is not FAMILIES[start]:
                continue
            final = [result["curve"][-1] for result in results]
            share = np.mean([result["counters"]["backward_share"] for result in results])
            spread = np.std(final, ddof=1) if len(final) > 1 else 0
            points.append((share, np.mean(final), spread))
        if points:
            x, y, spread = np.array(sorted(points)).T
            panel.errorbar(x, y, spread, fmt=f"{marker}-", color=colour, capsize=2, label=start)
    panel.set_xscale("log")
    low, high = panel.get_xlim()
    marks = [share for share in SHARES if low < share < high]
    panel.set_xticks(marks, [f"{100 * share:g}%" for share in marks])
    panel.minorticks_off()
    panel.set_xlabel("backward work, share of dense training")
    panel.legend(frameon=False, loc="lower right")
