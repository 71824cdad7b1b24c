#!/bin/bash
# build.sh ARCH...: dist/<ARCH>_6.3/ with the .mpy files for a board, and the package.json that mip installs them by.
set -euo pipefail
. "$(dirname "$0")/../../../boards/setup/common.sh"

source=$(micropython_dir)
python=$(boards/setup/python.sh all)
mpy_cross=$(mpy_cross "$source" "$python")
version=$(tinyprop_version)

# joined SEPARATOR TEXT...
joined() {
    printf '%s' "$2"
    [ $# = 2 ] || printf "$1%s" "${@:3}"
}

for arch in "$@"; do
    # The tools' prefix is dynruntime.mk's own, except that no package has the Xtensa compiler.
    tools=()
    case $arch in
        x64) boards/setup/apt.sh pc ;;
        armv6m | armv7m | armv7emsp) boards/setup/apt.sh pc arm ;;
        rv32imc) boards/setup/apt.sh pc riscv ;;
        xtensawin)
            boards/setup/apt.sh pc
            tools=("CROSS=$(boards/setup/xtensa_toolchain.sh)/bin/xtensa-esp32-elf-")
            ;;
        *) fail "ARCH=$arch should be one of x64 armv6m armv7m armv7emsp rv32imc xtensawin." ;;
    esac
    # Several targets of the tests may ask for the same file at the same time.
    mkdir -p build
    exec 9>"build/natmod-$arch.lock"
    flock 9
    folder=$PWD/build/natmod/$arch
    dist=$PWD/dist/${arch}_6.3
    start_anew_unless "$folder" "$source ${tools[*]}"
    quietly make -C usermod_c/tinyprop/natmod ARCH="$arch" BUILD="$folder" OUT="$dist" \
        FILES="${MPY_FILES[*]}" MPY_DIR="$source" PYTHON="$python/bin/python" MPY_CROSS="$mpy_cross" "${tools[@]}"
    urls=() sizes=()
    for file in "${MPY_FILES[@]}"; do
        urls+=("[\"$file\", \"$file\"]")
        sizes+=("$file $(stat -c %s "$dist/$file") bytes")
    done
    printf '{"version": "%s", "urls": [\n    %s\n]}\n' "$version" "$(joined $',\n    ' "${urls[@]}")" >"$dist/package.json"
    flock -u 9
    echo "dist/${arch}_6.3/$(joined ', ' "${sizes[@]}")"
done
