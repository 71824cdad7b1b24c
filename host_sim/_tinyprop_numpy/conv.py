"""Convolutions and depthwise convolutions over (height, width, channels).

    forward    z_pf = b_f + sum_k w_kf x_pk
    backward   dw_kf = sum_p (x_pk - u_k) delta_pf        u: means of the channels (centre.py)
               dx = sum of w_kf delta_pf over all p and k that read this x

Here p is a pixel of the output, f a filter and k a tap of the kernel: (row, column, channel).
In a depthwise convolution filter f sees channel f alone, and k is (row, column). A layer is worked
out as if its pixels were samples of a dense layer: `windows` says which inputs each of them reads.
"""

import numpy as np

from . import centre, update
from .dense import product, start_of_sums
from .fixed import rshift_round, wrap
from .format import CONV


def windows(layer):
    """index[pixel, tap, channel] of the inputs that a pixel reads; n_in, one past the end of the
    input, stands for padding."""

    def along(n_out, n, kernel, stride, pad):
        place = np.arange(n_out)[:, None] * stride + np.arange(kernel) - pad
        return place, (place >= 0) & (place < n)

    y, in_y = along(layer.out_h, layer.in_h, layer.kernel_h, layer.stride_h, layer.pad_h)
    x, in_x = along(layer.out_w, layer.in_w, layer.kernel_w, layer.stride_w, layer.pad_w)
    place = y[:, None, :, None] * layer.in_w + x[None, :, None, :]
    inside = in_y[:, None, :, None] & in_x[None, :, None, :]
    index = place[..., None] * layer.in_c + np.arange(layer.in_c)
    index = np.where(inside[..., None], index, layer.n_in)
    return index.reshape(layer.out_h * layer.out_w, -1, layer.in_c)


def seen(x, index):
    """The inputs at these indices; padding is 0."""
    return np.append(x, 0)[index].astype(np.int64)


def forward(model, layer):
    """Returns the sums z[pixel, filter]."""
    x, w = seen(layer.inputs, windows(layer)), layer.weights
    if layer.kind == CONV:
        sums = product(x.reshape(len(x), -1), w)
    else:
        sums = np.einsum("ptc,tc->pc", x, w)
    return wrap(start_of_sums(model, layer) + sums)


def backward(model, layer, delta, frac, want_dx):
    """As for a dense layer; the gradient of a weight is its sum over all pixels."""
    index, w = windows(layer), layer.weights
    x = seen(layer.inputs, index)
    delta = delta.reshape(-1, layer.out_c)
    if layer.kind == CONV:
        dw = product(x.reshape(len(x), -1).T, delta)
        spread = (delta.astype(float) @ w.T.astype(float)).reshape(index.shape)
    else:
        dw = np.einsum("ptc,pc->tc", x, delta)
        spread = (delta[:, None, :] * w[None, :, :].astype(np.int64)).astype(float)

    filters = delta.any(axis=0)  # those that have a delta
    learns = update.learns(layer, frac)
    model.state.macs_done += int(np.count_nonzero(delta)) * layer.fan_in * (learns + want_dx)
    if learns:
        means = centre.means_of(layer)
        means = np.resize(means, len(w))[:, None] if layer.kind == CONV else means  # [tap, filter]
        dw = dw - means * delta.sum(axis=0)
        w[:, filters] = update.moved(model, layer, w[:, filters], dw[:, filters], frac)
        # b -= lr d (1 - u.(x - u)), of which update_biases did the first part.
        shift = layer.fan_in.bit_length() + 2  # |dw| < 2^24, u < 2^8
        along_mean = (means * rshift_round(dw, shift)).sum(axis=0)
        update.move_biases(layer, -along_mean, frac + 2 * layer.x_frac - shift)
    if not want_dx:
        return None
    return wrap(np.bincount(index.ravel(), spread.ravel(), layer.n_in + 1)[: layer.n_in])
