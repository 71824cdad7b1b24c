"""Which specs are refused, and with what error."""

import images
from exact import MAX_VALUES
from images import Error, Layer, dense


def n_bytes(shape, *layers, **settings):
    return images.layout(images.BACKENDS["c"], images.spec(shape, layers, **settings))[0]


def test_layout_at_the_largest_sizes():
    assert n_bytes((1, 1, MAX_VALUES), dense(1)) > 2 * MAX_VALUES
    assert n_bytes((1, 1, MAX_VALUES + 1), dense(1)) == Error.TOO_BIG
    assert n_bytes((1, 1, 1), dense(MAX_VALUES)) > 0
    assert n_bytes((1, 1, 1), dense(MAX_VALUES + 1)) == Error.TOO_BIG
    assert n_bytes((65535, 65535, 65535), dense(1)) == Error.TOO_BIG
    assert n_bytes((256, 256, 1), dense(1)) == Error.TOO_BIG
    assert n_bytes((1, 1, MAX_VALUES), dense(16383)) == Error.TOO_BIG  # 2^31 bytes and more
    assert n_bytes((1, 1, 30000), dense(30000), dense(1)) > 2 * 30000**2
    assert n_bytes((1, 1, 30000), dense(30000), dense(30000)) == Error.TOO_BIG
    assert n_bytes((0, 1, 1), dense(1)) == Error.LAYER
    assert n_bytes((1, 1, 1), dense(0)) == Error.LAYER
    assert n_bytes((4, 4, 1), Layer("conv", 1, (5, 1)), dense(1)) == Error.LAYER
    assert n_bytes((4, 4, 1), Layer("conv", 1, (5, 1), same=1), dense(1)) > 0
    assert n_bytes((4, 4, 1), Layer("conv", 1, (1, 1), (0, 1)), dense(1)) == Error.LAYER
    assert n_bytes((4, 4, 1), Layer("maxpool", kernel=(5, 1)), dense(1)) == Error.LAYER
    assert n_bytes((4, 4, 1), dense(1), Layer("maxpool")) == Error.OUTPUT
    assert n_bytes((4, 4, 1), dense(1, "relu")) == Error.OUTPUT
