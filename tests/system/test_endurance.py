"""python -m host_sim endurance, in a shorter form: each row of its tables is a promise."""

import numpy as np
import pytest
import tinyprop as tp

from host_sim import internals
from host_sim.studies import endurance
from host_sim.studies.endurance import FAULTS, PIECE, POLICIES

SAMPLES = 5_000  # with a fault, and behind it


@pytest.mark.parametrize("policy", POLICIES)
def test_a_stream_that_drifts(policy):
    """A quarter of a turn: each class moves as far from where it was as from any other."""
    assert min(endurance.drift(POLICIES[policy], endurance.TURN // 4 // PIECE)) > 0.9


@pytest.mark.parametrize("seed", range(1, 4))
def test_an_autoencoder_does_not_run_away(seed):
    """Means are large and errors small: slopes and weights undo most of each other's steps. Were
    these rounded to nearest, the loss would grow a hundredfold in these 80,000 steps."""
    random = np.random.default_rng(seed)
    factors, map_of = random.normal(size=(1000, 6)), random.normal(size=(6, 160))
    x = 180 + 10 * factors @ map_of + random.normal(0, 2, (1000, 160))
    x = x.clip(0, 255).astype(np.uint8)
    ranges = {"input_range": (0, 255), "output_range": (0, 255)}
    layers = [tp.Dense(96, activation="relu"), tp.Dense(8), tp.Dense(96, activation="relu")]
    model = tp.Model(
        160, [*layers, tp.Dense(160)], loss="mse", policy=tp.Full(), seed=seed, **ranges
    )
    losses = []
    for _ in range(80):
        order = random.permutation(1000)
        model.learn_many(x[order], x[order])
        losses.append(model.loss)
    assert max(losses[10:]) < 3 * losses[10]
    assert model.check() == []


def error_beside_noise(policy, seed):
    """The error of a number that x tells, which is learned with three that are noise."""
    random = np.random.default_rng(seed)
    x, noise = random.random((3000, 2)), random.normal(size=(3000, 3))
    wanted = 10 * x[:, :1] - 5 * x[:, 1:] ** 2
    layers = [tp.Dense(16, activation="relu"), tp.Dense(4)]
    model = tp.Model(2, layers, loss="mse", policy=policy, seed=seed)
    model.learn_many(x, np.hstack([wanted, noise]))
    test = np.random.default_rng(0).random((500, 2))
    told = np.array([model.predict(each)[0] for each in test])
    return np.sqrt(np.mean((told - 10 * test[:, 0] + 5 * test[:, 1] ** 2) ** 2))


def test_noise_takes_nothing_from_other_outputs():
    """Its errors stay the largest. Were the largest selected, and the others dropped, the error
    would be four times that of Full."""
    seeds = range(1, 8)
    default, full = (
        np.median([error_beside_noise(policy, seed) for seed in seeds])
        for policy in (None, tp.Full())
    )
    assert default < 2 * full, (default, full)


@pytest.mark.parametrize("replay", [0, 8])
def test_counters_pass_their_ends(replay):
    model, other = endurance.past_their_ends(1000, replay)
    assert internals.parameters(model) == internals.parameters(other)
    assert model.check() == other.check() == []
    assert model.stats()["accuracy"] == other.stats()["accuracy"]
    assert other.stats()["steps"] > 1 << 32


def words(name):
    """A fault, short: (score during, what check() says, score after)"""
    during, said, after = FAULTS[name].run(SAMPLES)
    return during, " ".join(said), after


@pytest.fixture(scope="module")
def clean():
    """What a model that met no fault knows of classes, and of numbers."""
    return FAULTS["none"].run(SAMPLES)[2], FAULTS["numbers"].run(SAMPLES)[2]


@pytest.mark.parametrize(
    "name, says",
    [
        ("one_class", "all of class 0"),
        ("half_stuck", ""),
        ("by_lot", "The error is"),
        ("one_far_away", ""),
        ("rate_anew", ""),  # for classes that are so far apart it does
    ],
)
def test_faults_pass(name, says, clean):
    during, said, after = words(name)
    assert says in said
    assert after > clean[0] - 0.02


@pytest.mark.parametrize("name, says", [("numbers_far", ""), ("numbers_anew", "too high")])
def test_faults_of_numbers_pass(name, says, clean):
    during, said, after = words(name)
    assert says in said
    assert after > clean[1] - 0.05
