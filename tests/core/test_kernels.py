"""The kernels: every implementation gives the bits of portable.c, on its processor in QEMU.

portable.c itself is tested by what uses it: test_dense.py, test_conv.py, test_backends.py.
"""

import subprocess

import native
import numpy as np
import pytest
from native import CORE, HERE, as_c

KERNELS = [HERE / "kernels.c", CORE / "fixed.c", *sorted((CORE / "kernels").glob("*.c"))]
ARM = [*KERNELS, CORE / "kernels" / "armv6m.S"]
BARE = ["-nostartfiles", "-Wl,-e,reset", "-Wl,--section-start=.vectors=0"]
BARE += ["-Wl,-Ttext=0x100", "-Wl,-Tbss=0x20000000"]

MICROBIT = ["microbit", "-global", "nrf51-soc.sram-size=262144"]
MACHINES = {
    "armv6m": ("cortex-m0", [], MICROBIT),
    "armv6m in a .mpy": ("cortex-m0", ["-DTP_SMALL_CODE"], MICROBIT),
    "armv7em": ("cortex-m4", [], ["mps2-an386"]),
    "portable": ("cortex-m3", [], ["mps2-an385"]),
}


@pytest.fixture(scope="module")
def checksums(tmp_path_factory):
    """Checksums of the results of each kernel in portable.c, which runs under sanitizers."""
    program = tmp_path_factory.mktemp("kernels") / "kernels"
    native.gcc(*native.SANITIZED, "-o", program, *KERNELS)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 12
    return done.stdout


@pytest.mark.parametrize("machine", MACHINES)
def test_every_implementation_gives_the_same_bits(machine, checksums, tmp_path):
    processor, options, qemu = MACHINES[machine]
    options = [*options, "-O2", "-mthumb", f"-mcpu={processor}", *BARE, f"-I{CORE}"]
    compiler = ["arm-none-eabi-gcc", *options, "-o", tmp_path / "kernels.elf", *ARM]
    subprocess.run(compiler, check=True)
    emulator = ["qemu-system-arm", "-nographic", "-semihosting", "-machine", *qemu, "-kernel"]
    done = subprocess.run(
        [*emulator, tmp_path / "kernels.elf"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout + done.stderr == checksums


@pytest.mark.parametrize("n", [0, 1, 2, 65533, 65534])
def test_l1_norm(c, n):
    v = np.full(n, -(1 << 14), np.int16)
    assert c.tp_l1_norm(as_c(v), n) == n << 14 < 1 << 30
