#!/bin/bash
# lint.sh [CHECK...]: runs the checks of these names, or all of them. Each prints "ok CHECK", or what it found and
# "FAIL CHECK". make lint, make test, the hooks of pre-commit and the workflow of the forge all use this script.
set -euo pipefail
. "$(dirname "$0")/common.sh"

boards/setup/apt.sh pc arm riscv lint node
python=$(boards/setup/python.sh all)/bin
prettier=$(boards/setup/node.sh)/node_modules/.bin/prettier
wanted=("$@")
ran=0 failed=0

check() {
    local name=$1
    shift
    [[ ${#wanted[@]} = 0 || " ${wanted[*]} " == *" $name "* ]] || return 0
    ran=$((ran + 1))
    if quietly "$@"; then
        echo "ok $name"
    else
        echo "FAIL $name"
        failed=1
    fi
}

# The project's own files whose names match a pattern.
files() {
    find . \( -path ./build -o -path ./dist -o -name '.?*' \) -prune -o -type f -name "$1" -print
}

core=usermod_c/tinyprop/core
strict=(-std=c99 -O2 -Wall -Wextra -Wconversion -Wdouble-promotion -Werror -c -o /dev/null)

# Compiles the core with a strict compiler; the compilers differ in word size and in the sign of char.
compile() {
    sed "s,^,$core/," $core/sources.txt | xargs -n 1 "$@" "${strict[@]}"
}

# Compiles the core as one file, as in a .mpy: no two files may have a static function of the same name.
compile_as_one() {
    sed 's/.*/#include "&"/' $core/sources.txt | gcc "${strict[@]}" -DTP_SMALL_CODE "-I$core" -x c -
}

# The core, as one file, has no word that GCC has beyond C99, if the compiler does not say that it is GCC.
compile_without_gnu() {
    local folder=build/lint
    mkdir -p $folder
    {
        printf '#include <%s>\n' stddef.h stdint.h string.h
        printf '#undef __GNUC__\n#undef __x86_64__\nenum { CORE };\n'
        sed 's/.*/#include "&"/' $core/sources.txt
    } | gcc -std=c99 -E -P "-I$core" -x c - >$folder/core.c &&
        gcc "${strict[@]}" -pedantic-errors -Wvla $folder/core.c &&
        ! sed '1,/enum { CORE }/d' $folder/core.c | grep -E '__builtin_|__attribute__|__asm|_Pragma|# *pragma|__[a-z]+__'
}

mapfile -t c < <(files '*.[ch]')
mapfile -t shell < <(files '*.sh')

check ruff "$python/ruff" check
check ruff-format "$python/ruff" format --check
check clang-format "$python/clang-format" --dry-run -Werror --ferror-limit=1 "${c[@]}"
check prettier "$prettier" --check host_sim/web tests/web bench/web.mjs
check codespell "$python/codespell" . .ci/ .github/
check shellcheck shellcheck .ci/run "${shell[@]}"
check mypy "$python/mypy"
# `fleet` is a module, a class to editors.
check stubtest env PYTHONPATH=micropython_mod:host_sim/backend:host_sim "$python/stubtest" tinyprop \
    --mypy-config-file pyproject.toml \
    --allowlist <(printf '%s\n' tinyprop.fleet 'tinyprop\.TinyProp\w+\.(set_\w+_request|__sklearn_tags__)')
check gcc-x64 compile gcc
check gcc-one-file compile_as_one
check gcc-without-gnu compile_without_gnu
check gcc-m0 compile arm-none-eabi-gcc -mthumb -mcpu=cortex-m0
check gcc-m4 compile arm-none-eabi-gcc -mthumb -mcpu=cortex-m4
check gcc-rv32 compile riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -specs=picolibc.specs

[ ${#wanted[@]} = 0 ] || [ $ran = ${#wanted[@]} ] || fail "There is no such check among: $*"
[ $failed = 0 ]
