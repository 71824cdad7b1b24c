"""bench/results.json has the figures of this very code: none has changed unnoticed."""

import json
import re
from pathlib import Path

import pytest
import run

ROOT = Path(__file__).resolve().parents[2]
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
    here = [run.firmware_growth(), *run.heap_of_import(), *run.ram_of_models()]
    want, got = recorded([*sizes, *here])
    assert got == want, STALE


def test_the_readme_has_these_figures():
    text = (ROOT / "README.md").read_text()
    said = re.search(
        r"takes\s+([\d,]+) cycles to predict and ([\d,]+) to learn, .*: ([\d.]+) ms\."
        r"\s.*\s.* it takes ([\d,]+)\.",
        text,
    ).groups()
    mean = {
        (r["target"], r["case"], r["op"]): r["value"]
        for r in json.loads(run.RESULTS.read_text())
        if r["metric"] == "mean"
    }
    forward, first, last = (
        mean["pico-mpy", "mlp-64-32-10", op]
        for op in ("forward", "learn-default-first", "learn-default")
    )
    assert said == (f"{forward:,}", f"{first:,}", f"{first / 125_000:.2f}", f"{last:,}")
