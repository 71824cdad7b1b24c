// Kernels for PCs, whose instructions work on four or eight numbers at a time: in C that compilers turn into these. Unless
// few deltas are selected, they go through whole rows of weights. The other kernels are those of portable.c.
#include "portable.h"

#ifdef TP_X86_64

#pragma GCC optimize("O3")  // with less it makes no vectors where it does not know how many columns there are

#define SUMS 32     // at a time: as many as fit into the registers
#define COLUMNS 64  // of the weights at a time, as what is kept of them is on the stack

// Some columns of the weights, and their deltas: 0 if not selected.
typedef struct {
    size_t first, n;
    const tp_selected_t *selected;  // the first delta behind them
    int32_t delta[COLUMNS];
} columns_t;

static inline void start_columns(columns_t *c, const tp_update_t *update) {
    c->first = c->n = 0;
    c->selected = update->selected;
}

// Goes to the next columns; 0: there are none.
static inline int next_columns(columns_t *c, const tp_update_t *update) {
    c->first += c->n;
    size_t left = update->row_bytes / 2 - c->first;
    c->n = left < COLUMNS ? left : COLUMNS;
    for (size_t j = 0; j < c->n; j++) {
        c->delta[j] = 0;
    }
    for (; c->selected != update->selected_end && c->selected->offset / 2 < c->first + c->n; c->selected++) {
        c->delta[c->selected->offset / 2 - c->first] = c->selected->delta;
    }
    return c->n > 0;
}

// w -= (factor delta + half) >> shift for a row. bounded: clamped to +-max_weight. Returns how many were clamped.
static inline uint32_t move_row(int16_t *row, int32_t factor, const columns_t *c, const tp_step_t *step,
    const int bounded) {
    int32_t half = 1 << (step->shift - 1);
    uint32_t n_clamped = 0;
    for (size_t j = 0; j < c->n; j++) {
        int32_t moved = row[j] - ((factor * c->delta[j] + half) >> step->shift);
        if (bounded) {
            int32_t clamped = tp_sat(moved, step->max_weight);
            n_clamped += clamped != moved;
            moved = clamped;
        }
        row[j] = (int16_t)moved;
    }
    return n_clamped;
}

static inline void update_columns(const uint32_t *list, int16_t *row, const columns_t *c, tp_update_t *update,
    const int bounded) {
    const tp_step_t step = update->step;
    for (; *list != 0; list++) {
        row = (int16_t *)tp_row_of(list, row);
        update->n_clamped += move_row(row, -((int32_t)*list >> 16), c, &step, bounded);
    }
}

static inline void backward_columns(const int16_t *x, int16_t *row, int32_t *dx, const columns_t *c,
    tp_update_t *update, const int bounded) {
    const tp_step_t step = update->step;
    for (size_t i = 0; i < update->n_in; i++, row += update->row_bytes / 2) {
        uint32_t sum = c->first == 0 ? 0 : (uint32_t)dx[i];
        if (x[i] != 0) {
            for (size_t j = 0; j < c->n; j++) {
                sum += (uint32_t)(row[j] * c->delta[j]);
            }
            update->n_clamped += move_row(row, x[i] * step.lr_mantissa, c, &step, bounded);
        }
        dx[i] = (int32_t)sum;
    }
}

TP_HOT TP_NOINLINE static void sum_many(const uint32_t *list, const int16_t *w, const int32_t *start, int32_t *z) {
    tp_sum_columns(list, w, SUMS, 0, start, z);
}

TP_HOT void tp_spmv(const uint32_t *list, const int16_t *w, size_t n_out, const int32_t *start, int32_t *z) {
    for (; n_out >= SUMS; n_out -= SUMS, w += SUMS, start += SUMS, z += SUMS) {
        sum_many(list, w, start, z);
    }
    if (n_out > 0) {
        tp_spmv_in_c(list, w, n_out, start, z);
    }
}

// Whether going through whole rows would take longer.
static inline int few_are_selected(const tp_update_t *update) {
    return 3 * (size_t)(update->selected_end - update->selected) < update->row_bytes / 2;
}

TP_HOT void tp_update_rows(const uint32_t *list, int16_t *w, tp_update_t *update) {
    if (few_are_selected(update)) {
        tp_update_rows_in_c(list, w, update);
        return;
    }
    columns_t columns;
    for (start_columns(&columns, update); next_columns(&columns, update);) {
        if (update->bounded) {
            update_columns(list, w + columns.first, &columns, update, 1);
        } else {
            update_columns(list, w + columns.first, &columns, update, 0);
        }
    }
}

TP_HOT void tp_backward_rows(const int16_t *x, int16_t *w, int32_t *dx, tp_update_t *update) {
    if (few_are_selected(update)) {
        tp_backward_rows_in_c(x, w, dx, update);
        return;
    }
    columns_t columns;
    for (start_columns(&columns, update); next_columns(&columns, update);) {
        if (update->bounded) {
            backward_columns(x, w + columns.first, dx, &columns, update, 1);
        } else {
            backward_columns(x, w + columns.first, dx, &columns, update, 0);
        }
    }
}

#endif
