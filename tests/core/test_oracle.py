"""The models in floating point choose as those in integers do, samples and deltas, and learn as
they do."""

from array import array

import images
import numpy as np
import pytest
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import select
from images import Layer, dense

from host_sim.oracle import FloatModel, Weighted

STEPS = 400
HIDDEN = {
    "dense": [dense(40, "relu")],
    "conv": [Layer("conv", 5, (1, 1), activation="relu")],
    "maximum": [Layer("conv", 10, (1, 1), activation="relu"), Layer("maxpool", 0, (2, 1))],
}
with_losses = pytest.mark.parametrize("loss", fmt.LOSS_NAMES)
with_policies = pytest.mark.parametrize("policy", fmt.POLICY_NAMES)


def twins(kind, loss, policy):
    """The same model in integers and in floating point."""
    layers = [*HIDDEN[kind], dense(8)]
    shares = {"s_min": 1 << 12, "s_max": 1 << 14, "zeta": 3 << 13, "skip": 1 << 13}
    arguments = (4, 2, 1), layers, loss, policy
    buffer = images.build(images.BACKENDS["numpy"], *arguments, **shares)
    integers, floats = images.Image(buffer).twin, FloatModel(buffer, np.float64)
    integers.state.share, floats.share = shares["s_min"], shares["s_min"] / 2**15
    if loss == "mse":
        floats.errors = np.linspace(0.1, 0.3, 8)
        integers.tally[:] = floats.errors * 2**28
    return integers, floats


def stream(n, frac):
    """Deltas in Q.frac, small and large ones."""
    random, one = np.random.default_rng(n), 1 << frac
    for scale in random.uniform(0.01, 0.3, STEPS):
        deltas = random.laplace(0, scale, n) * one
        yield np.clip(np.rint(deltas), -one, one).astype(int)


@with_policies
@with_losses
@pytest.mark.parametrize("kind", HIDDEN)
@pytest.mark.parametrize("depth", [0, 1])
def test_deltas_that_are_selected(policy, loss, kind, depth):
    """As many, as large, of the same signs; where small ones add up, rounding may decide which."""
    integers, floats = twins(kind, loss, policy)
    which = 0 if depth else -1
    layer, twin, frac = integers.layers[which], floats.layers[which], integers.delta_frac
    want, got = [], []
    for deltas in stream(layer.n_deltas, frac):
        if policy == "topk" and depth == 0:  # asks first, and so finds the largest sum so far
            select.skips(integers, deltas, 0, 0)
            floats.skips(deltas / 2**frac, 0 if loss == "crossentropy" else None)
        want.append(select.select(integers, layer, deltas, frac, depth)[0])
        real = deltas.reshape(twin.with_deltas.shape_out) / 2**frac
        got.append(floats.select(twin, real, depth).ravel() * 2**frac)
    want, got = np.array(want), np.array(got)
    assert np.mean(got != 0) == pytest.approx(np.mean(want != 0), abs=0.001)
    assert np.mean((got != 0) == (want != 0)) > 0.9
    assert (got * want >= 0).all()
    assert np.abs(got).sum() == pytest.approx(np.abs(want).sum(), rel=0.03)


@with_policies
@with_losses
def test_samples_that_are_skipped(policy, loss):
    integers, floats = twins("dense", loss, policy)
    random, same = np.random.default_rng(1), 0
    for deltas in stream(8, 14):
        p = random.integers(0, (1 << 14) + 1) if loss == "crossentropy" else None
        want = select.skips(integers, deltas, p, 0)
        same += floats.skips(deltas / 2**14, None if p is None else p / 2**14) == want
    assert same > 0.99 * STEPS


# ---- learning: a regression of 12 bits, where rounding matters least


def learned(shape, layers, n, loss, **settings):
    """The model in integers and that in floating point after n samples, and these."""
    settings = {
        "lr_mantissa": 16,
        "lr_shift": 9 if loss == "mse" else 7,
        "auto_rate": 1,
    } | settings
    backend = images.BACKENDS["c"]
    buffer = images.build(backend, shape, layers, loss, **settings)
    floats = FloatModel(buffer, np.float64)
    random, n_in = np.random.default_rng(n), int(np.prod(shape))
    x = random.normal(3, 2, (n, n_in)) * np.resize([1, 10, 100], n_in) + np.arange(n)[:, None] / 9
    y = np.sin(
        x @ random.normal(0, 0.1, (n_in, layers[-1].units)) / np.resize([1, 30], n_in).max()
    )
    x, y = x.astype(np.float32), (5 * y).astype(np.float32)
    if loss != "mse":
        y = (y[:, 1:] > 0).sum(1)
    for sample, target in zip(x, y, strict=True):
        of_c = array("f", target.tolist()) if loss == "mse" else int(target)
        assert backend.learn(buffer, array("f", sample.tolist()), of_c) == floats.learn(
            sample, target
        )
    return images.Image(buffer), floats, x


MODELS = {
    "flat": ((1, 1, 6), [dense(9, "tanh"), dense(2)], "mse"),
    "relu": ((1, 1, 6), [dense(9, "relu"), dense(2)], "mse"),
    "conv": ((6, 5, 3), [Layer("conv", 4, (2, 3), same=1, activation="tanh"), dense(3)], "mse"),
    "maximum": (
        (7, 6, 2),
        [
            Layer("conv", 3, (2, 2), activation="tanh"),
            Layer("maxpool", 0, (2, 2)),
            Layer("depthwise", 0, (2, 1), activation="tanh"),
            Layer("maxpool", 0, (1, 2)),
            dense(3),
        ],
        "crossentropy",
    ),
    "classes": (
        (5, 5, 2),
        [Layer("depthwise", 0, (2, 2), activation="tanh"), dense(3)],
        "crossentropy",
    ),
}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 70, 400])
@pytest.mark.parametrize("name", MODELS)
def test_ranges_means_and_energies(name, n):
    shape, layers, loss = MODELS[name]
    integers, floats, _ = learned(shape, layers, n, loss)
    close = {"rel": 2e-3, "abs": 2e-3}
    for which, ranges in enumerate(floats.ranges):
        if ranges:
            of_c = integers.learned(which)
            unit = 2.0 ** -of_c["frac"].astype(int)
            assert of_c["zero"] * unit == pytest.approx(ranges.zero, **close)
            if n >= 3:  # before, these two are what was seen
                assert of_c["centre"] * unit == pytest.approx(ranges.centre, **close)
                assert of_c["spread"] * unit == pytest.approx(ranges.spread, **close)
            width = np.where(of_c["shift"] == 31, np.inf, unit * 2.0 ** of_c["shift"])
            assert width.tolist() == ranges.unit.tolist()
    for i, layer in enumerate(floats.layers):
        if not isinstance(layer, Weighted):
            continue
        fields = integers.layers[i]
        unit = 2.0 ** (integers.twin.bits - 8 - integers.twin.layers[i].state.x_frac)
        assert integers.means(i) * unit == pytest.approx(layer.mean, abs=(1.6 + 2 * i) * unit)
        assert fields.energy / 2**8 == pytest.approx(layer.energy, rel=0.05)
        rate = fields.lr_mantissa * 2.0**-fields.lr_shift
        assert rate == floats.rate_of(layer) or n > 4  # later an energy may be next to an edge


def scores_of(image, x):
    out = array("f", [0] * image.n_out)
    buffer = bytearray(image.bytes)
    scores = []
    for sample in x:
        assert images.BACKENDS["c"].predict(buffer, array("f", sample.tolist()), out) >= 0
        scores.append(list(out))
    return np.array(scores)


@pytest.mark.parametrize("name", ["flat", "relu"])
def test_scores(name):
    """They learn the same; and what is in an image, slopes included, gives the scores it gives."""
    shape, layers, loss = MODELS[name]
    integers, floats, x = learned(shape, layers, 150, loss, auto_rate=0)
    got, again = scores_of(integers, x), FloatModel(integers.bytes, np.float64)
    spread = got.std(0)
    assert (np.abs(got - [again.scores(sample) for sample in x]) < 0.02 * spread).all()
    assert (np.abs(got - [floats.scores(sample) for sample in x]).mean(0) < 0.05 * spread).all()
    assert any(integers.slopes(i).any() for i in range(2))


@with_policies
@pytest.mark.parametrize("name", ["conv", "maximum"])
def test_work(name, policy):
    """Below a maximum windows are counted, not pixels."""
    shape, layers, loss = MODELS[name]
    shares = {"policy": policy, "s_min": 1 << 13, "s_max": 1 << 13}
    integers, floats, _ = learned(shape, layers, 70, loss, **shares)
    close = 0.1 if policy == "diffused" else 0.01  # its threshold depends on all that was before
    assert integers.head.macs_selected == pytest.approx(floats.macs_selected, rel=close)


def test_the_share_follows_the_error():
    shares = []
    for n in (1, 5, 40, 200):
        settings = {"policy": "diffused", "s_min": 3000, "s_max": 5000}
        integers, floats, _ = learned(
            (1, 1, 6), [dense(9, "relu"), dense(3)], n, "crossentropy", **settings
        )
        shares.append(integers.head.share / 2**15)
        assert shares[-1] == pytest.approx(floats.share, abs=0.02)
        assert integers.head.account / 2**15 == pytest.approx(floats.account, abs=0.02 * n)
    assert len(set(shares)) == 4
