"""The numpy and the C backend give the same bits.

The cases are the same in each run. TINYPROP_CASES says how many random models are tried,
TINYPROP_SEED which ones. A failure is shown as the smallest case that fails.
"""

import os
from array import array

import images
import numpy as np
import pytest
import random_models
from _tinyprop_numpy import format as fmt
from hypothesis import HealthCheck, Phase, given, seed, settings

CASES = int(os.environ.get("TINYPROP_CASES", "600"))
SEED = int(os.environ.get("TINYPROP_SEED", "1"))


class Twins:
    """One image per backend; call() calls both backends and compares all that can be seen."""

    def __init__(self, spec):
        self.images = {name: bytearray(spec) for name in images.BACKENDS}

    def call(self, name, *arguments):
        results = []
        for backend, image in self.images.items():
            copies = [array(a.typecode, a) if isinstance(a, array) else a for a in arguments]
            result = getattr(images.BACKENDS[backend], name)(image, *copies)
            results.append((result, copies))
        assert repr(results[0]) == repr(results[1]), (name, arguments)
        one, two = self.images.values()
        same = images.saved(one) == images.saved(two)
        assert same, f"{name}: {' and '.join(self.images)}:\n{images.difference(one, two)}"
        return results[0][0]

    def layout(self):
        """Whether there is a layout. If so, each image gets the size that its backend needs."""
        results, shapes = zip(
            *(images.layout(images.BACKENDS[name], image) for name, image in self.images.items()),
            strict=True,
        )
        assert (shapes[0] == shapes[1])[:, :5].all()  # numpy needs no outputs and no work
        if min(results) < 0:
            assert results[0] == results[1]
            return False
        in_c = list(self.images).index("c")
        learned, outputs, work = shapes[in_c][:, 4:].T
        assert learned.sum() + outputs.sum() + work.max() <= results[in_c]
        for image, n_bytes in zip(self.images.values(), results, strict=True):
            image.extend(bytes(n_bytes - len(image)))
        return True

    def set_ranges(self, ranges):
        for image in self.images.values():
            images.set_ranges(image, ranges)

    def set_rate(self, *rate):
        for image in self.images.values():
            head = images.Image(image).head
            head.lr_mantissa, head.lr_shift, head.auto_rate = rate


@seed(SEED)
@settings(
    max_examples=CASES,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(random_models.cases())
def test_random_models(case):
    twins = Twins(images.spec(**case.asked))
    if not twins.layout():
        return
    twins.set_ranges(case.asked["ranges"])
    twins.call("init", case.seed)
    for name, *arguments in case.calls:
        if name == "lr":
            twins.set_rate(*arguments)
        else:
            twins.call(name, *arguments)


@pytest.mark.parametrize("policy", fmt.POLICY_NAMES)
@pytest.mark.parametrize("loss", fmt.LOSS_NAMES)
@pytest.mark.parametrize("ranges_and_rate", ["given", "learned"])
def test_long_runs(policy, loss, ranges_and_rate):
    """Enough steps to change every format, and to move the means many times. Learned ranges keep
    the inputs in scale, and so the weights."""
    number, n_outputs, given = images.number(policy), 4, ranges_and_rate == "given"
    random = np.random.default_rng(number)
    hidden = [images.dense(40, "relu"), images.dense(30, "linear"), images.dense(8, "tanh")]
    layers = [*hidden[: 1 + number % 3], images.dense(n_outputs)]
    lr_shift = 4 if not given else 8 if loss == "crossentropy" else 6
    asked = {"policy": policy, "s_min": 4000, "s_max": 6000, "lr_shift": lr_shift, "skip": 800}
    ranges = [[(-1, 1)] * given, [(-1, 1)] * (given and loss == "mse")]
    asked |= {"ranges": ranges, "auto_rate": not given}
    twins = Twins(images.spec((1, 1, 30), layers, loss, **asked))
    assert twins.layout()
    twins.set_ranges(ranges)
    twins.call("init", number)
    seen = {"w_frac": set(), "y_frac": set(), "mean_shift": set()}
    n = 300
    for scale in (0.03, 0.03, 0.1, 0.6, 0.3, 0.03):
        x = random.normal(scale / 2, scale, (n, 30))
        if loss == "crossentropy":
            y = array("B", (x[:, :2] > scale / 2) @ [2, 1])
        else:
            y = array("f", random.normal(0, 0.5, n * n_outputs).tolist())
        twins.call("run", array("f", x.ravel().tolist()), y, n, 0, n, True)
        for name, values in seen.items():
            fields = images.Image(twins.images["c"]).layers
            values.add(tuple(getattr(layer, name) for layer in fields))
    if not given:
        del seen["w_frac"]
    assert all(len(values) > 1 for values in seen.values()), seen
