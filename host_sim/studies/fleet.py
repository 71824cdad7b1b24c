"""What boards gain by learning together: alone, as a fleet, as a fleet and then each for itself,
and all samples in one place; there also with no more steps than one board of the fleet makes.

On human activities (HAR), where a board has samples of one person, words (Speech Commands), one
speaker, and digits, two to four of ten classes. DATA: a folder as in reproduce; without it, digits
alone.
A round is that of tinyprop_flower: each board learns some steps from the mean of all, and models
become one exactly. Everything is measured on a part of each board's samples that it does not
learn from, and on samples of persons that no board has. Then a tenth of all boards is faulty: of
these a third has shuffled labels, a third a stuck sensor, and a third is silent. What they do to
the others is measured on samples of the others, in all ways. Writes fleet.md, fleet.csv and
fleet.png to reports/.
"""

from functools import lru_cache, partial
from typing import NamedTuple
from zlib import crc32

import numpy as np
import tinyprop as tp
from scipy.stats import trim_mean
from tinyprop_fleet import _HEAD_BYTES, Serial, _changes, learn
from tinyprop_flower import averaging
from tinyprop_flower.models import learned, load, saved

from .. import internals
from ..tasks import datasets, digits
from ..tasks.networks import NETWORKS
from .kit import jobs, plots, tables
from .kit.command import REPORTS
from .kit.kept import Runs
from .kit.nets import parser_of_nets, to_learn

HELD_OUT = 4  # one in so many of a board's samples
FEWEST = 11  # samples of a board: without those held out more than it needs to take part
FAULTY = 10  # one in so many boards
SHUFFLED, STUCK, SILENT = FAULTS = "shuffled labels", "a stuck sensor", "silent"
TRIMMED = 0.2  # of boards, at either end
FIRST = 50  # steps by which a change of the arithmetic is recognised
GAIN = 5  # points that a fleet should be above each board alone
ASKED = 30  # samples that each board alone is asked about, of persons that no board has
RADIOS = {  # bytes a second at most
    "UART, 115,200 baud, in base64": 115_200 / 10 * 3 / 4,
    "Bluetooth LE, 125 kbit/s": 125_000 / 8,
    "LoRa, 5.47 kbit/s, 1 % of the time": 5_470 / 8 / 100,
}


class Task(NamedTuple):
    title: str
    data: str
    boards: int  # at least
    rounds: int
    steps: int
    seeds: int


TASKS = {
    "har": Task("HAR, a person", "har", 100, 60, 60, 5),
    "speech": Task("Speech Commands, a speaker", "speech", 100, 150, 20, 3),
    "digits": Task("Digits, two shares of classes", "digits", 100, 60, 20, 5),
}
WAYS = {
    "alone": "each board alone",
    "fleet": "fleet",
    "slow": "fleet, without momentum",
    "central": "all samples in one place",
    "short": "the same, as many steps as one board",
    "faulty": "fleet, a tenth faulty",
    "mean": "the same, all count alike",
    "median": "median",
    "trimmed": "trimmed mean",
    "sound": "fleet without the faulty boards",
}
MOVED = "fleet", "faulty", "mean", "sound"  # ways with momentum, as in tinyprop_flower.strategy
SCREENED = "fleet", "faulty"  # ways where who stands out counts less, as there
ABOUT = """\
*Own samples* are a part of each board's, which it does not learn from; *others' samples* are of
persons that no board has. *Sound boards* are those that stay sound where a tenth is faulty.

Without momentum a fleet gets about as far as one place with all samples does in as many steps as
one board makes: the mean of many boards is a step from many samples, not many steps. Momentum,
which lets a round begin where the mean is heading, makes up for most of that.

Of faulty boards a third has shuffled labels, a third a stuck sensor, and a third is silent. What
that costs the others is told by their samples, the second column, against the fleet without
faults, which learns from the samples of that tenth too. The first column has samples of faulty
boards as well: of persons from whom nobody learns, so they are as hard as others'. *The same, all
count alike* is the mean where nobody who stands out counts less. The fleet without the faulty
boards is what is lost with their samples, whoever is left out and however well. Median and trimmed
mean have no momentum.

![Accuracy over rounds](fleet.png)"""


def main(arguments):
    asking = parser_of_nets("fleet", __doc__, TASKS)
    asking.add_argument("--seeds", type=int, help="how many, in place of 3 to 5")
    given = asking.parse_args(arguments)
    names = to_learn(given, TASKS)
    if not names:
        return "There is no data set; those that are not scikit-learn's need --data."
    todo = [
        (name, way, seed)
        for name in names
        for seed in range(1, 1 + (given.seeds or TASKS[name].seeds))
        for way in WAYS
    ]
    runs = FleetRuns(given.data, given.runs)
    with jobs.pool() as workers:
        results = jobs.finish(workers, runs.run, todo, "learning", runs.finished)
    report(dict(zip(todo, results, strict=True)))
    return 0


class FleetRuns(Runs):
    def path(self, job):
        return self.folder / "{}-{}-{}.json".format(*job)

    def settings(self, job):
        """All that decides the result."""
        name, way, seed = job
        task = TASKS[name]
        return {
            "task": name,
            "way": way,
            "seed": seed,
            "boards": task.boards,
            "rounds": task.rounds,
            "steps": task.steps,
            "samples": [FEWEST, HELD_OUT, ASKED],
            "faulty": FAULTY,
            "momentum": str(averaging.MOMENTUM) if way in MOVED else "",
            "screen": [averaging.LESS, averaging.FAR] if way in SCREENED else [],
            "trimmed": TRIMMED if way == "trimmed" else 0,
            "beginning": beginning(name, self.data),
        }

    def learn(self, job):
        name, way, seed = job
        fleet = Fleet(name, self.data, seed)
        if way == "alone":
            return fleet.alone()
        if way in ("central", "short"):
            return fleet.central(len(fleet.boards) if way == "central" else 1)
        return fleet.together(way)


@lru_cache
def beginning(name, data):
    """Changes when the data or the arithmetic do."""
    (x, y, _), others = samples(name, data)
    result = 0
    for part in (x, y, *others):
        result = crc32(np.ascontiguousarray(part), result)
    fleet = Fleet(name, data, 1)
    sent = saved(fleet.model())
    merged = averaging.Merged(sent)
    for board in fleet.boards[:2]:
        merged.take(learned(sent, board.x, board.y, 1, FIRST), len(board.y))
    return crc32(merged.mean()[:-4], result)  # the last four bytes are its own CRC


# ---- who has what


def samples(name, data):
    """(x, y, group) that boards have, and (x, y) of others."""
    if name == "digits":
        (x, y), others = digits.load()
        return (x, y, None), others
    found = datasets.load(name, data)
    x, test_x = (part.reshape(len(part), -1) for part in (found.x_train, found.x_test))
    return (x, found.y_train, found.group_train), (test_x, found.y_test)


def shared(y, group, n, random):
    """The indices of each board's samples."""
    if group is None:  # two shares of the samples in the order of their classes
        shares = np.array_split(np.argsort(y, kind="stable"), 2 * n)
        order = random.permutation(2 * n)
        return [np.concatenate([shares[i] for i in pair]) for pair in order.reshape(n, 2)]
    of_each = [np.flatnonzero(group == person) for person in np.unique(group)]
    of_each = [random.permutation(indices) for indices in of_each]
    parts = max(1, -(-n // len(of_each)))  # where there are few persons, each has several boards
    boards = [part for indices in of_each for part in np.array_split(indices, parts)]
    return [part for part in boards if len(part) >= FEWEST]


class Board(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    held_x: np.ndarray
    held_y: np.ndarray


def faulty_of(n, seed):
    """{number: fault} of the faulty ones of n boards."""
    chosen = np.random.default_rng(100 + seed).permutation(n)[: n // FAULTY]
    return {k: FAULTS[i % len(FAULTS)] for i, k in enumerate(chosen.tolist())}


class Fleet:
    def __init__(self, name, data, seed):
        self.task, self.name, self.seed = TASKS[name], name, seed
        (x, y, group), (self.x, self.y) = samples(name, data)
        random = np.random.default_rng(seed)
        self.boards = []
        for indices in shared(y, group, self.task.boards, random):
            held, mine = np.split(random.permutation(indices), [len(indices) // HELD_OUT])
            self.boards.append(Board(x[mine], y[mine], x[held], y[held]))
        self.faulty = faulty_of(len(self.boards), seed)
        order = sorted(range(len(self.boards)), key=lambda k: k in self.faulty)
        self.held_x = np.concatenate([self.boards[k].held_x for k in order])
        self.held_y = np.concatenate([self.boards[k].held_y for k in order])
        of_faulty = sum(len(self.boards[k].held_y) for k in self.faulty)
        self.n_sound = len(self.held_y) - of_faulty  # of those held out, which come first

    def model(self, train_backbone=True):
        if self.name == "digits":
            layers = [tp.Dense(32, activation="relu", trainable=train_backbone), tp.Dense(10)]
            return tp.Model(64, layers, input_range=(0, 16), seed=self.seed)
        return NETWORKS[self.name].model(None, train_backbone, None, self.seed)

    def accuracy(self, model):
        """(own, own of sound boards, others)"""
        n, n_held = self.n_sound, len(self.held_y)
        sound = right_answers(model, self.held_x[:n], self.held_y[:n])
        faulty = right_answers(model, self.held_x[n:], self.held_y[n:])
        return (sound + faulty) / n_held, sound / n, model.evaluate(self.x, self.y)

    # -- alone, and all in one place

    def alone(self):
        models = [self.model() for _ in self.boards]
        random = np.random.default_rng(self.seed)
        n_held, curve = len(self.held_y), []
        for turn in range(1, 1 + self.task.rounds):
            right = sound = others = 0
            for k, (model, board) in enumerate(zip(models, self.boards, strict=True)):
                learn(model, board.x, board.y, turn, self.task.steps)
                of_board = right_answers(model, board.held_x, board.held_y)
                right += of_board
                sound += 0 if k in self.faulty else of_board
                asked = random.permutation(len(self.y))[:ASKED]
                others += model.evaluate(self.x[asked], self.y[asked])
            curve.append((right / n_held, sound / self.n_sound, others / len(models)))
        return {"curve": curve, "boards": len(models)}

    def central(self, times):
        """times: as many steps as one board makes."""
        model, curve = self.model(), []
        x = np.concatenate([board.x for board in self.boards])
        y = np.concatenate([board.y for board in self.boards])
        order = np.random.default_rng(self.seed).permutation(len(y))
        x, y = x[order], y[order]
        for turn in range(1, 1 + self.task.rounds):
            learn(model, x, y, turn, self.task.steps * times)
            curve.append(self.accuracy(model))
        return {"curve": curve}

    # -- together

    def together(self, way):
        boards = self.boards_of(way)
        before, now, curve, n_sent, out = None, saved(self.model()), [], 0, []
        for turn in range(1, 1 + self.task.rounds):
            sent = averaging.onward(before, now) if way in MOVED else now
            merged = averaging.Merged(sent)
            for k, board in boards.items():
                file = learned(sent, board.x, board.y, turn, self.task.steps)
                merged.take(file, len(board.y), k)
            n_sent += bytes_sent(sent, file)
            out += merged.screen() if way in SCREENED else []
            before, now = now, merged_by(way, merged)
            curve.append(self.accuracy(load(now)))
        share = n_sent / (len(now) * self.task.rounds)  # of the file, that the last board sends
        wrongly = sum(k not in self.faulty for k, _ in out)
        result = {"curve": curve, "sparse": share, "file": len(now)}
        result["less"] = [n / self.task.rounds for n in (wrongly, len(out) - wrongly)]
        return result | {"personal": self.personal(now)} if way == "fleet" else result

    def boards_of(self, way):
        """{number: board} of those that take part."""
        boards = dict(enumerate(self.boards))
        if way in ("fleet", "slow"):
            return boards
        if way == "sound":
            return {k: board for k, board in boards.items() if k not in self.faulty}
        return self.with_faults()

    def with_faults(self):
        """{number: board}, without silent ones."""
        random, boards = np.random.default_rng(200 + self.seed), dict(enumerate(self.boards))
        for k, fault in self.faulty.items():
            board = boards[k]
            if fault == SHUFFLED:
                boards[k] = board._replace(y=random.permutation(board.y))
            elif fault == STUCK:
                boards[k] = board._replace(x=np.repeat(board.x[:1], len(board.x), 0))
            else:
                del boards[k]
        return boards

    def personal(self, sent):
        """Accuracy on its own samples if each board's last layer learns on by itself."""
        fleet, right = load(sent), 0
        for board in self.boards:
            model = self.model(train_backbone=False)
            internals.transfer(model, fleet)
            learn(model, board.x, board.y, 1, 2 * len(board.y))
            right += right_answers(model, board.held_x, board.held_y)
        return right / len(self.held_y)


def right_answers(model, x, y):
    """How many; there may be no samples at all."""
    return model.evaluate(x, y) * len(y) if len(y) else 0


def merged_by(way, merged):
    if way not in ("median", "trimmed"):
        return merged.mean()
    merged.merge()
    each = zip(*(merged.floats(k) for k in range(len(merged.models))), strict=True)
    middle = {"median": np.median, "trimmed": partial(trim_mean, proportiontocut=TRIMMED)}[way]
    merged.set_floats([middle(np.stack(arrays), axis=0) for arrays in each])
    return merged.file()


def bytes_sent(sent, file):
    """What a board sends of its model, less what is as it was sent."""
    return sum(_HEAD_BYTES + end - start for start, end in _changes(file, sent, Serial.piece))


# ---- report


def report(results):
    names = list(dict.fromkeys(name for name, _, _ in results))
    of = {
        (name, way): [result for job, result in results.items() if job[:2] == (name, way)]
        for name in names
        for way in WAYS
    }
    text = "\n\n".join([ABOUT, *(section(name, of) for name in names), costs(names, of)])
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "fleet.md").write_text(f"# A fleet\n\n{text}\n")
    tables.write_csv(REPORTS / "fleet.csv", list(rows(results)))
    picture(names, of)
    print(text)


def section(name, of):
    task, n, n_runs = TASKS[name], of[name, "alone"][0]["boards"], len(of[name, "alone"])
    lines = []
    for way, title in WAYS.items():
        ends = np.array([result["curve"][-1] for result in of[name, way]])
        lines.append([title, *map(cell, ends.T)])
        if way == "fleet":
            own = [result["personal"] for result in of[name, way]]
            lines.append(["fleet, then each its last layer", cell(own), "", ""])
    result = of[name, "fleet"][0]
    header = "", "own samples", "of sound boards", "others' samples"
    table = tables.markdown("lrrr", header, lines)
    return (
        f"## {task.title} a board\n\n{n} boards, {task.rounds} rounds of {task.steps} steps, "
        f"{'seed 1' if n_runs == 1 else f'mean of seeds 1 to {n_runs}'}. "
        f"A round costs a board {result['file']:,} bytes to it, and from it "
        f"{100 * result['sparse']:.0f} % of that.\n\n{table}\n\n{in_words(name, of)}"
    )


def in_words(name, of):
    ends = {way: 100 * np.mean([r["curve"][-1] for r in of[name, way]], axis=0) for way in WAYS}
    less = {way: np.mean([r["less"] for r in of[name, way]], axis=0) for way in SCREENED}
    faults = list(faulty_of(of[name, "alone"][0]["boards"], 1).values())
    gain, most = ends["fleet"] - ends["alone"], ends["central"] - ends["alone"]
    cost, missing = ends["faulty"] - ends["fleet"], ends["sound"] - ends["fleet"]
    text = (
        f"Of own samples the fleet knows {gain[0]:.1f} points more than each board alone, and one "
        f"place with all samples {most[0]:.1f}; of others' {gain[2]:.1f} and {most[2]:.1f}. "
    )
    if most[0] < GAIN:
        text += "A fleet cannot gain much where a board's own samples nearly suffice for it. "
    return text + (
        f"With a faulty tenth the fleet knows {cost[1]:+.1f} points of sound boards' samples and "
        f"{cost[2]:+.1f} of others'; without these boards, {missing[1]:+.1f} and "
        f"{missing[2]:+.1f}. In a round {less['faulty'][1]:.1f} of "
        f"{len(faults) - faults.count(SILENT)} faulty boards that send stand out and count less, "
        f"and {less['faulty'][0]:.1f} of the sound ones; {sum(less['fleet']):.1f} where all are "
        f"sound."
    )


def costs(names, of):
    """How long a file takes, one way, where nothing else is sent."""
    lines = []
    for radio, rate in RADIOS.items():
        seconds = [of[name, "fleet"][0]["file"] / rate for name in names]
        lines.append([radio, *(f"{s:,.1f} s" for s in seconds)])
    header = "", *(TASKS[name].title for name in names)
    return f"## A file, one way\n\n{tables.markdown('l' + 'r' * len(names), header, lines)}"


def cell(shares):
    return tables.percent(np.mean(shares), tables.sd(list(shares)) if len(shares) > 1 else None)


def rows(results):
    for (name, way, seed), result in results.items():
        for turn, (own, sound, others) in enumerate(result["curve"], 1):
            yield {
                "task": name,
                "way": way,
                "seed": seed,
                "round": turn,
                "own": round(own, 4),
                "sound": round(sound, 4),
                "others": round(others, 4),
            }


def picture(names, of):
    figure, axes = plots.plt.subplots(
        1, len(names), figsize=(4 * len(names), 3.4), layout="constrained", squeeze=False
    )
    for panel, name in zip(axes[0], names, strict=True):
        for way, title in WAYS.items():
            curve = np.mean([result["curve"] for result in of[name, way]], axis=0)[:, 0]
            panel.plot(np.arange(1, len(curve) + 1), curve, label=title)
        panel.set_title(f"{TASKS[name].title} a board", fontsize=10)
        panel.set_xlabel("round")
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#eeeeee")
        plots.percent_axis(panel)
    axes[0][0].set_ylabel("right, of boards' own samples")
    axes[0][-1].legend(fontsize=7, frameon=False)
    plots.save(figure, REPORTS / "fleet.png", 110)
