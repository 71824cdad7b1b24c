"""tests/targets.py refuses what it would not run; docs/micropythons.md tells what it runs on."""

import os
import re
import subprocess
import sys

import pytest
from targets import ROOT, TARGETS, Board, script

PAGE = (ROOT / "docs/micropythons.md").read_text()
ROWS = re.findall(r"^\| `([\w.-]+)` \| ([\w.-]+) \| ([^|]+) \|", PAGE, re.MULTILINE)
ON_BOARDS = [name for name, target in TARGETS.items() if isinstance(target, Board)]
ON_THIS_PC = [name for name in TARGETS if name.startswith("unix")]
VERSION = (
    "import sys; v = sys.implementation[1]; print('%d.%d.%d' % v[:3] + (v[3] and '-' + v[3]))"
)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("tests/core/test_select.py", "is no file of tests/portable"),
        ("tests/portable/test_none.py", "is no file of tests/portable"),
        ("numpi", "no target numpi; there are: host "),
    ],
)
def test_refused(argument, said):
    command = [sys.executable, "tests/targets.py", "c", argument]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and said in done.stderr


def micropython(name, code, path):
    """What that target's MicroPython says to the code, with a path to import from."""
    return subprocess.run(
        [TARGETS[name].find(), "-c", code],
        env=os.environ | {"MICROPYPATH": str(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ).stdout


@pytest.mark.skipif(
    bool(os.environ.get("MPY_DIR")), reason="the page is about the pinned versions"
)
def test_the_page_has_every_target_on_micropython():
    pins = (ROOT / "boards/versions.mk").read_text()
    pinned = re.search(r"^MICROPYTHON=.*/([\d.]+)", pins, re.MULTILINE)[1]
    versions = dict.fromkeys(ON_BOARDS, pinned)
    versions |= {name: micropython(name, VERSION, ROOT).strip() for name in ON_THIS_PC}
    there = [(name, version, TARGETS[name].module) for name, version in versions.items()]
    assert sorted(there) == sorted(ROWS)


@pytest.mark.parametrize("name", [name for name in ON_THIS_PC if name != "unix"])
@pytest.mark.parametrize(("at", "change", "kind"), [(2, 1, "file"), (2, 4 << 2, "arch")])
def test_a_file_of_another_format(name, at, change, kind, tmp_path):
    """Byte 2 has the architecture, times 4, and the number behind the point in 6.3."""
    TARGETS[name].find()
    file = bytearray((ROOT / "dist/x64_6.3/tinyprop.mpy").read_bytes())
    file[at] ^= change
    (tmp_path / "tinyprop.mpy").write_bytes(file)
    said = micropython(name, "import tinyprop", tmp_path).splitlines()[-1]
    assert said == f"ValueError: incompatible .mpy {kind}"
    assert f"| `{said}` |" in PAGE


def test_a_newer_checkout():
    """The module built of a newer MicroPython by its own mpy-cross, and loaded into it."""
    clone = ROOT / "build/newer"
    clone.mkdir(parents=True, exist_ok=True)
    for name in "boards", "micropython_mod", "usermod_c":
        if not (clone / name).exists():
            (clone / name).symlink_to(ROOT / name)
    newer = script("boards/setup/sources.sh", "micropython.newer")
    build = clone / "usermod_c/tinyprop/natmod/build.sh"
    subprocess.run([build, "x64", "armv6m"], env=os.environ | {"MPY_DIR": newer}, check=True)
    assert (clone / "build/mpy-cross/mpy-cross").exists()
    code = "import tinyprop, testkit, test_digest; testkit.main(test_digest.__dict__)"
    said = micropython("unix-mpy-1.26", code, f"{clone}/dist/x64_6.3:{ROOT}/tests/portable")
    assert "backend mpy on" in said and said.endswith("\nOK\n"), said
