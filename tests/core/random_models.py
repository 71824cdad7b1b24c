"""Random models, and calls of them, as hypothesis strategies, so that a failing case shrinks.

The first alternative of a choice is the simplest; failing cases shrink towards it.
"""

from array import array
from dataclasses import dataclass

import numpy as np
from _tinyprop_numpy import format as fmt
from hypothesis import strategies as st
from images import Layer

INTEGER_TYPES = "bBhHiIlLqQ"
SHARES = st.sampled_from([0, 1 << 15]) | st.integers(0, 1 << 15)


# ---- models

few = st.integers(1, 3)
pairs = st.tuples(few, few)
kernels = pairs | st.tuples(few | st.integers(4, 11), few | st.integers(4, 11))
activations = st.sampled_from(fmt.ACTIVATION_NAMES)
mostly = st.sampled_from([1, 1, 1, 1, 0])


def layers(kind, **options):
    return st.builds(Layer, st.just(kind), activation=activations, trainable=mostly, **options)


hidden_layers = st.one_of(
    layers("dense", units=st.integers(1, 11)),
    layers("conv", units=st.integers(1, 11), kernel=kernels, stride=pairs, same=st.integers(0, 1)),
    layers("depthwise", kernel=kernels, stride=pairs, same=st.integers(0, 1)),
    layers("maxpool", kernel=pairs | st.just((0, 0))),
    layers("avgpool", kernel=pairs | st.just((0, 0))),
)


@st.composite
def models(draw):
    """The arguments of images.spec(). Most layers fit together; those that do not have to be
    refused."""
    sides = st.integers(1, 8)
    shape = draw(
        st.one_of(
            st.tuples(st.just(1), st.just(1), sides),
            st.tuples(sides, sides, sides),
            st.tuples(st.just(9), st.integers(8, 9), st.integers(1, 2)),  # many pixels
            st.tuples(st.just(1), st.integers(9, 40), few),  # a series
        )
    )
    last = draw(st.builds(Layer, st.just("dense"), sides, trainable=mostly))
    n_ranges = st.sampled_from([0, 0, 1, shape[2]]), st.sampled_from([0, 0, 1, last.units])
    asked = {
        "shape": shape,
        "layers": [*draw(st.lists(hidden_layers, max_size=3)), last],
        "loss": draw(st.sampled_from(fmt.LOSS_NAMES)),
        "policy": draw(st.sampled_from(fmt.POLICY_NAMES)),
        "s_min": draw(SHARES),
        "s_max": draw(SHARES | st.just(0)),
        "zeta": draw(SHARES),
        "skip": draw(st.sampled_from([0, 0, 1600, 8000, 1 << 14])),
        "lr_mantissa": draw(st.integers(16, 31)),
        "lr_shift": draw(st.integers(4, 15)),
        "auto_rate": draw(st.integers(0, 1)),
        "replay": draw(st.sampled_from([0, 0, 0, 1, 9, 20])),
    }
    counts = draw(n_ranges[0]), draw(n_ranges[1]) if asked["loss"] == "mse" else 0
    asked["ranges"] = [draw(st.lists(ends(), min_size=n, max_size=n)) for n in counts]
    return asked


# ---- numbers: too many to draw them one by one, so the seed of a generator is drawn


scales = st.sampled_from([1.0, 1.0, 300.0, 1e-30, 1e30, 1e-39])  # the last: subnormal numbers


@st.composite
def ends(draw):
    """lo and hi of a range; now and then lo >= hi, or a NaN."""
    kind = draw(st.integers(0, 19))
    if kind < 5:
        return 0.0, 255.0
    if kind < 19:
        lo, scale = draw(st.floats(-3, 3)), draw(scales)
        return lo * scale, (lo + draw(st.floats(0.125, 6))) * scale
    return draw(st.floats(width=32)), draw(st.floats(width=32))


@st.composite
def floats(draw, n):
    random = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    kind = draw(st.sampled_from(["steps", "constant", "positive", "normal", "normal"]))
    if kind == "constant":
        values = np.full(n, draw(st.floats(-300, 300, width=32)))
    elif kind == "steps":
        values = random.integers(-2, 3, n) / 2
    else:
        values = random.normal(0, 1, n) * draw(scales)
        values[random.random(n) < draw(st.sampled_from([0.2, 0, 0.9]))] = 0
        values = np.abs(values) if kind == "positive" else values
    values = np.clip(values, -3e38, 3e38)
    strange = draw(st.none() | st.floats(width=32)) if draw(st.integers(0, 19)) == 19 else None
    if strange is not None:
        values[draw(st.integers(0, n - 1))] = strange
    return array("f", np.float32(values).tolist())


@st.composite
def integers(draw, n):
    typecode = draw(st.sampled_from(INTEGER_TYPES))
    random = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    ends = np.iinfo(np.dtype(typecode))
    if draw(st.integers(0, 4)) < 4:
        values = np.clip(random.integers(-40, 200, n), ends.min, ends.max).tolist()
    else:
        values = [(0, 1, ends.min, ends.max)[i] for i in random.integers(0, 4, n)]
    return bytearray(values) if typecode == "B" else array(typecode, values)


@st.composite
def inputs(draw, n):
    """n numbers; now and then one too many, or of a type that is refused."""
    wrong = draw(st.integers(0, 99))
    if wrong == 99:
        return draw(st.sampled_from([array("d", [0] * n), [0] * n, None, "no numbers"]))
    return draw(floats(n + (wrong == 98)) | integers(n))


@st.composite
def targets(draw, asked, total):
    """The targets of `total` samples."""
    n_outputs = asked["layers"][-1].units
    if asked["loss"] == "mse":
        return draw(inputs(total * n_outputs))
    random = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    classes = random.integers(0, n_outputs, total).tolist()
    if draw(st.integers(0, 49)) == 49:
        classes[-1] = draw(st.sampled_from([n_outputs, 100]))
    if total == 1 and draw(st.booleans()):
        return classes[0]
    return array(draw(st.sampled_from(INTEGER_TYPES)), classes)


# ---- calls of a model


@dataclass
class Case:
    asked: dict
    seed: int
    calls: list  # (name in _tinyprop, arguments...), or ("lr", mantissa, shift, whether automatic)


@st.composite
def calls(draw, asked):
    n_in, n_outputs = int(np.prod(asked["shape"])), asked["layers"][-1].units
    name = draw(st.sampled_from(["learn"] * 4 + ["run"] * 2 + ["predict", "distances", "lr"]))
    if name == "learn":
        return name, draw(inputs(n_in)), draw(targets(asked, 1))
    if name == "predict":
        scores = array("f", [7] * n_outputs)
        return name, draw(inputs(n_in)), draw(st.sampled_from([None, scores]))
    if name == "distances":
        of = draw(st.integers(0, asked["replay"]) | inputs(n_in))
        return name, of, array("I", [7] * asked["replay"])
    if name == "lr":
        return name, draw(st.integers(16, 31)), draw(st.integers(4, 13)), draw(st.integers(0, 1))
    total = draw(st.integers(1, 39))
    start = draw(st.just(0) | st.integers(0, total - 1))
    rest = st.just(total - start)
    count = draw(st.one_of(rest, rest, st.integers(0, total - 1)))
    x, y = draw(inputs(total * n_in)), draw(targets(asked, total))
    return name, x, y, total, start, count, draw(st.sampled_from([True, True, False]))


@st.composite
def cases(draw):
    asked = draw(models())
    seed = draw(st.integers(0, (1 << 31) - 1))
    n_calls = draw(st.integers(1, 20))
    return Case(asked, seed, [draw(calls(asked)) for _ in range(n_calls)])
