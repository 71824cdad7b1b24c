#!/bin/sh
# A GNU tool for ESP32, S2 and S3, called as xtensa-esp32-elf-TOOL: Debian's for the ESP8266, with
# the core's configuration and the windowed calling convention.
case $0 in
    /*) here=${0%/*} ;;
    *) here=$(cd "$(dirname "$(command -v "$0")")" && pwd) ;;
esac
tool=${0##*/xtensa-esp32-elf-}
usr=${here%/bin}/usr
[ "$tool" != gcc ] || set -- "-B$here/../lib/" "-B$usr/bin/xtensa-lx106-elf-" -mabi=windowed \
    -isystem "$here/../include" "$@"
export XTENSA_GNU_CONFIG="$here/../lib/xtensa_config.so"
exec "$usr/bin/xtensa-lx106-elf-$tool" "$@"
