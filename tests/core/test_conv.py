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
        assert (model.z(layer.out_c) == exact).all() and exact < 2**31


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


@pytest.mark.parametrize("kind", ["conv", "depthwise"])
@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_centred_gradient(c, kind, is_signed, sign):
    """|sum (x - u) delta| is at most 255 * 65535, and what the bias gets of it below 2^30: with
    inputs at one end and means at the other, over four pixels and the largest kernel."""
    height, width, channels = (255, 254, 1) if kind == "depthwise" else (8, 8, 16)
    shape = Layer(kind, 1, kernel=(height, width), activation="relu")
    ranges = [(-1 if is_signed else 0, 255)], []
    settings = {"lr_mantissa": 31, "lr_shift": 30, "ranges": ranges}
    model = CModel(c, (height + 1, width + 1, channels), [shape, dense(2)], **settings)
    layer, w, b = model.layers[0], model.weights(0), model.biases(0)
    ends = (127, -127) if is_signed else (255, 0)
    taps = layer.fan_in
    for x, u in (ends, ends[::-1]):
        for w_frac, frac in ((0, -37), (8, 1), (16, 4), (16, 9), (0, 14)):
            layer.x_frac, layer.w_frac, layer.max_weight = 8, w_frac, 32767
            model.inputs(0)[:], model.means(0)[:] = x, u
            w[:], b[:] = 0, 0
            deltas = int16(4, *FEW_DELTAS) * np.int16(sign)
            model.call("tp_conv_backward", 0, deltas, 0, frac, None)
            gradient = (x - u) * sign * 65535
            assert abs(gradient) <= 255 * 65535
            shift = 30 + frac + 8 - w_frac
            want = -exact_round(gradient * 31, max(shift, 1)) if shift <= 31 else 0
            assert (w == clamp(want, 32767)).all(), (x, u, w_frac)
            if shift <= 31:
                assert b[0] == bias_step(gradient, u, taps, frac, w_frac), (x, u, w_frac)


def bias_step(gradient, u, taps, frac, w_frac):
    """round(u . gradient) by the rate of 31 2^-30, in steps of a bias, Q.(w_frac+12)."""
    coarse = taps.bit_length() + 2
    along = taps * u * exact_round(gradient, coarse)
    assert abs(along) < 1 << 30
    guard = max(abs(along).bit_length() - 16, 0)
    s = 30 + frac + 2 * 8 - coarse - guard - (w_frac + 12)
    return -clamp(exact_round(exact_round(-along, guard) * 31, s), images.MAX_BIAS - 1)


def test_the_mean_of_each_channel(c):
    """A tap of channel c loses the mean of channel c; a depthwise filter that of its own."""
    random = np.random.default_rng(1)
    x, u = random.integers(0, 256, (3, 4, 5)), random.integers(0, 256, 5)
    for kind, filters in (("conv", 2), ("depthwise", 5)):
        shape = Layer(kind, 2, kernel=(2, 2), activation="relu")
        settings = {"lr_mantissa": 16, "lr_shift": 4, "ranges": images.BYTES}
        model = CModel(c, x.shape, [shape, dense(2)], **settings)
        layer, w = model.layers[0], model.weights(0)
        layer.x_frac, layer.w_frac = 8, 6
        model.inputs(0)[:], model.means(0)[:], w[:] = x.ravel(), u, 0
        delta = random.integers(-9, 10, (2, 3, filters)).astype(np.int16)
        model.call("tp_conv_backward", 0, delta.ravel(), 0, 2, None)
        windows = np.lib.stride_tricks.sliding_window_view(x - u, (2, 2), (0, 1))
        if kind == "conv":
            dw = np.einsum("yxckl,yxf->klcf", windows, delta).reshape(-1, filters)
        else:
            dw = np.einsum("yxckl,yxc->klc", windows, delta).reshape(-1, filters)
        want = [exact_round(-int(v) * 16, 4 + 2 + 8 - 6) for v in dw.ravel()]
        got = w.ravel().astype(int)
        assert np.abs(got - want).max() <= 1 and got.any()  # halves are rounded the other way


@pytest.mark.parametrize("sign", [1, -1])
def test_dx_of_many_filters(c, sign):
    shape = Layer("conv", 4, kernel=(1, 1), activation="relu")
    model = CModel(c, (1, 1, 2), [shape, dense(2)])
    model.weights(0)[:] = 32767 * sign
    dx = np.zeros(2, np.int32)
    model.call("tp_conv_backward", 0, int16(4, *FEW_DELTAS), 0, 14, dx)
    assert dx.tolist() == [32767 * sign * 65535] * 2
