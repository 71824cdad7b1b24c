"""What is installed and kept in the cache: by hash, checked before use, and not too much."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "boards/setup"
LOCK = SETUP / "lock"
PINS = re.findall(r"^(PYPI|NPM)_\w+=(.+)$", (ROOT / "boards/versions.mk").read_text(), re.M)
PYTHON_LOCKS = sorted(LOCK.glob("python-*.txt"))


def run(*command, ok=True, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    done = subprocess.run(command, cwd=ROOT, **pipes, **options)
    assert (done.returncode == 0) == ok, done.stderr
    return done


def shell(text, folder, **environment):
    """Runs a line with what boards/setup/common.sh has, and a cache of its own."""
    command = ["bash", "-c", f". boards/setup/common.sh; {text}"]
    return run(*command, env={**os.environ, "CACHE": str(folder), **environment})


def test_lock_files_are_of_the_pinned_versions():
    python = "".join(path.read_text() for path in PYTHON_LOCKS)
    node = json.loads((LOCK / "package.json").read_text())["dependencies"]
    for registry, pin in PINS:
        if registry == "NPM":
            name, _, version = pin.rpartition("@")
            assert node[name] == version
        else:
            version = re.escape(pin.strip('"').split(";")[0])  # a marker may follow
            assert re.search(rf"^{version}[ ;]", python, re.MULTILINE), pin


@pytest.mark.parametrize("path", PYTHON_LOCKS, ids=lambda path: path.stem)
def test_every_python_package_has_hashes(path):
    packages = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", path.read_text(), flags=re.M).strip())
    for package in packages:
        first, *hashes = package.split(" \\\n")
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", first)
        assert hashes
        assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}", line) for line in hashes)


def test_every_npm_package_has_a_hash():
    packages = json.loads((LOCK / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        if name:
            algorithm, _, value = package["integrity"].partition("-")
            assert algorithm == "sha512" and len(base64.b64decode(value)) == 64
            assert not package.get("hasInstallScript")


def test_lock_files_name_no_registry():
    for path in LOCK.iterdir():
        assert "://" not in path.read_text()


VENV = """#!/bin/bash
# python3 whose environments install into {folder}, as making a true one takes seconds
[ "$1 $2" = "-m venv" ] || exec {python} "$@"
mkdir -p "$3/bin"
printf '#!/bin/bash\\nexec {python} -m pip "$@" --target {folder}/installed' >"$3/bin/pip"
chmod +x "$3/bin/pip"
"""


@pytest.fixture
def install(tmp_path):
    """install(file, digest, ok): python.sh with a lock file that has one package, in this file."""
    shutil.copytree(ROOT / "boards", tmp_path / "boards")
    command = tmp_path / "bin/python3"
    command.parent.mkdir()
    command.write_text(VENV.format(python=sys.executable, folder=tmp_path))
    command.chmod(0o755)

    def run_python_sh(file, digest, ok):
        lock = tmp_path / "boards/setup/lock/python-lock.txt"
        lock.write_text(f"tiny==1 --hash=sha256:{digest}\n")
        environment = {
            **os.environ,
            "CACHE": f"{tmp_path}/cache",
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(file.parent),
        }
        said = run(tmp_path / "boards/setup/python.sh", "lock", ok=ok, env=environment).stderr
        assert ok == bool(list(tmp_path.glob("cache/python/lock-*/.sha256")))
        return said

    return run_python_sh


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "files/tiny-1-py3-none-any.whl"
    path.parent.mkdir()
    about = "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny-1.dist-info/METADATA", about)
        archive.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny-1.dist-info/RECORD", "")
    return path


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_a_wheel_is_installed_by_its_hash_alone(install, wheel):
    said = install(wheel, sha256(wheel.read_bytes() + b"1"), ok=False)
    assert "DO NOT MATCH THE HASHES" in said
    install(wheel, sha256(wheel.read_bytes()), ok=True)


def test_no_code_of_a_package_runs(install, tmp_path):
    """What comes as source is refused, whatever its hash."""
    source = tmp_path / "tiny-1"
    source.mkdir()
    (source / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    archive = Path(shutil.make_archive(tmp_path / "files/tiny-1", "gztar", tmp_path, "tiny-1"))
    assert "No matching distribution" in install(archive, sha256(archive.read_bytes()), ok=False)
    assert not (tmp_path / "ran").exists()


def test_changed_pins_ask_for_new_lock_files(tmp_path):
    shutil.copytree(ROOT / "boards", tmp_path / "boards")
    versions = tmp_path / "boards/versions.mk"
    versions.write_text(
        re.sub("^PYPI_TQDM=.*", "PYPI_TQDM=tqdm==1", versions.read_text(), flags=re.M)
    )
    for script in ("python.sh", "node.sh"):
        environment = {**os.environ, "CACHE": f"{tmp_path}/cache"}
        said = run(tmp_path / "boards/setup" / script, "all", ok=False, env=environment).stderr
        assert "make lock" in said


KEEP = 'mkdir "$CACHE/made"; echo 1 >"$CACHE/made/one"; echo 2 >"$CACHE/made/two"; '
KEEP += 'keep "$CACHE/made" "$CACHE/some/kept"'
KEPT = 'kept "$CACHE/some/kept" && echo yes || echo no'


def test_what_is_kept_is_whole(tmp_path):
    assert shell(KEPT, tmp_path).stdout == "no\n"
    shell(KEEP, tmp_path)
    done = shell(KEPT, tmp_path)
    assert (done.stdout, done.stderr) == ("yes\n", "")


@pytest.mark.parametrize(
    "damage", [lambda file: file.write_text("3\n"), Path.unlink, lambda file: os.truncate(file, 0)]
)
def test_what_is_damaged_is_made_anew(tmp_path, damage):
    shell(KEEP, tmp_path)
    damage(tmp_path / "some/kept/two")
    done = shell(KEPT, tmp_path)
    assert done.stdout == "no\n"
    assert "kept is damaged and is made anew" in done.stderr and "two" in done.stderr
    assert not (tmp_path / "some/kept").exists()


def test_what_was_not_completed_is_made_anew(tmp_path):
    (tmp_path / "some/kept").mkdir(parents=True)
    assert shell(KEPT, tmp_path).stdout == "no\n"
    assert not (tmp_path / "some/kept").exists()


def test_one_run_checks_once(tmp_path):
    shell(KEEP, tmp_path)
    assert shell(KEPT, tmp_path, CACHE_RUN="1").stdout == "yes\n"
    (tmp_path / "some/kept/two").write_text("3\n")
    assert shell(KEPT, tmp_path, CACHE_RUN="1").stdout == "yes\n"
    assert shell(KEPT, tmp_path, CACHE_RUN="2").stdout == "no\n"


def test_a_mirror_without_debians_signature_is_refused():
    """And one of another system, which has another label, is no dead end."""
    with tempfile.TemporaryDirectory() as folder:
        mirror = Path(folder, "mirror/dists/trixie")
        (mirror / "main/binary-amd64").mkdir(parents=True)
        packages = b"Package: gcc\nVersion: 1\nArchitecture: amd64\nFilename: gcc.deb\nSize: 1\n"
        (mirror / "main/binary-amd64/Packages").write_bytes(packages)
        (mirror / "Release").write_text(
            "Label: Ubuntu\nCodename: trixie\nComponents: main\nArchitectures: amd64\n"
            f"SHA256:\n {sha256(packages)} {len(packages)} main/binary-amd64/Packages\n"
        )
        Path(folder, "sources.list").write_text(
            f"deb [trusted=yes arch=amd64] file:{folder}/mirror trixie main\n"
        )
        Path(folder, "lists/partial").mkdir(parents=True)
        Path(folder, "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{folder}/sources.list"; Dir::Etc::sourceparts "-";'
            f'Dir::State::lists "{folder}/lists"; Dir::Cache "{folder}";'
        )
        os.chmod(folder, 0o755)
        machine = {**os.environ, "APT_CONFIG": f"{folder}/apt.conf", "CACHE": f"{folder}/cache"}
        run("apt-get", "-qq", "update", env=machine)
        said = run(SETUP / "lists.sh", "trixie", ok=False, env=machine).stderr
        assert f"file:{folder}/mirror trixie Release' is not signed" in said
        assert "echo 'deb-src [signed-by=" in said and "MPY_DIR=" in said
        assert not Path(folder, "cache/lists/trixie").exists()


def test_the_demo_needs_few_packages(tmp_path):
    """With git, make, python3 and all that is below them on a bare Debian 12, and no compiler for
    another processor."""
    lists = run(SETUP / "lists.sh", "bookworm").stdout.strip()
    where = {"Etc::sourcelist": f"{lists}/sources.list", "Etc::sourceparts": "-"}
    where |= {"State::lists": f"{lists}/lists", "State::status": "/dev/null", "Cache": tmp_path}
    bookworm = [part for name, path in where.items() for part in ("-o", f"Dir::{name}={path}")]
    group = re.search(r'\[pc\]="([^"]+)"', (SETUP / "apt.sh").read_text()).group(1)
    packages = ["git", "make", "python3", *re.findall(r"(\S+)=", group)]
    install = ["install", "--simulate", "--no-install-recommends", *packages]
    said = run("apt-get", *bookworm, *install).stdout
    names = set(re.findall(r"^Inst (\S+)", said, re.MULTILINE))
    about = run("apt-cache", *bookworm, "show", "--no-all-versions", *names).stdout
    kb = [int(size) for size in re.findall(r"^Installed-Size: (\d+)", about, re.MULTILINE)]
    print(f"make demo: {len(names)} packages with {sum(kb) / 1024:.0f} MB")
    assert {"gcc", "ccache", "python3-venv"} <= names and len(kb) == len(names)
    assert sum(kb) < 400_000
    assert not [name for name in names if re.search("arm|riscv|xtensa", name)]
