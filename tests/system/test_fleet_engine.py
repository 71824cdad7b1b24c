"""A fleet in Flower's simulation engine."""

import re
import subprocess
from pathlib import Path

from fleet import flower_environment

ROOT = Path(__file__).resolve().parents[2]


def flower(home):
    """Its Python, and the environment for it."""
    said = subprocess.check_output([ROOT / "boards/setup/python.sh", "fleet"], text=True)
    programs = Path(said.split()[-1], "bin")
    return programs, flower_environment(programs, home)


def test_the_engine_gives_what_boards_one_by_one_give(tmp_path):
    programs, environment = flower(tmp_path)
    command = [programs / "python", ROOT / "tests/system/fleet_engine.py", tmp_path / "boards.npz"]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines = (line.split() for line in done.stdout.splitlines())
    found = {words[0]: words[1:] for words in lines if len(words) == 3 and len(words[1]) == 64}
    assert set(found) == {
        "directly",
        "unscreened",
        "engine",
        "engine,median",
        "FedMedian",
        "FedTrimmedAvg",
        "Krum",
    }, done.stdout
    assert found["engine"] == found["directly"] != found["unscreened"]
    assert done.stdout.count("counts an eighth: its error is") > 0
    assert found["engine,median"] == found["FedMedian"]
    assert len({digest for digest, _ in found.values()}) == 5
    for way, (_, right) in found.items():
        assert float(right) > 0.5, way


def test_what_the_server_and_the_simulation_say_and_keep(tmp_path):
    programs, environment = flower(tmp_path)
    script = ROOT / "tests/system/fleet_server.py"
    done = subprocess.run(
        [programs / "python", script],
        env={**environment, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    passed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("passed")]
    assert passed == re.findall(r"^def (test_\w+)", script.read_text(), re.MULTILINE), done.stdout
