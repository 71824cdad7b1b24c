"""The learning rate at which a network that was trained elsewhere goes on.

The rates that layers find (docs/numbers.md, Learning rate) go by the energy of their own inputs.
They suppose weights above that are about as large as tinyprop makes them, for which network.py
cares as far as it can, and that nearly all is still to be learned: what is known as well as noise
allows gets worse by large steps, which follow the noise. How much of that is there only a trial
tells.
"""

import io
from itertools import pairwise

import numpy as np
import tinyprop as tp

from .report import scores_of, spreads

RATES = [None, *(4.0**-n for n in range(2, 13))]  # None: those that layers find
MAY_FALL = 0.02  # accuracy or R2, at any time of a trial: a point, and another one by chance
TESTED_AFTER = 10, 20, 50, 100, 200, 500  # steps
TESTED_ON = 300  # samples at most


def settle(model, x, y=None):
    """Lets the model learn on at the largest rate of RATES that does it no harm. Returns why, for
    the report; None if these are the rates that layers find.

    x [samples, values]: in the order of the model. y: class numbers, or numbers [samples, units];
    None: what the model gives for x stands for them.
    """
    rng = np.random.default_rng(1)
    right = scores_of(model, x) if y is None else y if model._mse else np.eye(model._n_out)[y]
    rounds = -(-TESTED_AFTER[-1] // len(x))
    order = np.concatenate([rng.permutation(len(x)) for _ in range(rounds)])
    labels = right[order] if model._mse else right[order].argmax(1)
    if y is None and model._mse:  # noise as large as they are, or it would find no error at all
        labels = labels + rng.normal(size=labels.shape) * right.std(0)
    tested = np.linspace(0, len(x) - 1, min(len(x), TESTED_ON)).astype(int)
    file, why = io.BytesIO(), None
    model.save(file)
    for rate in RATES:
        file.seek(0)
        trial = tp.load(file)
        trial.lr = rate
        fall = harm(trial, x[order], labels, x[tested], right[tested])
        if fall is None:
            break
        why = why or fall
    model.lr = rate
    return why and f"lr: {rate:.2g}, as at the rates that layers find learning on made {why}"


def harm(model, x, labels, tested, right):
    """What learning does to the answers for `tested`, in words; None if it does no harm."""
    before = score(model, tested, right)
    for done, steps in pairwise((0, *TESTED_AFTER)):
        model.learn_many(x[done:steps], labels[done:steps])
        fall = before - score(model, tested, right)
        if fall > MAY_FALL + 1e-9:  # shares of samples are not exact
            what = "R2" if model._mse else "accuracy"
            return f"{what} fall by {100 * fall:.1f} points within {steps} steps"
    return None


def score(model, x, right):
    """R2, of several outputs their mean, or accuracy, where answers are right with probabilities
    `right`."""
    scores = scores_of(model, x)
    if not model._mse:
        return right[np.arange(len(x)), scores.argmax(1)].mean()
    return 1 - np.mean(((scores - right) / spreads(right)) ** 2)
