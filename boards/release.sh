#!/bin/bash
# release.sh FOLDER: all that is published of a version: .mpy files, what mip installs, firmware for the Picos, wheel, sdist,
# SHA256SUMS. The same commit gives the same bytes, in whatever folder and whenever.
set -euo pipefail
to=$(realpath -m "$1")
. "$(dirname "$0")/setup/common.sh"

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
version=$(tinyprop_version)
rm -rf "$to"
mkdir -p "$to"

say "The files for boards"
usermod_c/tinyprop/natmod/build.sh x64 armv6m armv7m armv7emsp rv32imc xtensawin
boards/loose.sh "$to"
boards/mip/build.sh "$to/mip"

say "Firmware"
for board in RPI_PICO RPI_PICO2; do
    boards/firmware.sh $board >/dev/null
    cp dist/$board/firmware.uf2 "$to/tinyprop-$version-$board.uf2"
done

say "Packages for a PC"
boards/package.sh "$to"

cd "$to"
sums=$(find . -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum)
echo "$sums" | tee SHA256SUMS
