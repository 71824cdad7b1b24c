"""Which specs and images are refused, with which error, and the shapes of layers."""

from array import array

import images
import numpy as np
import pytest
from _tinyprop_numpy import format as fmt
from exact import MAX_VALUES
from images import BACKENDS, Error, Image, Layer, dense

with_backends = pytest.mark.parametrize("backend", BACKENDS)


@with_backends
def test_layout_at_the_largest_sizes(backend):
    def n_bytes(shape, *layers):
        return images.layout(BACKENDS[backend], images.spec(shape, layers))[0]

    assert n_bytes((1, 1, MAX_VALUES), dense(1)) > 2 * MAX_VALUES
    assert n_bytes((1, 1, MAX_VALUES + 1), dense(1)) == Error.TOO_BIG
    assert n_bytes((1, 1, 1), dense(MAX_VALUES)) > 0
    assert n_bytes((1, 1, 1), dense(MAX_VALUES + 1)) == Error.TOO_BIG
    assert n_bytes((65535, 65535, 65535), dense(1)) == Error.TOO_BIG
    assert n_bytes((256, 256, 1), dense(1)) == Error.TOO_BIG
    assert n_bytes((1, 1, 16384), dense(16384 - 1), dense(1)) > 2 * (16384**2 - 16384)
    assert n_bytes((1, 1, 16384), dense(16384), dense(1)) == Error.TOO_SLOW
    assert n_bytes((1, 1, MAX_VALUES), dense(4097)) == Error.TOO_SLOW
    assert n_bytes((1, 1, MAX_VALUES), dense(MAX_VALUES)) == Error.TOO_SLOW
    # A window of 255 x 255 for each of 256 x 255 pixels: 170 KB as an image, 4.2e9 products.
    wide = Layer("depthwise", 0, (255, 255), same=1)
    assert n_bytes((256, 255, 1), wide, dense(2)) == Error.TOO_SLOW
    assert n_bytes((64, 64, 1), wide, dense(2)) > 0
    assert n_bytes((1, 1, 4129), wide, dense(1)) == Error.TOO_SLOW
    n = n_bytes((1, 1, 4128), wide, dense(1))
    assert n == Error.TOO_BIG if backend == "c" else n > 0  # C needs scratch, too
    assert n_bytes((0, 1, 1), dense(1)) == Error.LAYER
    assert n_bytes((1, 1, 1), dense(0)) == Error.LAYER
    assert n_bytes((4, 4, 1), Layer("conv", 1, (5, 1)), dense(1)) == Error.LAYER
    assert n_bytes((4, 4, 1), Layer("conv", 1, (5, 1), same=1), dense(1)) > 0
    assert n_bytes((4, 4, 1), Layer("conv", 1, (1, 1), (0, 1)), dense(1)) == Error.LAYER
    assert n_bytes((4, 4, 1), Layer("maxpool", kernel=(5, 1)), dense(1)) == Error.LAYER
    assert n_bytes((4, 4, 1), dense(1), Layer("maxpool")) == Error.OUTPUT
    assert n_bytes((4, 4, 1), dense(1, "relu")) == Error.OUTPUT


@with_backends
def test_what_is_saved(backend):
    """Spec, state and ranges; of each layer weights, slopes, biases, sums and means; what is noted
    of each output; and what is remembered."""

    def rounded(n):
        return n + 3 & ~3

    layers = [
        Layer("conv", 5, (3, 2)),
        Layer("depthwise", 0, (1, 2)),
        Layer("maxpool", kernel=(2, 1)),
        dense(7),
        dense(3),
    ]
    of_layers = rounded(2 * 3 * 2 * 2 * 5) + rounded(4 * 5 + 3 * 2)
    of_layers += rounded(2 * 2 * 5) + rounded(4 * 5 + 3 * 5)
    of_layers += rounded(2 * (20 + 1) * 7) + rounded(4 * 7 + 3 * 20)
    of_layers += rounded(2 * (7 + 1) * 3) + rounded(4 * 3 + 3 * 7)
    fixed = 40 + 5 * 16 + 120 + 5 * 36 + of_layers + 3 * 4
    for settings, ranges in (
        ({}, 2 * 16),
        ({"ranges": ([(0, 1)], [])}, 8),
        ({"ranges": ([(0, 1)] * 2, [])}, 2 * 8),
        ({"loss": "mse"}, 5 * 16),
        ({"loss": "mse", "ranges": ([(0, 1)] * 2, [(0, 1)])}, 3 * 8),
        ({"loss": "mse", "ranges": ([(0, 1)], [(0, 1)] * 3)}, 4 * 8),
        ({"replay": 10}, 2 * 16 + rounded(2 * 8 + 2 * 3 + 10 * (2 + 4 * 6 * 2))),
        ({"loss": "mse", "replay": 9}, 5 * 16 + rounded(5 * 8 + 2 + 9 * (2 * 3 + 4 * 6 * 2))),
    ):
        buffer = images.build(BACKENDS[backend], (4, 6, 2), layers, **settings)
        assert Image(buffer).head.saved_bytes == fixed + ranges, settings


@with_backends
def test_shapes_are_aligned(backend):
    asked, room = images.spec((1, 1, 3), [dense(2)]), np.zeros(40, np.uint8)
    for start in range(8):
        size = BACKENDS[backend].layout(asked, memoryview(room)[start : start + 28])
        assert size == Error.ALIGN if start % 4 else size > 0


@with_backends
def test_what_cannot_be_remembered(backend):
    def n_bytes(replay, trainable=1, **settings):
        layers = [dense(9, trainable=trainable), dense(4, trainable=trainable)]
        asked = images.spec((1, 1, 60000), layers, replay=replay, **settings)
        return images.layout(BACKENDS[backend], asked)[0]

    assert n_bytes(4) > 4 * 60000
    assert n_bytes(3) == n_bytes(3, loss="mse", trainable=0) == Error.IMAGE
    assert n_bytes(3, loss="mse") > 3 * 60000
    assert n_bytes(4, trainable=0) == Error.IMAGE
    most = (2**31 - 4) // 4 // (60000 + 2 * 4)
    assert n_bytes(most) > most * 60000
    assert n_bytes(most + 1) == n_bytes(65535) == Error.TOO_BIG


WINDOWS = [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (1, 3), (5, 3), (7, 4), (8, 8)]


@with_backends
@pytest.mark.parametrize("kernel, stride", WINDOWS)
def test_shapes_are_those_of_keras(backend, kernel, stride):
    for n in range(1, 12):
        same, valid = -(-n // stride), len(range(0, n - kernel + 1, stride))
        for padding, out in ((1, same), (0, valid)):
            conv = Layer("conv", 3, (kernel, 1), (stride, 1), padding)
            asked = images.spec((n, 2, 4), [conv, dense(2)])
            size, shapes = images.layout(BACKENDS[backend], asked)
            assert size == Error.LAYER if out == 0 else size > 0
            if out:
                assert shapes[:, :4].tolist() == [[out, 2, 3, kernel * 4], [1, 1, 2, out * 2 * 3]]
        pool = images.spec((n, 2, 4), [Layer("maxpool", 0, (kernel, 1)), dense(2)])
        size, shapes = images.layout(BACKENDS[backend], pool)
        if n < kernel:
            assert size == Error.LAYER
        else:
            assert shapes[0].tolist()[:4] == [n // kernel, 2, 4, kernel]


# Fields that are used as a shift, a count or a choice, with values that are just not allowed.
MODEL_SPEC = {
    "n_layers": [0, 255],
    "loss": [len(fmt.LOSS_NAMES)],
    "policy": [len(fmt.POLICY_NAMES)],
    "lr_mantissa": [15, 32],
    "lr_shift": [3, 31],
    "n_input_ranges": [2, 4],
    "n_output_ranges": [1],
    "s_min": [(1 << 15) + 1],
    "s_max": [(1 << 15) + 1],
    "zeta": [(1 << 15) + 1],
    "skip": [(1 << 14) + 1],
    "replay": [1],  # of two classes
}
LAYER_SPEC = {
    "kind": [len(fmt.KIND_NAMES)],
    "activation": [len(fmt.ACTIVATION_NAMES)],
    "trainable": [2],
    "same": [2],
}
LAYER_STATE = {
    "w_frac": [-1, 17],
    "y_frac": [-9, 13],
    "age": [512],
    "threshold": [(1 << 30) + 1],
    "residual": [(1 << 30) + 1],
    "energy": [(1 << 30) + 1],
    "n_summed": [256],
    "mean_shift": [32],
}


def pairs(fields):
    return [(name, value) for name in fields for value in fields[name]]


def predicted(backend, buffer):
    return BACKENDS[backend].predict(buffer, array("B", [1] * 6), None)


@with_backends
@pytest.mark.parametrize("name, value", pairs(MODEL_SPEC))
def test_every_field_of_the_spec_is_checked(backend, name, value):
    buffer = images.build(BACKENDS[backend], (1, 2, 3), [dense(2, "relu"), dense(2)])
    setattr(Image(buffer).head, name, value)
    assert images.layout(BACKENDS[backend], buffer)[0] == Error.IMAGE
    # The ranges may be refused before their number.
    assert predicted(backend, buffer) in (Error.IMAGE, "ranges" in name and Error.RANGE)


@with_backends
@pytest.mark.parametrize("name, value", pairs(LAYER_SPEC) + pairs(LAYER_STATE))
def test_every_field_of_a_layer_is_checked(backend, name, value):
    for layer in (0, 1):
        layers = [dense(2, "relu"), dense(2)]
        buffer = images.build(BACKENDS[backend], (1, 2, 3), layers, ranges=images.BYTES)
        assert predicted(backend, buffer) in (0, 1)
        setattr(Image(buffer).layers[layer], name, value)
        assert predicted(backend, buffer) == Error.IMAGE


ALLOWED = {
    "lr_mantissa": [16, 31],
    "lr_shift": [4, 30],
    **{name: [0, 1 << 15] for name in ("s_min", "s_max", "zeta")},
    "skip": [0, 1 << 14],
    "w_frac": [0, 16],
    "y_frac": [-8, 12],
    "age": [0, 511],
    **{name: [0, 1 << 30] for name in ("threshold", "residual", "energy")},
    "n_summed": [0, 255],
    "mean_shift": [0, 31],
}


@with_backends
@pytest.mark.parametrize("name, value", pairs(ALLOWED))
def test_a_field_at_its_bound_is_taken(backend, name, value):
    layers = [dense(2, "relu"), dense(2)]
    buffer = images.build(BACKENDS[backend], (1, 2, 3), layers, ranges=images.BYTES)
    setattr(Image(buffer).head if name in MODEL_SPEC else Image(buffer).layers[0], name, value)
    assert predicted(backend, buffer) in (0, 1)


@with_backends
def test_an_image_is_whole_aligned_and_of_this_version(backend):
    whole = images.build(BACKENDS[backend], (1, 2, 3), [dense(2)], ranges=images.BYTES)
    for n in (*range(0, len(whole), 5), len(whole) - 1):
        assert predicted(backend, whole[:n]) == Error.IMAGE, n
    unaligned = memoryview(np.zeros(len(whole) + 12, np.uint8))[4:-8]
    unaligned[:] = whole
    assert predicted(backend, unaligned) == Error.ALIGN
    for name, error in (("magic", Error.IMAGE), ("version", Error.VERSION)):
        buffer = bytearray(whole)
        setattr(Image(buffer).head, name, 1)
        assert predicted(backend, buffer) == error
    assert predicted(backend, whole) in (0, 1)
