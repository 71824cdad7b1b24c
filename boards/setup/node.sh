#!/bin/bash
# node.sh: the pinned npm packages in the cache; prints the folder that has node_modules.
set -euo pipefail
. "$(dirname "$0")/common.sh"

packages=("$NPM_RP2040JS" "$NPM_UF2")
folder=$CACHE/node-$(cksum <<<"${packages[*]}" | cut -d' ' -f1)
if [ ! -d "$folder" ]; then
    say "Installing npm packages: ${packages[*]}"
    work=$(mktemp -d "$CACHE/tmp.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    npm install --silent --no-audit --no-fund --prefix "$work" "${packages[@]}" >&2
    mv -T "$work" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
