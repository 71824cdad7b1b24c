"""An environment with tinyprop installed as a person does, and nothing else.

It holds the packages that tinyprop asks for, out of the pinned ones.
"""

import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURES = "armv6m armv7emsp armv7m rv32imc x64 xtensawin".split()


def make_packages(folder):
    """Puts a wheel and an sdist there."""
    run(ROOT / "usermod_c/tinyprop/natmod/build.sh", *ARCHITECTURES)
    run(ROOT / "boards/package.sh", folder, SOURCE_DATE_EPOCH="1600000000")


def run(*command, cwd=None, **changes):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class Environment:
    """A fresh environment with a package in it, whose commands find nothing outside of it."""

    def __init__(self, folder, package, **build):
        self.folder, self.bin = folder, folder / "environment/bin"
        run(sys.executable, "-m", "venv", "--without-pip", folder / "environment")
        (self.site,) = folder.glob("environment/lib/*/site-packages")
        with_setuptools = ["setuptools"] if package.suffix == ".gz" else []
        for name in closure([*requirements(package), *with_setuptools]):
            self.link(distribution(name))
        pip = sys.executable, "-m", "pip", "--python", self.bin / "python", "install", "--no-index"
        offline = "--no-deps", "--no-build-isolation", "--no-cache-dir"
        run(*pip, *offline, "--disable-pip-version-check", package, **build)

    def link(self, package):
        for top in {file.parts[0] for file in package.files} - {"..", "__pycache__"}:
            (self.site / top).symlink_to(package.locate_file(top))

    def __call__(self, command, *arguments):
        alone = {"PATH": str(self.bin), "PYTHONPATH": "", "TINYPROP_BACKEND": ""}
        return run(self.bin / command, *arguments, cwd=self.folder, **alone)


def requirements(package):
    """What a wheel or an sdist asks for."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as file:
            (name,) = [name for name in file.namelist() if name.endswith("dist-info/METADATA")]
            text = file.read(name).decode()
    else:
        with tarfile.open(package) as file:
            name = f"{package.name.removesuffix('.tar.gz')}/PKG-INFO"
            text = file.extractfile(name).read().decode()
    return [line[15:] for line in text.splitlines() if line.startswith("Requires-Dist: ")]


def closure(wanted):
    """The names of packages, and of all that they ask for in turn."""
    found, wanted = set(), list(wanted)
    while wanted:
        requirement = Requirement(wanted.pop())
        name = requirement.name.lower().replace("_", "-")
        for extra in requirement.extras or [""]:
            marker = requirement.marker
            if (name, extra) in found or marker and not marker.evaluate({"extra": ""}):
                continue
            found.add((name, extra))
            for line in distribution(name).requires or []:
                of_it = Requirement(line)
                if of_it.marker is None or of_it.marker.evaluate({"extra": extra}):
                    of_it.marker = None
                    wanted.append(str(of_it))
    return {name for name, _ in found}
