"""Files of each version of the format load for ever, or are refused by that version's name."""

import hashlib
import io
from array import array
from pathlib import Path

import pytest
import tinyprop as tp
from data import Random

GOLDEN = Path(__file__).resolve().parents[1] / "golden"

# What a model says of a hundred samples, and what it is then after learning each of them.
ANSWERS = {
    "version_3_classes.tp": ("d3b7b8a8019389f2", "d7210db851206a52"),
    "version_3_numbers.tp": ("0b5c2594a0f00dfc", "8c874a0c4256b9fb"),
}


def sha(data):
    return hashlib.sha256(data).hexdigest()[:16]


def samples(model):
    random = Random(5)
    for _ in range(100):
        yield bytes(random.below(256) for _ in range(model._n_in)), random.below(model._n_out)


def answers(model):
    """What it answers, and what it has become once it has learned the samples too."""
    said, out = b"", array("f", [0] * model._n_out)
    for x, label in samples(model):
        model.predict_into(x, out)
        said += out.tobytes()
        model.learn(x, x[: model._n_out] if model._mse else label)
    file = io.BytesIO()
    model.save(file)
    return sha(said), sha(file.getvalue())


@pytest.mark.parametrize("name", ANSWERS)
def test_a_file_loads_for_ever(name):
    model = tp.load(str(GOLDEN / name))
    file = io.BytesIO()
    model.save(file)
    assert file.getvalue() == (GOLDEN / name).read_bytes()
    assert answers(model) == ANSWERS[name]


def test_every_file_has_a_test():
    assert {path.name for path in GOLDEN.glob("version_3*")} == set(ANSWERS)


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("version_2*")))
def test_an_older_version_is_refused_by_name(name):
    with pytest.raises(ValueError, match="a model of version 2, expected 3"):
        tp.load(str(GOLDEN / name))
