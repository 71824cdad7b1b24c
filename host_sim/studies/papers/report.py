"""The files that `python -m host_sim reproduce` writes: a table, the report, the pictures."""

import csv
from collections import defaultdict

import numpy as np

from ...tasks.datasets import SOURCES
from ...tasks.networks import PLANS, memory, new
from ...tasks.protocols import SHIFTS
from . import cycles, plots
from .policies import POLICIES

COLUMNS = (
    "dataset",
    "protocol",
    "policy",
    "seeds",
    "metric",
    "mean",
    "std",
    "drop_vs_full",
    "backward_share",
    "backward_share_nonzero",
    "skipped_share",
    "total_share",
    "cycles_pico",
)
SHARES = COLUMNS[8:12]
RUN = "dataset", "protocol", "policy", "seed", "rate", "steps", "result"
PICO = 190_000  # bytes of heap

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

Made by `make reproduce DATA=dir`. Batch 1. The learning rate is chosen for each data set and
protocol with Full, on a fifth of the training set: of the rates within a standard error of the
best, the largest. It is the same for all policies, and falls to a twentieth. Accuracy (DCASE2020:
AUC) in the test set after the last epoch, in %, mean ± standard deviation over the seeds.

- *Drop*: in points, against Full in int16 with the same seeds.
- *Backward*: multiplications for the errors kept, of those of dense training; *non-zero*: less
  those that meet a zero. *Total*: with the forward pass.
- *Pico*: the time of a step, estimated as the last section says.
- *default*: what a model does unless told otherwise, `Diffused()`.

The models and the numbers of epochs are such that all of it takes an hour or two on two cores of a
PC. They are small; the drops and the shares are what to look at, not the accuracies. runs.csv has
the seed, the rate, the steps and the result of each run.
"""
UNDER_TEST = "default"
BASELINE = "TopK("


def write(folder, jobs, results):
    """Puts the results into the tables, in place of rows of the same name. Returns a text."""
    runs = defaultdict(list)
    for job, result in zip(jobs, results, strict=True):
        runs[job["dataset"], job["protocol"], job["policy"]].append(result)
    folder.mkdir(exist_ok=True)
    before = read(folder / "summary.csv")
    now = {key: [row(key, of, runs)] for key, of in runs.items()}
    table = sort(before | now)
    each = sort(
        read(folder / "runs.csv") | {key: list(run_rows(key, of)) for key, of in runs.items()}
    )
    save(folder / "summary.csv", COLUMNS, table)
    save(folder / "runs.csv", RUN, each)
    table = {key: line for key, (line,) in table.items()}
    steps = {key[:2]: lines[0]["steps"] for key, lines in each.items()}
    (folder / "reproduce.md").write_text(markdown(table, steps))
    for dataset in dict.fromkeys(key[0] for key in runs):
        of = {key[1:]: its for key, its in runs.items() if key[0] == dataset}
        plots.draw(folder / f"{dataset}.png", SOURCES[dataset].title, of, metric(dataset))
    return compare(before, now)


def read(path):
    """(data set, protocol, policy) -> rows"""
    table = defaultdict(list)
    if path.exists():
        with open(path, newline="") as file:
            for line in csv.DictReader(file):
                table[line["dataset"], line["protocol"], line["policy"]].append(line)
    return table


def save(path, columns, table):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for lines in table.values():
            writer.writerows(lines)


def sort(table):
    names, policies = list(SOURCES), list(POLICIES)
    known = [k for k in table if k[0] in names and k[2] in policies]
    order = sorted(
        known, key=lambda k: (names.index(k[0]), k[1] != "scratch", policies.index(k[2]))
    )
    return {k: table[k] for k in order}


def metric(dataset):
    return "auc" if PLANS[dataset].loss == "mse" else "accuracy"


def seed(result):
    return result["settings"]["seed"]


def run_rows(key, results):
    for result in results:
        of = seed(result), result["settings"]["rate"], result["counters"]["steps"]
        yield dict(zip(RUN, (*key, *of, f"{result['curve'][-1]:.4f}"), strict=True))


def row(key, results, runs):
    final = [result["curve"][-1] for result in results]
    line = dict(zip(COLUMNS, key, strict=False)) | {
        "seeds": len(results),
        "metric": metric(key[0]),
        "mean": f"{np.mean(final):.4f}",
        "std": f"{np.std(final, ddof=1):.4f}" if len(final) > 1 else "",
        "drop_vs_full": "",
        "cycles_pico": pico_cycles(key, results),
    }
    full = {seed(result): result["curve"][-1] for result in runs.get((*key[:2], "Full"), ())}
    if all(seed(result) in full for result in results):
        drops = [full[seed(result)] - result["curve"][-1] for result in results]
        line["drop_vs_full"] = f"{100 * np.mean(drops):.2f}"
    for name in SHARES:
        shares = [result["counters"][name] for result in results]
        line[name] = "" if None in shares else f"{np.mean(shares):.4f}"
    return line


def pico_cycles(key, results):
    """Of a step, on average."""
    policy = POLICIES[key[2]]
    model = new(key[0], policy.sparsity, policy.body, 0.01, 1)
    counts = [cycles.of_a_step(model, result["counters"]) for result in results]
    return "" if None in counts else f"{np.mean(counts):.0f}"


def compare(before, now):
    lines = [f"{'':42} {'now':>14} {'before':>14} {'share':>6}"]
    for k, [line] in now.items():
        old = before[k][0] if k in before else None
        lines.append(f"{'  '.join(k):42} {score(line):>14} {score(old):>14} {share(line):>6}")
    return "\n".join(lines)


def score(line):
    if not line:
        return "-"
    spread = f" ± {100 * float(line['std']):.1f}" if line["std"] else ""
    return f"{100 * float(line['mean']):.1f}{spread}"


def share(line, name="backward_share"):
    return f"{float(line[name]):.3f}" if line[name] else "-"


# ---- the report


def markdown(table, steps):
    parts = [INTRODUCTION, averages(table), equal_effort(table), integers(table), CLAIMS]
    for dataset in dict.fromkeys(k[0] for k in table):
        of = {k: line for k, line in table.items() if k[0] == dataset}
        parts.append(section(dataset, of, steps))
    parts += [boards(), time()]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def averages(table):
    """Every policy over the data sets for which it and Full are known."""
    lines = [
        "## Over the data sets",
        "",
        "| protocol | policy | data sets | mean drop | worst drop | backward | total |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for protocol in dict.fromkeys(k[1] for k in table):
        for policy in POLICIES:
            rows = [
                v for k, v in table.items() if k[1:] == (protocol, policy) and v["drop_vs_full"]
            ]
            if rows:
                drops = [float(v["drop_vs_full"]) for v in rows]
                shares = [
                    np.mean([float(v[s]) for v in rows]) for s in ("backward_share", "total_share")
                ]
                cells = f"{len(rows)} | {np.mean(drops):.2f} | {max(drops):.2f}"
                lines.append(
                    f"| {protocol} | {policy} | {cells} | {shares[0]:.3f} | {shares[1]:.3f} |"
                )
    return "\n".join(lines)


def equal_effort(table):
    """The default beside static choices of the same backward work."""
    lines = [
        "## At equal effort",
        "",
        "The default beside TopK at the same share of backward work: between two of its ratios by",
        "linear interpolation, below the smallest one by that one.",
        "",
        "| data set | protocol | backward | default | TopK | difference |",
        "|---|---|---:|---:|---:|---:|",
    ]
    above = defaultdict(list)
    for (dataset, protocol, policy), line in table.items():
        points = [
            (float(v["backward_share"]), 100 * float(v["mean"]))
            for k, v in table.items()
            if k[:2] == (dataset, protocol) and k[2].startswith(BASELINE)
        ]
        if policy == UNDER_TEST and points:
            mean = 100 * float(line["mean"])
            topk = np.interp(float(line["backward_share"]), *np.array(sorted(points)).T)
            above[protocol].append(mean > topk)
            cells = f"{share(line)} | {mean:.1f} | {topk:.1f} | {mean - topk:+.1f}"
            lines.append(f"| {SOURCES[dataset].title} | {protocol} | {cells} |")
    if not above:
        return ""
    counts = [f"{sum(of)} of {len(of)} data sets in {name}" for name, of in above.items()]
    return "\n".join([*lines, "", f"The default is above TopK on {', on '.join(counts)}."])


def integers(table):
    """int16 beside float32."""
    lines = [
        "## Integers and floats",
        "",
        "Full in int16 and in float32, which clips errors at 1.0 too. Difference: in points, with",
        "the same seeds, ± its standard error.",
        "",
        "| data set | protocol | float32 | int16 | difference |",
        "|---|---|---:|---:|---:|",
    ]
    for (dataset, protocol, policy), floats in table.items():
        full = table.get((dataset, protocol, "Full"))
        if policy == "float32 Full" and full:
            error = 100 * np.hypot(*(float(v["std"] or 0) for v in (full, floats)))
            error /= int(floats["seeds"]) ** 0.5
            off = f"{float(floats['drop_vs_full']):+.2f} ± {error:.2f}"
            cells = f"{score(floats)} | {score(full)} | {off}"
            lines.append(f"| {SOURCES[dataset].title} | {protocol} | {cells} |")
    return "\n".join(lines)


def section(dataset, table, steps):
    shift = " ".join(SHIFTS[dataset].__doc__.split())
    parts = [f"## {SOURCES[dataset].title}", f"Fine-tuning: {shift[0].lower()}{shift[1:]}"]
    name = metric(dataset)
    lines = [
        f"| protocol | policy | {name} | drop | backward | non-zero | skipped | total | Pico |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (_, protocol, policy), line in table.items():
        shares = " | ".join(share(line, name) for name in SHARES)
        ms = f"{milliseconds(line):.1f} ms" if line["cycles_pico"] else "-"
        lines.append(
            f"| {protocol} | {policy} | {score(line)} | {line['drop_vs_full']} | {shares} | {ms} |"
        )
    counts = [f"{n} in {protocol}" for (its, protocol), n in steps.items() if its == dataset]
    if counts:
        parts.append(f"Steps of a run: {', '.join(counts)}.")
    return "\n\n".join([*parts, "\n".join(lines), f"![{SOURCES[dataset].title}]({dataset}.png)"])


def milliseconds(line):
    return 1000 * float(line["cycles_pico"]) / cycles.HZ


def time():
    lines = [
        "## Time on a Pico",
        "",
        "The tables above have the mean time of a step on a Raspberry Pi Pico at 125 MHz, and",
        "summary.csv its cycles. They are estimated from those that bench/results.json counts:",
        "",
        "| cycles for | dense networks | with convolutions |",
        "|---|---:|---:|",
    ]
    names = (
        "a multiplication, forward",
        "a multiplication, backward",
        "an output",
        "an error of a step that trains",
        "finding the largest, an error",
        "the loss, a step",
    )
    (dense, dense_off), (conv, conv_off) = (cycles.costs()[kind] for kind in (False, True))
    for name, a, b in zip(names, dense, conv, strict=True):
        lines.append(f"| {name} | {a:.1f} | {b:.1f} |")
    off = f"{100 * dense_off:.0f} % and {100 * conv_off:.0f} %"
    return "\n".join([*lines, "", f"With these the measured steps come out within {off}."])


def boards():
    lines = [
        "## The models",
        "",
        "Layers, and the RAM of all of it: weights, activations, errors.",
        "",
        "| data set | model | bytes | fits |",
        "|---|---|---:|---|",
    ]
    for dataset in PLANS:
        text, size = memory(dataset)
        fits = "Pico, ESP32" if size < PICO else "ESP32"
        lines.append(f"| {SOURCES[dataset].title} | {text} | {size} | {fits} |")
    return "\n".join(lines)
