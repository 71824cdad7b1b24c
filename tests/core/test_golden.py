"""Files of each version of the format load for ever, or are refused by that version's name."""

import re
import shutil

import pytest
import tinyprop as tp
from _tinyprop_numpy import format as fmt

from host_sim import internals
from host_sim.generate import golden
from host_sim.generate.schema import VERSION, VERSION_WITH_NAMES

# The version of each file, which is in its name.
FILES = {
    path: int(re.match(r"version_(\d+)_", path.name)[1]) for path in golden.GOLDEN.glob("*.tp")
}
READ = VERSION, VERSION_WITH_NAMES
OF_THIS_VERSION = sorted(path for path in FILES if FILES[path] in READ)
OLDER = sorted(path for path in FILES if FILES[path] not in READ)


def name_of(path):
    return path.name


@pytest.mark.parametrize("path", OF_THIS_VERSION, ids=name_of)
def test_a_file_loads_for_ever(path):
    model = tp.load(str(path))
    assert golden.file_of(model) == path.read_bytes()
    assert golden.answers(model) == golden.known_answers()[path.name]


@pytest.mark.parametrize("path", OLDER, ids=name_of)
def test_an_older_version_is_refused_by_name(path):
    said = f"a model of version {FILES[path]}, expected {VERSION} or {VERSION_WITH_NAMES}"
    with pytest.raises(ValueError, match=said):
        tp.load(str(path))


def test_this_version_has_its_files():
    names = list(map(golden.file_name, golden.MODELS))
    assert list(map(name_of, OF_THIS_VERSION)) == sorted(names), "python -m host_sim golden"


def test_names_are_in_a_file():
    model = tp.load(str(golden.GOLDEN / golden.file_name("names")))
    assert model.classes == ["día", "tarde", "noche", None]


def test_every_kind_of_layer_and_activation_is_in_a_file():
    layers = [layer for path in OF_THIS_VERSION for layer in internals.layers(tp.load(str(path)))]
    assert {layer["kind"] for layer in layers} == set(range(len(fmt.KIND_NAMES)))
    assert {layer["activation"] for layer in layers} == set(range(len(fmt.ACTIVATION_NAMES)))


def test_a_new_version_gets_its_files_and_the_others_stay(tmp_path, monkeypatch):
    copy = shutil.copytree(golden.GOLDEN, tmp_path / "golden")
    missing = copy / golden.file_name("classes")
    missing.unlink(missing_ok=True)
    before = {path: path.read_bytes() for path in copy.glob("*.tp")}
    monkeypatch.setattr(golden, "GOLDEN", copy)
    golden.main([])
    assert all(path.read_bytes() == data for path, data in before.items())
    model = tp.load(str(missing))
    assert model.stats()["steps"] == 300
    assert golden.answers(model) == golden.known_answers()[missing.name]
