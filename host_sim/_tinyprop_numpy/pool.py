"""Pooling over windows that do not overlap; rows and columns that fill no window are left out.

max       forward: the largest input;                        backward: the first largest gets dy
average   forward: sum / n, to nearest, halves away from 0;  backward: each input gets dy / n
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


def backward(model, layer, dy):
    """dy, Q.f -> dx, Q.(f + a), and a. For an average of n inputs, 2^a <= n < 2^(a+1), dy / n is
    dy (2^a / n) in Q.(f + a); the factor 2^a / n is Q.15."""
    x, index = layer.inputs, windows(layer)
    dx = np.zeros(layer.n_in, np.int64)
    if layer.kind == MAXPOOL:
        dx[first_largest(x, index)] = dy
        return dx, 0
    n = index.shape[1]
    a = n.bit_length() - 1
    dx[index] = (dy.astype(np.int64) * ((1 << (a + 15)) // n) >> 15)[:, None]
    return dx, a
