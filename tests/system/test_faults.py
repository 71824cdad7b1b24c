"""python -m host_sim faults, made short: what it counts, writes and keeps."""

import csv
import json

import pytest

from host_sim.studies import faults

COLUMNS = "dataset,rate,runs,score,wrong,named,good,silent".split(",")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run(*arguments) returns the rows of its table."""
    monkeypatch.setattr(faults, "REPORTS", tmp_path / "reports")

    def run(*arguments):
        assert faults.main([*arguments, "--runs", str(tmp_path / "runs")]) == 0
        with open(tmp_path / "reports" / "faults.csv") as file:
            return list(csv.DictReader(file))

    return run


def test_wrong_rates_are_named_and_good_ones_are_not(run, tmp_path):
    rows = run("--only", "wine", "--seeds", "2")
    assert list(rows[0]) == COLUMNS
    assert [row["rate"] for row in rows] == ["found", *(f"{rate:g}" for rate in faults.RATES)]
    found, lowest = rows[0], rows[1]
    assert (found["good"], found["silent"], found["wrong"]) == ("6", "6", "0")
    assert (lowest["wrong"], lowest["named"], lowest["good"]) == ("2", "2", "0")
    assert sum(int(row["wrong"]) - int(row["named"]) for row in rows) == 0
    text = (tmp_path / "reports" / "faults.md").read_text()
    assert "| Wine | 6 | 6 | " in text and "100.0 %" in text


def test_what_is_kept_is_not_done_again_and_rows_of_others_stay(run, tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "RATES", (0.1,))
    rows = run("--only", "iris", "--seeds", "1")
    one = tmp_path / "runs" / "iris" / "0.1,1.json"
    kept = json.loads(one.read_text())
    assert list(kept["says"]) == ["200", "1000", "end"] and 0.7 < kept["score"] <= 1
    times = [path.stat().st_mtime_ns for path in sorted((tmp_path / "runs").rglob("*.json"))]
    new = run("--only", "iris,linnerud", "--seeds", "1")
    assert new[:2] == rows and [row["dataset"] for row in new[2:]] == ["linnerud"] * 2
    kept = sorted((tmp_path / "runs" / "iris").rglob("*.json"))
    assert [path.stat().st_mtime_ns for path in kept] == times
    monkeypatch.setattr(faults, "MARKS", (100,))
    run("--only", "iris", "--seeds", "1")
    assert list(json.loads(one.read_text())["says"]) == ["100", "end"]


def test_a_run_counts_by_how_far_it_is_from_the_best():
    def result(score, *sentences):
        return {"score": score, "says": {"200": [], "end": list(sentences)}}

    of_seed = {
        None: result(0.9),
        1e-4: result(0.5, "lr = 0.0001 is too low: ..."),
        1e-3: result(0.85, "lr = 0.001 is too low: ..."),
        0.01: result(0.91),
        0.1: result(0.895, "Class 3 was never shown: ..."),
        1.0: result(0.8, "lr = 1 is too low: ..."),
    }
    counts = {
        row["rate"]: [row[name] for name in ("wrong", "named", "good", "silent")]
        for row in faults.rows("wine", {1: of_seed})
    }
    assert counts == {
        "found": [0, 0, 2, 2],
        "0.0001": [1, 1, 0, 0],
        "0.001": [0, 0, 0, 0],
        "0.01": [0, 0, 1, 1],
        "0.1": [0, 0, 1, 0],
        "1": [1, 0, 0, 0],
    }


def test_arguments(capsys):
    assert "--data" in faults.main(["--only", "mnist"])
    with pytest.raises(SystemExit):
        faults.main(["--only", "roses"])
    assert "roses" in capsys.readouterr().err
