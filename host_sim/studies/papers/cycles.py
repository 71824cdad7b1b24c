"""Cycles of a step on a Raspberry Pi Pico, estimated from those in bench/results.json.

The models of the benchmark learn here once more, on the same data and so with the same bits, and
what their steps consist of is counted. Six costs follow by least squares: of a multiplication in
the forward pass, of one in the backward pass (zeros are left out in both), of an output, of a
delta, of a delta where the largest are looked for, and of the loss. Networks with convolutions
have costs of their own.
"""

import json
from functools import lru_cache

import numpy as np
from scipy.optimize import nnls

from bench import models, samples

from ... import ROOT, internals

HZ = 125_000_000


def of_a_step(model, result):
    """result: of a run of this model. None if it lacks the counters, as in floating point."""
    if result["backward_share_nonzero"] is None:
        return None
    multiplied = result["backward_share_nonzero"] * internals.macs(model)[1]
    trained = 1 - result["skipped_share"]
    step = parts(model, result["forward_nonzero"], multiplied, trained)
    return float(step @ costs()[internals.has_convolutions(model)][0])


def parts(model, forward, backward, trained):
    """What a step consists of on average: one number per cost."""
    outputs, visited = internals.outputs(model)
    deltas = visited * trained
    sorted_deltas = deltas * internals.sorts(model)
    return np.array([forward, backward, outputs, deltas, sorted_deltas, 1])


@lru_cache
def costs():
    """{has convolutions: (the six costs, the largest relative error of the estimate)}"""
    equations = {False: [], True: []}
    measured = cycles()
    for case, (n, epochs) in samples.EPOCHS.items():
        x, y = samples.samples(case, n)
        for policy in models.POLICIES:
            if (case, f"learn-{policy}") not in measured:
                continue
            model = models.build(case, policy)
            step = last_epoch(model, np.frombuffer(x, np.uint8), y, epochs)
            kind = equations[internals.has_convolutions(model)]
            kind.append((parts(model, *step), measured[case, f"learn-{policy}"]))
            if policy == "full":
                forward = parts(model, step[0], 0, 0) - (0, 0, 0, 0, 0, 1)
                kind.append((forward, measured[case, "forward"]))
    return {kind: solve(rows) for kind, rows in equations.items()}


def cycles():
    """{(case, operation): cycles}"""
    rows = json.loads((ROOT / "bench" / "results.json").read_text())
    return {
        (r["case"], r["op"]): r["value"]
        for r in rows
        if (r["target"], r["metric"], r["unit"]) == ("pico", "mean", "cycles")
    }


def last_epoch(model, x, y, epochs):
    """Per step of its last epoch: multiplications forward and backward, share that trained."""
    for _ in range(epochs):
        before = internals.counters(model)
        model.learn_many(x, y)
    counted = internals.counters(model)
    steps = counted.steps - before.steps
    skipped = counted.skipped - before.skipped
    done = counted.macs_done - before.macs_done
    forward = internals.nonzero_macs(model, x.reshape(len(y), -1))
    return forward, done / steps, 1 - skipped / steps


def solve(equations):
    a, b = (np.array(side, float) for side in zip(*equations, strict=True))
    found, _ = nnls(a / b[:, None], np.ones(len(b)))  # minimises relative errors
    return found, float(np.abs(a @ found / b - 1).max())
