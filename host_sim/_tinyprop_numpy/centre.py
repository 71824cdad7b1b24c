"""Gradients as of inputs less their means, at no loss of the zeros that make steps cheap.

With z = W (x - u) + c in place of z = W x + b, where u are the means of the inputs, learning takes
fewer steps (LeCun et al., Efficient BackProp, 1998). Both are the same function if b = c - W u, so
the forward pass stays as it is, and a step of W and c is one of W and b:

    W -= lr d (x - u)'            b -= lr d (1 - u.(x - u))          d: deltas

In a convolution, and in a dense layer above a map of more than 1024 values, u is a mean for each
channel, and all inputs of a channel have the same; other dense layers have one for each input.

In a dense layer lr d u' has rank one. It would touch every row of weights, so it is kept apart in
one more row, the slopes s:

    W = V + s u' 2^-a             z = V x + s (u.x 2^-a) + b          V: layer.weights

and a step is V -= lr d x', s += lr d 2^a. When u changes, or some s fills half its range,
s u' 2^-a moves into V, and s becomes 0. a is the least for which sum |u| max |x| < 16383 2^a, so
that u.x 2^-a has 14 bits.

In a convolution u times the sum of a filter's deltas is taken off its gradient (conv.py).

u is the mean over samples that are trained on. It changes after 1, 2, 4, .. 256 of them, then as
often as 128 more were added. It has 8 bits: with inputs of 12 bits it is in units of 16.
"""

from math import prod

import numpy as np

from .fixed import quotient_round, rshift_round, rshift_round_sat, saturate
from .format import AVGPOOL, BIAS_FRAC, DENSE, DEPTHWISE, MAX_BIAS
from .update import MAX_SLOPE, dither, saturate_counted, shift_of_step

MAX_DOT = 16383  # MAX_SLOPE times this, 2^29, is what the sums have room for (plan.py)
MAX_SLOPE_DX = 1 << 21  # 255 times this and 32767 * 49150 are below 2^31 together
MAX_SUMMED = 256
SURVEY_ALL = 64  # steps of a layer of which each is surveyed; then half of them are
ENERGY_SHIFT = 6  # the energy is a mean over the last 64 surveys or so
MAX_ENERGY = 1 << 30


def byte_unit(model):
    """Means, and inputs that are remembered, are in units of 2^unit inputs."""
    return model.bits - 8


def means_of(layer):
    return layer.means.astype(np.int64)


def means_of_inputs(layer):
    """u of each input of a dense layer: input i has the mean of channel i % n_means."""
    return np.resize(means_of(layer), layer.n_in)


# ---- the row of slopes


def dot(layer, x):
    """u.x. x: all inputs, or the sum of each channel."""
    return int(means_of(layer) @ x.reshape(-1, layer.n_means).sum(axis=0, dtype=np.int64))


def scaled_dot(layer, value):
    """A dot product of u, 2^-a."""
    return int(saturate(rshift_round(value, layer.state.mean_shift), MAX_DOT))


def fold_slopes(model, layer):
    """V += s u' 2^-a, s = 0."""
    su = np.outer(means_of_inputs(layer), layer.slopes.astype(np.int64))
    w = layer.weights + rshift_round(su, layer.state.mean_shift)
    layer.weights[:] = saturate_counted(model, w, layer.max_weight)
    layer.slopes[:] = 0


def move_slopes(model, layer, delta, frac):
    """s += lr d 2^a, b += lr d u.(x - u), of the selected deltas. Slopes and weights move against
    each other, far more than their sum, so the dither is that of the weights: what is lost of one
    and not of the other would add up."""
    state, unit = layer.state, byte_unit(model)
    d = delta.astype(np.int64) * layer.lr_mantissa
    slope_shift = shift_of_step(layer, frac) - state.mean_shift - unit
    if slope_shift > 0:
        less = (dither(model, layer, slope_shift) - d) >> slope_shift
    else:
        less = rshift_round_sat(-d, slope_shift, 2 * MAX_SLOPE)
    layer.slopes[:] = saturate_counted(model, layer.slopes - less, MAX_SLOPE)
    ahead = scaled_dot(layer, layer.dot) - scaled_dot(layer, state.norm << unit)
    ahead = rshift_round(ahead, 3)  # at most 2^12, so that a product with d fits 32 bits
    bias_shift = slope_shift + layer.x_frac - BIAS_FRAC - 3
    step = rshift_round_sat(d * ahead, bias_shift, MAX_BIAS - 1)
    layer.biases[:] = saturate(layer.biases + step, MAX_BIAS)
    if (np.abs(layer.slopes[d != 0]) > MAX_SLOPE // 2).any():
        fold_slopes(model, layer)


def slopes_backward(layer, delta):
    """What slopes add to dx = W'd: u (s.d 2^-a)."""
    along = rshift_round(int(layer.slopes.astype(np.int64) @ delta), layer.state.mean_shift)
    return means_of_inputs(layer) * int(saturate(along, MAX_SLOPE_DX))


# ---- means and energy


def largest_mean(layer):
    return 127 if layer.x_signed else 255


def scale_sums(layer, s):
    """sums * 2^s, as a format of the inputs has changed, or half of their samples are to count.
    They stay what n samples can sum up to, or they would leave 16 bits."""
    layer.sums[:] = rshift_round_sat(layer.sums, -s, largest_mean(layer) * layer.state.n_summed)


def recentre(model, layer):
    """u = sums / n, in 8 bits. The norm of a dense layer, u.u, is over all inputs; that of a
    convolution over its channels."""
    state, inverse = layer.state, (1 << 16) // layer.state.n_summed
    means = rshift_round(layer.sums.astype(np.int64) * inverse, 16)
    layer.means[:] = means = saturate(means, largest_mean(layer))
    pixels = layer.n_in // layer.n_means if layer.kind == DENSE else 1
    state.norm = int((means * means).sum()) * pixels
    x_max = ((1 << model.bits) - 1) >> layer.x_signed
    largest_dot, state.mean_shift = int(np.abs(means).sum()) * pixels * x_max, 0
    while largest_dot >> state.mean_shift >= MAX_DOT:
        state.mean_shift += 1


def shared_by(model, layer):
    """By how much less a layer's energy counts than its inputs have. Above an average of n inputs,
    errors are 1/n of those above it, and the sum of their squares is too; and a filter of a
    depthwise convolution sees one channel."""
    above = model.layers[model.layers.index(layer) + 1 :]
    averages = [pool.kernel_h * pool.kernel_w for pool in above if pool.kind == AVGPOOL]
    return prod(averages) * (layer.in_c if layer.kind == DEPTHWISE else 1)


def energy_of(model, layer, x):
    """1 + sum (x - u)^2, Q.8. In a convolution each pixel counts as often as a kernel reads it."""
    squares = int(((x - (means_of(layer) << byte_unit(model))) ** 2).sum())
    k = max(squares.bit_length() - 15, 0)
    area, stride = layer.kernel_h * layer.kernel_w, layer.stride_h * layer.stride_w
    energy = (squares >> k) * area // stride // shared_by(model, layer)
    return 256 + int(rshift_round_sat(energy, 2 * layer.x_frac - 8 - k, MAX_ENERGY - 256))


def is_left_out(step):
    """Whether a step is among the half that is not surveyed: every second one would never see some
    of the samples if these come in turn. Multiples of the golden ratio fall in step with no
    period."""
    return step * 0x9E3779B9 % 2**32 >> 31


def survey(model, layer):
    """Before the step of a sample that is trained on: lets its inputs take part in the layer's
    means and energy."""
    state = layer.state
    scaled = layer.x_frac - state.x_frac
    if state.n_summed >= SURVEY_ALL and is_left_out(model.state.trained) and not scaled:
        return
    if scaled:
        scale_sums(layer, scaled)
        state.x_frac = layer.x_frac
    x = layer.inputs.reshape(-1, layer.n_means).astype(np.int64)  # [pixel, channel]
    layer.sums[:] = layer.sums + (quotient_round(x.sum(axis=0), len(x)) >> byte_unit(model))
    state.n_summed += 1
    n = state.n_summed
    if n & (n - 1) == 0 or scaled:
        if layer.kind == DENSE:
            fold_slopes(model, layer)
        recentre(model, layer)
        if n >= MAX_SUMMED:
            scale_sums(layer, -1)
            state.n_summed = n // 2
        layer.dot = dot(layer, x.sum(axis=0))
    k = min(n.bit_length() - 1, ENERGY_SHIFT)
    state.energy += rshift_round(energy_of(model, layer, x) - state.energy, k)
