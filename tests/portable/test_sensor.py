# Window's features against their definitions, in integers of any size; and what Anomaly finds odd.
import io
from array import array

import data
import testkit
import tinyprop as tp

SEED = 7
SEEDS, MANY = ((1, 2, 3), 1000) if testkit.ON_A_PC else ((1,), 300)  # a board takes its time
NAMES = ["mean", "spread", "least", "most", "peaks", "crossings", "energy"]


def is_root_mean_square(root, numbers):
    """Whether it is, rounded down, but for what is below the highest 11 bits of the numbers."""
    shift = 0
    while max(map(abs, numbers)) >> shift > 2047:
        shift += 1
    squares = sum(v * v for v in numbers)
    return root * root * len(numbers) <= squares < (root + (2 << shift)) ** 2 * len(numbers)


def check_along(values, features):
    """The features of one axis; values from the oldest to the newest."""
    mean, spread, least, most, peaks, crossings, energy = features
    assert mean == sum(values) // len(values)
    assert is_root_mean_square(spread, [v - mean for v in values])
    assert is_root_mean_square(energy, values)
    assert (least, most) == (min(values), max(values))
    pairs = [(values[i], values[i + 1]) for i in range(len(values) - 1)]
    assert crossings == sum((a > mean) != (b > mean) for a, b in pairs)
    assert peaks == sum(a <= mean + spread < b for a, b in pairs)


def check_total(readings, features):
    mean, spread = features
    lengths = sum(sum(v * v for v in reading) ** 0.5 for reading in readings) / len(readings)
    assert lengths - 4 < mean <= lengths
    assert spread <= 57000


def test_features_are_what_they_are_called():
    random = data.Random(SEED)
    for size, hop, axes in [(2, 1, 1), (9, 4, 2), (30, None, 3), (20, 25, 3), (64, 10, 1)]:
        below = (1, 3, 200, 65536)[random.below(4)]
        window, past, full = tp.Window(size, hop, axes), [], 0
        for _ in range(3 * size):
            past.append([random.below(below) - below // 2 for _ in range(axes)])
            if not window.push(past[-1]):
                continue
            full += 1
            last, features = past[-size:], list(window.features)
            for axis in range(axes):
                check_along([reading[axis] for reading in last], features[7 * axis : 7 * axis + 7])
            if axes == 3:
                check_total(last, features[-2:])
        assert full == 1 + (2 * size) // (hop or size), (SEED, size)


def test_the_same_features_on_every_machine():
    random, window = data.Random(SEED), tp.Window(40, 10, axes=3)
    total = 0
    for _ in range(200):
        if window.push([random.below(65536) - 32768 for _ in range(3)]):
            for value in window.features:
                total = (31 * total + value) % 1000003
    assert total == 741783, total


def test_the_ends_of_what_a_reading_can_be():
    window = tp.Window(256, axes=3)
    for i in range(256):
        v = -32768 if i % 2 else 32767
        window.push((v, -32768, 32767))
    features = list(window.features)
    for axis in range(3):
        values = [(-32768 if i % 2 else 32767, -32768, 32767)[axis] for i in range(256)]
        check_along(values, features[7 * axis : 7 * axis + 7])
    assert abs(features[-2] - 56755) < 4 and features[-1] < 4


def test_a_reading_may_be_many_things():
    window = tp.Window(2, hop=1, axes=2)
    for reading in ((3, 4), [3, 4], array("h", [3, 4]), bytes([3, 4]), memoryview(b"\3\4")):
        window.push(reading)
        assert window.features[0] == 3 or reading == (3, 4)
    window = tp.Window(2)
    assert [window.push(v) for v in (5, (7,), 1, 9)] == [False, True, False, True]
    assert list(window.features[:4]) == [5, 4, 1, 9]
    window = tp.Window(2, scale=1000)
    assert [window.push(v) for v in (0.98, -0.0204)] == [False, True]
    assert list(window.features[2:4]) == [-20, 980]


def test_names_are_those_of_the_features():
    assert tp.Window(9).names == NAMES
    assert tp.Window(9, axes=2).names == ["%s %s" % (a, n) for a in "xy" for n in NAMES]
    three = tp.Window(9, axes=3)
    assert three.names[0] == "x mean" and three.names[-2:] == ["total mean", "total spread"]
    assert len(three.names) == len(three.features) == 23
    assert tp.Window(9, axes=4).names[-1] == "3 energy"


def test_a_window_begins_anew():
    window = tp.Window(3)
    pushed = []
    for i in range(6):
        if i == 2:
            window.clear()
        pushed.append(window.push(i))
    assert pushed == [False, False, False, False, True, False]
    assert list(window.features[2:4]) == [2, 4]


def test_what_is_no_reading():
    window = tp.Window(3, axes=3)
    for reading, error, words in [
        ((1, 2), ValueError, "a reading has 2 values, expected 3"),
        (5, ValueError, "a reading has 1 values, expected 3"),
        (None, TypeError, "a reading is None, expected 3 whole numbers"),
        ((1, 2, float("nan")), ValueError, "a reading is nan, expected -32768 to 32767: leave"),
        (b"123456", ValueError, "struct.unpack('>3h', reading), or '<3h'"),
        ((1, 0.5, 2), TypeError, "a reading has the float 0.5, expected whole numbers"),
        ((1, None, 2), TypeError, "a reading is (1, None, 2), expected 3 whole numbers"),
        ((1, 2, 32768), ValueError, "a reading is 32768, expected -32768 to 32767"),
    ]:
        window.push((1, 1, 1))
        error = testkit.raises(error, window.push, reading)
        assert words in str(error), error
        window.push((1, 1, 1))
        assert window.push((1, 1, 1)) and list(window.features[:4]) == [1, 0, 1, 1]
    scaled = tp.Window(3, axes=3, scale=1000)
    error = testkit.raises(TypeError, scaled.push, (0.5, None, 1.0))
    assert "a reading is (0.5, None, 1.0), expected" in str(error), error
    window = tp.Window(3, scale=1000)
    for reading, words in (
        (float("nan"), "a reading is nan, expected -32.768 to 32.767: leave it out"),
        (40.5, "a reading is 40.5, expected -32.768 to 32.767: a smaller scale= takes more"),
        (None, "a reading is None, expected a whole number"),
    ):
        assert words in str(testkit.raises((ValueError, TypeError), window.push, reading))
    words = "size is 1, expected an integer of 2 to 256"
    assert words in str(testkit.raises(ValueError, tp.Window, 1))


def test_they_are_shown_as_they_were_made():
    for text in ("Window(9)", "Window(9, hop=3)", "Window(50, axes=3, scale=1000)"):
        assert repr(eval("tp." + text)) == text
    _, anomaly = learned(63)
    assert repr(anomaly) == "Anomaly(8, hidden=[3]; 63 samples, no threshold before 64)"
    anomaly.learn(bytes(8))
    assert repr(anomaly) == "Anomaly(8, hidden=[3]; 64 samples, a threshold)"
    anomaly = tp.Anomaly(4, (6, 2, 6), (0, 255))
    shown = "Anomaly(4, hidden=[6, 2, 6], input_range=(0.0, 255.0); 0 samples, no"
    assert repr(anomaly).startswith(shown), anomaly


def test_settings_that_there_are_not():
    for settings in {"size": 1}, {"size": 257}, {"axes": 0}, {"hop": 0}, {"scale": 0}:
        testkit.raises(ValueError, lambda s=settings: tp.Window(**dict({"size": 9}, **s)))
    testkit.raises(ValueError, tp.Anomaly, 4, ())
    testkit.raises(ValueError, tp.Anomaly, 4, 3)


class Machine:
    """Eight values that hang together, as two do that nobody sees; odd: one of them does not."""

    def __init__(self, seed):
        self.below = data.Random(seed).below
        self.x = array("h", [0] * 8)

    def next(self, odd=False):
        a, b = self.below(1000), self.below(1000)
        for i in range(8):
            self.x[i] = (8 - i) * a // 8 + i * b // 8 + self.below(20)
        if odd:
            i = self.below(8)
            self.x[i] = 1000 - self.x[i]
        return self.x


def learned(n=1000, odd_in=0):
    machine, anomaly = Machine(SEED), tp.Anomaly(8)
    for i in range(n):
        anomaly.learn(machine.next(odd=odd_in and i % odd_in == 0))
    return machine, anomaly


def share_above(machine, anomaly, odd, n=100):
    return sum(anomaly.score(machine.next(odd)) > 1 for _ in range(n)) / n


def test_what_is_odd_scores_above_1():
    for odd_in in 0, 20:
        machine, anomaly = learned(1000, odd_in)
        assert share_above(machine, anomaly, False) < 0.05
        assert share_above(machine, anomaly, True) > 0.8


class Apart:
    """Values that have nothing to do with each other: 100, 200, .. and about 10 more or less."""

    def __init__(self, seed, n=8):
        self.below = data.Random(seed).below
        self.x = array("h", [0] * n)

    def next(self, j=None, by=0):
        """by: how many times its spread value j is off."""
        for i in range(len(self.x)):
            self.x[i] = 100 * (i + 1) + sum(self.below(21) - 10 for _ in range(3))
        if j is not None:
            self.x[j] += 10 * by
        return self.x


def taught(n, seed, count=300):
    values, anomaly = Apart(seed, n), tp.Anomaly(n, seed=seed)
    for _ in range(count):
        anomaly.learn(values.next())
    return values, anomaly


def test_a_few_absurd_samples_do_not_blind_it():
    for seed in SEEDS:
        values, anomaly = Apart(seed), tp.Anomaly(8, seed=seed)
        for i in range(MANY):
            anomaly.learn([9999] * 8 if i % 100 == 99 else values.next())
        for x in [9999] * 8, [-5000] * 8, [0] * 8, [3 * v for v in values.next()]:
            assert anomaly.score(x) > 2, (seed, x)
        assert sum(anomaly.score(values.next()) > 1 for _ in range(100)) < 5, seed


def test_what_is_far_away_scores_above_1_and_more_the_farther_it_is():
    for n in 1, 8:
        for seed in SEEDS:
            values, anomaly = taught(n, seed)
            for j in range(n):
                for sign in 1, -1:
                    x, last = values.next(), 1
                    middle = x[j]
                    for far in 30, 60, 100, 1000, 3000:
                        x[j] = middle + sign * 10 * far
                        score = anomaly.score(x)
                        assert score > last, (n, seed, j, sign, far, score)
                        last = score
            assert sum(anomaly.score(values.next()) > 1 for _ in range(100)) < 5, (n, seed)


def test_a_score_grows_as_the_distance_does():
    for settings in {}, {"input_range": (0, 1000)}:
        for n in 1, 8, 70:  # with activations of 12 bits and of 8
            values, anomaly = Apart(SEED, n), tp.Anomaly(n, **settings)
            for _ in range(100):
                anomaly.learn(array("f", values.next()))
            x = array("f", values.next())
            for far in 1e6, -1e6, 1e9:
                x[0] = far
                once = anomaly.score(x)
                x[0] = 2 * far
                assert 1.95 * once < anomaly.score(x) < 2.05 * once


def test_the_error_of_what_is_cut_is_that_of_its_end_and_how_far_beyond_it_is():
    """Added as squares, in units of which a range has four, and one that was given two."""
    for settings in {}, {"input_range": (100, 700)}, {"input_range": [(100, 500)] * 8}:
        values, anomaly = Apart(SEED), tp.Anomaly(8, **settings)
        for _ in range(100):
            anomaly.learn(values.next())
        ranges = anomaly.model.input_range
        ranges = [ranges] * 8 if isinstance(ranges[0], float) else ranges
        width = 1 if settings else 0.5
        for by in 500, -2000, 90000:
            cut, x, beyond = [], list(values.next()), []
            x[1], x[6] = x[1] + by, x[6] - 3 * by
            for value, (lo, hi) in zip(x, ranges):
                middle, reach = (lo + hi) / 2, (hi - lo) * width
                cut.append(max(middle - reach, min(middle + reach, value)))
                beyond.append(abs(value - cut[-1]) / (reach / 2))
            assert max(beyond) > 0
            squares = anomaly.score(cut) ** 2
            squares += sum(b * b for b in beyond) / 8 * (65536 / anomaly._threshold) ** 2
            assert abs(anomaly.score(x) / squares**0.5 - 1) < 1e-3


def test_a_value_that_never_moved_and_does():
    below = data.Random(SEED).below
    for still in 0, 7, 0.1, -1e-9, 1e30, 123456789:
        for n in (3, 40) if still == 7 else (3,):
            anomaly = tp.Anomaly(n)

            def sample(value, n=n):
                return [value if i == 2 else 100 + below(40) for i in range(n)]

            for _ in range(100):
                anomaly.learn(sample(still))
            assert sum(anomaly.score(sample(still)) > 1 for _ in range(50)) < 4
            for value in still * 1.01 + 1e-9, 1000, -1e31:
                assert anomaly.score(sample(value)) > 1, (still, n, value)
    anomaly = tp.Anomaly(3)
    for _ in range(100):
        anomaly.learn([5, 0, 0.3])
    assert anomaly.score([5, 0, 0.3]) < 1 < anomaly.score([5, 0, 0.31])


def test_rare_events_have_room_in_a_given_range():
    for seed in SEEDS:
        values = Apart(seed)
        given = [(100 * j + 60, 100 * j + 140) for j in range(7)] + [(0, 1)]
        anomaly, scores = tp.Anomaly(8, input_range=given, seed=seed), []
        for i in range(MANY):
            x = values.next()
            x[7] = values.below(10) == 0
            if i >= MANY - 200:
                scores.append(anomaly.score(x))
            anomaly.learn(x)
        assert sum(score > 1 for score in scores) < 10, (seed, scores)


def test_it_gets_used_to_what_is_normal_from_now_on():
    """Long before the ranges do."""
    values, anomaly = taught(8, SEED, MANY)
    for i in range(128):
        x = array("h", [v + 500 for v in values.next()])
        assert i or anomaly.score(x) > 5
        anomaly.learn(x)
    usual = [anomaly.score([v + 500 for v in values.next()]) for _ in range(100)]
    assert sum(score > 1 for score in usual) < 5
    assert anomaly.score([v + 100000 for v in values.next()]) > 1


def having_learned(anomaly, x):
    """The file of one that learns x as well."""
    file = io.BytesIO()
    anomaly.save(file)
    file.seek(0)
    again = tp.Anomaly.load(file)
    again.learn(x)
    file = io.BytesIO()
    again.save(file)
    return file.getvalue()


def test_x_may_be_many_things():
    for n, samples in (
        (1, (7, 7.0, [7], (7,), array("h", [7]), b"\7", memoryview(b"\7"))),
        (3, ([7, 8, 9], (7, 8, 9), array("f", [7, 8, 9]), b"\7\10\11", memoryview(b"\7\10\11"))),
    ):
        anomaly = tp.Anomaly(n)
        for i in range(100):
            anomaly.learn([i % 3] * n)
        scores = [anomaly.score(x) for x in samples]
        assert scores == [scores[0]] * len(scores) and scores[0] > 1
        assert len({having_learned(anomaly, x) for x in samples}) == 1


def test_it_says_when_it_has_seen_too_little():
    machine, anomaly = learned(63)
    error = testkit.raises(ValueError, anomaly.score, machine.x)
    assert str(error) == "it has learned 63 samples, and needs 64 to know what is unlike them"
    anomaly.learn(machine.next())
    assert anomaly.score(machine.next()) > 0 and anomaly.seen == 64


def test_a_sample_that_is_none_changes_nothing():
    machine, anomaly = learned(100)
    before = anomaly.score(machine.x), anomaly.seen
    for call in anomaly.learn, anomaly.score:
        error = testkit.raises(ValueError, call, [1, 2])
        assert "x has 2 values, expected 8" in str(error)
        error = testkit.raises(ValueError, call, [1, 2, 3, 4, 5, 6, 7, float("inf")])
        assert "x holds a NaN, an infinity" in str(error) and "x[7] is inf" in str(error)
        error = testkit.raises(TypeError, call, [1, 2, 3, 4, 5, 6, 7, None])
        assert "x[7] is None, expected a number" in str(error)
        testkit.raises(TypeError, call, None)
    assert (anomaly.score(machine.x), anomaly.seen) == before


def test_it_goes_on_beyond_all_that_it_can_count():
    machine, anomaly = learned(127)
    anomaly._kept[:4] = b"\xfe\xff\xff\xff"  # 2 before the end
    before = bytes(anomaly._kept[4:])
    for places in range(1, 5):
        anomaly.learn(machine.next())
        changed = [i // 2 for i in range(256) if anomaly._kept[4 + i] != before[i]]
        assert set(changed) <= {126, 127, 0, 1} and len(set(changed)) == places, changed
        assert anomaly.score(machine.x) > 0 and 0xFFFFFF00 < anomaly.seen <= 0xFFFFFFFF


def test_it_is_saved_and_loaded():
    machine, anomaly = learned(100)
    file = io.BytesIO()
    anomaly.save(file)
    file.seek(0)
    same = tp.Anomaly.load(file)
    assert same.seen == 100
    for _ in range(300):
        anomaly.learn(machine.next())
        same.learn(machine.x)
        assert anomaly.score(machine.x) == same.score(machine.x)
    file.seek(0)
    error = testkit.raises(ValueError, tp.load, file)
    assert str(error) == "the file has more than a Model: Anomaly.load may read it"
    file = io.BytesIO()
    anomaly.model.save(file)
    file.seek(0)
    error = testkit.raises(ValueError, tp.Anomaly.load, file)
    assert str(error) == "the file has a Model, which load reads, and no Anomaly"


if __name__ == "__main__":
    testkit.main(globals())
