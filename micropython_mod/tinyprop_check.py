"""What is wrong with how a model learns, and what to do. `tinyprop` imports this file when it is
first needed.
"""

import struct
from binascii import crc32

from tinyprop_layers import _range_place
from tinyprop_state import _dead_units, _falling, _guess, _places, _spreads, _tally
from tinyprop_words import _class_text


def const(value):  # as in tinyprop
    return value


# ---- the format of a model (written by `python -m host_sim format`: do not edit)
_SHAPE = const(7)
_MIN_W_FRAC = const(2)
_MODEL_SPEC_REPLAY = const(32)
_MODEL_STATE_STEPS = const(8)
_MODEL_STATE_ERROR = const(84)
_MODEL_STATE_LEAST_ERROR = const(96)
_MODEL_STATE_N_OUTSIDE = const(104)
_MODEL_STATE_N_OUTSIDE_Y = const(116)
_LAYER_STATE_W_FRAC = const(0)
_LAYER_STATE_NORM = const(28)
_LAYER_STATE_X_FRAC = const(32)
# ---- end of the format

_ONE = const(1 << 28)  # 1.0 of what is counted in Q.28
_IN_THE_END = const(1 << 20)  # steps, after which found rates fall no more
# What found rates come to until then, in steps of the last one: the sum of their falling, 768 ln 3
# and with mse 2304 ln 9 (core/rate.c).
_UNTIL_SETTLED = const(844)
_UNTIL_SETTLED_MSE = const(5062)
_SOME = const(50)  # samples, before which nothing is wrong yet
_FEW = const(10)  # of one class in a row; by chance as good as never, if classes come in turn
_SENSORS = const(32)  # so few values of x may be sensors; pictures have corners that stay black
_STRAY = 0.05  # so many values may lie outside a range that was given
_GUESS = 0.3  # error of guessing numbers in a given range, as a share of half of it


def _check(model):
    facts, says = _Facts(model), []
    if facts.steps < _SOME:
        return says
    if not any(place.trained for place in facts.places):
        return [
            "All layers are trainable=False, so it learns nothing: make a new Model in which one"
            " is not."
        ]
    for look_at in _CAUSES:
        says.extend(look_at(facts))
    for look_at in _SIGNS:
        if not says:
            says.extend(look_at(facts))
    return says


class _Facts:
    """What check() goes by. wrong: the error, as a share of that of guessing. moves: whether x
    does."""

    moves = True

    def __init__(self, model):
        self.model, self.image, self.places = model, model._image, _places(model)
        self.steps = model._number("<Q", _MODEL_STATE_STEPS)
        self.error = model._number("<I", _MODEL_STATE_ERROR) / _ONE
        self.least = model._number("<I", _MODEL_STATE_LEAST_ERROR) / _ONE
        self.replay = struct.unpack_from("<H", model._image, _MODEL_SPEC_REPLAY)[0]
        self.shown = [] if model._mse else _tally(model, self.places)
        self.n_shown = len(self.shown) - self.shown.count(0)  # others may be spare
        guess = 1 - 1 / max(1, self.n_shown)
        if model._mse:
            guess = _guess(model) or _GUESS
        self.wrong = self.error / (guess or 1)
        # A guess of mse with a given range is none.
        learned = not model._mse or not _range_place(model._image, 1)[2]
        enough = 1000 if model._mse else 200 * self.n_shown
        self.guesses = learned and self.steps >= enough and self.wrong > 0.95
        # With rates that it finds, guessing explains units that are dead, and not the other way.
        self.blames_rate = model.lr is not None or not self.guesses
        self.cure = "m.reset()." if model.lr is None else "m.lr = None, then m.reset()."

    def outside(self, which):
        """The share of values of x, or with 1 of y, that were too far outside their range."""
        at = (_MODEL_STATE_N_OUTSIDE, _MODEL_STATE_N_OUTSIDE_Y)[which]
        n = (self.model._n_in, self.model._n_out)[which]
        return self.model._number("<I", at) / self.steps / n


def _names(one, many, numbers):
    """one or many, with the numbers in it."""
    text = ", ".join(map(str, numbers[:6])) + (", .." if len(numbers) > 6 else "")
    return (one if len(numbers) == 1 else many) % text


def _still_x(facts):
    _, n, given = _range_place(facts.image, 0)
    still = [i for i, spread in enumerate(_spreads(facts.model, 0, _SOME)) if spread == 0]
    if len(still) == n:
        facts.moves = False
        yield (
            "x never changes: all samples were the same, in the seven digits that count. Is it"
            " read anew for each of them?"
        )
    elif len(still) > (0 if n <= _SENSORS else n // 2):
        flat = n == facts.model._n_in
        value, values = ("Value", "Values") if flat else ("Channel", "Channels")
        what = _names(value + " %s of x has", values + " %s of x have", still)
        yield what + " not moved yet: is a sensor not connected?"
    first = facts.places[0]
    if given and first.i == 0 and not first.inputs_move() and facts.wrong > 0.75:
        facts.moves = False
        if facts.outside(0) <= _STRAY:
            yield "x hardly moves within input_range: give a narrower one, or leave it out."


def _still_y(facts):
    spreads = list(_spreads(facts.model, 1, _SOME))
    if spreads and not any(spreads):
        yield (
            "y never changes: all targets were the same, in the seven digits that count. Are they"
            " those of the samples?"
        )


def _ruin(facts):
    """The lowest layer that gives the same whatever x is: zeros, or what has a mean square far
    above its variance."""
    for k, place in enumerate(facts.places[:-1]):
        above, same = facts.places[k + 1], place.gives_only_zeros()
        if not above.inputs_move() and facts.wrong > 0.75:
            square = above.number("<I", _LAYER_STATE_NORM)
            same |= square == 0 or square > 4 * 4.0 ** above.number("b", _LAYER_STATE_X_FRAC)
        if same and facts.moves and facts.blames_rate:
            return [
                "Layer %d gives the same whatever x is. A rate that is too high does that, and"
                " learning on does not mend it: %s" % (place.i, facts.cure)
            ]
    return []


def _rate(facts):
    """Compares a given rate with what layers find in the end. A third of that or three times as
    much does no harm, so five times is the limit. Another one is 4 / q: beyond it a step can make
    the loss of its own sample larger, as the curvature of crossentropy is at most 1/2. (In a
    convolution q counts all positions as if they agreed, so it does not tell what is too much.) A
    low rate is too low as long as its steps come to less than what layers do until their rates
    settle, or the error has not come down."""
    lr, c = facts.model.lr, _falling(facts.model, _IN_THE_END)
    if lr is None or facts.wrong < 0.3:
        return []
    most = layer = 0
    for place in facts.places:
        q = place.energy()
        found = place.trained and q and min(c / q**0.5, 1 / q)
        if found and place.dense and lr > min(5 * found, 4 / q):
            return [
                "lr = %.2g is too high: layer %d needs some %.1g. m.lr = None finds it; if that"
                " does not help, m.reset() as well." % (lr, place.i, found)
            ]
        if found and found > most:
            most, layer = found, place.i
    enough = _UNTIL_SETTLED_MSE if facts.model._mse else _UNTIL_SETTLED
    if most > 5 * lr and (facts.steps * lr < enough * most or facts.wrong > 0.75):
        return [
            "lr = %.2g is too low: layer %d needs some %.1g, and learns that much faster then."
            " m.lr = None finds it." % (lr, layer, most)
        ]
    return []


def _classes(facts):
    if facts.model._mse or facts.model._n_out == 1:
        return
    shown = facts.shown
    ago = [(facts.steps - step) % (1 << 32) for step in shown]
    alone = sorted(ago)[1]
    latest = _class_text(facts.model, ago.index(min(ago)))
    # Classes one after the other, or each twice: later a rare class may stay away for so long.
    is_beginning = 2 * facts.n_shown * alone >= facts.steps
    if facts.n_shown == 1:
        yield (
            "All samples were of class %s, and so will be all answers: show others, too." % latest
        )
    elif alone >= (_FEW if is_beginning else _SOME) and not facts.replay:
        yield (
            "The last %d samples were all of class %s, and what it knows of the others fades: show"
            " the classes in turn, or make a new Model with replay=." % (alone, latest)
        )
    # Beside names an output without one is spare.
    names = facts.model._names or range(1, len(shown) + 1)
    never = [_class_text(facts.model, c) for c in range(len(shown)) if names[c] and not shown[c]]
    if never and facts.steps >= 20 * len(shown):
        what = _names("Class %s was never shown", "Classes %s were never shown", never)
        yield what + ": show all, or give the last layer fewer units."


def _outside(facts):
    given = [_range_place(facts.image, which)[2] for which in (0, 1)]
    x, y = facts.outside(0), facts.outside(1)
    if given[0] and x > _STRAY:
        yield (
            "%.0f %% of the values of x are outside input_range, and count as its ends: give a"
            " wider one, or leave it out." % (100 * x)
        )
    if given[1] and y > _STRAY:
        yield (
            "%.0f %% of the values of y are so far outside output_range that they were cut, to"
            " half its width beyond its ends: give a wider one, or leave it out." % (100 * y)
        )
    if facts.model._mse and not given[1] and y > 0.01 + 5 / facts.steps:  # at first some are
        yield (
            "%.0f %% of the values of y were so far from the others that they were cut: give"
            " output_range, if they are right." % (100 * y)
        )


def _values_of_memory(facts):
    """How many values of a sample are remembered: the inputs of the lowest trained layer."""
    i = [place.i for place in facts.places if place.trained][0]
    if i == 0:
        return facts.model._n_in
    height, width, channels = facts.model._shapes[_SHAPE * i - _SHAPE : _SHAPE * i - _SHAPE + 3]
    return height * width * channels


def _twins(facts):
    """Remembered samples that are the same but for their labels. What is where: core/replay.c."""
    classes = facts.model._n_out
    if not facts.replay or facts.model._mse:
        return
    at = facts.places[-1].end + 4 * classes
    _, n_maps, given = _range_place(facts.image, 0)
    if not given and facts.places[0].trained:
        at += 8 * n_maps
    seen = struct.unpack_from("<%dH" % classes, facts.image, at)
    n_in, n_of_class = _values_of_memory(facts), facts.replay // classes
    at += 2 * classes + 2 * facts.replay
    label_of, twins, known = {}, 0, 0
    for counting in (False, True):
        for label in range(classes):
            for k in range(min(seen[label], n_of_class)):
                x = at + (n_of_class * label + k) * n_in
                key = crc32(facts.image[x : x + n_in])
                if counting:
                    twins += label_of[key] < 0
                    known += 1
                elif label_of.get(key, label) == label:
                    label_of[key] = label
                else:
                    label_of[key] = -1
    if 20 * twins > known:
        yield (
            "%d of %d remembered samples have a twin with another label: labels contradict each"
            " other, or x lacks what tells them apart%s."
            % (
                twins,
                known,
                "" if given else ", or came before its range was known: give input_range",
            )
        )


def _change(facts):
    """With classes the error is a mean of some 127 values of 0 to 1, so its variance is at most
    m (1 - m) / 127; five deviations are no chance."""
    m = 0 if facts.model._mse else min(1, (facts.error + facts.least) / 2)
    chance = 5 * (m * (1 - m) / 127) ** 0.5
    if facts.wrong > 0.4 and facts.error - facts.least > max(facts.error / 2, chance):
        yield (
            "The error is %.2g times what it was once. Has a sensor changed, or what a label"
            " means? It learns that as it goes; after a change of units m.input_range = None"
            " helps%s.%s"
            % (
                facts.error / (facts.least or 1 / _ONE),
                ", of y m.output_range = None" * facts.model._mse,
                " What it remembers is from before: to forget that, save it and load it."
                * (facts.replay > 0),
            )
        )


def _units(facts):
    for k, place in enumerate(facts.places):
        dead = _dead_units(facts.places, k)
        if 2 * dead > place.units and facts.blames_rate and facts.wrong > 0.3:
            yield (
                "%d of %d units of layer %d fire on nothing, as after a rate that was too high: %s"
                % (dead, place.units, place.i, facts.cure)
            )
        if place.trained and place.number("b", _LAYER_STATE_W_FRAC) == _MIN_W_FRAC:
            yield (
                "Weights of layer %d are as large as they can be, as after a rate that was too"
                " high: %s" % (place.i, facts.cure)
            )


_REMEMBERS = const(
    " And what it remembers contradicts what comes now, if y has come to mean something else: save"
    " it, load it without what it remembers, and learn on."
)


def _guessing(facts):
    if facts.guesses:
        yield (
            "After %d samples it does no better than guessing. Does each x come with its own y?"
            " Labels that contradict each other look like this, and an x that does not tell y."
            % facts.steps
            + (_REMEMBERS if facts.replay and facts.model._mse else "")
        )


_CAUSES = (_still_x, _still_y, _ruin, _rate, _classes, _outside, _twins)
_SIGNS = (_change, _units, _guessing)  # which may follow from those causes
