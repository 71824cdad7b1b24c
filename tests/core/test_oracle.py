"""The models in floating point choose as those in integers do: samples, and deltas."""

import images
import numpy as np
import pytest
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import select
from images import Layer, dense

from host_sim.oracle import FloatModel

STEPS = 400
HIDDEN = {"dense": dense(40, "relu"), "conv": Layer("conv", 5, (1, 1), activation="relu")}
with_losses = pytest.mark.parametrize("loss", fmt.LOSS_NAMES)
with_policies = pytest.mark.parametrize("policy", fmt.POLICY_NAMES)


def twins(kind, loss, policy):
    """The same model in integers and in floating point."""
    layers = [HIDDEN[kind], dense(8)]
    shares = {"s_min": 1 << 12, "s_max": 1 << 14, "zeta": 3 << 13, "skip": 1 << 13}
    arguments = (4, 2, 1), layers, loss, policy
    buffer = images.build(images.BACKENDS["numpy"], *arguments, **shares)
    return images.Image(buffer).twin, FloatModel(buffer, np.float64)


def stream(n):
    """Deltas in Q.14, small and large ones."""
    random = np.random.default_rng(n)
    for scale in random.uniform(0.01, 0.3, STEPS):
        deltas = random.laplace(0, scale, n) * 2**14
        yield np.clip(np.rint(deltas), -(1 << 14), 1 << 14).astype(int)


@with_policies
@with_losses
@pytest.mark.parametrize("kind", HIDDEN)
@pytest.mark.parametrize("depth", [0, 1])
def test_deltas_that_are_selected(policy, loss, kind, depth):
    """As many, as large, of the same signs; where small ones add up, rounding may decide which."""
    integers, floats = twins(kind, loss, policy)
    layer, twin = integers.layers[1 - depth], floats.layers[1 - depth]
    want, got = [], []
    for deltas in stream(layer.n_out):
        want.append(select.select(integers, layer, deltas, 14, depth)[0])
        real = deltas.reshape(twin.shape_out) / 2**14
        got.append(floats.select(twin, real, depth).ravel() * 2**14)
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
    for deltas in stream(8):
        p = random.integers(0, (1 << 14) + 1) if loss == "crossentropy" else None
        want = select.skips(integers, deltas, p)
        same += floats.skips(deltas / 2**14, None if p is None else p / 2**14) == want
    assert same > 0.99 * STEPS
