"""docs/guarantees.md: each promise names tests, and these exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
NAME = r"`((?:core|portable|system)/test_\w+\.py(?:::\w+)?)`"


def promises():
    """The rows of tables with the column held by, each as a list of cells."""
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        header, _, *rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
        if header[-1] == "held by":
            yield from rows


@pytest.mark.parametrize("name", sorted(set(re.findall(NAME, PAGE))))
def test_a_test_that_is_named_exists(name):
    file, _, function = name.partition("::")
    source = (ROOT / "tests" / file).read_text()
    assert (f"\ndef {function}(" if function else "\ndef test_") in source


def test_each_promise_is_held_by_a_test():
    rows = list(promises())
    assert rows and not [row for row in rows if not re.search(NAME, row[-1])]
