"""Learning: plain stochastic gradient descent at batch 1.

w -= lr dw,   b -= lr db        lr = lr_mantissa 2^-lr_shift
"""

import numpy as np

from .fixed import l1_norm, rshift_round, rshift_round_sat, saturate, wrap
from .format import BIAS_FRAC, MAX_BIAS, MAX_W_FRAC, MIN_W_FRAC


def shift_of_step(model, layer, frac):
    """dw = x delta is Q.(x_frac+frac), w is Q.w_frac: w -= dw m / 2^s."""
    return max(model.spec.lr_shift + frac + layer.x_frac - layer.state.w_frac, 1)


def learns(model, layer, frac):
    """Not if it is frozen, and not if s > 31, where every step rounds to 0 (|dw m| < 2^30)."""
    return layer.trainable and shift_of_step(model, layer, frac) <= 31


def moved(model, layer, w, dw, frac):
    """Weights one step further, to nearest: a truncated step drifts, and ruins training."""
    m = model.spec.lr_mantissa
    w = w - rshift_round(dw.astype(np.int64) * m, shift_of_step(model, layer, frac))
    clamped = saturate(w, layer.max_weight)
    model.state.n_clamped += int((clamped != w).sum())
    return clamped


def guard(delta, frac):
    """L1 guard: with sum |delta| < 2^15, and at most 2^16 - 1 after rounding 65534 deltas, no
    gradient and no delta below can overflow. Returns the deltas and their format."""
    shift = max(l1_norm(delta).bit_length() - 15, 0)
    return rshift_round(delta, shift), frac - shift


def update_biases(model, layer, delta, frac):
    """From the sum of a bias' deltas over all pixels, before any is dropped. The
    sum is cut to 16 bits, so that times m it fits 32. Biases are Q.(w_frac+12)."""
    b, total = layer.biases, delta.reshape(-1, layer.out_c).sum(axis=0)
    excess = np.maximum(np.frexp(np.abs(total))[1] - 16, 0)  # bits beyond 16
    for e in np.unique(excess):
        c = excess == e
        step = rshift_round(total[c], e) * model.spec.lr_mantissa
        s = model.spec.lr_shift + frac - (layer.state.w_frac + BIAS_FRAC) - e
        b[c] = saturate(wrap(b[c] - rshift_round_sat(step, s, MAX_BIAS - 1)), MAX_BIAS)


def rescale(layer):
    """Weights that reach their bound, or biases theirs, are halved together with the exponent
    (nothing but a bit is lost); weights that leave two bits unused are doubled."""
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
