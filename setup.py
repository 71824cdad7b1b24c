"""`pip install .` gives CPython `import tinyprop`: the C core where a compiler is, else numpy."""

import re
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

CORE = "usermod_c/tinyprop/core"
MODULES = [
    "micropython_mod/tinyprop.py",
    "micropython_mod/tinyprop_words.py",
    "micropython_mod/tinyprop_files.py",
    "host_sim/backend/_tinyprop.py",
]
SOURCES = Path(CORE, "sources.txt").read_text().split()


class BuildModules(build_py):
    """Single modules out of several folders, of which setuptools knows but one."""

    def find_modules(self):
        return [("", Path(path).stem, path) for path in MODULES]


setup(
    version=re.search(r'__version__ = "(.*)"', Path(MODULES[0]).read_text()).group(1),
    cmdclass={"build_py": BuildModules},
    py_modules=[Path(path).stem for path in MODULES],
    packages=["_tinyprop_numpy"],
    package_dir={"_tinyprop_numpy": "host_sim/_tinyprop_numpy"},
    ext_modules=[
        Extension(
            "_tinyprop_c",
            ["host_sim/backend/_tinyprop_c.c", *(f"{CORE}/{name}" for name in SOURCES)],
            include_dirs=[CORE],
            extra_compile_args=["-O3"],
            optional=True,
        )
    ],
)
