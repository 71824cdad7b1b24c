"""The files that `python -m host_sim reproduce` writes: a table, the report, the pictures."""

from collections import defaultdict

import numpy as np

from ... import internals
from ...tasks.datasets import SOURCES
from ...tasks.networks import NETWORKS
from ...tasks.protocols import SHIFTS
from ..kit import tables
from . import cycles, plots
from .policies import BASE, FLOATS, POLICIES
from .runs import is_autoencoder

KEY = "dataset", "protocol", "policy"
SHARES = "backward_share", "backward_share_nonzero", "skipped_share", "total_share"

CLAIMS = """\
## What the papers claim

- TinyProp ([arXiv 2308.09201](https://arxiv.org/abs/2308.09201)), on MNIST, DCASE2020 and
  CIFAR-10: 5 times faster than dense training at a loss of 1 % on average; 2.9 times faster than a
  static choice, with 6 % less loss.
- TinyPropv2 ([arXiv 2409.07109](https://arxiv.org/abs/2409.07109)): about 1 % of loss in most
  cases, 0.82 on CIFAR-10, 1.07 on CIFAR-100, with as little as 10 % of the effort of dense
  training.

Their networks are not these; what can be compared is the drop against dense training, and the
share.
"""
INTRODUCTION = """\
# The papers' table, in integers

Made by `make reproduce DATA=dir`. Batch 1. Each layer finds its learning rate. Accuracy
(DCASE2020: AUC) in the test set after the last epoch, in %, mean ± standard deviation over the
seeds.

- *chosen lr*: one rate for all layers, chosen for each data set and protocol on a fifth of the
  training set: of the rates within a standard error of the best, the largest. It falls to a
  twentieth.
- *Drop*: in points, against Full in int16 with the same seeds.
- *Backward*: multiplications for the selected deltas, of those of dense training; *non-zero*:
  less those that meet a zero. *Total*: with the forward pass.
- *Pico*: the time of a step, estimated as the last section says.
- *default*: the default policy, `Adaptive()`.

The models and the numbers of epochs are such that all of it takes an hour or two on two cores of a
PC. They are small; the drops and the shares are what to look at, not the accuracies. runs.csv has
the seed, the rate, the steps and the result of each run.
"""
UNDER_TEST = "default"
BASELINE = "TopK("


def write(folder, jobs, results):
    """Puts the results into the tables, in place of rows of the same KEY. Returns a comparison."""
    runs = defaultdict(list)
    for job, result in zip(jobs, results, strict=True):
        runs[tuple(job[name] for name in KEY)].append(result)
    before = tables.read_groups(folder / "summary.csv", KEY)
    new = {key: [row(key, of_seeds, runs)] for key, of_seeds in runs.items()}
    table = in_order(before | new)
    new_runs = {key: list(run_rows(key, of_seeds)) for key, of_seeds in runs.items()}
    each = in_order(tables.read_groups(folder / "runs.csv", KEY) | new_runs)
    for name, groups in ("summary.csv", table), ("runs.csv", each):
        tables.write_groups(folder / name, groups)
    table = {key: line for key, (line,) in table.items()}
    steps = {key[:2]: lines[0]["steps"] for key, lines in each.items()}
    (folder / "reproduce.md").write_text(markdown(table, steps))
    for dataset in dict.fromkeys(key[0] for key in runs):
        drawn = {key[1:]: of_seeds for key, of_seeds in runs.items() if key[0] == dataset}
        plots.draw(folder / f"{dataset}.png", SOURCES[dataset].title, drawn, metric(dataset))
    return compare(before, new)


def in_order(groups):
    names, policies = list(SOURCES), list(POLICIES)
    known = [key for key in groups if key[0] in names and key[2] in policies]
    known.sort(key=lambda k: (names.index(k[0]), k[1] != "scratch", policies.index(k[2])))
    return {key: groups[key] for key in known}


def metric(dataset):
    return "auc" if is_autoencoder(dataset) else "accuracy"


def run_rows(key, results):
    for result in results:
        settings = result["settings"]
        yield dict(zip(KEY, key, strict=True)) | {
            "seed": settings["seed"],
            "rate": settings["rate"] or "found",
            "steps": result["steps"],
            "result": f"{result['curve'][-1]:.4f}",
        }


def row(key, results, runs):
    final = {result["settings"]["seed"]: result["curve"][-1] for result in results}
    full = {r["settings"]["seed"]: r["curve"][-1] for r in runs[*key[:2], BASE]}
    drop = 100 * np.mean([full[seed] - final[seed] for seed in final])
    ends = list(final.values())
    means = {name: tables.mean([result[name] for result in results]) for name in SHARES}
    return (
        dict(zip(KEY, key, strict=True))
        | {
            "seeds": len(ends),
            "metric": metric(key[0]),
            "mean": f"{np.mean(ends):.4f}",
            "std": f"{tables.sd(ends):.4f}" if len(ends) > 1 else "",
            "drop_vs_full": f"{drop:.2f}",
        }
        | {name: tables.number(mean, 4, "") for name, mean in means.items()}
        | {"cycles_pico": tables.number(pico_cycles(key, results), 0, "")}
    )


def new_model(dataset, policy=BASE):
    variant = POLICIES[policy]
    return NETWORKS[dataset].model(variant.policy, variant.train_backbone, None, 1)


def pico_cycles(key, results):
    """Cycles of a step, on average."""
    dataset, _, policy = key
    model = new_model(dataset, policy)
    return tables.mean([cycles.of_a_step(model, result) for result in results])


def compare(before, new):
    lines = [f"{'':42} {'now':>14} {'before':>14} {'share':>6}"]
    for key, [line] in new.items():
        old = score(before[key][0]) if key in before else "-"
        lines.append(f"{'  '.join(key):42} {score(line):>14} {old:>14} {share(line):>6}")
    return "\n".join(lines)


def score(line):
    return tables.percent(float(line["mean"]), float(line["std"]) if line["std"] else None)


def share(line, name="backward_share"):
    return f"{float(line[name]):.3f}" if line[name] else "-"


# ---- the report


def markdown(table, steps):
    parts = [INTRODUCTION, averages(table), equal_effort(table), integers(table), CLAIMS]
    for dataset in dict.fromkeys(key[0] for key in table):
        lines = {key: line for key, line in table.items() if key[0] == dataset}
        parts.append(section(dataset, lines, steps))
    parts += [models(), time()]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


AVERAGES = """\
## Over the data sets

Drops in points, against Full in float32, which finds its rates in the same way.

{table}
"""


def averages(table):
    """Each policy over the data sets for which it and Full are there, in int16 and float32."""
    rows = []
    for protocol in dict.fromkeys(key[1] for key in table):
        for policy in POLICIES:
            lines = [
                (line, table[*key[:2], FLOATS])
                for key, line in table.items()
                if key[1:] == (protocol, policy) and (*key[:2], FLOATS) in table
            ]
            if lines:
                drops = [drop(line) - drop(floats) for line, floats in lines]
                backward, total = (
                    [float(line[name]) for line, _ in lines]
                    for name in ("backward_share", "total_share")
                )
                cells = f"{np.mean(drops):.2f}", f"{max(drops):.2f}"
                shares = f"{np.mean(backward):.3f}", f"{np.mean(total):.3f}"
                rows.append((protocol, policy, len(lines), *cells, *shares))
    header = "protocol", "policy", "data sets", "mean drop", "worst drop", "backward", "total"
    return AVERAGES.format(table=tables.markdown("llrrrrr", header, rows))


def drop(line):
    return float(line["drop_vs_full"])


EQUAL_EFFORT = """\
## At equal effort

The default beside TopK at the same share of backward work: by linear interpolation between two of
TopK's ratios, and below the smallest ratio by that one.

{table}

The default is above TopK on {counts}.
"""


def equal_effort(table):
    """The default beside a static selection with the same backward work."""
    rows, above = [], defaultdict(list)
    for (dataset, protocol, policy), line in table.items():
        points = [
            (float(other["backward_share"]), 100 * float(other["mean"]))
            for key, other in table.items()
            if key[:2] == (dataset, protocol) and key[2].startswith(BASELINE)
        ]
        if policy == UNDER_TEST and points:
            mean = 100 * float(line["mean"])
            topk = np.interp(float(line["backward_share"]), *np.array(sorted(points)).T)
            above[protocol].append(mean > topk)
            cells = f"{mean:.1f}", f"{topk:.1f}", f"{mean - topk:+.1f}"
            rows.append((SOURCES[dataset].title, protocol, share(line), *cells))
    if not above:
        return ""
    counts = [f"{sum(wins)} of {len(wins)} data sets in {name}" for name, wins in above.items()]
    header = "data set", "protocol", "backward", "default", "TopK", "difference"
    shown = tables.markdown("llrrrr", header, rows)
    return EQUAL_EFFORT.format(table=shown, counts=", on ".join(counts))


INTEGERS = """\
## Integers and floats

Full in int16 and in float32, which clips deltas at 1.0 too. Difference: in points, with
the same seeds, ± its standard error.

{table}
"""


def integers(table):
    """int16 beside float32."""
    rows = []
    for (dataset, protocol, policy), floats in table.items():
        full = table.get((dataset, protocol, BASE))
        if policy == FLOATS and full:
            error = 100 * np.hypot(*(float(line["std"] or 0) for line in (full, floats)))
            error /= int(floats["seeds"]) ** 0.5
            off = f"{drop(floats):+.2f} ± {error:.2f}"
            rows.append((SOURCES[dataset].title, protocol, score(floats), score(full), off))
    header = "data set", "protocol", "float32", "int16", "difference"
    return INTEGERS.format(table=tables.markdown("llrrr", header, rows))


def section(dataset, table, steps):
    """table: {KEY: row}; steps: {(data set, protocol): steps of a run}"""
    title = SOURCES[dataset].title
    shift = " ".join(SHIFTS[dataset].__doc__.split())
    parts = [f"## {title}", f"Fine-tuning: {shift[0].lower()}{shift[1:]}"]
    counts = [f"{n} in {protocol}" for (name, protocol), n in steps.items() if name == dataset]
    if counts:
        parts.append(f"Steps of a run: {', '.join(counts)}.")
    name = metric(dataset)
    rows = []
    for (_, protocol, policy), line in table.items():
        shares = (share(line, name) for name in SHARES)
        ms = f"{milliseconds(line):.1f} ms" if line["cycles_pico"] else "-"
        rows.append((protocol, policy, score(line), line["drop_vs_full"], *shares, ms))
    names = "drop", "backward", "non-zero", "skipped", "total", "Pico"
    parts.append(tables.markdown("llrrrrrrr", ("protocol", "policy", name, *names), rows))
    return "\n\n".join([*parts, f"![{title}]({dataset}.png)"])


def milliseconds(line):
    return 1000 * float(line["cycles_pico"]) / cycles.HZ


TIME = """\
## Time on a Pico

The tables above have the mean time of a step on a Raspberry Pi Pico at 125 MHz, and
summary.csv its cycles. They are estimated from those that bench/results.json counts:

{table}

With these the measured steps come out within {dense_off:.0f} % and {conv_off:.0f} %.
"""


def time():
    names = (
        "a multiplication, forward",
        "a multiplication, backward",
        "an output",
        "a delta of a step that trains",
        "finding the largest, per delta",
        "the loss, per step",
    )
    (dense, dense_off), (conv, conv_off) = (cycles.costs()[kind] for kind in (False, True))
    rows = [(name, f"{a:.1f}", f"{b:.1f}") for name, a, b in zip(names, dense, conv, strict=True)]
    shown = tables.markdown("lrr", ("cycles for", "dense networks", "with convolutions"), rows)
    return TIME.format(table=shown, dense_off=100 * dense_off, conv_off=100 * conv_off)


MODELS = """\
## The models

Layers, and the RAM of all of it: weights, activations, deltas.

{table}
"""


def models():
    rows = []
    for dataset in NETWORKS:
        model = new_model(dataset)
        size = len(internals.image(model))
        rows.append((SOURCES[dataset].title, internals.in_words(model), size))
    return MODELS.format(table=tables.markdown("llr", ("data set", "model", "bytes"), rows))
