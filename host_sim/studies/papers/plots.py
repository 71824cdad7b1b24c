"""A picture for each data set: learning curves, and the result against the backward work."""

import numpy as np

from ..kit import plots

FAMILIES = {  # start of a policy's name: colour, marker
    "float32": ("#999999", "s"),
    "chosen": ("tab:green", "s"),
    "Full": ("black", "s"),
    "last": ("#8c564b", "v"),
    "TopK": ("tab:blue", "o"),
    "TinyPropV2": ("tab:red", "o"),
    "TinyProp": ("tab:orange", "D"),
    "default": ("tab:purple", "*"),
}


def family(policy):
    return next(start for start in FAMILIES if policy.startswith(start))


def draw(path, title, runs, metric):
    """runs: {(protocol, policy): results}"""
    protocols = list(dict.fromkeys(protocol for protocol, _ in runs))
    figure, panels = plots.panels(len(protocols), (6 * len(protocols), 9))
    for protocol, (curves, work) in zip(protocols, panels, strict=True):
        compared = {policy: results for (p, policy), results in runs.items() if p == protocol}
        seeds = min(map(len, compared.values()))  # the same for all, so that they compare
        compared = {policy: results[:seeds] for policy, results in compared.items()}
        draw_curves(curves, compared)
        curves.set_title(f"{title}, {protocol}")
        draw_work(work, compared)
        for panel in curves, work:
            panel.set_ylabel(metric)
            panel.legend(frameon=False, loc="lower right")
            plots.percent_axis(panel)
    plots.save(figure, path, dpi=100)


def one_of_a_family(policies):
    """The policies whose curves are drawn: the middle one of each family."""
    for start in FAMILIES:
        members = [policy for policy in policies if family(policy) == start]
        if members:
            yield members[len(members) // 2]


def draw_curves(panel, runs):
    for policy in one_of_a_family(runs):
        colour, _ = FAMILIES[family(policy)]
        dashed = policy.startswith("float")
        plots.curve(panel, runs[policy], dashed=dashed, color=colour, label=policy)
    lowest = np.median([result["curve"][0] for results in runs.values() for result in results])
    panel.set_ylim(bottom=lowest)
    plots.epochs_axis(panel)


def draw_work(panel, runs):
    for start, (colour, marker) in FAMILIES.items():
        ends = [plots.end(results) for policy, results in runs.items() if family(policy) == start]
        if ends:
            x, y, sd = np.array(sorted(ends)).T
            panel.errorbar(x, y, sd, fmt=f"{marker}-", color=colour, capsize=2, label=start)
    plots.work_axis(panel)
