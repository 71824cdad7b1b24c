"""What is remembered of which samples, and what is learned from them; in both backends."""

from array import array
from collections import Counter

import images
import numpy as np
import pytest
from _tinyprop_numpy import replay
from _tinyprop_numpy.format import Error
from images import BACKENDS, Image, Layer, dense

with_backends = pytest.mark.parametrize("backend", BACKENDS)


class Remembering:
    """A model that remembers; learn(x, y) as its backend does it."""

    def __init__(self, backend, places, n_in=2, layers=None, loss="crossentropy", **settings):
        self.backend, self.loss = BACKENDS[backend], loss
        shape = n_in if isinstance(n_in, tuple) else (1, 1, n_in)
        layers = layers or [dense(3, "relu"), dense(3)]
        settings = {"ranges": ([(0, 255)], []), "lr_shift": 30} | settings  # nothing moves
        self.buffer = images.build(self.backend, shape, layers, loss, replay=places, **settings)

    def learn(self, x, y):
        y = array("f", np.atleast_1d(y).tolist()) if self.loss == "mse" else y
        x = x if isinstance(x, bytes) else array("f", np.ravel(x).tolist())
        return self.backend.learn(self.buffer, x, y)

    @property
    def image(self):
        return Image(self.buffer)

    @property
    def memory(self):
        return replay.memory(self.image.twin)

    def remembered(self, c=0, n_classes=1):
        """Inputs of class c, in the order of their places."""
        kept = self.memory
        n = len(kept.inputs) // n_classes
        filled = min(int(kept.n_seen[c]), n)
        return kept.inputs[c * n : c * n + filled].tolist()


@with_backends
def test_each_class_has_as_many_places_as_any_other(backend):
    """Seven places for three classes: two of each, and one that is not used."""
    model = Remembering(backend, 7)
    for i in range(2):
        for y in (2, 0):
            model.learn(bytes([10 * y + i, 255 - i]), y)
    assert model.memory.n_seen.tolist() == [2, 0, 2]
    assert model.remembered(0, 3) == [[0, 255], [1, 254]]
    assert model.remembered(2, 3) == [[20, 255], [21, 254]]
    assert model.memory.labels.ravel().tolist()[:6] == [0, 0, 0, 0, 2, 2]


def test_each_sample_so_far_has_the_same_chance_to_be_there():
    """Of 60 samples of a class, 5 places: over 150 seeds each is there 12.5 times on average."""
    n, there, seeds = 60, Counter(), range(150)
    for seed in seeds:
        model = Remembering("c", 5, layers=[dense(1)], seed=seed)
        for i in range(n):
            model.learn(bytes([i, 1]), 0)
        kept = [i for i, _ in model.remembered()]
        assert len(set(kept)) == 5 and model.memory.n_seen.tolist() == [n]
        there.update(kept)
    expected = len(seeds) * 5 / n
    chi_squared = sum((there[i] - expected) ** 2 for i in range(n)) / expected
    assert chi_squared < 90  # 59 on average, and above 90 in one of 200


@pytest.mark.parametrize("n_known", [1, 2, 3])
def test_every_known_class_is_recalled_as_often(n_known):
    model = Remembering("numpy", 9)
    for y, times in ((0, 1), (1, 30), (2, 3))[:n_known]:
        for i in range(times):
            model.learn(bytes([y, i]), y)
    twin = model.image.twin
    recalled = [replay.recall(twin) for _ in range(3000)]
    labels = Counter(int(label[0]) for _, label in recalled)
    assert all(abs(labels[y] - 3000 / n_known) < 150 for y in range(n_known))
    for y in range(n_known):
        places = Counter(tuple(x) for x, label in recalled if label[0] == y)
        assert sorted(map(list, places)) == sorted(model.remembered(y, 3))
        assert max(places.values()) < 1.4 * min(places.values())


@with_backends
def test_two_steps_on_remembered_samples_follow_each_new_one(backend):
    """They move weights, and count as work, but not as samples."""
    model, other = Remembering(backend, 6, lr_shift=8), Remembering(backend, 0, lr_shift=8)
    for i in range(5):
        model.learn(bytes([50 * i, 255 - 9 * i]), i % 3)
        other.learn(bytes([50 * i, 255 - 9 * i]), i % 3)
    head, without = model.image.head, other.image.head
    assert (head.steps, head.loss_count, head.n_replayed) == (5, 1, 10)
    assert head.macs_dense == 3 * without.macs_dense and head.trained == 3 * without.trained == 15
    assert head.skipped == 0 and without.n_replayed == 0
    assert (model.image.weights(1) != other.image.weights(1)).any()


@with_backends
def test_skipped_samples_are_remembered_too(backend):
    model = Remembering(backend, 6, skip=1 << 14)  # all are known already
    assert model.learn(bytes([9, 9]), 1) == 0
    head = model.image.head
    assert (head.skipped, head.n_replayed, head.trained) == (1, 2, 0)
    assert model.remembered(1, 3) == [[9, 9]]


@with_backends
def test_what_frozen_layers_make_of_x_is_remembered(backend):
    layers = [Layer("conv", 2, (2, 2), activation="relu", trainable=0), dense(4, "tanh"), dense(3)]
    model = Remembering(backend, 6, (4, 4, 1), layers)
    x = np.random.default_rng(1).integers(0, 256, 16).astype(np.uint8)
    model.learn(bytes(x), 2)
    kept = model.remembered(2, 3)[0]
    assert len(kept) == 3 * 3 * 2 and any(kept)
    if backend == "c":
        assert kept == model.image.outputs(0).tolist()
    assert model.image.head.replay_frac == model.image.layers[0].y_frac


@with_backends
def test_another_format_of_what_frozen_layers_give_forgets_all(backend):
    layers = [dense(4, "linear", trainable=0), dense(3)]
    model = Remembering(backend, 9, 2, layers)
    for i in range(3):
        model.learn(bytes([i, 99]), 1)
    assert model.memory.n_seen.tolist() == [0, 3, 0]
    model.image.layers[0].y_frac -= 1
    model.learn(bytes([3, 99]), 1)
    assert model.memory.n_seen.tolist() == [0, 1, 0]


@with_backends
def test_inputs_of_12_bits_are_remembered_in_8(backend):
    layers, ranges = [dense(3, "tanh"), dense(2)], ([(-1, 1)], [(-1, 1)])
    model = Remembering(backend, 4, 3, layers, "mse", ranges=ranges)
    model.learn([0.5, -0.31, 1.99], [0.25, -3])
    x = np.array([512, -317, 2038])
    assert model.remembered()[0] == np.rint(x / 16).tolist()  # to nearest: no answer is biased
    assert model.memory.labels[0].tolist() == [4096, -32767]
    twin = model.image.twin
    recalled, label = replay.recall(twin)
    assert np.abs(recalled - x).max() <= 8 and label.tolist() == [4096, -32767]
    model.learn([-2, 2, 1.98], [0, 0])
    assert model.remembered()[1] == [-127, 127, 127]


def map_of(model):
    """(zero, 1.0) of the learned ranges of inputs, and of the output, in the user's units."""
    for which in (0, 1):
        r = model.image.learned(which)
        of_frac = 2.0 ** -r["frac"].astype(int)
        yield r["zero"] * of_frac, 2.0 ** r["shift"] * of_frac


@with_backends
@pytest.mark.parametrize("n_in, below", [(3, []), ((2, 2, 3), []), ((2, 2, 3), ["maxpool"])])
def test_what_is_remembered_follows_the_ranges(backend, n_in, below):
    """When a map moves, what was remembered stays for the same values; below a pool, too."""
    random = np.random.default_rng(2)
    scale, n = np.array([1, 30, 0.01]), 12 if isinstance(n_in, tuple) else 3
    layers = [Layer("conv", 2, (1, 1)), dense(1)] if n == 12 else [dense(2, "tanh"), dense(1)]
    layers = [Layer(pool, 0, (1, 1)) for pool in below] + layers
    model = Remembering(backend, 100, n_in, layers, "mse", ranges=([], []))
    shown, maps, n_compared = [], set(), 0
    for i in range(60):
        width, level = (1, 0) if i < 20 else (2, 3)
        x = (random.normal(level, width, n) * np.resize(scale, n)).astype(np.float32)
        y = np.float32(random.normal(100 * level, 10 * width))
        model.learn(x, y)
        shown.append([np.append(x, y), True])
        zero, unit = (np.append(np.resize(v, n), w) for v, w in zip(*map_of(model), strict=True))
        maps.add((tuple(zero), tuple(unit)))
        kept = model.memory
        for place, sample in enumerate(shown):
            values = (sample[0] - zero) / unit
            # What was beyond a range once is not known any more.
            sample[1] = sample[1] & (np.abs(values) < 1.95)
            now = np.append(kept.inputs[place] / 64, kept.labels[place] / 2**14)
            off = np.abs(now - values)[sample[1]]
            assert (off < 0.1).all(), (i, place)
            n_compared += off.size
    assert n_compared > 3000
    assert len(maps) > 3


@with_backends
def test_blocks_of_a_class_are_not_forgotten(backend):
    """20 of one class, then 20 of the next: with a memory the first is still known."""
    known = {}
    for places in (0, 30):
        layers = [dense(8, "relu"), dense(3)]
        settings = {"auto_rate": 1, "lr_mantissa": 26, "lr_shift": 8}
        model = Remembering(backend, places, 4, layers, ranges=([], []), **settings)
        random = np.random.default_rng(3)
        centres = random.normal(0, 3, (3, 4))
        for y in range(3):
            for _ in range(20):
                model.learn(random.normal(centres[y], 1), y)
        right = 0
        for y in range(3):
            for _ in range(10):
                x = array("f", random.normal(centres[y], 1).tolist())
                right += model.backend.predict(model.buffer, x, None) == y
        known[places] = right
    assert known[30] >= 27 and known[30] > known[0]


MODELS = {
    "12 bits": (3, [dense(5, "tanh"), dense(2)], "mse"),
    "8 bits": (70, [dense(5, "relu"), dense(2)], "mse"),
    "conv": ((4, 3, 2), [Layer("conv", 3, (2, 2), activation="relu"), dense(3)], "crossentropy"),
    "frozen": (5, [dense(8, "relu", trainable=0), dense(6, "tanh"), dense(3)], "crossentropy"),
}


@pytest.mark.parametrize("name", MODELS)
def test_both_backends_remember_and_learn_the_same(name):
    n_in, layers, loss = MODELS[name]
    settings = {"ranges": ([], []), "auto_rate": 1, "lr_shift": 6}
    models = [Remembering(backend, 7, n_in, layers, loss, **settings) for backend in BACKENDS]
    random = np.random.default_rng(4)
    for i in range(40):
        x = random.normal(0, 1 + i / 9, int(np.prod(n_in)))
        y = random.normal(i, 3, 2) if loss == "mse" else i % 3
        assert len({model.learn(x, y) for model in models}) == 1
        one, two = (model.buffer for model in models)
        assert images.saved(one) == images.saved(two), images.difference(one, two)


# ---- distances to what is remembered

FAR = 0xFFFFFFFF


def asked(model, of):
    """(doubt, distances)"""
    squares = array("I", [7] * model.image.head.replay)
    of = of if isinstance(of, (bytes, int)) else array("f", np.ravel(of).tolist())
    before = images.saved(model.buffer)
    doubt = model.backend.distances(model.buffer, of, squares)
    assert images.saved(model.buffer) == before
    return doubt, list(squares)


def distances(model, of):
    return asked(model, of)[1]


def squares_of(a, b):
    return ((np.asarray(a, int) - np.asarray(b, int)) ** 2).sum(-1).tolist()


@with_backends
def test_distances_are_those_of_the_remembered_inputs(backend):
    """Of what is remembered in 7 places for 3 classes, one is not used."""
    model = Remembering(backend, 7, 5)
    random = np.random.default_rng(4)
    x = random.integers(0, 256, (5, 5)) * (random.random((5, 5)) < 0.7)  # zeros are in no list
    for sample, y in zip(x, (0, 2, 2, 0, 1), strict=True):
        model.learn(bytes(sample.tolist()), y)
    places = [x[0], x[3], x[4], None, x[1], x[2], None]
    for of in (x[1], 255 - x[1]):
        expected = [FAR if p is None else squares_of(p, of) for p in places]
        assert distances(model, bytes(of.tolist())) == expected
    for place, p in enumerate(places):
        others = {i for i in range(7) if i // 2 == place // 2} - {place}  # of its class
        expected = [
            FAR if p is None or q is None or i not in others else squares_of(p, q)
            for i, q in enumerate(places)
        ]
        assert distances(model, place) == expected


@with_backends
def test_the_largest_distance_has_room(backend):
    model = Remembering(backend, 2, 65534, [dense(2)])
    model.learn(bytes(65534), 1)
    assert distances(model, bytes([255]) * 65534) == [FAR, 65534 * 255**2]
    assert 65534 * 255**2 < FAR


@with_backends
@pytest.mark.parametrize("loss", ["crossentropy", "mse"])
def test_distances_of_signed_inputs_and_of_12_bits(backend, loss):
    layers, ranges = [dense(3, "tanh"), dense(2)], ([(-1, 1)], [(-1, 1)] * (loss == "mse"))
    model = Remembering(backend, 4, 3, layers, loss, ranges=ranges)
    model.learn([0.5, -0.31, -0.9], 1 if loss == "crossentropy" else [0.25, -3])
    other = Remembering(backend, 4, 3, layers, loss, ranges=ranges)
    other.learn([-0.7, 0, 0.9], 1 if loss == "crossentropy" else [0.25, -3])
    place = 2 if loss == "crossentropy" else 0
    kept = [m.memory.inputs[place].astype(int) for m in (model, other)]
    assert (kept[0] < 0).any()
    assert distances(model, [-0.7, 0, 0.9])[place] == squares_of(*kept)


@with_backends
def test_distances_are_of_what_frozen_layers_make_of_x(backend):
    layers = [Layer("conv", 2, (2, 2), activation="relu", trainable=0), dense(4, "tanh"), dense(3)]
    random = np.random.default_rng(1)
    a, b = (bytes(random.integers(0, 256, 16).tolist()) for _ in range(2))
    model, other = (Remembering(backend, 6, (4, 4, 1), layers) for _ in range(2))
    model.learn(a, 2)
    other.learn(b, 2)
    expected = squares_of(model.memory.inputs[4], other.memory.inputs[4])
    assert expected > 0 and distances(model, b) == [FAR] * 4 + [expected, FAR]
    model.image.layers[0].y_frac -= 1  # what is remembered is in another format
    assert distances(model, b) == [FAR] * 6


@with_backends
def test_distances_of_maps(backend):
    layers = [Layer("conv", 2, (2, 2), activation="relu"), dense(3)]
    model = Remembering(backend, 3, (4, 4, 1), layers)
    a, b = bytes(range(0, 160, 10)), bytes(range(255, 95, -10))
    model.learn(a, 1)
    assert distances(model, b) == [FAR, squares_of(list(a), list(b)), FAR]


@with_backends
def test_bad_questions_about_distances(backend):
    model, without = Remembering(backend, 6), Remembering(backend, 0)
    core, out = model.backend, array("I", [0] * 6)
    unknown = Remembering(backend, 6, ranges=([], []))
    for buffer, of, to, error in (
        (model.buffer, bytes(2), array("I", [0] * 5), Error.OUT),
        (model.buffer, bytes(2), array("f", [0] * 6), Error.OUT),
        (model.buffer, bytes(2), bytes(24), Error.OUT),
        (without.buffer, bytes(2), array("I", []), Error.OUT),
        (model.buffer, bytes(3), out, Error.X_LENGTH),
        (model.buffer, "ab", out, Error.X_TYPE),
        (model.buffer, 6, out, Error.X_TYPE),
        (unknown.buffer, bytes(2), out, Error.NO_RANGE),
    ):
        assert core.distances(buffer, of, to) == error


@with_backends
@pytest.mark.parametrize("frozen", [False, True])
def test_doubt_is_what_the_largest_probability_lacks(backend, frozen):
    """Of x, and of the same sample as it is remembered."""
    layers = [Layer("conv", 2, (2, 2), activation="relu", trainable=not frozen)]
    layers += [Layer("maxpool", 0, (2, 2), (2, 2)), dense(5, "relu"), dense(3)]
    model = Remembering(backend, 9, (5, 5, 1), layers)
    random = np.random.default_rng(3)
    x = [bytes(random.integers(0, 256, 25).tolist()) for _ in range(9)]
    for i, sample in enumerate(x):
        model.learn(sample, i // 3)
    scores, doubts = array("f", [0] * 3), []
    for place, sample in enumerate(x):
        model.backend.predict(model.buffer, sample, scores)
        doubts.append(asked(model, sample)[0])
        assert doubts[-1] == round((1 - max(scores)) * (1 << 14))
        assert asked(model, place)[0] == doubts[-1]
    assert len(set(doubts)) > 3


@with_backends
def test_numbers_are_not_doubted(backend):
    model = Remembering(backend, 3, 2, [dense(4, "relu"), dense(1)], "mse")
    model.learn([0.5, 0.25], [1])
    assert asked(model, [0.1, 0.2])[0] == asked(model, 0)[0] == 0


@with_backends
def test_nothing_is_near_if_the_inputs_have_another_format_by_now(backend):
    model = Remembering(backend, 4, 3)
    model.learn(bytes([1, 2, 3]), 0)
    model.image.head.replay_frac += 1
    for of in (bytes([1, 2, 3]), 0):
        assert distances(model, of) == [FAR] * 4
