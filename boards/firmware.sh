#!/bin/bash
# firmware.sh BOARD [plain]: MicroPython for a board with tinyprop in it, or the plain one; prints the
# file to put on the board. The board's facts are in boards/BOARD/board.mk.
set -euo pipefail
. "$(dirname "$0")/setup/common.sh"

board=${1:-}
if [ ! -e "boards/$board/board.mk" ]; then
    fail "BOARD=$board should be one of: $(cd boards && echo */board.mk | sed 's,/board.mk,,g')."
fi
# shellcheck source=boards/RPI_PICO/board.mk
. "boards/$board/board.mk"
plain=${2:-}
root=$PWD
# The smallest file that is MicroPython has some 660,000.
LEAST_BYTES=400000
own_way="Or keep the MicroPython that is on the board and copy tinyprop.mpy to it: make deploy PORT=..."

# The Pico SDK of the MicroPython in use; what MicroPython's source package lacks comes from other packages.
find_pico_sdk() {
    boards/setup/apt.sh pc arm rp2
    if [ -n "${MPY_DIR:-}" ]; then
        sdk=${PICO_SDK_PATH:-$source/lib/pico-sdk}
        [ -e "$sdk/pico_sdk_init.cmake" ] ||
            fail "There is no Pico SDK in $sdk. Set PICO_SDK_PATH=... or fetch the one that belongs to" \
                "MPY_DIR: make -C $MPY_DIR/ports/rp2 BOARD=$board submodules"
        return
    fi
    sdk=$(boards/setup/sources.sh pico-sdk-source)/usr/src/pico-sdk
    link_library tinyusb "$(boards/setup/sources.sh tinyusb-source)/usr/src/tinyusb"
    link_library mbedtls "$(boards/setup/sources.sh mbedtls)"
}

link_library() {
    if [ "$(readlink "$source/lib/$1")" != "$2" ]; then
        rmdir "$source/lib/$1" 2>/dev/null || true
        ln -sfnT "$2" "$source/lib/$1"
    fi
}

find_esp_idf() {
    [ -e "${IDF_PATH:-}/export.sh" ] ||
        fail "Firmware for $board needs ESP-IDF $ESP_IDF_FROM to $ESP_IDF_TO, which comes in no package." \
            "Install it as ports/esp32/README.md of MicroPython says and set IDF_PATH=... to its folder. $own_way"
    sdk=$IDF_PATH
    boards/setup/apt.sh pc
}

check_libraries() {
    local library missing=()
    for library in $LIBRARIES; do
        [ -n "$(ls -A "$source/lib/$library" 2>/dev/null)" ] || missing+=("lib/$library")
    done
    [ ${#missing[@]} = 0 ] && return
    if [ -n "${MPY_DIR:-}" ]; then
        fail "MPY_DIR=$MPY_DIR lacks ${missing[*]}. Fetch them with:" \
            "make -C $MPY_DIR/ports/$MICROPY_PORT BOARD=$board submodules"
    fi
    fail "Firmware for $board needs ${missing[*]} of MicroPython, which come in no package. Give a git" \
        "checkout of MicroPython with MPY_DIR=... $own_way"
}

# Frozen into the firmware: what the board's stock firmware has, and tinyprop. Without micropython-lib
# that is only the part of rp2's stock manifest that does not need it.
write_manifest() {
    local port=$source/ports/$MICROPY_PORT stock='$(PORT_DIR)/boards/manifest.py'
    [ -e "$port/boards/$board/manifest.py" ] && stock='$(BOARD_DIR)/manifest.py'
    if [ -e "$source/lib/micropython-lib/README.md" ]; then
        echo "include(\"$stock\")"
    else
        echo 'freeze("$(PORT_DIR)/modules")'
        echo 'include("$(MPY_DIR)/extmod/asyncio")'
    fi
    [ -n "$plain" ] || echo "include(\"$root/micropython_mod/manifest.py\")"
}

# build FOLDER: FOLDER/firmware.uf2 and FOLDER/firmware.elf, or FOLDER/firmware.bin for esp32.
build() {
    local folder=$1 library=$source/lib/micropython-lib size
    start_anew_unless "$folder" "$source $sdk $LIBRARIES"
    [ -e "$library/README.md" ] || library=$source        # only the README is asked for
    write_manifest >"$folder/manifest.py"
    MICROPY_MPYCROSS=$(mpy_cross "$source" "$python")
    export MICROPY_MPYCROSS
    "build_$MICROPY_PORT" "$folder" "$library"
    size=$(stat -c %s "$folder/$file")
    [ "$size" -ge $LEAST_BYTES ] ||
        fail "$folder/$file has $size bytes, too few for MicroPython. Remove $folder and try again."
}

build_rp2() {
    local folder=$1 options=()
    [ -n "$plain" ] || options=("-DUSER_C_MODULES=$root/usermod_c/micropython.cmake")
    # A cmake that failed leaves a Makefile too. The SDK has one file in C++, new and delete, which nothing calls: without
    # these, gcc compiles it, and links libm as g++ would, but no library of C++, which has 1.6 GB.
    if [ ! -e "$folder/configured" ]; then
        CXXFLAGS=-DPICO_CXX_DISABLE_ALLOCATION_OVERRIDES quietly cmake --fresh -S "$source/ports/rp2" -B "$folder" \
            -DMICROPY_BOARD="$board" -DPICO_SDK_PATH_OVERRIDE="$sdk" -DPICO_BUILD_DOCS=0 -DPICO_NO_PICOTOOL=1 \
            -DPICO_COMPILER_CXX="$(command -v arm-none-eabi-gcc)" -DCMAKE_CXX_STANDARD_LIBRARIES=-lm \
            -DMICROPY_LIB_DIR="$2" -DMICROPY_FROZEN_MANIFEST="$folder/manifest.py" \
            -DPython3_EXECUTABLE="$python/bin/python" "${options[@]}"
        touch "$folder/configured"
    fi
    quietly make -j2 -C "$folder"
    quietly "$python/bin/python" "$source/tools/uf2conv.py" -f "$UF2_FAMILY" -b 0x10000000 -c \
        -o "$folder/firmware.uf2" "$folder/firmware.bin"
}

build_esp32() {
    local folder=$1 options=()
    [ -n "$plain" ] || options=("USER_C_MODULES=$root/usermod_c/micropython.cmake")
    quietly bash -c '. "$1/export.sh" && shift && make "$@"' - "$sdk" -C "$source/ports/esp32" \
        BOARD="$board" BUILD="$folder" FROZEN_MANIFEST="$folder/manifest.py" "${options[@]}"
}

source=$(micropython_dir)
case $MICROPY_PORT in
    rp2)
        find_pico_sdk
        file=firmware.uf2
        ;;
    esp32)
        find_esp_idf
        file=firmware.bin
        ;;
esac
check_libraries
python=$(boards/setup/python.sh all)

# Tests and a person may ask for the same firmware at the same time.
mkdir -p build
exec 9>"build/$board.lock"
flock 9

if [ -z "$plain" ]; then
    folder=$root/build/$board
    [ -e "$folder/$file" ] || say "Building MicroPython with tinyprop for $board; it takes minutes"
    build "$folder"
    mkdir -p "dist/$board"
    cp "$folder/$file" "dist/$board/$file.new"
    mv "dist/$board/$file.new" "dist/$board/$file"
    echo "$folder/$file"
    exit
fi

# The plain one has nothing of ours, so it is kept in the cache; one from MPY_DIR, which can change, is not.
if [ -n "${MPY_DIR:-}" ]; then
    folder=$root/build/$board-plain
    build "$folder"
else
    folder=$CACHE/built/$board-${source##*/micropython-}
    if ! kept "$folder"; then
        say "Building plain MicroPython for $board"
        work=$(mktemp -d "$CACHE/tmp.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        build "$work/build"
        mkdir "$work/result"
        mv "$work/build/$file" "$work/build/firmware.elf" "$work/result"
        keep "$work/result" "$folder"
    fi
fi
echo "$folder/$file"
