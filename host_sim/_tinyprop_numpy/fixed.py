"""Rounding, saturating and shifting of integers, numbers and arrays alike.

A value in Q.f is an integer v that stands for v * 2^-f. Arrays are int64 while they are worked on,
so nothing here overflows; `wrap` cuts a sum to the 32 bits that the image holds.
"""

import numpy as np

from .tables import EXP2


def rounded(v, s):
    """v / 2^s to the nearest integer, halves up: floor(v / 2^s + 1/2)."""
    if s <= 0:
        return v
    return ((v >> min(s - 1, 62)) + 1) >> 1


def saturated(v, limit):
    return np.minimum(np.maximum(v, -limit), limit)


def shifted(v, s, limit):
    """v * 2^-s, rounded, within +-limit."""
    v = np.asarray(v, np.int64)
    if s >= 0:
        return saturated(rounded(v, s), limit)
    # Saturated before the shift too: 2^31 << 31 fits int64, and beyond it every v but 0 is over.
    return saturated(saturated(v, limit) << min(-s, 31), limit)


def wrap(v):
    """v modulo 2^32, as int32. Sums stay below 2^31 unless weights are beyond their bounds."""
    return np.asarray(v, np.int64).astype(np.int32)


def size_of(v):
    """sum |v|"""
    return int(np.abs(v).sum(dtype=np.int64))


def exp_minus(d):
    """2^16 e^-d for d >= 0 in Q.12, 0 from d = 16 on. e^-d = 2^-t with t = d / ln 2 in Q.16, and
    23637 = 2^14 / ln 2; between the entries of the table there are straight lines."""
    t = np.minimum(d, 1 << 16) * 23637 >> 10
    whole, i, fraction = t >> 16, t >> 10 & 63, t & 1023
    e = EXP2[i] - rounded((EXP2[i] - EXP2[i + 1]) * fraction, 10)
    return e >> whole
