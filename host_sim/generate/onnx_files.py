"""Writes tests/golden/onnx: networks that PyTorch and Keras trained on digits, and exported.

    python host_sim/generate/onnx_files.py torch|keras

Neither library is among those that the project installs: run it where there is one (torch with
onnxscript, or keras with tensorflow and tf2onnx), and scikit-learn for the digits. The tests need
the files alone. Accuracies depend on the library's version, so they are in no test.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from sklearn.datasets import load_digits

FOLDER = Path(__file__).resolve().parents[2] / "tests/golden/onnx"
TRAINED_ON = 1200  # of 1797 digits
EPOCHS = 12


def digits():
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y


def by_torch():
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3),
        nn.ReLU6(),
        nn.Dropout(0.1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    export(net, "torch_script", "torch_dynamo")
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )
    export(net, "torch_average")


def export(net, *names):
    """Trains a network of PyTorch. Files whose name says dynamo are by that exporter."""
    import torch
    from torch.nn.functional import cross_entropy

    x, y = digits()
    x, y = torch.tensor(x).reshape(-1, 1, 8, 8)[:TRAINED_ON], torch.tensor(y)[:TRAINED_ON]
    adam = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(TRAINED_ON).split(32):
            adam.zero_grad()
            cross_entropy(net(x[batch]), y[batch]).backward()
            adam.step()
    net.eval()
    for name in names:
        dynamo = name.endswith("dynamo")
        torch.onnx.export(
            net, (x[:1],), FOLDER / f"{name}.onnx", dynamo=dynamo, external_data=False
        )
        strip(name)


def by_keras():
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    x, y = digits()
    x, y = x.reshape(-1, 8, 8, 1)[:TRAINED_ON], y[:TRAINED_ON]
    net = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.Conv2D(12, 1, activation="tanh"),
            layers.Flatten(),
            layers.Dense(20, activation="sigmoid"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    net.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    net.fit(x, y, epochs=EPOCHS, verbose=0)
    net.export(FOLDER / "keras.onnx", format="onnx")
    strip("keras")


def strip(name):
    """Takes away what tells of the machine that a file was made on."""
    model = onnx.load(FOLDER / f"{name}.onnx")
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        for words in ("metadata_props", "doc_string"):
            if any(field.name == words for field in part.DESCRIPTOR.fields):
                part.ClearField(words)
    for tensor in graph.initializer:
        tensor.ClearField("metadata_props")
    onnx.save(model, FOLDER / f"{name}.onnx", save_as_external_data=False)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    {"torch": by_torch, "keras": by_keras}[sys.argv[1]]()
