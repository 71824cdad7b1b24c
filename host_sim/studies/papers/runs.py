"""One run: a data set, a protocol, a policy and a seed. Its result is one JSON file.

A finished run is not done again as long as its settings are the same; they include fingerprints of
the data and of the arithmetic: a change of the core makes its old results count no longer.
"""

import json
import os
import time
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from zlib import crc32

import numpy as np
import tinyprop as tp

from ...oracle import FloatModel
from ...tasks import datasets, networks, protocols
from .policies import POLICIES

FALL = 1 / 20  # of the learning rate, from the first epoch to the end
VALIDATION = 5  # one sample of so many of the training set
SEEN = 50  # samples, to count how much of a forward pass meets zeros


class Place:
    """Where data sets are read and results are kept; set once in each process."""

    data: Path
    runs: Path


def settle(data, runs=None):
    Place.data, Place.runs = Path(data), runs and Path(runs)


@lru_cache(2)
def load(dataset):
    return datasets.load(dataset, Place.data)


@lru_cache(2)
def task(dataset, protocol):
    return protocols.task(dataset, protocol, load(dataset))


# ---- what a run is


def job(dataset, protocol, policy, seed, rate, before=None, part="test"):
    """before: the rate at which the model learned what it knows before fine-tuning.
    part: "test", or "validation": a part of the training set, with the rest to learn from."""
    return {
        "dataset": dataset,
        "protocol": protocol,
        "policy": policy,
        "seed": seed,
        "rate": rate,
        "before": before,
        "part": part,
    }


def path(job):
    name = job["policy"] if job["part"] == "test" else f"lr {job['rate']}"
    folder = Place.runs / job["dataset"] / job["protocol"] / job["part"]
    return folder / f"{name},{job['seed']}.json"


def settings(job):
    """All that decides the result."""
    plan, policy = networks.PLANS[job["dataset"]], POLICIES[job["policy"]]
    model = networks.new(job["dataset"], policy.sparsity, policy.body, job["rate"], job["seed"])
    head = networks.view(model).head
    return job | {
        "sparsity": [head.policy, head.s_min, head.s_max, head.zeta, head.skip],
        "layers": crc32(b"".join(plan.layers(policy.body))),
        "fall": FALL,
        "epochs": plan.epochs[job["protocol"]],
        "input_range": list(plan.input_range),
        "data": contents(job["dataset"]),
        "arithmetic": fingerprint(policy.sparsity, plan.loss, policy.floats),
    }


@lru_cache
def contents(dataset):
    return crc32(np.ascontiguousarray(load(dataset).x_train))


@lru_cache
def fingerprint(sparsity, loss, floats):
    """Of what a small model of this policy has become after 200 steps."""
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (200, 64), np.uint8), random.integers(0, 4, 200, np.uint8)
    layers = [tp.Conv2D(4, 3, activation="relu"), tp.MaxPool2D(), tp.Dense(16, activation="relu")]
    if loss == "mse":
        shape, layers, y = 64, [*layers[2:], tp.Dense(64)], x
        ranges = {"input_range": (0, 255), "output_range": (0, 255)}
    else:
        shape, layers, ranges = (8, 8, 1), [*layers, tp.Dense(4)], {"input_range": (0, 255)}
    model = tp.Model(shape, layers, loss, 0.05, sparsity, **ranges)
    if floats:
        twin = FloatModel(model._image)
        for sample, target in zip(x, y, strict=True):
            twin.learn(sample, target)
        return crc32(b"".join(layer.w.tobytes() for layer in twin.layers if layer.trainable))
    model.learn_many(x, y)
    start, end = networks.view(model).head.ranges, networks.view(model).head.n_saved
    return crc32(model._image[start:end])


def finished(job):
    """The result of a run, or None if it is still to be done."""
    try:
        result = json.loads(path(job).read_text())
    except FileNotFoundError:
        return None
    return result if result["settings"] == settings(job) else None


def keep(file, content):
    """Written whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(file)


def run(job):
    started = time.monotonic()
    curve, counters = learn_and_test(job)
    seconds = round(time.monotonic() - started, 1)
    result = {"settings": settings(job), "curve": curve, "counters": counters, "seconds": seconds}
    keep(path(job), json.dumps(result, indent=1).encode())
    return result


# ---- learning


class Learner:
    """A model in integers or in floating point, with a rate that falls."""

    def __init__(self, dataset, policy, seed, rate, before=None):
        self.model = networks.new(dataset, policy.sparsity, policy.body, rate, seed)
        if before:
            networks.transfer(self.model, before)
        self.floats = FloatModel(self.model._image) if policy.floats else None
        self.mse = networks.PLANS[dataset].loss == "mse"

    def epoch(self, x, y, decay):
        y = x if self.mse else y
        if self.floats:
            for sample, target in zip(x, y, strict=True):
                self.floats.learn(sample, target)
        else:
            self.model.learn_many(x, y)
        self.model.lr *= decay
        if self.floats:
            self.floats.lr = np.float32(self.model.lr)

    def accuracy(self, x, y):
        if self.floats:
            return float(np.mean([self.floats.predict(sample) for sample in x] == y))
        return self.model.evaluate(x, y)

    def differences(self, x):
        """Mean square of output less input, for each row."""
        if self.floats:
            outputs = np.array([self.floats.scores(sample) for sample in x])
        else:
            outputs = np.empty(x.shape, np.float32)
            for sample, to in zip(x, outputs, strict=True):
                self.model.predict_into(sample, to)
        return np.mean((outputs - x) ** 2, 1)

    def counters(self, x):
        """Shares of the dense backward pass through all layers, were it done in each step; and
        what a forward pass of samples like x multiplies, zeros left out."""
        forward, backward = networks.work(self.model)
        if self.floats:
            steps, skipped = self.floats.steps, self.floats.skipped
            kept, done = self.floats.kept_macs, None
        else:
            head = networks.view(self.model).head
            steps, skipped = head.steps, head.skipped
            kept, done = head.macs_kept, head.macs_done
        share = kept / (steps * backward)
        return {
            "steps": steps,
            "skipped_share": skipped / steps,
            "backward_share": share,
            "backward_share_nonzero": None if done is None else done / (steps * backward),
            "total_share": (forward + share * backward) / (forward + backward),
            "forward_nonzero": None if self.floats else networks.nonzero_work(self.model, x),
        }


def learn_and_test(job):
    dataset, seed, now = job["dataset"], job["seed"], task(job["dataset"], job["protocol"])
    (x, y), (test_x, test_y), labels = now.train, now.test, now.labels
    if job["part"] == "validation":
        (x, y), (test_x, test_y) = split(x, y, seed)
        labels = None
    before = learned_before(dataset, seed, job["before"]) if now.before else None
    learner = Learner(dataset, POLICIES[job["policy"]], seed, job["rate"], before)
    epochs = networks.PLANS[dataset].epochs[job["protocol"]]
    order = np.random.default_rng(seed)
    curve = []
    for _ in range(epochs):
        mixed = order.permutation(len(y))
        learner.epoch(x[mixed], y[mixed], FALL ** (1 / epochs))
        curve.append(score(learner, test_x, test_y, labels))
    return curve, learner.counters(test_x[:SEEN])


def split(x, y, seed):
    mixed = np.random.default_rng(1000 + seed).permutation(len(y))
    kept, left = np.split(mixed, [len(y) // VALIDATION])
    return (x[left], y[left]), (x[kept], y[kept])


def standard_error(dataset, protocol, accuracy, n):
    """Of an accuracy that is the mean of n validations; 0 for a loss."""
    if networks.PLANS[dataset].loss == "mse":
        return 0
    samples = validation_samples(dataset, protocol) * n
    return (accuracy * (1 - accuracy) / samples) ** 0.5


def validation_samples(dataset, protocol):
    return len(task(dataset, protocol).train[1]) // VALIDATION


def score(learner, x, y, labels):
    """Accuracy; for an autoencoder the AUC, or less its loss where no anomalies are known."""
    if not learner.mse:
        return learner.accuracy(x, y)
    differences = learner.differences(x)
    if labels is None:
        return -float(differences.mean())
    means = np.bincount(y, differences) / np.bincount(y)
    return auc(means, labels)


def auc(scores, labels):
    """How often an anomaly scores higher than a normal one; a tie counts half."""
    high, low = scores[labels == 1][:, None], scores[labels == 0]
    return float(np.mean((high > low) + 0.5 * (high == low)))


def learned_before(dataset, seed, rate):
    """The model that fine-tuning starts from, trained with Full; kept, as all policies need it."""
    learner = Learner(dataset, POLICIES["Full"], seed, rate)
    made_of = settings(job(dataset, "scratch", "Full", seed, rate))
    made_of["version"] = networks.view(learner.model).head.version
    key = crc32(json.dumps(made_of).encode())
    file = Place.runs / dataset / "before" / f"{seed},{key:08x}.tp"
    if not file.exists():
        x, y = task(dataset, "finetune").before
        order = np.random.default_rng(seed)
        for _ in range(made_of["epochs"]):
            mixed = order.permutation(len(y))
            learner.epoch(x[mixed], y[mixed], FALL ** (1 / made_of["epochs"]))
        content = BytesIO()
        learner.model.save(content)
        keep(file, content.getvalue())
    return tp.load(str(file))
