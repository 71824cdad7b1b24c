"""Model images for tests, built from the numpy twin's dtypes, below the Python API."""

import numpy as np
from _tinyprop_numpy import image as im

KINDS = {
    "dense": im.DENSE,
    "conv": im.CONV,
    "depthwise": im.DEPTHWISE,
    "maxpool": im.MAXPOOL,
    "avgpool": im.AVGPOOL,
}
ACTIVATIONS = {"linear": im.LINEAR, "relu": im.RELU, "sigmoid": im.SIGMOID, "tanh": im.TANH}


def layer(kind, units=0, kernel=(0, 0), stride=(1, 1), same=0, activation="linear", trainable=1):
    record = np.zeros(1, im.LAYER)[0]
    record["kind"], record["activation"] = KINDS[kind], ACTIVATIONS[activation]
    record["units"], record["same"], record["trainable"] = units, same, trainable
    record["kernel_h"], record["kernel_w"] = kernel
    record["stride_h"], record["stride_w"] = stride
    return record


def dense(units, activation="linear", trainable=1):
    return layer("dense", units, activation=activation, trainable=trainable)


def plan(shape, layers, loss=im.CROSSENTROPY, **settings):
    """Head and records of a model, as a bytearray. settings: further fields of the head."""
    head = np.zeros(1, im.HEAD)[0]
    head["magic"], head["version"], head["n_layers"] = im.MAGIC, im.VERSION, len(layers)
    head["in_h"], head["in_w"], head["in_c"] = shape
    head["loss"] = loss
    head["n_in_ranges"] = 1
    head["n_out_ranges"] = loss == im.MSE
    head["s_max"] = head["zeta"] = 1 << 15
    head["lr_m"], head["lr_n"] = 20, 10  # about 0.02
    for name, value in settings.items():
        head[name] = value
    return bytearray(head.tobytes() + b"".join(record.tobytes() for record in layers))


def open_image(image):
    """The numpy twin's view of an image that has been laid out."""
    return im.Model(np.frombuffer(image, np.uint8))


def set_ranges(image, ends):
    """Writes (lo, hi) of each range of the inputs, then of the outputs; init makes use of them."""
    model = open_image(image)
    for r, (lo, hi) in zip(model.ranges(0) + model.ranges(1), ends, strict=True):
        r.lo, r.hi = lo, hi


def build(backend, *arguments, seed=1, ranges=None, **settings):
    """A whole image with its first weights."""
    head = plan(*arguments, **settings)
    n_bytes = backend.layout(head)
    assert n_bytes > 0, n_bytes
    image = bytearray(n_bytes)
    image[: len(head)] = head
    if ranges:
        set_ranges(image, ranges)
    assert backend.init(image, seed) == 0
    return image
