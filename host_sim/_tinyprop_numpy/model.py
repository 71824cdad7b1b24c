"""The model runner: forward through all layers, backward down to the lowest trained one."""

import numpy as np

from . import activation, conv, dense, loss, pool, ranges, select, update
from .fixed import rounded, size_of
from .image import CROSSENTROPY, DENSE, MSE, Error, require

RESCALE_EVERY = 64  # trained steps between looks at the weights' exponents


def forward(model, learning=False):
    """The sums of the output layer, from the inputs already in the image."""
    head, z = model.head, None
    fx = 10 if head.bits == 12 else 7 if head.in_signed else 8
    for layer in model.layers:
        layer.fx = fx
        fx = layer.fy  # for the layer above, even if it moves now for the next sample
        if not layer.has_weights:
            model.outputs(layer)[:] = pool.forward(model, layer)
            fx = layer.fy = layer.fx
            continue
        z = dense.forward(model, layer) if layer.kind == DENSE else conv.forward(model, layer)
        if layer is not model.layers[-1]:
            y = activation.activate(model, layer, z, learning)
            model.outputs(layer)[:] = y.ravel()
            if learning:
                activation.adapt(model, layer, y)
    return z


def guard(model, d, fd):
    """L1 guard: with sum |d| < 2^15, and at most 2^16 - 1 after rounding 65534 errors, no gradient
    and no error below can overflow. Returns d, its format, and what no |d| is larger than."""
    excess = max(size_of(d).bit_length() - 15, 0)
    largest = min(size_of(d), 1 << model.unit) >> excess
    return rounded(d, excess), fd - excess, largest


def backward(model, d):
    """d: errors of the output layer, Q.unit"""
    head = model.head
    fd, depth, dx = model.unit, 0, d
    for i in reversed(range(head.first_trained, head.n_layers)):
        layer = model.layers[i]
        want_dx = i > head.first_trained
        if not layer.has_weights:
            dx, a = pool.backward(model, layer, dx)
            fd += a
            continue
        if depth > 0:
            d, fd = activation.errors_from(model, layer, dx, fd)
        if layer.trainable:
            update.move_biases(model, layer, d, fd)
        d, kept = select.select(model, layer, d, fd, depth)
        depth += 1
        head.macs_kept += kept * layer.fan_in * (layer.trainable + want_dx)
        d, fd, largest = guard(model, d, fd)
        if layer.kind == DENSE:
            dx = dense.backward(model, layer, d, largest, fd, want_dx)
        else:
            dx = conv.backward(model, layer, d, fd, want_dx)
        fd += layer.fw


def dense_macs(model):
    """Multiply-accumulates of a dense backward pass: for dw and for dx."""
    first = model.head.first_trained
    return sum(
        (layer.trainable + (i > first)) * layer.n_out * layer.fan_in
        for i, layer in enumerate(model.layers)
        if layer.has_weights
    )


def learn_step(model, y):
    """One sample, its inputs already in the image. Returns whether it was trained on."""
    head, output = model.head, model.layers[-1]
    z = forward(model, learning=True)
    if head.loss == CROSSENTROPY:
        d, value, p_target = loss.crossentropy(output, z, int(y[0]))
    else:
        d, value = loss.mse(model, output, z, ranges.read_targets(model, y))
        p_target = 0
    head.loss_sum += value
    head.loss_count += 1
    head.steps += 1
    head.macs_dense += dense_macs(model)
    if head.first_trained == head.n_layers or select.skips(model, d, p_target):
        head.skipped += 1
        return False
    backward(model, d)
    if (head.steps - head.skipped) % RESCALE_EVERY == 0:
        for layer in model.layers:
            if layer.has_weights and layer.trainable:
                update.rescale(model, layer)
    return True


def evaluate_step(model, y):
    """Loss of a sample, without learning. Returns whether it was classified rightly."""
    head, output = model.head, model.layers[-1]
    z = forward(model)
    head.loss_count += 1
    if head.loss == MSE:
        n_clipped, n_saturated = head.n_clipped, head.n_saturated
        head.loss_sum += loss.mse(model, output, z, ranges.read_targets(model, y))[1]
        head.n_clipped, head.n_saturated = n_clipped, n_saturated
        return False
    head.loss_sum += loss.crossentropy(output, z, int(y[0]))[1]
    return int(z.argmax()) == int(y[0])


def check_values(v, n, part, length, kind, finite):
    """v is the user's array, None if it is of no type that a function takes."""
    require(v is not None, kind)
    require(len(v) == n, length)
    if v.dtype.kind == "f":
        require(np.isfinite(v[part]).all(), finite)


def check_x(model, x, total, start, count):
    n_in = model.layers[0].n_in
    part = slice(start * n_in, (start + count) * n_in)
    check_values(x, total * n_in, part, Error.X_LENGTH, Error.X_TYPE, Error.X_FINITE)


def check_y(model, y, total, start, count):
    n_out = model.layers[-1].n_out
    if model.head.loss == MSE:
        part = slice(start * n_out, (start + count) * n_out)
        check_values(y, total * n_out, part, Error.Y_LENGTH, Error.Y_TYPE, Error.Y_FINITE)
        return
    require(y is not None and y.dtype.kind != "f", Error.Y_TYPE)
    require(len(y) == total, Error.Y_LENGTH)
    classes = y[start : start + count]
    require(((classes >= 0) & (classes < n_out)).all(), Error.Y_CLASS)


def run_samples(model, x, y, total, start, count, learning):
    """The samples to come are checked before they change anything; all of them before the first
    does. Returns how many were trained on, or classified rightly."""
    head = model.head
    require(start + count <= total, Error.X_LENGTH)
    to_check = count if start else total
    check_x(model, x, total, start, to_check)
    check_y(model, y, total, start, to_check)
    for which in (0, 1):
        learns_range = learning and head.learn_ranges[which] > 0
        require(learns_range or ranges.are_known(model, which), Error.NO_RANGE)
    if start == 0:
        head.loss_sum = head.loss_count = 0
    x = x.reshape(total, model.layers[0].n_in)
    y = y.reshape(total, model.layers[-1].n_out if head.loss == MSE else 1)
    hits = 0
    for i in range(start, start + count):
        if learning:
            learn_ranges(model, x[i], y[i])
        ranges.read_inputs(model, x[i])
        hits += learn_step(model, y[i]) if learning else evaluate_step(model, y[i])
    return hits


def learn_ranges(model, *values):
    left = model.head.learn_ranges
    for which in (0, 1):
        if left[which]:
            left[which] -= 1
            model.head.learn_ranges = left
            ranges.learn(model, which, values[which])


def predict(model, x, with_scores, scores):
    """Class number of x; the scores go to where they are wanted."""
    output = model.layers[-1]
    if with_scores:
        ok = scores is not None and scores.dtype == np.float32 and len(scores) == output.n_out
        require(ok, Error.OUT)
    check_x(model, x, 1, 0, 1)
    require(ranges.are_known(model, 0) and ranges.are_known(model, 1), Error.NO_RANGE)
    ranges.read_inputs(model, x)
    z = forward(model)
    label = int(z.argmax())
    if with_scores and model.head.loss == CROSSENTROPY:
        scores[:] = loss.softmax(output, z) / 2**14
    elif with_scores:
        scores[:] = ranges.values_of_outputs(model, loss.output(output, z))
    return label
