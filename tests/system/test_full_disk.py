"""A disk that is full, or may not be written to: the error says so, and what was saved stays."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_littlefs_and_fat():
    program = subprocess.check_output([ROOT / "boards/unix/build.sh"], text=True).split()[-1]
    done = subprocess.run(
        [program, "-X", "heapsize=16m", ROOT / "tests/system/full_disk.py"],
        env={**os.environ, "MICROPYPATH": f"{ROOT}/tests/portable:.frozen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0
