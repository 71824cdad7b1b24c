"""The format of a model: files in git are what their one source makes, and all agree on it."""

import ctypes
import subprocess

import headers
import native
import numpy as np
import pytest
from _tinyprop_numpy import format as fmt

from host_sim.generate import format as generator

STRUCTURES = {
    f"tp_{name}_t": getattr(fmt, name.upper())
    for name in (
        "model_spec",
        "layer_spec",
        "model_state",
        "layer_state",
        "range",
        "learned_range",
    )
}


@pytest.mark.parametrize("path", generator.files(), ids=lambda path: path.name)
def test_generated(path):
    assert path.read_text() == generator.files()[path], "python -m host_sim format writes it"


def test_the_page_has_every_generated_file():
    page = (generator.ROOT / "docs/how_it_works.md").read_text()
    table = page[page.index("## One source for the format") :]
    for path in generator.files():
        assert f"[{path.name}](" in table or f"/{path.name}](" in table, path


def fields(dtype):
    return [dtype.itemsize, *((n, dtype.fields[n][1], dtype[n].itemsize) for n in dtype.names)]


@pytest.mark.parametrize("name", STRUCTURES)
def test_numpy_has_the_fields_of_the_header(name):
    assert fields(STRUCTURES[name]) == fields(np.dtype(headers.TYPES[name]))


def test_the_compiler_has_the_fields_that_tests_read_from_the_headers(tmp_path):
    structures = {name: t for name, t in headers.TYPES.items() if hasattr(t, "_fields_")}
    lines = ["#include <stdio.h>", '#include "core.h"', "int main(void) {"]
    for name, structure in structures.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for field, _ in structure._fields_:
            size = f"sizeof((({name} *)0)->{field})"
            lines.append(f'printf("{field} %zu %zu\\n", offsetof({name}, {field}), {size});')
    (tmp_path / "offsets.c").write_text("\n".join([*lines, "return 0; }"]))
    native.gcc("-o", tmp_path / "offsets", tmp_path / "offsets.c")
    printed = subprocess.check_output([tmp_path / "offsets"], text=True).splitlines()
    want = []
    for name, structure in structures.items():
        want.append(f"{name} {ctypes.sizeof(structure)}")
        for field, _ in structure._fields_:
            at = getattr(structure, field)
            want.append(f"{field} {at.offset} {at.size}")
    assert printed == want and len(structures) > 10
