"""Means, slopes and energies of a layer's inputs: at their bounds, against exact numbers, and
against the numpy twin.

test_gradients.py compares a step that is centred with finite differences; test_conv.py has what
convolutions do with means.
"""

import ctypes

import images
import numpy as np
import pytest
from _tinyprop_numpy import centre
from _tinyprop_numpy import dense as numpy_dense
from exact import INT_MAX, MAX_VALUES, clamp, exact_round
from headers import TYPES
from images import Layer, dense
from native import CModel

SIZE = ctypes.c_size_t
UNSIGNED, SIGNED = images.BYTES, ([(-1, 1)], [])


def dense_model(c, n_in, n_out, ranges=UNSIGNED, loss="crossentropy", **settings):
    """A model of a single dense layer; its inputs may be negative with SIGNED ranges, and are of
    12 bits with mse."""
    ranges = ranges[0], [(-1, 1)] * (loss == "mse")
    model = CModel(c, (1, 1, n_in), [dense(n_out)], loss, ranges=ranges, **settings)
    model.layers[0].x_frac = {8: 7 if ranges[0] == SIGNED[0] else 8, 12: 10}[model.twin.bits]
    return model


def give_means(model, layer, means, n_summed=1):
    """Means, and all that follows from them, by the twin."""
    twin = model.twin.layers[layer]
    twin.state.n_summed = n_summed
    twin.sums[:] = np.array(means) * n_summed
    centre.recentre(model.twin, twin)
    assert twin.means.tolist() == list(means)


def survey(model, layer, x, trained=1):
    """The inputs of a sample that is trained on, and their survey, in both backends. The twin has
    an image of its own, which is compared."""
    image = images.Image(bytearray(model.buffer))
    of_numpy, twin = image.twin, image.twin.layers[layer]
    model.head.trained = of_numpy.state.trained = trained
    x = np.array(x)
    twin.inputs, twin.x_frac = x, model.layers[layer].x_frac
    twin.dot = centre.dot(twin, x.reshape(-1, twin.n_means).sum(axis=0))
    centre.survey(of_numpy, twin)
    if twin.kind == images.number("dense"):
        model.list_inputs(layer, x)
    else:
        model.inputs(layer)[:] = x
    model.call("tp_survey", layer)
    assert images.saved(model.buffer) == images.saved(image.bytes)
    assert ctypes.c_uint32(twin.dot).value == model.layers[layer].dot


# ---- the same function, whatever the means


def forward(model):
    z = np.zeros(model.n_out, np.int32)
    model.call("tp_dense_forward", 0, z)
    return z


@pytest.mark.parametrize("ranges", [UNSIGNED, SIGNED])
@pytest.mark.parametrize("loss", ["crossentropy", "mse"])
def test_forward_is_w_x_plus_b(c, ranges, loss):
    """With W = V + s u' 2^-a; the dot product u.x 2^-a is rounded to 1 and multiplied by s."""
    random = np.random.default_rng(1)
    for n in (1, 7, 40):
        model = dense_model(c, n, 5, ranges, loss)
        signed = model.twin.layers[0].x_signed
        x_max = (1 << model.twin.bits - signed) - 1
        top = 127 if signed else 255
        give_means(model, 0, random.integers(-top * signed, top + 1, n))
        v, s = model.weights(0), model.slopes(0)
        v[:] = random.integers(-5000, 5001, v.shape)
        s[:] = random.integers(-16383, 16384, 5)
        model.biases(0)[:] = random.integers(-(2**24), 2**24, 5)
        w = v + np.outer(model.means(0), s.astype(float)) * 2.0 ** -model.layers[0].mean_shift
        bias = model.biases(0) * 2.0 ** (model.layers[0].x_frac - 12)
        for _ in range(9):
            x = random.integers(-x_max * signed, x_max + 1, n) * random.integers(0, 2, n)
            model.list_inputs(0, x)
            want = x @ w + bias
            assert (np.abs(forward(model) - want) <= np.abs(s) / 2 + 0.5).all()
            twin = model.twin.layers[0]
            twin.inputs, twin.x_frac = x, model.layers[0].x_frac
            assert forward(model).tolist() == numpy_dense.forward(model.twin, twin).tolist()
            assert twin.dot % 2**32 == model.layers[0].dot


@pytest.mark.parametrize("ranges", [UNSIGNED, SIGNED])
def test_slopes_move_into_the_weights(c, ranges):
    """W = V + s u' 2^-a stays as it is, to half a unit; beyond the bound weights are clamped."""
    random = np.random.default_rng(2)
    n, model = 30, dense_model(c, 30, 4, ranges)
    top = 127 if ranges is SIGNED else 255
    low = -top if ranges is SIGNED else 0
    give_means(model, 0, random.integers(low, top + 1, n))
    v, s = model.weights(0), model.slopes(0)
    v[:], s[:] = random.integers(-3000, 3001, v.shape), random.integers(-9000, 9001, 4)
    v[0], model.layers[0].headroom = model.layers[0].max_weight, 5
    w = v + np.outer(model.means(0), s.astype(float)) * 2.0 ** -model.layers[0].mean_shift
    survey(model, 0, random.integers(low, top + 1, n))  # the second sample: the means move
    assert not s.any() and model.layers[0].n_summed == 2
    assert (np.abs(v - np.clip(w, -32767, 32767)) <= 0.5).all()
    n_beyond = (np.rint(np.abs(w)) > model.layers[0].max_weight).sum()
    assert model.head.n_clamped == n_beyond > 0
    layer = model.layers[0]
    assert layer.headroom == layer.max_weight - np.abs(v.astype(int)).max()


# ---- bounds


@pytest.mark.parametrize("n", [1, 2, 64, 1000, MAX_VALUES])
@pytest.mark.parametrize("ranges", [UNSIGNED, SIGNED])
@pytest.mark.parametrize("loss", ["crossentropy", "mse"])
def test_the_dot_product_at_its_bound(c, n, ranges, loss):
    """|u.x| 2^-a <= 16383 with all inputs and means at their ends, and a is the least."""
    if loss == "mse" and n > 64:
        return
    model = dense_model(c, n, 1, ranges, loss)
    layer, signed = model.layers[0], model.twin.layers[0].x_signed
    x_max = (1 << model.twin.bits - signed) - 1
    step = TYPES["tp_step_t"](16, 20, 32767, 0)
    for mean in (127 if signed else 255, 100, 1, 0):
        give_means(model, 0, [mean] * n)
        a, largest = layer.mean_shift, mean * x_max * n
        assert largest < 2**32
        assert largest < 16383 << a and (a == 0 or largest >= 16383 << (a - 1))
        for sign in (1, -1) if signed else (1,):
            model.list_inputs(0, sign * x_max)
            assert layer.dot == sign * largest % 2**32
            scaled = exact_round(sign * largest, a)
            assert abs(scaled) <= 16383
            model.weights(0)[:], model.slopes(0)[:], model.biases(0)[:] = 0, 32767, 0
            assert forward(model)[0] == 32767 * scaled
            # u.(x - u) has 12 bits; times the largest delta and mantissa it is below 2^31.
            norm = exact_round(layer.norm << model.twin.bits - 8, a)
            ahead = exact_round(scaled - norm, 3)
            assert abs(ahead) <= 4096 and abs(ahead) * 31 << 14 <= INT_MAX
            step.shift = 20
            deltas = np.array([1 << 14], np.int16)
            model.slopes(0)[:] = 0
            model.call("tp_move_slopes", 0, deltas, step)
            unit = model.twin.bits - 8
            want = exact_round((ahead * 16) << 14, 20 - a - unit + layer.x_frac - 12 - 3)
            assert model.biases(0)[0] == clamp(want, images.MAX_BIAS - 1), (mean, sign)
    assert 32767 * 16383 < 1 << 29


@pytest.mark.parametrize("n, a", [(128, 0), (129, 1)])
def test_sum_of_means_is_below_16383_and_not_equal(c, n, a):
    """sum |u| max |x| < 16383 2^a, and 129 * 127 is 16383."""
    model = dense_model(c, n, 1, SIGNED)
    survey(model, 0, [1] * n)
    assert model.layers[0].mean_shift == a


@pytest.mark.parametrize("ranges", [UNSIGNED, SIGNED])
@pytest.mark.parametrize("loss", ["crossentropy", "mse"])
def test_256_samples_fit_the_sums(c, ranges, loss):
    model = dense_model(c, 3, 1, ranges, loss)
    signed = model.twin.layers[0].x_signed
    x_max = (1 << model.twin.bits - signed) - 1
    x = np.array([x_max, -x_max if signed else x_max, 0])
    layer, unit = model.layers[0], model.twin.bits - 8
    for n in range(1, 600):
        survey(model, 0, x, trained=2)
        most = n if n < 256 else 128 + (n - 128) % 128
        assert layer.n_summed == most
        want = [(int(v) >> unit) * most for v in x]
        assert np.abs(model.sums(0) - np.array(want)).max() <= 1, n
        assert np.abs(model.means(0) - (x >> unit)).max() <= 1
        top = 127 if signed else 255
        assert np.abs(model.means(0).astype(int)).max() <= top


@pytest.mark.parametrize("sign", [1, -1])
def test_slopes_in_dx_at_their_bound(c, sign):
    """s.d 2^-a counts for 2^21 at most."""
    model = CModel(c, (1, 1, 2), [dense(2, "relu"), dense(3)])
    model.weights(1)[:] = 0
    for a, d in ((0, 100), (0, 64), (0, 65), (3, 16383), (9, 16383), (14, 16383)):
        model.layers[1].mean_shift = a
        model.means(1)[:], model.slopes(1)[:] = [255, 3], 32767 * sign
        along = model.call("tp_slope_dx", 1, np.array([d] * 3, np.int16))
        assert along == clamp(exact_round(sign * 3 * 32767 * d, a), 1 << 21), (a, d)
        for x in ([1, 1], [0, 1]):  # above a relu an input of 0 has no delta
            dx = np.zeros(2, np.int32)
            model.call("tp_slopes_backward", 1, np.array(x, np.int16), SIZE(0), SIZE(2), along, dx)
            assert dx.tolist() == [255 * along * x[0], 3 * along]


@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("shift", [1, 5, 20, 30])
def test_slopes_stay_within_16_bits_and_are_never_full(c, shift, largest):
    """A step beyond 16 bits is clamped and counted; slopes that fill half of them move on."""
    model = dense_model(c, 2, 3)
    give_means(model, 0, [1, 0])
    model.list_inputs(0, [255, 0])
    dither = largest * ((1 << shift) - 1)
    step = TYPES["tp_step_t"](31, shift, 32767, dither)
    s, v = model.slopes(0), model.weights(0)
    assert model.layers[0].mean_shift == 0
    for before in (0, 16000, -16000):
        v[:], s[:], model.biases(0)[:] = 0, before, 0
        clamped = model.head.n_clamped
        model.call("tp_move_slopes", 0, np.array([1 << 14, -1, 0], np.int16), step)
        exact = [before - (dither - d * 31 >> shift) for d in (1 << 14, -1, 0)]
        moved = [clamp(value, 32767) for value in exact]
        full = any(abs(value) > 16383 for value in moved[:2])
        if full:
            assert not s.any() and v.tolist() == [moved, [0, 0, 0]]
            assert model.head.n_clamped == clamped + np.count_nonzero(np.subtract(exact, moved))
        else:
            assert s.tolist() == moved and not v.any() and model.head.n_clamped == clamped


@pytest.mark.parametrize("ranges", [UNSIGNED, SIGNED])
@pytest.mark.parametrize("loss", ["crossentropy", "mse"])
def test_a_slope_moves_as_weights_do_on_average(c, ranges, loss):
    """Over all dithers, by d m 2^a of their format: also if d is too small to move a weight."""
    model = dense_model(c, 64, 3, ranges, loss)
    give_means(model, 0, [127] * 64)
    model.list_inputs(0, [0] * 64)
    finer = model.layers[0].mean_shift + model.twin.bits - 8
    assert 6 <= finer <= 14
    s, deltas = model.slopes(0), np.array([1, -3, 77], np.int16)
    for shift in (finer - 1, finer, finer + 1, finer + 2):
        total = np.zeros(3, int)
        for dither in range(1 << shift):
            s[:] = 0
            model.call("tp_move_slopes", 0, deltas, TYPES["tp_step_t"](16, shift, 32767, dither))
            total += s
        assert total.tolist() == (deltas.astype(int) * 16 << finer).tolist(), shift


# ---- when means move, and to what


@pytest.mark.parametrize("kind", ["dense", "conv", "depthwise"])
def test_means_after_1_2_4_samples(c, kind):
    """Up to 256 they are the mean of all samples; then each 128 more count as much as the ones
    before. Between, nothing moves."""
    random = np.random.default_rng(4)
    if kind == "dense":
        model = dense_model(c, 6, 2)
    else:
        model = CModel(c, (5, 4, 3), [Layer(kind, 2, (2, 2)), dense(2)], ranges=UNSIGNED)
        model.layers[0].x_frac = 8
    n_in, pixels = (6, 1) if kind == "dense" else (60, 20)
    sums, n, means = 0, 0, np.zeros(n_in // pixels)
    for i in range(1, 700):
        x = random.integers(0, 256, n_in) * random.integers(0, 2, n_in)
        before = model.means(0).copy()
        survey(model, 0, x, trained=2)
        sums, n = sums + np.rint(x.reshape(pixels, -1).mean(0)), n + 1
        if i in (1, 2, 4, 8, 16, 32, 64, 128, 256) or (i > 256 and i % 128 == 0):
            means = sums / n
            assert np.abs(model.means(0) - means).max() <= 0.5 + 0.01 * pixels, i
            sums, n = (sums / 2, 128) if n == 256 else (sums, n)
        else:
            assert (model.means(0) == before).all(), i
        assert model.layers[0].n_summed == n
        assert model.layers[0].norm == (model.means(0).astype(int) ** 2).sum()


def test_after_64_samples_half_of_the_steps_are_surveyed(c):
    """Of samples that come in turn each kind takes part as often as it comes."""
    model = dense_model(c, 2, 1)
    seen = []
    for trained in range(1, 20000):
        before = model.layers[0].n_summed
        survey(model, 0, [9, 200], trained)
        seen.append(model.layers[0].n_summed != before)
        assert seen[-1] or trained > 64
        model.layers[0].n_summed = min(model.layers[0].n_summed, 100)
    for period in range(1, 20):
        for first in range(64, 64 + period):
            assert np.mean(seen[first::period]) == pytest.approx(0.5, abs=0.05), (period, first)


@pytest.mark.parametrize("ranges", [UNSIGNED, SIGNED])
@pytest.mark.parametrize("moved", [-9, -3, -1, 1, 2, 7])
def test_another_format_of_the_inputs(c, ranges, moved):
    """Sums are scaled to it, within what so many samples can sum up to, and the means move at
    once, in a step that is not surveyed otherwise."""
    model = dense_model(c, 3, 2, ranges)
    layer, signed = model.layers[0], ranges is SIGNED
    for _ in range(70):
        survey(model, 0, [100, -9 if signed else 9, 0], trained=2)
    layer.x_frac += moved
    x = [50, 0, 3]
    survey(model, 0, x, trained=71)
    assert layer.n_summed == 71
    assert images.Image(model.buffer).twin.layers[0].state.x_frac == layer.x_frac
    top = 127 if signed else 255
    old = [100, -9 if signed else 9, 0]
    want = [
        clamp(exact_round(70 * v, -moved), 70 * top) + new for v, new in zip(old, x, strict=True)
    ]
    assert model.sums(0).tolist() == want
    assert np.abs(model.means(0) - np.clip(np.array(want) / 71, -top, top)).max() <= 1


# ---- energy


def test_energy_is_one_more_than_the_squares_of_centred_inputs(c):
    """A plain mean at first, then over the last 64 surveys or so."""
    random = np.random.default_rng(5)
    for loss in ("crossentropy", "mse"):
        model = dense_model(c, 20, 1, SIGNED, loss)
        layer, unit = model.layers[0], model.twin.bits - 8
        energy = None
        for n in range(1, 300):
            x = np.clip(random.normal(40, 20, 20), -127, 127).astype(int) << unit
            survey(model, 0, x, trained=2)
            u = model.means(0).astype(int) << unit
            now = 1 + ((x - u) ** 2).sum() * 4.0**-layer.x_frac
            share = max(2.0 ** -(n.bit_length() - 1), 1 / 64)
            energy = now if n == 1 else energy + (now - energy) * share
            assert layer.energy / 2**8 == pytest.approx(energy, rel=0.01), n


@pytest.mark.parametrize("kernel, stride", [((1, 1), (1, 1)), ((3, 2), (1, 1)), ((3, 3), (2, 2))])
def test_energy_of_a_convolution(c, kernel, stride):
    """Each pixel counts as often as a kernel reads it: its area over that of the stride."""
    model = CModel(c, (6, 5, 2), [Layer("conv", 3, kernel, stride), dense(2)], ranges=UNSIGNED)
    model.layers[0].x_frac = 8
    x = np.random.default_rng(6).integers(0, 256, 60)
    survey(model, 0, x)
    squares = ((x.reshape(30, 2) - model.means(0)) ** 2).sum() / 2**16
    reads = kernel[0] * kernel[1] / (stride[0] * stride[1])
    assert model.layers[0].energy / 2**8 == pytest.approx(1 + squares * reads, rel=2**-8)


@pytest.mark.parametrize("x_frac", [-8, 0, 8])
def test_energy_at_its_bounds(c, x_frac):
    """All inputs at one end and all means at the other; 2^30 at most, 1.0 at least."""
    for ranges, ends in ((UNSIGNED, (255, 0)), (SIGNED, (127, -127))):
        for x, u in (ends, ends[::-1], (ends[0],) * 2):
            model = dense_model(c, MAX_VALUES, 1, ranges)
            model.layers[0].x_frac = x_frac
            give_means(model, 0, [u] * MAX_VALUES, n_summed=100)
            model.twin.layers[0].state.x_frac = x_frac
            survey(model, 0, [x] * MAX_VALUES, trained=2)
            exact = 256 + MAX_VALUES * (x - u) ** 2 * 2.0 ** (8 - 2 * x_frac)
            want = min(exact, 2**30) / 64 * 1.0
            assert model.layers[0].energy == pytest.approx(want, rel=2**-12, abs=1)


def test_a_layer_that_is_trained_late_begins_with_its_own_energy(c):
    model = dense_model(c, 2, 1)
    survey(model, 0, [100, 50], trained=1001)
    assert model.layers[0].n_summed == 1 and model.layers[0].energy >= 256


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_the_dot_product_of_a_map_at_its_bound(c, kind):
    """One channel of as many pixels as there can be, at their ends like its mean: below 2^32."""
    layers = {"dense": [Layer("avgpool", kernel=(1, 1)), dense(1)]}
    layers["conv"] = [Layer("conv", 1, (1, 1)), dense(1)]
    at = int(kind == "dense")
    model = CModel(c, (2, MAX_VALUES // 2, 1), layers[kind], ranges=UNSIGNED)
    model.inputs(at)[:], model.means(at)[:], model.layers[at].x_frac = 255, 255, 8
    model.layers[at].n_summed, model.twin.layers[at].state.x_frac = 100, 8  # no means move
    model.call("tp_survey", at)
    assert model.layers[at].dot == 255 * 255 * MAX_VALUES < 2**32
    assert model.call("tp_map_dot", at) % 2**32 == model.layers[at].dot
