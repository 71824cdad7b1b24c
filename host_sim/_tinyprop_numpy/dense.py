"""Dense layers.

    forward    z_j = b_j + sum_i w_ij x_i
    backward   dx_i = sum_j w_ij delta_j        dw_ij = x_i delta_j

An x_i of 0 adds nothing to z and dw, a delta_j of 0 nothing to dw and dx. Above a relu the dx_i of
an x_i of 0 is 0 as well. The slopes are one more row of w, what w has of the inputs' means
(centre.py).

Products of integers are done in float64, where numpy is fast and each sum is exact: at most 65534
products of at most 2^30, so below 2^46.
"""

import numpy as np

from . import centre, update
from .fixed import rshift_round, rshift_round_sat, wrap
from .format import BIAS_FRAC


def product(a, b):
    return wrap(a.astype(float) @ b.astype(float))


def start_of_sums(model, layer):
    """Biases, Q.(w_frac+12), in the format of the sums, Q.(x_frac+w_frac): within half of what
    max_weight reserves for them, as biases are within 2^30; clamped to it where a shift is too
    small for that."""
    s, bits = BIAS_FRAC - layer.x_frac, 26 if model.bits == 8 else 28
    if s >= 30 - bits:
        return rshift_round(layer.biases, s)
    return rshift_round_sat(layer.biases, s, 1 << bits)


def forward(model, layer):
    layer.dot = centre.dot(layer, layer.inputs)
    x = np.append(layer.inputs, centre.scaled_dot(layer, layer.dot))
    return wrap(start_of_sums(model, layer) + product(x, layer.rows))


def backward(model, layer, delta, frac, want_dx):
    """delta: Q.frac, 0 where not selected. Updates the weights; returns dx, Q.(frac+w_frac), by
    the weights before, or None."""
    x, w = layer.inputs, layer.weights
    inputs, selected = np.flatnonzero(x), np.flatnonzero(delta)
    dx = None
    if want_dx:
        dx = wrap(product(w, delta) + centre.slopes_backward(layer, delta))
        if layer.zero_delta:
            dx[x == 0] = 0
        n_dx = len(inputs) if layer.zero_delta else len(x)
        model.state.macs_done += n_dx * len(selected)
    if update.learns(layer, frac) and len(selected) > 0:
        part = np.ix_(inputs, selected)
        dw = np.outer(x[inputs].astype(np.int64), delta[selected])
        w[part] = update.moved(model, layer, w[part], dw, frac)
        centre.move_slopes(model, layer, delta, frac)
        model.state.macs_done += len(inputs) * len(selected)
    return dx
