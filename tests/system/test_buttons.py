"""examples/buttons on drawn recordings: what it learns, in MicroPython with the same bits as here;
and that what it prints is what `tinyprop record` and `tinyprop watch` read."""

import io
from binascii import crc32

import pytest
from example import drawn_twice, in_micropython, modules
from tinyprop_cli import record, watch

IN_MICROPYTHON = """
import io, main, recorded
from binascii import crc32
model = main.new_model()
record = recorded.Recording(open({!r}, "rb"))
main.run(model, record.read, record.pressed, record.show)
saved = io.BytesIO()
model.save(saved, replay=True)
print(record.right, record.shown, crc32(saved.getvalue()))
"""


@pytest.fixture(scope="module")
def example():
    with modules(["buttons"], "main", "draw", "recorded") as example:
        yield example


def learned(example, path, seed=1):
    """A model after a recording; and the recording, which counted."""
    with open(path, "rb") as file:
        record = example.recorded.Recording(file)
        model = example.main.new_model(seed)
        example.main.run(model, record.read, record.pressed, record.show)
    return model, record


def test_six_rounds_are_enough(example, tmp_path):
    right = shown = 0
    for seed in range(1, 11):
        example.draw.write(tmp_path / "drawn.bin", example.draw.recording(seed))
        _, record = learned(example, tmp_path / "drawn.bin", seed)
        right, shown = right + record.right, shown + record.shown
    assert shown == 10 * 3 * 10 * 10 and right / shown >= 0.95


def test_a_recording_is_drawn_again_to_the_byte(example, tmp_path):
    assert len(drawn_twice(tmp_path, example.draw, (0, 1), (2,), 3)) == 9 * (2 + 3 * 2)


def test_micropython_learns_the_same(example, tmp_path):
    file = tmp_path / "drawn.bin"
    example.draw.write(file, example.draw.recording())
    model, record = learned(example, file)
    saved = io.BytesIO()
    model.save(saved, replay=True)
    said = in_micropython(["buttons"], IN_MICROPYTHON.format(str(file))).splitlines()
    assert said[-1] == f"{record.right} {record.shown} {crc32(saved.getvalue())}"


def test_what_it_prints_can_be_recorded_and_watched(example, tmp_path, capsys):
    example.draw.write(tmp_path / "drawn.bin", example.draw.recording())
    model, _ = learned(example, tmp_path / "drawn.bin")
    lines = capsys.readouterr().out.splitlines()
    samples = [record.sample_in(line, None) for line in lines]
    told = [watch.stats_in(line) for line in lines]
    assert len(lines) == 180 + 18 and all(map(bool, [*filter(None, samples), *filter(None, told)]))
    assert [label for label, _ in filter(None, samples)] == (
        ["0"] * 10 + ["1"] * 10 + ["2"] * 10
    ) * 6
    assert [stats["steps"] for stats in filter(None, told)] == list(range(10, 181, 10))
    assert told[-1] == model.stats()
