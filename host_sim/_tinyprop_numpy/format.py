"""The format of a model.

Written by `python -m host_sim format` from host_sim/generate/schema.py."""

from enum import IntEnum

import numpy as np

MAGIC = 0x504E5954
VERSION = 5
ALIGN = 8

MAX_VALUES = 65534
MAX_PRODUCTS = 268435456
MAX_BYTES = 2147483644
MAX_BIAS = 1073741824
MIN_W_FRAC = 2
MAX_W_FRAC = 16
BIAS_FRAC = 12
MOST_MEANS = 1024
MIN_Y_FRAC = -8

# What a layer does. The first three have weights.
DENSE, CONV, DEPTHWISE, MAXPOOL, AVGPOOL = range(5)
KIND_NAMES = ("dense", "conv", "depthwise", "maxpool", "avgpool")

# y = act(z). Pools and the last layer have linear.
LINEAR, RELU, SIGMOID, TANH = range(4)
ACTIVATION_NAMES = ("linear", "relu", "sigmoid", "tanh")

# What learning minimises.
CROSSENTROPY, MSE = range(2)
LOSS_NAMES = ("crossentropy", "mse")

# Which deltas of a layer take part in its backward pass (select.c).
FULL, TOPK, DIFFUSED = range(3)
POLICY_NAMES = ("full", "topk", "diffused")


class Error(IntEnum):
    """Why a call was refused; the functions of `_tinyprop` return these numbers."""

    IMAGE = -1
    VERSION = -2
    LAYER = -3
    OUTPUT = -4
    TOO_BIG = -5
    X_LENGTH = -6
    X_TYPE = -7
    X_FINITE = -8
    Y_LENGTH = -9
    Y_TYPE = -10
    Y_FINITE = -11
    Y_CLASS = -12
    RANGE = -13
    NO_RANGE = -14
    OUT = -15
    ALIGN = -16
    TOO_SLOW = -17
    BUSY = -18
    OVERLAP = -19


MODEL_SPEC = np.dtype(
    [
        ("magic", "<u4"),
        ("version", "u1"),
        ("n_layers", "u1"),
        ("loss", "u1"),
        ("policy", "u1"),
        ("saved_bytes", "<u4"),
        ("lr_mantissa", "u1"),
        ("lr_shift", "u1"),
        ("in_h", "<u2"),
        ("in_w", "<u2"),
        ("in_c", "<u2"),
        ("n_input_ranges", "<u2"),
        ("n_output_ranges", "<u2"),
        ("s_min", "<u2"),
        ("s_max", "<u2"),
        ("zeta", "<u2"),
        ("skip", "<u2"),
        ("replay", "<u2"),
        ("auto_rate", "u1"),
        ("reserved", "u1"),
        ("busy", "<u4"),
    ]
)

LAYER_SPEC = np.dtype(
    [
        ("kind", "u1"),
        ("activation", "u1"),
        ("trainable", "u1"),
        ("same", "u1"),
        ("kernel_h", "u1"),
        ("kernel_w", "u1"),
        ("stride_h", "u1"),
        ("stride_w", "u1"),
        ("units", "<u2"),
        ("reserved", "<u2", 3),
    ]
)

MODEL_STATE = np.dtype(
    [
        ("n_seen", "<u2", 2),
        ("loss_count", "<u4"),
        ("steps", "<u8"),
        ("skipped", "<u8"),
        ("loss_sum", "<u8"),
        ("macs_dense", "<u8"),
        ("macs_selected", "<u8"),
        ("macs_done", "<u8"),
        ("n_saturated", "<u8"),
        ("n_clipped", "<u8"),
        ("n_clamped", "<u8"),
        ("trained", "<u4"),
        ("error", "<u4"),
        ("account", "<u4"),
        ("share", "<u2"),
        ("replay_frac", "<i2"),
        ("least_error", "<u4"),
        ("right", "<u4"),
        ("n_outside", "<u4"),
        ("n_replayed", "<u4"),
        ("random", "<u4"),
        ("n_outside_y", "<u4"),
    ]
)

LAYER_STATE = np.dtype(
    [
        ("w_frac", "i1"),
        ("y_frac", "i1"),
        ("age", "<u2"),
        ("dead_steps", "<u2"),
        ("n_summed", "<u2"),
        ("n_saturated", "<u4"),
        ("n_high", "<u4"),
        ("threshold", "<u4"),
        ("residual", "<u4"),
        ("energy", "<u4"),
        ("norm", "<u4"),
        ("x_frac", "i1"),
        ("mean_shift", "u1"),
        ("settling", "<u2"),
    ]
)

RANGE = np.dtype(
    [
        ("lo", "<f4"),
        ("hi", "<f4"),
    ]
)

LEARNED_RANGE = np.dtype(
    [
        ("centre", "<i4"),
        ("spread", "<u4"),
        ("zero", "<i4"),
        ("frac", "<i2"),
        ("shift", "<i2"),
    ]
)
