"""Exact arithmetic, and the limits of the core's integers."""

import math
from fractions import Fraction

INT_MAX = 2**31 - 1
INT_MIN = -(2**31)
MAX_VALUES = 65534  # inputs, outputs and products per output of a layer


def exact_round(v, s):
    """v / 2^s to the nearest integer, halves up."""
    return math.floor(Fraction(v) / Fraction(2) ** s + Fraction(1, 2))


def clamp(v, limit):
    return max(-limit, min(limit, v))
