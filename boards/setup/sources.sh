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
file_version=${version#*:}
folder=$CACHE/$name-$file_version
done_already() {
    [ -d "$folder" ] && echo "$folder"
}
if done_already; then exit; fi

# A private package list per suite, on the same mirror as the machine's own lists.
apt_dir=$CACHE/apt/$suite
mkdir -p "$apt_dir/lists/partial"
exec 9>"$apt_dir/lock"
flock 9
if done_already; then exit; fi
apt_options=(
    -qq
    -o "Dir::Etc::sourcelist=$apt_dir/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$apt_dir/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
    -o APT::Sandbox::User=root -o Acquire::Languages=none
)

mirror() {
    apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
        awk '$2 == "Debian" { print $1; exit }'
}

update_list() {
    uri=$(mirror)
    if [ -z "$uri" ]; then
        as_root apt-get -qq update
        uri=$(mirror)
    fi
    [ -n "$uri" ] || fail "No Debian mirror is configured on this machine; add one to /etc/apt/sources.list."
    options="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    printf '%s\n' "deb $options $uri $suite main" "deb-src $options $uri $suite main" \
        >"$apt_dir/sources.list"
    apt-get "${apt_options[@]}" update
}

# Leaves the package's files in the current folder; false when the mirror has no such version.
download() {
    [ -e "$apt_dir/sources.list" ] || return 1
    if [ "$kind" = source ]; then
        apt-get "${apt_options[@]}" source --download-only --tar-only "$name=$version" || return 1
    else
        apt-get "${apt_options[@]}" download "$name=$version"
    fi
}

work=$(mktemp -d "$CACHE/tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
say "Fetching $name $version from Debian $suite"
if ! download 2>/dev/null; then
    update_list >&2
    download >&2 || fail "Debian $suite has no $name $version (any more). Put the version it has now into" \
        "the line $variable= of $VERSIONS, or use a MicroPython checkout of your own with MPY_DIR=..."
fi
mkdir unpacked
if [ "$kind" = source ]; then
    tar xf ./*.orig.tar.* -C unpacked --strip-components=1 --wildcards "${@/#/*/}"
else
    dpkg --fsys-tarfile ./*.deb | tar x -C unpacked --wildcards "${@/#/./}"
fi
mv -T unpacked "$folder"
echo "$folder"
