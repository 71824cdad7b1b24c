"""`tinyprop compare`: an emulated Pico and this PC, and boards that are not as they should be."""

from pathlib import Path

import numpy as np
import pytest
import tinyprop as tp
from serial_port import EmulatedPico
from tinyprop_cli import board, compare


@pytest.fixture(scope="module")
def pico():
    with EmulatedPico("tinyprop") as emulated:
        yield emulated


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(board, "PATIENCE", 100)
    x = np.random.default_rng(1).normal(20, 5, (8, 150))
    np.savez("classes.npz", x=x, y=[f"c{i % 3}" for i in range(8)])
    np.savez("numbers.npz", x=x, y=x[:, :2])
    layers = tp.Dense(6, "relu"), tp.Dense(3)
    names = ["c0", "c1", "c2"]
    tp.Model(150, layers, input_range=(0, 40), classes=names).save("classes.tp")
    numbers = tp.Model(150, [tp.Dense(6, "tanh"), tp.Dense(2)], loss="mse")
    numbers.learn_many(np.float32(x).ravel(), np.float32(x[:, :2]).ravel())
    numbers.save("numbers.tp")


@pytest.mark.parametrize(
    "name, options, learned", [("classes", ["--learn", 3], 3), ("numbers", [], 8)]
)
def test_a_pico_computes_the_same(name, options, learned, pico, said):
    before = Path(f"{name}.tp").read_bytes()
    text = said("compare", f"{name}.tp", f"{name}.npz", pico.port, *options)
    assert text == (
        "8 predictions are the same, to the last bit\n"
        f"the model is the same after each of {learned} samples that both learned\n"
        "8 predictions after that are the same, to the last bit\n"
    )
    assert Path(f"{name}.tp").read_bytes() == before
    with board.micropython(pico.port) as connected:
        assert compare.NAME not in board.ask(connected)["files"]


def test_the_first_that_differs_is_named(pico, said, monkeypatch):
    class Wrong(compare.Pc):
        """Computes the fourth one, and what it learns from the second, otherwise."""

        predicted = learned = 0

        def predict(self, x):
            self.predicted += 1
            return super().predict(x + (self.predicted == 4))

        def learn(self, x, y):
            self.learned += 1
            return super().learn(x + (self.learned == 2), y)

    monkeypatch.setattr(compare, "Pc", Wrong)
    text = said("compare", "classes.tp", "classes.npz", pico.port, code=1)
    words = "error: Sample 3, counted from 0, of classes.npz is the first that differs: 0."
    assert text.startswith(words) and " on this PC, 0." in text
    monkeypatch.setattr(Wrong, "predicted", 10)
    text = said("compare", "classes.tp", "classes.npz", pico.port, "--learn", 5, code=1)
    assert "Sample 1, counted from 0, of classes.npz is the first after which the mo" in text
    with board.micropython(pico.port) as connected:
        assert compare.NAME not in board.ask(connected)["files"]


def test_a_board_that_is_unplugged(said, monkeypatch):
    with EmulatedPico("tinyprop") as pico:

        class Unplugging(compare.Pc):
            def predict(self, x):
                pico.power_off()
                return super().predict(x)

        monkeypatch.setattr(compare, "Pc", Unplugging)
        text = said("compare", "classes.tp", "classes.npz", pico.port, code=1)
    assert f"error: What is at {pico.port} does not answer as MicroPython does" in text


def test_it_needs_this_tinyprop_on_the_board(pico, said, monkeypatch):
    monkeypatch.setattr(compare, "installed", lambda board: None)
    text = said("compare", "classes.tp", "classes.npz", pico.port, code=1)
    assert f"has no tinyprop, and this is {tp.__version__}. Next: make deploy" in text
    monkeypatch.setattr(compare, "installed", lambda board: "0.0.1")
    text = said("compare", "classes.tp", "classes.npz", pico.port, code=1)
    assert "The board has tinyprop 0.0.1, and this is" in text
    assert "There is no port COM99." in said(
        "compare", "classes.tp", "classes.npz", "COM99", code=1
    )
