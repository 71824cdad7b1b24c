"""The kernels: every implementation gives the bits of portable.c, on its processor in QEMU.

portable.c itself is tested by what uses it: test_dense.py, test_conv.py, test_backends.py.
"""

import ctypes
import subprocess

import native
import numpy as np
import pytest
from native import CORE, HERE, as_c

KERNELS = [HERE / "kernels.c", CORE / "fixed.c", *sorted((CORE / "kernels").glob("*.[cS]"))]

ARM = ["arm-none-eabi-gcc", "-mthumb", "-nostartfiles", "-Wl,-e,reset"]
ARM += ["-Wl,--section-start=.vectors=0,-Ttext=0x100,-Tbss=0x20000000"]
RISCV = ["riscv64-unknown-elf-gcc", "-mabi=ilp32", "-specs=picolibc.specs", "--crt0=hosted"]
RISCV += ["--oslib=semihost", "-Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=0x100000"]
RISCV += ["-Wl,--defsym=__ram=0x80100000,--defsym=__ram_size=0x100000"]

BARE = ["-nographic", "-semihosting", "-kernel"]
QEMU_ARM = ["qemu-system-arm", "-machine"]
MICROBIT = [*QEMU_ARM, "microbit", "-global", "nrf51-soc.sram-size=262144", *BARE]
VIRT = ["qemu-system-riscv32", "-machine", "virt", "-bios", "none", *BARE]

# Compiler, options, emulator. The end of kernels.c has what prints there.
MACHINES = {
    "armv6m": (ARM, ["-mcpu=cortex-m0", "-O1"], MICROBIT),  # a caller with other registers in use
    "armv6m in a .mpy": (ARM, ["-mcpu=cortex-m0", "-DTP_SMALL_CODE"], MICROBIT),
    "armv7em": (ARM, ["-mcpu=cortex-m4"], [*QEMU_ARM, "mps2-an386", *BARE]),
    "portable, cortex-m3": (ARM, ["-mcpu=cortex-m3"], [*QEMU_ARM, "mps2-an385", *BARE]),
    "portable, rv32imc": (RISCV, ["-march=rv32imc"], VIRT),
    "x86_64 of 2008": (["gcc"], [], ["qemu-x86_64", "-cpu", "Nehalem"]),
    "x86_64 with AVX2": (["gcc"], [], ["qemu-x86_64", "-cpu", "max"]),
}


@pytest.fixture(scope="module")
def checksums(tmp_path_factory):
    """Checksums of the results of each kernel in portable.c, which runs under sanitizers."""
    program = tmp_path_factory.mktemp("kernels") / "kernels"
    native.build(program, KERNELS, *native.SANITIZED, "-DTP_SMALL_CODE")
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 29
    return done.stdout


@pytest.mark.parametrize("machine", MACHINES)
def test_every_implementation_gives_the_same_bits(machine, checksums, tmp_path):
    compiler, options, emulator = MACHINES[machine]
    program = tmp_path / "kernels.elf"
    native.build(program, KERNELS, "-O2", *options, compiler=compiler)
    done = subprocess.run([*emulator, program], capture_output=True, text=True, timeout=60)
    assert done.stdout + done.stderr == checksums


@pytest.mark.parametrize("n", [0, 1, 2, 65533, 65534])
def test_l1_norm(c, n):
    v = np.full(n, -(1 << 14), np.int16)
    assert c.tp_l1_norm(as_c(v), n) == n << 14 < 1 << 30


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("n", [1, 3, 4, 5, 11])
def test_copy_bytes(c, n, shift):
    """From and to any address; nothing beside them changes."""
    x, to = np.arange(1, 21, dtype=np.uint8), np.full(20, 99, np.uint8)
    c.tp_copy_bytes(as_c(x[4 + shift :]), as_c(to[4:]), n)
    assert to.tolist() == [99] * 4 + x[4 + shift : 4 + shift + n].tolist() + [99] * (16 - n)


def test_the_step_of_a_filter_adds_to_its_sum(c):
    """g = gradient - mean sum, and the sum of mean round(g / 2) is added to what is there."""
    gradient, means = np.array([300, -200], np.int32), np.array([3, 5], np.uint8)
    along, w = np.array([7], np.int32), np.zeros(2, np.int16)
    step = native.TYPES["tp_step_t"](16, 30, 100, 0)
    one, two = ctypes.c_size_t(1), ctypes.c_size_t(2)
    rest = as_c(along), 1, as_c(w), one, as_c(step)
    assert c.tp_move_filter(as_c(gradient), two, as_c(means), two, 0, 2, *rest) == 0
    assert along[0] == 7 + 3 * (300 - 6) // 2 + 5 * (-200 - 10) // 2
