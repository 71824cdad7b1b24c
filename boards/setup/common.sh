# What the setup scripts share. CACHE holds third-party files only, each in a folder named by version.
VERSIONS=boards/versions.mk
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. "$VERSIONS"
CACHE=${CACHE:-$HOME/.cache/tinyprop}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd)

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
