#!/bin/bash
# xtensa_toolchain.sh: a C compiler for ARCH=xtensawin (ESP32, ESP32-S2, ESP32-S3) in the cache; prints its folder.
# Its tools are FOLDER/bin/xtensa-esp32-elf-gcc and so on: make CROSS=FOLDER/bin/xtensa-esp32-elf- ...
#
# Debian's Xtensa gcc is the ESP8266's. It and its binutils learn the ESP32's core from a plugin
# (xtensa_config.c); their run-time library has the wrong calling convention and is built anew.
set -euo pipefail
. "$(dirname "$0")/common.sh"

pins=("$GCC_XTENSA_LX106" "$BINUTILS_XTENSA_LX106" "$PICOLIBC_XTENSA_LX106_ELF" "$QEMU" "$EMSCRIPTEN")
key=$({ echo "${pins[@]}"; cat boards/setup/xtensa_*; } | cksum | cut -d' ' -f1)
folder=$CACHE/built/xtensa-$key
exec 9>"$CACHE/xtensa.lock"
flock 9
if kept "$folder"; then
    echo "$folder"
    exit
fi

made=$(mktemp -d "$CACHE/tmp.XXXXXX")
trap 'rm -rf "$made"' EXIT
work=$made/toolchain
mkdir -p "$work"/{bin,lib,build}

gcc=$(boards/setup/sources.sh gcc-xtensa-lx106)
binutils=$(boards/setup/sources.sh binutils-xtensa-lx106)
libc_headers=usr/lib/xtensa-lx106-elf/include
libc_headers=$(boards/setup/sources.sh picolibc-xtensa-lx106-elf $libc_headers)/$libc_headers
qemu=$(boards/setup/sources.sh qemu target/xtensa/core-dc233c target/xtensa/xtensa-isa-internal.h \
    include/hw/xtensa/xtensa-isa.h)
compiler_rt=usr/share/emscripten/system/lib/compiler-rt/lib/builtins
compiler_rt=$(boards/setup/sources.sh emscripten $compiler_rt)/$compiler_rt

say "Building the Xtensa toolchain"
cp -al "$gcc/usr" "$binutils/usr" "$work"
cp -a "$libc_headers" "$work/include"
mkdir "$work/build/qemu"
touch "$work/build/qemu/osdep.h" # QEMU's tables include it and need nothing of it
gcc -shared -fPIC -O1 -Wall -o "$work/lib/xtensa_config.so" boards/setup/xtensa_config.c \
    -I"$work/build" -I"$qemu/target/xtensa" -I"$qemu/include/hw/xtensa"

cp boards/setup/xtensa_tool.sh "$work/bin/xtensa-esp32-elf-gcc"
for tool in as ld ar nm objcopy objdump ranlib readelf size strip; do
    ln -s xtensa-esp32-elf-gcc "$work/bin/xtensa-esp32-elf-$tool"
done

# libgcc.a. With expensive-optimizations __bswapsi2 would call itself.
functions=(divdi3 moddi3 udivdi3 umoddi3 udivmoddi4 divmoddi4 ashldi3 ashrdi3 lshrdi3
    clzsi2 clzdi2 ctzsi2 ctzdi2 ffsdi2 popcountsi2 popcountdi2 bswapsi2 bswapdi2 cmpdi2 ucmpdi2 negdi2 fp_mode
    addsf3 subsf3 mulsf3 divsf3 negsf2 comparesf2 powisf2 fixsfsi fixsfdi fixunssfsi fixunssfdi
    floatsisf floatdisf floatunsisf floatundisf extendsfdf2 truncdfsf2
    adddf3 subdf3 muldf3 divdf3 negdf2 comparedf2 powidf2 fixdfsi fixdfdi fixunsdfsi fixunsdfdi
    floatsidf floatdidf floatunsidf floatundidf)
functions=("${functions[@]/#/$compiler_rt/}")
runtime=$PWD/boards/setup/xtensa_runtime.S
(
    cd "$work/build"
    ../bin/xtensa-esp32-elf-gcc -std=gnu11 -Os -fno-expensive-optimizations -fpic -fno-common -ffreestanding \
        -w -c "$runtime" "${functions[@]/%/.c}"
    ../bin/xtensa-esp32-elf-ar rc ../lib/libgcc.a ./*.o
)
rm -r "$work/build"
keep "$work" "$folder"
echo "$folder"
