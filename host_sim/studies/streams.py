"""Two troubles of a network that learns on a board: what it sees changes, and it forgets what was
before; or one class is rare, and it overlooks that class. What helps?

DATA is a folder as in reproduce. Only the training sets are used: a fifth is the test set, the
rest the stream. Writes reports/streams.md and reports/streams_*.csv.
"""

import random
from functools import partial

import numpy as np
import tinyprop as tp

from .. import internals
from ..tasks.datasets import SOURCES
from ..tasks.networks import NETWORKS
from ..tasks.protocols import task
from .kit import jobs, learning, tables
from .kit.command import REPORTS, parser_with_data, present

SEEDS = range(1, 6)
RATE = 0.0125  # where one is given
LONGEST = 10_000  # samples of a stream
EPOCHS = 3  # of what is new
RARE = 10  # how many times rarer the rare class is than the others


# ---- which samples a memory keeps


class Evenly:
    """Each of all samples with the same probability."""

    def __init__(self, size):
        self.size, self.seen = size, 0
        self.x, self.y, self.errors = [None] * size, [None] * size, [None] * size

    def offer(self, x, y, error, trained):
        """error: 1 - p of its class before the step; trained: whether it was not skipped."""
        place = self.seen if self.seen < self.size else self.place(error)
        self.seen += 1
        if place < self.size:
            self.x[place], self.y[place], self.errors[place] = x, y, error

    def place(self, error):
        """Where the next sample goes; beyond the end: nowhere."""
        return random.randrange(self.seen + 1)

    def any(self):
        place = random.randrange(min(self.seen, self.size))
        return self.x[place], self.y[place]


class Learned(Evenly):
    """Each of those that were not skipped with the same probability."""

    def offer(self, x, y, error, trained):
        if trained:
            super().offer(x, y, error, trained)


class Hardest(Evenly):
    """Those with the largest errors."""

    def place(self, error):
        least = min(self.errors)
        return self.errors.index(least) if error > least else self.size


SIZES = 30, 200
MEMORIES = {
    f"{size} {text}": partial(kind, size)
    for size in SIZES
    for kind, text in (
        (Evenly, "evenly"),
        (Learned, "of those not skipped"),
        (Hardest, "of the largest errors"),
    )
}
REPLAY = {
    f"replay={size}": {"replay": size} for size in SIZES
}  # the library's: as many of each class


# ---- learning


class Stream:
    """Teaches a model sample by sample, and a remembered one after each if there is a memory."""

    def __init__(self, dataset, classes, seed, policy=None, replay=0):
        self.model = NETWORKS[dataset].model(policy, True, None, seed, replay=replay)
        self.scores = np.zeros(classes, np.float32)
        self.order = np.random.default_rng(seed)

    def show(self, x, y, epochs, memory=None, watching=(), rates=None):
        """watching: memories that are offered the last epoch but not learned from. rates: one for
        each class, if they are given; they fall."""
        for epoch in range(epochs):
            fall = learning.DECAY ** (epoch / epochs)
            for i in self.order.permutation(len(y)):
                label = int(y[i])
                if rates is not None:
                    self.model.lr = fall * rates[label]
                offered = [memory] if memory else watching if epoch == epochs - 1 else ()
                if offered:
                    self.model.predict_into(x[i], self.scores)
                trained = self.model.learn(x[i], label)
                for one in offered:
                    one.offer(x[i], label, 1 - self.scores[label], trained)
                if memory:
                    self.model.learn(*memory.any())

    def result(self, shown, **accuracies):
        """shown: samples that were new."""
        done = learning.shares(self.model)
        return accuracies | {
            "backward": done["backward_share"] * done["steps"] / shown,
            "skipped": done["skipped_share"],
        }


def parts(dataset, protocol, data, seed):
    """The parts of a task, each as (stream, test set), and the number of classes."""
    learned = task(dataset, protocol, data)
    sets = [learning.split(*part, seed) for part in (learned.before, learned.train) if part]
    classes = 1 + max(int(y.max()) for stream, _ in sets for y in stream[1:])
    return [((x[:LONGEST], y[:LONGEST]), test) for (x, y), test in sets], classes


def change(dataset, data, seed):
    """Learns one thing and then another; {memory: what the model then knows of both}"""
    ((old, old_test), (new, new_test)), classes = parts(dataset, "finetune", data, seed)
    memories = {name: kind() for name, kind in MEMORIES.items()}
    first = Stream(dataset, classes, seed)
    epochs = max(EPOCHS, NETWORKS[dataset].epochs["scratch"] // 2)
    first.show(*old, epochs, watching=memories.values())

    def result(stream, shown):
        old, new = (stream.model.evaluate(*test) for test in (old_test, new_test))
        return stream.result(shown, old=old, new=new)

    results = {"before": result(first, epochs * len(old[1]))}
    for name in "no memory", *MEMORIES, *REPLAY:
        then = Stream(dataset, classes, seed, **REPLAY.get(name, {}))
        if name in REPLAY:  # it remembers some, and no more is left
            then.model.learn_many(*old)
            then.model.reset(seed)
        internals.transfer(then.model, first.model)
        then.show(*new, EPOCHS, memories.get(name))
        results[name] = result(then, EPOCHS * len(new[1]))
    return results


REMEDIES = {
    "Full": {"policy": tp.Full()},
    "TinyPropV2": {"policy": tp.TinyPropV2()},
    "default": {},
    "default, skip=0": {"policy": tp.Adaptive(skip=0)},
    f"lr {RATE}": {"factor": 1},
    f"lr {RATE}, times 3": {"factor": 3},
    f"lr {RATE}, times 10": {"factor": 10},
    **REPLAY,
}


def imbalance(dataset, data, seed):
    """{remedy: recall of a class that is rare, and the mean of the others}"""
    [((x, y), (test_x, test_y))], classes = parts(dataset, "scratch", data, seed)
    rare = seed % classes
    samples = np.flatnonzero(y == rare)
    x, y = (np.delete(v, samples[len(samples) // RARE :], 0) for v in (x, y))
    epochs = max(2 * EPOCHS, NETWORKS[dataset].epochs["scratch"])
    results = {}
    for name, remedy in REMEDIES.items():
        settings = {key: remedy[key] for key in ("policy", "replay") if key in remedy}
        stream = Stream(dataset, classes, seed, **settings)
        rates = None
        if "factor" in remedy:
            rates = np.full(classes, RATE)
            rates[rare] *= remedy["factor"]
        stream.show(x, y, epochs // 3 if name in REPLAY else epochs, rates=rates)
        recall = [
            stream.model.evaluate(test_x[test_y == label], test_y[test_y == label])
            for label in range(classes)
        ]
        others = np.delete(recall, rare).mean()
        results[name] = stream.result(epochs * len(y), rare=recall[rare], others=others)
    return results


# ---- the study


# For each its function, the title of what it compares, and the data sets.
STUDIES = {
    "change": (change, "memory", ("har", "mnist", "speech", "cifar10")),
    "imbalance": (imbalance, "remedy", ("har", "mnist", "speech")),
}
TEXT = """\
# Streams: forgetting, and rare classes

Made by `make streams DATA=dir`, on parts of the training sets: a fifth is the test set. The
default policy and rates that are found, where no other is named; {seeds} seeds. Means in %,
± standard error.

## When what it sees changes

A model that has learned one thing, the old, goes through another one, the new, {epochs} times. The
changes are those of fine-tuning in [reproduce.md](reproduce.md). After each sample it learns from
one of a memory of 30 or 200 samples, chosen from all that it was ever shown; with `replay` from
two, of which each class has as many. *Backward*: all of the backward work per new sample, in units
of a dense backward pass.

{change}

## When a class is rare

One class, another with each seed, is {rare} times rarer than in the data. With `replay` a third as
many epochs, and so as many steps. *lr*: a rate that falls to a twentieth; for the rare class it is
3 or 10 times as high.

{imbalance}
"""
KEYS = "study", "dataset", "what", "seed"


def main(arguments):
    given = parser_with_data("streams", __doc__).parse_args(arguments)
    wanted = [(study, name) for study, (_, _, names) in STUDIES.items() for name in names]
    names = present(dict.fromkeys(name for _, name in wanted), given.data)
    todo = [(study, name, seed) for study, name in wanted if name in names for seed in SEEDS]
    if not todo:
        return f"There is no data set in {given.data}."
    with jobs.pool() as workers:
        results = jobs.finish(workers, partial(run, given.data), todo, "learning")
    print(write(todo, results))
    return 0


def run(data, job):
    study, dataset, seed = job
    random.seed(seed)
    function, _, _ = STUDIES[study]
    return function(dataset, data, seed)


def write(todo, results):
    """Returns the report."""
    rows = [
        dict(zip(KEYS, (study, dataset, what, seed), strict=True)) | figures
        for (study, dataset, seed), result in zip(todo, results, strict=True)
        for what, figures in result.items()
    ]
    shown = {}
    for study, (_, compared, _) in STUDIES.items():
        of_study = [row for row in rows if row["study"] == study]
        if of_study:
            tables.write_csv(REPORTS / f"streams_{study}.csv", of_study)
        shown[study] = table(of_study, compared) if of_study else "None of its data sets is here."
    text = TEXT.format(seeds=len(SEEDS), epochs=EPOCHS, rare=RARE, **shown)
    (REPORTS / "streams.md").write_text(text)
    return text


def table(rows, compared):
    """A row for each data set and thing compared: the means over the seeds."""
    columns = [name for name in rows[0] if name not in KEYS]
    groups = {}
    for row in rows:
        groups.setdefault((SOURCES[row["dataset"]].title, row["what"]), []).append(row)
    lines = [
        [*key, *(cell([row[name] for row in of_seeds], name) for name in columns)]
        for key, of_seeds in groups.items()
    ]
    return tables.markdown("ll" + "r" * len(columns), ["data set", compared, *columns], lines)


def cell(values, name):
    mean = np.mean(values)
    if name in ("backward", "skipped"):
        return f"{mean:.2f}"
    return tables.percent(mean, tables.standard_error(values))
