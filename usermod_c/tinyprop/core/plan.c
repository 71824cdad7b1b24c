// The plan of a model, worked out from its spec in each call: shapes, bounds, and where everything lies.
//   model spec | layer specs | model state | layer states | ranges | weights .. means || layer plans | maps | scratch
//   |<-------- spec -------->|<----------------------- state ----------------------->||<-- plan, the core's own --->|
//   |<---------------------------- saved, in this order ---------------------------->|
// Scratch, in this order:
//   of each layer, going up:
//     its outputs     int16 of a vector, bytes of a map; the outputs of one layer are the inputs of the next. Deltas of a
//                     map, two bytes each, take the room of its outputs too: they are made row by row from the first on,
//                     and the outputs lie in the second half of that room, so each is read before it is written over. If
//                     they are needed longer, the deltas have room of their own (place_map).
//     which           of a maximum
//     a list          of the non-zero inputs of a dense first layer, and of a dense lowest trained one: its backward pass
//                     reads it again. The inputs of a dense first layer lie at its end: it grows by 4 bytes (12) for
//                     each input of 2 bytes that was read, so it reaches the last input only after that was read, and
//                     nothing else needs these inputs.
//   work              what a layer needs for a while: see conv.c, dense.c and nonzero.c
//   two buffers       int32: sums of a forward pass in buffer[0], and the biases that those of a convolution start from in
//                     buffer[1]. Deltas of layer i, if they are a vector, are in buffer[(last - i) % 2]; behind those in
//                     buffer[0] are rows of dx that pools pass on.
#include "core.h"

// Format and plan are the same on every machine: structures have no padding.
#define SIZE_IS(n, type) typedef char type##_has_##n##_bytes[sizeof(type) == (n) ? 1 : -1]
SIZE_IS(40, tp_model_spec_t);
SIZE_IS(16, tp_layer_spec_t);
SIZE_IS(120, tp_model_state_t);
SIZE_IS(36, tp_layer_state_t);
SIZE_IS(8, tp_range_t);
SIZE_IS(16, tp_learned_range_t);
SIZE_IS(104, tp_layer_t);
SIZE_IS(16, tp_affine_t);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tinyprop needs a little-endian machine"
#endif

void tp_count(uint64_t *counter, uint32_t n) {
    *counter += n;
}

// Hands out memory piece by piece, at multiples of 4. All together they stay below 2^32 (plan_memory).
static uint32_t take(uint32_t *used, uint32_t bytes) {
    uint32_t offset = *used;
    *used = (offset + bytes + 3) & ~3u;
    return offset;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

// a / b. A Cortex-M0 divides in software, so `guess` (< 2^16), the result of the last call, is tried first.
static uint32_t quotient(uint32_t a, uint32_t b, uint32_t guess) {
    if (b < 1 << 16 && guess * b <= a && a - guess * b < b) {
        return guess;
    }
    return a / b;
}

// Each field that is used as a choice, a shift or a count is checked.
static int model_spec_is_sound(const tp_model_spec_t *spec) {
    return spec->n_layers > 0 && spec->n_layers < 255 && spec->loss < TP_N_LOSS && spec->policy < TP_N_POLICY
        && spec->s_min <= 1 << 15 && spec->s_max <= 1 << 15 && spec->zeta <= 1 << 15 && spec->skip <= 1 << 14
        && spec->lr_mantissa >= 16 && spec->lr_mantissa <= 31 && spec->lr_shift >= 4 && spec->lr_shift <= 30;
}

static int layer_spec_is_sound(const tp_layer_spec_t *spec) {
    return spec->kind < TP_N_KIND && spec->activation < TP_N_ACTIVATION && spec->trainable <= 1 && spec->same <= 1;
}

static int layer_state_is_sound(const tp_layer_state_t *state) {
    return state->w_frac >= 0 && state->w_frac <= TP_MAX_W_FRAC && state->y_frac >= TP_MIN_Y_FRAC && state->y_frac <= 12
        && state->age < 512 && state->threshold <= 1u << 30 && state->residual <= 1u << 30 && state->energy <= 1u << 30
        && state->n_summed < 256 && state->mean_shift <= 31;
}

// ---- shapes

// Output size and padding of one dimension. valid: floor((in - kernel) / stride) + 1. same: ceil(in / stride), with as
// much padding as that needs; of an odd number one more lies below or to the right (as in Keras). Returns 0 if the
// kernel does not fit. *out may hold the result of the last call.
static int slide(uint32_t in, uint32_t kernel, uint32_t stride, int same, uint16_t *out, uint8_t *pad) {
    if (kernel == 0 || stride == 0 || (!same && kernel > in)) {
        return 0;
    }
    uint32_t steps = quotient(in - (same ? 1 : kernel), stride, *out - 1u);
    uint32_t reach = steps * stride + kernel;
    *out = (uint16_t)(steps + 1);
    *pad = (uint8_t)(reach > in ? (reach - in) / 2 : 0);
    return 1;
}

// a * b * c, or 0 if that is 0 or above TP_MAX_VALUES.
static uint16_t product(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t ab = a * b;  // below 2^32
    if (ab > TP_MAX_VALUES || ab * c > TP_MAX_VALUES) {
        return 0;
    }
    return (uint16_t)(ab * c);
}

static void swap(uint16_t *a, uint16_t *b) {
    uint16_t c = *a;
    *a = *b;
    *b = c;
}

// Kernel and output shape of a convolution or pool. Returns 0 if the kernel does not fit.
TP_RARE static int plan_windows(tp_layer_t *l, const tp_layer_spec_t *spec, int upright) {
    int pool = !tp_has_weights(l), whole = pool && spec->kernel_h == 0, same = spec->same && !pool;
    l->kernel_h = whole ? (upright ? 1 : l->in_h) : spec->kernel_h;
    l->kernel_w = whole ? (upright ? l->in_h : l->in_w) : spec->kernel_w;
    l->stride_h = pool ? l->kernel_h : spec->stride_h;
    l->stride_w = pool ? l->kernel_w : spec->stride_w;
    l->down = l->kernel_w;
    l->right = 1;
    if (upright) {
        swap(&l->kernel_h, &l->kernel_w);
        swap(&l->stride_h, &l->stride_w);
        swap(&l->down, &l->right);
    }
    l->out_c = l->kind == TP_CONV ? spec->units : l->in_c;
    l->fan_in = product(l->kernel_h, l->kernel_w, l->kind == TP_CONV ? l->in_c : 1);
    return slide(l->in_h, l->kernel_h, l->stride_h, same, &l->out_h, &l->pad_h)
        && slide(l->in_w, l->kernel_w, l->stride_w, same, &l->out_w, &l->pad_w);
}

// ---- bounds

// 12 bits: regressions with dense layers of at most 64 inputs, where 8 bits cost accuracy (docs/numbers.md).
static int activation_bits(const tp_model_spec_t *spec, const tp_layer_spec_t *layers) {
    if (spec->loss != TP_MSE || (uint32_t)spec->in_h * spec->in_w * spec->in_c > 64) {
        return 8;
    }
    for (size_t i = 0; i < spec->n_layers; i++) {
        if (layers[i].kind != TP_DENSE || (i + 1u < spec->n_layers && layers[i].units > 64)) {
            return 8;
        }
    }
    return 12;
}

// The lowest trainable layer; n_layers if there is none.
static size_t first_trained(const tp_model_spec_t *spec, const tp_layer_spec_t *layers) {
    size_t i = 0;
    while (i < spec->n_layers && !(layers[i].kind <= TP_DEPTHWISE && layers[i].trainable)) {
        i++;
    }
    return i;
}

// Largest |w|, at most 32767, such that no sum can overflow: x_max * fan_in * max_weight + |bias| + |slopes| < 2^31. Twice
// the limit of the bias is reserved for it (tp_start_sums), and 2^29 for the slopes of a dense layer (centre.c).
static uint16_t max_weight(const tp_layer_t *l, int bits, int non_negative) {
    uint32_t x_max = (1u << (non_negative ? bits : bits - 1)) - 1, inputs = x_max * l->fan_in;  // below 2^24
    uint32_t room = 0x7fffffffu - (bits == 8 ? 1u << 27 : 1u << 29) - (l->kind == TP_DENSE ? 1u << 29 : 0);
    if (inputs <= room >> 15) {
        return 32767;
    }
    uint32_t largest = quotient(room, inputs, l->max_weight);
    return (uint16_t)(largest < 32767 ? largest : 32767);
}

// ---- the plan

// What is known so far, going up from the first layer.
typedef struct {
    const tp_model_spec_t *spec;
    const tp_layer_spec_t *layers;
    size_t first_trained;
    int bits;
    uint16_t h, w, c, n;           // outputs of the layer below: shape,
    uint32_t outputs;              // offset (not for the first layer),
    int is_map;                    // whether they are a map,
    int pooled;                    // whether they go to a maximum row by row,
    int keeps;                     // and whether they stay while deltas are written,
    int non_negative, zero_delta;  // and values: see tp_layer_t
    int x_signed;                  // the same, once ranges are known
    uint16_t n_ranges[2];          // of inputs and outputs
    uint32_t ranges[2];            // offsets
    uint32_t states;               // offset of the layers' states
    uint32_t tally;                // offset, behind the last layer's means
    uint16_t replay_n_in;          // inputs of the lowest trained layer
    uint32_t products;             // so far, of a forward pass
    uint32_t saved, scratch;       // bytes used so far: by spec and state, and behind them
    uint32_t work, buffer[2];      // bytes needed so far,
    uint32_t vectors, rows;        // in buffer[0] by deltas of vectors, and behind them by rows that pools pass on
} plan_t;

static uint32_t plan_bytes(const plan_t *plan) {
    uint32_t n_given = (uint32_t)plan->spec->n_input_ranges + plan->spec->n_output_ranges;
    return (uint32_t)(plan->spec->n_layers * sizeof(tp_layer_t) + n_given * sizeof(tp_affine_t));
}

// n_given ranges, or if that is 0 n ones that are learned.
static void plan_ranges(plan_t *plan, int which, uint16_t n_given, uint16_t n) {
    plan->n_ranges[which] = n_given ? n_given : n;
    plan->ranges[which] = plan->saved;
    plan->saved += (uint32_t)(n_given ? n_given * sizeof(tp_range_t) : n * sizeof(tp_learned_range_t));
}

static tp_err_t start_plan(plan_t *plan, const void *spec_bytes, size_t n_bytes) {
    const tp_model_spec_t *spec = spec_bytes;
    tp_err_t err = tp_check_head(spec, n_bytes);
    if (err) {
        return err;
    }
    uint32_t spec_end = (uint32_t)(sizeof(tp_model_spec_t) + spec->n_layers * sizeof(tp_layer_spec_t));
    if (n_bytes < spec_end || !model_spec_is_sound(spec)) {
        return TP_E_IMAGE;
    }
    if (spec->in_h == 0 || spec->in_w == 0 || spec->in_c == 0) {
        return TP_E_LAYER;
    }
    plan->spec = spec;
    plan->layers = (const tp_layer_spec_t *)(spec + 1);
    plan->first_trained = first_trained(spec, plan->layers);
    plan->bits = activation_bits(spec, plan->layers);
    // A range may make inputs of 8 bits signed later; the bound for unsigned ones is the tighter one.
    plan->non_negative = plan->bits == 8;
    plan->zero_delta = 0;
    plan->h = spec->in_h;
    plan->w = spec->in_w;
    plan->c = spec->in_c;
    plan->n = product(spec->in_h, spec->in_w, spec->in_c);
    plan->states = spec_end + (uint32_t)sizeof(tp_model_state_t);
    plan->saved = plan->states + (uint32_t)(spec->n_layers * sizeof(tp_layer_state_t));
    plan_ranges(plan, TP_INPUTS, spec->n_input_ranges, spec->in_c);
    const tp_layer_spec_t *output = &plan->layers[spec->n_layers - 1];
    plan_ranges(plan, TP_OUTPUTS, spec->n_output_ranges, spec->loss == TP_MSE ? output->units : 0);
    plan->is_map = plan->layers[0].kind != TP_DENSE;
    plan->pooled = 0;
    plan->keeps = 1;
    plan->outputs = plan->scratch = plan->work = plan->buffer[0] = plan->buffer[1] = 0;
    plan->vectors = plan->rows = plan->products = 0;
    return TP_OK;
}

// Input and output shape of a layer, and products per output. A series stands upright up to the first dense layer, behind
// which a map has one pixel.
static tp_err_t plan_shape(plan_t *plan, const tp_layer_spec_t *spec, tp_layer_t *l) {
    int upright = plan->spec->in_h == 1;
    l->n_in = plan->n;
    if (l->reads_map) {
        l->in_h = upright ? plan->w : plan->h;
        l->in_w = upright ? plan->h : plan->w;
        l->in_c = plan->c;
    }
    if (l->kind == TP_DENSE) {
        plan->h = plan->w = 1;
        l->out_c = spec->units;
        l->n_out = product(l->out_c, 1, 1);
        l->fan_in = l->n_in;
    } else {
        if (!plan_windows(l, spec, upright)) {
            return TP_E_LAYER;
        }
        plan->h = upright ? l->out_w : l->out_h;
        plan->w = upright ? l->out_h : l->out_w;
        l->n_out = product(l->out_h, l->out_w, l->out_c);
    }
    if (l->out_c == 0) {
        return TP_E_LAYER;
    }
    plan->c = l->out_c;
    plan->n = l->n_out;
    if (!l->n_in || !l->n_out || !l->fan_in) {
        return TP_E_TOO_BIG;
    }
    // A small model could take minutes: a kernel may be far larger than its input.
    uint32_t products = (uint32_t)l->n_out * l->fan_in;
    if (products > TP_MAX_PRODUCTS - plan->products) {
        return TP_E_TOO_SLOW;
    }
    plan->products += products;
    return TP_OK;
}

// Bytes of `work` in a forward and in a backward pass.
static uint32_t dense_work(const tp_layer_t *l, int has_own_list) {
    uint32_t selected = (uint32_t)sizeof(tp_selected_t) * l->n_out;
    if (!l->reads_map) {
        return larger(selected, has_own_list ? 0 : tp_nonzero_list_bytes(l->n_in, l->out_c));
    }
    uint32_t piece = (tp_rows_of_piece(l) * tp_in_row(l) + 1) & ~1u;
    return selected + 2 * piece + tp_nonzero_list_bytes(piece, l->out_c);
}

// Values of a row's margins, of outputs or of inputs (tp_depthwise_sums).
static uint32_t margins(const tp_layer_t *l) {
    return l->kind == TP_DEPTHWISE ? 2u * TP_MARGIN * l->out_c : 0;
}

TP_RARE static uint32_t conv_work(const tp_layer_t *l, int is_trained) {
    int is_conv = l->kind == TP_CONV, gathers = !is_conv && tp_are_by_pixel(l);
    uint32_t filters = l->out_c, n_rows = tp_kernel_rows(l), n_weights = tp_weight_count(l);
    uint32_t forward = is_conv ? tp_nonzero_list_bytes(l->fan_in, filters) : 0;
    if (!is_trained) {
        return forward;
    }
    uint32_t pixels = (uint32_t)l->out_h * l->out_w, list = 4 * ((pixels < TP_BLOCK ? pixels : TP_BLOCK) + 4);
    uint32_t by_taps = is_conv ? 8 * filters + list : 4 * n_weights, by_filters = 4u * l->fan_in;
    uint32_t dx = gathers ? 4 * (tp_in_row(l) + margins(l)) : 8 * filters + 4 * n_rows * tp_in_row(l);
    uint32_t copy = l->in_place || gathers ? (2 * n_weights + 3) & ~3u : 0;
    return larger(forward, 8 * filters + copy + larger(larger(by_taps, by_filters), dx));
}

// Room for the outputs of layer i, and for its deltas if it has any: n bytes and 2 n, which may share their room unless
// the outputs are needed while deltas are written over them. That is so if they are inputs of a convolution, as the
// gradients of that need all of them. It can make its step first then (in_place); but as dx are by the weights before the
// step, that needs a copy of these. So it depends on which of both is smaller.
TP_RARE static void place_map(plan_t *plan, size_t i, tp_layer_t *l, uint32_t *scratch) {
    const tp_layer_spec_t *made = &plan->layers[plan->pooled ? i - 1 : i], *above = &plan->layers[i + 1];
    int is_source = made->kind <= TP_DEPTHWISE,
        has_deltas = is_source && i >= plan->first_trained + (size_t)plan->pooled;
    uint32_t n = l->n_out;
    if (!has_deltas) {
        l->outputs = take(scratch, n);
        return;
    }
    int keeps = tp_is_bounded(made->activation);  // slopes are taken at the end (tp_end_deltas)
    if (above->kind == TP_CONV) {
        uint32_t taps = product(above->kernel_h, above->kernel_w, l->out_c);
        keeps |= taps == 0 || 2 * taps * above->units > n;
    }
    l->deltas = take(scratch, keeps ? 3 * n : 2 * n);
    l->outputs = l->deltas + (keeps ? 2 * n : n);
    plan->keeps = keeps;
}

// Offsets of the weights, inputs, outputs and list of layer i, and what it needs of work and buffers. Nothing wraps: a
// model has at most as many weights as products, 2^28, and needs at most 2 bytes of each in plan->saved and 6 in work;
// all else of 254 layers is below 2^29.
static void plan_memory(plan_t *plan, size_t i, tp_layer_t *l) {
    size_t last = plan->spec->n_layers - 1u;
    int is_trained = i >= plan->first_trained;
    uint32_t saved = plan->saved, scratch = plan->scratch;
    l->inputs = plan->outputs;
    l->nonzero = l->which = l->deltas = l->outputs = 0;
    if (i == 0 && l->reads_map) {
        l->inputs = take(&scratch, l->n_in);
    }
    if (tp_has_weights(l)) {
        uint32_t n_means = tp_mean_count(l), list_bytes = tp_nonzero_list_bytes(l->n_in, l->out_c);
        l->weights = take(&saved, 2 * tp_row_count(l) * l->out_c);
        l->biases = saved;
        l->sums = saved + 4u * l->out_c;
        l->means = l->sums + 2 * n_means;
        saved = (l->means + n_means + 3) & ~3u;
        if (l->kind == TP_DENSE) {
            int has_own_list = !l->reads_map && (i == 0 || i == plan->first_trained);
            plan->buffer[0] = larger(plan->buffer[0], 4u * l->n_out);
            plan->work = larger(plan->work, dense_work(l, has_own_list));
            if (has_own_list) {
                l->nonzero = take(&scratch, list_bytes);
                l->inputs = i == 0 ? l->nonzero + list_bytes - 2u * l->n_in : l->inputs;
            }
        } else {
            l->in_place = !plan->keeps;
            plan->buffer[0] = larger(plan->buffer[0], 4 * (tp_out_row(l) + margins(l)));
            plan->buffer[1] = larger(plan->buffer[1], 4u * l->out_c);
            plan->work = larger(plan->work, conv_work(l, is_trained));
        }
    } else if (l->kind == TP_MAXPOOL) {
        l->which = take(&scratch, tp_is_wide(l) ? 2u * l->n_out : l->n_out);
    }
    plan->keeps = 1;  // deltas elsewhere, or none
    if (l->gives_map && !l->pooled) {
        place_map(plan, i, l, &scratch);
    } else if (i < last && !l->gives_map) {
        l->outputs = take(&scratch, 2u * l->n_out);
    }
    if (!tp_has_weights(l) && !plan->pooled && i > plan->first_trained) {
        l->deltas = plan->rows;
        plan->rows += 4 * tp_in_row(l);
    }
    if (i == plan->first_trained) {
        plan->replay_n_in = l->n_in;
    }
    if (is_trained && !l->gives_map) {
        size_t which = (last - i) & 1;
        plan->buffer[which] = larger(plan->buffer[which], 4u * l->n_out);
        plan->vectors = larger(plan->vectors, which == 0 ? 4u * l->n_out : 0);
    }
    plan->saved = saved;
    plan->scratch = scratch;
    plan->outputs = l->outputs;
}

// Layer i, once the layers below it are planned.
static tp_err_t plan_layer(plan_t *plan, size_t i, tp_layer_t *l) {
    const tp_layer_spec_t *spec = &plan->layers[i];
    if (!layer_spec_is_sound(spec)) {
        return TP_E_IMAGE;
    }
    l->kind = spec->kind;
    l->activation = spec->activation;
    l->trainable = spec->trainable;
    int is_last = i + 1u == plan->spec->n_layers, above = is_last ? TP_DENSE : spec[1].kind;
    l->reads_map = (uint8_t)plan->is_map;
    l->gives_map = !is_last && (l->kind != TP_DENSE || above != TP_DENSE);
    l->pooled = tp_has_weights(l) && l->kind != TP_DENSE && above == TP_MAXPOOL;
    tp_err_t err = plan_shape(plan, spec, l);
    if (err) {
        return err;
    }
    l->zero_delta = (uint8_t)plan->zero_delta;
    l->x_signed = (uint8_t)plan->x_signed;
    if (tp_has_weights(l)) {
        l->max_weight = max_weight(l, plan->bits, plan->non_negative);
        plan->x_signed = tp_has_sign(l->activation);
        plan->non_negative = !plan->x_signed;
        plan->zero_delta = l->activation == TP_RELU;
    } else if (l->kind == TP_AVGPOOL) {
        plan->zero_delta = 0;  // a small average rounds to 0
    }
    plan_memory(plan, i, l);
    plan->is_map = l->gives_map;
    plan->pooled = l->pooled;
    return TP_OK;
}

// What is remembered: at least a place for each class. Inputs follow their ranges if only pools are below.
static tp_err_t plan_replay(plan_t *plan, const tp_layer_t *output, tp_replay_t *r) {
    const tp_model_spec_t *spec = plan->spec;
    if (spec->replay == 0) {
        return TP_OK;
    }
    if (plan->first_trained == spec->n_layers || (spec->loss != TP_MSE && spec->replay < output->n_out)) {
        return TP_E_IMAGE;
    }
    uint32_t most = plan->replay_n_in + 2u * output->n_out;  // of a sample
    if (spec->replay > TP_MAX_BYTES / 4 / most) {
        return TP_E_TOO_BIG;
    }
    uint32_t mse = spec->loss == TP_MSE, n_out = output->n_out, n_pools = 0;
    while (plan->layers[n_pools].kind > TP_DEPTHWISE) {
        n_pools++;
    }
    r->n_maps[TP_INPUTS] = plan->first_trained == n_pools && spec->n_input_ranges == 0 ? spec->in_c : 0;
    r->n_maps[TP_OUTPUTS] = mse && spec->n_output_ranges == 0 ? n_out : 0;
    r->maps = plan->saved;
    r->n_seen = r->maps + (uint32_t)sizeof(tp_map_t) * (r->n_maps[TP_INPUTS] + r->n_maps[TP_OUTPUTS]);
    r->labels = r->n_seen + 2 * (mse ? 1 : n_out);
    r->inputs = r->labels + 2 * spec->replay * (mse ? n_out : 1);
    plan->saved = (r->inputs + (uint32_t)spec->replay * plan->replay_n_in + 3) & ~3u;
    return TP_OK;
}

// r: gets where what is remembered lies, if anything is.
static tp_err_t end_plan(plan_t *plan, const tp_layer_t *output, tp_replay_t *r) {
    const tp_model_spec_t *spec = plan->spec;
    if (output->kind != TP_DENSE || output->activation != TP_LINEAR) {
        return TP_E_OUTPUT;
    }
    uint16_t n = spec->n_output_ranges;
    int outputs_fit = n == 0 || (spec->loss == TP_MSE && (n == 1 || n == output->n_out));
    if (!outputs_fit || !(spec->n_input_ranges <= 1 || spec->n_input_ranges == spec->in_c)) {
        return TP_E_IMAGE;
    }
    plan->buffer[0] = larger(plan->buffer[0], plan->vectors + plan->rows);
    plan->tally = plan->saved;
    plan->saved = plan->tally + 4u * output->n_out;
    return plan_replay(plan, output, r);
}

tp_err_t tp_measure(const void *spec, size_t n_bytes, tp_shape_t *shapes, tp_sizes_t *sizes) {
    plan_t plan;
    tp_replay_t replay;
    tp_layer_t l;  // one for all layers in turn, as there is no image yet
    tp_err_t err = start_plan(&plan, spec, n_bytes);
    l.out_h = l.out_w = l.max_weight = 0;  // what quotient() first gets as a guess
    plan.x_signed = 0;
    uint32_t work = 0, buffer[2] = { 0, 0 };  // the most that a layer needs
    for (size_t i = 0; !err && i < plan.spec->n_layers; i++) {
        uint32_t saved = plan.saved, scratch = plan.scratch, rows = plan.rows;
        plan.work = plan.buffer[0] = plan.buffer[1] = 0;
        err = plan_layer(&plan, i, &l);
        work = larger(work, plan.work);
        buffer[0] = larger(buffer[0], plan.buffer[0]);
        buffer[1] = larger(buffer[1], plan.buffer[1]);
        if (!err && shapes) {
            shapes->h = plan.h;
            shapes->w = plan.w;
            shapes->c = plan.c;
            shapes->fan_in = l.fan_in;
            shapes->learned = plan.saved - saved;
            shapes->outputs = plan.scratch - scratch;
            shapes->work = plan.work + plan.buffer[0] + plan.buffer[1] + plan.rows - rows;
            shapes++;
        }
    }
    plan.buffer[0] = buffer[0];
    if (!err) {
        err = end_plan(&plan, &l, &replay);
    }
    if (err) {
        return err;
    }
    sizes->saved = plan.saved;
    uint32_t plan_end = plan.saved + plan_bytes(&plan);
    uint32_t scratch = plan.scratch + work + plan.buffer[0] + buffer[1];
    if (plan_end > TP_MAX_BYTES || scratch > TP_MAX_BYTES - plan_end) {
        return TP_E_TOO_BIG;
    }
    sizes->image = plan_end + scratch;
    return TP_OK;
}

int32_t tp_layout(const void *spec, size_t n_bytes, tp_shape_t *shapes, size_t n_shapes) {
    const tp_model_spec_t *model = spec;
    tp_sizes_t sizes;
    if (n_bytes >= sizeof(tp_model_spec_t) && n_shapes < model->n_layers) {
        return TP_E_OUT;
    }
    if (tp_overlap(spec, n_bytes, shapes, n_shapes * sizeof(tp_shape_t))) {
        return TP_E_OVERLAP;
    }
    if ((uintptr_t)shapes % sizeof(uint32_t) != 0) {
        return TP_E_ALIGN;
    }
    tp_err_t err = tp_measure(spec, n_bytes, shapes, &sizes);
    if (err) {
        return err;
    }
    uint32_t saved = model->saved_bytes;  // 0 in a new spec
    return (saved == 0 || saved == sizes.saved) && model->busy == 0 ? (int32_t)sizes.image : TP_E_IMAGE;
}

static void place_ranges(tp_model_t *m, const plan_t *plan, int which, uint16_t n_given) {
    void *ranges = tp_at(m, plan->ranges[which]);
    m->n_ranges[which] = plan->n_ranges[which];
    m->given[which] = n_given ? ranges : NULL;
    m->learned[which] = n_given || plan->n_ranges[which] == 0 ? NULL : ranges;
}

tp_err_t tp_open(tp_model_t *m, void *image, size_t n_bytes) {
    plan_t plan;
    tp_err_t err = start_plan(&plan, image, n_bytes);
    if (err) {
        return err;
    }
    uint32_t saved = plan.spec->saved_bytes, plan_end = saved + plan_bytes(&plan);
    if (saved % 4 != 0 || saved < plan.saved || saved > TP_MAX_BYTES || n_bytes < plan_end) {
        return TP_E_IMAGE;
    }
    m->image = image;
    m->spec = plan.spec;
    m->state = tp_at(m, plan.states - (uint32_t)sizeof(tp_model_state_t));
    m->layers = tp_at(m, saved);
    m->output = m->layers + plan.spec->n_layers - 1;
    m->first_trained = m->layers + plan.first_trained;
    m->affine[TP_INPUTS] = (tp_affine_t *)(m->output + 1);
    m->affine[TP_OUTPUTS] = m->affine[TP_INPUTS] + plan.spec->n_input_ranges;
    place_ranges(m, &plan, TP_INPUTS, plan.spec->n_input_ranges);
    place_ranges(m, &plan, TP_OUTPUTS, plan.spec->n_output_ranges);
    m->bits = plan.bits;
    m->delta_frac = plan.bits == 8 ? 14 : 13;
    err = tp_complete_ranges(m);
    if (err) {
        return err;
    }
    plan.x_signed = m->in_signed;
    plan.scratch = plan_end;
    uint32_t state = plan.states;
    tp_layer_t *l = m->layers;
    for (size_t i = 0; l <= m->output; i++, l++, state += (uint32_t)sizeof(tp_layer_state_t)) {
        l->state = state;
        if (!layer_state_is_sound(tp_state(m, l))) {
            return TP_E_IMAGE;
        }
        err = plan_layer(&plan, i, l);
        if (err) {
            return err;
        }
    }
    err = end_plan(&plan, m->output, &m->replay);
    if (err) {
        return err;
    }
    m->tally = tp_at(m, plan.tally);
    m->work = tp_at(m, take(&plan.scratch, plan.work));
    m->buffer[0] = tp_at(m, take(&plan.scratch, plan.buffer[0]));
    m->buffer[1] = tp_at(m, take(&plan.scratch, plan.buffer[1]));
    m->rows = (char *)m->buffer[0] + plan.vectors;
    if (plan.saved != saved || n_bytes < plan.scratch) {
        return TP_E_IMAGE;
    }
    return TP_OK;
}
