"""Models that learned apart become one: their mean, by how many samples each of them learned from.

Everything is integers, and nothing is rounded before the end, so the result does not depend on the
order of the models, and is the same bits on every machine. In each model a number may be in
another format, v 2^-f. Of such numbers the exact sum is made in two steps, n being the samples of
a model:

    for each f apart    the sum of n v, in 64 bits: |v| <= 2^31, and all n together are below 2^32;
                        if they are not, all are halved until they are
    of these few sums   one, in units of the finest f, in Python's integers, which have no bound

That divided by the sum of n is rounded once, to nearest, halves up.

What becomes of each part of a model:

    weights, biases     the mean of what they are without slopes and in one range; in the finest
                        format of all models, or the next one in which they are within bounds
    learned ranges      centre: the mean. spread: the mean of spread + |centre - mean centre|,
                        which the spread of all values together cannot exceed. Both leave out
                        what would take the bits of all others: a range reaches as far as spread +
                        |centre - median centre|, and to 256 times the median of that at most. What
                        maps to 0 and to 1.0 stays as it was sent out as long as it does
                        (docs/numbers.md); weights and biases are converted to it, exactly but for
                        zeros of padding
    means of inputs     the mean, which counts as much as that of the model with most samples in it
    y_frac              the least: what no model cuts off, the result does not
    class last shown    as long ago as in the model where that is least
    all else            counters, running means, and the states of policies: the mean

A board with wrong labels or a stuck sensor would teach them to all others. Every model keeps its
error, a running mean of how wrong it was of each sample before it learned from it. Models of a
round begin with the same error, so it tells whose samples contradict what suits the others. A
model counts an eighth whose error e stands out from their median m, in both of these ways:

    from the others    by the logarithm of the odds, e / (1 - e), it is more than FAR times as far
                       above m as half of them are away from it
    from chance        by more than 3.5 standard deviations of a mean of so few samples; a value
                       from 0 to 1 has a variance of m (1 - m) at most, of which a running mean
                       of 64 has a 127th; m here as if one sample more had been wrong, as nobody
                       is right for ever

The first alone would be about boards that are a bit worse than others when these agree; the
second alone, about all that are harder to know. A board that is right, and the first to see
something new, stands out too: as it counts an eighth, not nothing, the others learn that, and
then it does not stand out any more.

A mean of many models is as a step from many samples: smoother than one of them, not longer. So the
next round does not begin with the mean but further on, where it is heading: onward(), which is
Nesterov's momentum.

Samples that a model remembers are in no file that travels. All that does not change while a model
learns has to be the same in all of them.
"""

from fractions import Fraction
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
from _tinyprop_numpy import centre, ranges
from _tinyprop_numpy.format import (
    BIAS_FRAC,
    CROSSENTROPY,
    DENSE,
    DEPTHWISE,
    MAX_BIAS,
    MIN_W_FRAC,
)
from _tinyprop_numpy.plan import opened
from _tinyprop_numpy.progress import MEAN_SHIFT

from .models import load, saved

MOST_OF_A_BOARD = 2**20  # samples; more is no count, but a way to have nobody else count
MOST_SAMPLES = 2**32 - 1  # of all models together
LEAST_SEEN = 3  # samples before which nothing is known of a range
RANGE_BITS = 26  # of the larger of centre and spread
MOMENTUM = Fraction(9, 10)
LESS = 8  # so a tenth of all boards comes to one in a hundred
FAR_OFF = 256  # times: inputs have 8 bits, of which those of half the boards would see none
FAR = 5  # median distances, which are 3.4 standard deviations of a normal distribution
CERTAIN = 1 << 28  # an error of 1.0
OF_CHANCE = (2 << MEAN_SHIFT) - 1  # samples whose mean varies as a running one does


def average(sent, updates):
    """The mean of models, as a file.

    sent: the file that they began with. updates: [(file, samples), ..], what they became, and how
    many samples each learned from. ValueError: one of them cannot be averaged; its text says why.
    """
    merged = Merged(sent)
    for file, samples in updates:
        merged.take(file, samples)
    return merged.mean()


def onward(before, now):
    """What a round begins with, as a file: the last mean, moved on by MOMENTUM times what moved it
    from the mean before that. All but weights and biases stays. before: None if there is none."""
    if before is None or n_seen(opened(load(before))) < LEAST_SEEN:
        return now
    merged = Merged(now)
    merged.take(now, 1)
    merged.take(before, 1)
    moved, of = MOMENTUM.as_integer_ratio()
    merged.set_weights((of + moved, -moved), of)
    return merged.file()


# ---- exact sums


class Sum:
    """The exact sum of arrays of fractions v 2^-f."""

    def __init__(self, shape):
        self.parts = {0: np.zeros(shape, np.int64)}  # by f

    def add(self, v, frac):
        """v: int64, or object for Python's integers. frac: one number, or an array that goes with
        v."""
        frac = np.asarray(frac)
        for f in np.unique(frac).tolist():
            part = np.where(frac == f, v, 0) if frac.ndim else v
            self.parts[f] = self.parts.get(f, 0) + part

    def floats(self):
        return sum(np.ldexp(self.parts[f].astype(float), -f) for f in sorted(self.parts))

    def over(self, n, frac, times=1):
        """times the sum / n, rounded to Q.frac."""
        finest = max(frac, *self.parts)
        total = sum(part.astype(object) << finest - f for f, part in self.parts.items())
        return divided(times * total, n << finest - frac)


def divided(v, n):
    """v / n to the nearest integer, halves up."""
    return (2 * v + n) // (2 * n)


def shifted(v, s):
    """v 2^s to the nearest integer, halves up."""
    return v << s if s >= 0 else divided(v, 1 << -s)


# ---- one model


def settings_of(file):
    """All that stays as it is while the model in a file learns in a fleet."""
    model = load(file)
    return settings(opened(model), model.classes)


def settings(model, names):
    """The same of an opened model, whose classes have these names."""
    given = [None if pairs is None else pairs.tobytes() for pairs in model.given]
    return model.image[: model.state_offset].tobytes(), given, names


def n_seen(model):
    """How many samples its learned ranges are of; as many as it needs if it learns none."""
    of_ranges = zip(model.learned, model.state.n_seen, strict=True)
    return min((n for learned, n in of_ranges if learned is not None), default=LEAST_SEEN)


def check(expected, model, names, samples):
    """ValueError: the model in an update is none of those whose settings are expected."""
    if not 1 <= samples <= MOST_OF_A_BOARD:
        raise ValueError(f"an update has {samples} samples, expected 1 to {MOST_OF_A_BOARD}")
    if settings(model, names) != expected:
        raise ValueError(
            "an update has other layers, settings or names of classes than the model that was sent"
        )
    if n_seen(model) < LEAST_SEEN:
        raise ValueError(
            f"an update has seen {n_seen(model)} samples, expected {LEAST_SEEN} or more"
        )


def standing_out(errors, steps):
    """Which of the errors do, in Q.28; steps: of how many samples each is."""
    if not errors:
        return []
    middle = median(errors)
    above = [odds(e) / odds(middle) for e in errors]
    far = median([max(times, 1 / times) for times in above]) ** FAR

    def by_chance(k):
        n = min(steps[k], OF_CHANCE)
        m = (n * middle + CERTAIN) // (n + 1)
        return 4 * n * (errors[k] - middle) ** 2 <= 49 * m * (CERTAIN - m)

    return [k for k, times in enumerate(above) if times > far and not by_chance(k)]


def near_others(each):
    """Which ranges reach from the median centre at most FAR_OFF times as far as half of them."""
    centres, spreads, _ = aligned(each)
    far = reaches(centres, spreads, median(centres))
    most = FAR_OFF * median(far) or max(far)  # half of them 0 tells nothing of the others
    return [k for k, one in enumerate(far) if one <= most]


def aligned(each):
    """(centres, spreads, f) of ranges, all as v 2^-f."""
    f = max(r.frac for r in each)
    return [r.centre << f - r.frac for r in each], [r.spread << f - r.frac for r in each], f


def reaches(centres, spreads, middle):
    """How far from there they reach."""
    return [s + abs(c - middle) for s, c in zip(spreads, centres, strict=True)]


def odds(error):
    return Fraction(error + 1, CERTAIN + 1 - error)  # never 0, nor without end


def median(values):
    return sorted(values)[len(values) // 2]


class Map(NamedTuple):
    """From a range, one a channel or output, to another: old = new 2^scale + offset 2^-frac."""

    scale: np.ndarray
    offset: np.ndarray  # Python's integers
    frac: int

    @classmethod
    def between(cls, old, new):
        """Both in arrays of LEARNED_RANGE. Values that were all the same are 0 in either."""
        moves = (old["shift"] != ranges.NO_SHIFT) & (new["shift"] != ranges.NO_SHIFT)
        unit = old["shift"].astype(int) - old["frac"]  # 1.0 of the old one is 2^unit
        scale = np.where(moves, new["shift"].astype(int) - new["frac"] - unit, 0)
        zeros = [(r["zero"].astype(object), r["frac"].astype(object)) for r in (old, new)]
        (old_zero, old_frac), (new_zero, new_frac) = zeros
        finest = max(*old_frac, *new_frac)
        away = (new_zero << finest - new_frac) - (old_zero << finest - old_frac)
        frac = finest + int(unit.max())
        return cls(scale, np.where(moves, away << unit.max() - unit.astype(object), 0), frac)


# ---- the mean


class Merged:
    """What becomes of a model by updates of it."""

    def __init__(self, sent):
        self.result = load(sent)
        self.model = opened(self.result)
        self.settings = settings(self.model, self.result.classes)
        self.models, self.samples, self.names = [], [], []
        self.far = set()  # models with a range that is far from those of others
        self.weighted = [i for i, layer in enumerate(self.model.layers) if layer.has_weights]

    def take(self, file, samples, name=None):
        """An update of a board. ValueError: it cannot be averaged; its text says why."""
        learned = load(file)
        model = opened(learned)
        check(self.settings, model, learned.classes, samples)
        self.models.append(model)
        self.samples.append(samples)
        self.names.append(name)

    def screen(self):
        """Has updates that stand out count less. Returns [(name, why), ..] of them."""
        errors = [min(model.state.error, CERTAIN) for model in self.models]
        why = []
        for k in standing_out(errors, [model.state.steps for model in self.models]):
            self.samples[k] = -(-self.samples[k] // LESS)
            text = (
                f"its error is {errors[k] / CERTAIN:.2f}, that of others about "
                f"{median(errors) / CERTAIN:.2f}; look at its sensor and its labels"
            )
            why.append((self.names[k], text))
        return why

    @property
    def n(self):
        return sum(self.samples)

    def mean(self):
        """The mean of the updates, at least one, as a file."""
        self.merge()
        self.set_weights(self.samples, self.n)
        return self.file()

    def merge(self):
        """Makes all but weights and biases the mean."""
        if not self.models:
            raise ValueError("there are no updates, expected one or more")
        while self.n > MOST_SAMPLES:  # so it takes 4,096 models that have the most there may be
            self.samples = [-(-n // 2) for n in self.samples]
        self.merge_ranges()
        self.merge_fields(
            self.model.state,
            [model.state for model in self.models],
            but=("n_seen", "replay_frac", "random"),
        )
        for i in range(len(self.model.layers)):
            self.merge_layer(i)
        self.merge_tally()

    def file(self):
        return saved(self.result)

    def mean_of(self, values, of=None):
        """Of one integer of each model, or of those alone."""
        of = range(len(self.models)) if of is None else of
        n = self.samples
        return divided(sum(n[k] * values[k] for k in of), sum(n[k] for k in of))

    # -- ranges

    def merge_ranges(self):
        state = self.model.state
        n_seen = list(state.n_seen)
        for which, learned in enumerate(self.model.learned):
            if learned is None:
                continue
            of_models = zip(*(model.learned[which].tolist() for model in self.models), strict=True)
            for i, each in enumerate(of_models):
                sent = (
                    ranges.Learned(*learned[i].tolist()) if n_seen[which] >= LEAST_SEEN else None
                )
                each = [ranges.Learned(*r) for r in each]
                near = near_others(each)
                self.far |= {*range(len(each))} - {*near}
                learned[i] = self.merged_range(sent, each, near)
            seen = sum(model.state.n_seen[which] for model in self.models)
            n_seen[which] = min(seen, ranges.MOST_SAMPLES)
        state.n_seen = n_seen

    def merged_range(self, sent, each, near):
        """near: which of them make it."""
        centres, spreads, finest = aligned(each)
        middle = self.mean_of(centres, near)
        spread = self.mean_of(reaches(centres, spreads, middle), near)
        s = RANGE_BITS - (abs(middle) | spread).bit_length() if middle or spread else 0
        frac = min(max(finest + s, -ranges.MOST_FRAC), ranges.MOST_FRAC)
        middle, spread = shifted(middle, frac - finest), shifted(spread, frac - finest)
        new = ranges.Learned(middle, spread, middle, frac, ranges.least_shift(spread))
        if sent is None or sent.shift == ranges.NO_SHIFT:
            return new
        s = frac - sent.frac
        kept = new._replace(zero=shifted(sent.zero, s), shift=sent.shift + s)
        fits = abs(kept.zero) <= ranges.MOST_FIXED and 0 <= kept.shift < ranges.NO_SHIFT
        return kept if fits and ranges.map_does(kept) else new

    @cached_property
    def maps(self):
        """For each model the maps from its ranges to the merged ones, of inputs and of outputs;
        None if they are the same."""
        return [
            [
                None if now is None or same_map(was, now) else Map.between(was, now)
                for was, now in zip(model.learned, self.model.learned, strict=True)
            ]
            for model in self.models
        ]

    # -- counters, running means, formats

    def merge_fields(self, result, each, but):
        for name in result.item.dtype.names:
            if name not in but:
                setattr(result, name, self.mean_of([getattr(one, name) for one in each]))

    def merge_layer(self, i):
        layer, each = self.model.layers[i], [model.layers[i] for model in self.models]
        state, states = layer.state, [one.state for one in each]
        of_inputs = "n_summed", "energy", "norm", "x_frac", "mean_shift"
        self.merge_fields(state, states, but=("w_frac", "y_frac", "age", *of_inputs))
        state.y_frac = min(one.y_frac for one in states)
        # The window after which y_frac is reconsidered begins anew.
        state.age = 1 << max(max(one.age for one in states).bit_length() - 1, 0)
        state.n_saturated = state.n_high = 0
        surveyed = [k for k, one in enumerate(states) if one.n_summed]
        if layer.has_weights and surveyed:
            self.merge_means(i, surveyed)

    def merge_means(self, i, surveyed):
        """The means of a layer's inputs; surveyed: the models that have any."""
        layer, unit = self.model.layers[i], centre.byte_unit(self.model)
        state, most = layer.state, centre.largest_mean(layer)
        total, energy, n = Sum(layer.n_means), 0, 0
        for k in surveyed:
            one, samples = self.models[k].layers[i], self.samples[k]
            inverse = (1 << 16) // one.state.n_summed  # as in centre.recentre
            means = np.clip(one.sums.astype(np.int64) * inverse, -most << 16, most << 16)
            frac, map_ = one.state.x_frac - unit + 16, self.maps[k][0]
            if map_ and i == self.weighted[0]:
                scale = np.resize(map_.scale, layer.n_means)
                total.add(samples * means, frac + scale)
                total.add(-samples * np.resize(map_.offset, layer.n_means), map_.frac + scale)
            else:
                total.add(samples * means, frac)
            energy += samples * one.state.energy
            n += samples
        states = [self.models[k].layers[i].state for k in surveyed]
        state.n_summed = max(one.n_summed for one in states)
        state.x_frac = min(one.x_frac for one in states)
        state.energy = divided(energy, n)
        sums = total.over(n, state.x_frac - unit, times=state.n_summed)
        limit = most * state.n_summed
        layer.sums[:] = np.clip(sums, -limit, limit).astype(np.int64)
        centre.recentre(self.model, layer)

    def merge_tally(self):
        tallies = [model.tally.tolist() for model in self.models]
        for i, each in enumerate(zip(*tallies, strict=True)):
            self.model.tally[i] = self.merged_tally(each)

    def merged_tally(self, each):
        if self.model.spec.loss != CROSSENTROPY:
            return self.mean_of(each)
        steps = [model.state.steps for model in self.models]
        ages = [(of - shown) % (1 << 32) for of, shown in zip(steps, each, strict=True) if shown]
        return max(self.model.state.steps - min(ages), 1) % (1 << 32) if ages else 0

    # -- weights and biases

    def set_weights(self, times, n):
        """Makes them the sum of so many times those of each model, divided by n."""
        for i in self.weighted:
            layer = self.model.layers[i]
            weights, biases = Sum(layer.weights.shape), Sum(layer.out_c)
            for k, of_model in enumerate(times):
                self.add(k, i, of_model, weights, biases)
            self.set_layer(i, partial(weights.over, n), partial(biases.over, n))

    def add(self, k, i, n, weights, biases):
        """Adds n times weights and biases of layer i of a model to sums, as of the merged ranges
        and without slopes."""
        layer, frac = self.models[k].layers[i], self.models[k].layers[i].state.w_frac
        terms = [(n * layer.weights.astype(np.int64), frac)]
        if layer.kind == DENSE:
            slopes = np.outer(centre.means_of_inputs(layer), layer.slopes.astype(np.int64))
            terms.append((n * slopes, frac + layer.state.mean_shift))
        constants = [(n * layer.biases.astype(np.int64), frac + BIAS_FRAC)]
        of_inputs, of_outputs = self.maps[k]
        if of_inputs and i == self.weighted[0]:
            scale, offset = (
                along_inputs(layer, of_inputs.scale),
                along_inputs(layer, of_inputs.offset),
            )
            constants += [((v * offset).sum(axis=0), f + of_inputs.frac) for v, f in terms]
            terms = [(v, f - scale) for v, f in terms]
        if of_outputs and i == self.weighted[-1]:
            scale = np.resize(of_outputs.scale, layer.out_c)
            constants.append((-n * of_outputs.offset, of_outputs.frac))
            terms, constants = ([(v, f + scale) for v, f in part] for part in (terms, constants))
        for v, f in terms:
            weights.add(v, f)
        for v, f in constants:
            biases.add(v, f)

    def set_layer(self, i, weights, biases):
        """weights, biases: functions of the frac that is wanted."""
        layer = self.model.layers[i]
        frac = max(model.layers[i].state.w_frac for model in self.models)
        while True:
            w, b = weights(frac), biases(frac + BIAS_FRAC)
            fits = np.abs(w).max() <= layer.max_weight and np.abs(b).max() <= MAX_BIAS
            if fits or frac <= MIN_W_FRAC:
                break
            frac -= 1
        layer.state.w_frac = frac
        layer.weights[:] = np.clip(w, -layer.max_weight, layer.max_weight).astype(np.int64)
        layer.biases[:] = np.clip(b, -MAX_BIAS, MAX_BIAS).astype(np.int64)
        if layer.kind == DENSE:
            layer.slopes[:] = 0

    # -- as floats, for what others do with them

    def floats(self, k):
        """Weights and biases of a model, layer by layer, as of the merged ranges."""
        arrays = []
        for i in self.weighted:
            layer = self.model.layers[i]
            weights, biases = Sum(layer.weights.shape), Sum(layer.out_c)
            self.add(k, i, 1, weights, biases)
            arrays += [weights.floats(), biases.floats()]
        return arrays

    def set_floats(self, arrays):
        for i, weights, biases in zip(self.weighted, arrays[::2], arrays[1::2], strict=True):
            self.set_layer(i, partial(fixed, weights), partial(fixed, biases))


def fixed(values, frac):
    return np.floor(np.ldexp(values, frac) + 0.5).astype(object)


def same_map(one, other):
    return all((one[name] == other[name]).all() for name in ("zero", "frac", "shift"))


def along_inputs(layer, values):
    """One value a channel of the input, for each weight."""
    if layer.kind == DEPTHWISE:
        return values[None, :]
    return np.resize(values, layer.fan_in)[:, None]
