"""Compiles the C core, with what a test adds to it, by the machine's gcc."""

import ctypes
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORE = ROOT / "usermod_c" / "tinyprop" / "core"
SOURCES = [CORE / name for name in (CORE / "sources.txt").read_text().split()]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def gcc(*arguments):
    command = ["gcc", *map(str, arguments), f"-I{CORE}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def library(folder, *sources):
    """The core and some more sources as a shared library for ctypes."""
    path = folder / "core.so"
    gcc("-O1", "-g", "-shared", "-fPIC", "-o", path, *SOURCES, *sources)
    return ctypes.CDLL(path)
