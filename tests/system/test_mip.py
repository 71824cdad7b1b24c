"""mip brings the files of the board's architecture: from a folder, a web server and a forge.

Onto an emulated Pico by mpremote's command; for the unix port by mpremote's mip, into the folder
that the port imports from.
"""

import contextlib
import functools
import http.server
import io
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from mpremote import mip
from serial_port import EmulatedPico
from tinyprop_cli.board import version
from tinyprop_cli.deploy import ARCHITECTURES, FILES, deploy

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
INSTALLER = ROOT / "boards/mip/tinyprop.py"

USE = """
import tinyprop as tp, os
m = tp.Model(3, [tp.Dense(8, activation="relu"), tp.Dense(2)])
for i in range(40): m.learn((0, 0, 1), 0), m.learn((1, 0, 0), 1)
print(tp.__version__, m.predict((0, 0.1, 0.9)), m.predict((0.8, 0, 0.1)), sorted(os.listdir({!r})))
"""
CLEAR = """
import os
if "lib" in os.listdir("/"):
    for name in os.listdir("/lib"): os.remove("/lib/" + name)
    os.rmdir("/lib")
"""
WORKS = f"{version()} 0 1 {sorted(FILES)}\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    natmod = ROOT / "usermod_c/tinyprop/natmod/build.sh"
    subprocess.run([natmod, *sorted(set(ARCHITECTURES.values()))], check=True)
    return build(tmp_path_factory.mktemp("mip"))


def build(folder):
    subprocess.run([ROOT / "boards/mip/build.sh", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def server(built):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=built)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def forge(built, monkeypatch):
    """Its files are those of a folder mip/ in the version v9 of a repository."""
    raw = "https://raw.githubusercontent.com/somebody/tinyprop/v9/mip/"

    def urlopen(url):
        assert url.startswith(raw), url
        return contextlib.closing(io.BytesIO((built / url.removeprefix(raw)).read_bytes()))

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


# ---- on a Pico


@pytest.fixture(scope="module")
def emulated():
    with EmulatedPico("plain") as pico:
        yield pico


def mpremote(pico, *arguments):
    command = [TOOLS / "mpremote", "connect", pico.port, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, check=True)
    return done.stdout.decode().replace("\r", "")


@pytest.fixture
def pico(emulated):
    mpremote(emulated, "exec", CLEAR)
    return emulated


@pytest.mark.parametrize("package", ["/package.json", "/armv6m_6.3/package.json"])
def test_a_folder_onto_a_pico(package, pico, built, tmp_path):
    mpremote(pico, "mip", "install", f"{built}{package}")
    assert mpremote(pico, "exec", USE.format("/lib")) == WORKS
    mpremote(pico, "cp", ":/lib/tinyprop.mpy", tmp_path / "there.mpy")
    ours = (ROOT / "dist/armv6m_6.3/tinyprop.mpy").read_bytes()
    assert (tmp_path / "there.mpy").read_bytes() == ours
    assert mpremote(pico, "soft-reset", "exec", USE.format("/lib")) == WORKS


def test_a_web_server_onto_a_pico_that_has_an_older_one(pico, server, capsys):
    mpremote(pico, "exec", "import os; os.mkdir('/lib'); open('/lib/tinyprop.mpy', 'w').close()")
    mpremote(pico, "mip", "install", server)
    assert mpremote(pico, "exec", USE.format("/lib")) == WORKS
    deploy(pico.port)
    assert capsys.readouterr().out.count("is on the board already") == len(FILES)


# ---- on the unix port


class Folder:
    """What mpremote takes for a board, and is a folder."""

    def __init__(self, path):
        self.path = path

    def fs_exists(self, name):
        return (self.path / name.lstrip("/")).exists()

    def fs_mkdir(self, name):
        (self.path / name.lstrip("/")).mkdir(parents=True)

    def fs_writefile(self, name, data, progress_callback):
        (self.path / name.lstrip("/")).write_bytes(data)


@pytest.fixture(scope="module")
def micropython():
    script = ROOT / "boards/unix/build.sh"
    return subprocess.check_output([script, "plain"], text=True).split()[-1]


def install(folder, package, version=None):
    mip._install_package(Folder(folder), package, "", "/lib", version, True)
    return folder / "lib"


def use(micropython, lib, code=USE):
    command = [micropython, "-c", code.format(str(lib))]
    environment = {**os.environ, "MICROPYPATH": str(lib)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def is_ours(lib):
    ours = (ROOT / "dist/x64_6.3/tinyprop.mpy").read_bytes()
    return (lib / "tinyprop.mpy").read_bytes() == ours


def test_a_folder_for_the_unix_port(micropython, built, tmp_path):
    lib = install(tmp_path, f"{built}/package.json")
    assert use(micropython, lib).stdout == WORKS
    assert is_ours(lib)


def test_a_web_server_for_the_unix_port(micropython, server, tmp_path):
    lib = install(tmp_path, server)
    assert use(micropython, lib).stdout == WORKS
    assert is_ours(lib)


def test_a_forge_for_the_unix_port(micropython, forge, tmp_path):
    lib = install(tmp_path, "github:somebody/tinyprop/mip", "v9")
    assert use(micropython, lib).stdout == WORKS
    assert is_ours(lib)


def test_a_power_cut_leaves_what_can_be_imported(micropython, built, tmp_path):
    """After any of the steps in which the installer removes and renames."""
    cut = """
import os, sys
left = {}
def stops(do):
    def step(*names):
        global left
        left -= 1
        if left < 0: raise KeyboardInterrupt
        do(*names)
    return step
class Os:
    listdir = os.listdir
    remove, rename, rmdir = stops(os.remove), stops(os.rename), stops(os.rmdir)
sys.modules["os"] = Os
import tinyprop
"""
    cuts = 0
    while True:
        lib = install(tmp_path / str(cuts), f"{built}/package.json")
        done = use(micropython, lib, cut.replace("{}", str(cuts)))
        if done.returncode == 0:
            break
        assert "KeyboardInterrupt" in done.stderr
        assert use(micropython, lib).stdout == WORKS, cuts
        cuts += 1
    assert cuts == 1 + 5 + 1 + 1  # one is kept, five go, the folder and the installer


def test_other_firmware_is_refused_and_nothing_changes(built, tmp_path):
    lib = install(tmp_path, f"{built}/package.json")
    before = sorted(lib.rglob("*"))
    done = use(sys.executable, lib, f"import sys; sys.path[:0] = [{str(lib)!r}]; import tinyprop")
    assert "ImportError: tinyprop needs MicroPython 1.23 or newer" in done.stderr
    assert [path for path in sorted(lib.rglob("*")) if "__pycache__" not in str(path)] == before


# ---- by hand


def test_the_loose_files_of_a_release_are_all_that_a_board_needs(micropython, built, tmp_path):
    subprocess.run([ROOT / "boards/loose.sh", tmp_path / "release"], check=True)
    lib = tmp_path / "lib"
    lib.mkdir()
    for path in (tmp_path / "release").iterdir():
        name, _, of = path.stem.partition("-")
        if of in (f"{version()}-mpy6.3", f"{version()}-mpy6.3-x64"):
            shutil.copy(path, lib / f"{name}.mpy")
    assert use(micropython, lib).stdout == WORKS
    assert len(list((tmp_path / "release").iterdir())) == len(FILES) - 1 + len(
        set(ARCHITECTURES.values())
    )


# ---- the same


def test_a_board_gets_all_of_the_python_half():
    parts = (ROOT / "micropython_mod").glob("tinyprop*.py")
    assert sorted(FILES) == sorted(part.with_suffix(".mpy").name for part in parts)


def test_it_chooses_as_tinyprop_deploy_does():
    names = {}
    text = INSTALLER.read_text()
    exec(text[text.index("ARCHITECTURES") : text.index("def keep")], names)
    assert names["ARCHITECTURES"] == ARCHITECTURES


def test_the_same_files_give_the_same_bytes(built, tmp_path):
    again = build(tmp_path / "again")
    paths = [path.relative_to(built) for path in sorted(built.rglob("*")) if path.is_file()]
    assert paths == [p.relative_to(again) for p in sorted(again.rglob("*")) if p.is_file()]
    assert all((built / path).read_bytes() == (again / path).read_bytes() for path in paths)
