"""The layout of a model image, worked out from what was asked for, and its first contents."""

from math import isqrt, prod

from . import ranges
from .activation import start_exponent
from .fixed import rounded
from .image import (
    ALIGN,
    AVGPOOL,
    CONV,
    CROSSENTROPY,
    DENSE,
    DEPTHWISE,
    DIFFUSED,
    HEAD,
    LAYER,
    LINEAR,
    MAGIC,
    MAXPOOL,
    MSE,
    RANGE,
    RELU,
    SIGMOID,
    TANH,
    VERSION,
    Error,
    Model,
    require,
)

MAX_N = 65534  # of inputs, outputs and products per output of a layer
MAX_BYTES = 0x7FFFFFFC
MAX_FW = 16


class Space:
    """Hands out the image piece by piece, each at a multiple of 4."""

    def __init__(self, used):
        self.used, self.overflow = used, False

    def take(self, n_bytes):
        at = self.used
        if at + n_bytes > MAX_BYTES:
            self.overflow = True
        else:
            self.used = (at + n_bytes + 3) & ~3
        return at


def head_is_sound(h):
    one = 1 << 15
    return (
        h.n_layers > 0
        and h.loss <= MSE
        and h.policy <= DIFFUSED
        and max(h.s_min, h.s_max, h.zeta) <= one
        and h.skip <= 1 << 14
        and 16 <= h.lr_m <= 31
        and 4 <= h.lr_n <= 30
        and h.in_signed <= 1
    )


def record_is_sound(r):
    return (
        r.kind <= AVGPOOL
        and r.activation <= TANH
        and r.trainable <= 1
        and r.same <= 1
        and 0 <= r.fw <= MAX_FW
        and -8 <= r.fy <= 12
        and r.age < 512
        and r.threshold <= 1 << 30
        and r.carry <= 1 << 30
    )


def slide(n, kernel, stride, same):
    """Output size and padding of one dimension; None where the kernel does not fit. The odd row or
    column of padding lies below or to the right, as in Keras."""
    if kernel == 0 or stride == 0 or (not same and kernel > n):
        return None
    if not same:
        return (n - kernel) // stride + 1, 0
    out = -(-n // stride)
    reach = (out - 1) * stride + kernel
    return out, max(reach - n, 0) // 2


def shape(layer):
    """Shape of a layer's output from that of its input."""
    kernel = (layer.kernel_h, layer.kernel_w)
    stride = (layer.stride_h, layer.stride_w)
    layer.out_c = layer.units if layer.kind in (DENSE, CONV) else layer.in_c
    if layer.kind == DENSE or (not layer.has_weights and layer.kernel_h == 0):
        kernel = stride = (layer.in_h, layer.in_w)  # one window: the whole input
    elif not layer.has_weights:
        stride = kernel
    same = layer.has_weights and layer.same
    require(min(layer.in_h, layer.in_w, layer.in_c, layer.out_c) > 0, Error.LAYER)
    rows = slide(layer.in_h, kernel[0], stride[0], same)
    require(rows, Error.LAYER)
    layer.out_h, layer.pad_h = rows
    columns = slide(layer.in_w, kernel[1], stride[1], same)
    require(columns, Error.LAYER)
    layer.out_w, layer.pad_w = columns

    def product(*numbers):
        n = prod(numbers)
        return n if n <= MAX_N else 0

    layer.n_in = product(layer.in_h, layer.in_w, layer.in_c)
    layer.n_out = product(layer.out_h, layer.out_w, layer.out_c)
    layer.fan_in = product(*kernel, 1 if layer.kind == DEPTHWISE else layer.in_c)
    require(min(layer.n_in, layer.n_out, layer.fan_in) > 0, Error.TOO_BIG)
    require(layer.fan_in * layer.out_c <= MAX_BYTES // 2, Error.TOO_BIG)


def activation_bits(head, layers):
    """12 for regressions with dense layers of at most 64 inputs, where 8 bits cost accuracy."""
    small = head.loss == MSE and head.in_h * head.in_w * head.in_c <= 64
    dense = all(layer.kind == DENSE for layer in layers)
    narrow = all(layer.units <= 64 for layer in layers[:-1])
    return 12 if small and dense and narrow else 8


def max_weight(head, layer, non_negative):
    """max |w| such that no sum can overflow: x_max * fan_in * max_weight + spare < 2^31, where
    half of spare is enough for the bias."""
    x_max = (1 << (head.bits if non_negative else head.bits - 1)) - 1
    spare = 1 << (27 if head.bits == 8 else 29)
    return min((2**31 - 1 - spare) // (x_max * layer.fan_in), 32767)


def is_rectified(layer, below):
    """Whether an input of 0 has an error of 0: above a relu, also through a maximum."""
    if below is None:
        return False
    relu = below.has_weights and below.activation == RELU
    return relu or (below.kind == MAXPOOL and bool(below.rectified))


def layout(image):
    """Works out all that follows from what was asked for, and checks it. Only head and records
    need be there. Returns the Model."""
    require(image.ctypes.data % ALIGN == 0, Error.ALIGN)
    require(len(image) >= HEAD.itemsize, Error.IMAGE)
    head = image[: HEAD.itemsize].view(HEAD)[0]
    require(head["magic"] == MAGIC, Error.IMAGE)
    require(head["version"] == VERSION, Error.VERSION)
    n = int(head["n_layers"])
    require(len(image) >= HEAD.itemsize + n * LAYER.itemsize, Error.IMAGE)
    model = Model(image)
    head, layers = model.head, model.layers
    require(head_is_sound(head), Error.IMAGE)
    head.bits = activation_bits(head, layers)
    lay_out_shapes(head, layers)
    space = Space(HEAD.itemsize + n * LAYER.itemsize)
    lay_out_saved(space, head, layers)
    lay_out_scratch(space, head, layers)
    head.n_bytes = space.used
    require(not space.overflow, Error.TOO_BIG)
    return model


def lay_out_shapes(head, layers):
    head.first_trained = head.n_layers
    # 8-bit inputs may become signed when a range is set: the bound of unsigned ones is tighter.
    non_negative = head.bits == 8
    below = None
    for i, layer in enumerate(layers):
        require(record_is_sound(layer), Error.IMAGE)
        layer.in_h = below.out_h if below else head.in_h
        layer.in_w = below.out_w if below else head.in_w
        layer.in_c = below.out_c if below else head.in_c
        head.bad_layer = i
        shape(layer)
        layer.rectified = int(is_rectified(layer, below))
        if layer.has_weights:
            layer.max_weight = max_weight(head, layer, non_negative)
            non_negative = layer.activation in (RELU, SIGMOID)
            if layer.trainable and head.first_trained == head.n_layers:
                head.first_trained = i
        below = layer
    require(below.kind == DENSE and below.activation == LINEAR, Error.OUTPUT)
    outputs = (0,) if head.loss == CROSSENTROPY else (1, below.n_out)
    require(head.n_in_ranges in (1, head.in_c) and head.n_out_ranges in outputs, Error.IMAGE)


def lay_out_saved(space, head, layers):
    head.ranges = space.take((head.n_in_ranges + head.n_out_ranges) * RANGE.itemsize)
    for layer in layers:
        layer.weights = space.take(2 * layer.fan_in * layer.out_c if layer.has_weights else 0)
        layer.biases = space.take(4 * layer.out_c if layer.has_weights else 0)
    head.n_saved = space.used


def list_bytes(layer, n):
    """Of a list of n inputs in the C core: a word each, three where rows are long; an end."""
    return 4 * (n * (3 if 2 * layer.out_c > 65532 else 1) + 1)


def keeps_list(head, layers, i):
    """Whether the C core needs the list of a layer's inputs beyond its forward pass."""
    return layers[i].kind == DENSE and i in (0, head.first_trained)


def lay_out_scratch(space, head, layers):
    # The inputs of a model that starts with a dense layer lie at the end of their own list.
    at = 0 if keeps_list(head, layers, 0) else space.take(2 * layers[0].n_in)
    work, buffer = 0, [0, 0]
    for i, layer in enumerate(layers):
        last = i + 1 == len(layers)
        layer.inputs = at
        layer.outputs = at = space.take(0 if last else 2 * layer.n_out)
        # What the C core works in: the kept errors, or the inputs that a layer or a position sees,
        # or the gradient of a filter; the errors of every other layer, or the sums at a position;
        # the biases of a convolution.
        if layer.has_weights and not keeps_list(head, layers, i):
            work = max(work, list_bytes(layer, layer.fan_in))
        if layer.kind == DENSE:
            work = max(work, 8 * layer.n_out)
        if i >= head.first_trained:
            b = (len(layers) - 1 - i) & 1
            buffer[b] = max(buffer[b], 4 * layer.n_out)
        if layer.has_weights:
            buffer[0] = max(buffer[0], 4 * layer.out_c)
        if layer.kind in (CONV, DEPTHWISE):
            buffer[1] = max(buffer[1], 4 * layer.out_c)
    head.work = space.take(work)
    head.buffer = [space.take(size) for size in buffer]
    for i, layer in enumerate(layers):
        own = keeps_list(head, layers, i)
        layer.list = space.take(list_bytes(layer, layer.n_in)) if own else head.work
    first = layers[0]
    if keeps_list(head, layers, 0):
        first.inputs = first.list + list_bytes(first, first.n_in) - 2 * first.n_in


def open_image(image):
    """layout, and the whole image must be there."""
    return open_with(image, ranges.is_sound, Error.IMAGE)


def open_with(image, test, otherwise):
    model = layout(image)
    require(len(image) >= model.head.n_bytes, Error.IMAGE)
    require(all(test(r) for r in model.ranges(0) + model.ranges(1)), otherwise)
    return model


def random_numbers(seed):
    """Xorshift32: 16 bits at a time, -2^15 <= r < 2^15. It never leaves state 0, so that is not
    where it starts, and small seeds are spread over the states."""
    mask = 0xFFFFFFFF
    state = (seed * 0x9E3779B9 + 0x7F4A7C15) & mask or 1
    n = 0
    while True:
        state ^= (state << 13) & mask
        state ^= state >> 17
        state ^= (state << 5) & mask
        n += 1
        if n > 8:
            yield (state >> 16) - (1 << 15)


def init_layer(model, layer, random):
    """He (relu: c = 6) or LeCun (c = 3) uniform: |w| <= sqrt(c / fan_in), in the finest format in
    which that limit is not above max_weight. Biases start at 0."""
    c = 6 if layer.activation == RELU else 3
    fw, limit = MAX_FW, isqrt((c << 28) // layer.fan_in) << MAX_FW - 14
    while limit > layer.max_weight:
        fw, limit = fw - 1, limit >> 1
    layer.fw = fw
    w = model.weights(layer)
    w.flat = [rounded(next(random) * limit, 15) for _ in range(w.size)]
    model.biases(layer)[:] = 0


def init(image, seed):
    model = open_with(image, ranges.has_width, Error.RANGE)
    ranges.derive_all(model)
    random = random_numbers(seed)
    for layer in model.layers:
        layer.fy = start_exponent(model, layer)
        layer.age = 1
        if layer.has_weights:
            init_layer(model, layer, random)
