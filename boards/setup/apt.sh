#!/bin/bash
# apt.sh GROUP...: installs what these groups need and the machine lacks; silent when nothing is missing.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# package=what shows that it is there: a command, a file, or a Python module (python:NAME)
declare -A groups=(
    [pc]="gcc=gcc ccache=ccache libc6-dev=/usr/include/stdio.h make=make python3-venv=python:ensurepip
        xz-utils=xz"
    [cpython]="python3-dev=python:header"
    [arm]="gcc-arm-none-eabi=arm-none-eabi-gcc libnewlib-arm-none-eabi=/usr/include/newlib/stdio.h"
    [riscv]="gcc-riscv64-unknown-elf=riscv64-unknown-elf-gcc
        picolibc-riscv64-unknown-elf=/usr/lib/picolibc/riscv64-unknown-elf/picolibc.specs"
    [qemu]="qemu-system-arm=qemu-system-arm qemu-system-misc=qemu-system-riscv32 qemu-user=qemu-x86_64"
    [rp2]="cmake=cmake g++=g++ bzip2=bzip2"
    [node]="nodejs=node npm=npm"
    [fuzz]="clang=clang llvm=llvm-cov libclang-rt-dev=/usr/share/doc/libclang-rt-dev"
    [web]="clang=clang lld=wasm-ld"
    [browser]="chromium=chromium"
    [mqtt]="mosquitto=/usr/sbin/mosquitto"
    [thonny]="thonny=thonny xvfb=Xvfb"
    [lint]="shellcheck=shellcheck"
)

present() {
    case $1 in
        python:header) [ -e "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ;;
        python:*) python3 -c "import ${1#python:}" 2>/dev/null ;;
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

missing=()
for group in "$@"; do
    for entry in ${groups[$group]:?"no package group of this name in $0"}; do
        present "${entry#*=}" || missing+=("${entry%%=*}")
    done
done
[ ${#missing[@]} = 0 ] && exit

[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
    fail "These packages are missing: ${missing[*]}. Install them as root, or install sudo."
say "Installing ${missing[*]}"
install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" >/dev/null
}
# The package lists may be absent or old: then they are fetched, and the installation is tried again.
install 2>/dev/null || { as_root apt-get -qq update && install; } ||
    fail "apt-get could not install: ${missing[*]}"
