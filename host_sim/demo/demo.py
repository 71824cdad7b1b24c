"""A network learns to read digits inside MicroPython; the PC hands out the data and draws."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from .. import ROOT
from ..tasks import digits
from . import picture, text

BUILD = ROOT / "build"
POLICY = "Adaptive"  # the default, which is compared with
DENSE = "Full"
EPOCHS = 15

# What MicroPython runs: examples/digits.py, as a board would, then questions about the result.
ON_BOARD = """
import digits, hashlib, tinyprop as tp
from array import array
m = digits.learn(tp.{policy}(), {epochs}, 100)
m.save("{policy}.tp")
print("digest", hashlib.sha256(open("{policy}.tp", "rb").read()).digest().hex())
p = array("f", [0] * 10)
for x, _ in digits.records(open("digits.bin", "rb"), 0, digits.TEST):
    m.predict_into(x, p)
    print("says", m.predict(x), max(p))
"""

BY_HAND = """\
make repl
import tinyprop as tp; m = tp.load("build/digits.tp"); m.summary()
m.predict(open("build/digits.bin", "rb").read(64))"""


@dataclass
class Run:
    policy: str
    curve: np.ndarray  # a row for each 100 steps, as examples/digits.py prints it
    answers: list  # to each digit of the test set: (class, probability)
    image_bytes: int
    digest: str  # SHA-256 of what the model saves

    def numbers(self):
        _, right, skipped, work, _ = self.curve[-1].tolist()
        typical_us = float(np.median(self.curve[:, 4]))  # whatever else the PC is doing
        return {
            "accuracy": right,
            "skipped_share": skipped,
            "backward_share": work,
            "us_per_step": round(typical_us, 2),
            "image_bytes": self.image_bytes,
            "digest": self.digest,
        }


def build():
    """Builds MicroPython for this PC with tinyprop in it; returns its path."""
    script = subprocess.run([ROOT / "boards/unix/build.sh"], stdout=subprocess.PIPE, text=True)
    if script.returncode:
        sys.exit("error: MicroPython could not be built")
    return script.stdout.split()[-1]


def learn(micropython, folder, policy, epochs=EPOCHS):
    """Runs examples/digits.py in a folder that has digits.bin; the model is saved there."""
    process = subprocess.Popen(
        [micropython, "-c", ON_BOARD.format(policy=policy, epochs=epochs)],
        cwd=folder,
        env={**os.environ, "MICROPYPATH": f".frozen:{ROOT}/examples"},
        stdout=subprocess.PIPE,
        text=True,
    )
    curve, answers, ram, digest = [], [], None, None
    bar = tqdm(
        total=epochs * 1437,
        desc=f"  {policy:10}",
        bar_format="{desc} {percentage:3.0f} %|{bar:36}| {n_fmt} digits seen{postfix}",
        disable=None,
    )
    for line in process.stdout:
        match line.split():
            case ["says", label, probability]:
                answers.append((int(label), float(probability)))
            case [_, "weights", "and", "biases,", n_bytes, "bytes", "of", "RAM,", *_]:
                ram = int(n_bytes)
            case ["digest", value]:
                digest = value
            case [steps, right, _, _, _] as row if steps.isdigit():
                curve.append([float(word) for word in row])
                steps, right = int(steps), f"{float(right):.1%} right"
                bar.set_postfix_str(right)
                bar.update(steps - bar.n)
                if bar.disable and steps % 5000 == 0:
                    print(f"  {policy:10} {steps:>6} digits seen, {right}", flush=True)
    bar.close()
    if process.wait():
        sys.exit("error: MicroPython stopped before the end; what it said is above")
    return Run(policy, np.array(curve), answers, ram, digest)


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m host_sim demo", description=__doc__)
    parser.parse_args(arguments)

    micropython = build()
    digits.write(BUILD / "digits.bin")
    print(text.OPENING, flush=True)
    sparse, dense = [learn(micropython, BUILD, policy) for policy in (POLICY, DENSE)]

    (BUILD / f"{POLICY}.tp").replace(BUILD / "digits.tp")
    (BUILD / f"{DENSE}.tp").unlink()
    (BUILD / "demo.json").write_text(json.dumps(sparse.numbers(), indent=4) + "\n")
    _, test = digits.load()
    picture.draw(BUILD / "demo.png", sparse, dense, test, text.verdict(sparse, dense))
    text.show(sparse, dense, test)
    print("\nThe picture is build/demo.png, the numbers are in build/demo.json.")
    print(f"\nTry it by hand (the last line reads the first digit above):\n\n{BY_HAND}")
