"""The Python half reads images as the specification does, and what check() goes by."""

import contextlib
import gc
import io
import re
from array import array

import compiling
import images
import numpy as np
import pytest
import random_models
import tinyprop as tp
import tinyprop_check
import tinyprop_state
import tinyprop_words
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import progress, rate, replay
from headers import tp_layer_t
from hypothesis import assume, given, settings

from host_sim import internals

DENSE = [tp.Dense(8, activation="relu"), tp.Dense(5, activation="tanh"), tp.Dense(3)]
CONV = [
    tp.Conv2D(3, 3, activation="relu"),
    tp.DepthwiseConv2D(2, padding="same", activation="relu"),
    tp.MaxPool2D(2),
    tp.Dense(7, activation="relu", trainable=False),
    tp.AvgPool2D(1),
    tp.Dense(4),
]
GIVEN = {"input_range": (0, 255)}
MODELS = {
    "dense": lambda: tp.Model(11, DENSE),
    "given": lambda: tp.Model(11, DENSE, **GIVEN, replay=9),
    "numbers": lambda: tp.Model(11, DENSE, loss="mse", replay=5),
    "numbers given": lambda: tp.Model(11, DENSE, loss="mse", output_range=[(0, 1)] * 3),
    "conv": lambda: tp.Model((8, 9, 2), CONV, replay=13),
    "series": lambda: tp.Model((20, 3), [tp.Conv1D(5, 3, 2, activation="relu"), tp.Dense(2)]),
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


def test_places_are_those_of_the_specification(model):
    opened, places = internals.view(model), tinyprop_state._places(model)
    weighted = [layer for layer in opened.layers if layer.has_weights]
    for place, layer in zip(places, weighted, strict=True):
        assert opened.layers[place.i] is layer
        assert (place.weights, place.sums) == (layer.weights_offset, layer.sums_offset)
        assert (place.n_sums, place.units) == (layer.n_means, layer.out_c)
        layer.state.energy = 256 * (7 + place.i)
        assert place.energy() == 7 + place.i
        assert place.trained == layer.trainable
    assert places[-1].end == opened.tally_offset
    replay = len(model._saved()) - opened.tally_offset - 4 * opened.output.n_out
    assert model._replay_bytes() == replay and (replay > 0) == (opened.spec.replay > 0)


@pytest.mark.parametrize("loss", fmt.LOSS_NAMES)
def test_rates_are_those_of_the_specification(loss):
    random, same = np.random.default_rng(1), []
    model = tp.Model(4, [tp.Dense(3), tp.Dense(2)], loss=loss)
    for steps in (0, 1, 100, 511, 512, 2000, 2047, 2048, 10**6):
        internals.view(model).state.steps = steps
        for _ in range(50):
            opened, expected = internals.view(model), []
            if loss == "mse":
                opened.state.error = random.integers(1 << 28)
                opened.learned[1]["spread"] = random.integers(1 << 20, 1 << 21, 2)
                opened.learned[1]["shift"] = random.integers(21, 23, 2)
                opened.state.n_seen = np.array([0, 128])
            for layer in opened.layers:
                layer.state.energy = int(256 * 2 ** random.uniform(0, 20))
                rate.set_rate(opened, layer, rate.brake(opened, progress.left_to_learn(opened)))
                expected.append(layer.lr_mantissa / 2**layer.lr_shift)
            got = model.stats()["rates"]
            assert all(g in (e, e / 2) for g, e in zip(got, expected, strict=True)), steps
            same.append(got == expected)
    assert np.mean(same) > 0.97  # the core uses but 8 bits of an energy
    assert tp.Model(4, [tp.Dense(2)]).stats()["rates"] == [None]


def test_a_unit_is_dead_if_its_sums_are_1_at_most():
    for sums, dead in (([0, 1, 2, 256], 2), ([1, 1, 0, 0], 4), ([255, 256, 512, 65280], 0)):
        model = tp.Model(2, [tp.Dense(4, activation="relu"), tp.Dense(2)])
        top = internals.view(model).layers[1]
        top.sums[:] = sums
        top.state.n_summed = 63
        assert model.stats()["dead"] == [0, 0]
        top.state.n_summed = 64
        assert model.stats()["dead"] == [dead, 0]
    layers = [tp.Conv2D(3, 2, activation="relu"), tp.MaxPool2D(2), tp.Dense(2)]
    model = tp.Model((5, 5, 1), layers)
    top = internals.view(model).layers[2]
    top.state.n_summed = 64
    top.sums[:] = [0, 1, 1] * 3 + [0, 9, 1]
    assert model.stats()["dead"] == [2, 0, 0]


def confused(**options):
    """A model that has learned 100 samples of noise with labels drawn by lot."""
    random = np.random.default_rng(2)
    model = tp.Model(6, [tp.Dense(8, activation="relu"), tp.Dense(2)], **options)
    model.learn_many(random.normal(0, 1, (100, 6)).astype("f4"), random.integers(0, 2, 100))
    return model


def test_a_layer_that_gives_the_same():
    for energy, norm, same in ((288, 0, 1), (288, 1, 0), (288, 5, 1), (289, 0, 0), (0, 0, 0)):
        model = confused()
        state = internals.view(model).layers[1].state
        assert tinyprop_check._Facts(model).wrong > 0.75
        state.energy = energy
        state.norm = int(norm * 4**state.x_frac)
        assert ["Layer 0 gives the same" in text for text in model.check()] == [True] * same


def test_a_rate_is_not_blamed_where_little_is_wrong():
    for lr, word in ((0.9, "too high"), (1e-4, "too low")):
        model = confused(lr=lr)
        assert word in model.check()[0]
        internals.view(model).state.error = int(0.16 * 2**28)
        assert word in model.check()[0]
        internals.view(model).state.error = int(0.14 * 2**28)
        assert model.check() == []


def test_a_low_rate_is_not_blamed_after_many_steps():
    model = confused(lr=0.004)
    found = [place.energy() for place in tinyprop_state._places(model)]
    needs = max(0.1 / q**0.5 for q in found)
    assert 5 * 0.004 < needs
    state = internals.view(model).state
    until_settled = sum(3 / (1 + min(t, 512) / 256) for t in range(512)) * needs / model.lr
    for share, steps, blamed in (
        (0.9, 0.98 * until_settled, True),
        (0.9, 100 * until_settled, True),
        (0.7, 0.98 * until_settled, True),
        (0.7, 1.05 * until_settled, False),
    ):
        state.steps, state.error = int(steps), int(share / 2 * 2**28)
        state.least_error = state.error
        internals.view(model).tally[:] = int(steps)
        assert any("too low" in text for text in model.check()) == blamed, (share, steps)


def test_numbers_are_compared_with_the_mean_distance_from_their_centre():
    random = np.random.default_rng(3)
    x = random.normal(0, 1, (1200, 2)).astype("f4")
    for width in (100, 110):  # where a range is wide, and where it is narrow
        model = tp.Model(2, [tp.Dense(4, activation="relu"), tp.Dense(2)], loss="mse")
        model.learn_many(x, random.uniform(0, width, (1200, 2)).astype("f4"))
        assert tinyprop_check._Facts(model).wrong == pytest.approx(1, abs=0.15)
        assert "no better than guessing" in model.check()[0]
        model = tp.Model(2, [tp.Dense(2)], loss="mse", output_range=(0, width))
        model.learn_many(x, random.uniform(0, width, (1200, 2)).astype("f4"))
        assert model.check() == []  # who knows what guessing would be


def test_what_is_remembered_contradicts_another_meaning_of_y():
    """The model is told to forget it, and that helps."""
    x = np.random.default_rng(6).random((6000, 2)).astype("f4")
    y = 10 * x.sum(1)
    layers = [tp.Dense(16, activation="relu"), tp.Dense(1)]
    model = tp.Model(2, layers, loss="mse", replay=100)
    model.learn_many(x[:3000], y[:3000])
    model.learn_many(x[3000:], 30 - y[3000:])
    assert "what it remembers contradicts what comes now" in model.check()[-1]
    file = io.BytesIO()
    model.save(file)
    again = tp.load(io.BytesIO(file.getvalue()))
    again.learn_many(x[3000:], 30 - y[3000:])
    assert again.check() == [] and again.stats()["error"] < model.stats()["error"] / 4


def test_reset_leaves_the_image_of_a_new_model():
    new = tp.Model(11, DENSE, **GIVEN)
    model = tp.Model(11, DENSE, **GIVEN)
    model.learn_many(np.arange(110, dtype="u1"), bytes(range(3)) * 3 + b"\0")
    model.reset()
    assert model._image == new._image
    with pytest.raises(ValueError, match="seed is 1073741824"):
        model.reset(1 << 30)


def test_reset_keeps_what_is_remembered():
    model = tp.Model(11, DENSE, replay=9)
    x = np.random.default_rng(4).normal(0, 1, (60, 11)).astype("f4")
    model.learn_many(x, bytes(range(3)) * 20)
    model.reset()
    assert replay.memory(internals.view(model)).n_seen.tolist() == [20, 20, 20]
    model.learn(x[0], 1)
    assert replay.memory(internals.view(model)).n_seen.tolist() == [20, 21, 20]


def test_files_of_other_kinds_are_told_apart():
    file = io.BytesIO()
    tp.Model(3, [tp.Dense(2)]).save(file)
    whole = file.getvalue()
    other = bytearray(whole)
    other[fmt.MODEL_SPEC.fields["version"][1]] = 3
    for content, says in (
        (b"", "the file is empty"),
        (b"a" * 300, "no tinyprop model"),
        (whole[:4], "damaged or cut short"),
        (bytes(other)[:39], "damaged or cut short"),
        (bytes(other), f"a model of version 3, expected {fmt.VERSION}"),
        (whole[:30], "damaged or cut short"),
        (whole[:-1], "damaged or cut short"),
    ):
        with pytest.raises(ValueError, match=says):
            tp.load(io.BytesIO(content))


@pytest.mark.parametrize("seed", [1, 2])
def test_labels_by_chance_are_told_however_long_they_last(seed):
    """Units die in the end; but the rate is not to blame."""
    random = np.random.default_rng(seed)
    model = tp.Model(3, [tp.Dense(16, "relu"), tp.Dense(4)], seed=seed)
    for steps in 1000, 4000, 60000:
        x, y = random.normal(size=(steps, 3)).astype("f4"), random.integers(0, 4, steps)
        model.learn_many(x, y.astype("i4"))
        (said,) = model.check()
        assert "no better than guessing" in said


# ---- what takes the room


def numbers_in(table):
    """Of each line of a summary's table the numbers behind its name and shape, without those in
    brackets."""
    rows = [line[31:].split("  (frozen)")[0] for line in table]
    return [[int(word) for word in row.split() if word[0] != "("] for row in rows]


@pytest.mark.parametrize("classes", [None, ["up", "left over", "unten, ä"]])
def test_a_summary_tells_the_bytes_of_a_file(classes):
    model, file, out = tp.Model(2, [tp.Dense(3)], classes=classes), io.BytesIO(), io.StringIO()
    model.save(file)
    with contextlib.redirect_stdout(out):
        model.summary()
    assert f" {len(file.getvalue())} bytes as a file\n" in out.getvalue()


@given(random_models.models())
@settings(max_examples=150, database=None, deadline=None)
def test_the_bytes_of_a_summary_come_to_all_of_them(asked):
    """And each part is as large as the plan that a call leaves in the image has it."""
    size, shapes = images.layout(images.BACKENDS["c"], images.spec(**asked))
    image = size > 0 and images.new(images.BACKENDS["c"], **asked)
    assume(image and images.BACKENDS["c"].init(image, 1) == 0)
    model = object.__new__(tp.Model)
    model._attach(image, array("I", shapes.flatten().tolist()))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        model.summary()
    head, *table, last, macs = out.getvalue().splitlines()
    weights, ram, file = (int(word) for word in last.split() if word.isdigit())
    n, n_shared = len(asked["layers"]), 2 + (asked["replay"] > 0)
    assert len(table) == n + n_shared - 1
    numbers = numbers_in(table)
    assert sum(row[0] for row in numbers[:n]) == weights
    of_layers = [row[1:] for row in numbers[:n]]
    learned, work = numbers[n]
    assert sum(map(sum, of_layers)) + learned + work + sum(sum(r) for r in numbers[n + 1 :]) == ram
    assert ram == len(image)
    assert sum(row[0] for row in of_layers) + learned + 4 == file
    plan = 104 * n + 16 * sum(len(ranges) for ranges in asked["ranges"])
    turns = shapes[:, 6].tolist()
    assert max(turns) <= work - plan <= sum(turns)
    # What the plan in the image has of each layer lies in that layer's part, going up.
    images.BACKENDS["c"].run(image, b"", b"", 0, 0, 0, False)
    saved = images.Image(image).head.saved_bytes
    at = saved + plan
    for i in range(n):
        end = at + of_layers[i][1]
        layer = tp_layer_t.from_buffer(image, saved + 104 * i)
        own = [layer.outputs, layer.which, layer.nonzero] + [layer.inputs] * (i == 0)
        assert (layer.inputs or i) and all(at <= n < end for n in own if n), (asked, i)
        at = end


def test_the_parts_of_a_model():
    """As plan.c draws them."""
    layers = [tp.Conv2D(3, 3), tp.AvgPool2D(2), tp.Dense(4, "relu"), tp.Dense(2)]
    shapes = np.array(tp.Model((8, 8, 2), layers)._shapes).reshape(4, 7)
    conv, pool, dense, last = shapes[:, 4:].tolist()
    # 9 x 2 x 3 weights, biases, sums and means of 2 channels; inputs, and 6 x 6 x 3 deltas.
    assert conv[:2] == [108 + 12 + 4 + 2 + 2, 128 + 2 * 108]
    # 3 x 3 x 3 values, and a row of 6 x 3 errors.
    assert pool == [0, 27 + 1, 4 * 18]
    # 27 + 1 rows of weights, biases, sums and means; 4 values.
    assert dense[:2] == [2 * 28 * 4 + 16 + 3 * 27 + 3, 2 * 4]
    # Selected deltas or the list of 4 inputs, the larger; sums and deltas of 2 values.
    assert last == [2 * 5 * 2 + 8 + 3 * 4, 0, 4 * (4 + 2) + 4 * 2]


class Heap:
    """gc of MicroPython, with so many bytes free."""

    def __init__(self, free):
        self.free = free

    def mem_free(self):
        return self.free


def no_room(*arguments, free=5000, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tinyprop_words, "gc", Heap(free))
        patch.setattr(tp, "bytearray", refuse, raising=False)
        with pytest.raises(MemoryError) as refusal:
            tp.Model(*arguments, **options)
    return str(refusal.value)


def refuse(n_bytes):
    if isinstance(n_bytes, int):
        raise MemoryError
    return bytearray(n_bytes)


def test_a_new_model_leaves_the_garbage_of_a_pc_alone(monkeypatch):
    """To look at all that numpy, pandas and a browser have would take longer than to learn."""
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("it collects garbage"))
    model = tp.Model(2, DENSE)
    file = io.BytesIO()
    model.save(file)
    tp.load(io.BytesIO(file.getvalue()))


def test_too_little_room():
    dense, conv = [tp.Dense(32, "relu"), tp.Dense(2)], [tp.Conv2D(4, 3), tp.Dense(2)]
    depthwise = [tp.DepthwiseConv2D(120, padding="same"), tp.MaxPool2D(9), tp.Dense(2)]
    pool = [tp.MaxPool2D(4), tp.Dense(2)]
    for shape, layers, options, says in (
        (784, dense, {}, "layer 0, Dense(32, activation='relu'): it is smaller with fewer units"),
        ((30, 30, 8), [tp.Conv2D(9, 3), *pool], {}, "layer 0, Conv2D(9, 3): .* fewer filters"),
        (
            (90, 90, 2),
            depthwise,
            {},
            "layer 0, DepthwiseConv2D(120, padding='same'): .* strides=2",
        ),
        ((90, 90, 8), pool, {}, "layer 0, MaxPool2D(4): .* a larger pool_size"),
        ((9, 9, 1), conv, {"replay": 300}, "replay=300: it is smaller with fewer samples"),
        (999, dense[1:], {}, "the ranges of x: it is smaller with input_range=(lo, hi)"),
    ):
        model = tp.Model(shape, layers, **options)
        said = no_room(shape, layers, **options)
        size = len(model._image)
        begins = f"this model needs {size} bytes of RAM in one piece, 5000 are free: {size - 5000}"
        assert said.startswith(begins + " are missing. The largest part, "), said
        assert re.search(re.escape(says).replace(r"\.\*", ".*"), said), said
    said = no_room(784, [tp.Dense(200, "relu"), tp.Dense(3)], free=148800)
    assert said in " ".join((compiling.ROOT / "docs/api.md").read_text().split())
    said = no_room(784, dense, free=10**6)
    assert "1000000 are free, but in pieces. The largest part" in said


def test_more_than_there_can_be():
    for shape, layers, options, says in (
        (60000, [tp.Dense(30000), tp.Dense(2)], {}, "layer 0: Dense.* more than 2\\^28 times"),
        (4000, [tp.Dense(65000)] * 2 + [tp.Dense(2)], {}, "layer 1: Dense.* more than 2\\^28"),
        (9, [tp.Dense(4), *[tp.Dense(65000)] * 2], {}, "layer 2: Dense.* input of 1 x 1 x 65000"),
        ((256, 256, 1), [tp.Dense(2)], {}, "layer 0: Dense.* has more than 65534 values with"),
        ((250, 250, 1), [tp.Conv2D(4, 3), tp.Dense(2)], {}, "layer 0: Conv.* than 65534 values"),
        (60000, [tp.Dense(2)], {"replay": 65535}, "more than 2 GB: remember fewer samples"),
    ):
        with pytest.raises(ValueError, match=says):
            tp.Model(shape, layers, **options)


def test_a_seed_has_30_bits():
    tp.Model(2, DENSE, seed=(1 << 30) - 1)
    for seed in (1 << 30, -1, 1.0):
        with pytest.raises(ValueError, match="seed is .*, expected an integer of 0 to 1073741823"):
            tp.Model(2, DENSE, seed=seed)


@pytest.mark.parametrize("n, named", [(32, True), (33, False)])
def test_one_value_that_never_moves_is_a_sensor_if_there_are_few(n, named):
    model, random = tp.Model(n, DENSE), np.random.default_rng(1)
    for y in random.integers(0, 3, 200):
        x = (random.random(n) + y).astype("f4")
        x[5] = 7
        model.learn(x, int(y))
    assert any("Value 5 of x has not moved" in sentence for sentence in model.check()) == named


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: tp.Dense(0), "units"),
        (lambda: tp.Conv2D(0, 3), "filters"),
        (lambda: tp.Conv1D(0, 3), "filters"),
    ],
)
def test_a_count_that_is_none_is_named(make, name):
    with pytest.raises(ValueError, match=f"^{name} is 0, expected an integer of 1 to 65534"):
        make()


@pytest.mark.parametrize(
    "text",
    [
        "Conv1D(4, 5, strides=2)",
        "Conv1D(4, 1, strides=2)",
        "MaxPool1D(3)",
        "AvgPool1D(2)",
        "MaxPool2D((2, 1))",
        "AvgPool2D(2)",
    ],
)
def test_a_layer_is_shown_as_it_is_written(text):
    assert repr(eval("tp." + text)) == text


def test_pools_of_a_series():
    for of_series, of_maps in (tp.MaxPool1D, tp.MaxPool2D), (tp.AvgPool1D, tp.AvgPool2D):
        assert of_series().spec == of_maps((1, 2)).spec
        assert of_series(5).spec == of_maps((1, 5)).spec
        with pytest.raises(ValueError, match=r"^pool_size is \(1, 2\), expected an integer of 1"):
            of_series((1, 2))


def test_what_is_said_of_a_layer_that_is_not_for_a_series():
    with pytest.raises(ValueError) as error:
        tp.Model((50, 3), [tp.MaxPool2D(2), tp.Dense(2)])
    assert str(error.value) == (
        "layer 0: MaxPool2D(2) does not fit an input of 1 x 50 x 3 (height, width, channels): for "
        "a series, (length, channels), there are Conv1D, MaxPool1D and AvgPool1D"
    )


def test_a_layer_that_there_is_not():
    with pytest.raises(AttributeError) as error:
        tp.Flatten  # noqa: B018
    assert str(error.value) == (
        "tinyprop has no Flatten; its layers are Dense, Conv2D, Conv1D, DepthwiseConv2D, "
        "MaxPool2D, MaxPool1D, AvgPool2D, AvgPool1D, GlobalAvgPool2D, GlobalAvgPool1D"
    )


def test_a_memory_beyond_2_gb():
    with pytest.raises(ValueError, match="the model needs more than 2 GB"):
        tp.Model(60000, [tp.Dense(2)], replay=65535)


def test_a_class_in_a_list_of_its_own():
    model = tp.Model(2, [tp.Dense(3)])
    for item in ([0], [0, 1, 2]):
        with pytest.raises(TypeError, match=r"^y\[1\] is \[.*\], expected a class number \(int\)"):
            model.learn_many([[1, 2], [3, 4]], [1, item])


def test_check_of_a_model_that_has_one_class():
    """tp.Model refuses it, and a file may have it."""
    asked = (1, 1, 3), [images.dense(1)]
    shapes = images.layout(images.BACKENDS["c"], images.spec(*asked))[1]
    model = object.__new__(tp.Model)
    image = images.build(images.BACKENDS["c"], *asked)
    model._attach(image, array("I", shapes.flatten().tolist()))
    for _ in range(100):
        model.learn((1, 2, 3), 0)
    assert not any("class" in sentence for sentence in model.check())


def test_twins_among_remembered_samples_are_counted():
    model = tp.Model(2, [tp.Dense(2)], replay=6, **GIVEN)
    for k in range(100):
        model.learn(bytes([7, 9]), k % 2)
    assert any("6 of 6 remembered samples have a twin" in said for said in model.check())


@pytest.mark.parametrize("share, named", [(3.9, False), (4.1, True)])
def test_beyond_4_over_q_a_rate_is_too_high(share, named):
    """Where that is less than five times the rate that is found: with many inputs."""
    model, random = tp.Model(2000, [tp.Dense(3)], lr=1e-5), np.random.default_rng(1)
    for _ in range(200):
        model.learn(random.normal(0, 1, 2000).astype("f4"), int(random.integers(3)))
    q = tinyprop_state._places(model)[0].energy()
    assert 5 * tinyprop_state._falling(model, tinyprop_check._IN_THE_END) / q**0.5 > 4.1 / q
    model.lr = share / q
    assert any("is too high" in sentence for sentence in model.check()) == named
