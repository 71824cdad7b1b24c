"""The user's numbers, integers or float32, to the model's integers and back. With the map of
ranges.py:

    v = value in Q.frac, saturated at +-2^30
    d = (v - zero) >> pre, clamped to +-2 width    pre: the width of the range has at most 16 bits
    q = round(d * gain / 2^post)

The C core does all of it in integers. Here float64 stands for the numbers: it holds a float32
times any power of two, and every sum below, exactly.
"""

import numpy as np

from .fixed import rshift_round, rshift_round_sat, saturate
from .format import Error
from .image import require

SATURATED = 1 << 30
MAX_FLOAT = float(np.finfo(np.float32).max)
MIN_FLOAT = float(np.finfo(np.float32).tiny)  # the smallest normal one
MAX_INT = 2**31 - 1


def fixed_from_float(x, frac):
    """float32 -> Q.frac, halves away from zero, within +-2^30; subnormal numbers are 0."""
    x = np.asarray(x, np.float64)
    magnitude = np.minimum(np.floor(np.ldexp(np.abs(x), frac) + 0.5), SATURATED)
    magnitude = np.where(np.abs(x) < MIN_FLOAT, 0, magnitude)
    return (np.sign(x) * magnitude).astype(np.int64)


def float_from_fixed(v, frac):
    """The float32 nearest to v 2^-frac, halves away from zero."""
    shift = max(abs(v).bit_length() - 24, 0)
    x = np.ldexp(float(rshift_round(abs(v), shift) << shift), -frac)
    x = 0.0 if x < MIN_FLOAT else min(x, MAX_FLOAT)
    return np.copysign(x, v)


def saturated_integers(v):
    if v.dtype == np.uint64:  # the one type that int64 does not hold
        v = np.minimum(v, MAX_INT)
    return saturate(v.astype(np.int64), MAX_INT)


def check(v, n, part, length, kind, finite):
    """v: the user's array, or None if it is of a type that no function takes."""
    require(v is not None, kind)
    require(len(v) == n, length)
    if v.dtype.kind == "f":
        require(np.isfinite(v[part]).all(), finite)


def check_inputs(x, n, part):
    check(x, n, part, Error.X_LENGTH, Error.X_TYPE, Error.X_FINITE)


def check_targets(y, n, part):
    check(y, n, part, Error.Y_LENGTH, Error.Y_TYPE, Error.Y_FINITE)


def to_integers(maps, values, lo, hi):
    """The values as integers of the model, clamped to lo..hi; maps are used in turn."""
    result = np.empty(len(values), np.int64)
    for c, r in enumerate(maps):
        v = values[c :: len(maps)]
        if v.dtype.kind == "f":
            fixed = fixed_from_float(v, r.frac)
        else:
            fixed = rshift_round_sat(saturated_integers(v), -r.frac, SATURATED)
        d = saturate((fixed - r.zero) >> r.pre, 2 * r.width)
        result[c :: len(maps)] = rshift_round(d * r.gain, r.post)
    return np.clip(result, lo, hi)


def read_inputs(model, values):
    """Values of a sample -> inputs of the first layer."""
    ranges = model.ranges[0]
    is_bytes = values.dtype == np.uint8 and model.bits == 8 and len(ranges) == 1
    if is_bytes and (ranges[0].lo, ranges[0].hi) == (0, 255):
        return values.astype(np.int64)
    hi = 2047 if model.bits == 12 else 127 if model.in_signed else 255
    return to_integers(model.maps[0], values, -hi if model.in_signed else 0, hi)


def read_targets(model, values):
    """Targets of a sample, Q.14 of half the range, within +-2.0."""
    return to_integers(model.maps[1], values, -(2 << 14), 2 << 14)


def scores_of_mse(model, outputs):
    """Outputs, Q.14 of half the range, in the user's units."""
    maps = model.maps[1]
    maps = maps * len(outputs) if len(maps) == 1 else maps
    return [
        float_from_fixed(
            r.zero + int(rshift_round_sat(o * r.width, 15 - r.pre, SATURATED)), r.frac
        )
        for r, o in zip(maps, outputs.tolist(), strict=True)
    ]
