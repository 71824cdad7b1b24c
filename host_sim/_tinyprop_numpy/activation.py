"""Activation functions, their derivatives, and the exponents of activations and errors.

forward    y = act(z)
backward   d = dx act'(z), with act' from y: relu 1 where y > 0; tanh 1 - y^2;
           sigmoid y (1 - y); linear 1
"""

import numpy as np

from .fixed import exp_minus, rounded, saturated, shifted
from .image import LINEAR, RELU, SIGMOID, TANH

ADAPTS = (RELU, LINEAR)  # tanh and sigmoid fill their range and stay


def start_exponent(model, layer):
    """8 bits: relu 0..8, linear -8..8; tanh -1..1, sigmoid 0..1."""
    return {LINEAR: 4, RELU: 5, SIGMOID: 8, TANH: 7}[layer.activation] + model.head.bits - 8


def largest(model, layer):
    signed = layer.activation in (LINEAR, TANH)
    return (1 << (model.head.bits - signed)) - 1


def sigmoid(z):
    """1 / (1 + e^-z) of z in Q.12, as Q.15; below 0, 1 minus its mirror."""
    s = (1 << 31) // ((1 << 16) + exp_minus(np.abs(z)))
    return np.where(z < 0, (1 << 15) - s, s)


def activate(model, layer, z, learning):
    """Sums z, Q.(fx+fw) -> activations, Q.fy. While learning, outputs above the range and above a
    quarter of it are counted."""
    bits, top, f = model.head.bits, largest(model, layer), layer.fx + layer.fw
    if layer.activation == SIGMOID:
        s = sigmoid(shifted(z, f - 12, 1 << 16))
        return saturated(rounded(s, 15 - bits), top)
    if layer.activation == TANH:
        # tanh(z) = 2 sigmoid(2 z) - 1; z in Q.13 is 2 z in Q.12
        s = sigmoid(shifted(z, f - 13, 1 << 16))
        return saturated(rounded(s - (1 << 14), 15 - bits), top)
    v = shifted(z, f - layer.fy, 32767)
    bottom = 0 if layer.activation == RELU else -top
    if learning:
        size = np.maximum(v, 0) if layer.activation == RELU else np.abs(v)
        n_saturated = int((size > top).sum())
        layer.n_saturated += n_saturated
        model.head.n_saturated += n_saturated
        layer.n_high += int((size > top >> 2).sum())
    return np.clip(v, bottom, top)


def adapt(model, layer, y):
    """After a layer's forward pass while learning: moves fy by one when the counts of a window of
    steps say so. A window is of 1 step, the next ones of 2, 4, ... 256, so each ends at
    an age that is a power of two. More than 1 in 512 outputs saturated: coarser. Fewer than 1 in
    2048 above a quarter of the range: finer; after that, fewer than 1 in 2048 exceed half of it,
    so fy does not swing back."""
    layer.quiet = 0 if y.any() else min(layer.quiet + 1, 65535)
    if layer.activation not in ADAPTS:
        return
    layer.age += 1
    window = layer.age // 2
    if layer.age & (layer.age - 1):
        return
    outputs = window * layer.n_out
    if layer.n_saturated > outputs // 512:
        layer.fy = max(layer.fy - 1, -8)
    elif window >= 64 and layer.n_high < outputs // 2048:
        layer.fy = min(layer.fy + 1, model.head.bits)
    layer.n_saturated = layer.n_high = 0
    layer.age = layer.age if layer.age < 512 else 256


def errors_from(model, layer, dx, fin):
    """dx, Q.fin, of a layer's outputs -> errors d of its sums, and their format fd: such that the
    largest fills `unit` bits, but at least unit (1.0, where errors are clipped), at most unit + 6,
    and no finer than fin."""
    y = model.outputs(layer).astype(np.int64)
    unit, bits = model.unit, model.head.bits
    if layer.activation == RELU:
        dx = np.where(y == 0, 0, dx)
    used = int(np.bitwise_or.reduce(np.abs(dx.astype(np.int64)))).bit_length()
    fd = max(min(fin - used + unit, fin, unit + 6), unit)

    d = shifted(dx, fin - fd, 1 << 30)
    held = saturated(d, 1 << unit)
    model.head.n_clipped += int((held != d).sum())
    if layer.activation == TANH:
        slope = (1 << 14) - (y * y >> 2 * (bits - 8))  # Q.14
        held = rounded(held * slope, 14)
    elif layer.activation == SIGMOID:
        slope = y * ((1 << bits) - y) >> 2 * (bits - 8)  # Q.16, at most 2^14
        held = rounded(held * slope, 14)
        fd += 2
    return held, fd
