"""The fuzzer of the core finds nothing in the inputs that are kept and in some thousand new ones.

TINYPROP_FUZZ sets how many; the seed is 1, or TINYPROP_SEED. `make fuzz` runs millions.
"""

import os

import fuzz
import pytest

RUNS = int(os.environ.get("TINYPROP_FUZZ", "60000"))
SEED = int(os.environ.get("TINYPROP_SEED", "1"))


@pytest.fixture(scope="module")
def fuzzers(tmp_path_factory):
    """Fuzzers that are running, one for each set of kernels."""
    running = []
    for name in fuzz.KERNELS:
        folder = tmp_path_factory.mktemp(name)
        program = fuzz.build(folder, name, fuzz.SANITIZERS)
        fuzz.unpack(folder / "corpus")
        running.append(fuzz.start(program, folder / "corpus", RUNS // 2, SEED))
    return dict(zip(fuzz.KERNELS, running, strict=True))


@pytest.mark.parametrize("kernels", fuzz.KERNELS)
def test_no_input_makes_the_core_misbehave(fuzzers, kernels):
    print("seed", SEED)
    assert fuzz.executions(fuzzers[kernels]) >= RUNS // 2
