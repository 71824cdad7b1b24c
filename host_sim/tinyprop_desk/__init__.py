"""What only a PC can do for a model: bring it in from other libraries, and say what that cost.

`tinyprop` shows these functions as its own. What they need is imported when they are used.
"""

import numpy as np

# Settings of Model that are not given here, and what each comes from.
RANGES = {"input_range": "x", "output_range": "what the network gives for x"}
OF_ESTIMATOR = RANGES | {"loss": "the estimator", "classes": "estimator.classes_"}


def __getattr__(name):
    if name in ("TinyPropClassifier", "TinyPropRegressor"):
        from . import estimator

        return getattr(estimator, name)
    raise AttributeError(f"tinyprop_desk has no {name}")


def from_sklearn(estimator, x, y=None, trainable=None, report=True, **settings):
    """A Model that computes what a fitted estimator of scikit-learn does.

    estimator: MLPClassifier, MLPRegressor, LogisticRegression, Ridge, LinearRegression, or a
    pipeline of StandardScaler or MinMaxScaler and one of them. x [samples, features]: from its
    training set, to choose ranges and formats by. y: their labels, for the report, and to try by
    which lr it goes on learning. trainable: how many of the last layers do; None: all.
    report=False prints none. settings: policy, lr, replay, seed of Model. Classes are numbered as
    in estimator.classes_, and named if these are names.
    Unsupported, a ValueError: what cannot be read, and what to do.
    """
    from . import sklearn_reader
    from .arrays import apart, blurred, names_of, numbers_of
    from .network import samples_of

    _refuse(settings, OF_ESTIMATOR)
    network = sklearn_reader.read(estimator)
    sklearn_reader.check_columns(estimator, x)
    columns = getattr(x, "columns", None)
    x = samples_of(x, network.shape)
    i = blurred(x)
    if i is not None:
        raise ValueError(apart(f"column {i if columns is None else columns[i]} of x"))
    outputs = sklearn_reader.outputs(estimator, x, network.loss)
    i = blurred(outputs) if network.loss == "mse" else None
    if i is not None:
        raise ValueError(apart(f"output {i} of the estimator, as the y that it was fitted to,"))
    if network.loss != "mse":
        settings["classes"] = names_of(estimator.classes_)
        if y is not None:
            y = numbers_of(estimator.classes_, y)
    return _bring_in(network, x, outputs, y, trainable, report, settings)


def from_onnx(file, x, y=None, loss=None, trainable=None, report=True, **settings):
    """A Model that computes what an ONNX model does, of PyTorch (torch.onnx.export) or of Keras
    (model.export(.., format="onnx")).

    file: path, or a model of the package onnx. x: samples from its training set as the ONNX model
    takes them, to choose ranges and formats by. The Model takes maps as [row, column, channel],
    so x of PyTorch has to be turned: x.transpose(0, 2, 3, 1); but a network without maps, which
    begins with Flatten, becomes a Model that takes x as it is. loss: "crossentropy" or "mse";
    None: classes if it has two outputs or more. settings: classes of Model, too. All else as in
    from_sklearn.
    """
    from . import onnx_reader
    from .network import samples_of

    _refuse(settings, RANGES)
    if isinstance(file, (bytes, bytearray)):
        raise TypeError("file is bytes, expected a name, or onnx.load_from_string(file)")
    with onnx_reader.damage_told_of(file):
        model = onnx_reader.load(file)
        network, reader = onnx_reader.read(model, loss)
    x = samples_of(x, reader.input_order.shape, np.float32)
    with onnx_reader.damage_told_of(file):
        outputs = reader.outputs(x, network.loss)
    return _bring_in(network, reader.turned(x), outputs, y, trainable, report, settings)


def _refuse(settings, found):
    for name, where in found.items():
        if name in settings:
            raise TypeError(f"{name} comes from {where}: leave it away")


def _bring_in(network, x, outputs, y, trainable, report, settings):
    from .arrays import answers
    from .network import fit
    from .rate import settle
    from .report import compare

    if y is not None:
        y = answers(y, outputs.shape, network.loss, settings.get("classes"))
    model = fit(network, x, outputs, trainable, **settings)
    x = np.ascontiguousarray(x, np.float32)
    why = settle(model, x, y) if model.lr is None else None
    if report:
        print(compare(model, x, outputs, y))
        if why:
            print(why)
    return model
