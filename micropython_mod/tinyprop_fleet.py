"""A board as one of many that learn a model together; the samples of each stay with it.
`tinyprop.fleet` is this file.

    member = tp.fleet.Member(model, tp.fleet.Serial())
    while True:
        ...                     # collect samples x, y; predict
        member.step(x, y)       # takes part in a round when the gateway begins one

The board asks, the gateway answers, and either may be gone at any time: a question that is not
answered is asked again, and all of them may be asked twice. Over any line a question is

    kind uint8, round uint32, number uint32, data        little-endian

and an answer the same nine bytes and other data. Without data it says that there is nothing to do,
or that the round is over.

    kind     number    data       answer
    0 here   0                    round, steps and length of the model's file: three uint32
    1 give   offset    how many   bytes of the file from there on, at most so many: uint16
    2 take   offset    bytes      1. They differ there from the file that was given
    3 done   samples   CRC-32     1; or 0 if the gateway has another: then all is sent again
"""

import gc
import struct
import sys
import time
from binascii import a2b_base64, b2a_base64, crc32

import _tinyprop
from tinyprop import _LISTS, _NUMBERS, _items, _part


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_VERSION_WITH_NAMES = const(6)
_E_X_LENGTH = const(-6)
_E_X_TYPE = const(-7)
_E_Y_TYPE = const(-10)
_MODEL_SPEC_VERSION = const(4)
_MODEL_SPEC_N_LAYERS = const(5)
_MODEL_SPEC_IN_C = const(18)
_MODEL_SPEC_N_INPUT_RANGES = const(20)
_MODEL_SPEC_BUSY = const(36)
_MODEL_STATE_BYTES = const(120)
_MODEL_STATE_LOSS_COUNT = const(4)
_MODEL_STATE_LOSS_SUM = const(24)
_MODEL_STATE_REPLAY_FRAC = const(94)
_MODEL_STATE_RANDOM = const(112)
_LAYER_STATE_BYTES = const(36)
_RANGE_BYTES = const(8)
_RANGE_FORMAT = const("<2f")
_LEARNED_RANGE_BYTES = const(16)
# ---- end of the format

_HERE = const(0)
_GIVE = const(1)
_TAKE = const(2)
_DONE = const(3)
_HEAD = "<BII"
_HEAD_BYTES = const(9)
_OFFER_BYTES = const(12)
# Bytes that stayed the same are sent along if fewer of them part two that changed.
_NEAR = const(12)
# Means and ranges in a file tell what a sample was if there are hardly any others, and so do those
# of a round of hardly any steps.
_LEAST = const(8)


class Member:
    """This board in a fleet.

    model  the Model that learns: of the same layers, settings and names of classes on all boards
    line   Serial(..) or MQTT(..): how the gateway is reached
    file   a name that the model is saved by after each round, or None
    every  milliseconds from one question whether there is a round, and its answer, to the next
    """

    def __init__(self, model, line, file=None, every=2000):
        self._model, self._line, self._file, self._every = model, line, file, every
        self._asked = None
        self.round = 0  # the last one that it took part in

    def __repr__(self):
        text = "Member(%r, %r, file=%r, every=%d; round %d)"
        return text % (self._model, self._line, self._file, self._every, self.round)

    def step(self, x, y):
        """Takes part in a round, if there is one that it has not yet been in: receives the model,
        learns from the samples, sends what changed. Returns whether it did all that.

        x, y: as of learn_many, 8 samples or more; a part of them is learned from in each round,
        which has 8 steps or more.
        If the gateway is lost meanwhile, the model is as it was, or has learned already.
        ValueError, TypeError: the fleet has another model, or none of the names in y, or x and y
        are not as of learn_many; the model is as it was.
        """
        asked = self._asked
        if asked is not None and time.ticks_diff(time.ticks_ms(), asked) < self._every:
            return False
        self._asked = None  # after days of few samples, ticks would have gone round
        n = _n_samples(self._model, x)
        if n < _LEAST:
            return False
        offer = self._ask(_HERE, self.round, 0)
        self._asked = time.ticks_ms()
        if not offer or len(offer) != _OFFER_BYTES:
            return False
        turn, steps, n_bytes = struct.unpack("<III", offer)
        if steps < _LEAST:
            return False
        self._check(x, y, turn, steps)
        received = self._receive(turn, n_bytes)
        if not received:
            return False
        self._adopt(received)
        learn(self._model, x, y, turn, steps)
        if self._file:
            self._model.save(self._file)
        if not self._send(turn, received, n):
            return False
        self.round = turn
        return True

    def _ask(self, kind, turn, number, data=b""):
        """The data of the answer; None: there was none."""
        question = struct.pack(_HEAD, kind, turn, number) + data
        answer = self._line.ask(question)
        return answer and answer[_HEAD_BYTES:]

    def _receive(self, turn, n_bytes):
        """The fleet's model, of so many bytes in its file, without names and CRC-32, which this
        one has as well; None: not all of it came."""
        model, names = self._model, self._names()
        n = len(model._saved()) - model._replay_bytes()
        if n_bytes != n + len(names) + 4:
            _refuse()
        gc.collect()
        received, at = bytearray(n_bytes), 0
        while at < n_bytes:
            piece = self._ask(_GIVE, turn, at, struct.pack("<H", self._line.piece))
            if not piece or len(piece) > n_bytes - at:
                return None
            received[at : at + len(piece)] = piece
            at += len(piece)
        view = memoryview(received)
        if _crc(view[:-4]) != received[-4:]:
            return None
        if received[: model._state] != self._spec() or view[n:-4] != names:
            _refuse()
        self._check_ranges(received)
        received[: model._state] = model._image[: model._state]  # so none of it is sent back
        return view[:n]

    def _spec(self):
        """As it is in the model's file."""
        spec = self._model._image[: self._model._state]
        spec[_MODEL_SPEC_BUSY : _MODEL_SPEC_BUSY + 4] = bytes(4)
        if self._model._names:
            spec[_MODEL_SPEC_VERSION] = _VERSION_WITH_NAMES
        return spec

    def _check_ranges(self, received):
        """ValueError: the fleet's model was given other ranges, which lie in the state."""
        model, image = self._model, self._model._image
        of_layers = _LAYER_STATE_BYTES * image[_MODEL_SPEC_N_LAYERS]
        of_x = model._state + _MODEL_STATE_BYTES + of_layers
        n_x, n_y = struct.unpack_from("<2H", image, _MODEL_SPEC_N_INPUT_RANGES)
        n_learned = struct.unpack_from("<H", image, _MODEL_SPEC_IN_C)[0]
        of_y = of_x + (n_x * _RANGE_BYTES or n_learned * _LEARNED_RANGE_BYTES)
        for name, start, n in ("input_range", of_x, n_x), ("output_range", of_y, n_y):
            for at in range(start, start + n * _RANGE_BYTES, _RANGE_BYTES):
                its = struct.unpack_from(_RANGE_FORMAT, received, at)
                here = struct.unpack_from(_RANGE_FORMAT, image, at)
                if its != here:
                    raise ValueError(
                        "the fleet's model has (%g, %g) in its %s, and this one (%g, %g): copy "
                        "its model.tp to this board" % (its + (name,) + here)
                    )

    def _names(self):
        """What the model's file has of names of classes."""
        names = self._model._names
        return _part("files")._packed(names) if names else b""

    def _check(self, x, y, turn, steps):
        """Raises what learning in this round would; the model stays as it is."""
        model, n = self._model, _n_samples(self._model, x)
        try:
            n_y = len(y)
        except TypeError:
            model._as_arrays(_E_Y_TYPE, x, y, n)
        if n_y not in (n, n * model._n_out):
            raise ValueError("y has %d values, expected %d" % (n_y, n))
        for label in y:  # learning would give a class a name, on each board to another output
            if isinstance(label, str) and label not in model._names:
                raise ValueError(
                    "class %r of y has no output in the fleet's model: make model.tp with "
                    "classes=[..] and copy it to all boards" % label
                )
        loss = _parts(model, (_MODEL_STATE_LOSS_COUNT, 4), (_MODEL_STATE_LOSS_SUM, 8))
        try:
            for sample in _chosen(model, x, y, turn, steps):
                code = _no_step(model._image, *sample)
                if code < 0:
                    model._once_more(_no_step, code, *sample)
        finally:
            _put_back(model, loss)

    def _adopt(self, received):
        """The model becomes the fleet's, but for what has to do with what it remembers."""
        self._model._held(self._copy, received)

    def _copy(self, received):
        model, kept = self._model, ()
        if model._replay_bytes():
            kept = _parts(model, (_MODEL_STATE_REPLAY_FRAC, 2), (_MODEL_STATE_RANDOM, 4))
        image = memoryview(model._image)
        image[model._state : len(received)] = received[model._state :]
        _put_back(model, kept)
        for at in range(len(model._saved()), len(image)):  # what the core knows of old weights
            image[at] = 0
        model._reach = 0, None  # so knows() finds it anew

    def _send(self, turn, received, n):
        """Sends where the model differs from what was received, until the gateway has it."""
        saved = memoryview(self._model._image)[: len(received)]
        for _ in range(3):
            for start, end in _changes(saved, received, self._line.piece):
                if not self._ask(_TAKE, turn, start, bytes(saved[start:end])):
                    return False
            crc = crc32(saved[self._model._state :], crc32(self._spec()))
            taken = self._ask(_DONE, turn, n, _crc(self._names(), crc))
            if taken != b"\0":
                return bool(taken)
        return False


def _crc(data, before=0):
    """Its CRC-32, as it stands behind it; before: that of what is in front of it."""
    return struct.pack("<I", crc32(data, before))


def _no_step(image, x, y):
    """Refuses a sample as learning does, and does nothing else but set the loss to 0."""
    return _tinyprop.run(image, x, y, 1, 0, 0, True)


def _parts(model, *places):
    """Parts of the state, given by offset and length, to put back later."""
    state = memoryview(model._image)[model._state :]
    return [(at, bytes(state[at : at + n])) for at, n in places]


def _put_back(model, parts):
    for at, part in parts:
        at += model._state
        model._image[at : at + len(part)] = part


def _refuse():
    raise ValueError(
        "the fleet's model has other layers, settings or names of classes: copy its model.tp to "
        "this board; for names, make model.tp with classes=[..]"
    )


def _changes(new, old, most):
    """(start, end) of the bytes that are not as they were, at most so many together."""
    at, n = 0, len(new)
    while at < n:
        if new[at] == old[at]:
            at += 1
            continue
        start = end = at
        while at < n and at - start < most and at - end < _NEAR:
            at += 1
            if new[at - 1] != old[at - 1]:
                end = at
        yield start, end
        at = end


# ---- learning


def learn(model, x, y, turn, steps):
    """`steps` steps on the samples x, y, as of learn_many, going on where the last round ended.

    All samples come up as often, and those that lie side by side far from each other: they may
    have been collected one class after the other.
    """
    for sample in _chosen(model, x, y, turn, steps):
        model.learn(*sample)


def _chosen(model, x, y, turn, steps):
    """(x, y) of each step."""
    n = _n_samples(model, x)
    stride = _stride(n)
    at = (turn - 1) * steps % n * stride % n
    for _ in range(steps):
        yield _row(x, at, n, model._n_in), _row(y, at, n, model._n_out)
        at = (at + stride) % n


def _n_samples(model, x):
    """How many samples x has."""
    if isinstance(x, _LISTS) and not (x and isinstance(x[0], _NUMBERS)):
        return len(x)
    try:
        n = _items(x)
    except TypeError:
        model._as_arrays(_E_X_TYPE, x, None, 0)
    if n % model._n_in:
        model._as_arrays(_E_X_LENGTH, x, None, 0)
    return n // model._n_in


def _stride(n):
    """About the golden section of n, and without a divisor in common with it."""
    stride = max(1, n * 144 // 233)
    while _divisor(stride, n) != 1:
        stride += 1
    return stride


def _divisor(a, b):
    while b:
        a, b = b, a % b
    return a


def _row(values, i, n, size):
    """Those of sample i of n."""
    if len(values) == n:
        return values[i]
    return values[i * size : (i + 1) * size]


# ---- lines to a gateway. ask() returns the answer to a question, or None; piece: how many bytes
# of a model go into a message


def _times(question):
    """How often it is asked: step() asks whether there is a round, if not now, then later."""
    return 1 if question[0] == _HERE else 3


class Serial:
    """A serial line, of lines of text: ~ and in base64 a message and its CRC-32. All others are
    none of it, so a program may print what it likes.

    port      what MicroPython can read, write and poll: a machine.UART, or None for USB, where
              the prompt is
    patience  milliseconds to wait for an answer; all but the question whether there is a round are
              asked three times
    """

    piece = 144  # so a line has 214 characters: the shortest queue for USB, of an ESP32, holds 260

    def __init__(self, port=None, patience=1000):
        import select

        self._port = port
        self._in = port or sys.stdin.buffer
        self._out = port or sys.stdout.buffer
        self._patience = patience
        self._poll = select.poll()
        self._poll.register(port or sys.stdin, select.POLLIN)

    def __repr__(self):
        return "Serial(%r, patience=%d)" % (self._port, self._patience)

    def ask(self, question):
        text = b"\n~" + b2a_base64(question + _crc(question))  # behind what may be half a line
        for _ in range(_times(question)):
            self._out.write(text)
            began = time.ticks_ms()
            answer = self._read(began)
            while answer is not None and answer[:_HEAD_BYTES] != question[:_HEAD_BYTES]:
                answer = self._read(began)
            if answer:
                return answer
        return None

    def _read(self, began):
        """The next message, or None when time is up."""
        line = bytearray()
        while True:
            left = self._patience - time.ticks_diff(time.ticks_ms(), began)
            if left <= 0 or not self._poll.poll(left):
                return None
            byte = self._in.read(1)
            if byte != b"\n":
                line += byte or b""
                continue
            if line[:1] == b"~":
                try:
                    message = a2b_base64(line[1:])
                    if _crc(message[:-4]) == message[-4:]:
                        return message[:-4]
                except ValueError:  # a part of a message is lost
                    pass
            line = bytearray()


class MQTT:
    """A broker of MQTT, by the topics tinyprop/NAME/ask and tinyprop/NAME/answer.

    client    a umqtt.simple.MQTTClient, which this connects
    name      of this board, which no other one has, and without / + #
    patience  as of Serial
    """

    piece = 1024

    def __init__(self, client, name, patience=2000):
        self._client, self._name, self._patience = client, name, patience
        self._connected = False
        if not name or any(letter in name for letter in "/+#"):
            raise ValueError("name is %r, expected one without / + #" % name)
        topic = "tinyprop/%s/" % name
        self._ask, self._answer = (topic + "ask").encode(), (topic + "answer").encode()
        self._heard = None
        client.set_callback(self._hear)

    def __repr__(self):
        return "MQTT(.., %r, patience=%d)" % (self._name, self._patience)

    def _hear(self, topic, message):
        self._heard = message

    def ask(self, question):
        for _ in range(_times(question)):
            try:
                if not self._connected:
                    self._client.connect()
                    self._client.subscribe(self._answer)
                    self._connected = True
                self._client.publish(self._ask, question)
                answer = self._wait(question)
            except AttributeError:  # it is no client of MQTT
                raise
            except Exception:  # not OSError alone: umqtt trusts what it reads to be there
                self._connected, answer = False, None
                time.sleep_ms(self._patience)
            if answer:
                return answer
        return None

    def _wait(self, question):
        began = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), began) < self._patience:
            self._client.check_msg()
            heard, self._heard = self._heard, None
            if heard and heard[:_HEAD_BYTES] == question[:_HEAD_BYTES]:
                return heard
            if not heard:
                time.sleep_ms(5)
        return None
