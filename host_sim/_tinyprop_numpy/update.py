"""Learning: plain stochastic gradient descent at batch 1.

w -= lr dw,   b -= lr db        lr = m 2^-n
"""

import numpy as np

from .fixed import rounded, saturated, shifted, wrap
from .image import MAX_BIAS

MIN_FW, MAX_FW = 2, 16


def shift_of_step(model, layer, fd):
    """dw = x d is Q.(fx+fd), w is Q.fw: w -= dw m / 2^s."""
    return max(model.head.lr_n + fd + layer.fx - layer.fw, 1)


def learns(model, layer, fd):
    """Not if it is frozen, and not if s > 31, where every step rounds to 0 (|dw m| < 2^30)."""
    return bool(layer.trainable) and shift_of_step(model, layer, fd) <= 31


def moved(model, layer, w, dw, fd):
    """Weights one step further, to nearest: a truncated step drifts, and ruins training."""
    step = rounded(dw.astype(np.int64) * model.head.lr_m, shift_of_step(model, layer, fd))
    w = w - step
    held = saturated(w, layer.max_weight)
    model.head.n_clamped += int((held != w).sum())
    return held


def take_room(model, layer, largest, fd):
    """The room that is left between weights and their bound after a step for |d| <= largest, or 0.
    (C does not compare weights with their bound where there is room.)"""
    dw = ((1 << model.head.bits) - 1) * largest
    step = (dw * model.head.lr_m >> shift_of_step(model, layer, fd)) + 1
    layer.room = max(layer.room - step, 0)


def move_biases(model, layer, d, fd):
    """b -= lr (sum of its errors over all positions), from all errors, before any is dropped. The
    sum is cut to 16 bits, so that times m it fits 32. Biases are Q.(fw+12)."""
    b, total = model.biases(layer), d.reshape(-1, layer.out_c).sum(axis=0)
    excess = np.maximum(np.frexp(np.abs(total))[1] - 16, 0)  # bits beyond 16
    for e in np.unique(excess):
        c = excess == e
        step = rounded(total[c], e) * model.head.lr_m
        s = model.head.lr_n + fd - (layer.fw + 12) - e
        b[c] = saturated(wrap(b[c] - shifted(step, s, MAX_BIAS - 1)), MAX_BIAS)


def rescale(model, layer):
    """Weights that reach their bound, or biases theirs, are halved together with the exponent
    (nothing but a bit is lost); weights that leave two bits unused are doubled."""
    w, b = model.weights(layer), model.biases(layer)
    w_max, b_max = int(np.abs(w.astype(np.int32)).max()), max(int(np.abs(b).max()), 0)
    if (w_max >= layer.max_weight or b_max >= MAX_BIAS) and layer.fw > MIN_FW:
        w[:] = rounded(w.astype(np.int64), 1)
        b[:] = rounded(b.astype(np.int64), 1)
        layer.fw -= 1
        w_max = rounded(w_max, 1)
    elif w_max < layer.max_weight >> 2 and b_max < MAX_BIAS >> 2 and layer.fw < MAX_FW:
        w *= 2
        b *= 2
        layer.fw += 1
        w_max *= 2
    layer.room = layer.max_weight - w_max
