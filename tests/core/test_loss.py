"""Softmax, crossentropy and mse at their limits."""

import ctypes

import images
import numpy as np
import pytest
from _tinyprop_numpy import loss
from exact import INT_MAX, INT_MIN, MAX_VALUES
from images import dense
from native import CModel


def crossentropy(c, model, z, target):
    """(deltas, loss, probability of the target) from the sums of the output layer."""
    z, p_target = np.array(z, np.int32), ctypes.c_int32()
    value = model.call("tp_crossentropy", None, z, target, ctypes.byref(p_target))
    return z.view(np.int16)[: len(z)].tolist(), value, p_target.value


def twins_crossentropy(model, z, target):
    twin = images.Image(model.buffer).twin
    twin.output.x_frac = model.layers[-1].x_frac
    deltas, value, p_target = loss.crossentropy(twin, np.array(z), target)
    return deltas.tolist(), value, p_target


@pytest.mark.parametrize("n", [1, 2, 3, 10, 255, 32767, 32768, 32769, MAX_VALUES])
def test_softmax_of_equal_scores(c, n):
    """With 32769 classes and more, the sum of the exponentials has 32 bits."""
    model = CModel(c, (1, 1, 1), [dense(n)])
    model.layers[0].x_frac, model.layers[0].w_frac = 8, 8
    z = [123456] * n
    deltas, value, p = crossentropy(c, model, z, n - 1)
    assert (deltas, value, p) == twins_crossentropy(model, z, n - 1)
    # Probabilities are 1/n within 2^-14 of themselves, and then rounded. The loss is ln n, from
    # logarithms of n * 65535 / 65536 rounded to 2^-12 (table, line, 2839 for each of 16 powers).
    assert abs(p - 2**14 / n) <= 0.5 + 2**14 / n * 2**-14
    bound = (0.5 + 0.5 + 16 * 0.2 + 0.25) / 2**12 + 2**-16 + 2**-14
    assert abs(value / 2**24 - np.log(n)) <= bound


def test_softmax_of_the_most_different_scores(c):
    model = CModel(c, (1, 1, 1), [dense(3)])
    for frac in (0, 12, 24):
        x_frac = frac - 16 if frac > 8 else 0
        model.layers[0].x_frac, model.layers[0].w_frac = x_frac, frac - x_frac
        for target in range(3):
            z = [INT_MIN, 0, INT_MAX]
            got = crossentropy(c, model, z, target)
            assert got == twins_crossentropy(model, z, target)
            assert max(map(abs, got[0])) <= 1 << 14


@pytest.mark.parametrize("n", [1, 3, MAX_VALUES])
@pytest.mark.parametrize("sign", [1, -1])
def test_mse_at_both_ends(n, sign):
    """Outputs at one end, targets at the other: (32767 + 32767)^2 in each."""
    both = []
    for backend in images.BACKENDS.values():
        buffer = images.build(
            images.BACKENDS["c"], (1, 1, 1), [dense(n)], "mse", ranges=([(-1, 1)],) * 2
        )
        model = images.Image(buffer)
        model.layers[0].w_frac = 2
        model.biases(0)[:] = sign * images.MAX_BIAS
        model.weights(0)[:] = 0
        x, y = np.zeros(1, np.float32), np.full(n, -sign * 100, np.float32)
        assert backend.run(buffer, x, y, 1, 0, 1, True) == 1
        exact = 65534**2 / 2**28
        assert abs(model.head.loss_sum / 2**24 - exact) <= exact * 2**-15
        assert model.head.n_clipped == n
        both.append(images.saved(buffer))
    assert both[0] == both[1]
