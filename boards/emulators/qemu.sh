#!/bin/bash
# qemu.sh MACHINE [QEMU_OPTION...]: plain MicroPython on a processor that QEMU emulates. Prints the path of its
# serial line and runs until it is ended. qemu.sh MACHINE build: only builds it, prints the firmware's path.
#   m0      Cortex-M0 (micro:bit); faults on misaligned words
#   m3      Cortex-M3
#   m4f     Cortex-M4 with an FPU
#   rv32    RISC-V, rv32imc
#   xtensa  the windowed Xtensa of an ESP32, as far as QEMU has it (see xtensa_sim/); faults on misaligned words
# QEMU_OPTION -icount shift=7 makes every run take the same number of instructions, which bench/instructions.py counts.
set -euo pipefail
. "$(dirname "$0")/../setup/common.sh"

machine=${1:-}
shift || true
# The heap leaves room for the stack in what RAM the machine has.
heap=524288
case $machine in
    m0)
        heap=204800
        groups=(pc arm qemu)
        # The port builds its Cortex-M0 without what loads native .mpy files.
        options=(BOARD=MICROBIT
            CFLAGS_EXTRA="-DMICROPY_PERSISTENT_CODE_LOAD_NATIVE=1 -DMICROPY_EMIT_THUMB=1")
        qemu=(qemu-system-arm -machine microbit
            -global nrf51-soc.flash-size=1048576 -global nrf51-soc.sram-size=262144)
        ;;
    m3)
        groups=(pc arm qemu)
        options=(BOARD=MPS2_AN385)
        qemu=(qemu-system-arm -machine mps2-an385)
        ;;
    m4f)
        groups=(pc arm qemu)
        own_board=mps2_an386
        options=()
        qemu=(qemu-system-arm -machine mps2-an386)
        ;;
    rv32)
        groups=(pc riscv qemu)
        # The port's own rv32imac_zicsr is no name that Debian's gcc has 32-bit libraries for.
        options=(BOARD=VIRT_RV32 RV32_ARCH="rv32imc -misa-spec=2.2")
        qemu=(qemu-system-riscv32 -machine virt -bios none)
        ;;
    xtensa)
        groups=(pc qemu)
        own_board=xtensa_sim
        boards/setup/apt.sh pc
        prefix=$(boards/setup/xtensa_toolchain.sh)/bin/xtensa-esp32-elf-
        options=(CROSS_COMPILE="$prefix" CC="ccache ${prefix}gcc")
        qemu=(qemu-system-xtensa -machine sim -cpu dc233c)
        ;;
    *) fail "usage: boards/emulators/qemu.sh m0|m3|m4f|rv32|xtensa [build | QEMU_OPTION...]" ;;
esac
boards/setup/apt.sh "${groups[@]}"
source=$(micropython_dir)
python=$(boards/setup/python.sh all)
mpy_cross=$(mpy_cross "$source" "$python")
options+=(FROZEN_MANIFEST= "MICROPY_HEAP_SIZE=$heap")

build() {
    quietly make -j2 -C "$source/ports/qemu" BUILD="$1" \
        PYTHON="$python/bin/python" MICROPY_MPYCROSS="$mpy_cross" "${options[@]}"
}

key=$(cksum <<<"${options[*]}" | cut -d' ' -f1)
folder=$CACHE/built/qemu-$machine-${source##*/micropython-}-$key
# Two targets of the tests run on an M3.
mkdir -p build
exec 9>"build/qemu-$machine.lock"
flock 9
if [ -n "${own_board:-}${MPY_DIR:-}" ]; then
    # Has files of this project, or of a checkout that can change: not for the cache.
    folder=$PWD/build/qemu-$machine
    [ -z "${own_board:-}" ] || options+=(BOARD="$own_board" BOARD_DIR="$PWD/boards/emulators/$own_board")
    start_anew_unless "$folder" "$source ${options[*]}"
    [ -e "$folder/firmware.elf" ] || say "Building MicroPython for QEMU's $machine"
    build "$folder"
elif ! kept "$folder"; then
    say "Building MicroPython for QEMU's $machine"
    work=$(mktemp -d "$CACHE/tmp.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    build "$work/build"
    mkdir "$work/result"
    mv "$work/build/firmware.elf" "$work/result"
    keep "$work/result" "$folder"
fi
exec 9>&-

if [ "${1:-}" = build ]; then
    echo "$folder/firmware.elf"
    exit
fi
# It ends when what started it does, even if that is killed.
tie=(setpriv --pdeathsig TERM)
qemu+=(-nographic -monitor null -semihosting -kernel "$folder/firmware.elf" "$@")
if [ "$machine" = xtensa ]; then
    exec "${tie[@]}" python3 boards/emulators/on_pty.py "${qemu[@]}" -serial none
fi
exec "${tie[@]}" "${qemu[@]}" -serial pty
