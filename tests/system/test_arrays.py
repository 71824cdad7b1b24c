"""Numbers of numpy and pandas are taken as lists are: host_sim/tinyprop_desk/arrays.py."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tinyprop as tp
from scipy.sparse import csr_array
from test_sensor import having_learned


class Frame:
    """What is not numpy's, but can be an array: of pandas, say. Its columns are known by name."""

    def __init__(self, values, dtypes=None):
        self.values = np.asarray(values)
        self.size, self.nbytes = self.values.size, self.values.nbytes
        if dtypes:
            self.dtypes = {name: np.dtype(dtype) for name, dtype in dtypes.items()}

    def __array__(self, dtype=None, copy=None):
        return self.values.astype(dtype or self.values.dtype)


X = np.random.default_rng(1).integers(-100, 100, (40, 6)) / 4  # exact in float16
Y = np.arange(40) % 3
FORMS = {
    "float64": X,
    "float32 of every other row": np.repeat(X, 2, 0).astype(np.float32)[::2],
    "float16": X.astype(np.float16),
    "longdouble": X.astype(np.longdouble),
    "big endian": X.astype(">f4"),
    "column by column": np.asfortranarray(X, np.float32),
    "object": X.astype(object),
    "frame": Frame(X),
    "list of rows": list(X),
    "list of lists of scalars": [list(row) for row in X],
}
LABELS = {
    "int64": Y,
    "every other one": np.repeat(Y, 2).astype(np.int32)[::2],
    "float column": np.stack([Y, Y], 1).astype(np.float32)[:, 1],
    "float64": Y.astype(float),
    "uint64": Y.astype(np.uint64),
    "object": Y.astype(object),
    "frame": Frame(Y),
    "one column": Y[:, None].astype(float),
    "list of scalars": list(Y),
    "list of float scalars": list(Y.astype(np.float32)),
}


def make(**settings):
    settings = {"seed": 3, "replay": 30} | settings
    return tp.Model(6, [tp.Dense(5, activation="relu"), tp.Dense(3)], **settings)


def numbers(units=2):
    return tp.Model(6, [tp.Dense(4, activation="tanh"), tp.Dense(units)], loss="mse")


def taught(model, x, y):
    """The image after all ways to learn, and all answers."""
    model.learn_many(x, y)
    rows = [np.asarray(x)[i] for i in range(4)] if isinstance(x, Frame) else x
    trained = [model.learn(rows[i], y.values[i] if isinstance(y, Frame) else y[i]) for i in (1, 2)]
    out = np.empty(model._n_out, np.float32)
    if not model._mse:
        assert model.predict_proba(rows[3]) == model.predict_proba(np.asarray(rows[3]).tolist())
        assert model.knows(rows[3]) == model.knows(np.asarray(rows[3]).tolist())
    answers = [model.evaluate(x, y), model.predict(rows[3]), model.predict_into(rows[3], out)]
    return bytes(model._image), trained, answers, list(out)


AS_LISTS = taught(make(), X.tolist(), Y.tolist())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_x_gives_the_same_bits(form):
    assert taught(make(), FORMS[form], Y.tolist()) == AS_LISTS


@pytest.mark.parametrize("form", LABELS)
def test_every_form_of_labels_gives_the_same_bits(form):
    assert taught(make(), X.tolist(), LABELS[form]) == AS_LISTS


NAMES = np.array(["up", "down", "circle"])
WORDS = {
    "U": NAMES[Y],
    "every other one": np.repeat(NAMES[Y], 2)[::2],
    "object": NAMES[Y].astype(object),
    "strings of any length": NAMES[Y].astype(np.dtypes.StringDType()),
    "frame": Frame(NAMES[Y].astype(object)),
    "one column": NAMES[Y][:, None],
    "list of scalars": list(NAMES[Y]),
    "tuple": tuple(NAMES[Y].tolist()),
    "names among numbers": [NAMES[y] if i % 2 else int(y) for i, y in enumerate(Y)],
}


@pytest.mark.parametrize("form", WORDS)
def test_every_form_of_names_gives_the_same_bits(form):
    model, y = make(classes=NAMES), WORDS[form]
    image, trained, answers, out = taught(model, X.tolist(), y)
    answers[1] = model.classes.index(answers[1])
    assert (image, trained, answers, out) == AS_LISTS
    assert model.classes == NAMES.tolist() and {type(name) for name in model.classes} == {str}


def test_names_come_with_arrays():
    model = make()
    model.learn_many(X, NAMES[Y])
    assert model.classes == NAMES.tolist() and type(model.predict(X[0])) is str
    before = bytes(model._image)
    for y, says in (
        (np.where(Y, NAMES[Y], None), r"y\[0\] is None, expected a class number or its name"),
        (np.where(Y, NAMES[Y].astype(object), np.nan), r"y\[0\] is nan"),
        (
            np.where(Y, NAMES[Y], "left"),
            r"y\[0\] is 'left', a new class, and each of the 3 outputs",
        ),
        (NAMES[Y][:39], "y has 39 values, expected 40"),
    ):
        with pytest.raises((TypeError, ValueError), match=says):
            model.learn_many(X, y)
        assert model._image == before


def test_a_list_of_pictures():
    """Each of several rows."""
    pictures = [np.full((4, 4), i / 9) for i in range(9)]
    y = [i % 2 for i in range(9)]
    one, other = (tp.Model((4, 4, 1), [tp.Dense(2)]) for _ in range(2))
    one.learn_many(pictures, y)
    other.learn_many(np.array(pictures), y)
    assert one._image == other._image
    assert one.evaluate(tuple(pictures), y) == other.evaluate(np.array(pictures), y)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint64", ">i4"])
def test_integers_that_lie_apart(dtype):
    x = np.abs(X).astype(int)
    apart = np.repeat(x, 2, 1).astype(dtype)[:, ::2]
    assert taught(make(), apart, Y) == taught(make(), x.tolist(), Y.tolist())


@pytest.mark.parametrize("dtype", ["uint32", "int64", "uint64", ">u4", object])
def test_large_integers_are_what_they_are_as_floats(dtype):
    """The core counts all of them as 2^31 - 1."""
    x = (np.abs(X) * 4e7 + 2**31).astype(np.int64)
    floats = x.astype(float)
    assert taught(make(), x.astype(dtype), Y) == taught(make(), floats, Y)
    x, floats, y = X[:, :2].astype(float), floats[:, :2], x[:, :2].astype(dtype)
    one, other = (tp.Model(2, [tp.Dense(2)], loss="mse") for _ in range(2))
    one.learn_many(x, y)
    other.learn_many(x, floats)
    assert one._image == other._image


def test_booleans():
    x = X > 0
    assert taught(make(), x, Y) == taught(make(), x.astype(int).tolist(), Y.tolist())
    layers = [tp.Dense(4), tp.Dense(2)]
    one, two = (tp.Model(6, layers, replay=9) for _ in range(2))
    assert taught(one, X, x[:, 0]) == taught(two, X, x[:, 0].astype(int).tolist())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_targets_gives_the_same_bits(form):
    y = FORMS[form]
    y = (
        Frame(X[:, :2])
        if isinstance(y, Frame)
        else [r[:2] for r in y]
        if form[:4] == "list"
        else y[:, :2]
    )
    assert taught(numbers(), X, y) == taught(numbers(), X.tolist(), X[:, :2].tolist())


def test_one_target_a_sample():
    y = X[:, 0]
    assert taught(numbers(1), X, y) == taught(numbers(1), X.tolist(), y.tolist())
    assert taught(numbers(1), X, y[:, None]) == taught(numbers(1), X.tolist(), y.tolist())


def test_settings_may_be_numbers_of_numpy():
    whole, part = np.int64(9), np.float32(0.25)
    for one, other in (
        (tp.Dense(np.int16(3)), tp.Dense(3)),
        (tp.Conv2D(np.int64(3), np.uint8(2)), tp.Conv2D(3, 2)),
        (tp.TopK(part), tp.TopK(0.25)),
    ):
        assert repr(one) == repr(other)
    one = make(lr=part, replay=whole, seed=whole, input_range=np.array([-1, 2.5]))
    other = make(lr=0.25, replay=9, seed=9, input_range=(-1, 2.5))
    assert one._image == other._image
    one.lr, other.lr = np.float16(0.5), 0.5
    one.reset(np.int32(4))
    other.reset(4)
    assert one._image == other._image


def test_what_is_no_number_says_what_came_and_what_to_do():
    words = np.array(["up", "down"] * 20)
    mixed = Frame(X[:, :3].astype(object), {"when": "datetime64[s]", "size": "f8", "name": "O"})
    mixed.values[0, 2] = "a"
    columns = dict.fromkeys("abcdef", "i8")
    missing = Frame(X.astype(object), columns)
    missing.values[3, 2] = missing.values[5, 4] = None  # as NA, of Int64 of pandas
    for x, y, kind, texts in (
        (words, Y, TypeError, ("x (dtype <U4, shape (40,))", "x.astype('float32')")),
        (csr_array(X), Y, TypeError, ("is of no numbers: give x.toarray()",)),
        (X * 1j, Y, TypeError, ("x (dtype complex128, shape (40, 6))",)),
        (mixed, Y, TypeError, ("dtype object", "columns when, name")),
        (missing, Y, TypeError, ("leave out, fill, or turn into numbers, the columns c, e",)),
        (X * 1e39, Y, ValueError, ("float64", "(40, 6)", "e+39", "float32 ends", "scale")),
        (X, words.astype("S4"), TypeError, ("y (dtype |S4, shape (40,))", "return_inverse")),
        (X, Y + 0.5, TypeError, ("y (dtype float64, shape (40,))", "0.5", "0 to 2", "mse")),
        (X, Y + 2**40, ValueError, ("holds 1099511627776", "0 to 2")),
        (X, Y * 1e30, ValueError, ("y (dtype float64, shape (40,))", "1e+30", "0 to 2")),
        (X, Y - 1.0, ValueError, ("holds -1.0", "0 to 2")),
        (X, np.where(Y, np.nan, 1), ValueError, ("holds a NaN", "leave such samples away")),
        (np.where(X == X[7, 2], np.nan, X), Y, ValueError, ("x holds a NaN", "x[7][2] is nan")),
        (X[:, :5], Y, ValueError, ("x is of shape (40, 5), expected (40, 6)",)),
        (X[:, :5].astype(np.float32).copy(), Y, ValueError, ("(40, 5), expected (40, 6)",)),
        (X[:36, :5], Y[:36], ValueError, ("x is of shape (36, 5), expected (36, 6)",)),
        (np.ascontiguousarray(X.T), Y, ValueError, ("(6, 40), expected (40, 6)",)),
        (np.ascontiguousarray(X.T[:, :39]), Y, ValueError, ("(6, 39), expected (39, 6)",)),
        (np.ma.masked_less(X, -20), Y, ValueError, ("x (dtype float64", "masked", "filled(0)")),
        (X, np.ma.masked_less(Y + 0.0, 1), ValueError, ("is masked", "y.filled(0)")),
        (X[:2], Y, ValueError, ("y has 40 values, expected 2",)),
        (X, np.eye(3)[Y], ValueError, ("(40, 3)", "40 labels, as numpy.argmax(y, 1) makes")),
        (list(X), list(np.eye(3)[Y]), ValueError, ("(40, 3)", "40 labels, as numpy.argmax(y, 1)")),
        (X, np.eye(3, dtype="i4")[Y], ValueError, ("dtype int32", "40 labels, as numpy.argmax")),
        (list(X[:3]) + [X[0, :5]], Y[:4], ValueError, ("x[3] has 5 values, expected 6",)),
    ):
        model = make()
        before = bytes(model._image)
        for call in (model.learn_many, model.evaluate):
            with pytest.raises(kind) as e:
                call(x, y)
            assert all(text in str(e.value) for text in texts), e.value
        assert model._image == before


def test_one_sample_of_the_wrong_kind():
    model = make(input_range=(0, 1))
    for call in (lambda x: model.learn(x, 0), model.predict, model.predict_proba):
        with pytest.raises(ValueError, match=r"x is of shape \(1, 5\), expected \(6,\)"):
            call(X[:1, :5])
        with pytest.raises(TypeError, match="dtype <U4, shape"):
            call(np.array(["up", "down"]))
    for y in (np.float32(1.5), {}, None, 1.0, np.array([0.5])):
        with pytest.raises(TypeError):
            model.learn(X[0], y)
    image = tp.Model((4, 4, 2), [tp.Dense(2)])
    with pytest.raises(ValueError, match=r"\(7, 4, 4\), expected \(7, 4, 4, 2\)"):
        image.evaluate(np.zeros((7, 4, 4)), np.zeros(7, int))
    with pytest.raises(ValueError, match=r"\(8, 4, 4\), expected \(8, 4, 4, 2\)"):
        image.evaluate(np.zeros((8, 4, 4)), np.zeros(8, int))


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
def test_as_many_values_in_another_order_are_refused(dtype):
    """Such as frames with the colours before the pixels, as PyTorch has them."""
    image = tp.Model((5, 4, 3), [tp.Dense(2)], input_range=(0, 1))
    frame, frames = np.zeros((5, 4, 3), dtype), np.zeros((6, 5, 4, 3), dtype)
    for x in (frame, frame[None], frame.reshape(-1), frame.reshape(60, 1)):
        image.learn(x, 0)
    for x in (frames, frames.reshape(6, -1), frames.reshape(-1), frames[:, :, None]):
        image.learn_many(x, [0, 1] * 3)
    before = bytes(image._image)
    for x in (frame.transpose(2, 0, 1).copy(), memoryview(frame.reshape(4, 5, 3))):
        for call in (image.predict, lambda x: image.learn(x, 0)):
            with pytest.raises(ValueError, match=r"\(., ., .\), expected \(5, 4, 3\)"):
                call(x)
    for x in (frames.transpose(0, 3, 1, 2).copy(), frames.reshape(60, 6)):
        for call in (image.evaluate, image.learn_many):
            with pytest.raises(ValueError, match=r"x is of shape .*, expected \(60?, 5, 4, 3\)"):
                call(x, [0, 1] * 3)
    assert image._image == before
    line = tp.Model(3, [tp.Dense(2)], loss="mse")
    with pytest.raises(ValueError, match=r"y is of shape \(2, 6\), expected \(6, 2\)"):
        line.learn_many(np.zeros((6, 3), dtype), np.zeros((2, 6), dtype))
    for units in 1, 2:
        line = tp.Model(3, [tp.Dense(units)], loss="mse")
        with pytest.raises(ValueError, match=rf"y is of shape \(1, {units}\), expected \(6, "):
            line.learn_many(np.zeros((6, 3), dtype), np.zeros((1, units), dtype))


def test_answers_go_where_they_are_to_go():
    model, out = make(input_range=(-25, 25)), np.zeros(3, np.float32)
    assert model.predict_into(X[0], out) == model.predict(X[0]) == out.argmax()
    with pytest.raises(ValueError, match=r"out is no array\('f'\) of 3 places"):
        model.predict_into(X[0], np.zeros(3))


def test_nothing_of_it_is_there_without_numpy():
    """A PC without numpy works as a board does."""
    code = (
        "import sys, tinyprop as tp\n"
        "m = tp.Model(2, [tp.Dense(2)])\n"
        "m.learn([1, 2], 1)\n"
        "try:\n    m.learn({}, 1)\n"
        "except TypeError as e:\n    print(e)\n"
        "print([name for name in ('numpy', 'tinyprop_desk') if name in sys.modules])\n"
    )
    environment = os.environ | {"TINYPROP_BACKEND": "c", "PYTHONPATH": os.pathsep.join(sys.path)}
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert printed.splitlines()[-2:] == [
        "x is <class 'dict'>, expected a buffer of B b H h I i L l or f, or a list",
        "[]",
    ]


def test_an_anomaly_takes_what_a_model_takes():
    anomaly = tp.Anomaly(6)
    for x in X.tolist() * 2:
        anomaly.learn(x)
    far = np.float32([1, 2, -900, 4, 5e6, 6])
    forms = [far, far.astype(float), far.reshape(2, 3), far[:, None], np.repeat(far, 2)[::2]]
    forms += [far.astype(">f4"), Frame(far), list(far), list(far.reshape(2, 3))]
    forms += [memoryview(far), memoryview(far.reshape(2, 3)), far.astype(int), far.tolist()]
    assert {anomaly.score(x) for x in forms} == {anomaly.score(far)}
    files = set()
    for i, x in enumerate(forms):
        files.add(having_learned(anomaly, x))
        assert len(files) == 1, i
    with pytest.raises(TypeError, match="is of no numbers"):
        anomaly.score(np.array(list("abcdef")))


@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "f2", "f4", "f8"])
def test_readings_of_a_window(dtype):
    readings = np.array([[20, 1, 2], [5, 3, 4]], dtype)
    one, three = tp.Window(2, scale=1000), tp.Window(2, axes=3, scale=1000)
    with np.errstate(all="raise"):
        for reading in readings:
            one.push(reading[0])
            three.push(reading)
        with pytest.raises(
            ValueError, match=r"a reading is 40(\.0)?, expected -32\.768 to 32\.767:"
        ):
            one.push(readings[0, 0] + readings[0, 0])
    assert list(one.features[2:4]) == list(three.features[2:4]) == [5000, 20000]


def test_a_reading_beyond_what_its_own_kind_tells_apart():
    """To numpy 32767 is 32768 in 16 bits."""
    with pytest.raises(ValueError, match="expected -32768 to 32767: a smaller"):
        tp.Window(2, scale=1).push(np.float16(32768))


@pytest.mark.parametrize("form", [X, X.ravel(), list(X), X.ravel().tolist(), list(X.ravel())])
def test_a_board_in_a_fleet_takes_what_learn_many_takes(form):
    one, other = make(), make()
    tp.fleet.learn(one, form, Y, 1, 50)
    tp.fleet.learn(other, X.tolist(), Y.tolist(), 1, 50)
    assert one._image == other._image
