"""Accuracy and work of every policy on handwritten digits: two models, several seeds.

Writes reports/digits.csv, .md and .png. Each seed has initial weights and an order of samples of
its own. Learning rates are found; beside them stand rates tried by hand, with Full and on a fifth
of the training set.
"""

from functools import partial

import numpy as np
import tinyprop as tp

from ..tasks import digits
from .kit import jobs, learning, plots, tables
from .kit.command import REPORTS, parser
from .kit.learning import Variant

EPOCHS = 15
SEEDS = range(1, 6)
RATES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)  # tried by hand
DECAYS = (1, 0.8)  # of such a rate, after each epoch


def mlp(train_backbone):
    return 64, [tp.Dense(32, activation="relu", trainable=train_backbone), tp.Dense(10)]


def cnn(train_backbone):
    conv = partial(tp.Conv2D, padding="same", activation="relu", trainable=train_backbone)
    return (8, 8, 1), [conv(8, 3), tp.MaxPool2D(2), conv(16, 3), tp.Dense(10)]


MODELS = {"64-32-10": mlp, "CNN 8-16-10": cnn}
POLICIES = {
    "Full": Variant(tp.Full()),
    "TopK(0.25)": Variant(tp.TopK(0.25)),
    "TinyProp": Variant(tp.TinyProp()),
    "TinyPropV2": Variant(tp.TinyPropV2()),
    "Diffused": Variant(tp.Diffused()),
    "Adaptive": Variant(tp.Adaptive()),
    "last layer only": Variant(tp.Full(), train_backbone=False),
    "Full, float32": Variant(tp.Full(), floats=True),
    "TinyPropV2, float32": Variant(tp.TinyPropV2(), floats=True),
}


# ---- learning


def learn(train, test, model, policy, seed, rate=None, decay=1):
    """Accuracy in the test set after each epoch, and what learning did."""
    variant = POLICIES[policy]
    shape, layers = MODELS[model](variant.train_backbone)
    settings = {"policy": variant.policy, "input_range": (0, 16), "seed": seed}
    m = variant.cast(tp.Model(shape, layers, lr=rate, **settings))
    curve = [m.evaluate(*test) for _ in learning.epochs(m, *train, EPOCHS, seed, decay)]
    return {"curve": curve} | learning.shares(m)


def validate(job):
    """Accuracy with Full on a fifth of the training set, after learning the rest."""
    model, *settings = job
    train, _ = digits.load()
    parts = learning.split(*train, seed=settings[0])
    return learn(*parts, model, "Full", *settings)["curve"][-1]


def run(job):
    return learn(*digits.load(), *job)


def compare_rates(workers):
    """A table of accuracies: with the rates that are found, and with those tried by hand."""
    settings = [(), *((rate, decay) for decay in DECAYS for rate in RATES)]
    todo = [(model, seed, *s) for model in MODELS for s in settings for seed in SEEDS]
    accuracies = jobs.finish(workers, validate, todo, "comparing learning rates")
    means = np.reshape(accuracies, (len(MODELS), len(settings), len(SEEDS))).mean(2)
    rows = []
    for model, (found, *by_hand) in zip(MODELS, means, strict=True):
        for decay, part in zip(DECAYS, np.split(np.array(by_hand), len(DECAYS)), strict=True):
            given = "constant" if decay == 1 else f"x {decay} after an epoch"
            rows.append([model, tables.percent(found), given, *map(tables.percent, part)])
    header = ["model", "found", "given", *(f"lr {rate}" for rate in RATES)]
    return tables.markdown("lrl" + "r" * len(RATES), header, rows)


def main(arguments):
    parser("digits", __doc__).parse_args(arguments)
    with jobs.pool() as workers:
        rates = compare_rates(workers)
        print(f"\n{rates}\n")
        names = [(model, policy) for model in MODELS for policy in POLICIES]
        todo = [(*name, seed) for name in names for seed in SEEDS]
        done = jobs.finish(workers, run, todo, "learning")
    n = len(SEEDS)
    results = {name: done[i * n : (i + 1) * n] for i, name in enumerate(names)}
    print(f"\n{write(results, rates)}")
    print("The table is reports/digits.md and .csv, the picture reports/digits.png.")


# ---- the report


TEXT = """\
# Digits: accuracy and work of every policy

scikit-learn's scans of 8 x 8 pixels, 1437 to learn from, 360 to test; batch 1,
{epochs} epochs, {seeds} seeds, each with initial weights and an order of its own.
Accuracy in the test set after the last epoch, in %. The shares are multiply-accumulates of
the backward pass, of those that dense training of all layers in every step would need:
for the deltas that were selected, and less those that meet a zero. Made by `make digits`.

{sections}

## Learning rates

Mean accuracy with Full, in %, on a fifth of the training set after learning the rest: with the
rates that each layer finds, as above, and with rates that are given.

{rates}
"""
ACCURACIES = "mean", "sd", "min", "max"
SHARES = "backward_share", "backward_share_nonzero", "skipped_share"
FIGURES = *ACCURACIES, *SHARES
HEADER = "policy", *ACCURACIES, "backward share", "non-zero", "skipped"


def summary(results):
    """FIGURES by name, from the results of several seeds."""
    final = [result["curve"][-1] for result in results]
    accuracies = np.mean(final), tables.sd(final), min(final), max(final)
    shares = (tables.mean([result[name] for result in results]) for name in SHARES)
    return dict(zip(FIGURES, (*accuracies, *shares), strict=True))


def write(results, rates):
    """results: {(model, policy): those of all seeds}. Returns the report."""
    rows = [
        {"model": model, "policy": policy} | summary(of_seeds)
        for (model, policy), of_seeds in results.items()
    ]
    lines = [row | {name: tables.number(row[name], 4, "") for name in FIGURES} for row in rows]
    tables.write_csv(REPORTS / "digits.csv", lines)
    sections = "\n\n".join(section(model, rows) for model in MODELS)
    text = TEXT.format(epochs=EPOCHS, seeds=len(SEEDS), sections=sections, rates=rates)
    (REPORTS / "digits.md").write_text(text)
    draw(REPORTS / "digits.png", results)
    return text


def section(model, rows):
    lines = [
        [
            row["policy"],
            *(tables.percent(row[name]) for name in ACCURACIES),
            *(tables.number(row[name], 3, "-") for name in SHARES),
        ]
        for row in rows
        if row["model"] == model
    ]
    return f"## {model}\n\n{tables.markdown('lrrrrrrr', HEADER, lines)}"


def draw(path, results):
    """Above: learning curves, mean and standard deviation. Below: accuracy against work."""
    exact = [policy for policy, variant in POLICIES.items() if not variant.floats]
    colours = dict(zip(exact, plots.plt.cm.tab10.colors, strict=False))
    figure, panels = plots.panels(len(MODELS), (11, 9), sharey=True)
    figure.get_layout_engine().set(hspace=0.06, wspace=0.04)
    for model, (curves, work) in zip(MODELS, panels, strict=True):
        for policy, variant in POLICIES.items():
            of_seeds, colour = results[model, policy], colours[policy.split(",")[0]]
            look = {"color": colour, "label": policy}
            plots.curve(curves, of_seeds, band=True, dashed=variant.floats, **look)
            fill = "white" if variant.floats else colour
            share, accuracy, sd = plots.end(of_seeds)
            work.errorbar(share, accuracy, sd, fmt="o", capsize=3, color=colour, mfc=fill)
        curves.set_title(f"{model}: accuracy in the test set")
        plots.epochs_axis(curves)
        plots.work_axis(work, (0.01, 1.4))
        for panel in curves, work:
            plots.percent_axis(panel, decimals=0)
            panel.set_yticks(np.arange(0.8, 1.01, 0.05))
            panel.set_ylim(0.8, 1)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    plots.save(figure, path, dpi=120)
