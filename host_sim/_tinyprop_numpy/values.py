"""The user's numbers, integers or float32, to fixed point and back.

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
EXPONENT_OF_0 = -200


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


def to_fixed(v, frac):
    """The user's numbers in Q.frac, one for all or one for each, within +-2^30."""
    if v.dtype.kind == "f":
        return fixed_from_float(v, frac)
    return rshift_round_sat(saturated_integers(v), -np.asarray(frac), SATURATED)


def exponents(x):
    """For each float32 e with 2^(e-1) <= magnitude < 2^e."""
    magnitude = np.abs(x.astype(np.float64))
    return np.where(magnitude < MIN_FLOAT, EXPONENT_OF_0, np.frexp(magnitude)[1])


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
