"""A step from end to end, and runs of many steps, in both backends."""

import ctypes
from array import array

import images
import numpy as np
import pytest
from _tinyprop_numpy.format import MAX_PRODUCTS
from headers import TYPES
from images import BACKENDS, Error, Image, Layer, dense
from native import CModel, as_c

with_backends = pytest.mark.parametrize("backend", BACKENDS)
LAYERS = [dense(6, "relu"), dense(3)]


def build(backend, layers=LAYERS, n_in=5, **settings):
    settings.setdefault("ranges", images.BYTES)
    return images.build(BACKENDS[backend], (1, 1, n_in), layers, **settings)


def samples(n, n_in=5, n_classes=3):
    random = np.random.default_rng(n)
    x, y = random.integers(0, 256, n * n_in), random.integers(0, n_classes, n)
    return array("B", x.tolist()), array("B", y.tolist())


@with_backends
def test_weights_are_looked_at_every_64_trained_steps(backend):
    for skip, moves in ((0, True), (1 << 14, False)):  # 1 << 14: each sample is skipped
        buffer = build(backend, skip=skip, lr_shift=30)
        model = Image(buffer)
        model.layers[0].w_frac, model.weights(0)[:] = 9, 1  # so small that it may be finer
        x, y = samples(130)
        for step in range(1, 131):
            trained = BACKENDS[backend].run(buffer, x, y, 130, step - 1, 1, True)
            assert trained == moves
            assert model.layers[0].w_frac == 9 + step // 64 * moves, step
        assert model.head.steps == 130 and model.head.skipped == 130 * (not moves)


@with_backends
def test_weights_are_looked_at_after_a_clamp(backend):
    buffer = build(backend, lr_shift=4)
    model = Image(buffer)
    x, y = samples(3)
    # The first step centres its inputs on themselves, so no weight moves.
    assert BACKENDS[backend].run(buffer, x, y, 3, 0, 1, True) == 1
    w_frac = model.layers[1].w_frac
    model.weights(1)[:] = 32767
    model.head.n_clamped = 0
    assert BACKENDS[backend].run(buffer, x, y, 3, 1, 1, True) == 1
    assert model.head.n_clamped > 0 and model.layers[1].w_frac == w_frac - 1
    assert np.abs(model.weights(1).astype(int)).max() <= 16384


@with_backends
def test_pieces_of_a_run_are_the_run(backend):
    x, y = samples(50)
    whole = build(backend, policy="diffused", s_min=5000)
    pieces = bytearray(whole)
    trained = BACKENDS[backend].run(whole, x, y, 50, 0, 50, True)
    parts = [(0, 7), (7, 1), (8, 0), (8, 42)]
    assert trained == sum(
        BACKENDS[backend].run(pieces, x, y, 50, start, count, True) for start, count in parts
    )
    assert images.saved(whole) == images.saved(pieces)
    assert Image(whole).head.loss_count == 50


@with_backends
def test_a_bad_sample_anywhere_changes_nothing(backend):
    buffer = build(backend)
    x, y = samples(9)
    before = images.saved(buffer)
    y[8] = 3
    assert BACKENDS[backend].run(buffer, x, y, 9, 0, 2, True) == Error.Y_CLASS
    assert BACKENDS[backend].run(buffer, x, y, 9, 7, 2, True) == Error.Y_CLASS
    for total, start, count in ((9, 8, 2), (9, 10, 0), (8, 0, 8), (10, 0, 1)):
        assert BACKENDS[backend].run(buffer, x, y, total, start, count, True) == Error.X_LENGTH
    assert images.saved(buffer) == before
    assert BACKENDS[backend].run(buffer, x, y, 9, 3, 2, True) == 2  # all are checked at start = 0


@with_backends
@pytest.mark.parametrize("part, error", [(0, Error.X_FINITE), (1, Error.Y_FINITE)])
def test_a_piece_of_a_run_looks_at_its_own_numbers(backend, part, error):
    """And at start = 0 at all of them."""
    buffer = images.build(BACKENDS[backend], (1, 1, 2), [dense(3)], "mse")
    numbers = array("f", range(10)), array("f", range(15))
    of_sample = len(numbers[part]) // 5
    for i in (3 * of_sample, 4 * of_sample - 1):  # the first and the last one of sample 3
        x, y = (values[:] for values in numbers)
        (x, y)[part][i] = float("nan")
        wanted = {0: error, 2: 1, 3: error, 4: 1}
        for start, want in wanted.items():
            assert BACKENDS[backend].run(buffer, x, y, 5, start, 1, True) == want


def test_a_total_whose_numbers_would_wrap(c):
    """2^62 samples of 4 numbers have 2^64 numbers, which is 0 to a machine of 64 bits."""
    model = CModel(c, (1, 1, 4), [dense(4)], "mse", ranges=([(0, 1)], [(0, 1)]))
    none = as_c(TYPES["tp_values_t"](None, 0, b"f"))
    image, n_bytes = ctypes.byref(model.memory), ctypes.c_size_t(len(model.buffer))
    total, nothing = ctypes.c_size_t(1 << 62), ctypes.c_size_t(0)
    got = c.tp_run(image, n_bytes, none, none, total, nothing, nothing, 1)
    assert got == Error.X_LENGTH


@with_backends
def test_evaluating_and_predicting_change_the_loss_alone(backend):
    buffer = build(backend)
    x, y = samples(20)
    BACKENDS[backend].run(buffer, x, y, 20, 0, 20, True)
    loss = Image(buffer).head.loss_sum
    before = bytearray(buffer)
    right = BACKENDS[backend].run(buffer, x, y, 20, 0, 20, False)
    assert right == sum(
        BACKENDS[backend].predict(buffer, x[5 * i : 5 * i + 5], None) == y[i] for i in range(20)
    )
    head = Image(buffer).head
    assert head.loss_count == 20 and head.loss_sum != loss
    head.loss_sum = loss
    assert images.saved(buffer) == images.saved(before)


@with_backends
def test_the_first_of_equal_scores_wins(backend):
    buffer = build(backend)
    Image(buffer).weights(1)[:] = 0
    assert BACKENDS[backend].predict(buffer, samples(1)[0], None) == 0
    Image(buffer).biases(1)[1:] = 1000
    assert BACKENDS[backend].predict(buffer, samples(1)[0], None) == 1


@with_backends
def test_macs_are_those_of_dw_and_dx_above_the_lowest_trained_layer(backend):
    for trainable, dw, dx in (((1, 1), 4 * 4 * 2 + 16 * 3, 16 * 3), ((0, 1), 16 * 3, 0)):
        layers = [
            Layer("conv", 4, (1, 2), activation="tanh", trainable=trainable[0]),
            dense(3, trainable=trainable[1]),
        ]
        buffer = images.build(BACKENDS[backend], (1, 5, 1), layers, ranges=images.BYTES)
        x, y = samples(3)
        assert BACKENDS[backend].run(buffer, x, y, 3, 0, 3, True) == 3
        head = Image(buffer).head
        assert head.macs_dense == head.macs_selected == 3 * (dw + dx)


def test_macs_of_a_step_of_nearly_as_many_products_as_there_may_be():
    """dW and dx of all layers but the first, which has no dx."""
    filters = Layer("conv", 1, (1, 1)), Layer("conv", 1, (64, 64), same=1)
    buffer = images.build(BACKENDS["c"], (256, 255, 1), [*filters, dense(2)], ranges=images.BYTES)
    first, others = 256 * 255, 256 * 255 * (64 * 64 + 2)
    assert MAX_PRODUCTS - (first + others) < MAX_PRODUCTS // 256
    assert BACKENDS["c"].run(buffer, bytes(256 * 255), b"\1", 1, 0, 1, True) == 1
    head = Image(buffer).head
    assert head.macs_dense == head.macs_selected == first + 2 * others


@with_backends
def test_a_model_with_nothing_to_train_skips_all(backend):
    buffer = build(backend, [dense(2, trainable=0)])
    x, y = samples(4, n_classes=2)
    weights = Image(buffer).weights(0).copy()
    assert BACKENDS[backend].run(buffer, x, y, 4, 0, 4, True) == 0
    assert Image(buffer).head.skipped == 4 and (Image(buffer).weights(0) == weights).all()
