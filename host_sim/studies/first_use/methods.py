"""What is compared: tinyprop as it comes or with one setting, and methods of scikit-learn.

A learner is made for x and y of a training set; it learns pieces of a stream, and tells classes or
numbers for the rows of a test set.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import sklearn
import tinyprop as tp
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ... import internals

RATES = 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2
REPLAY = 200  # samples to remember
BLOCK = 50  # of one class, then as many of the next
PIECE = 10  # samples that SGD's scaler sees before SGD does; later a tenth of what it has seen


# ---- learners


class Tinyprop:
    """factor: of the rates that it finds."""

    one_pass = False

    def __init__(self, net, x, y, seed, factor=1, **settings):
        self.model = net.model(x, y, seed=seed, **settings)
        if factor != 1:
            internals.scale_rate(self.model, factor)

    def learn(self, x, y):
        self.model.learn_many(x, y)

    def predict(self, x):
        return np.array([self.model.predict(row) for row in x])

    @property
    def backward_share(self):
        return self.model.stats()["backward_share"]

    def fingerprint(self):
        """Bytes that change when learning does."""
        return internals.parameters(self.model)


class Sklearn:
    """An estimator of scikit-learn."""

    backward_share = None

    def fingerprint(self):
        return f"{self.estimator} {sklearn.__version__}".encode()


class Stream(Sklearn):
    """Learns each sample when it comes. What it is standardised by comes from the same stream."""

    one_pass = False

    def __init__(self, net, x, y, seed, estimator):
        self.scaler, self.estimator = StandardScaler(), estimator(net, seed)
        self.classes = {} if net.numbers else {"classes": np.unique(y)}
        self.seen = 0

    def learn(self, x, y):
        while len(y):
            n = max(PIECE, self.seen // 10)
            self.seen += len(y[:n])
            self.scaler.partial_fit(x[:n])
            self.estimator.partial_fit(self.scaler.transform(x[:n]), y[:n], **self.classes)
            x, y = x[n:], y[n:]

    def predict(self, x):
        return self.estimator.predict(self.scaler.transform(x))


class Batch(Sklearn):
    """Keeps all samples, and learns from them, standardised, when it is asked."""

    one_pass = True  # samples that it has seen before tell it nothing

    def __init__(self, net, x, y, seed, estimator):
        self.estimator = make_pipeline(StandardScaler(), estimator(net, seed))
        self.x, self.y = [], []

    def learn(self, x, y):
        self.x.append(x)
        self.y.append(y)

    def predict(self, x):
        with warnings.catch_warnings(action="ignore"):  # epochs are too few, it says
            self.estimator.fit(np.concatenate(self.x), np.concatenate(self.y))
        return self.estimator.predict(x)


# ---- scikit-learn's, as they come: Adam, and up to 200 epochs


def mlp(net, seed):
    settings = {"hidden_layer_sizes": (net.hidden,), "random_state": seed}
    if net.numbers:
        return TransformedTargetRegressor(MLPRegressor(**settings), transformer=StandardScaler())
    return MLPClassifier(**settings)


def linear(net, seed):
    return Ridge() if net.numbers else LogisticRegression(max_iter=1000)


def sgd(net, seed):
    if net.numbers:
        return MultiOutputRegressor(SGDRegressor(random_state=seed))
    return SGDClassifier(random_state=seed)


def bayes(net, seed):
    return GaussianNB()


# ---- the table


def always(net):
    return True


def dense(net):
    return not net.image


def classes(net):
    return not net.numbers


def dense_classes(net):
    return dense(net) and classes(net)


@dataclass
class Method:
    learner: type
    settings: dict = field(default_factory=dict)
    suits: Callable = always  # which nets
    block: int = 0  # samples of a class that come one after the other, in a single pass; 0: mixed

    def new(self, net, x, y, seed):
        return self.learner(net, x, y, seed, **self.settings)


METHODS = {
    "default": Method(Tinyprop),
    "replay": Method(Tinyprop, {"replay": REPLAY}),
    "default in blocks": Method(Tinyprop, {}, classes, BLOCK),
    "replay in blocks": Method(Tinyprop, {"replay": REPLAY}, classes, BLOCK),
    "Full": Method(Tinyprop, {"policy": tp.Full()}),
    "rates x 1/3": Method(Tinyprop, {"factor": 1 / 3}),
    "rates x 3": Method(Tinyprop, {"factor": 3}),
    **{f"lr {rate}": Method(Tinyprop, {"lr": rate}) for rate in RATES},
    "scikit-learn MLP": Method(Batch, {"estimator": mlp}, dense),
    "scikit-learn linear": Method(Batch, {"estimator": linear}, dense),
    "scikit-learn SGD": Method(Stream, {"estimator": sgd}, dense),
    "scikit-learn Bayes": Method(Batch, {"estimator": bayes}, dense_classes),
}
