# Runs the test_* functions of a file, on CPython and MicroPython alike. The first line it prints
# names the backend, the last ones have the shape of unittest: a log shows what ran where.
import sys

import _tinyprop


def raises(error, function, *args, **kwargs):
    """Calls function, expects it to raise error, and returns what was raised."""
    try:
        function(*args, **kwargs)
    except error as e:
        return e
    raise AssertionError("%s not raised" % (error,))


# The one place in the portable tests that knows where something lies in a model.
VERSION = 2
_VERSION_AT = 4
_SAVED_BYTES_AT = 48
_LOSS_AT, _BEHIND_LOSS = 68, 80
_HEAD_BYTES, _LAYER_BYTES, _RANGE_BYTES = 128, 80, 24


def saved(model):
    """What a file holds of a model; the scratch behind it means nothing between two calls."""
    n = int.from_bytes(model._image[_SAVED_BYTES_AT : _SAVED_BYTES_AT + 4], "little")
    return memoryview(model._image)[:n]


def saved_but_loss(model):
    """The same without the mean loss, which is of the last call."""
    all_of_it = bytes(saved(model))
    return all_of_it[:_LOSS_AT] + all_of_it[_BEHIND_LOSS:]


def first_weights(model, layers, n):
    """n weights of the first layer, in a model of so many layers with one range."""
    start = _HEAD_BYTES + _LAYER_BYTES * layers + _RANGE_BYTES
    return bytes(model._image[start : start + 2 * n])


def of_version(file, version):
    """The bytes of a file, as if another version had written it."""
    file = bytearray(file)
    file[_VERSION_AT] = version
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
