#!/bin/bash
# repl.sh unix|pico: a MicroPython prompt: here, or on an emulated Pico.
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
    *) fail "TARGET=${1:-} should be unix or pico. For a board of yours say PORT=... in its place." ;;
esac
