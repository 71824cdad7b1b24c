"""What `pip install tinyprop` brings into fresh environments, from the wheel and the sdist."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from installation import ARCHITECTURES, ROOT, Environment, run
from serial_port import EmulatedPico
from tinyprop_cli.deploy import FILES

TOOLS = Path(sys.executable).parent

# On the board.
LEARN = """
import tinyprop as tp
m = tp.Model(3, [tp.Dense(8, activation='relu'), tp.Dense(2)], input_range=(-2, 2))
for i in range(40): m.learn((.02, -.05, .98), 0); m.learn((.97, .04, .11), 1)
m.save('pose.tp')
"""
MEASURES = """
for i in range(30):
    print("flat", i % 7 / 50, 0.1, 1 - i % 5 / 50, sep=",")
    print("upright", 1 - i % 5 / 50, 0.1, i % 7 / 50, sep=",")
"""


@pytest.fixture(scope="module")
def sdist(packages):
    (file,) = packages.glob("*.tar.gz")
    return file


@pytest.fixture(scope="module")
def pico():
    with EmulatedPico("plain") as emulated:
        yield emulated


@pytest.fixture(scope="module")
def from_sdist(sdist, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("sdist"), sdist)


@pytest.mark.parametrize("kind", ["installed", "from_sdist"])
def test_from_an_empty_board_to_a_model_on_this_pc(kind, request, pico):
    environment = request.getfixturevalue(kind)
    assert environment("python", ROOT / "tests/system/smoke.py", "c") == "ok\n"

    clear = "import os\nfor name in os.listdir(): os.remove(name)"
    run(TOOLS / "mpremote", "connect", pico.port, "exec", clear)
    said = environment("tinyprop", "deploy", pico.port)
    assert said.count("copied; its SHA-256 read back is the same") == len(FILES)
    assert f"Try it: tinyprop repl {pico.port}" in said

    run(TOOLS / "mpremote", "connect", pico.port, "exec", LEARN)
    pulled = environment("tinyprop", "pull", "pose.tp", "--port", pico.port)
    model = "pose.tp", "0.1,0.2,0.9", "0", "pose.tp", "0.8,-0.2,0.3", "1"
    assert environment("python", ROOT / "tests/system/smoke.py", "c", *model) == "ok\n"
    assert "It has seen 80 samples" in environment("tinyprop", "info", "pose.tp")
    pushed = environment("tinyprop", "push", "pose.tp", "again.tp", "--port", pico.port)
    assert pulled.rpartition("SHA-256")[2] == pushed.rpartition("SHA-256")[2]


def test_from_what_a_board_measures_to_what_it_knows(installed, pico):
    installed("tinyprop", "deploy", pico.port)
    main = installed.folder / "main.py"
    main.write_text(MEASURES)
    run(TOOLS / "mpremote", "connect", pico.port, "cp", main, ":main.py")
    said = installed("tinyprop", "record", pico.port, "-o", "poses.csv")
    assert "60 samples are new, and poses.csv has flat (30), upright (30)." in said
    assert "12 of 12 samples are right" in installed("tinyprop", "train", "poses.csv")
    installed("tinyprop", "push", "model.tp", "--port", pico.port)
    said = installed("tinyprop", "compare", "model.tp", "poses.csv", pico.port)
    assert said.count("60 predictions ") == 2
    asked = "import tinyprop as tp; print(tp.load('model.tp').predict((.9, .1, .1)))"
    assert run(TOOLS / "mpremote", "connect", pico.port, "exec", asked).strip() == "upright"


def test_from_a_table_to_a_model(installed):
    table = "".join(f"{i % 7},{i % 3},{'abc'[i % 3]}\n" for i in range(60))
    (installed.folder / "table.csv").write_text(table)
    said = installed("tinyprop", "train", "table.csv", "-o", "table.tp")
    assert "12 of 12 samples are right" in said and "fits each board: ESP32_GENERIC, " in said
    assert "60 of 60 samples are right" in installed(
        "tinyprop", "evaluate", "table.tp", "table.csv"
    )
    for arguments, extra in [
        (["train", "table.csv", "--picture", "table.png"], "picture"),
        (["import", "net.onnx"], "onnx"),
    ]:
        with pytest.raises(AssertionError, match=rf'pip install "tinyprop\[{extra}\]"'):
            installed("tinyprop", *arguments)


def test_without_a_compiler_it_computes_with_numpy(sdist, tmp_path):
    environment = Environment(tmp_path, sdist, CC=f"{tmp_path}/no-compiler", PATH="")
    said = environment("python", ROOT / "tests/system/smoke.py", "numpy")
    assert "computes with numpy, which is slow: no C compiler was there" in said
    assert "numpy, which is slow" in environment("tinyprop", "doctor")


def test_in_a_checkout_that_cannot_be_written_it_computes_with_numpy(tmp_path):
    shutil.copytree(ROOT / "host_sim/backend", tmp_path / "host_sim/backend")
    (tmp_path / "usermod_c").symlink_to(ROOT / "usermod_c")
    (tmp_path / "build").touch()  # so there can be no such folder, for root neither
    path = [tmp_path / "host_sim/backend", ROOT / "host_sim"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    environment.pop("TINYPROP_BACKEND", None)
    done = subprocess.run(
        [sys.executable, "-c", "import _tinyprop; print(_tinyprop.backend())"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.stdout == "numpy\n", done.stderr
    assert "computes with numpy, which is slow" in done.stderr and "/build" in done.stderr


def test_what_is_in_site_packages(installed):
    there = {path.name for path in installed.site.iterdir() if not path.is_symlink()}
    named = {name for name in there if not name.endswith((".dist-info", ".so", "__pycache__"))}
    modules = {
        "tinyprop",
        "tinyprop_cli",
        "tinyprop_desk",
        "tinyprop_flower",
        "tinyprop_layers.py",
        "tinyprop_words.py",
        "tinyprop_state.py",
        "tinyprop_check.py",
        "tinyprop_files.py",
        "tinyprop_sensor.py",
        "tinyprop_fleet.py",
        "_tinyprop.py",
        "_tinyprop_numpy",
    }
    assert named == modules
    for arch in ARCHITECTURES:
        folder = installed.site / f"tinyprop_cli/checkout/dist/{arch}_6.3"
        ours = ROOT / f"dist/{arch}_6.3"
        for name in FILES:
            assert (folder / name).read_bytes() == (ours / name).read_bytes()
    page = installed.site / "tinyprop_cli/checkout/dist/web"
    assert files(page) == files(ROOT / "dist/web")
    assert Path("board/vendor/esptool-js/LICENSE") in files(page)


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_is_for_all_of_linux_and_cpython(wheel):
    assert "-cp311-abi3-" in wheel.name and "manylinux" in wheel.name


def test_the_page_is_served(installed):
    command = [installed.bin / "tinyprop", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        address = re.search(r"http://127.0.0.1:\d+/", server.stdout.readline())[0]
        with urllib.request.urlopen(address) as page:
            assert b"Teach a network" in page.read()
        with urllib.request.urlopen(address + "tinyprop/tinyprop.wasm") as file:
            assert file.headers["Content-Type"] == "application/wasm"
        server.send_signal(signal.SIGINT)
    assert server.returncode == 0


def test_commands_that_need_a_checkout_say_what_to_do(installed, tmp_path):
    for arguments, words in [
        (["flash", "nothing.uf2"], "error: There is no file nothing.uf2."),
        (["flash"], "error: Which firmware. Fetch it from https://micropython.org/download/"),
        (["deploy", "/dev/ttyACM99"], "error: There is no port /dev/ttyACM99."),
        (["record", "/dev/ttyACM99"], "error: There is no port /dev/ttyACM99."),
        (["watch", "/dev/ttyACM99"], "error: There is no port /dev/ttyACM99."),
    ]:
        with pytest.raises(AssertionError, match=words):
            installed("tinyprop", *arguments)
    assert "tinyprop 0." in installed("python", "-m", "tinyprop", "--version")


def test_types_come_with_it(installed, tmp_path):
    uses = tmp_path / "uses.py"
    uses.write_text((ROOT / "tests/system/typed_uses.py").read_text())
    mypy = TOOLS / "mypy", "--config-file=", "--strict", f"--cache-dir={tmp_path}"
    said = run(*mypy, "--python-executable", installed.bin / "python", uses, cwd=tmp_path)
    assert said.startswith("Success")
