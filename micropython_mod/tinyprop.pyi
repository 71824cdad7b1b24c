# Types of tinyprop, for editors and type checkers. What the names do is in docs/api.md.
import os
from array import array
from collections.abc import Sequence
from typing import Any, BinaryIO, Literal, Protocol, TypedDict

from typing_extensions import Buffer

__version__: str
__all__ = [
    "Model",
    "load",
    "Dense",
    "Conv2D",
    "Conv1D",
    "DepthwiseConv2D",
    "MaxPool2D",
    "MaxPool1D",
    "AvgPool2D",
    "AvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool1D",
    "Adaptive",
    "Diffused",
    "Full",
    "TopK",
    "TinyProp",
    "TinyPropV2",
    "Window",
    "Anomaly",
    "fleet",
]

_Activation = Literal["linear", "relu", "sigmoid", "tanh"]
_Padding = Literal["valid", "same"]
_Size = int | tuple[int, int]  # height and width
_Range = tuple[float, float]  # lo, hi

class _Array(Protocol):  # of numpy or pandas, on a PC
    def __array__(self) -> Any: ...

_Values = Buffer | Sequence[float] | _Array  # a buffer of b B h H i I l L or f
_Sample = _Values | Sequence[_Values] | Sequence[Sequence[_Values]]  # rows of a picture, say
_Samples = Buffer | Sequence[_Sample] | _Array
_Name = str | os.PathLike[str]

_Nested = Buffer | Sequence[Any]

class _Layer:
    spec: bytes
    def __init__(
        self,
        kind: int,
        units: int = 0,
        kernel: tuple[int, int] = (0, 0),
        strides: tuple[int, int] = (0, 0),
        padding: _Padding = "valid",
        activation: _Activation = "linear",
        trainable: bool = True,
    ) -> None: ...

class _Policy:
    text: str
    spec: tuple[int, int, int, int, int]
    def __init__(
        self,
        name: str,
        names: str,
        values: tuple[float, ...],
        kind: int,
        s_min: float = 0,
        s_max: float = 0,
        zeta: float = 1,
        skip: float = 0,
    ) -> None: ...

class _Stats(TypedDict):
    steps: int
    skipped: int
    replayed: int
    accuracy: float | None  # None with loss="mse"
    error: Any  # a float; with loss="mse" one, a list of them, or None before the first sample
    backward_share: float
    backward_share_nonzero: float
    outside: int
    saturated: int
    dead: list[int]
    rates: list[float | None]

def Dense(units: int, activation: _Activation = "linear", trainable: bool = True) -> _Layer: ...
def Conv2D(
    filters: int,
    kernel_size: _Size,
    strides: _Size = 1,
    padding: _Padding = "valid",
    activation: _Activation = "linear",
    trainable: bool = True,
) -> _Layer: ...
def Conv1D(
    filters: int,
    kernel_size: int,
    strides: int = 1,
    padding: _Padding = "valid",
    activation: _Activation = "linear",
    trainable: bool = True,
) -> _Layer: ...
def DepthwiseConv2D(
    kernel_size: _Size,
    strides: _Size = 1,
    padding: _Padding = "valid",
    activation: _Activation = "linear",
    trainable: bool = True,
) -> _Layer: ...
def MaxPool2D(pool_size: _Size = 2) -> _Layer: ...
def MaxPool1D(pool_size: int = 2) -> _Layer: ...
def AvgPool2D(pool_size: _Size = 2) -> _Layer: ...
def AvgPool1D(pool_size: int = 2) -> _Layer: ...
def GlobalAvgPool2D() -> _Layer: ...
def GlobalAvgPool1D() -> _Layer: ...
def Full() -> _Policy: ...
def TopK(ratio: float = 0.25) -> _Policy: ...
def TinyProp(s_min: float = 0, s_max: float = 1, zeta: float = 1) -> _Policy: ...
def TinyPropV2(
    s_min: float = 0, s_max: float = 1, zeta: float = 1, skip: float = 0.1
) -> _Policy: ...
def Diffused(ratio: float = 0.14, skip: float = 0.1) -> _Policy: ...
def Adaptive(ratio: float = 0.14, least: float = 0.1, skip: float = 0.1) -> _Policy: ...

class Model:
    def __init__(
        self,
        input_shape: int | Sequence[int],
        layers: Sequence[_Layer],
        loss: Literal["crossentropy", "mse"] = "crossentropy",
        lr: float | None = None,
        policy: _Policy | None = None,
        input_range: _Range | Sequence[_Range] | None = None,
        output_range: _Range | Sequence[_Range] | None = None,
        replay: int = 0,
        seed: int = 1,
        classes: Sequence[str] | _Array | None = None,
    ) -> None: ...
    def learn(self, x: _Sample, y: _Values | float | str) -> bool: ...
    def learn_many(self, x: _Samples, y: _Samples | Sequence[float | str]) -> int: ...
    def evaluate(self, x: _Samples, y: _Samples | Sequence[float | str]) -> float: ...
    # A str or an int; with loss="mse" a float or a list of floats. A union would fit no use.
    def predict(self, x: _Sample) -> Any: ...
    # An int; None with loss="mse".
    def predict_into(self, x: _Sample, out: Buffer) -> Any: ...
    def predict_proba(self, x: _Sample) -> list[float]: ...
    def knows(self, x: _Sample) -> bool: ...
    # A float, or None without a given rate; a pair, or a list of pairs if there are several, or
    # None before the first sample. Unions of them would fit no use either.
    @property
    def lr(self) -> Any: ...
    @lr.setter
    def lr(self, value: float | None) -> None: ...
    @property
    def input_range(self) -> Any: ...
    @input_range.setter
    def input_range(self, value: None) -> None: ...
    @property
    def output_range(self) -> Any: ...
    @output_range.setter
    def output_range(self, value: None) -> None: ...
    @property
    def classes(self) -> list[str | None]: ...
    @property
    def loss(self) -> float: ...
    def stats(self) -> _Stats: ...
    def check(self) -> list[str]: ...
    def reset(self, seed: int = 1) -> None: ...
    def weights(self, i: int) -> tuple[array[float], array[float]]: ...
    def set_weights(self, i: int, weights: _Nested, biases: _Values) -> None: ...
    def summary(self) -> None: ...
    def save(self, file: _Name | BinaryIO, replay: bool = False) -> None: ...
    def autosave(self, file: _Name | None, every: int = 1000, replay: bool = False) -> None: ...
    @property
    def loaded_from(self) -> str | None: ...

def load(file: _Name | BinaryIO) -> Model: ...

class Window:
    features: array[int]
    def __init__(
        self, size: int, hop: int | None = None, axes: int = 1, scale: float | None = None
    ) -> None: ...
    @property
    def names(self) -> list[str]: ...
    def clear(self) -> None: ...
    def push(self, reading: _Values | float) -> bool: ...

class Anomaly:
    model: Model
    def __init__(
        self,
        n: int,
        hidden: Sequence[int] | None = None,
        input_range: _Range | Sequence[_Range] | None = None,
        seed: int = 1,
    ) -> None: ...
    @property
    def seen(self) -> int: ...
    def learn(self, x: _Values) -> None: ...
    def score(self, x: _Values) -> float: ...
    def save(self, file: _Name | BinaryIO) -> None: ...
    @classmethod
    def load(cls, file: _Name | BinaryIO) -> Anomaly: ...

class fleet:  # a module
    class Member:
        round: int
        def __init__(
            self,
            model: Model,
            line: fleet.Serial | fleet.MQTT,
            file: str | None = None,
            every: int = 2000,
        ) -> None: ...
        def step(self, x: _Samples, y: _Samples | Sequence[float | str]) -> bool: ...

    class Serial:
        piece: int
        def __init__(self, port: Any = None, patience: int = 1000) -> None: ...
        def ask(self, question: bytes) -> bytes | None: ...

    class MQTT:
        piece: int
        def __init__(self, client: Any, name: str, patience: int = 2000) -> None: ...
        def ask(self, question: bytes) -> bytes | None: ...

    @staticmethod
    def learn(
        model: Model, x: _Samples, y: _Samples | Sequence[float | str], turn: int, steps: int
    ) -> None: ...

# On a PC. Estimators and samples are those of scikit-learn, which has no types.
def from_sklearn(
    estimator: Any,
    x: Any,
    y: Any = None,
    trainable: int | None = None,
    report: bool = True,
    **settings: Any,
) -> Model: ...
def from_onnx(
    file: Any,
    x: Any,
    y: Any = None,
    loss: Literal["crossentropy", "mse"] | None = None,
    trainable: int | None = None,
    report: bool = True,
    **settings: Any,
) -> Model: ...

class _Estimator:
    model_: Model
    def __init__(
        self,
        hidden: Sequence[int] = (32,),
        activation: _Activation = "relu",
        epochs: int = 50,
        lr: float | None = None,
        policy: _Policy | None = None,
        replay: int = 0,
        random_state: Any = 1,
    ) -> None: ...
    def fit(self, X: Any, y: Any) -> Any: ...
    def score(self, X: Any, y: Any) -> float: ...

class TinyPropClassifier(_Estimator):
    classes_: Any
    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> TinyPropClassifier: ...
    def predict_proba(self, X: Any) -> Any: ...
    def predict(self, X: Any) -> Any: ...

class TinyPropRegressor(_Estimator):
    def partial_fit(self, X: Any, y: Any) -> TinyPropRegressor: ...
    def predict(self, X: Any) -> Any: ...
