# One call at a time works on a model; one that comes in its midst is refused, and changes nothing.
import io
from array import array

import data
import model_format as fmt
import testkit
import tinyprop as tp

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # CPython cannot tell

    def heap_lock():
        pass

    heap_unlock = heap_lock

X = bytes(range(6))
IN_A_CALL = b"\x10\x32\x54\x20"


def small_model(**options):
    options.setdefault("policy", tp.Full())
    return tp.Model(6, [tp.Dense(5, activation="relu"), tp.Dense(3)], **options)


def set_busy(model, word):
    model._image[fmt.MODEL_SPEC_BUSY : fmt.MODEL_SPEC_BUSY + 4] = word


class File:
    """A file that is written to, and what is done meanwhile."""

    def __init__(self, meanwhile):
        self.written, self.meanwhile = bytearray(), meanwhile

    def write(self, part):
        self.meanwhile()
        self.written.extend(part)
        return len(part)


def test_a_model_in_a_call_refuses_others():
    model, out = small_model(replay=9), array("f", [0] * 3)
    model.learn(X, 1)
    file = File(lambda: None)
    set_busy(model, IN_A_CALL)
    before = bytes(model._image)
    for call in (
        lambda: model.learn(X, 1),
        lambda: model.learn(list(X), 1),
        lambda: model.learn(X, "a new one"),
        lambda: model.learn_many(X, b"\1"),
        lambda: model.evaluate(X, b"\1"),
        lambda: model.predict(X),
        lambda: model.predict_into(X, out),
        lambda: model.predict_proba(X),
        lambda: model.knows(X),
        lambda: model.save(file),
        lambda: model.save("test_calls.tp"),  # which it does not even open
        lambda: setattr(model, "lr", 0.1),
        lambda: setattr(model, "input_range", None),
        model.reset,
    ):
        error = testkit.raises(RuntimeError, call)
        assert "another call" in str(error), error
        assert model._image == before and not file.written
    testkit.raises(OSError, tp.load, "test_calls.tp")
    set_busy(model, bytes(4))
    assert model.learn(X, 1)


def looks(model):
    model.summary()
    settings = model.lr, model.input_range, model.output_range, model.classes
    return model.stats(), model.check(), model.loss, settings, repr(model)


def test_what_only_looks_is_never_refused():
    model = small_model()
    model.learn(X, 1)
    free = looks(model)
    assert free[0]["steps"] == 1
    set_busy(model, IN_A_CALL)
    assert looks(model) == free


def test_another_model_while_one_is_saved():
    """Models do not know of each other: one is made, taught, saved and loaded meanwhile."""
    alone, others = small_model(), []
    alone.learn(X, 1)
    twin = File(lambda: None)
    alone.save(twin)

    def meanwhile():
        other = small_model()
        other.learn(X, 1)
        content = File(lambda: None)
        other.save(content)
        others.append(tp.load(io.BytesIO(content.written)))

    file = File(meanwhile)
    alone.save(file)
    assert file.written == twin.written and others
    assert all(testkit.saved(other) == testkit.saved(alone) for other in others)


def test_a_callback_between_two_steps():
    """It is never in the midst of one, so nothing is refused."""
    try:
        from micropython import schedule
    except ImportError:  # CPython has none
        return
    model, out, done = small_model(), array("f", [0] * 3), []

    def callback(i):
        model.learn(X, i % 3)
        model.learn(list(X), i % 3)
        model.predict_into(X, out)
        model.predict_proba(X)
        model.evaluate([X], [i % 3])
        model.save(File(lambda: None))
        model.lr = 0.1
        done.append(model.stats()["steps"])

    for i in range(20):
        schedule(callback, i)
        model.learn(X, i % 3)
        model.learn_many(X, bytes([i % 3]))
    for _ in range(100):  # the last one may wait for the end of a turn
        pass
    assert len(done) == 20 and model.stats()["steps"] == 80


def test_being_refused_allocates_nothing():
    model, out = small_model(), array("f", [0] * 3)
    model.learn(X, 1)
    set_busy(model, IN_A_CALL)
    for call in (
        lambda: model.learn(X, 1),
        lambda: model.predict(X),
        lambda: model.predict_into(X, out),
    ):
        heap_lock()
        try:
            call()
            error = None
        except Exception as e:
            error = e
        heap_unlock()
        assert type(error) is RuntimeError, type(error)


def test_learn_many_that_is_refused_midway_has_learned_what_came_before():
    class Between:
        """What looks like autosave, and is where another thread's call begins, after 3 samples."""

        left = 3

        def after(self, n, is_last):
            set_busy(model, IN_A_CALL)

    model, twin, y = small_model(), small_model(), b"\0\1\2\1\0"
    model._autosave = Between()
    error = testkit.raises(RuntimeError, model.learn_many, X * 5, y)
    assert "another call" in str(error), error
    assert model.stats()["steps"] == 3
    set_busy(model, bytes(4))
    model._autosave = None
    model.learn_many(X * 2, y[3:])
    twin.learn_many(X * 5, y)
    assert testkit.saved_but_loss(model) == testkit.saved_but_loss(twin)


def test_nothing_is_learned_while_it_is_saved():
    model = small_model()
    model.learn(X, 1)
    twin = File(lambda: None)
    model.save(twin)
    file = File(lambda: testkit.raises(RuntimeError, model.learn, X, 2))
    model.save(file)
    assert file.written == twin.written
    at = fmt.MODEL_SPEC_BUSY
    assert file.written[at : at + 4] == bytes(4)
    assert model.learn(X, 2)


def test_saving_that_fails_leaves_the_model_free():
    def fail():
        raise OSError(28)

    model = small_model()
    testkit.raises(OSError, model.save, File(fail))
    assert model.learn(X, 1)
    testkit.raises(ValueError, setattr, model, "lr", 7)
    assert model.learn(X, 1)


def test_buffers_in_the_model_are_refused():
    model = small_model(input_range=(0, 255))
    numbers = tp.Model(6, [tp.Dense(2)], loss="mse", input_range=(0, 9), output_range=(0, 9))
    for m, n_out in ((model, 3), (numbers, 2)):
        image = memoryview(m._image)
        before = bytes(image)
        out = array("f", [0] * n_out)
        good = b"\1" if m is model else bytes(2)
        for at in range(0, len(before) - 8, 16):
            x, y = image[at : at + 6], image[at : at + len(good)]
            for call, *arguments in (
                (m.learn, x, good),
                (m.learn, X, y),
                (m.learn_many, x, good),
                (m.evaluate, X, y),
                (m.predict_into, x, out),
            ):
                error = testkit.raises(ValueError, call, *arguments)
                assert "own memory" in str(error), error
        assert image == before


def test_a_class_number_that_is_far_too_large_is_refused():
    model = small_model()
    model.learn(X, 1)
    before = bytes(model._image)
    for label in (1 << 16, 1 << 31, 1 << 32, 1 << 40, (1 << 64) + 1, -1 << 40):
        for call, x, y in (
            (model.learn, X, label),
            (model.learn_many, X, [label]),
            (model.evaluate, [X], (label,)),
        ):
            error = testkit.raises(ValueError, call, x, y)
            assert str(error) == "y is %d, expected a class number, 0 to 2" % label, error
            assert model._image == before


def test_a_large_target_is_that_number():
    one = tp.Model(2, [tp.Dense(1)], loss="mse", input_range=(0, 1), output_range=(0, 2.0**41))
    two = tp.Model(2, [tp.Dense(1)], loss="mse", input_range=(0, 1), output_range=(0, 2.0**41))
    one.learn(b"\0\1", 1 << 40)
    two.learn(b"\0\1", [2.0**40])
    assert testkit.saved(one) == testkit.saved(two)


def test_samples_in_two_dimensions():
    x, y = data.samples(data.Blobs(6, 3), 4)
    rows = memoryview(bytes(x))
    if not hasattr(rows, "cast"):  # MicroPython's have one dimension
        return
    one, two = small_model(), small_model()
    assert one.learn_many(rows.cast("B", (4, 6)), y) == two.learn_many(x, y) == 4
    assert testkit.saved(one) == testkit.saved(two)
    for shape, expected in (
        ((6, 4), "x is of shape (6, 4), expected (4, 6)"),
        ((2, 12), "x is of shape (2, 12), expected (2, 6)"),
        ((4, 6), "y has 3 values, expected 4: 1 for each of 4 samples"),
    ):
        message = str(testkit.raises(ValueError, one.learn_many, rows.cast("B", shape), y[:3]))
        assert message == expected, message


def test_a_list_is_not_replaced_by_that_of_an_interrupt():
    lists = [[i, 0, i, 0, i, 0] for i in (1, 5)]

    class Interrupted(list):
        """Another call comes in the midst of its being read."""

        def __getitem__(self, i):
            if i == 3:
                model.predict(lists[1])
            return lists[0][i]

    model, twin = small_model(), small_model()
    for one in (model, twin):
        one.learn(lists[0], 1)
    model.learn(Interrupted(lists[0]), 2)
    twin.learn(lists[0], 2)
    assert testkit.saved(model) == testkit.saved(twin)


def test_threads():
    """Each step is either made or refused."""
    if not testkit.ON_A_PC:  # no second core is emulated
        return
    import _thread
    import time

    model, each, made, ended = small_model(), 300, [0, 0], [False, False]

    def work(i):
        while made[i] < each:
            try:
                made[i] += model.learn(X, i)
            except RuntimeError:
                pass
        ended[i] = True

    for i in range(2):
        _thread.start_new_thread(work, (i,))
    while not all(ended):
        time.sleep(0.01)
    assert model.stats()["steps"] == 2 * each


def made_anew(label):
    """What a model saves that is made, taught, saved and loaded."""
    model, file = small_model(), File(lambda: None)
    model.learn(X, label)
    model.save(file)
    return bytes(testkit.saved(tp.load(io.BytesIO(file.written))))


def test_threads_with_models_of_their_own():
    if not testkit.ON_A_PC:
        return
    import _thread
    import time

    want, found = [made_anew(0), made_anew(1)], [[], []]

    def work(i):
        try:
            while len(found[i]) < 40:
                found[i].append(made_anew(i))
        except Exception as e:
            found[i].append(e)
        found[i].append(None)

    for i in range(2):
        _thread.start_new_thread(work, (i,))
    while not all(each and each[-1] is None for each in found):
        time.sleep(0.01)
    for i in range(2):
        assert found[i] == [want[i]] * 40 + [None], found[i][-2]


if __name__ == "__main__":
    testkit.main(globals())
