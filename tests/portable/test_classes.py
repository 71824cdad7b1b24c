# Names of classes: given, learned as they come, answered with, and kept in files.
import io
import struct
from array import array
from binascii import crc32

import data
import model_format as fmt
import testkit
import tinyprop as tp

X = {"up": b"\xf0\x10\x10", "down": b"\x10\xf0\x10", "circle": b"\x10\x10\xf0"}


def model_of(units=3, **settings):
    return tp.Model(3, [tp.Dense(units)], input_range=(0, 255), **settings)


def teach(model, *names):
    for _ in range(20):
        for name in names:
            model.learn(X[name], name)


def file_of(model, **options):
    file = io.BytesIO()
    model.save(file, **options)
    return file.getvalue()


def test_names_are_learned_as_they_come():
    model = model_of(4)
    assert model.classes == [None] * 4
    teach(model, "down", "circle", "up")
    assert model.classes == ["down", "circle", "up", None]
    for name in X:
        assert model.predict(X[name]) == name
        number = model.predict_into(X[name], array("f", [0] * 4))
        assert model.classes[number] == name


def test_names_are_given():
    model = model_of(classes=["up", "down"])
    assert model.classes == ["up", "down", None]
    teach(model, "down", "up", "circle")
    assert model.classes == ["up", "down", "circle"]
    assert [model.predict(X[name]) for name in sorted(X)] == sorted(X)


def test_a_name_is_its_number():
    by_name, by_number = model_of(classes=sorted(X)), model_of()
    for _ in range(5):
        for number, name in enumerate(sorted(X)):
            by_name.learn(X[name], name)
            by_number.learn(list(X[name]), number)
    assert testkit.saved(by_name) == testkit.saved(by_number)
    assert [by_number.predict(X[name]) for name in sorted(X)] == [0, 1, 2]
    assert by_number.classes == [None] * 3
    by_name.learn(X["up"], 1)  # a number stays one
    assert by_name.classes == sorted(X)


def test_many_samples_by_name():
    model, x = model_of(), b"".join(X.values())
    n = model.learn_many(x * 20, list(X) * 20)
    assert 0 < n <= 60 and model.classes == list(X)
    assert model.evaluate(x, list(X)) == 1 == model.evaluate(list(X.values()), tuple(X))
    up = model.classes.index("up")
    assert model.evaluate(x, ["up"] * 3) == model.evaluate(x, [up, "up", up]) == 1 / 3
    assert model.learn_many(x[:3], "up") in (0, 1)


def test_a_new_name_leaves_outputs_alone_that_were_taught_by_number():
    model = model_of(4)
    model.learn(X["up"], 0)
    model.learn_many(X["circle"] + X["down"], ["circle", 1])
    assert model.classes == [None, None, "circle", None]
    for _ in range(20):
        model.learn_many(b"".join(X.values()), [0, 1, "circle"])
    assert [model.predict(x) for x in X.values()] == [0, 1, "circle"]


def test_an_output_to_spare_is_no_answer():
    for seed in range(1, 9):
        model = model_of(12, seed=seed)
        model.learn(X["up"], "up")
        for x in X.values():
            assert model.predict(x) == "up"
        model.learn(X["down"], 7)
        for x in X.values():
            assert model.predict(x) in ("up", 7)


def test_what_is_refused_names_nothing():
    model = model_of(2)
    teach(model, "up")
    before = bytes(testkit.saved_but_loss(model)), model.classes
    for error, call, x, y, words in (
        (ValueError, model.learn, b"12", "down", "3"),
        (TypeError, model.learn, None, "down", "x is"),
        (ValueError, model.learn, array("f", [1, 2, float("nan")]), "down", "NaN"),
        (ValueError, model.learn, b"123", "", "1 to 255"),
        (ValueError, model.learn, b"123", "w" * 256, "1 to 255"),
        (ValueError, model.learn_many, b"123456", ["down", "left"], "has one: up, down. Make"),
        (ValueError, model.learn_many, b"123456", [1, "left"], "has one: up, 1. Make"),
        (ValueError, model.learn_many, b"123456", [1, "Up "], "up, 1. Is it 'up'? Else make"),
        (ValueError, model.learn_many, b"123456", ["down", "donw"], "down. Is it 'down'? Else"),
        (ValueError, model.learn_many, b"123456", ["down", "left"], "y[1] is 'left'"),
        (ValueError, model.learn_many, b"123456", ["down", 2], "y is 2"),
        (ValueError, model.learn_many, b"123456", ["down", -1], "y is -1"),
        (TypeError, model.learn_many, b"123456", ["down", None], "y[1] is None"),
        (TypeError, model.learn_many, b"123456", ["down", 0.5], "y[1] is 0.5"),
        (ValueError, model.learn_many, b"123456", ["down"], "y has 1 values, expected 2"),
        (ValueError, model.learn_many, b"123456", "down", "y has 1 values, expected 2"),
        (ValueError, model.evaluate, b"123456", ["up", "down"], "expected one of"),
    ):
        message = str(testkit.raises(error, call, x, y))
        assert words in message, message
        assert (testkit.saved_but_loss(model), model.classes) == before, y
    message = str(testkit.raises(ValueError, model_of().evaluate, b"123", "up"))
    assert "none" in message, message


def test_more_names_than_outputs():
    model = model_of(2)
    teach(model, "up", "down")
    before = bytes(testkit.saved(model))
    message = str(testkit.raises(ValueError, model.learn, X["circle"], "circle"))
    for word in ("'circle'", "2 outputs", "up, down", "more units"):
        assert word in message, message
    assert testkit.saved(model) == before and model.classes == ["up", "down"]


def test_a_long_name_is_not_repeated_whole():
    model = model_of(2)
    teach(model, "up")
    model.learn(X["down"], "w" * 255)
    for call in (
        lambda: model.learn(X["up"], "w" * 256),
        lambda: model.learn(X["up"], "v" * 255),
        lambda: model.evaluate(X["up"], "v" * 255),
        lambda: model_of(classes=["w" * 255] * 2),
        lambda: model_of(classes=["w" * 10000]),
    ):
        message = str(testkit.raises(ValueError, call))
        assert "www.." in message and len(message) < 350, message
    message = str(testkit.raises(ValueError, model.learn, X["up"], "w" * 300))
    assert message.endswith("w.., expected a name of 1 to 255 bytes in UTF-8: it has 300"), message


def test_names_that_are_none():
    for error, classes, words in (
        (ValueError, ["a", "b", "c", "d"], "4 names, expected at most 3"),
        (ValueError, ["a", "b", "a"], "'a' twice"),
        (ValueError, ["a", ""], "classes[1]"),
        (ValueError, ["a", "w" * 256], "classes[1]"),
        (TypeError, ["a", 1], "classes[1] is 1"),
        (TypeError, ["a", None], "classes[1] is None"),
        (TypeError, [b"a"], "classes[0]"),
        (ValueError, ["a", chr(0xD83D)], "half of a letter"),
        (TypeError, "abc", "expected a list"),
    ):
        message = str(testkit.raises(error, lambda c=classes: model_of(classes=c)))
        assert words in message, message
    testkit.raises(ValueError, lambda: tp.Model(2, [tp.Dense(2)], loss="mse", classes=["a"]))
    testkit.raises(TypeError, tp.Model(2, [tp.Dense(1)], loss="mse").learn, b"12", "a")
    assert tp.Model(2, [tp.Dense(1)], loss="mse").classes == [None]
    testkit.raises(AttributeError, setattr, model_of(), "classes", ["a"])


def test_after_a_reset_answers_are_those_that_are_remembered():
    model, random = tp.Model(2, [tp.Dense(8, "relu"), tp.Dense(3)], replay=30), data.Random(1)
    centres = (30, 30), (150, 30), (30, 150)

    def teach(y, label):
        model.learn([v + random.below(60) for v in centres[y]], label)

    for i in range(90):
        teach(i % 3, ("left", 1, 2)[i % 3])
    model.reset()
    for _ in range(100):
        teach(0, "left")
    assert [model.predict([a + 30, b + 30]) for a, b in centres] == ["left", 1, 2]
    assert model.check() == []
    teach(1, 1)
    testkit.raises(ValueError, model.learn, [1, 2], "right")  # of no output that has a class
    model.reset()
    assert model.classes == ["left", None, None]


def test_a_list_of_names_is_a_copy():
    model, given = model_of(classes=("a",)), ["a", "b"]
    model.classes.append("z")
    other = model_of(classes=given)
    given[0] = "z"
    assert model.classes == ["a", None, None] and other.classes == ["a", "b", None]


def test_names_are_in_the_file():
    model = model_of(5, replay=10)
    teach(model, "up", "down", "circle")
    model.learn(b"\7\7\7", "größer " + "w" * 246)  # 255 bytes
    for options in ({}, {"replay": True}):
        content = file_of(model, **options)
        again = tp.load(io.BytesIO(content))
        assert again.classes == model.classes and again.classes[4] is None
        assert [again.predict(x) for x in X.values()] == list(X)
        assert file_of(again, **options) == content
        again.learn(b"\x99\x99\x99", "fifth")
        assert again.classes[4] == "fifth" and model.classes[4] is None
        for end in range(0, len(content), 9):
            testkit.raises(ValueError, tp.load, io.BytesIO(content[:end]))
    testkit.raises(ValueError, tp.Anomaly.load, io.BytesIO(file_of(model)))


def test_a_file_without_names_is_as_it_was():
    with_names, without = model_of(classes=["up"]), model_of()
    content = file_of(without)
    assert content[fmt.MODEL_SPEC_VERSION] == fmt.VERSION
    assert file_of(with_names)[fmt.MODEL_SPEC_VERSION] == fmt.VERSION_WITH_NAMES
    assert len(content) == len(testkit.saved(without)) + 4
    assert tp.load(io.BytesIO(content)).classes == [None] * 3


def with_names(packed, n=None, **settings):
    """A file that has these bytes as its names."""
    content = bytearray(file_of(model_of(**settings))[:-4])
    content[fmt.MODEL_SPEC_VERSION] = fmt.VERSION_WITH_NAMES
    content += packed + struct.pack("<I", len(packed) if n is None else n)
    return io.BytesIO(content + struct.pack("<I", crc32(content)))


def test_names_that_no_model_has():
    assert tp.load(with_names(b"\1a\0\2bc")).classes == ["a", None, "bc"]
    for packed in (
        b"",
        b"\0\0\0",
        b"\1a\1b",
        b"\1a\1b\0\0",
        b"\1a\1b\1a",
        b"\1a\1b\3c",
        b"\1a\1b\2\xff\xff",
        b"\1a\1b\1",
    ):
        testkit.raises(ValueError, tp.load, with_names(packed))
    for n in (0, 1, 5, 7, 1000, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFC):
        testkit.raises(ValueError, tp.load, with_names(b"\1a\0\2bc", n))


def test_summary_and_check_speak_of_names():
    model = model_of(classes=["up", "down"])
    for _ in range(100):
        model.learn(X["up"], "up")
    said = " ".join(model.check())
    assert "All samples were of class up, " in said and "Class down was never shown" in said, said
    model.summary()


def test_nothing_is_allocated_for_names_that_are_known():
    from test_no_alloc import locked

    model = model_of()
    teach(model, *X)
    for name, x in X.items():
        locked(lambda x=x, y=name: model.learn(x, y))
        assert locked(lambda x=x: model.predict(x)) == name


if __name__ == "__main__":
    testkit.main(globals())
