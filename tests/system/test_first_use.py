"""python -m host_sim first_use, made short: what it compares, writes and keeps."""

import csv
import json
from itertools import pairwise

import numpy as np
import pytest
import tinyprop as tp

from host_sim import internals
from host_sim.studies import first_use
from host_sim.studies.first_use import report, runs
from host_sim.studies.first_use.methods import METHODS
from host_sim.tasks import simple

COLUMNS = "dataset,protocol,samples,method,seeds,metric,mean,std,backward_share".split(",")
ALL = *METHODS, report.BEST_END, report.BEST_EACH


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder for its files, and run(*arguments), which returns the rows of its table."""
    place = tmp_path_factory.mktemp("study")

    def run(*arguments):
        assert first_use.main([*arguments, "--runs", str(place / "runs")]) == 0
        with open(place / "reports" / "first_use.csv") as file:
            return list(csv.DictReader(file))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first_use, "REPORTS", place / "reports")
        yield place, run


@pytest.fixture(scope="module")
def rows(study):
    _, run = study
    return run("--only", "iris", "--seeds", "1")


def numbers(rows, method, protocol):
    """{samples: mean}"""
    wanted = [row for row in rows if row["method"] == method and row["protocol"] == protocol]
    return {row["samples"]: float(row["mean"]) for row in wanted}


def test_rows(rows):
    assert list(rows[0]) == COLUMNS
    assert list(dict.fromkeys(row["method"] for row in rows)) == list(METHODS)
    for row in rows:
        assert (row["dataset"], row["seeds"], row["metric"]) == ("iris", "1", "accuracy in %")
        assert 0 <= float(row["mean"]) <= 100 and row["std"] == ""
        assert bool(row["backward_share"]) != row["method"].startswith("scikit-learn")
        if row["method"] == "Full":
            assert float(row["backward_share"]) == 1
    for method in METHODS:
        batch = method.startswith("scikit-learn") and "SGD" not in method
        one_pass, epochs = (numbers(rows, method, name) for name in ("one-pass", "epochs"))
        assert list(one_pass) == ["50", "end"]  # of 105 samples
        if METHODS[method].block:
            assert not epochs
            continue
        assert list(epochs) == [*(() if batch else map(str, runs.MARKS)), "end"]
        assert epochs["end"] > (60 if method.startswith("lr") else 80)
        if batch:
            assert one_pass["end"] == epochs["end"]
        else:
            assert one_pass["50"] == epochs["50"]


def test_report(study, rows):
    text = (study[0] / "reports" / "first_use.md").read_text()
    lines = [line.split(" | ") for line in text.splitlines()]
    ends = {method: [cells[-2] for cells in lines if cells[0] == f"| {method}"] for method in ALL}
    rates = [method for method in METHODS if method.startswith("lr")]
    best = max(numbers(rows, rate, "epochs")["end"] for rate in rates)
    assert ends[report.BEST_END] == ends[report.BEST_EACH] == [f"{best:.1f}"] * 2
    for method in METHODS:  # once in the means, once in the table of the net
        end = numbers(rows, method, "epochs").get("end")
        assert ends[method] == [f"{end:.1f}" if end else "-"] * 2


def row(score, protocol="one-pass"):
    return score and {"mean": str(score), "protocol": protocol, "backward_share": ""}


def test_at_a_glance():
    """Of one pass of 300 samples its end stands in for what only a second one tells."""
    marks = [row(50), row(60), *(row(v, "epochs") for v in (75, 80, 85))]
    default = [*marks, row(70), row(90)]
    batch = {"SGD": (55, 58, 71), "Bayes": (40, 63, 68), "MLP": (45, 61, 69)}
    wine = {"default": default} | {
        f"scikit-learn {name}": [row(a), row(b), None, None, None, row(c), row(c)]
        for name, (a, b, c) in batch.items()
    }
    iris = {"default": default, "Full": [row(float(one["mean"]) + 1.5) for one in default]}
    digits = {
        "default": default,
        "Full": default,
        "default in blocks": [row(10), row(40), None, None, None, row(30), None],
    }
    text = report.glance({"wine": wine, "iris": iris, "digits": digits})
    table = {
        line.split(" | ")[0][2:]: line[:-2].split(" | ")[1:] for line in text.splitlines()[2:]
    }
    assert table == {
        "default - the best of others": [
            *(f"{gap}, Wine {gap}" for gap in ("-5.0", "-3.0", "-1.0", "-1.0", "-1.0", "-1.0")),
            "-",
        ],
        "default in blocks - default": [
            *(f"{gap}, Digits {gap}" for gap in ("-40.0", "-20.0", *["-40.0"] * 4)),
            "-",
        ],
        "default - Full": ["-0.8, Iris -1.5"] * 7,
    }


def test_blocks():
    """Of each class up to 50 samples at a time, until all have been; each once."""
    y = np.repeat([0, 1, 2], [120, 30, 60])
    orders = [runs.stream(METHODS["default in blocks"], y, seed) for seed in range(10)]
    for order in orders:
        assert sorted(order) == list(range(210))
        shown = y[order]
        ends = [0, *(np.flatnonzero(np.diff(shown)) + 1), 210]
        lengths = {}
        for start, end in pairwise(ends):
            lengths.setdefault(int(shown[start]), []).append(end - start)
        assert lengths in (
            {0: [50, 50, 20], 1: [30], 2: [50, 10]},
            {0: [50, 70], 1: [30], 2: [50, 10]},
        )
    assert len({int(y[order[0]]) for order in orders}) == 3
    assert any((orders[0] != order).any() for order in orders)
    mixed = runs.stream(METHODS["default"], y, 1)
    assert len(mixed) == 30 * 210 and len(set(y[mixed[:50]])) == 3


def seen(path):
    return [point[0] for point in json.loads(path.read_text())["curve"]]


def test_what_is_kept_is_not_done_again(study, rows):
    place, run = study
    files = list((place / "runs").rglob("*.json"))
    assert len(files) == len(METHODS)
    one = place / "runs" / "iris" / "default,1.json"
    assert seen(one) == [50, 105, 200, 500, 1000, 2000, 30 * 105]
    assert seen(one.with_name("scikit-learn MLP,1.json")) == [50, 105]
    assert seen(one.with_name("replay in blocks,1.json")) == [50, 105]
    one.write_text(one.read_text().replace('"epochs": 30', '"epochs": 31'))
    times = {file: file.stat().st_mtime_ns for file in files}
    assert run("--only", "iris", "--seeds", "1") == rows
    assert [file for file in files if file.stat().st_mtime_ns != times[file]] == [one]


def test_rows_of_others_stay(study, rows):
    """Numbers, told by models that have learned all samples but one."""
    new = study[1]("--only", "linnerud", "--seeds", "2", "--methods", "default,scikit-learn Bayes")
    assert new[: len(rows)] == rows
    points = [(row["protocol"], row["samples"]) for row in new[len(rows) :]]
    marks = [("epochs", mark) for mark in ("50", "200", "500", "end")]
    assert points == [("one-pass", "end"), *marks]
    for row in new[len(rows) :]:
        assert (row["dataset"], row["method"], row["metric"]) == ("linnerud", "default", "100 R2")
        assert float(row["mean"]) < 100 and float(row["std"]) > 0


def test_images_from_a_folder(study, rows, tmp_path, monkeypatch):
    y = np.arange(60, dtype="u1") % 10
    x = np.zeros((60, 28, 28), "u1")
    x[np.arange(60), 2 * y] = 200
    np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    monkeypatch.setattr(simple, "LONGEST", 55)
    new = study[1]("--data", str(tmp_path), "--only", "mnist_cnn,speech_cnn", "--seeds", "1")
    new = [row for row in new if row["dataset"] == "mnist_cnn"]
    suited = {row["method"] for row in new}
    assert suited == {method for method in METHODS if not method.startswith("scikit-learn")}
    kept = json.loads((study[0] / "runs" / "mnist_cnn" / "default,1.json").read_text())
    assert kept["samples"] == 55 and kept["curve"][-1][1] > 0.9


def test_nothing_is_given_but_layers(monkeypatch):
    given = []
    monkeypatch.setattr(tp, "Model", lambda *args, **settings: given.append((args, settings)))
    net = simple.NETS["diabetes"]
    [((x, y), (test_x, _))] = net.parts(3, None)
    METHODS["default"].new(net, x, y, 3)
    [((shape, layers), settings)] = given
    assert shape == 10 and settings == {"loss": "mse", "seed": 3}
    assert [repr(layer) for layer in layers] == ["Dense(16, activation='relu')", "Dense(1)"]
    assert len(x) == 309 and len(test_x) == 133 and x[:, 0].min() > 18  # years


def test_rates_that_are_found_can_be_scaled():
    net = simple.NETS["iris"]
    [((x, y), _)] = net.parts(3, None)
    rates = []
    for name in "default", "rates x 3", "rates x 1/3":
        learner = METHODS[name].new(net, x, y, 3)
        assert learner.model.lr is None
        learner.learn(x[:1], y[:1])
        assert learner.model.lr is None
        rates.append(internals.view(learner.model).spec)
    found, more, less = (spec.lr_mantissa / 2**spec.lr_shift for spec in rates)
    assert [more, less] == pytest.approx([3 * found, found / 3], rel=0.05)


def test_without_data_is_an_error():
    assert "--data" in first_use.main(["--only", "mnist"])
