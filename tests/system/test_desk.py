"""Networks that other libraries trained come in as Models: host_sim/tinyprop_desk."""

import io
import types
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import tinyprop as tp
from onnx import TensorProto, helper, numpy_helper
from serial_port import EmulatedPico
from sklearn.base import clone
from sklearn.datasets import (
    load_diabetes,
    load_digits,
    load_wine,
    make_classification,
    make_friedman1,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from tinyprop_desk import onnx_reader, rate, report
from tinyprop_desk.network import Unsupported
from tinyprop_desk.report import scores_of

from host_sim.oracle import FloatModel

GOLDEN = Path(__file__).resolve().parents[1] / "golden/onnx"
TRAINED_ON = 1200  # of the digits; the others are new to all networks here
SEEDS = range(5)

# The shape of a sample in each file.
FILES = {"torch_script": (1, 8, 8), "torch_dynamo": (1, 8, 8), "keras": (8, 8, 1)}


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y.astype(np.int32)


def accuracy(scores, y):
    return np.mean(scores.argmax(1) == y)


def fitted(estimator, x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not converge
        return estimator.fit(x, y)


def is_as_good(scores, outputs, y):
    """At most half a point is lost, and probabilities are within 0.02 in the mean."""
    assert accuracy(outputs, y) - accuracy(scores, y) <= 0.005
    assert np.abs(scores - outputs).max(1).mean() < 0.02


def as_taken(x, name):
    """Digits as the model of a file takes them: of one channel, so that only the shape differs."""
    return x.reshape(-1, *FILES[name])


# ---- scikit-learn


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_a_network_of_scikit_learn_loses_little(digits, activation, seed):
    x, y = digits
    net = MLPClassifier((24, 16), activation=activation, max_iter=40, random_state=seed)
    fitted(net, x[:TRAINED_ON], y[:TRAINED_ON])
    model = tp.from_sklearn(net, x[:TRAINED_ON], report=False)
    is_as_good(scores_of(model, x[TRAINED_ON:]), net.predict_proba(x[TRAINED_ON:]), y[TRAINED_ON:])


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1))], ids=str)
@pytest.mark.parametrize("net", [LogisticRegression(), MLPClassifier((8,), max_iter=400)], ids=str)
def test_a_pipeline_takes_x_as_it_was_measured(net, scaler):
    x, y = load_wine(return_X_y=True)  # values from 0.1 to 1680
    scores, outputs = [], []
    for seed in SEEDS:  # all together, as one of these few samples is more than half a point
        pipeline = fitted(make_pipeline(scaler, clone(net).set_params(random_state=seed)), x, y)
        scores.append(scores_of(tp.from_sklearn(pipeline, x, report=False), x))
        outputs.append(pipeline.predict_proba(x))
    is_as_good(np.concatenate(scores), np.concatenate(outputs), np.tile(y, len(SEEDS)))


def test_large_weights_become_as_large_as_new_ones(digits):
    """And the layer below makes up for it."""
    x, y = digits
    net = fitted(MLPClassifier((16,), max_iter=20, random_state=0), x, y)
    outputs = net.predict_proba(x)
    net.coefs_[0], net.intercepts_[0] = net.coefs_[0] / 50, net.intercepts_[0] / 50
    net.coefs_[1] = net.coefs_[1] * 50
    model = tp.from_sklearn(net, x[:300], lr=0.1, report=False)
    assert np.abs(model.weights(1)[0]).max() < 4 * np.sqrt(2 / 16)
    is_as_good(scores_of(model, x), outputs, y)


def test_pixels_share_a_range_and_unlike_values_do_not(digits):
    net = LogisticRegression(max_iter=20)
    for (x, y), own in (digits, False), (load_wine(return_X_y=True), True):
        estimator = fitted(make_pipeline(StandardScaler(), net) if own else net, x, y)
        model = tp.from_sklearn(estimator, x, lr=0.1, report=False)
        assert np.shape(model.input_range) == ((x.shape[1], 2) if own else (2,))


def test_two_classes_and_their_names():
    x, y = load_wine(return_X_y=True)
    x, y = x[y < 2], np.array(["red", "white"])[y[y < 2]]
    pipeline = fitted(make_pipeline(StandardScaler(), LogisticRegression()), x, y)
    model = tp.from_sklearn(pipeline, x, y, report=False)
    is_as_good(
        scores_of(model, x), pipeline.predict_proba(x), np.searchsorted(pipeline.classes_, y)
    )
    assert model.classes == ["red", "white"] and model.evaluate(x, y) > 0.95


@pytest.mark.parametrize(
    "net",
    [
        Ridge(),
        LinearRegression(),
        MLPRegressor(hidden_layer_sizes=(16,), max_iter=1000, random_state=0),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_numbers_come_out_in_their_units(net, n_targets):
    x, y = load_diabetes(return_X_y=True, scaled=False)
    if n_targets > 1:
        y = np.column_stack([y, 1000 - 7 * y])
    pipeline = fitted(make_pipeline(StandardScaler(), net), x, y)
    model = tp.from_sklearn(pipeline, x, report=False)
    outputs = pipeline.predict(x).reshape(len(x), -1)
    differences = np.abs(scores_of(model, x) - outputs).mean(0)
    assert np.all(differences < 0.01 * outputs.std(0))


def test_what_scikit_learn_has_and_tinyprop_has_not_is_named():
    x, y = load_wine(return_X_y=True)
    with pytest.raises(Unsupported, match="RandomForestClassifier cannot be read; expected MLP"):
        tp.from_sklearn(RandomForestClassifier(2).fit(x, y), x)
    with pytest.raises(Unsupported, match=r"MinMaxScaler\(clip=True\) .*; fit it with clip=False"):
        clips = MinMaxScaler(clip=True)
        tp.from_sklearn(fitted(make_pipeline(clips, LogisticRegression()), x, y), x)
    search = GridSearchCV(Ridge(), {"alpha": [1]}).fit(x, y)
    with pytest.raises(Unsupported, match="GridSearchCV .*; its best_estimator_ may be"):
        tp.from_sklearn(search, x)
    with pytest.raises(Unsupported, match="TinyPropClassifier .*; its model_ is a Model already"):
        tp.from_sklearn(tp.TinyPropClassifier(hidden=(4,), epochs=1).fit(x, y), x)
    with pytest.raises(Unsupported, match="RobustScaler"):
        tp.from_sklearn(fitted(make_pipeline(RobustScaler(), LogisticRegression()), x, y), x)


@pytest.mark.parametrize(
    "n_classes, settings, says",
    [
        (3, {"multi_class": "ovr"}, "tells each class from all others"),
        (3, {"solver": "liblinear"}, "tells each class from all others"),
        (2, {"multi_class": "multinomial"}, "is multinomial, of two classes"),
        (3, {"multi_class": "multinomial"}, ""),
        (2, {"multi_class": "ovr", "solver": "liblinear"}, ""),
        (3, {"multi_class": "deprecated"}, ""),
    ],
)
def test_probabilities_that_are_no_softmax_are_refused(n_classes, settings, says):
    """Before scikit-learn 1.8 an estimator may say so."""
    x, y = np.random.default_rng(1).random((30, 2)), np.arange(30) % n_classes
    model = LogisticRegression().fit(x, y)
    vars(model).update(settings)
    if says:
        with pytest.raises(Unsupported, match=f"Regression {says}.*: fit it once more"):
            tp.from_sklearn(model, x)
    else:
        tp.from_sklearn(model, x)


def test_an_estimator_of_one_class_is_refused():
    x = np.random.default_rng(1).random((30, 2))
    net = MLPClassifier(tol=1).fit(x, ["a"] * 30)
    with pytest.raises(Unsupported, match="knows one class, a, expected two or more"):
        tp.from_sklearn(net, x)


def test_numbers_that_lie_in_another_order_are_refused():
    x = np.random.default_rng(0).normal(size=(50, 2))
    net = fitted(Ridge(), x, x)
    with pytest.raises(ValueError, match=r"shape \(2, 50\)\) is expected to have 50 x 2 numbers"):
        tp.from_sklearn(net, x, x.T)
    for y in x, x.ravel(), x[:, :, np.newaxis]:
        tp.from_sklearn(net, x, y, lr=0.1, report=False)


def test_values_that_are_masked_are_refused():
    x, y = load_wine(return_X_y=True)
    net = fitted(make_pipeline(StandardScaler(), LogisticRegression()), x, y)
    for given in (np.ma.masked_less(x, 1), y), (x, np.ma.masked_less(y, 1)):
        with pytest.raises(ValueError, match=r"\(dtype .*\) is masked, .* away.*\.filled\(0\)"):
            tp.from_sklearn(net, *given)


class Table:
    """A DataFrame: names of columns, and rows."""

    def __init__(self, columns, values):
        self.columns, self.values = columns, values

    def __array__(self, dtype=None, copy=None):
        return self.values.astype(dtype or float)


def test_columns_have_to_be_those_that_it_was_fitted_with():
    x, y = load_wine(return_X_y=True)
    net = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[:, :3], y)
    net[0].feature_names_in_ = np.array(["alcohol", "acid", "ash"], object)  # as of a DataFrame
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for columns in (["alcohol", "acid", "ash"], [0, 1, 2]):
            tp.from_sklearn(net, Table(columns, x[:, :3]), lr=0.1, report=False)
    for columns, says in (
        (["acid", "alcohol", "ash"], "column 0 of x is acid, expected alcohol, as Pipeline was"),
        (["alcohol", "acid", "ash", "hue"], "column 3 of x is hue, expected none, "),
        (["alcohol", "acid"], "column 2 of x is none, expected ash, "),
    ):
        with pytest.raises(ValueError, match=says):
            tp.from_sklearn(net, Table(columns, x[:, : len(columns)]))


@pytest.mark.parametrize("size", [0.1, 1e7, 1e8, -3e9, 1e30])
def test_large_constants_have_a_range(size):
    x = np.random.default_rng(0).normal(size=(60, 3))
    x[:, 1] = size
    y = np.column_stack([x[:, 0], np.full(60, size)])
    net = fitted(make_pipeline(StandardScaler(), LinearRegression()), x, y)
    model = tp.from_sklearn(net, x, y, lr=0.1, report=False)
    off = np.abs(scores_of(model, x) - y).max(0)
    assert off[0] < 0.05 and off[1] < max(0.02, 2e-6 * abs(size))


def test_columns_and_outputs_that_float32_does_not_hold_apart_are_refused():
    x = np.random.default_rng(0).normal(size=(60, 2))
    net = make_pipeline(StandardScaler(), LinearRegression())
    large = x + [0, 1e9]
    with pytest.raises(ValueError, match="^column 1 of x differs by too little .* Subtract"):
        tp.from_sklearn(fitted(net, large, x), large)
    with pytest.raises(ValueError, match="^output 1 of the estimator.* differs by too little"):
        tp.from_sklearn(fitted(net, x, large), x)


def test_a_network_that_ends_with_exp_is_refused():
    x = np.random.default_rng(0).normal(size=(50, 2))
    net = fitted(MLPRegressor("poisson", (4,), max_iter=5), x, np.exp(x[:, 0]))
    with pytest.raises(Unsupported, match="MLPRegressor ends with 'exp', .*loss='squared_error'"):
        tp.from_sklearn(net, x)


def test_the_report_has_both_accuracies(digits, capsys):
    x, y = digits
    net = fitted(MLPClassifier((8,), max_iter=10, random_state=0), x, y)
    tp.from_sklearn(net, x[:100], y[:100])
    printed = capsys.readouterr().out
    assert f"accuracy: float {net.score(x[:100], y[:100]):.2%}, integer " in printed


def test_labels_are_what_they_are_or_an_error(digits, capsys):
    x, y = digits
    words = [f"the {i}" for i in range(10)]
    named, few = np.array(words)[y[:100]], x[:100].reshape(-1, 1, 8, 8)

    def bring(y, **settings):
        tp.from_onnx(GOLDEN / "torch_average.onnx", few, y, lr=0.1, **settings)
        return capsys.readouterr().out

    right = bring(y[:100])
    assert "accuracy: float 8" in right
    same = [
        bring(y[:100, np.newaxis]),
        bring(y[:100].astype(float)),
        bring(y[:100], classes=words),
    ]
    assert all(out.splitlines()[2] == right.splitlines()[2] for out in same)
    assert bring(named, classes=words).splitlines()[2] == right.splitlines()[2]
    for wrong, match in (
        (named, "y has names such as 'the 0': say classes="),
        (10 * y[:100], "holds 10, expected class numbers, 0 to 9"),
        (np.eye(10)[y[:100]], "shape .100, 10.. is expected to have 100 labels, as numpy.argmax"),
        (y[:50], "shape .50,.. is expected to have 100 labels$"),
    ):
        with pytest.raises(ValueError, match=match):
            bring(wrong)
    with pytest.raises(ValueError, match="y has 'the 9', expected one of the 0, the 1"):
        bring(named, classes=[*words[:9], "nine"])
    with pytest.raises(ValueError, match="is expected to have 100 x 10 numbers"):
        bring(y[:100], loss="mse")


def test_the_report_says_that_samples_are_few(digits, capsys):
    x, y = digits
    net = fitted(MLPClassifier((8,), max_iter=10, random_state=0), x, y)
    for n in 9, 10:
        tp.from_sklearn(net, x[:n], y[:n], lr=0.1)
        said = f"{n} samples tell little, of ranges and of how well it answers: give 10 or more"
        assert (said in capsys.readouterr().out) == (n < 10)


def test_a_value_far_from_all_others_is_named(digits, capsys):
    x, y = digits
    file, few = GOLDEN / "torch_average.onnx", x[:300].reshape(-1, 1, 8, 8).copy()
    few[17, 0, 3, 4] = 7
    tp.from_onnx(file, few, lr=0.1)
    assert "x[" not in capsys.readouterr().out
    few[17, 0, 3, 4] = 100
    tp.from_onnx(file, few, lr=0.1)
    assert "x[17] holds 100, and most others 0 to 1: if that is" in capsys.readouterr().out
    x, y = load_wine(return_X_y=True)  # each value has a range of its own
    net = fitted(make_pipeline(StandardScaler(), LogisticRegression()), x, y)
    x[5, 7] = -50
    tp.from_sklearn(net, x, lr=0.1)
    assert "x[5] holds -50, and most others 0.14 to 0.63: if" in capsys.readouterr().out


# ---- ONNX files of PyTorch and Keras


@pytest.mark.parametrize("name", FILES)
def test_a_network_of_another_library_loses_little(digits, name):
    x, y = digits
    file = GOLDEN / f"{name}.onnx"
    model = tp.from_onnx(file, as_taken(x[:300], name), report=False)
    network, reader = onnx_reader.read(onnx.load(file))
    outputs = reader.outputs(as_taken(x[TRAINED_ON:], name), network.loss)
    assert accuracy(outputs, y[TRAINED_ON:]) > 0.9
    is_as_good(scores_of(model, x[TRAINED_ON:]), outputs, y[TRAINED_ON:])


@pytest.mark.parametrize("name", FILES)
def test_weights_come_back_and_the_float_twin_agrees(digits, name):
    x, _ = digits
    file = GOLDEN / f"{name}.onnx"
    network, reader = onnx_reader.read(onnx.load(file))
    model = tp.from_onnx(file, as_taken(x[:300], name), report=False)
    last = len(network.layers) - 1
    weights, biases = model.weights(last)
    np.testing.assert_allclose(weights, network.layers[last].weights.ravel(), atol=1e-4)
    np.testing.assert_allclose(biases, network.layers[last].bias, atol=1e-4)
    twin = FloatModel(model._image, np.float64)
    outputs = reader.outputs(as_taken(x[300:400], name), network.loss)
    scores = np.array([twin.scores(sample) for sample in x[300:400]])
    # Of PyTorch's ReLU6 the upper end is left away.
    assert np.abs(scores - outputs).max(1).mean() < (1e-4 if name == "keras" else 0.01)


def turned(x):
    """Digits that stand askew, by 35 degrees."""
    from scipy.ndimage import rotate

    pictures = [rotate(v.reshape(8, 8), 35, reshape=False, order=1) for v in x]
    return np.clip(pictures, 0, 1).reshape(len(x), 64).astype(np.float32)


ADAPT = """
import tinyprop as tp
from array import array
m = tp.load('net.tp')
x = array('f', bytes(256))
def labels(name):
    with open(name + '_x', 'rb') as f, open(name + '_y', 'rb') as g:
        while f.readinto(x):
            yield g.read(1)[0]
def right():
    return sum(m.predict(x) == y for y in labels('test'))
before = right()
for y in labels('new'):
    m.learn(x, y)
print(before, right())
m.save('net.tp')
"""


def test_what_cannot_come_in_says_why():
    x, y = load_wine(return_X_y=True)
    wines = np.array(["barolo", "grignolino", "barbera"])[y]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    with pytest.raises(ValueError, match="is not fitted yet"):
        tp.from_sklearn(pipeline, x)
    pipeline.fit(x, wines)
    with pytest.raises(ValueError, match="^y has 0, expected the labels .*: 'barbera', 'barolo',"):
        tp.from_sklearn(pipeline, x, y)


def test_so_many_of_the_last_layers_learn():
    x, y = load_wine(return_X_y=True)
    net = fitted(MLPClassifier((8,), max_iter=5, random_state=0), x, y)
    for trainable, frozen in (None, 0), (2, 0), (1, 1), (0, 2):
        model = tp.from_sklearn(net, x, trainable=trainable, report=False)
        assert repr(model).count("trainable=False") == frozen
    for trainable in 3, 4, -1, 1.5:
        with pytest.raises(ValueError, match=f"trainable is {trainable}, expected .* 0 to 2"):
            tp.from_sklearn(net, x, trainable=trainable, report=False)


@pytest.mark.parametrize(
    "name, where",
    {
        "input_range": "x",
        "output_range": "what the network gives for x",
        "loss": "the estimator",
        "classes": "estimator.classes_",
    }.items(),
)
def test_what_is_found_cannot_be_given(name, where):
    x, y = load_wine(return_X_y=True)
    says = f"^{name} comes from {where}: leave it away"
    with pytest.raises(TypeError, match=says):
        tp.from_sklearn(fitted(LinearRegression(), x, y), x, **{name: None})
    if name.endswith("range"):
        with pytest.raises(TypeError, match=says):
            tp.from_onnx(dense(Graph(4), 4, 3).model(), np.zeros((4, 4)), **{name: (0, 1)})


def test_it_loses_nothing_by_learning_on(digits):
    x, y = digits
    test, before, after = slice(TRAINED_ON + 200, None), [], []
    for seed in SEEDS:
        net = MLPClassifier((32,), max_iter=300, random_state=seed)
        net = fitted(net, x[:TRAINED_ON], y[:TRAINED_ON])
        model = tp.from_sklearn(net, x[:TRAINED_ON], report=False)
        before.append(model.evaluate(x[test], y[test]))
        for start in range(TRAINED_ON, TRAINED_ON + 200, 20):
            model.learn_many(x[start : start + 20], y[start : start + 20])
            after.append(model.evaluate(x[test], y[test]))
    assert np.mean(after) >= np.mean(before) - 0.01 and min(after) >= min(before) - 0.05


NOISY = {  # an estimator, and its table
    "friedman": lambda seed: (Ridge(), make_friedman1(1000, noise=1.0, random_state=seed)),
    "diabetes": lambda seed: (Ridge(), load_diabetes(return_X_y=True)),
    "classes": lambda seed: (
        MLPClassifier((32, 16), max_iter=300, random_state=seed),
        make_classification(1000, 20, n_informative=8, n_classes=4, random_state=seed),
    ),
}


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("name", NOISY)
def test_what_noise_allows_is_not_lost_by_learning_on(name, labelled):
    fell = []
    for seed in SEEDS:
        net, (x, y) = NOISY[name](seed)
        n = int(0.7 * len(x))
        net = fitted(make_pipeline(StandardScaler(), net), x[:n], y[:n])
        model = tp.from_sklearn(net, x[:n], y[:n] if labelled else None, report=False)
        right = np.eye(4)[y[n:]] if name == "classes" else y[n:, np.newaxis]
        before = rate.score(model, x[n:], right)
        for start in range(0, 240, 40):
            model.learn_many(x[start : start + 40], y[start : start + 40])
            fell.append(before - rate.score(model, x[n:], right))
    assert np.mean(fell) < 0.01


@pytest.mark.parametrize("after, harms", [(0.77, False), (0.77 - 1 / 300, True)])
def test_two_points_less_are_no_harm(monkeypatch, after, harms):
    """0.79 - 0.77 is more than 0.02 in floating point."""
    monkeypatch.setattr(rate, "score", lambda model, x, right: after if model.steps else 0.79)
    model = types.SimpleNamespace(steps=0, _mse=False)
    model.learn_many = lambda x, y: setattr(model, "steps", model.steps + 1)
    assert (rate.harm(model, [], [], None, None) is not None) == harms


def test_outputs_in_unlike_units_count_alike(capsys):
    """The second one is mostly noise, and small beside the first."""
    fell = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=(600, 8)), rng.normal(size=(600, 2))
        y = (x[:, :2] + noise * [0.1, 1.5]) * [1e4, 1]
        model = tp.from_sklearn(fitted(Ridge(), x[:300], y[:300]), x[:300], y[:300])
        before = r2_score(y[300:, 1], scores_of(model, x[300:])[:, 1])
        for start in range(0, 300, 20):
            model.learn_many(x[start : start + 20], y[start : start + 20])
            fell.append(before - r2_score(y[300:, 1], scores_of(model, x[300:])[:, 1]))
    assert np.mean(fell) < 0.02
    assert "made R2 fall by" in capsys.readouterr().out


def test_the_report_has_the_worst_of_several_outputs():
    x, small = np.random.default_rng(0).normal(size=(2, 200, 3))
    outputs = np.column_stack([1e4 * x[:, 0], x[:, 1]])
    model = tp.from_sklearn(fitted(LinearRegression(), x, outputs), x, lr=0.1, report=False)
    outputs[:, 1] += 0.3 * small[:, 1]
    lines = report.compare(model, x, outputs, outputs).splitlines()
    off = scores_of(model, x)[:, 1] - outputs[:, 1]
    assert f"by {np.abs(off).mean():.3g} in the mean" in lines[1]
    assert f"({np.abs(off).mean() / outputs[:, 1].std():.2%} and " in lines[1]
    assert lines[2].startswith(f"root mean square error: float 0, integer {off.std():.2g}")
    assert all(line.endswith(" in output 1, the worst of 2") for line in lines[1:3])


@pytest.mark.parametrize("labelled", [True, False])
def test_averages_and_norms_of_pytorch_survive_learning_on(digits, labelled):
    x, y = digits
    file, test = GOLDEN / "torch_average.onnx", slice(TRAINED_ON + 200, None)
    known = x[:300].reshape(-1, 1, 8, 8), y[:300] if labelled else None
    model = tp.from_onnx(file, *known, report=False)
    before = model.evaluate(x[test], y[test])
    for start in range(TRAINED_ON, TRAINED_ON + 200, 20):
        model.learn_many(x[start : start + 20], y[start : start + 20])
        assert model.evaluate(x[test], y[test]) > before - 0.02
    assert model.evaluate(x[test], y[test]) > before


def test_the_report_says_which_rate_and_why(capsys):
    x, y = load_diabetes(return_X_y=True)
    net = fitted(make_pipeline(StandardScaler(), Ridge()), x, y)
    model = tp.from_sklearn(net, x, y)
    said = f"lr: {model.lr:.2g}, as at the rates that layers find learning on made R2 fall by "
    assert said in capsys.readouterr().out
    assert tp.from_sklearn(net, x, y, lr=0.5).lr == 0.5
    assert "lr:" not in capsys.readouterr().out


SET_BY_HAND = {
    "one layer": (64, lambda: [tp.Dense(10)]),
    "dense": (64, lambda: [tp.Dense(24, "relu"), tp.Dense(16, "relu"), tp.Dense(10)]),
    "conv": (
        (8, 8, 1),
        lambda: [tp.Conv2D(8, 3, activation="relu"), tp.MaxPool2D(), tp.Dense(10)],
    ),
}


@pytest.mark.parametrize("name", SET_BY_HAND)
def test_weights_that_are_set_lose_nothing_by_learning_on(digits, name):
    x, y = digits
    (shape, layers), test = SET_BY_HAND[name], slice(TRAINED_ON, None)
    before, after = [], []
    for seed in SEEDS:
        trained = tp.Model(shape, layers(), seed=seed, input_range=(0, 1))
        for _ in range(5):
            trained.learn_many(x[:TRAINED_ON], y[:TRAINED_ON])
        model = tp.Model(shape, layers(), seed=seed + 1, input_range=(0, 1))
        for i, layer in enumerate(layers()):
            if "Pool" not in repr(layer):
                model.set_weights(i, *trained.weights(i))
        before.append(model.evaluate(x[test], y[test]))
        order, done, scores = np.random.default_rng(seed).permutation(TRAINED_ON), 0, []
        for steps in (1, 2, 4, 8, 16, 32, 64, 100, 200, 400):
            now = order[done:steps]
            model.learn_many(x[now], y[now])
            scores.append(model.evaluate(x[test], y[test]))
            done = steps
        after.append(scores)
    assert np.all(np.mean(after, 0) >= np.mean(before) - 0.01)
    assert np.all(np.min(after, 1) >= np.array(before) - 0.03)


@pytest.mark.parametrize("name", ["sklearn", "torch_script", "keras"])
def test_it_adapts_on_a_pico_to_digits_that_are_turned(digits, name, pico):
    x, y = digits
    if name == "sklearn":
        net = MLPClassifier((32,), max_iter=60, random_state=1)
        net = fitted(net, x[:TRAINED_ON], y[:TRAINED_ON])
        model = tp.from_sklearn(net, x[:300], report=False)
    else:
        model = tp.from_onnx(GOLDEN / f"{name}.onnx", as_taken(x[:300], name), report=False)
    new_x, new_y, test = turned(x[:300]), y[:300], slice(TRAINED_ON, TRAINED_ON + 100)
    file = io.BytesIO()
    model.save(file)
    files = {"net.tp": file.getvalue(), "new_x": new_x, "new_y": new_y.astype(np.uint8)}
    files |= {"test_x": turned(x[test]), "test_y": y[test].astype(np.uint8)}
    for to, data in files.items():
        pico.fs_writefile(to, bytes(data) if isinstance(data, bytes) else data.tobytes())
    before, after = map(int, pico.exec(ADAPT).split())
    assert after >= before + 20  # of 100
    for sample, label in zip(new_x, new_y, strict=True):
        model.learn(sample, int(label))
    file = io.BytesIO()
    model.save(file)
    assert pico.fs_readfile("net.tp") == file.getvalue()


@pytest.fixture(scope="module")
def pico():
    from mpremote.transport_serial import SerialTransport

    with EmulatedPico("tinyprop") as board:
        line = SerialTransport(board.port, timeout=5)
        line.enter_raw_repl()
        yield line
        line.close()


# ---- ONNX node by node: small graphs of random numbers, against ONNX's reference


class Graph:
    """An ONNX model, written node by node."""

    def __init__(self, *shape, seed=0):
        self.rng = np.random.default_rng(seed)
        print("seed", seed)
        self.nodes, self.tensors, self.shape, self.last = [], [], shape, "x"

    def number(self, *shape, positive=False):
        v = self.rng.normal(size=shape) * 0.5
        return self.constant(np.abs(v) + 0.5 if positive else v, np.float32)

    def constant(self, value, dtype=np.int64):
        name = f"c{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, op, *inputs, before=False, **attributes):
        """before: the constants are the left operands."""
        out = f"v{len(self.nodes)}"
        names = (*inputs, self.last) if before else (self.last, *inputs)
        self.nodes.append(helper.make_node(op, names, [out], f"{op}_{out}", **attributes))
        self.last = out
        return self

    def model(self, n_samples="n"):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [n_samples, *self.shape])
        y = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def conv(g, channels, filters, kernel=(3, 3), depthwise=False, **attributes):
    if depthwise:
        attributes["group"] = filters
    w = g.number(filters, 1 if depthwise else channels, *kernel)
    return g.add("Conv", w, g.number(filters), **attributes)


def dense(g, n_in, units):
    return g.add("Gemm", g.number(n_in, units), g.number(units))


def normalise(g, n):
    names = [g.number(n), g.number(n), g.number(n), g.number(n, positive=True)]
    return g.add("BatchNormalization", *names)


def head(g, n_in):
    return dense(g.add("Flatten"), n_in, 3)


NORM = 0.003, 0.1, 0.2, 1e-6  # scale, shift, mean, variance; an epsilon is 1e-5 if none is given
GRAPHS = {
    "scaled input": lambda g: head(
        conv(g.add("Sub", g.number(2, 1, 1)).add("Div", g.number(positive=True)), 2, 4), 144
    ),
    "normalised input": lambda g: head(conv(normalise(g, 2), 2, 4), 144),
    "bias and scale behind": lambda g: head(
        conv(g, 2, 4).add("Mul", g.number(4, 1, 1)).add("Add", g.number(4, 1, 1)), 144
    ),
    "subtracted from": lambda g: head(
        conv(g, 2, 4).add("Sub", g.number(4, 1, 1), before=True), 144
    ),
    "norm of a variance near its epsilon": lambda g: head(
        conv(g, 2, 4).add("BatchNormalization", *(g.constant([v] * 4, np.float32) for v in NORM)),
        144,
    ),
    "padded below": lambda g: head(conv(g, 2, 4, auto_pad="SAME_LOWER"), 256),
    "norm behind relu": lambda g: head(conv(normalise(conv(g, 2, 4).add("Relu"), 4), 4, 3), 48),
    "relu behind pool": lambda g: head(
        conv(g, 2, 4).add("MaxPool", kernel_shape=[2, 2], strides=[2, 2]).add("Relu"), 36
    ),
    "average": lambda g: head(
        conv(g, 2, 4).add("Tanh").add("AveragePool", kernel_shape=[3, 2], strides=[3, 2]), 24
    ),
    "global average": lambda g: head(
        conv(g, 2, 4, strides=[2, 1]).add("Relu").add("GlobalAveragePool"), 4
    ),
    "mean of rows and columns": lambda g: dense(
        conv(g, 2, 4).add("Relu").add("ReduceMean", g.constant([2, 3]), keepdims=0), 4, 3
    ),
    "channels last": lambda g: head(
        conv(g.add("Transpose", perm=[0, 3, 1, 2]), 2, 4).add("Transpose", perm=[0, 2, 3, 1]), 144
    ),
    "depthwise": lambda g: head(conv(g, 2, 2, depthwise=True, pads=[1, 1, 1, 1]).add("Relu"), 128),
    "padded before": lambda g: head(
        conv(g.add("Pad", g.constant([0, 0, 1, 1, 0, 0, 1, 1])), 2, 4).add("Relu"), 256
    ),
    "padded along axes": lambda g: head(
        conv(g.add("Pad", g.constant([1, 1, 1, 1]), "", g.constant([-1, 2])), 2, 4), 256
    ),
    "reshaped": lambda g: dense(
        conv(g, 2, 4).add("Sigmoid").add("Reshape", g.constant([-1, 144])), 144, 3
    ),
    "softmax": lambda g: head(conv(g, 2, 4).add("Relu"), 144).add("Softmax", axis=-1),
    "log softmax": lambda g: head(conv(g, 2, 4).add("Relu"), 144).add("LogSoftmax", axis=-1),
    "one sigmoid": lambda g: dense(conv(g, 2, 4).add("Relu").add("Flatten"), 144, 1).add(
        "Sigmoid"
    ),
    "one sigmoid, without an axis": lambda g: (
        dense(g.add("Flatten"), 128, 1).add("Sigmoid").add("Squeeze", g.constant([1]))
    ),
    "clip": lambda g: head(
        conv(g, 2, 4).add("Clip", g.constant(0, np.float32), g.constant(6, np.float32)), 144
    ),
    "identity": lambda g: head(
        conv(g, 2, 4).add("Identity").add("Cast", to=TensorProto.FLOAT), 144
    ),
    "no map": lambda g: dense(dense(g.add("Flatten"), 128, 8).add("Tanh"), 8, 3),
}


def agrees(model, shape, seed=0):
    x = np.random.default_rng(seed).uniform(-1, 1, (60, *shape)).astype(np.float32)
    m = tp.from_onnx(model, x, report=False)
    network, reader = onnx_reader.read(model)
    outputs, order = reader.outputs(x, network.loss), reader.input_order
    own = np.empty((60, order.size), np.float32)
    own[:, order.ravel()] = x.reshape(60, -1)
    twin = FloatModel(m._image, np.float64)
    np.testing.assert_allclose([twin.scores(v) for v in own], outputs, atol=2e-3)
    assert np.abs(scores_of(m, own) - outputs).max(1).mean() < 0.03


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_computes_what_it_did(name):
    shape = (8, 8, 2) if name == "channels last" else (2, 8, 8)
    agrees(GRAPHS[name](Graph(*shape, seed=len(name))).model(), shape)


def test_a_series():
    g = conv(Graph(3, 20), 3, 4, (5,), strides=[2]).add("Relu")
    g.add("MaxPool", kernel_shape=[2], strides=[2])
    agrees(head(g, 16).model(), (3, 20))


def test_a_matrix_product_and_its_bias():
    g = Graph(6)
    g.add("MatMul", g.number(6, 5)).add("Add", g.number(5)).add("Relu")
    g.add("MatMul", g.number(5, 3)).add("Add", g.number(3))
    agrees(g.model(), (6,))


def test_shapes_that_a_graph_works_out_itself():
    g = conv(Graph(2, 8, 8), 2, 4).add("Relu")
    feature = g.last
    g.nodes.append(helper.make_node("Shape", [feature], ["s"]))
    g.nodes.append(helper.make_node("Gather", ["s", g.constant([0])], ["n"]))
    g.nodes.append(helper.make_node("Concat", ["n", g.constant([144])], ["to"], axis=0))
    g.add("Reshape", "to")
    agrees(dense(g, 144, 3).model(), (2, 8, 8))


@pytest.mark.parametrize("n_samples, rows", [("n", -1), (1, 1)])
def test_weights_that_stand_among_the_inputs(n_samples, rows):
    g = Graph(2, 2)
    model = dense(g.add("Reshape", g.constant([rows, 4])), 4, 3).model(n_samples)
    for tensor in model.graph.initializer:
        about = helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims)
        model.graph.input.insert(0, about)
    agrees(model, (2, 2))


def refused(g, match, shape=(2, 8, 8), **settings):
    with pytest.raises(Unsupported, match=match):
        tp.from_onnx(g.model(), np.zeros((4, *shape), np.float32), report=False, **settings)


def test_what_cannot_be_read_says_why():
    refused(head(conv(Graph(2, 8, 8), 2, 4).add("Elu"), 144), "Elu 'Elu_v1' .*no such layer")
    refused(head(conv(Graph(2, 8, 8), 2, 4, dilations=[2, 2]), 64), "no dilation")
    g = conv(Graph(2, 8, 8), 2, 4).add("MaxPool", kernel_shape=[3, 3], strides=[2, 2])
    refused(head(g, 16), "window is .3, 3. and its stride .2, 2.")
    g = conv(Graph(2, 8, 8), 2, 4).add("MaxPool", kernel_shape=[4, 4], strides=[4, 4])
    g.nodes[-1].attribute.append(helper.make_attribute("auto_pad", "SAME_UPPER"))
    refused(head(g, 16), "pads its input")
    g = conv(Graph(2, 8, 8), 2, 4)
    g.add("MaxPool", kernel_shape=[4, 4], strides=[4, 4], ceil_mode=1)
    refused(head(g, 16), "last windows reach beyond its input: export with ceil_mode=0")
    with pytest.raises(TypeError, match=r"^file is bytes, expected a name, or onnx.load_from_str"):
        tp.from_onnx(head(conv(Graph(2, 8, 8), 2, 4), 144).model().SerializeToString(), [[0]])
    g = conv(Graph(2, 8, 8), 2, 4)
    g.add("Add", g.number(2, 4, 1, 1))
    refused(head(g, 144), r"numbers are of shape \(2, 4, 1, 1\), what they act on of \(4, 6, 6\)")
    refused(
        head(conv(Graph(2, 8, 8), 2, 4, pads=[2, 2, 2, 2]), 400),
        "it pads .*same; else pad so in a layer of its own before",
    )
    lower = conv(Graph(2, 8, 8), 2, 4, (2, 2), auto_pad="SAME_LOWER")
    refused(head(lower, 256), r"it pads \[\[1, 0\], \[1, 0\]\] .* tinyprop \[\[0, 1\], \[0, 1\]\]")
    refused(head(conv(Graph(2, 8, 8), 2, 4), 144).add("Relu"), "last layer ends with relu")
    refused(conv(Graph(2, 8, 8), 2, 4), "last layer has to be a Gemm")
    refused(Graph(2, 8, 8).add("Relu"), "directly after")
    g = Graph(2, 8, 8)
    g.add("Pad", g.constant([1, 1]), "", g.constant([1]))
    refused(head(conv(g, 4, 4), 144), "it pads samples or channels")
    g = conv(Graph(2, 8, 8), 2, 4).add("GlobalAveragePool").add("Squeeze")
    refused(dense(g, 4, 3), "Squeeze 'Squeeze_v2' .* it names no axes, .* that of the samples")
    shifted = Graph(2, 8, 8)
    shifted.add("Add", shifted.number(2, 1, 1))
    refused(head(conv(shifted, 2, 4, pads=[1, 1, 1, 1]), 256), "pads with zeros what has been")


@pytest.mark.parametrize("units, last", [(3, "Softmax"), (3, "LogSoftmax"), (1, "Sigmoid")])
def test_probabilities_are_not_learned_as_numbers(units, last):
    says = f"ends with {last}, so .* leave loss away; or take the {last} away"
    refused(dense(Graph(4), 4, units).add(last), says, shape=(4,), loss="mse")


def softmax(**attributes):
    return dense(Graph(4), 4, 3).add("Softmax", **attributes)


def test_what_changes_nothing_may_come_after_softmax():
    g = softmax(axis=-1).add("Identity").add("Cast", to=TensorProto.DOUBLE).add("Flatten")
    agrees(g.add("Reshape", g.constant([-1, 3])).model(), (4,))
    agrees(dense(Graph(4), 4, 3).add("LogSoftmax", axis=1).add("Flatten").model(), (4,))
    refused(softmax().add("Relu"), "Relu.*after Softmax, which has to be the last", shape=(4,))
    g = softmax()
    refused(g.add("Reshape", g.constant([3, -1])), "axis of the samples", shape=(4,))


def test_softmax_is_over_all_outputs():
    refused(softmax(axis=0), "over axis 0, expected one of all outputs", shape=(4,))
    g = dense(Graph(4), 4, 3)
    g.add("Reshape", g.constant([-1, 3, 1])).add("Softmax", axis=2)
    refused(g, "over axis 2", shape=(4,))
    g = dense(Graph(4), 4, 3)
    agrees(g.add("Reshape", g.constant([-1, 1, 3])).add("Softmax").model(), (4,))
    model = dense(Graph(4), 4, 3).add("Softmax").model()
    model.opset_import[0].version = 12  # over all axes from 1 on
    agrees(model, (4,))


@pytest.mark.parametrize("kind", ["INT32", "UINT8", "BOOL"])
def test_what_becomes_integers_is_refused(kind):
    cast = {"to": getattr(TensorProto, kind)}
    says = f"makes {kind} of what is computed, expected floats"
    refused(dense(dense(Graph(4), 4, 3).add("Cast", **cast), 3, 2), says, shape=(4,))
    refused(softmax().add("Cast", **cast), says, shape=(4,))


def test_several_outputs_are_refused():
    model = softmax().model()
    model.graph.output.append(helper.make_tensor_value_info("v0", TensorProto.FLOAT, None))
    says = "1 inputs and 2 outputs, expected one of each; .* from_sklearn the estimator itself"
    with pytest.raises(Unsupported, match=says):
        tp.from_onnx(model, np.zeros((4, 4)), report=False)


def test_branches_are_refused():
    g = conv(Graph(2, 8, 8), 2, 2, pads=[1, 1, 1, 1])
    g.add("Add", "x")
    refused(head(g, 128), "goes two ways")


def test_a_fixed_number_of_samples_is_named():
    for shape in ((4, 144), (4, -1)):
        g = conv(Graph(2, 8, 8), 2, 4).add("Relu")
        model = dense(g.add("Reshape", g.constant(shape)), 144, 3).model(4)
        with pytest.raises(Unsupported, match="it is for 4 samples at a time; export it with one"):
            tp.from_onnx(model, np.zeros((4, 2, 8, 8)), report=False)


def test_an_input_without_a_size_is_refused():
    refused(dense(Graph("width"), 4, 3), "expected fixed sizes", shape=(4,))


# ---- scikit-learn's own rules


@pytest.mark.parametrize("estimator", [tp.TinyPropClassifier(), tp.TinyPropRegressor()], ids=str)
def test_scikit_learn_takes_it_for_one_of_its_own(estimator):
    results = check_estimator(estimator, on_skip=None)
    assert sum(result["status"] == "passed" for result in results) > 45


def test_an_estimator_learns_part_by_part():
    x, y = load_wine(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    order = np.random.default_rng(0).permutation(len(x))
    e = tp.TinyPropClassifier(replay=60)
    for _ in range(10):
        for part in np.array_split(order, 6):
            e.partial_fit(x[part], names[part], classes=["a", "b", "c"])
    assert e.score(x, names) > 0.9
    assert e.model_.classes == ["a", "b", "c"]
    with pytest.raises(ValueError, match="'d'"):
        e.partial_fit(x[:2], ["a", "d"])
    for others in ["a", "b"], ["a", "b", "d"]:
        with pytest.raises(ValueError, match=r"expected \['a' 'b' 'c'\] as in the first"):
            e.partial_fit(x[:2], ["a", "b"], classes=others)
    e.partial_fit(x[:2], ["a", "b"], classes=["c", "b", "a"])


@pytest.mark.parametrize(
    "settings, says",
    [
        *(({"hidden": hidden}, "hidden is .*, expected the units") for hidden in (8, None, "8")),
        *(({"epochs": n}, "epochs is .*, expected a whole number") for n in (0, -1, 1.5, None)),
    ],
)
def test_settings_of_an_estimator_that_cannot_be(settings, says):
    with pytest.raises(ValueError, match=says):
        tp.TinyPropClassifier(**settings).fit([[0], [1]], [0, 1])


def test_an_estimator_refuses_what_float32_does_not_hold_apart():
    x = np.random.default_rng(1).normal(size=(60, 2))
    with pytest.raises(ValueError, match="^y differs by too little .* Subtract a constant"):
        tp.TinyPropRegressor().fit(x, 1e8 + x[:, 0])
    with pytest.raises(ValueError, match="^column 1 of y differs"):
        tp.TinyPropRegressor().fit(x, x + [0, 1e9])
    with pytest.raises(ValueError, match="^column 1 of X differs"):
        tp.TinyPropClassifier().fit(x + [0, 1e9], x[:, 0] > 0)
    rounded = np.column_stack([x[:, 0], np.where(x[:, 0] > 0, 0.3, 0.1 + 0.2)])  # constant
    tp.TinyPropRegressor().fit(rounded, rounded)
    assert tp.TinyPropRegressor().fit(x, 1e4 + x[:, 0]).score(x, 1e4 + x[:, 0]) > 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        part = tp.TinyPropRegressor().partial_fit([[1e9]], [1e9])  # the others may lie far from it
        part.partial_fit([[1e9 + 1], [0]], [1e9 + 1, 0])
    with pytest.warns(UserWarning, match="^in these samples y differs by too little"):
        tp.TinyPropRegressor().partial_fit(x, 1e8 + x[:, 0])
    with pytest.warns(UserWarning, match="^in these samples column 1 of X differs"):
        tp.TinyPropClassifier().partial_fit(x + [0, 1e9], x[:, 0] > 0, [False, True])
    with pytest.raises(ValueError, match="float32 ends at"):
        tp.TinyPropRegressor().fit(x * 1e39, x[:, 0])
