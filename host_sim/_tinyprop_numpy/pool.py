"""Pooling over windows that do not overlap; rows and columns that fill no window are left out.

max       forward: the largest input;                        backward: the first largest gets dy
average   forward: sum / n, to nearest, halves away from 0;  backward: each input gets dy / n

Directly above a convolution a maximum has no backward pass of its own: the deltas of the
convolution are those of the windows, and are put at their pixels once they are selected.
"""

import numpy as np

from .fixed import quotient_round
from .format import MAXPOOL


def windows(layer):
    """index[output, tap] of the inputs of each output's window."""
    h, w = layer.kernel_h, layer.kernel_w
    index = np.arange(layer.n_in).reshape(layer.in_h, layer.in_w, layer.in_c)
    index = index[: layer.out_h * h, : layer.out_w * w]
    index = index.reshape(layer.out_h, h, layer.out_w, w, layer.in_c)
    return index.transpose(0, 2, 4, 1, 3).reshape(layer.n_out, h * w)


def first_largest(x, index):
    """For each window the index of its first largest input."""
    return np.take_along_axis(index, x[index].argmax(axis=1)[:, None], axis=1)[:, 0]


def forward(model, layer):
    x, index = layer.inputs, windows(layer)
    if layer.kind == MAXPOOL:
        return x[first_largest(x, index)]
    n = index.shape[1]
    return quotient_round(x[index].sum(axis=1, dtype=np.int64), n)


def at_largest(layer, values):
    """Values of the outputs of a maximum, each at the first largest input of its window; the other
    inputs have 0."""
    placed = np.zeros(layer.n_in, np.int64)
    placed[first_largest(layer.inputs, windows(layer))] = values
    return placed


def backward(model, layer, dy):
    """dy, Q.f -> dx, Q.(f + a), and a. For an average of n inputs, 2^a <= n < 2^(a+1), dy / n is
    dy (2^a / n) in Q.(f + a); the factor 2^a / n is Q.15."""
    if layer.kind == MAXPOOL:
        return at_largest(layer, dy), 0
    index, dx = windows(layer), np.zeros(layer.n_in, np.int64)
    n = index.shape[1]
    a = n.bit_length() - 1
    dx[index] = (dy.astype(np.int64) * ((1 << (a + 15)) // n) >> 15)[:, None]
    return dx, a
