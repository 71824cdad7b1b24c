"""`_tinyprop` for CPython: the C core as an extension where there is one, else numpy.

TINYPROP_BACKEND=c or numpy asks for one of them, wasm for the core that browsers have. In a
checkout the extension is compiled when it is first imported, into build/host_sim, and again
whenever its sources change; an installation by pip brings it along if a compiler was there.
"""

import hashlib
import importlib
import importlib.util
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORE = ROOT / "usermod_c" / "tinyprop" / "core"
BUILD = ROOT / "build" / "host_sim"
FLAGS = ["-O3", "-shared", "-fPIC"]


def build(command):
    subprocess.run(command, check=True, capture_output=True, text=True)


def compile_extension():
    """The path of the extension, in a folder named by its sources; compiled if it is missing."""
    sources = [HERE / "_tinyprop_c.c"]
    sources += [CORE / name for name in (CORE / "sources.txt").read_text().split()]
    key = hashlib.sha256(" ".join(FLAGS).encode())
    for path in [*sources, *sorted(CORE.rglob("*.h"))]:
        key.update(path.read_bytes())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    result = BUILD / key.hexdigest()[:16] / f"_tinyprop_c{suffix}"
    if result.exists():
        return result
    compiler = os.environ.get("CC") or "gcc"
    include = sysconfig.get_path("include")
    result.parent.mkdir(parents=True, exist_ok=True)
    # Compiled in a folder of its own and then moved, as several programs may do this at once.
    with tempfile.TemporaryDirectory(dir=result.parent) as folder:
        output = Path(folder, result.name)
        objects = [Path(folder, source.name).with_suffix(".o") for source in sources]
        command = [*shlex.split(compiler), *FLAGS, f"-I{CORE}", f"-I{include}"]
        try:
            # One by one, so that a ccache has those that did not change.
            for source, made in zip(sources, objects, strict=True):
                build([*command, "-c", source, "-o", made])
            build([*command, *objects, "-o", output])
        except FileNotFoundError:
            raise ImportError(f"there is no C compiler {compiler!r}") from None
        except subprocess.CalledProcessError as e:
            raise ImportError(f"{compiler} cannot compile it:\n{e.stderr}") from None
        os.replace(output, result)
    return result


def c_backend():
    if not CORE.exists():
        try:
            return importlib.import_module("_tinyprop_c")
        except ModuleNotFoundError:
            raise ImportError("no C compiler was there when it was installed") from None
    spec = importlib.util.spec_from_file_location("_tinyprop_c", compile_extension())
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numpy_backend():
    return importlib.import_module("_tinyprop_numpy")


def wasm_backend():
    return importlib.import_module("_tinyprop_wasm")


def choose():
    wanted = os.environ.get("TINYPROP_BACKEND", "")
    if wanted == "c":
        return c_backend()
    if wanted == "numpy":
        return numpy_backend()
    if wanted == "wasm":
        return wasm_backend()
    if wanted:
        raise ImportError(f"TINYPROP_BACKEND should be c, numpy or wasm, not {wanted!r}")
    try:
        return c_backend()
    except (ImportError, OSError) as e:  # in a checkout that nobody may write to
        reason = str(e).splitlines()[0].rstrip(":")
        print(f"tinyprop: computes with numpy, which is slow: {reason}", file=sys.stderr)
        return numpy_backend()


_chosen = choose()
backend = _chosen.backend
layout = _chosen.layout
hold = _chosen.hold
init = _chosen.init
learn = _chosen.learn
run = _chosen.run
predict = _chosen.predict
distances = _chosen.distances
