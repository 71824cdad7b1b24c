"""examples/motor on drawn recordings: what it takes for odd, in MicroPython the same as here."""

import pytest
from example import drawn_twice, in_micropython, modules

FOLDERS = "motor", "gesture"
IN_MICROPYTHON = """
import accelerometer, main, recorded
record = recorded.Recording(open({!r}, "rb"), main.READINGS)
anomaly = main.new_anomaly()
def show(score, alarm):
    print("%.4f" % score, alarm)
main.run(anomaly, record.read_of(accelerometer.Accelerometer(record)), show, 70)
"""


@pytest.fixture(scope="module")
def example():
    with modules(FOLDERS, "main", "accelerometer", "draw", "recorded") as example:
        yield example


def told(example, path, seed=1, normal=300):
    """What is said of each window that is not learned: [(what is broken, score, alarm)]."""
    said = []
    with open(path, "rb") as file:
        record = example.recorded.Recording(file, example.main.READINGS)
        sensor = example.accelerometer.Accelerometer(record)

        def show(score, alarm):
            said.append((record.head[1], score, alarm))

        anomaly = example.main.new_anomaly(seed)
        example.main.run(anomaly, record.read_of(sensor), show, normal)
    return said


def test_it_tells_what_is_broken_from_what_is_not(example, tmp_path):
    odd = [[], [], [], []]
    for seed in 1, 2, 3:
        example.draw.write(tmp_path / "drawn.bin", example.draw.recording(seed))
        said = told(example, tmp_path / "drawn.bin", seed)
        assert not any(alarm for what, _, alarm in said if not what)
        assert {what for what, _, alarm in said if alarm} == {1, 2, 3}
        for what, score, _ in said:
            odd[what].append(score > 1)
    assert [len(scores) for scores in odd] == [180, 120, 120, 120]
    assert sum(odd[0]) < 0.03 * 180
    assert sum(map(sum, odd[1:])) > 0.8 * 360


def test_a_recording_is_drawn_again_to_the_byte(example, tmp_path):
    assert len(drawn_twice(tmp_path, example.draw, 2, 1)) == 5 * (3 + 128 * 6)


def test_micropython_says_the_same(example, tmp_path):
    file = tmp_path / "drawn.bin"
    example.draw.write(file, example.draw.recording(1, 75, 4))
    expected = [f"{score:.4f} {alarm}" for _, score, alarm in told(example, file, 1, 70)]
    assert in_micropython(FOLDERS, IN_MICROPYTHON.format(str(file))).splitlines() == expected
