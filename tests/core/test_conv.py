"""Convolutions at their bounds, which are those of a dense layer over several pixels."""

import images
import numpy as np
import pytest
from exact import clamp, exact_round
from images import Layer, dense
from native import CModel, int16

FEW_DELTAS = [1 << 14, 1 << 14, 1 << 14, (1 << 14) - 1]  # the largest sum after the L1 guard


def test_forward_sum(c):
    for kind, units in (("conv", 3), ("depthwise", 0)):
        shape = Layer(kind, units, kernel=(9, 8), activation="relu")
        model = CModel(c, (9, 8, 20), [shape, dense(2)])
        layer = model.layers[0]
        layer.x_frac, layer.w_frac, layer.y_frac = 8, 16, -8
        model.inputs(0)[:] = 255
        model.weights(0)[:] = layer.max_weight
        model.biases(0)[:] = images.MAX_BIAS
        model.call("tp_conv_forward", 0, 0)
        exact = 255 * layer.fan_in * layer.max_weight + (images.MAX_BIAS >> 4)
        assert (model.sums(layer.out_c) == exact).all() and exact < 2**31


@pytest.mark.parametrize("kind", ["conv", "depthwise"])
@pytest.mark.parametrize("sign", [1, -1])
def test_gradient_and_dx(c, kind, sign):
    """Four pixels whose deltas sum to 65535, all of them over inputs of 255."""
    shape = Layer(kind, 1, kernel=(1, 1), activation="relu")
    model = CModel(c, (1, 4, 1), [shape, dense(2)], lr_mantissa=31, lr_shift=30)
    layer, w = model.layers[0], model.weights(0)
    deltas = int16(4, *FEW_DELTAS) * np.int16(sign)
    for shift in (1, 2, 16, 30, 31):
        # s = lr_shift + frac + x_frac - w_frac
        layer.x_frac, layer.w_frac, layer.max_weight = 8, 0, 32767
        frac = shift - 30 - 8
        model.inputs(0)[:] = 255
        w[:] = 32767 * sign
        dx = np.zeros(4, np.int32)
        model.call("tp_conv_backward", 0, deltas, 0, frac, dx)
        step = exact_round(255 * 65535 * sign * 31, shift)
        assert w[0, 0] == clamp(32767 * sign - step, 32767), shift
        assert dx.tolist() == [32767 * sign * int(d) for d in deltas]


@pytest.mark.parametrize("sign", [1, -1])
def test_dx_of_many_filters(c, sign):
    shape = Layer("conv", 4, kernel=(1, 1), activation="relu")
    model = CModel(c, (1, 1, 2), [shape, dense(2)])
    model.weights(0)[:] = 32767 * sign
    dx = np.zeros(2, np.int32)
    model.call("tp_conv_backward", 0, int16(4, *FEW_DELTAS), 0, 14, dx)
    assert dx.tolist() == [32767 * sign * 65535] * 2
