import io
import struct
from array import array
from binascii import crc32

import _tinyprop
import data
import model_format as fmt
import testkit
import tinyprop as tp


def trained(**options):
    layers = [tp.Conv2D(3, 3, activation="relu"), tp.MaxPool2D(2), tp.Dense(4)]
    model = tp.Model((6, 6, 1), layers, seed=5, **options)
    blobs = data.Blobs(36, 4)
    for _ in range(80):
        model.learn(blobs.x, blobs.next())
    return model, blobs


def file_of(model, **options):
    file = io.BytesIO()
    model.save(file, **options)
    return file.getvalue()


def test_a_loaded_model_goes_on_as_the_saved_one():
    for options in ({}, {"lr": 0.05, "input_range": (0, 255)}):
        model, blobs = trained(**options)
        again = tp.load(io.BytesIO(file_of(model)))
        assert (model.lr, model.input_range) == (again.lr, again.input_range)
        for _ in range(40):
            label = blobs.next()
            assert model.learn(blobs.x, label) == again.learn(blobs.x, label)
            assert model.predict(blobs.x) == again.predict(blobs.x)
        assert testkit.saved(model) == testkit.saved(again)
        assert model.stats() == again.stats()
        assert (model.lr, model.input_range) == (again.lr, again.input_range)


def with_memory():
    """A model whose frozen layer is below what is remembered, and one with nothing frozen."""
    for trainable in (False, True):
        layers = [tp.Dense(8, activation="relu", trainable=trainable), tp.Dense(3)]
        model = tp.Model(9, layers, replay=13)
        blobs = data.Blobs(9, 3)
        for _ in range(60):
            y = blobs.next()
            model.learn(blobs.x, y)
        yield model, blobs


def test_what_is_remembered_is_saved_if_that_is_wanted():
    for model, blobs in with_memory():
        again = tp.load(io.BytesIO(file_of(model, replay=True)))
        assert testkit.saved(model) == testkit.saved(again)
        for _ in range(40):
            y = blobs.next()
            assert model.learn(blobs.x, y) == again.learn(blobs.x, y)
        assert testkit.saved(model) == testkit.saved(again)


def test_a_file_without_what_is_remembered_begins_with_an_empty_memory():
    for model, blobs in with_memory():
        whole, part = file_of(model, replay=True), file_of(model)
        n = len(testkit.remembered(model))
        assert len(whole) - len(part) == n and whole[: len(part) - 4] == part[:-4]
        again = tp.load(io.BytesIO(part))
        assert testkit.remembered(again) == bytes(n) and file_of(again) == part
        testkit.raises(ValueError, tp.load, io.BytesIO(whole[: len(part)]))
        for end in (0, 1, 3, 5, len(part) - 1):
            testkit.raises(ValueError, tp.load, io.BytesIO(part[:end]))
        for _ in range(40):
            y = blobs.next()
            again.learn(blobs.x, y)
        assert again.stats()["replayed"] == model.stats()["replayed"] + 80
        assert again.evaluate(*data.samples(blobs, 30)) > 0.9
        again.save(io.BytesIO(), replay=True)


def test_the_last_four_bytes_are_the_crc_whatever_is_before_them():
    plain, anomaly = trained()[0], tp.Anomaly(3)
    named = tp.Model(2, [tp.Dense(2)], classes=["ab", "c"])
    memory = tp.Model(2, [tp.Dense(2)], replay=4)
    for model, options, more in (
        (plain, {}, 0),
        (memory, {"replay": True}, 0),
        (memory, {}, -len(testkit.remembered(memory))),
        (named, {}, 3 + 2 + 4),
        (anomaly, {}, 260),
    ):
        file = file_of(model, **options)
        assert file == with_checksum(file[:-4])
        saved = struct.unpack_from("<I", file, fmt.MODEL_SPEC_SAVED_BYTES)[0]
        assert len(file) - 4 == saved + more, (options, len(file), saved)


def test_saving_twice_gives_the_same_bytes():
    model, _ = trained()
    first = file_of(model)
    assert first == file_of(model) == file_of(tp.load(io.BytesIO(first)))


def test_a_file_cut_anywhere_is_refused():
    whole = file_of(trained()[0])
    for n in list(range(0, len(whole), 7)) + [len(whole) - 1]:
        testkit.raises(ValueError, tp.load, io.BytesIO(whole[:n]))
    testkit.raises(ValueError, tp.load, io.BytesIO(whole + b"\0"))


def test_an_altered_file_is_refused():
    whole = file_of(trained()[0])
    random = data.Random(9)
    for _ in range(100):
        altered = bytearray(whole)
        altered[random.below(len(whole))] ^= 1 << random.below(8)
        testkit.raises(ValueError, tp.load, io.BytesIO(altered))


def test_another_version_is_named():
    altered = testkit.of_version(file_of(trained()[0]), 77)
    message = str(testkit.raises(ValueError, tp.load, io.BytesIO(altered)))
    assert "77" in message and str(fmt.VERSION) in message, message


def crafted():
    """A file of 292 bytes that claims to be one of half a GB, but for its checksum."""
    n_in, units = 4000, 65534  # nearly as many products as a model may have
    claims = bytearray(file_of(tp.Model(2, [tp.Dense(2)], input_range=(0, 1)))[:-4])
    claims = claims + bytes(288 - len(claims))
    ranges = fmt.MODEL_SPEC_BYTES + fmt.LAYER_SPEC_BYTES + fmt.MODEL_STATE_BYTES
    ranges += fmt.LAYER_STATE_BYTES
    saved = ranges + fmt.RANGE_BYTES + 2 * (n_in + 1) * units + 8 * units + 3 * n_in
    for at, letter, value in (
        (fmt.MODEL_SPEC_IN_C, "<H", n_in),
        (fmt.MODEL_SPEC_BYTES + fmt.LAYER_SPEC_UNITS, "<H", units),
        (fmt.MODEL_SPEC_SAVED_BYTES, "<I", saved),
    ):
        struct.pack_into(letter, claims, at, value)
    assert _tinyprop.layout(claims, array("I", bytes(28))) >= saved > 500000000
    return claims


def with_checksum(content):
    return bytes(content) + struct.pack("<I", crc32(content))


class Pipe:
    """What can be read once, from its beginning to its end."""

    def __init__(self, content):
        self.content = content

    def read(self, n=-1):
        n = len(self.content) if n < 0 else n
        part, self.content = self.content[:n], self.content[n:]
        return part


def test_a_stream_that_cannot_go_back():
    model, _ = trained()
    whole = file_of(model)
    assert testkit.saved(tp.load(Pipe(whole))) == testkit.saved(model)
    testkit.raises(ValueError, tp.load, Pipe(whole[:-1]))


def test_what_claims_more_than_it_has_takes_no_memory():
    for content in (crafted(), with_checksum(crafted())):
        for file in (io.BytesIO, Pipe):
            testkit.raises(ValueError, tp.load, file(content))


if __name__ == "__main__":
    testkit.main(globals())
