"""How the ranges of the user's numbers are learned from the first samples, in both backends."""

from array import array

import images
import pytest
from images import BACKENDS, Image, dense

with_backends = pytest.mark.parametrize("backend", BACKENDS)


class Calibrating:
    """A model whose ranges are still learned from this many samples, of (inputs, outputs)."""

    def __init__(self, backend, samples, channels=1, loss="crossentropy", **settings):
        self.backend = BACKENDS[backend]
        layers = [dense(2), dense(1 if loss == "mse" else 2)]
        self.buffer = images.new(
            self.backend, (1, 1, channels), layers, loss, calibrating=samples, **settings
        )
        assert self.backend.init(self.buffer, 1) == 0

    def learn(self, values, y=0):
        y = array("f", [y]) if isinstance(y, float) else y
        assert self.backend.learn(self.buffer, array("f", values), y) >= 0

    def ranges(self, which=0):
        return [(r.lo, r.hi) for r in Image(self.buffer).twin.ranges[which]]


def near(ranges):
    return [pytest.approx(ends, rel=2**-20) for ends in ranges]


@with_backends
def test_a_quarter_to_spare_on_each_side_that_grew(backend):
    model = Calibrating(backend, (4, 0), channels=2)
    model.learn([8, 16])
    assert model.ranges() == near([(6, 18)])
    model.learn([10, 10])
    assert model.ranges() == near([(6, 18)])
    model.learn([10, 22])
    assert model.ranges() == near([(6, 26)])
    model.learn([-6, 10])
    assert model.ranges() == near([(-14, 26)])
    model.learn([1000, -1000])  # the fifth: none is left to widen a range
    assert model.ranges() == near([(-14, 26)])
    assert Image(model.buffer).head.calibrating == [0, 0]


@with_backends
def test_values_from_0_on_never_get_a_range_below_0(backend):
    for values, want in (([1, 9], (0, 11)), ([0, 8], (0, 10)), ([0, 0], (0, 1.25))):
        model = Calibrating(backend, (1, 0), channels=2)
        model.learn(values)
        assert model.ranges() == near([want]), values


@with_backends
def test_a_constant_gets_a_quarter_of_itself(backend):
    for value, want in ((8, (6, 10)), (-8, (-10, -6))):
        model = Calibrating(backend, (1, 0))
        model.learn([value])
        assert model.ranges() == near([want]), value


@with_backends
def test_each_channel_has_its_own(backend):
    model = Calibrating(backend, (2, 0), channels=3, n_input_ranges=3)
    model.learn([0, 100, -4])
    model.learn([4, 104, -8])
    assert model.ranges() == near([(0, 5), (75, 125), (-9.25, -3)])


@with_backends
def test_targets_too(backend):
    model = Calibrating(backend, (1, 2), loss="mse")
    model.learn([1], 4.0)
    model.learn([1], 8.0)
    assert model.ranges(1) == near([(3, 9.25)])


@with_backends
def test_nothing_is_predicted_before_the_range_is_known(backend):
    model = Calibrating(backend, (3, 0))
    x = array("f", [1])
    assert model.backend.predict(model.buffer, x, None) == images.Error.NO_RANGE
    assert model.backend.run(model.buffer, x, 0, 1, 0, 1, False) == images.Error.NO_RANGE
    model.learn([1])
    assert model.backend.predict(model.buffer, x, None) >= 0
