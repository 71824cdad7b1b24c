"""The plan of a model: what follows from its spec, worked out anew in each call."""

from math import prod

import numpy as np

from . import ranges, replay
from .activation import HAS_SIGN
from .format import (
    ACTIVATION_NAMES,
    ALIGN,
    CONV,
    CROSSENTROPY,
    DENSE,
    DEPTHWISE,
    KIND_NAMES,
    LAYER_SPEC,
    LINEAR,
    LOSS_NAMES,
    MAGIC,
    MAX_BYTES,
    MAX_PRODUCTS,
    MAX_VALUES,
    MAX_W_FRAC,
    MAXPOOL,
    MIN_Y_FRAC,
    MODEL_SPEC,
    MSE,
    POLICY_NAMES,
    RELU,
    VERSION,
    Error,
)
from .image import Model, require


def model_spec_is_sound(spec):
    return (
        0 < spec.n_layers < 255
        and spec.loss < len(LOSS_NAMES)
        and spec.policy < len(POLICY_NAMES)
        and max(spec.s_min, spec.s_max, spec.zeta) <= 1 << 15
        and spec.skip <= 1 << 14
        and 16 <= spec.lr_mantissa <= 31
        and 4 <= spec.lr_shift <= 30
    )


def layer_spec_is_sound(spec):
    return (
        spec.kind < len(KIND_NAMES)
        and spec.activation < len(ACTIVATION_NAMES)
        and spec.trainable <= 1
        and spec.same <= 1
    )


def layer_state_is_sound(state):
    return (
        0 <= state.w_frac <= MAX_W_FRAC
        and MIN_Y_FRAC <= state.y_frac <= 12
        and state.age < 512
        and state.threshold <= 1 << 30
        and state.residual <= 1 << 30
        and state.energy <= 1 << 30
        and state.n_summed < 256
        and state.mean_shift <= 31
    )


def slide(n, kernel, stride, same):
    """Output size and padding of one dimension; None if the kernel does not fit. Of an odd number
    of rows or columns of padding, one more lies below or to the right, as in Keras."""
    if kernel == 0 or stride == 0 or (not same and kernel > n):
        return None
    if not same:
        return (n - kernel) // stride + 1, 0
    out = -(-n // stride)
    reach = (out - 1) * stride + kernel
    return out, max(reach - n, 0) // 2


def product(*numbers):
    n = prod(numbers)
    return n if n <= MAX_VALUES else 0


def plan_shape(layer):
    """Output shape of a layer from its input shape."""
    spec = layer.spec
    layer.kernel_h, layer.kernel_w = spec.kernel_h, spec.kernel_w
    layer.stride_h, layer.stride_w = spec.stride_h, spec.stride_w
    layer.out_c = spec.units if layer.kind in (DENSE, CONV) else layer.in_c
    if layer.kind == DENSE or (not layer.has_weights and layer.kernel_h == 0):
        layer.kernel_h, layer.kernel_w = layer.in_h, layer.in_w  # one window: the whole input
    if layer.kind == DENSE or not layer.has_weights:
        layer.stride_h, layer.stride_w = layer.kernel_h, layer.kernel_w
    same = layer.has_weights and layer.kind != DENSE and spec.same
    require(layer.out_c > 0, Error.LAYER)
    rows = slide(layer.in_h, layer.kernel_h, layer.stride_h, same)
    require(rows, Error.LAYER)
    layer.out_h, layer.pad_h = rows
    columns = slide(layer.in_w, layer.kernel_w, layer.stride_w, same)
    require(columns, Error.LAYER)
    layer.out_w, layer.pad_w = columns
    layer.n_in = product(layer.in_h, layer.in_w, layer.in_c)
    layer.n_out = product(layer.out_h, layer.out_w, layer.out_c)
    channels = layer.in_c if layer.kind in (DENSE, CONV) else 1
    layer.fan_in = product(layer.kernel_h, layer.kernel_w, channels)
    require(min(layer.n_in, layer.n_out, layer.fan_in) > 0, Error.TOO_BIG)


def activation_bits(spec, layers):
    """12 in regressions with dense layers of at most 64 inputs, where 8 bits cost accuracy."""
    small = spec.loss == MSE and spec.in_h * spec.in_w * spec.in_c <= 64
    dense = all(layer.kind == DENSE for layer in layers)
    narrow = all(layer.spec.units <= 64 for layer in layers[:-1])
    return 12 if small and dense and narrow else 8


def max_weight(bits, layer, non_negative):
    """Largest |w| such that no sum can overflow: x_max fan_in max_weight + spare + slopes < 2^31.
    Half of spare is enough for the bias, and 2^29 for the slopes of a dense layer (centre.py)."""
    x_max = (1 << (bits if non_negative else bits - 1)) - 1
    spare = 1 << (27 if bits == 8 else 29)
    slopes = 1 << 29 if layer.kind == DENSE else 0
    return min((2**31 - 1 - spare - slopes) // (x_max * layer.fan_in), 32767)


def reads_map(layer, below):
    """Whether its inputs form a map: all but those of a dense layer that is the first, or above
    another dense layer."""
    return layer.kind != DENSE or (below is not None and below.kind != DENSE)


def has_zero_delta(below):
    """Whether an input of 0 has a delta of 0: above a relu, also through a maximum."""
    if below is None:
        return False
    relu = below.has_weights and below.activation == RELU
    return relu or (below.kind == MAXPOOL and below.zero_delta)


def check_head(image):
    """The spec of the model in an image, of this version."""
    require(image.ctypes.data % ALIGN == 0, Error.ALIGN)
    require(len(image) >= MODEL_SPEC.itemsize, Error.IMAGE)
    spec = image[: MODEL_SPEC.itemsize].view(MODEL_SPEC)
    require(spec["magic"][0] == MAGIC, Error.IMAGE)
    require(spec["version"][0] == VERSION, Error.VERSION)
    return spec


def start(image):
    """The Model in an image, of which only the spec need be there."""
    n = int(check_head(image)["n_layers"][0])
    require(len(image) >= MODEL_SPEC.itemsize + n * LAYER_SPEC.itemsize, Error.IMAGE)
    model = Model(image)
    require(model_spec_is_sound(model.spec), Error.IMAGE)
    require(min(model.spec.in_h, model.spec.in_w, model.spec.in_c) > 0, Error.LAYER)
    return model


def aligned(offset):
    """The next multiple of 4."""
    return offset + 3 & ~3


def plan_layers(model, shapes=None):
    """Works out all layers from the first one up, and where their weights lie. Returns where these
    end. shapes: gets the shape of each layer, up to the first one that has none."""
    spec, layers = model.spec, model.layers
    model.bits = activation_bits(spec, layers)
    model.delta_frac = 14 if model.bits == 8 else 13
    trained = [i for i, layer in enumerate(layers) if layer.has_weights and layer.trainable]
    model.first_trained = min(trained, default=len(layers))
    # A range may make inputs of 8 bits signed later; the bound for unsigned ones is tighter.
    non_negative = model.bits == 8
    below, at, products = None, model.weights_offset, 0
    for i, layer in enumerate(layers):
        began = at
        require(layer_spec_is_sound(layer.spec), Error.IMAGE)
        layer.in_h = below.out_h if below else spec.in_h
        layer.in_w = below.out_w if below else spec.in_w
        layer.in_c = below.out_c if below else spec.in_c
        plan_shape(layer)
        products += layer.n_out * layer.fan_in
        require(products <= MAX_PRODUCTS, Error.TOO_SLOW)
        layer.of_map = reads_map(layer, below)
        layer.zero_delta = has_zero_delta(below)
        layer.maximum = None
        if below and below.kind in (CONV, DEPTHWISE) and layer.kind == MAXPOOL:
            below.maximum = layer
        if layer.has_weights:
            layer.max_weight = max_weight(model.bits, layer, non_negative)
            non_negative = not HAS_SIGN[layer.activation]
            layer.weights_offset = at
            layer.biases_offset = aligned(at + 2 * layer.n_rows * layer.out_c)
            layer.sums_offset = layer.biases_offset + 4 * layer.out_c
            layer.means_offset = layer.sums_offset + 2 * layer.n_means
            at = aligned(layer.means_offset + layer.n_means)
        if shapes is not None:
            shapes[i, :5] = layer.out_h, layer.out_w, layer.out_c, layer.fan_in, at - began
        below = layer
    return at


def measure(image, shapes=None):
    """The Model of a spec, and the bytes of its spec and state."""
    model = start(image)
    model.tally_offset = plan_layers(model, shapes)
    spec, output = model.spec, model.output
    require(output.kind == DENSE and output.activation == LINEAR, Error.OUTPUT)
    fitting = (0,) if spec.loss == CROSSENTROPY else (0, 1, output.n_out)
    require(spec.n_output_ranges in fitting, Error.IMAGE)
    require(spec.n_input_ranges in (0, 1, spec.in_c), Error.IMAGE)
    model.replay_offset = saved_bytes = model.tally_offset + 4 * output.n_out
    if spec.replay > 0:
        require(model.first_trained < len(model.layers), Error.IMAGE)
        require(spec.loss == MSE or spec.replay >= output.n_out, Error.IMAGE)
        most = model.layers[model.first_trained].n_in + 2 * output.n_out  # bytes of a sample
        require(spec.replay * most <= MAX_BYTES // 4, Error.TOO_BIG)
        saved_bytes = aligned(saved_bytes + replay.n_bytes(model))
    return model, saved_bytes


def layout(image, shapes):
    """Bytes of an image of this spec."""
    shapes = shapes[: len(shapes) // 28 * 28].view("<u4").reshape(-1, 7)
    if len(image) >= MODEL_SPEC.itemsize:
        n_layers = image[: MODEL_SPEC.itemsize].view(MODEL_SPEC)[0]["n_layers"]
        require(len(shapes) >= n_layers, Error.OUT)
    require(not np.may_share_memory(image, shapes), Error.OVERLAP)
    require(shapes.ctypes.data % 4 == 0, Error.ALIGN)
    model, saved_bytes = measure(image, shapes)
    require(model.spec.saved_bytes in (0, saved_bytes), Error.IMAGE)
    require(model.spec.busy == 0, Error.IMAGE)
    return saved_bytes


def open_image(image):
    """The Model in an image, checked from end to end."""
    model, saved_bytes = measure(image)
    require(model.spec.saved_bytes == saved_bytes <= len(image), Error.IMAGE)
    model.attach_state()
    require(all(layer_state_is_sound(layer.state) for layer in model.layers), Error.IMAGE)
    ranges.complete(model)
    model.set_signs()
    return model


def opened(model):
    """The same of what tinyprop calls a Model; a field that is set here is set there."""
    return open_image(np.frombuffer(model._image, np.uint8))
