"""A step: forward through all layers, backward down to the lowest trained one."""

import numpy as np

from . import (
    activation,
    centre,
    conv,
    dense,
    loss,
    pool,
    progress,
    ranges,
    rate,
    replay,
    select,
    update,
    values,
)
from .format import CROSSENTROPY, DENSE, MSE, Error
from .image import require

REPLAYS = 2  # steps on remembered samples after each new one
RESCALE_EVERY = 64  # trained steps between checks of the weights' formats; also after a clamp


def x_frac_of(model, i):
    """The format of the inputs of layer i: that of the next outputs below, through pools."""
    below = [layer.state.y_frac for layer in model.layers[:i] if layer.has_weights]
    return below[-1] if below else ranges.input_frac(model)


def forward(model, x, first=0, x_frac=None, learning=False):
    """The sums of the output layer. x: the inputs of layer `first`, Q.x_frac; those of the model
    have a format of their own."""
    z = None
    x_frac = ranges.input_frac(model) if first == 0 else x_frac
    for layer in model.layers[first:]:
        layer.inputs, layer.x_frac = x, x_frac
        if not layer.has_weights:
            layer.outputs = x = pool.forward(model, layer)
            continue
        x_frac = layer.state.y_frac  # for the layer above, even if learning changes it now
        z = dense.forward(model, layer) if layer.kind == DENSE else conv.forward(model, layer)
        if layer is not model.output:
            y = activation.activate(model, layer, z, learning)
            layer.outputs = x = y.ravel()
            if learning:
                activation.adapt_format(model, layer, x)
    return z


def backward(model, delta):
    """From the deltas of the output layer, Q.delta_frac."""
    frac, depth, dx = model.delta_frac, 0, delta
    for i in reversed(range(model.first_trained, len(model.layers))):
        layer = model.layers[i]
        want_dx = i > model.first_trained
        if not layer.has_weights:
            if model.layers[i - 1].maximum is not layer:
                dx, a = pool.backward(model, layer, dx)
                frac += a
            continue
        if depth > 0:
            delta, frac = activation.backward(model, layer, dx, frac)
        if layer.trainable:
            update.update_biases(layer, delta, frac)
        delta, n_selected = select.select(model, layer, delta, frac, depth)
        depth += 1
        model.state.macs_selected += int(n_selected) * layer.fan_in * (layer.trainable + want_dx)
        delta, frac = update.guard(layer, delta, frac)
        if layer.maximum:
            delta = pool.at_largest(layer.maximum, delta)
        dx_frac = frac + layer.state.w_frac
        kind = dense if layer.kind == DENSE else conv
        dx = kind.backward(model, layer, delta, frac, want_dx)
        frac = dx_frac


def dense_macs(model):
    """Multiply-accumulates of a dense backward pass: for dw and for dx."""
    return sum(
        (layer.trainable + (i > model.first_trained)) * layer.n_deltas * layer.fan_in
        for i, layer in enumerate(model.layers)
        if layer.has_weights
    )


def learn_step(model, delta, p_target):
    """Learns from the deltas of the output layer. Returns whether the sample was trained on."""
    state = model.state
    state.macs_dense += dense_macs(model)
    left = progress.left_to_learn(model)
    if model.first_trained == len(model.layers) or select.skips(model, delta, p_target, left):
        return False
    state.trained += 1
    n_clamped = state.n_clamped
    learning = [layer for layer in model.layers if layer.has_weights and layer.trainable]
    brake = rate.brake(model, left)
    for layer in learning:
        centre.survey(model, layer)
        rate.set_rate(model, layer, brake)
    backward(model, delta)
    if state.trained % RESCALE_EVERY == 0 or state.n_clamped != n_clamped:
        for layer in learning:
            update.rescale(layer)
    return True


def loss_of(model, z, label):
    """Deltas of the output layer, the loss, and with crossentropy p of the right class, Q.14."""
    if model.spec.loss == MSE:
        return *loss.mse(model, z, label), 0
    return loss.crossentropy(model, z, int(label[0]))


def add_loss(model, value):
    model.state.loss_count += 1
    model.state.loss_sum += value


def learn_sample(model, x, label):
    """One sample, x as activations. Returns whether it was trained on."""
    state = model.state
    z = forward(model, x, learning=True)
    delta, value, p_target = loss_of(model, z, label)
    add_loss(model, value)
    state.steps += 1
    if model.spec.loss == MSE:
        progress.note_outputs(model, delta)
    else:
        progress.note_class(model, int(label[0]), int(z.argmax()) == int(label[0]), p_target)
    trained = learn_step(model, delta, p_target)
    state.skipped += not trained
    return trained


def learn_again(model, label):
    """Remembers the sample, and learns from two that are remembered."""
    replay.remember(model, label)
    for _ in range(REPLAYS):
        x, label = replay.recall(model)
        z = forward(model, x, model.first_trained, model.state.replay_frac, learning=True)
        delta, _, p_target = loss_of(model, z, label)
        learn_step(model, delta, p_target)
        model.state.n_replayed += 1


def evaluate_sample(model, x, label):
    """Adds the loss of a sample, without learning. Returns whether it was classified correctly."""
    state = model.state
    z = forward(model, x)
    n_clipped, n_saturated = state.n_clipped, state.n_saturated
    add_loss(model, loss_of(model, z, label)[1])
    state.n_clipped, state.n_saturated = n_clipped, n_saturated
    return model.spec.loss == CROSSENTROPY and int(z.argmax()) == int(label[0])


def check_samples(model, x, y, total, start, count):
    n_in, n_out = model.layers[0].n_in, model.output.n_out
    values.check_inputs(x, total * n_in, slice(start * n_in, (start + count) * n_in))
    if model.spec.loss == MSE:
        values.check_targets(y, total * n_out, slice(start * n_out, (start + count) * n_out))
        return
    require(y is not None and y.dtype.kind != "f", Error.Y_TYPE)
    require(len(y) == total, Error.Y_LENGTH)
    classes = y[start : start + count]
    require(((classes >= 0) & (classes < n_out)).all(), Error.Y_CLASS)


def learn_output_ranges(model, y):
    """Targets move the ranges of the outputs; their weights follow, but not in the first three
    samples, which find the ranges."""
    if model.learned[1] is not None:
        old = model.learned[1].copy()
        ranges.learn(model, 1, y)
        map_of = ["zero", "frac", "shift"]
        moved = np.flatnonzero(old[map_of] != model.learned[1][map_of])
        for j in moved if model.state.n_seen[1] > 3 else ():
            wider = update.follow_range(model, j, old[j], model.learned[1][j])
            progress.note_range(model, j, wider)


def run_samples(model, x, y, total, start, count, learning):
    """Samples are checked before they change anything; at start = 0 all of the total are. Returns
    how many were trained on, or classified correctly."""
    state = model.state
    require(start + count <= total, Error.X_LENGTH)
    check_samples(model, x, y, total, start, count if start else total)
    require(learning or ranges.are_known(model), Error.NO_RANGE)
    if start == 0:
        state.loss_sum = state.loss_count = 0
    x = x.reshape(total, model.layers[0].n_in)
    y = y.reshape(total, model.output.n_out if model.spec.loss == MSE else 1)
    hits = 0
    for i in range(start, start + count):
        if learning:
            ranges.learn(model, 0, x[i])
            learn_output_ranges(model, y[i])
        inputs, n_outside = ranges.read_inputs(model, x[i])
        label, n_clamped = ranges.read_label(model, y[i])
        if not learning:
            hits += evaluate_sample(model, inputs, label)
            continue
        state.n_outside += n_outside
        state.n_outside_y += n_clamped
        hits += learn_sample(model, inputs, label)
        if model.spec.replay > 0:
            learn_again(model, label)
        model.copy_back()
    return hits


def answer(model, x):
    """The sums of the output layer."""
    values.check_inputs(x, model.layers[0].n_in, slice(None))
    require(ranges.are_known(model), Error.NO_RANGE)
    inputs, _ = ranges.read_inputs(model, x)
    return forward(model, inputs)


def predict(model, x, with_scores, scores):
    """Class number of x. scores: a float32 array that gets the scores, if with_scores."""
    n_out = model.output.n_out
    if with_scores:
        ok = scores is not None and scores.dtype == np.float32 and len(scores) == n_out
        require(ok, Error.OUT)
    z = answer(model, x)
    if with_scores:
        is_mse = model.spec.loss == MSE
        of_each = loss.mse_output(model, z) if is_mse else loss.softmax(model, z)
        scores[:] = ranges.scores_as_float(model, of_each)
    return int(z.argmax())


def check_distances(model, out):
    n = model.spec.replay
    require(n > 0 and out is not None and out.dtype == np.uint32 and len(out) == n, Error.OUT)


def doubt(model, z):
    """By how much the largest probability is below 1.0, Q.14; 0 with mse."""
    return 0 if model.spec.loss == MSE else (1 << 14) - int(loss.softmax(model, z).max())


def distances(model, x, out):
    """Squared distances of x to what is remembered. Returns its doubt."""
    check_distances(model, out)
    z, layer = answer(model, x), model.layers[model.first_trained]
    compare(model, replay.as_bytes(model, layer), out)
    return doubt(model, z)


def distances_of_place(model, place, out):
    """Those of a remembered sample to the others of its class, and its doubt."""
    check_distances(model, out)
    require(place < len(out), Error.X_TYPE)
    first = model.first_trained
    z = forward(model, replay.inputs_at(model, place), first, x_frac_of(model, first))
    compare(model, replay.memory(model).inputs[place], out)
    of_class = replay.classes(model)
    counts = replay.used(model)[place] & (of_class == of_class[place])
    out[:] = np.where(counts, out, replay.FAR)
    out[place] = replay.FAR
    return doubt(model, z)


def compare(model, inputs, out):
    """Squared distances of inputs of the lowest trained layer. In another format all that is
    remembered is forgotten by the next step."""
    is_known = model.layers[model.first_trained].x_frac == model.state.replay_frac
    out[:] = replay.distances(model, inputs) if is_known else replay.FAR
