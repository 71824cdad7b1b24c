"""python -m host_sim digits, made short: its table says what its runs did."""

import csv

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from host_sim.studies import digits
from host_sim.tasks import digits as task


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    reports = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "REPORTS", reports)
        patch.setattr(digits, "MODELS", {"64-32-10": digits.mlp})
        patch.setattr(digits, "EPOCHS", 2)
        patch.setattr(digits, "SEEDS", (1, 2))
        patch.setattr(digits, "RATES", (0.0001, 0.05))
        digits.main([])
    assert (reports / "digits.png").read_bytes().startswith(b"\x89PNG")
    report = (reports / "digits.md").read_text()
    rates = report.split("## Learning rates")[1].splitlines()
    found, given, low, high = (cell.strip() for cell in rates[-1].split("|")[2:-1])
    assert given == "x 0.8 after an epoch" and float(low) < 60 < float(high) - 20
    assert float(found) > float(high) - 3
    with open(reports / "digits.csv") as file:
        return {row["policy"]: row for row in csv.DictReader(file)}


def number(row, column):
    return float(row[column])


def test_rows(rows):
    assert list(rows) == list(digits.POLICIES)
    for row in rows.values():
        assert number(row, "min") <= number(row, "mean") <= number(row, "max")


def test_layers_find_their_rates(rows):
    assert number(rows["Full"], "mean") > 0.9


def test_work(rows):
    share = {policy: number(row, "backward_share") for policy, row in rows.items()}
    assert share["Full"] == share["Full, float32"] == 1
    # A quarter of the hidden errors, but for samples that have fewer errors than that.
    quarter = (640 + 2048 / 4) / 2688
    assert quarter - 0.01 < share["TopK(0.25)"] <= quarter + 1e-3
    assert share["last layer only"] == pytest.approx(320 / 2688, abs=1e-3)
    assert share["TinyPropV2"] < share["TinyProp"] < 1
    assert share["TinyPropV2, float32"] == pytest.approx(share["TinyPropV2"], abs=0.05)
    for policy, row in rows.items():
        skips = policy.startswith(("TinyPropV2", "Diffused", "Adaptive"))
        assert (number(row, "skipped_share") > 0.3) == skips


def test_integers_are_as_good_as_floats(rows):
    for policy in "Full", "TinyPropV2":
        floats, integers = rows[f"{policy}, float32"], rows[policy]
        assert number(integers, "mean") == pytest.approx(number(floats, "mean"), abs=0.03)


def test_the_digits_are_those_of_scikit_learn():
    x, y = load_digits(return_X_y=True)
    x, test_x, y, test_y = train_test_split(x, y, test_size=360, stratify=y, random_state=0)
    for ours, theirs in zip(task.load(), [(x, y), (test_x, test_y)], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
