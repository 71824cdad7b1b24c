#!/bin/bash
# sources.sh NAME [PATH...]: unpacks a Debian package that boards/versions.mk pins into the cache, prints its
# folder. PATHs (wildcards allowed) take that part alone out of a package of which no more is ever needed.
# NAME is the package's name: micropython, pico-sdk-source, mbedtls... The files come from the suite
# that the pin names, which need not be the machine's own; nothing is installed into the system.
# micropython.newer is a second version of the package micropython, pinned as MICROPYTHON_NEWER.
set -euo pipefail
. "$(dirname "$0")/common.sh"

name=${1:?"usage: boards/setup/sources.sh NAME [PATH...]"}
shift
variable=$(tr a-z.- A-Z__ <<<"$name")
name=${name%.newer}
pin=${!variable:?"$VERSIONS has no line $variable=suite/kind/version for the package $name"}
IFS=/ read -r suite kind version <<<"$pin"
folder=$CACHE/sources/$name-${version#*:}
if kept "$folder"; then
    echo "$folder"
    exit
fi

mkdir -p "$CACHE/sources"
exec 9>"$folder.lock"
flock 9
if kept "$folder"; then
    echo "$folder"
    exit
fi

# Where apt, which as root fetches as a user without rights, can write.
work=$(mktemp -d)
made=$(mktemp -d "$CACHE/tmp.XXXXXX")
trap 'rm -rf "$work" "$made"' EXIT
mkdir "$made/unpacked"
chmod 755 "$work"
[ "$(id -u)" != 0 ] || chown _apt "$work"

# Leaves the package's files in $work; false when these lists have no such version.
download() {
    cd "$work"
    if [ "$kind" = source ]; then
        apt_of "$1" source --download-only --tar-only "$name=$version"
    else
        apt_of "$1" download "$name=$version"
    fi
}

say "Fetching $name $version from Debian $suite"
lists=$(boards/setup/lists.sh "$suite")
if ! (download "$lists") 2>/dev/null; then
    lists=$(boards/setup/lists.sh "$suite" anew)
    (download "$lists") >&2 ||
        fail "Debian $suite has no $name $version (any more). Put the version it has now into" \
            "the line $variable= of $VERSIONS, or use a MicroPython checkout of your own with MPY_DIR=..."
fi
cd "$work"
if [ "$kind" = source ]; then
    tar xf ./*.orig.tar.* -C "$made/unpacked" --no-same-owner --strip-components=1 --wildcards "${@/#/*/}"
else
    dpkg --fsys-tarfile ./*.deb | tar x -C "$made/unpacked" --no-same-owner --wildcards "${@/#/./}"
fi
keep "$made/unpacked" "$folder"
echo "$folder"
