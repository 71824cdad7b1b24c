"""The core's sources: strict compilers find nothing, no lower file calls a higher one, and
docs/how_it_works.md says what is there."""

import re
import subprocess

import _tinyprop_numpy
import native
import pytest

ROOT = native.HERE.parents[1]
PAGE = (ROOT / "docs/how_it_works.md").read_text()


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


def drawing():
    """Of core.h: the files in each row."""
    text = (native.CORE / "core.h").read_text()
    lines = re.search(r"rows below .*\n((//   .*\n)+)", text)[1].splitlines()
    return [line.split()[1:] for line in lines]


def test_calls_go_down_in_the_drawing_of_core_h(calls):
    row_of = {name: row for row, names in enumerate(drawing()) for name in names}

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


def test_the_page_has_the_drawing_of_core_h():
    lines = re.search(r"rows below its own\.\n\n((    .*\n)+)", PAGE)[1].splitlines()
    assert [re.split(" {10,}", line.strip())[0].split() for line in lines] == drawing()


def test_the_page_says_which_files_have_no_twin_and_no_tests():
    files = {name for row in drawing() for name in row}
    twins = {path.stem for path in (ROOT / "host_sim/_tinyprop_numpy").glob("*.py")}
    tested = {path.stem.removeprefix("test_") for path in native.HERE.glob("test_*.py")}
    no_twin, no_tests = re.search(r"numpy has no (.*):.*\n.* no test file of (.*):", PAGE).groups()
    files = {name.strip("/") for name in files}
    assert files - twins == set(re.findall(r"`(\w+)`", no_twin))
    assert files - tested == set(re.findall(r"`(\w+)`", no_tests))


def test_the_page_has_every_function_of_the_seam():
    binding = (native.CORE.parent / "modtinyprop.c").read_text()
    of_cpython = (ROOT / "host_sim/backend/_tinyprop_c.c").read_text()
    seam = set(re.findall(r"X\(MP_QSTR_(\w+),", binding))
    assert seam == set(re.findall(r'^    { "(\w+)", mod_', of_cpython, re.MULTILINE))
    assert seam == set(_tinyprop_numpy.__all__)
    table = re.search(r"\n\| function \| \|\n((\|.*\n)+)", PAGE)[1]
    assert seam == set(re.findall(r"^\| `(\w+)\(", table, re.MULTILINE))


@pytest.mark.parametrize("file", ["armv7em.c", "x86_64.c"])
def test_the_page_has_the_kernels_of_a_processor(file):
    source = (native.CORE / "kernels" / file).read_text()
    kernels = set(re.findall(r"^(?:TP_HOT )?\w+ (tp_\w+)\([^)]*\) \{$", source, re.MULTILINE))
    row = re.search(rf"^\| `{file}` .*", PAGE, re.MULTILINE)[0]
    assert kernels and kernels == set(re.findall(r"`(tp_\w+)`", row))
