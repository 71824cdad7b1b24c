"""The C core, compiled by the machine's gcc, and calls of its single functions."""

import ctypes

import images
import numpy as np
from _tinyprop_numpy import progress, rate
from compiling import CORE, HERE, SOURCES, build, run
from exact import random_of_step, steps_with_extreme_dithers
from headers import TYPES, tp_layer_t, tp_model_t

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def gcc(*arguments):
    run("ccache", "gcc", *arguments, f"-I{CORE}")


def library(folder):
    """The core as a shared library for ctypes; its inline functions have names there too."""
    path = folder / "core.so"
    options = ["-O1", "-g", "-shared", "-fPIC", "-Wl,--wrap=tp_put_deltas"]
    options += ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    build(path, [*SOURCES, HERE / "inline_functions.c"], *options)
    core = ctypes.CDLL(path)
    for name in (
        "tp_exp_minus",
        "tp_l1_norm",
        "tp_crossentropy",
        "tp_float_from_fixed",
        "call_which",
    ):
        getattr(core, name).restype = ctypes.c_uint32
    core.tp_exp_minus.argtypes = core.tp_bits.argtypes = [ctypes.c_uint32]
    core.tp_select.restype = ctypes.c_size_t
    core.call_nonzero_of.restype = ctypes.c_void_p
    return core


def as_c(value):
    """Arrays and structures are passed by address."""
    if isinstance(value, np.ndarray):
        return value.ctypes.data_as(ctypes.c_void_p)
    return ctypes.byref(value) if isinstance(value, ctypes.Structure) else value


class CModel(images.Image):
    """An opened model in an image, and the core's functions that take it or one of its layers."""

    def __init__(self, core, *arguments, **settings):
        self.core = core
        self.buffer = images.build(images.BACKENDS["c"], *arguments, **settings)
        super().__init__(self.buffer)
        self.memory = ctypes.c_char.from_buffer(self.buffer)
        self.opened = tp_model_t()
        image = ctypes.c_void_p(ctypes.addressof(self.memory))
        assert core.tp_open(as_c(self.opened), image, ctypes.c_size_t(len(self.buffer))) == 0
        self.set_rates()

    def address(self, layer):
        return ctypes.c_void_p(ctypes.addressof(self.memory) + self.plan_offset(layer))

    def call(self, name, layer, *arguments):
        """Calls name(model, layer, ...), arrays and structures by address. layer: a number, or
        None for name(model, ...)."""
        if layer is not None:
            arguments = (self.address(layer), *arguments)
        return getattr(self.core, name)(as_c(self.opened), *map(as_c, arguments))

    def set_rates(self):
        """Gives layers the learning rate of the spec, as a step does."""
        left = self.call("tp_left_to_learn", None)
        assert left == progress.left_to_learn(self.twin)
        brake = self.call("tp_brake", None, left)
        assert brake == rate.brake(self.twin, left)
        for i, layer in enumerate(self.twin.layers):
            if layer.has_weights:
                self.call("tp_set_rate", i, brake)
                rate.set_rate(self.twin, layer, brake)

    def dither(self, layer, shift):
        """What rounds a step of a layer by this shift now."""
        return random_of_step(self.head.trained, self.layers[layer].weights) >> 32 - shift

    def extreme_dithers(self, layer):
        """Makes the layer's dither about the least that there is, then the largest."""
        for trained in steps_with_extreme_dithers(self.layers[layer].weights):
            self.head.trained = trained
            yield

    def list_inputs(self, layer, values):
        """Gives a dense layer its inputs, and builds the list of the non-zero ones."""
        self.inputs(layer)[:] = values
        self.call("tp_list_inputs", layer)

    def delta_sums(self, layer, deltas):
        sums = TYPES["tp_delta_sums_t"]()
        self.call("tp_sum_deltas", layer, deltas, 0, sums)
        return sums

    def select(self, layer, deltas, frac, depth):
        """Zeroes deltas that are not selected. Returns how many are, and checks that the sums of
        what is left are told."""
        sums = TYPES["tp_delta_sums_t"]()
        selected = self.call("tp_select", layer, deltas, frac, depth, sums)
        assert sums.l1_norm == np.abs(deltas.astype(int)).sum()
        return selected

    def update_biases(self, layer, deltas, frac):
        of_filter = None
        if self.layers[layer].kind != images.number("dense"):
            of_filter = ctypes.c_void_p(self.delta_sums(layer, deltas).of_filter)
        self.call("tp_update_biases", layer, deltas, of_filter, frac)

    def backward(self, layer, deltas, frac, want_dx=True, n_deltas=None):
        """The backward pass of a layer with weights, for deltas as the L1 guard leaves them.
        Returns dx, or None if none are wanted. n_deltas: told to a convolution in place of how
        many are not 0, by which it chooses its way."""
        plan, sums = self.layers[layer], self.delta_sums(layer, deltas)
        below = TYPES["tp_deltas_t"]() if want_dx else None
        dx, v = np.full(plan.n_in, 99, np.int32), np.zeros(plan.n_in, np.int32)
        n_row = plan.in_w * plan.in_c if plan.reads_map else plan.n_in
        self.core.keep_dx(as_c(dx), ctypes.c_size_t(n_row))
        if plan.kind == images.number("dense"):
            self.call("tp_dense_backward", layer, deltas, sums.l1_norm, frac, v, below)
        else:
            n = sums.n_nonzero if n_deltas is None else n_deltas
            self.call("tp_conv_backward", layer, deltas, n, frac, below)
        self.core.keep_dx(None, 0)
        return dx if want_dx else None

    def deltas(self, layer, dy, v_frac):
        """dy of a layer -> deltas of the next one with weights from there down, and their
        format."""
        plan, d = self.layers[layer], TYPES["tp_deltas_t"]()
        v = np.array(dy, np.int32)
        if plan.gives_map:
            self.core.tp_start_deltas(as_c(d), as_c(self.opened), self.address(layer), v_frac)
        else:
            start = self.core.tp_start_vector
            start(as_c(d), as_c(self.opened), self.address(layer), v_frac, as_c(v))
        rows = v.reshape(plan.out_h if plan.gives_map else 1, -1)
        for row, values in enumerate(rows):
            self.core.tp_put_deltas(as_c(d), as_c(values), ctypes.c_size_t(row))
        frac = self.core.tp_end_deltas(as_c(d))
        n = tp_layer_t.from_address(d.map).n_out
        return np.array((ctypes.c_int16 * n).from_address(d.to)), frac

    def z(self, n):
        """Where a forward pass leaves its sums."""
        return np.ctypeslib.as_array((ctypes.c_int32 * n).from_address(self.opened.buffer[0]))


def int16(n, *values):
    """n deltas: these values, repeated."""
    return np.resize(np.array(values, np.int16), n)
