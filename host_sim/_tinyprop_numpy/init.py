"""The first weights and state of a model."""

from math import isqrt

from .activation import first_y_frac
from .fixed import rshift_round
from .format import MAX_W_FRAC, RELU, Error
from .image import require
from .plan import measure, open_image
from .select import MOST_SAVED


def random_numbers(seed):
    """Xorshift32, 16 bits at a time: -2^15 <= r < 2^15. It never leaves state 0, so it starts
    elsewhere; small seeds are spread over the states."""
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


def init_weights(layer, random):
    """He (relu: c = 6) or LeCun (c = 3) uniform: |w| <= sqrt(c / fan_in). w_frac is the largest
    for which this limit is within max_weight. Biases start at 0."""
    c = 6 if layer.activation == RELU else 3
    w_frac, limit = MAX_W_FRAC, isqrt((c << 28) // layer.fan_in) << MAX_W_FRAC - 14
    while limit > layer.max_weight:
        w_frac, limit = w_frac - 1, limit >> 1
    layer.state.w_frac = w_frac
    w = layer.weights
    w.flat = [rshift_round(next(random) * limit, 15) for _ in range(w.size)]
    layer.biases[:] = 0


def init(image, seed):
    model, saved_bytes = measure(image)
    require(saved_bytes <= len(image), Error.IMAGE)
    model.spec.saved_bytes = saved_bytes
    model = open_image(image)
    model.state.error, model.state.account = 1 << 28, MOST_SAVED
    random = random_numbers(seed)
    for layer in model.layers:
        layer.state.y_frac = first_y_frac(model, layer)
        layer.state.age = 1
        if layer.has_weights:
            init_weights(layer, random)
