#!/bin/bash
# node.sh: the pinned npm packages in the cache; prints the folder that has node_modules.
set -euo pipefail
. "$(dirname "$0")/common.sh"

folder=$CACHE/node-${NPM_RP2040JS/@/-}
if [ ! -d "$folder" ]; then
    say "Installing npm package $NPM_RP2040JS"
    work=$(mktemp -d "$CACHE/tmp.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    npm install --silent --no-audit --no-fund --prefix "$work" "$NPM_RP2040JS" >&2
    mv -T "$work" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
