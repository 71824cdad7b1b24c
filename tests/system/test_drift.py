"""examples/drift: networks that scikit-learn trained learn on; in MicroPython the same as here."""

import io
from binascii import crc32

import pytest
import tinyprop as tp
from example import in_micropython, modules

IN_MICROPYTHON = """
import io, main, tinyprop as tp
from binascii import crc32
model = tp.load({!r})
known = main.run(model, main.digits(open({!r}, "rb")))
saved = io.BytesIO()
model.save(saved, replay=True)
print(known, crc32(saved.getvalue()))
"""


@pytest.fixture(scope="module")
def example():
    with modules(["drift"], "main", "make") as example:
        yield example


@pytest.fixture(scope="module")
def made(example, tmp_path_factory):
    """Files of two models, each with that of the stream."""
    folder = tmp_path_factory.mktemp("drift")
    for seed in 1, 2:
        model, x, y = example.make.make(seed)
        model.save(folder / f"{seed}.tp")
    example.make.write(folder / "stream.bin", x, y)
    return [(folder / f"{seed}.tp", folder / "stream.bin") for seed in (1, 2)]


def known(example, files, learns=True):
    model = tp.load(files[0])
    with open(files[1], "rb") as file:
        return example.main.run(model, example.main.digits(file), learns), model


def test_it_learns_to_read_what_is_turned(example, made):
    before = [known(example, files, False)[0] for files in made]
    after = [known(example, files)[0] for files in made]
    assert all(len(each) == 7 and sum(each[:2]) > 180 for each in [*before, *after])
    turned = [sum(sum(each[3:]) for each in some) / (4 * len(made)) for some in (before, after)]
    assert turned[1] >= turned[0] + 30


def test_it_does_not_forget_what_stands_upright(example, made):
    record = 64 + 1
    upright = made[0][1].read_bytes()[: record * example.make.UPRIGHT]
    x = [list(upright[i : i + 64]) for i in range(0, len(upright), record)]
    models = [known(example, files)[1] for files in made]
    assert sum(model.evaluate(x, upright[64::record]) for model in models) / len(made) > 0.7


def test_micropython_learns_the_same(example, made):
    there, model = known(example, made[0])
    saved = io.BytesIO()
    model.save(saved, replay=True)
    said = in_micropython(["drift"], IN_MICROPYTHON.format(*map(str, made[0])))
    assert said.splitlines()[-1] == f"{there} {crc32(saved.getvalue())}"
