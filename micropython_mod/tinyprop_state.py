"""What a model has learned, beside its answers: settings and ranges, weights, numbers of learning,
what it knows; and how it begins anew. `tinyprop` imports this file when it is first needed.
"""

import struct
from array import array

import _tinyprop
from tinyprop_layers import (
    _MOST,
    _check_seed,
    _is_list,
    _length,
    _lr,
    _plain,
    _range_place,
    _wrong,
)


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_SHAPE = const(7)
_MAX_BIAS = const(1073741824)
_MIN_W_FRAC = const(2)
_MAX_W_FRAC = const(16)
_BIAS_FRAC = const(12)
_MOST_MEANS = const(1024)
_DENSE = const(0)
_DEPTHWISE = const(2)
_RELU = const(1)
_SIGMOID = const(2)
_E_X_TYPE = const(-7)
_MODEL_SPEC_BYTES = const(40)
_MODEL_SPEC_N_LAYERS = const(5)
_MODEL_SPEC_LR_MANTISSA = const(12)
_MODEL_SPEC_LR_SHIFT = const(13)
_MODEL_SPEC_IN_C = const(18)
_MODEL_SPEC_REPLAY = const(32)
_MODEL_SPEC_AUTO_RATE = const(34)
_LAYER_SPEC_BYTES = const(16)
_MODEL_STATE_BYTES = const(120)
_MODEL_STATE_FORMAT = const("<2HI9Q3IHh6I")
_MODEL_STATE_N_SEEN = const(0)
_MODEL_STATE_LOSS_COUNT = const(4)
_MODEL_STATE_STEPS = const(8)
_MODEL_STATE_ERROR = const(84)
_MODEL_STATE_REPLAY_FRAC = const(94)
_MODEL_STATE_RIGHT = const(100)
_MODEL_STATE_N_OUTSIDE = const(104)
_MODEL_STATE_N_REPLAYED = const(108)
_LAYER_STATE_BYTES = const(36)
_LAYER_STATE_W_FRAC = const(0)
_LAYER_STATE_DEAD_STEPS = const(4)
_LAYER_STATE_N_SUMMED = const(6)
_LAYER_STATE_ENERGY = const(24)
_LAYER_STATE_MEAN_SHIFT = const(33)
_RANGE_BYTES = const(8)
_RANGE_FORMAT = const("<2f")
_LEARNED_RANGE_BYTES = const(16)
_LEARNED_RANGE_FORMAT = const("<iIi2h")
# ---- end of the format

_ONE = const(1 << 28)  # 1.0 of what is counted in Q.28
_DEAD_AFTER = const(64)  # samples on which a unit did not fire
_START = const(256)  # steps + _START is what found rates fall with,
_SETTLED = const(768)  # up to here,
_SETTLED_MSE = const(2304)  # or with mse,
_JUDGED = const(128)  # targets from which on errors and spreads tell something (core/rate.c)
_MOST_DOUBT = const(1 << 14)
_NO_FRAC = const(-32768)
_FAR = 0xFFFFFFFF  # as far as a place of which nothing is remembered
_STILL = 1.125  # energy of inputs that do not move: 1, and what rounding leaves
# Rates of a network that knows nothing would ruin weights that somebody set. So it is as if such a
# layer had learned from one sample before, of zeros, and of this energy: far above that of most
# inputs, it has faded after 64 more (centre.c), and steps have become as large as is right.
_ENERGY_UNKNOWN = const(4096)


# ---- what lies where in an image


class _Place:
    """A layer with weights: its number, its units, and where its parts are."""

    def __init__(self, model, i, weights, channels_below):
        self.image, self.i, self.weights = model._image, i, weights
        self.state = model._state + _MODEL_STATE_BYTES + _LAYER_STATE_BYTES * i
        self.units, fan_in = model._shapes[_SHAPE * i + 2 : _SHAPE * i + 4]
        spec = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i
        kind, activation, self.trained = self.image[spec : spec + 3]
        self.dense, self.relu = kind == _DENSE, activation == _RELU
        # Of a map, read by a layer that is not dense or has none below it: by channels.
        map_below = i > 0 and self.image[spec - _LAYER_SPEC_BYTES] != _DENSE
        by_channel = not self.dense or map_below and fan_in > _MOST_MEANS
        self.n_sums = channels_below if by_channel else fan_in
        self.n_weights = fan_in * self.units
        self.biases = weights + 2 * (fan_in + self.dense) * self.units + 3 & ~3
        self.sums = self.biases + 4 * self.units
        self.end = self.sums + 3 * self.n_sums + 3 & ~3

    def number(self, letter, at):
        """A number of its state."""
        return struct.unpack_from(letter, self.image, self.state + at)[0]

    def energy(self):
        """1 + sum (x - mean)^2 of its inputs, the mean of late; 0 before the first step."""
        return self.number("<I", _LAYER_STATE_ENERGY) / 256

    def inputs_move(self):
        return not 0 < self.energy() <= _STILL

    def gives_only_zeros(self):
        return self.relu and self.number("<H", _LAYER_STATE_DEAD_STEPS) >= _DEAD_AFTER


def _places(model):
    """Of all layers with weights."""
    image, places = model._image, []
    at, _, _ = _range_place(image, 2)
    below = struct.unpack_from("<H", image, _MODEL_SPEC_IN_C)[0]
    for i in range(image[_MODEL_SPEC_N_LAYERS]):
        if image[_MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i] <= _DEPTHWISE:
            places.append(_Place(model, i, at, below))
            at = places[-1].end
        below = model._shapes[_SHAPE * i + 2]
    return places


def _tally(model, places):
    """For each class the step at which it was last shown, modulo 2^32, 0: never; for each output
    its error."""
    return struct.unpack_from("<%dI" % model._n_out, model._image, places[-1].end)


# ---- settings


def _set_lr(model, value):
    model._held(_write_lr, model._image, _lr(value), value is None)


def _write_lr(image, rate, auto):
    image[_MODEL_SPEC_LR_MANTISSA], image[_MODEL_SPEC_LR_SHIFT] = rate
    image[_MODEL_SPEC_AUTO_RATE] = auto


# ---- ranges


def _get_range(model, which):
    image, pairs = model._image, []
    at, n, given = _range_place(image, which)
    if not given and not model._number("<H", _MODEL_STATE_N_SEEN + 2 * which):
        return None
    for _ in range(n):
        if given:
            pairs.append(struct.unpack_from(_RANGE_FORMAT, image, at))
            at += _RANGE_BYTES
            continue
        _, _, zero, frac, shift = struct.unpack_from(_LEARNED_RANGE_FORMAT, image, at)
        at += _LEARNED_RANGE_BYTES
        reach = 2 << shift if shift < 31 else 0
        pairs.append(((zero - reach) * 2.0**-frac, (zero + reach) * 2.0**-frac))
    return pairs if n > 1 else pairs[0] if n else None


def _set_range(model, which, value):
    name = ("input_range", "output_range")[which]
    if _range_place(model._image, which)[2]:
        raise ValueError("%s was given when the model was made, and stays" % name)
    if value is not None:
        _wrong(name, value, "None: then it is learned anew. Give it when the model is made")
    model._held(_learn_anew, model, which)


def _learn_anew(model, which):
    """A range begins anew; what is remembered was measured as before."""
    struct.pack_into("<H", model._image, model._state + _MODEL_STATE_N_SEEN + 2 * which, 0)
    _forget(model)


def _forget(model):
    """What is remembered. The core does that with what has another format than x has now."""
    model._reach = 0, None  # of knows
    if model._replay_bytes():
        struct.pack_into("<h", model._image, model._state + _MODEL_STATE_REPLAY_FRAC, _NO_FRAC)


# ---- weights as floats


def _of_12_bits(model):
    """Whether activations have 12 bits: plan.c, in docs/numbers.md."""
    image, widths = model._image, [model._n_in]
    for i in range(image[_MODEL_SPEC_N_LAYERS]):
        if image[_MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i] != _DENSE:
            return False
        widths.append(model._shapes[_SHAPE * i + 2])
    return model._mse and max(widths[:-1]) <= 64


def _reads_signed(model, i):
    """Whether inputs of layer i, and so their means, may be below 0."""
    image, at = model._image, _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i
    while at > _MODEL_SPEC_BYTES:
        at -= _LAYER_SPEC_BYTES
        if image[at] <= _DEPTHWISE:
            return image[at + 1] not in (_RELU, _SIGMOID)
    at, n, given = _range_place(image, 0)
    ranges = struct.unpack_from("<%df" % (2 * n), image, at) if given else ()
    return not given or min(ranges) < 0 or _of_12_bits(model)


def _place_of(model, i):
    numbers = []
    for place in _places(model):
        if place.i == i and isinstance(_plain(i), int):
            return place
        numbers.append("%d" % place.i)
    _wrong("i", i, "the number of a layer with weights: " + ", ".join(numbers))


def _get_weights(model, i):
    place = _place_of(model, i)
    image, units, n = model._image, place.units, place.n_weights
    unit = 2.0 ** -place.number("b", _LAYER_STATE_W_FRAC)
    weights = array("f", struct.unpack_from("<%dh" % n, image, place.weights))
    if place.dense:
        # The slopes are one more row, and count as much as the mean of an input (centre.c).
        slopes = struct.unpack_from("<%dh" % units, image, place.weights + 2 * n)
        letter = "b" if _reads_signed(model, place.i) else "B"
        means = struct.unpack_from(
            "<%d" % place.n_sums + letter, image, place.sums + 2 * place.n_sums
        )
        part = 2.0 ** -image[place.state + _LAYER_STATE_MEAN_SHIFT]
        for k in range(n):
            weights[k] += part * means[k // units % len(means)] * slopes[k % units]
    for k in range(n):
        weights[k] *= unit
    biases = struct.unpack_from("<%di" % units, image, place.biases)
    return weights, array("f", (b * unit / (1 << _BIAS_FRAC) for b in biases))


def _numbers(name, values, n, units):
    """Flat numbers, or nested ones in rows of units, as one array('f') of n."""
    flat = array("f")
    for row in _append(flat, name, values):
        if row is not values and len(row) != units:
            expected = "of %d, one for each unit: [input][unit] in a Dense" % units
            raise ValueError("%s has rows of %d, expected %s" % (name, len(row), expected))
    if len(flat) != n:
        raise ValueError("%s has %d numbers, expected %d" % (name, len(flat), n))
    for value in flat:
        if not -_MOST <= value <= _MOST:
            _wrong("one of " + name, value, "-%g to %g" % (_MOST, _MOST))
    return flat


def _append(flat, name, values):
    """Yields the rows, which are of numbers alone."""
    is_row = True
    if _length(values) is None:
        raise TypeError("%s is or holds %r, expected a list of numbers" % (name, values))
    for value in values:
        try:
            flat.append(value)
        except TypeError:
            is_row = False
            for row in _append(flat, name, value):
                yield row
    if is_row:
        yield values


def _set_weights(model, i, weights, biases):
    place = _place_of(model, i)
    units, n, wide = place.units, place.n_weights, _of_12_bits(model)
    weights, biases = (
        _numbers("weights", weights, n, units),
        _numbers("biases", biases, units, units),
    )
    # The bounds of docs/numbers.md. The first layer has that of inputs of either sign.
    first = place.i == _places(model)[0].i
    x_bits = (12 if wide else 8) - (wide if first else _reads_signed(model, place.i))
    spare = (1 << (29 if wide else 27)) + (1 << 29) * place.dense
    most = min(32767, ((1 << 31) - 1 - spare) // (((1 << x_bits) - 1) * (n // units)))
    largest, bias = max(map(abs, weights)), max(map(abs, biases))
    w_frac = _MAX_W_FRAC
    while largest * (1 << w_frac) > most or bias * (1 << w_frac + _BIAS_FRAC) > _MAX_BIAS:
        w_frac -= 1
        if w_frac < _MIN_W_FRAC:
            raise ValueError(
                "layer %d has weights up to %.3g and biases up to %.3g, expected at most %.3g and"
                " %d"
                % (
                    i,
                    largest,
                    bias,
                    most / (1 << _MIN_W_FRAC),
                    _MAX_BIAS >> _MIN_W_FRAC + _BIAS_FRAC,
                )
            )
    model._held(_write_weights, model, place, w_frac, weights, biases)


def _write_weights(model, place, w_frac, weights, biases):
    image, n = model._image, place.n_weights
    for k in range(n):
        struct.pack_into("<h", image, place.weights + 2 * k, _rounded(weights[k] * (1 << w_frac)))
    for k in range(place.units):
        if place.dense:
            struct.pack_into("<h", image, place.weights + 2 * (n + k), 0)  # its slope
        bias = _rounded(biases[k] * (1 << w_frac + _BIAS_FRAC))
        struct.pack_into("<i", image, place.biases + 4 * k, bias)
    image[place.state + _LAYER_STATE_W_FRAC] = w_frac
    struct.pack_into("<H", image, place.state + _LAYER_STATE_DEAD_STEPS, 0)
    if not place.number("<H", _LAYER_STATE_N_SUMMED):  # it has not learned yet
        struct.pack_into("<H", image, place.state + _LAYER_STATE_N_SUMMED, 1)
        struct.pack_into("<I", image, place.state + _LAYER_STATE_ENERGY, _ENERGY_UNKNOWN << 8)
    if not any(other.trained for other in _places(model) if other.i <= place.i):
        _forget(model)  # what it made of samples is what was remembered
    for at in range(len(model._saved()), len(image)):  # what the core knows of old weights
        image[at] = 0


def _rounded(value):
    """To nearest, halves up; so that floats of 32 bits and of 64 give the same."""
    below = int(value // 1)
    return below + (value - below >= 0.5)


# ---- numbers of learning


def _stats(model):
    numbers = struct.unpack_from(_MODEL_STATE_FORMAT, model._image, model._state)
    steps, skipped, _, dense, selected, done, saturated = numbers[3:10]
    places = _places(model)
    dead = [0] * model._image[_MODEL_SPEC_N_LAYERS]
    rates = [None] * len(dead)
    falling = _falling(model, steps) / (1 << _brake(model))
    for k, place in enumerate(places):
        dead[place.i] = _dead_units(places, k)
        rates[place.i] = model.lr or _found_rate(place, falling) if place.trained else None
    right = model._number("<I", _MODEL_STATE_RIGHT)
    return {
        "steps": steps,
        "skipped": skipped,
        "replayed": model._number("<I", _MODEL_STATE_N_REPLAYED),
        "accuracy": None if model._mse else right / _ONE,
        "error": _error(model, places),
        "backward_share": selected / dense if dense else 0.0,
        "backward_share_nonzero": done / dense if dense else 0.0,
        "outside": model._number("<I", _MODEL_STATE_N_OUTSIDE),
        "saturated": saturated,
        "dead": dead,
        "rates": rates,
    }


def _error(model, places):
    ranges = _get_range(model, 1)
    if not model._mse:
        return model._number("<I", _MODEL_STATE_ERROR) / _ONE
    if not ranges:
        return None
    ranges = ranges if _is_list(ranges[0]) else [ranges]
    of_width = 2 if _range_place(model._image, 1)[2] else 4  # the unit is half of a given range
    errors = []
    for j, part in enumerate(_tally(model, places)):
        lo, hi = ranges[j % len(ranges)]
        errors.append(part / _ONE * (hi - lo) / of_width)
    return errors if len(errors) > 1 else errors[0]


def _spreads(model, which, least=3):
    """Of learned ranges: how far values are from their centre in the mean, in half ranges. None
    before so many samples; the third one finds it."""
    at, n, given = _range_place(model._image, which)
    if given or model._number("<H", _MODEL_STATE_N_SEEN + 2 * which) < least:
        return
    for _ in range(n):
        _, spread, _, _, shift = struct.unpack_from(_LEARNED_RANGE_FORMAT, model._image, at)
        yield spread / (1 << shift)
        at += _LEARNED_RANGE_BYTES


def _guess(model, least=3):
    """The mean error of always saying the middle of what y was, in half ranges; None where that is
    not known."""
    spreads = list(_spreads(model, 1, least))
    return sum(spreads) / len(spreads) if spreads else None


def _dead_units(places, k):
    """How many units of a layer with relu fire on nothing. What they give is added up in the layer
    above, where sums that nothing is added to fall to 1."""
    place = places[k]
    if place.gives_only_zeros():
        return place.units
    if not place.relu or places[k + 1].number("<H", _LAYER_STATE_N_SUMMED) < _DEAD_AFTER:
        return 0
    image, sums, n = place.image, places[k + 1].sums, places[k + 1].n_sums
    alive = {
        i % place.units for i in range(n) if image[sums + 2 * i] > 1 or image[sums + 2 * i + 1]
    }
    return place.units - len(alive)


def _falling(model, steps):
    """What found rates are after so many steps, but for the energy of their layers."""
    mantissa, shift = _lr(None)
    t = min(steps + _START, _SETTLED_MSE if model._mse else _SETTLED)
    return mantissa / (1 << shift) * _START / t


def _brake(model):
    """How often these are halved, as errors are hardly smaller than those of the middle value."""
    guess = _guess(model, _JUDGED)
    if guess is None:
        return 0
    error = model._number("<I", _MODEL_STATE_ERROR) / _ONE
    return sum(error > eighths / 8 * guess for eighths in (5, 6, 7))


def _found_rate(place, falling):
    """The rate that a layer finds (core/rate.c); None before its first step."""
    q, n = place.energy(), 0
    if q == 0:
        return None
    while q > falling * falling * (2 << 2 * n) or q > 1 << n:
        n += 1
    return 1 / (1 << n)


# ---- what a model knows


# How strange a sample is: its squared distance to the nearest remembered one, times the fourth
# root of 1 + doubt / usual. Doubt is by how much the largest probability is below 1. What is usual
# for x is the mean of the last 64 new samples; for remembered ones, which are learned again and
# again, that of these. Both count one sample more, of which all was in doubt.


def _strangeness(square, doubt, usual):
    """To the fourth power, times the usual doubt, so that it is an integer."""
    return square**4 * (usual + doubt)


def _knows(model, x):
    n = struct.unpack_from("<H", model._image, _MODEL_SPEC_REPLAY)[0]
    if not n:
        raise ValueError(
            "knows() compares x with remembered samples: make the Model with replay=, some 50 for"
            " each class"
        )
    if isinstance(x, int):  # which the core takes for a place
        x, _ = model._as_arrays(_E_X_TYPE, x, None)
    squares = array("I", bytes(4 * n))
    doubt = _tinyprop.distances(model._image, x, squares)
    if doubt < 0:
        doubt = model._once_more(_tinyprop.distances, doubt, x, squares)
    nearest = min(squares)
    if nearest == _FAR:
        raise ValueError(
            "knows() compares x with remembered samples, and there are none: learn some. They are"
            " in a file if it was saved with replay=True"
        )
    reach, usual_there = _reach(model, squares)
    usual = (model._number("<I", _MODEL_STATE_ERROR) >> 14) + _MOST_DOUBT // 64
    return _strangeness(nearest, doubt, usual) * usual_there <= reach * usual


def _reach(model, squares):
    """How strange 19 of 20 remembered samples are at most, each beside the others of its class,
    and the usual doubt there. It is found anew when samples have become a tenth more: until then
    at most a tenth of them are others, as each new one is remembered by chance."""
    steps = model._number("<Q", _MODEL_STATE_STEPS)
    then, found = getattr(model, "_reach", (0, None))
    if then and then <= steps <= 1.1 * then:
        return found
    found = []
    n_of_class = len(squares) // (1 if model._mse else model._n_out)
    for place in range(len(squares)):
        doubt = _tinyprop.distances(model._image, place, squares)
        if doubt < 0:
            model._as_arrays(doubt, None, None)
        first = place - place % n_of_class
        others = [s for s in squares[first : first + n_of_class] if s < _FAR]
        if others:  # those at 0 are this one again, as in another pass
            found.append((min([s for s in others if s] or others), doubt))
    usual = (sum(doubt for _, doubt in found) + _MOST_DOUBT) // (len(found) + 1)
    found = sorted(_strangeness(nearest, doubt, usual) for nearest, doubt in found)
    # Of n + 1 samples that come in any order the last one is as near, with this probability.
    rank = min((19 * (len(found) + 1) + 19) // 20, len(found))
    reach = found[rank - 1] if found else -1
    model._reach = steps, (reach, usual)
    return reach, usual


# ---- beginning anew


def _reset(model, seed):
    _check_seed(seed)
    model._held(_begin_anew, model, seed)


def _begin_anew(model, seed):
    """All from the state on becomes 0 and what init makes of it, but for what is to stay."""
    image, state, saved = model._image, model._state, len(model._saved())
    model._reach = 0, None  # of knows
    ranges, memory = _range_place(image, 0)[0], saved - model._replay_bytes()
    kept = [(state, _MODEL_STATE_LOSS_COUNT), (state + _MODEL_STATE_REPLAY_FRAC, 2)]  # n_seen
    places = _places(model)
    for place in places:
        if not place.trained:
            kept.append((place.state, _LAYER_STATE_BYTES))
            kept.append((place.weights, place.end - place.weights))
    kept = [(at, image[at : at + n]) for at, n in kept]
    if model._replay_bytes() and not model._mse:  # what is remembered was shown, at first
        shown = [min(step, 1) for step in _tally(model, places)]
        kept.append((places[-1].end, struct.pack("<%dI" % len(shown), *shown)))
    zeroed = (state, ranges), (_range_place(image, 2)[0], memory), (saved, len(image))
    for at, end in zeroed:
        for i in range(at, end):
            image[i] = 0
    _tinyprop.init(image, seed)
    for at, part in kept:
        image[at : at + len(part)] = part
