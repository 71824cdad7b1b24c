"""Models that learn, in integers or in floating point, and the work that it took."""

from dataclasses import dataclass

import numpy as np

from ... import internals
from ...oracle import FloatModel

DECAY = 1 / 20  # of a learning rate that is given, from the first epoch to the end
VALIDATION = 5  # one in so many samples of a training set


@dataclass
class Variant:
    """One of the things that a study compares."""

    policy: tuple | None = None  # None: the default
    train_backbone: bool = True  # whether the layers below the output learn too
    floats: bool = False

    def cast(self, model):
        """The model, or its twin in floating point if this variant has floats."""
        return FloatTwin(model) if self.floats else model


class FloatTwin:
    """A model in floating point that starts like one in integers and is used like one."""

    def __init__(self, model):
        self.integers, self.floats = model, FloatModel(internals.image(model))

    @property
    def lr(self):
        return self.integers.lr

    @lr.setter
    def lr(self, value):
        self.integers.lr = value
        self.floats.lr = np.float32(self.lr)

    def learn_many(self, x, y):
        for sample, target in zip(x, y, strict=True):
            self.floats.learn(sample, target)

    def evaluate(self, x, y):
        return float(np.mean([self.floats.predict(sample) for sample in x] == y))

    def predict_into(self, x, out):
        out[:] = self.floats.scores(x)


def split(x, y, seed):
    """(what is left to learn from, what is held out for validation)"""
    mixed = np.random.default_rng(1000 + seed).permutation(len(y))
    validation, rest = np.split(mixed, [len(y) // VALIDATION])
    return (x[rest], y[rest]), (x[validation], y[validation])


def epochs(model, x, y, n, seed, decay=1):
    """Learns all samples n times, in an order that the seed decides; yields after each epoch.
    decay: factor of the learning rate after each epoch, if one is given."""
    random = np.random.default_rng(seed)
    for _ in range(n):
        order = random.permutation(len(y))
        model.learn_many(x[order], y[order])
        if model.lr is not None:
            model.lr *= decay
        yield


def shares(model):
    """The share of steps that were skipped; and of the work of dense backward passes through all
    layers in every step, the share for the deltas that the policy selected, and that less what met
    a zero (None in floating point)."""
    if isinstance(model, FloatTwin):
        twin, model = model.floats, model.integers
        steps, skipped, selected, done = twin.steps, twin.skipped, twin.macs_selected, None
    else:
        steps, skipped, selected, done = internals.counters(model)
    dense = steps * internals.macs(model)[1]
    return {
        "steps": steps,
        "skipped_share": skipped / steps,
        "backward_share": selected / dense,
        "backward_share_nonzero": None if done is None else done / dense,
    }
