"""The list of a dense layer's non-zero inputs: each one, with the offset of its weights."""

import ctypes

import numpy as np
import pytest
from exact import MAX_VALUES
from images import dense
from native import CModel

INPUTS = {
    "none": lambda n, random: np.zeros(n),
    "all": lambda n, random: np.full(n, 255),
    "the last": lambda n, random: np.arange(n) == n - 1,
    "some": lambda n, random: random.integers(-2, 3, n) * random.integers(0, 2, n),
    "few": lambda n, random: (random.random(n) < 0.02) * 7,
}


def listed(model, layer):
    """(index of the input, its value) of each entry except padding, whose value is 0."""
    at = model.call("call_nonzero_of", layer)
    row_bytes, reader, found = 2 * model.layers[layer].out_c, 0, []
    entries = (ctypes.c_uint32 * (3 * model.layers[layer].n_in + 1)).from_address(at)
    for entry in entries:
        if entry == 0:
            return found
        reader += entry & 0xFFFF
        value = ctypes.c_int16(entry >> 16).value
        if value:
            assert reader % row_bytes == 0
            found.append((reader // row_bytes, value))
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("n, n_out", [(1, 1), (7, 5), (64, 8), (500, 520), (3, 32767), (3, 40000)])
def test_every_input_that_is_not_0(c, name, n, n_out):
    """If a row of weights has more than 65,532 bytes there are padding entries between."""
    for layer in (0, 1):
        model = CModel(c, (1, 1, n), [dense(n)] * layer + [dense(n_out)])
        x = INPUTS[name](n, np.random.default_rng(n)).astype(np.int16)
        model.list_inputs(layer, x)
        want = [(i, v) for i, v in enumerate(x.tolist()) if v]
        assert listed(model, layer) == want
        assert model.layers[layer].n_nonzero == len(want)


@pytest.mark.parametrize("n", [1, 3, 4, 9, 300])
def test_bytes_as_they_stand(c, n):
    model = CModel(c, (1, 1, n), [dense(6)])
    random = np.random.default_rng(n)
    for zeros in (0, 0.5, 0.95, 1):
        for shift in range(4):  # words of zeros are only looked for at aligned addresses
            x = random.integers(1, 256, n + shift) * (random.random(n + shift) >= zeros)
            x = x.astype(np.uint8)[shift:]
            model.call("tp_list_input_bytes", 0, x)
            assert listed(model, 0) == [(i, v) for i, v in enumerate(x.tolist()) if v]


def test_the_longest_list_fits(c):
    """Inputs lie at the end of their own list, which grows over them."""
    for n, n_out in ((MAX_VALUES, 1), (1000, 40000), (100, MAX_VALUES)):
        model = CModel(c, (1, 1, n), [dense(n_out)])
        model.list_inputs(0, np.arange(1, n + 1) % 255 + 1)
        assert listed(model, 0) == [(i, (i + 1) % 255 + 1) for i in range(n)]
