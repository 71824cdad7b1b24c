"""python -m host_sim unknown, made short: what it asks, and what it writes."""

import numpy as np

from host_sim.studies import strangeness, unknown


def test_untaught_digits_and_broken_sensors_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(unknown, "REPORTS", tmp_path)
    monkeypatch.setattr(unknown, "MEMORY", (50,))
    assert unknown.main(["--seeds", "2"]) == 0
    found = dict(tables(tmp_path / "unknown.md"))
    assert list(found) == [unknown.TASKS[name].title for name in ("digits", "plain")]
    for by_memory, by_probability in found.values():
        assert by_memory[0] == "knows(), 50 of each class"
        accepted, rejected, worst, *broken = by_memory[1:]
        assert accepted > 90 and rejected >= worst and broken == [100] * 3
        assert 94.5 < by_probability[1] < 95.5 and by_probability[2] < rejected
    assert found[unknown.TASKS["digits"].title][0][2] >= 70


def tables(report):
    """(title, rows) of each table; of a mean and its spread the mean."""
    for part in report.read_text().split("\n## ")[1:]:
        title, _, _, _, *rows = part.splitlines()
        rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows if row]
        yield title, [[name, *(float(c.split(" ± ")[0]) for c in cells)] for name, *cells in rows]


def test_what_is_strange_in_floats():
    """Each way finds samples that are far from those it was taught."""
    random = np.random.default_rng(1)
    y = np.arange(300) % 3
    x = random.normal(size=(300, 4)) + 6 * np.eye(4)[y]
    known, strange = x[:60], random.normal(size=(60, 4)) + 6 * np.eye(4)[[3]] * 3
    found = strangeness.scores(x, y, known, strange, seed=1)
    assert len(found) == 9
    for way, (of_known, of_strange) in found.items():
        assert len(of_known) == len(of_strange) == 60
        if "probability" not in way and "logits" not in way:
            assert np.quantile(of_known, 0.95) < np.quantile(of_strange, 0.05), way
    everything = np.concatenate([x, strange]), np.concatenate([y, np.full(60, 3)])
    ((of_known, of_strange),) = strangeness.taught_all(*everything, 3, known, strange, 1).values()
    assert of_known.max() < of_strange.min()


def test_a_broken_sensor_gives_what_its_name_says():
    known = np.arange(12.0).reshape(3, 4)
    stuck, railed, swapped = unknown.broken(known, (0, 20), np.random.default_rng(1))
    assert (stuck == stuck[:, :1]).all() and len(np.unique(stuck)) == 3
    assert ((railed == known) | (railed == 20)).all() and 0 < (railed == 20).sum() < 12
    assert (np.sort(swapped) == known).all() and (swapped != known).any()
