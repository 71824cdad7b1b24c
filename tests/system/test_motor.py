"""examples/motor on drawn recordings: what it takes for odd, in MicroPython the same as here."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ROOT / "examples/motor", ROOT / "examples/gesture"
IN_MICROPYTHON = """
import sys
sys.path[:0] = {!r}
import accelerometer, main, recorded
record = recorded.Recording(open({!r}, "rb"), main.READINGS)
anomaly = main.new_anomaly()
def show(score, alarm):
    print("%.4f" % score, alarm)
main.run(anomaly, record.read_of(accelerometer.Accelerometer(record)), show, 70)
"""


@pytest.fixture(scope="module")
def example():
    """The example's files, as modules."""
    with pytest.MonkeyPatch.context() as patch:
        for folder in reversed(FOLDERS):
            patch.syspath_prepend(folder)
        names = "main", "accelerometer", "draw", "recorded"
        yield SimpleNamespace(**{name: __import__(name) for name in names})
        for name in names:
            del sys.modules[name]


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
    files = [tmp_path / name for name in ("one", "two", "other")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        example.draw.write(file, example.draw.recording(seed, 2, 1))
    one, two, other = (file.read_bytes() for file in files)
    assert one == two != other and len(one) == 5 * (3 + 128 * 6)


def test_micropython_says_the_same(example, tmp_path):
    file = tmp_path / "drawn.bin"
    example.draw.write(file, example.draw.recording(1, 75, 4))
    expected = [f"{score:.4f} {alarm}" for _, score, alarm in told(example, file, 1, 70)]
    micropython = subprocess.check_output([ROOT / "boards/unix/build.sh"], text=True).strip()
    code = IN_MICROPYTHON.format([str(folder) for folder in FOLDERS], str(file))
    assert subprocess.check_output([micropython, "-c", code], text=True).splitlines() == expected
