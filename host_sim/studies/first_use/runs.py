"""One run: a net, a method and a seed, which stands for a split, weights and an order.

A run goes through its training set EPOCHS times, in a new order each time; so it is a run of both
protocols: what it knows after the first time is the end of "one-pass". In blocks it goes once.
"""

from functools import lru_cache
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


class Runs(kept.Runs):
    def path(self, job):
        return self.folder / job["dataset"] / f"{job['method']},{job['seed']}.json"

    def settings(self, job):
        """All that decides the result."""
        fingerprint = beginning(job["dataset"], job["method"], self.data)
        return job | {"epochs": EPOCHS, "marks": list(MARKS), "fingerprint": fingerprint}

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


def stream(method, y, seed):
    """Places in a training set with labels y, in the order in which they are learned."""
    random = np.random.default_rng(seed)
    if method.block:
        return in_blocks(y, method.block, random)
    passes = 1 if method.learner.one_pass else EPOCHS
    return np.concatenate([random.permutation(len(y)) for _ in range(passes)])


def in_blocks(y, size, random):
    """Up to `size` samples of a class, as many of the next, and so on, until all have been."""
    mixed = random.permutation(len(y))
    of_class = [mixed[y[mixed] == label] for label in random.permutation(np.unique(y))]
    rounds = range(0, max(map(len, of_class)), size)
    return np.concatenate([places[at : at + size] for at in rounds for places in of_class])


def tested(net, method, seed, train, test):
    """Yields (samples seen, predictions in the test set, backward share)."""
    x, y = train
    learner = METHODS[method].new(net, x, y, seed)
    order = stream(METHODS[method], y, seed)
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
    net, method = NETS[dataset], METHODS[method]
    (x, y), _ = net.parts(1, data)[0]
    first = stream(method, y, 1)[:FIRST]
    learner = method.new(net, x, y, 1)
    learner.learn(x[first], y[first])
    return crc32(learner.fingerprint(), crc32(x[first]))
