#!/bin/bash
# loose.sh FOLDER: the .mpy files in dist/, one by one, as a release has them: for who copies them to a board by hand.
set -euo pipefail
to=$(realpath -m "$1")
. "$(dirname "$0")/setup/common.sh"

mkdir -p "$to"
version=$(tinyprop_version)-mpy6.3
for folder in dist/*_6.3; do
    arch=$(basename "$folder" _6.3)
    cp "$folder/tinyprop.mpy" "$to/tinyprop-$version-$arch.mpy"
done
# The other files are the same for all.
for file in "${MPY_FILES[@]:1}"; do
    cp "$folder/$file" "$to/${file%.mpy}-$version.mpy"
done
