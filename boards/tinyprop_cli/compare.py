"""Whether a board computes what this PC does, to the last bit."""

import hashlib
from array import array

import numpy as np
import tinyprop as tp

from tinyprop_cli import samples
from tinyprop_cli.board import Problem, ask, how, micropython
from tinyprop_cli.copying import progress, write
from tinyprop_cli.doctor import installed
from tinyprop_cli.evaluate import inputs, targets
from tinyprop_cli.files import bytes_of, load

NAME = "tinyprop_compare.tp"  # the model on the board, for as long as it takes
PIECE = 128  # values that the board is sent at once

# On the board. Values go there and back as the bytes they are.
BEGIN = """
import hashlib
from array import array
from binascii import hexlify, unhexlify
import tinyprop as tp
def _numbers(text): return array("f", unhexlify(text))
def _put(at, text):
    part = _numbers(text)
    memoryview(_x)[at:at + len(part)] = part
def _predict():
    _m.predict_into(_x, _out)
    print(hexlify(_out).decode())
def _learn(y):
    _m.learn(_x, y)
    print(hexlify(hashlib.sha256(_m._saved()).digest()).decode())
_m = tp.load({name!r})
_x, _out = array("f", bytes(4 * {inputs})), array("f", bytes(4 * {outputs}))
"""
END = "import os\nos.remove({name!r})"


class Pc:
    """What BEGIN has of functions, with the model on this PC."""

    def __init__(self, model):
        self.model = model
        self.out = array("f", [0] * model._n_out)

    def predict(self, x):
        self.model.predict_into(x, self.out)
        return self.out.tobytes()

    def learn(self, x, y):
        self.model.learn(x, y)
        return hashlib.sha256(self.model._saved()).digest()


class Board:
    """The same, with the model on the board."""

    def __init__(self, board, model):
        self.board = board
        sizes = {"inputs": model._n_in, "outputs": model._n_out}
        board.exec(BEGIN.format(name=NAME, **sizes))

    def predict(self, x):
        return self.do(x, "_predict()")

    def learn(self, x, y):
        label = int(y) if y.ndim == 0 else f"_numbers({y.tobytes().hex()!r})"
        return self.do(x, f"_learn({label})")

    def do(self, x, call):
        for i in range(0, len(x), PIECE):
            part = x[i : i + PIECE].tobytes().hex()
            self.board.exec(f"_put({i}, {part!r})")
        return bytes.fromhex(self.board.exec(call).decode())


def compare(port, file, data, label, n_learned):
    model = load(file)
    given = samples.read(data, label)
    x, (_, y) = inputs(model, given), targets(model, given)
    n_learned = min(n_learned, len(x))
    with micropython(port) as board:
        there = installed(board)
        if there != tp.__version__:
            raise Problem(
                f"The board has {'no tinyprop' if not there else f'tinyprop {there}'}, and this is"
                f" {tp.__version__}. Next: {how('deploy', port)}"
            )
        if ask(board)["free"] is None:
            raise Problem("The board has no file system to copy to.")
        if board.fs_exists(NAME):  # of a run that was stopped
            board.fs_rmfile(NAME)
        write(board, NAME, bytes_of(file), f"{file}, for as long as this takes")
        try:
            pc, there = Pc(model), Board(board, model)
            same_predictions(pc, there, x, given, "")
            print(f"{len(x)} predictions are the same, to the last bit")
            if n_learned:
                same_learning(pc, there, x[:n_learned], y, given)
                print(f"the model is the same after each of {n_learned} samples that both learned")
                same_predictions(pc, there, x, given, f", after {n_learned} that both learned")
                print(f"{len(x)} predictions after that are the same, to the last bit")
        finally:
            board.exec(END.format(name=NAME))


def same_predictions(pc, board, x, given, after):
    with progress("predicting") as moved:
        for i, sample in enumerate(x):
            here, there = pc.predict(sample), board.predict(sample)
            if here != there:
                raise Problem(
                    f"{given.where(i)} of {given.file} is the first that differs{after}:"
                    f" {values(here)} on this PC, {values(there)} on the board."
                )
            moved(i + 1, len(x))


def same_learning(pc, board, x, y, given):
    with progress("learning") as moved:
        for i, sample in enumerate(x):
            if pc.learn(sample, y[i]) != board.learn(sample, y[i]):
                raise Problem(
                    f"{given.where(i)} of {given.file} is the first after which the model on the"
                    " board is another than on this PC."
                )
            moved(i + 1, len(x))


def values(data):
    return ", ".join(f"{v:.9g}" for v in np.frombuffer(data, np.float32))
