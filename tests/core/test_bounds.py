"""Every bound that the core's comments claim, AT the bound, against exact integers.

The kernels are called one by one, with the largest operands that they are promised. Where the
promise is tight, a test also shows that one step more would overflow.
"""

import ctypes

import _tinyprop
import _tinyprop_numpy
import images
import native
import numpy as np
import pytest
from _tinyprop_numpy import activation, loss, select
from _tinyprop_numpy import image as im
from images import dense, layer

INT_MAX = 2**31 - 1
INT_MIN = -(2**31)
MAX_N = 65534
BIG_LAYERS = (1, 2, 3, 64, 65, 784, 1152, 3072, 8421, 32768, MAX_N)

c_backend = _tinyprop.c_backend()


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    library = native.library(tmp_path_factory.mktemp("core"))
    library.tp_crossentropy.restype = ctypes.c_uint32
    library.tp_select.restype = ctypes.c_size_t
    return library


class Kernels:
    """An image, and the C kernels applied to it; arrays are the image's own or given ones."""

    def __init__(self, library, *arguments, **settings):
        self.library = library
        self.image = images.build(c_backend, *arguments, **settings)
        self.model = images.open_image(self.image)
        self.memory = (ctypes.c_char * len(self.image)).from_buffer(self.image)
        self.pointers = [
            ctypes.addressof(self.memory) + im.HEAD.itemsize + i * im.LAYER.itemsize
            for i in range(self.model.head.n_layers)
        ]

    def call(self, name, layer, *arguments):
        """name(model, layer, ...)"""
        head = ctypes.c_void_p(ctypes.addressof(self.memory))
        record = ctypes.c_void_p(self.pointers[layer])
        return getattr(self.library, name)(head, record, *map(as_c, arguments))

    def set(self, layer, **fields):
        record = self.model.layers[layer]
        record.__init__(record.item)  # C may have changed it since it was read
        for name, value in fields.items():
            setattr(record, name, value)


def as_c(value):
    return value.ctypes.data_as(ctypes.c_void_p) if isinstance(value, np.ndarray) else value


def int16(n, *values):
    return np.resize(np.array(values, np.int16), n)


# ---- forward: |sum| <= bias + x_max * fan_in * max_weight < 2^31


@pytest.mark.parametrize("n", BIG_LAYERS)
@pytest.mark.parametrize("loss", [im.CROSSENTROPY, im.MSE])
def test_forward_sum(c, n, loss):
    k = Kernels(c, (1, 1, n), [dense(1)], loss)
    record = k.model.layers[0]
    bits = k.model.head.bits
    x_max, spare = (2047, 1 << 29) if bits == 12 else (255, 1 << 27)
    k.set(0, fx=10 if bits == 12 else 8, fw=16)
    w, b = k.model.weights(record), k.model.biases(record)
    z = np.zeros(1, np.int32)
    for sign in (1, -1):
        k.model.inputs(record)[:] = x_max
        w[:], b[:] = sign * record.max_weight, sign * im.MAX_BIAS
        k.call("tp_dense_list", 0, None)
        k.call("tp_dense_forward", 0, z)
        bias = im.MAX_BIAS >> (12 - record.fx)
        exact = sign * (x_max * n * record.max_weight + bias)
        assert z[0] == exact and bias <= spare // 2
        assert abs(exact) <= INT_MAX - spare // 2
    # One more, and the spare half of the biases' room would be touched.
    assert record.max_weight == 32767 or x_max * n * (record.max_weight + 1) > INT_MAX - spare


def test_forward_sum_of_convolutions(c):
    for kind, units in (("conv", 3), ("depthwise", 0)):
        shape = layer(kind, units, kernel=(9, 8), stride=(1, 1), activation="relu")
        k = Kernels(c, (9, 8, 20), [shape, dense(2)])
        record = k.model.layers[0]
        k.set(0, fx=8, fw=16, fy=-8)
        k.model.inputs(record)[:] = 255
        k.model.weights(record)[:] = record.max_weight
        k.model.biases(record)[:] = im.MAX_BIAS
        k.call("tp_conv_forward", 0, 0)
        exact = 255 * record.fan_in * record.max_weight + (im.MAX_BIAS >> 4)
        sums = k.model.array(k.model.head.buffer[0], "<i4", record.out_c)
        assert (sums == exact).all() and exact < 2**31


# ---- the bias a sum starts from is held, whatever an image holds


@pytest.mark.parametrize("fx", range(-8, 13))
def test_start_of_sums(c, fx):
    for kind, limit in ((im.CROSSENTROPY, 1 << 26), (im.MSE, 1 << 28)):
        k = Kernels(c, (1, 1, 4), [dense(6)], kind)
        record = k.model.layers[0]
        k.set(0, fx=fx)
        biases = [INT_MIN, -im.MAX_BIAS, -1, 1, im.MAX_BIAS, INT_MAX]
        k.model.biases(record)[:] = biases
        z = np.zeros(6, np.int32)
        record_first = ctypes.c_void_p(k.pointers[0])
        c.tp_start_sums(record_first, ctypes.c_void_p(ctypes.addressof(k.memory)), as_c(z))
        want = [max(-limit, min(limit, exact_round(b, 12 - fx))) for b in biases]
        assert z.tolist() == want


def exact_round(v, s):
    return (v + (1 << s >> 1)) >> s if s >= 0 else v << -s


# ---- backward: sum |d| <= 65535 (L1 guard)

FULL_ERRORS = {
    "few": [1 << 14, 1 << 14, 1 << 14, (1 << 14) - 1],
    "many": [1] * MAX_N,
}


@pytest.mark.parametrize("errors", FULL_ERRORS)
@pytest.mark.parametrize("trainable", [0, 1])
def test_dx_of_dense(c, errors, trainable):
    d = np.array(FULL_ERRORS[errors], np.int16)
    n = len(d)
    k = Kernels(c, (1, 1, 3), [dense(3), dense(n, trainable=trainable)])
    record = k.model.layers[1]
    w = k.model.weights(record)
    k.set(1, fx=8, fw=0, max_weight=32767)
    w[0], w[1], w[2] = 32767, -32767, 1
    c_list_of_nonzero_inputs(k, 1, [255, 255, 0])
    dx = np.zeros(3, np.int32)
    total = int(d.astype(int).sum())
    k.call("tp_dense_backward", 1, d, total, 0, 14, dx)
    assert total in (65534, 65535)
    assert dx.tolist() == [32767 * total, -32767 * total, total]


def c_list_of_nonzero_inputs(k, layer, values):
    record = k.model.layers[layer]
    k.model.inputs(record)[:] = values
    k.call("tp_dense_list", layer, None)


def test_twice_the_guarded_errors_would_overflow():
    assert 32767 * 65535 <= INT_MAX < 32767 * 2 * 65535
    assert 255 * 65535 * 31 + (1 << 30) <= INT_MAX < 255 * 4 * 65535 * 31 + (1 << 30)


@pytest.mark.parametrize("kind", ["conv", "depthwise"])
@pytest.mark.parametrize("sign", [1, -1])
def test_gradient_and_dx_of_convolutions(c, kind, sign):
    """Four positions whose errors sum to 65535, all of them over inputs of 255."""
    shape = layer(kind, 1, kernel=(1, 1), stride=(1, 1), activation="relu")
    k = Kernels(c, (1, 4, 1), [shape, dense(2)], lr_m=31, lr_n=30)
    record = k.model.layers[0]
    d = int16(4, *FULL_ERRORS["few"]) * np.int16(sign)
    w = k.model.weights(record)
    for shift in (1, 2, 16, 30, 31):
        # s = n + fd + fx - fw
        k.set(0, fx=8, fw=0, max_weight=32767)
        fd = shift - 30 - 8
        k.model.inputs(record)[:] = 255
        w[:] = 32767 * sign
        dx = np.zeros(4, np.int32)
        k.call("tp_conv_backward", 0, d, 0, fd, dx)
        step = (255 * 65535 * sign * 31 + (1 << (shift - 1))) >> shift
        assert w[0, 0] == max(-32767, min(32767, 32767 * sign - step)), shift
        assert dx.tolist() == [32767 * sign * int(e) for e in d]


@pytest.mark.parametrize("sign", [1, -1])
def test_dx_of_a_convolution_with_many_filters(c, sign):
    shape = layer("conv", 4, kernel=(1, 1), stride=(1, 1), activation="relu")
    k = Kernels(c, (1, 1, 2), [shape, dense(2)])
    record = k.model.layers[0]
    k.model.weights(record)[:] = 32767 * sign
    dx = np.zeros(2, np.int32)
    k.call("tp_conv_backward", 0, int16(4, *FULL_ERRORS["few"]), 0, 14, dx)
    assert dx.tolist() == [32767 * sign * 65535] * 2


@pytest.mark.parametrize("x, d, loss", [(255, 1 << 14, 0), (2047, 1 << 13, 1), (4095, 1 << 13, 1)])
def test_step_of_a_dense_weight(c, x, d, loss):
    for shift in (1, 2, 17, 30, 31):
        for sign_x in (1, -1):
            for sign_d in (1, -1):
                k = Kernels(c, (1, 1, 1), [dense(1)], loss, lr_m=31, lr_n=30)
                w = k.model.weights(k.model.layers[0])
                k.set(0, fx=8, fw=0, max_weight=32767)
                c_list_of_nonzero_inputs(k, 0, [sign_x * x])
                w[:] = 5
                k.call("tp_dense_backward", 0, int16(1, sign_d * d), d, 0, shift - 38, None)
                product = sign_x * x * sign_d * d * 31
                assert abs(product) + (1 << 30) <= INT_MAX
                want = 5 - ((product + (1 << (shift - 1))) >> shift)
                assert w[0, 0] == max(-32767, min(32767, want)), (shift, sign_x, sign_d)


def test_a_step_of_more_than_31_bits_is_none(c):
    k = Kernels(c, (1, 1, 1), [dense(1)], lr_m=31, lr_n=30)
    w = k.model.weights(k.model.layers[0])
    k.set(0, fx=8, fw=0)
    c_list_of_nonzero_inputs(k, 0, [255])
    w[:] = 5
    k.call("tp_dense_backward", 0, int16(1, 1 << 14), 1 << 14, 0, 32 - 38, None)
    assert w[0, 0] == 5 and abs(255 * (1 << 14) * 31) < 1 << 31


# ---- room: weights are not compared with their bound where none can reach it


@pytest.mark.parametrize("below", [False, True])  # whether errors go down to a layer below
@pytest.mark.parametrize(
    "size, shift",
    [(1, 1), (1, 31), (1000, 8), ((1 << 14) - 1, 12), *((1 << 14, s) for s in (12, 17, 24, 31))],
)
def test_a_step_of_all_the_room_there_is(c, below, size, shift):
    """The largest step brings a weight to its bound and no further."""
    for sign in (1, -1):
        step = -exact_round(-sign * 255 * size * 31, shift) * sign
        room = (255 * size * 31 >> shift) + 1
        for spare, start in ((0, 32767 - room), (-1, 32767 - step), (-1, 32767 - step // 2)):
            k = Kernels(c, (1, 1, 1), [dense(1), dense(1)], lr_m=31, lr_n=30)
            k.set(below, fx=8, fw=0, max_weight=32767, room=room + spare)
            w = k.model.weights(k.model.layers[below])
            w[:] = sign * start
            c_list_of_nonzero_inputs(k, below, [255])
            errors, dx = int16(1, -sign * size), np.zeros(1, np.int32) if below else None
            k.call("tp_dense_backward", below, errors, size, 0, shift - 38, dx)
            after = images.open_image(k.image)
            moved = start + step
            assert moved <= 32767 or spare == -1
            assert w[0, 0] == sign * min(32767, moved), (sign, spare)
            assert after.layers[below].room == 0
            assert after.head.n_clamped == (moved > 32767)


def test_where_there_is_room_no_weight_is_compared(c):
    """An image that tells a lie about it gets a weight beyond the bound, as is to be seen."""
    for below in (False, True):
        k = Kernels(c, (1, 1, 1), [dense(1), dense(1)], lr_m=31, lr_n=30)
        k.set(below, fx=8, fw=0, max_weight=10000, room=5000)
        w = k.model.weights(k.model.layers[below])
        w[:] = 9999
        c_list_of_nonzero_inputs(k, below, [255])
        dx = np.zeros(1, np.int32) if below else None
        k.call("tp_dense_backward", below, int16(1, -(1 << 14)), 1 << 14, 0, 16 - 38, dx)
        step = exact_round(255 * 31 << 14, 16)
        assert w[0, 0] == 9999 + step
        assert images.open_image(k.image).layers[below].room == 5000 - step - 1


# ---- biases: 2^30


@pytest.mark.parametrize("n", [1, 2, MAX_N])
@pytest.mark.parametrize("sign", [1, -1])
def test_bias_step(c, n, sign):
    shape = layer("conv", 1, kernel=(1, 1), stride=(1, 1))
    k = Kernels(c, (1, n, 1), [shape, dense(1)], lr_m=31, lr_n=4)
    b = k.model.biases(k.model.layers[0])
    total = n * sign * (1 << 14)
    excess = max(abs(total).bit_length() - 16, 0)
    for fw in (0, 8, 16):
        for fd in (14, 18, 22):
            for start in (0, im.MAX_BIAS, -im.MAX_BIAS):
                k.set(0, fw=fw)
                b[:] = start
                k.call("tp_update_bias", 0, int16(n, sign * (1 << 14)), fd)
                s = 4 + fd - (fw + 12) - excess
                step = exact_round(exact_round(total, excess) * 31, s)
                step = max(1 - im.MAX_BIAS, min(im.MAX_BIAS - 1, step))
                assert b[0] == max(-im.MAX_BIAS, min(im.MAX_BIAS, start - step)), (fw, fd, start)


def test_a_damaged_bias_is_not_undefined(c):
    k = Kernels(c, (1, 1, 1), [dense(2)])
    b = k.model.biases(k.model.layers[0])
    for start in (INT_MIN, INT_MAX):
        b[:] = start
        k.call("tp_update_bias", 0, int16(2, 1 << 14, -(1 << 14)), 14)
        k.call("tp_rescale_weights", 0)
        assert (np.abs(b) <= im.MAX_BIAS).all()


# ---- exponents of weights


def test_rescale_at_its_edges(c):
    k = Kernels(c, (1, 1, 2), [dense(1)])
    record, w = k.model.layers[0], k.model.weights(k.model.layers[0])
    b, most = k.model.biases(record), 20000
    cases = [
        (most, 0, 8, -1),
        (-most, 0, 8, -1),
        (most - 1, 0, 8, 0),
        (0, im.MAX_BIAS, 8, -1),
        (most // 4, 0, 8, 0),
        (most // 4 - 1, 0, 8, 1),
        (1, im.MAX_BIAS // 4, 8, 0),
        (1, im.MAX_BIAS // 4 - 1, 8, 1),
        (most, 0, 2, 0),
        (1, 0, 16, 0),
    ]
    for weight, bias, fw, move in cases:
        k.set(0, max_weight=most, fw=fw)
        w[:, 0], b[:] = (weight, 3), bias
        k.call("tp_rescale_weights", 0)
        record = images.open_image(k.image).layers[0]
        assert record.fw == fw + move, (weight, bias, fw)
        assert record.room == most - np.abs(w).max()
        assert w[:, 0].tolist() == [exact_round(v, -move) for v in (weight, 3)]
        assert b[0] == exact_round(bias, -move)


# ---- errors of hidden layers


@pytest.mark.parametrize("kind", ["linear", "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("loss", [im.CROSSENTROPY, im.MSE])
def test_errors_of_any_size_and_format(c, kind, loss):
    values = [0, 1, -1, 77, -(1 << 13), 1 << 14, -(1 << 20), 1 << 30, INT_MAX, -INT_MAX, INT_MIN]
    k = Kernels(c, (1, 1, 1), [dense(6, kind), dense(1)], loss)
    record = k.model.layers[0]
    top = activation.largest(k.model, record)
    k.model.outputs(record)[:] = [0, 1, top // 2, top - 1, top, top // 3]
    for fin in (-10, 0, 13, 14, 15, 20, 30, 31, 45, 60):
        for first in range(len(values)):
            v = np.array((values[first:] + values[:first])[:6], np.int32)
            want, fd = activation.errors_from(k.model, record, v.copy(), fin)
            v[0] *= kind != "relu"  # where its output was 0, the dense layer above leaves no error
            assert k.call("tp_errors", 0, v, fin) == fd
            assert v.view(np.int16)[:6].tolist() == want.tolist(), (fin, first)
            assert np.abs(want).max() <= 1 << k.model.unit


# ---- softmax


@pytest.mark.parametrize("n", [1, 2, 3, 10, 255, 32767, 32768, 32769, MAX_N])
def test_softmax_of_equal_scores(c, n):
    """With 32769 classes and more, the sum of the exponentials has 32 bits."""
    k = Kernels(c, (1, 1, 1), [dense(n)])
    k.set(0, fx=8, fw=8)
    z = np.full(n, 123456, np.int32)
    p = ctypes.c_int32()
    record = ctypes.c_void_p(k.pointers[0])
    value = c.tp_crossentropy(record, as_c(z), n - 1, ctypes.byref(p))
    d = z.view(np.int16)[:n].astype(int)
    want_d, want_value, want_p = loss.crossentropy(k.model.layers[0], np.full(n, 123456), n - 1)
    assert (d.tolist(), value, p.value) == (want_d.tolist(), want_value, want_p)
    # Probabilities are within 2^-14 of 1/n of themselves and then rounded; the loss is ln n, from
    # logarithms of n * 65535 / 65536 rounded to 2^-12 (table, line, 2839 for each of 16 powers).
    assert abs(p.value - 2**14 / n) <= 0.5 + 2**14 / n * 2**-14
    assert (
        abs(value / 2**24 - np.log(n)) <= (0.5 + 0.5 + 16 * 0.2 + 0.25) / 2**12 + 2**-16 + 2**-14
    )


def test_softmax_of_the_most_different_scores(c):
    k = Kernels(c, (1, 1, 1), [dense(3)])
    record = ctypes.c_void_p(k.pointers[0])
    for f in (0, 12, 24):
        k.set(0, fx=f - 16 if f > 8 else 0, fw=16 if f > 8 else f)
        for target in range(3):
            scores = np.array([INT_MIN, 0, INT_MAX], np.int32)
            z, p = scores.copy(), ctypes.c_int32()
            value = c.tp_crossentropy(record, as_c(z), target, ctypes.byref(p))
            d = z.view(np.int16)[:3].tolist()
            want = loss.crossentropy(k.model.layers[0], scores, target)
            assert (d, value, p.value) == (want[0].tolist(), *want[1:])
            assert max(map(abs, d)) <= 1 << 14


# ---- mse


@pytest.mark.parametrize("n", [1, 3, MAX_N])
@pytest.mark.parametrize("sign", [1, -1])
def test_mse_at_both_ends(n, sign):
    """Outputs at one end, targets at the other: (32767 + 32768)^2 in each."""
    both = []
    for backend in (c_backend, _tinyprop_numpy):
        image = images.build(c_backend, (1, 1, 1), [dense(n)], im.MSE, ranges=[(-1, 1), (-1, 1)])
        model = images.open_image(image)
        record = model.layers[0]
        record.fw = 2
        model.biases(record)[:] = sign * im.MAX_BIAS
        model.weights(record)[:] = 0
        x, y = np.zeros(1, np.float32), np.full(n, -sign * 100, np.float32)
        assert backend.run(image, x, y, 1, 0, 1, True) == 1
        head = images.open_image(image).head
        exact = (65535 if sign > 0 else 32767 + 32768) ** 2 / 2**28
        assert abs(head.loss_sum / 2**24 - exact) <= exact * 2**-15
        assert head.n_clipped == n
        both.append(image[: head.work])
    assert both[0] == both[1]


# ---- pooling


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 4096, MAX_N])
@pytest.mark.parametrize("value", [127, -127, 255, 1, -1, 0])
def test_average_of_everything(c, n, value):
    k = Kernels(c, (1, n, 1), [layer("avgpool"), dense(1)])
    record = k.model.layers[0]
    x = k.model.inputs(record)
    x[:] = value
    x[0] = 0
    k.call("tp_pool_forward", 0)
    total = value * (n - 1)
    want = (abs(total) + n // 2) // n * (1 if total >= 0 else -1)
    assert k.model.outputs(record)[0] == want
    for d in (INT_MAX, -INT_MAX, INT_MIN, 1, -1, 127, 0):
        dy, dx = np.array([d], np.int32), np.full(n, 99, np.int32)
        a = k.call("tp_pool_backward", 0, dy, dx)
        assert a == n.bit_length() - 1
        share = d * ((32768 << a) // n) >> 15
        assert (dx == share).all()
        assert abs(share - d * 2**a / n) <= abs(d) / 2**14 + 1  # 14 bits of 2^a / n at least


@pytest.mark.parametrize("n", [1, 2, 5])
def test_maximum_takes_the_first(c, n):
    k = Kernels(c, (1, n, 1), [layer("maxpool"), dense(1)])
    record = k.model.layers[0]
    for x in ([-5] * n, [3] * n, list(range(n)), list(range(n, 0, -1))):
        k.model.inputs(record)[:] = x
        k.call("tp_pool_forward", 0)
        assert k.model.outputs(record)[0] == max(x)
        dx = np.full(n, 99, np.int32)
        k.call("tp_pool_backward", 0, np.array([INT_MIN], np.int32), dx)
        assert dx.tolist() == [INT_MIN if i == x.index(max(x)) else 0 for i in range(n)]


# ---- selection


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, MAX_N])
@pytest.mark.parametrize("policy", [im.TOPK, im.DIFFUSED])
def test_selection_at_its_edges(c, n, policy):
    """All errors equal, all of the largest size, ties, and none at all: against the twin."""
    random = np.random.default_rng(n)
    cases = [
        np.full(n, 1 << 14),
        np.full(n, -(1 << 14)),
        np.zeros(n),
        np.ones(n),
        random.integers(-3, 4, n),
        random.integers(-(1 << 14), (1 << 14) + 1, n),
    ]
    for s_min, s_max in (
        (0, 0),
        (1, 1 << 15),
        (1 << 14, 1 << 14),
        (1 << 15, 1 << 15),
        (1 << 15, 0),
    ):
        shape = [dense(n, "relu"), dense(1)]
        k = Kernels(c, (1, 1, 1), shape, policy=policy, s_min=s_min, s_max=s_max)
        twin = images.open_image(bytearray(k.image))
        for fd in (14, 20, 22):
            for d in cases:
                errors = d.astype(np.int16)
                want, kept = select.select(twin, twin.layers[0], d.astype(np.int64), fd, 1)
                assert k.call("tp_select", 0, errors, fd, 1) == kept
                assert errors.tolist() == want.tolist()
                record = images.open_image(k.image).layers[0]
                state = (record.threshold, record.carry)
                assert state == (twin.layers[0].threshold, twin.layers[0].carry)
                if policy == im.TOPK:
                    assert kept <= max(n * max(s_min, s_max) >> 15, 1)


def test_small_errors_add_up_with_their_signs_in_a_map(c):
    """In a map of a convolution; in a dense layer they add up without."""
    t, errors = 100, np.zeros((8, 2), np.int16)
    errors[:, 0] = [60, -60] * 4
    errors[:, 1] = 30
    in_map = np.zeros_like(errors)
    in_map[[3, 6], 1] = t  # four of 30; the 20 that are left, and three
    sums = np.cumsum(np.abs(errors))
    in_dense = np.sign(errors.ravel()) * t * (np.diff(sums // t, prepend=0) > 0)
    for kind, want, carry in (
        (layer("conv", 2, (1, 1)), in_map, 40),
        (dense(16), in_dense, sums[-1] % t),
    ):
        k = Kernels(c, (1, 8, 1), [kind, dense(2)], policy=im.DIFFUSED, s_min=1 << 12)
        k.model.layers[0].threshold = t << 16
        left = errors.ravel().copy()
        assert k.call("tp_select", 0, left, 14, 1) == np.count_nonzero(want)
        assert left.tolist() == want.ravel().tolist()
        assert images.open_image(k.image).layers[0].carry >> 8 == carry


# ---- layout


def test_layout_at_the_largest_sizes():
    def n_bytes(shape, *layers, **settings):
        return c_backend.layout(images.plan(shape, layers, **settings))

    assert n_bytes((1, 1, MAX_N), dense(1)) > 2 * MAX_N
    assert n_bytes((1, 1, MAX_N + 1), dense(1)) == im.Error.TOO_BIG
    assert n_bytes((1, 1, 1), dense(MAX_N)) > 0
    assert n_bytes((1, 1, 1), dense(MAX_N + 1)) == im.Error.TOO_BIG
    assert n_bytes((65535, 65535, 65535), dense(1)) == im.Error.TOO_BIG
    assert n_bytes((256, 256, 1), dense(1)) == im.Error.TOO_BIG
    assert n_bytes((1, 1, MAX_N), dense(16383)) == im.Error.TOO_BIG  # 2^31 bytes and more
    assert n_bytes((1, 1, 30000), dense(30000), dense(1)) > 2 * 30000**2
    assert n_bytes((1, 1, 30000), dense(30000), dense(30000)) == im.Error.TOO_BIG
    assert n_bytes((0, 1, 1), dense(1)) == im.Error.LAYER
    assert n_bytes((1, 1, 1), dense(0)) == im.Error.LAYER
    assert n_bytes((4, 4, 1), layer("conv", 1, (5, 1)), dense(1)) == im.Error.LAYER
    assert n_bytes((4, 4, 1), layer("conv", 1, (5, 1), same=1), dense(1)) > 0
    assert n_bytes((4, 4, 1), layer("conv", 1, (1, 1), (0, 1)), dense(1)) == im.Error.LAYER
    assert n_bytes((4, 4, 1), layer("maxpool", kernel=(5, 1)), dense(1)) == im.Error.LAYER
    assert n_bytes((4, 4, 1), dense(1), layer("maxpool")) == im.Error.OUTPUT
    assert n_bytes((4, 4, 1), dense(1, "relu")) == im.Error.OUTPUT


def test_records_have_the_fields_of_the_header(tmp_path):
    """The dtypes of the twin against the structs of tinyprop.h."""
    lines = ["#include <stdio.h>", '#include "tinyprop.h"', "int main(void) {"]
    structs = {"tp_model_t": im.HEAD, "tp_layer_t": im.LAYER, "tp_range_t": im.RANGE}
    for struct, dtype in structs.items():
        lines.append(f'printf("{struct} %zu\\n", sizeof({struct}));')
        for name in dtype.names:
            size = f"sizeof((({struct} *)0)->{name})"
            lines.append(f'printf("{name} %zu %zu\\n", offsetof({struct}, {name}), {size});')
    (tmp_path / "offsets.c").write_text("\n".join([*lines, "return 0; }"]))
    native.gcc("-o", tmp_path / "offsets", tmp_path / "offsets.c")
    got = native.subprocess.check_output([tmp_path / "offsets"], text=True).splitlines()
    want = []
    for struct, dtype in structs.items():
        want.append(f"{struct} {dtype.itemsize}")
        for name in dtype.names:
            want.append(f"{name} {dtype.fields[name][1]} {dtype[name].itemsize}")
    assert got == want
