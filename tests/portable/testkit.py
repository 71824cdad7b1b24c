# Runs the test_* functions of a file, on CPython and MicroPython alike. The first line it prints
# names the backend, the last ones have the shape of unittest: a log shows what ran where.
import struct
import sys

import _tinyprop
import model_format


def raises(error, function, *args, **kwargs):
    """Calls function, expects it to raise error, and returns what was raised."""
    try:
        function(*args, **kwargs)
    except error as e:
        return e
    raise AssertionError("%s not raised" % (error,))


def saved(model):
    """What a file holds of a model; what lies behind it means nothing between two calls."""
    n_bytes = struct.unpack_from("<I", model._image, model_format.MODEL_SPEC_SAVED_BYTES)[0]
    return memoryview(model._image)[:n_bytes]


def state(model):
    """Where it begins, behind the spec."""
    n_layers = model._image[model_format.MODEL_SPEC_N_LAYERS]
    return model_format.MODEL_SPEC_BYTES + model_format.LAYER_SPEC_BYTES * n_layers


def saved_but_loss(model):
    """What a file holds, without the mean loss: that is of the last call."""
    copy = bytearray(saved(model))
    struct.pack_into("<I", copy, state(model) + model_format.MODEL_STATE_LOSS_COUNT, 0)
    struct.pack_into("<Q", copy, state(model) + model_format.MODEL_STATE_LOSS_SUM, 0)
    return copy


def first_weights(model, n):
    """n weights of the first layer of a model of one range."""
    n_layers = model._image[model_format.MODEL_SPEC_N_LAYERS]
    layer_states = state(model) + model_format.MODEL_STATE_BYTES
    start = layer_states + model_format.LAYER_STATE_BYTES * n_layers + model_format.RANGE_BYTES
    return bytes(model._image[start : start + 2 * n])


def of_version(file, version):
    """The bytes of a file, as if another version had written it."""
    file = bytearray(file)
    file[model_format.MODEL_SPEC_VERSION] = version
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
