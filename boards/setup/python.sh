#!/bin/bash
# python.sh SET: a Python environment in the cache with the PyPI packages of lock/python-SET.txt; prints its folder.
# SET demo is enough to build MicroPython and to draw; SET all holds the tests' and the boards' tools too; SET fleet is
# Flower, which caps versions of what these have; SET lock makes the lock files. pip takes nothing but wheels that have one of
# the hashes written there, so that no code of others runs here; the few packages that come as source only, and then run their
# setup.py, are in python-SET-source.txt.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# The name changes with the set's file and with the machine's Python, so that no environment is ever altered.
folder() {
    local key
    key=$({ python3 --version; cat "$LOCK/python-$1"*.txt; } | cksum | cut -d' ' -f1)
    echo "$CACHE/python/$1-$key"
}

set=${1:-}
case $set in
    demo | all | fleet) check_lock ;;
    lock) ;; # by which check_lock becomes true
    *) fail "usage: boards/setup/python.sh demo|all|fleet|lock" ;;
esac
folder=$(folder "$set")

# An environment cannot be moved after it is made.
mkdir -p "$CACHE/python"
exec 9>"$CACHE/python/lock"
flock 9
# The bigger set serves as well.
if [ "$set" = demo ] && kept "$(folder all)"; then
    folder=$(folder all)
elif ! kept "$folder"; then
    say "Installing Python packages: $LOCK/python-$set.txt"
    python3 -m venv "$folder"
    install() {
        "$folder/bin/pip" install -qq --disable-pip-version-check --no-deps --require-hashes "$@" >&2
    }
    install --only-binary :all: -r "$LOCK/python-$set.txt"
    # Built by what was just installed, not by what pip would fetch for it.
    source_only=$LOCK/python-$set-source.txt
    [ ! -e "$source_only" ] || install --no-binary :all: --no-build-isolation -r "$source_only"
    seal "$folder"
fi
echo "$folder"
