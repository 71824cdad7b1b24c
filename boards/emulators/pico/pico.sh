#!/bin/bash
# Runs firmware on an emulated Raspberry Pi Pico, whose USB serial port is stdin and stdout.
#   pico.sh tinyprop|plain|FILE.uf2 [--flash FILE] [--profile FUNCTION,...] [--terminal]
#     tinyprop, plain  MicroPython with and without tinyprop, built if need be
#     --flash FILE     keeps the flash, and so the board's files, between runs
#     --profile NAMES  at the end, and on SIGUSR2, writes a line {"NAME": {"calls": 2, "cycles": 600}, ...}
#                      on these C functions to stderr; they are found in the .elf file beside the .uf2
#     --terminal       for a person: raw keys, Ctrl-X leaves; lines of a script when stdin is no terminal
set -euo pipefail
root=$(realpath "$(dirname "$0")/../../..")
here=$root/boards/emulators/pico
rom=$root/build/pico/boot_rom.bin

case ${1:?"usage: pico.sh tinyprop|plain|FILE.uf2 [options]"} in
    tinyprop) uf2=$("$root/boards/firmware.sh" RPI_PICO) ;;
    plain) uf2=$("$root/boards/firmware.sh" RPI_PICO plain) ;;
    *) uf2=$1 ;;
esac
shift
"$root/boards/setup/apt.sh" arm node
NODE_PATH=$("$root/boards/setup/node.sh")/node_modules
export NODE_PATH
make --silent -C "$here/boot_rom" OUT="$rom"
elf=${uf2%.uf2}.elf
exec node "$here/run.mjs" "$uf2" --rom "$rom" --symbols <([ ! -e "$elf" ] || arm-none-eabi-readelf -sW "$elf") "$@"
