"""The mean of models that learned apart: exact, whatever their formats and their order."""

import hashlib
import io
import os
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import tinyprop as tp
from _tinyprop_numpy import centre, ranges
from _tinyprop_numpy.plan import opened
from tinyprop_flower import averaging

SEED = int(os.environ.get("TINYPROP_SEED", "1"))
BOARDS = 7


def net(name):
    relu = {"activation": "relu"}
    return {
        "vector": lambda: tp.Model(9, [tp.Dense(7, **relu), tp.Dense(3)], input_range=(0, 1)),
        "signed": lambda: tp.Model(9, [tp.Dense(7, "tanh"), tp.Dense(3)], input_range=(-1, 1)),
        "learned": lambda: tp.Model(9, [tp.Dense(7, **relu), tp.Dense(3)], policy=tp.TopK()),
        "one layer": lambda: tp.Model(5, [tp.Dense(2)], loss="mse"),
        "numbers": lambda: tp.Model(5, [tp.Dense(6, **relu), tp.Dense(2)], loss="mse"),
        "map": lambda: tp.Model(
            (6, 5, 2), [tp.Conv2D(3, 3, **relu), tp.MaxPool2D(2), tp.Dense(4)], replay=8
        ),
        "depthwise": lambda: tp.Model(
            (4, 4, 3), [tp.DepthwiseConv2D(2, **relu), tp.GlobalAvgPool2D(), tp.Dense(2)]
        ),
    }[name]()


DIGESTS = {
    "vector": "750b0e7c",
    "signed": "7f4a79c2",
    "learned": "53959f31",
    "one layer": "38e4eafe",
    "numbers": "cdfc8a88",
    "map": "6e695dd8",
    "depthwise": "8317c213",
}
NETS = list(DIGESTS)


def file_of(model):
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def learned(file, random, n, scale=1.0, shift=0.0):
    """The file of what a board makes of a model by n samples."""
    model = tp.load(io.BytesIO(file))
    x = (random.random((n, model._n_in)) * scale + shift).astype("f4")
    if model._mse:
        y = np.stack([x.sum(1) * (1 + i) for i in range(model._n_out)], 1).astype("f4")
    else:
        y = (x[:, 0] * 97).astype(int) % model._n_out
    model.learn_many(x, y)
    return file_of(model)


@cache
def fleet(name):
    """(what was sent, updates) of boards whose values lie at places of their own."""
    random = np.random.default_rng(SEED)
    sent, updates = file_of(net(name)), []
    for k in range(BOARDS):
        n = int(random.integers(12, 300))
        place = (1.0, 0.0) if k % 2 else (2.0 ** random.integers(-3, 4), random.normal(0, 5))
        updates.append((learned(sent, random, n, *place), n))
    return sent, updates


def at_bounds(file, random, samples):
    """An update whose numbers are at the ends of what a file can have."""
    model = tp.load(io.BytesIO(file))
    for layer in opened(model).layers:
        if not layer.has_weights:
            continue
        layer.state.w_frac = int(random.choice([2, 16, random.integers(2, 17)]))
        layer.state.n_summed = int(random.choice([0, 1, 255]))
        layer.state.mean_shift = int(random.choice([0, 31, random.integers(32)]))
        ends = layer.max_weight, 0, 1, -1, -layer.max_weight
        layer.rows[:] = random.choice(ends, layer.rows.shape)
        layer.biases[:] = random.choice([1 << 30, -(1 << 30), 1, 0], layer.biases.shape)
        layer.means[:] = random.choice([0, centre.largest_mean(layer)], layer.means.shape)
        layer.sums[:] = layer.means.astype(int) * layer.state.n_summed
    return file_of(model), samples


def shares(random):
    """Samples of boards, together as many as there may be."""
    cuts = np.sort(random.integers(1, averaging.MOST_SAMPLES, BOARDS - 1))
    parts = np.diff([0, *cuts.tolist(), averaging.MOST_SAMPLES]).tolist()
    return [max(1, part) for part in parts[:-1]] + [parts[-1] - BOARDS]


def all_at_bounds(updates, random):
    each = zip(updates, shares(random), strict=True)
    return [at_bounds(file, random, samples) for (file, _), samples in each]


@pytest.fixture
def any_share(monkeypatch):
    """A board may have so many samples that few of them come to the bound of all."""
    monkeypatch.setattr(averaging, "MOST_OF_A_BOARD", averaging.MOST_SAMPLES)


@pytest.mark.usefixtures("any_share")
@pytest.mark.parametrize("name", NETS)
def test_the_order_of_boards_makes_no_difference(name):
    print("seed", SEED)
    random = np.random.default_rng(SEED)
    sent, updates = fleet(name)
    crafted = all_at_bounds(updates, random)
    for these in updates, crafted:
        results = set()
        for _ in range(6):
            order = random.permutation(len(these))
            results.add(averaging.average(sent, [these[i] for i in order]))
        assert len(results) == 1


def exactly(updates, i, result):
    """The mean weights and biases of layer i, as fractions by what docs/format.md says of a file
    whose ranges are given."""
    weights, biases, n = 0, 0, sum(samples for _, samples in updates)
    for file, samples in updates:
        layer = opened(tp.load(io.BytesIO(file))).layers[i]
        unit = Fraction(1, 1 << layer.state.w_frac)
        slopes, per_mean = np.zeros(layer.out_c, int), Fraction(1, 1 << layer.state.mean_shift)
        if len(layer.rows) > layer.fan_in:
            slopes = layer.slopes
        for_means = np.resize(layer.means, layer.fan_in)
        parts = [
            [
                unit * (int(w) + int(s) * int(u) * per_mean)
                for w, s in zip(row, slopes, strict=True)
            ]
            for row, u in zip(layer.weights, for_means, strict=True)
        ]
        weights = weights + np.array(parts, object) * samples
        biases = biases + np.array([unit * int(b) / 4096 for b in layer.biases], object) * samples
    unit = 1 << opened(result).layers[i].state.w_frac
    return [
        np.array([round_half_up(v * of / n) for v in part.flat])
        for part, of in ((weights, unit), (biases, unit << 12))
    ]


def round_half_up(v):
    return (v + Fraction(1, 2)).__floor__()


@pytest.mark.usefixtures("any_share")
@pytest.mark.parametrize("name", ["vector", "signed"])
def test_it_is_the_mean_rounded_once(name):
    print("seed", SEED)
    random = np.random.default_rng(SEED)
    sent, updates = fleet(name)
    crafted = all_at_bounds(updates, random)
    for these in updates, crafted:
        result = tp.load(io.BytesIO(averaging.average(sent, these)))
        for i, layer in enumerate(opened(result).layers):
            weights, biases = exactly(these, i, result)
            most = layer.max_weight
            fits = abs(weights).max() <= most and abs(biases).max() <= 1 << 30
            assert fits or layer.state.w_frac == 2
            assert (layer.weights.ravel() == np.clip(weights, -most, most)).all()
            assert (layer.biases == np.clip(biases, -(1 << 30), 1 << 30)).all()


@pytest.mark.parametrize("name", ["vector", "signed"])
def test_the_next_round_begins_where_the_mean_is_heading(name):
    """19/10 of the mean less 9/10 of the one before, rounded once."""
    print("seed", SEED)
    random = np.random.default_rng(SEED)
    sent, updates = fleet(name)
    pairs = [(sent, averaging.average(sent, updates))]
    pairs.append([at_bounds(file, random, 1)[0] for file in pairs[0]])
    for before, now in pairs:
        result = tp.load(io.BytesIO(averaging.onward(before, now)))
        for i, layer in enumerate(opened(result).layers):
            weights, biases = exactly([(now, 19), (before, -9)], i, result)
            most = layer.max_weight
            fits = abs(weights).max() <= most and abs(biases).max() <= 1 << 30
            assert fits or layer.state.w_frac == 2
            assert (layer.weights.ravel() == np.clip(weights, -most, most)).all()
            assert (layer.biases == np.clip(biases, -(1 << 30), 1 << 30)).all()


@pytest.mark.parametrize("name", NETS)
def test_it_is_heading_there_in_the_users_units_too(name):
    sent, updates = fleet(name)
    before = averaging.average(sent, updates)
    now = averaging.average(before, updates[:3])
    files = [before, now, averaging.onward(before, now)]
    before, now, result = (tp.load(io.BytesIO(file)) for file in files)
    for i in indices_with_weights(opened(result)):
        (a0, c0, _), (a1, c1, _), (a, c, unit) = (
            affine(model, i) for model in (before, now, result)
        )
        a1, c1 = 1.9 * a1 - 0.9 * a0, 1.9 * c1 - 0.9 * c0
        assert (np.abs(a - a1) <= 0.51 * unit + 1e-6 * np.abs(a1).max()).all()
        assert np.abs(c - c1).max() <= bound_of_biases(result, i, unit, c1)


def test_a_round_begins_with_the_mean_if_nothing_is_known_of_where_it_came_from():
    sent, updates = fleet("learned")
    first = averaging.average(sent, updates)
    assert averaging.onward(None, first) == first
    assert averaging.onward(sent, first) == first  # which has no ranges yet
    assert averaging.onward(first, first) == first


def test_weights_keep_the_finest_format_that_has_room():
    sent, updates = fleet("vector")
    result = tp.load(io.BytesIO(averaging.average(sent, updates)))
    of_all = [opened(tp.load(io.BytesIO(file))) for file, _ in updates]
    for i, layer in enumerate(opened(result).layers):
        finest = max(model.layers[i].state.w_frac for model in of_all)
        if layer.state.w_frac < finest:
            weights, _ = exactly(updates, i, result)
            assert abs(weights).max() * 2 > layer.max_weight


def affine(model, i):
    """(A, c, unit): layer i is A v + c of the values v that users give, if it is the first, in the
    units that they get, if it is the last; unit: of the weights in the file."""
    opened_model = opened(model)
    layer = opened_model.layers[i]
    weights, biases = (np.array(part, float) for part in model.weights(i))
    weights = weights.reshape(layer.fan_in, layer.out_c)
    unit = np.full_like(weights, 2.0**-layer.state.w_frac)
    (inputs, outputs), which = opened_model.learned, indices_with_weights(opened_model)
    if i == which[0] and inputs is not None:
        zero, size = (np.resize(v, layer.out_c)[None] for v in zero_and_unit(inputs))
        if layer.kind != 2:
            zero, size = (np.resize(v, layer.fan_in)[:, None] for v in zero_and_unit(inputs))
        weights, unit = weights / size, unit / size
        biases = biases - (weights * zero).sum(0)
    if i == which[-1] and outputs is not None:
        zero, size = zero_and_unit(outputs)
        weights, unit, biases = weights * size, unit * size, biases * size + zero
    return weights, biases, unit


def indices_with_weights(model):
    return [i for i, layer in enumerate(model.layers) if layer.has_weights]


def zero_and_unit(learned):
    frac = learned["frac"].astype(float)
    size = np.ldexp(1.0, learned["shift"].astype(int) - learned["frac"])
    size[learned["shift"] == 31] = np.inf  # of which x is always 0
    return learned["zero"] * 2.0**-frac, size


@pytest.mark.parametrize("name", NETS)
def test_boards_whose_values_lie_elsewhere_are_converted_exactly(name):
    """What layers compute of the users' own numbers is the mean of what they compute on boards."""
    sent, updates = fleet(name)
    merged = tp.load(io.BytesIO(averaging.average(sent, updates)))
    for i in indices_with_weights(opened(merged)):
        mean_a = mean_c = 0
        for file, samples in updates:
            a, c, _ = affine(tp.load(io.BytesIO(file)), i)
            share = samples / sum(n for _, n in updates)
            mean_a, mean_c = mean_a + share * a, mean_c + share * c
        a, c, unit = affine(merged, i)
        assert (np.abs(a - mean_a) <= 0.51 * unit + 1e-6 * np.abs(mean_a).max()).all()
        assert np.abs(c - mean_c).max() <= bound_of_biases(merged, i, unit, mean_c)


def bound_of_biases(merged, i, unit, c):
    """By how much rounded weights move A 0 + c: 0 may be far from where values lie."""
    inputs, far = opened(merged).learned[0], 1.0
    if inputs is not None and i == indices_with_weights(opened(merged))[0]:
        far = np.abs(zero_and_unit(inputs)[0]).max() * len(unit)
    return far * unit.max() + 1e-5 * max(1, np.abs(c).max())


def test_a_range_that_fits_stays_as_it_was_sent():
    sent, updates = fleet("learned")
    first = averaging.average(sent, updates)
    random = np.random.default_rng(SEED)
    values = np.array(tp.load(io.BytesIO(first)).input_range)
    middle, unit = values.mean(1), np.ptp(values, axis=1) / 4
    again = []
    for _ in range(3):
        model = tp.load(io.BytesIO(first))
        x = (middle + unit * random.normal(0, 0.5, (30, 9))).astype("f4")
        model.learn_many(x, np.arange(30) % 3)
        again.append((file_of(model), 30))
    second = tp.load(io.BytesIO(averaging.average(first, again)))
    assert np.abs(np.array(second.input_range) - values).max() < 1e-6 * unit.max()


def with_reach(spread, centre=0, frac=8):
    return ranges.Learned(centre, spread, centre, frac, ranges.least_shift(spread))


def test_a_range_that_is_far_off():
    some = [with_reach(9), with_reach(10), with_reach(5, 5), with_reach(11), with_reach(1)]
    for one, near in (
        (with_reach(2560), True),
        (with_reach(2561), False),
        (with_reach(20, -2541), False),
        (with_reach(10, 10, 0), False),
        (with_reach(0), True),
    ):
        for at in range(6):
            each = [*some[:at], one, *some[at:]]
            assert averaging.near_others(each) == [k for k in range(6) if near or k != at]
    few = [with_reach(1), with_reach(1000)]
    assert averaging.near_others(few) == [0, 1]  # of two, one is as good as the other
    assert averaging.near_others([with_reach(0), with_reach(0), with_reach(7)]) == [0, 1, 2]


def test_a_range_that_is_far_off_is_left_out():
    sent, random = file_of(net("learned")), np.random.default_rng(SEED)
    updates = [(learned(sent, random, 30), 30) for _ in range(5)]
    updates.insert(2, (learned(sent, random, 30, 1e9), 30))
    results = set()
    for _ in range(6):
        merged, order = averaging.Merged(sent), random.permutation(6)
        for k in order:
            merged.take(*updates[k])
        results.add(merged.mean())
        assert [order[k] for k in merged.far] == [2]
    assert len(results) == 1
    sound = averaging.average(sent, updates[:2] + updates[3:])
    ranges_of = [tp.load(io.BytesIO(file)).input_range for file in (*results, sound)]
    assert ranges_of[0] == ranges_of[1]


@pytest.mark.parametrize("name", NETS)
def test_the_result_is_a_model_that_learns_on(name):
    sent, updates = fleet(name)
    random = np.random.default_rng(SEED)
    for _ in range(3):
        sent = averaging.average(sent, updates)
        updates = [(learned(sent, random, 20), 20) for _ in range(4)]
    model = tp.load(io.BytesIO(sent))
    assert model.stats()["steps"] > 20
    assert all(np.isfinite(part).all() for part in model.weights(len(opened(model).layers) - 1))


def test_what_is_remembered_does_not_travel():
    sent, updates = fleet("map")
    model = tp.load(io.BytesIO(averaging.average(sent, updates)))
    assert not any(model._image[len(file_of(model)) - 4 : len(model._saved())])


@pytest.mark.parametrize("name", NETS)
def test_the_same_bits_on_every_machine(name):
    sent, random = file_of(net(name)), np.random.default_rng(1)
    updates = [(learned(sent, random, 20 + k, 2.0**k), 20 + k) for k in range(3)]
    digest = hashlib.sha256(averaging.average(sent, updates)).hexdigest()
    assert digest[:8] == DIGESTS[name]


ALL = averaging.CERTAIN


def standing_out(errors, steps, random):
    order = random.permutation(len(errors)).tolist()
    out = averaging.standing_out([errors[k] for k in order], [steps] * len(order))
    return {order[k] for k in out}


def test_an_error_that_stands_out():
    print("seed", SEED)
    random = np.random.default_rng(SEED)
    sound = [int(ALL * random.uniform(0.05, 0.1)) for _ in range(20)]
    for errors, out in (
        (sound, set()),
        ([*sound, ALL // 2], {20}),
        ([ALL, *sound, ALL // 2, ALL], {0, 21, 22}),
        ([*sound, 0], set()),  # nobody knows too much
        ([0] * 20 + [ALL // 64], set()),  # one sample that was wrong
        ([ALL // 20] * 20 + [ALL // 12], set()),  # others agree, but that may be chance
        ([ALL // 20] * 20 + [ALL // 4], {20}),
        ([*sound, *[ALL // 2] * 20], set()),  # half of all are no exceptions
        ([ALL] * 5, set()),
        ([0, ALL], set()),  # of two, one is as good as the other
        ([ALL // 20, ALL // 20, ALL // 2], {2}),
        ([ALL // 2], set()),
        ([], set()),
    ):
        for _ in range(5):
            assert standing_out(errors, 200, random) == out


def test_boards_that_differ_much_have_to_differ_more():
    random = np.random.default_rng(SEED)
    alike = [ALL // 20 + k * ALL // 1000 for k in range(-4, 5)]
    unlike = [ALL // 20 + k * ALL // 100 for k in range(-4, 5)]
    assert standing_out([*alike, ALL // 5], 200, random) == {9}
    assert standing_out([*unlike, ALL // 5], 200, random) == set()


def test_what_stands_out_from_few_samples_may_be_chance():
    random = np.random.default_rng(SEED)
    errors = [ALL // 2] * 9 + [ALL * 3 // 4]
    assert standing_out(errors, 200, random) == {9}
    assert standing_out(errors, 20, random) == set()


def test_a_board_whose_error_stands_out_counts_an_eighth():
    sent, updates = fleet("vector")
    wrong = with_error(updates[0][0], ALL)
    agreed = [(with_error(file, ALL // 10), samples) for file, samples in updates]
    for samples, counts in (80, 10), (81, 11), (1, 1):
        merged = averaging.Merged(sent)
        merged.take(wrong, samples, "attic")
        for file, n in agreed:
            merged.take(file, n, "another")
        ((name, why),) = merged.screen()
        assert name == "attic" and "its error is 1.00, that of others about 0.10" in why
        assert merged.mean() == averaging.average(sent, [(wrong, counts), *agreed])


def test_a_count_of_samples_shuts_nobody_out():
    sent, updates = fleet("vector")
    mean, wrong = averaging.average(sent, updates), (updates[0][0], averaging.MOST_OF_A_BOARD + 1)
    for at in 0, 3, BOARDS:
        merged, out = averaging.Merged(sent), []
        for i, update in enumerate([*updates[:at], wrong, *updates[at:]]):
            try:
                merged.take(*update)
            except ValueError:
                out.append(i)
        assert out == [at] and merged.mean() == mean


@pytest.mark.usefixtures("any_share")
def test_more_samples_than_sums_have_room_for_are_halved():
    sent, updates = fleet("vector")
    files = [with_biases(file, 1 << 30) for file, _ in updates]
    once, often = ([(file, 200 + k << by) for k, file in enumerate(files)] for by in (0, 24))
    assert averaging.MOST_SAMPLES < sum(n for _, n in often)
    assert averaging.average(sent, often) == averaging.average(sent, once)


def with_biases(file, value):
    model = tp.load(io.BytesIO(file))
    for layer in opened(model).layers:
        layer.biases[:] = value
    return file_of(model)


def with_error(file, error):
    model = tp.load(io.BytesIO(file))
    opened(model).state.error = error
    return file_of(model)


NAMES = ["down", "still", "up"]


def with_names(file, names):
    model = tp.load(io.BytesIO(file))
    model._names = names
    return file_of(model)


def test_names_of_classes_stay_and_change_nothing_else():
    sent, updates = fleet("learned")
    named = [(with_names(file, NAMES), samples) for file, samples in updates]
    result = averaging.average(with_names(sent, NAMES), named)
    assert tp.load(io.BytesIO(result)).classes == NAMES
    assert result == with_names(averaging.average(sent, updates), NAMES)
    before, now = with_names(sent, NAMES), result
    assert tp.load(io.BytesIO(averaging.onward(before, now))).classes == NAMES
    mixed = with_names(updates[0][0], NAMES[::-1]), updates[0][1]
    with pytest.raises(ValueError, match="names of classes"):
        averaging.average(with_names(sent, NAMES), [*named, mixed])


def test_what_cannot_be_averaged_is_refused():
    sent, updates = fleet("learned")
    file, samples = updates[0]
    young = tp.load(io.BytesIO(sent))
    young.learn([0.0] * 9, 0)
    other = file_of(tp.Model(9, [tp.Dense(8, activation="relu"), tp.Dense(3)]))
    for wrong, n, says in (
        (file[:-1], samples, "cut short"),
        (file[:200] + b"?" + file[201:], samples, "damaged"),
        (b"", samples, "empty"),
        (other, samples, "other layers, settings or names of classes"),
        (with_names(file, NAMES), samples, "other layers, settings or names of classes"),
        (file_of(young), 1, "has seen 1 samples"),
        (file, 0, "has 0 samples"),
        (file, (1 << 20) + 1, "expected 1 to 1048576"),
    ):
        with pytest.raises(ValueError, match=says):
            averaging.average(sent, [*updates, (wrong, n)])
    with pytest.raises(ValueError, match="no updates"):
        averaging.average(sent, [])
