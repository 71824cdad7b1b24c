"""Two troubles of a network that learns on a board: what it sees changes, and it forgets what was
before; or one class is rare, and it overlooks that. What helps?

DATA is a folder as in reproduce. The training sets alone: a fifth is the exam, the rest the
stream. Writes reports/streams.md and reports/streams_*.csv.
"""

import os
import random
from multiprocessing import Pool

import numpy as np
import tinyprop as tp
from tqdm import tqdm

from examples.memory import Memory

from .. import ROOT
from ..tasks import networks
from ..tasks.datasets import SOURCES
from .papers import parser_of, present, report, runs

SEEDS = range(1, 6)
RATE = 0.0125
LONGEST = 10_000  # samples of a stream
EPOCHS = 3  # of what is new
RARE = 10  # times rarer than the others is the rare class
CHANGES = "har", "mnist", "speech", "cifar10"
IMBALANCES = "har", "mnist", "speech"


# ---- which samples a memory keeps


class Balanced(Memory):
    """As many of each class."""

    def offer(self, x, y, error, trained):
        """error: 1 - p of its class before it was learned; trained: whether it was not skipped."""
        self.add(x, y)


class Evenly(Balanced):
    """Of all samples, each with the same probability."""

    def place(self, y):
        place = random.randrange(sum(self.seen.values()))
        return place if place < self.size else None


class Learned(Evenly):
    """Of those that were not skipped, each with the same probability."""

    def offer(self, x, y, error, trained):
        if trained:
            self.add(x, y)


class Hardest(Balanced):
    """Those with the largest errors."""

    def __init__(self, size):
        super().__init__(size)
        self.errors = []

    def offer(self, x, y, error, trained):
        if len(self.errors) < self.size:
            self.errors.append(error)
        self.error = error
        self.add(x, y)

    def place(self, y):
        place = min(range(self.size), key=self.errors.__getitem__)
        if self.error <= self.errors[place]:
            return None
        self.errors[place] = self.error
        return place


MEMORIES = {
    "no memory": None,
    **{
        f"{n} {text}": (kind, n)
        for n in (30, 200)
        for kind, text in (
            (Evenly, "evenly"),
            (Learned, "of those not skipped"),
            (Hardest, "of the largest errors"),
            (Balanced, "of each class as many"),
        )
    },
}


# ---- learning


class Stream:
    """Teaches a model sample by sample, and a remembered one after each if there is a memory."""

    def __init__(self, dataset, classes, seed, policy=None):
        self.model = networks.new(dataset, policy or tp.Diffused(), True, RATE, seed)
        self.scores = np.zeros(classes, np.float32)
        self.order = np.random.default_rng(seed)

    def show(self, x, y, epochs, memory=None, watching=(), rates=None):
        """watching: memories that see the last epoch but are not learned from. rates: by class,
        times the rate of all."""
        for epoch in range(epochs):
            rate = RATE * runs.FALL ** (epoch / epochs)
            self.model.lr = rate
            for i in self.order.permutation(len(y)):
                label = int(y[i])
                if rates is not None:
                    self.model.lr = rate * rates[label]
                to = [memory] if memory else watching if epoch == epochs - 1 else ()
                if to:
                    self.model.predict_into(x[i], self.scores)
                trained = self.model.learn(x[i], label)
                for one in to:
                    one.offer(x[i], label, 1 - self.scores[label], trained)
                if memory:
                    self.model.learn(*memory.any())

    def result(self, shown, **accuracies):
        """shown: samples that were new."""
        stats = self.model.stats()
        return accuracies | {
            "backward": stats["backward_share"] * stats["steps"] / shown,
            "skipped": stats["skipped"] / stats["steps"],
        }


def task(dataset, protocol, seed):
    """The parts of it, each as (stream, exam), and the number of classes."""
    now = runs.task(dataset, protocol)
    parts = [runs.split(*part, seed) for part in (now.before, now.train) if part]
    classes = 1 + max(int(y.max()) for stream, _ in parts for y in stream[1:])
    return [((x[:LONGEST], y[:LONGEST]), exam) for (x, y), exam in parts], classes


def change(dataset, seed):
    """Learns, and then something else; {memory: what it knows then of both}"""
    ((old, old_exam), (new, new_exam)), classes = task(dataset, "finetune", seed)
    memories = {name: of and of[0](of[1]) for name, of in MEMORIES.items()}
    first = Stream(dataset, classes, seed)
    watching = [memory for memory in memories.values() if memory]
    epochs = max(EPOCHS, networks.PLANS[dataset].epochs["scratch"] // 2)
    first.show(*old, epochs, watching=watching)

    def result(stream, shown):
        old, new = (stream.model.evaluate(*exam) for exam in (old_exam, new_exam))
        return stream.result(shown, old=old, new=new)

    results = {"before": result(first, epochs * len(old[1]))}
    for name, memory in memories.items():
        then = Stream(dataset, classes, seed)
        networks.transfer(then.model, first.model)
        then.show(*new, EPOCHS, memory)
        results[name] = result(then, EPOCHS * len(new[1]))
    return results


REMEDIES = {
    "Full": {"policy": tp.Full()},
    "TinyPropV2": {"policy": tp.TinyPropV2()},
    "default": {},
    "default, skip=0": {"policy": tp.Diffused(skip=0)},
    "rate times 3": {"factor": 3},
    "rate times 10": {"factor": 10},
    "30 of each class as many": {"memory": 30},
    "200 of each class as many": {"memory": 200},
}


def imbalance(dataset, seed):
    """{remedy: recall of a class that is rare, and the mean of the others}"""
    [((x, y), (exam_x, exam_y))], classes = task(dataset, "scratch", seed)
    rare = seed % classes
    at = np.flatnonzero(y == rare)
    x, y = (np.delete(v, at[len(at) // RARE :], 0) for v in (x, y))
    epochs = max(2 * EPOCHS, networks.PLANS[dataset].epochs["scratch"])
    results = {}
    for name, its in REMEDIES.items():
        stream = Stream(dataset, classes, seed, its.get("policy"))
        rates = np.ones(classes)
        rates[rare] = its.get("factor", 1)
        memory = Balanced(its["memory"]) if "memory" in its else None
        stream.show(x, y, epochs // 2 if memory else epochs, memory, rates=rates)
        recall = [
            stream.model.evaluate(exam_x[exam_y == label], exam_y[exam_y == label])
            for label in range(classes)
        ]
        others = np.delete(recall, rare).mean()
        results[name] = stream.result(epochs * len(y), rare=recall[rare], others=others)
    return results


# ---- the study


STUDIES = {"change": change, "imbalance": imbalance}
TEXT = """\
# Streams: forgetting, and rare classes

Made by `make streams DATA=dir`, on parts of the training sets: a fifth is the exam. The default
policy where no other is named, {seeds} seeds, a rate of {rate} that falls to a twentieth. Means
in %, ± standard error.

## When what it sees changes

A model that has learned one thing, the old, goes through another one, the new, {epochs} times. The
changes are those of fine-tuning in [reproduce.md](reproduce.md). After each sample it learns from
one of a memory of 30 or 200 samples, chosen of all that it was ever shown. *Backward*: all of the
work, in dense backward passes for one new sample.

{change}

## When a class is rare

One class, another with each seed, is {rare} times rarer than in the data. With a memory, half as
many epochs, and so as many steps.

{imbalance}
"""
KEYS = "study", "dataset", "what"


def main(arguments):
    given = parser_of("streams", __doc__).parse_args(arguments)
    jobs = [
        (study, dataset, seed)
        for study, datasets in (("change", CHANGES), ("imbalance", IMBALANCES))
        for dataset in datasets
        if present(dataset, given.data)
        for seed in SEEDS
    ]
    if not jobs:
        return f"There is no data set in {given.data}."
    with Pool(os.cpu_count(), runs.settle, (given.data,)) as pool:
        results = list(tqdm(pool.imap(run, jobs), total=len(jobs), desc="learning", unit="run"))
    write(ROOT / "reports", jobs, results)
    return 0


def run(job):
    study, dataset, seed = job
    random.seed(seed)
    return STUDIES[study](dataset, seed)


def write(folder, jobs, results):
    rows = [
        dict(zip((*KEYS, "seed"), (study, dataset, what, seed), strict=True)) | figures
        for (study, dataset, seed), result in zip(jobs, results, strict=True)
        for what, figures in result.items()
    ]
    tables = {}
    for study in STUDIES:
        of = [row for row in rows if row["study"] == study]
        columns = list(of[0]) if of else []
        report.save(folder / f"streams_{study}.csv", columns, {study: of})
        tables[study] = table(of, columns[4:])
    text = TEXT.format(seeds=len(SEEDS), rate=RATE, epochs=EPOCHS, rare=RARE, **tables)
    (folder / "streams.md").write_text(text)
    print(text)


def table(rows, columns):
    """A line for each data set and remedy, the means of its seeds."""
    lines = ["| data set | | " + " | ".join(columns) + " |", "|---|---|" + "---:|" * len(columns)]
    groups = {}
    for row in rows:
        groups.setdefault((row["dataset"], row["what"]), []).append(row)
    for (dataset, what), of in groups.items():
        cells = [cell([row[name] for row in of], name) for name in columns]
        lines.append(f"| {SOURCES[dataset].title} | {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(values, name):
    mean, error = np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5
    if name in ("backward", "skipped"):
        return f"{mean:.2f}"
    return f"{100 * mean:.1f} ± {100 * error:.1f}"
