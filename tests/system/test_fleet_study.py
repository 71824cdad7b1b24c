"""python -m host_sim fleet, made short: who has what, and what it writes."""

import csv

import numpy as np
import pytest
from tinyprop_flower import averaging, models

from host_sim.studies import fleet


def test_boards_that_know_two_classes_learn_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "REPORTS", tmp_path)
    task = fleet.TASKS["digits"]._replace(boards=10, rounds=12, steps=60)
    monkeypatch.setitem(fleet.TASKS, "digits", task)
    assert fleet.main(["--seeds", "1", "--runs", str(tmp_path / "runs")]) == 0
    with open(tmp_path / "fleet.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(fleet.WAYS) * task.rounds
    last = {row["way"]: row for row in rows if int(row["round"]) == task.rounds}
    assert float(last["alone"]["others"]) < 0.4 < float(last["fleet"]["others"])
    assert float(last["fleet"]["others"]) <= float(last["central"]["others"])
    text = (tmp_path / "fleet.md").read_text()
    assert "10 boards, 12 rounds of 60 steps" in text and "LoRa" in text
    assert (tmp_path / "fleet.png").stat().st_size > 1000
    kept = fleet.FleetRuns(None, tmp_path / "runs")
    assert all(kept.finished(("digits", way, 1)) for way in fleet.WAYS)


@pytest.mark.parametrize(
    "name, other",
    {"HELD_OUT": 5, "FAULTY": 5, "TRIMMED": 0.1, "beginning": lambda *job: None}.items(),
)
def test_a_run_of_other_settings_is_done_again(monkeypatch, name, other):
    runs, job = fleet.FleetRuns(None, None), ("digits", "trimmed", 1)
    before = runs.settings(job)
    monkeypatch.setattr(fleet, name, other)
    assert runs.settings(job) != before


def test_its_beginning_tells_data_and_arithmetic(monkeypatch):
    def beginning():
        return fleet.beginning.__wrapped__("digits", None)  # none that is remembered

    (x, y, group), (test_x, test_y) = fleet.samples("digits", None)
    before = beginning()
    assert beginning() == before
    other = (x, y, group), (test_x, test_y[::-1])
    with monkeypatch.context() as patch:
        patch.setattr(fleet, "samples", lambda name, data: other)
        assert beginning() != before
    monkeypatch.setattr(averaging, "divided", lambda v, n: v // n)  # in place of the nearest
    assert beginning() != before


def test_a_tenth_of_boards_is_faulty_in_three_ways():
    some = fleet.Fleet("digits", None, 1)
    boards, found = some.with_faults(), []
    for k, there in enumerate(some.boards):
        here = boards.get(k)
        if here is None:
            found.append((k, fleet.SILENT))
        elif not np.array_equal(here.x, there.x):
            assert (here.x == here.x[0]).all()
            found.append((k, fleet.STUCK))
        elif not np.array_equal(here.y, there.y):
            assert (np.sort(here.y) == np.sort(there.y)).all()
            found.append((k, fleet.SHUFFLED))
    assert dict(found) == some.faulty
    assert len(found) == len(some.boards) // fleet.FAULTY


def test_what_faults_cost_is_measured_on_sound_boards():
    some = fleet.Fleet("digits", None, 1)
    assert {*some.boards_of("sound")} == {*some.boards_of("fleet")} - {*some.faulty}
    model = some.model()
    parts = [(board.held_x, board.held_y) for board in some.boards_of("sound").values()]
    sound = model.evaluate(*map(np.concatenate, zip(*parts, strict=True)))
    assert some.accuracy(model)[1] == sound


def test_no_board_has_what_another_has():
    some = fleet.Fleet("digits", None, 1)
    n = sum(len(board.y) + len(board.held_y) for board in some.boards)
    assert n == len(fleet.samples("digits", None)[0][1])
    assert all(len(np.unique(board.y)) <= 4 for board in some.boards)


def test_a_fleet_learns_what_few_boards_are_the_first_to_see(monkeypatch):
    task = fleet.TASKS["digits"]._replace(boards=30, steps=30)
    monkeypatch.setitem(fleet.TASKS, "digits", task)
    some, new = fleet.Fleet("digits", None, 1), 9
    boards = [with_classes(board, board.y != new) for board in some.boards]
    before, now, stood_out = None, models.saved(some.model()), []
    for turn in range(1, 81):
        if turn == 30:
            boards[:3] = [seen_too(board, some, new) for board in boards[:3]]
        sent = averaging.onward(before, now)
        merged = averaging.Merged(sent)
        for k, board in enumerate(boards):
            if len(board.y):
                file = models.learned(sent, board.x, board.y, turn, task.steps)
                merged.take(file, len(board.y), k)
        stood_out.append({k for k, _ in merged.screen()})
        before, now = now, merged.mean()
    assert {0, 1, 2} in stood_out[30:40] and not stood_out[-1]
    of_new = some.y == new
    assert models.load(now).evaluate(some.x[of_new], some.y[of_new]) > 0.5


def with_classes(board, which):
    return board._replace(x=board.x[which], y=board.y[which])


def seen_too(board, some, new):
    """A board that has some of another's samples of a class, too."""
    x, y = (np.concatenate([getattr(b, part) for b in some.boards]) for part in "xy")
    chosen = np.flatnonzero(y == new)[:12]
    return board._replace(
        x=np.concatenate([board.x, x[chosen]]), y=np.concatenate([board.y, y[chosen]])
    )


def test_without_data_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "REPORTS", tmp_path)
    assert "--data" in fleet.main(["--only", "har", "--runs", str(tmp_path / "runs")])
    assert not list(tmp_path.iterdir())
