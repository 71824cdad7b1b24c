import gc

import _tinyprop
import testkit
import tinyprop


def test_backend_is_named():
    assert _tinyprop.backend() in ("numpy", "c", "wasm", "firmware", "mpy"), _tinyprop.backend()


def test_python_half_has_a_version():
    assert tinyprop.__version__.count(".") == 2, tinyprop.__version__


# The code of a .mpy lies on the heap: it must survive collections and the reuse of freed memory.
def test_native_code_survives_the_garbage_collector():
    before = _tinyprop.backend()
    for _ in range(3):
        gc.collect()
        junk = [bytearray(64) for _ in range(20)]
        del junk
    assert _tinyprop.backend() == before


if __name__ == "__main__":
    testkit.main(globals())
