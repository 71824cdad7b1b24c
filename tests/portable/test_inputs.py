from array import array

import data
import model_format as fmt
import testkit
import tinyprop as tp


def saved(model):
    return bytes(testkit.saved(model))


def small_model(shape=6, **options):
    options.setdefault("input_range", (0, 200))
    options.setdefault("policy", tp.Full())
    return tp.Model(shape, [tp.Dense(5, activation="relu"), tp.Dense(3)], **options)


def test_every_kind_of_buffer_gives_the_same_bits():
    values = [0, 3, 50, 99, 100, 120]
    images = []
    for kind in "BHhIiLlf":
        model = small_model()
        model.learn(array(kind, values), 1)
        images.append((kind, saved(model)))
    for x in (values, tuple(values), bytes(values), bytearray(values), memoryview(bytes(values))):
        model = small_model()
        model.learn(x, 1)
        images.append((type(x), saved(model)))
    for kind, image in images:
        assert image == images[0][1], kind


def test_signed_values_too():
    images = []
    for kind in "bhilf":
        model = small_model(input_range=(-100, 100))
        model.learn(array(kind, [-100, -50, 0, 1, 99, 100]), 1)
        images.append(saved(model))
    assert all(image == images[0] for image in images)


def test_a_buffer_may_start_anywhere():
    raw = bytearray([9]) + bytearray(array("f", [1, 2, 3, 4, 5, 6]))
    values = memoryview(raw)[1:]
    if not hasattr(values, "cast"):  # MicroPython has no view of floats at an odd address
        return
    one, two = small_model(), small_model()
    one.learn(values.cast("f"), 1)
    two.learn([1, 2, 3, 4, 5, 6], 1)
    assert saved(one) == saved(two)


def test_values_beyond_the_range_count_as_its_ends():
    one, two = small_model(), small_model()
    three = small_model()
    one.learn(array("h", [-30000, -1, 0, 200, 201, 30000]), 2)
    two.learn(array("h", [0, 0, 0, 200, 200, 200]), 2)
    three.learn(array("f", [-3e38, -1, 0, 200, 1e9, 3e38]), 2)
    assert saved(one) == saved(three) != saved(two)  # they are counted
    counter = fmt.MODEL_STATE_N_OUTSIDE, 4
    assert testkit.saved_but(one, counter) == testkit.saved_but(two, counter)


def test_bad_x_is_refused_and_changes_nothing():
    model = small_model()
    model.learn([1, 2, 3, 4, 5, 6], 0)
    before = bytes(model._image)
    nan, inf = float("nan"), float("inf")
    for error, x in (
        (ValueError, [1, 2, 3, 4, 5]),
        (ValueError, [1, 2, 3, 4, 5, 6, 7]),
        (ValueError, bytes(5)),
        (ValueError, bytes(7)),
        (ValueError, b""),
        (ValueError, array("f", [1, 2, 3, 4, 5, nan])),
        (ValueError, array("f", [inf, 2, 3, 4, 5, 6])),
        (ValueError, [1, 2, 3, 4, 5, -inf]),
        (TypeError, array("d", [1, 2, 3, 4, 5, 6])),
        (TypeError, "abcdef"),
        (TypeError, None),
        (TypeError, 5),
        (TypeError, {}),
        (TypeError, [1, 2, 3, 4, 5, "6"]),
        (TypeError, [1, 2, 3, 4, 5, None]),
    ):
        for call in (
            lambda x: model.learn(x, 1),
            model.predict,
            lambda x: model.predict_into(x, array("f", [0] * 3)),
        ):
            testkit.raises(error, call, x)
            assert model._image == before, x


def test_bad_y_is_refused_and_changes_nothing():
    model = small_model()
    model.learn([1, 2, 3, 4, 5, 6], 0)
    before = bytes(model._image)
    for error, y in (
        (ValueError, 3),
        (ValueError, -1),
        (ValueError, 1 << 29),
        (TypeError, 1.0),
        (TypeError, {}),
        (TypeError, None),
        (TypeError, [1]),
        (TypeError, array("f", [1])),
        (ValueError, b"\x01\x01"),
    ):
        testkit.raises(error, model.learn, bytes(6), y)
        assert model._image == before, y


def test_a_number_that_is_none_to_learn_from_is_named():
    row, nan, inf = [1, 2, 3], float("nan"), float("inf")
    classes = tp.Model(3, [tp.Dense(2)])
    one = tp.Model(3, [tp.Dense(1)], loss="mse")
    two = tp.Model(3, [tp.Dense(2)], loss="mse")
    said = "%s holds a NaN, an infinity, or a number beyond 3.4e+38: %s."
    for model, x, y, place in (
        (classes, [1, nan, 3], 0, "x[1] is nan"),
        (classes, array("f", [1, 2, -inf]), 0, "x[2] is -inf"),
        (one, row, nan, "y is nan"),
        (two, row, [1, inf], "y[1] is inf"),
    ):
        error = testkit.raises(ValueError, model.learn, x, y)
        assert str(error) == said % (place[0], place) + " Leave such samples out"
    for model, x, y, place in (
        (classes, array("f", [1, 2, 3, 4, inf, 6]), [0, 1], "x[1][1] is inf"),
        (one, [row, row], [1, nan], "y[1] is nan"),
        (two, [row, row], array("f", [1, 2, nan, 4]), "y[1][0] is nan"),
    ):
        error = testkit.raises(ValueError, model.learn_many, x, y)
        assert str(error) == said % (place[0], place) + " Leave such samples out"


def test_an_item_that_is_no_number_is_named():
    row, text = [1, 2, 3], "3"
    classes = tp.Model(3, [tp.Dense(2)])
    one = tp.Model(3, [tp.Dense(1)], loss="mse")
    two = tp.Model(3, [tp.Dense(2)], loss="mse")
    for model, x, y, words in (
        (classes, [1, 2, text], 0, "x[2] is '3', expected a number"),
        (classes, (1, None, 3), 0, "x[1] is None, expected a number"),
        (classes, [row, row], 0, "x is of shape (2, 3), expected (3,)"),
        (one, row, [text], "y[0] is '3', expected a number"),
        (one, row, None, "y is None, expected a number"),
        (two, row, (1, None), "y[1] is None, expected a number"),
        (two, row, text, "y is '3', expected a buffer or a list of 2 numbers"),
        (classes, row, 302.5, "y is 302.5, expected a class number (int), or a model of numbers"),
    ):
        for _ in range(2):  # the array that lists are copied to is there or not
            says(words, model.learn, x, y)
            if x is not row:
                says(words, model.predict, x)
                says(words, model.predict_into, x, array("f", [0] * model._n_out))
            model._x = array("f", row)
    for model, x, y, words in (
        (classes, [row, [1, None, 3]], [0, 1], "x[1][1] is None, expected a number"),
        (classes, [row, (1, 3)], [0, 1], "x[1] has 2 values, expected 3"),
        (classes, [row, None], [0, 1], "x[1] is None, expected a number or a list of 3"),
        (classes, [b"123", "123"], [0, 1], "x[1] is '123', expected a number or a list of 3"),
        (classes, [1, 2, 3, 4, text, 6], [0, 1], "x[4] is '3', expected a number or a list of 3"),
        (classes, None, [0, 1], "x is None, expected a buffer"),
        (classes, [row, row], [0, None], "y[1] is None, expected a class number (int) or its"),
        (classes, [row, row], [0, 1.0], "y[1] is 1.0, expected a class number (int) or its name"),
        (classes, [row, row], None, "y is None, expected a buffer or a list of 2"),
        (classes, [row] * 2, [(0, 1)] * 2, "y[0] is (0, 1), expected a class number (int), such"),
        (one, [row, row], [1, None], "y[1] is None, expected a number"),
        (one, [row, row], [[1], [text]], "y[1][0] is '3', expected a number"),
        (two, [row, row], [[1, 2], [3, text]], "y[1][1] is '3', expected a number"),
        (two, [row, row], [[1, 2], [3]], "y[1] has 1 values, expected 2"),
        (two, [row, row], [1, 2], "y has 2 values, expected 4: 2 for each of 2 samples"),
        (classes, [row, row], [1], "y has 1 values, expected 2: 1 for each of 2 samples"),
    ):
        says(words, model.learn_many, x, y)
        says(words, model.evaluate, x, y)
    for model in (classes, one, two):
        assert model.stats()["steps"] == 0


def test_rows_of_a_sample_may_be_lists_of_their_own():
    picture = [[[1, 2], [3, 4], [5, 6]], ([7, 8], bytes((9, 10)), array("f", [11, 12]))]
    in_a_row = list(range(1, 13))
    for shape, x, y, samples in (
        ((2, 3, 2), picture, 1, [picture] * 3),
        ((6, 2), picture[0] + list(picture[1]), 2, [[in_a_row]] * 3),
        (12, [in_a_row[:6], in_a_row[6:]], 0, [picture] * 3),
        ((1, 12, 1), [[[v] for v in in_a_row]], 0, [[[v] for v in in_a_row]] * 3),
    ):
        models = [tp.Model(shape, [tp.Dense(3)], replay=9) for _ in range(2)]
        for model, one, many in zip(models, (x, in_a_row), (samples, [in_a_row] * 3)):
            model.learn(one, y)
            model.learn_many(many, [y] * 3)
            assert model.evaluate(many, [y] * 3) == 1 and model.predict(one) == y
            assert model.knows(one) and model.predict_proba(one)[y] > 0.3
        assert models[0]._image == models[1]._image


def test_rows_that_do_not_fit_are_named_and_change_nothing():
    model = tp.Model((3, 2), [tp.Dense(3)], replay=9)
    good, before = [[1, 2], [3, 4], [5, 6]], bytes(model._image)
    for x, words in (
        ([[1, 2, 3], [4, 5, 6]], "x is of shape (2, 3), expected (3, 2)"),
        ([[1, 2], [3, 4]], "x is of shape (2, 2), expected (3, 2)"),
        ([good, good], "x is of shape (2, 3, 2), expected (3, 2)"),
        ([[1, 2], [3, 4], [5]], "x[2] has 1 values, expected 2"),
        ([[1, 2], 3, [5, 6]], "x[1] is 3, expected a list of 2"),
        ([[1, 2], "34", [5, 6]], "x[1] is '34', expected a list of 2"),
        ([[1, 2], [3, None], [5, 6]], "x[1][1] is None, expected a number"),
    ):
        says(words, model.learn, x, 0)
        says(words, model.predict, x)
    for x, words in (
        ([good, good[:2]], "x[1] has 2 values, expected 3"),
        ([good[:2], good[:2]], "x is of shape (2, 2, 2), expected (2, 3, 2)"),
        ([good, [[1, 2], [3, 4], [5, "6"]]], "x[1][2][1] is '6', expected a number"),
        ([good, 5], "x[1] is 5, expected a list of 3"),
    ):
        says(words, model.learn_many, x, [0, 1])
        says(words, model.evaluate, x, [0, 1])
    assert model._image == before


def says(words, call, *arguments):
    """Whether a call is refused with a message that begins so."""
    kind = ValueError if " values, " in words or " of shape " in words else TypeError
    message = str(testkit.raises(kind, call, *arguments))
    assert message.startswith(words), (message, words)


def test_one_value_needs_no_list():
    models = [tp.Model(1, [tp.Dense(3)], input_range=(0, 9), replay=9) for _ in range(2)]
    for value in (1, 2.5, 7):
        for model, x in zip(models, (value, [value])):
            model.learn(x, int(value) % 3)
    assert models[0]._image == models[1]._image
    assert models[0].knows(7) and models[0].predict(7) == models[1].predict([7])
    says("x is 7, expected a buffer", tp.Model(3, [tp.Dense(2)]).learn, 7, 0)


def test_what_cannot_be_set_says_so():
    model = small_model()
    for name in ("replay", "policy", "layers", "seed", "input_shape", "learning_rate"):
        message = str(testkit.raises(AttributeError, setattr, model, name, 100))
        assert message.startswith(name + " cannot be set: lr, "), message
        assert not hasattr(model, name)
    testkit.raises(AttributeError, setattr, model, "loss", "mse")


def test_one_target_is_not_enough_for_several_outputs():
    model = tp.Model(3, [tp.Dense(2)], loss="mse", input_range=(0, 1), output_range=(0, 1))
    before = bytes(model._image)
    for y in (1, 1.0, [1.0], array("f", [1]), [1, 2, 3]):
        testkit.raises(ValueError, model.learn, [0, 0, 0], y)
        assert model._image == before, y
    model.learn([0, 0, 0], [0.5, 1])


def line(input_range, output_range):
    return tp.Model(1, [tp.Dense(1)], "mse", input_range=input_range, output_range=output_range)


def test_evaluating_no_sample_is_refused_and_changes_nothing():
    model = small_model()
    model.learn([1, 2, 3, 4, 5, 6], 0)
    before = bytes(model._image)
    for x, y in (([], []), (b"", b""), ((), b""), (array("f", []), [])):
        error = testkit.raises(ValueError, model.evaluate, x, y)
        assert str(error) == "evaluate needs one sample or more, and x has none", error
        assert model._image == before
    for x in (None, 5, b"123"):
        error = testkit.raises((TypeError, ValueError), model.evaluate, x, [])
        assert "evaluate" not in str(error), error


def test_messages_say_what_was_expected_and_what_came():
    model, learning = small_model(), tp.Model(2, [tp.Dense(2)])
    for call, words in (
        (lambda: model.learn(bytes(5), 1), ("5", "6")),
        (lambda: model.learn([], 1), ("0", "6")),
        (lambda: model.learn_many(bytes(5), b"\0"), ("x has 5 values, expected a multiple of 6",)),
        (lambda: model.evaluate([1] * 8, [1]), ("x has 8 values, expected a multiple of 6",)),
        (lambda: model.learn(bytes(6), 7), ("7", "2")),
        (lambda: model.learn("abc", 1), ("x is 'abc', expected a buffer of B b H h",)),
        (lambda: model.learn(array("d", [1] * 6), 1), ("x is array('d'), expected a buffer",)),
        (lambda: model.learn(bytes(6), 0.5), ("0.5", "int")),
        (lambda: model.learn([1, 2, 3, 4, 5, 10**400], 1), ("x", "3.4")),
        (lambda: model.learn_many([1, 2, 3, 4, 5, 10**400], [1]), ("x", "3.4")),
        (lambda: model.learn(10**400, 1), ("x is 1", "buffer")),
        (lambda: small_model(input_range=(0, "1")), ("input_range", "numbers")),
        (lambda: small_model(replay=-1), ("replay", "-1", "an integer of 0 to 65535")),
        (lambda: tp.Dense(2.0), ("units", "2.0", "an integer of 1 to 65534")),
        (lambda: tp.TopK("much"), ("ratio", "much", "0 to 1")),
        (lambda: tp.Model(2, [tp.Dense(2, "relu")]), ("Dense(2, activation='relu')", "without")),
        (lambda: model.weights(9), ("9", "a layer with weights: 0")),
        (lambda: model.weights(1.0), ("i is 1.0", "a layer with weights: 0, 1")),
        (
            lambda: model.set_weights(1.0, [0] * 15, [0] * 3),
            ("i is 1.0", "a layer with weights: 0, 1"),
        ),
        (lambda: small_model(lr=[7] * 200), ("lr is [7, 7, 7", ".., expected 2e-8")),
        (lambda: learning.set_weights(0, 5, [0, 0]), ("weights", "5", "a list of numbers")),
        (lambda: learning.set_weights(0, [1] * 4, ["a", 0]), ("biases", "a", "a list of numbers")),
        (lambda: model.predict_into(bytes(6), array("f", [0])), ("3",)),
        (lambda: small_model(lr=7), ("lr", "7", "1")),
        (lambda: setattr(model, "lr", "fast"), ("lr", "fast", "1")),
        (lambda: small_model(input_range=(3, 3)), ("3", "lo < hi")),
        (lambda: small_model(loss="hinge"), ("hinge", "crossentropy", "mse")),
        (lambda: small_model(seed=-1), ("seed", "-1")),
        (lambda: small_model(input_range=5), ("input_range", "5", "(lo, hi)")),
        (lambda: small_model(input_range=[(0, 1)] * 2), ("input_range", "6 of them")),
        (lambda: small_model(output_range=(0, 1)), ("output_range", "(0, 1)", "crossentropy")),
        (
            lambda: setattr(learning, "input_range", (0, 9)),
            ("input_range", "(0, 9)", "None", "anew"),
        ),
        (lambda: setattr(model, "input_range", (0, 9)), ("input_range", "given", "stays")),
        (lambda: setattr(model, "input_range", None), ("input_range", "given", "stays")),
        (lambda: learning.predict([1, 2]), ("no input_range is known: learn first",)),
        (lambda: line(None, None).predict(1), ("no input_range or output_range is known",)),
        (lambda: line(None, (0, 1)).predict(1), ("no input_range is known",)),
        (lambda: line((0, 1), None).predict(1), ("no output_range is known",)),
        (lambda: small_model(policy=tp.Full), ("policy", "Full()")),
        (lambda: tp.Model(3, tp.Dense(2)), ("layer", "Dense(...)")),
        (lambda: tp.Model(3.5, [tp.Dense(2)]), ("input_shape", "3.5")),
        (lambda: tp.Model(3, [tp.Dense]), ("layer", "Dense(...)")),
        (lambda: tp.Conv2D(4, 1.5), ("kernel_size", "1.5", "255")),
        (lambda: tp.TopK(2), ("ratio is 2", "0 to 1")),
        (lambda: tp.TinyProp(zeta=-1), ("zeta is -1", "0 to 1")),
        (lambda: tp.Adaptive(0), ("ratio is 0", "above 0")),
        (lambda: tp.Adaptive(ratio=2), ("ratio is 2", "0 to 1")),
        (lambda: tp.Adaptive(least=2), ("least is 2", "0 to 1")),
        (lambda: tp.Adaptive(0.25, 0.5), ("least is 0.5", "0 to 0.25", "ratio")),
        (lambda: small_model(replay=-1), ("replay", "-1", "65535")),
        (lambda: small_model(replay=2), ("replay", "2", "3", "each class")),
        (
            lambda: tp.Model(4, [tp.Dense(3, trainable=False)], replay=9),
            ("replay", "9", "no layer is trained"),
        ),
        (lambda: tp.Dense(0), ("0", "65534")),
        (lambda: tp.MaxPool2D(True), ("pool_size is True", "an integer of 1 to 255")),
        (lambda: tp.Model((0, 3), [tp.Dense(2)]), ("input_shape[0] is 0", "65534")),
        (lambda: tp.Model(0, [tp.Dense(2)]), ("input_shape is 0", "65534")),
        (lambda: tp.Dense(3, "softmax"), ("softmax", "leave it away", "crossentropy")),
        (lambda: tp.Conv1D(3, 3, activation="softmax"), ("softmax", "leave it away")),
        (lambda: model.learn(bytes(6), [0, 1, 0]), ("a class number (int), such as y.index(1)",)),
        (lambda: tp.Dense(3, activation="gelu"), ("gelu", "relu")),
        (lambda: tp.TinyPropV2(skip=2), ("skip", "2", "1")),
        (
            lambda: tp.Model((4, 4, 1), [tp.Conv2D(2, 5), tp.Dense(2)]),
            ("layer 0", "Conv2D", "4 x 4 x 1"),
        ),
        (
            lambda: tp.Model((4, 4, 1), [tp.MaxPool2D(5), tp.Dense(2)]),
            ("layer 0", "MaxPool2D", "4 x 4 x 1"),
        ),
        (lambda: tp.Model(4, [tp.Dense(2, activation="relu")]), ("last", "linear")),
        (lambda: tp.Model(4, [tp.Dense(1)]), ("last", "1 unit", "2 or more", "class", "'mse'")),
        (lambda: tp.Model((3000, 40, 1), [tp.Dense(2)]), ("layer 0", "65534")),
    ):
        message = str(testkit.raises((ValueError, TypeError), call))
        for word in words:
            assert word in message, (message, word)


def test_out_must_fit():
    model = small_model()
    for out in (
        array("f", [0] * 2),
        array("f", [0] * 4),
        array("h", [0] * 3),
        [0, 0, 0],
        bytes(12),
        None,
    ):
        testkit.raises(ValueError, model.predict_into, bytes(6), out)


def test_probabilities_add_up():
    model = small_model()
    out = array("f", [0, 0, 0])
    model.predict_into([1, 2, 3, 4, 5, 6], out)
    assert abs(sum(out) - 1) < 0.001, out
    label = model.predict([1, 2, 3, 4, 5, 6])
    assert out[label] == max(out), (out, label)


def test_learn_many_takes_lists_and_buffers():
    x, y = data.samples(data.Blobs(6, 3), 20)
    one, two = small_model(input_range=(0, 255)), small_model(input_range=(0, 255))
    one.learn_many(x, y)
    two.learn_many([list(x[6 * i : 6 * i + 6]) for i in range(20)], list(y))
    assert saved(one) == saved(two)
    three = small_model(input_range=(0, 255))
    three.learn_many([x[6 * i : 6 * i + 6] for i in range(20)], y)
    assert saved(one) == saved(three)


def test_learn_many_checks_all_before_it_learns_any():
    x, y = data.samples(data.Blobs(6, 3), 300)
    model = small_model(input_range=(0, 255))
    before = bytes(model._image)
    y[299] = 3
    testkit.raises(ValueError, model.learn_many, x, y)
    assert model._image == before
    testkit.raises(ValueError, model.learn_many, x[:-1], y)
    testkit.raises(ValueError, model.learn_many, x, y[:-1])
    assert model._image == before


def test_weights_with_units_first_are_refused():
    model = tp.Model(3, [tp.Dense(2)])
    before = bytes(model._image)
    for weights in ([[1, 2, 3], [4, 5, 6]], [[1, 2], [3, 4, 5], [6]], [[[1, 2, 3]], [[4, 5, 6]]]):
        said = str(testkit.raises(ValueError, model.set_weights, 0, weights, [0, 0]))
        assert said.startswith("weights has rows of ") and "[input][unit]" in said, said
        assert model._image == before
    model.set_weights(0, [[1, 2], [3, 4], [5, 6]], [0, 0])
    assert list(model.weights(0)[0]) == [1, 2, 3, 4, 5, 6]


def test_weights_that_are_set_come_back():
    """In classifiers, and in regressions, which have 12 bits."""
    weights, biases = [0.5, -0.25, 1, 0, 0.125, -1], [0, 0.5, -0.5]
    for options in {}, {"loss": "mse", "output_range": (-1, 1)}:
        layers = [tp.Dense(3, "relu"), tp.Dense(2)]
        model = tp.Model(2, layers, input_range=(-1, 1), **options)
        model.set_weights(0, weights, biases)
        assert [list(part) for part in model.weights(0)] == [weights, biases]


def test_what_a_frozen_layer_made_of_samples_is_forgotten_with_its_weights():
    random = data.Random(4)
    for frozen in True, False:
        layers = [tp.Dense(3, "relu", trainable=not frozen), tp.Dense(2)]
        model = tp.Model(2, layers, input_range=(0, 9), replay=8)
        for i in range(40):
            model.learn(bytes([random.below(10), random.below(10)]), i % 2)
        model.set_weights(1, *model.weights(1))
        assert testkit.n_remembered(model, 8, b"\1\2") == 8
        model.set_weights(0, [1, 2, 3, 4, 5, 6], [1, 1, 1])
        assert testkit.n_remembered(model, 8, b"\1\2") == (0 if frozen else 8)
        model.learn(b"\1\2", 1)
        assert testkit.n_remembered(model, 8, b"\1\2") == (1 if frozen else 8)


if __name__ == "__main__":
    testkit.main(globals())
