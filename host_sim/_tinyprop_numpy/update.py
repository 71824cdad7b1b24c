"""Learning: plain stochastic gradient descent at batch 1.

w -= lr dw,   b -= lr db        lr = lr_mantissa 2^-lr_shift
"""

import numpy as np

from .fixed import l1_norm, rshift_round, rshift_round_sat, saturate, wrap
from .format import BIAS_FRAC, DENSE, MAX_BIAS, MAX_W_FRAC, MIN_W_FRAC
from .ranges import NO_SHIFT

MAX_SLOPE = 32767  # of slopes; those at rest fill at most half of it (centre.py)


def shift_of_step(layer, frac):
    """s in w -= dw m / 2^s, where dw = x delta is Q.(x_frac+frac), w is Q.w_frac and m is
    lr_mantissa."""
    return max(layer.lr_shift + frac + layer.x_frac - layer.state.w_frac, 1)


def learns(layer, frac):
    """Whether any weight can change: not in a frozen layer, nor with s > 30."""
    return layer.trainable and shift_of_step(layer, frac) <= 30


def dither(model, layer, bits):
    """What rounds all steps of a layer in a trained step: as likely any number of so many bits.
    Most steps of a network that knows much already are smaller than a weight's last bit. Rounded
    to nearest they would all be lost; by a random dither each is made with a probability of its
    size, so on average they are exact (Gupta et al., Deep Learning with Limited Numerical
    Precision, 2015)."""
    v = int(model.state.trained) * 0x9E3779B9 + layer.weights_offset * 0x7FEB352D & 2**32 - 1
    return ((v ^ v >> 15) * 0x85EBCA6B % 2**32) >> (32 - bits)


def saturate_counted(model, w, limit):
    """Weights within +-limit; counts those that were not."""
    within = saturate(w, limit)
    model.state.n_clamped += int((within != w).sum())
    return within


def moved(model, layer, w, dw, frac):
    """Weights after a step."""
    s = shift_of_step(layer, frac)
    step = (dither(model, layer, s) - dw.astype(np.int64) * layer.lr_mantissa) >> s
    return saturate_counted(model, w + step, layer.max_weight)


def guard(layer, delta, frac):
    """L1 guard: after the shift sum |delta| < 2^15, and with the rounding of 65534 deltas at most
    2^16 - 1. Then no gradient and no dx can overflow. In a dense layer it is < 2^14, and at most
    49150, as its slopes add to dx too (centre.py). Returns the deltas and their format."""
    shift = max(l1_norm(delta).bit_length() - (14 if layer.kind == DENSE else 15), 0)
    return rshift_round(delta, shift), frac - shift


def move_biases(layer, gradient, frac):
    """b -= lr gradient; biases are Q.(w_frac+12), their gradients Q.frac. These are rounded to 16
    bits, so that times m they fit 32."""
    guard_shift = np.maximum(np.frexp(np.abs(gradient))[1] - 16, 0)
    step = rshift_round_sat(gradient, guard_shift, 1 << 16) * layer.lr_mantissa
    s = layer.lr_shift + frac - guard_shift - (layer.state.w_frac + BIAS_FRAC)
    moved = layer.biases - rshift_round_sat(step, s, MAX_BIAS - 1)
    layer.biases[:] = saturate(wrap(moved), MAX_BIAS)


def update_biases(layer, delta, frac):
    """Biases learn from the sum of all deltas over the pixels, before any is dropped."""
    move_biases(layer, delta.reshape(-1, layer.out_c).sum(axis=0), frac)


def halve(layer):
    """All weights and biases of a layer; w_frac goes down, so only the last bit is lost."""
    layer.rows[:] = rshift_round(layer.rows.astype(np.int64), 1)
    layer.biases[:] = rshift_round(layer.biases.astype(np.int64), 1)
    layer.state.w_frac -= 1


def rescale(layer):
    """If weights or biases reach their bound, all are halved and w_frac goes down. If they leave
    two bits unused, all are doubled and w_frac goes up; slopes, which fill at most half their
    range, as well."""
    w, b, state = layer.rows, layer.biases, layer.state
    w_max = int(np.abs(layer.weights.astype(np.int32)).max())
    b_max = max(int(np.abs(b).max()), 0)
    if (w_max >= layer.max_weight or b_max >= MAX_BIAS) and state.w_frac > MIN_W_FRAC:
        halve(layer)
    elif w_max < layer.max_weight >> 2 and b_max < MAX_BIAS >> 2 and state.w_frac < MAX_W_FRAC:
        w *= 2
        b *= 2
        state.w_frac += 1


def follow_range(model, j, old, now):
    """An output is zero + z 2^shift (ranges.py), where z is its sum. It stays what it is when zero
    and shift change, from old to now, if

        z' = (zero + z 2^shift - zero') 2^-shift' = z 2^-wider + moved 2^-shift'

    So its weights, and its slope in the row behind them, become w 2^-wider, and its bias
    b 2^-wider + moved 2^-shift'. If that is too large for the layer's format, all of the layer is
    halved first. Returns wider: by how many bits 1.0 is larger, in the user's units; 0 if one of
    the two is of values that are all the same, and has no unit."""
    layer, limit = model.output, MAX_BIAS - 1
    if NO_SHIFT in (old["shift"], now["shift"]):
        return 0
    zero, frac, shift = (int(now[name]) for name in ("zero", "frac", "shift"))
    wider = shift - frac - (int(old["shift"]) - int(old["frac"]))
    moved = int(rshift_round_sat(int(old["zero"]), int(old["frac"]) - frac, limit)) - zero
    while True:
        *w, slope = rshift_round_sat(layer.rows[:, j].astype(np.int64), wider, 65535)
        share = int(rshift_round_sat(int(layer.biases[j]), wider, limit))
        offset = int(rshift_round_sat(moved, shift - layer.state.w_frac - BIAS_FRAC, limit))
        weights_fit = np.abs(w).max() <= layer.max_weight and abs(slope) <= MAX_SLOPE // 2
        bias_fits = max(abs(share), abs(offset)) < limit and abs(share + offset) <= limit
        if weights_fit and bias_fits or layer.state.w_frac <= MIN_W_FRAC:
            break
        halve(layer)
    layer.biases[j] = saturate(share + offset, limit)
    layer.slopes[j] = saturate_counted(model, np.array(slope), MAX_SLOPE // 2)
    layer.weights[:, j] = saturate_counted(model, np.array(w), layer.max_weight)
    return wider
