"""Convolutions and depthwise convolutions over (height, width, channels).

    forward    z_pf = b_f + sum_k w_kf x_pk
    backward   dw_kf = sum_p x_pk delta_pf
               dx = sum over the p, k that saw it of w_kf delta_pf

Here p is a pixel of the output, f a filter and k a tap of the kernel: (row, column, channel).
In a depthwise convolution filter f sees channel f alone, and k is (row, column). A layer is worked
on as if all its pixels were samples of a dense layer: `windows` says what each of them sees.
"""

import numpy as np

from . import update
from .dense import product, start_of_sums
from .fixed import wrap
from .format import CONV


def windows(layer):
    """index[pixel, tap, channel] of what a pixel sees in the input; n_in, one past its end,
    stands for the padding."""

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
    x, inside = seen(layer.inputs, index), index < layer.n_in
    delta = delta.reshape(-1, layer.out_c)
    if layer.kind == CONV:
        dw = product(x.reshape(len(x), -1).T, delta)
        spread = (delta.astype(float) @ w.T.astype(float)).reshape(index.shape)
        taps = inside.sum(axis=(1, 2))[:, None]  # [pixel, 1] that its filters see
    else:
        dw = np.einsum("ptc,pc->tc", x, delta)
        spread = (delta[:, None, :] * w[None, :, :].astype(np.int64)).astype(float)
        taps = inside.sum(axis=1)  # [pixel, filter]

    n_products = ((delta != 0) * taps).sum(axis=0)  # of the deltas of each filter
    learns = update.learns(model, layer, frac)
    model.state.macs_done += int(n_products.sum()) * (learns + want_dx)
    if learns:
        touched = n_products > 0
        w[:, touched] = update.moved(model, layer, w[:, touched], dw[:, touched], frac)
    if not want_dx:
        return None
    return wrap(np.bincount(index.ravel(), spread.ravel(), layer.n_in + 1)[: layer.n_in])
