"""Sparse back-propagation: which samples to learn from, and which errors of a layer to keep.

    FULL       keeps all.
    TOPK       keeps the k_l largest of the n_l errors of layer l (ties: the lower index):
                   k_l = clamp(floor(n_l S_l), 1, n_l)
                   S_l = (s_min + Y_l / Ymax_l (s_max - s_min)) zeta^depth,    Y_l = sum |d|
               with depth 0 at the output; Ymax_l is a running maximum, less 1/1024 a step.
               TinyProp, arXiv 2308.09201; s_min = s_max, zeta = 1 is meProp, arXiv 1706.06197.
    DIFFUSED   keeps errors from a threshold T on that adapts until on average K = r n_l are kept
               (r = s_min). With crossentropy nothing of the smaller ones is lost: they add up, and
               each time they reach T the error at hand is kept as +-T (error diffusion). In a map
               of a convolution, which shares its weights, they add up with their signs; between
               maps, and units, without.
    skip > 0   no backward pass for a sample that is known already (TinyPropv2, arXiv 2409.07109):
                   crossentropy   p_y >= 1 - skip
                   mse            Y_L < skip Ymax_L      (not with DIFFUSED)

With crossentropy the output layer is dense: a part of its errors no longer sums to 0. With mse it
is like all others.
"""

import numpy as np

from .fixed import rounded, size_of
from .image import CROSSENTROPY, DIFFUSED, FULL

DECAY = 10  # Ymax loses 1/2^10 a step
CARRY_F = 22  # of carry: the finest format of errors
THRESHOLD_F = 30  # of T: 1.0 = 2^30


def running_maximum(layer, y):
    """Of Y, Q.unit, in layer.threshold."""
    layer.threshold = max(layer.threshold - -(-layer.threshold >> DECAY), y)
    return layer.threshold


# ---- DIFFUSED


def budget(model, layer):
    """K"""
    return max(rounded(layer.n_out * model.head.s_min, 15), 1)


def adapt_threshold(model, layer, kept):
    """T moves by 1/2^(m+3) of itself for each error too many or too few, 2^m >= n_out; it stays
    where that is at least 1."""
    step = (layer.n_out - 1).bit_length() + 3
    t = layer.threshold
    t += (t >> step) * (kept - budget(model, layer))
    layer.threshold = min(max(t, 1 << step), 1 << THRESHOLD_F)


def keep_diffused(model, layer, d, fd):
    one = 1 << THRESHOLD_F
    if layer.threshold == 0:  # the first time: the T that would share Y evenly among K
        share = size_of(d) // budget(model, layer)
        layer.threshold = min(share << (THRESHOLD_F - fd), one)
    t = min(max(layer.threshold >> (THRESHOLD_F - fd), 1), 1 << model.unit)
    carry = min(layer.carry >> (CARRY_F - fd), t - 1)

    small = np.abs(d) < t
    kept = np.where(small, 0, d)
    if model.head.loss == CROSSENTROPY:
        maps = np.where(small, d, 0).reshape(-1, layer.out_c).T  # a unit of a dense layer is one
        total = last = 0
        for j, i in np.argwhere(maps).tolist():
            if j != last:
                carry, total, last = carry + abs(total), 0, j
            total += int(maps[j, i])
            if carry + abs(total) >= t:
                kept[i * layer.out_c + j] = t if total > 0 else -t
                carry, total = carry + abs(total) - t, 0
        carry += abs(total)
    layer.carry = carry << (CARRY_F - fd)
    n_kept = np.count_nonzero(kept)
    adapt_threshold(model, layer, n_kept)
    return kept, n_kept


# ---- TOPK


def top_k(model, layer, y, depth):
    """k_l for errors of size y, Q.unit. Shares are Q.15."""
    head = model.head
    largest = running_maximum(layer, y)
    share = head.s_min
    if largest:
        k = (largest >> 16).bit_length()
        alpha = ((y >> k) << 15) // (largest >> k)
        share += rounded(alpha * (head.s_max - head.s_min), 15)
    for _ in range(depth):
        share = share * head.zeta >> 15
    return min(max(layer.n_out * share >> 15, 1), layer.n_out)


def keep_largest(d, k):
    largest_first = np.argsort(-np.abs(d), kind="stable")
    kept = d.copy()
    kept[largest_first[k:]] = 0
    return kept, np.count_nonzero(kept)


# ---- the two decisions


def skips(model, d, p_target):
    """Whether this sample needs no backward pass. d: errors of the output layer, Q.unit; p_target
    Q.14 with crossentropy."""
    head = model.head
    if head.skip == 0 or (head.loss != CROSSENTROPY and head.policy == DIFFUSED):
        return False
    if head.loss != CROSSENTROPY:
        y = size_of(d)
        largest = running_maximum(model.layers[-1], y)
        k = (largest >> 17).bit_length()
        return (y >> k) << 14 < (largest >> k) * head.skip
    skip = p_target >= (1 << 14) - head.skip
    if skip and head.policy == DIFFUSED:
        # Nothing kept counts too, or the budget would be spent on the rest.
        for layer in model.layers[head.first_trained :]:
            if layer.threshold:
                adapt_threshold(model, layer, 0)
    return skip


def select(model, layer, d, fd, depth):
    """Returns the errors with those that are not kept as 0, and how many are kept (FULL: all)."""
    head = model.head
    if head.policy == FULL or (depth == 0 and head.loss == CROSSENTROPY):
        return d, layer.n_out
    if head.policy == DIFFUSED:
        return keep_diffused(model, layer, d, fd)
    y = size_of(d) >> (fd - model.unit)
    return keep_largest(d, top_k(model, layer, y, depth))
