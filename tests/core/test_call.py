"""One call at a time works on a model, with buffers outside its image; another one is refused and
changes nothing."""

import re
import signal
import subprocess
import threading
from array import array

import images
import native
import numpy as np
import pytest
from images import BACKENDS, Error, Image, dense

with_backends = pytest.mark.parametrize("backend", BACKENDS)
N_IN, CLASSES = 12, 4
HELD, IN_CALL = 1, 0x2000_1234


def build(backend, loss="crossentropy"):
    ranges = images.BYTES if loss == "crossentropy" else ([(0, 255)], [(0, 1)])
    layers = [dense(6, "relu"), dense(CLASSES)]
    settings = {"ranges": ranges, "replay": CLASSES}
    return images.build(BACKENDS[backend], (1, 1, N_IN), layers, loss, **settings)


def calls(backend, buffer):
    """Every call on a model, by name."""
    x, y, out = bytes(N_IN), bytes(1), array("f", [0] * CLASSES)
    squares = array("I", [0] * CLASSES)
    backend = BACKENDS[backend]
    return {
        "learn": lambda: backend.learn(buffer, x, 1),
        "run": lambda: backend.run(buffer, x, y, 1, 0, 1, True),
        "evaluate": lambda: backend.run(buffer, x, y, 1, 0, 1, False),
        "predict": lambda: backend.predict(buffer, x, None),
        "scores": lambda: backend.predict(buffer, x, out),
        "distances": lambda: backend.distances(buffer, x, squares),
        "of a place": lambda: backend.distances(buffer, 0, squares),
        "hold": lambda: backend.hold(buffer),
        "init": lambda: backend.init(buffer, 1),
    }


NAMES = list(calls("numpy", None))


@with_backends
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("busy", [HELD, IN_CALL])
def test_a_model_at_work_refuses_calls(name, busy, backend):
    buffer = build(backend)
    call = calls(backend, buffer)[name]
    Image(buffer).head.busy = busy
    before = bytes(buffer)
    if name == "init" and busy == HELD:  # by the caller: it begins anew
        assert call() == 0 and Image(buffer).head.busy == HELD
        return
    assert call() == Error.BUSY
    assert buffer == before


@with_backends
@pytest.mark.parametrize("name", NAMES)
def test_a_call_ends_with_the_model_free(name, backend):
    buffer = build(backend)
    assert calls(backend, buffer)[name]() >= 0
    assert Image(buffer).head.busy == (HELD if name == "hold" else 0)


@with_backends
def test_a_refused_call_leaves_the_model_free(backend):
    buffer = build(backend)
    before = bytes(buffer)
    assert BACKENDS[backend].learn(buffer, bytes(N_IN + 1), 1) == Error.X_LENGTH
    assert BACKENDS[backend].learn(buffer, bytes(N_IN), CLASSES) == Error.Y_CLASS
    assert BACKENDS[backend].predict(buffer, bytes(N_IN), bytes(3)) == Error.OUT
    assert images.saved(buffer) == images.saved(before)
    Image(buffer).layers[0].w_frac = 17  # damaged
    assert BACKENDS[backend].learn(buffer, bytes(N_IN), 1) == Error.IMAGE
    assert Image(buffer).head.busy == 0


@with_backends
def test_hold_and_calls_on_what_is_no_model(backend):
    for nothing, error in ((bytearray(200), Error.IMAGE), (bytearray(8), Error.IMAGE)):
        for name, call in calls(backend, nothing).items():
            assert call() == error, name
            assert nothing == bytearray(len(nothing)), name


@with_backends
def test_a_file_of_a_model_at_work_is_none(backend):
    asked = images.spec((1, 1, 3), [dense(2)])
    assert images.layout(BACKENDS[backend], asked)[0] > 0
    asked[-20:-16] = b"\1\0\0\0"  # the end of the model's spec
    assert images.layout(BACKENDS[backend], asked)[0] == Error.IMAGE


@with_backends
def test_buffers_in_the_image_are_refused(backend):
    """At every place: in the spec, ranges, weights, and in the C core's plan and scratch."""
    core = BACKENDS[backend]
    for loss in ("crossentropy", "mse"):
        buffer = build(backend, loss)
        before, view = bytes(buffer), memoryview(buffer)
        good, squares = bytes(N_IN), array("I", [0] * CLASSES)
        many = bytes(1) if loss == "crossentropy" else bytes(CLASSES)
        for at in range(0, len(buffer) - len(buffer) % 4, 4):
            x, y = view[at:][:N_IN], view[at:][: len(many)]
            out = view[at:][: 4 * CLASSES]
            if len(x) == N_IN:
                assert core.learn(buffer, x, many) == Error.OVERLAP
                assert core.run(buffer, x, many, 1, 0, 1, False) == Error.OVERLAP
                assert core.predict(buffer, x, None) == Error.OVERLAP
                assert core.distances(buffer, x, squares) == Error.OVERLAP
            if len(y) == len(many):
                assert core.learn(buffer, good, y) == Error.OVERLAP
            if len(out) == 4 * CLASSES:
                assert core.predict(buffer, good, out.cast("f")) == Error.OVERLAP
                assert core.distances(buffer, 0, out.cast("I")) == Error.OVERLAP
        assert buffer == before
        del view, x, y, out
        assert core.predict(buffer, good, None) >= 0


@with_backends
def test_buffers_that_touch_the_image_are_not_in_it(backend):
    image = build(backend)
    whole = np.zeros(len(image) + 16 + N_IN, np.uint8)  # which starts at a multiple of 16
    start = 16
    whole[start : start + len(image)] = image
    buffer = whole[start : start + len(image)]
    for x in (whole[start - N_IN : start], whole[start + len(image) :][:N_IN]):
        assert BACKENDS[backend].learn(buffer, x, 1) == 1
    for x in (whole[start - N_IN + 1 : start + 1], whole[start + len(image) - 1 :][:N_IN]):
        assert BACKENDS[backend].learn(buffer, x, 1) == Error.OVERLAP


@with_backends
def test_scores_may_replace_x(backend):
    buffer = build(backend)
    x = array("f", range(N_IN))
    alone, shared = array("f", [0] * CLASSES), memoryview(x)[2 : 2 + CLASSES]
    label = BACKENDS[backend].predict(buffer, x, alone)
    assert BACKENDS[backend].predict(buffer, x, shared) == label
    assert shared.tolist() == alone.tolist()


@with_backends
def test_shapes_do_not_go_over_the_spec(backend):
    asked = images.spec((1, 1, 3), [dense(3, "relu")] * 40 + [dense(2)])
    asked += bytes(28 * 41)  # more bytes may follow a spec
    before = bytes(asked)
    view = memoryview(asked)
    for at in (0, 8, 40, len(asked) - 28 * 41):
        assert BACKENDS[backend].layout(asked, view[at:]) == Error.OVERLAP
    assert asked == before


@with_backends
def test_threads_lose_no_step(backend):
    """CPython runs one call at a time."""
    buffer, each = build(backend), 60
    x, results = bytes(range(N_IN)), []

    def work():
        results.extend(BACKENDS[backend].learn(buffer, x, 1) for _ in range(each))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 * each and min(results) >= 0
    assert Image(buffer).head.steps == 4 * each


@pytest.mark.parametrize("kind", ["signals", "threads", "signals without an instruction for it"])
def test_calls_in_the_midst_of_a_call(kind, tmp_path):
    """With signals, which come every 200 us, as interrupts do on a board."""
    program, sources = tmp_path / "nested_calls", [native.HERE / "nested_calls.c", *native.SOURCES]
    as_on_a_board = ["-U__unix__"] if "without" in kind else []
    native.build(program, sources, "-g", "-O1", "-pthread", *as_on_a_board)
    command = [program, kind.split()[0], "3000"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    n_done, n_refused = map(int, re.findall(r"\d+", done.stdout))
    assert n_refused > 0 and n_done > 0, done.stdout


@with_backends
def test_a_signal_in_the_midst_of_a_call(backend):
    """Python handles signals between calls of C, and in the midst of numpy's."""
    buffer, results = build(backend), []
    x = bytes(range(N_IN))

    def learn(*of_signal):
        results.append(BACKENDS[backend].learn(buffer, x, 1))

    before = signal.signal(signal.SIGALRM, learn)
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    try:
        while sum(result >= 0 for result in results) < 100:
            learn()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    made = [result for result in results if result >= 0]
    assert set(results) - set(made) == ({Error.BUSY} if backend == "numpy" else set())
    assert Image(buffer).head.steps == len(made)
