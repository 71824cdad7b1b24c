"""The files of an example, as modules; and what MicroPython prints when it runs them."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


@contextmanager
def modules(folders, *names):
    """with modules(["motor", "gesture"], "main", ..) as example: example.main ...; found in the
    first of the folders that has it."""
    with pytest.MonkeyPatch.context() as patch:
        for folder in reversed(folders):
            patch.syspath_prepend(EXAMPLES / folder)
        try:
            yield SimpleNamespace(**{name: __import__(name) for name in names})
        finally:  # all examples have a main
            for name, module in list(sys.modules.items()):
                if str(EXAMPLES) in (getattr(module, "__file__", None) or ""):
                    del sys.modules[name]


def in_micropython(folders, code):
    """What this PC's MicroPython prints, which has the folders of examples in its path."""
    micropython = subprocess.check_output([ROOT / "boards/unix/build.sh"], text=True).strip()
    path = [str(EXAMPLES / folder) for folder in folders]
    code = f"import sys\nsys.path[:0] = {path}\n{code}"
    return subprocess.check_output([micropython, "-c", code], text=True)


def drawn_twice(folder, draw, *length):
    """The bytes of a short recording, which is drawn again to the byte, and otherwise by another
    seed."""
    files = [folder / name for name in ("one", "two", "other")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        draw.write(file, draw.recording(seed, *length))
    one, two, other = (file.read_bytes() for file in files)
    assert one == two != other
    return one
