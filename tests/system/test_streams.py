"""python -m host_sim streams: what its memories keep, and a short study."""

import random
import subprocess
from collections import Counter

import numpy as np

from host_sim import ROOT
from host_sim.studies import streams
from host_sim.tasks import networks


def offered(kind, samples, size=20):
    memory = kind(size)
    for sample in samples:
        memory.offer(*sample)
    assert len(memory.x) == len(memory.y) == size
    assert memory.any()[1] in memory.y
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
    balanced = offered(streams.Balanced, samples, 100)
    assert Counter(x % 10 == 0 for x in balanced) == {True: 50, False: 50}
    assert 380 < np.mean(balanced) < 620


ON_A_BOARD = """
from memory import Memory
memory, x = Memory(4), bytearray(1)
for x[0] in range(100):
    memory.add(x, x[0] // 95)  # five of class 1
assert sorted(memory.y) == [0, 0, 1, 1], memory.y
assert len(set(bytes(x) for x in memory.x)) == 4  # copies
x, y = memory.any()
assert x[0] // 95 == y
"""


def test_the_example_on_micropython():
    build = subprocess.run([ROOT / "boards/unix/build.sh"], stdout=subprocess.PIPE, text=True)
    command = [build.stdout.split()[-1], "-c", ON_A_BOARD]
    subprocess.run(command, cwd=ROOT / "examples", check=True)


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
    assert text.count("| HAR |") == len(streams.MEMORIES) + 1 + len(streams.REMEDIES)
    lines = (tmp_path / "reports" / "streams_change.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    old = {row["what"]: float(row["old"]) for row in rows if row["seed"] == "1"}
    # The new samples are the old ones upside down.
    assert old["before"] > 0.5 and old["no memory"] < old["200 evenly"]


def test_an_empty_folder_is_an_error(tmp_path):
    assert "no data set" in streams.main([str(tmp_path)])
