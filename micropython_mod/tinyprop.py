"""A neural network that learns on the board it runs on.

    import tinyprop as tp

    m = tp.Model((3,), [tp.Dense(16, activation="relu"), tp.Dense(4)], input_range=(-2, 2))
    m.learn(x, 2)        # one step: x is what was measured, 2 is what it means
    m.predict(x)         # what the model makes of it

The same file runs on a board and on a PC. It describes a model and puts errors into words; all
arithmetic on the model is in `_tinyprop`, in integers, and gives the same bits everywhere.
"""

import gc
import os
import struct
from array import array
from binascii import crc32

import _tinyprop
from _tinyprop import learn as _learn
from _tinyprop import predict as _predict

__version__ = "0.1.0"


def const(value):  # more to MicroPython: its compiler puts the value in place of the name
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
_MODEL_SPEC_SAVED_BYTES = const(8)
_MODEL_SPEC_LR_MANTISSA = const(12)
_MODEL_SPEC_LR_SHIFT = const(13)
_MODEL_SPEC_IN_H = const(14)
_MODEL_SPEC_IN_C = const(18)
_MODEL_SPEC_N_INPUT_RANGES = const(20)
_MODEL_SPEC_AUTO_RATE = const(34)
_LAYER_SPEC_BYTES = const(16)
_LAYER_SPEC_FORMAT = const("<8BH6x")
_LAYER_SPEC_UNITS = const(8)
_MODEL_STATE_BYTES = const(120)
_MODEL_STATE_FORMAT = const("<2HI9Q3IHh5I4x")
_LAYER_STATE_BYTES = const(36)
_LAYER_STATE_DEAD_STEPS = const(4)
_RANGE_BYTES = const(8)
_RANGE_FORMAT = const("<2f")
_LEARNED_RANGE_BYTES = const(16)
_LEARNED_RANGE_FORMAT = const("<iIi2h")
# ---- end of the format

# Multiply-accumulates of learn_many between two checks for Ctrl-C: some milliseconds on a Pico.
_CHUNK_MACS = const(20000)
_DEAD_AFTER = const(64)  # learn steps in a row in which every output was 0


def _wrong(name, value, expected):
    raise ValueError("%s is %r, expected %s" % (name, value, expected))


def _choice(name, value, choices):
    if value not in choices:
        _wrong(name, value, "one of " + ", ".join(choices))
    return choices.index(value)


_LISTS = (list, tuple)  # made once, so that isinstance allocates nothing
_NUMBERS = (int, float)


def _is_list(value):
    return isinstance(value, _LISTS)


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


def _share(name, value, one):
    if not 0 <= value <= 1:
        _wrong(name, value, "0 to 1")
    return int(value * one + 0.5)


class _Policy:
    def __init__(self, name, arguments, kind, s_min=0, s_max=0, zeta=1, skip=0):
        self.text = "%s(%s)" % (name, ", ".join(map(repr, arguments)))
        q15 = 1 << 15
        self.spec = (
            kind,
            _share("s_min or ratio", s_min, q15),
            _share("s_max", s_max, q15),
            _share("zeta", zeta, q15),
            _share("skip", skip, 1 << 14),
        )

    def __repr__(self):
        return self.text


def Full():
    """Learns from every error of every sample: the usual back-propagation."""
    return _Policy("Full", (), _FULL)


def TopK(ratio=0.25):
    """Selects the largest errors of a layer, always the same share (meProp, arXiv 1706.06197)."""
    return _Policy("TopK", (ratio,), _TOPK, ratio, ratio)


def TinyProp(s_min=0, s_max=1, zeta=1):
    """Selects a share of the largest errors that grows with their size (arXiv 2308.09201).

    s_min .. s_max: that share, from no error to the largest one seen; zeta: multiplies it once per
    layer further down. All 0 to 1.
    """
    shares = s_min, s_max, zeta
    return _Policy("TinyProp", shares, _TOPK, *shares)


def TinyPropV2(s_min=0, s_max=1, zeta=1, skip=0.1):
    """TinyProp, and samples that are known already cost no backward pass (arXiv 2409.07109).

    skip: a sample is skipped when its error is below this share of the largest; with crossentropy,
    when its class has a probability of 1 - skip or more.
    """
    shares = s_min, s_max, zeta, skip
    return _Policy("TinyPropV2", shares, _TOPK, *shares)


def Diffused(ratio=0.14, skip=0.1):
    """Selects a share of the errors on average; the small ones add up until they count.

    ratio: that share; skip: as in TinyPropV2, but with loss="mse" no sample is skipped.
    """
    return _Policy("Diffused", (ratio, skip), _DIFFUSED, ratio, 0, 1, skip)


def Adaptive(ratio=0.14, least=0.1, skip=0.1):
    """Diffused with a share that follows how much there is to learn: all errors at first.

    ratio: the share of all the work of Full that it may take in the long run; least: the share
    that is always selected; skip: as in Diffused.
    """
    if ratio <= 0:
        _wrong("ratio", ratio, "above 0")
    return _Policy("Adaptive", (ratio, least, skip), _DIFFUSED, least, ratio, 1, skip)


# ---- ranges


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


# ---- the model


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


class Model:
    """A network, its training state and its working memory, all in one bytearray.

    input_shape   a number of values, (length, channels) or (height, width, channels)
    layers        a list of Dense, Conv2D, ...; the last one a Dense of one unit a class or output
    loss          "crossentropy" for classes, "mse" for numbers
    lr            learning rate: None finds one for each layer as it goes. 2e-8 to 1: that rate,
                  rounded to m / 2^n with m of 16 to 31 (within 3 %)
    policy        Adaptive(), Diffused(), TinyPropV2(), TinyProp(), TopK(), Full()
    input_range   None: learned from the values of x, for each one of a flat input, for each
                  channel else. Or given: (lo, hi), or a list of such pairs, one a channel
    output_range  the same for y, with loss="mse"
    replay        how many samples to remember, as many of each class; each step is followed by
                  two on remembered samples. 1 byte a value and 2 a label
    seed          0 to 2^30 - 1; the same seed gives the same weights on every machine

    ValueError: layers that do not fit together. MemoryError: more RAM than is free.
    """

    def __init__(
        self,
        input_shape,
        layers,
        loss="crossentropy",
        lr=None,
        policy=None,
        input_range=None,
        output_range=None,
        replay=0,
        seed=1,
    ):
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
                *_lr(_auto_lr(mse) if lr is None else lr)
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
            at, _, _ = self._ranges(image, which)
            for lo, hi in pairs:
                struct.pack_into(_RANGE_FORMAT, image, at, lo, hi)
                at += _RANGE_BYTES
        if _tinyprop.init(image, seed) < 0:
            _wrong("a range", (inputs, outputs), "lo < hi as float32")
        self._attach(image, shapes)

    def _attach(self, image, shapes):
        self._image = image
        self._shapes = shapes  # height, width, channels, products per output of each layer
        self._mse = image[_MODEL_SPEC_LOSS] == _MSE
        self._n_layers = image[_MODEL_SPEC_N_LAYERS]
        self._state = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * self._n_layers
        height, width, channels = struct.unpack_from("<3H", image, _MODEL_SPEC_IN_H)
        self._n_in = height * width * channels
        macs = 1
        for i in range(self._n_layers):
            height, width, channels, fan_in = shapes[4 * i : 4 * i + 4]
            self._n_out = height * width * channels
            macs += self._n_out * fan_in
        self._chunk = max(1, _CHUNK_MACS // macs)
        self._x = array("f")  # lists are copied to it; as long as the last list

    def _layer(self, i):
        """(the layer as it is written, shape of its output, number of parameters)"""
        at = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * i
        height, width, channels, fan_in = self._shapes[4 * i : 4 * i + 4]
        parameters = (fan_in + 1) * channels if self._image[at] <= _DEPTHWISE else 0
        return _layer_text(self._image, at), (height, width, channels), parameters

    def _counters(self):
        return struct.unpack_from(_MODEL_STATE_FORMAT, self._image, self._state)

    def __repr__(self):
        text, total = _shape_text(struct.unpack_from("<3H", self._image, _MODEL_SPEC_IN_H)), 0
        for i in range(self._n_layers):
            layer, _, parameters = self._layer(i)
            text += " -> " + layer
            total += parameters
        return "Model(%s; %d parameters, %d steps)" % (text, total, self._counters()[3])

    # -- learning and predicting

    def learn(self, x, y):
        """One step on one sample. True when it trained, False when the sample was skipped.

        x: a buffer of one of the array types B b H h I i L l f, or a list or tuple of numbers; as
        many as the input has, row by row. y: a class number; with loss="mse" one target per
        output, in a buffer, list or tuple, or a single number.
        ValueError, TypeError: x or y is not like that; the model is unchanged.
        Allocates nothing for buffers and class numbers.
        """
        trained = _learn(self._image, x, y)
        if trained < 0:
            trained = self._once_more(_learn, trained, x, y)
        return trained == 1

    def learn_many(self, x, y):
        """One step on each of many samples, in order. Returns how many were not skipped.

        x: the samples one after the other in one buffer (or a 2-dimensional array); y: the class
        numbers, or targets, in another. A list of samples with a list of their y works as well.
        Ctrl-C, timers and a watchdog are served every few milliseconds.
        """
        return self._many(x, y, True)

    def evaluate(self, x, y):
        """The share of samples classified correctly, or with loss="mse" the mean loss.

        Learns nothing. x, y: as in learn_many. The mean loss is in `loss` afterwards.
        """
        right = self._many(x, y, False)
        return self.loss if self._mse else right / max(1, self._counters()[2])

    def predict(self, x):
        """The most likely class number of x; with loss="mse" the output, or a list of all outputs.

        Allocates nothing for buffers and classes.
        """
        if self._mse:
            out = array("f", [0] * self._n_out)
            self.predict_into(x, out)
            return out[0] if self._n_out == 1 else list(out)
        label = _predict(self._image, x, None)
        if label < 0:
            label = self._once_more(_predict, label, x, None)
        return label

    def predict_into(self, x, out):
        """Fills out, an array('f') with one item per output, with the probability of each class.

        With loss="mse": with the outputs, in the units of y. Allocates nothing for buffers.
        """
        code = _E_OUT if out is None else _predict(self._image, x, out)
        if code < 0:
            self._once_more(_predict, code, x, out)

    def _once_more(self, function, code, x, y):
        """Repeats a refused call with lists and numbers copied to arrays; raises other errors."""
        if code == _E_X_TYPE and _is_list(x):
            if len(x) == len(self._x):
                for i in range(len(x)):
                    self._x[i] = x[i]
            else:
                self._x = array("f", x)
            x = self._x
            code = function(self._image, x, y)
        if code == _E_Y_TYPE:
            if self._mse and (_is_list(y) or isinstance(y, float)):
                y = array("f", y if _is_list(y) else [y])
            elif isinstance(y, bool):
                y = int(y)
            code = function(self._image, x, y)
        if code < 0:
            self._fail(code, x, y)
        return code

    def _many(self, x, y, learning):
        if _is_list(x):
            x = _join(x, self._n_in)
        if _is_list(y):
            y = _join(y, self._n_out) if self._mse else array("i", y)
        total = _items(x) // self._n_in
        done = result = 0
        while True:
            n = min(self._chunk, total - done)
            code = _tinyprop.run(self._image, x, y, total, done, n, learning)
            if code < 0:
                self._fail(code, x, y, total)
            result += code
            done += n
            if done == total:
                return result

    def _fail(self, code, x=None, y=None, total=1):
        if code == _E_X_LENGTH:
            raise ValueError("x has %d values, expected %d" % (_items(x), total * self._n_in))
        if code == _E_Y_LENGTH:
            n = total * (self._n_out if self._mse else 1)
            raise ValueError("y has %d values, expected %d" % (_items(y), n))
        if code == _E_X_TYPE:
            raise TypeError(
                "x is %s, expected a buffer of B b H h I i L l or f, or a list" % type(x)
            )
        if code == _E_Y_TYPE:
            wanted = "%d numbers" % self._n_out if self._mse else "a class number (int)"
            raise TypeError("y is %s, expected %s" % (type(y), wanted))
        if code == _E_X_FINITE or code == _E_Y_FINITE:
            raise ValueError("%s holds a NaN or an infinity" % "xy"[code == _E_Y_FINITE])
        if code == _E_Y_CLASS:
            for label in [y] if isinstance(y, int) else y:
                if not 0 <= label < self._n_out:
                    _wrong("y", label, "a class number, 0 to %d" % (self._n_out - 1))
        if code == _E_NO_RANGE:
            raise ValueError("no range is known: learn first, or give input_range=(lo, hi)")
        if code == _E_OUT:
            raise ValueError("out is no array('f') of %d places" % self._n_out)
        raise ValueError("the model is damaged")

    # -- settings and state

    @property
    def lr(self):
        """Learning rate, None if each layer finds its own; may be set at any time."""
        image = self._image
        if image[_MODEL_SPEC_AUTO_RATE]:
            return None
        return image[_MODEL_SPEC_LR_MANTISSA] / (1 << image[_MODEL_SPEC_LR_SHIFT])

    @lr.setter
    def lr(self, value):
        image, auto = self._image, value is None
        rate = _lr(_auto_lr(self._mse) if auto else value)
        image[_MODEL_SPEC_LR_MANTISSA], image[_MODEL_SPEC_LR_SHIFT] = rate
        image[_MODEL_SPEC_AUTO_RATE] = auto

    @property
    def input_range(self):
        """(lo, hi) of the values of x, or a list of such pairs, one a value or channel.

        A learned range shows what it is now, None before the first sample; values beyond count as
        its ends. Set it to None and it is learned anew.
        """
        return self._range(0)

    @input_range.setter
    def input_range(self, value):
        self._learn_anew(0, value)

    @property
    def output_range(self):
        """The same for y; None with classes."""
        return self._range(1)

    @output_range.setter
    def output_range(self, value):
        self._learn_anew(1, value)

    def _ranges(self, image, which):
        """(where the ranges of inputs or outputs begin, how many there are, whether they are given)"""
        n_layers = image[_MODEL_SPEC_N_LAYERS]
        layers = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * n_layers
        at = layers + _MODEL_STATE_BYTES + _LAYER_STATE_BYTES * n_layers
        for i in range(2):
            n = given = struct.unpack_from("<H", image, _MODEL_SPEC_N_INPUT_RANGES + 2 * i)[0]
            if not given and i == 0:
                n = struct.unpack_from("<H", image, _MODEL_SPEC_IN_C)[0]
            elif not given and image[_MODEL_SPEC_LOSS] == _MSE:
                n = struct.unpack_from("<H", image, layers - _LAYER_SPEC_BYTES + _LAYER_SPEC_UNITS)[0]
            if i == which:
                return at, n, given > 0
            at += n * (_RANGE_BYTES if given else _LEARNED_RANGE_BYTES)

    def _range(self, which):
        image, pairs = self._image, []
        at, n, given = self._ranges(image, which)
        if not given and not struct.unpack_from("<2H", image, self._state)[which]:
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

    def _learn_anew(self, which, value):
        name = ("input_range", "output_range")[which]
        if value is not None:
            _wrong(name, value, "None: a range is given with the model")
        if self._ranges(self._image, which)[2]:
            raise ValueError("%s was given with the model, and is not learned" % name)
        struct.pack_into("<H", self._image, self._state + 2 * which, 0)

    @property
    def loss(self):
        """Mean loss over the samples of the last learn, learn_many or evaluate."""
        _, _, count, _, _, total = self._counters()[:6]
        return total / (count << 24) if count else 0.0

    def stats(self):
        """What learning did so far, as a dictionary.

        steps, skipped              calls of learn, and those that were skipped
        backward_share              multiply-accumulates for the selected errors, of all that dense
                                    back-propagation in every step would have needed
        backward_share_nonzero      those that were really done: inputs of 0 are left out too
        saturated, clipped, clamped activations, errors and weights that met the end of their range
        dead                        layers that gave nothing but zeros in the last 64 steps
        """
        _, _, _, steps, skipped, _, dense, selected, done, saturated, clipped, clamped = (
            self._counters()[:12]
        )
        dead = []
        at = self._state + _MODEL_STATE_BYTES + _LAYER_STATE_DEAD_STEPS
        for i in range(self._n_layers):
            if struct.unpack_from("<H", self._image, at)[0] >= _DEAD_AFTER:
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

    def summary(self):
        """Prints the layers, their output shapes and parameters, and the bytes of RAM and file."""
        total = 0
        print("layer            output           weights")
        for i in range(self._n_layers):
            layer, shape, parameters = self._layer(i)
            frozen = "  (frozen)" if "trainable" in layer else ""
            name = layer.split("(")[0]
            print("%-16s %-14s %9d%s" % (name, _shape_text(shape), parameters, frozen))
            total += parameters
        print(
            "%d weights and biases, %d bytes of RAM, %d bytes as a file"
            % (total, len(self._image), self._saved_bytes() + 4)
        )

    # -- files

    def _saved_bytes(self):
        return struct.unpack_from("<I", self._image, _MODEL_SPEC_SAVED_BYTES)[0]

    def save(self, file):
        """Writes the model to a file, given by name or open for writing in binary.

        The file has all that was learned, counters and ranges included, and the same bytes on
        every machine. An older file is replaced only once the new one is whole, so a power cut
        loses neither.
        """
        if isinstance(file, str):
            new = file + ".new"
            with open(new, "wb") as f:
                self.save(f)
            try:
                os.rename(new, file)
            except OSError:  # FAT replaces no file
                os.remove(file)
                os.rename(new, file)
        else:
            saved = memoryview(self._image)[: self._saved_bytes()]
            file.write(saved)
            file.write(struct.pack("<I", crc32(saved)))


def load(file):
    """The model in a file, given by name or open for reading in binary.

    ValueError: the file is no model, of another version, cut short or damaged.
    """
    if isinstance(file, str):
        try:
            f = open(file, "rb")
        except OSError:
            try:
                f = open(file + ".new", "rb")  # the power went while save was replacing it
            except OSError:
                raise OSError("there is no file " + file) from None
        with f:
            return load(f)
    spec = bytearray(file.read(_MODEL_SPEC_BYTES))
    if len(spec) < _MODEL_SPEC_BYTES or spec[:4] != b"TYNP":
        raise ValueError("the file is no tinyprop model")
    if spec[_MODEL_SPEC_VERSION] != _VERSION:
        raise ValueError(_layout_error(_E_VERSION, spec))
    spec += file.read(_LAYER_SPEC_BYTES * spec[_MODEL_SPEC_N_LAYERS])
    shapes = array("H", bytes(8 * spec[_MODEL_SPEC_N_LAYERS]))
    n_bytes = _tinyprop.layout(spec, shapes)
    if n_bytes > 0:
        model = object.__new__(Model)
        model._image = image = _new(n_bytes)
        image[: len(spec)] = spec
        state = memoryview(image)[len(spec) : model._saved_bytes()]
        file.readinto(state)
        if file.read(5) == struct.pack("<I", crc32(state, crc32(spec))):
            model._attach(image, shapes)
            return model
    raise ValueError("the file is damaged or cut short")


def _auto_lr(mse):
    """What a rate that finds itself settles at, before it is divided by the size of the inputs."""
    return 0.025 if mse else 0.1


def _lr(value):
    """(m, n) with m / 2^n nearest to value and m of 16 to 31."""
    if not isinstance(value, _NUMBERS) or not 2e-8 <= value <= 1:
        _wrong("lr", value, "2e-8 to 1")
    n = 0
    while value < 16:
        value *= 2
        n += 1
    m = int(value + 0.5)
    return (m, n) if m < 32 else (16, n - 1)


def _join(rows, n):
    """A list of rows of n numbers, or of single numbers, as one array."""
    joined = array("f", [])
    for row in rows:
        if isinstance(row, _NUMBERS):
            joined.append(row)
            continue
        if len(row) != n:
            raise ValueError("a sample has %d values, expected %d" % (len(row), n))
        for value in row:
            joined.append(value)
    return joined


def _items(x):
    """How many numbers x has: a buffer, an array of any dimensions (which has a size), or 1."""
    return 1 if isinstance(x, _NUMBERS) else x.size if hasattr(x, "size") else len(x)
