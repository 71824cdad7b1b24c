"""Pools: the mean and the largest of windows, and deltas on their way back."""

import images
import numpy as np
import pytest
from _tinyprop_numpy import pool as numpy_pool
from exact import INT_MAX, INT_MIN, MAX_VALUES
from images import Layer, dense
from native import CModel, as_c

SIGNED, UNSIGNED = [(-1, 1)], [(0, 255)]


def pool_model(c, shape, kind, kernel, ranges):
    return CModel(c, shape, [Layer(kind, kernel=kernel), dense(1)], ranges=(ranges, []))


def forward(model, x):
    """Outputs of the pool, which are also those of the twin."""
    twin = model.twin.layers[0]
    model.inputs(0)[:], twin.inputs = x, np.array(x)
    model.call("tp_pool_forward", 0)
    y = model.outputs(0).tolist()
    assert y == numpy_pool.forward(model.twin, twin).tolist()
    return y


def backward(model, dy):
    """dy of the pool -> dx, row by row, which are also those of the twin."""
    layer, dx = model.layers[0], []
    n_window = layer.n_in // layer.n_out
    a = model.core.tp_pool_shift(model.address(0))
    dy = np.array(dy, np.int32)
    want, want_a = numpy_pool.backward(model.twin, model.twin.layers[0], dy)
    assert a == want_a <= n_window.bit_length()
    rows, height = dy.reshape(layer.out_h, -1), kernel_h(model)
    if layer.kind == images.number("avgpool"):
        for row in rows:
            model.core.tp_share_row(model.address(0), as_c(row))
    for row in range(layer.in_h):
        of_row = np.full(layer.n_in // layer.in_h, 99, np.int32)
        is_there = row < layer.out_h * height
        model.call("tp_spread_row", 0, rows[row // height] if is_there else None, row, of_row)
        dx += of_row.tolist()
    assert dx == want.tolist()
    return np.array(dx)


def kernel_h(model):
    """Rows of a window; a series stands upright."""
    return model.layers[0].items[1]["kernel_h"].item()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 4096, MAX_VALUES])
@pytest.mark.parametrize("value", [127, -127, 255, 1, -1, 0])
def test_average_of_everything(c, n, value):
    shape = (1, n, 1) if n < 300 else (2, n // 2, 1)
    model = pool_model(c, shape, "avgpool", (0, 0), UNSIGNED if value == 255 else SIGNED)
    x = np.full(n, value)
    x[0] = 0
    total = value * (n - 1)
    want = (abs(total) + n // 2) // n * (1 if total >= 0 else -1)
    assert forward(model, x) == [want]
    a = n.bit_length() - 1
    for d in (INT_MAX, -INT_MAX, INT_MIN, 1, -1, 127, 0):
        dx = backward(model, [d])
        share = d * ((32768 << a) // n) >> 15
        assert (dx == share).all()
        assert abs(share - d * 2**a / n) <= abs(d) / 2**14 + 1  # 14 bits of 2^a / n at least


@pytest.mark.parametrize("n", [1, 2, 5])
def test_maximum_takes_the_first(c, n):
    model = pool_model(c, (1, n, 1), "maxpool", (0, 0), SIGNED)
    for x in ([-5] * n, [3] * n, list(range(n)), list(range(n, 0, -1)), [*range(-n, 0)]):
        assert forward(model, x) == [max(x)]
        dx = backward(model, [INT_MIN])
        assert dx.tolist() == [INT_MIN if i == x.index(max(x)) else 0 for i in range(n)]


WINDOWS = [
    ((1, 1, 7), (1, 1)),
    ((6, 4, 3), (2, 2)),
    ((7, 5, 3), (2, 2)),  # a row and a column are left over
    ((8, 9, 2), (3, 5)),  # two rows and four columns
    ((5, 6, 1), (5, 1)),
    ((5, 6, 2), (1, 4)),
    ((1, 23, 4), (1, 5)),  # a series
    ((23, 1, 4), (5, 1)),
    ((9, 7, 2), (0, 0)),
    ((17, 33, 2), (16, 16)),  # windows of 256 inputs
    ((14, 90, 2), (6, 43)),  # and of 258: several such windows
    ((17, 33, 4), (16, 16)),  # the same of four channels at a time
    ((14, 90, 8), (6, 43)),
    ((1, 600, 2), (1, 255)),
]


@pytest.mark.parametrize("kind", ["maxpool", "avgpool"])
@pytest.mark.parametrize("shape, kernel", WINDOWS)
@pytest.mark.parametrize("ranges", [SIGNED, UNSIGNED])
def test_windows_that_do_not_overlap(c, kind, shape, kernel, ranges):
    """As numpy has them: with values all over, with many that are alike, and with the ends."""
    model, random = pool_model(c, shape, kind, kernel, ranges), np.random.default_rng(1)
    low, high = (-127, 127) if ranges is SIGNED else (0, 255)
    n_in, n_out = model.layers[0].n_in, model.layers[0].n_out
    for x in (
        random.integers(low, high + 1, n_in),
        random.integers(0, 2, n_in),
        random.choice([low, -1 if low else 128, 127, high], n_in),
        np.full(n_in, high),
    ):
        forward(model, x)
        for bits in (4, 20, 31):
            backward(model, random.integers(-(2**bits), 2**bits, n_out))


@pytest.mark.parametrize("n, wide", [(256, False), (257, True), (MAX_VALUES, True)])
def test_which_of_a_window(c, n, wide):
    """In one byte up to 256 inputs; any place of the window, the first of equal ones."""
    model = pool_model(c, (1, n, 1) if n < 300 else (2, n // 2, 1), "maxpool", (0, 0), UNSIGNED)
    layer = model.layers[0]
    for at in {0, 1, 254, 255, n // 2, n - 2, n - 1}:
        x = np.zeros(n, int)
        x[at:] = 7
        model.array(layer.which, np.uint8, 2)[:] = 99
        assert forward(model, x) == [7]
        assert model.call("call_which", 0, 0) == at
        assert model.array(layer.which, np.uint8, 2)[1] == (at >> 8 if wide else 99)
        assert np.flatnonzero(backward(model, [5])).tolist() == [at]


@pytest.mark.parametrize("is_series", [False, True])
def test_rows_of_a_convolution_as_they_are_made(c, is_series):
    """A maximum takes them in order, whatever was there before, and leaves the last ones over."""
    shape, kernel = ((1, 11, 3), (1, 4)) if is_series else ((11, 6, 3), (4, 2))
    model = pool_model(c, shape, "maxpool", kernel, SIGNED)
    random = np.random.default_rng(3)
    for _ in range(5):
        x = random.integers(-127, 128, model.layers[0].n_in).astype(np.int8)
        want = forward(model, x)
        which = which_of_all(model)
        model.outputs(0)[:] = 127
        for row, values in enumerate(x.reshape(11, -1)):
            model.call("tp_take_row", 0, np.ascontiguousarray(values), row)
        assert model.outputs(0).tolist() == want
        assert which_of_all(model) == which


def which_of_all(model):
    return [model.call("call_which", 0, i) for i in range(model.layers[0].n_out)]
