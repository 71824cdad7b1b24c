"""tests/targets.py refuses what it would not run."""

import subprocess
import sys

import pytest
from targets import ROOT


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
