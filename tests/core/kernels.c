// Calls every kernel with random operands that its contract in kernels.h allows, often at their limits, and prints a
// checksum of all results: the same on every processor.
//     kernel NAME: CHECKSUM
#include <string.h>
#include "kernels/kernels.h"

#define ROUNDS 300
#define MAX_ROWS 24     // of weights, and so inputs
#define MAX_COLUMNS 72  // outputs
#define SPACE (MAX_ROWS * MAX_COLUMNS)
#define FAR_ROWS \
    (TP_MAX_ROW_DELTA / 2 / MAX_COLUMNS + 20)  // of so many, the last is too far from the first for one entry

static void say(const char *name, uint32_t checksum);  // at the end of this file, for a PC and for an emulated board

typedef struct {
    uint32_t random, checksum;
    // Rows of weights start at multiples of 4, and what tp_spmv reads past the last row is there.
    _Alignas(4) int16_t w[SPACE + 2], deltas[SPACE], x[SPACE], y[SPACE];
    _Alignas(4) int32_t z[SPACE], start[SPACE], dx[SPACE];
    uint8_t bytes[SPACE + 4], means[FAR_ROWS];
    uint32_t list[SPACE + 1];
    tp_selected_t selected[MAX_COLUMNS];
} state_t;

static _Alignas(4) int16_t far_weights[FAR_ROWS * MAX_COLUMNS + 2];

static uint32_t random32(state_t *s) {
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random;
}

static uint32_t below(state_t *s, uint32_t n) {
    return (random32(s) >> 8) % n;
}

// -limit .. limit, or 0 .. limit; one in four is at an end, in the middle (where halves come from) or next to 0.
static int32_t number(state_t *s, int32_t limit, int has_sign) {
    int32_t often[] = { limit, limit - 1, (int32_t)(((uint32_t)limit + 1) / 2), 1, 0 };
    int32_t v = below(s, 4) == 0 ? often[below(s, 5)] : (int32_t)(random32(s) % ((uint32_t)limit + 1));
    return has_sign && below(s, 2) ? -v : v;
}

static void fill(state_t *s, int16_t *to, size_t n, int32_t limit, int has_sign, uint32_t zeros) {
    for (size_t i = 0; i < n; i++) {
        to[i] = (int16_t)(below(s, 4) < zeros ? 0 : number(s, limit, has_sign));
    }
}

static void fill_words(state_t *s, int32_t *to, size_t n, int bits) {
    for (size_t i = 0; i < n; i++) {
        to[i] = number(s, (int32_t)((1u << bits) - 1), 1);
    }
}

static void check_word(state_t *s, uint32_t v) {
    s->checksum = (s->checksum ^ v) * 16777619u;
    s->checksum ^= s->checksum >> 15;
}

static void check(state_t *s, const int16_t *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        check_word(s, (uint16_t)v[i]);
    }
}

static void check_words(state_t *s, const int32_t *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        check_word(s, (uint32_t)v[i]);
    }
}

// What of a list is not an implementation's own: the values, how many entries are padding, and how far it is to the row
// behind the last one, from the row of the last entry.
static void check_list(state_t *s, const tp_nonzero_t *list) {
    int any = list->end - s->list > (ptrdiff_t)list->n_padding;
    check_word(s, list->n_padding);
    check_word(s, list->delta + (any ? list->row_bytes - list->row_delta : 0));
    for (const uint32_t *entry = s->list; entry < list->end; entry++) {
        check_word(s, *entry >> 16);
    }
    check_word(s, *list->end);
}

// ---- the kernels

static tp_nonzero_t new_list(state_t *s, uint32_t n_in, uint32_t n_out) {
    for (uint32_t i = 0; i < n_in; i++) {
        s->means[i] = (uint8_t)number(s, 255, 0);
    }
    return (tp_nonzero_t) { .means = s->means,
        .row_bytes = 2 * n_out,
        .end = s->list,
        .row_delta = tp_row_delta(n_out),
        .x_bytes = 2 * n_in,
        .n_rows = 1 };
}

// Inputs and their list; sometimes of rows of inputs with others between, as a pixel of a convolution has them.
static uint32_t list_inputs(state_t *s, uint32_t n_in, uint32_t n_out, int32_t x_max, int has_sign) {
    tp_nonzero_t list = new_list(s, n_in, n_out);
    fill(s, s->x, n_in, x_max, has_sign, below(s, 5));
    if (n_in >= 6 && below(s, 2)) {
        list.n_rows = 2;
        list.x_bytes = 2 * (n_in / 2 - 1);
        list.x_jump = 4;
        list.delta_jump = below(s, 3) * list.row_bytes;
        n_in = 2 * (n_in / 2 - 1) + list.delta_jump / list.row_bytes;
    }
    tp_list_nonzero(&list, s->x);
    check_list(s, &list);
    return n_in;  // rows of weights that the list goes through, at most
}

static void list_and_sum(state_t *s) {
    uint32_t n_in = 1 + below(s, MAX_ROWS - 3), n_out = 1 + below(s, MAX_COLUMNS);
    int32_t largest[] = { 255, 4095, 16383 };  // inputs of 8 and of 12 bits, and x of the row of slopes
    int32_t x_max = largest[below(s, 3)];
    list_inputs(s, n_in, n_out, x_max, (int)below(s, 2));
    fill(s, s->w, SPACE + 2, 32767, 1, 0);
    fill_words(s, s->start, n_out, 30);
    tp_spmv(s->list, s->w, n_out, s->start, s->z);
    check_words(s, s->z, MAX_COLUMNS + 1);
    tp_spmv(s->list, s->w, n_out, s->start, s->start);
    check_words(s, s->start, MAX_COLUMNS + 1);
}

static void list_bytes(state_t *s) {
    uint32_t n_in = 1 + below(s, MAX_ROWS), n_out = 1 + below(s, MAX_COLUMNS), shift = below(s, 4), zeros = below(s, 5);
    for (uint32_t i = 0; i < n_in; i++) {
        s->bytes[shift + i] = (uint8_t)(below(s, 4) < zeros ? 0 : number(s, 255, 0));
    }
    tp_nonzero_t list = new_list(s, n_in, n_out);
    list.x_bytes = n_in;
    tp_list_nonzero_bytes(&list, s->bytes + shift);
    check_list(s, &list);
    check_word(s, list.dot);
    fill(s, s->w, SPACE + 2, 32767, 1, 0);
    memset(s->start, 0, sizeof(s->start));
    tp_spmv(s->list, s->w, n_out, s->start, s->z);
    check_words(s, s->z, n_out);
}

static void fill_bytes(state_t *s, size_t n, uint32_t zeros) {
    for (size_t i = 0; i < n; i++) {
        s->bytes[i] = (uint8_t)(below(s, 4) < zeros ? 0 : number(s, 255, 1));
    }
}

// One channel of a few rows of pixels, and what a tap of all filters sees of it.
static void list_strided(state_t *s) {
    uint32_t step = 1 + below(s, 5), n = 1 + below(s, 6), n_out = 1 + below(s, MAX_COLUMNS), between = below(s, 3);
    tp_nonzero_t list = new_list(s, 1, n_out);
    list.n_rows = 1 + below(s, 3);
    list.x_bytes = n * step;
    list.x_jump = (int32_t)(between * step);
    list.delta_jump = between * list.row_bytes;
    fill_bytes(s, sizeof(s->bytes), below(s, 5));
    fill(s, s->w, SPACE + 2, 1 << 14, 1, 0);
    fill_words(s, s->start, n_out, 30);
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        list.end = s->list;
        list.delta = below(s, 2) * list.row_bytes;
        tp_list_strided(&list, s->bytes + below(s, step), step, is_signed);
        tp_spmv(s->list, s->w, n_out, s->start, s->z);
        check_words(s, s->z, n_out);
        check_list(s, &list);
    }
}

// Pixels of so many filters that padding lies between entries; no deltas are read.
static void list_strided_far(state_t *s) {
    uint32_t n = 1 + below(s, 6), n_out = 2000 + below(s, 30000);
    tp_nonzero_t list = new_list(s, 1, n_out);
    list.n_rows = 1 + below(s, 3);
    list.x_bytes = n;
    list.delta_jump = below(s, 4) * list.row_bytes;
    fill_bytes(s, SPACE, below(s, 5));
    tp_list_strided(&list, s->bytes, 1, 0);
    check_word(s, list.n_padding);
    uint32_t at = 0;
    for (const uint32_t *entry = s->list; *entry != 0; entry++) {
        at += *entry & 0xffff;
        check_word(s, *entry >> 16);
        check_word(s, *entry >> 16 ? at : 0);
        at += *entry >> 16 ? list.row_bytes - list.row_delta : 0;
    }
}

static void widen(state_t *s) {
    uint32_t n = 1 + below(s, MAX_COLUMNS), from = below(s, 4), to = below(s, 4);
    fill_bytes(s, SPACE, 1);
    memset(s->x, 0x55, sizeof(s->x));
    tp_widen(s->bytes + from, s->x + to, n, (int)below(s, 2));
    check(s, s->x, MAX_COLUMNS + 6);
}

static void copy_bytes(state_t *s) {
    uint32_t n = 1 + below(s, MAX_COLUMNS), from = below(s, 4), to = below(s, 4);
    fill_bytes(s, SPACE, 1);
    tp_copy_bytes(s->bytes + from, (uint8_t *)s->x + to, n);
    check(s, s->x, MAX_COLUMNS);
}

// Rows of weights so long that padding lies between entries; no weights are read.
static void list_long_rows(state_t *s) {
    uint32_t n_in = 1 + below(s, MAX_ROWS), n_out = 20000 + below(s, 45535);
    tp_nonzero_t list = new_list(s, n_in, n_out);
    list.n_rows = n_in;
    list.x_bytes = 2;
    fill(s, s->x, n_in, 255, 0, below(s, 5));
    tp_list_nonzero(&list, s->x);
    check_list(s, &list);
}

// Rows of inputs, bytes or int16 as the kind asks for, and of a kernel above them: often one of three taps, and sometimes one
// that is wider than they are.
static tp_strip_t new_strip(state_t *s, uint32_t x_kind) {
    uint32_t taps = below(s, 2) ? 3 : 1 + below(s, 9), stride = below(s, 3) ? 1 : 1 + below(s, 3), pad = below(s, taps);
    uint32_t columns = 1 + below(s, 12), least = 2 * pad < taps ? taps - 2 * pad : 1;
    columns = columns < least ? least : columns;
    uint32_t pixels = (columns + 2 * pad - taps) / stride + 1, channels = below(s, 3) ? 1 + below(s, 9) : 8;
    fill_bytes(s, SPACE, below(s, 4));
    fill(s, s->x, SPACE, 1 << 14, 1, below(s, 4));
    return (tp_strip_t) { 1 + below(s, 3), columns, pixels, channels, taps, pad, stride, taps + below(s, 3), x_kind };
}

// What lies in the margins is no result.
static void depthwise_sums(state_t *s) {
    tp_strip_t strip = new_strip(s, below(s, 3));
    int32_t *z = s->z + TP_MARGIN * strip.channels;
    fill(s, s->w, SPACE, 32767, 1, 0);
    fill_words(s, s->z, SPACE, 30);
    tp_depthwise_sums(&strip, strip.x_kind == TP_INT16 ? (const void *)s->x : s->bytes, s->w, z);
    check_words(s, z, strip.pixels * strip.channels);
    check_words(s, z + (strip.pixels + TP_MARGIN) * strip.channels, 20);
}

static void depthwise_gradients(state_t *s) {
    tp_strip_t strip = new_strip(s, below(s, 2));
    fill_words(s, s->z, SPACE, 30);
    tp_depthwise_gradients(&strip, s->bytes + below(s, 4), s->x, s->z);
    check_words(s, s->z, strip.n_rows * strip.row_taps * strip.channels + 20);
}

static void requantize(state_t *s) {
    uint32_t n = 1 + below(s, MAX_COLUMNS);
    int bits = 1 + (int)below(s, 31), to_int16 = (int)below(s, 2), shift = (int)below(s, 40) - 8;
    int32_t limit = to_int16 ? number(s, 32767, 0) : number(s, 1 << 30, 0);
    fill_words(s, s->z, n, bits);
    if (below(s, 3) == 0) {
        tp_requantize(s->z, s->dx, n, shift, limit);
        check_words(s, s->dx, n);
        tp_requantize(s->z, s->z, n, shift, limit);
        check_words(s, s->z, n);
        return;
    }
    shift = shift < 1 ? 255 + shift : shift;
    if (to_int16) {
        check_word(s, tp_requantize_int16(s->z, (int16_t *)s->z, n, shift, limit));
        check(s, (int16_t *)s->z, n);
    } else {
        tp_requantize_right(s->z, s->z, n, shift);
        check_words(s, s->z, n);
    }
}

static void check_use(state_t *s, const tp_format_use_t *use) {
    check_word(s, use->n_saturated);
    check_word(s, use->n_high);
}

static void relu(state_t *s) {
    uint32_t n = 1 + below(s, MAX_ROWS), n_out = 1 + below(s, MAX_COLUMNS);
    int shift = 1 + (int)below(s, 34), bits = 4 + (int)below(s, 28);
    tp_format_use_t use = { below(s, 2) ? 255 : 4095, 5, 7 }, again = use;
    fill_words(s, s->z, n, bits);
    if (shift < 19) {  // outputs at the top and at a quarter of it, and next to these
        s->z[0] = (use.top + (int32_t)below(s, 3) - 1) << shift;
        s->z[n - 1] = ((use.top >> 2) + (int32_t)below(s, 3) - 1) << shift;
    }
    check_word(s, tp_relu(s->z, s->y, n, shift, &use) != 0);
    check(s, s->y, n + 1);
    check_use(s, &use);
    tp_nonzero_t list = new_list(s, n, n_out), listed = list;
    if (TP_RELU_LISTS) {  // must be what tp_relu and tp_list_nonzero make
        tp_list_nonzero(&list, s->y);
        uint32_t n_entries = (uint32_t)(list.end - s->list);
        memcpy(s->bytes, s->list, n_entries * sizeof(uint32_t));
        memset(s->x, 0xff, 2 * n);
        tp_relu_listed(s->z, s->x, n, shift, &again, &listed);
        int same = listed.end == list.end && listed.delta == list.delta && listed.dot == tp_dot(s->means, s->y, n, 0);
        same &= memcmp(s->x, s->y, 2 * n) == 0 && memcmp(s->bytes, s->list, n_entries * sizeof(uint32_t)) == 0;
        same &= memcmp(&use, &again, sizeof(use)) == 0 && listed.n_padding == list.n_padding;
        check_word(s, same ? 0 : 1);
    } else {
        check_word(s, 0);
    }
}

static void relu_bytes(state_t *s) {
    uint32_t n = 1 + below(s, MAX_COLUMNS);
    int shift = 1 + (int)below(s, 34), bits = 4 + (int)below(s, 28);
    tp_format_use_t use = { below(s, 2) ? 255 : 127, 5, 7 };
    fill_words(s, s->z, n, bits);
    if (shift < 23) {
        s->z[0] = (use.top + (int32_t)below(s, 3) - 1) << shift;
        s->z[n - 1] = ((use.top >> 2) + (int32_t)below(s, 3) - 1) << shift;
    }
    uint8_t *y = below(s, 2) ? (uint8_t *)s->z : s->bytes + below(s, 4);
    check_word(s, tp_relu_bytes(s->z, y, n, shift, &use) != 0);
    for (uint32_t i = 0; i <= n; i++) {
        check_word(s, y[i]);
    }
    check_use(s, &use);
}

static void dot(state_t *s) {
    uint32_t n = 1 + below(s, SPACE - 1);
    fill(s, s->x, n, 4095, 1, below(s, 4));
    for (uint32_t i = 0; i < n; i++) {
        s->bytes[i] = (uint8_t)number(s, 255, 0);
    }
    check_word(s, tp_dot(s->bytes, s->x, n, 0));
    check_word(s, tp_dot(s->bytes, s->x, n, 1));
}

static void l1_norm(state_t *s) {
    uint32_t n = below(s, SPACE);
    fill(s, s->deltas, n, 1 << 14, 1, below(s, 4));
    check_word(s, tp_l1_norm(s->deltas, n));
}

static void sum_bytes(state_t *s) {
    uint32_t step = 1 + below(s, 5), n = step * (1 + below(s, 30)), squares = below(s, 1000), from = below(s, step);
    int is_signed = (int)below(s, 2);
    fill_bytes(s, n, below(s, 4));
    check_word(s, (uint32_t)tp_sum_bytes(s->bytes + from, s->bytes + n, step, is_signed, &squares));
    check_word(s, squares);
}

static void sum_filters(state_t *s) {
    uint32_t filters = 1 + below(s, 20), n = filters * (1 + below(s, 30)), n_nonzero;
    fill(s, s->deltas, n + 1, 1 << 14, 1, below(s, 4));
    memset(s->z, 0x55, sizeof(s->z));
    int shift = below(s, 2) ? (int)below(s, 32) : 0;
    check_word(s, tp_sum_filters(s->deltas, n, filters, shift, s->z, &n_nonzero));
    check_word(s, n_nonzero);
    check(s, s->deltas, n + 1);
    check_words(s, s->z, filters + 1);
}

// Many are near the threshold.
static void diffuse(state_t *s) {
    uint32_t filters = 1 + below(s, 20), n = filters * (1 + below(s, 30)), n_left;
    int32_t t = 1 + number(s, (1 << 14) - 1, 0), residual = number(s, t - 1, 0), limit = below(s, 2) ? t : 1 << 14;
    fill(s, s->deltas, n + 1, limit, 1, below(s, 4));
    memset(s->z, 0x55, sizeof(s->z));
    memset(s->dx, 0x55, sizeof(s->dx));
    check_word(s, tp_diffuse(s->deltas, n, filters, t, &residual, s->z, s->dx, &n_left));
    check(s, s->deltas, n + 1);
    check_words(s, s->z, filters + 1);
    check_words(s, s->dx, filters + 1);
    check_word(s, (uint32_t)residual);
    check_word(s, n_left);
}

static void mask(state_t *s) {
    uint32_t n = 1 + below(s, MAX_COLUMNS);
    fill_words(s, s->z, MAX_COLUMNS + 1, 1 + (int)below(s, 31));
    fill_bytes(s, n, below(s, 5));
    check_word(s, tp_mask(s->z, below(s, 3) ? s->bytes : NULL, n));
    check_words(s, s->z, MAX_COLUMNS + 1);
}

static void mask_shares(state_t *s) {
    uint32_t n = 1 + below(s, MAX_COLUMNS), from = below(s, 4);
    fill(s, s->deltas, n, 1 << 14, 1, 0);
    fill_bytes(s, SPACE, below(s, 5));
    memset(s->y, 0x55, sizeof(s->y));
    tp_mask_shares(s->deltas, s->bytes + from, s->y + below(s, 2), n);
    check(s, s->y, MAX_COLUMNS + 2);
}

// A row of windows; outputs and inputs are often alike.
static void take_larger(state_t *s) {
    uint32_t channels = 1 + below(s, 9), n = channels * (1 + below(s, 6)), first = below(s, 250),
             width = 1 + below(s, 5);
    uint8_t *y = s->means, *which = s->means + 100;
    fill_bytes(s, SPACE, below(s, 4));
    for (uint32_t i = 0; i < 200; i++) {
        s->means[i] = (uint8_t)number(s, 255, 0);
    }
    tp_take_larger(s->bytes + below(s, 4), y, which, n, channels, first, first + width);
    for (uint32_t i = 0; i < 200; i++) {
        check_word(s, s->means[i]);
    }
}

static void add_bytes(state_t *s) {
    uint32_t rows = 1 + below(s, 4), taps = 1 + below(s, 20), step = 1 + below(s, 4), from = below(s, 4);
    tp_patch_t patch = { rows, taps, step, taps * step + below(s, 5), taps + below(s, 3) };
    int32_t d = number(s, 1 << 14, 1), is_signed = (int32_t)below(s, 2);
    fill_bytes(s, SPACE, below(s, 4));
    fill_words(s, s->z, 100, 30);
    tp_add_bytes(&patch, d, s->bytes + from, is_signed, s->z);
    check_words(s, s->z, 100);
}

// Often with the least dither or the largest.
static tp_step_t some_step(state_t *s, int32_t shift) {
    int32_t most = (1 << shift) - 1, dither = below(s, 2) ? number(s, most, 0) : below(s, 2) ? most : 0;
    return (tp_step_t) { 16 + (int32_t)below(s, 16), shift, 1 + number(s, 32766, 0), dither };
}

// Gradients that are at their bound once the mean is off.
static void move_by_gradients(state_t *s) {
    uint32_t n = 1 + below(s, MAX_COLUMNS);
    int32_t mean = below(s, 4) ? number(s, 255, 1) : 0;
    tp_step_t step = some_step(s, 1 + (int32_t)below(s, 30));
    for (uint32_t i = 0; i < n; i++) {
        s->start[i] = number(s, 65535, 1);
        s->z[i] = number(s, 255 * 65535, 1) + mean * s->start[i];
    }
    memset(s->dx, 0, sizeof(s->dx));
    fill(s, s->w, SPACE, step.max_weight, 1, 0);
    check_word(s, tp_move_by_gradients(s->z, n, mean, s->start, s->dx, 1 + (int)below(s, 31), s->w, &step));
    check(s, s->w, n + 1);
    check_words(s, s->dx, n + 1);
}

static void move_filter(state_t *s) {
    uint32_t n_means = 1 + below(s, 5), n = n_means * (1 + below(s, 10)), filters = 1 + below(s, 20);
    int32_t is_signed = (int32_t)below(s, 2), sum = number(s, 65535, 1), along = number(s, 1000, 1);
    int along_shift = 8 + (int)below(s, 24);
    tp_step_t step = some_step(s, 1 + (int32_t)below(s, 30));
    fill_bytes(s, n_means, 0);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t mean = s->bytes[i % n_means];
        s->z[i] = number(s, 255 * 65535, 1) + (is_signed ? (int8_t)mean : mean) * sum;
    }
    fill(s, s->w, SPACE, step.max_weight, 1, 0);
    check_word(s,
        tp_move_filter(s->z, n, s->bytes, n_means, is_signed, sum, &along, along_shift, s->w, filters, &step));
    check(s, s->w, n * filters);
    check_word(s, (uint32_t)along);
}

static void move_biases(state_t *s) {
    uint32_t n = 1 + below(s, MAX_COLUMNS);
    fill(s, s->deltas, n, 1 << 14, 1, below(s, 4));
    fill_words(s, s->z, 2 * MAX_COLUMNS, 30);
    int32_t factor = number(s, 31 << 9, 1);
    tp_move_biases(s->deltas, s->z, n, factor, 1 + (int)below(s, 40));
    check_words(s, s->z, 2 * MAX_COLUMNS);
}

// Selected deltas, and rows of weights that they move.
static tp_update_t select_some(state_t *s, uint32_t n_in, uint32_t n_out, int x_bits, int32_t factor) {
    tp_update_t update;
    memset(&update, 0, sizeof(update));
    update.bounded = below(s, 2) != 0;
    // Without a bound no weight may pass 16 bits: small ones, and a step that is smaller than what is left.
    update.step = some_step(s, update.bounded ? 1 + (int32_t)below(s, 30) : 16 + (int32_t)below(s, 15));
    update.step.lr_mantissa = factor < 0 ? -factor : update.step.lr_mantissa;
    update.step.max_weight = update.bounded ? update.step.max_weight : 32767;
    fill(s, s->w, SPACE, update.bounded ? update.step.max_weight : 16000, 1, 0);
    update.selected = s->selected;
    update.row_bytes = 2 * n_out;
    update.n_in = n_in;
    update.x_bits = x_bits;
    fill(s, s->deltas, n_out, x_bits == 8 ? 1 << 14 : 1 << 13, 1, below(s, 4));
    s->deltas[below(s, n_out)] = 1 << 13;  // one at least is selected
    uint32_t n = tp_select_nonzero(s->deltas, n_out, factor, factor < 0 ? number(s, 1 << 12, 0) : 0, &update);
    check_word(s, n);
    for (const tp_selected_t *d = s->selected; d < update.selected_end; d++) {
        check_word(s, (uint32_t)d->delta);
        check_word(s, d->offset);
    }
    return update;
}

static void update_rows(state_t *s) {
    uint32_t n_in = 1 + below(s, MAX_ROWS - 3), n_out = 1 + below(s, MAX_COLUMNS);
    int x_bits = below(s, 2) ? 8 : 12, x_signed = (int)below(s, 2);
    list_inputs(s, n_in, n_out, (1 << (x_bits - x_signed)) - 1, x_signed);
    tp_update_t update = select_some(s, n_in, n_out, x_bits, -(16 + (int32_t)below(s, 16)));
    tp_update_rows(s->list, s->w, &update);
    check(s, s->w, SPACE);
    check_word(s, update.n_clamped);
}

// Sums and steps of a few rows with padding entries between.
static void far_rows(state_t *s) {
    tp_nonzero_t list = new_list(s, FAR_ROWS, MAX_COLUMNS);
    tp_update_t update = select_some(s, FAR_ROWS, MAX_COLUMNS, 8, -16);
    memset(s->x, 0, sizeof(s->x));
    for (int i = 0; i < 3; i++) {
        s->x[i == 0 ? below(s, 3) : FAR_ROWS - 1 - below(s, 3)] = (int16_t)number(s, 255, 0);
    }
    fill(s, far_weights, FAR_ROWS * MAX_COLUMNS + 2, update.step.max_weight < 16000 ? update.step.max_weight : 16000, 1,
        0);
    fill_words(s, s->start, MAX_COLUMNS, 30);
    tp_list_nonzero(&list, s->x);
    check_list(s, &list);
    tp_spmv(s->list, far_weights, MAX_COLUMNS, s->start, s->z);
    check_words(s, s->z, MAX_COLUMNS);
    tp_update_rows(s->list, far_weights, &update);
    check(s, far_weights, FAR_ROWS * MAX_COLUMNS);
}

static void backward_rows(state_t *s) {
    uint32_t n_in = 1 + below(s, MAX_ROWS), n_out = 1 + below(s, MAX_COLUMNS);
    int x_bits = below(s, 2) ? 8 : 12, x_signed = (int)below(s, 2);
    fill(s, s->x, n_in, (1 << (x_bits - x_signed)) - 1, x_signed, below(s, 4));
    tp_update_t update = select_some(s, n_in, n_out, x_bits, 1);
    tp_backward_rows(s->x, s->w, s->dx, &update);
    check_words(s, s->dx, n_in);
    check(s, s->w, SPACE);
    check_word(s, update.n_clamped);
}

// dx of a few rows, added to what is there.
static void input_sums(state_t *s) {
    uint32_t n_in = 1 + below(s, MAX_ROWS), n_out = 1 + below(s, MAX_COLUMNS), n = 0;
    fill(s, s->w, SPACE, 32767, 1, 0);
    fill_words(s, s->dx, MAX_ROWS + 1, 30);
    for (uint32_t j = 0; j < n_out; j++) {
        if (n == 0 || below(s, 2)) {
            int32_t delta = number(s, 1 << 14, 1);
            s->selected[n++] = (tp_selected_t) { delta, 2 * j };
        }
    }
    tp_input_sums(s->w, 2 * n_out, n_in, s->selected, s->selected + n, s->dx);
    check_words(s, s->dx, MAX_ROWS + 1);
}

static void input_sums_of_all(state_t *s) {
    uint32_t n_in = 1 + below(s, MAX_ROWS), n_out = 2 * (1 + below(s, MAX_COLUMNS / 2));
    fill(s, s->w, SPACE, 32767, 1, 0);
    fill(s, s->deltas, n_out, 1 << 14, 1, below(s, 3));
    fill_words(s, s->dx, MAX_ROWS + 1, 30);
    tp_input_sums_of_all(s->w, n_out, n_in, s->deltas, s->dx);
    check_words(s, s->dx, MAX_ROWS + 1);
}

int main(void) {
    static const struct {
        const char *name;
        void (*run)(state_t *);
    } kernels[] = {
        { "list_and_sum", list_and_sum },
        { "list_bytes", list_bytes },
        { "list_long_rows", list_long_rows },
        { "list_strided", list_strided },
        { "list_strided_far", list_strided_far },
        { "widen", widen },
        { "copy_bytes", copy_bytes },
        { "depthwise_sums", depthwise_sums },
        { "depthwise_gradients", depthwise_gradients },
        { "requantize", requantize },
        { "relu", relu },
        { "relu_bytes", relu_bytes },
        { "dot", dot },
        { "l1_norm", l1_norm },
        { "sum_bytes", sum_bytes },
        { "sum_filters", sum_filters },
        { "diffuse", diffuse },
        { "mask", mask },
        { "mask_shares", mask_shares },
        { "take_larger", take_larger },
        { "add_bytes", add_bytes },
        { "move_by_gradients", move_by_gradients },
        { "move_filter", move_filter },
        { "move_biases", move_biases },
        { "update_rows", update_rows },
        { "far_rows", far_rows },
        { "backward_rows", backward_rows },
        { "input_sums", input_sums },
        { "input_sums_of_all", input_sums_of_all },
    };
    state_t state;
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        memset(&state, 0, sizeof(state));
        state.random = 1 + (uint32_t)i;
        int rounds = kernels[i].run == far_rows ? ROUNDS / 20 : ROUNDS;
        for (int round = 0; round < rounds; round++) {
            kernels[i].run(&state);
        }
        say(kernels[i].name, state.checksum);
    }
    return 0;
}

// ---- output

#ifndef __arm__

#include <stdio.h>

static void say(const char *name, uint32_t checksum) {
    printf("%s %08x\n", name, (unsigned)checksum);
}

#else

// A Cortex-M in QEMU without anything else: the debugger's calls write and end, and there are a stack and two vectors.
static void call_debugger(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void say(const char *name, uint32_t checksum) {
    char hex[] = " 00000000\n";
    for (int i = 8; i > 0; i--, checksum >>= 4) {
        hex[i] = "0123456789abcdef"[checksum & 15];
    }
    call_debugger(4, name);
    call_debugger(4, hex);
}

static void reset(void) {
    main();
    call_debugger(0x18, (const void *)0x20026);  // the program has ended as it should
}

static void fault(void) {
    call_debugger(4, "fault\n");
    call_debugger(0x18, (const void *)0x20023);
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t stack;
    void (*at[3])(void);
} vectors = { 0x20020000, { reset, fault, fault } };

#endif
