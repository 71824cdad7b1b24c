#!/bin/bash
# umqtt.sh: MicroPython's MQTT client, umqtt.simple, in the cache; prints the folder that has umqtt/simple.py.
# The package has no setup.py, so no tool installs it: uv fetches it, checks its hash, unpacks it, and only then says so.
set -euo pipefail
. "$(dirname "$0")/common.sh"

check_lock
file=$LOCK/python-umqtt.txt
folder=$CACHE/umqtt-$(cksum <"$file" | cut -d' ' -f1)
if ! kept "$folder"; then
    say "Fetching ${PYPI_UMQTT}"
    python=$(boards/setup/python.sh lock)/bin
    index=$("$python/pip" config get global.index-url 2>/dev/null) && export UV_DEFAULT_INDEX=$index
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    said=$("$python/uv" --cache-dir "$work/uv" pip install --quiet --no-deps --require-hashes \
        --target "$work/none" -r "$file" 2>&1) || true
    found=$(find "$work/uv" -path '*/umqtt/simple.py')
    [ -n "$found" ] || fail "uv did not fetch ${PYPI_UMQTT}: $said"
    mkdir -p "$work/made/umqtt"
    cp "$found" "$work/made/umqtt"
    keep "$work/made" "$folder"
fi
echo "$folder"
