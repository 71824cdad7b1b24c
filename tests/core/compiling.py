"""The core's sources, and programs of them."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORE = ROOT / "usermod_c" / "tinyprop" / "core"
SOURCES = [CORE / name for name in (CORE / "sources.txt").read_text().split()]
# As in boards/setup/common.sh.
CCACHE = {
    "CCACHE_DIR": os.environ.get("CACHE", f"{Path.home()}/.cache/tinyprop") + "/ccache",
    "CCACHE_BASEDIR": str(ROOT),
    "CCACHE_NOHASHDIR": "1",
    "CCACHE_MAXSIZE": "1G",
}


def run(*command):
    command = list(map(str, command))
    environment = {**os.environ, **CCACHE}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def build(program, sources, *options, compiler=("gcc",)):
    """A program or a library, file by file: ccache has what was compiled before."""
    objects = []
    for i, source in enumerate(sources):
        objects.append(program.with_name(f"{program.name}-{i}.o"))
        run("ccache", *compiler, *options, f"-I{CORE}", "-c", source, "-o", objects[-1])
    run(*compiler, *options, *objects, "-o", program)
