"""Activation functions, their derivatives, and the formats of activations and deltas.

forward    y = act(z)
backward   dLoss/dz = dLoss/dy act'(z), where act' is: relu y > 0, tanh 1 - y^2,
           sigmoid y (1 - y), linear 1
"""

import numpy as np

from .exp import exp_minus
from .fixed import rshift_round, rshift_round_sat, saturate
from .format import LINEAR, MIN_Y_FRAC, RELU, SIGMOID, TANH

ADAPTS = (RELU, LINEAR)  # the formats of tanh and sigmoid fit their range and stay


# With 8 bits relu starts with 0..8 and linear with -8..8; tanh has -1..1, sigmoid 0..1.
FIRST_Y_FRAC = {LINEAR: 4, RELU: 5, SIGMOID: 8, TANH: 7}
HAS_SIGN = {LINEAR: True, RELU: False, SIGMOID: False, TANH: True}


def first_y_frac(model, layer):
    return FIRST_Y_FRAC[layer.activation] + model.bits - 8


def top_of_format(model, layer):
    """The largest activation."""
    return (1 << (model.bits - HAS_SIGN[layer.activation])) - 1


# ---- forward: z, Q.(x_frac+w_frac) -> y, not yet saturated


def linear(model, layer, z):
    z_frac = layer.x_frac + layer.state.w_frac
    return rshift_round_sat(z, z_frac - layer.state.y_frac, 32767)


def relu(model, layer, z):
    return np.maximum(linear(model, layer, z), 0)


def sigmoid_q15(z):
    """z Q.12 -> 1 / (1 + e^-z), Q.15; sigmoid(-z) = 1 - sigmoid(z)."""
    s = (1 << 31) // ((1 << 16) + exp_minus(np.abs(z)))
    return np.where(z < 0, (1 << 15) - s, s)


def sigmoid(model, layer, z):
    z_frac = layer.x_frac + layer.state.w_frac
    s = sigmoid_q15(rshift_round_sat(z, z_frac - 12, 1 << 16))
    return rshift_round(s, 15 - model.bits)


def tanh(model, layer, z):
    """tanh(z) = 2 sigmoid(2 z) - 1; z in Q.13 is 2 z in Q.12."""
    z_frac = layer.x_frac + layer.state.w_frac
    s = sigmoid_q15(rshift_round_sat(z, z_frac - 13, 1 << 16))
    return rshift_round(s - (1 << 14), 15 - model.bits)


ACTIVATIONS = {LINEAR: linear, RELU: relu, SIGMOID: sigmoid, TANH: tanh}


def activate(model, layer, z, learning):
    """z, Q.(x_frac+w_frac) -> y, Q.y_frac. While learning, counts the outputs above a format that
    adapts, and above a quarter of it."""
    top, state = top_of_format(model, layer), layer.state
    y = ACTIVATIONS[layer.activation](model, layer, z)
    if learning and layer.activation in ADAPTS:
        n_saturated = int((np.abs(y) > top).sum())
        state.n_saturated += n_saturated
        model.state.n_saturated += n_saturated
        state.n_high += int((np.abs(y) > top >> 2).sum())
    return saturate(y, top)


def adapt_format(model, layer, y):
    """After a layer's forward pass while learning: changes y_frac by one if the counts of a window
    of steps call for it. A window has 1 step, the next ones 2, 4, ... 256, so each ends at an age
    that is a power of two. If more than 1 in 512 outputs saturated, y_frac goes down; if fewer
    than 1 in 2048 were above a quarter of the range, it goes up. Then fewer than 1 in 2048 exceed
    half the range, so y_frac does not oscillate."""
    state = layer.state
    state.dead_steps = 0 if y.any() else min(state.dead_steps + 1, 65535)
    if layer.activation not in ADAPTS:
        return
    state.age += 1
    window = state.age // 2
    if state.age & (state.age - 1):
        return
    outputs = window * layer.n_out
    if state.n_saturated > outputs // 512:
        state.y_frac = max(state.y_frac - 1, MIN_Y_FRAC)
    elif window >= 64 and state.n_high * 2048 < outputs:
        state.y_frac = min(state.y_frac + 1, model.bits)
    state.n_saturated = state.n_high = 0
    state.age = state.age if state.age < 512 else 256


# ---- backward


def slope_of_sigmoid(y, bits):
    """Q.16, at most 2^14."""
    return y * ((1 << bits) - y) >> 2 * (bits - 8)


def slope_of_tanh(y, bits):
    """Q.14."""
    return (1 << 14) - (y * y >> 2 * (bits - 8))


# act' by y, and its format; None: it is 1, of relu where y > 0.
SLOPES = {LINEAR: None, RELU: None, SIGMOID: (slope_of_sigmoid, 16), TANH: (slope_of_tanh, 14)}


def format_of_deltas(model, used, dx_frac):
    """A format in which numbers in Q.dx_frac of at most so many bits fill delta_frac bits, within
    delta_frac (so that 1.0 fits, where deltas are clipped) and delta_frac + 6, and not above
    dx_frac."""
    least = model.delta_frac
    return max(min(dx_frac - used + least, dx_frac, least + 6), least)


def requantise(model, layer, dx, dx_frac):
    """dx, Q.dx_frac -> deltas, clipped, and their format. It is worked out row by row from the
    top, from the row and all above it, so that a row can be requantised as soon as it is there,
    and it only gets coarser. At the end all rows are brought to the last one's format. A dense
    layer has one row; in a series each pixel is one."""
    limit, rows, used = 1 << model.delta_frac, [], 0
    of = layer.with_deltas
    for row in dx.reshape(of.out_h * of.out_w if model.spec.in_h == 1 else of.out_h, -1):
        used |= int(np.bitwise_or.reduce(np.abs(row.astype(np.int64))))
        frac = format_of_deltas(model, used.bit_length(), dx_frac)
        d = rshift_round_sat(row, dx_frac - frac, 1 << 30)
        clipped = saturate(d, limit)
        model.state.n_clipped += int((clipped != d).sum())
        rows.append((clipped, frac))
    return np.concatenate([rshift_round(d, of_row - frac) for d, of_row in rows]), frac


def backward(model, layer, dx, dx_frac):
    """dx = dLoss/dy of a layer, or of the maximum above a convolution, Q.dx_frac -> its deltas,
    dLoss/dz, and their format. y of a maximum is that of its first largest pixel."""
    y = layer.with_deltas.outputs
    if layer.activation == RELU:
        dx = np.where(y == 0, 0, dx)
    delta, frac = requantise(model, layer, dx, dx_frac)
    if SLOPES[layer.activation]:
        slope, slope_frac = SLOPES[layer.activation]
        delta = rshift_round(delta * slope(y, model.bits), 14)
        frac += slope_frac - 14
    return delta, frac
