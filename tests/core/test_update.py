"""The L1 guard, the steps of biases, and the exponent of a layer's weights."""

import ctypes

import images
import numpy as np
import pytest
from _tinyprop_numpy import update
from exact import INT_MAX, INT_MIN, MAX_VALUES, clamp, exact_round
from headers import TYPES
from images import Layer, dense
from native import CModel, as_c, int16

# ---- the L1 guard


MOST_BITS = {"dense": 14, "conv": 15}  # of guarded deltas, before they are rounded
LAYERS = [Layer("conv", 1, (1, 1)), dense(1)]


@pytest.mark.parametrize("n", [4, 5, 100, 32767, 32768, 43000, MAX_VALUES])
@pytest.mark.parametrize("kind", MOST_BITS)
def test_guarded_deltas_overflow_no_sum(c, n, kind):
    """After the guard's rounding sum |delta| is at most 65535, in a dense layer 49150, even if all
    deltas are alike and halves that round up. 32767 is the largest weight, 255 the largest input
    or mean, 31 the largest lr_mantissa, 2^21 the most by which a mean is multiplied in dx."""
    model, bits = CModel(c, (1, 1, 1), LAYERS), MOST_BITS[kind]
    which = kind == "dense"
    most = (1 << bits) - 1 + 32767
    sums = {m * n << k for m in (1, 3) for k in range(15)} | {(n << 14) - 1}
    sums |= {16383, 16384, 49150, 49151}
    sums |= {32767, 32768, 65534, 65535, 65536, 65537}
    for l1_norm in sorted(l1_norm for l1_norm in sums if n <= l1_norm <= n << 14):
        deltas = np.full(n, l1_norm // n)
        deltas[: l1_norm % n] += 1
        shift = guard_shift(model, which, l1_norm)
        guarded = np.floor(deltas / 2**shift + 0.5).astype(int)
        assert guarded.sum() <= most, (l1_norm, shift)
        # No bit more than needed is lost: with a shift of one less the sum has more bits.
        assert shift == 0 or l1_norm >> (shift - 1) >= 1 << bits
        twins, frac = update.guard(model.twin.layers[which], deltas, 14)
        assert frac == 14 - shift and (twins == guarded).all()
    if kind == "dense":
        assert most == 49150 and 32767 * most + 255 * (1 << 21) <= INT_MAX
    else:
        assert most <= 65535 and 32767 * 65535 <= INT_MAX
        assert 255 * 65535 * 31 + (1 << 30) <= INT_MAX


def guard_shift(model, layer, l1_norm):
    return model.core.tp_guard_shift(model.address(layer), l1_norm)


def test_twice_the_guarded_deltas_overflow(c):
    """The guard is as tight as it has to be: with twice the sum, dx of weights of 32767 wraps."""
    for times in (1, 2):
        deltas = int16(4 * times, 1 << 14, 1 << 14, 1 << 14, (1 << 14) - 1)
        model = CModel(c, (1, 1, 1), [dense(1), dense(len(deltas), trainable=0)])
        model.weights(1)[:] = 32767
        model.list_inputs(1, [255])
        dx = model.backward(1, deltas, 14)
        exact = 32767 * int(deltas.astype(int).sum())
        assert dx[0] == ctypes.c_int32(exact).value
        assert (dx[0] == exact) == (times == 1)


# ---- the shift of a step


def test_a_guard_that_leaves_less_than_a_bit(c):
    """Of 65534 targets far away: most deltas are 1.0, and the guard takes more bits than that."""
    model = CModel(c, (1, 1, 1), [dense(MAX_VALUES)], "mse", ranges=([(0, 1)], [(0, 1)]))
    numbers = np.full(1, 1, np.float32), np.full(MAX_VALUES, 1e9, np.float32)
    x, y = (TYPES["tp_values_t"](v.ctypes.data, v.size, b"f") for v in numbers)
    image, n_bytes = ctypes.byref(model.memory), ctypes.c_size_t(len(model.buffer))
    start, one = ctypes.c_size_t(0), ctypes.c_size_t(1)
    before = model.weights(0).copy()
    assert c.tp_run(image, n_bytes, as_c(x), as_c(y), one, start, one, 1) == 1
    assert model.head.n_clipped > 1 << 15
    assert (model.weights(0) == before).all()  # the first step centres its inputs on themselves


@pytest.mark.parametrize("trainable", [0, 1])
def test_shift_of_a_step(c, trainable):
    """Never below 1, even with a large learning rate and coarse formats; above 30 there is no
    step."""
    model = CModel(c, (1, 1, 1), [dense(2, trainable=trainable), dense(2)])
    layer, twin, step = model.layers[0], model.twin, TYPES["tp_step_t"]()
    for lr_shift in (4, 30):
        for x_frac in (-8, 8, 12):
            for w_frac in (0, 2, 16):
                for frac in (-2, 13, 14, 22):
                    model.head.lr_shift = twin.spec.lr_shift = lr_shift
                    model.set_rates()
                    layer.x_frac, layer.w_frac = x_frac, w_frac
                    twin.layers[0].x_frac, twin.layers[0].state.w_frac = x_frac, w_frac
                    shift = lr_shift + frac + x_frac - w_frac
                    learns = bool(trainable and shift <= 30)
                    assert model.call("tp_weight_step", 0, frac, step) == learns
                    assert update.learns(twin.layers[0], frac) == learns
                    assert update.shift_of_step(twin.layers[0], frac) == max(shift, 1)
                    assert step.shift == max(shift, 1)
                    assert (step.lr_mantissa, step.max_weight) == (20, layer.max_weight)


def test_dithers_are_random(c):
    """Each bit is set in half of the steps, whatever the bits beside it and in the steps before,
    and however often the samples come by; and layers differ."""
    model = CModel(c, (1, 1, 1), [dense(2), dense(2)])
    step, n = TYPES["tp_step_t"](), 30000
    dithers = np.zeros((2, n), int)
    for layer in range(2):
        model.layers[layer].w_frac, model.layers[layer].x_frac = 0, 8
        for trained in range(n):
            model.head.trained = trained
            assert model.call("tp_weight_step", layer, 16 - model.head.lr_shift - 8, step)
            assert step.shift == 16 and 0 <= step.dither < 1 << 16
            dithers[layer, trained] = step.dither
    v = (dithers - 32767.5) / 65536 * 12**0.5  # of mean 0 and variance 1
    assert np.abs(v.mean(axis=1)).max() < 5 / n**0.5
    for shift in range(16):
        assert abs((dithers >> shift & 1).mean() - 0.5) < 5 / 2 / n**0.5
    for before in (1, 2, 3, 64, 89, 100, 144, 1000, 1024, 1437):
        assert (
            np.abs((v[:, :-before] * v[:, before:]).mean(axis=1)).max() < 5 / (n - before) ** 0.5
        )
    assert abs((v[0] * v[1]).mean()) < 10 / n**0.5


# ---- biases: 2^30


@pytest.mark.parametrize("n", [1, 2, MAX_VALUES])
@pytest.mark.parametrize("sign", [1, -1])
def test_bias_step(c, n, sign):
    shape = Layer("conv", 1, kernel=(1, 1))
    model = CModel(c, (1, n, 1), [shape, dense(1)], lr_mantissa=31, lr_shift=4)
    b = model.biases(0)
    total = n * sign * (1 << 14)
    guard_shift = max(abs(total).bit_length() - 16, 0)
    for w_frac in (0, 8, 16):
        for frac in (14, 18, 22):
            for start in (0, images.MAX_BIAS, -images.MAX_BIAS):
                model.layers[0].w_frac = w_frac
                b[:] = start
                model.update_biases(0, int16(n, sign * (1 << 14)), frac)
                s = 4 + frac - (w_frac + 12) - guard_shift
                step = exact_round(exact_round(total, guard_shift) * 31, s)
                step = clamp(step, images.MAX_BIAS - 1)
                want = clamp(start - step, images.MAX_BIAS)
                assert b[0] == want, (w_frac, frac, start)


def test_bias_step_of_a_dense_layer(c):
    """Also where a step is finer than the biases, so that it is shifted to the left."""
    model = CModel(c, (1, 1, 1), [dense(3), dense(1)], lr_mantissa=31, lr_shift=4)
    b, deltas = model.biases(0), [1 << 14, -(1 << 14), 77]
    for w_frac in (2, 8, 16):
        for frac in range(13, 23):
            model.layers[0].w_frac, b[:] = w_frac, 1000
            model.update_biases(0, int16(3, *deltas), frac)
            s = 4 + frac - (w_frac + 12)
            steps = [clamp(exact_round(31 * delta, s), images.MAX_BIAS - 1) for delta in deltas]
            assert b.tolist() == [1000 - step for step in steps], (w_frac, frac)


def test_a_damaged_bias_is_not_undefined(c):
    model = CModel(c, (1, 1, 1), [dense(2)])
    b = model.biases(0)
    for start in (INT_MIN, INT_MAX):
        b[:] = start
        model.update_biases(0, int16(2, 1 << 14, -(1 << 14)), 14)
        model.call("tp_rescale_weights", 0)
        assert (np.abs(b) <= images.MAX_BIAS).all()


# ---- exponents of weights


def test_rescale_at_its_edges(c):
    model = CModel(c, (1, 1, 2), [dense(1)])
    layer, w, b, most = model.layers[0], model.weights(0), model.biases(0), 20000
    cases = [
        (most, 0, 8, -1),
        (-most, 0, 8, -1),
        (most, 5, 8, -1),
        (most, -5, 8, -1),
        (most - 1, 0, 8, 0),
        (0, images.MAX_BIAS, 8, -1),
        (most // 4, 0, 8, 0),
        (most // 4 - 1, 0, 8, 1),
        (1, images.MAX_BIAS // 4, 8, 0),
        (1, images.MAX_BIAS // 4 - 1, 8, 1),
        (most, 0, 2, 0),
        (1, 0, 16, 0),
    ]
    for weight, bias, w_frac, move in cases:
        layer.max_weight, layer.w_frac = most, w_frac
        w[:, 0], b[:], model.slopes(0)[:] = (weight, 3), bias, -16383
        before = bytearray(model.buffer)
        model.call("tp_rescale_weights", 0)
        assert layer.w_frac == w_frac + move, (weight, bias, w_frac)
        assert layer.headroom == most - np.abs(w).max()
        assert w[:, 0].tolist() == [exact_round(v, -move) for v in (weight, 3)]
        assert b[0] == exact_round(bias, -move)
        assert model.slopes(0).tolist() == [exact_round(-16383, -move)]  # they do not decide
        twin = images.Image(before).twin.layers[0]
        twin.max_weight = most
        update.rescale(twin)
        assert images.saved(before) == images.saved(model.buffer)


# ---- weights that follow a range


MAPS = [  # (zero, frac, shift) before and after
    ((0, 20, 22), (0, 20, 23)),  # twice as wide
    ((0, 20, 22), (0, 20, 19)),
    ((5 << 20, 20, 22), (5 << 20, 20, 22)),
    ((3 << 20, 20, 22), (-9 << 20, 20, 24)),
    ((1 << 20, 20, 22), (-7 << 14, 14, 17)),  # in another format
    ((-1 << 27, 24, 27), (1 << 27, 26, 28)),
    ((1 << 10, 8, 12), (1 << 28, 26, 27)),
]
COLUMNS = [  # a weight, a slope and a bias of the output, and w_frac
    (300, -20, 5000, 12),
    (20000, 16383, 1 << 29, 12),  # the layer has to be halved
    (20000, -16383, 12345, 2),  # where it cannot be
    (-1, 1, -(1 << 29), 16),
    (0, 0, 0, 9),
]


@pytest.mark.parametrize("old, now", MAPS)
@pytest.mark.parametrize("weight, slope, bias, w_frac", COLUMNS)
def test_an_output_says_the_same_by_another_map(c, old, now, weight, slope, bias, w_frac):
    """z' = (zero + z 2^shift - zero') 2^-shift', for the weights and the bias of that output, each
    within half a unit; the other output stays what it is. What does not fit is clamped, counted
    and within the bounds; only then, or where halving lost a bit, is anything further off."""
    model = CModel(c, (1, 1, 2), [dense(2)], "mse")
    layer, j = model.layers[0], 1
    most = layer.max_weight
    layer.w_frac = w_frac
    w, s, b = model.weights(0), model.slopes(0), model.biases(0)
    w[:], s[:], b[:] = ((7, min(weight, most)), (-7, 3)), (9, slope), (-40, bias)
    before = [v.astype(float) for v in (w, s, b / 2.0**12)]
    r = model.learned(1)
    r["zero"][j], r["frac"][j], r["shift"][j] = now
    was = r[j].copy()
    was["zero"], was["frac"], was["shift"] = old
    copy = bytearray(model.buffer)
    wider = (now[2] - now[1]) - (old[2] - old[1])
    followed = model.call("tp_follow_range", None, ctypes.c_size_t(j), TYPES["tp_map_t"](*old))

    assert followed == wider
    halved = w_frac - layer.w_frac
    moved = (old[0] * 2.0 ** -old[1] - now[0] * 2.0 ** -now[1]) / 2.0 ** (now[2] - now[1])
    n_clamped = 0
    for got, real, limit, offset in (
        (w[:, j], before[0][:, j], most, 0),
        (s[j : j + 1], before[1][j : j + 1], 16383, 0),
        (b[j : j + 1] / 2.0**12, before[2][j : j + 1], images.MAX_BIAS / 2**12, moved),
    ):
        want = real * 2.0 ** (-wider - halved) + offset * 2.0**layer.w_frac
        inside = np.abs(want) <= limit
        # Each halving rounds once, before that is made 2^-wider times as large.
        close = (0.5 + (halved > 0)) * max(1, 2.0**-wider) + np.abs(want) * 2.0**-20
        assert (np.abs(got - want)[inside] <= close).all(), (got, want)
        assert (np.abs(got) <= limit).all() and (inside | (np.sign(got) == np.sign(want))).all()
        n_clamped += (~inside).sum() if offset == 0 else 0
    assert halved == 0 or layer.w_frac == 2 or n_clamped == 0
    assert model.head.n_clamped == n_clamped and (n_clamped == 0 or layer.w_frac == 2)
    for got, real in zip((w[:, 0], s[0], b[0] / 2.0**12), before, strict=True):
        real = real[..., 0]
        assert (np.abs(got - real * 2.0**-halved) <= 0.5 + (halved > 0)).all()
    assert layer.headroom == most - np.abs(w.astype(int)).max()

    twin = images.Image(copy).twin
    assert update.follow_range(twin, j, was, twin.learned[1][j]) == wider
    assert images.saved(copy) == images.saved(model.buffer)


def test_a_range_that_was_or_is_a_point_leaves_the_weights(c):
    model = CModel(c, (1, 1, 2), [dense(1)], "mse")
    model.weights(0)[:], model.biases(0)[:] = ((5,), (6,)), 7
    for old, now in ((31, 20), (20, 31)):
        model.learned(1)["shift"] = now
        was = TYPES["tp_map_t"](0, 20, old)
        assert model.call("tp_follow_range", None, ctypes.c_size_t(0), was) == 0
        assert model.weights(0).tolist() == [[5], [6]] and model.biases(0).tolist() == [7]
