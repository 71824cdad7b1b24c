# Beside the class: probabilities, and whether x is like anything that was taught.
import io
from array import array

import data
import testkit
import tinyprop as tp

N, CLASSES = 6, 3


def taught(n=120, **settings):
    settings.setdefault("replay", 60)
    model = tp.Model(N, [tp.Dense(8, activation="relu"), tp.Dense(CLASSES)], **settings)
    model.learn_many(*data.samples(data.Blobs(N, CLASSES), n))
    return model


def test_probabilities_in_a_list():
    model, (x, _) = taught(), data.samples(data.Blobs(N, CLASSES), 9)
    out = array("f", [0] * CLASSES)
    for i in range(0, len(x), N):
        one = x[i : i + N]
        before = bytes(testkit.saved(model))
        p = model.predict_proba(one)
        label = model.predict_into(one, out)
        assert p == list(out) == model.predict_proba(list(one)), p
        assert label == model.predict_into(list(one), out) == model.predict(one)
        assert abs(sum(p) - 1) < 0.001 and p[label] == max(p), p
        assert testkit.saved(model) == before


def test_numbers_have_no_probabilities():
    model = tp.Model(2, [tp.Dense(2)], loss="mse", input_range=(0, 1), output_range=(0, 1))
    message = str(testkit.raises(ValueError, model.predict_proba, [0, 1]))
    assert "predict_proba" in message and "loss='mse'" in message, message
    out = array("f", [0, 0])
    assert model.predict_into([0, 1], out) is None
    assert list(out) == model.predict([0, 1])


def test_it_knows_what_is_like_what_it_was_taught():
    of_class = data.Blobs(N, CLASSES, n_each=40).samples
    for settings in ({}, {"input_range": (0, 255)}):
        model = tp.Model(N, [tp.Dense(CLASSES)], replay=60, **settings)
        for i in range(20):
            for y in range(CLASSES):
                model.learn(of_class[y][i], y)
        before = bytes(testkit.saved(model))
        new = [x for some in of_class for x in some[20:]]
        assert sum(map(model.knows, new)) > 0.85 * len(new)
        stuck, railed = bytes([90] * N), bytes([255, 0] * (N // 2))
        assert not model.knows(stuck) and not model.knows(railed)
        assert not model.knows(list(railed))
        assert testkit.saved(model) == before


def test_what_was_just_taught_is_known_and_before_that_it_cannot_say():
    model = tp.Model(2, [tp.Dense(2)], replay=8, input_range=(0, 255))
    said = str(testkit.raises(ValueError, model.knows, b"\5\5"))
    assert "there are none: learn some" in said
    model.learn(b"\5\5", 1)
    assert not model.knows(b"\5\5")  # one sample does not tell how unlike others may be
    model.learn(b"\5\7", 1)
    for _ in range(2):
        assert model.knows(b"\5\6") and model.knows(b"\5\5") and not model.knows(b"\5\x0a")
        model.learn(b"\5\7", 1)  # again, as in a second pass
    for x in (b"\xf0\xf0", b"\xf0\xff"):
        assert not model.knows(x)
        model.learn(x, 0)
    assert model.knows(b"\xf0\xf8")
    for replay in (True, False):
        file = io.BytesIO()
        model.save(file, replay=replay)
        file.seek(0)
        loaded = tp.load(file)
        if replay:
            assert loaded.knows(b"\xf0\xf8")
    said = str(testkit.raises(ValueError, loaded.knows, b"\xf0\xf8"))
    assert "there are none" in said and "replay=True" in said


def test_how_far_it_reaches_is_found_anew_as_it_learns():
    model = tp.Model(2, [tp.Dense(2)], replay=40, input_range=(0, 255))
    for i in range(10):
        model.learn(bytes([100, 100 + i]), 0)
    assert model.knows(b"\x64\x64") and not model.knows(b"\x64\x78")
    for i in range(10):
        model.learn(bytes([100, 20 * i]), 0)
    assert model.knows(b"\x64\x78")


def test_how_far_it_reached_before_a_reset_counts_no_more():
    x, y = data.samples(data.Blobs(N, CLASSES), 60)
    spread = bytes(4 * (v // 4) ^ 0x1C for v in x)  # as many samples from a wider world
    model = tp.Model(N, [tp.Dense(CLASSES)], replay=60, input_range=(0, 255))
    model.learn_many(x, y)
    model.knows(x[:N])
    model.reset()
    model.learn_many(spread, y)
    file = io.BytesIO()
    model.save(file, replay=True)
    file.seek(0)
    loaded = tp.load(file)
    for i in range(0, len(x), N):
        for one in (x[i : i + N], spread[i : i + N]):
            assert model.knows(one) == loaded.knows(one), i


def test_how_far_it_reached_counts_no_more_once_samples_are_forgotten():
    frozen = tp.Model(2, [tp.Dense(4, "tanh", trainable=False), tp.Dense(2)], replay=40)
    learning = tp.Model(2, [tp.Dense(4, "tanh"), tp.Dense(2)], replay=40)
    for model in (frozen, learning):
        for i in range(400):
            model.learn((7 + i % 2, 20 * (i % 10)), 0)
        model.knows((7, 40))
        if model is frozen:
            weights, biases = model.weights(0)
            model.set_weights(0, [w / 2 for w in weights], biases)
        else:
            model.input_range = None
        for i in range(40):
            model.learn((7 + i % 2, 90 + i % 10), 0)
        file = io.BytesIO()
        model.save(file, replay=True)
        file.seek(0)
        loaded = tp.load(file)
        for i in range(0, 200, 4):
            assert model.knows((7, i)) == loaded.knows((7, i)), i


def test_one_odd_sample_of_20_does_not_make_it_reach_farther():
    for n, known in ((39, False), (18, True)):  # one of 40, one of 19
        model = tp.Model(2, [tp.Dense(2)], replay=80, input_range=(0, 255))
        for i in range(n):
            model.learn(bytes([7, 2 * i]), 0)
        model.learn(b"\7\xff", 0)
        assert model.knows(bytes([7, 2 * n])) and model.knows(b"\7\xff")
        assert model.knows(bytes([7, 2 * n + 30])) == known


def test_samples_that_were_shown_twice_count_once():
    model = tp.Model(2, [tp.Dense(2)], replay=40, input_range=(0, 255))
    for i in range(20):
        model.learn(bytes([7, 20 * (i % 10)]), 0)
    assert model.knows(b"\7\x0f") and not model.knows(b"\7\xe0")


def test_another_class_is_no_neighbour_of_a_remembered_sample():
    model = tp.Model(2, [tp.Dense(2)], replay=40, input_range=(0, 255))
    for i in range(10):
        model.learn(bytes([20 * i, 100]), 0)
        model.learn(bytes([20 * i, 101]), 1)
    assert model.knows(bytes([110, 100]))


def test_what_the_model_doubts_is_stranger():
    """As near to what was taught, but between the classes."""
    for seed in range(1, 6):
        layers = [tp.Dense(8, activation="relu"), tp.Dense(2)]
        model = tp.Model(1, layers, replay=60, input_range=(0, 255), seed=seed)
        for i in range(300):
            y = i % 2
            model.learn(bytes([20 + 120 * y + i // 2 * 3 % 5 * 20]), y)
        assert model.knows(b"\x00") and model.knows(b"\xf0") and not model.knows(b"\x78"), seed


def test_numbers_are_known_too():
    model = tp.Model(1, [tp.Dense(1)], loss="mse", replay=30)
    for i in range(60):
        model.learn([20 + i * 7 % 10], i)
    assert model.knows([25]) and not model.knows([900]) and not model.knows([-900])


def test_bad_questions():
    model = taught()
    for error, x in (
        (ValueError, bytes(N + 1)),
        (TypeError, None),
        (TypeError, 3),
        (TypeError, [{}] * N),
    ):
        testkit.raises(error, model.knows, x)
    message = str(testkit.raises(ValueError, taught(replay=0).knows, bytes(N)))
    assert "replay" in message, message
    new = tp.Model(N, [tp.Dense(CLASSES)], replay=9)
    testkit.raises(ValueError, new.knows, bytes(N))


if __name__ == "__main__":
    testkit.main(globals())
