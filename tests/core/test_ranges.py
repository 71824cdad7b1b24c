"""How ranges are learned, rule by rule, and how numbers become integers by them; in both backends.

test_values.py has numbers by ranges that are given; test_oracle.py compares learned ranges with
those of floating point on long streams.
"""

from array import array
from itertools import permutations

import images
import numpy as np
import pytest
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import ranges
from images import BACKENDS, Image, Layer, dense

with_backends = pytest.mark.parametrize("backend", BACKENDS)


class Learning:
    """A model whose ranges are learned, and what they are in the user's units."""

    def __init__(self, backend, shape=(1, 1, 1), loss="crossentropy", **settings):
        self.backend, self.loss, self.n_in = BACKENDS[backend], loss, int(np.prod(shape))
        first = Layer("conv", 2, (1, 1)) if shape[0] > 1 else dense(2)
        self.buffer = images.build(
            self.backend, shape, [first, dense(1 + (loss != "mse"))], loss, **settings
        )

    def learn(self, *samples, y=0, typecode="f"):
        y = array("f", [y]) if self.loss == "mse" else y
        for values in samples:
            values = array(typecode, np.atleast_1d(values).tolist())
            assert self.backend.learn(self.buffer, values, y) >= 0

    @property
    def image(self):
        return Image(self.buffer)

    def centre(self, which=0):
        return self.in_units("centre", which)

    def spread(self, which=0):
        return self.in_units("spread", which)

    def zero(self, which=0):
        return self.in_units("zero", which)

    def in_units(self, name, which):
        r = self.image.learned(which)
        return (r[name] * 2.0 ** -r["frac"].astype(int)).tolist()

    def unit(self, which=0):
        """What 1.0 stands for; inf: all values were the same so far."""
        r = self.image.learned(which)
        unit = 2.0 ** (r["shift"].astype(int) - r["frac"])
        return np.where(r["shift"] == 31, np.inf, unit).tolist()

    def inputs(self, values):
        """The first layer's inputs of values that are not learned from."""
        values = np.float32(values)
        inputs = ranges.read_inputs(self.image.twin, values)[0].tolist()
        if self.backend is BACKENDS["c"]:
            assert self.backend.predict(self.buffer, values, None) >= 0
            is_dense = self.image.twin.layers[0].kind == fmt.DENSE  # then a list lies over them
            assert is_dense or self.image.inputs(0).tolist() == inputs
        return inputs


def near(values, rel=2**-20, **settings):
    return pytest.approx(values, rel=rel, **settings)


# ---- the first three values


@with_backends
@pytest.mark.parametrize("scale", [1, 1e-30, 1e30, 3e-38])
def test_two_values(backend, scale):
    model = Learning(backend)
    model.learn(5 * scale)
    assert (model.zero(), model.unit()) == (near([5 * scale]), [np.inf])
    model.learn(-3 * scale)
    width = 2.5 * 4 * scale  # as if they lay a spread from their middle
    assert model.zero() == near([scale]) and width <= model.unit()[0] < 2 * width


TRIPLES = [(1, 2, 4), (-3, 0, 0.5), (7, 7, 9), (0, 0, 3), (5, 5, 5), (0, 0, 0), (-100, 1e4, 1e6)]


@with_backends
@pytest.mark.parametrize("three", TRIPLES)
def test_three_values_leave_their_median_and_smallest_distance(backend, three):
    distances = [abs(a - b) for a, b in permutations(three, 2) if a != b]
    for values in set(permutations(three)):
        model = Learning(backend)
        model.learn(*values)
        # In units of 2^-26 of the largest.
        close = {"rel": 2**-12, "abs": max(map(abs, three)) * 2**-25}
        assert model.centre() == near([sorted(three)[1]], **close), values
        assert model.spread() == near([min(distances, default=0)], **close), values


# ---- running means


@with_backends
def test_the_nth_value_counts_a_power_of_two_of_1_in_n(backend):
    """Up to 1024 samples; then it counts 1 in 1024 for ever."""
    random = np.random.default_rng(1)
    model = Learning(backend)
    centre = spread = None
    for n, v in enumerate(np.round(random.uniform(10, 30, 1100), 2).tolist(), 1):
        model.learn(v)
        if n == 3:
            centre, spread = model.centre()[0], model.spread()[0]
        elif n > 3:
            share = 2.0 ** -(min(n, 1025).bit_length() - 1)
            d = v - centre
            assert abs(d) < 4 * spread
            centre, spread = centre + d * share, spread + (abs(d) - spread) * share
        if n in (4, 7, 8, 63, 64, 300, 1023, 1024, 1025, 1100):
            assert (model.centre(), model.spread()) == (near([centre]), near([spread], 2**-16)), n
    assert model.image.head.n_seen == [1024, 0]


@with_backends
def test_a_value_moves_a_range_by_four_spreads_at_most(backend):
    for sign in (1, -1):
        model = Learning(backend)
        model.learn(10, 12, 8, 11, 9, 10, 12)
        centre, spread = model.centre()[0], model.spread()[0]
        model.learn(sign * 1e9)
        assert model.centre() == near([centre + sign * 4 * spread / 8])
        assert model.spread() == near([spread + 3 * spread / 8])


@with_backends
@pytest.mark.parametrize(
    "n, by_input, by_output",
    [(31, 3 / 16, 3 / 16), (32, 1 / 4, 1 / 4), (64, 1 / 4, 1 / 4), (127, 1 / 4, 1 / 4)]
    + [(128, 1 / 8, 1 / 4), (511, 1 / 16, 1 / 8), (512, 1 / 32, 1 / 16), (1100, 1 / 64, 1 / 32)],
)
def test_by_so_much_a_clamped_value_widens_a_range(backend, n, by_input, by_output):
    values = np.random.default_rng(n).uniform(10, 30, n - 1)
    for sign in (1, -1):
        model = Learning(backend, loss="mse")
        for v in values:
            model.learn(v, y=v)
        model.learn(sign * 1e9, y=sign * 1e9)
        before = Learning(backend, loss="mse")
        for v in values:
            before.learn(v, y=v)
        for which, by in enumerate((by_input, by_output)):
            assert model.spread(which) == near([before.spread(which)[0] * (1 + by)], 2**-16)


@with_backends
@pytest.mark.parametrize("which, one_in", [(0, 8), (1, 16)])
def test_what_is_rare_is_reached_if_it_comes_again(backend, which, one_in):
    """Of inputs more than 1 in 16, of outputs more than 1 in 32; not 1 in 100."""
    for step in (one_in, 100):
        model = Learning(backend, loss="mse")
        for i in range(3000):
            v = 1000 if i % step == step - 1 else i % 3
            model.learn(v, y=v)
        reaches = model.zero(which)[0] + 2 * model.unit(which)[0]
        assert reaches > 1000 if step == one_in else reaches < 100


@with_backends
@pytest.mark.parametrize("length", [33, 47, 63, 64, 65, 95, 127])
def test_the_end_of_a_long_series_is_seen(backend, length):
    """Values that are larger in the last third lie within the range, but for some."""
    model = Learning(backend, (1, length, 1))
    random = np.random.default_rng(length)
    scale = np.where(np.arange(length) < 2 * length // 3, 0.01, 1)
    x = random.normal(0, scale, (600, length))
    for sample in x:
        model.learn(sample)
    reaches = 2 * model.unit()[0]
    assert (np.abs(x[:, -1]) < reaches).mean() > 0.9, reaches


@with_backends
@pytest.mark.parametrize("absurd", [1e6, -(2.0**18), 2**31 - 1, 1e9, -1e30, 3.4e38])
@pytest.mark.parametrize("place", [0, 1, 2, 3, 10])
def test_one_absurd_value_ruins_nothing(backend, absurd, place):
    values = np.random.default_rng(place).normal(20, 1, 60)
    model, other = Learning(backend), Learning(backend)
    other.learn(*values)
    model.learn(*np.insert(values, place, absurd))
    assert abs(model.centre()[0] - other.centre()[0]) < other.spread()[0]
    assert 0.5 < model.spread()[0] / other.spread()[0] < 2


@with_backends
def test_a_drift_is_followed(backend):
    random = np.random.default_rng(1)
    model = Learning(backend)
    for level, n in ((0, 1000), (20, 4000)):
        model.learn(*random.normal(level, 1, n))
        assert abs(model.centre()[0] - level) < 1, level
        assert 2 <= model.unit()[0] <= 8


# ---- values that are all the same


@with_backends
@pytest.mark.parametrize("value", [0, 8, -1e-20])
def test_a_constant_is_0_to_the_model(backend, value):
    model = Learning(backend)
    for _ in range(5):
        model.learn(value)
        assert (model.zero(), model.unit()) == (near([value]), [np.inf])
        assert model.inputs([value]) == model.inputs([value + 100]) == [0]
    assert (model.centre(), model.spread()) == (near([value]), [0])


@with_backends
@pytest.mark.parametrize("value", [3, -1e6, 1e-12])
def test_a_value_after_many_zeros(backend, value):
    model = Learning(backend)
    model.learn(*[0] * 16, value)
    assert model.centre() == near([value / 16])
    assert model.spread() == near([abs(value) / 16])


# ---- the map


@with_backends
def test_the_unit_is_a_power_of_two_at_or_above_two_and_a_half_spreads(backend):
    for spread in (0.4, 0.401, 0.5, 0.79, 0.8, 0.801, 1, 3, 1000):
        model = Learning(backend)
        model.learn(0, spread, 2.5 * spread)
        width = 2.5 * model.spread()[0]
        assert model.unit() == [2 ** np.ceil(np.log2(width))]
        assert model.zero() == model.centre()


@with_backends
def test_the_map_stays_until_it_is_an_eighth_wrong(backend):
    random = np.random.default_rng(3)
    model = Learning(backend)
    model.learn(0, 1, 2)
    moves = stays = 0
    for level, scale in ((1, 1), (1.2, 0.9), (2, 1.1), (2, 2.2), (2, 0.3)):
        for v in random.normal(level, scale, 150).tolist():
            zero, unit = model.zero()[0], model.unit()[0]
            model.learn(v)
            centre, width = model.centre()[0], 2.5 * model.spread()[0]
            off = max(abs(centre - zero) / unit * 8, width / unit / (9 / 8), 7 / 16 * unit / width)
            if (model.zero()[0], model.unit()[0]) == (zero, unit):
                assert off < 1.0001
                stays += centre != zero
            else:
                assert off > 0.9999
                assert model.zero() == model.centre() and 1 <= model.unit()[0] / width < 2
                moves += 1
    assert moves > 3 and stays > 100


@with_backends
@pytest.mark.parametrize("loss, frac, most", [("crossentropy", 6, 127), ("mse", 10, 2047)])
def test_inputs_are_in_units_of_the_map(backend, loss, frac, most):
    """The images are 3 pixels high for classes, which makes the inputs of the C core visible."""
    for middle in (0, 100):
        for scale in np.geomspace(1, 2, 9):  # so that the integers are as large as they may be
            model = Learning(backend, (1, 1, 1) if loss == "mse" else (3, 1, 1), loss)
            n = model.n_in
            model.learn(*([middle + v * scale] * n for v in (0, -10, 20, 5, -7, 9, -19)))
            zero, unit = model.zero()[0], model.unit()[0]
            for share in (-3, -2, -1.99, -1.5, -0.001, 0, 0.3, 1, 1.99, 2.5):
                want = max(-most, min(most, share * 2**frac))
                got = model.inputs([zero + share * unit] * n)
                assert max(abs(v - want) for v in got) <= 0.5 + 2**-10, (middle, scale, share)


@with_backends
def test_values_beyond_the_range_are_counted(backend):
    model = Learning(backend, (1, 1, 2))
    model.learn([0, 0], [1, 1], [2, 2])
    before = model.image.head.n_outside
    for x, n in (([1, 1], 0), ([1e3, 1], 1), ([-1e3, 1e3], 2)):
        model.learn(x)
        after = model.image.head.n_outside
        assert after - before == n, x
        before = after
    zero, unit = model.zero(), model.unit()
    assert model.backend.predict(model.buffer, array("f", [zero[0] + 3 * unit[0], 0]), None) >= 0
    assert model.image.head.n_outside == before


@with_backends
def test_targets_come_back(backend):
    """A model that knows nothing but its bias says 0, which is where the targets lie; and one of
    their spread away is in the same units."""
    model = Learning(backend, loss="mse")
    for y in (50.0, 60.0, 40.0, 55.0):
        model.learn(1, y=y)
    image, out = model.image, array("f", [0])
    for layer in (0, 1):
        image.weights(layer)[:], image.biases(layer)[:] = 0, 0
    image.slopes(0)[:], image.slopes(1)[:] = 0, 0
    for share in (-2, -0.7, 0, 0.5, 1):
        w_frac = image.layers[1].w_frac
        image.biases(1)[:] = int(share * 2 ** (w_frac + 12))
        assert model.backend.predict(model.buffer, array("f", [1]), out) == 0
        want = model.zero(1)[0] + max(share, -32767 / 2**14) * model.unit(1)[0]
        assert out[0] == near(want, 2**-12), share


# ---- channels, pixels, types


@with_backends
def test_each_value_of_a_flat_input_has_its_own(backend):
    model = Learning(backend, (1, 1, 3))
    for sample in ([0, 100, -4], [4, 104, -8], [2, 108, -5]):
        model.learn(sample)
    assert model.centre() == near([2, 104, -5]) and model.spread() == near([2, 4, 1])


@with_backends
@pytest.mark.parametrize("side", [2, 3, 5, 6, 12])
def test_each_channel_has_its_own_and_lends_some_pixels(backend, side):
    """Up to 32 of a channel, evenly spread, and other ones in each sample, so that each pixel
    comes up; each counts as a value."""
    n = side * side
    used = min(n, 32)
    step = n // used
    firsts = n - (used - 1) * step  # from each the last one is still a pixel
    model, one_by_one = Learning(backend, (side, side, 2)), Learning(backend, (1, 1, 2))
    random = np.random.default_rng(side)
    for steps in (*range(4), 2**32 - 1, 2**32 + 1):
        model.image.head.steps = steps
        x = np.round(random.normal([5, -300], [1, 40], (n, 2)), 2)
        model.learn(x.ravel())
        one_by_one.learn(*x[steps % 2**32 % firsts :: step][:used])
        assert model.image.learned(0).tolist() == one_by_one.image.learned(0).tolist(), steps
    assert model.image.head.n_seen == [6, 0]


@with_backends
@pytest.mark.parametrize("typecode", "bBhHiIlLqQ")
def test_numbers_of_every_type_are_the_same_numbers(backend, typecode):
    ends = np.iinfo(np.dtype(typecode))
    values = [v for v in (3, 7, 0, 100, 9, -5, -100, 6) if v >= ends.min]
    of_type, floats = Learning(backend), Learning(backend)
    of_type.learn(*values, typecode=typecode)
    floats.learn(*map(float, values))
    assert of_type.image.learned(0).tolist() == floats.image.learned(0).tolist()


@with_backends
def test_the_largest_and_the_smallest_numbers(backend):
    for values, typecode in (
        ([3.4e38, -3.4e38, 3e38, -1e38, 0], "f"),
        ([1.2e-38, -1.2e-38, 2.4e-38, 3e-38], "f"),
        ([2**31 - 1, -(2**31), 2**31 - 1, 5], "i"),
        ([2**32 - 1, 0, 2**32 - 1, 1], "I"),
    ):
        model = Learning(backend)
        model.learn(*values, typecode=typecode)
        top = 2**31 if typecode != "f" else max(map(abs, values))
        assert abs(model.centre()[0]) <= top and 0 < model.spread()[0] <= 4 * top
        assert 2.5 * model.spread()[0] <= model.unit()[0] * 9 / 8
    model = Learning(backend)
    model.learn(1e-40, -1e-39, 1e-40)  # subnormal numbers count as 0
    assert model.spread() == [0]


@with_backends
def test_learned_anew_a_range_is_as_a_new_one(backend):
    for old in (1e6, 1e-6, 0):
        model, new = Learning(backend), Learning(backend)
        model.learn(*np.random.default_rng(1).normal(old, old / 9 + 1e-9, 20))
        model.image.head.n_seen = [0, 0]
        for v in (1, 3, 2.5, 2):
            model.learn(v)
            new.learn(v)
            assert model.image.learned(0).tolist() == new.image.learned(0).tolist(), old


@with_backends
def test_nothing_is_predicted_before_the_ranges_are_known(backend):
    for loss, y in (("crossentropy", 0), ("mse", array("f", [1]))):
        model, x = Learning(backend, loss=loss), array("f", [1])
        for _ in range(2):
            assert model.backend.predict(model.buffer, x, None) == images.Error.NO_RANGE
            assert model.backend.run(model.buffer, x, y, 1, 0, 1, False) == images.Error.NO_RANGE
        model.learn(1)
        assert model.backend.predict(model.buffer, x, None) >= 0
        assert model.backend.run(model.buffer, x, y, 1, 0, 1, False) >= 0


@with_backends
@pytest.mark.parametrize("frac, then", [(174, 199), (175, 200), (176, 176)])
def test_no_range_is_finer_than_200_bits(backend, frac, then):
    model = Learning(backend)
    model.learn(1, 2, 3, 4)
    of_x = model.image.learned(0)
    of_x["centre"] = of_x["spread"] = 1  # which could have 25 bits more
    of_x["frac"] = frac
    model.learn(0)
    assert model.image.learned(0)["frac"] == then
