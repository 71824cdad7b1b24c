"""The core's sources: strict compilers find nothing, and no lower file calls a higher one."""

import re
import subprocess

import native
import pytest


def test_the_core_has_no_warnings(tmp_path):
    for source in native.SOURCES:
        native.gcc(*native.STRICT, "-O2", "-c", "-o", tmp_path / "o", source)


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The files whose functions each file calls."""
    folder = tmp_path_factory.mktemp("objects")
    calls, home = {}, {}
    for source in native.SOURCES:
        name = str(source.relative_to(native.CORE))
        compiled = folder / "o"
        native.gcc("-std=c99", "-O1", "-c", "-o", compiled, source)
        listed = subprocess.check_output(["nm", compiled], text=True)
        calls[name] = set(re.findall(r"^ +U (tp_\w+)$", listed, re.MULTILINE))
        home |= dict.fromkeys(re.findall(r"^\w+ [Ti] (tp_\w+)$", listed, re.MULTILINE), name)
    return {name: {home[symbol] for symbol in symbols} for name, symbols in calls.items()}


def test_calls_go_down_in_the_drawing_of_core_h(calls):
    text = (native.CORE / "core.h").read_text()
    drawing = re.search(r"rows below .*\n((//   .*\n)+)", text)[1].splitlines()
    row_of = {name: row for row, line in enumerate(drawing) for name in line.split()[1:]}

    def place(path):
        return "kernels/" if path.startswith("kernels/") else path.removesuffix(".c")

    assert set(row_of) == set(map(place, calls))
    for file, called in calls.items():
        for other in set(map(place, called)) - {place(file)}:
            assert row_of[place(file)] < row_of[other], f"{file} calls {other}"


def test_only_kernels_know_a_processor():
    processors = r"#\s*(el)?if.*(ARM|XTENSA|riscv|OPTIMIZE_SIZE)"
    for source in sorted(native.CORE.glob("*.[ch]")):
        assert not re.search(processors, source.read_text()), source.name


def test_only_target_h_asks_for_the_processor():
    macros = re.compile(r"\b__(ARM|XTENSA|xtensa|riscv|thumb|arm|x86)")
    asking = [
        path.name for path in native.CORE.rglob("*.[chS]") if macros.search(path.read_text())
    ]
    assert asking == ["target.h"]
