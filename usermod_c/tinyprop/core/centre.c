// Gradients as of inputs less their means, at no loss of the zeros that make steps cheap.
//
// With z = W (x - u) + c in place of z = W x + b, gradients do not all point along the mean u of the inputs, and learning
// takes fewer steps (LeCun et al., Efficient BackProp, 1998; Schraudolph, Centering Neural Network Gradient Factors,
// 1998). The two are the same function if b = c - W u. So the forward pass stays as it is, and a step of W and c is one
// of W and b:
//   W -= lr d (x - u)'            b -= lr d (1 - u.(x - u))          d: deltas
//
// In a dense layer lr d x' is the sparse update of the rows whose x is not 0, as without means. lr d u' has rank one. It
// would touch every row, so it is kept apart as one more row of weights, the slopes s:
//   W = V + s u' 2^-a             z = V x + s (u.x 2^-a) + b
// and a step is V -= lr d x', s += lr d 2^a. The dot product u.x is summed while the non-zero inputs are listed, and the
// row of slopes is one more entry of that list (nonzero.c). When u changes, or some s fills half its range, s u' 2^-a moves
// into V, and s is 0 again. a is the least for which sum |u| max |x| < 16383 2^a, so that u.x 2^-a has 14 bits.
//
// In a convolution, and above a large map (tp_mean_count), u is the same for all pixels of a channel. In the former the
// gradient of a filter is at hand as a whole: u times the sum of the filter's deltas is taken off it (conv.c).
//
// u is the mean over samples that are trained on, so the ones that are skipped cost nothing. It changes after 1, 2, 4,
// .. 256 of them, then as often as 128 more were added. 8 bits are enough for it: any u is exact, a mean is best.
#include "core.h"

#define MAX_SLOPE_DX (1 << 21)  // 255 times this and 32767 * 49150 are below 2^31 together
#define MAX_SUMMED 256
#define SURVEY_ALL 64   // steps of a layer of which each is surveyed; then half of them are
#define ENERGY_SHIFT 6  // the energy is a mean over the last 64 surveys or so
#define MAX_ENERGY (1 << 30)

// ---- the row of slopes

// V += s u' 2^-a, s = 0.
static void fold_slopes(const tp_model_t *m, tp_layer_t *l) {
    int16_t *w = tp_at(m, l->weights), *slopes = tp_slopes(m, l);
    const uint8_t *means = tp_at(m, l->means);
    int a = tp_state(m, l)->mean_shift;
    uint32_t n_clamped = 0;
    size_t c = 0;
    for (size_t i = 0; i < l->n_in; i++) {
        int32_t mean = tp_byte_at(l, means, c);
        for (size_t j = 0; mean != 0 && j < l->n_out; j++) {
            int32_t moved = w[j] + tp_rshift_round(slopes[j] * mean, a);
            n_clamped += tp_put_clamped(&w[j], moved, l->max_weight);
        }
        w += l->n_out;
        c = c + 1 < tp_mean_count(l) ? c + 1 : 0;
    }
    for (size_t j = 0; j < l->n_out; j++) {
        slopes[j] = 0;
    }
    tp_count(&m->state->n_clamped, n_clamped);
    tp_find_headroom(m, l);
}

// tp_rshift_round_sat, quicker for most shifts.
static inline int32_t scaled(int32_t v, int s, int32_t limit) {
    return s >= 1 && s <= 31 ? tp_sat(tp_rshift_round_fast(v, s), limit) : tp_rshift_round_sat(v, s, limit);
}

// v 2^-s, rounded by the dither (update.c).
static inline int32_t slope_step(int32_t v, int s, int32_t dither) {
    return s > 0 ? (dither + v) >> s : tp_rshift_round_sat(v, s, 2 * TP_MAX_SLOPE);
}

// |d m| < 2^19, and three bits less than all of u.(x - u) will do, which then is at most 2^12 (a dot less the norm, each
// at most TP_MAX_DOT): products are below 2^31.
// Slopes and weights move against each other, far more than their sum. So it takes a dither in both (update.c): what rounding
// to nearest loses of one and not of the other adds up, and a network that sees each sample often runs away.
//   s    Q.w_frac less the format of u, in units of 2^-a: a step of the weights has shift x_frac + .., of s a less
//   b    Q.(w_frac+12); u.(x - u) is in Q.(2 x_frac), in units of 2^(a+unit)
void tp_move_slopes(const tp_model_t *m, tp_layer_t *l, const int16_t *deltas, const tp_step_t *step) {
    const tp_layer_state_t *state = tp_state(m, l);
    int16_t *slopes = tp_slopes(m, l);
    int32_t *b = tp_at(m, l->biases);
    int unit = tp_byte_unit(m), slope_shift = step->shift - state->mean_shift - unit;
    int bias_shift = slope_shift + l->x_frac - TP_BIAS_FRAC - 3;
    int32_t ahead = tp_rshift_round(tp_scaled_dot(l, state, l->dot) - tp_scaled_dot(l, state, state->norm << unit), 3);
    int32_t mantissa = step->lr_mantissa, dither = slope_shift > 0 ? step->dither >> (step->shift - slope_shift) : 0;
    uint32_t n_clamped = 0;
    int full = 0;
    for (size_t j = 0, n = l->n_out; j < n; j++) {
        int32_t d = deltas[j] * mantissa;
        if (d != 0) {
            int32_t moved = slopes[j] - slope_step(-d, slope_shift, dither);
            n_clamped += tp_put_clamped(&slopes[j], moved, TP_MAX_SLOPE);
            full |= tp_abs(slopes[j]) > TP_MAX_SLOPE / 2;
            b[j] = tp_sat(tp_add(b[j], scaled(d * ahead, bias_shift, TP_MAX_BIAS - 1)), TP_MAX_BIAS);
        }
    }
    tp_count(&m->state->n_clamped, n_clamped);
    if (full) {
        fold_slopes(m, l);
    }
}

// W = V + s u' 2^-a, so dx = V'd + u (s.d 2^-a): |s.d| <= 32767 * 49150 (tp_guard_shift).
int32_t tp_slope_dx(const tp_model_t *m, const tp_layer_t *l, const int16_t *deltas) {
    const int16_t *slopes = tp_slopes(m, l);
    int32_t sum = 0;
    for (size_t j = 0; j < l->n_out; j++) {
        sum = tp_add(sum, slopes[j] * deltas[j]);
    }
    return tp_sat(tp_rshift_round(sum, tp_state(m, l)->mean_shift), MAX_SLOPE_DX);
}

void tp_slopes_backward(const tp_model_t *m, const tp_layer_t *l, const int16_t *x, size_t first, size_t n,
    int32_t slope, int32_t *dx) {
    size_t n_means = tp_mean_count(l);
    const uint8_t *means = tp_at(m, l->means), *end = means + n_means, *mean = means + (n_means == l->n_in ? first : 0);
    int32_t zeros = !l->zero_delta, sign = l->x_signed ? 128 : 0;
    for (const int16_t *x_end = x + n; slope != 0 && x < x_end; dx++) {
        if (*x++ != 0 || zeros) {
            *dx = tp_add(*dx, tp_byte(*mean, sign) * slope);
        }
        mean = mean + 1 < end ? mean + 1 : means;
    }
}

// ---- means and energy

// Adds the listed inputs of a dense layer to the sums: with 12 bits the upper 8 bits of them, so that 256 samples fit 16
// bits. Returns the sum of squares, modulo 2^32.
static uint32_t add_vector(const tp_model_t *m, const tp_layer_t *l) {
    uint16_t *sums = tp_at(m, l->sums);
    uint32_t squares = 0;
    int unit = tp_byte_unit(m);
    tp_walk_t w;
    tp_walk(m, l, &w);
    while (tp_walk_next(&w)) {
        sums[w.i] = (uint16_t)(sums[w.i] + (uint32_t)(w.x >> unit));
        squares += (uint32_t)(w.x * w.x);
    }
    return squares;
}

// Of a map, each input of which has a mean: adds the inputs to the sums. Returns the sum of squares, modulo 2^32.
static uint32_t add_inputs(const tp_model_t *m, const tp_layer_t *l) {
    const uint8_t *x = tp_at(m, l->inputs), *end = x + l->n_in;
    uint16_t *sums = tp_at(m, l->sums);
    uint32_t squares = 0;
    int32_t sign = l->x_signed ? 128 : 0;
    for (; x < end; x++, sums++) {
        int32_t v = tp_byte(*x, sign);
        squares += (uint32_t)(v * v);
        *sums = (uint16_t)(*sums + (uint32_t)v);
    }
    return squares;
}

static uint32_t inputs_dot(const tp_model_t *m, const tp_layer_t *l) {
    const uint8_t *x = tp_at(m, l->inputs), *means = tp_at(m, l->means), *end = x + l->n_in;
    uint32_t dot = 0;
    if (!l->x_signed) {
        while (x < end) {
            dot += (uint32_t)(*x++ * *means++);
        }
    }
    while (x < end) {
        dot += (uint32_t)((int8_t)*x++ * (int8_t)*means++);
    }
    return dot;
}

// Where channels have a mean: adds the means of their inputs to the sums, unless these are NULL. Returns u.x; *squares gets
// the sum of squares. Both are modulo 2^32.
static uint32_t go_through_channels(const tp_model_t *m, const tp_layer_t *l, uint16_t *sums, uint32_t *squares) {
    const uint8_t *inputs = tp_at(m, l->inputs), *end = inputs + l->n_in, *means = tp_at(m, l->means);
    uint32_t channels = l->in_c, pixels = l->n_in / channels, dot = 0;
    *squares = 0;
    for (size_t c = 0; c < channels; c++) {
        int32_t sum = tp_sum_bytes(inputs + c, end, channels, l->x_signed, squares);
        dot += (uint32_t)sum * (uint32_t)tp_byte_at(l, means, c);
        if (sums) {
            sums[c] = (uint16_t)(sums[c] + (uint32_t)tp_quotient_round(sum, pixels));
        }
    }
    return dot;
}

// Adds each channel's mean over all pixels, or each input of a dense layer. *dot gets u.x; that of a dense layer is known from
// the forward pass. Returns the sum of squares.
static uint32_t add_map(const tp_model_t *m, const tp_layer_t *l, uint32_t *dot) {
    uint32_t squares;
    if (l->kind == TP_DENSE && tp_mean_count(l) == l->n_in) {
        return add_inputs(m, l);
    }
    *dot = go_through_channels(m, l, tp_at(m, l->sums), &squares);
    return squares;
}

uint32_t tp_map_dot(const tp_model_t *m, const tp_layer_t *l) {
    uint32_t squares;
    return tp_mean_count(l) == l->n_in ? inputs_dot(m, l) : go_through_channels(m, l, NULL, &squares);
}

// u.x of the listed inputs, modulo 2^32.
static uint32_t vector_dot(const tp_model_t *m, const tp_layer_t *l) {
    const uint8_t *means = tp_at(m, l->means);
    uint32_t dot = 0;
    tp_walk_t w;
    tp_walk(m, l, &w);
    while (tp_walk_next(&w)) {
        dot += (uint32_t)(w.x * tp_byte_at(l, means, w.i));
    }
    return dot;
}

static inline int32_t sum_at(const uint16_t *sums, size_t i, int is_signed) {
    return is_signed ? (int16_t)sums[i] : sums[i];
}

// sums * 2^s, as a format of the inputs has changed, or half of their samples are to count. They stay what n samples can
// sum up to, or they would leave 16 bits.
static void scale_sums(const tp_model_t *m, const tp_layer_t *l, int s) {
    uint16_t *sums = tp_at(m, l->sums);
    int32_t most = tp_largest_byte(l) * tp_state(m, l)->n_summed;
    for (size_t i = 0, n = tp_mean_count(l); i < n; i++) {
        sums[i] = (uint16_t)tp_rshift_round_sat(sum_at(sums, i, l->x_signed), -s, most);
    }
}

// u = sums / n, in 8 bits. With n samples |sum| <= 255 n, so |sum| 2^16 / n is below 2^24.
static void recentre(const tp_model_t *m, const tp_layer_t *l) {
    tp_layer_state_t *state = tp_state(m, l);
    const uint16_t *sums = tp_at(m, l->sums);
    uint8_t *means = tp_at(m, l->means);
    int32_t inverse = (int32_t)(65536u / state->n_summed), top = tp_largest_byte(l);
    uint32_t norm = 0, largest_dot = 0, x_max = ((1u << m->bits) - 1) >> l->x_signed;
    for (size_t i = 0, n = tp_mean_count(l); i < n; i++) {
        int32_t scaled = (int32_t)((uint32_t)sum_at(sums, i, l->x_signed) * (uint32_t)inverse);
        int32_t mean = tp_sat(tp_rshift_round(scaled, 16), top);
        means[i] = (uint8_t)mean;
        norm += (uint32_t)(mean * mean);
        largest_dot += (uint32_t)tp_abs(mean) * x_max;
    }
    if (l->kind == TP_DENSE) {  // a mean may be that of many inputs
        norm *= l->n_in / tp_mean_count(l);
        largest_dot *= l->n_in / tp_mean_count(l);
    }
    state->norm = norm;
    state->mean_shift = 0;
    while (largest_dot >> state->mean_shift >= TP_MAX_DOT) {
        state->mean_shift++;
    }
}

// By how much less a layer's energy counts than its inputs have. Above an average of n inputs, errors are 1/n of those
// above it, and the sum of their squares is too; and a filter of a depthwise convolution sees one channel.
static uint32_t shared_by(const tp_model_t *m, const tp_layer_t *l) {
    uint32_t n = l->kind == TP_DEPTHWISE ? l->in_c : 1;
    for (const tp_layer_t *above = l + 1; above <= m->output; above++) {
        n *= above->kind == TP_AVGPOOL ? (uint32_t)above->kernel_h * above->kernel_w : 1;
    }
    return n;  // at most the outputs of a layer
}

// 1 + sum (x - u)^2 from sum x^2 and u.x, Q.8. In a convolution each pixel counts as often as a kernel reads it.
static int32_t energy_of(const tp_model_t *m, const tp_layer_t *l, uint32_t squares, uint32_t dot) {
    uint32_t norm = tp_state(m, l)->norm, area = 1, stride = 1;
    if (l->kind != TP_DENSE) {
        norm *= (uint32_t)l->in_h * l->in_w;
        area = (uint32_t)l->kernel_h * l->kernel_w;
        stride = (uint32_t)l->stride_h * l->stride_w;
    }
    int unit = tp_byte_unit(m);
    squares = squares - (dot << (unit + 1)) + (norm << 2 * unit);
    int k = tp_bits(squares) > 15 ? tp_bits(squares) - 15 : 0;
    int32_t energy = (int32_t)((squares >> k) * area / stride / shared_by(m, l));  // area < 2^16
    return 256 + tp_rshift_round_sat(energy, 2 * l->x_frac - 8 - k, MAX_ENERGY - 256);
}

// Whether a step is among the half that is not surveyed: every second one would never see some of the samples if these
// come in turn. Multiples of the golden ratio fall in step with no period.
static int is_left_out(uint32_t step) {
    return (int)(step * 0x9e3779b9u >> 31);
}

void tp_survey(const tp_model_t *m, tp_layer_t *l) {
    tp_layer_state_t *state = tp_state(m, l);
    int scaled = l->x_frac - state->x_frac;
    if (state->n_summed >= SURVEY_ALL && is_left_out((uint32_t)m->state->trained) && scaled == 0) {
        return;
    }
    if (!l->reads_map && !l->nonzero) {
        tp_list_inputs(m, l);  // its list was in `work`
    }
    if (scaled != 0) {
        scale_sums(m, l, scaled);
        state->x_frac = l->x_frac;
    }
    uint32_t squares = l->reads_map ? add_map(m, l, &l->dot) : add_vector(m, l), n = ++state->n_summed;
    if ((n & (n - 1)) == 0 || scaled != 0) {
        if (l->kind == TP_DENSE) {
            fold_slopes(m, l);
        }
        recentre(m, l);
        if (n >= MAX_SUMMED) {
            scale_sums(m, l, -1);
            state->n_summed = (uint16_t)(n / 2);
        }
        l->dot = l->reads_map ? tp_map_dot(m, l) : vector_dot(m, l);
    }
    int k = tp_bits(n) - 1 < ENERGY_SHIFT ? tp_bits(n) - 1 : ENERGY_SHIFT;
    int32_t energy = (int32_t)state->energy;
    state->energy = (uint32_t)(energy + tp_rshift_round(energy_of(m, l, squares, l->dot) - energy, k));
}
