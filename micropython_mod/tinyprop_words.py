"""What a model needs once, or when somebody asks: layers and policies to build it from, checks of
what was given, summaries, errors in words. `tinyprop` imports this file when it is first needed,
and shows its public names as its own.
"""

import gc
import struct
from array import array

import _tinyprop
from tinyprop import _FIRST_LR, _items, _lr


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_VERSION = const(4)
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
_MODEL_SPEC_BYTES = const(40)
_MODEL_SPEC_FORMAT = const("<4s4BI2B10HB5x")
_MODEL_SPEC_VERSION = const(4)
_MODEL_SPEC_N_LAYERS = const(5)
_MODEL_SPEC_LOSS = const(6)
_MODEL_SPEC_IN_H = const(14)
_MODEL_SPEC_IN_C = const(18)
_MODEL_SPEC_N_INPUT_RANGES = const(20)
_LAYER_SPEC_BYTES = const(16)
_LAYER_SPEC_FORMAT = const("<8BH6x")
_LAYER_SPEC_UNITS = const(8)
_MODEL_STATE_BYTES = const(120)
_MODEL_STATE_FORMAT = const("<2HI9Q3IHh5I4x")
_MODEL_STATE_N_SEEN = const(0)
_MODEL_STATE_STEPS = const(8)
_LAYER_STATE_BYTES = const(36)
_LAYER_STATE_DEAD_STEPS = const(4)
_RANGE_BYTES = const(8)
_RANGE_FORMAT = const("<2f")
_LEARNED_RANGE_BYTES = const(16)
_LEARNED_RANGE_FORMAT = const("<iIi2h")
# ---- end of the format

_DEAD_AFTER = const(64)  # learn steps in a row in which every output was 0


def _wrong(name, value, expected):
    raise ValueError("%s is %r, expected %s" % (name, value, expected))


def _choice(name, value, choices):
    if value not in choices:
        _wrong(name, value, "one of " + ", ".join(choices))
    return choices.index(value)


def _is_list(value):
    return isinstance(value, (list, tuple))


def _pair(name, value):
    """(height, width) of a kernel or stride that is given as one number or as two."""
    pair = value if _is_list(value) else (value, value)
    if len(pair) != 2:
        _wrong(name, value, "one number or two")
    return _count(name, pair[0], 255), _count(name, pair[1], 255)


def _count(name, value, most=65534):
    if not isinstance(value, int) or not 1 <= value <= most:
        _wrong(name, value, "1 to %d" % most)
    return value


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
            if not 0 <= values[i] <= 1:
                _wrong(setting, values[i], "0 to 1")
        self.text = "%s(%s)" % (name, ", ".join(map(repr, values)))
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


def _given_ranges(name, value, channels):
    """(lo, hi) pairs of a range that was given; none for a range that is to be learned."""
    if value is None:
        return ()
    expected = "(lo, hi) with lo < hi, a list of %d of them, or None" % channels
    if not _is_list(value) or not value:
        _wrong(name, value, expected)
    pairs = value if _is_list(value[0]) else [value]
    if len(pairs) not in (1, channels):
        _wrong(name, value, expected)
    for pair in pairs:
        if not _is_list(pair) or len(pair) != 2 or not -3.4e38 < pair[0] < pair[1] < 3.4e38:
            _wrong(name, pair, expected)
    return pairs


def _new(n_bytes):
    gc.collect()
    try:
        return bytearray(n_bytes)
    except MemoryError:
        free = ", %d are free" % gc.mem_free() if hasattr(gc, "mem_free") else ""
        raise MemoryError(
            "this model needs %d bytes of RAM in one piece%s" % (n_bytes, free)
        ) from None


def _layout_error(code, spec, shapes=()):
    """Why a spec has no layout, in words. shapes: as _tinyprop.layout left them."""
    if code == _E_OUTPUT:
        return "the last layer must be a linear Dense"
    if code == _E_VERSION:
        return "a model of version %d, expected %d" % (spec[_MODEL_SPEC_VERSION], _VERSION)
    if code != _E_LAYER and code != _E_TOO_BIG:
        return "the model is damaged"
    i = 0
    while 4 * i < len(shapes) and shapes[4 * i]:
        i += 1
    if 4 * i == len(shapes):
        return "the model needs more than 2 GB"
    below = (
        shapes[4 * i - 4 : 4 * i - 1] if i else struct.unpack_from("<3H", spec, _MODEL_SPEC_IN_H)
    )
    layer = _layer_text(spec, _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i)
    fault = "does not fit" if code == _E_LAYER else "has more than 65534 values with"
    return "layer %d: %s %s an input of %d x %d x %d (height, width, channels)" % (
        (i, layer, fault) + tuple(below)
    )


def _build(input_shape, layers, loss, lr, policy, input_range, output_range, replay, seed):
    """What Model says. Returns the image of a new model and the shapes of its layers."""
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
    if replay:
        _count("replay", replay, 65535)
    if not isinstance(seed, int) or seed >> 30:
        _wrong("seed", seed, "0 to 2^30 - 1")
    shape = (1, 1, 1)[len(shape) :] + shape
    mse = _choice("loss", loss, _LOSS_NAMES)
    inputs = _given_ranges("input_range", input_range, shape[2])
    outputs = ()
    if mse:
        units = struct.unpack_from("<H", layers[-1].spec, _LAYER_SPEC_UNITS)[0]
        outputs = _given_ranges("output_range", output_range, units)
    elif output_range is not None:
        _wrong("output_range", output_range, "None with loss='crossentropy'")
    spec = bytearray(
        struct.pack(
            _MODEL_SPEC_FORMAT,
            b"TYNP",
            _VERSION,
            len(layers),
            mse,
            policy.spec[0],
            0,  # saved_bytes: by init
            *_lr(_FIRST_LR if lr is None else lr)
            + shape
            + (len(inputs), len(outputs))
            + policy.spec[1:]
            + (replay, lr is None),
        )
    )
    for layer in layers:
        spec += layer.spec
    shapes = array("H", bytes(8 * len(layers)))
    n_bytes = _tinyprop.layout(spec, shapes)
    if n_bytes < 0:
        raise ValueError(_layout_error(n_bytes, spec, shapes))
    image = _new(n_bytes)
    image[: len(spec)] = spec
    for which, pairs in enumerate((inputs, outputs)):
        at, _, _ = _place_of_ranges(image, which)
        for lo, hi in pairs:
            struct.pack_into(_RANGE_FORMAT, image, at, lo, hi)
            at += _RANGE_BYTES
    if _tinyprop.init(image, seed) < 0:
        _wrong("a range", (inputs, outputs), "lo < hi as float32")
    return image, shapes


# ---- errors


def _refused(model, code, x, y, total):
    """Raises why a call was refused."""
    if code == _E_X_LENGTH:
        raise ValueError("x has %d values, expected %d" % (_items(x), total * model._n_in))
    if code == _E_Y_LENGTH:
        n = total * (model._n_out if model._mse else 1)
        raise ValueError("y has %d values, expected %d" % (_items(y), n))
    if code == _E_X_TYPE:
        raise TypeError("x is %s, expected a buffer of B b H h I i L l or f, or a list" % type(x))
    if code == _E_Y_TYPE:
        wanted = "%d numbers" % model._n_out if model._mse else "a class number (int)"
        raise TypeError("y is %s, expected %s" % (type(y), wanted))
    if code == _E_X_FINITE or code == _E_Y_FINITE:
        raise ValueError("%s holds a NaN or an infinity" % "xy"[code == _E_Y_FINITE])
    if code == _E_Y_CLASS:
        for label in [y] if isinstance(y, int) else y:
            if not 0 <= label < model._n_out:
                _wrong("y", label, "a class number, 0 to %d" % (model._n_out - 1))
    if code == _E_NO_RANGE:
        raise ValueError("no range is known: learn first, or give input_range=(lo, hi)")
    if code == _E_OUT:
        raise ValueError("out is no array('f') of %d places" % model._n_out)
    raise ValueError("the model is damaged")


def _bad_file(spec):
    """Raises why a file that starts with this spec is no model."""
    if spec[:4] != b"TYNP":
        raise ValueError("the file is no tinyprop model")
    if spec[_MODEL_SPEC_VERSION : _MODEL_SPEC_VERSION + 1] != bytes([_VERSION]):
        raise ValueError(_layout_error(_E_VERSION, spec))
    raise ValueError("the file is damaged or cut short")


# ---- ranges


def _place_of_ranges(image, which):
    """Where the ranges of inputs or outputs begin, how many there are, and if they are given."""
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


def _get_range(model, which):
    image, pairs = model._image, []
    at, n, given = _place_of_ranges(image, which)
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
    if _place_of_ranges(model._image, which)[2]:
        raise ValueError("%s was given when the model was made, and stays" % name)
    if value is not None:
        _wrong(name, value, "None: then it is learned anew. Give it when the model is made")
    struct.pack_into("<H", model._image, model._state + _MODEL_STATE_N_SEEN + 2 * which, 0)


# ---- summaries


def _layers(model):
    """(the layer as it is written, shape of its output, number of parameters) of each."""
    at = _MODEL_SPEC_BYTES
    for i in range(0, len(model._shapes), 4):
        height, width, channels, fan_in = model._shapes[i : i + 4]
        parameters = (fan_in + 1) * channels if model._image[at] <= _DEPTHWISE else 0
        yield _layer_text(model._image, at), (height, width, channels), parameters
        at += _LAYER_SPEC_BYTES


def _model_text(model):
    text = _shape_text(struct.unpack_from("<3H", model._image, _MODEL_SPEC_IN_H))
    total, steps = 0, model._number("<Q", _MODEL_STATE_STEPS)
    for layer, _, parameters in _layers(model):
        text += " -> " + layer
        total += parameters
    return "Model(%s; %d parameters, %d steps)" % (text, total, steps)


def _summary(model):
    total = 0
    print("layer            output           weights")
    for layer, shape, parameters in _layers(model):
        frozen = "  (frozen)" if "trainable" in layer else ""
        name = layer.split("(")[0]
        print("%-16s %-14s %9d%s" % (name, _shape_text(shape), parameters, frozen))
        total += parameters
    print(
        "%d weights and biases, %d bytes of RAM, %d bytes as a file"
        % (total, len(model._image), len(model._saved()) + 4)
    )


def _stats(model):
    numbers = struct.unpack_from(_MODEL_STATE_FORMAT, model._image, model._state)
    _, _, _, steps, skipped, _, dense, selected, done, saturated, clipped, clamped = numbers[:12]
    dead = []
    at = model._state + _MODEL_STATE_BYTES + _LAYER_STATE_DEAD_STEPS
    for i in range(model._image[_MODEL_SPEC_N_LAYERS]):
        if struct.unpack_from("<H", model._image, at)[0] >= _DEAD_AFTER:
            dead.append(i)
        at += _LAYER_STATE_BYTES
    return {
        "steps": steps,
        "skipped": skipped,
        "backward_share": selected / dense if dense else 0.0,
        "backward_share_nonzero": done / dense if dense else 0.0,
        "saturated": saturated,
        "clipped": clipped,
        "clamped": clamped,
        "dead": dead,
    }
