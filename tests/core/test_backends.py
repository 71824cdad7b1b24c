"""The numpy and the C backend give the same bits.

TINYPROP_CASES sets how many random models are tried. A failure names its case: to run that one
alone, TINYPROP_CASE=<n>.
"""

import os
from array import array

import _tinyprop
import _tinyprop_numpy
import images
import numpy as np
import pytest
import random_models

CASES = int(os.environ.get("TINYPROP_CASES", "400"))
ONE_CASE = os.environ.get("TINYPROP_CASE")

c_backend = _tinyprop.c_backend()


class Twins:
    """One image for each backend; call() calls both and compares all that can be seen after."""

    def __init__(self, plan):
        self.numpy, self.c = bytearray(plan), bytearray(plan)

    def call(self, name, *arguments):
        results = []
        for backend, image in ((_tinyprop_numpy, self.numpy), (c_backend, self.c)):
            copies = [array(a.typecode, a) if isinstance(a, array) else a for a in arguments]
            result = getattr(backend, name)(image, *copies)
            results.append((result, copies))
        assert repr(results[0]) == repr(results[1]), (name, arguments)
        self.compare(name)
        return results[0][0]

    def compare(self, name):
        numpy, c = images.open_image(self.numpy), images.open_image(self.c)
        n = numpy.head.work or len(self.numpy)  # behind it lies what means nothing between calls
        if self.numpy[:n] == self.c[:n]:
            return
        for i, (a, b) in enumerate(
            zip([numpy.head, *numpy.layers], [c.head, *c.layers], strict=True)
        ):
            for field in a.item.dtype.names:
                assert getattr(a, field) == getattr(b, field), (name, i - 1, field)
        for i, (a, b) in enumerate(zip(numpy.layers, c.layers, strict=True)):
            for part in ("inputs", "weights", "biases"):
                p, q = getattr(numpy, part)(a), getattr(c, part)(b)
                assert (p == q).all(), (name, f"layer {i}", part, p, q)
        at = [i for i in range(n) if self.numpy[i] != self.c[i]]
        raise AssertionError(f"{name}: bytes {at} differ; work is at {n}")

    def set(self, **fields):
        for image in (self.numpy, self.c):
            for name, value in fields.items():
                setattr(images.open_image(image).head, name, value)

    def grow(self, n_bytes):
        for image in (self.numpy, self.c):
            image.extend(bytes(n_bytes - len(image)))


def set_ranges(random, twins):
    head = images.open_image(twins.numpy).head
    ends = []
    for _ in range(head.n_in_ranges + head.n_out_ranges):
        some = sorted(random_models.floats(random, 2))
        ends.append(
            (0, 255) if random.random() < 0.2 else (0, 0) if random.random() < 0.1 else some
        )
    for image in (twins.numpy, twins.c):
        images.set_ranges(image, ends)


def do_something(random, twins):
    model = images.open_image(twins.numpy)
    n_in, n_out = model.layers[0].n_in, model.layers[-1].n_out
    action = random.integers(8)
    if action < 4:
        x, y = random_models.inputs(random, n_in), random_models.targets(random, model, 1)
        twins.call("learn", x, y)
    elif action < 6:
        total = int(random.integers(1, 40))
        start = int(random.integers(total))
        count = total - start if random.random() < 0.8 else int(random.integers(total))
        x = random_models.inputs(random, total * n_in)
        y = random_models.targets(random, model, total)
        twins.call("run", x, y, total, start, count, bool(random.integers(3)))
    elif action == 6:
        x = random_models.inputs(random, n_in)
        twins.call("predict", x, None)
        twins.call("predict", x, array("f", [7]) * n_out)
    else:
        twins.set(lr_m=random.integers(16, 32), lr_n=random.integers(4, 14))


def run_case(case):
    random = np.random.default_rng(case)
    twins = Twins(random_models.plan(random))
    n_bytes = twins.call("layout")
    if n_bytes < 0:
        return
    twins.grow(n_bytes)
    if random.random() < 0.7:
        set_ranges(random, twins)
    twins.call("init", int(random.integers(2**31)))
    for _ in range(10):
        do_something(random, twins)


BATCH = 50


@pytest.mark.parametrize("first", range(0, CASES, BATCH))
def test_random_models(first):
    cases = range(first, min(first + BATCH, CASES))
    for case in [int(ONE_CASE)] if ONE_CASE else cases:
        try:
            run_case(case)
        except Exception as e:
            raise AssertionError(f"random model {case} (TINYPROP_CASE={case})") from e


@pytest.mark.parametrize("seed", range(6))
def test_long_runs(seed):
    """Enough steps to move the exponents of activations up and down, and those of weights."""
    random = np.random.default_rng(seed)
    loss, n_out = seed % 2, 4
    hidden = [images.dense(40, "relu"), images.dense(30, "linear"), images.dense(8, "tanh")]
    layers = [*hidden[: 1 + seed % 3], images.dense(n_out)]
    settings = {"policy": seed % 3, "s_min": 8000, "lr_n": 8 if loss == 0 else 6, "skip": 800}
    twins = Twins(images.plan((1, 1, 30), layers, loss, **settings))
    twins.grow(twins.call("layout"))
    for image in (twins.numpy, twins.c):
        images.set_ranges(image, [(-1, 1)] * (1 + loss))
    twins.call("init", seed)
    moves = {"fw": set(), "fy": set()}
    n = 300
    for scale in (0.03, 0.03, 0.1, 0.6, 0.3, 0.03):
        x = array("f", random.normal(0, scale, n * 30).tolist())
        if loss == 0:
            y = array("B", random.integers(0, n_out, n).tolist())
        else:
            y = array("f", random.normal(0, 0.5, n * n_out).tolist())
        twins.call("run", x, y, n, 0, n, True)
        for name, seen in moves.items():
            seen.add(tuple(getattr(r, name) for r in images.open_image(twins.c).layers))
    assert len(moves["fy"]) > 1
