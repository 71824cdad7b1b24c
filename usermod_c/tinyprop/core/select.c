// Sparse back-propagation: which samples to learn from, and which errors of a layer to keep. Dropped errors become 0, and
// the layers skip zeros; that is the whole mechanism.
//
//   TP_FULL       keeps all.
//   TP_TOPK       keeps the k_l largest of the n_l errors of layer l (ties: the lower index):
//                     k_l = clamp(floor(n_l S_l), 1, n_l)
//                     S_l = (s_min + Y_l / Ymax_l (s_max - s_min)) zeta^depth,   Y_l = sum |d|, Ymax_l its running maximum
//                 with depth 0 at the output. TinyProp, arXiv 2308.09201. s_min = s_max, zeta = 1 is meProp, arXiv 1706.06197.
//                 A plain maximum lets one outlier rule for ever: here it decays by 1/1024 a step.
//   TP_DIFFUSED   keeps errors above a threshold T that adapts until, on average, K = r n_l of them are kept (r = s_min); of
//                 the smaller ones nothing is lost with crossentropy: they add up, and each time they reach T the error at
//                 hand is kept as +-T (error diffusion). In a map of a convolution, which shares its weights, they add up
//                 with their signs; between maps, and units, without. No sort and no random numbers. docs/method.md.
//   skip > 0      no backward pass for a sample that is known already (TinyPropv2, arXiv 2409.07109):
//                     crossentropy   Y_L = 2 (1 - p_y), at most 2, so p_y >= 1 - skip
//                     mse            Y_L < skip Ymax_L                              (not with TP_DIFFUSED)
// With crossentropy the output layer is dense: a part of its errors no longer sums to 0, and training diverges. With mse it is
// like all others.
// Errors differ in format (Q.fd) from sample to sample, so what is kept between samples is Q.unit (Ymax) or absolute.
#include "internal.h"

#define DECAY 10          // Ymax loses 1/2^10 a step
#define CARRY_F 22        // of carry: the finest format of errors
#define THRESHOLD_F 30    // of T: 1.0 = 2^30

// The running maximum of Y, Q.unit, in l->threshold; y is Q.unit and at most 2^30.
static uint32_t running_maximum(tp_layer_t *l, uint32_t y) {
    uint32_t max = l->threshold;
    max -= (max + (1 << DECAY) - 1) >> DECAY;
    max = y > max ? y : max;
    l->threshold = max;
    return max;
}

// ---- TP_DIFFUSED

static uint32_t budget(const tp_model_t *m, const tp_layer_t *l) {
    uint32_t k = ((uint32_t)l->n_out * m->s_min + (1 << 14)) >> 15;
    return k + (k == 0);
}

// T moves by 1/2^(m+3) of itself for each error too many or too few, 2^m >= n_out; it stays where that is at least 1.
// T <= 2^30 and |kept - budget| <= 2^m: the change is at most 2^27.
static void adapt_threshold(const tp_model_t *m, tp_layer_t *l, uint32_t kept) {
    int step = tp_bits(l->n_out - 1u) + 3;
    int32_t t = (int32_t)l->threshold;
    t += (t >> step) * ((int32_t)kept - (int32_t)budget(m, l));
    int32_t least = 1 << step, most = 1 << THRESHOLD_F;
    l->threshold = (uint32_t)(t < least ? least : t > most ? most : t);
}

static size_t keep_diffused(tp_model_t *m, tp_layer_t *l, int16_t *errors, int fd) {
    if (l->threshold == 0) {  // the first time: the threshold that would share Y evenly among K
        l->threshold = (uint32_t)tp_shift((int32_t)(tp_sum_of_sizes(errors, l->n_out) / budget(m, l)),
            fd - THRESHOLD_F, 1 << THRESHOLD_F);
    }
    int32_t t = (int32_t)(l->threshold >> (THRESHOLD_F - fd)), most = 1 << tp_unit(m);
    t = t < 1 ? 1 : t > most ? most : t;
    int32_t carry = (int32_t)(l->carry >> (CARRY_F - fd));
    carry = carry < t ? carry : t - 1;
    size_t kept = 0;
    for (size_t map = 0; map < l->out_c; map++) {  // in a dense layer each unit is one
        int32_t sum = 0;
        for (size_t i = map; i < l->n_out; i += l->out_c) {
            int16_t *d = errors + i;
            if (tp_abs(*d) < t) {
                if (m->loss == TP_CROSSENTROPY) {
                    sum += *d;
                }
                int32_t more = carry + tp_abs(sum) - t;  // below t: until now the two were
                if (more < 0) {
                    *d = 0;
                    continue;
                }
                *d = (int16_t)(sum < 0 ? -t : t);
                carry = more;
                sum = 0;
            }
            kept++;
        }
        carry += tp_abs(sum);
    }
    l->carry = (uint32_t)carry << (CARRY_F - fd);
    adapt_threshold(m, l, (uint32_t)kept);
    return kept;
}

// ---- TP_TOPK

// k_l for errors of size y (Q.unit).
static size_t top_k(const tp_model_t *m, tp_layer_t *l, uint32_t y, int depth) {
    uint32_t max = running_maximum(l, y);
    uint32_t share = m->s_min;  // Q.15
    if (max != 0) {
        int k = tp_bits(max >> 16);
        uint32_t alpha = ((y >> k) << 15) / (max >> k);                          // Q.15; y <= max, 16 bits
        int32_t span = (int32_t)m->s_max - m->s_min;
        share = (uint32_t)(m->s_min + tp_round((int32_t)alpha * span, 15));     // |alpha span| <= 2^30
    }
    while (depth-- > 0) {
        share = (share * m->zeta) >> 15;
    }
    uint32_t k = (l->n_out * share) >> 15;
    return k < 1 ? 1 : k > l->n_out ? l->n_out : k;
}

// Zeroes all but the k largest. Radix selection: four bits of |d| at a time, from the top, find the k-th largest size
// and how many of that size to keep; five passes over the errors whatever they hold.
static size_t keep_largest(int16_t *errors, size_t n, size_t k) {
    int32_t size_k = 0;   // of the k-th largest, as far as it is known
    size_t equal = k;     // to keep of that size
    for (int shift = 12; shift >= 0; shift -= 4) {
        uint16_t count[16];
        for (int digit = 0; digit < 16; digit++) {
            count[digit] = 0;
        }
        for (size_t i = 0; i < n; i++) {
            int32_t size = tp_abs(errors[i]);
            if (size >> shift >> 4 == size_k) {
                count[(size >> shift) & 15]++;
            }
        }
        int digit = 15;
        while (digit > 0 && count[digit] < equal) {
            equal -= count[digit--];
        }
        size_k = size_k << 4 | digit;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t size = tp_abs(errors[i]);
        if (size < size_k || (size == size_k && (int32_t)--equal < 0)) {
            errors[i] = 0;
        }
        kept += errors[i] != 0;
    }
    return kept;
}

// ---- the two decisions

// Whether this sample needs no backward pass. errors: of the output layer, Q.unit; p_target Q.14 with crossentropy.
int tp_skip_step(tp_model_t *m, const int16_t *errors, int32_t p_target) {
    if (m->skip == 0) {
        return 0;
    }
    int skip;
    if (m->loss == TP_CROSSENTROPY) {
        skip = p_target >= (1 << 14) - m->skip;
    } else if (m->policy == TP_DIFFUSED) {
        return 0;
    } else {
        tp_layer_t *output = tp_layers(m) + m->n_layers - 1;
        uint32_t y = tp_sum_of_sizes(errors, output->n_out);
        uint32_t max = running_maximum(output, y);
        int k = tp_bits(max >> 17);
        skip = (y >> k) << 14 < (max >> k) * m->skip;  // y <= max < 2^(17+k), skip <= 2^14: below 2^31
    }
    if (skip && m->policy == TP_DIFFUSED) {  // nothing kept counts too, or the budget would be spent on the rest
        for (tp_layer_t *l = tp_layers(m) + m->first_trained; l < tp_layers(m) + m->n_layers; l++) {
            if (l->threshold != 0) {
                adapt_threshold(m, l, 0);
            }
        }
    }
    return skip;
}

// Zeroes the errors of a layer that are not kept; returns how many are (with TP_FULL: all). errors Q.fd, |d| <= 2^unit.
size_t tp_select(tp_model_t *m, tp_layer_t *l, int16_t *errors, int fd, int depth) {
    if (m->policy == TP_FULL || (depth == 0 && m->loss == TP_CROSSENTROPY)) {
        return l->n_out;
    }
    if (m->policy == TP_DIFFUSED) {
        return keep_diffused(m, l, errors, fd);
    }
    uint32_t y = tp_sum_of_sizes(errors, l->n_out) >> (fd - tp_unit(m));
    return keep_largest(errors, l->n_out, top_k(m, l, y, depth));
}
