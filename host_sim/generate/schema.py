"""The format of a model: every kind, code and field, written down once.

`python -m host_sim format` makes from it core/format.h, the constants of the Python half, numpy's
dtypes, the constants of the portable tests and the tables of docs/format.md.
"""

from dataclasses import dataclass

VERSION = 5  # odd: the next is 7
VERSION_WITH_NAMES = VERSION + 1  # of a file with names of classes behind its model
assert VERSION % 2, "VERSION is even, as are those of files with names: expected plus 2"
SHAPE = 7  # numbers that layout tells of a layer: tp_shape_t in core/tinyprop.h
MAGIC = b"TYNP"
ALIGN = 8  # an image in RAM starts at a multiple of this


@dataclass(frozen=True)
class Enum:
    """Names and their numbers, which files hold: a new one goes to the end of its list."""

    name: str
    says: str
    members: tuple  # (name, what it means), numbered from 0


@dataclass(frozen=True)
class Field:
    name: str
    type: str  # as numpy writes it: u1 u2 u4 u8 i1 i2 i4 f4
    says: str
    n: int = 1

    @property
    def bytes(self):
        return int(self.type[1]) * self.n


@dataclass(frozen=True)
class Struct:
    name: str
    says: str
    fields: tuple

    @property
    def bytes(self):
        return sum(field.bytes for field in self.fields)

    def offset(self, name):
        before = self.fields[: [field.name for field in self.fields].index(name)]
        return sum(field.bytes for field in before)


ENUMS = (
    Enum(
        "kind",
        "What a layer does. The first three have weights.",
        (
            ("dense", "every output sees every input"),
            ("conv", "convolution: filters over (height, width, channels)"),
            ("depthwise", "convolution of one filter per channel"),
            ("maxpool", "largest of each window"),
            ("avgpool", "mean of each window"),
        ),
    ),
    Enum(
        "activation",
        "y = act(z). Pools and the last layer have linear.",
        (
            ("linear", "z"),
            ("relu", "max(z, 0)"),
            ("sigmoid", "1 / (1 + e^-z)"),
            ("tanh", "tanh(z)"),
        ),
    ),
    Enum(
        "loss",
        "What learning minimises.",
        (
            ("crossentropy", "classes: softmax, -ln p of the right class"),
            ("mse", "numbers: mean squared error"),
        ),
    ),
    Enum(
        "policy",
        "Which deltas of a layer take part in its backward pass (select.c).",
        (
            ("full", "all"),
            ("topk", "the largest: meProp, TinyProp, TinyPropV2"),
            ("diffused", "those of at least a threshold, which adapts; smaller ones add up"),
        ),
    ),
)

# What a function of `_tinyprop` returns in place of a result: -1 and below.
ERRORS = (
    ("image", "not a model image, or a damaged one"),
    ("version", "an image of another version"),
    ("layer", "a layer that does not fit the output of the one below it"),
    ("output", "the last layer is not a linear dense layer"),
    ("too_big", "more than MAX_VALUES inputs, outputs or products per output in a layer"),
    ("x_length", "x has the wrong number of values"),
    ("x_type", "x is no buffer of a known item type"),
    ("x_finite", "x holds a NaN or an infinity"),
    ("y_length", "y has the wrong number of values"),
    ("y_type", "y is of the wrong type"),
    ("y_finite", "y holds a NaN or an infinity"),
    ("y_class", "y is no class number of this model"),
    ("range", "a range whose low end is not below its high end, or not finite"),
    ("no_range", "the range of inputs or outputs is not known yet"),
    ("out", "out is no buffer of type f with one item per output"),
    ("align", "the image does not start at a multiple of ALIGN"),
    ("too_slow", "more than MAX_PRODUCTS products in a sample"),
    ("busy", "another call works on the model, or holds it"),
    ("overlap", "x, y or out lies in the image"),
)

# Limits that both backends and the format share.
LIMITS = (
    ("max_values", 65534, "inputs, outputs, products per output of a layer: indices and sums fit"),
    ("max_products", 1 << 28, "of the forward pass of a sample"),
    ("max_bytes", 0x7FFFFFFC, "of an image"),
    ("max_bias", 1 << 30, "|b|"),
    ("min_w_frac", 2, "w_frac moves between these"),
    ("max_w_frac", 16, ""),
    ("bias_frac", 12, "biases are Q.(w_frac + bias_frac)"),
    (
        "most_means",
        1024,
        "inputs of a dense layer above a map with a mean each; of more, by channel",
    ),
    ("min_y_frac", -8, "y_frac moves from here to the number of bits of an activation"),
)

MODEL_SPEC = Struct(
    "model_spec",
    "What the user asked for.",
    (
        Field("magic", "u4", "TYNP"),
        Field("version", "u1", "of the format"),
        Field("n_layers", "u1", "1 to 254"),
        Field("loss", "u1", "see loss"),
        Field("policy", "u1", "see policy"),
        Field("saved_bytes", "u4", "of spec and state, with all that may be remembered"),
        Field("lr_mantissa", "u1", "16 to 31; learning rate = lr_mantissa * 2^-lr_shift"),
        Field("lr_shift", "u1", "4 to 30"),
        Field("in_h", "u2", "shape of the input: height, 1 for a series or vector"),
        Field("in_w", "u2", "width, 1 for a vector"),
        Field("in_c", "u2", "channels, the innermost dimension, as in Keras"),
        Field("n_input_ranges", "u2", "given ranges: 1, or in_c; 0: learned, one per channel"),
        Field(
            "n_output_ranges",
            "u2",
            "the same with mse, one per output; 0 with crossentropy, which has none",
        ),
        Field(
            "s_min",
            "u2",
            "Q.15, at most 1.0: least share of deltas to select (the ratio of topk and diffused)",
        ),
        Field(
            "s_max",
            "u2",
            "Q.15, at most 1.0: share to select at the largest deltas seen; diffused: share that "
            "is affordable in the long run, 0 if s_min is always selected",
        ),
        Field("zeta", "u2", "Q.15, at most 1.0: factor of the share per layer further down"),
        Field("skip", "u2", "Q.14, at most 1.0: samples of a smaller error are skipped; 0: none"),
        Field("replay", "u2", "samples that are remembered, to learn from them again; 0: none"),
        Field("auto_rate", "u1", "0: the rate above; else each layer finds its own (rate.c)"),
        Field("reserved", "u1", "0"),
        Field("busy", "u4", "0; in RAM, who works on the model just now (call.c)"),
    ),
)

LAYER_SPEC = Struct(
    "layer_spec",
    "One for each layer.",
    (
        Field("kind", "u1", "see kind"),
        Field("activation", "u1", "see activation"),
        Field("trainable", "u1", "0 or 1"),
        Field("same", "u1", "padding of a convolution: 1 same, 0 valid"),
        Field("kernel_h", "u1", "kernel or window; 0 x 0 in a pool: the whole input"),
        Field("kernel_w", "u1", ""),
        Field("stride_h", "u1", "of a convolution; pools step by their window"),
        Field("stride_w", "u1", ""),
        Field("units", "u2", "units of a dense layer, filters of a convolution, else 0"),
        Field("reserved", "u2", "0", 3),
    ),
)

MODEL_STATE = Struct(
    "model_state",
    "What was learned and counted.",
    (
        Field("n_seen", "u2", "samples that learned ranges follow, up to 1024: x, y", 2),
        Field("loss_count", "u4", "samples of the last call"),
        Field("steps", "u8", "samples given to learn from, skipped ones included"),
        Field("skipped", "u8", "those of them without a backward pass"),
        Field("loss_sum", "u8", "Q.24, sum of their losses"),
        Field("macs_dense", "u8", "multiply-accumulates of a dense backward pass in every step"),
        Field("macs_selected", "u8", "those of the selected deltas"),
        Field("macs_done", "u8", "those whose delta is not 0, in dense layers nor the input"),
        Field("n_saturated", "u8", "activations and outputs of mse beyond their format"),
        Field("n_clipped", "u8", "deltas beyond 1.0"),
        Field("n_clamped", "u8", "weights at their bound"),
        Field("trained", "u4", "steps with a backward pass"),
        Field(
            "error",
            "u4",
            "Q.28, at most 1.0: running mean of 1 - p of the right class (mse: |delta|)",
        ),
        Field("account", "u4", "diffused: left to spend, in dense steps, Q.15; at most 2^27"),
        Field("share", "u2", "diffused: share of the deltas to select in this step, Q.15"),
        Field("replay_frac", "i2", "remembered values are as inputs in Q.replay_frac"),
        Field("least_error", "u4", "Q.28: the least that `error` has been"),
        Field("right", "u4", "Q.28: running share of samples that were right beforehand"),
        Field("n_outside", "u4", "values of x that were clamped to an end of their range"),
        Field("n_replayed", "u4", "steps on remembered samples"),
        Field("random", "u4", "state of the generator that chooses among them (replay.c)"),
        Field("n_outside_y", "u4", "values of y that were clamped, to twice a range"),
    ),
)

LAYER_STATE = Struct(
    "layer_state",
    "One for each layer.",
    (
        Field("w_frac", "i1", "weights are Q.w_frac, biases Q.(w_frac + 12)"),
        Field("y_frac", "i1", "activations are Q.y_frac"),
        Field(
            "age", "u2", "1 + learn steps until 256, then 256 to 511: when y_frac is reconsidered"
        ),
        Field("dead_steps", "u2", "learn steps in a row in which every output was 0, up to 65535"),
        Field("n_summed", "u2", "samples in the sums that the means come from, up to 255"),
        Field("n_saturated", "u4", "outputs beyond the format since y_frac was reconsidered"),
        Field("n_high", "u4", "outputs beyond a quarter of it"),
        Field(
            "threshold",
            "u4",
            "topk, or mse with skip: largest sum of |delta|, Q.delta_frac; "
            "diffused: T times the share, Q.30; at most 2^30",
        ),
        Field("residual", "u4", "diffused: deltas not yet passed on, Q.22; at most 2^30"),
        Field("energy", "u4", "1 + sum of (x - mean)^2, a running mean, Q.8; at most 2^30"),
        Field("norm", "u4", "sum of mean^2, of a dense layer"),
        Field("x_frac", "i1", "sums and means are in the format of inputs in Q.x_frac"),
        Field("mean_shift", "u1", "s of a dense layer: sum |mean| max |x| < 16383 2^s; 0 to 31"),
        Field("settling", "u2", "of the output layer: samples until least_error is looked for"),
    ),
)

RANGE = Struct(
    "range",
    "A range that was given, of the user's numbers: lo < hi.",
    (Field("lo", "f4", "lowest value"), Field("hi", "f4", "highest value")),
)

LEARNED_RANGE = Struct(
    "learned_range",
    "A range that is learned: where the values lie, and how far from there (ranges.c).",
    (
        Field(
            "centre",
            "i4",
            "running mean of the values, Q.frac; within 2^28. "
            "Until there are three: the first one, float32",
        ),
        Field(
            "spread",
            "u4",
            "running mean of |value - centre|, Q.frac; at most 2^28. "
            "Until there are three: the second one, float32",
        ),
        Field("zero", "i4", "the value that maps to 0, Q.frac; within 2^28"),
        Field("frac", "i2", "-200 to 200"),
        Field("shift", "i2", "1.0 is 2^shift, Q.frac; 31 if all values were the same so far"),
    ),
)

STRUCTS = (MODEL_SPEC, LAYER_SPEC, MODEL_STATE, LAYER_STATE, RANGE, LEARNED_RANGE)
