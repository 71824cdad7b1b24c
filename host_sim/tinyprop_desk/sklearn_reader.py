"""Networks and linear models of scikit-learn, alone or behind a scaler in a pipeline."""

import warnings
from itertools import zip_longest

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from .arrays import names_of
from .network import Layer, Network, Unsupported, damage_told

ACTIVATIONS = {"identity": "linear", "relu": "relu", "logistic": "sigmoid", "tanh": "tanh"}
NETWORKS = "MLPClassifier", "MLPRegressor"
LINEAR = "LogisticRegression", "Ridge", "LinearRegression"
SCALERS = "MinMaxScaler", "StandardScaler"
LAST = "identity", "logistic", "softmax"  # activations of a network's last layer
SUPPORTED = (
    "MLPClassifier, MLPRegressor, LogisticRegression, Ridge or LinearRegression, or a pipeline of"
    " StandardScaler or MinMaxScaler and one of them"
)


def read(estimator):
    """The Network of an estimator. ValueError: it was not fitted, or cannot be read."""
    steps = [step for _, step in estimator.steps] if hasattr(estimator, "steps") else [estimator]
    model, factor, shift = steps[-1], 1.0, 0.0
    with damage_told_of(estimator):
        for step in steps:
            if name_of(step) in NETWORKS + LINEAR + SCALERS:
                check_is_fitted(step)
        for step in steps[:-1]:
            if step is None or step == "passthrough":
                continue
            a, b = scaler(step)
            factor, shift = factor * a, shift * a + b
        layers, loss = layers_of(model)
        layers[0].read_scaled(factor, shift)
        return Network((model.n_features_in_,), layers, loss)


def check_columns(estimator, x):
    """Names of columns, where both know them, have to be the same ones in the same order."""
    found = names_of(getattr(x, "columns", ()))
    expected = names_of(getattr(estimator, "feature_names_in_", ()))
    if not (found and expected):
        return
    for i, (name, other) in enumerate(zip_longest(found, expected, fillvalue="none")):
        if name != other:
            raise ValueError(
                f"column {i} of x is {name}, expected {other}, as {name_of(estimator)} was fitted"
                " with; x[net.feature_names_in_] has its columns in its order, net being the"
                " estimator"
            )


def outputs(estimator, x, loss):
    """What the estimator gives for x, an array: probabilities, or numbers."""
    with damage_told_of(estimator), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")  # it had
        if loss == "mse":
            return np.asarray(estimator.predict(x), float).reshape(len(x), -1)
        return estimator.predict_proba(x)


def damage_told_of(estimator):
    what = f"{name_of(estimator)} is not as scikit-learn makes it: fit it once more"
    return damage_told(what, NotFittedError)


def name_of(step):
    return type(step).__name__


def scaler(step):
    """(a, b) of a scaler, which gives a * x + b."""
    if name_of(step) == "MinMaxScaler":
        if step.clip:
            raise Unsupported(f"{step} cannot be read; fit it with clip=False.")
        return step.scale_, step.min_
    if name_of(step) == "StandardScaler":
        scale = 1 / step.scale_ if step.with_std else 1.0
        return scale, -step.mean_ * scale if step.with_mean else 0.0
    raise Unsupported(f"{step} cannot be read; expected {SUPPORTED}.")


def layers_of(model):
    name = name_of(model)
    if name in NETWORKS:
        if model.out_activation_ not in LAST:
            raise Unsupported(
                f"The {name} ends with {model.out_activation_!r}, expected one of {LAST}: fit it"
                " once more, with loss='squared_error'."
            )
        activations = [ACTIVATIONS[model.activation]] * (len(model.coefs_) - 1) + ["linear"]
        parts = zip(model.coefs_, model.intercepts_, activations, strict=True)
        layers = [Layer("dense", w.astype(float), b.astype(float), a) for w, b, a in parts]
        if name == "MLPClassifier" and model._label_binarizer.y_type_.startswith("multilabel"):
            raise Unsupported("An MLPClassifier of several labels at a time cannot be read.")
    elif name in LINEAR:
        if name == "LogisticRegression":
            check_softmax(model)
        w = np.atleast_2d(model.coef_).T
        bias = np.resize(np.atleast_1d(model.intercept_), w.shape[1])
        layers = [Layer("dense", w.astype(float), bias.astype(float))]
    else:
        cure = f"expected {SUPPORTED}"
        if name.startswith("TinyProp"):
            cure = "its model_ is a Model already"
        elif hasattr(model, "best_estimator_"):
            cure = "its best_estimator_ may be"
        raise Unsupported(f"{name} cannot be read; {cure}.")
    if not hasattr(model, "predict_proba"):
        return layers, "mse"
    if len(model.classes_) == 1:
        raise Unsupported(
            f"The {name} knows one class, {model.classes_[0]}, expected two or more: fit it to"
            " samples of several classes."
        )
    if layers[-1].weights.shape[1] == 1:
        layers[-1].tell_two_classes()
    n_classes, n_outputs = len(model.classes_), layers[-1].weights.shape[1]
    if n_classes != n_outputs:
        raise ValueError(f"it has {n_classes} classes and {n_outputs} outputs")
    return layers, "crossentropy"


def check_softmax(model):
    """Refuses a LogisticRegression whose probabilities are others, as before scikit-learn 1.8."""
    several, way = len(model.classes_) > 2, getattr(model, "multi_class", None)
    if several and (way == "ovr" or model.solver == "liblinear"):
        what = "tells each class from all others by itself"
    elif not several and way == "multinomial":
        what = "is multinomial, of two classes"
    else:
        return
    raise Unsupported(
        f"The LogisticRegression {what}, expected the softmax of all classes: fit it once more,"
        " without multi_class, and with a solver that is not liblinear."
    )
