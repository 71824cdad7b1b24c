"""Dense layers.

    forward    z_j = b_j + sum_i w_ij x_i
    backward   dx_i = sum_j w_ij d_j        dw_ij = x_i d_j

Zeros take no part: an x_i of 0 in z and dw, a d_j of 0 in dw and dx; and where the layer below is
a relu, the error of an x_i of 0 is 0 as well.

Products of integers go through float64, where numpy is quick and every sum here is exact: at most
65534 products of at most 2^30, so below 2^46.
"""

import numpy as np

from . import update
from .fixed import shifted, wrap


def product(a, b):
    return wrap(a.astype(float) @ b.astype(float))


def start_of_sums(model, layer):
    """Biases, Q.(fw+12), in the format of sums, Q.(fx+fw), within half of what max_weight spares
    for them."""
    limit = 1 << (26 if model.head.bits == 8 else 28)
    return shifted(model.biases(layer), 12 - layer.fx, limit)


def forward(model, layer):
    x = model.inputs(layer)
    layer.n_nonzero = np.count_nonzero(x)
    return wrap(start_of_sums(model, layer) + product(x, model.weights(layer)))


def backward(model, layer, d, largest, fd, want_dx):
    """d: errors, Q.fd, 0 where not kept, and |d| <= largest. Returns dx, Q.(fd+fw), where it is
    wanted; then moves the weights."""
    x, w = model.inputs(layer), model.weights(layer)
    inputs, kept = np.flatnonzero(x), np.flatnonzero(d)
    dx = None
    if want_dx:
        dx = product(w, d)
        if layer.rectified:
            dx[x == 0] = 0
        model.head.macs_done += (len(inputs) if layer.rectified else len(x)) * len(kept)
    if update.learns(model, layer, fd) and len(kept) > 0:
        update.take_room(model, layer, largest, fd)
        part = np.ix_(inputs, kept)
        dw = np.outer(x[inputs].astype(np.int64), d[kept])
        w[part] = update.moved(model, layer, w[part], dw, fd)
        model.head.macs_done += len(inputs) * len(kept)
    return dx
