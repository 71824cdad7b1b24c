"""examples/keywords on made-up speech: what it learns, in MicroPython with the same bits as here;
its filters, and its microphone."""

import io
from array import array
from binascii import crc32

import numpy as np
import pytest
from example import drawn_twice, in_micropython, modules

IN_MICROPYTHON = """
import bands, io, main, microphone, recorded
from binascii import crc32
model = main.new_model()
record = recorded.Recording(open({!r}, "rb"))
listen = microphone.Microphone(record, bands.FRAME).read
main.run(model, listen, record.pressed, record.show)
saved = io.BytesIO()
model.save(saved, replay=True)
print(record.right, record.shown, crc32(saved.getvalue()))
"""


@pytest.fixture(scope="module")
def example():
    names = "main", "bands", "draw", "microphone", "recorded"
    with modules(["keywords"], *names) as example:
        yield example


def learned(example, path, seed=1):
    """A model after a recording; and the recording, which counted."""
    with open(path, "rb") as file:
        record = example.recorded.Recording(file)
        listen = example.microphone.Microphone(record, example.bands.FRAME).read
        model = example.main.new_model(seed)
        example.main.run(model, listen, record.pressed, record.show)
    return model, record


def test_ten_examples_of_each_word_are_enough(example, tmp_path):
    right = shown = 0
    for seed in range(11, 16):
        example.draw.write(tmp_path / "drawn.bin", example.draw.recording(seed))
        model, record = learned(example, tmp_path / "drawn.bin", seed)
        assert model.stats()["steps"] == 40
        right, shown = right + record.right, shown + record.shown
    assert shown == 5 * 4 * 10 and right / shown >= 0.9


def test_a_recording_is_drawn_again_to_the_byte(example, tmp_path):
    one = drawn_twice(tmp_path, example.draw, 1, 1)
    n_frames = sum(len(frames) for _, _, frames in example.draw.recording(1, 1, 1))
    assert len(one) == 8 * 3 + n_frames * 512


def test_micropython_learns_the_same(example, tmp_path):
    file = tmp_path / "drawn.bin"
    example.draw.write(file, example.draw.recording(1, 2, 2))
    model, record = learned(example, file)
    saved = io.BytesIO()
    model.save(saved, replay=True)
    expected = f"{record.right} {record.shown} {crc32(saved.getvalue())}\n"
    assert in_micropython(["keywords"], IN_MICROPYTHON.format(str(file))) == expected


@pytest.mark.parametrize("band", range(5))
def test_a_tone_is_loudest_in_its_octave(example, band):
    tone = 2830 / 2**band  # in the middle of it
    sound = 10000 * np.sin(2 * np.pi * tone * np.arange(256) / 8000)
    features = bytearray(2 + 5)
    example.bands.of_frame(array("h", sound.astype(np.int16).tobytes()), features, 2)
    assert features[:2] == bytes(2) and np.argmax(features[2:]) == band


def test_loudness_is_a_logarithm(example):
    loudness = [example.bands.loudness(n) for n in range(65536)]
    assert loudness[0] == 0 and loudness[65535] == 255 and min(np.diff(loudness)) >= 0
    n = np.arange(16, 65536)
    assert np.abs(loudness[16:] - 16 * np.log2(n)).max() < 16 * 0.0861 + 1


def test_frames_of_any_samples(example):
    """The loudest there can be, and noise: a feature is a byte, whatever comes."""
    random = np.random.default_rng(1)
    for sound in (
        np.tile([32767, -32768], 128),
        np.full(256, -32768),
        random.integers(-32768, 32768, 256),
    ):
        features = bytearray(5)
        example.bands.of_frame(array("h", sound.astype(np.int16).tobytes()), features, 0)
    assert features[0] > 200


def test_whispering_is_heard_as_shouting_is(example):
    _, _, frames = next(iter(example.draw.recording(1)))
    quiet, loud = example.main.Ear(), example.main.Ear()
    for frame in frames:
        for ear, times in (quiet, 1), (loud, 4):
            ear.hears(array("h", (frame // 4 * times).tobytes()))
    difference = np.abs(np.subtract(list(quiet.word), list(loud.word)))
    assert max(quiet.word) == max(loud.word) == example.main.BELOW and difference.mean() < 8


def test_a_microphone(example):
    class I2S:
        """Gives these samples of 32 bits."""

        def __init__(self, *samples):
            self.bytes = np.array(samples, "<i4").tobytes()

        def readinto(self, buffer):
            memoryview(buffer).cast("B")[: len(self.bytes)] = self.bytes
            return len(self.bytes)

    samples = array("h", [0] * 4)
    i2s = I2S(1000 << 12, (-3 << 12) + 4095, 2**31 - 1, -(2**31))
    assert example.microphone.Microphone(i2s, 4).read(samples)
    assert list(samples) == [1000, -3, 32767, -32768]
    assert not example.microphone.Microphone(I2S(0), 4).read(samples)
