#!/bin/bash
# web.sh: dist/web/, a page of static files for any web server, and in its folder tinyprop/ the library for JavaScript as npm
# has it. Prints the folder.
set -euo pipefail
. "$(dirname "$0")/setup/common.sh"

# Several tests ask for it, at the same time too: a run of make builds it once.
mkdir -p build dist
exec 9>build/web.lock
flock 9
if [ -d dist/web ] && [ "$(cat build/web.run 2>/dev/null)" = "$CACHE_RUN" ]; then
    echo dist/web
    exit
fi

boards/setup/apt.sh web
core=usermod_c/tinyprop/core
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

to=$work/web
mkdir -p "$to/tinyprop"
cp -r host_sim/web/page/. "$to"
PYTHONPATH=host_sim/tinyprop_desk "$(boards/setup/python.sh all)/bin/python" -c \
    "import json; from boards import figures; print(json.dumps(figures()))" >"$to/boards.json"
cp host_sim/web/*.js host_sim/web/*.d.ts host_sim/web/package.json LICENSE "$to/tinyprop"
boards/web_board.sh "$to/board"
# Every browser has known instructions for several numbers since 2023; they make a step up to twice as fast (make web_speed).
# The stack lies below all else, so that one that is too deep ends in an error.
mapfile -t sources < <(sed "s,^,$core/," $core/sources.txt)
clang --target=wasm32 -O3 -flto -msimd128 -ffreestanding -nostdlib -fvisibility=hidden -I$core "${sources[@]}" \
    -o "$to/tinyprop/tinyprop.wasm" \
    -Wl,--no-entry,--stack-first,--strip-all,--export=__heap_base \
    -Wl,--export=tp_layout,--export=tp_hold,--export=tp_init,--export=tp_run,--export=tp_predict,--export=tp_distances
chmod -x "$to/tinyprop/tinyprop.wasm"

# What the service worker keeps at once. What a board needs it keeps when somebody asks for it.
not_asked_for=(! -name sw.js ! -name '*.d.ts' ! -name LICENSE ! -name package.json)
mapfile -t files < <(cd "$to" && find . -path ./board -prune -o -type f "${not_asked_for[@]}" -print | LC_ALL=C sort)
version=$(cd "$to" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
{
    echo "const VERSION = \"$version\";"
    printf 'const FILES = [\n    "./",\n'
    printf '    "%s",\n' "${files[@]}"
    echo "];"
} >"$to/files.js"

# What is the same stays in its place.
if ! diff -qr "$to" dist/web >/dev/null 2>&1; then
    rm -rf dist/web
    cp -r "$to" dist/web
fi
echo "$CACHE_RUN" >build/web.run
echo dist/web
