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


def saved(model):
    """What a file holds of a model; the scratch behind it means nothing between two calls."""
    return memoryview(model._image)[: int.from_bytes(model._image[48:52], "little")]


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
