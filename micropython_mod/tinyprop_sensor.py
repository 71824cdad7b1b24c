"""From a sensor to a network: `Window` makes features of the last readings, `Anomaly` learns what
is normal and finds what is not. `tinyprop` imports this file when one of them is first used.
"""

import math
import struct
from array import array

from tinyprop import _LISTS, _NO_NUMBER, _NUMBERS, Model, _items, _part
from tinyprop_layers import Dense, _count, _plain, _range_place


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_SHAPE = const(7)
_E_X_TYPE = const(-7)
_MODEL_STATE_LOSS_SUM = const(24)
_RANGE_BYTES = const(8)
_LEARNED_RANGE_BYTES = const(16)
# ---- end of the format

# ---- the last readings, and what they are like

# All sums are made of integers of 31 bits, which MicroPython keeps without allocating anything:
#   a reading      |v| <= 2^15
#   a sum          <= 256 * 2^15 = 2^23
#   a difference   of two readings, or of one and a mean, < 2^16
#   a mean square  of up to 256 numbers, each shifted until it is at most 2047: 256 * 2047^2 < 2^30
#   a total        x, y and z of 2^14 or more are halved: 3 * 2^28 < 2^30
#                  so it is at most 2 * 28377 < 2^16, and 256 of them < 2^24
_MOST_READINGS = const(256)
_LOWEST = const(-32768)
_HIGHEST = const(32767)
_MOST_SQUARED = const(2047)
_PER_AXIS = ("mean", "spread", "least", "most", "peaks", "crossings", "energy")
_OF_TOTAL = ("total mean", "total spread")


class Window:
    """The last readings of a sensor, and whole numbers that say what they are like.

    size   readings in a window, 2 to 256
    hop    readings from one window to the next; None: size, so windows lie side by side
    axes   numbers in a reading, 1 to 8
    scale  None: readings are whole numbers, -32768 to 32767, as sensors give them. Or what to
           multiply them by, to round them then: 1000 for g
    """

    def __init__(self, size, hop=None, axes=1, scale=None):
        self._size = _count("size", size, _MOST_READINGS, 2)
        self._hop = _count("hop", size if hop is None else hop)
        self._axes = _count("axes", axes, 8)
        if scale is not None and not (isinstance(scale, _NUMBERS) and scale > 0):
            raise ValueError("scale is %r, expected a number above 0, or None" % (scale,))
        self._scale = scale
        self._readings = array("h", [0] * (size * axes))  # a ring, from self._at on
        self._totals = array("H", [0] * size) if axes == 3 else None
        self.features = array("i", [0] * len(self.names))
        self.clear()

    def __repr__(self):
        text = "Window(%d" % self._size
        if self._hop != self._size:
            text += ", hop=%d" % self._hop
        if self._axes > 1:
            text += ", axes=%d" % self._axes
        if self._scale is not None:
            text += ", scale=%r" % self._scale
        return text + ")"

    @property
    def names(self):
        """What each of the features is, in a list: "x mean", "x spread", .."""
        names = []
        for i in range(self._axes):
            axis = "" if self._axes == 1 else "xyz"[i] + " " if self._axes <= 3 else "%d " % i
            names.extend(axis + name for name in _PER_AXIS)
        return names + list(_OF_TOTAL if self._axes == 3 else ())

    def clear(self):
        """Begins a new window: the readings so far are forgotten."""
        self._at = 0
        self._left = self._size

    def push(self, reading):
        """Takes a reading. True when a window is full and `features` tells of it.

        reading: a number, if there is one axis, or a tuple, list or buffer of one for each axis.
        ValueError, TypeError: it is not like that; the window is as it was.
        Allocates nothing for whole numbers.
        """
        at, readings = self._at, self._readings
        try:
            if self._axes == 1 and (isinstance(reading, _NUMBERS) or _is_numpy_scalar(reading)):
                readings[at] = self._whole(reading)
            elif len(reading) != self._axes:
                self._refuse(reading)
            else:
                for i in range(self._axes):
                    readings[at + i] = self._whole(reading[i])
        except TypeError:  # a number of another kind, or none
            self._refuse(reading)
        at += self._axes
        self._at = 0 if at == len(readings) else at
        self._left -= 1
        if self._left:
            return False
        self._left = self._hop
        self._look()
        return True

    def _whole(self, value):
        scale = self._scale
        whole = value if scale is None else _plain(value) * scale  # numpy's may be of few bits
        if not _LOWEST <= whole <= _HIGHEST:
            scale = scale or 1
            hint = "leave it out" if value != value else "a smaller scale= takes more"
            raise ValueError(
                "a reading is %s, expected %g to %g: %s"
                % (value, _LOWEST / scale, _HIGHEST / scale, hint)
            )
        return whole if scale is None else round(whole)

    def _refuse(self, reading):
        """Raises what is wrong with a reading."""
        axes = self._axes
        try:
            n = len(reading)
        except TypeError:
            if not isinstance(reading, _NUMBERS):
                expected = "a whole number" if axes == 1 else "%d whole numbers" % axes
                raise TypeError("a reading is %r, expected %s" % (reading, expected)) from None
            n = 1
            reading = (reading,)
        floats = [value for value in reading if isinstance(value, float)]
        if n == axes and floats and self._scale is None:
            raise TypeError(
                "a reading has the float %r, expected whole numbers: Window(.., scale=1000) makes"
                " them of floats" % floats[0]
            )
        if n == 2 * axes and isinstance(reading, (bytes, bytearray)):
            raise ValueError(
                "a reading has %d values, expected %d: struct.unpack('>%dh', reading), or '<%dh',"
                " makes numbers of a sensor's bytes" % (n, axes, axes, axes)
            )
        if n != axes:
            raise ValueError("a reading has %d values, expected %d" % (n, axes))
        raise TypeError("a reading is %r, expected %d whole numbers" % (reading, axes))

    # -- features

    def _look(self):
        """Makes features of the readings."""
        place = 0
        for axis in range(self._axes):
            self._look_along(axis, place)
            place += len(_PER_AXIS)
        if self._totals:
            self._add_up()
            totals, n = self._totals, self._size
            mean = most = 0
            for i in range(n):
                mean += totals[i]
            mean //= n
            for i in range(n):
                most = max(most, abs(totals[i] - mean))
            self.features[place] = mean
            self.features[place + 1] = _root_mean_square(totals, 0, 1, mean, most)

    def _look_along(self, axis, place):
        readings, axes, n = self._readings, self._axes, self._size
        total = 0
        least = most = readings[axis]
        at = axis
        for _ in range(n):  # a range of another step would be allocated
            value = readings[at]
            total += value
            least = min(least, value)
            most = max(most, value)
            at += axes
        mean = total // n
        spread = _root_mean_square(readings, axis, axes, mean, max(most - mean, mean - least))
        # From the oldest reading to the newest one.
        at, end, high = self._at + axis, n * axes, mean + spread
        peaks = crossings = 0
        was_above = readings[at] > mean
        was_high = True  # a window that begins on a peak has not seen it rise
        for _ in range(n):
            value = readings[at]
            if (value > mean) != was_above:
                was_above = not was_above
                crossings += 1
            if value > high and not was_high:
                peaks += 1
            was_high = value > high
            at += axes
            if at >= end:
                at -= end
        features = self.features
        features[place] = mean
        features[place + 1] = spread
        features[place + 2] = least
        features[place + 3] = most
        features[place + 4] = peaks
        features[place + 5] = crossings
        features[place + 6] = _root_mean_square(
            readings, axis, axes, 0, max(abs(least), abs(most))
        )

    def _add_up(self):
        """The length of each reading with three axes."""
        readings, totals = self._readings, self._totals
        for i in range(self._size):
            x, y, z = 3 * i, 3 * i + 1, 3 * i + 2
            x, y, z = abs(readings[x]), abs(readings[y]), abs(readings[z])
            halved = 1 if max(x, y, z) >= 16384 else 0
            x, y, z = x >> halved, y >> halved, z >> halved
            totals[i] = _root(x * x + y * y + z * z) << halved


def _is_numpy_scalar(value):
    return getattr(value, "ndim", 1) == 0


def _root_mean_square(numbers, start, step, centre, most):
    """Of the differences from centre, of which `most` is the largest; in 11 bits of it."""
    n, shift, total = len(numbers) // step, 0, 0
    while most >> shift > _MOST_SQUARED:
        shift += 1
    for _ in range(n):
        difference = abs(numbers[start] - centre) >> shift
        total += difference * difference
        start += step
    return _root(total // n) << shift


def _root(n, bit=1 << 28):
    """The square root of 0 to 4 * bit - 1, rounded down; bit by bit."""
    root = 0
    while bit:
        if n >= root + bit:
            n -= root + bit
            root += bit << 1
        root >>= 1
        bit >>= 2
    return root


# ---- what is unusual

_KEPT = const(128)  # errors that the threshold comes from,
_ENOUGH = const(64)  # and the fewest it can come from
_MOST_SEEN = const(0xFFFFFFFF)
# From the median to the upper quartile it is 0.67 standard deviations of a normal distribution;
# beyond three of them is one of 740.
_QUARTILES = 4.45
_STILL = const(31)  # the shift of a range as long as all values were the same (core/ranges.c),
_MOVED = const(4)  # and the error, in units, if then one is another: far above all normal ones


class Anomaly:
    """Learns what is normal, and says how unlike that something is.

    n            values of a sample
    hidden       a list of units, of the layers that a sample is squeezed through; None: one layer,
                 of a quarter of n
    input_range  as of Model
    seed         as of Model

    `model` is the network inside, which learns to repeat what is normal and fails at the rest. It
    sees values cut to what it takes for their range, or to twice an input_range; how far beyond
    that they are counts as not repeated.
    """

    def __init__(self, n, hidden=None, input_range=None, seed=1):
        n = _count("n", n)
        if hidden is None:
            hidden = (1 + n // 4,)
        if not isinstance(hidden, _LISTS) or not hidden:
            raise ValueError("hidden is %r, expected a list of numbers of units" % (hidden,))
        # The narrowest is linear: relu would leave nothing of half of what it has to tell.
        layers = [Dense(units, "linear" if units == min(hidden) else "relu") for units in hidden]
        layers.append(Dense(n))
        ranges = {"input_range": input_range, "output_range": input_range}
        model = Model(n, layers, loss="mse", seed=seed, **ranges)
        self._begin(model, bytearray(4 + 2 * _KEPT))

    def _begin(self, model, kept):
        self.model = model
        self._kept = kept  # what a file has behind the model: see docs/format.md
        self._threshold = None

    def __repr__(self):
        model, shapes, seen = self.model, self.model._shapes, self.seen
        hidden = [shapes[i + 2] for i in range(0, len(shapes) - _SHAPE, _SHAPE)]
        text = "Anomaly(%d, hidden=%r" % (model._n_in, hidden)
        if _range_place(model._image, 0)[2]:
            text += ", input_range=%r" % (model.input_range,)
        threshold = "a threshold" if seen >= _ENOUGH else "no threshold before %d" % _ENOUGH
        return text + "; %d samples, %s)" % (seen, threshold)

    @property
    def seen(self):
        """How many normal samples it has learned, some 4 billion at most; score needs 64."""
        return struct.unpack_from("<I", self._kept)[0]

    def learn(self, x):
        """Learns that x, as of Model, is normal. A few that are not do no harm among many."""
        seen, x = self.seen, self._values(x)
        self.model.learn(x, x)
        struct.pack_into("<I", self._kept, 0, seen + 1 if seen < _MOST_SEEN else seen - _KEPT + 1)
        error = int(min(self._error(x), 65535))
        struct.pack_into("<H", self._kept, 4 + 2 * (seen % _KEPT), error)
        self._threshold = None

    def score(self, x):
        """How unlike x is what was learned: up to 1 as normal samples are, above it as hardly any
        of them is, 2 if it is twice as badly repeated as that. Learns nothing. The same on every
        machine, but for the rounding of floats.

        ValueError: it has learned less than 64 samples yet.
        """
        if self._threshold is None:
            self._threshold = self._find_threshold()
        x = self._values(x)
        try:
            n = _items(x)
        except TypeError:  # the core refuses what is no buffer
            n = self.model._n_in
        if n != self.model._n_in:
            raise ValueError("x has %d values, expected %d" % (n, self.model._n_in))
        self.model.evaluate(x, x)
        return self._error(x) / self._threshold

    def _values(self, x):
        """x in one dimension, lists as float32; or what the core refuses, as it is."""
        if isinstance(x, _LISTS):
            try:
                return array("f", x)
            except _NO_NUMBER:
                pass
        if isinstance(x, _LISTS) or isinstance(x, _NUMBERS) or hasattr(x, "__array__"):
            x = memoryview(self.model._as_arrays(_E_X_TYPE, x, None)[0])
        return x.cast("B").cast(x.format) if getattr(x, "ndim", 1) > 1 else x

    def _error(self, x):
        """How badly the network repeated x, its last sample: the root of the mean square in units
        of its map, 65536 for 1; as if nothing had been cut."""
        error = _root(self.model._number("<Q", _MODEL_STATE_LOSS_SUM) << 8, 1 << 40)
        beyond = _beyond(x, self.model._image)
        return math.sqrt(1.0 * error * error + beyond * 65536 * 65536) if beyond else error

    def _find_threshold(self):
        """The error that hardly any normal sample has, before it is learned. Roots of mean squares
        are distributed nearly normally; and a few samples among the last ones that were odd move
        neither the median nor the quartile much."""
        n = min(self.seen, _KEPT)
        if n < _ENOUGH:
            raise ValueError(
                "it has learned %d samples, and needs %d to know what is unlike them"
                % (n, _ENOUGH)
            )
        errors = sorted(struct.unpack_from("<%dH" % n, self._kept, 4))
        middle, upper = errors[n // 2], errors[3 * n // 4]
        return max(1, middle + _QUARTILES * (upper - middle))

    def save(self, file):
        """Writes it to a file, as Model.save does. Anomaly.load reads it."""
        self.model._held(_part("files")._save, self.model, file, False, self._kept)

    @classmethod
    def load(cls, file):
        """The one in a file, as load does for a Model."""
        anomaly, kept = object.__new__(cls), bytearray(4 + 2 * _KEPT)
        anomaly._begin(_part("files")._load(file, kept), kept)
        return anomaly


def _beyond(x, image):
    """The mean square of how far values are beyond where they are cut, 2 units of their map away
    from its middle, in these units."""
    at, n, given = _range_place(image, 1)
    end = at + n * (_RANGE_BYTES if given else _LEARNED_RANGE_BYTES)
    ranges = array("f" if given else "i", image[at:end])
    total, i, ldexp, moved = 0.0, 0, math.ldexp, 2 + _MOVED * math.sqrt(len(x))
    for value in x:
        if given:
            lo, hi = ranges[i], ranges[i + 1]
            far = abs(value - (lo + hi) / 2) / ((hi - lo) / 2)
            i = (i + 2) % len(ranges)  # one may be for all
        else:
            format = ranges[i + 3]
            frac, shift = (format & 0xFFFF ^ 0x8000) - 0x8000, format >> 16
            zero = ldexp(ranges[i + 2], -frac)
            far = abs(value - zero)
            if shift < _STILL:
                far = ldexp(far, frac - shift)
            else:  # rounding to float32 does not count
                far = moved if ldexp(far, 22) > abs(zero) else 0
            i += 4
        if far > 2:
            total += (far - 2) * (far - 2)
    return total / len(x)
