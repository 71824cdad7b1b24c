"""What a model is built from: layers, policies, and how it is built. `tinyprop` imports this file
when it is first needed, and shows its public names as its own.
"""

import struct
from array import array

import _tinyprop
from tinyprop import _NUMBERS, _new, _part


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_VERSION = const(5)
_SHAPE = const(7)
_DENSE = const(0)
_CONV = const(1)
_DEPTHWISE = const(2)
_MAXPOOL = const(3)
_AVGPOOL = const(4)
_ACTIVATION_NAMES = const(("linear", "relu", "sigmoid", "tanh"))
_MSE = const(1)
_LOSS_NAMES = const(("crossentropy", "mse"))
_FULL = const(0)
_TOPK = const(1)
_DIFFUSED = const(2)
_MODEL_SPEC_BYTES = const(40)
_MODEL_SPEC_FORMAT = const("<4s4BI2B10HBxI")
_MODEL_SPEC_N_LAYERS = const(5)
_MODEL_SPEC_LOSS = const(6)
_MODEL_SPEC_IN_C = const(18)
_MODEL_SPEC_N_INPUT_RANGES = const(20)
_LAYER_SPEC_BYTES = const(16)
_LAYER_SPEC_FORMAT = const("<8BH6x")
_LAYER_SPEC_TRAINABLE = const(2)
_LAYER_SPEC_UNITS = const(8)
_MODEL_STATE_BYTES = const(120)
_LAYER_STATE_BYTES = const(36)
_RANGE_BYTES = const(8)
_RANGE_FORMAT = const("<2f")
_LEARNED_RANGE_BYTES = const(16)
# ---- end of the format

_FIRST_LR = 0.3  # what rates that find themselves start from (core/rate.c)
_MOST = 3.4e38  # where float32 ends
_LONGEST_NAME = const(255)  # bytes of UTF-8: a file has their number in one
_LONGEST_SHOWN = const(100)  # characters of what an error repeats


def _wrong(name, value, expected):
    raise ValueError("%s is %s, expected %s" % (name, _brief(value), expected))


def _brief(value):
    return _short(repr(value))


def _short(text):
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + ".."


def _choice(name, value, choices):
    if value not in choices:
        _wrong(name, value, "one of " + ", ".join(choices))
    return choices.index(value)


def _is_list(value):
    return isinstance(value, (list, tuple))


def _plain(value):
    """A number of numpy as one of Python."""
    return value.item() if getattr(value, "shape", None) == () else value


def _pair(name, value):
    """(height, width) of a kernel or stride that is given as one number or as two."""
    pair = value if _is_list(value) else (value, value)
    if len(pair) != 2:
        _wrong(name, value, "one number or two")
    return _count(name, pair[0], 255), _count(name, pair[1], 255)


def _count(name, value, most=65534, least=1):
    value = _plain(value)
    is_count = isinstance(value, int) and not isinstance(value, bool)  # an int in CPython
    if not is_count or not least <= value <= most:
        _wrong(name, value, "an integer of %d to %d" % (least, most))
    return value


def _is_within(value, least, most):
    """Whether it is a number from least to most."""
    value = _plain(value)
    return isinstance(value, _NUMBERS) and least <= value <= most


def _length(item):
    """How many values a sample in a list has; None if the item is no sample."""
    try:
        return None if isinstance(item, str) else len(item)
    except TypeError:
        return None


# Of tinyprop, which shows them as its own.
__all__ = (
    "Model load Dense Conv2D Conv1D DepthwiseConv2D MaxPool2D MaxPool1D AvgPool2D AvgPool1D"
    " GlobalAvgPool2D GlobalAvgPool1D"
    " Adaptive Diffused Full TopK TinyProp TinyPropV2 Window Anomaly fleet"
).split()
_SENSOR = "Window", "Anomaly"
_DESK = "from_sklearn", "from_onnx", "TinyPropClassifier", "TinyPropRegressor"


def __getattr__(name):  # what few need, and what only a PC has
    if name in _SENSOR:
        return getattr(_part("sensor"), name)
    if name == "fleet":
        return _part("fleet")
    if name not in _DESK:
        layers = ", ".join(word for word in __all__ if word[-1] == "D")
        raise AttributeError("tinyprop has no %s; its layers are Dense, %s" % (name, layers))
    try:
        import tinyprop_desk
    except ImportError:
        raise AttributeError("%s is there on a PC only: pip install tinyprop" % name) from None
    return getattr(tinyprop_desk, name)


def __dir__():
    return __all__ + list(_DESK)


# ---- layers: each has its spec, the bytes that a model and a file hold


class _Layer:
    def __init__(
        self,
        kind,
        units=0,
        kernel=(0, 0),
        strides=(0, 0),
        padding="valid",
        activation="linear",
        trainable=True,
    ):
        if activation == "softmax":
            raise ValueError("activation is 'softmax': leave it away, loss='crossentropy' has it")
        self.spec = struct.pack(
            _LAYER_SPEC_FORMAT,
            kind,
            _choice("activation", activation, _ACTIVATION_NAMES),
            bool(trainable),
            _choice("padding", padding, ("valid", "same")),
            *kernel + strides + (units,),
        )

    def __repr__(self):
        return _part("words")._layer_text(self.spec, 0)


def Dense(units, activation="linear", trainable=True):
    """A layer of `units` outputs, each of which sees every input (of any shape).

    activation: "linear", "relu", "sigmoid" or "tanh". trainable=False keeps its weights.
    """
    return _Layer(_DENSE, _count("units", units), activation=activation, trainable=trainable)


def Conv2D(filters, kernel_size, strides=1, padding="valid", activation="linear", trainable=True):
    """`filters` small patterns, kernel_size high and wide, matched all over the input.

    Input (height, width, channels), output (height, width, filters). kernel_size and strides are
    one number or (height, width); padding "valid" or "same", as in Keras.
    """
    kernel, stride = _pair("kernel_size", kernel_size), _pair("strides", strides)
    filters = _count("filters", filters)
    return _Layer(_CONV, filters, kernel, stride, padding, activation, trainable)


def Conv1D(filters, kernel_size, strides=1, padding="valid", activation="linear", trainable=True):
    """Conv2D for a series: input (length, channels), output (length, filters)."""
    return Conv2D(filters, (1, kernel_size), (1, strides), padding, activation, trainable)


def DepthwiseConv2D(kernel_size, strides=1, padding="valid", activation="linear", trainable=True):
    """A Conv2D of one filter for each channel, which sees that channel alone."""
    kernel, stride = _pair("kernel_size", kernel_size), _pair("strides", strides)
    return _Layer(_DEPTHWISE, 0, kernel, stride, padding, activation, trainable)


def MaxPool2D(pool_size=2):
    """The largest value of each window of pool_size, one number or (height, width)."""
    size = _pair("pool_size", pool_size)
    return _Layer(_MAXPOOL, 0, size, size)


def MaxPool1D(pool_size=2):
    """MaxPool2D for a series."""
    return MaxPool2D((1, pool_size))


def AvgPool2D(pool_size=2):
    """The mean of each window of pool_size, one number or (height, width)."""
    size = _pair("pool_size", pool_size)
    return _Layer(_AVGPOOL, 0, size, size)


def AvgPool1D(pool_size=2):
    """AvgPool2D for a series."""
    return AvgPool2D((1, pool_size))


def GlobalAvgPool2D():
    """The mean of each channel over the whole input."""
    return _Layer(_AVGPOOL)


def GlobalAvgPool1D():
    """GlobalAvgPool2D for a series."""
    return GlobalAvgPool2D()


# ---- policies: which samples to learn from, and which errors to select (docs/method.md)


class _Policy:
    def __init__(self, name, names, values, kind, s_min=0, s_max=0, zeta=1, skip=0):
        """names, values: of the settings as the user gave them, shares of 0 to 1."""
        for i, setting in enumerate(names.split()):
            if not _is_within(values[i], 0, 1):
                _wrong(setting, values[i], "0 to 1")
        self.text = "%s(%s)" % (name, ", ".join(repr(_plain(value)) for value in values))
        q15 = [int(value * (1 << 15) + 0.5) for value in (s_min, s_max, zeta)]
        if kind == _DIFFUSED:  # the threshold has no bits for less (core/select.c)
            q15[0] = max(q15[0], 1 << 7)
        self.spec = kind, q15[0], q15[1], q15[2], int(skip * (1 << 14) + 0.5)

    def __repr__(self):
        return self.text


def Full():
    """Learns from every error of every sample: the usual back-propagation."""
    return _Policy("Full", "", (), _FULL)


def TopK(ratio=0.25):
    """Selects the largest errors of a layer, always the same share (meProp, arXiv 1706.06197)."""
    return _Policy("TopK", "ratio", (ratio,), _TOPK, ratio, ratio)


def TinyProp(s_min=0, s_max=1, zeta=1):
    """Selects a share of the largest errors that grows with their size (arXiv 2308.09201).

    s_min .. s_max: that share, from no error to the largest one seen; zeta: multiplies it once per
    layer further down. All 0 to 1.
    """
    shares = s_min, s_max, zeta
    return _Policy("TinyProp", "s_min s_max zeta", shares, _TOPK, *shares)


def TinyPropV2(s_min=0, s_max=1, zeta=1, skip=0.1):
    """TinyProp, and samples that are known already cost no backward pass (arXiv 2409.07109).

    skip: a sample is skipped when its error is below this share of the largest; with crossentropy,
    when its class has a probability of 1 - skip or more.
    """
    shares = s_min, s_max, zeta, skip
    return _Policy("TinyPropV2", "s_min s_max zeta skip", shares, _TOPK, *shares)


def Diffused(ratio=0.14, skip=0.1):
    """Selects a share of the errors on average; the small ones add up until they count.

    ratio: that share; skip: as in TinyPropV2, but with loss="mse" no sample is skipped.
    """
    return _Policy("Diffused", "ratio skip", (ratio, skip), _DIFFUSED, ratio, 0, 1, skip)


def Adaptive(ratio=0.14, least=0.1, skip=0.1):
    """Diffused with a share that follows the error: up to half while there is much to learn.

    ratio: the share of all the work of Full that it may take in the long run; least: the share
    that is always selected, at most ratio; skip: as in Diffused.
    """
    values = ratio, least, skip
    policy = _Policy("Adaptive", "ratio least skip", values, _DIFFUSED, least, ratio, 1, skip)
    if ratio == 0:
        _wrong("ratio", ratio, "above 0")
    if least > ratio:
        _wrong("least", least, "0 to %r, which is ratio" % ratio)
    return policy


# ---- building a model


def _lr(value):
    """(m, n) with m / 2^n nearest to value and m of 16 to 31. None is where found rates start."""
    value = _FIRST_LR if value is None else _plain(value)
    if not _is_within(value, 2e-8, 1):
        _wrong("lr", value, "2e-8 to 1, or None")
    n = 0
    while value < 16:
        value *= 2
        n += 1
    m = int(value + 0.5)
    return (m, n) if m < 32 else (16, n - 1)


def _given_ranges(name, value, channels):
    """(lo, hi) pairs of a range that was given; none for a range that is to be learned."""
    if value is None:
        return ()
    expected = "(lo, hi) with lo < hi, a list of %d of them, or None" % channels
    if hasattr(value, "tolist"):  # numpy
        value = value.tolist()
    if not _is_list(value) or not value:
        _wrong(name, value, expected)
    pairs = value if _is_list(value[0]) else [value]
    if len(pairs) not in (1, channels):
        _wrong(name, value, expected)
    for pair in pairs:
        if not _is_list(pair) or len(pair) != 2:
            _wrong(name, pair, expected)
        for end in pair:
            if not _is_within(end, -_MOST, _MOST):
                _wrong(name, pair, "numbers from -%g to %g" % (_MOST, _MOST))
        if not pair[0] < pair[1]:
            _wrong(name, pair, expected)
    return pairs


def _check_name(what, name, expected="a name"):
    if not isinstance(name, str):
        raise TypeError("%s is %s, expected %s" % (what, _brief(name), expected))
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        _wrong(what, name, "a name: it has half of a letter (of json.dumps? ensure_ascii=False)")
    n = len(name.encode())
    if not 1 <= n <= _LONGEST_NAME:
        _wrong(what, name, "a name of 1 to %d bytes in UTF-8: it has %d" % (_LONGEST_NAME, n))


def _given_names(classes, mse, units):
    """A name or None for each output; () if no names were given."""
    if classes is None:
        return ()
    if mse:
        _wrong("classes", classes, "None with loss='mse'")
    if hasattr(classes, "tolist"):  # numpy, pandas
        classes = classes.tolist()
    if not _is_list(classes):
        raise TypeError("classes is %r, expected a list of names" % (classes,))
    for i, name in enumerate(classes):
        _check_name("classes[%d]" % i, name)
        if name in classes[:i]:
            raise ValueError("classes has %s twice, expected names that differ" % _brief(name))
    if len(classes) > units:
        raise ValueError(
            "classes has %d names, expected at most %d: give the last layer a unit for each"
            % (len(classes), units)
        )
    return list(map(str, classes)) + [None] * (units - len(classes)) if classes else ()


def _check_replay(replay, layers, n_classes):
    if _count("replay", replay, 65535, 0):
        if replay < n_classes:
            _wrong("replay", replay, "%d or more: a sample of each class" % n_classes)
        learns = [layer.spec for layer in layers if layer.spec[0] <= _DEPTHWISE]
        if not any(spec[_LAYER_SPEC_TRAINABLE] for spec in learns):
            _wrong("replay", replay, "0, as no layer is trained")


def _check_seed(seed):
    _count("seed", seed, (1 << 30) - 1, 0)


def _range_place(image, which):
    """(offset, how many, whether given) of the ranges of x (0) or of y (1); 2: of what follows."""
    layers = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * image[_MODEL_SPEC_N_LAYERS]
    at = layers + _MODEL_STATE_BYTES + _LAYER_STATE_BYTES * image[_MODEL_SPEC_N_LAYERS]
    for i in range(2):
        n = given = struct.unpack_from("<H", image, _MODEL_SPEC_N_INPUT_RANGES + 2 * i)[0]
        if not given and i == 0:
            n = struct.unpack_from("<H", image, _MODEL_SPEC_IN_C)[0]
        elif not given and image[_MODEL_SPEC_LOSS] == _MSE:
            n = struct.unpack_from("<H", image, layers - _LAYER_SPEC_BYTES + _LAYER_SPEC_UNITS)[0]
        if i == which:
            return at, n, given > 0
        at += n * (_RANGE_BYTES if given else _LEARNED_RANGE_BYTES)
    return at, 0, False


def _build(
    input_shape, layers, loss, lr, policy, input_range, output_range, replay, seed, classes
):
    """What Model says. Returns the image of a new model, the shapes of its layers, and names."""
    shape = tuple(input_shape) if _is_list(input_shape) else (input_shape,)
    if not 1 <= len(shape) <= 3:
        _wrong("input_shape", shape, "1 to 3 numbers")
    for i, n in enumerate(shape):
        _count("input_shape[%d]" % i if _is_list(input_shape) else "input_shape", n)
    if not _is_list(layers):
        _wrong("layers", layers, "a list of Dense(...), ...")
    _count("number of layers", len(layers), 254)
    for layer in layers:
        if not isinstance(layer, _Layer):
            _wrong("a layer", layer, "Dense(...), Conv2D(...), ...")
    policy = policy or Adaptive()
    if not isinstance(policy, _Policy):
        _wrong("policy", policy, "Adaptive(), Full(), ...")
    _check_seed(seed)
    shape = (1, 1, 1)[len(shape) :] + shape
    mse = _choice("loss", loss, _LOSS_NAMES)
    last = layers[-1].spec
    units = struct.unpack_from("<H", last, _LAYER_SPEC_UNITS)[0]
    if not mse and last[0] == _DENSE and units == 1:
        raise ValueError(
            "the last layer has 1 unit, expected 2 or more: one for each class. If y is a number,"
            " give loss='mse'"
        )
    _check_replay(replay, layers, 1 if mse else units)
    inputs = _given_ranges("input_range", input_range, shape[2])
    outputs = ()
    if mse:
        outputs = _given_ranges("output_range", output_range, units)
    elif output_range is not None:
        _wrong("output_range", output_range, "None with loss='crossentropy'")
    names = _given_names(classes, mse, units)
    spec = bytearray(
        struct.pack(
            _MODEL_SPEC_FORMAT,
            b"TYNP",
            _VERSION,
            len(layers),
            mse,
            policy.spec[0],
            0,  # saved_bytes: by init
            *_lr(lr)
            + shape
            + (len(inputs), len(outputs))
            + policy.spec[1:]
            + (replay, lr is None, 0),  # nothing works on it
        )
    )
    for layer in layers:
        spec += layer.spec
    shapes = array("I", bytes(4 * _SHAPE * len(layers)))
    n_bytes = _tinyprop.layout(spec, shapes)
    if n_bytes < 0:
        raise ValueError(_part("words")._layout_error(n_bytes, spec, shapes))
    image = _new(n_bytes, spec, shapes)
    for which, pairs in enumerate((inputs, outputs)):
        at, _, _ = _range_place(image, which)
        for lo, hi in pairs:
            struct.pack_into(_RANGE_FORMAT, image, at, lo, hi)
            at += _RANGE_BYTES
    if _tinyprop.init(image, seed) < 0:
        _wrong("a range", (inputs, outputs), "lo < hi in their first 7 digits (float32)")
    return image, shapes, names
