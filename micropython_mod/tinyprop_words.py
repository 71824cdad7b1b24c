"""What a model needs once, or when somebody asks: layers and policies to build it from, checks of
what was given, summaries, errors in words. `tinyprop` imports this file when it is first needed,
and shows its public names as its own.
"""

import gc
import struct
import sys
from array import array
from binascii import crc32

import _tinyprop
from tinyprop import _NUMBERS, _class_number, _items, _new, _part, _replay_bytes


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_VERSION = const(5)
_MAX_VALUES = const(65534)
_MAX_BIAS = const(1073741824)
_MIN_W_FRAC = const(2)
_MAX_W_FRAC = const(16)
_BIAS_FRAC = const(12)
_MOST_MEANS = const(1024)
_DENSE = const(0)
_CONV = const(1)
_DEPTHWISE = const(2)
_MAXPOOL = const(3)
_AVGPOOL = const(4)
_RELU = const(1)
_SIGMOID = const(2)
_ACTIVATION_NAMES = const(("linear", "relu", "sigmoid", "tanh"))
_MSE = const(1)
_LOSS_NAMES = const(("crossentropy", "mse"))
_FULL = const(0)
_TOPK = const(1)
_DIFFUSED = const(2)
_E_VERSION = const(-2)
_E_LAYER = const(-3)
_E_OUTPUT = const(-4)
_E_TOO_BIG = const(-5)
_E_X_LENGTH = const(-6)
_E_X_TYPE = const(-7)
_E_X_FINITE = const(-8)
_E_Y_LENGTH = const(-9)
_E_Y_TYPE = const(-10)
_E_Y_FINITE = const(-11)
_E_Y_CLASS = const(-12)
_E_NO_RANGE = const(-14)
_E_OUT = const(-15)
_E_TOO_SLOW = const(-17)
_E_BUSY = const(-18)
_E_OVERLAP = const(-19)
_MODEL_SPEC_BYTES = const(40)
_MODEL_SPEC_FORMAT = const("<4s4BI2B10HBxI")
_MODEL_SPEC_VERSION = const(4)
_MODEL_SPEC_N_LAYERS = const(5)
_MODEL_SPEC_LOSS = const(6)
_MODEL_SPEC_LR_MANTISSA = const(12)
_MODEL_SPEC_LR_SHIFT = const(13)
_MODEL_SPEC_IN_H = const(14)
_MODEL_SPEC_IN_C = const(18)
_MODEL_SPEC_N_INPUT_RANGES = const(20)
_MODEL_SPEC_REPLAY = const(32)
_MODEL_SPEC_AUTO_RATE = const(34)
_LAYER_SPEC_BYTES = const(16)
_LAYER_SPEC_FORMAT = const("<8BH6x")
_LAYER_SPEC_TRAINABLE = const(2)
_LAYER_SPEC_UNITS = const(8)
_MODEL_STATE_BYTES = const(120)
_MODEL_STATE_FORMAT = const("<2HI9Q3IHh6I")
_MODEL_STATE_N_SEEN = const(0)
_MODEL_STATE_LOSS_COUNT = const(4)
_MODEL_STATE_STEPS = const(8)
_MODEL_STATE_ERROR = const(84)
_MODEL_STATE_REPLAY_FRAC = const(94)
_MODEL_STATE_LEAST_ERROR = const(96)
_MODEL_STATE_RIGHT = const(100)
_MODEL_STATE_N_OUTSIDE = const(104)
_MODEL_STATE_N_REPLAYED = const(108)
_MODEL_STATE_N_OUTSIDE_Y = const(116)
_LAYER_STATE_BYTES = const(36)
_LAYER_STATE_W_FRAC = const(0)
_LAYER_STATE_DEAD_STEPS = const(4)
_LAYER_STATE_N_SUMMED = const(6)
_LAYER_STATE_ENERGY = const(24)
_LAYER_STATE_NORM = const(28)
_LAYER_STATE_X_FRAC = const(32)
_LAYER_STATE_MEAN_SHIFT = const(33)
_RANGE_BYTES = const(8)
_RANGE_FORMAT = const("<2f")
_LEARNED_RANGE_BYTES = const(16)
_LEARNED_RANGE_FORMAT = const("<iIi2h")
# ---- end of the format

_FIRST_LR = 0.3  # what rates that find themselves start from (core/rate.c)
_SHAPE = const(7)  # as in tinyprop
_ONE = const(1 << 28)  # 1.0 of what is counted in Q.28
_DEAD_AFTER = const(64)  # samples on which a unit did not fire
_START = const(256)  # steps + _START is what found rates fall with,
_SETTLED = const(768)  # up to here,
_SETTLED_MSE = const(3072)  # or with mse (core/rate.c)
_SOME = const(50)  # samples, before which nothing is wrong yet
_SENSORS = const(32)  # so few values of x may be sensors; pictures have corners that stay black
_MOST_DOUBT = const(1 << 14)
_MOST = 3.4e38  # where float32 ends
_LONGEST_NAME = const(255)  # bytes of UTF-8: a file has their number in one
_FAR = 0xFFFFFFFF  # as far as a place of which nothing is remembered
_STILL = 1.125  # energy of inputs that do not move: 1, and what rounding leaves
# Rates of a network that knows nothing would ruin weights that somebody set. So it is as if such a
# layer had learned from one sample before, of zeros, and of this energy: far above that of most
# inputs, it has faded after 64 more (centre.c), and steps have become as large as is right.
_ENERGY_UNKNOWN = const(4096)
_GUESS = 0.3  # error of guessing numbers in a given range, as a share of half of it

# What a call takes at most, in cycles of a Cortex-M0+ for each value of x, layer, pixel of an
# output, value that a layer reads or gives, multiply-accumulate, and weight.
_PREDICT = (330, 12000, 1300, 45, 20, 0)
_LEARN = (1150, 20000, 2600, 130, 28, 160)
# By the architecture of .mpy files: armv6m, armv7m, armv7emsp, armv7emdp, xtensawin, rv32imc.
# Percent of these cycles, with two for each instruction.
_PERCENT = {4: 100, 5: 150, 7: 120, 8: 120, 10: 190, 11: 170}


def _wrong(name, value, expected):
    raise ValueError("%s is %r, expected %s" % (name, value, expected))


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
    if not isinstance(value, int) or not least <= value <= most:
        _wrong(name, value, "an integer of %d to %d" % (least, most))
    return value


def _is_within(value, least, most):
    """Whether it is a number from least to most."""
    value = _plain(value)
    return isinstance(value, _NUMBERS) and least <= value <= most


_SENSOR = "Window", "Anomaly"
_DESK = "from_sklearn", "from_onnx", "TinyPropClassifier", "TinyPropRegressor"


def __getattr__(name):  # what few need, and what only a PC has
    if name in _SENSOR:
        return getattr(_part("tinyprop_sensor"), name)
    if name == "fleet":
        return _part("tinyprop_fleet")
    if name not in _DESK:
        raise AttributeError("tinyprop has no %s" % name)
    try:
        import tinyprop_desk
    except ImportError:
        raise AttributeError("%s is there on a PC only: pip install tinyprop" % name) from None
    return getattr(tinyprop_desk, name)


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
        self.spec = struct.pack(
            _LAYER_SPEC_FORMAT,
            kind,
            _choice("activation", activation, _ACTIVATION_NAMES),
            bool(trainable),
            _choice("padding", padding, ("valid", "same")),
            *kernel + strides + (units,),
        )

    def __repr__(self):
        return _layer_text(self.spec, 0)


def _size_text(height, width):
    return "%d" % height if height == width else "(%d, %d)" % (height, width)


def _shape_text(shape):
    return "%d" % shape[2] if shape[0] == shape[1] == 1 else "%d x %d x %d" % shape


def _layer_text(spec, at):
    """A layer as it is written in Python, from its spec at an offset in `spec`."""
    layer = struct.unpack_from(_LAYER_SPEC_FORMAT, spec, at)
    kind, activation, trainable, same, height, width, down, right, units = layer
    name = ("Dense", "Conv2D", "DepthwiseConv2D", "MaxPool2D", "AvgPool2D")[kind]
    if kind == _CONV and height == down == 1 < width:
        name, height, down = "Conv1D", width, right
    arguments = []
    if units:
        arguments.append("%d" % units)
    if height:
        arguments.append(_size_text(height, width))
    elif kind == _AVGPOOL:
        name = "GlobalAvgPool2D"
    if _CONV <= kind <= _DEPTHWISE and down * right != 1:
        arguments.append("strides=" + _size_text(down, right))
    if same:
        arguments.append("padding='same'")
    if activation:
        arguments.append("activation='%s'" % _ACTIVATION_NAMES[activation])
    if not trainable:
        arguments.append("trainable=False")
    return "%s(%s)" % (name, ", ".join(arguments))


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


def AvgPool2D(pool_size=2):
    """The mean of each window of pool_size, one number or (height, width); (1, 2) for a series."""
    size = _pair("pool_size", pool_size)
    return _Layer(_AVGPOOL, 0, size, size)


def GlobalAvgPool2D():
    """The mean of each channel over the whole input."""
    return _Layer(_AVGPOOL)


# ---- policies: which samples to learn from, and which errors to select (docs/method.md)


class _Policy:
    def __init__(self, name, names, values, kind, s_min=0, s_max=0, zeta=1, skip=0):
        """names, values: of the settings as the user gave them, shares of 0 to 1."""
        for i, setting in enumerate(names.split()):
            if not _is_within(values[i], 0, 1):
                _wrong(setting, values[i], "0 to 1")
        self.text = "%s(%s)" % (name, ", ".join(repr(_plain(value)) for value in values))
        q15 = [int(value * (1 << 15) + 0.5) for value in (s_min, s_max, zeta)]
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

# What makes a layer smaller, by its kind.
_SMALLER = (
    "fewer units, or fewer inputs (a pool before it)",
    "fewer filters, strides=2, or a MaxPool2D behind it",
    "strides=2, or a MaxPool2D behind it",
    "a larger pool_size",
    "a larger pool_size",
)


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


def _no_room(n_bytes, spec, shapes):
    text = "this model needs %d bytes of RAM in one piece" % n_bytes
    if hasattr(gc, "mem_free"):
        free = gc.mem_free()
        missing = n_bytes - free
        text += ", %d are free" % free + (
            ": %d are missing" % missing if missing > 0 else ", but in pieces"
        )
    memory = _replay_bytes(spec, shapes, n_bytes)
    raise MemoryError("%s. %s" % (text, _largest_part(spec, shapes, memory))) from None


def _largest_part(spec, shapes, memory):
    """What takes most RAM, and how it would take less. memory: bytes of remembered samples."""
    replay = struct.unpack_from("<H", spec, _MODEL_SPEC_REPLAY)[0]
    _, n, given = _range_place(spec, 0)
    ranges = 0 if given else n * _LEARNED_RANGE_BYTES
    parts = [
        (memory, "replay=%d" % replay, "fewer samples"),
        (ranges, "the ranges of x", "input_range=(lo, hi)"),
    ]
    for i in range(spec[_MODEL_SPEC_N_LAYERS]):
        at = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i
        what = "layer %d, %s" % (i, _layer_text(spec, at))
        parts.append((sum(shapes[_SHAPE * i + 4 : _SHAPE * i + 7]), what, _SMALLER[spec[at]]))
    return "The largest part, %d bytes, is for %s: it is smaller with %s" % max(parts)


def _layout_error(code, spec, shapes=()):
    """Why a spec has no layout, in words. shapes: as _tinyprop.layout left them."""
    if code == _E_OUTPUT:
        last = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * (spec[_MODEL_SPEC_N_LAYERS] - 1)
        return (
            "the last layer is %s, expected a linear Dense, without an activation"
            % _layer_text(spec, last)
        )
    if code == _E_VERSION:
        return "a model of version %d, expected %d" % (spec[_MODEL_SPEC_VERSION], _VERSION)
    if code not in (_E_LAYER, _E_TOO_BIG, _E_TOO_SLOW):
        return "the model is damaged"
    i = 0
    while _SHAPE * i < len(shapes) and shapes[_SHAPE * i]:
        i += 1
    if _SHAPE * i == len(shapes):
        return "the model needs more than 2 GB: remember fewer samples"  # no layer can
    below = struct.unpack_from("<3H", spec, _MODEL_SPEC_IN_H)
    if i:
        below = tuple(shapes[_SHAPE * i - _SHAPE : _SHAPE * i - _SHAPE + 3])
    at = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i
    fault = "does not fit"
    if code == _E_TOO_SLOW:
        fault = "makes the model multiply more than 2^28 times a sample, with"
    elif code == _E_TOO_BIG:
        fault = "has more than %d values with" % _MAX_VALUES
    return "layer %d: %s %s an input of %d x %d x %d (height, width, channels)" % (
        (i, _layer_text(spec, at), fault) + below
    )


def _check_replay(replay, layers, n_classes):
    if _count("replay", replay, 65535, 0):
        if replay < n_classes:
            _wrong("replay", replay, "%d or more: a sample of each class" % n_classes)
        learns = [layer.spec for layer in layers if layer.spec[0] <= _DEPTHWISE]
        if not any(spec[_LAYER_SPEC_TRAINABLE] for spec in learns):
            _wrong("replay", replay, "0, as no layer is trained")


def _check_seed(seed):
    _count("seed", seed, (1 << 30) - 1, 0)


def _build(
    input_shape, layers, loss, lr, policy, input_range, output_range, replay, seed, classes
):
    """What Model says. Returns the image of a new model, the shapes of its layers, and names."""
    shape = tuple(input_shape) if _is_list(input_shape) else (input_shape,)
    if not 1 <= len(shape) <= 3:
        _wrong("input_shape", shape, "1 to 3 numbers")
    for n in shape:
        _count("input_shape", n)
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
        raise ValueError(_layout_error(n_bytes, spec, shapes))
    image = _new(n_bytes, spec, shapes)
    for which, pairs in enumerate((inputs, outputs)):
        at, _, _ = _range_place(image, which)
        for lo, hi in pairs:
            struct.pack_into(_RANGE_FORMAT, image, at, lo, hi)
            at += _RANGE_BYTES
    if _tinyprop.init(image, seed) < 0:
        _wrong("a range", (inputs, outputs), "lo < hi in their first 7 digits (float32)")
    return image, shapes, names


# ---- names of classes


def _check_name(what, name, expected="a name"):
    if not isinstance(name, str):
        raise TypeError("%s is %r, expected %s" % (what, name, expected))
    if not 1 <= len(name.encode()) <= _LONGEST_NAME:
        _wrong(what, name, "a name of 1 to %d bytes in UTF-8" % _LONGEST_NAME)


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
            raise ValueError("classes has %r twice, expected names that differ" % name)
    if len(classes) > units:
        raise ValueError(
            "classes has %d names, expected at most %d: give the last layer a unit for each"
            % (len(classes), units)
        )
    return list(map(str, classes)) + [None] * (units - len(classes)) if classes else ()


def _labels(y):
    """A list of class numbers, if there is a name among them, or y is a bool; else None."""
    if isinstance(y, bool):  # no int in MicroPython
        return [int(y)]
    if isinstance(y, str):
        return [y]
    arrays = None if _is_list(y) else _arrays()
    labels = arrays.as_list(y) if arrays else y
    return labels if _is_list(labels) and any(isinstance(v, str) for v in labels) else None


def _by_numbers(model, x, labels, total, learning):
    """The numbers of classes, of which some come by name. When they are to be learned a new name
    becomes that of a free output, once it is sure that the call will not be refused."""
    names, numbers = model.classes, array("i")
    for i, label in enumerate(labels):
        what = "y" if len(labels) == 1 else "y[%d]" % i
        if not isinstance(label, int):
            _check_name(what, label, "a class number or its name")
            if label not in names:
                names[_free(model, what, label, names, labels, learning)] = str(label)  # numpy's
            label = names.index(label)
        numbers.append(_class_number(label))
    if learning:
        code = _tinyprop.run(model._image, x, numbers, total or 1, 0, 0, True)
        if code < 0:
            _refused(model, code, x, numbers, total)
        model._names = names if any(names) else ()
    return x, numbers


def _free(model, what, label, names, labels, learning):
    """The first output without a name that no class was taught to by its number."""
    shown, known = _tally(model, _places(model)), []
    for i, name in enumerate(names):
        if learning and not (name or shown[i] or i in labels):
            return i
        if name or shown[i]:
            known.append(_class_text(model, i))
    if not learning:
        known = ", ".join(known) or "of which it knows none"
        _wrong(what, label, "one of the classes, " + known)
    raise ValueError(
        "%s is %r, a new class, and each of the %d outputs has one: %s. Make a new Model whose"
        " last layer has more units" % (what, label, len(names), ", ".join(known))
    )


def _likeliest(model, x, label):
    """The likeliest class, where that is an output without a name: a spare one, which is no answer
    unless it was taught by its number."""
    shown = _tally(model, _places(model))
    if not shown[label]:
        p = model._outputs(x)
        label = max((p[i], -i) for i, name in enumerate(model._names) if name or shown[i])[1]
        label = -label
    return model._names[label] or label


def _class_text(model, label):
    return model.classes[label] or str(label)


# ---- what a model knows

# How strange a sample is: its squared distance to the nearest remembered one, times the fourth
# root of 1 + doubt / usual. Doubt is by how much the largest probability is below 1. What is usual
# for x is the mean of the last 64 new samples; for remembered ones, which are learned again and
# again, that of these. Both count one sample more, of which all was in doubt.


def _strangeness(square, doubt, usual):
    """To the fourth power, times the usual doubt, so that it is an integer."""
    return square**4 * (usual + doubt)


def _knows(model, x):
    n = struct.unpack_from("<H", model._image, _MODEL_SPEC_REPLAY)[0]
    if not n:
        raise ValueError(
            "knows() compares x with remembered samples: make the Model with replay=, some 50 for"
            " each class"
        )
    if isinstance(x, int):  # which the core takes for a place
        x, _ = _as_arrays(model, _E_X_TYPE, x, None)
    squares = array("I", bytes(4 * n))
    doubt = _tinyprop.distances(model._image, x, squares)
    if doubt < 0:
        doubt = model._once_more(_tinyprop.distances, doubt, x, squares)
    nearest = min(squares)
    if nearest == _FAR and model._number("<Q", _MODEL_STATE_STEPS):
        raise ValueError(
            "knows() compares x with remembered samples, and there are none: they are in a file"
            " if it was saved with replay=True; else learn some anew"
        )
    reach, usual_there = _reach(model, squares)
    usual = (model._number("<I", _MODEL_STATE_ERROR) >> 14) + _MOST_DOUBT // 64
    return _strangeness(nearest, doubt, usual) * usual_there <= reach * usual


def _reach(model, squares):
    """How strange 19 of 20 remembered samples are at most, each beside the others of its class,
    and the usual doubt there. It is found anew when samples have become a tenth more: until then
    at most a tenth of them are others, as each new one is remembered by chance."""
    steps = model._number("<Q", _MODEL_STATE_STEPS)
    then, found = getattr(model, "_reach", (0, None))
    if then and then <= steps <= 1.1 * then:
        return found
    found = []
    n_of_class = len(squares) // (1 if model._mse else model._n_out)
    for place in range(len(squares)):
        doubt = _tinyprop.distances(model._image, place, squares)
        if doubt < 0:
            _refused(model, doubt, None, None)
        first = place - place % n_of_class
        others = [s for s in squares[first : first + n_of_class] if s < _FAR]
        if others:  # those at 0 are this one again, as in another pass
            found.append((min([s for s in others if s] or others), doubt))
    usual = (sum(doubt for _, doubt in found) + _MOST_DOUBT) // (len(found) + 1)
    found = sorted(_strangeness(nearest, doubt, usual) for nearest, doubt in found)
    # Of n + 1 samples that come in any order the last one is as near, with this probability.
    rank = min((19 * (len(found) + 1) + 19) // 20, len(found))
    reach = found[rank - 1] if found else -1
    model._reach = steps, (reach, usual)
    return reach, usual


# ---- calls that the core refused


def _as_arrays(model, code, x, y, total=None, learning=True):
    """(x, y) to call again with: what the core refused, names of classes by their numbers, and
    what is of numpy, pandas or the like as an array that it takes. Raises why it was refused if it
    is none of these. total: how many samples a call for many of them has."""
    labels = _labels(y) if code == _E_Y_TYPE and not model._mse else None
    if labels:
        return _by_numbers(model, x, labels, total, learning)
    if code == _E_X_TYPE and model._n_in == 1 and isinstance(x, _NUMBERS):
        return array("f", [x]), y
    arrays = _arrays()
    if arrays:
        if code == _E_X_TYPE and _is_array(x):
            return arrays.numbers("x", x), y
        if code == _E_Y_TYPE and _is_array(y):
            if model._mse:
                return x, arrays.numbers("y", y)
            return x, arrays.class_numbers(y, model._n_out)
    return _refused(model, code, x, y, total)


def _arrays():
    """What knows the arrays of numpy and the like; None on a board, or while nobody uses numpy."""
    if "numpy" not in sys.modules:
        return None
    try:
        from tinyprop_desk import arrays
    except ImportError:
        return None
    return arrays


def _is_array(value):
    """Whether it can be an array, or is a list of equally long things of which some can."""
    if not _is_list(value):
        return hasattr(value, "__array__")
    return any(hasattr(v, "__array__") for v in value) and len(set(map(_length, value))) == 1


def _refused(model, code, x, y, total=None):
    """Raises why a call was refused. total: how many samples a call for many of them has."""
    if code == _E_BUSY:  # allocates nothing: the call may be an interrupt's
        raise RuntimeError("the model is in another call: try again once that has ended")
    many, mse = total is not None, model._mse
    total = total if many else 1
    n_targets = total * (model._n_out if mse else 1)
    if code == _E_X_LENGTH:
        _refuse_shape(model, x, many)
        raise ValueError("x has %d values, expected %d" % (_items(x), total * model._n_in))
    if code == _E_Y_LENGTH:
        text = "y has %d values, expected %d" % (_items(y), n_targets)
        shape = getattr(x, "shape", ())
        if many and len(shape) > 1 and shape[0] != total:
            text += ": x of shape %s is %d samples of %d" % (shape, total, model._n_in)
        raise ValueError(text)
    if code == _E_X_TYPE:
        _refuse_items("x", x, "f", "a number", many and model._n_in)
        expected = "a buffer of B b H h I i L l or f, or a list"
        raise TypeError("x is %s, expected %s" % (_kind(x), expected))
    if code == _E_Y_TYPE and not mse and isinstance(y, int):  # a large one
        code = _E_Y_CLASS
    if code == _E_Y_TYPE:
        letter, number = ("f", "number%s") if mse else ("i", "class number%s (int)")
        expected = "a " + number % ""
        if many or mse:
            _refuse_items("y", y, letter, expected, many and mse and model._n_out)
        if n_targets != 1:
            expected = "a buffer or a list of %d %s" % (n_targets, number % "s")
        raise TypeError("y is %s, expected %s" % (_kind(y), expected))
    if code == _E_X_FINITE or code == _E_Y_FINITE:
        raise ValueError(
            "%s holds a NaN, an infinity, or a number beyond %g"
            % ("xy"[code == _E_Y_FINITE], _MOST)
        )
    y = _plain(y)
    if code == _E_Y_CLASS:
        for label in [y] if isinstance(y, int) else y:
            if not 0 <= label < model._n_out:
                _wrong("y", _plain(label), "a class number, 0 to %d" % (model._n_out - 1))
    if code == _E_NO_RANGE:
        raise ValueError("no range is known: learn first, or give input_range=(lo, hi)")
    if code == _E_OVERLAP:
        raise ValueError("x, y and out must not lie in the model's own memory: give copies")
    if code == _E_OUT:
        raise ValueError("out is no array('f') of %d places" % model._n_out)
    raise ValueError("the model is damaged")


def _kind(value):
    """A single number as it is, and of all else the type."""
    single = value is None or isinstance(value, _NUMBERS)
    return repr(value) if single else str(type(value))


def _refuse_shape(model, x, many):
    """Raises what shape x was to have, if it has one of several dimensions."""
    shape = getattr(x, "shape", ())
    if len(shape) > 1:
        expected = struct.unpack_from("<3H", model._image, _MODEL_SPEC_IN_H)
        while len(expected) > 1 and expected[0] == 1:
            expected = expected[1:]
        expected = (shape[0],) + expected if many else expected
        raise ValueError("x is of shape %s, expected %s" % (shape, expected))


def _no_classes(name):
    raise ValueError("%s needs classes, and this model has loss='mse': use predict" % name)


def _refuse_items(name, items, letter, expected, n_values):
    """Raises which item of a list is none for an array of this letter. n_values: how many an item
    has that is a sample; 0 if items are to be single numbers."""
    for i, item in enumerate(items if _is_list(items) else ()):
        where = "%s[%d]" % (name, i)
        if n_values and not isinstance(item, _NUMBERS):
            n = _length(item)
            if n is None:
                several = " or a list of %d" % n_values if n_values > 1 else ""
                raise TypeError("%s is %r, expected %s%s" % (where, item, expected, several))
            if n != n_values:
                raise ValueError("%s has %d values, expected %d" % (where, n, n_values))
            _refuse_items(where, item, letter, expected, 0)
            continue
        try:
            array(letter, [item])
        except TypeError:
            raise TypeError("%s is %r, expected %s" % (where, item, expected)) from None


def _length(item):
    """How many values a sample in a list has; None if the item is no sample."""
    try:
        return None if isinstance(item, str) else len(item)
    except TypeError:
        return None


def _no_setting(name):
    raise AttributeError(
        "%s cannot be set: lr, input_range and output_range can. All else is given when the model"
        " is made, and stays" % name
    )


# ---- what lies where in an image


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


class _Place:
    """A layer with weights: its number, its units, and where its parts are."""

    def __init__(self, model, i, weights, channels_below):
        self.image, self.i, self.weights = model._image, i, weights
        self.state = model._state + _MODEL_STATE_BYTES + _LAYER_STATE_BYTES * i
        self.units, fan_in = model._shapes[_SHAPE * i + 2 : _SHAPE * i + 4]
        spec = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i
        kind, activation, self.trained = self.image[spec : spec + 3]
        self.dense, self.relu = kind == _DENSE, activation == _RELU
        # Of a map, read by a layer that is not dense or has none below it: by channels.
        map_below = i > 0 and self.image[spec - _LAYER_SPEC_BYTES] != _DENSE
        by_channel = not self.dense or map_below and fan_in > _MOST_MEANS
        self.n_sums = channels_below if by_channel else fan_in
        self.n_weights = fan_in * self.units
        self.biases = weights + 2 * (fan_in + self.dense) * self.units + 3 & ~3
        self.sums = self.biases + 4 * self.units
        self.end = self.sums + 3 * self.n_sums + 3 & ~3

    def number(self, letter, at):
        """A number of its state."""
        return struct.unpack_from(letter, self.image, self.state + at)[0]

    def energy(self):
        """1 + sum (x - mean)^2 of its inputs, the mean of late; 0 before the first step."""
        return self.number("<I", _LAYER_STATE_ENERGY) / 256

    def inputs_move(self):
        return not 0 < self.energy() <= _STILL

    def gives_only_zeros(self):
        return self.relu and self.number("<H", _LAYER_STATE_DEAD_STEPS) >= _DEAD_AFTER


def _places(model):
    """Of all layers with weights."""
    image, places = model._image, []
    at, _, _ = _range_place(image, 2)
    below = struct.unpack_from("<H", image, _MODEL_SPEC_IN_C)[0]
    for i in range(image[_MODEL_SPEC_N_LAYERS]):
        if image[_MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i] <= _DEPTHWISE:
            places.append(_Place(model, i, at, below))
            at = places[-1].end
        below = model._shapes[_SHAPE * i + 2]
    return places


def _tally(model, places):
    """For each class the step at which it was last shown, modulo 2^32, 0: never; for each output
    its error."""
    return struct.unpack_from("<%dI" % model._n_out, model._image, places[-1].end)


# ---- settings


def _set_lr(model, value):
    model._held(_write_lr, model._image, _lr(value), value is None)


def _write_lr(image, rate, auto):
    image[_MODEL_SPEC_LR_MANTISSA], image[_MODEL_SPEC_LR_SHIFT] = rate
    image[_MODEL_SPEC_AUTO_RATE] = auto


# ---- ranges


def _get_range(model, which):
    image, pairs = model._image, []
    at, n, given = _range_place(image, which)
    if not given and not model._number("<H", _MODEL_STATE_N_SEEN + 2 * which):
        return None
    for _ in range(n):
        if given:
            pairs.append(struct.unpack_from(_RANGE_FORMAT, image, at))
            at += _RANGE_BYTES
            continue
        _, _, zero, frac, shift = struct.unpack_from(_LEARNED_RANGE_FORMAT, image, at)
        at += _LEARNED_RANGE_BYTES
        reach = 2 << shift if shift < 31 else 0
        pairs.append(((zero - reach) * 2.0**-frac, (zero + reach) * 2.0**-frac))
    return pairs if n > 1 else pairs[0] if n else None


def _set_range(model, which, value):
    name = ("input_range", "output_range")[which]
    if _range_place(model._image, which)[2]:
        raise ValueError("%s was given when the model was made, and stays" % name)
    if value is not None:
        _wrong(name, value, "None: then it is learned anew. Give it when the model is made")
    at = model._state + _MODEL_STATE_N_SEEN + 2 * which
    model._held(struct.pack_into, "<H", model._image, at, 0)


# ---- weights as floats


def _of_12_bits(model):
    """Whether activations have 12 bits: plan.c, in docs/numbers.md."""
    image, widths = model._image, [model._n_in]
    for i in range(image[_MODEL_SPEC_N_LAYERS]):
        if image[_MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i] != _DENSE:
            return False
        widths.append(model._shapes[_SHAPE * i + 2])
    return model._mse and max(widths[:-1]) <= 64


def _reads_signed(model, i):
    """Whether inputs of layer i, and so their means, may be below 0."""
    image, at = model._image, _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i
    while at > _MODEL_SPEC_BYTES:
        at -= _LAYER_SPEC_BYTES
        if image[at] <= _DEPTHWISE:
            return image[at + 1] not in (_RELU, _SIGMOID)
    at, n, given = _range_place(image, 0)
    ranges = struct.unpack_from("<%df" % (2 * n), image, at) if given else ()
    return not given or min(ranges) < 0 or _of_12_bits(model)


def _place_of(model, i):
    numbers = []
    for place in _places(model):
        if place.i == i:
            return place
        numbers.append("%d" % place.i)
    _wrong("i", i, "the number of a layer with weights: " + ", ".join(numbers))


def _get_weights(model, i):
    place = _place_of(model, i)
    image, units, n = model._image, place.units, place.n_weights
    unit = 2.0 ** -place.number("b", _LAYER_STATE_W_FRAC)
    weights = array("f", struct.unpack_from("<%dh" % n, image, place.weights))
    if place.dense:
        # The slopes are one more row, and count as much as the mean of an input (centre.c).
        slopes = struct.unpack_from("<%dh" % units, image, place.weights + 2 * n)
        letter = "b" if _reads_signed(model, i) else "B"
        means = struct.unpack_from(
            "<%d" % place.n_sums + letter, image, place.sums + 2 * place.n_sums
        )
        part = 2.0 ** -image[place.state + _LAYER_STATE_MEAN_SHIFT]
        for k in range(n):
            weights[k] += part * means[k // units % len(means)] * slopes[k % units]
    for k in range(n):
        weights[k] *= unit
    biases = struct.unpack_from("<%di" % units, image, place.biases)
    return weights, array("f", (b * unit / (1 << _BIAS_FRAC) for b in biases))


def _numbers(name, values, n):
    """Nested or flat numbers as one array('f') of n."""
    flat = array("f")
    _append(flat, name, values)
    if len(flat) != n:
        raise ValueError("%s has %d numbers, expected %d" % (name, len(flat), n))
    for value in flat:
        if not -_MOST <= value <= _MOST:
            _wrong("one of " + name, value, "-%g to %g" % (_MOST, _MOST))
    return flat


def _append(flat, name, values):
    if _length(values) is None:
        raise TypeError("%s is or holds %r, expected a list of numbers" % (name, values))
    for value in values:
        try:
            flat.append(value)
        except TypeError:
            _append(flat, name, value)


def _set_weights(model, i, weights, biases):
    place = _place_of(model, i)
    units, n, wide = place.units, place.n_weights, _of_12_bits(model)
    weights, biases = _numbers("weights", weights, n), _numbers("biases", biases, units)
    # The bounds of docs/numbers.md. The first layer has that of inputs of either sign.
    first = place.i == _places(model)[0].i
    x_bits = (12 if wide else 8) - (wide if first else _reads_signed(model, i))
    spare = (1 << (29 if wide else 27)) + (1 << 29) * place.dense
    most = min(32767, ((1 << 31) - 1 - spare) // (((1 << x_bits) - 1) * (n // units)))
    largest, bias = max(map(abs, weights)), max(map(abs, biases))
    w_frac = _MAX_W_FRAC
    while largest * (1 << w_frac) > most or bias * (1 << w_frac + _BIAS_FRAC) > _MAX_BIAS:
        w_frac -= 1
        if w_frac < _MIN_W_FRAC:
            raise ValueError(
                "layer %d has weights up to %.3g and biases up to %.3g, expected at most %.3g and"
                " %d"
                % (
                    i,
                    largest,
                    bias,
                    most / (1 << _MIN_W_FRAC),
                    _MAX_BIAS >> _MIN_W_FRAC + _BIAS_FRAC,
                )
            )
    model._held(_write_weights, model, place, w_frac, weights, biases)


def _write_weights(model, place, w_frac, weights, biases):
    image, n = model._image, place.n_weights
    for k in range(n):
        struct.pack_into("<h", image, place.weights + 2 * k, _rounded(weights[k] * (1 << w_frac)))
    for k in range(place.units):
        if place.dense:
            struct.pack_into("<h", image, place.weights + 2 * (n + k), 0)  # its slope
        bias = _rounded(biases[k] * (1 << w_frac + _BIAS_FRAC))
        struct.pack_into("<i", image, place.biases + 4 * k, bias)
    image[place.state + _LAYER_STATE_W_FRAC] = w_frac
    struct.pack_into("<H", image, place.state + _LAYER_STATE_DEAD_STEPS, 0)
    if not place.number("<H", _LAYER_STATE_N_SUMMED):  # it has not learned yet
        struct.pack_into("<H", image, place.state + _LAYER_STATE_N_SUMMED, 1)
        struct.pack_into("<I", image, place.state + _LAYER_STATE_ENERGY, _ENERGY_UNKNOWN << 8)
    for at in range(len(model._saved()), len(image)):  # what the core knows of old weights
        image[at] = 0


def _rounded(value):
    """To nearest, halves up; so that floats of 32 bits and of 64 give the same."""
    below = int(value // 1)
    return below + (value - below >= 0.5)


# ---- numbers of learning


def _stats(model):
    numbers = struct.unpack_from(_MODEL_STATE_FORMAT, model._image, model._state)
    steps, skipped, _, dense, selected, done, saturated = numbers[3:10]
    places = _places(model)
    dead = [0] * model._image[_MODEL_SPEC_N_LAYERS]
    rates = [None] * len(dead)
    for k, place in enumerate(places):
        dead[place.i] = _dead_units(places, k)
        rates[place.i] = model.lr or _found_rate(model, place) if place.trained else None
    right = model._number("<I", _MODEL_STATE_RIGHT)
    return {
        "steps": steps,
        "skipped": skipped,
        "replayed": model._number("<I", _MODEL_STATE_N_REPLAYED),
        "accuracy": None if model._mse else right / _ONE,
        "error": _error(model, places),
        "backward_share": selected / dense if dense else 0.0,
        "backward_share_nonzero": done / dense if dense else 0.0,
        "outside": model._number("<I", _MODEL_STATE_N_OUTSIDE),
        "saturated": saturated,
        "dead": dead,
        "rates": rates,
    }


def _error(model, places):
    ranges = _get_range(model, 1)
    if not model._mse:
        return model._number("<I", _MODEL_STATE_ERROR) / _ONE
    if not ranges:
        return None
    ranges = ranges if _is_list(ranges[0]) else [ranges]
    of_width = 2 if _range_place(model._image, 1)[2] else 4  # the unit is half of a given range
    errors = []
    for j, part in enumerate(_tally(model, places)):
        lo, hi = ranges[j % len(ranges)]
        errors.append(part / _ONE * (hi - lo) / of_width)
    return errors if len(errors) > 1 else errors[0]


def _dead_units(places, k):
    """How many units of a layer with relu fire on nothing. What they give is added up in the layer
    above, where sums that nothing is added to fall to 1."""
    place = places[k]
    if place.gives_only_zeros():
        return place.units
    if not place.relu or places[k + 1].number("<H", _LAYER_STATE_N_SUMMED) < _DEAD_AFTER:
        return 0
    image, sums, n = place.image, places[k + 1].sums, places[k + 1].n_sums
    alive = {
        i % place.units for i in range(n) if image[sums + 2 * i] > 1 or image[sums + 2 * i + 1]
    }
    return place.units - len(alive)


def _falling(model, steps):
    """What found rates are after so many steps, but for the energy of their layers."""
    mantissa, shift = _lr(None)
    t = min(steps + _START, _SETTLED_MSE if model._mse else _SETTLED)
    return mantissa / (1 << shift) * _START / t


def _found_rate(model, place):
    """The rate that a layer finds (core/rate.c); None before its first step."""
    q = place.energy()
    if q == 0:
        return None
    c, n = _falling(model, model._number("<Q", _MODEL_STATE_STEPS)), 0
    while q > c * c * (2 << 2 * n) or q > 1 << n:
        n += 1
    return 1 / (1 << n)


# ---- in words


def _layers(model):
    """Of each: as it is written, shape of its output, parameters, multiply-accumulates."""
    at = _MODEL_SPEC_BYTES
    for i in range(0, len(model._shapes), _SHAPE):
        height, width, channels, fan_in = model._shapes[i : i + 4]
        weighted = model._image[at] <= _DEPTHWISE
        parameters = (fan_in + 1) * channels if weighted else 0
        macs = height * width * channels * fan_in if weighted else 0
        yield _layer_text(model._image, at), (height, width, channels), parameters, macs
        at += _LAYER_SPEC_BYTES


def _model_text(model):
    text = _shape_text(struct.unpack_from("<3H", model._image, _MODEL_SPEC_IN_H))
    total, steps = 0, model._number("<Q", _MODEL_STATE_STEPS)
    for layer, _, parameters, _ in _layers(model):
        text += " -> " + layer
        total += parameters
    return "Model(%s; %d parameters, %d steps)" % (text, total, steps)


def _summary(model):
    """Bytes that are not in brackets add up to all of the RAM; those in brackets are what a layer
    needs, in its turn, of the work that is shared."""
    saved, memory = len(model._saved()), model._replay_bytes()
    rest, work, total, all_macs = saved - memory, len(model._image) - saved, 0, 0
    print("layer            output           weights  learned  outputs     work")
    for i, (layer, shape, parameters, macs) in enumerate(_layers(model)):
        sizes = model._shapes[_SHAPE * i + 4 : _SHAPE * i + 7]
        frozen = "  (frozen)" if "trainable" in layer else ""
        row = (layer.split("(")[0], _shape_text(shape), parameters, sizes[0], sizes[1])
        print("%-16s %-14s %9d %8d %8d %8s%s" % (row + ("(%d)" % sizes[2], frozen)))
        total += parameters
        all_macs += macs
        rest -= sizes[0]
        work -= sizes[1]
    print("%-41s %8d %17d" % ("shared", rest, work))
    if memory:
        n = struct.unpack_from("<H", model._image, _MODEL_SPEC_REPLAY)[0]
        print("%-41s %8d" % ("remembered samples: %d" % n, memory))
    on_file = saved - memory + 4
    if model._names:
        on_file += len(_part("tinyprop_files")._packed(model._names))
        print("classes: " + ", ".join(_class_text(model, i) for i in range(model._n_out)))
    print(
        "%d weights and biases, %d bytes of RAM, %d bytes as a file"
        % (total, len(model._image), on_file)
    )
    print("%d multiply-accumulates%s" % (all_macs, _time_text(model)))


def _time_text(model):
    """How long a call takes at most, where that is known: on boards."""
    arch = getattr(sys.implementation, "_mpy", 0) >> 10 & 15
    try:
        import machine

        hertz = machine.freq()
    except (ImportError, AttributeError):
        return ""
    if arch not in _PERCENT:
        return ""
    hertz = hertz[0] if isinstance(hertz, tuple) else hertz  # of the processor, then of buses
    ms = [cycles * _PERCENT[arch] * 10 / hertz for cycles in _longest(model)]
    return "; at %d MHz predict takes up to %.1f ms, learn up to %.1f ms" % (
        (hertz // 1000000,) + tuple(ms)
    )


def _longest(model):
    """Cycles that predict and learn take at most on a Cortex-M0+, whatever buffer they are given.
    Below the lowest trained layer learning is but a forward pass; with replay it is three steps.
    """
    n = model._n_in
    predict, learn = _PREDICT[0] * n, _LEARN[0] * n
    steps = 3 if struct.unpack_from("<H", model._image, _MODEL_SPEC_REPLAY)[0] else 1
    trained = False
    for i in range(model._image[_MODEL_SPEC_N_LAYERS]):
        height, width, channels, fan_in = model._shapes[_SHAPE * i : _SHAPE * i + 4]
        spec = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i
        n_out, weighted = height * width * channels, model._image[spec] <= _DEPTHWISE
        macs, weights = (fan_in * n_out, fan_in * channels) if weighted else (0, 0)
        trained |= weighted and model._image[spec + _LAYER_SPEC_TRAINABLE]
        counts = 1, height * width, n + n_out, macs, weights
        forward, step = (
            sum(count * cost[k + 1] for k, count in enumerate(counts))
            for cost in (_PREDICT, _LEARN)
        )
        predict += forward
        learn += steps * step if trained else forward
        n = n_out
    return predict, learn


# ---- beginning anew


def _reset(model, seed):
    _check_seed(seed)
    model._held(_begin_anew, model, seed)


def _begin_anew(model, seed):
    """All from the state on becomes 0 and what init makes of it, but for what is to stay."""
    image, state, saved = model._image, model._state, len(model._saved())
    ranges, memory = _range_place(image, 0)[0], saved - model._replay_bytes()
    kept = [(state, _MODEL_STATE_LOSS_COUNT), (state + _MODEL_STATE_REPLAY_FRAC, 2)]  # n_seen
    for place in _places(model):
        if not place.trained:
            kept.append((place.state, _LAYER_STATE_BYTES))
            kept.append((place.weights, place.end - place.weights))
    kept = [(at, image[at : at + n]) for at, n in kept]
    zeroed = (state, ranges), (_range_place(image, 2)[0], memory), (saved, len(image))
    for at, end in zeroed:
        for i in range(at, end):
            image[i] = 0
    _tinyprop.init(image, seed)
    for at, part in kept:
        image[at : at + len(part)] = part


# ---- what is wrong, and what to do


def _check(model):
    facts, says = _Facts(model), []
    if facts.steps < _SOME:
        return says
    if not any(place.trained for place in facts.places):
        return [
            "All layers are trainable=False, so it learns nothing: make a new Model in which one"
            " is not."
        ]
    for look_at in _CAUSES:
        says.extend(look_at(facts))
    for look_at in _SIGNS:
        if not says:
            says.extend(look_at(facts))
    return says


class _Facts:
    """What check() goes by. wrong: the error, as a share of that of guessing. moves: whether x
    does."""

    moves = True

    def __init__(self, model):
        self.model, self.image, self.places = model, model._image, _places(model)
        self.steps = model._number("<Q", _MODEL_STATE_STEPS)
        self.error = model._number("<I", _MODEL_STATE_ERROR) / _ONE
        self.least = model._number("<I", _MODEL_STATE_LEAST_ERROR) / _ONE
        self.replay = struct.unpack_from("<H", model._image, _MODEL_SPEC_REPLAY)[0]
        guess = 1 - 1 / model._n_out
        if model._mse:
            guess = sum(_spreads(model, 1)) / model._n_out or _GUESS
        self.wrong = self.error / (guess or 1)
        # A guess of mse with a given range is none.
        learned = not model._mse or not _range_place(model._image, 1)[2]
        enough = 1000 if model._mse else 200 * model._n_out
        self.guesses = learned and self.steps >= enough and self.wrong > 0.95
        # With rates that it finds, guessing explains units that are dead, and not the other way.
        self.blames_rate = model.lr is not None or not self.guesses
        self.cure = "m.reset()." if model.lr is None else "m.lr = None, then m.reset()."


def _spreads(model, which):
    """Of learned ranges: how far values are from their centre in the mean, in half ranges."""
    at, n, given = _range_place(model._image, which)
    for _ in range(0 if given else n):
        _, spread, _, _, shift = struct.unpack_from(_LEARNED_RANGE_FORMAT, model._image, at)
        yield spread / (1 << shift)
        at += _LEARNED_RANGE_BYTES


def _names(one, many, numbers):
    """one or many, with the numbers in it."""
    text = ", ".join(map(str, numbers[:6])) + (", .." if len(numbers) > 6 else "")
    return (one if len(numbers) == 1 else many) % text


def _still_x(facts):
    _, n, given = _range_place(facts.image, 0)
    still = [i for i, spread in enumerate(_spreads(facts.model, 0)) if spread == 0]
    if len(still) == n:
        facts.moves = False
        yield "x never changes: all samples were the same. Is it read anew for each of them?"
    elif len(still) > (0 if n <= _SENSORS else n // 2):
        flat = n == facts.model._n_in
        value, values = ("Value", "Values") if flat else ("Channel", "Channels")
        what = _names(value + " %s of x never moves", values + " %s of x never move", still)
        yield what + ": is a sensor not connected?"
    first = facts.places[0]
    if given and first.i == 0 and not first.inputs_move() and facts.wrong > 0.75:
        facts.moves = False
        yield "x hardly moves within input_range: give a narrower one, or leave it out."


def _ruin(facts):
    """The lowest layer that gives the same whatever x is: zeros, or what has a mean square far
    above its variance."""
    for k, place in enumerate(facts.places[:-1]):
        above, same = facts.places[k + 1], place.gives_only_zeros()
        if not above.inputs_move() and facts.wrong > 0.75:
            square = above.number("<I", _LAYER_STATE_NORM)
            same |= square == 0 or square > 4 * 4.0 ** above.number("b", _LAYER_STATE_X_FRAC)
        if same and facts.moves and facts.blames_rate:
            return [
                "Layer %d gives the same whatever x is. A rate that is too high does that, and"
                " learning on does not mend it: %s" % (place.i, facts.cure)
            ]
    return []


def _rate(facts):
    """Compares a given rate with what layers find in the end. A third of that or three times as
    much does no harm, so five times is the limit. Another one is 4 / q: beyond it a step can make
    the loss of its own sample larger, as the curvature of crossentropy is at most 1/2. (In a
    convolution q counts all positions as if they agreed, so it does not tell what is too much.) A
    low rate is too low as long as its steps come to less than a thousand of those, or the error
    has not come down."""
    lr, c = facts.model.lr, _falling(facts.model, _SETTLED_MSE)
    if lr is None or facts.wrong < 0.3:
        return []
    most = layer = 0
    for place in facts.places:
        q = place.energy()
        found = place.trained and q and min(c / q**0.5, 1 / q)
        if found and place.dense and lr > min(5 * found, 4 / q):
            return [
                "lr = %.2g is too high: layer %d needs some %.1g. m.lr = None finds it; if that"
                " does not help, m.reset() as well." % (lr, place.i, found)
            ]
        if found and found > most:
            most, layer = found, place.i
    if most > 5 * lr and (facts.steps * lr < 1000 * most or facts.wrong > 0.75):
        return [
            "lr = %.2g is too low: layer %d needs some %.1g, and learns that much faster then."
            " m.lr = None finds it." % (lr, layer, most)
        ]
    return []


def _classes(facts):
    if facts.model._mse or facts.model._n_out == 1:
        return
    shown = _tally(facts.model, facts.places)
    ago = [(facts.steps - step) % (1 << 32) for step in shown]
    alone = sorted(ago)[1]
    if alone >= _SOME and not facts.replay:
        yield (
            "The last %d samples were all of class %s, and what it knows of the others fades: show"
            " the classes in turn, or make a new Model with replay=."
            % (alone, _class_text(facts.model, ago.index(min(ago))))
        )
    # Beside names an output without one is spare.
    names = facts.model._names or range(1, len(shown) + 1)
    never = [_class_text(facts.model, c) for c in range(len(shown)) if names[c] and not shown[c]]
    if never and facts.steps >= 20 * len(shown):
        what = _names("Class %s was never shown", "Classes %s were never shown", never)
        yield what + ": show all, or give the last layer fewer units."


def _outside(facts):
    x = _share_outside(facts, 0, _MODEL_STATE_N_OUTSIDE, facts.model._n_in)
    if x > 0.05:
        yield (
            "%.0f %% of the values of x are outside input_range, and count as its ends: give a"
            " wider one, or leave it out." % (100 * x)
        )
    y = _share_outside(facts, 1, _MODEL_STATE_N_OUTSIDE_Y, facts.model._n_out)
    if y > 0.05:
        yield (
            "%.0f %% of the values of y are so far outside output_range that they were cut, to"
            " half its width beyond its ends: give a wider one, or leave it out." % (100 * y)
        )


def _share_outside(facts, which, counter, n_values):
    """Of the values of x (0) or y (1) so far, if their range was given."""
    given = _range_place(facts.image, which)[2]
    return given * facts.model._number("<I", counter) / facts.steps / n_values


def _twins(facts):
    """Remembered samples that are the same but for their labels. What is where: core/replay.c."""
    classes = facts.model._n_out
    if not facts.replay or facts.model._mse:
        return
    at, size = facts.places[-1].end + 4 * classes, facts.model._replay_bytes()
    _, n_maps, given = _range_place(facts.image, 0)
    if not given and facts.places[0].i == 0 and facts.places[0].trained:
        at, size = at + 8 * n_maps, size - 8 * n_maps
    seen = struct.unpack_from("<%dH" % classes, facts.image, at)
    n_in, n_of_class = (size - 2 * classes) // facts.replay - 2, facts.replay // classes
    at += 2 * classes + 2 * facts.replay
    label_of, twins, known = {}, 0, 0
    for counting in (False, True):
        for label in range(classes):
            for k in range(min(seen[label], n_of_class)):
                x = at + (n_of_class * label + k) * n_in
                key = crc32(facts.image[x : x + n_in])
                if counting:
                    twins += label_of[key] < 0
                    known += 1
                elif label_of.get(key, label) == label:
                    label_of[key] = label
                else:
                    label_of[key] = -1
    if 20 * twins > known:
        yield (
            "%d of %d remembered samples have a twin with another label: labels contradict each"
            " other, or x lacks what tells them apart." % (twins, known)
        )


def _change(facts):
    if facts.wrong > 0.4 and facts.least < facts.error / 2:
        yield (
            "The error was %.2g once, and is %.2g now. Has a sensor changed, or what a label"
            " means? It learns that as it goes; after a change of units m.input_range = None"
            " helps." % (facts.least, facts.error)
        )


def _units(facts):
    for k, place in enumerate(facts.places):
        dead = _dead_units(facts.places, k)
        if 2 * dead > place.units and facts.blames_rate:
            yield (
                "%d of %d units of layer %d fire on nothing, as after a rate that was too high: %s"
                % (dead, place.units, place.i, facts.cure)
            )
        if place.trained and place.number("b", _LAYER_STATE_W_FRAC) == _MIN_W_FRAC:
            yield (
                "Weights of layer %d are as large as they can be, as after a rate that was too"
                " high: %s" % (place.i, facts.cure)
            )


def _guessing(facts):
    if facts.guesses:
        yield (
            "After %d samples it does no better than guessing. Does each x come with its own y?"
            " Labels that contradict each other look like this, and an x that does not tell y."
            % facts.steps
        )


_CAUSES = (_still_x, _ruin, _rate, _classes, _outside, _twins)
_SIGNS = (_change, _units, _guessing)  # which may follow from those causes
