#!/bin/bash
# build.sh [plain [NAME]]: MicroPython for this PC with tinyprop in it, or the plain one; prints the program's path.
# NAME, micropython.newer, is that of another pinned version.
set -euo pipefail
. "$(dirname "$0")/../setup/common.sh"

# Tests and a person may ask for it at the same time.
mkdir -p build
exec 9>build/unix.lock
flock 9

if [ -n "${2:-}" ]; then
    unset MPY_DIR
    source=$(boards/setup/sources.sh "$2")
else
    source=$(micropython_dir)
fi
python=$(boards/setup/python.sh demo)
mpy_cross=$(mpy_cross "$source" "$python")
root=$PWD

# What is switched off needs libraries that the source package does not have; of micropython-lib,
# which it does not have either, only the README is asked for.
# (The folder as ccache names it in lists of what depends on what, so that a header that changes counts.)
build() {
    local folder
    folder=$(realpath -m --relative-to="$source/ports/unix" "$1")
    shift
    quietly make -j2 -C "$source/ports/unix" VARIANT=standard BUILD="$folder" \
        PYTHON="$python/bin/python" MICROPY_MPYCROSS="$mpy_cross" MPY_LIB_DIR="$source" \
        MICROPY_PY_FFI=0 MICROPY_PY_BTREE=0 MICROPY_PY_SSL=0 "$@"
}

if [ "${1:-}" != plain ]; then
    folder=$root/build/unix
    start_anew_unless "$folder" "$source"
    [ -x "$folder/micropython" ] || say "Building MicroPython with tinyprop for this PC"
    build "$folder" USER_C_MODULES="$root/usermod_c" FROZEN_MANIFEST="$root/micropython_mod/manifest.py"
    echo "$folder/micropython"
    exit
fi

# The plain one has nothing of ours, so it is kept in the cache; one from MPY_DIR, which can change, is not.
if [ -n "${MPY_DIR:-}" ]; then
    folder=$root/build/unix-plain
    start_anew_unless "$folder" "$source"
    build "$folder" FROZEN_MANIFEST=
else
    folder=$CACHE/built/unix-${source##*/micropython-}
    if ! kept "$folder"; then
        say "Building plain MicroPython for this PC"
        work=$(mktemp -d "$CACHE/tmp.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        build "$work/build" FROZEN_MANIFEST=
        mkdir "$work/result"
        mv "$work/build/micropython" "$work/result"
        keep "$work/result" "$folder"
    fi
fi
echo "$folder/micropython"
