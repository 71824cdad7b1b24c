"""bench/results.json has the figures of this very code: none has changed unnoticed."""

import json
import math
import re
from pathlib import Path

import pytest
import run
import tinyprop_words as words

ROOT = Path(__file__).resolve().parents[2]
# Other processors, and the architectures of .mpy files that they run (py/persistentcode.h).
PROCESSORS = [
    ("Cortex-M3", [5]),
    ("Cortex-M4F", [7, 8]),
    ("RISC-V", [11]),
    ("Xtensa", [10]),
]
STALE = "make bench writes the new figures, if they are as they should be"


def recorded(rows):
    """Those rows of results.json that are about the same, as {what: value}."""

    def key(r):
        return r["target"], r["case"], r["op"], r["metric"]

    known = {key(r): r["value"] for r in json.loads(run.RESULTS.read_text())}
    return {key(r): known.get(key(r)) for r in rows}, {key(r): r["value"] for r in rows}


@pytest.fixture(scope="module", params=run.MACHINES)
def machine(request):
    with run.Qemu(request.param) as board:
        yield board


@pytest.mark.parametrize("case", run.SAMPLES)
def test_cycles(case):
    with run.open_pico(case) as pico:
        want, got = recorded(list(run.measure_on_pico(pico, case)))
    assert got == want, STALE


@pytest.mark.parametrize("case", run.SAMPLES)
def test_cycles_of_the_mpy(case):
    with run.open_plain_pico(case) as pico:
        want, got = recorded(list(run.measure_mpy_on_pico(pico, case)))
    assert got == want, STALE


@pytest.mark.parametrize("case", run.SAMPLES)
def test_instructions(machine, case):
    want, got = recorded(list(run.measure_on_qemu(machine, case)))
    assert got == pytest.approx(want, abs=2), STALE  # a clock's tick is a third of an instruction


def test_sizes():
    sizes = [row for arch in run.ARCHITECTURES for row in run.sizes_of_mpy(arch)]
    here = [run.native_code(), run.firmware_growth(), *run.heap_of_import(), *run.ram_of_models()]
    want, got = recorded([*sizes, *here])
    assert got == want, STALE


def means():
    rows = json.loads(run.RESULTS.read_text())
    named = {(r["target"], r["case"], r["op"]): r["value"] for r in rows if r["metric"] == "mean"}
    return named, {(case, op) for target, case, op in named if target == "pico-mpy"}


@pytest.mark.parametrize("target, archs", PROCESSORS)
def test_the_longest_calls_of_other_processors_follow_from_these_figures(target, archs):
    """In percent of those of a Pico: where they are most, doubled, and rounded up to tens."""
    mean, ops = means()
    most = max(mean[target, *op] / mean["pico-mpy", *op] for op in ops)
    for arch in archs:
        assert words._PERCENT[arch] == 10 * math.ceil(20 * most)


def test_the_longest_calls_of_a_pico_are_those_of_the_mpy():
    mean, ops = means()
    assert all(mean["pico", *op] < mean["pico-mpy", *op] for op in ops)
    assert words._PERCENT[4] == 100


def test_the_readme_has_these_figures():
    text = " ".join((ROOT / "README.md").read_text().split())
    said = re.search(
        r"takes ([\d,]+) cycles to predict and ([\d,]+) to learn .*?: ([\d.]+) ms\."
        r" .*? it takes ([\d,]+)\.",
        text,
    ).groups()
    mean, _ = means()
    forward, first, last = (
        mean["pico-mpy", "mlp-64-32-10", op]
        for op in ("forward", "learn-default-first", "learn-default")
    )
    assert said == (f"{forward:,}", f"{first:,}", f"{first / 125_000:.2f}", f"{last:,}")
