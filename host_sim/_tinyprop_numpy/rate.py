"""The learning rate of a layer, when none is given.

    lr = min(c_t / sqrt(q), 1 / q), as a power of two: the first rounded, the second rounded down
    c_t = c / (1 + t / 256), with t at most 512, or 2048 with mse      c: the rate in the spec

q is the energy of the layer's centred inputs (centre.py): a step of rate 1 / q on one sample would
set its error to 0 (normalised LMS, Widrow and Hoff), so more is never right.

With mse c_t is halved for each of 5/8, 3/4, 7/8 that is less than what is left to learn
(progress.py).

With lr = 2^-n, n is the least for which q / c_t^2 <= 2^(2n+1) and q <= 2^n.
"""

from .fixed import ONE
from .format import MSE

START = 256  # t + START is what c_t falls with,
SETTLED = 768  # up to here,
SETTLED_MSE = 2304  # or with mse
JUDGED = 128  # targets from which on what is left tells something


def log2_up(a, b):
    """The least e for which a <= b 2^e."""
    e = a.bit_length() - b.bit_length()
    return e + (a << max(-e, 0) > b << max(e, 0))


def brake(model, left):
    """By how many powers of two rates are lower in this step. left: what left_to_learn returns."""
    learned, n_seen = model.learned[1], model.state.n_seen[1]
    if learned is None or not model.spec.auto_rate or n_seen < JUDGED:
        return 0
    return sum(left > ONE * eighths // 8 for eighths in (5, 6, 7))


def set_rate(model, layer, brake):
    spec, energy = model.spec, max(layer.state.energy, 256)
    layer.lr_mantissa, layer.lr_shift = spec.lr_mantissa, spec.lr_shift
    if not spec.auto_rate:
        return
    # q = q8 2^e, where the energy is Q.8 and q8 has 8 bits. c_t = 256 m / t 2^-lr_shift.
    k = energy.bit_length() - 8
    q8, e = energy >> k, k - 8
    t = min(model.state.steps + START, SETTLED_MSE if spec.loss == MSE else SETTLED)
    by_root = log2_up(q8 * t**2, (START * spec.lr_mantissa) ** 2) + e + 2 * spec.lr_shift
    n = max((by_root >> 1) + brake, log2_up(q8, 1) + e)
    layer.lr_mantissa, layer.lr_shift = 16, min(max(n + 4, 4), 30)
