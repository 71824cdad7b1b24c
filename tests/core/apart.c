// Gives `work` and both buffers of a model that is opened blocks of their own, of exactly their size and with nonsense in
// them, so that the sanitizers see an access beyond one of them even if it is within the image. (-Wl,--wrap=tp_open)
#include <stdlib.h>
#include <string.h>
#include "core.h"

extern int tp_apart;
int tp_apart = 1;  // 0: they stay where they are

tp_err_t __real_tp_open(tp_model_t *m, void *image, size_t n_bytes);

tp_err_t __wrap_tp_open(tp_model_t *m, void *image, size_t n_bytes) {
    static void *blocks[3];
    tp_sizes_t sizes;
    tp_err_t err = __real_tp_open(m, image, n_bytes);
    if (err || !tp_apart) {
        return err;
    }
    if (tp_measure(image, n_bytes, NULL, &sizes) != TP_OK) {
        abort();
    }
    char *starts[] = { m->work, (char *)m->buffer[0], (char *)m->buffer[1], m->image + sizes.image };
    for (int i = 0; i < 3; i++) {
        size_t n = (size_t)(starts[i + 1] - starts[i]);
        free(blocks[i]);
        blocks[i] = malloc(n);
        if (blocks[i] == NULL) {
            abort();
        }
        memset(blocks[i], 0xa5, n);
    }
    m->work = blocks[0];
    m->buffer[0] = blocks[1];
    m->buffer[1] = blocks[2];
    return TP_OK;
}
