"""python -m host_sim unknown, made short: what it asks, and what it writes."""

import numpy as np

from host_sim.studies import unknown


def test_untaught_digits_and_broken_sensors_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(unknown, "REPORTS", tmp_path)
    monkeypatch.setattr(unknown, "MEMORY", (50,))
    assert unknown.main(["--seeds", "2"]) == 0
    rows = [row.split(" | ") for row in (tmp_path / "unknown.md").read_text().splitlines()[6:]]
    by_memory, by_probability = [[float(cell.strip(" |")) for cell in row[1:]] for row in rows]
    assert rows[0][0] == "| knows(), 50 of each class"
    accepted, rejected, worst, *broken = by_memory
    assert accepted > 90 and rejected >= worst >= 70 and broken == [100, 100, 100]
    assert 94.5 < by_probability[0] < 95.5 and by_probability[1] < rejected


def test_a_broken_sensor_gives_what_its_name_says():
    known = np.arange(12.0).reshape(3, 4)
    stuck, railed, swapped = unknown.broken(known, (0, 20), np.random.default_rng(1))
    assert (stuck == stuck[:, :1]).all() and len(np.unique(stuck)) == 3
    assert ((railed == known) | (railed == 20)).all() and 0 < (railed == 20).sum() < 12
    assert (np.sort(swapped) == known).all() and (swapped != known).any()
