"""Run by test_fleet_engine.py where Flower is: what the server and the simulation say and keep.
Prints the name of each test that has passed."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tinyprop as tp
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.common import log
from flwr.supercore.task_identity import TaskIdentity
from tinyprop_flower import gateway, models, server_app, simulation, strategy

X = [[k % 5, k % 3, 1] for k in range(12)]
NAMES = ["down", "up"]
TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1  # as in a run


class Grid:
    """Flower's, with one gateway; send_and_receive gives what its boards answer, if they do.
    answers: in each round, whether a board does."""

    def __init__(self, answers):
        self.answers = list(answers)

    def get_node_ids(self):
        return [1]

    def send_and_receive(self, messages, timeout=None):
        replies = []
        for message in messages:
            updates = {}
            if self.answers.pop(0):
                file, turn, steps = strategy.question(message)
                y = [NAMES[k % 2] for k in range(len(X))]
                updates = {"kitchen": (models.learned(file, X, y, turn, steps), len(X))}
            replies.append(strategy.answer(message, updates))
        return replies


def run(answers, rounds, steps=8):
    config = {"model": "model.tp", "folder": "rounds", "rounds": rounds, "steps": steps}
    config.update(strategy="mean", seconds=1, gateways=1)
    server_app.main(Grid(answers), SimpleNamespace(run_config=config))


def kept():
    return sorted(path.name for path in Path("rounds").glob("*"))


def new_model(units=4):
    layers = [tp.Dense(units, activation="relu"), tp.Dense(2)]
    tp.Model(3, layers, input_range=(0, 5), classes=NAMES).save("model.tp")


def why(function, *arguments):
    try:
        function(*arguments)
    except (ValueError, RuntimeError) as e:
        return str(e)
    raise AssertionError("no error")


def test_nothing_is_kept_of_a_round_in_which_nobody_sent_anything():
    new_model()
    assert "no board has sent an update in any round" in why(run, [False, False], 2)
    assert kept() == [], kept()
    run([False, True, False], 3)
    assert kept() == ["0002.tp"], kept()
    run([True], 3)
    assert kept() == ["0002.tp", "0003.tp"], kept()
    assert tp.load("rounds/0003.tp").predict(X[0]) in NAMES


def reply(arrays, metrics):
    """Of a gateway, of which not all need be there."""
    content = {"arrays": strategy.to_record(arrays), "metrics": MetricRecord(metrics)}
    return strategy.reply_of(1, RecordDict(content))


def test_what_two_gateways_at_one_broker_have_heard_counts_once():
    both = {"kitchen": b"1", "attic": b"1"}
    replies = [reply(both, {"samples": [8, 9]}), reply({"kitchen": b"1"}, {"samples": [8]})]
    replies.append(reply({"kitchen": b"2"}, {"samples": [8]}))
    found = [("kitchen", b"1", 8), ("attic", b"1", 9), ("kitchen", b"2", 8)]
    assert [*strategy.updates_in(replies)] == found


def test_a_reply_that_is_none_is_left_out():
    kitchen, attic = {"kitchen": b"1"}, {"attic": b"1"}
    replies = [
        strategy.reply_of(1, RecordDict()),
        reply(kitchen, {"num-examples": 8}),
        reply(kitchen, {"samples": [8, 9]}),
        reply(kitchen, {"samples": [8.5]}),
        reply(kitchen, {"samples": 8}),
        reply(attic, {"samples": [9]}),
    ]
    damaged = ArrayRecord({"kitchen": Array("uint8", (1,), "numpy.ndarray", b"?")})
    replies[0].content["arrays"] = damaged
    replies[0].content["metrics"] = MetricRecord({"samples": [8]})
    assert [*strategy.updates_in(replies)] == [("attic", b"1", 9)]


def test_a_range_that_is_far_off_is_told():
    far = [[1e9 * v for v in x] for x in X]
    said = said_of_a_round(strategy.TinyPropAvg(), [X, X, far])
    assert said == ["2 has a range that is far off and left out: look at its sensor"], said


def said_of_a_round(of, boards):
    """What a strategy tells of boards that have these x."""
    of.sent, said = models.saved(tp.Model(3, [tp.Dense(2)])), []
    files = {str(k): models.learned(of.sent, x, [0, 1] * 6, 1, 12) for k, x in enumerate(boards)}
    strategy.log = lambda level, text, *parts: said.append(text % parts)
    of.aggregate_train(1, [reply(files, {"samples": [12] * len(boards)})])
    strategy.log = log
    return said


def test_boards_so_few_that_no_faulty_one_is_left_out_are_told_once():
    for name, least in ("median", 3), ("trimmed mean", 5), ("krum", 3):
        of = server_app.chosen(name, 1, None)
        assert said_of_a_round(of, [X] * least) == []
        (said,) = said_of_a_round(of, [X] * (least - 1))
        assert said.startswith(f"{least - 1} boards have sent"), said
        assert said_of_a_round(of, [X] * (least - 1)) == []


def test_a_run_without_rounds_says_so():
    new_model()
    run([True, True], 2)
    for rounds in 1, 2:
        said = f'all {rounds} rounds are in rounds/: give --run-config "rounds=12", or remove the'
        assert said in why(run, [], rounds)


def test_rounds_of_so_few_steps_that_they_would_tell_samples_are_refused():
    new_model()
    said = "a round has 7 steps, expected 8 or more: an update of fewer would tell what"
    assert said in why(run, [], 1, 7)
    np.savez("boards.npz", x=np.ones((9, 3)), y=np.arange(9) % 2, group=np.zeros(9, int))
    simulation.samples_of.cache_clear()
    sent = Path("model.tp").read_bytes()
    assert said in why(simulation.simulate, sent, "boards.npz", 1, 7)


def test_rounds_go_on_after_more_than_four_digits():
    new_model()
    run([True], 1)
    Path("rounds/0001.tp").rename("rounds/9999.tp")
    run([True, True], 10001)
    assert kept() == ["10000.tp", "10001.tp", "9999.tp"], kept()
    run([True], 10002)
    Path("rounds/3 copy.tp").write_bytes(b"")
    run([True], 10003)
    assert {"10002.tp", "10003.tp"} < {*kept()}


def test_rounds_of_another_model_are_refused():
    new_model()
    run([True], 1)
    new_model(5)
    said = "rounds/0001.tp is of another model than model.tp: remove the folder, or give another"
    assert why(run, [], 2) == said
    new_model()
    run([True], 2)
    assert kept() == ["0001.tp", "0002.tp"]


def test_boards_in_a_file_are_checked():
    good = {"x": np.zeros((9, 3)), "y": np.zeros(9, int), "group": np.zeros(9, np.uint8)}
    for wrong, said in (
        (
            {"group": None},
            "boards.npz has no group: write it by numpy.savez(.., x=.., y=.., group",
        ),
        ({"x": None, "y": None}, "has no x and no y"),
        ({"y": np.zeros(8, int)}, "have shapes (9, 3), (8,), (9,): expected one of each a sample"),
        ({name: part[:0] for name, part in good.items()}, "have shapes (0, 3), (0,), (0,)"),
        ({"group": np.zeros(9)}, "group in boards.npz is float64 from 0.0: expected a board's"),
        ({"group": np.arange(9) - 1}, "is int64 from -1"),
        ({"group": np.zeros((9, 1), int)}, "expected a board's number for each sample"),
    ):
        parts = {name: part for name, part in {**good, **wrong}.items() if part is not None}
        np.savez("boards.npz", **parts)
        simulation.samples_of.cache_clear()
        found = why(simulation.simulate, b"", "boards.npz", 1, 1)
        assert said in found, found


def simulated(**boards):
    """{name: samples} of those boards that send an update."""
    np.savez("boards.npz", **boards)
    simulation.samples_of.cache_clear()
    sent = Path("model.tp").read_bytes()
    content = {"arrays": strategy.to_record({strategy.MODEL: sent})}
    content["config"] = {"server-round": 1, "rounds-before": 0, "steps": 9}
    updates = simulation.updates("boards.npz", 0, 1, SimpleNamespace(content=content))
    return {name: samples for name, (_, samples) in updates.items()}


def test_boards_with_few_samples_sit_out():
    new_model()
    group = np.repeat(np.array([1, 2, 255], np.uint8), [7, 8, 9])
    found = simulated(x=np.ones((24, 3)), y=np.arange(24) % 2, group=group)
    assert found == {"2": 8, "255": 9}


def test_a_board_whose_samples_cannot_be_learned_takes_no_other_with_it():
    new_model()
    x, y, group = np.ones((27, 3)), np.arange(27) % 2, np.repeat([0, 1, 2], 9)
    x[3, 1], y[10] = np.nan, 7
    assert simulated(x=x, y=y, group=group) == {"2": 9}


def test_a_simulation_that_gave_no_model_says_so():
    np.savez("boards.npz", x=np.ones((7, 3)), y=np.arange(7) % 2, group=np.zeros(7, int))
    simulation.samples_of.cache_clear()
    none = to_run_with(SimpleNamespace(arrays=strategy.to_record({})))
    said = "no round gave a model: expected a round or more, and in boards.npz 8 samples or more"
    assert said in why(simulation.simulate, b"", "boards.npz", 1, 8, none)


def test_a_gateway_has_user_password_and_tls_for_a_broker():
    login = {"user": "fleet", "password": "secret", "tls": "ca.pem"}
    subprocess.run(["mosquitto_passwd", "-b", "-c", "passwords", "fleet", "secret"], check=True)
    certificate = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.pem -subj /CN=broker"
    its = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *certificate.split(), *its], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    files = "certfile ca.pem\nkeyfile key.pem\npassword_file passwords\n"
    Path("broker.conf").write_text(f"user root\nlistener {port} 127.0.0.1\n{files}")
    broker = subprocess.Popen(["/usr/sbin/mosquitto", "-c", "broker.conf"])
    heard = threading.Event()
    try:
        line = gateway.Broker(f"127.0.0.1:{port}", lambda name, question: heard.set(), **login)
        deadline = time.monotonic() + 60
        while not heard.wait(0.1):
            assert time.monotonic() < deadline, line.trouble
            line.client.publish("tinyprop/kitchen/ask", b"?")  # which it hears itself
        line.stop()
    finally:
        broker.terminate()
        broker.wait()


def to_run_with(result):
    """A strategy that ends with a result, in place of Flower's engine."""
    simulation.run_simulation = lambda server, client, n, **_: server(None, SimpleNamespace())
    return SimpleNamespace(start=lambda *_, **settings: result)


for name, test in list(globals().items()):
    if name.startswith("test_"):
        os.chdir(tempfile.mkdtemp(dir=sys.argv[1]))
        test()
        print("passed", name, flush=True)
