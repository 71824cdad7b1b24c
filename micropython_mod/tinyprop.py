"""A neural network that learns on the board it runs on.

    import tinyprop as tp

    m = tp.Model((3,), [tp.Dense(16, activation="relu"), tp.Dense(4)], input_range=(-2, 2))
    m.learn(x, 2)        # one step: x is what was measured, 2 is what it means
    m.predict(x)         # what the model makes of it

The same files run on a board and on a PC. This one has what a model needs to learn. All
arithmetic on the model is in `_tinyprop`, in integers, and gives the same bits everywhere. A board
imports the other parts only when they are needed:

    tinyprop_layers    layers and policies, and a new model of them
    tinyprop_words     summaries, names of classes, errors
    tinyprop_state     ranges, weights, numbers of learning, what a model knows
    tinyprop_check     what is wrong, and what to do
    tinyprop_files     how a model is kept
    tinyprop_sensor    from a sensor to a model
    tinyprop_fleet     one of many boards that learn together
"""

import gc
import struct
from array import array

import _tinyprop
from _tinyprop import learn as _learn
from _tinyprop import predict as _predict

__version__ = "0.1.0"


def const(value):  # more to MicroPython: its compiler puts the value in place of the name
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_SHAPE = const(7)
_MSE = const(1)
_E_X_TYPE = const(-7)
_E_Y_TYPE = const(-10)
_E_Y_CLASS = const(-12)
_E_OUT = const(-15)
_E_BUSY = const(-18)
_MODEL_SPEC_BYTES = const(40)
_MODEL_SPEC_N_LAYERS = const(5)
_MODEL_SPEC_LOSS = const(6)
_MODEL_SPEC_SAVED_BYTES = const(8)
_MODEL_SPEC_LR_MANTISSA = const(12)
_MODEL_SPEC_LR_SHIFT = const(13)
_MODEL_SPEC_IN_H = const(14)
_MODEL_SPEC_REPLAY = const(32)
_MODEL_SPEC_AUTO_RATE = const(34)
_MODEL_SPEC_BUSY = const(36)
_LAYER_SPEC_BYTES = const(16)
_MODEL_STATE_LOSS_COUNT = const(4)
_MODEL_STATE_LOSS_SUM = const(24)
# ---- end of the format

# Multiply-accumulates of learn_many between two checks for Ctrl-C: some milliseconds on a Pico.
_CHUNK_MACS = const(20000)

_LISTS = (list, tuple)  # made once, so that isinstance allocates nothing
_NUMBERS = (int, float, bool)  # which is no int in MicroPython
_NO_NUMBER = (TypeError, OverflowError, ValueError)  # of numpy, for an array in place of one
_NO_LIST = array("f")
_NO_IMAGE = bytearray(_MODEL_SPEC_BUSY + 1)  # for what would free a model that is not held


def _part(name):
    try:
        return __import__("tinyprop_" + name)
    except ImportError as e:  # which may be of another part that this one needs
        raise ImportError("%s: copy its .mpy file to the board" % e) from None


def __getattr__(name):  # Dense, Conv2D, .. Full, TopK, ..
    if name[0] == "_" and name != "__all__":
        raise AttributeError(name)
    return getattr(_part("layers"), name)


def __dir__():  # what a prompt on a PC completes
    return dir(_part("layers"))


class Model:
    """A network, its training state and its working memory, all in one bytearray.

    input_shape   a number of values, (length, channels) or (height, width, channels)
    layers        a list of Dense, Conv2D, ...; the last one a Dense of one unit a class (2 or
                  more) or output
    loss          "crossentropy" for classes, "mse" for numbers
    lr            learning rate: None finds one for each layer as it goes. 2e-8 to 1: that rate,
                  rounded to m / 2^n with m of 16 to 31 (within 3 %)
    policy        Adaptive(), Diffused(), TinyPropV2(), TinyProp(), TopK(), Full()
    input_range   None: learned from the values of x, for each one of a flat input, for each
                  channel else. Or given: (lo, hi), or a list of such pairs, one a channel
    output_range  the same for y, with loss="mse"
    replay        how many samples to remember, the same number of each class, or 0; each step is
                  followed by two on remembered samples. 1 byte a value and 2 a label
    seed          0 to 2^30 - 1; the same seed gives the same weights on every machine
    classes       a list of names, of the first outputs or all; others get theirs from `learn`

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
        classes=None,
    ):
        settings = loss, lr, policy, input_range, output_range, replay, seed, classes
        self._attach(*_part("layers")._build(input_shape, layers, *settings))

    def _attach(self, image, shapes, names=()):
        self._image = image
        self._names = names  # a list, None where an output has no name; () if none has
        self._shapes = shapes  # as of _tinyprop.layout
        self._mse = image[_MODEL_SPEC_LOSS] == _MSE
        self._state = _MODEL_SPEC_BYTES + _LAYER_SPEC_BYTES * image[_MODEL_SPEC_N_LAYERS]
        height, width, channels = struct.unpack_from("<3H", image, _MODEL_SPEC_IN_H)
        self._n_in = height * width * channels
        macs = 1
        for i in range(0, len(shapes), _SHAPE):
            height, width, channels, fan_in = shapes[i : i + 4]
            self._n_out = height * width * channels
            macs += self._n_out * fan_in
        self._chunk = max(1, _CHUNK_MACS // macs)
        self._x = _NO_LIST  # lists are copied to it; as long as the last list
        self._autosave = self._loaded_from = None

    def __repr__(self):
        return _part("words")._model_text(self)

    def __setattr__(self, name, value):
        if name[0] != "_" and not hasattr(Model, name):
            _part("words")._no_setting(name)
        object.__setattr__(self, name, value)

    # -- learning and predicting

    def learn(self, x, y):
        """One step on one sample. True when it trained, False when the sample was skipped.

        x: a buffer of one of the array types B b H h I i L l f, or a list or tuple of numbers, or
        of rows of them; as many as the input has, row by row. y: a class number, or its name: a
        new one becomes that of the next free output. With loss="mse" one target per output, in a
        buffer, list or tuple, or a single number. On a PC both may be any array of numpy or
        pandas.
        ValueError, TypeError: x or y is not like that; the model is unchanged.
        Allocates nothing for buffers, class numbers and names that are known.
        """
        trained = _learn(self._image, x, y)
        if trained < 0:
            trained = self._once_more(_learn, trained, x, y)
        return trained == 1

    def learn_many(self, x, y):
        """One step on each of many samples, in order. Returns how many were not skipped.

        x: the samples one after the other in one buffer (or a 2-dimensional array); y: the class
        numbers, or targets, in another. A list of samples with a list of their y, which may be
        names, works as well.
        Ctrl-C, timers and a watchdog are served between samples, every few milliseconds if a
        sample takes less.
        """
        return self._many(x, y, True)

    def evaluate(self, x, y):
        """The share of samples classified correctly, or with loss="mse" the mean loss.

        Learns nothing. x, y: as in learn_many, but at least one sample. The mean loss is in `loss`
        afterwards.
        """
        right = self._many(x, y, False)
        return self.loss if self._mse else right

    def predict(self, x):
        """The most likely class of x: its name, if it has one, or its number. With loss="mse" the
        output, or a list of all outputs.

        Allocates nothing for buffers and classes, once each class that has a name was taught.
        """
        if self._mse:
            out = self._outputs(x)
            return out[0] if self._n_out == 1 else out
        label = _predict(self._image, x, None)
        if label < 0:
            label = self._once_more(_predict, label, x, None)
        if self._names:
            return self._names[label] or _part("words")._likeliest(self, x, label)
        return label

    def predict_proba(self, x):
        """The probability of each class, in a list. ValueError with loss="mse", which has none."""
        if self._mse:
            _part("words")._no_classes("predict_proba")
        return self._outputs(x)

    def predict_into(self, x, out):
        """Fills out, an array('f') with one item per output, with the probability of each class.

        Returns the most likely class number. With loss="mse": fills out with the outputs, in the
        units of y, and returns None. Allocates nothing for buffers.
        """
        label = _E_OUT if out is None else _predict(self._image, x, out)
        if label < 0:
            label = self._once_more(_predict, label, x, out)
        return None if self._mse else label

    def knows(self, x):
        """Whether x is like what it was taught. It needs replay=, some 50 for each class.

        It is if a remembered sample is near, and the answer is no more in doubt than usual: as it
        is with 19 of 20 of these.
        ValueError, TypeError: x is not as in learn, or nothing is remembered of what it learned.
        """
        return _part("state")._knows(self, x)

    def _outputs(self, x):
        out = array("f", [0] * self._n_out)
        self.predict_into(x, out)
        return list(out)

    def _once_more(self, function, code, x, y):
        """Repeats a refused call with lists and numbers copied to arrays; raises other errors."""
        copied, self._x = self._x, _NO_LIST  # an interrupt that has a list too takes another
        try:
            if code == _E_X_TYPE and isinstance(x, _LISTS):
                if len(x) == len(copied):
                    for i in range(len(x)):
                        copied[i] = x[i]
                else:
                    copied = array("f", x)
                x = copied
                code = function(self._image, x, y)
            if code == _E_Y_TYPE:
                if self._mse and isinstance(y, _LISTS + _NUMBERS):
                    y = array("f", y if isinstance(y, _LISTS) else [y])
                elif isinstance(y, str) and y in self._names:
                    y = self._names.index(y)
                code = function(self._image, x, y)
        except _NO_NUMBER:  # in a list: refused as it was
            pass
        self._x = copied
        if code < 0:
            x, y = self._as_arrays(code, x, y)
            code = self._once_more(function, function(self._image, x, y), x, y)
        return code

    def _as_arrays(self, code, x, y, total=None, learning=True):
        """(x, y) to repeat a refused call with; raises why it was refused if nothing helps."""
        if code == _E_BUSY:  # allocates and imports nothing: the call may be an interrupt's
            raise RuntimeError("the model is in another call: try again after that")
        return _part("words")._as_arrays(self, code, x, y, total, learning)

    def _many(self, x, y, learning):
        """How many samples it learned from; else the share that it classified correctly."""
        total = done = result = 0
        targets = y
        try:
            if isinstance(x, _LISTS):
                x = _join(x, self._n_in)
            total = _items(x) // self._n_in
            if isinstance(y, _LISTS):
                targets = _join(y, self._n_out) if self._mse else array("i", map(_class_number, y))
        except _NO_NUMBER:  # the core refuses what is no buffer
            total = total or (len(x) if isinstance(x, _LISTS) else 0)
        if not (learning or total):
            _part("words")._refuse_none(x)
        saves = learning and self._autosave
        while True:
            n = min(self._chunk, total - done)
            if saves:
                n = min(n, saves.left)
            code = _tinyprop.run(self._image, x, targets, total, done, n, learning)
            if code < 0:
                y = y if code == _E_Y_CLASS else targets
                return self._many(*self._as_arrays(code, x, y, total, learning), learning)
            result += code
            done += n
            if saves:
                saves.after(n, done == total)
            if done == total:
                return result if learning else result / total

    def _held(self, function, *arguments):
        """Calls function while no other call can change the model, or see it half changed."""
        freed = self._image  # before: Ctrl-C may come as soon as the model is held
        try:
            refused = _tinyprop.hold(freed)
            if refused:
                freed = _NO_IMAGE
                self._as_arrays(refused, None, None)
            function(*arguments)
        finally:
            freed[_MODEL_SPEC_BUSY] = 0  # no jump and no call, in which Ctrl-C could come first

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
        _part("state")._set_lr(self, value)

    @property
    def input_range(self):
        """(lo, hi) of the values of x, or a list of such pairs, one a value or channel.

        A learned range shows what it is now, None before the first sample; values beyond count as
        its ends. Set it to None and it is learned anew.
        """
        return _part("state")._get_range(self, 0)

    @input_range.setter
    def input_range(self, value):
        _part("state")._set_range(self, 0, value)

    @property
    def output_range(self):
        """The same for y; None with classes."""
        return _part("state")._get_range(self, 1)

    @output_range.setter
    def output_range(self, value):
        _part("state")._set_range(self, 1, value)

    @property
    def classes(self):
        """The names of the classes, in a list; None where an output has none."""
        return list(self._names) or [None] * self._n_out

    @property
    def loss(self):
        """Mean loss over the samples of the last learn, learn_many or evaluate."""
        return self._number("<Q", _MODEL_STATE_LOSS_SUM) / (self._count() << 24)

    def _count(self):
        """How many samples the last call had, at least 1."""
        return max(1, self._number("<I", _MODEL_STATE_LOSS_COUNT))

    def _number(self, letter, at):
        """A number of the state."""
        return struct.unpack_from(letter, self._image, self._state + at)[0]

    def stats(self):
        """What learning did so far, as a dictionary. accuracy and error are of the last 64 samples
        or so, each as it was predicted before it was learned from.

        steps, skipped          samples given to learn from, and those that were skipped
        replayed                steps on remembered samples
        accuracy                the share of samples that were right; None with loss="mse"
        error                   the mean of 1 - p, p being the probability of the right class; with
                                loss="mse" |output - y| in the units of y, a list for many outputs
        backward_share          multiply-accumulates for the selected errors, of all that dense
                                back-propagation in every step would have needed
        backward_share_nonzero  those that were really done: inputs of 0 are left out too
        outside                 values of x beyond their range, which counted as its end
        saturated               activations beyond the format of their layer, which adapts
        dead                    for each layer, how many of its units fire on nothing
        rates                   for each layer its learning rate; None where nothing is learned
        """
        return _part("state")._stats(self)

    def check(self):
        """What is wrong and what to do, in a list of sentences, the most important first. [] when
        all is well. It says nothing of the first 50 samples."""
        return _part("check")._check(self)

    def reset(self, seed=1):
        """Begins anew: first weights, and counters at 0. Settings, ranges, samples that are
        remembered, and layers that are not trained stay as they are."""
        _part("state")._reset(self, seed)

    def weights(self, i):
        """(weights, biases) of layer i as two array('f'): weights exactly, biases to 24 bits.

        Its sums are z = x w + b. Weights are in the order [input][unit] in a Dense,
        [row][column][channel][filter] in a Conv2D, [row][column][channel] in a DepthwiseConv2D. x
        is what the layer below gives; in the first layer it is 0 to 255/256 from lo to hi of
        input_range (docs/numbers.md has the other cases). ValueError: the layer has no weights.
        """
        return _part("state")._get_weights(self, i)

    def set_weights(self, i, weights, biases):
        """Gives layer i weights and biases: buffers or lists, nested or flat, in that order.

        ValueError: of another length, or one too large for the layer; nothing has changed then.
        """
        _part("state")._set_weights(self, i, weights, biases)

    def summary(self):
        """Prints the layers, the RAM they take, and how long a call takes at most on a board."""
        _part("words")._summary(self)

    def save(self, file, replay=False):
        """Writes the model to a file, given by name or open for writing in binary.

        The file has all that was learned, counters and ranges included, and the same bytes on
        every machine; remembered samples only with replay=True. With a name: whenever the power
        goes, the model is there as it is now or as it was saved before, in NAME or in NAME.old.
        Meanwhile calls of interrupts and threads on this model are refused.
        OSError: it could not be written; what was there before is as it was.
        """
        self._held(_part("files")._save, self, file, replay)

    def autosave(self, file, every=1000, replay=False):
        """Saves to a file, given by name, after each `every` samples that learn or learn_many had.

        None for a file ends it. Flash wears out: docs/api.md says how soon.
        OSError, from learn, or at the end of learn_many: it could not be saved. All is learned
        nonetheless, and the next attempt is after as many samples again.
        """
        self._autosave = _part("files")._save_by_itself(self, file, every, replay)

    @property
    def loaded_from(self):
        """The name of the file that load read it from, maybe that with .old; None: it has none."""
        return self._loaded_from

    def _saved(self):
        """The part of the image that a file holds."""
        n_bytes = struct.unpack_from("<I", self._image, _MODEL_SPEC_SAVED_BYTES)[0]
        return memoryview(self._image)[:n_bytes]

    def _replay_bytes(self):
        """How much of the image is for samples that are remembered."""
        return _replay_bytes(self._image[: self._state], self._shapes, len(self._image))


def _replay_bytes(spec, shapes, n_bytes):
    """How much of n_bytes, which a model of this spec has, is for samples that are remembered."""
    spec = bytearray(spec)
    spec[_MODEL_SPEC_SAVED_BYTES : _MODEL_SPEC_SAVED_BYTES + 4] = bytes(4)
    spec[_MODEL_SPEC_REPLAY:_MODEL_SPEC_BYTES] = bytes(_MODEL_SPEC_BYTES - _MODEL_SPEC_REPLAY)
    return n_bytes - _tinyprop.layout(spec, shapes)


def _new(n_bytes, spec, shapes):
    """An image of a spec and zeros; on a board in what is free in one piece."""
    if hasattr(gc, "mem_free"):
        gc.collect()
    try:
        image = bytearray(n_bytes)
    except MemoryError:
        _part("words")._no_room(n_bytes, spec, shapes)
    image[: len(spec)] = spec
    return image


def load(file):
    """The model in a file, given by name or open for reading in binary.

    If the file is not whole, as the power went while it was written, the one before it, which is
    in NAME.old; it prints so, and loaded_from tells.
    OSError: there is no file. ValueError: it is no model, of another version, cut short or
    damaged. MemoryError: the model needs more RAM than is free.
    """
    return _part("files")._load(file)


def _join(rows, n):
    """A list of rows of n numbers, or of single numbers, as one array. TypeError: it is none."""
    joined = array("f", [])
    for row in rows:
        if isinstance(row, _NUMBERS):
            joined.append(row)
            continue
        if len(row) != n:
            raise TypeError
        for value in row:
            joined.append(value)
    return joined


def _class_number(label):
    """A class number that an array can hold."""
    return label if 0 <= label < 65534 else -1


def _items(x):
    """How many numbers x has: a buffer or an array, of any dimensions, or 1."""
    if isinstance(x, _NUMBERS):
        return 1
    if hasattr(x, "size"):  # numpy, ulab
        return x.size
    return x.nbytes // x.itemsize if hasattr(x, "nbytes") else len(x)  # a memoryview of CPython
