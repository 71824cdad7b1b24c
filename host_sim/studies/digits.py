"""Accuracy and work of every policy on handwritten digits: two models, several seeds.

Writes reports/digits.csv, .md and .png. A seed stands for its own initial weights and its own
order of samples. The learning rate is chosen for each model with Full, on a fifth of the training
set, and is the same for all policies; the exam is not looked at before.
"""

import argparse
import os
import struct
from functools import partial
from multiprocessing import Pool

import numpy as np
import tinyprop as tp
from tqdm import tqdm

from .. import ROOT
from ..oracle import FloatModel
from ..tasks import digits as digits_data
from . import digits_report

REPORTS = ROOT / "reports"
EPOCHS = 15
SEEDS = range(1, 6)
RATES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
DECAYS = (1, 0.8)  # of the learning rate, after each epoch


def mlp(body):
    return 64, [tp.Dense(32, activation="relu", trainable=body), tp.Dense(10)]


def cnn(body):
    conv = partial(tp.Conv2D, padding="same", activation="relu", trainable=body)
    return (8, 8, 1), [conv(8, 3), tp.MaxPool2D(2), conv(16, 3), tp.Dense(10)]


MODELS = {"64-32-10": mlp, "CNN 8-16-10": cnn}
POLICIES = {
    "Full": tp.Full,
    "TopK(0.25)": partial(tp.TopK, 0.25),
    "TinyProp": tp.TinyProp,
    "TinyPropV2": tp.TinyPropV2,
    "Diffused": tp.Diffused,
    "last layer only": tp.Full,
    "Full, float32": tp.Full,
    "TinyPropV2, float32": tp.TinyPropV2,
}


class FloatTwin:
    """The same model in floating point, as far as train() asks for it."""

    def __init__(self, model):
        self.integers, self.floats = model, FloatModel(model._image)

    @property
    def lr(self):
        return self.integers.lr

    @lr.setter
    def lr(self, value):
        self.integers.lr = value
        self.floats.lr = np.float32(self.lr)

    def learn_many(self, x, y):
        for sample, label in zip(x, y, strict=True):
            self.floats.learn(sample, label)

    def evaluate(self, x, y):
        return np.mean([self.floats.predict(sample) for sample in x] == y)

    def stats(self):
        m = self.floats
        share = m.kept_macs / m.dense_macs
        return {
            "steps": m.steps,
            "skipped": m.skipped,
            "backward_share": share,
            "backward_share_nonzero": np.nan,
        }


def new_model(model, policy, seed, rate):
    shape, layers = MODELS[model](body=policy != "last layer only")
    sparsity = POLICIES[policy]()
    m = tp.Model(shape, layers, lr=rate, sparsity=sparsity, input_range=(0, 16), seed=seed)
    return FloatTwin(m) if "float" in policy else m


def train(m, train, exam, seed, decay):
    """Accuracy in the exam after each epoch, and what learning did."""
    x, y = train
    order = np.random.default_rng(seed)
    right = []
    for _ in range(EPOCHS):
        now = order.permutation(len(y))
        m.learn_many(x[now], y[now])
        m.lr *= decay
        right.append(m.evaluate(*exam))
    s = m.stats()
    return right, {
        "backward_share": s["backward_share"],
        "backward_share_nonzero": s["backward_share_nonzero"],
        "skipped_share": s["skipped"] / s["steps"],
    }


def dense_work(model, policy):
    """Multiply-accumulates of a dense backward pass through the layers that are trained."""
    m = new_model(model, policy, 1, 0.02)
    m.learn(bytes(64), 0)
    return struct.unpack_from("<Q", m._image, tp._COUNTERS)[0]


def validate(job):
    """Accuracy on a fifth of the training set, after learning the rest."""
    model, seed, rate, decay = job
    (x, y), _ = digits_data.load()
    now = np.random.default_rng(1000 + seed).permutation(len(y))
    kept, left = now[: len(y) // 5], now[len(y) // 5 :]
    m = new_model(model, "Full", seed, rate)
    right, _ = train(m, (x[left], y[left]), (x[kept], y[kept]), seed, decay)
    return right[-1]


def examine(job):
    model, policy, seed, rate, decay = job
    m = new_model(model, policy, seed, rate)
    right, shares = train(m, *digits_data.load(), seed, decay)
    if policy == "last layer only":
        # A model counts against dense training of what it trains; here, all layers are meant.
        trained = dense_work(model, policy) / dense_work(model, "Full")
        shares["backward_share"] *= trained
        shares["backward_share_nonzero"] *= trained
    return right, shares


def progress(pool, function, jobs, title):
    return list(tqdm(pool.imap(function, jobs), total=len(jobs), desc=title))


def choose_rates(pool):
    """For each model the best (rate, decay), and the accuracies it was chosen by, as text."""
    settings = [(rate, decay) for decay in DECAYS for rate in RATES]
    jobs = [(model, seed, *s) for model in MODELS for s in settings for seed in SEEDS]
    right = progress(pool, validate, jobs, "choosing learning rates")
    right = np.reshape(right, (len(MODELS), len(settings), len(SEEDS))).mean(2)
    chosen = {}
    lines = [
        "Mean accuracy with Full, in %, on a fifth of the training set after learning the rest.",
        "",
        f"| model | lr after an epoch | {' | '.join(f'lr {rate}' for rate in RATES)} | chosen |",
        "|---|---|" + "---:|" * len(RATES) + "---|",
    ]
    for model, row in zip(MODELS, right, strict=True):
        rate, decay = chosen[model] = settings[int(np.argmax(row))]
        for i, part in enumerate(np.split(row, len(DECAYS))):
            cells = [
                model,
                "constant" if DECAYS[i] == 1 else f"x {DECAYS[i]}",
                *(f"{100 * v:.1f}" for v in part),
            ]
            cells.append(f"lr {rate}" if decay == DECAYS[i] else "")
            lines.append(f"| {' | '.join(cells)} |")
    return chosen, "\n".join(lines)


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m host_sim digits", description=__doc__)
    parser.parse_args(arguments)
    with Pool(os.cpu_count()) as pool:
        chosen, choice = choose_rates(pool)
        print(f"\n{choice}\n")
        names = [(model, policy) for model in MODELS for policy in POLICIES]
        jobs = [(*name, seed, *chosen[name[0]]) for name in names for seed in SEEDS]
        runs = progress(pool, examine, jobs, "learning")
    n = len(SEEDS)
    results = {name: runs[i * n : (i + 1) * n] for i, name in enumerate(names)}
    print(f"\n{digits_report.write(REPORTS, results, choice)}")
    print("The table is reports/digits.md and .csv, the picture reports/digits.png.")
