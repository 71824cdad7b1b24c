"""The exponential function and the logarithm, by linear interpolation in tables."""

import numpy as np

from .fixed import rshift_round
from .tables import EXP2, LOG


def exp_minus(d):
    """2^16 e^-d for d >= 0 in Q.12, 0 from d = 16 on. e^-d = 2^-t with t = d / ln 2 in Q.16, and
    23637 = 2^14 / ln 2."""
    t = np.minimum(d, 1 << 16) * 23637 >> 10
    whole, i, fraction = t >> 16, t >> 10 & 63, t & 1023
    e = EXP2[i] - rshift_round((EXP2[i] - EXP2[i + 1]) * fraction, 10)
    return e >> whole


def log_sum(v):
    """ln(v / 65536) in Q.12: v = 2^n (1 + t), and 2839 = 2^12 ln 2."""
    n = v.bit_length() - 1
    t = (v << (31 - n)) & 0x7FFFFFFF  # Q.31
    i, fraction = t >> 25, (t >> 15) & 1023
    return (n - 16) * 2839 + int(LOG[i] + rshift_round((LOG[i + 1] - LOG[i]) * fraction, 10))
