#!/bin/bash
# sources.sh NAME [PATH...]: unpacks a Debian package that boards/versions.mk pins into the cache, prints its
# folder. PATHs (wildcards allowed) take that part alone out of a package of which no more is ever needed.
# NAME is the package's name: micropython, pico-sdk-source, mbedtls... The files come from the suite
# that the pin names, which need not be the machine's own; nothing is installed into the system.
#
# Debian signs the list of each suite, the list has the hash of each file, and apt checks both.
set -euo pipefail
. "$(dirname "$0")/common.sh"

name=${1:?"usage: boards/setup/sources.sh NAME [PATH...]"}
shift
variable=$(tr a-z- A-Z_ <<<"$name")
pin=${!variable:?"$VERSIONS has no line $variable=suite/kind/version for the package $name"}
IFS=/ read -r suite kind version <<<"$pin"
folder=$CACHE/sources/$name-${version#*:}
if kept "$folder"; then
    echo "$folder"
    exit
fi

# Another suite's lists are apart from the machine's own.
lists=$CACHE/apt/$suite
mkdir -p "$CACHE/apt"
exec 9>"$lists.lock"
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
cd "$work"

apt() {
    local lists=$1
    shift
    apt-get -qq -o "Dir::Etc::sourcelist=$lists/sources.list" -o Dir::Etc::sourceparts=- \
        -o "Dir::State::lists=$lists/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o Acquire::Languages=none -o APT::Update::Error-Mode=any "$@"
}

# The places that the machine has packages from, those first that say that they are Debian.
mirrors() {
    apt-get indextargets --format '$(LABEL)/$(REPO_URI)' | sed 's,^Debian/,/,' | sort -u | sed 's,^[^/]*/,,'
}

# Gets the suite's lists from the first place that has them with Debian's signature.
fetch_lists() {
    local key=/usr/share/keyrings/debian-archive-keyring.gpg places uri
    places=$(mirrors)
    if [ -z "$places" ]; then
        as_root apt-get -qq update
        places=$(mirrors)
    fi
    mkdir -p fresh/lists
    for uri in $places; do
        printf '%s\n' "deb [signed-by=$key] $uri $suite main" "deb-src [signed-by=$key] $uri $suite main" \
            >fresh/sources.list
        if [ -e "$key" ] && apt "$work/fresh" update 2>>log; then
            rm -rf "$lists" fresh/lists/partial
            keep fresh "$lists"
            return
        fi
    done
    cat log >&2 2>/dev/null || true
    fail "$name comes from Debian $suite, which none of this machine's package sources has with Debian's signature." \
        "Add one for sources alone, of which nothing is ever installed:
  apt-get install debian-archive-keyring
  echo 'deb-src [signed-by=$key] http://MIRROR/debian $suite main' >/etc/apt/sources.list.d/debian-$suite.list
  apt-get update
as root, with a mirror of Debian for MIRROR. For MicroPython, MPY_DIR=... takes a checkout of your own instead."
}

# Leaves the package's files in the current folder; false when the lists have no such version.
download() {
    if [ "$kind" = source ]; then
        apt "$lists" source --download-only --tar-only "$name=$version"
    else
        apt "$lists" download "$name=$version"
    fi
}

say "Fetching $name $version from Debian $suite"
if ! { kept "$lists" && download 2>/dev/null; }; then
    fetch_lists
    download >&2 || fail "Debian $suite has no $name $version (any more). Put the version it has now into" \
        "the line $variable= of $VERSIONS, or use a MicroPython checkout of your own with MPY_DIR=..."
fi
if [ "$kind" = source ]; then
    tar xf ./*.orig.tar.* -C "$made/unpacked" --no-same-owner --strip-components=1 --wildcards "${@/#/*/}"
else
    dpkg --fsys-tarfile ./*.deb | tar x -C "$made/unpacked" --no-same-owner --wildcards "${@/#/./}"
fi
keep "$made/unpacked" "$folder"
echo "$folder"
