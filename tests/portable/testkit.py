# Runs the test_* functions of a file, on CPython and MicroPython alike. The first line that it
# prints names the backend, the last ones look like unittest's: a log shows what ran where.
import sys
from array import array

import _tinyprop
import model_format as fmt

ON_A_PC = sys.platform in ("linux", "darwin", "win32")


def raises(error, function, *args, **kwargs):
    """Calls function, expects it to raise error, and returns what was raised."""
    try:
        function(*args, **kwargs)
    except error as e:
        return e
    raise AssertionError("%s not raised" % (error,))


def saved(model):
    """Spec and state of a model, which is what a file holds."""
    at = fmt.MODEL_SPEC_SAVED_BYTES
    return memoryview(model._image)[: int.from_bytes(model._image[at : at + 4], "little")]


def saved_but_version(model):
    """The same without magic and version: what digests are of, so that they outlive a version."""
    return saved(model)[fmt.MODEL_SPEC_VERSION + 1 :]


def saved_but(model, *fields):
    """What saved() returns, with 0 in place of fields of the model's state: (offset, bytes)."""
    all_of_it = bytearray(saved(model))
    state = fmt.MODEL_SPEC_BYTES + all_of_it[fmt.MODEL_SPEC_N_LAYERS] * fmt.LAYER_SPEC_BYTES
    for offset, n in fields:
        all_of_it[state + offset : state + offset + n] = bytes(n)
    return all_of_it


def saved_but_loss(model):
    """The same without the mean loss, which is that of the last call."""
    return saved_but(model, (fmt.MODEL_STATE_LOSS_COUNT, 4), (fmt.MODEL_STATE_LOSS_SUM, 8))


def first_weights_at(model):
    """Where the weights of the first layer are, in a model for classes."""
    spec = model._image
    at = fmt.MODEL_SPEC_N_INPUT_RANGES
    given = int.from_bytes(spec[at : at + 2], "little")
    channels = int.from_bytes(spec[fmt.MODEL_SPEC_IN_C : fmt.MODEL_SPEC_IN_C + 2], "little")
    ranges = given * fmt.RANGE_BYTES if given else channels * fmt.LEARNED_RANGE_BYTES
    of_layers = (fmt.LAYER_SPEC_BYTES + fmt.LAYER_STATE_BYTES) * spec[fmt.MODEL_SPEC_N_LAYERS]
    return fmt.MODEL_SPEC_BYTES + fmt.MODEL_STATE_BYTES + of_layers + ranges


def first_weights(model, n):
    """n weights of the first layer, in a model for classes."""
    start = first_weights_at(model)
    return bytes(model._image[start : start + 2 * n])


def remembered(model):
    """The part of an image with samples that are remembered."""
    return bytes(saved(model)[-model._replay_bytes() :])


def n_remembered(model, replay, x):
    """How many samples it remembers that x, a buffer, can be compared with."""
    squares = array("I", bytes(4 * replay))
    assert _tinyprop.distances(model._image, x, squares) >= 0
    return sum(square < 0xFFFFFFFF for square in squares)


def of_version(file, version):
    """The bytes of a file, with the number of another version."""
    file = bytearray(file)
    file[fmt.MODEL_SPEC_VERSION] = version
    return file


def print_traceback(error):
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback

        traceback.print_exception(error, file=sys.stdout)


def main(namespace):
    print("backend", _tinyprop.backend(), "on", sys.implementation.name, sys.platform)
    ran = failed = 0
    for name in sorted(namespace):
        if not name.startswith("test_"):
            continue
        ran += 1
        try:
            namespace[name]()
            print("ok", name)
        except Exception as e:
            failed += 1
            print("FAIL", name)
            print_traceback(e)
    print("-" * 70)
    print("Ran %d tests\n" % ran)
    print("FAILED (failures=%d)" % failed if failed else "OK")
