"""ONNX graphs, as PyTorch and Keras export them, read node by node into layers of tinyprop.

ONNX has maps as [channel, row, column] and moves their axes about; tinyprop has [row, column,
channel] throughout. So each value in a graph carries `order`: an array of its ONNX shape, without
the axis of samples, that tells of each element which of tinyprop's it is. Transpose and Reshape do
to it what they do to the data, and a dense layer puts its weights into the order that it finds.
"""

import math
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import onnx
from _tinyprop_numpy.format import MAX_VALUES
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from .network import Layer, Network, Unsupported, damage_told

ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh"}
FLOATS = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE
# What may come after the last one, as it changes no value.
KEEPERS = "Identity", "Dropout", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze"
MOST_FOLDED = 1 << 22  # numbers in a constant: what claims more is no network of a board


class Misread(Unsupported):
    """The values of x are not in the order that was tried."""


@dataclass
class Value:
    """What a node gives: factor * v + shift, v being what tinyprop's layer gives there.

    factor, shift: numbers, or one a channel. layer: the layer that made it, as long as its sums
    can be changed. pads: zeros around a map, [before, after] for each axis.
    """

    order: np.ndarray
    channels: int
    layer: Layer | None = None
    maximum_of: bool = False  # of windows of what the layer gives
    factor: np.ndarray | float = 1.0
    shift: np.ndarray | float = 0.0
    pads: list = field(default_factory=list)

    @property
    def is_plain(self):
        return np.all(self.factor == 1) and np.all(self.shift == 0) and not self.pads


def damage_told_of(file):
    what = "The ONNX model" if isinstance(file, onnx.ModelProto) else file
    return damage_told(
        f"{what} is damaged, or no ONNX model: export it again; onnx.checker.check_model may tell"
        " more",
        OSError,
    )


def load(file):
    return file if isinstance(file, onnx.ModelProto) else onnx.load(file)


def read(model, loss=None):
    """(the Network, the Reader that read it)."""
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise Unsupported(
            f"The network has {len(inputs)} inputs and {len(graph.output)} outputs, expected one"
            " of each; if scikit-learn trained it, give from_sklearn the estimator itself."
        )
    sizes = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim][1:]
    if not sizes or 0 in sizes:
        raise Unsupported(
            f"Its input has the shape {sizes} behind the number of samples, expected fixed sizes:"
            " export it with an example of x."
        )
    if min(sizes) < 0 or math.prod(sizes) > MAX_VALUES:
        raise Unsupported(
            f"Its input has the shape {sizes} behind the number of samples, expected at most"
            f" {MAX_VALUES:,} values."
        )
    faults = []
    for layout in ("flat", "channels first", "channels last"):
        try:
            reader = Reader(model, inputs[0], sizes, layout)
            return reader.network(loss), reader
        except Misread as fault:
            faults.append(fault)
    raise faults[-1]


class Reader:
    """layout: how x lies in the ONNX model; flat if it is no map, or never used as one.

    input_order: the order in which the ONNX model has the values of x.
    """

    def __init__(self, model, given, sizes, layout):
        """given: its input."""
        self.model, self.input, self.layout, self.layers = model, given, layout, []
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        n = int(np.prod(sizes))
        if layout == "flat":
            self.shape, order = (n,), np.arange(n).reshape(sizes)
        elif layout == "channels first":
            self.shape = (*sizes[1:], sizes[0])
            order = np.moveaxis(np.arange(n).reshape(self.shape), -1, 0)
        else:
            self.shape, order = tuple(sizes), np.arange(n).reshape(sizes)
        self.input_order = order
        self.values = {given.name: Value(order, self.shape[-1])}
        self.ended = None

    def network(self, loss):
        graph = self.model.graph
        uses = Counter(name for n in graph.node if n.op_type != "Shape" for name in set(n.input))
        for node in graph.node:
            data = [name for name in node.input if name in self.values]
            if data and node.op_type == "Shape":
                order = self.values[data[0]].order
                self.constants[node.output[0]] = np.int64([1, *order.shape])
                continue
            if not data:
                self.fold_constants(node)
                continue
            if any(uses[name] > 1 for name in data) or len(data) > 1:
                self.refuse(node, "its input goes two ways; layers must follow one another")
            ended = self.ended
            if ended and node.op_type not in KEEPERS:
                self.refuse(node, f"it comes after {ended}, which has to be the last one")
            method = getattr(self, "read_" + node.op_type.lower(), None)
            if method is None:
                self.refuse(node, "tinyprop has no such layer; docs/desk.md has what can be read")
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            value = self.values[data[0]]
            if value.pads and node.op_type != "Conv":
                self.refuse(node, "only a Conv may come after a Pad")
            result = method(node, value, attributes)
            if ended and not np.array_equal(result.order.ravel(), value.order.ravel()):
                self.refuse(node, f"it moves what comes of {ended}, which has to be the last one")
            self.values[node.output[0]] = result
        return self.finish(loss, self.values.get(graph.output[0].name))

    def finish(self, loss, value):
        last = self.layers[-1] if self.layers else None
        if value is None or last is None or last.kind != "dense":
            raise Unsupported("The last layer has to be a Gemm or a MatMul.")
        if last.activation == "sigmoid" and last.weights.shape[1] == 1:
            last.activation, self.ended = "linear", "Sigmoid"
            last.tell_two_classes()
        if last.activation != "linear" or not value.is_plain:
            raise Unsupported(
                f"The last layer ends with {last.activation}, expected none, or a Softmax: take it"
                " away, and train once more."
            )
        if loss == "mse" and self.ended:
            raise Unsupported(
                f"It ends with {self.ended}, so it gives probabilities of classes, and loss='mse'"
                f" is for numbers: leave loss away; or take the {self.ended} away, and train once"
                " more."
            )
        units = last.weights.shape[1]
        loss = loss or ("crossentropy" if self.ended or units > 1 else "mse")
        return Network(self.shape, self.layers, loss)

    def turned(self, x):
        """x, which is as the ONNX model takes it, in the order of the Model."""
        result = np.empty((len(x), self.input_order.size), np.float32)
        result[:, self.input_order.ravel()] = x.reshape(len(x), -1)
        return result

    def outputs(self, x, loss):
        """What the ONNX model gives for x, in floating point: probabilities, or numbers."""
        evaluator = ReferenceEvaluator(self.model)
        one_by_one = self.samples_at_a_time() == 1
        parts = [x[i : i + 1] for i in range(len(x))] if one_by_one else [x]
        results = [evaluator.run(None, {self.input.name: part})[0] for part in parts]
        result = np.concatenate(results).reshape(len(x), -1).astype(float)
        if loss == "mse" or self.ended == "Softmax":
            return result
        if self.ended == "LogSoftmax":
            return np.exp(result)
        if self.ended == "Sigmoid":
            return np.hstack([1 - result, result])
        e = np.exp(result - result.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def refuse(self, node, why, error=Unsupported):
        name = f" {node.name!r}" if node.name else ""
        raise error(f"{node.op_type}{name} cannot be read: {why}.")

    def fold_constants(self, node):
        """Computes what follows from constants alone."""
        inputs = [name for name in node.input if name]
        graph = helper.make_graph(
            [node],
            "constant",
            [],
            [helper.make_empty_tensor_value_info(name) for name in node.output],
            [numpy_helper.from_array(self.constants[name], name) for name in inputs],
        )
        alone = helper.make_model(graph, opset_imports=self.model.opset_import)
        shapes = shape_inference.infer_shapes(alone).graph.output
        sizes = [math.prod(d.dim_value for d in v.type.tensor_type.shape.dim) for v in shapes]
        has_graph = any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute)  # of any length
        if max(sizes) > MOST_FOLDED or has_graph:
            self.refuse(node, "what comes of its constants is not known, or too large")
        results = ReferenceEvaluator(alone).run(None, {})
        self.constants.update(zip(node.output, results, strict=True))

    def constant(self, node, i, otherwise=None):
        if i >= len(node.input) or not node.input[i]:
            return otherwise
        return self.constants[node.input[i]]

    # ---- values that keep or change their places

    def read_identity(self, node, value, attributes):
        return value

    read_dropout = read_identity

    def read_cast(self, node, value, attributes):
        if attributes["to"] not in FLOATS:
            kind = TensorProto.DataType.Name(attributes["to"])
            self.refuse(node, f"it makes {kind} of what is computed, expected floats")
        return value

    def read_transpose(self, node, value, attributes):
        return self.moved(node, value, lambda a: a.transpose(attributes["perm"]))

    def read_reshape(self, node, value, attributes):
        to = [n or (1, *value.order.shape)[i] for i, n in enumerate(self.constant(node, 1))]
        return self.moved(node, value, lambda a: a.reshape(to))

    def read_flatten(self, node, value, attributes):
        axis = attributes.get("axis", 1)
        return self.moved(node, value, lambda a: a.reshape(np.prod(a.shape[:axis], dtype=int), -1))

    def read_squeeze(self, node, value, attributes):
        axes = self.constant(node, 1, attributes.get("axes"))
        if axes is None:
            self.refuse(node, "it names no axes, and would take away that of the samples too")
        return self.moved(node, value, lambda a: a.squeeze(tuple(axes)))

    def read_unsqueeze(self, node, value, attributes):
        axes = self.constant(node, 1, attributes.get("axes"))
        return self.moved(node, value, lambda a: np.expand_dims(a, tuple(axes)))

    def moved(self, node, value, move):
        n, moved = self.samples_at_a_time(), None
        try:
            moved = move(value.order[None])
        except ValueError:  # it has no such shape, unless there are n samples
            if n < 2:
                raise
        if moved is None or moved.shape[0] != 1:
            why = "it moves the axis of the samples, which has to stay the first"
            if n > 1:
                why = f"it is for {n} samples at a time; export it with one sample, x[:1]"
            self.refuse(node, why)
        return replace(value, order=moved[0])

    def samples_at_a_time(self):
        """0 if any number will do."""
        return self.input.type.tensor_type.shape.dim[0].dim_value

    def opset(self):
        return next(o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx"))

    # ---- layers

    def read_gemm(self, node, value, attributes):
        w, bias = self.constant(node, 1), self.constant(node, 2, 0.0)
        if attributes.get("transB"):
            w = w.T
        w, bias = w * attributes.get("alpha", 1.0), bias * attributes.get("beta", 1.0)
        return self.dense(node, value, w, np.broadcast_to(bias, (1, w.shape[1]))[0])

    def read_matmul(self, node, value, attributes):
        if node.input[0] not in self.values:
            self.refuse(node, "its weights are on the left")
        w = self.constant(node, 1)
        return self.dense(node, value, w, np.broadcast_to(0.0, w.shape[-1:]))

    def dense(self, node, value, w, bias):
        if value.order.ndim != 1 or w.ndim != 2:
            shape = " x ".join(map(str, value.order.shape))
            self.refuse(node, f"its input is {shape}, expected a vector: flatten it before")
        if len(w) != value.order.size:
            self.refuse(
                node, f"its input has {value.order.size} values, its weights {len(w)} rows"
            )
        weights = np.empty(w.shape)
        weights[value.order] = w
        units = w.shape[1]
        layer = Layer("dense", weights, bias.astype(float))
        return self.weighted(node, value, layer, np.arange(units), units)

    def read_conv(self, node, value, attributes):
        w = self.constant(node, 1).astype(float)
        self.need_map(node, value)
        if w.ndim == 3:  # a series
            w = w[:, :, None]
        n_filters, of_group, *kernel = w.shape
        if w.size == 0:
            self.refuse(node, f"its weights are of shape {w.shape}")
        channels = value.channels
        if attributes.get("group", 1) == 1:
            kind, weights = "conv", w.transpose(2, 3, 1, 0)
        elif of_group == 1 and n_filters == channels:
            kind, weights = "depthwise", w[:, 0].transpose(1, 2, 0)
        else:
            self.refuse(node, "groups have to be 1, or one filter for each channel")
        strides = (1, *attributes.get("strides", (1, 1)))[-2:]
        if any(n != 1 for n in attributes.get("dilations", ())):
            self.refuse(node, "tinyprop has no dilation")
        sizes = (1, *value.order.shape[1:])[-2:]
        same = self.pads_same(node, value, attributes, sizes, kernel, strides)
        bias = self.constant(node, 2, np.zeros(n_filters)).astype(float)
        layer = Layer(kind, weights, bias, strides=tuple(strides), same=same)
        if same:
            out = [-(-n // s) for n, s in zip(sizes, strides, strict=True)]
        else:
            out = [(n - k) // s + 1 for n, k, s in zip(sizes, kernel, strides, strict=True)]
        order = canonical(n_filters, out[-(value.order.ndim - 1) :])
        return self.weighted(node, replace(value, pads=[]), layer, order, n_filters)

    def pads_same(self, node, value, attributes, sizes, kernel, strides):
        """Whether a Conv pads as "same" does; False if it does not pad."""
        n_axes = value.order.ndim - 1
        pads = list(attributes.get("pads", [0] * 2 * n_axes))
        pads = [[0, 0]] * (2 - n_axes) + [[pads[i], pads[n_axes + i]] for i in range(n_axes)]
        if value.pads:
            pads = [[a + c, b + d] for (a, b), (c, d) in zip(pads, value.pads, strict=True)]
        best = []
        for n, k, s in zip(sizes, kernel, strides, strict=True):
            missing = max((-(-n // s) - 1) * s + k - n, 0)
            best.append([missing // 2, missing - missing // 2])
        automatic = attributes.get("auto_pad", b"NOTSET").decode()
        if automatic == "SAME_UPPER":
            pads = best
        elif automatic == "SAME_LOWER":
            pads = [[after, before] for before, after in best]
        if not np.any(pads):
            return False
        if pads != best:
            self.refuse(
                node,
                f"it pads {pads} (before and after each axis), and tinyprop {best} or nothing;"
                " with a stride of 1 and an odd kernel these are the same; else pad so in a layer"
                " of its own before it, and train once more",
            )
        return True

    def weighted(self, node, value, layer, order, channels):
        """Adds a layer; what came before it and is no layer, it takes into its weights."""
        if not value.is_plain:
            if layer.same and np.any(value.shift != 0):
                self.refuse(node, "it pads with zeros what has been shifted before")
            layer.read_scaled(value.factor, value.shift)
        self.layers.append(layer)
        return Value(order, channels, layer)

    def need_map(self, node, value):
        """A map has to lie as ONNX has it."""
        expected = canonical(value.channels, value.order.shape[1:])
        is_map = self.layout != "flat" and value.order.ndim in (2, 3)
        if not is_map or not np.array_equal(value.order, expected):
            self.refuse(node, "its input does not lie as [channel, row, column]", Misread)

    # ---- pools

    def read_maxpool(self, node, value, attributes):
        if np.any(value.factor <= 0):
            self.refuse(node, "what comes before it is scaled by a negative number")
        pooled = self.pooled(node, value, attributes, "maxpool")
        return replace(pooled, layer=value.layer, maximum_of=True)

    def read_averagepool(self, node, value, attributes):
        return self.pooled(node, value, attributes, "avgpool")

    def pooled(self, node, value, attributes, kind):
        self.need_map(node, value)
        size = attributes["kernel_shape"]
        steps = attributes.get("strides", [1] * len(size))
        sizes = value.order.shape[1:]
        whole = all(n % k == 0 for n, k in zip(sizes, size, strict=True))
        if list(steps) != list(size) or any(n != 1 for n in attributes.get("dilations", ())):
            self.refuse(node, f"its window is {size} and its stride {steps}, expected the same")
        pads = np.any(attributes.get("pads", 0))
        if pads or (b"SAME" in attributes.get("auto_pad", b"") and not whole):
            self.refuse(node, "it pads its input, which no pool of tinyprop does")
        if attributes.get("ceil_mode") and not whole:
            self.refuse(node, "its last windows reach beyond its input: export with ceil_mode=0")
        self.layers.append(Layer(kind, size=(1, *size)[-2:]))
        order = canonical(value.channels, [n // k for n, k in zip(sizes, size, strict=True)])
        return replace(value, order=order, layer=None)

    def read_globalaveragepool(self, node, value, attributes):
        self.need_map(node, value)
        return self.averaged(value, keep=value.order.ndim)

    def read_reducemean(self, node, value, attributes):
        axes = self.constant(node, 1, attributes.get("axes"))
        rank = value.order.ndim
        axes = sorted(int(a) % (rank + 1) - 1 for a in axes)
        channel = value.order % value.channels
        first = channel[tuple(0 if i in axes else slice(None) for i in range(rank))]
        alone = rank - len(axes) == 1 and -1 not in axes
        if self.layout == "flat" or not alone or list(first) != list(range(value.channels)):
            self.refuse(node, "it does not average a map over its rows and columns", Misread)
        return self.averaged(value, rank if attributes.get("keepdims", 1) else 1)

    def averaged(self, value, keep):
        self.layers.append(Layer("globalavgpool"))
        order = np.arange(value.channels).reshape(-1, *[1] * (keep - 1))
        return replace(value, order=order, layer=None)

    def read_pad(self, node, value, attributes):
        self.need_map(node, value)
        pads = [int(n) for n in self.constant(node, 1, attributes.get("pads"))]
        rank = 1 + value.order.ndim
        axes, pairs = self.constant(node, 3, np.arange(rank)), [[0, 0]] * rank
        for i, axis in enumerate(axes):
            pairs[axis] = [pads[i], pads[len(axes) + i]]
        if attributes.get("mode", b"constant") != b"constant" or self.constant(node, 2, 0) != 0:
            self.refuse(node, "it pads with other things than zeros")
        if np.any(pairs[:2]):
            self.refuse(node, "it pads samples or channels")
        return replace(value, pads=([[0, 0]] + pairs[2:])[-2:])

    # ---- activations, and what is done to each element

    def read_relu(self, node, value, attributes):
        return self.activated(node, value, ACTIVATIONS[node.op_type])

    read_sigmoid = read_tanh = read_relu

    def read_clip(self, node, value, attributes):
        lo = self.constant(node, 1, attributes.get("min"))
        hi = self.constant(node, 2, attributes.get("max"))
        if lo is None or lo != 0 or (hi is not None and hi < 6):
            self.refuse(node, f"it clips to {lo} .. {hi}, expected 0 and 6, or no upper end")
        return self.activated(node, value, "relu")

    def activated(self, node, value, activation):
        layer = value.layer
        if layer is None or layer.activation != "linear":
            self.refuse(node, "an activation has to come directly after a Gemm, MatMul or Conv")
        layer.activation = activation
        return replace(value, layer=None)

    def read_softmax(self, node, value, attributes):
        rank, flattens = 1 + value.order.ndim, self.opset() < 13
        axis = attributes.get("axis", 1 if flattens else -1) % rank
        over = value.order.shape[axis - 1 :] if flattens else value.order.shape[axis - 1 : axis]
        if axis == 0 or math.prod(over) != value.order.size:
            self.refuse(node, f"it is over axis {axis}, expected one of all outputs, such as 1")
        self.ended = node.op_type
        return value

    read_logsoftmax = read_softmax

    def read_batchnormalization(self, node, value, attributes):
        scale, shift, mean, variance = (self.constant(node, i).astype(float) for i in range(1, 5))
        factor = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
        shape = (-1,) + (1,) * (value.order.ndim - 1)
        return self.scaled(
            node, value, factor.reshape(shape), (shift - mean * factor).reshape(shape)
        )

    def read_add(self, node, value, attributes):
        return self.scaled(node, value, 1.0, self.other(node))

    def read_mul(self, node, value, attributes):
        return self.scaled(node, value, self.other(node), 0.0)

    def read_sub(self, node, value, attributes):
        if node.input[0] in self.values:
            return self.scaled(node, value, 1.0, -self.other(node))
        return self.scaled(node, value, -1.0, self.other(node))

    def read_div(self, node, value, attributes):
        if node.input[0] not in self.values:
            self.refuse(node, "it divides by what a layer gives")
        return self.scaled(node, value, 1.0 / self.other(node), 0.0)

    def other(self, node):
        """The operand that is a constant."""
        names = [name for name in node.input if name not in self.values]
        return np.asarray(self.constants[names[0]], float)

    def scaled(self, node, value, factor, shift):
        """factor * value + shift, into the sums of the layer that made it, else into the next."""
        factor, shift = (self.by_channel(node, value, v) for v in (factor, shift))
        layer = value.layer
        if layer is not None and not (value.maximum_of and np.any(factor <= 0)):
            layer.scale(factor, shift)
            return value
        return replace(
            value, factor=value.factor * factor, shift=value.shift * factor + shift, layer=None
        )

    def by_channel(self, node, value, v):
        """One number a channel, of what ONNX adds to or multiplies with each element."""
        shape = value.order.shape
        v = np.asarray(v, float)
        if v.ndim > len(shape) and len(v) == 1:
            v = v[0]
        flat = np.empty(value.order.size)
        try:
            flat[value.order] = np.broadcast_to(v, shape)
        except ValueError:
            self.refuse(node, f"its numbers are of shape {v.shape}, what they act on of {shape}")
        rows = flat.reshape(-1, value.channels)
        if np.any(rows != rows[0]):
            self.refuse(node, "its numbers differ from place to place within a channel")
        return rows[0]


def canonical(channels, sizes):
    """The order of a map as ONNX has it: [channel, row, column]."""
    n = channels * int(np.prod(sizes))
    return np.moveaxis(np.arange(n).reshape(*sizes, channels), -1, 0)
