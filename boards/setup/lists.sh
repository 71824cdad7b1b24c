#!/bin/bash
# lists.sh SUITE [anew]: the package lists of a suite of Debian, which need not be the machine's own, in the cache; prints
# the folder, for apt_of. Debian signs the list of a suite, the list has the hash of each file, and apt checks both.
set -euo pipefail
. "$(dirname "$0")/common.sh"

suite=${1:?"usage: boards/setup/lists.sh SUITE [anew]"}
folder=$CACHE/lists/$suite
key=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$CACHE/lists"
exec 9>"$folder.lock"
flock 9
if [ "${2:-}" != anew ] && kept "$folder"; then
    echo "$folder"
    exit
fi

# Where apt, which as root fetches as a user without rights, can write.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/made/lists"

# The places that the machine has packages from, those first that say that they are Debian.
mirrors() {
    apt-get indextargets --format '$(LABEL)/$(REPO_URI)' | sed 's,^Debian/,/,' | sort -u | sed 's,^[^/]*/,,'
}

places=$(mirrors)
if [ -z "$places" ]; then
    as_root apt-get -qq update
    places=$(mirrors)
fi
[ -e "$key" ] || places=
for uri in $places; do
    printf '%s\n' "deb [signed-by=$key] $uri $suite main" "deb-src [signed-by=$key] $uri $suite main" \
        >"$work/made/sources.list"
    if apt_of "$work/made" -o Acquire::Languages=none -o APT::Update::Error-Mode=any update 2>>"$work/log"; then
        rm -rf "$folder" "$work/made/lists/partial"
        keep "$work/made" "$folder"
        echo "$folder"
        exit
    fi
done
[ ! -e "$work/log" ] || cat "$work/log" >&2
fail "None of this machine's package sources has Debian $suite with Debian's signature. Add one for sources alone, of
which nothing is ever installed, as root and with a mirror of Debian for MIRROR:
  apt-get install debian-archive-keyring
  echo 'deb-src [signed-by=$key] http://MIRROR/debian $suite main' >/etc/apt/sources.list.d/debian-$suite.list
  apt-get update
MicroPython itself can be a checkout of your own instead: MPY_DIR=..."
