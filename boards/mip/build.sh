#!/bin/bash
# build.sh FOLDER: what mip installs from a folder, a web server or a forge: FOLDER/package.json for any board, with the
# files of dist/ for all of them and tinyprop.py, which keeps the right one; FOLDER/<ARCH>_6.3/package.json for one alone.
set -euo pipefail
to=$(realpath -m "$1")
. "$(dirname "$0")/../setup/common.sh"

mkdir -p "$to"
cp boards/mip/tinyprop.py "$to"
urls='["tinyprop.py", "tinyprop.py"]'
for folder in dist/*_6.3; do
    name=$(basename "$folder")
    mkdir -p "$to/$name"
    cp "$folder/package.json" "${MPY_FILES[@]/#/$folder/}" "$to/$name"
    urls+=$',\n    '"[\"tinyprop_mpy/${name%_6.3}.mpy\", \"$name/tinyprop.mpy\"]"
done
# The other files are the same for all.
for file in "${MPY_FILES[@]:1}"; do
    urls+=$',\n    '"[\"$file\", \"$name/$file\"]"
done
version=$(tinyprop_version)
printf '{"version": "%s", "urls": [\n    %s\n]}\n' "$version" "$urls" >"$to/package.json"
