"""Files that were damaged, or made on purpose, by hypothesis: load() refuses them with a
ValueError, or gives a model that works, with numpy as with C. What such an image does to the core
is for test_fuzz_core.py.

TINYPROP_CASES says how many files are tried; a case that fails is shown as the smallest one.
"""

import io
import os
import struct
from array import array
from binascii import crc32

import _tinyprop
import _tinyprop_numpy
import pytest
import tinyprop as tp
from _tinyprop_numpy import replay
from _tinyprop_numpy.format import MODEL_STATE
from hypothesis import given, settings
from hypothesis import strategies as st

from host_sim import internals

CASES = int(os.environ.get("TINYPROP_CASES", "200"))


def conv_net():
    layers = [tp.Conv2D(2, 3, activation="relu"), tp.MaxPool2D(2), tp.Dense(3)]
    return tp.Model((6, 6, 1), layers, input_range=(0, 255), policy=tp.TopK())


def numbers():
    layers = [tp.Dense(4, activation="tanh"), tp.Dense(2)]
    return tp.Model(3, layers, loss="mse", replay=5, lr=0.05)


def frozen():
    layers = [tp.Dense(5, activation="sigmoid", trainable=False), tp.Dense(3)]
    return tp.Model((2, 2), layers, replay=4)


def sample(model):
    y = [0.5] * model._n_out if model._mse else 1
    return array("f", [k % 5 for k in range(model._n_in)]), y


def file_of(model):
    for _ in range(70):
        model.learn(*sample(model))
    file = io.BytesIO()
    model.save(file, replay=True)
    return file.getvalue()


FILES = [file_of(make()) for make in (conv_net, numbers, frozen)]
SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}


@st.composite
def changes(draw, n):
    """A field of a file of n bytes, mostly before the weights, and its new value."""
    size = draw(st.sampled_from(list(SIZES)))
    at = draw(st.integers(0, min(n, 320)) | st.integers(0, n)) // size * size
    ends = st.sampled_from([0, 1, 255, 1 << 8 * size - 1, (1 << 8 * size) - 1])
    return at, SIZES[size], draw(ends | st.integers(0, (1 << 8 * size) - 1)) % (1 << 8 * size)


@st.composite
def files(draw):
    """(a whole file, what became of it without its CRC)"""
    whole = draw(st.sampled_from(FILES))
    file = bytearray(whole[:-4])
    for at, size, value in draw(st.lists(changes(len(file)), min_size=1, max_size=4)):
        if at + struct.calcsize(size) <= len(file):
            struct.pack_into("<" + size, file, at, value)
    if draw(st.integers(0, 3)) == 3:
        del file[draw(st.integers(0, len(file))) :]
    if draw(st.integers(0, 9)) == 9:
        file += draw(st.binary(max_size=9))
    return whole, bytes(file)


@settings(max_examples=CASES, deadline=None, database=None, derandomize=True)
@given(files())
def test_a_damaged_file_is_refused(case):
    whole, file = case
    damaged = file + whole[-4:]
    if damaged != whole:
        with pytest.raises(ValueError):
            tp.load(io.BytesIO(damaged))


@settings(max_examples=CASES, deadline=None, database=None, derandomize=True)
@given(files())
def test_a_file_that_is_loaded_works(case):
    _, file = case
    try:
        model = tp.load(io.BytesIO(file + struct.pack("<I", crc32(file))))
    except ValueError:
        return
    x, y = sample(model)
    for _ in range(3):
        model.learn(x, y)
        model.predict(x)
    model.stats(), model.check(), repr(model), model.loss, model.lr, model.input_range
    model.save(io.BytesIO())
    model.reset()
    model.learn(x, y)


# ---- C and numpy


def done_by(backend, file):
    """What a model in a file answers, and becomes; None if it is refused."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("layout", "hold", "init", "learn", "run", "predict", "distances"):
            patch.setattr(_tinyprop, name, getattr(backend, name))
        patch.setattr(tp, "_learn", backend.learn)
        patch.setattr(tp, "_predict", backend.predict)
        try:
            model = tp.load(io.BytesIO(file + struct.pack("<I", crc32(file))))
        except ValueError:
            return None
        x, y = sample(model)
        answers = [(model.learn(x, y), model.predict(x)) for _ in range(2)]
        answers += [model.loss, model.evaluate(x, y if model._mse else [y]), model.stats()]
        return repr(answers), bytes(model._saved())


def by_both(file):
    return [done_by(backend, file) for backend in (_tinyprop.c_backend(), _tinyprop_numpy)]


@settings(max_examples=CASES // 2, deadline=None, database=None, derandomize=True)
@given(files())
def test_a_file_that_is_loaded_works_with_numpy(case):
    by_c, by_numpy = by_both(case[1])
    assert (by_c is None) == (by_numpy is None)


def at_its_end(field, model):
    opened = internals.view(model)
    if field == "labels":
        replay.memory(opened).labels[...] = 32767
    else:
        opened.state.item[field] = (1 << 8 * opened.state.item[field].itemsize) - 1


STATE = [name for name, (dtype, _) in MODEL_STATE.fields.items() if dtype.kind == "u"]


@pytest.mark.parametrize("field", [*STATE, "labels"])
def test_a_field_at_its_end_does_the_same_with_numpy(field):
    for whole in FILES:
        model = tp.load(io.BytesIO(whole))
        if field in STATE or model._replay_bytes():
            at_its_end(field, model)
        file = io.BytesIO()
        model.save(file, replay=True)
        by_c, by_numpy = by_both(file.getvalue()[:-4])
        assert by_c == by_numpy and by_c is not None
