#!/bin/bash
# web_board.sh FOLDER: fills FOLDER with what the page needs to reach a board, and to be one: host_sim/web/board, the
# libraries of npm that it imports, the emulated Pico with its firmware, and the files for every board.
set -euo pipefail
to=$(realpath -m "$1")
. "$(dirname "$0")/setup/common.sh"

boards/setup/apt.sh arm node
python=$(boards/setup/python.sh all)/bin/python
npm=$(boards/setup/node.sh)/node_modules
firmware=$(boards/firmware.sh RPI_PICO)
emulator=boards/emulators/pico
archs=(armv6m armv7m armv7emsp rv32imc xtensawin)
usermod_c/tinyprop/natmod/build.sh "${archs[@]}" >/dev/null
make --silent -C $emulator/boot_rom OUT="$PWD/build/pico/boot_rom.bin"

mkdir -p "$to/pico"
cp host_sim/web/board/*.js* "$to"
PYTHONPATH=boards:host_sim "$python" boards/web_board.py >"$to/board.json"
for arch in "${archs[@]}"; do
    mkdir -p "$to/mpy/$arch"
    cp "dist/${arch}_6.3"/*.mpy "$to/mpy/$arch"
done

# Few web servers know what .mjs is.
for module in bus core paced pico usb_serial; do
    sed "s/\.mjs'/.js'/" $emulator/$module.mjs >"$to/pico/$module.js"
done
cat >"$to/pico/libraries.js" <<'JS'
export { RP2040, USBCDC } from "../vendor/rp2040js/index.js";
export { blockSize, decodeBlock } from "../vendor/uf2/uf2.js";
JS
cp build/pico/boot_rom.bin "$to/pico"
chmod -x "$to/pico/boot_rom.bin"
gzip -n9 <"$firmware" >"$to/pico/firmware.uf2.gz"

# vendor PACKAGE FOLDER FILE...: these files of a package of npm, below FOLDER in it, and its licence.
vendor() {
    local from=$npm/$1 folder=$2 into=$to/vendor/$1
    mkdir -p "$into"
    (cd "$from/$folder" && cp --parents "${@:3}" "$into")
    cp "$from"/LICENSE* "$into"
}

mapfile -t modules < <(cd "$npm/rp2040js/dist/esm" && find . -name '*.js' ! -name gdb-tcp-server.js)
vendor rp2040js dist/esm "${modules[@]}"
vendor uf2 dist/esm uf2.js uf2families.js
sed -i "s,'./uf2families','./uf2families.js'," "$to/vendor/uf2/uf2.js" # a browser wants the file's name
vendor @noble/hashes . sha2.js legacy.js _md.js _u64.js utils.js
vendor esptool-js . bundle.js
vendor pako . LICENSE # which the bundle has in it, as it has the next one
vendor atob-lite . LICENSE.md
vendor @xterm/xterm . lib/xterm.mjs css/xterm.css
vendor @xterm/addon-fit . lib/addon-fit.mjs
for module in "$to"/vendor/@xterm/*/lib/*.mjs; do
    sed '/sourceMappingURL/d' "$module" >"${module%.mjs}.js"
    rm "$module"
done
