"""What becomes of a model that learns for years, and of one that is fed nonsense.

Millions of samples of a stream that drifts, with every policy; counters that pass their ends; and
faults: a model learns from samples that are wrong, or at a rate that is, and then from as many
with nothing wrong. Writes reports/endurance.md.
"""

import copy
from dataclasses import dataclass, field
from math import ceil

import numpy as np
import tinyprop as tp
from sklearn.metrics import r2_score

from .. import internals
from .kit import command, tables

N_IN, N_CLASSES = 24, 4
STEPS = 10_000_000  # of all policies together
PIECE = 10_000  # steps, after which accuracy is measured
TURN = 400_000  # samples in which the centre of a class goes round once
NOISE = 1.0  # of each value of x, whose spread is about 1
FAULTY = 20_000  # samples with a fault, and then without
TESTED = 2_000

POLICIES = {
    "Full": tp.Full(),
    "TopK": tp.TopK(),
    "TinyProp": tp.TinyProp(),
    "TinyPropV2": tp.TinyPropV2(),
    "Diffused": tp.Diffused(),
    "Adaptive": tp.Adaptive(),
}


def main(arguments):
    parser = command.parser("endurance", __doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help="of all policies together")
    print(write(command.REPORTS, parser.parse_args(arguments).steps))
    return 0


# ---- what is learned


class Stream:
    """Samples of some classes around centres, which move on circles if turn is given; with
    numbers, where each lies between the first two centres."""

    def __init__(self, seed, turn=None, numbers=False):
        self.random = np.random.default_rng(seed)
        self.turn, self.numbers, self.n = turn, numbers, 0
        self.axes = self.random.normal(0, 1, (2, N_CLASSES, N_IN))

    def take(self, n):
        """(x, y) of n samples."""
        angle = 2 * np.pi * self.n / self.turn if self.turn else 0
        centres = np.cos(angle) * self.axes[0] + np.sin(angle) * self.axes[1]
        self.n += n
        if self.numbers:
            y = self.random.uniform(-1, 1, (n, 1))
            x = np.where(y < 0, -y * centres[0], y * centres[1])
        else:
            y = self.random.integers(0, N_CLASSES, n)
            x = centres[y]
        x = x + self.random.normal(0, NOISE, (n, N_IN))
        return x.astype(np.float32), y.astype(np.float32 if self.numbers else np.uint8)


def new_model(numbers=False, **settings):
    layers = [tp.Dense(12, activation="relu"), tp.Dense(1 if numbers else N_CLASSES)]
    return tp.Model(N_IN, layers, "mse" if numbers else "crossentropy", **settings)


def score(model, x, y):
    """Accuracy; of numbers R2."""
    if y.dtype == np.uint8:
        return model.evaluate(x, y)
    return r2_score(y[:, 0], [model.predict(row) for row in x])


# ---- a stream that drifts


def drift(policy, pieces):
    """Yields the accuracy on the samples that come next, after each piece."""
    stream, model = Stream(1, TURN), new_model(policy=policy)
    for _ in range(pieces):
        model.learn_many(*stream.take(PIECE))
        yield score(model, *stream.take(TESTED))


# ---- counters

COUNTERS = "steps", "skipped", "n_replayed", "n_outside", "n_saturated", "n_clipped"


def past_their_ends(steps, replay=8):
    """(a model, the same one with counters that passed their ends): learned from the same
    samples. `trained` passes its end in both, as it says what is random in a step."""
    stream, model = Stream(2), new_model(replay=replay)
    model.learn_many(*stream.take(PIECE))
    internals.view(model).state.trained = (1 << 32) - 64
    other = copy.deepcopy(model)
    state = internals.view(other).state
    for name in COUNTERS:
        bits = 8 * state.item.dtype[name].itemsize
        # The upper half of `steps` would take longer than any board lives.
        setattr(state, name, (1 << min(bits, 32)) - 64)
    x, y = stream.take(steps)
    for m in model, other:
        m.learn_many(x, y)
    return model, other


# ---- faults


def one_class(x, y, random):
    x[:], y[:] = x[y == 0][0] + random.normal(0, NOISE, x.shape), 0


def half_stuck(x, y, random):
    x[:, ::2] = x[0, ::2]


def by_lot(x, y, random):
    random.shuffle(y)


def one_far_away(x, y, random):
    x[5] = 1e6


@dataclass
class Fault:
    title: str
    spoil: object = None  # spoil(x, y, random) makes samples wrong
    settings: dict = field(default_factory=dict)  # of the model
    before: int = 1_000  # samples with nothing wrong
    cure: object = None  # cure(model) is done behind the fault, if it takes more than samples

    def run(self, samples=FAULTY):
        """(score at the end of the fault, what check() says then, score after)"""
        numbers = self.settings.get("numbers", False)
        stream, model = Stream(3, numbers=numbers), new_model(**self.settings)
        test = stream.take(TESTED)
        if self.before:
            model.learn_many(*stream.take(self.before))
        x, y = stream.take(samples)
        if self.spoil:
            self.spoil(x, y, stream.random)
        model.learn_many(x, y)
        during, said = score(model, *test), model.check()
        if self.cure:
            self.cure(model)
        model.learn_many(*stream.take(samples))
        return during, said, score(model, *test)


def find_rate(model):
    model.lr = None


def begin_anew(model):
    model.lr = None
    model.reset()


FAR = {"lr": 1.0}
FAULTS = {
    "none": Fault("none"),
    "one_class": Fault("one class only", one_class),
    "half_stuck": Fault("half of the sensors stuck", half_stuck),
    "by_lot": Fault("labels by lot", by_lot),
    "one_far_away": Fault("1e6 among the first samples", one_far_away, before=0),
    "numbers": Fault("none, numbers", settings={"numbers": True}),
    "numbers_far": Fault(
        "1e6 among the first, numbers", one_far_away, {"numbers": True}, before=0
    ),
    "rate": Fault("lr = 1; then lr = None", settings=FAR, cure=find_rate),
    "rate_anew": Fault("lr = 1; then lr = None and reset()", settings=FAR, cure=begin_anew),
    "numbers_rate": Fault(
        "lr = 1, numbers; then lr = None", settings=FAR | {"numbers": True}, cure=find_rate
    ),
    "numbers_anew": Fault(
        "lr = 1, numbers; then lr = None and reset()",
        settings=FAR | {"numbers": True},
        cure=begin_anew,
    ),
}


# ---- the report

TEXT = """\
# Endurance: years of samples, and faults

Made by `make endurance`: a net of {n_in}-12-{n_classes} (relu) and the rates that its layers find.

## A stream that drifts

{steps:,} steps in all. The centres of the classes go round once in {turn:,} samples; accuracy is
of {tested:,} samples that come next, after every {piece:,} steps.

{drift}

## Counters

A model whose counters passed their ends while it learned from {past:,} samples, and one whose did
not, have {same} weights and biases. (The count of trained steps passed
its end in both, as it says what is random in each.)

## Faults

{faulty:,} samples with a fault, behind 1,000 without one unless it is in the first, and
{faulty:,} without one behind them: accuracy, with numbers R², on samples with nothing wrong, at
the end of the fault and in the end; and what check() says at the end of the fault.

{faults}
"""


def write(folder, steps):
    past, pieces = 100_000, ceil(steps / len(POLICIES) / PIECE)
    model, other = past_their_ends(past)
    same = internals.parameters(model) == internals.parameters(other)
    text = TEXT.format(
        n_in=N_IN,
        n_classes=N_CLASSES,
        steps=pieces * PIECE * len(POLICIES),
        turn=TURN,
        tested=TESTED,
        piece=PIECE,
        drift=drift_table(pieces),
        past=past,
        same="the same" if same else "other",
        faulty=FAULTY,
        faults=fault_table(),
    )
    (folder / "endurance.md").write_text(text)
    return text


def drift_table(pieces):
    rows = []
    for name, policy in POLICIES.items():
        shares = list(drift(policy, pieces))
        tenth = max(1, len(shares) // 10)
        means = [np.mean(part) for part in (shares[:tenth], shares[-tenth:], shares)]
        rows.append((name, *(f"{mean:.4f}" for mean in means), f"{min(shares):.4f}"))
    header = "policy", "first tenth", "last tenth", "all", "lowest"
    return tables.markdown("lrrrr", header, rows)


def fault_table():
    rows = []
    for fault in FAULTS.values():
        during, said, after = fault.run()
        rows.append((fault.title, f"{during:.3f}", " ".join(said) or "nothing", f"{after:.3f}"))
    return tables.markdown("lrlr", ("fault", "during", "check() says", "after"), rows)
