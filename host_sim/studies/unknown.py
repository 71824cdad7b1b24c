"""Whether a model knows what it was never taught: Model.knows(), beside what can be told by
probabilities.

Some classes are left out while it learns, drawn anew for each seed. Then it is asked about test
samples of the classes that it was taught, about all samples of the others, and about samples of a
broken sensor. On the digits of scikit-learn, and with DATA, a folder as in reproduce, on HAR too,
where persons of the test set are others. Writes unknown.md to reports/.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import tinyprop as tp

from ..tasks import datasets, digits
from .kit import jobs, tables
from .kit.command import REPORTS, folder, parser

SEEDS = 5
MEMORY = 10, 20, 50, 100  # samples remembered of each class
ASKED = 500  # samples of each kind at most
ACCEPTED = 0.95  # of known samples, by a threshold that is chosen by them


class Task(NamedTuple):
    title: str
    shape: object
    input_range: tuple
    left_out: int
    passes: int


TASKS = {
    "digits": Task("Digits, 3 of 10 left out", (8, 8, 1), (0, 16), 3, 5),
    "har": Task("HAR, 1 of 6 left out", 561, (-1, 1), 1, 1),
}


def main(arguments):
    asking = parser("unknown", __doc__)
    asking.add_argument("--data", type=folder, help="folder of the data sets")
    asking.add_argument("--seeds", type=int, default=SEEDS)
    given = asking.parse_args(arguments)
    names = list(TASKS) if given.data else ["digits"]
    todo = [(name, given.data, seed) for name in names for seed in range(1, 1 + given.seeds)]
    with jobs.pool() as workers:
        results = jobs.finish(workers, run, todo, "learning")
    of_task = defaultdict(list)
    for (name, _, _), rows in zip(todo, results, strict=True):
        of_task[name].append(rows)
    text = "\n\n".join(table(TASKS[name], runs) for name, runs in of_task.items())
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "unknown.md").write_text(f"# What it was never taught\n\n{text}\n")
    print(text)
    return 0


def load(name, data):
    if name == "digits":
        return [part for pair in digits.load() for part in pair]
    found = datasets.load(name, data)
    return found.x_train, found.y_train, found.x_test, found.y_test


def run(job):
    """{way: shares rejected, of known samples, unknown ones, and each kind of broken ones}"""
    name, data, seed = job
    task, (x, y, test_x, test_y) = TASKS[name], load(name, data)
    random = np.random.default_rng(seed)
    classes = np.unique(y)
    taught = np.setdiff1d(classes, random.choice(classes, task.left_out, replace=False))
    unknown = np.concatenate([x[~np.isin(y, taught)], test_x[~np.isin(test_y, taught)]])
    known = some(test_x[np.isin(test_y, taught)], random)
    asked = [known, some(unknown, random), *broken(known, task.input_range, random)]
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
    likeliest = [np.array([max(model.predict_proba(row)) for row in part]) for part in asked]
    least = np.quantile(likeliest[0], 1 - ACCEPTED)
    rows[f"probability below that of {ACCEPTED:.0%}"] = [np.mean(p < least) for p in likeliest]
    return rows


def some(x, random):
    return x[random.permutation(len(x))[:ASKED]]


def broken(known, input_range, random):
    """Samples in which all values are stuck at one, in which each second one is at the upper end,
    and in which values have changed places."""
    lo, hi = input_range
    stuck = np.repeat(random.uniform(lo, hi, (len(known), 1)), known.shape[1], 1)
    railed = np.where(random.random(known.shape) < 0.5, hi, known)
    return stuck, railed, random.permuted(known, axis=1)


def table(task, runs):
    rows = []
    for way in runs[0]:
        shares = np.array([rows_of_run[way] for rows_of_run in runs])
        mean, worst = shares.mean(0), shares.min(0)
        rows.append(
            [way, tables.percent(1 - mean[0]), tables.percent(mean[1]), tables.percent(worst[1])]
            + [tables.percent(share) for share in worst[2:]]
        )
    header = "", "known, accepted", "unknown, rejected", "in the worst run"
    header += "stuck, rejected", "railed", "swapped"
    return f"## {task.title}\n\n{tables.markdown('lrrrrrr', header, rows)}"
