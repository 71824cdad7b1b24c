"""The model image: one buffer that holds all of a model.

    head | layer records | ranges | weights, biases || inputs | outputs | work | 2 buffers | list
    |<------------------- saved ------------------->||<----------------- scratch ---------------->|

Of the scratch part, this backend writes what a newcomer may want to look at: inputs and outputs,
so that the image is the same in both backends up to `work`. The rest means nothing between
two calls, and numpy has arrays of its own for it.
"""

from enum import IntEnum
from math import prod

import numpy as np

MAGIC = 0x504E5954
VERSION = 2
ALIGN = 8

DENSE, CONV, DEPTHWISE, MAXPOOL, AVGPOOL = range(5)
LINEAR, RELU, SIGMOID, TANH = range(4)
CROSSENTROPY, MSE = range(2)
FULL, TOPK, DIFFUSED = range(3)

MAX_BIAS = 1 << 30


class Error(IntEnum):
    """Why a call was refused; the functions of `_tinyprop` return these numbers."""

    IMAGE = -1
    VERSION = -2
    LAYER = -3
    OUTPUT = -4
    TOO_BIG = -5
    X_LENGTH = -6
    X_TYPE = -7
    X_FINITE = -8
    Y_LENGTH = -9
    Y_TYPE = -10
    Y_FINITE = -11
    Y_CLASS = -12
    RANGE = -13
    NO_RANGE = -14
    OUT = -15
    ALIGN = -16


class Refused(Exception):
    def __init__(self, error):
        super().__init__(error.name)
        self.error = error


def require(condition, error):
    if not condition:
        raise Refused(error)


RANGE = np.dtype(
    [
        ("lo", "<f4"),
        ("hi", "<f4"),
        ("zero", "<i4"),
        ("gain", "<u4"),
        ("f", "<i2"),
        ("width", "<u2"),
        ("pre", "u1"),
        ("post", "u1"),
        ("reserved", "<u2"),
    ]
)

LAYER = np.dtype(
    [
        # Asked for.
        ("kind", "u1"),
        ("activation", "u1"),
        ("trainable", "u1"),
        ("same", "u1"),
        ("kernel_h", "u1"),
        ("kernel_w", "u1"),
        ("stride_h", "u1"),
        ("stride_w", "u1"),
        ("units", "<u2"),
        # Learned, beside weights and biases (with age .. carry below).
        ("fw", "i1"),
        ("fy", "i1"),
        # Worked out by layout, or by the last forward pass.
        ("pad_h", "u1"),
        ("pad_w", "u1"),
        ("rectified", "u1"),
        ("fx", "i1"),
        ("age", "<u2"),
        ("room", "<u2"),
        ("quiet", "<u2"),
        ("n_nonzero", "<u2"),
        ("in_h", "<u2"),
        ("in_w", "<u2"),
        ("in_c", "<u2"),
        ("out_h", "<u2"),
        ("out_w", "<u2"),
        ("out_c", "<u2"),
        ("n_in", "<u2"),
        ("n_out", "<u2"),
        ("fan_in", "<u2"),
        ("max_weight", "<u2"),
        ("n_saturated", "<u4"),
        ("n_high", "<u4"),
        ("threshold", "<u4"),
        ("carry", "<u4"),
        ("weights", "<u4"),
        ("biases", "<u4"),
        ("inputs", "<u4"),
        ("outputs", "<u4"),
        ("list", "<u4"),
    ]
)

HEAD = np.dtype(
    [
        # Asked for.
        ("magic", "<u4"),
        ("version", "u1"),
        ("n_layers", "u1"),
        ("loss", "u1"),
        ("policy", "u1"),
        ("lr_m", "u1"),
        ("lr_n", "u1"),
        # Worked out by layout.
        ("bits", "u1"),
        ("first_trained", "u1"),
        ("bad_layer", "u1"),
        ("in_signed", "u1"),
        # Asked for.
        ("in_h", "<u2"),
        ("in_w", "<u2"),
        ("in_c", "<u2"),
        ("n_in_ranges", "<u2"),
        ("n_out_ranges", "<u2"),
        ("s_min", "<u2"),
        ("s_max", "<u2"),
        ("zeta", "<u2"),
        ("skip", "<u2"),
        ("learn_ranges", "<u2", 2),
        # Learned.
        ("steps", "<u4"),
        ("skipped", "<u4"),
        # Worked out by layout.
        ("n_bytes", "<u4"),
        ("n_saved", "<u4"),
        ("ranges", "<u4"),
        ("work", "<u4"),
        ("buffer", "<u4", 2),
        # Counted.
        ("loss_count", "<u4"),
        ("loss_sum", "<u8"),
        ("macs_dense", "<u8"),
        ("macs_kept", "<u8"),
        ("macs_done", "<u8"),
        ("n_saturated", "<u8"),
        ("n_clipped", "<u8"),
        ("n_clamped", "<u8"),
    ]
)


class Record:
    """A structured item of the image. Its fields are read once, as Python's numbers, which cannot
    overflow; what is set goes to the image too, cut to the width of the field."""

    def __init__(self, item):
        vars(self).update(zip(item.dtype.names, item.tolist(), strict=True), item=item)

    def __setattr__(self, name, value):
        fields = vars(self)
        if isinstance(value, int) and value == fields[name]:
            return
        field = self.item.dtype[name]
        self.item[name] = int(value) % (1 << 8 * field.itemsize) if field.kind == "u" else value
        fields[name] = self.item[name].tolist()


class Layer(Record):
    @property
    def has_weights(self):
        return self.kind <= DEPTHWISE


class Model:
    """Head, records and arrays as views: to write to them is to write to the image."""

    def __init__(self, image):
        self.image = image
        self.head = Record(image[: HEAD.itemsize].view(HEAD)[0])
        records = self.array(HEAD.itemsize, LAYER, self.head.n_layers)
        self.layers = [Layer(record) for record in records]

    def array(self, offset, dtype, *shape):
        size = np.dtype(dtype).itemsize * prod(shape)
        return self.image[offset : offset + size].view(dtype).reshape(shape)

    def weights(self, layer):
        """w[i, o]: dense i = input; convolution i = (kernel row, column, channel), o = filter;
        depthwise i = (kernel row, column), o = channel."""
        return self.array(layer.weights, "<i2", layer.fan_in, layer.out_c)

    def biases(self, layer):
        return self.array(layer.biases, "<i4", layer.out_c)

    def inputs(self, layer):
        return self.array(layer.inputs, "<i2", layer.n_in)

    def outputs(self, layer):
        return self.array(layer.outputs, "<i2", layer.n_out)

    def ranges(self, which):
        """Of the inputs (which = 0) or outputs (1)."""
        head = self.head
        n = head.n_in_ranges + head.n_out_ranges
        items = self.array(head.ranges, RANGE, n)
        items = items[head.n_in_ranges :] if which else items[: head.n_in_ranges]
        return [Record(item) for item in items]

    @property
    def unit(self):
        """Errors are Q.fd with 1.0 = 2^unit at fd = unit; finer, by up to 6 bits, for a sample
        whose errors are all small."""
        return 14 if self.head.bits == 8 else 13
