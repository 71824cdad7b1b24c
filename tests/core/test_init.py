"""The first weights and state of a model, in both backends."""

import images
import numpy as np
import pytest
from images import BACKENDS, Image, Layer, dense

LAYERS = {
    "dense": ((1, 1, 200), dense(7, "relu")),
    "narrow": ((1, 1, 3), dense(40, "tanh")),
    "wide": ((1, 1, 9000), dense(3, "relu")),
    "conv": ((9, 9, 2), Layer("conv", 5, (3, 3), activation="relu")),
    "depthwise": ((9, 9, 4), Layer("depthwise", 0, (3, 2), activation="linear")),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LAYERS)
def test_weights_fill_the_limit_of_he_or_lecun(backend, name):
    """|w| <= sqrt(6 / fan_in) in a relu layer, else sqrt(3 / fan_in), evenly distributed, in the
    finest format that holds this limit."""
    shape, layer = LAYERS[name]
    model = Image(images.build(BACKENDS[backend], shape, [layer, dense(2)]))
    of_plan, w_frac = model.twin.layers[0], model.layers[0].w_frac
    limit = ((6 if layer.activation == "relu" else 3) / of_plan.fan_in) ** 0.5 * 2**w_frac
    w = model.weights(0).astype(int)
    assert np.abs(w).max() <= limit + 1 and limit <= of_plan.max_weight
    assert w_frac == 16 or 2 * limit > of_plan.max_weight - 2
    if w.size > 100:  # the moments of an even distribution
        assert np.abs(w).max() > 0.9 * limit and abs(w.mean()) < 0.1 * limit
        assert abs(w.std() / limit - 3**-0.5) < 0.1


@pytest.mark.parametrize("backend", BACKENDS)
def test_biases_are_0_and_state_is_that_of_no_step(backend):
    buffer = images.new(BACKENDS[backend], (1, 1, 4), [dense(3, "relu"), dense(2)])
    Image(buffer).biases(1)[:] = -1
    assert BACKENDS[backend].init(buffer, 1) == 0
    model = Image(buffer)
    assert model.biases(0).tolist() == [0] * 3 and model.biases(1).tolist() == [0] * 2
    assert model.head.steps == model.head.skipped == model.head.trained == 0
    assert model.head.error == model.head.least_error == 1 << 28  # of the worst there is
    assert model.head.account == 4096 << 15 and model.head.random != 0
    assert [layer.age for layer in model.layers] == [1, 1]
    for name in "threshold", "energy", "n_summed", "norm", "mean_shift":
        assert [getattr(layer, name) for layer in model.layers] == [0, 0]
    for i in range(2):
        assert not (model.slopes(i).any() or model.sums(i).any() or model.means(i).any())


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_seed_decides(backend):
    def weights(seed):
        return images.build(BACKENDS[backend], (1, 1, 8), [dense(8)], seed=seed)

    assert weights(5) == weights(5)
    assert len({bytes(weights(seed)) for seed in (0, 1, 2, 3, 2**31 - 1)}) == 5
    # The one seed that would start the generator in state 0, which it never leaves.
    stuck = -0x7F4A7C15 * pow(0x9E3779B9, -1, 2**32) % 2**32
    assert len(set(Image(weights(stuck)).weights(0).ravel().tolist())) > 50


@pytest.mark.parametrize("backend", BACKENDS)
def test_ranges_that_are_given_must_have_a_width(backend):
    nan, inf = float("nan"), float("inf")
    for bad in ((1, 1), (2, 1), (0, nan), (nan, 0), (-inf, 0), (0, inf)):
        for ranges in (([bad], [(0, 1)]), ([(0, 1)], [bad])):
            buffer = images.new(BACKENDS[backend], (1, 1, 1), [dense(1)], "mse", ranges=ranges)
            assert BACKENDS[backend].init(buffer, 1) == images.Error.RANGE, ranges
