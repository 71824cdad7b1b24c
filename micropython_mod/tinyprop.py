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

const = int  # more to MicroPython: its compiler puts the number in place of the name

# The model image, as in core/tinyprop.h: a head, a record for each layer, and what C lays out.
_VERSION = const(2)
_HEAD_BYTES = const(128)
_RECORD_BYTES = const(80)
_STEPS = const(36)  # offsets in the head
_COUNTERS = const(80)
_LOSS = const(68)
_BAD_LAYER = const(12)
_SIZES = const(44)

_DENSE = const(0)
_CONV = const(1)
_DEPTHWISE = const(2)
_MAXPOOL = const(3)
_AVGPOOL = const(4)
_KINDS = ("Dense", "Conv2D", "DepthwiseConv2D", "MaxPool2D", "AvgPool2D")
_ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh")
_LOSSES = ("crossentropy", "mse")

# Results of `_tinyprop` that are no results (tp_err_t in core/tinyprop.h).
_BAD_VERSION = const(-2)
_BAD_SHAPE = const(-3)
_BAD_OUTPUT = const(-4)
_TOO_BIG = const(-5)
_X_LENGTH = const(-6)
_X_TYPE = const(-7)
_X_FINITE = const(-8)
_Y_LENGTH = const(-9)
_Y_TYPE = const(-10)
_Y_FINITE = const(-11)
_Y_CLASS = const(-12)
_BAD_RANGE = const(-13)
_NO_RANGE = const(-14)
_BAD_OUT = const(-15)

# Of a learn_many between two looks at Ctrl-C: some milliseconds on a Pico.
_CHUNK_MACS = const(20000)
_DEAD_AFTER = const(64)  # learn steps in a row with nothing but zeros


def _wrong(name, value, expected):
    raise ValueError("%s is %r, expected %s" % (name, value, expected))


def _choice(name, value, choices):
    if value not in choices:
        _wrong(name, value, "one of " + ", ".join(choices))
    return choices.index(value)


_LISTS = (list, tuple)  # once: a test against them allocates nothing
_NUMBERS = (int, float)


def _is_list(value):
    return isinstance(value, _LISTS)


def _pair(name, value):
    """(height, width) of a kernel or stride given as one number or two."""
    pair = value if _is_list(value) else (value, value)
    if len(pair) != 2:
        _wrong(name, value, "one number or two")
    return _count(name, pair[0], 255), _count(name, pair[1], 255)


def _count(name, value, most=65534):
    if not isinstance(value, int) or not 1 <= value <= most:
        _wrong(name, value, "1 to %d" % most)
    return value


# ---- layers: each is its record in the image


def _layer(
    kind,
    units=0,
    kernel=(0, 0),
    stride=(0, 0),
    padding="valid",
    activation="linear",
    trainable=True,
):
    settings = (
        kind,
        _choice("activation", activation, _ACTIVATIONS),
        bool(trainable),
        _choice("padding", padding, ("valid", "same")),
    )
    return struct.pack("<8BH70x", *settings + kernel + stride + (units,))


def Dense(units, activation="linear", trainable=True):
    """A layer of `units` outputs, each of which sees every input (of any shape).

    activation: "linear", "relu", "sigmoid" or "tanh". trainable=False keeps its weights.
    """
    return _layer(_DENSE, _count("units", units), activation=activation, trainable=trainable)


def Conv2D(filters, kernel_size, strides=1, padding="valid", activation="linear", trainable=True):
    """`filters` small images, kernel_size high and wide, looked for all over the input.

    Input (height, width, channels), output (height, width, filters). kernel_size and strides are
    one number or (height, width); padding "valid" or "same", as in Keras.
    """
    kernel, stride = _pair("kernel_size", kernel_size), _pair("strides", strides)
    filters = _count("filters", filters)
    return _layer(_CONV, filters, kernel, stride, padding, activation, trainable)


def Conv1D(filters, kernel_size, strides=1, padding="valid", activation="linear", trainable=True):
    """Conv2D for a series: input (length, channels), output (length, filters)."""
    return Conv2D(filters, (1, kernel_size), (1, strides), padding, activation, trainable)


def DepthwiseConv2D(kernel_size, strides=1, padding="valid", activation="linear", trainable=True):
    """A Conv2D of one filter for each channel, which sees that channel alone."""
    kernel, stride = _pair("kernel_size", kernel_size), _pair("strides", strides)
    return _layer(_DEPTHWISE, 0, kernel, stride, padding, activation, trainable)


def MaxPool2D(pool_size=2):
    """The largest of each window of pool_size, a number or (height, width); (1, 2): a series."""
    size = _pair("pool_size", pool_size)
    return _layer(_MAXPOOL, 0, size, size)


def AvgPool2D(pool_size=2):
    """The mean of each window of pool_size, one number or (height, width); (1, 2) for a series."""
    size = _pair("pool_size", pool_size)
    return _layer(_AVGPOOL, 0, size, size)


def GlobalAvgPool2D():
    """The mean of each channel over the whole input."""
    return _layer(_AVGPOOL)


# ---- policies, as in the head: which samples to learn from, which errors to keep (docs/method.md)


def _share(name, value, one):
    if not 0 <= value <= 1:
        _wrong(name, value, "0 to 1")
    return int(value * one + 0.5)


def _policy(kind, s_min=0, s_max=0, zeta=1, skip=0):
    q15 = 1 << 15
    return (
        kind,
        _share("s_min or ratio", s_min, q15),
        _share("s_max", s_max, q15),
        _share("zeta", zeta, q15),
        _share("skip", skip, 1 << 14),
    )


def Full():
    """Learns from every error of every sample: the usual back-propagation."""
    return _policy(0)


def TopK(ratio=0.25):
    """Keeps the largest errors of a layer, always the same share (meProp, arXiv 1706.06197)."""
    return _policy(1, ratio, ratio)


def TinyProp(s_min=0, s_max=1, zeta=1):
    """Keeps a share of the largest errors that grows with their size (arXiv 2308.09201).

    s_min .. s_max: that share, from no error to the largest one seen; zeta: multiplies it for each
    layer further down. All 0 to 1.
    """
    return _policy(1, s_min, s_max, zeta)


def TinyPropV2(s_min=0, s_max=1, zeta=1, skip=0.1):
    """TinyProp, and samples that are known already cost no backward pass (arXiv 2409.07109).

    skip: a sample is skipped when its error is below this share of the largest; with crossentropy,
    when its class has a probability of 1 - skip or more.
    """
    return _policy(1, s_min, s_max, zeta, skip)


def Diffused(ratio=0.14, skip=0.1):
    """Keeps a share of the errors on average, and gathers the small ones until they count.

    ratio: that share; skip: as in TinyPropV2, but with loss="mse" no sample is skipped.
    """
    return _policy(2, ratio, skip=skip)


# ---- ranges


class Scaler:
    """Learns a range from the first `samples` samples, with a quarter to spare on either side.

    per_channel: a range for each channel (for each value, if the input has one dimension), for
    sensors of different kinds; else one range for all.
    """

    def __init__(self, samples=64, per_channel=False):
        self.samples = _count("samples", samples)
        self.per_channel = per_channel


def _plan_ranges(name, value, channels):
    """(number of ranges, samples to learn them from, the (lo, hi) pairs) of input_range=value."""
    if value is None:
        value = Scaler()
    if isinstance(value, Scaler):
        return channels if value.per_channel else 1, value.samples, ((0, 0),)
    expected = "(lo, hi) with lo < hi, or a list of %d of them" % channels
    if not _is_list(value) or not value:
        _wrong(name, value, expected)
    pairs = value if _is_list(value[0]) else [value]
    if len(pairs) not in (1, channels):
        _wrong(name, value, expected)
    for pair in pairs:
        if not _is_list(pair) or len(pair) != 2 or not -3.4e38 < pair[0] < pair[1] < 3.4e38:
            _wrong(name, pair, expected)
    return len(pairs), 0, pairs


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


def _layout_error(code, image):
    if code == _BAD_OUTPUT:
        return "the last layer must be a linear Dense"
    if code == _BAD_VERSION:
        return "a model of version %d, expected %d" % (image[4], _VERSION)
    if code != _BAD_SHAPE and code != _TOO_BIG:
        return "the model is damaged"
    i = image[_BAD_LAYER]
    at = _HEAD_BYTES + _RECORD_BYTES * i
    problem = "does not fit" if code == _BAD_SHAPE else "has more than 65534 values with"
    return "layer %d: %s %s an input of %d x %d x %d (height, width, channels)" % (
        (i, _KINDS[image[at]], problem) + struct.unpack_from("<3H", image, at + 24)
    )


class Model:
    """A network, its training state and its working memory, all in one bytearray.

    input_shape   a number of values, (length, channels) or (height, width, channels)
    layers        a list of Dense, Conv2D, ...; the last one a Dense of one unit a class or output
    loss          "crossentropy" for classes, "mse" for numbers
    lr            learning rate, 2e-8 to 1; rounded to m / 2^n with m of 16 to 31 (within 3 %)
    sparsity      Diffused(), TinyPropV2(), TinyProp(), TopK(), Full()
    input_range   (lo, hi) of the values of x; a list of such pairs, one a channel; or a Scaler,
                  which learns it. Values outside count as its ends (of twice the range with "mse")
    output_range  the same for y, with loss="mse"
    seed          0 to 2^30 - 1; the same seed gives the same weights on every machine

    ValueError: layers that do not fit together. MemoryError: more RAM than is free.
    """

    def __init__(
        self,
        input_shape,
        layers,
        loss="crossentropy",
        lr=0.02,
        sparsity=None,
        input_range=None,
        output_range=None,
        seed=1,
    ):
        shape = tuple(input_shape) if _is_list(input_shape) else (input_shape,)
        if not 1 <= len(shape) <= 3:
            _wrong("input_shape", shape, "1 to 3 numbers")
        for n in shape:
            _count("input_shape", n)
        _count("number of layers", len(layers), 254)
        for layer in layers:
            if not isinstance(layer, bytes):
                _wrong("a layer", layer, "Dense(...), Conv2D(...), ...")
        policy = sparsity or Diffused()
        if not isinstance(policy, tuple):
            _wrong("sparsity", policy, "Diffused(), Full(), ...")
        if not isinstance(seed, int) or seed >> 30:
            _wrong("seed", seed, "0 to 2^30 - 1")
        shape = (1, 1, 1)[len(shape) :] + shape
        mse = _choice("loss", loss, _LOSSES)
        n_in, learn_in, pairs = _plan_ranges("input_range", input_range, shape[2])
        n_out = learn_out = 0
        if mse:
            units = struct.unpack_from("<H", layers[-1], 8)[0]
            n_out, learn_out, pairs_out = _plan_ranges("output_range", output_range, units)
            pairs = list(pairs) + [(0, 0)] * (n_in - len(pairs)) + list(pairs_out)
        elif output_range is not None:
            _wrong("output_range", output_range, "None with loss='crossentropy'")
        head = struct.pack(
            "<4s6B4x3H2H4H2H92x",  # what the user asked for; the rest of the head is the core's
            b"TYNP",
            _VERSION,
            len(layers),
            mse,
            policy[0],
            *_lr(lr) + shape + (n_in, n_out) + policy[1:] + (learn_in, learn_out),
        )
        plan = bytearray(head + b"".join(layers))
        n_bytes = _tinyprop.layout(plan)
        if n_bytes < 0:
            raise ValueError(_layout_error(n_bytes, plan))
        image = _new(n_bytes)
        image[: len(plan)] = plan
        for i, pair in enumerate(pairs):
            struct.pack_into("<2f", image, len(plan) + 24 * i, *pair)
        if _tinyprop.init(image, seed) < 0:
            _wrong("a range", pairs, "lo < hi as float32")
        self._attach(image)

    def _attach(self, image):
        self._image = image
        self._mse = image[6]
        macs = 1
        for i in range(image[5]):
            _, _, _, _, _, _, n_in, self._n_out, fan_in = self._record(i)
            if i == 0:
                self._n_in = n_in
            macs += self._n_out * fan_in
        self._chunk = max(1, _CHUNK_MACS // macs)
        self._x = array("f")  # that lists are copied to; as long as the last one

    def _record(self, i):
        # 0 kind, 1 trainable, 2 quiet, 3..5 out_h, out_w, out_c, 6 n_in, 7 n_out, 8 fan_in
        return struct.unpack_from("<BxB17xH8x6H", self._image, _HEAD_BYTES + _RECORD_BYTES * i)

    # -- learning and predicting

    def learn(self, x, y):
        """One step on one sample. True when it trained, False when the sample was skipped.

        x: a buffer of any of the array types B b H h I i L l f, or a list or tuple of numbers. As
        many as the input has, row by row. y: a class number; with loss="mse" as many targets as
        there are outputs, in a buffer, list or tuple, or a single number.
        ValueError, TypeError: x or y is not of this kind; the model is unchanged.
        Allocates nothing for buffers and class numbers.
        """
        trained = _learn(self._image, x, y)
        if trained < 0:
            trained = self._once_more(_learn, trained, x, y)
        return trained == 1

    def learn_many(self, x, y):
        """A step on each of many samples, in their order. Returns how many were not skipped.

        x: the samples one after the other in one buffer (or a 2-dimensional array); y: the class
        numbers, or targets, in another. A list of samples, with a list of their y, will do too.
        Ctrl-C, timers and a watchdog are served every few milliseconds.
        """
        return self._many(x, y, True)

    def evaluate(self, x, y):
        """The share of samples classified rightly, or with loss="mse" the mean loss.

        Learns nothing. x, y: as in learn_many. The mean loss is in `loss` afterwards.
        """
        right = self._many(x, y, False)
        count = struct.unpack_from("<I", self._image, _LOSS)[0]
        return self.loss if self._mse else right / max(1, count)

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
        """Fills out, an array('f') of one place an output, with the probability of each class.

        With loss="mse": with the outputs, in the units of y. Allocates nothing for buffers.
        """
        code = _BAD_OUT if out is None else _predict(self._image, x, out)
        if code < 0:
            self._once_more(_predict, code, x, out)

    def _once_more(self, function, code, x, y):
        """Lists and numbers are copied to arrays, at the cost of RAM; the rest is an error."""
        if code == _X_TYPE and _is_list(x):
            if len(x) == len(self._x):
                for i in range(len(x)):
                    self._x[i] = x[i]
            else:
                self._x = array("f", x)
            x = self._x
            code = function(self._image, x, y)
        if code == _Y_TYPE:
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
        if code == _X_LENGTH:
            raise ValueError("x has %d values, expected %d" % (_items(x), total * self._n_in))
        if code == _Y_LENGTH:
            n = total * (self._n_out if self._mse else 1)
            raise ValueError("y has %d values, expected %d" % (_items(y), n))
        if code == _X_TYPE:
            raise TypeError(
                "x is %s, expected a buffer of B b H h I i L l or f, or a list" % type(x)
            )
        if code == _Y_TYPE:
            wanted = "%d numbers" % self._n_out if self._mse else "a class number (int)"
            raise TypeError("y is %s, expected %s" % (type(y), wanted))
        if code == _X_FINITE or code == _Y_FINITE:
            raise ValueError("%s holds a NaN or an infinity" % "xy"[code == _Y_FINITE])
        if code == _Y_CLASS:
            for label in [y] if isinstance(y, int) else y:
                if not 0 <= label < self._n_out:
                    _wrong("y", label, "a class number, 0 to %d" % (self._n_out - 1))
        if code == _NO_RANGE:
            raise ValueError("no range is known: learn first, or give input_range=(lo, hi)")
        if code == _BAD_OUT:
            raise ValueError("out is no array('f') of %d places" % self._n_out)
        raise ValueError("the model is damaged")

    # -- settings and state

    @property
    def lr(self):
        """Learning rate; may be set at any time."""
        return self._image[8] / (1 << self._image[9])

    @lr.setter
    def lr(self, value):
        self._image[8], self._image[9] = _lr(value)

    @property
    def loss(self):
        """Mean loss over the samples of the last learn, learn_many or evaluate, as they came."""
        count, total = struct.unpack_from("<IQ", self._image, _LOSS)
        return total / (count << 24) if count else 0.0

    def stats(self):
        """What learning did so far, as a dictionary.

        steps, skipped              calls of learn, and those that were skipped
        backward_share              multiply-accumulates of the errors that were kept, of all that
                                    dense back-propagation in every step would have needed
        backward_share_nonzero      those that were really done, as zeros are left out too
        saturated, clipped, clamped activations, errors and weights that met the end of their range
        dead                        layers that gave nothing but zeros in the last 64 steps
        """
        steps, skipped = struct.unpack_from("<2I", self._image, _STEPS)
        dense, kept, done, saturated, clipped, clamped = struct.unpack_from(
            "<6Q", self._image, _COUNTERS
        )
        return {
            "steps": steps,
            "skipped": skipped,
            "backward_share": kept / dense if dense else 0.0,
            "backward_share_nonzero": done / dense if dense else 0.0,
            "saturated": saturated,
            "clipped": clipped,
            "clamped": clamped,
            "dead": [i for i in range(self._image[5]) if self._record(i)[2] >= _DEAD_AFTER],
        }

    def summary(self):
        """Prints the layers, their output shapes and parameters, and the bytes of RAM and file."""
        total = 0
        print("layer            output           weights")
        for i in range(self._image[5]):
            r = self._record(i)
            shape = "%d" % r[5] if r[3] == r[4] == 1 else "%d x %d x %d" % r[3:6]
            parameters = (r[8] + 1) * r[5] if r[0] <= _DEPTHWISE else 0
            note = "" if r[1] or not parameters else "  (frozen)"
            print("%-16s %-14s %9d%s" % (_KINDS[r[0]], shape, parameters, note))
            total += parameters
        ram, saved = _sizes(self._image)
        print(
            "%d weights and biases, %d bytes of RAM, %d bytes as a file" % (total, ram, saved + 4)
        )

    # -- files

    def save(self, file):
        """Writes the model to a file, given by name or open for writing in binary.

        All that was learned, counters and ranges included. The same bytes on every machine. A file
        of that name is replaced only once the new one is whole, so a power cut loses neither.
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
            saved = memoryview(self._image)[: _sizes(self._image)[1]]
            file.write(saved)
            file.write(struct.pack("<I", crc32(saved)))


def load(file):
    """The model in a file, given by name or open for reading in binary.

    ValueError: the file is no model, of another version, cut short or altered.
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
    plan = bytearray(file.read(_HEAD_BYTES))
    if len(plan) < _HEAD_BYTES or plan[:4] != b"TYNP":
        raise ValueError("the file is no tinyprop model")
    if plan[4] != _VERSION:
        raise ValueError(_layout_error(_BAD_VERSION, plan))
    plan += file.read(_RECORD_BYTES * plan[5])
    crc = crc32(plan)  # of the bytes as they were in the file: layout mends some
    n_bytes = _tinyprop.layout(plan)
    if n_bytes > 0:
        image = _new(n_bytes)
        image[: len(plan)] = plan
        rest = memoryview(image)[len(plan) : _sizes(image)[1]]
        file.readinto(rest)
        if file.read(5) == struct.pack("<I", crc32(rest, crc)):
            model = object.__new__(Model)
            model._attach(image)
            return model
    raise ValueError("the file is damaged or cut short")


def _sizes(image):
    """Bytes of the image, and of the part of it that a file keeps."""
    return struct.unpack_from("<2I", image, _SIZES)


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
    """A list of rows of n numbers each, or of plain numbers, as one array."""
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
    """Numbers in a buffer, of any dimensions where it has a size; a number is one."""
    return 1 if isinstance(x, _NUMBERS) else x.size if hasattr(x, "size") else len(x)
