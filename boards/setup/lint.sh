#!/bin/bash
# lint.sh: ruff on all Python; the C core through strict compilers of every word size it meets.
set -euo pipefail
. "$(dirname "$0")/common.sh"

python=$(boards/setup/python.sh all)/bin
"$python/ruff" check
"$python/ruff" format --check

core=usermod_c/tinyprop/core
strict=(-std=c99 -O2 -Wall -Wextra -Wconversion -Wdouble-promotion -Werror -c -o /dev/null)
for compiler in gcc "arm-none-eabi-gcc -mthumb -mcpu=cortex-m0" "arm-none-eabi-gcc -mthumb -mcpu=cortex-m4" \
    "riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -specs=picolibc.specs"; do
    echo "$compiler"
    while read -r file; do
        $compiler "${strict[@]}" "$core/$file"
    done <$core/sources.txt
done
