"""examples/vision on a drawn recording: what it learns, on an emulated Pico with the same bits as
here; and its cameras, in front of modules that stand for theirs."""

import io
import itertools
import sys
from binascii import crc32
from pathlib import Path
from types import SimpleNamespace

import pytest
import run as bench
from example import drawn_twice, modules

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/vision"
FRAME = 64 * 64 * 3
# What a Pico learns from and looks at, frame by frame.
TAUGHT, SHOWN = (0, 1, 2), (2, 0, 1)
ON_PICO = """
import uctypes, vision, recorded
from binascii import crc32

class Sum:
    crc = 0
    def write(self, data):
        self.crc = crc32(data, self.crc)
        return len(data)

model = vision.new_model()
seen = []
ram.files["/frames.bin"] = memoryview(uctypes.bytearray_at({}, {}))
record = recorded.Recording(open("/ram/frames.bin", "rb"))
vision.run(model, record.capture, record.pressed, seen.append)
total = Sum()
model.save(total, replay=True)
print(seen, total.crc)
"""


@pytest.fixture(scope="module")
def example():
    with modules(["vision"], "main", "draw", "recorded") as example:
        yield example


def learned(example, records, **options):
    """A model after a recording; and the recording, which counted."""
    file = io.BytesIO(b"".join(bytes([*head]) + frame.tobytes() for *head, frame in records))
    record = example.recorded.Recording(file)
    model = example.main.new_model(**options)
    seen = []

    def show(thing):
        seen.append(thing)
        record.show(thing)

    run = example.main.run
    run(model, record.capture, record.pressed, show, options.get("channels", 3))
    return model, record, seen


def grey(example, records):
    return ((*head, example.draw.grey(frame)) for *head, frame in records)


@pytest.mark.parametrize("channels, least", [(3, 0.8), (1, 0.7)])
def test_it_knows_most_of_what_it_is_shown(example, channels, least):
    """Of three recordings, with three first weights each."""
    right = shown = 0
    for recording, seed in itertools.product((1, 2, 3), (1, 2, 3)):
        records = example.draw.recording(recording, (0, 1, 2) * 20, (0, 1, 2) * 10)
        if channels == 1:
            records = grey(example, records)
        _, record, _ = learned(example, records, channels=channels, seed=seed)
        right, shown = right + record.right, shown + record.shown
    assert shown == 270 and right / shown > least


def test_a_recording_is_drawn_again_to_the_byte(example, tmp_path):
    one = drawn_twice(tmp_path, example.draw, (0, 1), (2,))
    assert len(one) == 3 * (2 + FRAME)
    assert [one[i :: 2 + FRAME] for i in (0, 1)] == [b"\0\1\xff", b"\0\1\2"]


def test_a_pico_learns_the_same_within_its_heap(example, tmp_path):
    file = tmp_path / "frames.bin"
    example.draw.write(file, example.draw.recording(1, TAUGHT, SHOWN))
    model, _, seen = learned(example, example.draw.recording(1, TAUGHT, SHOWN))
    saved = io.BytesIO()
    model.save(saved, replay=True)
    memory = bench.Memory(bench.PICO_ROOM, [], [])
    memory.add(file.read_bytes(), "frames")
    with bench.Pico("tinyprop", ["tp_run"], memory) as pico:
        pico.run((ROOT / "tests/portable/ram_files.py").read_text())
        for name, source in (("vision", "main"), ("recorded", "recorded")):
            text = (EXAMPLE / f"{source}.py").read_bytes()
            pico.run(f"ram.files['/{name}.py'] = {text}")
        printed = pico.run(ON_PICO.format(*memory.places["frames",]))
    assert printed == f"{seen} {crc32(saved.getvalue())}"


def colour(y, x):
    """Of a pixel of a picture with 5, 6 and 5 bits."""
    return y * 8 % 256, x * 4 % 256, (x + y) * 8 % 256


class Camera:
    """That of an ESP32: RGB565, the high byte first."""

    def __init__(self, frame_size, pixel_format):
        assert (frame_size, pixel_format) == ("96 x 96", "RGB565")

    def capture(self):
        pixels = (colour(y, x) for y in range(96) for x in range(96))
        return b"".join((r << 8 | g << 3 | b >> 3).to_bytes(2, "big") for r, g, b in pixels)


def captured(monkeypatch, camera, name, module):
    """The frame that a camera of the example gives, with this in place of its module."""
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setitem(sys.modules, name, module)
    frame = bytearray(FRAME)
    assert __import__(camera).capture(frame)
    monkeypatch.delitem(sys.modules, camera)
    return bytes(frame)


def test_the_camera_of_an_esp32(monkeypatch):
    size, format = SimpleNamespace(R96X96="96 x 96"), SimpleNamespace(RGB565="RGB565")
    module = SimpleNamespace(Camera=Camera, FrameSize=size, PixelFormat=format)
    frame = captured(monkeypatch, "esp32_camera", "camera", module)
    places = [3 * i // 2 for i in range(64)]
    assert frame == bytes(v for y in places for x in places for v in colour(y, x))


def test_the_camera_of_an_openmv_board(monkeypatch):
    module = SimpleNamespace(
        RGB565="RGB565",
        B64X64="64 x 64",
        reset=lambda: None,
        set_pixformat=lambda format: None,
        set_framesize=lambda size: None,
        skip_frames=lambda time: None,
        snapshot=lambda: SimpleNamespace(get_pixel=lambda x, y: colour(y, x)),
    )
    frame = captured(monkeypatch, "openmv_camera", "sensor", module)
    assert frame == bytes(v for y in range(64) for x in range(64) for v in colour(y, x))
