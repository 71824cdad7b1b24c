"""make demo: what it shows is true, the same every time, and can be tried by hand as printed."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from host_sim import ROOT
from host_sim.demo import demo, method_pictures, picture, text
from host_sim.tasks import digits

# examples/digits.py on a PC, which has no ticks; one epoch, and the model as its last line.
ON_PC = """
import sys, time, runpy
time.ticks_us, time.ticks_diff = (lambda: 0), (lambda a, b: a - b)
script = runpy.run_path(sys.argv[1])
script["learn"](epochs=1).save("pc.tp")
"""


@pytest.fixture(scope="module")
def micropython():
    return demo.build()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as the demo leaves build/, after one epoch."""
    path = tmp_path_factory.mktemp("demo") / "build"
    path.mkdir()
    digits.write(path / "digits.bin")
    return path


@pytest.fixture(scope="module")
def runs(micropython, folder):
    both = [demo.learn(micropython, folder, policy, 1) for policy in (demo.POLICY, demo.DENSE)]
    (folder / "digits.tp").write_bytes((folder / f"{demo.POLICY}.tp").read_bytes())
    return both


def test_numbers(runs, folder):
    sparse, dense = [json.loads(json.dumps(run.numbers())) for run in runs]
    assert set(sparse) == {
        "accuracy",
        "skipped_share",
        "backward_share",
        "us_per_step",
        "image_bytes",
        "digest",
    }
    assert sparse["accuracy"] > 0.85 and dense["accuracy"] > 0.85
    assert 0 < sparse["skipped_share"] < 1 and dense["skipped_share"] == 0
    assert 0 < sparse["backward_share"] < 0.5 and dense["backward_share"] == 1
    assert sparse["us_per_step"] > 0
    assert 2410 * 2 < sparse["image_bytes"] < 8000
    assert sparse["digest"] == hashlib.sha256((folder / "digits.tp").read_bytes()).hexdigest()
    assert sparse["digest"] != dense["digest"]


def test_accuracy_is_that_of_the_answers(runs):
    _, labels = digits.load()[1]
    for run in runs:
        right = sum(label == y for (label, _), y in zip(run.answers, labels, strict=True))
        assert run.numbers()["accuracy"] == pytest.approx(right / len(labels), abs=1e-4)


def test_same_digest_again(micropython, folder, runs):
    assert demo.learn(micropython, folder, demo.POLICY, 1).digest == runs[0].digest


def test_same_digest_on_the_pc(folder, runs):
    """Also shows that demo.POLICY is what a model does by default."""
    places = [str(ROOT / name) for name in ("host_sim/backend", "micropython_mod")]
    environment = {"TINYPROP_BACKEND": "c", "PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, "-c", ON_PC, ROOT / "examples/digits.py"]
    subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=True)
    assert hashlib.sha256((folder / "pc.tp").read_bytes()).hexdigest() == runs[0].digest


def test_by_hand(micropython, folder, runs):
    command, *lines = demo.BY_HAND.split("\n")
    assert command == "make repl" and len(lines) == 2
    done = subprocess.run(
        [micropython, "-i"],
        cwd=folder.parent,
        input="\n".join([*lines, ""]),
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert "2410 weights and biases" in done.stdout
    assert done.stdout.replace("\r", "").endswith(f"\n{runs[0].answers[0][0]}\n>>> \n")


def test_shows(runs, folder, capsys):
    _, test = digits.load()
    text.show(*runs, test)
    shown = capsys.readouterr().out
    assert f"{runs[0].numbers()['accuracy']:.1%}" in shown
    assert max(map(len, shown.split("\n"))) < 100
    picture.draw(folder / "demo.png", *runs, test, text.verdict(*runs))
    assert (folder / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_pictures_of_the_method(tmp_path, monkeypatch):
    """Drawn anew, they are those in docs/."""
    monkeypatch.setattr(method_pictures, "DOCS", tmp_path)
    method_pictures.main([])
    for drawn in tmp_path.iterdir():
        assert drawn.read_bytes() == (ROOT / "docs" / drawn.name).read_bytes(), drawn.name
    assert len(list(tmp_path.iterdir())) == 2
