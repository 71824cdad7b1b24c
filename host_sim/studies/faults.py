"""Whether Model.check() names what is wrong, and is silent where nothing is.

Runs of the nets of first_use and of two more, with the rates that layers find, and with given ones
from far too low to far too high. check() is asked after 200 and 1000 samples, and at the end. On
the data sets that come with scikit-learn, and with --data, a folder as in reproduce, on its data
sets too. What is done is kept in build/faults and not done again. Writes faults.csv and .md to
reports/; rows of other nets stay as they are.
"""

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import tinyprop_check
from sklearn.metrics import r2_score

from .. import internals
from ..tasks.simple import NETS as FIRST_USE
from ..tasks.simple import OWN, Net
from .kit import jobs, kept, tables
from .kit.command import REPORTS
from .kit.nets import parser_of_nets, to_learn

NETS = FIRST_USE | {
    "flowers_cnn": Net("Flower CNN", "flowers", 32, (32, 32, 3)),
    "food_cnn": Net("Food CNN", "food", 32, (32, 32, 3)),
}
RATES = 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0
FOUND = None  # the rates that layers find
MARKS = 200, 1000  # samples, after which check() is asked
PASSES, PASSES_LARGE = 30, 10  # through a training set; large ones are not scikit-learn's
SEEDS = 5  # of splits, first weights and orders
FIRST = 500  # samples by which a change of the arithmetic is recognised
WRONG, GOOD = (
    0.1,
    0.02,
)  # a run with a given rate that ends so far below the best one, or no further


def main(arguments):
    given = parse(arguments)
    names = to_learn(given, NETS)
    if not names:
        return "There is no data set; those that are not scikit-learn's need --data."
    runs = Runs(given.data, given.runs)
    todo = [
        {"dataset": name, "rate": rate, "seed": seed}
        for name in names
        for rate in (FOUND, *RATES)
        for seed in range(1, 1 + given.seeds)
    ]
    with jobs.pool() as workers:
        results = jobs.finish(workers, runs.run, todo, "learning", runs.finished)
    print(write(REPORTS, todo, results))
    return 0


def parse(arguments):
    result = parser_of_nets("faults", __doc__, NETS)
    result.add_argument("--seeds", type=int, default=SEEDS)
    return result.parse_args(arguments)


# ---- runs


class Runs(kept.Runs):
    def path(self, job):
        return self.folder / job["dataset"] / f"{job['rate']},{job['seed']}.json"

    def settings(self, job):
        """All that decides the result."""
        return job | {
            "passes": passes(job["dataset"]),
            "marks": list(MARKS),
            "beginning": beginning(job["dataset"], self.data),
        }

    def learn(self, job):
        """score, and what check() said, by samples seen. (If each sample is told by a model of its
        own, the first one is asked.)"""
        net = NETS[job["dataset"]]
        told, truth, says = [], [], None
        for (x, y), (test_x, test_y) in net.parts(job["seed"], self.data):
            model = net.model(x, y, lr=job["rate"], seed=job["seed"])
            said = dict(learned(model, x, y, passes(job["dataset"]), job["seed"]))
            says = says or said
            told += [model.predict(row) for row in test_x]
            truth.append(test_y)
        return {"score": score(net, np.concatenate(truth), np.array(told)), "says": says}


def passes(dataset):
    return PASSES if NETS[dataset].data in OWN else PASSES_LARGE


def learned(model, x, y, passes, seed):
    """Learns all, in a new order each time; yields (samples seen, what check() says)."""
    random = np.random.default_rng(seed)
    order = np.concatenate([random.permutation(len(y)) for _ in range(passes)])
    stops = sorted({mark for mark in MARKS if mark < len(order)} | {len(order)})
    for start, stop in pairwise([0, *stops]):
        model.learn_many(x[order[start:stop]], y[order[start:stop]])
        yield "end" if stop == len(order) else str(stop), model.check()


def score(net, truth, told):
    """Accuracy; of numbers R2, the mean over the outputs."""
    if net.numbers:
        return float(r2_score(truth, told.reshape(truth.shape)))
    return float(np.mean(truth == told))


@lru_cache
def beginning(dataset, data):
    """Changes when the data, the arithmetic or check() do."""
    net = NETS[dataset]
    (x, y), _ = net.parts(1, data)[0]
    model = net.model(x, y, seed=1)
    model.learn_many(x[:FIRST], y[:FIRST])
    return crc32(internals.parameters(model), crc32(Path(tinyprop_check.__file__).read_bytes()))


# ---- what is counted


def outcomes(results):
    """Of the runs of a net and a seed, {rate: result}: yields (rate, how far its score is below
    the best one, what check() should say of the rate, what it said by samples seen)."""
    best = max(results, key=lambda rate: results[rate]["score"])
    of_rates = {rate: result for rate, result in results.items() if rate is not FOUND}
    best_rate = max(of_rates, key=lambda rate: of_rates[rate]["score"])
    for rate, result in results.items():
        below = results[best]["score"] - result["score"]
        word = "" if rate is FOUND else "too low" if rate < best_rate else "too high"
        yield rate, below, word, result["says"]


def rows(dataset, results):
    """results: {seed: {rate: result}}. Yields a row for each rate."""
    of_rates = {}
    for of_seed in results.values():
        for rate, *rest in outcomes(of_seed):
            of_rates.setdefault(rate, []).append((of_seed[rate]["score"], *rest))
    for rate, runs in of_rates.items():
        wrong = [
            any(word in sentence for sentence in says["end"])
            for _, below, word, says in runs
            if rate is not FOUND and below >= WRONG
        ]
        good = [says for _, below, _, says in runs if rate is FOUND or below <= GOOD]
        silent = [
            not sentences
            for says in good
            for mark, sentences in says.items()
            if rate is FOUND or mark == "end"
        ]
        yield {
            "dataset": dataset,
            "rate": "found" if rate is FOUND else f"{rate:g}",
            "runs": len(runs),
            "score": f"{np.mean([run[0] for run in runs]):.4f}",
            "wrong": len(wrong),
            "named": sum(wrong),
            "good": len(silent),
            "silent": sum(silent),
        }


# ---- the report

TEXT = """\
# Faults: what check() says

Made by `make faults DATA=dir`. Nets as in `make first_use`, and two with convolutions on flowers
and food: the shape of a sample and layers are given, and nothing else but a learning rate.
{passes} passes through a training set, {passes_large} through one that is not scikit-learn's.

- *found*: no rate is given. check() is asked after {marks} samples and at the end; it should
  be silent.
- *wrong*: runs with a rate of {low:g} to {high:g}, in steps of about three, that end {wrong:.0f}
  points or more below the best run of the same net and seed (of numbers: 100 R²). A run is named
  if check() says at the end that its rate is too low, or too high, as it is.
- *good*: such runs that end at most {good:.0f} points below the best one. Silent, if check() says
  nothing at the end. A rate may be far off without doing harm, so what it says is no error.

{table}

## Runs that were not told right

{missed}
"""
KEY = ("dataset",)
COUNTS = "wrong", "named", "good", "silent"


def write(folder, todo, results):
    """Puts the results into the table, in place of rows of the same net. Returns the report."""
    runs = {}
    for job, result in zip(todo, results, strict=True):
        of_net = runs.setdefault(job["dataset"], {})
        of_net.setdefault(job["seed"], {})[job["rate"]] = result
    new = {(name,): list(rows(name, of_net)) for name, of_net in runs.items()}
    table = tables.read_groups(folder / "faults.csv", KEY) | new
    table = {(name,): table[name,] for name in NETS if (name,) in table}
    tables.write_groups(folder / "faults.csv", table)
    text = TEXT.format(
        passes=PASSES,
        passes_large=PASSES_LARGE,
        marks=" and ".join(map(str, MARKS)),
        low=RATES[0],
        high=RATES[-1],
        wrong=100 * WRONG,
        good=100 * GOOD,
        table=summary(table),
        missed=missed(table),
    )
    (folder / "faults.md").write_text(text)
    return text


def summary(table):
    header = "net", "found: asked", "silent", "wrong", "named", "good", "silent"
    lines = [(NETS[name].title, *counts(of_net)) for (name,), of_net in table.items()]
    total = [sum(column) for column in list(zip(*lines, strict=True))[1:]]
    shares = [
        f"{100 * part / max(1, of):.1f} %"
        for of, part in zip(total[::2], total[1::2], strict=True)
    ]
    share = ["", shares[0], "", shares[1], "", shares[2]]
    lines += [("**all**", *total), ("", *share)]
    return tables.markdown("l" + "r" * (len(header) - 1), header, lines)


def counts(of_net):
    """(asked, silent) of found rates, then (wrong, named, good, silent) of given ones."""
    found = [row for row in of_net if row["rate"] == "found"]
    given = [row for row in of_net if row["rate"] != "found"]
    return (
        *(sum(int(row[name]) for row in found) for name in COUNTS[2:]),
        *(sum(int(row[name]) for row in given) for name in COUNTS),
    )


def missed(table):
    """Rates of nets with runs that check() did not name, or was not silent about."""
    lines = [
        (NETS[name].title, *(row[column] for column in ("rate", "runs", "score", *COUNTS)))
        for (name,), of_net in table.items()
        for row in of_net
        if row["wrong"] != row["named"] or row["good"] != row["silent"]
    ]
    header = "net", "rate", "runs", "score", *COUNTS
    return tables.markdown("l" + "r" * (len(header) - 1), header, lines) if lines else "None."
