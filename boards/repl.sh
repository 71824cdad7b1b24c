#!/bin/bash
# repl.sh unix|pico|PORT: a MicroPython prompt: here, on an emulated Pico, or of the board at a serial port.
set -euo pipefail
. "$(dirname "$0")/setup/common.sh"

case ${1:-} in
    unix)
        boards/setup/apt.sh pc
        exec "$(boards/unix/build.sh)"
        ;;
    pico)
        # The board's files are kept from one time to the next.
        exec boards/emulators/pico/pico.sh tinyprop --terminal --flash "$(realpath -m build/pico/flash.bin)"
        ;;
    /*)
        boards/setup/apt.sh pc
        [ -e "$1" ] || fail "There is no port $1."
        exec "$(boards/setup/python.sh all)/bin/mpremote" connect "$1" repl
        ;;
    *) fail "TARGET=${1:-} should be unix or pico, PORT=... a port such as /dev/ttyACM0." ;;
esac
