#!/bin/bash
# node.sh: the npm packages of lock/package-lock.json in the cache; prints the folder that has node_modules. npm takes
# nothing that has not the hash written there, and runs no script of a package.
set -euo pipefail
. "$(dirname "$0")/common.sh"

check_lock
folder=$CACHE/node-$(cksum <"$LOCK/package-lock.json" | cut -d' ' -f1)
if ! kept "$folder"; then
    say "Installing npm packages: $LOCK/package-lock.json"
    work=$(mktemp -d "$CACHE/tmp.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cp "$LOCK"/package*.json "$work"
    npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$work" >&2
    keep "$work" "$folder"
fi
echo "$folder"
