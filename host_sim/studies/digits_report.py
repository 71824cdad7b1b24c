"""The files that `python -m host_sim digits` writes."""

import csv

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

plt.switch_backend("agg")  # there may be no screen

COLUMNS = (
    "mean",
    "sd",
    "min",
    "max",
    "backward_share",
    "backward_share_nonzero",
    "skipped_share",
)


def summary(runs):
    """What COLUMNS say about several runs of (accuracies, shares)."""
    final = [right[-1] for right, _ in runs]
    row = [np.mean(final), np.std(final, ddof=1), min(final), max(final)]
    return row + [np.mean([shares[name] for _, shares in runs]) for name in COLUMNS[4:]]


def cells(row, form, unknown):
    return [unknown if np.isnan(v) else form.format(v) for v in row]


def write(folder, results, choice):
    """results: (model, policy) -> runs; choice: the text on how the learning rates were chosen."""
    folder.mkdir(exist_ok=True)
    table = {key: summary(runs) for key, runs in results.items()}
    with open(folder / "digits.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["model", "policy", *COLUMNS])
        rows.writerows([*key, *cells(row, "{:.4f}", "")] for key, row in table.items())
    runs = next(iter(results.values()))
    text = markdown(table, len(runs[0][0]), len(runs), choice)
    (folder / "digits.md").write_text(text)
    draw(folder / "digits.png", results)
    return text


def markdown(table, n_epochs, n_seeds, choice):
    lines = [
        "# Digits: accuracy and work of every policy",
        "",
        "scikit-learn's scans of 8 x 8 pixels, 1437 to learn from, 360 for the exam; batch 1,",
        f"{n_epochs} epochs, {n_seeds} seeds, each with initial weights and an order of its own.",
        "Accuracy in the exam after the last epoch, in %. The shares are multiply-accumulates of",
        "the backward pass, of those that dense training of all layers in every step would need:",
        "for the errors that were kept, and less those that meet a zero. Made by `make digits`.",
    ]
    for model in dict.fromkeys(model for model, _ in table):
        lines += [
            "",
            f"## {model}",
            "",
            "| policy | mean | sd | min | max | backward share | non-zero | skipped |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for (of, policy), row in table.items():
            if of == model:
                percent = [f"{100 * v:.1f}" for v in row[:4]]
                line = " | ".join([policy, *percent, *cells(row[4:], "{:.3f}", "-")])
                lines.append(f"| {line} |")
    return "\n".join([*lines, "", "## Learning rates", "", choice, ""])


def draw(path, results):
    """Above, the learning curves, mean and standard deviation; below, accuracy against work."""
    models = list(dict.fromkeys(model for model, _ in results))
    policies = dict.fromkeys(policy for _, policy in results if "float" not in policy)
    colours = dict(zip(policies, plt.cm.tab10.colors, strict=False))
    figure, axes = plt.subplots(
        2, len(models), figsize=(11, 9), layout="constrained", sharey=True, squeeze=False
    )
    figure.get_layout_engine().set(hspace=0.06, wspace=0.04)
    for model, (curves, work) in zip(models, axes.T, strict=True):
        curves.set_title(f"{model}: accuracy in the exam")
        curves.set_xlabel("epoch")
        curves.xaxis.set_major_locator(MaxNLocator(integer=True))
        work.set_xlabel("backward work, share of dense training")
        work.set_xscale("log")
        work.set_xlim(0.01, 1.4)
        work.set_xticks([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1])
        work.xaxis.set_major_formatter(PercentFormatter(1))
        work.set_xticks([], minor=True)
        for (of, policy), runs in results.items():
            if of != model:
                continue
            colour, exact = colours[policy.split(",")[0]], "float" in policy
            right = np.array([right for right, _ in runs])
            mean, sd = right.mean(0), right.std(0, ddof=1)
            epochs = np.arange(1, len(mean) + 1)
            curves.plot(epochs, mean, "--" if exact else "-", color=colour, label=policy)
            curves.fill_between(epochs, mean - sd, mean + sd, color=colour, alpha=0.1, lw=0)
            share = np.mean([shares["backward_share"] for _, shares in runs])
            style = {"capsize": 3, "color": colour, "mfc": "white" if exact else colour}
            work.errorbar(share, mean[-1], sd[-1], fmt="o", **style)
    for panel in axes.flat:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#eeeeee")
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        panel.set_yticks(np.arange(0.8, 1.01, 0.05))
        panel.set_ylim(0.8, 1)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
