"""The same models in floating point: what the integers are compared with.

A FloatModel starts from what a model in integers knows (integers times a power of two, so exactly)
and learns by the same rules: ranges, centred gradients, rates, losses and policies; it clips
deltas at 1.0 too (docs/numbers.md). But nothing in it is rounded or saturated. With the integer
backends it shares the format of an image and which steps are surveyed, and no arithmetic. It
remembers no samples.
"""

import numpy as np
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import plan
from _tinyprop_numpy.centre import is_left_out
from numpy.lib.stride_tricks import sliding_window_view

DECAY = 1 / 1024  # of a running maximum, per step
MOST_SEEN = 1024  # samples that a learned range follows
MOST_PIXELS = 32  # of a channel, that each of them lends
FEW = 4, 5  # of inputs, of outputs: 1 in 2^FEW, so many values at most are taken for absurd
MOST_SAVED = 4096  # in the account of an adaptive share

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
    record: the layer as the specification has it. maximum: the one directly above a convolution,
    whose deltas are those of its windows until they are selected."""

    maximum = None

    def __init__(self, record):
        self.record = record
        self.shape_in = (record.in_h, record.in_w, record.in_c)
        self.shape_out = (record.out_h, record.out_w, record.out_c)
        self.trainable = False


def share_of(n, most):
    """What the n-th value counts in a running mean over about `most` (a power of two)."""
    return max(2.0 ** -(n.bit_length() - 1), 1 / most)


class Weighted(Layer):
    """sums, mean: of each channel of a map, or of each input; n: samples in the sums; energy: 1 +
    sum (x - mean)^2, a running mean."""

    def __init__(self, record, w, b):
        super().__init__(record)
        self.w, self.b = w, b
        self.trainable = bool(record.trainable)
        self.threshold = self.residual = 0.0  # state of the policies
        self.n, self.energy = record.state.n_summed, record.state.energy / 2**8

    def survey(self, steps, above):
        """Before a step: lets the inputs take part in mean and energy. above: the layers above,
        some of which may average errors."""
        if self.n >= 64 and is_left_out(steps):
            return
        x = self.x.reshape(-1, len(self.sums))
        self.sums = self.sums + x.mean(0)
        self.n += 1
        if self.n & (self.n - 1) == 0:
            self.mean = self.sums / self.n
        r = self.record
        reads = r.kernel_h * r.kernel_w / (r.stride_h * r.stride_w)  # of each input, by kernels
        pools = [layer.record for layer in above if layer.record.kind == fmt.AVGPOOL]
        reads /= np.prod([pool.kernel_h * pool.kernel_w for pool in pools])
        if r.kind == fmt.DEPTHWISE:
            reads /= r.in_c
        energy = 1 + reads * ((x - self.mean) ** 2).sum()
        self.energy += (energy - self.energy) * share_of(self.n, 64)
        if self.n == 256:
            self.sums, self.n = self.sums / 2, 128

    def centre(self, delta):
        """dw and db as of x - mean, from those of x: z = w (x - mean) + c, so b = c - w mean."""
        mean = self.mean_of_rows()
        self.dw = self.dw - mean * delta.reshape(-1, self.record.out_c).sum(0)
        self.db = self.db - (mean * self.dw).reshape(-1, self.record.out_c).sum(0)

    def forward(self, x):
        self.x = x
        self.y = ACTIVATIONS[self.record.activation](self.linear(x) + self.b)
        return self.y

    @property
    def with_deltas(self):
        return self.maximum or self

    def activation_backward(self, dx, y):
        return dx * SLOPES[self.record.activation](y)


class Dense(Weighted):
    def mean_of_rows(self):
        return np.resize(self.mean, len(self.w))[:, None]

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

    def mean_of_rows(self):
        return self.mean if self.depthwise else self.mean[:, None]

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
        self.y = self.v.max(2) if self.record.kind == fmt.MAXPOOL else self.v.mean(2)
        return self.y

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


class Given:
    """Ranges (lo, hi) that the user gave, as a map: 0 is at `zero`, 1.0 is `unit` away from it."""

    def __init__(self, lo, hi, from_0):
        self.zero, self.unit = (lo, hi - lo) if from_0 else ((lo + hi) / 2, (hi - lo) / 2)

    def learn(self, values, steps):
        pass


class Learned:
    """Ranges that follow the values: core/ranges.c."""

    def __init__(self, records, n_seen, few):
        self.few = few
        units = np.ldexp(1.0, -records["frac"].astype(int))
        self.centre, self.spread, self.zero = (
            records[name] * units for name in ("centre", "spread", "zero")
        )
        self.unit = np.where(records["shift"] == 31, np.inf, units * 2.0 ** records["shift"])
        self.kept = np.float64([records[name].view("f4") for name in ("centre", "spread")])
        self.n_seen = n_seen

    def learn(self, values, steps):
        pixels = np.asarray(values, np.float64).reshape(-1, len(self.centre))
        used = min(len(pixels), MOST_PIXELS)
        step = len(pixels) // used
        first = steps % (len(pixels) - (used - 1) * step)
        for i in range(used):
            self.learn_pixel(pixels[first + i * step], self.n_seen * used + i + 1)
        self.n_seen = min(self.n_seen + 1, MOST_SEEN)

    def learn_pixel(self, v, n):
        """One value of each range, the n-th one."""
        if n < 3:
            self.kept[n - 1 :] = v
            self.centre, self.spread = self.kept.mean(0), np.abs(np.diff(self.kept, axis=0)[0]) / 2
        elif n == 3:
            three = np.sort([*self.kept, v], axis=0)
            distances = np.diff(three, axis=0)
            distances = np.where(distances == 0, np.inf, distances).min(0)
            self.centre, self.spread = three[1], np.where(np.isinf(distances), 0, distances)
        else:
            k, d, reach = n.bit_length() - 1, v - self.centre, 4 * self.spread
            clamped = (reach > 0) & (np.abs(d) > reach)
            d = np.where(clamped, np.clip(d, -reach, reach), d)
            wider = (np.abs(d) - self.spread) * 2.0**-k
            often = self.spread * 2.0 ** -max(2, k - self.few)
            self.centre = self.centre + d * 2.0**-k
            self.spread = self.spread + np.where(clamped & (k > 4), often, wider)
        width, unit = 2.5 * self.spread, self.unit
        stays = (width <= unit * 9 / 8) & (width > unit * 7 / 16) & (self.spread > 0) & (n > 3)
        stays &= np.abs(self.centre - self.zero) <= unit / 8
        self.zero = np.where(stays, self.zero, self.centre)
        with np.errstate(divide="ignore"):
            best = np.where(width > 0, 2.0 ** np.ceil(np.log2(width)), np.inf)
        self.unit = np.where(stays, unit, best)


class FloatModel:
    def __init__(self, image, dtype=np.float32):
        """image: of the model that it starts from; it is copied."""
        model = plan.open_image(np.frombuffer(image, np.uint8))
        self.spec, self.dtype = model.spec, dtype
        self.bits, self.in_signed = model.bits, model.in_signed
        self.first_trained = model.first_trained
        self.layers = [self.layer(record) for record in model.layers]
        for layer, above in zip(self.layers, self.layers[1:], strict=False):
            if isinstance(layer, Conv) and above.record.kind == fmt.MAXPOOL:
                layer.maximum = above
        self.ranges = [self.ranges_of(model, which) for which in (0, 1)]
        self.lr = dtype(model.spec.lr_mantissa * 2.0**-model.spec.lr_shift)
        self.steps, self.skipped, self.trained = 0, 0, 0
        self.error, self.account, self.share = 1.0, MOST_SAVED, 0.0  # of an adaptive policy
        self.errors = 0.0  # with mse, that of each output
        self.macs_selected = 0

    def layer(self, record):
        if not record.has_weights:
            return Pool(record)
        w_frac = record.state.w_frac
        w = record.weights.astype(np.float64)
        if record.kind == fmt.DENSE:
            means, slopes = (v.astype(np.float64) for v in (record.means, record.slopes))
            w += np.outer(np.resize(means, len(w)), slopes) * 2.0**-record.state.mean_shift
        w = np.ldexp(w, -w_frac).astype(self.dtype)
        b = np.ldexp(record.biases.astype(self.dtype), -(w_frac + fmt.BIAS_FRAC))
        layer = WEIGHTED[record.kind](record, w, b)
        unit = self.dtype(2.0 ** (self.bits - 8 - record.state.x_frac))
        layer.sums, layer.mean = record.sums * unit, record.means * unit
        return layer

    def ranges_of(self, model, which):
        if model.learned[which] is not None:
            return Learned(model.learned[which], model.state.n_seen[which], FEW[which])
        if model.given[which] is None:
            return None
        ends = (model.given[which][name].astype(np.float64) for name in ("lo", "hi"))
        return Given(*ends, from_0=which == 0 and not self.in_signed)

    # ---- numbers in and out, in the units of the integers: an unsigned input is 0 .. 255/256

    def inputs(self, x):
        r = self.ranges[0]
        x = (np.asarray(x, np.float64).reshape(-1, len(r.zero)) - r.zero) / r.unit
        if self.bits == 12:
            x, limits = x, (-2047 / 1024, 2047 / 1024)
        elif isinstance(r, Learned):
            x, limits = x, (-127 / 64, 127 / 64)
        elif self.in_signed:
            x, limits = x * 127 / 128, (-127 / 128, 127 / 128)
        else:
            x, limits = x * 255 / 256, (0, 255 / 256)
        return np.clip(x, *limits).astype(self.dtype).reshape(self.layers[0].shape_in)

    def targets(self, y):
        r = self.ranges[1]
        return np.clip((np.asarray(y, np.float64) - r.zero) / r.unit, -2, 2).astype(self.dtype)

    def scores(self, x):
        """Probabilities, or outputs in the user's units."""
        z = self.forward(self.inputs(x))
        if self.spec.loss == fmt.CROSSENTROPY:
            return softmax(z)
        unit = self.ranges[1].unit
        return self.ranges[1].zero + z * np.where(np.isinf(unit), 0, unit)

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
        """From the deltas of the output layer; leaves dw and db, centred, in the layers.
        select(layer, delta, depth) returns the deltas of a layer, those not selected as 0."""
        depth, last = 0, len(self.layers) - 1
        delta = delta.reshape(self.layers[-1].shape_out).astype(self.dtype)
        for i in range(last, self.first_trained - 1, -1):
            layer = self.layers[i]
            if isinstance(layer, Pool):
                if self.layers[i - 1].maximum is not layer:
                    delta = layer.backward(delta, True)
                continue
            if i < last:
                delta = layer.activation_backward(clipped(delta), layer.with_deltas.y)
            layer.db = delta.reshape(-1, layer.record.out_c).sum(0)
            delta = select(layer, delta, depth) if select else delta
            depth += 1
            if layer.maximum:
                delta = layer.maximum.backward(delta, True)
            dx = layer.backward(delta, i > self.first_trained)
            layer.centre(delta)
            delta = dx

    # ---- learning

    def learn(self, x, y):
        """One step. Returns whether it trained."""
        old = self.ranges[1] and (self.ranges[1].zero, self.ranges[1].unit)
        for ranges, values in zip(self.ranges, (x, y), strict=True):
            if ranges:
                ranges.learn(values, self.steps)
        if isinstance(self.ranges[1], Learned) and self.ranges[1].n_seen > 3:
            self.follow(*old)
        z = self.forward(self.inputs(x))
        delta, p_target = self.output_delta(z, y)
        self.steps += 1
        if p_target is None:
            self.errors = self.errors + (np.abs(delta) - self.errors) * share_of(self.steps, 64)
            error = np.abs(delta).mean()
        else:
            error = 1 - p_target
        self.error += (error - self.error) * share_of(self.steps + 1, 64)
        if self.first_trained == len(self.layers) or self.skips(delta, p_target):
            self.skipped += 1
            return False
        self.trained += 1
        learning = [layer for layer in self.layers if layer.trainable]
        for layer in learning:
            layer.survey(self.trained, self.layers[self.layers.index(layer) + 1 :])
        self.gradients(delta, self.select)
        for layer in learning:
            lr = self.rate_of(layer)
            layer.w -= lr * layer.dw.reshape(layer.w.shape)
            layer.b -= lr * layer.db
        return True

    def follow(self, zero, unit):
        """The output layer gives what it gave by the outputs' map from before, in the user's
        units. So do the errors."""
        now, output = self.ranges[1], self.layers[-1]
        known = np.isfinite(unit) & np.isfinite(now.unit)
        share = np.where(known, unit, 1) / np.where(known, now.unit, 1)
        output.w *= share.astype(self.dtype)
        moved = np.where(known, (zero - now.zero) / now.unit, 0)
        output.b = (output.b * share + moved).astype(self.dtype)
        errors = np.minimum(self.errors * share, 1)
        self.error = max(0, self.error + np.mean(errors - self.errors))
        self.errors = errors

    def rate_of(self, layer):
        """The learning rate of a layer: core/rate.c."""
        if not self.spec.auto_rate:
            return self.lr
        settled = 2048 if self.spec.loss == fmt.MSE else 512
        c, q = self.lr / (1 + min(self.steps, settled) / 256), layer.energy
        n = max(np.ceil((np.log2(q / c**2) - 1) / 2), np.ceil(np.log2(q)))
        return self.dtype(2.0 ** -np.clip(n, 0, 26))

    def macs(self, layer, n_deltas):
        want_dx = self.layers.index(layer) > self.first_trained
        return n_deltas * layer.record.fan_in * (layer.trainable + want_dx)

    def predict(self, x):
        return int(self.forward(self.inputs(x)).argmax())

    # ---- policies: see core/select.c

    def skips(self, delta, p_target):
        skip, diffused = self.spec.skip / 2**14, self.spec.policy == fmt.DIFFUSED
        known = False
        if skip and p_target is not None:
            known = p_target >= 1 - skip
        elif skip and not diffused:
            y = np.abs(delta).sum()
            known = y < skip * self.running_maximum(self.layers[-1], y)
        if diffused:
            self.set_share()
            saved = self.account + self.spec.s_max / 2**15 - (0 if known else self.share)
            self.account = min(max(saved, 0), MOST_SAVED)
        if known and diffused:
            for layer in self.layers[self.first_trained :]:
                if isinstance(layer, Weighted) and layer.threshold:
                    self.adapt(layer, 0)
        return known

    def left_to_learn(self):
        """core/progress.c"""
        if self.spec.loss == fmt.CROSSENTROPY:
            return self.error
        spread, now = 1 / 2, self.ranges[1]
        if isinstance(now, Learned):
            spread = (now.spread / now.unit).mean() if now.n_seen >= 3 else 0
        return min(self.error / spread, 1) if spread else 1

    def set_share(self):
        least = self.spec.s_min / 2**15
        share = max(least, min(self.left_to_learn() / 2, self.account / 256))
        self.share = least if self.spec.s_max == 0 else share if share < 0.95 else 1.0

    def running_maximum(self, layer, y):
        layer.threshold = max(layer.threshold * (1 - DECAY), y)
        return layer.threshold

    def select(self, layer, delta, depth):
        all_of_them = depth == 0 and self.spec.loss == fmt.CROSSENTROPY
        policy = fmt.FULL if all_of_them else self.spec.policy
        choose = {fmt.FULL: self.all, fmt.TOPK: self.top_k, fmt.DIFFUSED: self.adaptive}[policy]
        selected, n = choose(layer, delta.ravel(), depth)
        self.macs_selected += self.macs(layer, n)
        return selected.reshape(delta.shape)

    def all(self, layer, delta, depth):
        return delta, delta.size

    def top_k(self, layer, delta, depth):
        spec, one = self.spec, 2**15
        y = np.abs(delta).sum()
        is_known = depth == 0 and spec.skip  # skips() did
        largest = layer.threshold if is_known else self.running_maximum(layer, y)
        share = spec.s_min + (y / largest if largest else 0) * (spec.s_max - spec.s_min)
        share = share / one * (spec.zeta / one) ** depth
        k = min(max(int(delta.size * share), 1), delta.size)
        selected = np.zeros_like(delta)
        largest_first = np.argsort(-np.abs(delta), kind="stable")[:k]
        selected[largest_first] = delta[largest_first]
        return selected, np.count_nonzero(selected)

    def budget(self, layer):
        return max(int(layer.with_deltas.record.n_out * self.share + 0.5), 1)

    def adapt(self, layer, n_selected):
        """layer.threshold is T times the share, so that T follows it at once."""
        step = 2.0 ** ((layer.with_deltas.record.n_out - 1).bit_length() + 3)
        t = layer.threshold * (1 + (n_selected - self.budget(layer)) / step)
        layer.threshold = max(min(t, self.share), step * 2.0**-30)

    def diffused(self, layer, delta, t):
        small = np.abs(delta) < t
        selected = np.where(small, 0, delta)
        residual, channels = min(layer.residual, np.nextafter(t, 0)), layer.record.out_c
        for j in range(channels):
            total = 0.0
            for i in range(j, delta.size, channels):
                total += delta[i] if small[i] else 0
                if residual + abs(total) >= t:
                    selected[i] = np.copysign(t, total)
                    residual += abs(total) - t
                    total = 0.0
            residual += abs(total)
        layer.residual = residual
        return selected

    def adaptive(self, layer, delta, depth):
        if self.share == 1:
            layer.threshold = 0.0
            return delta, delta.size
        magnitude = np.abs(delta)
        if layer.threshold == 0:
            layer.threshold = min(max(magnitude.mean(), 2.0**-30), 1.0)
        t = min(layer.threshold / max(self.share, 2.0**-8), 1.0)
        if self.spec.loss == fmt.CROSSENTROPY:
            selected = self.diffused(layer, delta, t)
        else:
            is_output = layer is self.layers[-1]
            shares = self.errors / (np.max(self.errors) or 1) if is_output else 1
            selected = np.where(magnitude >= t * shares, delta, 0)
        n_selected = np.count_nonzero(selected)
        self.adapt(layer, n_selected)
        return selected, n_selected


def clipped(delta):
    return np.clip(delta, -1, 1)


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()
