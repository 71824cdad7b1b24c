// Calls from outside. One at a time works on a model: another one in its midst, made by an interrupt, a thread or the
// second core, is refused and changes nothing. So is one whose x, y or out lies in the image.
#include "core.h"
#include "kernels/claim.h"

// who: something of the call's own, whose address is its name.
static tp_err_t claim(void *image, size_t n_bytes, const void *who) {
    tp_err_t err = tp_check_head(image, n_bytes);
    if (err) {
        return err;
    }
    return tp_claim(&((tp_model_spec_t *)image)->busy, (uint32_t)(uintptr_t)who) ? TP_OK : TP_E_BUSY;
}

tp_err_t tp_hold(void *image, size_t n_bytes) {
    tp_err_t err = claim(image, n_bytes, &n_bytes);
    if (!err) {
        ((tp_model_spec_t *)image)->busy = TP_HELD;
    }
    return err;
}

tp_err_t tp_enter(tp_model_t *m, void *image, size_t n_bytes, const tp_values_t *x, const tp_values_t *y) {
    const tp_values_t *of_user[] = { x, y };
    for (int i = 0; i < 2; i++) {
        const tp_values_t *v = of_user[i];
        if (v && tp_overlap(image, n_bytes, v->items, v->n * tp_item_size(v->type))) {
            return TP_E_OVERLAP;
        }
    }
    tp_err_t err = claim(image, n_bytes, m);
    if (err) {
        return err;
    }
    err = tp_open(m, image, n_bytes);
    if (err) {
        tp_let_go(&((tp_model_spec_t *)image)->busy);
    }
    return err;
}

void tp_leave(const tp_model_t *m) {
    tp_let_go(&((tp_model_spec_t *)m->image)->busy);
}
