"""`_tinyprop` in numpy, written to be read: the executable specification of the C core.

Both give the same bits: the same results, and the same spec and state in the image. The files have
the names of those in usermod_c/tinyprop/core. This one does what modtinyprop.c does there: results
are 0 or positive, or a negative Error.
"""

import operator
import threading

import numpy as np

from . import init as _init
from . import model as _model
from . import plan as _plan
from .format import Error
from .image import HELD, IN_CALL, Refused, require

__all__ = [
    "backend",
    "distances",
    "hold",
    "init",
    "layout",
    "learn",
    "predict",
    "run",
]

TYPES = set("BbHhIiLlQqf")
MAY_BE_BEYOND = "u4", "i8", "u8"


def _spec(obj):
    """A buffer, which may be read-only, as an array of bytes."""
    view = memoryview(obj)
    if not view.c_contiguous:
        raise TypeError("expected a buffer")
    return np.frombuffer(view, np.uint8)


def _image(obj):
    """A writable buffer as an array of bytes."""
    view = memoryview(obj)
    if not view.c_contiguous or view.readonly:
        raise TypeError("expected a writable buffer")
    return np.frombuffer(view, np.uint8)


def _values(obj):
    """A buffer as an array; None if it is no buffer, of a type that no function takes, of several
    dimensions, whose shape the Python half looks at, or an array of numpy of integers that may be
    beyond those of the core, of which the Python half makes floats."""
    try:
        view = memoryview(obj)
    except (TypeError, ValueError):
        return None
    letter = view.format.lstrip("@=<")
    if not view.c_contiguous or view.ndim > 1 or letter not in TYPES:
        return None
    kind = "f" if letter == "f" else "u" if letter.isupper() else "i"
    if f"{kind}{view.itemsize}" in MAY_BE_BEYOND and hasattr(obj, "__array__"):
        return None
    return np.frombuffer(view, f"{kind}{view.itemsize}")


def _targets(y):
    """One class number may be an int of 32 bits; targets and several class numbers come in a
    buffer."""
    if isinstance(y, int) or (_values(y) is None and hasattr(y, "__index__")):
        try:
            y = operator.index(y)
        except TypeError:  # an array has __index__, and only if it has one item a number
            return None
        return np.array([y], np.int32) if -(2**31) <= y < 2**31 else None
    return _values(y)


def _size(obj):
    if not hasattr(obj, "__index__") or not 0 <= operator.index(obj) < 2**62:
        raise ValueError("expected an integer from 0 on")
    return operator.index(obj)


def _call(function, *arguments):
    """The result of a function, or the number of its error."""
    try:
        return function(*arguments) or 0
    except Refused as refusal:
        return int(refusal.error)


# As with the C core, which CPython's lock of everything guards, one thread at a time is in a call.
_lock = threading.RLock()


def _busy(image):
    """The word of an image that says who works on it."""
    return _plan.check_head(image)["busy"]


def _work(function, image, *arguments):
    """function(model, ...), of the model in an image that no other call works on: this one may be
    made by what handles a signal. It works on a copy, from which whole steps are copied back: so
    Ctrl-C leaves no half of one."""
    busy = _busy(image)
    owner = HELD  # not this call, as Ctrl-C may come before it is
    try:
        owner = busy[0]
        require(owner == 0, Error.BUSY)
        busy[0] = IN_CALL
        model = _plan.open_image(image.copy())
        model.original = image
        result = function(model, *arguments)
        model.copy_back()
        return result
    finally:
        if owner == 0:
            busy[0] = 0


def _on_model(function, image, *arguments):
    """The result of function(model, ...), or the number of its error."""
    arrays = (a for a in arguments if isinstance(a, np.ndarray))
    if any(np.may_share_memory(image, a) for a in arrays):
        return int(Error.OVERLAP)
    with _lock:
        return _call(_work, function, image, *arguments)


def backend():
    return "numpy"


def layout(spec, shapes):
    """Bytes of an image of this spec. (The C core's image has its plan too, and so is larger.)
    shapes gets uint32 [n_layers][7]: height, width and channels of each layer's output, the
    products that each of its values sums, and the bytes of what it learned. (The C core adds those
    of its outputs and its work, here 0.)"""
    return _call(_plan.layout, _spec(spec), _image(shapes))


def _hold(image):
    busy = _busy(image)
    require(busy[0] == 0, Error.BUSY)
    busy[0] = HELD


def hold(image):
    """Lets no call work on the model, until `busy` in the image is set to 0."""
    with _lock:
        return _call(_hold, _image(image))


def init(image, seed):
    """Gives a new image its first weights and state; given ranges are set before."""
    return _call(_init.init, _image(image), _size(seed))


def learn(image, x, y):
    """1 trained, 0 skipped."""
    return run(image, x, y, 1, 0, 1, True)


def run(image, x, y, total, start, count, learning):
    """Samples start .. start+count-1 of `total`: how many were trained on, or classified
    correctly."""
    sizes = map(_size, (total, start, count))
    return _on_model(_model.run_samples, _image(image), _values(x), _targets(y), *sizes, learning)


def predict(image, x, out):
    """Class number. out: None, or an array('f') of n_out items that gets the scores."""
    return _on_model(_model.predict, _image(image), _values(x), out is not None, _values(out))


def distances(image, x, out):
    """By how much the largest probability of x is below 1.0, Q.14; out, an array('I') with one
    item per place, gets squared distances to what is remembered. x may be the number of a
    place."""
    if isinstance(x, int):
        return _on_model(_model.distances_of_place, _image(image), _size(x), _values(out))
    return _on_model(_model.distances, _image(image), _values(x), _values(out))
