// Sparse back-propagation: which samples to learn from, and which deltas of a layer to select. The others become 0, and
// the layers skip zeros; that is the whole mechanism.
//
//   TP_FULL       selects all.
//   TP_TOPK       selects the k_l largest of the n_l deltas of layer l (of equal ones those of lower index):
//                     k_l = clamp(floor(n_l S_l), 1, n_l)
//                     S_l = (s_min + Y_l / Ymax_l (s_max - s_min)) zeta^depth,   depth = 0 at the output
//                     Y_l = sum |delta|,   Ymax_l = its running maximum
//                 Ymax decays by 1/1024 a step; else one outlier would rule for ever. TinyProp, arXiv 2308.09201.
//                 With s_min = s_max and zeta = 1 it is meProp, arXiv 1706.06197.
//   TP_DIFFUSED   selects deltas of at least a threshold T, which adapts until K = r n_l are selected on average. With
//                 crossentropy the smaller ones are not lost: they add up, and each time they reach T the current delta
//                 is selected as +-T (error diffusion). Within a feature map of a convolution, which shares its weights,
//                 they add up with their signs; from map to map, and from unit to unit, without. No sort, no random
//                 numbers. With mse the threshold of output j is T e_j / max e, where e_j is its mean error (progress.c):
//                 else outputs that are noise, whose errors stay large, would leave the others nothing. r = s_min if
//                 s_max is 0; else r follows how much there is to learn, as far as that is affordable:
//                     r = max(s_min, min(left / 2, account / 256)), and 1 from .95 on
//                     left: the part of what there is to learn that is left, progress.c
//                     account: earns s_max each step, pays r; starts with 4096 and holds no more
//   skip > 0      no backward pass for a sample that is known already (TinyPropv2, arXiv 2409.07109):
//                     crossentropy   p_y >= 1 - skip         (Y_L = 2 (1 - p_y), at most 2)
//                     mse            Y_L < skip Ymax_L       (not with TP_DIFFUSED)
//
// With crossentropy all deltas of the output layer are selected: those of softmax sum to 0, a part of them does not,
// and training diverges. With mse the output layer is like all others. The format of deltas (Q.frac) differs from
// sample to sample, so state between samples is Q.delta_frac (Ymax) or in a fixed format (T, residual). docs/method.md
// says where all this comes from.
#include "core.h"

#define DECAY 10           // Ymax loses 1/2^10 per step
#define RESIDUAL_FRAC 22   // the finest format of deltas
#define THRESHOLD_FRAC 30  // of T r: 1.0 = 2^30
#define ALL (TP_ONE * 95 / 100)

// Updates the running maximum of Y, which is state->threshold, by y. Both are Q.delta_frac, at most 2^30.
static uint32_t running_maximum(tp_layer_state_t *state, uint32_t y) {
    uint32_t max = state->threshold;
    max -= (max + (1 << DECAY) - 1) >> DECAY;
    max = y > max ? y : max;
    state->threshold = max;
    return max;
}

// ---- TP_DIFFUSED

// Sets r for this step, Q.15.
static void set_share(const tp_model_t *m, uint32_t left) {
    const tp_model_spec_t *spec = m->spec;
    tp_model_state_t *state = m->state;
    uint32_t share = left / 2, affordable = state->account >> 8;
    share = share < affordable ? share : affordable;
    share = share > spec->s_min ? share : spec->s_min;
    share = share < ALL ? share : TP_ONE;
    state->share = (uint16_t)(spec->s_max ? share : spec->s_min);
}

// The account after a step that selected this share. It has no debts.
static void pay(const tp_model_t *m, uint32_t share) {
    uint32_t account = m->state->account + m->spec->s_max;
    account = account > share ? account - share : 0;
    m->state->account = account < TP_MOST_SAVED ? account : TP_MOST_SAVED;
}

// K: how many deltas to select on average.
static uint32_t budget(const tp_model_t *m, const tp_layer_t *l) {
    uint32_t k = ((uint32_t)tp_map_of(l)->n_out * m->state->share + (1 << 14)) >> 15;
    return k > 0 ? k : 1;
}

// The state has T r, so that T follows r at once. It changes by 2^-shift of itself for each delta too many or too few;
// shift = bits + 3 with 2^bits >= n_out. It stays at least 2^shift, so that it can always change, and T at most 1.0, as no
// delta is larger. T r <= 2^30 and |n_selected - budget| <= 2^bits, so a change is at most 2^27.
static void adapt_threshold(const tp_model_t *m, const tp_layer_t *l, uint32_t n_selected) {
    tp_layer_state_t *state = tp_state(m, l);
    int shift = tp_bits(tp_map_of(l)->n_out - 1u) + 3;
    int32_t t = (int32_t)state->threshold;
    t += (t >> shift) * ((int32_t)n_selected - (int32_t)budget(m, l));
    int32_t least = 1 << shift, most = m->state->share << (THRESHOLD_FRAC - 15);
    t = t < most ? t : most;
    state->threshold = (uint32_t)(t > least ? t : least);
}

// T for deltas in Q.frac: 1 to 1.0.
static int32_t threshold_of(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int frac,
    tp_delta_sums_t *sums) {
    tp_layer_state_t *state = tp_state(m, l);
    if (state->threshold == 0) {  // the first time: T = Y / K, so T r = Y / n
        tp_sum_deltas(m, l, deltas, 0, sums);
        uint32_t share = sums->l1_norm / tp_map_of(l)->n_out;
        state->threshold = (uint32_t)tp_rshift_round_sat((int32_t)share, frac - THRESHOLD_FRAC, 1 << THRESHOLD_FRAC);
    }
    uint32_t r = m->state->share >> 7 ? m->state->share >> 7 : 1;  // Q.8, so T r / r is Q.22
    int32_t t = (int32_t)(state->threshold / r >> (RESIDUAL_FRAC - frac)), most = 1 << m->delta_frac;
    return t < 1 ? 1 : t > most ? most : t;
}

// With crossentropy. Biases of a convolution learn from the sums before any delta is dropped, which come in passing.
static void diffuse(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int frac, int32_t t,
    tp_delta_sums_t *sums) {
    uint32_t *kept = &tp_state(m, l)->residual;
    int32_t residual = (int32_t)(*kept >> (RESIDUAL_FRAC - frac)), *all = (int32_t *)m->work + l->out_c;
    residual = residual < t ? residual : t - 1;
    sums->of_filter = m->work;  // in a dense layer each unit is a map
    sums->l1_norm = tp_diffuse(deltas, tp_map_of(l)->n_out, l->out_c, t, &residual, all, sums->of_filter,
        &sums->n_nonzero);
    *kept = (uint32_t)residual << (RESIDUAL_FRAC - frac);
    if (l->kind != TP_DENSE) {
        tp_update_biases(m, l, deltas, all, frac);
    }
}

// With mse. The shares of outputs, e_j / max e, take one division. Between the largest mean error and its inverse there are 31
// bits, so no product is above 2^31.
static void drop_small(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int frac, int32_t t,
    tp_delta_sums_t *sums) {
    size_t n = tp_map_of(l)->n_out;
    const uint32_t *errors = l == m->output ? m->tally : NULL;
    uint32_t largest = 1, n_nonzero = 0;
    if (l->kind != TP_DENSE) {
        tp_sum_deltas(m, l, deltas, 0, sums);
        tp_update_biases(m, l, deltas, sums->of_filter, frac);
    }
    for (size_t i = 0; errors && i < n; i++) {
        largest = errors[i] > largest ? errors[i] : largest;
    }
    int k = tp_bits(largest >> 16);
    uint32_t inverse = (1u << 31) / (largest >> k);
    for (size_t i = 0; i < n; i++) {
        int32_t share = errors ? (int32_t)((errors[i] >> k) * inverse >> 16) : TP_ONE;  // Q.15
        deltas[i] = tp_abs(deltas[i]) < t * share >> 15 ? 0 : deltas[i];
        n_nonzero += deltas[i] != 0;
    }
    tp_sum_deltas(m, l, deltas, 0, sums);
    sums->n_nonzero = n_nonzero;
}

static size_t select_adaptive(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int frac,
    tp_delta_sums_t *sums) {
    int32_t t = threshold_of(m, l, deltas, frac, sums);
    if (m->spec->loss == TP_CROSSENTROPY) {
        diffuse(m, l, deltas, frac, t, sums);
    } else {
        drop_small(m, l, deltas, frac, t, sums);
    }
    adapt_threshold(m, l, sums->n_nonzero);
    return sums->n_nonzero;
}

// ---- TP_TOPK

// k_l for deltas in Q.frac.
static size_t top_k(const tp_model_t *m, const tp_layer_t *l, uint32_t l1_norm, int frac, int depth) {
    const tp_model_spec_t *spec = m->spec;
    uint32_t n = tp_map_of(l)->n_out;
    uint32_t y = l1_norm >> (frac - m->delta_frac);  // Q.delta_frac
    int is_known = depth == 0 && spec->skip != 0;    // is_known_already did
    uint32_t max = is_known ? tp_state(m, l)->threshold : running_maximum(tp_state(m, l), y);
    int32_t alpha = (int32_t)tp_part(y, max), span = (int32_t)spec->s_max - spec->s_min;
    uint32_t share = (uint32_t)(spec->s_min + tp_rshift_round(alpha * span, 15));  // |alpha span| <= 2^30
    while (depth-- > 0) {
        share = (share * spec->zeta) >> 15;
    }
    uint32_t k = (n * share) >> 15;
    return k < 1 ? 1 : k > n ? n : k;
}

// Returns the k-th largest magnitude; *n_equal gets how many of the k largest have just that. Two passes whatever the deltas
// hold, or three shorter ones where they are few: each counts magnitudes by some of their bits, those that share the k-th
// one's bits above these. What is 0 is not counted: it is the k-th largest if nothing else is.
#define LARGEST (1 << 14)
static int32_t kth_largest(const int16_t *deltas, size_t n, size_t k, size_t *n_equal) {
    uint16_t count[(LARGEST >> 7) + 1];
    int are_few = n < 256, bits = are_few ? 5 : 7;
    int32_t kth = 0;
    for (int shift = are_few ? 10 : 7, n_parts = (LARGEST >> shift) + 1; shift >= 0;
        shift -= bits, n_parts = 1 << bits) {
        for (int part = 0; part < n_parts; part++) {
            count[part] = 0;
        }
        for (const int16_t *d = deltas; d < deltas + n; d++) {
            uint32_t part = (uint32_t)((tp_abs(*d) >> shift) - kth * (1 << bits));
            if (*d != 0 && part < (uint32_t)n_parts) {
                count[part]++;
            }
        }
        int part = n_parts - 1;
        while (part > 0 && count[part] < k) {
            k -= count[part--];
        }
        kth = kth << bits | part;
    }
    *n_equal = k;
    return kth;
}

// Zeroes all but the k largest. Returns how many of these are not 0.
static size_t zero_all_but(int16_t *deltas, size_t n, size_t k) {
    size_t n_equal, n_selected = 0;
    int32_t kth = kth_largest(deltas, n, k, &n_equal);
    for (size_t i = 0; i < n; i++) {
        int32_t magnitude = tp_abs(deltas[i]);
        if (magnitude == 0) {
            continue;
        }
        if (magnitude < kth || (magnitude == kth && n_equal == 0)) {
            deltas[i] = 0;
            continue;
        }
        n_equal -= magnitude == kth;
        n_selected++;
    }
    return n_selected;
}

static size_t select_largest(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int frac, int depth,
    tp_delta_sums_t *sums) {
    size_t k = top_k(m, l, sums->l1_norm, frac, depth);
    if (l->kind != TP_DENSE && sums->n_nonzero <= k) {  // as below a relu it often is
        return sums->n_nonzero;
    }
    size_t n_selected = zero_all_but(deltas, tp_map_of(l)->n_out, k);
    tp_sum_deltas(m, l, deltas, 0, sums);
    return n_selected;
}

// ---- the two decisions

// Y_L < skip Ymax_L
static int is_known_already(const tp_model_t *m, const int16_t *deltas) {
    uint32_t y = tp_l1_norm(deltas, m->output->n_out);
    uint32_t max = running_maximum(tp_state(m, m->output), y);
    int k = tp_bits(max >> 17);
    return (y >> k) << 14 < (max >> k) * m->spec->skip;  // y <= max < 2^(17+k), skip <= 2^14: below 2^31
}

// With TP_DIFFUSED a skipped sample counts as one of which none is selected, or the budget would go to the rest.
static void select_none(const tp_model_t *m) {
    for (const tp_layer_t *l = m->first_trained; l <= m->output; l++) {
        if (tp_state(m, l)->threshold != 0) {
            adapt_threshold(m, l, 0);
        }
    }
}

int tp_skip_sample(const tp_model_t *m, const int16_t *deltas, int32_t p_target, uint32_t left) {
    const tp_model_spec_t *spec = m->spec;
    int mse = spec->loss == TP_MSE, diffused = spec->policy == TP_DIFFUSED;
    int skip = !mse && spec->skip != 0 && p_target >= (1 << 14) - spec->skip;
    if (mse && spec->skip != 0 && !diffused) {
        skip = is_known_already(m, deltas);
    }
    if (diffused) {
        set_share(m, left);
        pay(m, skip ? 0 : m->state->share);
        if (skip) {
            select_none(m);
        }
    }
    return skip;
}

static int is_dense(const tp_model_t *m, int depth) {
    return m->spec->policy == TP_FULL || (depth == 0 && m->spec->loss == TP_CROSSENTROPY);
}

// Biases of a dense layer learn from its deltas, others from the sums of these.
size_t tp_select(const tp_model_t *m, const tp_layer_t *l, int16_t *deltas, int frac, int depth,
    tp_delta_sums_t *sums) {
    size_t n = tp_map_of(l)->n_out;
    int selects = !is_dense(m, depth), adapts = m->spec->policy == TP_DIFFUSED;
    if (l->kind == TP_DENSE) {
        tp_update_biases(m, l, deltas, NULL, frac);
    }
    if (selects && adapts && m->state->share < TP_ONE) {
        return select_adaptive(m, l, deltas, frac, sums);
    }
    tp_sum_deltas(m, l, deltas, 0, sums);
    if (l->kind != TP_DENSE) {
        tp_update_biases(m, l, deltas, sums->of_filter, frac);
    }
    if (selects && adapts) {
        tp_state(m, l)->threshold = 0;
    } else if (selects) {
        n = select_largest(m, l, deltas, frac, depth, sums);
    }
    return n;
}
