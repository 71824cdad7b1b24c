"""`_tinyprop` in numpy, written to be read: the executable specification of the C core.

Both give the same bits: the same results, and the same bytes in the image. The files are those of
usermod_c/tinyprop/core; this one is what modtinyprop.c is there: results are 0 or positive, or a
negative Error.
"""

import operator

import numpy as np

from . import layout as _layout
from . import model as _model
from .image import Refused

__all__ = [
    "backend",
    "init",
    "layout",
    "learn",
    "predict",
    "run",
]

TYPES = set("BbHhIiLlQqf")


def _image(obj):
    """A writable buffer as an array of bytes."""
    view = memoryview(obj)
    if not view.c_contiguous or view.readonly:
        raise TypeError("expected a writable buffer")
    return np.frombuffer(view, np.uint8)


def _values(obj):
    """A buffer as a flat array; None for what is no buffer of a type that a function takes."""
    try:
        view = memoryview(obj)
    except TypeError:
        return None
    letter = view.format.lstrip("@=<")
    if not view.c_contiguous or letter not in TYPES:
        return None
    kind = "f" if letter == "f" else "u" if letter.isupper() else "i"
    return np.frombuffer(view, f"{kind}{view.itemsize}")


def _targets(y):
    """A class number may be an int; targets and several class numbers come in a buffer."""
    if isinstance(y, int) or (_values(y) is None and hasattr(y, "__index__")):
        y = operator.index(y)
        return np.array([y if -(2**31) <= y < 2**31 else -1], np.int32)
    return _values(y)


def _size(obj):
    if not hasattr(obj, "__index__") or not 0 <= operator.index(obj) < 2**62:
        raise ValueError("expected an integer from 0 on")
    return operator.index(obj)


def _call(image, function, *arguments):
    """The result of a function of an open model, or why it was refused."""
    try:
        return function(_layout.open_image(image), *arguments) or 0
    except Refused as refusal:
        return int(refusal.error)


def backend():
    return "numpy"


def layout(image):
    """Bytes that the model described by the image's head and records needs."""
    try:
        return _layout.layout(_image(image)).head.n_bytes
    except Refused as refusal:
        return int(refusal.error)


def init(image, seed):
    """lo and hi of the ranges may have been set before; what follows from them is worked out."""
    try:
        return _layout.init(_image(image), _size(seed)) or 0
    except Refused as refusal:
        return int(refusal.error)


def learn(image, x, y):
    """1 trained, 0 skipped"""
    return run(image, x, y, 1, 0, 1, True)


def run(image, x, y, total, start, count, learning):
    """Samples start .. start+count-1 of `total`: how many were trained on, or classified right."""
    sizes = map(_size, (total, start, count))
    return _call(_image(image), _model.run_samples, _values(x), _targets(y), *sizes, learning)


def predict(image, x, out):
    """Class number. out: None, or an array('f') with a place for the score of each output"""
    return _call(_image(image), _model.predict, _values(x), out is not None, _values(out))
