from array import array

import data
import testkit
import tinyprop as tp

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # CPython cannot tell

    def heap_lock():
        pass

    heap_unlock = heap_lock


def locked(function):
    """Calls function while the heap is locked: MemoryError if it allocates anything."""
    heap_lock()
    try:
        return function()
    finally:
        heap_unlock()


def test_classes():
    layers = [tp.Conv2D(2, 3, activation="relu"), tp.MaxPool2D(), tp.Dense(3)]
    model = tp.Model((6, 6, 1), layers, input_range=(0, 255))
    blobs = data.Blobs(36, 3)
    out = array("f", [0] * 3)
    x, y = data.samples(blobs, 50)
    as_list = list(blobs.x)
    model.learn(as_list, 1)  # makes the array that lists are copied to
    for _ in range(30):
        label = blobs.next()
        locked(lambda y=label: model.learn(blobs.x, y))
        locked(lambda y=label: model.learn(as_list, y))
        assert 0 <= locked(lambda: model.predict(blobs.x)) < 3
        locked(lambda: model.predict_into(blobs.x, out))
    locked(lambda: model.learn_many(x, y))


def test_targets():
    layers = [tp.Dense(6, activation="tanh"), tp.Dense(4)]
    model = tp.Model(4, layers, loss="mse", input_range=(-1, 1), output_range=(-1, 1))
    x, out = array("f", [0.5, -0.5, 0, 1]), array("f", [0] * 4)
    for _ in range(30):
        locked(lambda: model.learn(x, x))
        locked(lambda: model.predict_into(x, out))


def test_learned_ranges():
    classes = tp.Model(4, [tp.Dense(6, activation="relu"), tp.Dense(4)])
    numbers = tp.Model(4, [tp.Dense(6, activation="relu"), tp.Dense(4)], loss="mse")
    x, out = array("f", [0] * 4), array("f", [0] * 4)
    for step in range(30):
        for i in range(4):
            x[i] = step * i % 7 + 1000 * i
        locked(lambda y=step % 4: classes.learn(x, y))
        locked(lambda: numbers.learn(x, x))
        for model in (classes, numbers):
            locked(lambda m=model: m.predict_into(x, out))


def test_windows():
    """Of the largest readings, whose sums and squares a board has to hold in 31 bits."""
    window, line = tp.Window(256, hop=64, axes=3), tp.Window(256)
    ends = [array("h", [a, b, -32768]) for a in (-32768, 32767) for b in (-32768, 32767, 0)]
    for i in range(300):
        reading = ends[i % 6]
        assert locked(lambda r=reading: window.push(r)) == (i == 255)
        locked(lambda v=reading[i % 3]: line.push(v))


if __name__ == "__main__":
    testkit.main(globals())
