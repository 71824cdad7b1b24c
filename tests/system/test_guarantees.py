"""docs/guarantees.md: each promise names tests, and these exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
NAME = r"`((?:core|portable|system)/test_\w+\.py(?:::\w+)?)`"


# First headers of tables that promise nothing: figures, sources, how it is tested.
NO_PROMISES = {"where", "bytes of the file", "what is fetched", "what"}


def tables():
    """Each table as a list of rows of cells, its header first."""
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        header, _, *rows = [line.strip()[1:-1].split("|") for line in table.splitlines()]
        yield [[cell.strip() for cell in row] for row in (header, *rows)]


@pytest.mark.parametrize("name", sorted(set(re.findall(NAME, PAGE))))
def test_a_test_that_is_named_exists(name):
    file, _, function = name.partition("::")
    source = (ROOT / "tests" / file).read_text()
    assert (f"\ndef {function}(" if function else "\ndef test_") in source


def test_each_promise_is_held_by_a_test():
    promised = [rows for header, *rows in tables() if header[-1] == "held by"]
    assert len(promised) > 5
    assert not [row for rows in promised for row in rows if not re.search(NAME, row[-1])]


def test_a_table_without_tests_promises_nothing():
    assert {rows[0][0] for rows in tables() if rows[0][-1] != "held by"} == NO_PROMISES
