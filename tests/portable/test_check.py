# What stats() counts, and what check() makes of it: a model with just one fault for each sentence.
from array import array

import data
import model_format as fmt
import testkit
import tinyprop as tp


def mlp(n_in=12, n_out=3, trainable=True, **options):
    layers = [tp.Dense(8, activation="relu", trainable=trainable), tp.Dense(n_out)]
    return tp.Model(n_in, layers, **options)


def new_blobs(n_in=12, n_out=3):
    """Blobs in which all values move, if only a little."""
    blobs = data.Blobs(n_in, n_out)
    blobs.samples = [
        [bytes(v or 3 * k for v in x) for k, x in enumerate(some)] for some in blobs.samples
    ]
    return blobs


def learn(model, steps, blobs=None, label=lambda y: y):
    """Learns what Blobs has, under other labels if need be."""
    blobs = blobs or new_blobs(model._n_in, model._n_out)
    for _ in range(steps):
        y = blobs.next()
        model.learn(blobs.x, label(y))
    return blobs


def says(model, *beginnings):
    """Whether check() returns sentences that begin so, and no others."""
    sentences = model.check()
    assert len(sentences) == len(beginnings), sentences
    for sentence, beginning in zip(sentences, beginnings):
        assert sentence.startswith(beginning) and sentence[-1] in ".?", sentences


def curve(model, steps, random):
    for _ in range(steps):
        v = random.below(101)
        model.learn([v], abs(v - 50))


# ---- numbers


def test_a_new_model_has_learned_nothing():
    stats = mlp().stats()
    assert (stats["steps"], stats["replayed"], stats["outside"], stats["error"]) == (0, 0, 0, 1)
    assert stats["dead"] == [0, 0] and stats["rates"] == [None, None], stats
    assert tp.Model(1, [tp.Dense(1)], loss="mse").stats()["error"] is None
    assert mlp().check() == []


def test_accuracy_and_error_are_of_samples_before_they_are_learned():
    model = mlp(policy=tp.Full())
    blobs = new_blobs()
    right = error = 0
    out = array("f", [0] * 3)
    for i in range(63):  # a plain mean at first, nearly
        y = blobs.next()
        if i:
            model.predict_into(blobs.x, out)
            right += model.predict(blobs.x) == y
            error += 1 - out[y]
        model.learn(blobs.x, y)
    stats = model.stats()
    assert abs(stats["accuracy"] - right / 63) < 0.15, (stats, right)
    assert abs(stats["error"] - (error + 1) / 63) < 0.1, (stats, error)
    learn(model, 400, blobs)
    assert model.stats()["accuracy"] > 0.95 and model.stats()["error"] < 0.1, model.stats()


def test_the_error_of_numbers_is_in_their_units():
    for given in (None, [(-300, 700), (0, 10)]):
        model = tp.Model(1, [tp.Dense(2)], loss="mse", input_range=(0, 1), output_range=given)
        for i in range(400):
            sign = i % 2 * 2 - 1
            model.learn([0.5], [200 + 100 * sign, 5 + sign])
        stats = model.stats()
        assert stats["accuracy"] is None
        for error, distance in zip(stats["error"], (100, 1)):
            assert 0.9 * distance < error < 1.2 * distance, (given, stats)
    one = tp.Model(1, [tp.Dense(1)], loss="mse", input_range=(0, 1), output_range=(0, 40))
    for i in range(200):
        one.learn([1], 10 + i % 2 * 8)
    assert 3 < one.stats()["error"] < 5, one.stats()


def test_rates_are_those_of_each_layer():
    layers = [tp.Dense(8, "relu", trainable=False), tp.Dense(6, "relu"), tp.Dense(3)]
    model = tp.Model(12, layers, lr=0.05)
    learn(model, 30)
    assert model.stats()["rates"] == [None, model.lr, model.lr], model.stats()
    model.lr = None
    early = model.stats()["rates"]
    learn(model, 1300)
    late = model.stats()["rates"]
    assert early[0] is late[0] is None
    for rate in early + late:
        assert rate is None or 1 / rate == int(1 / rate) <= 4096, (early, late)
    assert early[1] > late[1] and early[2] > late[2], (early, late)
    pooled = tp.Model((4, 4, 1), [tp.MaxPool2D(), tp.Dense(2)])
    pooled.learn(bytes(range(16)), 1)
    assert pooled.stats()["rates"][0] is None and pooled.stats()["rates"][1] > 0, pooled.stats()


def test_a_layer_that_gives_only_zeros_is_dead():
    model = mlp(input_range=(0, 255), policy=tp.Full())
    for _ in range(63):  # inputs and biases of zero: no relu is above it
        model.learn(bytes(12), 0)
    assert model.stats()["dead"] == [0, 0]
    model.learn(bytes(12), 0)
    assert model.stats()["dead"] == [8, 0]
    for _ in range(2):
        model.learn(b"\xff" * 12, 0)
    assert model.stats()["dead"][0] < 8


def test_dead_units_are_counted():
    for dead in ((), (1, 3)):
        dense = mlp(input_range=(0, 255), seed=4, trainable=False)
        first = tp.Conv2D(5, 3, activation="relu", trainable=False)
        conv = tp.Model((6, 6, 1), [first, tp.MaxPool2D(2), tp.Dense(3)])
        for model, n_weights in ((dense, 13 * 8), (conv, 9 * 5)):
            for unit in dead:
                lay_dead(model, n_weights, unit)
            learn(model, 200)
            stats = model.stats()
            assert stats["dead"] == [len(dead)] + [0] * (len(stats["dead"]) - 1), stats
            says(model)


def lay_dead(model, n_weights, unit):
    """Gives a unit of the first layer a bias of -2^28. n_weights: of that layer, with slopes."""
    biases = testkit.first_weights_at(model) + (2 * n_weights + 3 & ~3)
    model._image[biases + 4 * unit : biases + 4 * unit + 4] = b"\0\0\0\xf0"


# ---- sentences


def test_nothing_is_wrong_with_a_good_model():
    model = mlp()
    blobs = learn(model, 60)
    says(model)
    learn(model, 400, blobs)
    says(model)
    says(mlp(lr=1))  # which has learned nothing yet
    numbers = tp.Model(1, [tp.Dense(8, activation="tanh"), tp.Dense(1)], loss="mse")
    random = data.Random(3)
    for steps in (60, 400):
        curve(numbers, steps, random)
        says(numbers)


def test_no_layer_is_trained():
    layers = [tp.Dense(8, "relu", trainable=False), tp.Dense(3, trainable=False)]
    model = tp.Model(12, layers)
    learn(model, 60)
    assert model.stats()["skipped"] == 60
    says(model, "All layers are trainable=False, so it learns nothing: ")
    model = tp.Model(12, layers[:1] + [tp.Dense(3)])
    learn(model, 60)
    says(model)


def test_x_that_never_changes():
    model = mlp()
    for i in range(60):
        model.learn([7.5] * 12, i % 3)
    says(model, "x never changes: ")
    model = mlp(n_in=3, input_range=(0, 60000))
    for i in range(700):
        model.learn([500 + i % 7, 800, 20], i % 3)
    says(model, "x hardly moves within input_range: ")
    model = mlp(n_in=3, input_range=(0, 1))
    for i in range(700):
        model.learn([500 + i % 7, 800, 20], i % 3)
    says(model, "100 % of the values of x are outside input_range, ")


def test_y_that_never_changes():
    for same in 21.5, 1e8, -0.0:
        model = tp.Model(2, [tp.Dense(4, "relu"), tp.Dense(2)], loss="mse")
        for i in range(60):
            model.learn([i % 7, i % 5], [same, same])
        says(model, "y never changes: ")
        for i in range(60):
            model.learn([i % 7, i % 5], [same, same + 16 * (i % 7)])
        assert not any("never changes" in sentence for sentence in model.check())


def test_ranges_that_begin_anew_say_nothing_at_first():
    classes = mlp()
    blobs = learn(classes, 200)
    numbers, random = tp.Model(1, [tp.Dense(8, "tanh"), tp.Dense(1)], loss="mse"), data.Random(3)
    curve(numbers, 200, random)
    classes.input_range = numbers.input_range = numbers.output_range = None
    for _ in range(40):
        for model in classes, numbers:
            sentences = model.check()
            assert not any("never changes" in s or "moved" in s for s in sentences), sentences
        blobs.next()
        classes.learn([0] * 6 + [v // 9 for v in blobs.x[6:]], 0)
        numbers.learn([0], [0])


def test_only_one_class_was_ever_shown():
    for replay in 0, 20:
        model = tp.Model(2, [tp.Dense(5)], classes=["up", "down"], replay=replay)
        for i in range(60):
            model.learn([i % 7, i % 5], "up")
        says(model, "All samples were of class up, and so will be all answers: ")


def test_spare_outputs_do_not_hide_that_it_guesses():
    random = data.Random(5)
    for outputs in 2, 8:
        model = tp.Model(2, [tp.Dense(outputs)], classes=["up", "down"])
        for _ in range(600):
            model.learn([random.below(100), random.below(100)], random.below(2))
        assert "no better than guessing" in model.check()[-1], outputs


def test_values_that_never_move():
    blobs, model = new_blobs(), mlp()
    for _ in range(60):
        y = blobs.next()
        x = list(blobs.x)
        x[4] = x[9] = 3
        model.learn(x, y)
    says(model, "Values 4, 9 of x have not moved yet: ")
    model = tp.Model((2, 2, 3), [tp.Dense(3)])
    for _ in range(60):
        y = blobs.next()
        for i in (1, 4, 7, 10):
            blobs.x[i] = 200
        model.learn(blobs.x, y)
    says(model, "Channel 1 of x has not moved yet: ")


def test_corners_of_a_picture_may_be_black():
    blobs, model = new_blobs(40), mlp(n_in=40)
    for black in (10, 30):
        model.reset()
        model.input_range = None
        for _ in range(100):
            y = blobs.next()
            blobs.x[:black] = bytes(black)
            model.learn(blobs.x, y)
        if black == 10:
            says(model)
    says(model, "Values 0, 1, 2, 3, 4, 5, .. of x have not moved yet: ")


def test_a_rate_that_is_too_high_or_too_low():
    for rate, word in ((1, "too high"), (1e-4, "too low"), (0.05, "")):
        model = mlp(n_in=60, n_out=6, lr=rate)
        learn(model, 300)
        sentences = model.check()
        assert len(sentences) == bool(word) and word in "".join(sentences), (rate, sentences)
        numbers = tp.Model(1, [tp.Dense(8, activation="tanh"), tp.Dense(1)], "mse", lr=rate)
        curve(numbers, 200, data.Random(5))
        sentences = numbers.check()
        assert len(sentences) == bool(word) and word in "".join(sentences), (rate, sentences)


def test_a_ruined_model_says_so_and_can_be_revived():
    conv = [tp.Conv2D(8, 3, activation="relu") for _ in range(2)]
    classes = tp.Model((8, 8, 1), conv + [tp.Dense(4)], lr=1), new_blobs(64, 4), lambda y: y
    numbers = mlp(40, 1, lr=1, loss="mse"), new_blobs(40, 2), lambda y: 50 * y
    for dead, (model, blobs, label) in (([0, 8, 0], classes), ([8, 0], numbers)):
        learn(model, 150, blobs, label)
        model.lr = None  # too late
        learn(model, 100, blobs, label)
        says(model, "Layer %d gives the same whatever x is. " % dead.index(8))
        assert model.stats()["dead"] == dead, model.stats()
        model.reset()
        learn(model, 150, blobs, label)
        says(model)
        assert sum(model.stats()["dead"]) < 4, model.stats()


def test_one_class_after_the_other():
    model = mlp()
    blobs = learn(model, 100)
    while blobs.next() != 1:
        pass
    for _ in range(60):
        model.learn(blobs.x, 1)
    says(model, "The last 6")
    assert "class 1" in model.check()[0]
    learn(model, 30, blobs)
    says(model)
    with_memory = mlp(replay=30)
    blobs = learn(with_memory, 100)
    for _ in range(60):
        with_memory.learn(blobs.x, 1)
    says(with_memory)


def test_classes_that_were_never_shown():
    model = mlp(n_out=5)
    learn(model, 130, new_blobs())
    says(model, "Classes 3, 4 were never shown: ")
    model = mlp(n_out=4)
    learn(model, 130, new_blobs(), lambda y: y + 1)
    says(model, "Class 0 was never shown: ")


def test_values_beyond_a_given_range():
    model = mlp(input_range=(0, 120))
    learn(model, 60)
    says(model, "%.0f %% of the values of x are outside input_range" % share_above(120))
    says(mlp(input_range=(0, 255)))


def test_targets_beyond_a_given_range():
    # Up to half a width beyond it, y is learned as it is.
    for hi, cut in ((1, True), (2.5, False)):
        model = tp.Model(2, [tp.Dense(1)], "mse", output_range=(0, hi))
        for i in range(60):
            model.learn(bytes((i, 60 - i)), 3 if i % 4 == 0 else 0.5)
        beginning = "25 % of the values of y are so far outside output_range that they were cut"
        assert any(s.startswith(beginning) for s in model.check()) == cut, model.check()


def test_targets_far_from_the_others():
    for one_in, cut in ((50, True), (400, False)):
        model = tp.Model(2, [tp.Dense(4, "relu"), tp.Dense(1)], "mse")
        for i in range(800):
            model.learn(bytes((i % 250, i % 2)), 9000 if i % one_in == 9 else i % 250)
        beginning = "2 % of the values of y were so far from the others that they were cut"
        assert any(s.startswith(beginning) for s in model.check()) == cut, model.check()


def share_above(limit):
    blobs, n = new_blobs(), 0
    for _ in range(60):
        blobs.next()
        n += sum(v > limit for v in blobs.x)
    return 100 * n / 60 / 12


def test_remembered_samples_that_contradict_each_other():
    random = data.Random(4)
    for options in ({}, {"input_range": (0, 255)}):
        model = mlp(replay=24, **options)
        learn(model, 150, label=lambda y: random.below(3))
        sentences = model.check()
        assert sentences and " remembered samples have a twin with another label" in sentences[0]
        model = mlp(replay=24, **options)
        learn(model, 150)
        says(model)


def test_what_a_range_had_not_reached_may_be_a_twin():
    """One sensor, taught in blocks: at first 30000 and 60000 are both beyond what is known."""
    random, centres = data.Random(1), (3000, 30000, 60000)
    for given in None, (0, 65535):
        layers = [tp.Dense(12, "relu"), tp.Dense(3)]
        model = tp.Model(1, layers, replay=60, input_range=given)
        for y in (0, 1, 2) * 3:
            for _ in range(10):
                model.learn([centres[y] + random.below(256)], y)
        assert [model.predict([centre + 128]) for centre in centres] == [0, 1, 2]
        if given:
            says(model)
        else:
            assert "or came before its range was known" in model.check()[0]


def test_an_odd_number_of_values_is_remembered_too():
    for n in (4, 5):
        model = tp.Model(n, [tp.Dense(8, "relu"), tp.Dense(2)], input_range=(0, 255), replay=2)
        for i in range(200):
            model.learn(bytes(range(n)), i % 2)
        assert "2 of 2 remembered samples have a twin with another label" in model.check()[-1]


def test_labels_that_mean_something_else_now():
    model = mlp()
    blobs = learn(model, 300)
    says(model)
    learn(model, 25, blobs, lambda y: (y + 1) % 3)
    says(model, "The error is ")
    assert "remember" not in model.check()[0]
    learn(model, 300, blobs, lambda y: (y + 1) % 3)
    says(model)


def test_one_class_after_the_other_from_the_beginning():
    """As people teach; a rare class that is shown now and then is no fault."""
    for n_of_class in 10, 20, 40:
        for replay in 0, 90:
            model = tp.Model(2, [tp.Dense(4, activation="relu"), tp.Dense(6)], replay=replay)
            for i in range(6 * n_of_class):
                model.learn([7 * i % 100, i // n_of_class], i // n_of_class)
            words = "The last %d samples were all of class 5, " % n_of_class
            says(model, *() if replay else [words])
    model = tp.Model(2, [tp.Dense(4, activation="relu"), tp.Dense(2)])
    for i in range(600):
        model.learn([7 * i % 100, i % 30 // 29], i % 30 // 29)
        if i >= 120:
            says(model)


def test_classes_may_be_taught_in_blocks_from_memory():
    """With fewer classes it was easier: the error was less, and that is no fault."""
    model = tp.Model(2, [tp.Dense(4, activation="relu"), tp.Dense(3)], replay=60)
    random = data.Random(5)
    for y in range(3):
        for _ in range(150):
            model.learn([random.below(100) + 10 * y, random.below(100)], y)
            assert not any(sentence.startswith("The error") for sentence in model.check())


def test_an_error_of_numbers_is_compared_in_their_units():
    """A range that was far too wide at first gets narrow."""
    model = tp.Model(2, [tp.Dense(4, activation="relu"), tp.Dense(1)], loss="mse")
    random = data.Random(6)
    ys = [0, 1000, -1000] + [random.below(41) - 20 for _ in range(1500)]
    for y in ys:
        model.learn([random.below(100), random.below(100)], y)
        assert not any(sentence.startswith("The error") for sentence in model.check())
    lo, hi = model.output_range
    assert hi - lo < 250, model.output_range


def test_an_error_of_another_range_is_none_to_compare_with():
    model = tp.Model(1, [tp.Dense(4, activation="relu"), tp.Dense(1)], loss="mse")
    random = data.Random(7)
    for _ in range(500):
        x = random.below(2)
        model.learn([x], 1000 * x)
    assert model.stats()["error"] < 50
    model.output_range = None  # from now on something else is measured, which x does not tell
    for _ in range(300):
        model.learn([random.below(2)], random.below(41) / 1000)
        assert not any(sentence.startswith("The error") for sentence in model.check())


def test_units_that_fire_on_nothing():
    model = mlp(input_range=(0, 255), seed=4, trainable=False)
    for unit in (0, 1, 3, 4, 6):
        lay_dead(model, 13 * 8, unit)
    learn(model, 250)
    says(model, "5 of 8 units of layer 0 fire on nothing, ")


def test_units_may_fire_on_nothing_where_all_is_right():
    """After a sensor that stood still for long."""
    model = tp.Model(1, [tp.Dense(16, "relu"), tp.Dense(2)])
    for i in range(3300):
        model.learn([8000000 + 200 * (i % 2) * (i >= 300)], i % 2)
    assert model.stats()["dead"][0] > 8 and model.stats()["accuracy"] > 0.9
    says(model)


def test_weights_that_are_as_large_as_they_can_be():
    model = mlp(input_range=(0, 255))
    learn(model, 250)
    state = fmt.MODEL_SPEC_BYTES + 2 * fmt.LAYER_SPEC_BYTES + fmt.MODEL_STATE_BYTES
    model._image[state + fmt.LAYER_STATE_BYTES] = 2  # w_frac of layer 1
    says(model, "Weights of layer 1 are as large as they can be, ")


def test_no_better_than_guessing():
    model, random = mlp(), data.Random(6)
    blobs = learn(model, 500, label=lambda y: random.below(3))
    says(model)
    learn(model, 150, blobs, label=lambda y: random.below(3))
    says(model, "After 650 samples it does no better than guessing. ")


# ---- beginning anew


def test_reset_is_as_a_new_model_with_what_stays():
    layers = [tp.Dense(8, "relu", trainable=False), tp.Dense(6, "relu"), tp.Dense(3)]
    model = tp.Model(12, layers, replay=30, seed=3)
    frozen = testkit.first_weights(model, 12 * 8)
    blobs = learn(model, 200)
    ranges, memory = model.input_range, testkit.remembered(model)
    model.reset(5)
    assert model.input_range == ranges and testkit.remembered(model) == memory
    assert testkit.first_weights(model, 12 * 8) == frozen
    assert model.stats() == tp.Model(12, layers, replay=30).stats()
    learn(model, 60, blobs)
    assert model.evaluate(*data.samples(blobs, 30)) > 0.9
    testkit.raises(ValueError, model.reset, -1)


def test_reset_takes_first_weights_from_the_seed():
    model = mlp(input_range=(0, 255), seed=4)
    new = testkit.saved_but_loss(model)
    learn(model, 100)
    model.reset(4)
    assert testkit.saved_but_loss(model) == new
    model.reset()
    assert testkit.saved_but_loss(model) != new
    again = mlp(input_range=(0, 255))
    learn(again, 50), learn(model, 50)
    assert testkit.saved(model) == testkit.saved(again)


if __name__ == "__main__":
    testkit.main(globals())
