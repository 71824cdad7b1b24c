// Learns with an image that is exactly as large as planned, for the sanitizers to watch, and sees a byte less refused.
//     run_image FILE     the image before tp_init; inputs are bytes, there are classes
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core.h"

#define SAMPLES 5

static void check(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "wrong: %s\n", what);
        exit(1);
    }
}

static void *block(size_t n) {
    void *bytes = malloc(n);
    check(bytes != NULL, "memory");
    return bytes;
}

int main(int n_arguments, char **arguments) {
    check(n_arguments == 2, "usage");
    FILE *file = fopen(arguments[1], "rb");
    check(file && fseek(file, 0, SEEK_END) == 0, "file");
    size_t n = (size_t)ftell(file);
    uint8_t *image = block(n);
    rewind(file);
    check(fread(image, 1, n, file) == n, "file");
    fclose(file);
    check(tp_init(image, n, 1) == TP_OK, "init");
    tp_model_t m;
    check(tp_open(&m, image, n) == TP_OK, "open");
    size_t n_in = m.layers->n_in, n_out = m.output->n_out;
    tp_values_t x = { block(SAMPLES * n_in), SAMPLES * n_in, 'B' }, y = { block(SAMPLES), SAMPLES, 'B' };
    tp_values_t floats = { block(4 * n_in), n_in, 'f' }, one = { x.items, n_in, 'B' };
    tp_values_t scores = { block(4 * n_out), n_out, 'f' };
    uint32_t random = 1;
    for (size_t i = 0; i < SAMPLES * n_in; i++) {
        uint32_t v = tp_random(&random);
        ((uint8_t *)(uintptr_t)x.items)[i] = (uint8_t)(v & 0x300 ? v : 0);
        uint32_t whole = tp_float_from_fixed((int32_t)(v & 255), 0);
        memcpy((char *)(uintptr_t)floats.items + 4 * (i % n_in), &whole, 4);
    }
    for (size_t i = 0; i < SAMPLES; i++) {
        ((uint8_t *)(uintptr_t)y.items)[i] = (uint8_t)(i % n_out);
    }
    for (int rounds = 0; rounds < 2; rounds++) {
        check(tp_run(image, n, &x, &y, SAMPLES, 0, SAMPLES, 1) >= 0, "learn");
        check(tp_run(image, n, &floats, &y, 1, 0, 1, 1) < 0, "as many x as y");
        y.n = 1;
        check(tp_run(image, n, &floats, &y, 1, 0, 1, 1) >= 0, "learn from floats");
        y.n = SAMPLES;
        check(tp_run(image, n, &x, &y, SAMPLES, 0, SAMPLES, 0) >= 0, "evaluate");
        check(tp_predict(image, n, &one, &scores) >= 0, "predict");
    }
    uint8_t *less = block(n - 1);
    memcpy(less, image, n - 1);
    check(tp_run(less, n - 1, &x, &y, SAMPLES, 0, SAMPLES, 1) == TP_E_IMAGE, "a byte less");
    return 0;
}
