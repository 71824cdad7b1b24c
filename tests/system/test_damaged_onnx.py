"""Networks that are damaged do not come in, or come in as Models: from_onnx and from_sklearn say
what is wrong by a ValueError, whatever the damage is, and take no more memory than a whole one.

TINYPROP_SEED says which damage. A file that fails is left as damaged.onnx in a folder of pytest.
"""

import copy
import os
import random
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import tinyprop as tp
from onnx import helper, numpy_helper
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from tinyprop_desk import network

SEED = int(os.environ.get("TINYPROP_SEED", "1"))
GOLDEN = Path(__file__).resolve().parents[1] / "golden/onnx"
FILES = {path: onnx.load(path) for path in sorted(GOLDEN.glob("*.onnx"))}
TIMES = 30  # that each of them is damaged in each way
SAYS = "damaged.onnx is damaged, or no ONNX model"
NUMBERS = [0, 1, -1, 2, 3, 7, 255, 1 << 31, (1 << 40) + 1, (1 << 63) - 1, -(1 << 63)]
FLOATS = [0.0, -1.0, 1e-30, 3e38, float("inf"), float("nan")]


@pytest.fixture(autouse=True)
def quick_and_quiet(monkeypatch):
    monkeypatch.setattr(network, "STEPS", 4)  # formats of activations matter little here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def sample_shape(path):
    net = FILES[path]
    return [d.dim_value for d in net.graph.input[0].type.tensor_type.shape.dim][1:]


def in_bytes(net, rng):
    """Bytes changed, cut or put in, mostly before the weights."""
    data = bytearray(net.SerializeToString())
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 400))
        way = rng.random()
        if way < 0.7:
            data[at] = rng.choice(
                [0, 1, 255, rng.randrange(256), data[at] ^ 1 << rng.randrange(8)]
            )
        elif way < 0.8:
            data[at:at] = rng.randbytes(rng.randint(1, 20))
        elif way < 0.9:
            del data[at : at + rng.randint(1, 20)]
        else:
            del data[at + 1 :]
    return bytes(data)


def in_fields(net, rng):
    """Fields of the parsed file changed or removed: attributes, shapes, weights, names and all."""
    net = copy.deepcopy(net)
    for _ in range(rng.choice([1, 1, 2])):
        change_field(net, rng)
    return net.SerializeToString()


def change_field(message, rng):
    fields = message.ListFields()
    if not fields:
        return
    field, value = rng.choice(fields)
    many = hasattr(value, "append") or hasattr(value, "add")
    if rng.random() < 0.05:
        message.ClearField(field.name)
    elif many and rng.random() < 0.2:
        del value[rng.randrange(len(value))]
    elif many and rng.random() < 0.1:
        value.extend([value[rng.randrange(len(value))]])
    elif field.message_type:
        change_field(rng.choice(value) if many else value, rng)
    elif many:
        value[rng.randrange(len(value))] = changed(value[0], rng)
    else:
        try:
            setattr(message, field.name, changed(value, rng))
        except ValueError:  # of an enumeration, or it has 32 bits
            message.ClearField(field.name)


def changed(value, rng):
    if isinstance(value, float):
        return rng.choice(FLOATS)
    if isinstance(value, int):
        return rng.choice([*NUMBERS, value + 1, value - 1])
    if isinstance(value, str):
        return rng.choice(["", "x", "Relu", "Gemm", "Pad", "Add", "Conv", "Transpose", "If"])
    return rng.choice([b"", value[:-1], value + b"abcd", rng.randbytes(len(value))])


@pytest.mark.parametrize("damage", [in_bytes, in_fields])
def test_a_damaged_file_is_refused_or_works(damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    print("seed", SEED)
    rng, came_in, refused = random.Random(SEED), 0, []
    for _ in range(TIMES):
        for path, net in FILES.items():
            Path("damaged.onnx").write_bytes(damage(net, rng))
            x = np.random.default_rng(0).random((4, *sample_shape(path)), np.float32)
            try:
                model = tp.from_onnx("damaged.onnx", x, report=False)
            except ValueError as error:
                refused.append(str(error))
                continue
            model.learn(x[0], 1)
            came_in += 1
    assert came_in > TIMES / 10 and sum(text.startswith(SAYS) for text in refused) > TIMES / 10


def claims_an_input(net, huge):
    net.graph.input[0].type.tensor_type.shape.dim[1].dim_value = huge


def claims_a_constant(net, huge):
    """As a shape of the Reshape in front of its first Conv."""
    del net.graph.initializer[:]
    net.graph.node[0].input[1] = "of huge"
    huge = numpy_helper.from_array(np.int64([huge]), "huge")
    net.graph.initializer.append(huge)
    net.graph.node.insert(0, helper.make_node("ConstantOfShape", ["huge"], ["of huge"]))


def claims_weights(net, huge):
    """Many rows of no weights are no bytes."""
    for tensor in net.graph.initializer:
        if len(tensor.dims) > 1:
            tensor.ClearField("raw_data")
            tensor.dims[:] = [huge, 0, *tensor.dims[2:]]


def claims_units(net, huge):
    for tensor in net.graph.initializer:
        if len(tensor.dims) == 2:
            tensor.ClearField("raw_data")
            tensor.dims[:] = [0, huge]


@pytest.mark.parametrize("huge", [1 << 27, 1 << 40])
@pytest.mark.parametrize(
    "claim", [claims_an_input, claims_a_constant, claims_weights, claims_units]
)
def test_what_a_file_claims_takes_no_memory(claim, huge):
    net = copy.deepcopy(FILES[GOLDEN / "keras.onnx"])
    claim(net, huge)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):
            tp.from_onnx(net, np.zeros((4, 8, 8, 1)), report=False)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_a_file_that_is_no_model_says_what_to_do(tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"x,y,label\n1,2,up\n")
    with pytest.raises(ValueError, match=f"^{file} {SAYS[13:]}: export it again; onnx.checker"):
        tp.from_onnx(file, np.zeros((4, 2)))
    net = copy.deepcopy(FILES[GOLDEN / "keras.onnx"])
    weights = next(tensor for tensor in net.graph.initializer if len(tensor.dims) == 2)
    weights.raw_data = np.full(weights.dims, np.nan, np.float32).tobytes()
    with pytest.raises(ValueError, match=INFINITE):
        tp.from_onnx(net, np.zeros((4, 8, 8, 1)))


def test_x_has_to_be_samples_of_the_network():
    for path in FILES:
        for x, says in (
            (np.zeros((4, 64)), r"x is of shape \(4, 64\), expected \(samples, "),
            (np.zeros((0, *sample_shape(path))), r"x is of shape \(0, .*, expected \(samples, "),
            (np.full((4, *sample_shape(path)), np.nan), "x has values that are NaN or infinite"),
        ):
            with pytest.raises(ValueError, match="^" + says):
                tp.from_onnx(path, x)


# ---- scikit-learn


NETWORKS = (
    LogisticRegression(),
    LinearRegression(),
    MLPClassifier((4,), max_iter=5),
    MLPRegressor(hidden_layer_sizes=(4,), max_iter=5),
)
AGAIN = "is not as scikit-learn makes it: fit it once more"
INFINITE = "It has weights that are NaN or infinite: train it once more"
X, Y = np.random.default_rng(0).random((30, 3)), np.arange(30) % 3


def of_value(old, value):
    if isinstance(old, list):
        return [np.full(old[0].shape, value), *old[1:]]
    return np.full(np.shape(old), value)


@pytest.mark.parametrize("scaler", [None, StandardScaler(), MinMaxScaler()], ids=str)
@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_an_estimator_that_is_damaged_says_so(net, scaler):
    whole = clone(make_pipeline(scaler, net))
    with pytest.raises(ValueError, match="is not fitted yet"):
        tp.from_sklearn(whole, X)
    whole.fit(X, Y)
    with pytest.raises(ValueError, match=r"^x is of shape \(30, 2\), expected \(samples, 3\)"):
        tp.from_sklearn(whole, X[:, :2])
    for i, step in enumerate(whole):
        for name, old in vars(step).items() if step else ():
            for value in (None, "a", {}, np.nan, np.inf):
                damaged = copy.deepcopy(whole)
                setattr(damaged[i], name, of_value(old, value))
                refused_or_works(damaged)
            damaged = copy.deepcopy(whole)
            delattr(damaged[i], name)
            refused_or_works(damaged)


def refused_or_works(estimator):
    try:
        tp.from_sklearn(estimator, X, report=False).predict(X[0])
    except ValueError as error:
        print(error)


def test_weights_that_are_no_numbers():
    net = LogisticRegression().fit(X, Y)
    for value, says in ((np.nan, INFINITE), (np.inf, INFINITE), ("a", AGAIN)):
        net.coef_ = np.full((3, 3), value)
        with pytest.raises(ValueError, match=says):
            tp.from_sklearn(net, X)
    del net.coef_
    with pytest.raises(ValueError, match="^LogisticRegression " + AGAIN):
        tp.from_sklearn(net, X)
