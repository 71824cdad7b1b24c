"""python -m host_sim streams: what its memories keep, and a short study."""

import random

import numpy as np

from host_sim.studies import streams
from host_sim.tasks import networks


def offered(kind, samples, size=20):
    memory = kind(size)
    for sample in samples:
        memory.offer(*sample)
    assert len(memory.x) == len(memory.y) == size
    x, y = memory.any()
    assert y == int(x[0] % 10 == 0)
    return [x[0] for x in memory.x]


def test_memories():
    # x, y, error, trained: nine of ten are of class 0, every other one was skipped
    random.seed(1)
    samples = [([i], int(i % 10 == 0), i % 100 / 100, i % 2 == 0) for i in range(1000)]
    evenly = offered(streams.Evenly, samples, 200)
    assert 420 < np.mean(evenly) < 580 and len(set(evenly)) == 200
    learned = offered(streams.Learned, samples, 200)
    assert 420 < np.mean(learned) < 580 and not any(x % 2 for x in learned)
    assert {x % 100 for x in offered(streams.Hardest, samples)} == {98, 99}


def test_study(tmp_path, monkeypatch):
    y = np.arange(240) % 6
    x = np.random.default_rng(1).normal(0, 0.2, (240, 561))
    x[y[:, None] == np.arange(561) % 6] += 0.2
    parts = {"x_train": x, "y_train": y, "x_test": -x, "y_test": y}
    subjects = {f"subject_{part}": np.arange(240) // 60 for part in ("train", "test")}
    np.savez(tmp_path / "har_feat561.npz", **parts, **subjects)
    monkeypatch.setattr(streams, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(streams, "SEEDS", (1, 2))
    monkeypatch.setitem(networks.NETWORKS["har"].epochs, "scratch", 6)
    assert streams.main([str(tmp_path)]) == 0
    text = (tmp_path / "reports" / "streams.md").read_text()
    in_all = len(streams.MEMORIES) + len(streams.REPLAY) + 2 + len(streams.REMEDIES)
    assert text.count("| HAR |") == in_all
    lines = (tmp_path / "reports" / "streams_change.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    old = {row["what"]: float(row["old"]) for row in rows if row["seed"] == "1"}
    # The new samples are the old ones upside down.
    assert old["before"] > 0.5
    assert old["no memory"] < old["200 evenly"] and old["no memory"] < old["replay=200"]


def test_an_empty_folder_is_an_error(tmp_path):
    assert "no data set" in streams.main([str(tmp_path)])
