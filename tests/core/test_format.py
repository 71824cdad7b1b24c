"""The format of a model: what is in git is what its one source makes, and C reads it so."""

import ctypes

import native
import pytest
from _tinyprop_numpy import format

from host_sim.generate import format as generator

STRUCTURES = ["model_spec", "layer_spec", "model_state", "layer_state", "range"]


@pytest.mark.parametrize("path", generator.files(), ids=lambda path: path.name)
def test_generated(path):
    assert path.read_text() == generator.files()[path], "python -m host_sim format writes it"


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures_of_c_and_numpy_are_the_same(name):
    c, numpy = native.TYPES[f"tp_{name}_t"], getattr(format, name.upper())
    fields = [(field, getattr(c, field).offset, getattr(c, field).size) for field, _ in c._fields_]
    assert ctypes.sizeof(c) == numpy.itemsize
    assert fields == [(f, numpy.fields[f][1], numpy[f].itemsize) for f in numpy.names]


def test_the_compiler_pads_no_structure(tmp_path):
    lines = ["#include <stdio.h>", '#include "tinyprop.h"', "int main(void) {"]
    lines += [f'printf("%zu\\n", sizeof(tp_{name}_t));' for name in STRUCTURES]
    (tmp_path / "sizes.c").write_text("\n".join([*lines, "return 0; }"]))
    native.gcc("-o", tmp_path / "sizes", tmp_path / "sizes.c")
    printed = native.subprocess.check_output([tmp_path / "sizes"], text=True)
    assert list(map(int, printed.split())) == [
        getattr(format, name.upper()).itemsize for name in STRUCTURES
    ]
