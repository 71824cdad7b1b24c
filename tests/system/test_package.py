"""What `pip install tinyprop` brings, from the wheel and from the sdist, into fresh environments.

These hold the packages that tinyprop asks for, out of the pinned ones, and nothing else.
"""

import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from serial_port import EmulatedPico

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
ARCHITECTURES = "armv6m armv7emsp armv7m rv32imc x64 xtensawin".split()

# On the board.
LEARN = """
import tinyprop as tp
m = tp.Model(3, [tp.Dense(8, activation='relu'), tp.Dense(2)], input_range=(-2, 2))
for i in range(40): m.learn((.02, -.05, .98), 0); m.learn((.97, .04, .11), 1)
m.save('pose.tp')
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The folder with a wheel and an sdist."""
    folder = tmp_path_factory.mktemp("packages")
    run(ROOT / "usermod_c/tinyprop/natmod/build.sh", *ARCHITECTURES)
    run(ROOT / "boards/package.sh", folder, SOURCE_DATE_EPOCH="1600000000")
    return folder


@pytest.fixture(scope="module")
def wheel(packages):
    (file,) = packages.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def sdist(packages):
    (file,) = packages.glob("*.tar.gz")
    return file


@pytest.fixture(scope="module")
def pico():
    with EmulatedPico("plain") as emulated:
        yield emulated


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


@pytest.fixture(scope="module")
def from_wheel(wheel, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("wheel"), wheel)


@pytest.fixture(scope="module")
def from_sdist(sdist, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("sdist"), sdist)


@pytest.mark.parametrize("kind", ["from_wheel", "from_sdist"])
def test_from_an_empty_board_to_a_model_on_this_pc(kind, request, pico):
    environment = request.getfixturevalue(kind)
    assert environment("python", ROOT / "tests/system/smoke.py", "c") == "ok\n"

    clear = "import os\nfor name in os.listdir(): os.remove(name)"
    run(TOOLS / "mpremote", "connect", pico.port, "exec", clear)
    said = environment("tinyprop", "deploy", pico.port)
    assert said.count("copied; its SHA-256 read back is the same") == 2
    assert f"Try it: tinyprop repl {pico.port}" in said

    run(TOOLS / "mpremote", "connect", pico.port, "exec", LEARN)
    pulled = environment("tinyprop", "pull", "pose.tp", "--port", pico.port)
    model = "pose.tp", "0.1,0.2,0.9", "0", "pose.tp", "0.8,-0.2,0.3", "1"
    assert environment("python", ROOT / "tests/system/smoke.py", "c", *model) == "ok\n"
    assert "It has seen 80 samples" in environment("tinyprop", "info", "pose.tp")
    pushed = environment("tinyprop", "push", "pose.tp", "again.tp", "--port", pico.port)
    assert pulled.rpartition("SHA-256")[2] == pushed.rpartition("SHA-256")[2]


def test_without_a_compiler_it_computes_with_numpy(sdist, tmp_path):
    environment = Environment(tmp_path, sdist, CC=f"{tmp_path}/no-compiler", PATH="")
    said = environment("python", ROOT / "tests/system/smoke.py", "numpy")
    assert "computes with numpy, which is slow: no C compiler was there" in said
    assert "numpy, which is slow" in environment("tinyprop", "doctor")


def test_what_is_in_site_packages(from_wheel):
    there = {path.name for path in from_wheel.site.iterdir() if not path.is_symlink()}
    named = {name for name in there if not name.endswith((".dist-info", ".so", "__pycache__"))}
    modules = {"tinyprop", "tinyprop_cli", "tinyprop_words.py", "_tinyprop.py", "_tinyprop_numpy"}
    assert named == modules
    for arch in ARCHITECTURES:
        folder = from_wheel.site / f"tinyprop_cli/checkout/dist/{arch}_6.3"
        ours = ROOT / f"dist/{arch}_6.3"
        for name in "tinyprop.mpy", "tinyprop_words.mpy":
            assert (folder / name).read_bytes() == (ours / name).read_bytes()


def test_the_wheel_is_for_all_of_linux_and_cpython(wheel):
    assert "-cp311-abi3-" in wheel.name and "manylinux" in wheel.name


def test_commands_that_need_a_checkout_say_what_to_do(from_wheel, tmp_path):
    for arguments, words in [
        (["flash", "nothing.uf2"], "error: There is no file nothing.uf2."),
        (["flash"], "error: Which firmware. Fetch it from https://micropython.org/download/"),
        (["deploy", "/dev/ttyACM99"], "error: There is no port /dev/ttyACM99."),
    ]:
        with pytest.raises(AssertionError, match=words):
            from_wheel("tinyprop", *arguments)
    assert "tinyprop 0." in from_wheel("python", "-m", "tinyprop", "--version")


def test_types_come_with_it(from_wheel, tmp_path):
    uses = tmp_path / "uses.py"
    uses.write_text((ROOT / "tests/system/typed_uses.py").read_text())
    mypy = TOOLS / "mypy", "--config-file=", "--strict", f"--cache-dir={tmp_path}"
    said = run(*mypy, "--python-executable", from_wheel.bin / "python", uses, cwd=tmp_path)
    assert said.startswith("Success")
