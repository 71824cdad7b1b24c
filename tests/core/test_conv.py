"""Convolutions at their bounds, which are those of a dense layer over several pixels, and each of
their ways against the others."""

from dataclasses import replace

import images
import numpy as np
import pytest
from _tinyprop_numpy import conv as numpy_conv
from _tinyprop_numpy import pool as numpy_pool
from exact import INT_MAX, clamp, exact_round
from images import Layer, dense
from native import CModel, int16

FEW_DELTAS = [1 << 14, 1 << 14, 1 << 14, (1 << 14) - 1]  # the largest sum after the L1 guard
TAPS, FILTERS = 1 << 20, 1  # as how many deltas, so that a convolution goes by taps, by filters
MARGIN = 2  # pixels before a row's sums of a depthwise convolution (TP_MARGIN)
BYTES = {"ranges": images.BYTES}
kinds = pytest.mark.parametrize("kind", ["conv", "depthwise"])
signs = pytest.mark.parametrize("sign", [1, -1])
ways = pytest.mark.parametrize("way", [TAPS, FILTERS])


@pytest.mark.parametrize("height", [1, 9])  # a series, and an image
def test_forward_sum(c, height):
    for kind, units in (("conv", 3), ("depthwise", 0)):
        shape = Layer(kind, units, kernel=(height, 8), activation="relu")
        model = CModel(c, (height, 8, 20), [shape, dense(2)], **BYTES)
        layer = model.layers[0]
        layer.x_frac, layer.w_frac, layer.y_frac = 8, 16, -8
        model.inputs(0)[:] = 255
        model.weights(0)[:] = layer.max_weight
        model.biases(0)[:] = images.MAX_BIAS
        model.call("tp_conv_forward", 0, 0)
        exact = 255 * layer.fan_in * layer.max_weight + (images.MAX_BIAS >> 4)
        margin = MARGIN * layer.out_c if kind == "depthwise" else 0
        z = model.z(margin + layer.out_c)[margin:]
        assert (z == exact).all() and exact < 2**31


@kinds
@signs
@ways
def test_gradient_and_dx(c, kind, sign, way):
    """Pixels whose deltas sum to 65535, all of them over inputs of 255."""
    shape, n = Layer(kind, 1, kernel=(1, 1), activation="relu"), 400
    settings = {"lr_mantissa": 31, "lr_shift": 30, **BYTES}
    model = CModel(c, (1, n, 1), [shape, dense(2)], **settings)
    layer, w = model.layers[0], model.weights(0)
    deltas = np.zeros(n, np.int16)
    deltas[n - 4 :] = int16(4, *FEW_DELTAS) * np.int16(sign)
    for shift in (1, 2, 16, 29, 30):
        # s = lr_shift + frac + x_frac - w_frac
        layer.x_frac, layer.w_frac, layer.max_weight = 8, 0, 32767
        frac = shift - 30 - 8
        for _ in model.extreme_dithers(0):
            model.inputs(0)[:] = 255
            w[:] = 32767 * sign
            dx = model.backward(0, deltas, frac, n_deltas=way)
            product, dither = 255 * 65535 * sign * 31, model.dither(0, shift)
            assert abs(product) + dither <= INT_MAX
            assert w[0, 0] == clamp(32767 * sign + (dither - product >> shift), 32767), shift
            assert dx.tolist() == [32767 * sign * int(d) for d in deltas]


@kinds
@pytest.mark.parametrize("is_signed", [False, True])
@signs
@ways
def test_centred_gradient(c, kind, is_signed, sign, way):
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
            model.backward(0, deltas, frac, want_dx=False, n_deltas=way)
            gradient = (x - u) * sign * 65535
            assert abs(gradient) <= 255 * 65535
            shift = max(30 + frac + 8 - w_frac, 1)
            want = model.dither(0, shift) - gradient * 31 >> shift if shift <= 30 else 0
            assert (w == clamp(want, 32767)).all(), (x, u, w_frac)
            if shift <= 30:
                assert b[0] == bias_step(gradient, u, taps, frac, w_frac), (x, u, w_frac)


def bias_step(gradient, u, taps, frac, w_frac):
    """round(u . gradient) by the rate of 31 2^-30, in steps of a bias, Q.(w_frac+12)."""
    coarse = taps.bit_length() + 2
    along = taps * u * exact_round(gradient, coarse)
    assert abs(along) < 1 << 30
    guard = max(abs(along).bit_length() - 16, 0)
    s = 30 + frac + 2 * 8 - coarse - guard - (w_frac + 12)
    return -clamp(exact_round(exact_round(-along, guard) * 31, s), images.MAX_BIAS - 1)


@ways
def test_the_mean_of_each_channel(c, way):
    """A tap of channel c loses the mean of channel c; a depthwise filter that of its own."""
    random = np.random.default_rng(1)
    x, u = random.integers(0, 256, (3, 4, 5)), random.integers(0, 256, 5)
    for kind, filters in (("conv", 2), ("depthwise", 5)):
        shape = Layer(kind, 2, kernel=(2, 2), activation="relu")
        settings = {"lr_mantissa": 16, "lr_shift": 4, **BYTES}
        model = CModel(c, x.shape, [shape, dense(2)], **settings)
        layer, w = model.layers[0], model.weights(0)
        layer.x_frac, layer.w_frac = 8, 6
        model.inputs(0)[:], model.means(0)[:], w[:] = x.ravel(), u, 0
        delta = random.integers(-9, 10, (2, 3, filters)).astype(np.int16)
        model.backward(0, delta.ravel(), 2, want_dx=False, n_deltas=way)
        windows = np.lib.stride_tricks.sliding_window_view(x - u, (2, 2), (0, 1))
        if kind == "conv":
            dw = np.einsum("yxckl,yxf->klcf", windows, delta).reshape(-1, filters)
        else:
            dw = np.einsum("yxckl,yxc->klc", windows, delta).reshape(-1, filters)
        shift = 4 + 2 + 8 - 6
        want = [model.dither(0, shift) - int(v) * 16 >> shift for v in dw.ravel()]
        assert w.ravel().tolist() == want and any(want)


@signs
def test_dx_of_many_filters(c, sign):
    shape = Layer("conv", 4, kernel=(1, 1), activation="relu")
    model = CModel(c, (1, 1, 2), [shape, dense(2)])
    model.weights(0)[:] = 32767 * sign
    assert model.backward(0, int16(4, *FEW_DELTAS), 14).tolist() == [32767 * sign * 65535] * 2


@kinds
@pytest.mark.parametrize("taps", [1, 4])
@signs
def test_dx_of_many_pixels(c, kind, taps, sign):
    """Four pixels over the same inputs, each of which reads them by another weight."""
    shape = Layer(kind, 1, kernel=(taps, 1), activation="relu", same=1)
    model = CModel(c, (taps, 1, 1), [shape, dense(2)])
    model.weights(0)[:] = 32767 * sign
    deltas = int16(taps, *FEW_DELTAS)
    dx = model.backward(0, deltas, 14)
    reach = np.zeros(taps, int)  # the sum of the deltas that reach each input
    above = (taps - 1) // 2
    for pixel, d in enumerate(deltas.tolist()):
        first = pixel - above
        reach[max(first, 0) : first + taps] += d
    assert reach.max() == (65535 if taps == 4 else 1 << 14) or taps == 4
    assert dx.tolist() == (32767 * sign * reach).tolist()


# ---- each way against an exact one: numpy's, which sums all products at once

SHAPES = {
    "one pixel": ((1, 1, 3), (1, 1), (1, 1), 0),
    "an image": ((7, 6, 3), (3, 2), (1, 1), 0),
    "same": ((7, 6, 3), (3, 2), (1, 1), 1),
    "strides": ((9, 11, 2), (2, 3), (2, 3), 0),
    "strides larger than the kernel": ((9, 8, 2), (2, 1), (4, 3), 1),
    "a kernel larger than the input": ((3, 2, 2), (7, 5), (1, 1), 1),
    "a kernel larger than the input, strides": ((5, 4, 2), (9, 9), (2, 2), 1),
    "a series": ((1, 40, 3), (1, 5), (1, 1), 0),
    "a series, strides": ((1, 40, 3), (1, 5), (1, 3), 1),
    "a series under a kernel of 3 rows": ((1, 9, 2), (3, 4), (1, 1), 1),
    "a column": ((30, 1, 2), (4, 3), (1, 1), 1),
    "blocks of rows": ((20, 30, 1), (2, 2), (1, 1), 0),
    "rows of more than a block": ((3, 600, 1), (2, 3), (1, 1), 1),
    "a kernel of 255 columns": ((2, 300, 1), (1, 255), (1, 1), 1),
}


def random_layer(c, shape, kind, units, activation="relu", maximum=None, signed=False, seed=1):
    """A convolution, its twin, and inputs, outputs and means in both."""
    size, kernel, stride, same = SHAPES[shape]
    layers = [Layer(kind, units, kernel, stride, same, activation)]
    layers += [Layer("maxpool", kernel=maximum)] if maximum else []
    ranges = [(-1 if signed else 0, 255)], []
    model = CModel(c, size, [*layers, dense(2)], lr_mantissa=31, lr_shift=20, ranges=ranges)
    layer, twin, random = model.layers[0], model.twin.layers[0], np.random.default_rng(seed)
    x = random.integers(-127 if signed else 0, 128 if signed else 256, layer.n_in)
    x *= random.integers(0, 3, layer.n_in) > 0
    model.inputs(0)[:], twin.inputs = x, x
    layer.x_frac = twin.x_frac = 8
    model.means(0)[:] = random.integers(-99 if signed else 0, 100, layer.in_c)
    model.weights(0)[:] = random.integers(-9000, 9001, model.weights(0).shape)
    return model, random


def outcome(model):
    return model.weights(0).tolist(), model.biases(0).tolist(), model.head.n_clamped


@kinds
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("units", [1, 3, 8, 11])
@pytest.mark.parametrize("is_signed", [False, True])
def test_few_and_many_deltas_give_the_same_bits(c, shape, kind, units, is_signed):
    """By taps, by filters, and as numpy has it; so for any weight of a delta, and for none."""
    if kind == "depthwise" and units > 3:
        return
    model, random = random_layer(c, shape, kind, units, signed=is_signed)
    n = model.layers[0].n_out
    sparse = random.integers(-3000, 3001, n) * (random.random(n) < 0.1)
    small = random.integers(-3, 4, n)
    one = np.zeros(n, int)
    one[-1] = -16384
    before = bytes(model.buffer)
    for deltas in (sparse, small, one):
        if np.abs(deltas).sum() > 65535:
            deltas = deltas // (np.abs(deltas).sum() // 65535 + 1)
        results = []
        for way in (TAPS, FILTERS, None):
            model.buffer[:] = before
            if way is None:
                dx = numpy_conv.backward(model.twin, model.twin.layers[0], deltas, 14, True)
            else:
                dx = model.backward(0, deltas.astype(np.int16), 14, n_deltas=way)
            results.append((dx.tolist(), *outcome(model)))
        assert results[0] == results[2], "by taps"
        assert results[1] == results[2], "by filters"


@kinds
@pytest.mark.parametrize("maximum", [(2, 2), (1, 3), (3, 1), (0, 0)])
@pytest.mark.parametrize("shape", ["an image", "same", "strides", "a series, strides"])
def test_deltas_below_a_maximum(c, shape, kind, maximum):
    """Each delta of a window is that of its first largest pixel."""
    if shape == "a series, strides":
        maximum = (1, max(maximum)) if any(maximum) else maximum
    model, random = random_layer(c, shape, kind, 4, maximum=maximum, activation="linear")
    model.layers[0].y_frac = 0  # so that many outputs are alike
    twin, pool = model.twin.layers[0], model.twin.layers[1]
    model.call("tp_conv_forward", 0, 0)
    z = numpy_conv.forward(model.twin, twin)
    s = twin.x_frac + twin.state.w_frac
    pool.inputs = np.clip(z.ravel() + (1 << s - 1) >> s, -127, 127)
    assert model.outputs(1).tolist() == numpy_pool.forward(model.twin, pool).tolist()
    deltas = random.integers(-200, 201, pool.n_out)
    before = bytes(model.buffer)
    dx = model.backward(0, deltas.astype(np.int16), 14)
    results = [(dx.tolist(), *outcome(model))]
    model.buffer[:] = before
    placed = numpy_pool.at_largest(pool, deltas)
    dx = numpy_conv.backward(model.twin, twin, placed, 14, True)
    results.append((dx.tolist(), *outcome(model)))
    assert results[0] == results[1]


def test_a_product_counts_for_each_delta_that_is_not_0(c):
    model, random = random_layer(c, "an image", "conv", 3)
    n = model.layers[0].n_out
    for n_deltas in (1, 7, n):
        deltas = int16(n, 1)
        deltas[n_deltas:] = 0
        for want_dx in (False, True):
            before = model.head.macs_done
            model.backward(0, deltas, 14, want_dx)
            assert model.head.macs_done - before == n_deltas * 18 * (1 + want_dx)


# ---- in place: dx are written over the inputs, so the step comes first, and dx are by a copy

PLACES = {
    "conv": [Layer("conv", 4, (1, 1), activation="relu"), Layer("conv", 2, (2, 2))],
    "depthwise": [Layer("conv", 9, (1, 1), activation="relu"), Layer("depthwise", 0, (3, 3))],
    "strides": [Layer("conv", 9, (1, 1)), Layer("depthwise", 0, (3, 3), (2, 2))],
    "a maximum between": [
        Layer("depthwise", 0, (2, 2), activation="relu"),
        Layer("maxpool", kernel=(1, 1)),
        Layer("conv", 3, (1, 2)),
    ],
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("trainable", [0, 1])
def test_in_place_and_apart(c, name, trainable):
    """The same dx, and the same step."""
    *below, layer = PLACES[name]
    layers = [*below, replace(layer, trainable=trainable), dense(2)]
    model = CModel(c, (9, 8, 3), layers, lr_mantissa=31, lr_shift=12, **BYTES)
    at, results, random = len(below), [], np.random.default_rng(1)
    layer = model.layers[at]
    assert layer.in_place
    layer.x_frac = 8
    model.inputs(at)[:] = random.integers(0, 256 >> layer.x_signed, layer.n_in)
    deltas = random.integers(-90, 91, layer.n_out).astype(np.int16)
    before = bytes(model.buffer)
    for in_place in (1, 0):
        model.buffer[:] = before
        layer.in_place = in_place
        dx = model.backward(at, deltas, 14)
        results.append((dx.tolist(), images.saved(model.buffer)))
    assert results[0] == results[1] and any(results[0][0])
    moved = (model.weights(at) != images.Image(bytearray(before)).weights(at)).any()
    assert moved == bool(trainable)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("activation, in_place", [("relu", 1), ("tanh", 0), ("linear", 1)])
@pytest.mark.parametrize("share", [1 << 15, 1 << 11])  # all deltas, and few of them
def test_steps_in_place_and_apart(name, activation, in_place, share):
    """Outputs stay if they are needed until all deltas are made, for slopes; else these are
    written over them. As numpy has it."""
    first, *rest = PLACES[name]
    layers = [replace(first, activation=activation), *rest, dense(3)]
    settings = {"lr_shift": 6, "policy": "topk", "s_min": share, "s_max": share, **BYTES}
    buffers = []
    for backend in images.BACKENDS.values():
        random = np.random.default_rng(2)
        buffer = images.build(backend, (9, 8, 3), layers, **settings)
        for _ in range(12):
            x = random.integers(0, 256, 216).astype(np.uint8)
            backend.learn(buffer, bytearray(x.tobytes()), 1)
        buffers.append(buffer)
    assert images.Image(buffers[0]).layers[len(rest)].in_place == in_place
    assert images.saved(buffers[0]) == images.saved(buffers[1]), images.difference(*buffers)


@pytest.mark.parametrize("units, in_place", [(4, 1), (5, 0)])
def test_in_place_if_a_copy_of_the_weights_is_no_larger_than_the_inputs(c, units, in_place):
    layers = [Layer("conv", 4, (1, 1), activation="relu"), Layer("conv", units, (3, 3)), dense(2)]
    model = CModel(c, (9, 8, 1), layers)
    assert (2 * model.weights(1).size <= model.layers[1].n_in) == in_place
    assert model.layers[1].in_place == in_place
    assert not model.layers[0].in_place  # it has no dx, so it needs no copy
