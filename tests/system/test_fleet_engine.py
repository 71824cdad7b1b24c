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


def said_by(script, home, path):
    """All that a script says where Flower is, which is told a path."""
    programs, environment = flower(home)
    command = [programs / "python", script, path]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout


def test_the_engine_gives_what_boards_one_by_one_give(tmp_path):
    said = said_by(ROOT / "tests/system/fleet_engine.py", tmp_path, tmp_path / "boards.npz")
    lines = (line.split() for line in said.splitlines())
    found = {words[0]: words[1:] for words in lines if len(words) == 3 and len(words[1]) == 64}
    assert set(found) == {
        "directly",
        "unscreened",
        "engine",
        "engine,median",
        "FedMedian",
        "FedTrimmedAvg",
        "Krum",
    }, said
    assert found["engine"] == found["directly"] != found["unscreened"]
    assert said.count("counts an eighth: its error is") > 0
    assert found["engine,median"] == found["FedMedian"]
    assert len({digest for digest, _ in found.values()}) == 5
    for way, (_, right) in found.items():
        assert float(right) > 0.5, way


def test_what_the_server_and_the_simulation_say_and_keep(tmp_path):
    subprocess.run([ROOT / "boards/setup/apt.sh", "mqtt"], check=True)
    script = ROOT / "tests/system/fleet_server.py"
    said = said_by(script, tmp_path, tmp_path)
    passed = [line.split()[1] for line in said.splitlines() if line.startswith("passed")]
    assert passed == re.findall(r"^def (test_\w+)", script.read_text(), re.MULTILINE), said
