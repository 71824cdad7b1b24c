"""Rounding, saturating and shifting of integers, single ones and arrays alike.

A value in Q.f is an integer v that stands for v * 2^-f. Arrays are int64 while they are worked on,
so nothing here overflows; `wrap` reduces a sum to the 32 bits of the C core.
"""

import numpy as np

ONE = 1 << 15  # of shares, Q.15


def rshift_round(v, s):
    """v / 2^s to the nearest integer, halves up: floor(v / 2^s + 1/2)."""
    if s <= 0:
        return v
    return ((v >> min(s - 1, 62)) + 1) >> 1


def saturate(v, limit):
    return np.minimum(np.maximum(v, -limit), limit)


def clamp(v, limit):
    """The same of one of Python's numbers, without the time that numpy takes for one."""
    return min(max(v, -limit), limit)


def rshift_round_sat(v, s, limit):
    """v * 2^-s for any s, or one for each v, rounded, clamped to +-limit. With |v| <= 2^31 float64
    holds the product exactly, and its sum with 1/2 as far as it matters."""
    v = np.ldexp(np.asarray(v, np.float64), -np.asarray(s))
    return saturate(np.floor(v + 0.5), limit).astype(np.int64)


def quotient_round(v, n):
    """v / n to the nearest integer, halves away from 0."""
    return np.sign(v) * ((np.abs(v) + n // 2) // n)


def part(a, b):
    """a / b, rounded down and at most 1.0, Q.15; nothing of nothing is 0. Of b its highest 16 bits
    count."""
    if a >= b:
        return ONE if a else 0
    k = (b >> 16).bit_length()
    return ((a >> k) << 15) // (b >> k)


def wrap(v):
    """v modulo 2^32, as int32. Sums stay below 2^31 unless weights are beyond their bounds."""
    return np.asarray(v, np.int64).astype(np.int32)


def l1_norm(v):
    """sum |v|"""
    return int(np.abs(v).sum(dtype=np.int64))
