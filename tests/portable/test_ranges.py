# Ranges of x and y that nobody gave: they are learned from the first sample on, and follow.
from array import array

import data
import testkit
import tinyprop as tp


def new_model(n_in, n_classes=2, **options):
    return tp.Model(n_in, [tp.Dense(12, activation="relu"), tp.Dense(n_classes)], **options)


class Sensors:
    """A distance in mm, an acceleration in g, a pressure in Pa, and what they mean."""

    n_classes = 4

    def __init__(self, seed):
        self.below = data.Random(seed).below

    def next(self):
        mm, g = self.below(4000), self.below(4000) / 1000 - 2
        return [mm, g, 98000 + self.below(4000)], 2 * (mm > 2000) + (g > 0)


class Drifting:
    """A value within 1 of some middle, and whether it is above that."""

    n_classes = 2

    def __init__(self, seed, middle=0, unit=1):
        self.below, self.middle, self.unit = data.Random(seed).below, middle, unit

    def next(self):
        v = self.below(2000) / 1000 - 1
        return [self.unit * (v + self.middle), 0.5], int(v > 0)


def learn(model, samples, n):
    for _ in range(n):
        model.learn(*samples.next())


def right(model, samples, n=100):
    """The share of n other samples that the model names rightly."""
    hits = 0
    for _ in range(n):
        x, y = samples.next()
        hits += model.predict(x) == y
    return hits / n


def holds(bounds, lo, hi, times):
    """Whether a range has all of lo..hi, and is at most so many times as wide."""
    return bounds[0] < lo < hi < bounds[1] and bounds[1] - bounds[0] < times * (hi - lo)


def test_unlike_sensors_need_nothing():
    model = new_model(3, 4)
    learn(model, Sensors(1), 600)
    assert right(model, Sensors(2)) > 0.85, right(model, Sensors(2))
    mm, g, pascals = model.input_range
    assert holds(mm, 0, 4000, 6) and holds(g, -2, 2, 6) and holds(pascals, 98000, 102000, 6)


def test_learning_begins_with_the_first_sample():
    model = new_model(3)
    testkit.raises(ValueError, model.predict, [1, 2, 3])
    testkit.raises(ValueError, model.evaluate, [[1, 2, 3]], [0])
    for _ in range(20):
        assert model.learn([4000, -1.5, 101325], 0) in (True, False)
        assert model.learn([100, 1.5, 99000], 1) in (True, False)
    assert model.predict([4000, -1.5, 101325]) == 0
    assert model.predict([100, 1.5, 99000]) == 1


def test_units_do_not_matter():
    """The same values in units 2^20 times smaller or larger: the same bits are learned."""
    outputs = []
    for unit in (1, 2**-20, 2**20):
        model, sensors, out = new_model(3, 4), Sensors(1), array("f", [0] * 4)
        for _ in range(50):
            x, y = sensors.next()
            x = array("f", [unit * v for v in x])
            model.learn(x, y)
            model.predict_into(x, out)
        outputs.append(bytes(out))
    assert outputs[0] == outputs[1] == outputs[2]


def test_kinds_of_numbers_do_not_matter():
    files = []
    for kind in "bhilf":
        model = new_model(3)
        for values in ([5, -100, 0], [7, 20, 0], [-128, 127, 1], [0, 0, 0], [1, 2, 3]):
            model.learn(array(kind, values), 1)
        files.append(bytes(testkit.saved(model)))
    assert all(file == files[0] for file in files)


def test_one_absurd_reading_among_the_first():
    for place in (0, 1, 2, 3, 5):
        for absurd in (-1, 65535, 2**31 - 1, -1e30):
            model, sensors = new_model(3, 4), Sensors(1)
            for i in range(400):
                x, y = sensors.next()
                x[1] = absurd if i == place else x[1]
                model.learn(x, y)
            what = place, absurd, model.input_range[1]
            assert holds(model.input_range[1], -2, 2, 6), what
            assert right(model, Sensors(2)) > 0.8, what


def test_a_reading_that_comes_again_at_once():
    for first in ([0.97, 0.97, 0.02], [0.97, 0.02, 0.97], [0.02, 0.97, 0.97]):
        model = new_model(1)
        for v in first:
            model.learn([v], v > 0.5)
        assert holds(model.input_range, 0.02, 0.97, 20), (first, model.input_range)


def test_a_value_that_never_changes():
    for same in (0, 7, -3.25, 1e9):
        model, sensors = new_model(4, 4), Sensors(1)
        for _ in range(400):
            x, y = sensors.next()
            model.learn(x + [same], y)
        assert model.input_range[3] == (same, same), model.input_range
        x, y = sensors.next()
        before = array("f", [0] * 4)
        model.predict_into(x + [same], before)
        assert max(before) < 1 or before[y] == 1, before
        # Now it begins to tell something.
        step = 1 + abs(same) / 64
        for i in range(200):
            model.learn(x + [same + (step if i % 2 else -step)], i % 2)
        assert model.predict(x + [same - step]) == 0
        assert model.predict(x + [same + step]) == 1


def test_all_values_the_same():
    model = new_model(2)
    for i in range(100):
        model.learn([5, 0], i % 2)
    assert model.input_range == [(5, 5), (0, 0)], model.input_range
    assert 0 <= model.predict([5, 0]) < 2


def test_drift():
    model, samples = new_model(2), Drifting(1)
    for _ in range(2000):
        samples.middle += 0.002  # four times the width of the values in all
        learn(model, samples, 1)
    assert right(model, samples) > 0.85, right(model, samples)
    assert model.input_range[0][1] > 8, model.input_range


def test_ranges_are_learned_anew_when_asked():
    model = new_model(2)
    learn(model, Drifting(1), 300)
    before = model.input_range
    assert holds(before[0], -1, 1, 6), before
    model.input_range = None
    assert model.input_range is None
    testkit.raises(ValueError, model.predict, [5000, 0.5])
    # What was learned is still there: the values mean the same, in other units.
    learn(model, Drifting(2, 5, 1000), 20)
    assert right(model, Drifting(3, 5, 1000)) > 0.75
    learn(model, Drifting(2, 5, 1000), 180)
    assert right(model, Drifting(3, 5, 1000)) > 0.85
    assert holds(model.input_range[0], 4000, 6000, 6), (before, model.input_range)


def test_what_was_remembered_in_other_units_is_forgotten():
    random = data.Random(3)
    model = tp.Model(2, [tp.Dense(8, "relu"), tp.Dense(2)], replay=20)
    celsius = [(20 + 5 * (i % 2) + random.below(3), random.below(100)) for i in range(60)]
    for i, x in enumerate(celsius):
        model.learn(x, i % 2)
    model.input_range = None
    model.learn(array("f", (32 + 1.8 * celsius[0][0], celsius[0][1])), 0)
    assert testkit.n_remembered(model, 20, array("f", celsius[0])) == 1
    for i, (t, h) in enumerate(celsius[:40]):
        model.learn((32 + 1.8 * t, h), i % 2)
    assert all(model.predict((32 + 1.8 * t, h)) == i % 2 for i, (t, h) in enumerate(celsius))


def test_each_channel_has_a_range():
    layers = [tp.Conv1D(4, 3, activation="relu"), tp.GlobalAvgPool2D(), tp.Dense(2)]
    model, below = tp.Model((8, 2), layers), data.Random(1).below
    for _ in range(40):
        x = [v for _ in range(8) for v in (below(100) / 1000, 5000 + below(1000))]
        model.learn(x, 1)
    first, second = model.input_range
    assert holds(first, 0, 0.1, 6) and holds(second, 5000, 6000, 6), model.input_range
    assert tp.Model((8, 8, 3), [tp.Dense(2)]).learn(bytes(192), 1)


def test_regression_in_raw_units():
    def sample():
        degrees, metres = below(181) - 90, below(1000) / 1000
        return [degrees, metres], [2000 + 10 * degrees + 1000 * metres, metres / 100]

    below = data.Random(1).below
    model = tp.Model(2, [tp.Dense(12, activation="relu"), tp.Dense(2)], loss="mse")
    assert model.output_range is None
    testkit.raises(ValueError, model.predict, [0, 0])
    for _ in range(1500):
        model.learn(*sample())
    mm, newtons = model.output_range
    assert holds(mm, 1100, 3900, 6) and holds(newtons, 0, 0.01, 7), model.output_range
    errors = [0, 0]
    for _ in range(50):
        x, y = sample()
        told = model.predict(x)
        errors = [max(error, abs(a - b)) for error, a, b in zip(errors, told, y)]
    assert errors[0] < 700 and errors[1] < 0.003, errors  # a quarter of the widths


def test_outputs_are_learned_anew_when_asked():
    def learn(unit):
        for _ in range(500):
            v = below(1000) / 1000
            model.learn([v], unit * v)

    below = data.Random(1).below
    model = tp.Model(1, [tp.Dense(8, activation="relu"), tp.Dense(1)], loss="mse")
    learn(1)
    assert abs(model.predict([0.5]) - 0.5) < 0.2
    inputs = model.input_range
    model.output_range = None
    assert model.output_range is None and model.input_range == inputs
    learn(1000)
    assert abs(model.predict([0.5]) - 500) < 200, model.predict([0.5])


def test_given_ranges_are_shown_and_stay():
    model = new_model(3, input_range=(0, 255))
    assert model.input_range == (0, 255)
    assert model.output_range is None  # classes have none
    model.learn([1, 2, 300], 1)
    assert model.input_range == (0, 255)
    pairs = [(-1, 1), (0, 100), (0.5, 0.75)]
    model = tp.Model(3, [tp.Dense(2)], "mse", input_range=pairs, output_range=(-2, 2))
    assert model.input_range == pairs and model.output_range == (-2, 2)
    for name in ("input_range", "output_range"):
        for value in (None, (0, 1)):
            testkit.raises(ValueError, setattr, model, name, value)
    assert model.input_range == pairs and model.output_range == (-2, 2)


def test_one_range_given_the_other_learned():
    model = tp.Model(1, [tp.Dense(2)], "mse", input_range=(0, 1))
    assert model.input_range == (0, 1) and model.output_range is None
    model.learn([0.5], [10, 1])
    assert model.output_range == [(10, 10), (1, 1)]
    testkit.raises(ValueError, setattr, model, "input_range", None)
    testkit.raises(ValueError, setattr, model, "output_range", (0, 1))
    model = tp.Model(1, [tp.Dense(2)], "mse", output_range=[(0, 1), (0, 9)])
    assert model.input_range is None and model.output_range == [(0, 1), (0, 9)]


def test_what_is_said_stays_when_the_range_of_y_changes():
    """The map of y becomes twice as wide and more, and narrow again. What was learned is in the
    user's units, so a step with a rate of nearly 0 changes no answer."""
    below = data.Random(3).below
    model = tp.Model(2, [tp.Dense(8, "tanh"), tp.Dense(2)], "mse", input_range=(-1, 1))

    def sample(scale):
        a, b = below(2000) / 1000 - 1, below(2000) / 1000 - 1
        return [a, b], [scale * (a + b), 5 * a]

    def width():
        (lo, hi), _ = model.output_range
        return hi - lo

    for _ in range(100):
        model.learn(*sample(1))
    model.lr = 2e-8
    shown = [sample(1)[0] for _ in range(3)]
    ends = [width()]
    for scale, n in ((30, 60), (0.5, 400)):
        for _ in range(n):
            before, least = [model.predict(x) for x in shown], 0.01 * width()
            model.learn(*sample(scale))
            for x, (one, other) in zip(shown, before):
                now = model.predict(x)
                assert abs(now[0] - one) < max(least, 0.01 * width()), (scale, now, one, width())
                assert abs(now[1] - other) < 0.2, (now, other)
        ends.append(width())
    assert ends[1] > 8 * ends[0] and ends[2] <= ends[1] / 4, ends


def test_given_ranges_of_different_kinds():
    model = new_model(2, input_range=[(15, 35), (95000, 105000)])  # degrees, pascals
    below = data.Random(1).below
    for _ in range(600):
        t = 15 + below(2000) / 100
        model.learn([t, 100000 + below(5000)], t > 25)
    hits = sum(model.predict([t, 102000]) == (t > 25) for t in range(15, 36, 2))
    assert hits >= 10, hits


def test_bad_ranges_are_refused():
    nan, inf = float("nan"), float("inf")
    for bad in ((1, 1), (2, 1), (0, nan), (-inf, 0), 5, (), [], [(0, 1), 2], "01"):
        testkit.raises(ValueError, new_model, 3, input_range=bad)
    testkit.raises(ValueError, new_model, 3, input_range=[(0, 1), (0, 1)])
    testkit.raises(ValueError, new_model, 3, output_range=(0, 1))


if __name__ == "__main__":
    testkit.main(globals())
