"""A file with any one bit changed and the right checksum is refused, or is a model that works."""

import contextlib
import gc
import io
from binascii import crc32

import numpy as np
import pytest
import tinyprop as tp
from _tinyprop_numpy import format as fmt

from host_sim import internals

MODELS = {
    "classes": lambda: tp.Model(3, [tp.Dense(4, "relu"), tp.Dense(2)], replay=2),
    "numbers": lambda: tp.Model(3, [tp.Dense(2)], loss="mse", policy=tp.TinyPropV2()),
    "map": lambda: tp.Model(
        (6, 1),
        [tp.Conv1D(2, 3, activation="relu"), tp.MaxPool2D((1, 2)), tp.Dense(2)],
        input_range=(0, 255),
    ),
    "names": lambda: tp.Model(3, [tp.Dense(3)], classes=["día", "no"], replay=3),
}


def file_of(model):
    file = io.BytesIO()
    model.save(file, replay=True)
    return file.getvalue()


X = np.random.default_rng(1).normal(size=(2, 6)).astype("f4")


def sample(model, i):
    return np.resize(X[i], model._n_in), X[i, :2] if model._mse else i


def use(model):
    """Calls all that there is."""
    repr(model)
    with contextlib.redirect_stdout(io.StringIO()):
        model.summary()
    model.stats(), model.check(), model.lr, model.input_range, model.output_range, model.classes
    model.learn(*sample(model, 0))
    model.predict(sample(model, 0)[0])
    model.evaluate(*sample(model, 0))
    model.stats(), model.check(), model.loss, model.input_range, model.output_range
    tp.load(io.BytesIO(file_of(model)))


def bits(model, content):
    """Of all that is no weight each bit, of weights and what comes with them some."""
    opened = internals.view(model)
    weights = range(8 * opened.layers[0].weights_offset, 8 * opened.tally_offset)
    for bit in range(8 * len(content)):
        if bit not in weights or bit % 7 == 0:
            yield bit


@pytest.mark.parametrize("name", MODELS)
def test_a_changed_file_is_refused_or_works(name, monkeypatch):
    monkeypatch.setattr(gc, "collect", lambda: 0)  # slow on a PC
    model, refused, worked = MODELS[name](), 0, 0
    for i in range(60):
        model.learn(*sample(model, i % 2))
    content = file_of(model)[:-4]
    for bit in bits(model, content):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        changed += crc32(changed).to_bytes(4, "little")
        try:
            loaded = tp.load(io.BytesIO(changed))
        except ValueError:
            refused += 1
            continue
        use(loaded)
        worked += 1
    assert refused > 4 * fmt.MODEL_SPEC.itemsize and worked > 1000
