"""Ranges (lo, hi) of the user's numbers: the map to the model's integers that follows, and how
ranges are learned.

A range is converted to fixed point; frac is chosen so that the larger of |lo|, |hi| is in
[2^28, 2^29).

    inputs, 8 bits    lo >= 0: lo..hi -> 0..255 (Q.8)   lo < 0: lo..hi -> -127..127 (Q.7)   post 20
    inputs, 12 bits   lo..hi -> -1024..1024 (Q.10), clamped at +-2047: twice the range      post 17
    targets           lo..hi -> -2^14..2^14 (Q.14), clamped at +-2^15                       post 13
"""

from collections import namedtuple
from functools import lru_cache

import numpy as np

from .values import MAX_INT, MIN_FLOAT, fixed_from_float, float_from_fixed

Map = namedtuple("Map", "frac zero pre width gain post")


def range_frac(lo, hi):
    """The frac with which the larger of |lo|, |hi| fills 29 bits."""
    magnitude = max(abs(lo), abs(hi))
    return 29 - int(np.frexp(magnitude)[1]) if magnitude >= MIN_FLOAT else 155


def is_known(r):
    return any(r.item.tobytes())


def are_known(model, which):
    return all(map(is_known, model.ranges[which]))


def has_width(r):
    return not is_known(r) or bool(np.isfinite([r.lo, r.hi]).all() and r.lo < r.hi)


@lru_cache(4096)
def derive(lo, hi, span, post, centred):
    """The map of a range to `span` integers; centred: 0 is the middle of the range, not lo."""
    frac = range_frac(lo, hi)
    lo, hi = fixed_from_float([lo, hi], frac).tolist()
    width = max(hi - lo, 2)
    zero = lo + (width >> 1) if centred else lo
    pre = max(width.bit_length() - 16, 0)
    width >>= pre
    return Map(frac, zero, pre, width, (span << post) // width, post)


def complete(model):
    """Works out the maps of all ranges that are known."""
    inputs, outputs = model.ranges
    model.in_signed = model.bits == 12 or any(r.lo < 0 for r in inputs)
    span = 2048 if model.bits == 12 else 254 if model.in_signed else 255
    post = 17 if model.bits == 12 else 20
    model.maps = (
        [derive(r.lo, r.hi, span, post, model.in_signed) if is_known(r) else None for r in inputs],
        [derive(r.lo, r.hi, 1 << 15, 13, True) if is_known(r) else None for r in outputs],
    )


def widen(model, which, values):
    """Widens the ranges so that they hold the values too, and on each side that grew a quarter of
    the width more. A range whose values are all >= 0 never starts below 0."""
    ranges = model.ranges[which]
    for c, r in enumerate(ranges):
        widen_one(r, *extremes(values[c :: len(ranges)]))
    complete(model)


def extremes(values):
    lowest, highest = values.min(), values.max()
    if values.dtype.kind == "f":
        # Subnormal numbers count as 0, and so does -0.
        return [float(v) if abs(v) >= MIN_FLOAT else 0.0 for v in (lowest, highest)]
    clipped = (min(max(int(v), -MAX_INT), MAX_INT) for v in (lowest, highest))
    return [float_from_fixed(v, 0) for v in clipped]


def widen_one(r, lowest, highest):
    grew_lo = not is_known(r) or lowest < r.lo
    grew_hi = not is_known(r) or highest > r.hi
    lo, hi = lowest if grew_lo else r.lo, highest if grew_hi else r.hi
    if not (grew_lo or grew_hi):
        return
    if max(abs(lo), abs(hi)) < MIN_FLOAT:
        hi = 1.0  # nothing but zeros and subnormal numbers so far: 0..1
    frac = range_frac(lo, hi)
    a, b = fixed_from_float([lo, hi], frac).tolist()
    margin = abs(b) >> 2 if b - a < 8 else (b - a) >> 2
    if grew_lo:
        a -= a if 0 <= a < margin else margin
    if grew_hi:
        b += margin
    r.lo, r.hi = float_from_fixed(a, frac), float_from_fixed(b, frac)
