"""One run: a net, a method and a seed, which stands for a split, weights and an order.

A run goes through its training set EPOCHS times, in a new order each time; so it is a run of both
protocols: what it knows after the first time is the end of "one-pass".
"""

from functools import lru_cache, partial
from itertools import pairwise
from zlib import crc32

import numpy as np
from sklearn.metrics import r2_score

from ...tasks.simple import NETS
from ..kit import kept
from .methods import METHODS

EPOCHS = 30
MARKS = 50, 200, 500, 1000, 2000  # samples seen
FIRST = 500  # samples by which a method is recognised


def job(dataset, method, seed):
    return {"dataset": dataset, "method": method, "seed": seed}


class Runs:
    """data: the folder of the data sets; folder: where results are kept."""

    def __init__(self, data, folder):
        self.data, self.folder = data, folder

    def path(self, job):
        return self.folder / job["dataset"] / f"{job['method']},{job['seed']}.json"

    def settings(self, job):
        """All that decides the result."""
        fingerprint = beginning(job["dataset"], job["method"], self.data)
        return job | {"epochs": EPOCHS, "marks": list(MARKS), "fingerprint": fingerprint}

    def finished(self, job):
        """The result of a run, or None if it is still to be done."""
        return kept.finished(self.path(job), self.settings(job))

    def run(self, job):
        return kept.run(self.path(job), self.settings(job), partial(self.learn, job))

    def learn(self, job):
        """curve: (samples seen, score, backward share) wherever it was tested."""
        net = NETS[job["dataset"]]
        parts = net.parts(job["seed"], self.data)
        tests = [tested(net, job["method"], job["seed"], *part) for part in parts]
        truth = np.concatenate([y for _, (_, y) in parts])
        curve = []
        for same in zip(*tests, strict=True):
            seen, predictions, shares = zip(*same, strict=True)
            share = None if None in shares else float(np.mean(shares))
            curve.append((seen[0], score(net, truth, np.concatenate(predictions)), share))
        return {"samples": len(parts[0][0][1]), "curve": curve}


def stream(n, seed):
    """Places in a training set of n samples, in the order in which they are learned."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.permutation(n) for _ in range(EPOCHS)])


def tested(net, method, seed, train, test):
    """Yields (samples seen, predictions in the test set, backward share)."""
    x, y = train
    learner = METHODS[method].new(net, x, y, seed)
    order = stream(len(y), seed)
    if learner.one_pass:
        order = order[: len(y)]
    ends = range(len(y), 1 + len(order), len(y))  # of each pass
    marks = {*MARKS, ends[0], ends[-1]}
    stops = sorted(stop for stop in {*marks, *ends} if stop <= len(order))
    for start, stop in pairwise([0, *stops]):
        learner.learn(x[order[start:stop]], y[order[start:stop]])
        if stop in marks:
            yield stop, learner.predict(test[0]), learner.backward_share


def score(net, truth, predictions):
    """Accuracy; of numbers R2, the mean over the outputs."""
    if net.numbers:
        return float(r2_score(truth, predictions.reshape(truth.shape)))
    return float(np.mean(truth == predictions))


@lru_cache
def beginning(dataset, method, data):
    """Changes when the data, the method or the arithmetic do."""
    net = NETS[dataset]
    (x, y), _ = net.parts(1, data)[0]
    first = stream(len(y), 1)[:FIRST]
    learner = METHODS[method].new(net, x, y, 1)
    learner.learn(x[first], y[first])
    return crc32(learner.fingerprint(), crc32(x[first]))
