"""The same models in floating point: what the integers are compared with.

A FloatModel starts from the same weights (integers times a power of two, so exactly) and has the
same learning rate m * 2^-n, layers, losses and policies; it clips deltas at 1.0 too
(docs/numbers.md). But nothing in it is rounded or saturated. With the integer backends it shares
the format of an image, and no arithmetic.
"""

import numpy as np
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import plan
from numpy.lib.stride_tricks import sliding_window_view

DECAY = 1 / 1024  # of a running maximum, per step

ACTIVATIONS = {
    fmt.LINEAR: lambda z: z,
    fmt.RELU: lambda z: np.maximum(z, 0),
    fmt.SIGMOID: lambda z: 0.5 + 0.5 * np.tanh(0.5 * z),
    fmt.TANH: np.tanh,
}
SLOPES = {  # as functions of the activation's value
    fmt.LINEAR: np.ones_like,
    fmt.RELU: lambda y: (y > 0).astype(y.dtype),
    fmt.SIGMOID: lambda y: y * (1 - y),
    fmt.TANH: lambda y: 1 - y * y,
}


class Layer:
    """forward(x) -> y and backward(delta, want_dx) -> dx or None; arrays are [height, width,
    channels]. A layer with weights keeps what learning needs: x, y, and the gradient dw.
    record: the layer as the specification has it."""

    def __init__(self, record):
        self.record = record
        self.shape_in = (record.in_h, record.in_w, record.in_c)
        self.shape_out = (record.out_h, record.out_w, record.out_c)
        self.trainable = False


class Weighted(Layer):
    def __init__(self, record, w, b):
        super().__init__(record)
        self.w, self.b = w, b
        self.trainable = bool(record.trainable)
        self.threshold = self.residual = 0.0  # state of the policies

    def forward(self, x):
        self.x = x
        self.y = ACTIVATIONS[self.record.activation](self.linear(x) + self.b)
        return self.y

    def activation_backward(self, dx):
        return dx * SLOPES[self.record.activation](self.y)


class Dense(Weighted):
    def linear(self, x):
        return (x.ravel() @ self.w).reshape(self.shape_out)

    def backward(self, delta, want_dx):
        self.dw = np.outer(self.x, delta)
        return (self.w @ delta.ravel()).reshape(self.shape_in) if want_dx else None


class Conv(Weighted):
    """w [kernel row, kernel column, input channel, filter]; in a depthwise convolution a filter
    sees one channel, so there is no index for the input channel."""

    def __init__(self, record, w, b):
        self.depthwise = record.kind == fmt.DEPTHWISE
        inner = (record.in_c,) if self.depthwise else (record.in_c, record.out_c)
        super().__init__(record, w.reshape(record.kernel_h, record.kernel_w, *inner), b)
        rows = self.padding(record.in_h, record.kernel_h, record.stride_h)
        columns = self.padding(record.in_w, record.kernel_w, record.stride_w)
        h, w = record.in_h + sum(rows), record.in_w + sum(columns)
        self.padded_shape = h, w, record.in_c
        self.inside = (
            slice(rows[0], rows[0] + record.in_h),
            slice(columns[0], columns[0] + record.in_w),
        )

    def padding(self, n, kernel, stride):
        """(before, after), as in Keras."""
        if not self.record.spec.same:
            return 0, 0
        missing = max((-(-n // stride) - 1) * stride + kernel - n, 0)
        return missing // 2, missing - missing // 2

    def windows(self, x):
        """[row, column, channel, kernel row, kernel column]"""
        r = self.record
        padded = np.zeros(self.padded_shape, x.dtype)
        padded[self.inside] = x
        views = sliding_window_view(padded, (r.kernel_h, r.kernel_w), (0, 1))
        return views[:: r.stride_h, :: r.stride_w]

    def linear(self, x):
        v = self.windows(x)
        if self.depthwise:
            return np.einsum("yxfkl,klf->yxf", v, self.w)
        return np.tensordot(v, self.w, ((3, 4, 2), (0, 1, 2)))

    def backward(self, delta, want_dx):
        r, v = self.record, self.windows(self.x)
        if self.depthwise:
            self.dw = np.einsum("yxfkl,yxf->klf", v, delta)
        else:
            self.dw = np.tensordot(v, delta, ((0, 1), (0, 1))).transpose(1, 2, 0, 3)
        if not want_dx:
            return None
        dx = np.zeros(self.padded_shape, delta.dtype)
        for k in range(r.kernel_h):
            for m in range(r.kernel_w):
                rows = slice(k, k + r.out_h * r.stride_h, r.stride_h)
                columns = slice(m, m + r.out_w * r.stride_w, r.stride_w)
                w = self.w[k, m]
                dx[rows, columns] += delta * w if self.depthwise else delta @ w.T
        return dx[self.inside]


WEIGHTED = {fmt.DENSE: Dense, fmt.CONV: Conv, fmt.DEPTHWISE: Conv}


class Pool(Layer):
    def windows(self, x):
        """[row, column, tap, channel]"""
        r = self.record
        h, w = r.kernel_h or r.in_h, r.kernel_w or r.in_w
        x = x[: r.out_h * h, : r.out_w * w].reshape(r.out_h, h, r.out_w, w, r.in_c)
        return x.transpose(0, 2, 1, 3, 4).reshape(r.out_h, r.out_w, h * w, r.in_c)

    def forward(self, x):
        self.v = self.windows(x)
        return self.v.max(2) if self.record.kind == fmt.MAXPOOL else self.v.mean(2)

    def backward(self, delta, want_dx):
        v = self.v
        if self.record.kind == fmt.MAXPOOL:
            share = np.arange(v.shape[2])[:, None] == v.argmax(2)[:, :, None]
        else:
            share = np.full_like(v, 1 / v.shape[2])
        sources = self.windows(np.arange(self.record.n_in).reshape(self.shape_in))
        dx = np.zeros(self.record.n_in, delta.dtype)
        dx[sources] = share * delta[:, :, None]
        return dx.reshape(self.shape_in)


class FloatModel:
    def __init__(self, image, dtype=np.float32):
        """image: of a model that has its first weights; it is copied."""
        model = plan.open_image(np.frombuffer(image, np.uint8))
        self.spec, self.dtype = model.spec, dtype
        self.bits, self.in_signed = model.bits, model.in_signed
        self.first_trained = model.first_trained
        self.layers = [self.layer(record) for record in model.layers]
        self.ranges = [[(r.lo, r.hi) for r in ranges] for ranges in model.ranges]
        self.lr = dtype(model.spec.lr_mantissa * 2.0**-model.spec.lr_shift)
        self.steps = self.skipped = 0
        self.macs_selected = 0

    def layer(self, record):
        if not record.has_weights:
            return Pool(record)
        w_frac = record.state.w_frac
        w = np.ldexp(record.weights.astype(self.dtype), -w_frac)
        b = np.ldexp(record.biases.astype(self.dtype), -(w_frac + fmt.BIAS_FRAC))
        return WEIGHTED[record.kind](record, w, b)

    # ---- numbers in and out, in the units of the integers: an unsigned input is 0 .. 255/256

    def inputs(self, x):
        lo, hi = np.array(self.ranges[0], self.dtype).T
        x = np.asarray(x, self.dtype).reshape(-1, len(lo))
        if self.bits == 12:
            x, limits = (2 * x - lo - hi) / (hi - lo), (-2047 / 1024, 2047 / 1024)
        elif self.in_signed:
            x, limits = (2 * x - lo - hi) / (hi - lo) * 127 / 128, (-127 / 128, 127 / 128)
        else:
            x, limits = (x - lo) / (hi - lo) * 255 / 256, (0, 255 / 256)
        return np.clip(x, *limits).astype(self.dtype).reshape(self.layers[0].shape_in)

    def targets(self, y):
        lo, hi = np.array(self.ranges[1], self.dtype).T
        return np.clip((2 * np.asarray(y, self.dtype) - lo - hi) / (hi - lo), -2, 2)

    def scores(self, x):
        """Probabilities, or outputs in the user's units."""
        z = self.forward(self.inputs(x))
        if self.spec.loss == fmt.CROSSENTROPY:
            return softmax(z)
        lo, hi = np.array(self.ranges[1], self.dtype).T
        return (lo + hi) / 2 + z * (hi - lo) / 2

    # ---- passes

    def forward(self, a):
        """a: what inputs() returns. Returns z, the outputs before softmax."""
        for layer in self.layers:
            a = layer.forward(a)
        return a.ravel()

    def objective(self, z, y):
        """What a step minimises. With mse half the sum of squares (the loss is the mean)."""
        if self.spec.loss == fmt.CROSSENTROPY:
            return np.log(np.exp(z - z.max()).sum()) + z.max() - z[y]
        return 0.5 * ((z - self.targets(y)) ** 2).sum()

    def output_delta(self, z, y):
        if self.spec.loss == fmt.CROSSENTROPY:
            p = softmax(z)
            return p - (np.arange(len(p)) == y), p[y]
        return clipped(z - self.targets(y)), None

    def gradients(self, delta, select=None):
        """From the deltas of the output layer; leaves dw and db in the layers.
        select(layer, delta, depth) returns the deltas of a layer, those not selected as 0."""
        depth, last = 0, len(self.layers) - 1
        delta = delta.reshape(self.layers[-1].shape_out).astype(self.dtype)
        for i in range(last, self.first_trained - 1, -1):
            layer = self.layers[i]
            if isinstance(layer, Weighted):
                delta = layer.activation_backward(clipped(delta)) if i < last else delta
                layer.db = delta.reshape(-1, layer.record.out_c).sum(0)
                delta = select(layer, delta, depth) if select else delta
                depth += 1
            delta = layer.backward(delta, i > self.first_trained)

    # ---- learning

    def learn(self, x, y):
        """One step. Returns whether it trained."""
        z = self.forward(self.inputs(x))
        delta, p_target = self.output_delta(z, y)
        self.steps += 1
        if self.first_trained == len(self.layers) or self.skips(delta, p_target):
            self.skipped += 1
            return False
        self.gradients(delta, self.select)
        for layer in self.layers[self.first_trained :]:
            if layer.trainable:
                layer.w -= self.lr * layer.dw.reshape(layer.w.shape)
                layer.b -= self.lr * layer.db
        return True

    def macs(self, layer, n_deltas):
        want_dx = self.layers.index(layer) > self.first_trained
        return n_deltas * layer.record.fan_in * (layer.trainable + want_dx)

    def predict(self, x):
        return int(self.forward(self.inputs(x)).argmax())

    # ---- policies: see core/select.c

    def skips(self, delta, p_target):
        skip = self.spec.skip / 2**14
        if skip == 0 or (p_target is None and self.spec.policy == fmt.DIFFUSED):
            return False
        if p_target is None:
            y = np.abs(delta).sum()
            return y < skip * self.running_maximum(self.layers[-1], y)
        known = p_target >= 1 - skip
        if known and self.spec.policy == fmt.DIFFUSED:
            for layer in self.layers[self.first_trained :]:
                if isinstance(layer, Weighted) and layer.threshold:
                    self.adapt(layer, 0)
        return known

    def running_maximum(self, layer, y):
        layer.threshold = max(layer.threshold * (1 - DECAY), y)
        return layer.threshold

    def select(self, layer, delta, depth):
        all_of_them = depth == 0 and self.spec.loss == fmt.CROSSENTROPY
        policy = fmt.FULL if all_of_them else self.spec.policy
        choose = {fmt.FULL: self.all, fmt.TOPK: self.top_k, fmt.DIFFUSED: self.diffuse}[policy]
        selected, n = choose(layer, delta.ravel(), depth)
        self.macs_selected += self.macs(layer, n)
        return selected.reshape(delta.shape)

    def all(self, layer, delta, depth):
        return delta, delta.size

    def top_k(self, layer, delta, depth):
        spec, one = self.spec, 2**15
        y = np.abs(delta).sum()
        largest = self.running_maximum(layer, y)
        share = spec.s_min + (y / largest if largest else 0) * (spec.s_max - spec.s_min)
        share = share / one * (spec.zeta / one) ** depth
        k = min(max(int(delta.size * share), 1), delta.size)
        selected = np.zeros_like(delta)
        largest_first = np.argsort(-np.abs(delta), kind="stable")[:k]
        selected[largest_first] = delta[largest_first]
        return selected, np.count_nonzero(selected)

    def budget(self, layer):
        return max(int(layer.record.n_out * self.spec.s_min / 2**15 + 0.5), 1)

    def adapt(self, layer, n_selected):
        step = 2.0 ** ((layer.record.n_out - 1).bit_length() + 3)
        t = layer.threshold * (1 + (n_selected - self.budget(layer)) / step)
        layer.threshold = min(max(t, step * 2.0**-30), 1.0)

    def diffuse(self, layer, delta, depth):
        magnitude = np.abs(delta)
        if layer.threshold == 0:
            layer.threshold = min(max(magnitude.sum() / self.budget(layer), 2.0**-30), 1.0)
        t = layer.threshold
        selected = np.where(magnitude >= t, delta, 0)
        if self.spec.loss == fmt.CROSSENTROPY:
            residual, channels = min(layer.residual, np.nextafter(t, 0)), layer.record.out_c
            for j in range(channels):
                total = 0.0
                for i in range(j, delta.size, channels):
                    total += delta[i] if magnitude[i] < t else 0
                    if residual + abs(total) >= t:
                        selected[i] = np.copysign(t, total)
                        residual += abs(total) - t
                        total = 0.0
                residual += abs(total)
            layer.residual = residual
        n_selected = np.count_nonzero(selected)
        self.adapt(layer, n_selected)
        return selected, n_selected


def clipped(delta):
    return np.clip(delta, -1, 1)


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()
