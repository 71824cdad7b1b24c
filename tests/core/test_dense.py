"""Dense layers at the bounds that the core's comments claim, against exact integers.

The functions are called with the largest operands that their contracts allow. Where a bound is
tight, a test also shows that one more would overflow.
"""

import itertools

import images
import numpy as np
import pytest
from _tinyprop_numpy import centre
from _tinyprop_numpy import dense as numpy_dense
from _tinyprop_numpy import format as fmt
from exact import INT_MAX, INT_MIN, MAX_VALUES, clamp, exact_round
from images import Layer, dense
from native import CModel, int16

BIG_LAYERS = (1, 2, 3, 64, 65, 784, 1152, 3072, 8421, 32768, MAX_VALUES)

# ---- forward: |sum| <= bias + x_max * fan_in * max_weight + 16383 * 32767 < 2^31


@pytest.mark.parametrize("n", BIG_LAYERS)
@pytest.mark.parametrize("loss", fmt.LOSS_NAMES)
def test_forward_sum(c, n, loss):
    ranges = [(0, 255)], [(0, 1)] * (loss == "mse")
    model = CModel(c, (1, 1, n), [dense(1)], loss, ranges=ranges)
    layer = model.layers[0]
    bits = model.twin.bits
    x_max, spare = (2047, 1 << 29) if bits == 12 else (255, 1 << 27)
    layer.x_frac, layer.w_frac = 10 if bits == 12 else 8, 16
    mean = 127 if bits == 12 else 255
    model.means(0)[:] = mean
    layer.mean_shift = (mean * x_max * n).bit_length() - 15  # the dot product is at its bound
    slopes = centre.MAX_DOT * centre.MAX_SLOPE
    z = np.zeros(1, np.int32)
    for sign in (1, -1):
        model.weights(0)[:] = sign * layer.max_weight
        model.slopes(0)[:] = sign * centre.MAX_SLOPE
        model.biases(0)[:] = sign * images.MAX_BIAS
        model.list_inputs(0, x_max)
        model.call("tp_dense_forward", 0, z)
        bias = images.MAX_BIAS >> (12 - layer.x_frac)
        exact = sign * (x_max * n * layer.max_weight + bias + slopes)
        assert z[0] == exact and bias <= spare // 2
        assert abs(exact) <= INT_MAX - spare // 2
    # With one more the sum could reach into what is reserved for bias and slopes.
    room = INT_MAX - spare - (1 << 29)
    assert layer.max_weight == 32767 or x_max * n * (layer.max_weight + 1) > room


@pytest.mark.parametrize("x_frac", range(-8, 13))
def test_start_of_sums(c, x_frac):
    """A sum starts from its bias, within half of what is reserved for it; from one beyond its
    bound, as a damaged image may have it, too."""
    for loss, bits in (("crossentropy", 26), ("mse", 28)):
        model = CModel(c, (1, 1, 4), [dense(6)], loss)
        model.layers[0].x_frac = x_frac
        biases = [INT_MIN, -images.MAX_BIAS, -1, 1, images.MAX_BIAS, INT_MAX]
        model.biases(0)[:] = biases
        z = np.zeros(6, np.int32)
        model.call("tp_start_sums", 0, z)
        want = [exact_round(b, 12 - x_frac) for b in biases]
        assert 12 - x_frac < 30 - bits or all(abs(z) <= 1 << bits for z in want[1:-1])
        if 12 - x_frac < 30 - bits:
            want = [clamp(z, 1 << bits) for z in want]
        model.twin.layers[0].x_frac = x_frac
        twins = numpy_dense.start_of_sums(model.twin, model.twin.layers[0])
        assert z.tolist() == twins.tolist() == want


# ---- backward: sum |delta| <= 49150 (L1 guard); up to 65535 would do without slopes

FULL_DELTAS = {
    "few": [1 << 14, 1 << 14, 1 << 14, (1 << 14) - 1],
    "many": [1] * MAX_VALUES,
}


@pytest.mark.parametrize("deltas", FULL_DELTAS)
@pytest.mark.parametrize("trainable", [0, 1])
def test_dx(c, deltas, trainable):
    d = np.array(FULL_DELTAS[deltas], np.int16)
    model = CModel(c, (1, 1, 3), [dense(3), dense(len(d), trainable=trainable)])
    layer, w = model.layers[1], model.weights(1)
    layer.x_frac, layer.w_frac, layer.max_weight = 8, 0, 32767
    w[0], w[1], w[2] = 32767, -32767, 1
    model.list_inputs(1, [255, 255, 0])
    dx, total = model.backward(1, d, 14), int(d.astype(int).sum())
    assert total in (65534, 65535)
    assert dx.tolist() == [32767 * total, -32767 * total, total]


@pytest.mark.parametrize(
    "x, d, loss",
    [(255, 1 << 14, "crossentropy"), (2047, 1 << 13, "mse"), (4095, 1 << 13, "mse")],
)
def test_step_of_a_weight(c, x, d, loss):
    model = one_weight(c, loss)
    for shift in (1, 2, 17, 29, 30):
        for sign_x, sign_d in itertools.product((1, -1), repeat=2):
            for _ in model.extreme_dithers(0):
                model.weights(0)[:] = 5
                model.list_inputs(0, [sign_x * x])
                model.backward(0, int16(1, sign_d * d), shift - 38, want_dx=False)
                product, dither = sign_x * x * sign_d * d * 31, model.dither(0, shift)
                assert abs(product) + dither <= INT_MAX
                want = clamp(5 + (dither - product >> shift), 32767)
                assert model.weights(0)[0, 0] == want, (shift, sign_x, sign_d)


@pytest.mark.parametrize("sign", [1, -1])
def test_dx_with_slopes(c, sign):
    """32767 * 49150, and 255 times the most that slopes add: below 2^31."""
    deltas = np.full(49150, 1, np.int16)
    model = CModel(c, (1, 1, 3), [dense(3, "relu"), dense(len(deltas), trainable=0)])
    model.weights(1)[:], model.slopes(1)[:] = 32767 * sign, 32767 * sign
    model.means(1)[:] = [255, 1, 0]
    model.list_inputs(1, [255, 255, 255])
    dx = model.backward(1, deltas, 14)
    of_slopes = np.array([255, 1, 0]) * centre.MAX_SLOPE_DX
    assert dx.tolist() == (sign * (32767 * 49150 + of_slopes)).tolist()
    assert np.abs(dx.astype(int)).max() <= INT_MAX


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n", [3, 259])  # one piece, and two
def test_dx_with_slopes_above_a_map(c, sign, n):
    """The same bound, where all inputs of a channel have one mean."""
    deltas = int16(1000, *[49] * 19, 52)
    deltas[0] += 49150 - deltas.sum()
    layers = [Layer("conv", 1, (1, 1), activation="relu"), dense(1000, trainable=0)]
    model = CModel(c, (1, n, 1), layers)
    model.weights(1)[:], model.slopes(1)[:], model.means(1)[:] = 32767 * sign, 32767 * sign, 255
    model.inputs(1)[:] = 255
    dx = model.backward(1, deltas, 14)
    want = sign * (32767 * 49150 + 255 * centre.MAX_SLOPE_DX)
    assert dx.tolist() == [want] * n and abs(want) <= INT_MAX


@pytest.mark.parametrize("shape", [(1, 2, 1), (1, 1000, 3), (2, 32767, 1), (40, 40, 7)])
@pytest.mark.parametrize("sign", [1, -1])
def test_forward_sum_above_a_map(c, shape, sign):
    layers = [Layer("avgpool", kernel=(1, 1)), dense(1)]
    model = CModel(c, shape, layers, ranges=images.BYTES)
    layer = model.layers[1]
    layer.x_frac, layer.w_frac = 8, 16
    model.inputs(1)[:], model.means(1)[:] = 255, 255
    layer.mean_shift = max((255 * 255 * layer.n_in).bit_length() - 14, 0)
    model.weights(1)[:] = sign * layer.max_weight
    model.slopes(1)[:], model.biases(1)[:] = sign * centre.MAX_SLOPE, sign * images.MAX_BIAS
    z = np.zeros(1, np.int32)
    model.call("tp_dense_forward", 1, z)
    dot = min(exact_round(255 * 255 * layer.n_in, layer.mean_shift), centre.MAX_DOT)
    exact = 255 * layer.n_in * layer.max_weight + (images.MAX_BIAS >> 4) + dot * centre.MAX_SLOPE
    assert z[0] == sign * exact and exact < 2**31
    assert layer.n_nonzero == layer.n_in


def one_weight(c, loss="crossentropy", layers=1):
    """A step of a weight is its gradient * 31 >> (38 + frac), where deltas are Q.frac."""
    settings = {"lr_mantissa": 31, "lr_shift": 30}
    model = CModel(c, (1, 1, 1), [dense(1)] * layers, loss, **settings)
    for layer in model.layers:
        layer.x_frac, layer.w_frac, layer.max_weight = 8, 0, 32767
    return model


def test_a_step_of_more_than_30_bits_is_none(c):
    model = one_weight(c)
    for _ in model.extreme_dithers(0):
        for d in (1 << 14, -(1 << 14)):
            model.weights(0)[:] = 5
            model.list_inputs(0, [255])
            model.backward(0, int16(1, d), 31 - 38, want_dx=False)
            assert model.weights(0)[0, 0] == 5


# ---- headroom: weights are not compared with their bound if none can reach it


@pytest.mark.parametrize("layer", [0, 1])  # 1: deltas go down to the layer below
@pytest.mark.parametrize(
    "magnitude, shift",
    [(1, 1), (1, 30), (1000, 8), ((1 << 14) - 1, 12), *((1 << 14, s) for s in (12, 17, 24, 30))],
)
def test_a_step_of_all_the_headroom_there_is(c, layer, magnitude, shift):
    """The largest step brings a weight to its bound and no further."""
    model, gradient = one_weight(c, layers=2), 255 * magnitude * 31
    w, headroom, steps = model.weights(layer), (gradient >> shift) + 1, set()
    for sign in (1, -1):
        for _ in model.extreme_dithers(layer):
            step = (model.dither(layer, shift) + sign * gradient >> shift) * sign
            steps.add(step)
            for spare, start in ((0, headroom), (-1, step), (-1, step // 2)):
                model.layers[layer].headroom, model.head.n_clamped = headroom + spare, 0
                w[:] = sign * (32767 - start)
                model.list_inputs(layer, [255])
                model.backward(layer, int16(1, -sign * magnitude), shift - 38, want_dx=layer > 0)
                moved = 32767 - start + step
                assert moved <= 32767 or spare == -1
                assert w[0, 0] == sign * min(32767, moved), (sign, spare)
                assert model.layers[layer].headroom == 0
                assert model.head.n_clamped == (moved > 32767)
    assert max(steps) == headroom - (gradient % (1 << shift) == 0) or gradient < 1 << shift >> 9


def test_where_there_is_headroom_no_weight_is_compared(c):
    """A wrong headroom in the image lets a weight pass its bound, which shows it."""
    for layer in (0, 1):
        model = one_weight(c, layers=2)
        model.layers[layer].max_weight, model.layers[layer].headroom = 10000, 5000
        w = model.weights(layer)
        w[:] = 9999
        model.list_inputs(layer, [255])
        model.backward(layer, int16(1, -(1 << 14)), 16 - 38, want_dx=layer > 0)
        gradient = 255 * 31 << 14
        assert w[0, 0] == 9999 + (model.dither(layer, 16) + gradient >> 16)
        assert model.layers[layer].headroom == 5000 - (gradient >> 16) - 1


def test_headroom_is_looked_for_once():
    """In the first call that learns, even from no sample; after that it is only updated."""
    buffer = images.build(images.BACKENDS["c"], (1, 1, 1), [dense(1)], ranges=images.BYTES)
    model = images.Image(buffer)
    layer = model.layers[0]
    model.weights(0)[:] = 30000
    nothing = bytes(0)
    for weight, known in ((30000, 0), (20000, 1)):
        assert layer.headroom_known == known
        model.weights(0)[:] = weight
        assert images.BACKENDS["c"].run(buffer, nothing, nothing, 0, 0, 0, True) == 0
        assert layer.headroom == layer.max_weight - 30000
