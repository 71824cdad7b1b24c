"""The files that `python -m host_sim first_use` writes: a table and the report."""

from collections import defaultdict

import numpy as np

from ...tasks.simple import LONGEST, NETS, TEST
from ..kit import tables
from .methods import BLOCK, METHODS, REPLAY
from .runs import EPOCHS, MARKS

KEY = "dataset", "method"
POINT = "protocol", "samples"
ONE_PASS, ALL_PASSES = ("one-pass", "end"), ("epochs", "end")
HEADER = *(str(mark) for mark in MARKS), "1 pass", f"{EPOCHS} passes"


def write(folder, jobs, results):
    """Puts the results into the table, in place of rows of the same name. Returns the summary."""
    runs = defaultdict(list)
    for job, result in zip(jobs, results, strict=True):
        runs[tuple(job[name] for name in KEY)].append(result)
    new = {key: list(rows(key, of_seeds)) for key, of_seeds in runs.items()}
    table = in_order(tables.read_groups(folder / "first_use.csv", KEY) | new)
    tables.write_groups(folder / "first_use.csv", table)
    text = markdown(table)
    (folder / "first_use.md").write_text(text)
    return text.split("\n## Net by net")[0]


def in_order(groups):
    return {
        (dataset, method): groups[dataset, method]
        for dataset in NETS
        for method in METHODS
        if (dataset, method) in groups
    }


def points(result, method):
    """{POINT: (score, backward share)} of a run."""
    curve = {seen: figures for seen, *figures in result["curve"]}
    end = curve[result["samples"]]
    first = {("one-pass", n): curve[n] for n in MARKS if n in curve and n <= result["samples"]}
    first[ONE_PASS] = end
    if method.block:  # there is no other pass
        return first
    if method.learner.one_pass:  # no other would tell it more
        return first | {ALL_PASSES: end}
    marks = {("epochs", n): curve[n] for n in MARKS if n in curve}
    return first | marks | {ALL_PASSES: list(curve.values())[-1]}


def rows(key, results):
    dataset, method = key
    of_seeds = [points(result, METHODS[method]) for result in results]
    for protocol, samples in of_seeds[0]:
        scores, shares = zip(*(one[protocol, samples] for one in of_seeds), strict=True)
        yield {
            "dataset": dataset,
            "protocol": protocol,
            "samples": str(samples),
            "method": method,
            "seeds": len(scores),
            "metric": "100 R2" if NETS[dataset].numbers else "accuracy in %",
            "mean": f"{100 * np.mean(scores):.2f}",
            "std": f"{100 * tables.sd(scores):.2f}" if len(scores) > 1 else "",
            "backward_share": tables.number(tables.mean(shares), 4, ""),
        }


# ---- the report


TEXT = """\
# First use: nothing given but layers

Made by `make first_use DATA=dir`. What a newcomer gets who gives `tp.Model` the shape of a sample,
the layers and, for numbers, `loss="mse"`: no rate, no range, no policy. Samples are as they come:
numbers in their own units, images of bytes. Batch 1.

- The nets have one hidden layer with relu: 16 units for the tables, 64 for Speech Commands, 32 for
  the others. With convolutions: 8 and 16 filters of 3 x 3 in steps of 2, then 32 units.
- scikit-learn's sets are split by the seed, {test:.0f} % to test. Of the others {longest} samples
  are learned, or all if there are fewer, and their whole test sets tested. Linnerud has 20
  samples: each is told by a model that has learned the 19 others.
- A training set is gone through {epochs} times, in a new order each time. The columns are what is
  known after so many samples. *1 pass* is all there is of a stream.
- Accuracy in the test set in %; of Diabetes and Linnerud, which are numbers, 100 R². Means ±
  standard deviations over the seeds: splits, first weights and orders.
- *default*: nothing given. *replay*: `replay={replay}`: after each sample it learns from two of so
  many that it remembers. *in blocks*: {block} samples of a class, then {block} of the next, and so
  on; one pass. *Full*: that policy. *rates x 3*: the rates that it finds, times 3. *lr*: that rate
  for all layers.
- *best lr*: in hindsight, by the test sets: one for each net, by the last column; and one for each
  number.
- scikit-learn's methods have standardised inputs. MLP (as many hidden units; Adam, up to 200
  epochs), linear (logistic regression; ridge for numbers) and Bayes learn from all samples seen so
  far at once, SGD from one after the other, numbers in their own units.
- *Backward*: as in [reproduce.md](reproduce.md), at the end.

## At a glance

By how many points one method is above another: the mean over the nets, and the least. *The best of
others* is that of {others}, net by net, in one pass: after so many samples, or all that there are.

{glance}

## Means

{means}

## Out of the box

The default, and what others reach in the end.

{default}

## Net by net

{nets}
"""
BEST_END, BEST_EACH = "best lr of the end", "best lr of each number"
GROUPS = (
    ("iris", "wine", "breast_cancer", "diabetes", "digits"),
    [name for name in NETS if name != "linnerud"],  # whose R2 would outweigh all others
)
STREAMS = "wine", "breast_cancer", "digits", "har"  # where one pass is compared with others'
OTHERS = "scikit-learn SGD", "scikit-learn Bayes", "scikit-learn MLP"


def markdown(table):
    nets = defaultdict(dict)
    for (dataset, method), of_key in table.items():
        nets[dataset][method] = columns(of_key)
    for methods in nets.values():
        methods.update(best(methods))
    groups = dict.fromkeys(tuple(name for name in group if name in nets) for group in GROUPS)
    shown = {
        "glance": glance(nets),
        "means": "\n\n".join(means(names, nets) for names in groups if names),
        "default": out_of_the_box(nets),
        "nets": "\n\n".join(section(dataset, methods) for dataset, methods in nets.items()),
    }
    constants = {"test": 100 * TEST, "longest": LONGEST, "epochs": EPOCHS}
    constants |= {"replay": REPLAY, "block": BLOCK, "others": ", ".join(map(short, OTHERS))}
    return TEXT.format(**constants, **shown)


def columns(rows):
    """For each of HEADER its row, or None."""
    found = {tuple(row[name] for name in POINT): row for row in rows}
    marks = [found.get(("one-pass", str(n)), found.get(("epochs", str(n)))) for n in MARKS]
    return [*marks, found[ONE_PASS], found.get(ALL_PASSES)]


def in_one_pass(columns):
    """The same within one pass: its end in place of what only another one tells."""
    *marks, end, _ = columns
    return [row if row and row["protocol"] == "one-pass" else end for row in marks] + [end, None]


def mean(row):
    return float(row["mean"])


def short(method):
    return method.removeprefix("scikit-learn ")


def best(methods):
    """What the rates tried by hand come to, as two more methods."""
    rates = [columns for method, columns in methods.items() if method.startswith("lr")]
    if not rates:
        return {}
    each = [max(rows, key=mean) if rows[0] else None for rows in zip(*rates, strict=True)]
    return {BEST_END: max(rates, key=lambda columns: mean(columns[-1])), BEST_EACH: each}


def glance(nets):
    lines = []
    for method, others, names, select in (
        ("default", OTHERS, STREAMS, in_one_pass),
        ("replay", OTHERS, STREAMS, in_one_pass),
        ("default in blocks", ["default"], GROUPS[-1], in_one_pass),
        ("replay in blocks", ["replay"], GROUPS[-1], in_one_pass),
        ("rates x 1/3", ["default"], GROUPS[-1], list),
        ("rates x 3", ["default"], GROUPS[-1], list),
        ("default", ["Full"], GROUPS[-1], list),
    ):
        compared = [
            (NETS[name].title, [select(nets[name][key]) for key in (method, *others)])
            for name in names
            if name in nets and {method, *others} <= nets[name].keys()
        ]
        if compared:
            other = others[0] if len(others) == 1 else "the best of others"
            lines.append((f"{method} - {other}", *above(*zip(*compared, strict=True))))
    return tables.markdown("l" + "r" * len(HEADER), ("", *HEADER), lines)


def above(titles, methods):
    """For each of HEADER by how much the first method is above the best of the others: the mean
    over the nets, and the least."""
    for of_nets in zip(*(zip(*rows, strict=True) for rows in methods), strict=True):
        if any(None in rows for rows in of_nets):
            yield "-"
            continue
        gaps = [mean(first) - max(map(mean, others)) for first, *others in of_nets]
        least = min(gaps)
        yield f"{np.mean(gaps):+.1f}, {titles[gaps.index(least)]} {least:+.1f}"


def means(names, nets):
    """Over these nets, of each method that all of them have."""
    lines = []
    for method in [*METHODS, BEST_END, BEST_EACH]:
        of_nets = [nets[name][method] for name in names if method in nets[name]]
        if len(of_nets) == len(names):
            cells = [
                "-" if None in rows else f"{np.mean([mean(row) for row in rows]):.1f}"
                for rows in zip(*of_nets, strict=True)
            ]
            ends = [backward(columns) for columns in of_nets]
            lines.append((method, *cells, tables.number(tables.mean(ends), 3, "-")))
    table = tables.markdown("l" + "r" * (1 + len(HEADER)), ("method", *HEADER, "backward"), lines)
    titles = ", ".join(NETS[name].title for name in names)
    return f"{titles}:\n\n{table}"


def backward(columns):
    """The share at the end, or None."""
    share = (columns[-1] or columns[-2])["backward_share"]
    return float(share) if share else None


def out_of_the_box(nets):
    others = BEST_END, "scikit-learn MLP", "scikit-learn linear"
    lines = []
    for dataset, methods in nets.items():
        if "default" in methods:
            ends = [cell(methods[name][-1]) if name in methods else "-" for name in others]
            lines.append((NETS[dataset].title, *map(cell, methods["default"]), *ends))
    align = "l" + "r" * (len(HEADER) + len(others))
    return tables.markdown(align, ("net", *HEADER, *others), lines)


def section(dataset, methods):
    lines = [
        (method, *map(spread, columns), tables.number(backward(columns), 3, "-"))
        for method, columns in methods.items()
    ]
    table = tables.markdown("l" + "r" * (1 + len(HEADER)), ("method", *HEADER, "backward"), lines)
    return f"### {NETS[dataset].title}\n\n{table}"


def cell(row):
    return f"{mean(row):.1f}" if row else "-"


def spread(row):
    return f"{cell(row)} ± {float(row['std']):.1f}" if row and row["std"] else cell(row)
