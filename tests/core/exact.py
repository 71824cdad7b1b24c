"""Exact arithmetic, and the limits of the core's integers."""

import math
from fractions import Fraction

INT_MAX = 2**31 - 1
INT_MIN = -(2**31)
MAX_VALUES = 65534  # inputs, outputs and products per output of a layer


def exact_round(v, s):
    """v / 2^s to the nearest integer, halves up."""
    return math.floor(Fraction(v) / Fraction(2) ** s + Fraction(1, 2))


def random_of_step(trained, weights_offset):
    """What dithers are the upper bits of (usermod_c/tinyprop/core/update.c)."""
    v = (trained * 0x9E3779B9 + weights_offset * 0x7FEB352D) % 2**32
    return (v ^ v >> 15) * 0x85EBCA6B % 2**32


def steps_with_extreme_dithers(weights_offset):
    """Trained steps with a random number near each of its ends."""
    near = {random_of_step(n, weights_offset): n for n in range(1, 20000)}
    return near[min(near)], near[max(near)]


def clamp(v, limit):
    return max(-limit, min(limit, v))
