"""Cycles of a step on a Raspberry Pi Pico, estimated from those that bench/results.json counts.

The models of the benchmark learn here once more, on the same data and so with the same bits, and
what their steps consist of is counted. Six costs follow by least squares: of a multiplication of
the forward pass, of one of the backward pass (zeros are left out in both), of an output, of an
error, of finding the largest among the errors, and of the loss. Networks with convolutions have
costs of their own.
"""

import json
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
from scipy.optimize import nnls

from ... import ROOT
from ...tasks import networks

BENCH = ROOT / "bench"
POLICIES = "full", "topk25", "tinyprop", "tinypropv2", "default"
HZ = 125_000_000
TOPK = 1  # in the head: TopK and TinyProp


def load(name):
    """A module of the benchmark."""
    spec = spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EPOCHS = load("samples").EPOCHS


def of_a_step(model, counts):
    """counts: of a run of this model (runs.Learner.counters). None without what they are based on,
    as in floating point."""
    if counts["backward_share_nonzero"] is None:
        return None
    multiplied = counts["backward_share_nonzero"] * networks.work(model)[1]
    trained = 1 - counts["skipped_share"]
    of = parts(model, counts["forward_nonzero"], multiplied, trained)
    return float(of @ costs()[has_convolutions(model)][0])


def parts(model, forward, backward, trained):
    """What a step consists of, on average: as many numbers as there are costs."""
    image = networks.view(model)
    outputs = [r.n_out * r.has_weights for r in image.layers]
    errors = sum(outputs[image.head.first_trained :]) * trained
    chosen_among = errors * (image.head.policy == TOPK)
    return np.array([forward, backward, sum(outputs), errors, chosen_among, 1])


def has_convolutions(model):
    return any(r.kind in (1, 2) for r in networks.view(model).layers)


@lru_cache
def costs():
    """{are there convolutions?: (the six costs, the worst relative error of the estimate)}"""
    equations = {False: [], True: []}
    bench, measured = load("models"), cycles()
    for case, (n, epochs) in EPOCHS.items():
        x, y = load("samples").samples(case, n)
        for policy in POLICIES:
            if (case, f"learn-{policy}") not in measured:
                continue
            model = bench.build(case, policy)
            of = last_epoch(model, np.frombuffer(x, np.uint8), y, epochs)
            kind = equations[has_convolutions(model)]
            kind.append((parts(model, *of), measured[case, f"learn-{policy}"]))
            if policy == "full":
                forward = parts(model, of[0], 0, 0) - (0, 0, 0, 0, 0, 1)
                kind.append((forward, measured[case, "forward"]))
    return {kind: solve(rows) for kind, rows in equations.items()}


def cycles():
    """{(case, operation): cycles}"""
    rows = json.loads((BENCH / "results.json").read_text())
    return {
        (r["case"], r["op"]): r["value"]
        for r in rows
        if (r["target"], r["metric"], r["unit"]) == ("pico", "mean", "cycles")
    }


def last_epoch(model, x, y, epochs):
    """Of its steps: multiplications forward and backward, and how many trained."""
    for _ in range(epochs):
        head = networks.view(model).head
        before = np.array([head.steps, head.skipped, head.macs_done])
        model.learn_many(x, y)
    head = networks.view(model).head
    steps, skipped, done = np.array([head.steps, head.skipped, head.macs_done]) - before
    forward = networks.nonzero_work(model, x.reshape(len(y), -1))
    return forward, done / steps, 1 - skipped / steps


def solve(equations):
    a, b = (np.array(side, float) for side in zip(*equations, strict=True))
    found, _ = nnls(a / b[:, None], np.ones(len(b)))  # relative errors are to be small
    return found, float(np.abs(a @ found / b - 1).max())
