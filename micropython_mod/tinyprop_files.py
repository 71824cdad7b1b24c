"""How a model is kept: saved to a file and loaded again, whatever happens to the power meanwhile.
`tinyprop` imports this file when it is first needed.

Beside a file NAME there is a second one, NAME.old, with the model as it was before:

    save    1. NAME.old becomes what NAME is; the first time, the new model
            2. NAME becomes the new model
    load    takes NAME, if it is whole, else NAME.old; if there is no NAME, there is no model

Each file is read back before the other one is touched, so at any moment one of them is whole, and
load takes the newest such one. It does not matter how often in a row the power goes: a save that
finds NAME cut short leaves NAME.old alone. Nothing is renamed: on FAT, where names and blocks are
written one after the other, a cut while renaming loses a file, or leaves two names with the same
blocks, of which each later ruins the other.
"""

import io
import os
import struct
from array import array
from binascii import crc32

import _tinyprop
from tinyprop import Model, _new, _replay_bytes


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_VERSION = const(5)
_VERSION_WITH_NAMES = const(6)
_SHAPE = const(7)
_E_X_TYPE = const(-7)
_MODEL_SPEC_BYTES = const(40)
_MODEL_SPEC_VERSION = const(4)
_MODEL_SPEC_N_LAYERS = const(5)
_MODEL_SPEC_SAVED_BYTES = const(8)
_MODEL_SPEC_IN_C = const(18)
_MODEL_SPEC_N_INPUT_RANGES = const(20)
_MODEL_SPEC_BUSY = const(36)
_LAYER_SPEC_BYTES = const(16)
_MODEL_STATE_BYTES = const(120)
_MODEL_STATE_STEPS = const(8)
_LAYER_STATE_BYTES = const(36)
_RANGE_BYTES = const(8)
_LEARNED_RANGE_BYTES = const(16)
_LEARNED_RANGE_FRAC = const(12)
# ---- end of the format

_PIECE = const(256)  # bytes of a file that are looked at together: so many are always free
_ENOENT = const(2)
_EIO = const(5)
_EEXIST = const(17)
_EISDIR = const(21)
_WHY = {2: "there is no such folder", 28: "the disk is full", 30: "the disk is read-only"}
_FOLDER = const(0x4000)  # in the mode of a file


def _path(file, otherwise):
    """The path that a file was given by; None if it is open. otherwise: what an open one does."""
    if hasattr(file, "__fspath__"):
        file = file.__fspath__()
    if not isinstance(file, str):
        if type(file).__name__ in ("TextIOWrapper", "StringIO"):
            raise TypeError("file is open for text, expected in binary: mode 'rb' or 'wb'")
        if hasattr(file, otherwise):
            return None
        said = "file is %s, expected a name or a file that is open in binary"
        raise TypeError(said % (None if file is None else type(file)))
    if not file:
        raise ValueError("file is '', expected a name, such as 'model.tp'")
    # A link stays one: the files lie where it leads to.
    return os.path.realpath(file) if hasattr(os, "readlink") and os.path.islink(file) else file


# ---- saving


def _save(model, file, replay, more=b""):
    """more: bytes that the file has behind the model, of what the model is a part of."""
    saved = model._saved()
    if not replay:
        saved = saved[: len(saved) - model._replay_bytes()]
    spec, rest = bytearray(saved[:_MODEL_SPEC_BYTES]), saved[_MODEL_SPEC_BYTES:]
    if model._names:
        spec[_MODEL_SPEC_VERSION] = _VERSION_WITH_NAMES
        more = _packed(model._names)
    spec[_MODEL_SPEC_BUSY : _MODEL_SPEC_BUSY + 4] = bytes(4)  # save() holds the model
    crc = crc32(more, crc32(rest, crc32(spec)))
    pieces = spec, rest, more, struct.pack("<I", crc)
    path = _path(file, "write")
    if path is None:
        _write(file, pieces)
        return
    old = path + ".old"
    is_new = not _is_there(path)
    _refuse(path, old)
    try:
        before, now = _whole(path), (len(saved) + len(more), crc)
        if before:
            _put(old, _pieces_of(path), before, path)
        elif is_new or not _whole(old):
            _put(old, pieces, now, path)
        _put(path, pieces, now, path)
    except OSError as e:
        _undo(path, old, is_new)
        why = _WHY.get(e.errno, e)
        said = "%s is not saved: %s; what was there before is as it was" % (path, why)
        raise OSError(e.errno, said) from None


def _packed(names):
    """What a file has of names: for each output a length and the name in UTF-8, 0 for none; and
    how many bytes these are."""
    packed = b"".join(bytes([len(name)]) + name for name in map(_utf8, names))
    return packed + struct.pack("<I", len(packed))


def _utf8(name):
    return (name or "").encode()


def _refuse_folder(path):
    try:
        is_folder = os.stat(path)[0] & _FOLDER
    except OSError:
        is_folder = False
    if is_folder:
        raise OSError(_EISDIR, path + " is a folder, expected the name of a file")


def _refuse(path, old):
    """Raises why nothing can be saved there: a folder, or another's file, is in the way."""
    _refuse_folder(path)
    file = old if _is_there(old) else path  # where both are, a cut may have left anything in path
    try:
        with open(file, "rb") as f:
            start = f.read(4)
    except OSError:
        return
    if not b"TYNP".startswith(start.rstrip(b"\0")):  # a cut leaves a part, or zeros
        raise OSError(_EEXIST, file + " is no model, and save needs its name: move it away")


def _put(path, pieces, proof, like):
    """Writes a file and reads it back. proof: what _whole gives then. like: a file whose
    permissions it gets on a PC, if there is one and they may be changed."""
    with open(path, "wb") as f:
        if hasattr(os, "chmod") and path != like:
            try:
                os.chmod(path, os.stat(like).st_mode & 0o777)
            except OSError:
                pass
        _write(f, pieces)
        f.flush()
        if hasattr(os, "fsync"):
            os.fsync(f.fileno())
    _sync_folder(path)
    if _whole(path) != proof:
        raise OSError(_EIO, "what was read back is not what was written")


def _write(file, pieces):
    for piece in pieces:
        piece = memoryview(piece)
        while len(piece):
            n = file.write(piece)
            if not n:
                raise OSError(_EIO, "the file takes no more than a part of the model")
            piece = piece[n:]


def _pieces_of(path):
    piece = memoryview(bytearray(_PIECE))
    with open(path, "rb") as f:
        n = f.readinto(piece)
        while n:
            yield piece[:n]
            n = f.readinto(piece)


def _undo(path, old, is_new):
    """After an error: nothing half is left behind."""
    try:
        if is_new:
            _remove(path)
        if is_new or not _whole(old):
            _remove(old)
        elif not _whole(path):
            _put(path, _pieces_of(old), _whole(old), path)
    except OSError:  # load finds what is left
        pass


def _sync_folder(path):
    """On a PC names reach the disk some time later, unless one waits for it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    folder = os.open(os.path.dirname(path) or ".", os.O_DIRECTORY)
    try:
        os.fsync(folder)
    except OSError:  # not every file system can
        pass
    finally:
        os.close(folder)


def _remove(path):
    try:
        os.remove(path)
    except OSError:  # there is none
        pass


def _save_by_itself(model, file, every, replay):
    """Lets a model save itself, or no more if file is None. Returns what does so from now on."""
    saves = None if file is None else _Autosave(model, file, every, replay)
    try:
        del model.learn
    except AttributeError:  # it did not save itself, or Ctrl-C came in the midst of this
        pass
    if saves:
        model.learn = saves.learn  # before the method, so that who never saves pays nothing
    return saves


class _Autosave:
    """Saves a model after each `every` samples."""

    def __init__(self, model, file, every, replay):
        if _path(file, "write") is None:
            raise TypeError("file is %r, expected a name" % (file,))
        if not isinstance(every, int) or every < 1:
            raise ValueError("every is %r, expected 1 or more samples" % (every,))
        self.model, self.file, self.replay = model, file, replay
        self.left = self.every = every
        self.error = None

    def learn(self, x, y):
        """Model.learn, and saves."""
        trained = type(self.model).learn(self.model, x, y)
        self.after(1, True)
        return trained

    def after(self, n, last):
        """To call after n samples, at most `left`. Errors wait for the last ones of a call."""
        self.left -= n
        if self.left <= 0:  # below 0 where an interrupt has learned meanwhile
            self.left = self.every
            try:
                self.model.save(self.file, self.replay)
            except OSError as e:
                self.error = e
            except RuntimeError:  # in another call; the step was made: saved after the next one
                self.left = 1
        if last and self.error:
            error, self.error = self.error, None
            raise error


# ---- loading


def _load(file, more=b""):
    """more: what is filled with the bytes that the file has behind the model."""
    path = _path(file, "read")
    if path is None:
        return _read(file, more)
    try:
        return _read_from(path, more)
    except (OSError, ValueError) as e:
        reason = e
    if not _is_there(path):
        raise OSError("there is no file " + path)
    old = path + ".old"
    try:
        model = _read_from(old, more)
    except (OSError, ValueError) as e:
        _refuse_both(path, reason, old, e)
    steps = model._number("<Q", _MODEL_STATE_STEPS)
    print("tinyprop: %s: %s. Loaded %s, which knows %d steps" % (path, reason, old, steps))
    return model


def _refuse_both(path, reason, old, reason_of_old):
    """Raises why neither a file nor the one before it can be loaded, and what to do."""
    _refuse_folder(path)
    said = "%s: %s" % (path, reason)
    if not _whole(path):  # else it is another's, and the reason says whose
        before = ", and %s, from the save before: %s" % (old, reason_of_old)
        if not _is_there(old):
            before = ", and there is no %s, from the save before" % old
        said += before + ". Load another file, or begin with a new model"
    if isinstance(reason, OSError):
        raise OSError(reason.errno, said) from None
    raise ValueError(said) from None


def _read_from(path, more):
    with open(path, "rb") as f:
        model = _read(f, more)
    model._loaded_from = path
    return model


def _is_there(path):
    try:
        os.stat(path)
    except OSError as e:
        return e.errno != _ENOENT
    return True


def _whole(path):
    """(length, CRC-32) of the model in a file; None if there is none, or it is not whole."""
    try:
        with open(path, "rb") as f:
            return _measure(f)
    except (OSError, ValueError):
        return None


def _measure(file):
    """The same of an open file, from where it is to its end, in little memory. ValueError: why it
    is not whole."""
    start = file.tell()
    n = left = file.seek(0, 2) - start - 4
    file.seek(start)
    spec = file.read(_MODEL_SPEC_BYTES)
    if not spec:
        raise ValueError("the file is empty")
    if spec[:4] != b"TYNP":
        raise ValueError("the file is no tinyprop model: it begins with %r" % spec[:4])
    version = spec[_MODEL_SPEC_VERSION] if len(spec) == _MODEL_SPEC_BYTES else _VERSION
    if version not in (_VERSION, _VERSION_WITH_NAMES):
        known = version, _VERSION, _VERSION_WITH_NAMES
        raise ValueError("a model of version %d, expected %d or %d" % known)
    crc, piece = crc32(spec), memoryview(bytearray(_PIECE))
    left -= len(spec)
    while left > 0:
        got = file.readinto(piece[: min(left, _PIECE)])
        if not got:
            break
        crc = crc32(piece[:got], crc)
        left -= got
    if left or file.read(4) != struct.pack("<I", crc):
        _damaged()
    return n, crc


def _damaged():
    raise ValueError("the file is damaged or cut short")


def _read(file, more):
    """The model in an open file. Memory for it is taken once all is known to agree."""
    try:
        start = file.tell()
    except (AttributeError, OSError):  # it cannot go back
        file, start = io.BytesIO(file.read()), 0
    n, crc = _measure(file)
    file.seek(start)
    spec = bytearray(file.read(_MODEL_SPEC_BYTES))
    n_layers = spec[_MODEL_SPEC_N_LAYERS]
    spec += file.read(_LAYER_SPEC_BYTES * n_layers)
    crc_here = crc32(spec)
    has_names = spec[_MODEL_SPEC_VERSION] == _VERSION_WITH_NAMES
    spec[_MODEL_SPEC_VERSION] = _VERSION
    shapes = array("I", bytes(4 * _SHAPE * n_layers))
    n_bytes = _tinyprop.layout(spec, shapes)
    saved = struct.unpack_from("<I", spec, _MODEL_SPEC_SAVED_BYTES)[0]
    if n_bytes < 0:
        _damaged()
    sizes = saved, saved - _replay_bytes(spec, shapes, n_bytes)
    if more and (has_names or n in sizes):
        raise ValueError("the file has a Model, which load reads, and no Anomaly")
    if not (more or has_names) and n > saved:
        raise ValueError("the file has more than a Model: Anomaly.load may read it")
    n_more = len(more)
    if has_names:
        file.seek(start + n - 4)
        n_more = 4 + struct.unpack("<I", file.read(4))[0]
        file.seek(start + len(spec))
    n -= n_more
    if n not in sizes:
        _damaged()
    if has_names:
        more = bytearray(n_more)
    model = object.__new__(Model)
    image = _new(n_bytes, spec, shapes)
    for rest in memoryview(image)[len(spec) : n], memoryview(more):
        while len(rest):
            got = file.readinto(rest)
            if not got:
                _damaged()
            crc_here = crc32(rest[:got], crc_here)
            rest = rest[got:]
    if crc_here != crc:
        _damaged()
    model._attach(image, shapes)
    if has_names:
        model._names = _unpacked(more, model)
    # The core opens the model, as in each call, and then refuses this x.
    if _tinyprop.predict(image, None, None) != _E_X_TYPE or not _ranges_are_sound(model):
        _damaged()
    return model


def _unpacked(packed, model):
    """Names, as _packed packed them."""
    names, at, end = [], 0, len(packed) - 4
    while at < end:
        after = at + 1 + packed[at]
        try:
            names.append(str(packed[at + 1 : after], "utf-8") or None)
        except ValueError:  # UnicodeError is one
            _damaged()
        at = after
    known = set(names) - {None}
    if at != end or len(names) != model._n_out or len(known) + names.count(None) != len(names):
        _damaged()
    if model._mse or not known:
        _damaged()
    return names


def _ranges_are_sound(model):
    """Whether the formats of learned ranges are such as there can be; the core takes any."""
    image, n_layers = model._image, model._image[_MODEL_SPEC_N_LAYERS]
    at = model._state + _MODEL_STATE_BYTES + _LAYER_STATE_BYTES * n_layers
    n_learned = struct.unpack_from("<H", image, _MODEL_SPEC_IN_C)[0]
    for n_given in struct.unpack_from("<2H", image, _MODEL_SPEC_N_INPUT_RANGES):
        for _ in range(0 if n_given else n_learned):
            frac, shift = struct.unpack_from("<2h", image, at + _LEARNED_RANGE_FRAC)
            if not (-200 <= frac <= 200 and 0 <= shift <= 31):
                return False
            at += _LEARNED_RANGE_BYTES
        at += n_given * _RANGE_BYTES
        n_learned = model._n_out if model._mse else 0  # those of the outputs
    return True
