"""Whether a model knows what it was never taught: Model.knows(), beside what can be told by
probabilities, and by scores in floating point that a board has no room for.

Some classes are left out while it learns: of digits some that are drawn anew for each seed, of
HAR each one in turn. Then it is asked about test samples of the classes that it was taught, about
all samples of the others, and about samples of a broken sensor. On the digits of scikit-learn, and
with DATA, a folder as in reproduce, on HAR too, where persons of the test set are others. Writes
unknown.md to reports/.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import tinyprop as tp

from ..tasks import datasets, digits
from . import strangeness
from .kit import jobs, tables
from .kit.command import REPORTS, folder, parser

SEEDS = 5
MEMORY = 20, 50, 100  # samples remembered of each class
ASKED = 500  # samples of each kind at most
ACCEPTED = 0.95  # of known samples, by a threshold that is chosen by them


class Task(NamedTuple):
    """ends: of the sensor. input_range: what the model is told of them. drawn: how many classes
    are left out; None: each one in turn."""

    title: str
    shape: object
    ends: tuple
    input_range: tuple
    drawn: int
    passes: int


TASKS = {
    "digits": Task("Digits, 3 of 10 left out", (8, 8, 1), (0, 16), (0, 16), 3, 5),
    "plain": Task("Digits as 64 values of no known range", 64, (0, 16), None, 3, 5),
    "har": Task("HAR, 1 of 6 left out", 561, (-1, 1), (-1, 1), None, 1),
}
HAR_CLASSES = "walking", "upstairs", "downstairs", "sitting", "standing", "laying"


def main(arguments):
    asking = parser("unknown", __doc__)
    asking.add_argument("--data", type=folder, help="folder of the data sets")
    asking.add_argument("--seeds", type=int, default=SEEDS)
    given = asking.parse_args(arguments)
    todo = []
    for name, task in TASKS.items():
        if name != "har" or given.data:
            alone = range(len(HAR_CLASSES)) if task.drawn is None else [None]
            seeds = range(1, 1 + given.seeds)
            todo += [(name, given.data, seed, left_out) for seed in seeds for left_out in alone]
    with jobs.pool() as workers:
        results = jobs.finish(workers, run, todo, "learning")
    of_task, of_class = defaultdict(list), defaultdict(list)
    for (name, _, _, left_out), (rows, scores) in zip(todo, results, strict=True):
        of_task[name].append(rows)
        of_class[left_out].append(scores)
    parts = [table(TASKS[name], runs) for name, runs in of_task.items()]
    of_class.pop(None)
    if of_class:
        parts.append(table_of_classes(of_class))
    text = "\n\n".join(parts)
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "unknown.md").write_text(f"# What it was never taught\n\n{text}\n")
    print(text)
    return 0


def load(name, data):
    if name != "har":
        x, y, test_x, test_y = [part for pair in digits.load() for part in pair]
        return x.reshape(len(x), -1), y, test_x.reshape(len(test_x), -1), test_y
    found = datasets.load(name, data)
    return found.x_train, found.y_train, found.x_test, found.y_test


def run(job):
    """({way: shares rejected, of known samples, unknown ones, and each kind of broken ones}, {way:
    shares of known samples that are accepted, of unknown ones that are rejected})"""
    name, data, seed, left_out = job
    task, (x, y, test_x, test_y) = TASKS[name], load(name, data)
    random = np.random.default_rng(seed)
    classes = np.unique(y)
    unknown = random.choice(classes, task.drawn, replace=False) if task.drawn else [left_out]
    taught = np.setdiff1d(classes, unknown)
    known = some(test_x[np.isin(test_y, taught)], random)
    strange = some(
        np.concatenate([x[np.isin(y, unknown)], test_x[np.isin(test_y, unknown)]]), random
    )
    asked = [known, strange, *broken(known, task.ends, random)]
    everything = x, y
    x, y = x[np.isin(y, taught)], np.searchsorted(taught, y[np.isin(y, taught)])
    rows = {}
    for n in MEMORY:
        model = tp.Model(
            task.shape,
            [tp.Dense(32, activation="relu"), tp.Dense(len(taught))],
            input_range=task.input_range,
            replay=n * len(taught),
            seed=seed,
        )
        for _ in range(task.passes):
            order = random.permutation(len(x))
            model.learn_many(x[order], y[order])
        rows[f"knows(), {n} of each class"] = [
            np.mean([not model.knows(row) for row in part]) for part in asked
        ]
    doubts = [np.array([1 - max(model.predict_proba(row)) for row in part]) for part in asked]
    most = np.quantile(doubts[0], ACCEPTED)
    rows[f"probability below that of {ACCEPTED:.0%}"] = [np.mean(d > most) for d in doubts]
    if left_out is None:
        return rows, None
    scores = strangeness.scores(x, y, known, strange, seed)
    scores |= strangeness.taught_all(*everything, left_out, known, strange, seed)
    by_class = {way: (1 - rows[way][0], rows[way][1]) for way in rows if "knows" in way}
    for way, (of_known, of_strange) in scores.items():
        most = np.quantile(of_known, ACCEPTED)
        by_class[way] = np.mean(of_known <= most), np.mean(of_strange > most)
    return rows, by_class


def some(x, random):
    return x[random.permutation(len(x))[:ASKED]]


def broken(known, ends, random):
    """Samples in which all values are stuck at one, in which each second one is at the upper end,
    and in which values have changed places."""
    lo, hi = ends
    stuck = np.repeat(random.uniform(lo, hi, (len(known), 1)), known.shape[1], 1)
    railed = np.where(random.random(known.shape) < 0.5, hi, known)
    return stuck, railed, random.permuted(known, axis=1)


def table(task, runs):
    rows = []
    for way in runs[0]:
        shares = np.array([rows_of_run[way] for rows_of_run in runs])
        mean, worst = shares.mean(0), shares.min(0)
        spread = [tables.sd(column) for column in shares.T]
        rows.append(
            [way, tables.percent(1 - mean[0], spread[0]), tables.percent(mean[1], spread[1])]
            + [tables.percent(worst[1])]
            + [tables.percent(share) for share in worst[2:]]
        )
    header = "", "known, accepted", "unknown, rejected", "in the worst run"
    header += "stuck, rejected", "railed", "swapped"
    return f"## {task.title}\n\n{tables.markdown('lrrrrrr', header, rows)}"


def table_of_classes(of_class):
    """Shares of unknown samples that are rejected, by the class that was left out."""
    rows, best = [], np.zeros(len(of_class))
    for way in of_class[0][0]:
        shares = np.array([[run[way] for run in of_class[c]] for c in sorted(of_class)])
        accepted, rejected = shares[..., 0].mean(), shares[..., 1]
        spreads = [tables.sd(row) for row in rejected]
        cells = [tables.percent(row.mean(), sd) for row, sd in zip(rejected, spreads, strict=True)]
        rows.append([way, tables.percent(accepted), *cells, tables.percent(rejected.mean())])
        if "knows" not in way and way != strangeness.TAUGHT:
            best = np.maximum(best, rejected.mean(1))
    cells = [tables.percent(share) for share in best]
    hindsight = ["the best of these for each class", "", *cells, tables.percent(best.mean())]
    rows.insert(len(rows) - 1, hindsight)
    header = "", "known, accepted", *HAR_CLASSES, "mean"
    text = tables.markdown("l" + "r" * (len(header) - 1), header, rows)
    return f"## HAR, by the class that was left out\n\n{text}"
