"""Sparse back-propagation: which samples to learn from, and which deltas of a layer to select.

    FULL       selects all.
    TOPK       selects the k_l largest of the n_l deltas of layer l (of equal ones those of lower
               index):
                   k_l = clamp(floor(n_l S_l), 1, n_l)
                   S_l = (s_min + Y_l / Ymax_l (s_max - s_min)) zeta^depth,  depth 0 at the output
                   Y_l = sum |delta|,  Ymax_l = its running maximum, less 1/1024 per step
               TinyProp, arXiv 2308.09201; s_min = s_max, zeta = 1 is meProp, arXiv 1706.06197.
    DIFFUSED   selects deltas of at least a threshold T, which adapts until K = r n_l are selected
               on average. With crossentropy the smaller ones are not lost: they add up, and each
               time they reach T the current delta is selected as +-T (error diffusion). Within a
               feature map of a convolution, which shares its weights, they add up with their
               signs; from map to map, and from unit to unit, without. With mse the threshold of
               output j is T e_j / max e, where e_j is its mean error (progress.py). r = s_min if
               s_max is 0; else r follows how much there is to learn, as far as that is affordable:
                   r = max(s_min, min(left / 2, account / 256)), and 1 from .95 on
                   left: the part of what there is to learn that is left, progress.py
                   account: earns s_max each step, pays r; starts with 4096 and holds no more
    skip > 0   no backward pass for a sample that is known already (TinyPropv2, arXiv 2409.07109):
                   crossentropy   p_y >= 1 - skip
                   mse            Y_L < skip Ymax_L      (not with DIFFUSED)

Below a maximum the deltas of a convolution are those of the windows (image.py), so n_l counts
windows, and small deltas add up from window to window.

With crossentropy all deltas of the output layer are selected, as only all of them sum to 0. With
mse it is like all others.
"""

import numpy as np

from .fixed import ONE, l1_norm, part, rshift_round
from .format import CROSSENTROPY, DIFFUSED, FULL, MSE, TOPK

DECAY = 10  # Ymax loses 1/2^10 per step
RESIDUAL_FRAC = 22  # the finest format of deltas
THRESHOLD_FRAC = 30  # of T r: 1.0 = 2^30
ALL = ONE * 95 // 100
MOST_SAVED = 4096 << 15  # in the account


def running_maximum(state, y):
    """Updates the running maximum of Y, which is state.threshold; both are Q.delta_frac."""
    state.threshold = max(state.threshold - -(-state.threshold >> DECAY), y)
    return state.threshold


# ---- DIFFUSED


def set_share(model, left):
    """r for this step, Q.15."""
    spec, state = model.spec, model.state
    share = max(min(left >> 1, state.account >> 8), spec.s_min)
    share = share if share < ALL else ONE
    state.share = share if spec.s_max else spec.s_min


def pay(model, share):
    """The account after a step that selected this share. It has no debts."""
    state = model.state
    account = (state.account + model.spec.s_max) % (1 << 32)  # beyond only in a damaged image
    state.account = min(max(account - share, 0), MOST_SAVED)


def budget(model, layer):
    """K: how many deltas to select on average."""
    return max(rshift_round(layer.n_deltas * model.state.share, 15), 1)


def adapt_threshold(model, layer, n_selected):
    """The state has T r, so that T follows r at once. It changes by 2^-shift of itself for each
    delta too many or too few; shift = bits + 3 with 2^bits >= n_deltas. It stays at least 2^shift,
    so that it can always change, and T at most 1.0, as no delta is larger."""
    shift = (layer.n_deltas - 1).bit_length() + 3
    t = layer.state.threshold
    t += (t >> shift) * (n_selected - budget(model, layer))
    layer.state.threshold = max(min(t, model.state.share << THRESHOLD_FRAC - 15), 1 << shift)


def threshold_of(model, layer, delta, frac):
    """T for deltas in Q.frac: 1 to 1.0."""
    state = layer.state
    if state.threshold == 0:  # the first time: T = Y / K, so T r = Y / n
        mean = l1_norm(delta) // layer.n_deltas
        state.threshold = min(mean << (THRESHOLD_FRAC - frac), 1 << THRESHOLD_FRAC)
    r = max(model.state.share >> 7, 1)  # Q.8, so T r / r is Q.22
    t = state.threshold // r >> (RESIDUAL_FRAC - frac)
    return min(max(t, 1), 1 << model.delta_frac)


def diffused(layer, delta, frac, t):
    """The deltas that are selected with crossentropy."""
    state, small = layer.state, np.abs(delta) < t
    residual = min(state.residual >> (RESIDUAL_FRAC - frac), t - 1)
    selected = np.where(small, 0, delta)
    maps = np.where(small, delta, 0).reshape(-1, layer.out_c).T  # a dense unit is a map
    total = last = 0
    for j, i in np.argwhere(maps).tolist():
        if j != last:
            residual, total, last = residual + abs(total), 0, j
        total += int(maps[j, i])
        if residual + abs(total) >= t:
            selected[i * layer.out_c + j] = t if total > 0 else -t
            residual, total = residual + abs(total) - t, 0
    state.residual = residual + abs(total) << (RESIDUAL_FRAC - frac)
    return selected


def shares_of_outputs(model):
    """e_j / max e, Q.15. Errors are Q.28; of the largest one its highest 16 bits count."""
    errors = model.tally.astype(np.int64)
    largest = max(int(errors.max()), 1)
    k = (largest >> 16).bit_length()
    return (errors >> k) * (2**31 // (largest >> k)) >> 16


def select_adaptive(model, layer, delta, frac, depth):
    if model.state.share == ONE:
        layer.state.threshold = 0
        return delta, layer.n_deltas
    t = threshold_of(model, layer, delta, frac)
    if model.spec.loss == CROSSENTROPY:
        selected = diffused(layer, delta, frac, t)
    else:
        shares = shares_of_outputs(model) if layer is model.output else ONE
        selected = np.where(np.abs(delta) < t * shares >> 15, 0, delta)
    n_selected = np.count_nonzero(selected)
    adapt_threshold(model, layer, n_selected)
    return selected, n_selected


# ---- TOPK


def top_k(model, layer, delta, frac, depth):
    """k_l for deltas in Q.frac. Shares are Q.15."""
    spec = model.spec
    y = l1_norm(delta) >> (frac - model.delta_frac)
    is_known = depth == 0 and spec.skip  # is_known_already did
    largest = layer.state.threshold if is_known else running_maximum(layer.state, y)
    share = spec.s_min + rshift_round(part(y, largest) * (spec.s_max - spec.s_min), 15)
    for _ in range(depth):
        share = share * spec.zeta >> 15
    return min(max(layer.n_deltas * share >> 15, 1), layer.n_deltas)


def select_largest(model, layer, delta, frac, depth):
    k = top_k(model, layer, delta, frac, depth)
    largest_first = np.argsort(-np.abs(delta), kind="stable")
    selected = delta.copy()
    selected[largest_first[k:]] = 0
    return selected, np.count_nonzero(selected)


# ---- the two decisions


def is_known_already(model, delta):
    """Y_L < skip Ymax_L"""
    y = l1_norm(delta)
    largest = running_maximum(model.output.state, y)
    k = (largest >> 17).bit_length()
    return (y >> k) << 14 < (largest >> k) * model.spec.skip


def select_none(model):
    """With DIFFUSED a skipped sample counts as one of which none is selected, or the budget would
    go to the rest."""
    for layer in model.layers[model.first_trained :]:
        if layer.state.threshold:
            adapt_threshold(model, layer, 0)


def skips(model, delta, p_target, left):
    """Whether this sample needs no backward pass. delta: of the output layer, Q.delta_frac;
    p_target: Q.14, with crossentropy; left: what left_to_learn returns."""
    spec = model.spec
    is_mse, is_diffused = spec.loss == MSE, spec.policy == DIFFUSED
    skip = False
    if spec.skip and not is_mse:
        skip = p_target >= (1 << 14) - spec.skip
    elif spec.skip and not is_diffused:
        skip = is_known_already(model, delta)
    if is_diffused:
        set_share(model, left)
        pay(model, 0 if skip else model.state.share)
        if skip:
            select_none(model)
    return skip


def select_all(model, layer, delta, frac, depth):
    return delta, layer.n_deltas


SELECT = {FULL: select_all, TOPK: select_largest, DIFFUSED: select_adaptive}


def select(model, layer, delta, frac, depth):
    """Returns the deltas, those not selected as 0, and how many are selected (FULL: all)."""
    all_of_them = depth == 0 and model.spec.loss == CROSSENTROPY
    policy = FULL if all_of_them else model.spec.policy
    return SELECT[policy](model, layer, delta, frac, depth)
