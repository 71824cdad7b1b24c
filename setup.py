"""`pip install .` gives CPython `import tinyprop`, with the C core where a compiler is, else with
numpy; the command `tinyprop`; and inside of that what `make mpy` has built for boards.
"""

import re
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

CORE = "usermod_c/tinyprop/core"
# What boards have as single files is a package here, as types need one: (package, module, file).
MODULES = [
    ("tinyprop", "__init__", "micropython_mod/tinyprop.py"),
    ("tinyprop", "__main__", "boards/tinyprop_cli/__main__.py"),
    *(("", p.stem, str(p)) for p in sorted(Path("micropython_mod").glob("tinyprop_*.py"))),
    ("", "_tinyprop", "host_sim/backend/_tinyprop.py"),
]
TYPES = "micropython_mod/tinyprop.pyi"
# What the command needs of the checkout; in the package its copy has the same folders.
OF_CHECKOUT = [
    "boards/*/board.mk",
    "boards/mpy_files.txt",
    "bench/results.json",
    "dist/*_6.3/*.mpy",
    "dist/web/**/*",
]
SOURCES = Path(CORE, "sources.txt").read_text().split()
# One build for all versions of CPython from 3.11 on, which has buffers in its stable interface.
STABLE = sys.version_info >= (3, 11) and not sysconfig.get_config_var("Py_GIL_DISABLED")


class BuildModules(build_py):
    """Modules out of several folders, and files that are no modules."""

    def find_modules(self):
        return MODULES

    def run(self):
        super().run()
        self.put(TYPES, "tinyprop/__init__.pyi")
        Path(self.build_lib, "tinyprop/py.typed").touch()
        for pattern in OF_CHECKOUT:
            for file in filter(Path.is_file, sorted(Path().glob(pattern))):
                self.put(file, Path("tinyprop_cli/checkout", file))

    def put(self, file, to):
        to = Path(self.build_lib, to)
        to.parent.mkdir(parents=True, exist_ok=True)
        self.copy_file(str(file), str(to))


class BuildExtension(build_ext):
    def build_extensions(self):
        flags = ["/O2"] if self.compiler.compiler_type == "msvc" else ["-O3", "-g0"]
        for extension in self.extensions:
            extension.extra_compile_args = flags
        super().build_extensions()


class Wheel(bdist_wheel):
    """Its name says which versions of CPython it is for."""

    def finalize_options(self):
        self.py_limited_api = "cp311" if STABLE else False
        super().finalize_options()


setup(
    version=re.search(r'__version__ = "(.*)"', Path(MODULES[0][2]).read_text()).group(1),
    cmdclass={"build_py": BuildModules, "build_ext": BuildExtension, "bdist_wheel": Wheel},
    py_modules=["tinyprop", "_tinyprop"],
    packages=["_tinyprop_numpy", "tinyprop_cli", "tinyprop_desk", "tinyprop_flower"],
    package_dir={
        "_tinyprop_numpy": "host_sim/_tinyprop_numpy",
        "tinyprop_desk": "host_sim/tinyprop_desk",
        "tinyprop_flower": "host_sim/tinyprop_flower",
        "tinyprop_cli": "boards/tinyprop_cli",
    },
    ext_modules=[
        Extension(
            "_tinyprop_c",
            ["host_sim/backend/_tinyprop_c.c", *(f"{CORE}/{name}" for name in SOURCES)],
            include_dirs=[CORE],
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
            py_limited_api=STABLE,
            optional=True,
        )
    ],
)
