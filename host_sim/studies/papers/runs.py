"""One run: a data set, a protocol, a policy and a seed. Its result is one JSON file.

A finished run is not repeated as long as its settings are the same. They include fingerprints of
the data and of the arithmetic, so results from before a change of the core no longer count.
"""

import json
from functools import lru_cache
from io import BytesIO
from zlib import crc32

import numpy as np
import tinyprop as tp

from ... import internals
from ...tasks import datasets
from ...tasks.networks import NETWORKS
from ...tasks.protocols import task
from ..kit import kept, learning
from ..kit.learning import FloatTwin
from .policies import POLICIES

SEEN = 50  # samples by which the zeros in a forward pass are counted


def job(dataset, protocol, policy, seed, rate=None, before=None, part="test"):
    """before: the rate at which the model learned what it knows before fine-tuning. part: "test",
    or "validation" to be tested on a part of the training set after learning the rest."""
    return {
        "dataset": dataset,
        "protocol": protocol,
        "policy": policy,
        "seed": seed,
        "rate": rate,
        "before": before,
        "part": part,
    }


class Runs(kept.Runs):
    def path(self, job):
        name = job["policy"] if job["part"] == "test" else f"lr {job['rate']}"
        folder = self.folder / job["dataset"] / job["protocol"] / job["part"]
        return folder / f"{name},{job['seed']}.json"

    def settings(self, job):
        """All that decides the result."""
        network, variant = NETWORKS[job["dataset"]], POLICIES[job["policy"]]
        model = new_model(job)
        return job | {
            "policy_settings": list(internals.policy(model)),
            "layers": crc32(repr(internals.layers(model)).encode()),
            "decay": learning.DECAY,
            "epochs": network.epochs[job["protocol"]],
            "input_range": list(network.input_range),
            "data": contents(job["dataset"], self.data),
            "arithmetic": fingerprint(variant.policy, network.loss, variant.floats, job["rate"]),
        }

    def learn(self, job):
        """The curve in the test set, and the counters of learning."""
        dataset, seed = job["dataset"], job["seed"]
        learned = task(dataset, job["protocol"], self.data)
        train, test, labels = learned.train, learned.test, learned.labels
        if job["part"] == "validation":
            train, test = learning.split(*train, seed)
            labels = None
        integers = new_model(job)
        if learned.before:
            internals.transfer(integers, self.learned_before(dataset, seed, job["before"]))
        model = POLICIES[job["policy"]].cast(integers)
        curve = [score(model, dataset, *test, labels) for _ in epochs(model, job, *train)]
        return {"curve": curve} | counters(model, integers, test[0][:SEEN])

    def learned_before(self, dataset, seed, rate):
        """The model that fine-tuning starts from, trained with Full; saved, as all policies need
        it."""
        made_by = job(dataset, "scratch", "Full", seed, rate)
        made_of = self.settings(made_by) | {"version": internals.VERSION}
        key = crc32(json.dumps(made_of).encode())
        file = self.folder / dataset / "before" / f"{seed},{key:08x}.tp"
        if not file.exists():
            model = new_model(made_by)
            for _ in epochs(model, made_by, *task(dataset, "finetune", self.data).before):
                pass
            content = BytesIO()
            model.save(content)
            kept.keep(file, content.getvalue())
        return tp.load(str(file))

    def standard_error(self, dataset, protocol, accuracy, n):
        """Standard error of an accuracy that is the mean of n validations; 0 for a loss."""
        if is_autoencoder(dataset):
            return 0
        samples = self.validation_samples(dataset, protocol) * n
        return (accuracy * (1 - accuracy) / samples) ** 0.5

    def validation_samples(self, dataset, protocol):
        return len(task(dataset, protocol, self.data).train[1]) // learning.VALIDATION


@lru_cache
def contents(dataset, data):
    return crc32(np.ascontiguousarray(datasets.load(dataset, data).x_train))


@lru_cache
def fingerprint(policy, loss, floats, rate):
    """A checksum of what a small model with this policy has learned in 200 steps."""
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (200, 64), np.uint8), random.integers(0, 4, 200, np.uint8)
    layers = [tp.Conv2D(4, 3, activation="relu"), tp.MaxPool2D(), tp.Dense(16, activation="relu")]
    if loss == "mse":
        shape, layers, y = 64, [*layers[2:], tp.Dense(64)], x
        ranges = {"input_range": (0, 255), "output_range": (0, 255)}
    else:
        shape, layers, ranges = (8, 8, 1), [*layers, tp.Dense(4)], {"input_range": (0, 255)}
    model = tp.Model(shape, layers, loss, rate, policy, **ranges)
    if floats:
        twin = FloatTwin(model)
        twin.learn_many(x, y)
        trained = [layer for layer in twin.floats.layers if layer.trainable]
        return crc32(b"".join(layer.w.tobytes() for layer in trained))
    model.learn_many(x, y)
    return crc32(internals.parameters(model))


# ---- learning


def is_autoencoder(dataset):
    return NETWORKS[dataset].loss == "mse"


def new_model(job):
    """The model in integers, before the run."""
    variant = POLICIES[job["policy"]]
    settings = variant.policy, variant.train_backbone, job["rate"], job["seed"]
    return NETWORKS[job["dataset"]].model(*settings)


def epochs(model, job, x, y):
    n = NETWORKS[job["dataset"]].epochs[job["protocol"]]
    targets = x if is_autoencoder(job["dataset"]) else y
    return learning.epochs(model, x, targets, n, job["seed"], learning.DECAY ** (1 / n))


def counters(model, integers, x):
    """The shares of the backward pass, the share of both passes, and the multiplications of a
    forward pass with samples like x, zeros left out."""
    shares = learning.shares(model)
    forward, backward = internals.macs(integers)
    total = (forward + shares["backward_share"] * backward) / (forward + backward)
    nonzero = internals.nonzero_macs(model, x) if model is integers else None
    return shares | {"total_share": total, "forward_nonzero": nonzero}


def score(model, dataset, x, y, labels):
    """Accuracy; for an autoencoder the AUC, or minus its loss if no anomalies are known."""
    if not is_autoencoder(dataset):
        return model.evaluate(x, y)
    losses = differences(model, x)
    if labels is None:
        return -float(losses.mean())
    means = np.bincount(y, losses) / np.bincount(y)
    return auc(means, labels)


def differences(model, x):
    """Mean square of (output - input), for each row."""
    outputs = np.empty(x.shape, np.float32)
    for sample, output in zip(x, outputs, strict=True):
        model.predict_into(sample, output)
    return np.mean((outputs - x) ** 2, 1)


def auc(scores, labels):
    """How often an anomaly scores higher than a normal one; a tie counts half."""
    high, low = scores[labels == 1][:, None], scores[labels == 0]
    return float(np.mean((high > low) + 0.5 * (high == low)))
