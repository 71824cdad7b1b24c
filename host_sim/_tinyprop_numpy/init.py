"""The first weights and state of a model."""

from math import isqrt

from .activation import first_y_frac
from .fixed import rshift_round
from .format import MAX_W_FRAC, MSE, RELU, Error
from .image import HELD, require
from .plan import measure, open_image
from .random import next_random
from .select import MOST_SAVED


def start_of_random(seed):
    """Random numbers never leave 0, so they start elsewhere; small seeds are spread."""
    random = (seed * 0x9E3779B9 + 0x7F4A7C15) % 2**32 or 1
    for _ in range(8):
        random = next_random(random)
    return random


def init_weights(layer, random, are_0):
    """He (relu: c = 6) or LeCun (c = 3) uniform: |w| <= sqrt(c / fan_in). w_frac is the largest
    for which this limit is within max_weight. Biases start at 0, and with mse so do the weights of
    the output layer: what a new model says is the middle of the range. Returns the last random
    one."""
    c = 6 if layer.activation == RELU else 3
    w_frac, limit = MAX_W_FRAC, isqrt((c << 28) // layer.fan_in) << MAX_W_FRAC - 14
    while limit > layer.max_weight:
        w_frac, limit = w_frac - 1, limit >> 1
    layer.state.w_frac = w_frac
    limit = 0 if are_0 else limit
    w = layer.weights
    for i in range(w.size):
        random = next_random(random)
        w.flat[i] = rshift_round(((random >> 16) - (1 << 15)) * limit, 15)
    layer.biases[:] = 0
    return random


def init(image, seed):
    model, saved_bytes = measure(image)
    require(saved_bytes <= len(image), Error.IMAGE)
    require(model.spec.busy <= HELD, Error.BUSY)
    model.spec.saved_bytes = saved_bytes
    model = open_image(image)
    model.state.error = model.state.least_error = 1 << 28
    model.state.account = MOST_SAVED
    random = start_of_random(seed)
    for layer in model.layers:
        layer.state.y_frac = first_y_frac(model, layer)
        layer.state.age = 1
        if layer.has_weights:
            are_0 = layer is model.output and model.spec.loss == MSE
            random = init_weights(layer, random, are_0)
    model.state.random = random
