import data
import testkit
import tinyprop as tp
from policies import POLICIES


def mlp(policy, seed=1, **options):
    options.setdefault("lr", 0.05)
    layers = [tp.Dense(16, activation="relu"), tp.Dense(4)]
    return tp.Model(24, layers, input_range=(0, 255), policy=policy, seed=seed, **options)


def learn(model, blobs, steps):
    for _ in range(steps):
        label = blobs.next()
        model.learn(blobs.x, label)


def test_each_policy_learns_classes():
    for lr, steps in ((0.05, 1000), (None, 200)):
        for name, policy in POLICIES.items():
            model, blobs = mlp(policy(), lr=lr), data.Blobs(24, 4)
            before = model.evaluate(*data.samples(blobs, 100))
            learn(model, blobs, steps)
            after = model.evaluate(*data.samples(blobs, 100))
            # Chance is 0.25; the samples overlap little.
            assert before < 0.7 and after > 0.9, (name, lr, before, after)


def test_layers_alone_are_enough():
    dense = [tp.Dense(12, activation="relu")]
    conv = [tp.Conv2D(8, 3, activation="relu"), tp.Conv2D(8, 3, activation="relu")]
    for shape, layers in ((8, dense), ((9, 9, 1), conv)):  # 0.2 is too high for the second
        model = tp.Model(shape, layers + [tp.Dense(3)])
        blobs = data.Blobs(model._n_in, 3)
        learn(model, blobs, 30)
        assert model.evaluate(*data.samples(blobs, 50)) > 0.9, (shape, model.stats())


def test_learn_uses_the_sample_it_is_given():
    model = mlp(tp.Full())
    x = bytes(range(24))
    for _ in range(100):
        model.learn(x, 3)
    assert model.predict(x) == 3
    for _ in range(200):
        model.learn(x, 1)
    assert model.predict(x) == 1


def test_loss_falls():
    model = mlp(tp.Full())
    x = bytes(range(0, 240, 10))
    model.learn(x, 2)
    first = model.loss
    for _ in range(50):
        model.learn(x, 2)
    assert 0 < model.loss < first / 4, (first, model.loss)


def test_sparse_policies_do_less():
    shares = {}
    for name, policy in POLICIES.items():
        model = mlp(policy())
        learn(model, data.Blobs(24, 4), 400)
        shares[name] = model.stats()["backward_share"]
    assert shares["Full"] == 1.0, shares
    assert shares["TinyPropV2"] < shares["TinyProp"] < 1, shares
    assert shares["TopK"] < 0.5, shares
    assert shares["Diffused"] < 0.5 and shares["Adaptive"] < 0.5, shares


def test_a_share_of_hardly_anything_is_no_more_than_that():
    """One error of each layer is always selected: 132 of 2304 multiply-accumulates."""
    layers = [tp.Dense(32), tp.Dense(32), tp.Dense(2)]
    for policy in tp.Diffused(0, 0), tp.Diffused(1e-6, 0), tp.Adaptive(1e-6, 0, 0):
        model, random = tp.Model(4, layers, "mse", policy=policy), data.Random(2)
        for _ in range(300):
            x = [random.below(100) for _ in range(4)]
            model.learn(x, [x[0] + x[1], x[2] - x[3]])
        assert model.stats()["backward_share"] < 0.25, (policy, model.stats())


def test_the_default_selects_more_while_there_is_more_to_learn():
    model, blobs, shares = mlp(None), data.Blobs(24, 4), []
    for steps in (20, 400):
        learn(model, blobs, steps)
        shares.append(model.stats()["backward_share"])
    diffused = mlp(tp.Diffused())
    learn(diffused, data.Blobs(24, 4), 20)
    assert shares[1] < shares[0] / 2, shares
    assert shares[0] > diffused.stats()["backward_share"], (shares, diffused.stats())
    with_more = mlp(tp.Adaptive(0.5, least=0.5))
    learn(with_more, data.Blobs(24, 4), 420)
    assert with_more.stats()["backward_share"] > 1.15 * shares[1], (shares, with_more.stats())


def test_adaptive_may_select_all():
    models = [mlp(tp.Full()), mlp(tp.Adaptive(1, least=1, skip=0)), mlp(tp.Diffused(1, 0))]
    for model in models:
        learn(model, data.Blobs(24, 4), 50)
        assert model.stats()["backward_share"] == 1, model.stats()
        assert weights(model) == weights(models[0])


def test_skipped_steps_are_counted_and_change_no_weight():
    model, blobs = mlp(tp.TinyPropV2(skip=0.3)), data.Blobs(24, 4)
    skipped = 0
    for _ in range(400):
        label = blobs.next()
        before = weights(model)
        trained = model.learn(blobs.x, label)
        if not trained:
            skipped += 1
            assert weights(model) == before
    stats = model.stats()
    assert stats["steps"] == 400, stats
    assert stats["skipped"] == skipped and 20 < skipped < 400, (stats, skipped)


def weights(model):
    """Of the first layer."""
    return testkit.first_weights(model, 24 * 16)


def test_frozen_layer_keeps_its_weights():
    for first, second in ((False, True), (True, False)):
        layers = [tp.Dense(16, activation="relu", trainable=first), tp.Dense(4, trainable=second)]
        model = tp.Model(24, layers, input_range=(0, 255), policy=tp.Full())
        blobs = data.Blobs(24, 4)
        before = weights(model)
        for _ in range(50):
            assert model.learn(blobs.x, blobs.next())
        assert (weights(model) == before) == (not first), (first, second)


def test_learn_many_is_learn_again_and_again():
    x, y = data.samples(data.Blobs(24, 4), 90)
    one, many = mlp(tp.TinyPropV2()), mlp(tp.TinyPropV2())
    trained = 0
    for i in range(90):
        trained += one.learn(memoryview(x)[24 * i : 24 * i + 24], y[i])
    assert many.learn_many(x, y) == trained
    assert testkit.saved_but_loss(one) == testkit.saved_but_loss(many)


def test_evaluate_changes_no_weight_and_counts_rightly():
    model = mlp(tp.Full())
    x, y = data.samples(data.Blobs(24, 4), 40)
    model.learn_many(x, y)
    before, steps = weights(model), model.stats()["steps"]
    share = model.evaluate(x, y)
    right = sum(model.predict(memoryview(x)[24 * i : 24 * i + 24]) == y[i] for i in range(40))
    assert share == right / 40, (share, right)
    assert weights(model) == before
    assert model.stats()["steps"] == steps


def test_inputs_without_zeros_fill_the_list_of_them():
    model = tp.Model(200, [tp.Dense(5, activation="relu"), tp.Dense(4)], input_range=(0, 255))
    for x in (bytes(200), b"\xff" * 200, bytes(range(200))):
        model.learn(x, 1)
        assert 0 <= model.predict(x) < 4


def test_many_pools_between_two_layers():
    """A board's stack is small, and lies behind the heap: what the program has there stays."""
    pools = [tp.MaxPool2D(1) for _ in range(120)]
    model = tp.Model(2, [tp.Dense(2)] + pools + [tp.Dense(2)], input_range=(0, 1))
    of_program = []
    try:
        while len(of_program) < 300:
            of_program.append(bytearray(1000))
    except MemoryError:
        of_program = of_program[10:]
    assert model.learn([1, 0], 1) is True
    assert not any(any(piece) for piece in of_program)


def test_seed_decides_the_weights():
    assert testkit.saved(mlp(tp.Full())) == testkit.saved(mlp(tp.Full()))
    assert weights(mlp(tp.Full(), seed=1)) != weights(mlp(tp.Full(), seed=2))


def test_learning_rate_can_be_changed():
    model = mlp(tp.Full(), lr=0.02)
    assert abs(model.lr - 0.02) < 0.0006, model.lr
    model.lr = 0.3
    assert abs(model.lr - 0.3) < 0.009, model.lr
    for bad in (0, -1, 1.5, 1e-9, "0.1", (0.1,)):
        testkit.raises(ValueError, setattr, model, "lr", bad)
    assert abs(model.lr - 0.3) < 0.009, model.lr


def test_a_rate_may_be_given_or_left_out_at_any_time():
    def rates(first, then):
        """What a model has learned that had one rate for 50 steps, and then another one."""
        model, blobs = mlp(tp.Full(), lr=0.5), data.Blobs(24, 4)
        for rate in (first, then):
            model.lr = rate
            assert (model.lr is None) == (rate is None)
            learn(model, blobs, 50)
        assert model.evaluate(*data.samples(blobs, 50)) > 0.9, (first, then)
        return bytes(testkit.saved(model))

    def given(rate):
        model, blobs = mlp(tp.Full(), lr=rate), data.Blobs(24, 4)
        learn(model, blobs, 100)
        model.evaluate(*data.samples(blobs, 50))
        return bytes(testkit.saved(model))

    assert mlp(tp.Full(), lr=None).lr is None
    assert given(None) == rates(None, None)
    assert given(0.05) == rates(0.05, 0.05)
    assert rates(None, 0.05)[:40] == rates(0.05, 0.05)[:40]  # the same spec
    assert len({given(None), given(0.05), rates(None, 0.05), rates(0.05, None)}) == 4


def test_regression_learns_a_curve():
    layers = [tp.Dense(16, activation="relu"), tp.Dense(1)]
    model = tp.Model(1, layers, loss="mse", lr=0.1, input_range=(0, 100), output_range=(-20, 60))
    random = data.Random(3)
    for _ in range(3000):
        v = random.below(101)
        model.learn([v], abs(v - 50))
    for v in (0, 20, 50, 80, 100):
        assert abs(model.predict([v]) - abs(v - 50)) < 6, (v, model.predict([v]))


def test_autoencoder_tells_the_usual_from_the_strange():
    layers = [tp.Dense(4, activation="relu"), tp.Dense(24)]
    model = tp.Model(24, layers, loss="mse", lr=0.1, input_range=(0, 255), output_range=(0, 255))
    blobs = data.Blobs(24, 1, noise=60)
    for _ in range(500):
        blobs.next()
        model.learn(blobs.x, blobs.x)
    blobs.next()
    usual = model.evaluate(blobs.x, blobs.x)
    strange = bytes(reversed(blobs.x))
    assert usual * 1.5 < model.evaluate(strange, strange), (usual, model.loss)


if __name__ == "__main__":
    testkit.main(globals())
