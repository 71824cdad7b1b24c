"""Convolutions and depthwise convolutions over (height, width, channels).

    forward    z_pf = b_f + sum_k w_kf x_pk
    backward   dw_kf = sum_p x_pk d_pf        dx = sum over the p, k that saw it of w_kf d_pf

Here p is a position of the output, f a filter and k a place of the kernel: (row, column, channel).
In a depthwise convolution filter f sees channel f alone, and k is (row, column). A layer is worked
on as if all its positions were samples of a dense layer: `windows` says what each of them sees.
"""

import numpy as np

from . import update
from .dense import product, start_of_sums
from .fixed import wrap
from .image import CONV


def windows(layer):
    """index[position, tap, channel] of what a position sees in the input; n_in, one past its end,
    stands for the padding."""

    def line(n_out, n, kernel, stride, pad):
        place = np.arange(n_out)[:, None] * stride + np.arange(kernel) - pad
        return place, (place >= 0) & (place < n)

    y, in_y = line(layer.out_h, layer.in_h, layer.kernel_h, layer.stride_h, layer.pad_h)
    x, in_x = line(layer.out_w, layer.in_w, layer.kernel_w, layer.stride_w, layer.pad_w)
    pixel = y[:, None, :, None] * layer.in_w + x[None, :, None, :]
    inside = in_y[:, None, :, None] & in_x[None, :, None, :]
    index = pixel[..., None] * layer.in_c + np.arange(layer.in_c)
    index = np.where(inside[..., None], index, layer.n_in)
    return index.reshape(layer.out_h * layer.out_w, -1, layer.in_c)


def seen(x, index):
    return np.append(x, 0)[index].astype(np.int64)


def forward(model, layer):
    """Returns the sums z[position, filter]."""
    x = seen(model.inputs(layer), windows(layer))
    w = model.weights(layer)
    if layer.kind == CONV:
        sums = product(x.reshape(len(x), -1), w)
    else:
        sums = np.einsum("ptc,tc->pc", x, w)
    return wrap(start_of_sums(model, layer) + sums)


def backward(model, layer, d, fd, want_dx):
    """As for a dense layer; the gradient of a weight is its sum over all positions."""
    index, w = windows(layer), model.weights(layer)
    x, inside = seen(model.inputs(layer), index), index < layer.n_in
    d = d.reshape(-1, layer.out_c)
    if layer.kind == CONV:
        dw = product(x.reshape(len(x), -1).T, d)
        spread = (d.astype(float) @ w.T.astype(float)).reshape(index.shape)
        places = inside.sum(axis=(1, 2))[:, None]  # [position, 1] that its filters see
    else:
        dw = np.einsum("ptc,pc->tc", x, d)
        spread = (d[:, None, :] * w[None, :, :].astype(np.int64)).astype(float)
        places = inside.sum(axis=1)  # [position, filter]

    met = ((d != 0) * places).sum(axis=0)  # places of the input that the errors of a filter reach
    learns = update.learns(model, layer, fd)
    model.head.macs_done += int(met.sum()) * (learns + want_dx)
    if learns:
        touched = met > 0
        w[:, touched] = update.moved(model, layer, w[:, touched], dw[:, touched], fd)
    if not want_dx:
        return None
    return wrap(np.bincount(index.ravel(), spread.ravel(), layer.n_in + 1)[: layer.n_in])
