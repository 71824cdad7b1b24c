"""Learning: plain stochastic gradient descent at batch 1.

w -= lr dw,   b -= lr db        lr = lr_mantissa 2^-lr_shift
"""

import numpy as np

from .fixed import l1_norm, rshift_round, rshift_round_sat, saturate, wrap
from .format import BIAS_FRAC, MAX_BIAS, MAX_W_FRAC, MIN_W_FRAC


def shift_of_step(model, layer, frac):
    """s in w -= dw m / 2^s, where dw = x delta is Q.(x_frac+frac), w is Q.w_frac and m is
    lr_mantissa."""
    return max(model.spec.lr_shift + frac + layer.x_frac - layer.state.w_frac, 1)


def learns(model, layer, frac):
    """Whether any weight can change: not in a frozen layer, nor with s > 31, where every step
    rounds to 0 (|dw m| < 2^30)."""
    return layer.trainable and shift_of_step(model, layer, frac) <= 31


def moved(model, layer, w, dw, frac):
    """Weights after a step, which is rounded to nearest: a truncated step drifts, and ruins
    training."""
    m = model.spec.lr_mantissa
    w = w - rshift_round(dw.astype(np.int64) * m, shift_of_step(model, layer, frac))
    clamped = saturate(w, layer.max_weight)
    model.state.n_clamped += int((clamped != w).sum())
    return clamped


def guard(delta, frac):
    """L1 guard: after the shift sum |delta| < 2^15, and with the rounding of 65534 deltas at most
    2^16 - 1. Then no gradient and no dx can overflow. Returns the deltas and their format."""
    shift = max(l1_norm(delta).bit_length() - 15, 0)
    return rshift_round(delta, shift), frac - shift


def update_biases(model, layer, delta, frac):
    """Biases, Q.(w_frac+12), learn from the sum of all deltas over the pixels, before any is
    dropped. The sum is rounded to 16 bits, so that times m it fits 32."""
    b, total = layer.biases, delta.reshape(-1, layer.out_c).sum(axis=0)
    guard_shifts = np.maximum(np.frexp(np.abs(total))[1] - 16, 0)
    for guard_shift in np.unique(guard_shifts):
        c = guard_shifts == guard_shift
        step = rshift_round(total[c], guard_shift) * model.spec.lr_mantissa
        s = model.spec.lr_shift + frac - (layer.state.w_frac + BIAS_FRAC) - guard_shift
        b[c] = saturate(wrap(b[c] - rshift_round_sat(step, s, MAX_BIAS - 1)), MAX_BIAS)


def rescale(layer):
    """If weights or biases reach their bound, all are halved and w_frac goes down (only the last
    bit is lost). If they leave two bits unused, all are doubled and w_frac goes up."""
    w, b, state = layer.weights, layer.biases, layer.state
    w_max, b_max = int(np.abs(w.astype(np.int32)).max()), max(int(np.abs(b).max()), 0)
    if (w_max >= layer.max_weight or b_max >= MAX_BIAS) and state.w_frac > MIN_W_FRAC:
        w[:] = rshift_round(w.astype(np.int64), 1)
        b[:] = rshift_round(b.astype(np.int64), 1)
        state.w_frac -= 1
    elif w_max < layer.max_weight >> 2 and b_max < MAX_BIAS >> 2 and state.w_frac < MAX_W_FRAC:
        w *= 2
        b *= 2
        state.w_frac += 1
