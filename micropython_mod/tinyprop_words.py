"""A model in words, names of classes, and why something is refused. `tinyprop` imports this file
when it is first needed.
"""

import gc
import struct
import sys
from array import array

import _tinyprop
from tinyprop import _NO_NUMBER, _NUMBERS, _class_number, _items, _part, _replay_bytes
from tinyprop_layers import (
    _MOST,
    _brief,
    _check_name,
    _is_list,
    _length,
    _plain,
    _range_place,
    _short,
    _wrong,
)


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_VERSION = const(5)
_SHAPE = const(7)
_MAX_VALUES = const(65534)
_CONV = const(1)
_DEPTHWISE = const(2)
_AVGPOOL = const(4)
_ACTIVATION_NAMES = const(("linear", "relu", "sigmoid", "tanh"))
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
_E_OVERLAP = const(-19)
_MODEL_SPEC_BYTES = const(40)
_MODEL_SPEC_VERSION = const(4)
_MODEL_SPEC_N_LAYERS = const(5)
_MODEL_SPEC_IN_H = const(14)
_MODEL_SPEC_N_INPUT_RANGES = const(20)
_MODEL_SPEC_REPLAY = const(32)
_LAYER_SPEC_BYTES = const(16)
_LAYER_SPEC_FORMAT = const("<8BH6x")
_LAYER_SPEC_TRAINABLE = const(2)
_MODEL_STATE_STEPS = const(8)
_LEARNED_RANGE_BYTES = const(16)
# ---- end of the format

# What a call takes at most, in cycles of a Cortex-M0+ for each value of x, layer, pixel of an
# output, value that a layer reads or gives, multiply-accumulate, and weight.
_PREDICT = (330, 12000, 1300, 45, 20, 0)
_LEARN = (1150, 20000, 2600, 130, 28, 160)
_FOLLOW = 300  # for each remembered value: where learned ranges move, it follows
# By the architecture of .mpy files: armv6m, armv7m, armv7emsp, armv7emdp, xtensawin, rv32imc.
# Percent of these cycles, with two for each instruction.
_PERCENT = {4: 100, 5: 150, 7: 120, 8: 120, 10: 190, 11: 170}


# ---- a model in words


def _size_text(height, width):
    return "%d" % height if height == width else "(%d, %d)" % (height, width)


def _shape_text(shape):
    return "%d" % shape[2] if shape[0] == shape[1] == 1 else "%d x %d x %d" % shape


def _layer_text(spec, at):
    """A layer as it is written in Python, from its spec at an offset in `spec`."""
    layer = struct.unpack_from(_LAYER_SPEC_FORMAT, spec, at)
    kind, activation, trainable, same, height, width, down, right, units = layer
    name = ("Dense", "Conv2D", "DepthwiseConv2D", "MaxPool2D", "AvgPool2D")[kind]
    if kind != _DEPTHWISE and height == down == 1 < max(width, right):
        name, height, down = name[:-2] + "1D", width, right
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
        on_file += len(_part("files")._packed(model._names))
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
    replay = struct.unpack_from("<H", model._image, _MODEL_SPEC_REPLAY)[0]
    steps = 3 if replay else 1
    in_given, out_given = struct.unpack_from("<2H", model._image, _MODEL_SPEC_N_INPUT_RANGES)
    for n_values, given in ((n, in_given), (model._n_out, out_given or not model._mse)):
        learn += 0 if given else _FOLLOW * replay * n_values
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


# ---- models that cannot be


# What makes a layer smaller, by its kind.
_SMALLER = (
    "fewer units, or fewer inputs (a pool before it)",
    "fewer filters, strides=2, or a MaxPool2D behind it",
    "strides=2, or a MaxPool2D behind it",
    "a larger pool_size",
    "a larger pool_size",
)


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
    hint = ""
    if code == _E_LAYER and below[0] == 1:
        hint = ": for a series, (length, channels), there are Conv1D, MaxPool1D and AvgPool1D"
    return "layer %d: %s %s an input of %d x %d x %d (height, width, channels)%s" % (
        (i, _layer_text(spec, at), fault) + below + (hint,)
    )


# ---- names of classes


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
        code = _tinyprop.run(model._image, x, numbers, 1 if total is None else total, 0, 0, True)
        if code < 0:
            model._as_arrays(code, x, labels, total)
        model._names = names if any(names) else ()
    return x, numbers


def _free(model, what, label, names, labels, learning):
    """The first output without a name that no class was taught to by its number."""
    shown, known = _shown(model), []
    for i, name in enumerate(names):
        if name or shown[i] or learning and i in labels:
            known.append(name or str(i))
        elif learning:
            return i
    known = _short(", ".join(known))
    if not learning:
        _wrong(what, label, "one of the classes, " + (known or "of which it knows none"))
    alike = [_brief(name) for name in names if name and _letters(name) == _letters(label)]
    make = "Is it %s? Else make" % alike[0] if alike else "Make"
    raise ValueError(
        "%s is %s, a new class, and each of the %d outputs has one: %s. %s a new Model whose"
        " last layer has more units" % (what, _brief(label), len(names), known, make)
    )


def _letters(name):
    """The same for names that are easily mistaken: "Dry" and "dry ", "wave" and "wvae"."""
    return sorted(name.strip().lower())


def _likeliest(model, x, label):
    """The likeliest class, where that is an output without a name: a spare one, which is no answer
    unless it was taught by its number."""
    shown = _shown(model)
    if not shown[label]:
        p = model._outputs(x)
        label = max((p[i], -i) for i, name in enumerate(model._names) if name or shown[i])[1]
        label = -label
    return model._names[label] or label


def _shown(model):
    """For each class the step at which it was last shown, 0: never."""
    state = _part("state")
    return state._tally(model, state._places(model))


def _class_text(model, label):
    return model.classes[label] or str(label)


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
    arrays = _arrays(x, y)
    if arrays:
        if code == _E_X_TYPE and _is_array(x):
            sample = struct.unpack_from("<3H", model._image, _MODEL_SPEC_IN_H)
            return arrays.samples("x", x, sample, total), y
        if code == _E_Y_TYPE and _is_array(y):
            if model._mse:
                return x, arrays.samples("y", y, (model._n_out,), total)
            return x, arrays.class_numbers(y, model._n_out, 1 if total is None else total)
    if code == _E_X_TYPE and _is_list(x):
        shape = _shape_of(x)
        if len(shape) > (1 if total is None else 2):
            return _unnested(model, x, shape, total), y
    return _refused(model, code, x, y, total)


def _shape_of(x):
    """How long lists within lists are, going by the first one of each."""
    shape = ()
    while _length(x):
        shape += (len(x),)
        x = x[0] if _is_list(x) else 0
    return shape


def _unnested(model, x, shape, total):
    """Lists within lists, such as the rows of pictures, as one array."""
    sample = struct.unpack_from("<3H", model._image, _MODEL_SPEC_IN_H)
    _check_shape("x", shape, sample, total)
    values = array("f", [])
    _pour(values, "x", x, shape)
    return values


def _check_shape(name, shape, sample, total):
    """Raises if x or y of this shape is neither a sample nor `total` of them."""
    if not _has_shape(shape, sample, total):
        turned = len(shape) == 2 and shape[1] == total
        n = total if turned or name == "y" else shape[0]  # as total goes by the size of x
        expected = (() if total is None else (n,)) + (_sizes(sample) or (1,))
        raise ValueError("%s is of shape %s, expected %s" % (name, shape, expected))


def _has_shape(shape, sample, total):
    """Whether this is the shape of a sample, or of `total` of them one after the other. Sizes of 1
    do not count; a sample may come in one row, and where it is one, in any form. One dimension
    passes: whether it is of the right length, the core knows."""
    if len(shape) < 2:
        return True
    sample, shape = _sizes(sample), _sizes(shape)
    if total not in (None, 1):
        if shape[:1] != (total,):
            return False
        shape = shape[1:]
    in_a_row = 1 in (len(shape), len(sample))
    return shape == sample or (in_a_row and _product(shape) == _product(sample))


def _sizes(shape):
    return tuple(n for n in shape if n != 1)


def _product(sizes):
    product = 1
    for n in sizes:
        product *= n
    return product


def _pour(values, name, items, shape):
    """Appends lists within lists, of this shape, to an array."""
    _check_length(name, items, shape[0], "a list of %d" % shape[0])
    if len(shape) > 1:
        for i, item in enumerate(items):
            _pour(values, "%s[%d]" % (name, i), item, shape[1:])
        return
    try:
        for value in items:
            values.append(value)
    except _NO_NUMBER:
        _refuse_items(name, items, "f", "a number", 0)


def _arrays(*values):
    """What knows the arrays of numpy and the like; None on a board, or while nobody uses them."""
    if "numpy" not in sys.modules and not any(map(_has_rows, values)):
        return None
    try:
        from tinyprop_desk import arrays
    except ImportError:
        return None
    return arrays


def _is_array(value):
    """Whether it can be an array, or is a list of equally long things of which some can."""
    if not _is_list(value):
        return hasattr(value, "__array__") or _has_rows(value)
    return any(hasattr(v, "__array__") for v in value) and len(set(map(_length, value))) == 1


def _has_rows(value):
    """Whether it is an array, or a memoryview, of several dimensions."""
    return len(getattr(value, "shape", ())) > 1


def _refused(model, code, x, y, total=None):
    """Raises why a call was refused. total: how many samples a call for many of them has."""
    many, mse = total is not None, model._mse
    total = total if many else 1
    n_targets = total * (model._n_out if mse else 1)
    each = ": %d for each of %d samples" % (n_targets // total, total) if total > 1 else ""
    if code == _E_X_LENGTH:
        expected = "a multiple of %d" if many else "%d"
        raise ValueError("x has %d values, expected " % _items(x) + expected % model._n_in)
    if code == _E_Y_LENGTH:
        raise ValueError("y has %d values, expected %d%s" % (_items(y), n_targets, each))
    if code == _E_X_TYPE:
        _refuse_items("x", x, "f", "a number", many and model._n_in)
        expected = "a buffer of B b H h I i L l or f, or a list"
        raise TypeError("x is %s, expected %s" % (_kind(x), expected))
    if code == _E_Y_TYPE and not mse and isinstance(y, int):  # a large one
        code = _E_Y_CLASS
    if code == _E_Y_TYPE:
        letter, number = ("f", "number%s") if mse else ("i", "class number%s (int)")
        expected = "a " + number % ""
        one, name = (y[0], "y[0]") if many and _is_list(y) and y else (y, "y")
        if not mse and _length(one) == model._n_out:  # a 1 among zeros
            expected += ", such as %s.index(1)" % name
        elif not mse and isinstance(one, float):
            expected += ", or a model of numbers: loss='mse'"
        elif not mse:
            expected += " or its name (str)"
        if many or mse:
            _refuse_items("y", y, letter, expected, many and mse and model._n_out)
        if n_targets != 1:
            expected = "a buffer or a list of %d %s" % (n_targets, number % "s")
        raise TypeError("y is %s, expected %s" % (_kind(y), expected))
    if code == _E_X_FINITE:
        _refuse_number("x", x, model._n_in, total > 1)
    if code == _E_Y_FINITE:
        _refuse_number("y", y, model._n_out, total > 1)
    y = _plain(y)
    if code == _E_Y_CLASS:
        for label in [y] if isinstance(y, int) else y:
            if isinstance(label, int) and not 0 <= label < model._n_out:
                _wrong("y", _plain(label), "a class number, 0 to %d" % (model._n_out - 1))
    if code == _E_NO_RANGE:
        ranges = ("input_range", "output_range")[: 1 + mse]
        unknown = " or ".join(name for name in ranges if getattr(model, name) is None)
        raise ValueError("no %s is known: learn first, or give it as (lo, hi)" % unknown)
    if code == _E_OVERLAP:
        raise ValueError("x, y and out must not lie in the model's own memory: give copies")
    if code == _E_OUT:
        raise ValueError("out is no array('f') of %d places" % model._n_out)
    raise ValueError("the model is damaged")


def _kind(value):
    """A single number or text as it is, of an array what it holds, and of all else the type."""
    if value is None or isinstance(value, (str,) + _NUMBERS):
        return _brief(value)
    if isinstance(value, array):
        return repr(value)[:9] + ")"  # array('d')
    return str(type(value))


def _refuse_number(name, values, n_values, many):
    """Raises which number is none that can be learned from, in a buffer with n_values a sample."""
    i = 0
    while -_MOST <= values[i] <= _MOST:
        i += 1
    place = name
    if many:
        place += "[%d]" % (i // n_values)
    if n_values > 1:
        place += "[%d]" % (i % n_values)
    said = "%s holds a NaN, an infinity, or a number beyond %g: %s is %s. Leave such samples out"
    raise ValueError(said % (name, _MOST, place, values[i]))


def _no_classes(name):
    raise ValueError("%s needs classes, and this model has loss='mse': use predict" % name)


def _refuse_none(x):
    """Raises if x has no sample; the core refuses what is no buffer."""
    try:
        n = _items(x)
    except TypeError:
        return
    if n == 0:
        raise ValueError("evaluate needs one sample or more, and x has none")


def _refuse_items(name, items, letter, expected, n_values):
    """Raises which item of a list is none for an array of this letter. n_values: how many an item
    has that is a sample; 0 if items are to be single numbers."""
    for i, item in enumerate(items if _is_list(items) else ()):
        where = "%s[%d]" % (name, i)
        if n_values and not isinstance(item, _NUMBERS):
            several = " or a list of %d" % n_values if n_values > 1 else ""
            _check_length(where, item, n_values, expected + several)
            _refuse_items(where, item, letter, expected, 0)
            continue
        try:
            array(letter, [item])
        except OverflowError:
            _wrong(where, item, "a number up to %g" % _MOST)
        except TypeError:
            raise TypeError("%s is %s, expected %s" % (where, _brief(item), expected)) from None


def _check_length(name, row, n, expected):
    """Raises if it is no row of n values."""
    found = _length(row)
    if found is None:
        raise TypeError("%s is %s, expected %s" % (name, _brief(row), expected))
    if found != n:
        raise ValueError("%s has %d values, expected %d" % (name, found, n))


def _no_setting(name):
    raise AttributeError(
        "%s cannot be set: lr, input_range and output_range can. All else is given when the model"
        " is made, and stays" % name
    )
