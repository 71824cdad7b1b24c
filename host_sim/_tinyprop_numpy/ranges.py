"""Ranges: how the user's numbers map to the model's integers and back. A range is given, (lo, hi),
or it is learned.

A given range is converted to fixed point; frac is chosen so that the larger of |lo|, |hi| is in
[2^28, 2^29).

    inputs, 8 bits    lo >= 0: lo..hi -> 0..255 (Q.8)   lo < 0: lo..hi -> -127..127 (Q.7)   post 20
    inputs, 12 bits   lo..hi -> -1024..1024 (Q.10), clamped at +-2047: twice the range      post 17
    targets           lo..hi -> -2^14..2^14 (Q.14), clamped at +-32767                      post 13

    v = value in Q.frac, saturated at +-2^30
    d = (v - zero) >> pre, clamped to +-2 width    pre: the width of the range has at most 16 bits
    q = round(d * gain / 2^post)                   gain = (span << post) / width

A learned range is where the values lie, and how far from there, each in a running mean:

    d = value - centre, clamped to +-4 spread
    centre += d / 2^k                               2^k <= n < 2^(k+1) for the n-th value,
    spread += (|d| - spread) / 2^k                  up to 1024 samples

The clamp, and that the first three values leave their median and the smallest distance between two
of them, keep out what is absurd. The first two wait for the third as float32 in place of centre
and spread, as no fixed format has room for both 1.5 and 1e30. What comes again is not absurd: from
the 32nd value on one that is clamped changes spread by

    spread += spread / 2^max(2, k - few)            few = 4, for targets 5

so in the long run it grows if more than 1 in 2^few are clamped, until they no longer are.

    inputs            (value - zero) / 2^shift in Q.6, with 12 bits in Q.10, clamped to +-2.0
    targets           the same in Q.14

zero is the centre, and 2^shift the power of two at or above 2.5 spread, so most values lie within
1.0. What a model learned is about this map, so it stays until it is an eighth wrong: the centre
2^shift / 8 away from zero, or 2.5 spread an eighth beyond its bounds.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .fixed import clamp, rshift_round, rshift_round_sat, saturate
from .format import CROSSENTROPY, Error
from .image import require
from .values import (
    EXPONENT_OF_0,
    MIN_FLOAT,
    SATURATED,
    exponents,
    fixed_from_float,
    float_from_fixed,
    saturated_integers,
    to_fixed,
)

MOST_SAMPLES = 1024
MOST_PIXELS = 32  # of a channel, that each sample lends
MOST_FIXED = 1 << 28  # of centre and spread
NO_SHIFT = 31  # all values were the same so far
FEW = 4, 5  # of inputs, of outputs: 1 in 2^FEW values, so many at most are taken for absurd
MOST_FRAC = 200


def are_known(model):
    """Whether all ranges are known: those that are learned, from the first sample on."""
    of_both = zip(model.learned, model.state.n_seen, strict=True)
    return all(learned is None or n_seen > 0 for learned, n_seen in of_both)


# ---- given ranges


class Map(NamedTuple):
    """How a given range maps to integers."""

    frac: int
    zero: int
    pre: int
    width: int
    gain: int
    post: int


def range_frac(lo, hi):
    """The frac with which the larger of |lo|, |hi| fills 29 bits."""
    magnitude = max(abs(lo), abs(hi))
    return 29 - int(np.frexp(magnitude)[1]) if magnitude >= MIN_FLOAT else 155


@lru_cache(4096)
def derive(lo, hi, span, post, centred):
    """The map of a range to `span` integers; centred: 0 is the middle of the range, not lo."""
    require(np.isfinite([lo, hi]).all() and lo < hi, Error.RANGE)
    frac = range_frac(lo, hi)
    lo, hi = fixed_from_float([lo, hi], frac).tolist()
    width = max(hi - lo, 2)
    zero = lo + (width >> 1) if centred else lo
    pre = max(width.bit_length() - 16, 0)
    width >>= pre
    return Map(frac, zero, pre, width, (span << post) // width, post)


def complete(model):
    """Works out the maps of all ranges that are given."""
    inputs, outputs = model.given
    is_below_0 = inputs is not None and bool((inputs["lo"] < 0).any())
    model.in_signed = model.bits == 12 or inputs is None or is_below_0
    span = 2048 if model.bits == 12 else 254 if model.in_signed else 255
    of_inputs = span, 17 if model.bits == 12 else 20, model.in_signed
    model.maps = [
        [] if given is None else [derive(*ends, *how) for ends in given.tolist()]
        for given, how in ((inputs, of_inputs), (outputs, (1 << 15, 13, True)))
    ]


# ---- learned ranges


class Learned(NamedTuple):
    """A learned range; centre, spread, zero and 2^shift are in Q.frac."""

    centre: int
    spread: int
    zero: int
    frac: int
    shift: int


def in_format(r, frac):
    """The same range in Q.frac."""
    s = frac - r.frac
    centre, spread, zero = rshift_round_sat(r[:3], -s, MOST_FIXED).tolist()
    shift = r.shift if r.shift == NO_SHIFT else min(max(r.shift + s, 0), NO_SHIFT - 1)
    return Learned(centre, spread, zero, frac, shift)


def as_float32(value):
    """A number of the user's; subnormal ones are 0."""
    if value.dtype.kind != "f":
        value = float_from_fixed(int(saturated_integers(value)), 0)
    return np.float32(value if abs(value) >= MIN_FLOAT else 0)


def begin(r, n, value):
    """The range after one of the first three values. Their common format has room for two of them;
    the third one saturates."""
    value = as_float32(value)
    first, second = np.array([r.centre, r.spread]).astype(np.uint32).view(np.float32)
    three = np.sort([(value, value, value), (first, first, value), (first, second, value)][n - 1])
    _, of_two, e = np.sort(exponents(three)).tolist()
    if n == 3 and of_two > EXPONENT_OF_0:  # else two of them are 0
        e = of_two
    frac = 26 - e if e > EXPONENT_OF_0 else 0
    lo, mid, hi = fixed_from_float(three, frac).tolist()
    if n == 3:
        spread = min([d for d in (mid - lo, hi - mid) if d > 0], default=0)
        return r._replace(centre=mid, spread=min(spread, MOST_FIXED), frac=frac)
    zero, half = (lo >> 1) + (hi >> 1), (hi >> 1) - (lo >> 1)
    bits = int(value.view(np.int32))
    return Learned(bits if n == 1 else r.centre, bits % 2**32, zero, frac, least_shift(half))


def move(r, n, value, few):
    """The range after the n-th value, Q.frac."""
    k = n.bit_length() - 1
    d = value - r.centre
    clamped = r.spread and abs(d) > 4 * r.spread
    d = clamp(d, 4 * r.spread) if clamped else d
    wider = rshift_round(abs(d) - r.spread, k)
    if clamped and k > 4:
        wider = rshift_round(r.spread, max(2, k - few))
    centre = clamp(r.centre + rshift_round(d, k), MOST_FIXED)
    spread = min(r.spread + wider, MOST_FIXED)
    return Learned(centre, spread, r.zero, r.frac, r.shift)


def least_shift(spread):
    """The least for which 2^shift >= 2.5 spread."""
    return (5 * spread - 1).bit_length() - 1 if spread else NO_SHIFT


def map_does(r):
    """Whether 2.5 spread is between half of 2^shift and 2^shift, or at most an eighth beyond; and
    the centre at most an eighth of 2^shift away from zero."""
    five, unit = 5 * r.spread, 2 << r.shift
    spread_fits = unit // 2 - unit // 16 < five <= unit + unit // 8
    return r.shift != NO_SHIFT and spread_fits and abs(r.centre - r.zero) <= (1 << r.shift) // 8


def learn_value(r, n, value, fixed, few):
    """The range after its n-th value, a number of the user's; fixed: the same, Q.frac."""
    if n <= 3:
        r = begin(r, n, value)
    elif r.centre == r.spread == 0:
        e = int(exponents(as_float32(value)))
        r = r._replace(frac=26 - e if e > EXPONENT_OF_0 else 0)
        r = move(r, n, int(to_fixed(value, r.frac)), few)
    else:
        r = move(r, n, fixed, few)
    if n < 3:
        return r
    s = 26 - (abs(r.centre) | r.spread).bit_length()  # so all that is not clamped is below 2^30
    if r.centre | r.spread and not 0 <= s <= 2 and r.frac + s <= MOST_FRAC:
        r = in_format(r, r.frac + s)
    if n == 3 or not map_does(r):
        r = r._replace(zero=r.centre, shift=least_shift(r.spread))
    return r


def learn(model, which, values):
    """Lets the values of a sample move the learned ranges: of each channel up to 32 pixels, other
    ones in each sample."""
    learned, n_seen = model.learned[which], model.state.n_seen
    if learned is None:
        return
    pixels = values.reshape(-1, len(learned))
    used = min(len(pixels), MOST_PIXELS)
    step = len(pixels) // used
    first = model.state.steps % 2**32 % (len(pixels) - (used - 1) * step)
    ranges = [Learned(*r) for r in learned.tolist()]
    for i in range(used):
        pixel = pixels[first + i * step]
        n = n_seen[which] * used + i + 1
        fixed = to_fixed(pixel, [r.frac for r in ranges]).tolist()
        of_each = zip(ranges, pixel, fixed, strict=True)
        ranges = [learn_value(r, n, *of_channel, FEW[which]) for r, *of_channel in of_each]
    learned[:] = ranges
    n_seen[which] = min(n_seen[which] + 1, MOST_SAMPLES)
    model.state.n_seen = n_seen


# ---- values


def by_given(maps, values):
    """Values as integers of the model; maps are used in turn."""
    frac, zero, pre, width, gain, post = np.resize(maps, (len(values), 6)).T
    d = saturate((to_fixed(values, frac) - zero) >> pre, 2 * width)
    return rshift_round(d * gain, int(post[0]))


def by_learned(learned, values, frac):
    """Values as integers of the model, Q.frac; ranges are used in turn."""
    r = np.resize(learned, len(values))
    distance = to_fixed(values, r["frac"]) - r["zero"]
    q = rshift_round_sat(distance, r["shift"] - frac, 1 << 16)
    return np.where(r["shift"] == NO_SHIFT, 0, q)


def input_frac(model):
    """The format of the model's inputs."""
    if model.bits == 12:
        return 10
    return 6 if model.learned[0] is not None else 7 if model.in_signed else 8


def read_inputs(model, values):
    """Values of a sample -> inputs of the first layer, and how many were clamped to an end of
    their range."""
    hi = 2047 if model.bits == 12 else 127 if model.in_signed else 255
    given, learned = model.given[0], model.learned[0]
    if learned is not None:
        x = by_learned(learned, values, input_frac(model))
    elif values.dtype == np.uint8 and model.bits == 8 and given.tolist() == [(0, 255)]:
        x = values.astype(np.int64)
    else:
        x = by_given(model.maps[0], values)
    inside = np.clip(x, -hi if model.in_signed else 0, hi)
    return inside, np.count_nonzero(inside != x)


def read_label(model, values):
    """What y says of a sample: its class number, or with mse its targets, Q.14 of half the range,
    within +-2.0; and how many were clamped to that."""
    learned = model.learned[1]
    if model.spec.loss == CROSSENTROPY:
        return values.astype(np.int64), 0
    targets = (
        by_given(model.maps[1], values) if learned is None else by_learned(learned, values, 14)
    )
    clamped = saturate(targets, 32767)
    return clamped, int((clamped != targets).sum())


def float_score(r, score):
    """An output, Q.14 of half the range, in the user's units."""
    if isinstance(r, Learned):
        s, score = 14 - r.shift, 0 if r.shift == NO_SHIFT else score
    else:
        s, score = 15 - r.pre, score * r.width
    return float_from_fixed(r.zero + int(rshift_round_sat(score, s, SATURATED)), r.frac)


def scores_as_float(model, scores):
    """Probabilities from Q.14, or with mse outputs in the user's units."""
    if model.spec.loss == CROSSENTROPY:
        return scores / 2**14
    learned = model.learned[1]
    ranges = model.maps[1] if learned is None else [Learned(*r) for r in learned.tolist()]
    ranges = ranges * len(scores) if len(ranges) == 1 else ranges
    return [float_score(r, score) for r, score in zip(ranges, scores.tolist(), strict=True)]
