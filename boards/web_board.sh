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

mkdir -p "$to"/pico "$to"/vendor/{rp2040js,uf2,xterm,noble,esptool-js}
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
gzip -n9 <"$firmware" >"$to/pico/firmware.uf2.gz"

vendor=$to/vendor
(cd "$npm/rp2040js/dist/esm" && find . -name '*.js' ! -name 'gdb-tcp-server.js' -exec cp --parents {} "$vendor/rp2040js" \;)
cp "$npm/uf2/dist/esm"/*.js "$vendor/uf2"
sed -i "s,'./uf2families','./uf2families.js'," "$vendor/uf2/uf2.js" # a browser wants the name of the file
cp "$npm/@noble/hashes"/{sha2,legacy,_md,_u64,utils}.js "$vendor/noble"
sed /sourceMappingURL/d "$npm/@xterm/xterm/lib/xterm.mjs" >"$vendor/xterm/xterm.js"
sed /sourceMappingURL/d "$npm/@xterm/addon-fit/lib/addon-fit.mjs" >"$vendor/xterm/addon-fit.js"
cp "$npm/@xterm/xterm/css/xterm.css" "$vendor/xterm"
cp "$npm/esptool-js/bundle.js" "$vendor/esptool-js/esptool.js"
for package in rp2040js uf2 @noble/hashes @xterm/xterm esptool-js; do
    folder=${package#@}
    cp "$npm/$package/LICENSE" "$vendor/${folder%/*}"
done
