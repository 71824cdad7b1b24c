// Calls on a model that comes in the midst of another call on it, from a signal handler or from other threads.
//     nested_calls signals SAMPLES | threads SAMPLES
// Prints how many calls were refused, and ends with an error if one of them changed anything.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "core.h"

#define N_IN 256
#define THREADS 3

static uint8_t *image;
static size_t n_image;
static long n_samples;
static volatile long n_refused, n_done;

static void check(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "wrong: %s\n", what);
        exit(1);
    }
}

static tp_layer_spec_t dense(uint8_t activation, uint16_t units) {
    return (tp_layer_spec_t) { .kind = TP_DENSE, .activation = activation, .trainable = 1, .units = units };
}

static uint8_t *new_model(void) {
    struct {
        tp_model_spec_t model;
        tp_layer_spec_t layers[2];
    } spec = { { .magic = TP_MAGIC,
                   .version = TP_VERSION,
                   .n_layers = 2,
                   .in_h = 1,
                   .in_w = 1,
                   .in_c = N_IN,
                   .zeta = 1 << 15,
                   .lr_mantissa = 20,
                   .lr_shift = 10 },
        { dense(TP_RELU, 100), dense(TP_LINEAR, 10) } };
    tp_shape_t shapes[2];
    int32_t n = tp_layout(&spec, sizeof(spec), shapes, 2);
    check(n > 0, "layout");
    n_image = (size_t)n;
    uint8_t *model = aligned_alloc(64, (n_image + 63) & ~(size_t)63);
    check(model != NULL, "memory");
    memset(model, 0, n_image);
    memcpy(model, &spec, sizeof(spec));
    check(tp_init(model, n_image, 1) == TP_OK, "init");
    return model;
}

static int learn(uint8_t *model, uint32_t sample) {
    uint8_t x[N_IN];
    int32_t y = (int32_t)(sample % 10);
    for (size_t i = 0; i < N_IN; i++) {
        x[i] = (uint8_t)(sample * (i + 7) >> 2);
    }
    tp_values_t xs = { x, N_IN, 'B' }, ys = { &y, 1, 'i' };
    return tp_run(model, n_image, &xs, &ys, 1, 0, 1, 1);
}

// As an interrupt: whatever it finds, it must not disturb.
static void interrupt(int signal) {
    static const uint8_t x[N_IN];
    tp_values_t xs = { x, N_IN, 'B' };
    (void)signal;
    int result = tp_predict(image, n_image, &xs, NULL);
    n_done++;
    if (result == TP_E_BUSY) {
        n_refused++;
        check(learn(image, 0) == TP_E_BUSY, "learn");
        check(tp_hold(image, n_image) == TP_E_BUSY, "hold");
        check(tp_init(image, n_image, 1) == TP_E_BUSY, "init");
    } else {
        check(result >= 0, "predict");
    }
}

static void with_signals(void) {
    uint8_t *alone = new_model();
    image = new_model();
    for (long i = 0; i < n_samples; i++) {
        check(learn(alone, (uint32_t)i) >= 0, "learn alone");
    }
    struct sigaction action = { .sa_handler = interrupt };
    struct itimerval every = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    for (long i = 0; i < n_samples; i++) {
        check(learn(image, (uint32_t)i) >= 0, "learn");
    }
    setitimer(ITIMER_REAL, &never, NULL);
    size_t n_saved = ((tp_model_spec_t *)image)->saved_bytes;
    check(memcmp(alone, image, n_saved) == 0, "a refused call changed the model");
}

static void *thread(void *argument) {
    long done = 0, refused = 0;
    (void)argument;
    while (done < n_samples) {
        int result = learn(image, (uint32_t)done);
        check(result >= 0 || result == TP_E_BUSY, "learn");
        done += result >= 0;
        refused += result < 0;
    }
    __atomic_fetch_add(&n_refused, refused, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&n_done, done, __ATOMIC_SEQ_CST);
    return NULL;
}

static void with_threads(void) {
    pthread_t threads[THREADS];
    tp_model_t m;
    image = new_model();
    for (int i = 0; i < THREADS; i++) {
        check(pthread_create(&threads[i], NULL, thread, NULL) == 0, "thread");
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    check(tp_open(&m, image, n_image) == TP_OK, "open");
    check(m.state->steps == (uint64_t)(THREADS * n_samples), "a step was lost");
}

int main(int n_arguments, char **arguments) {
    check(n_arguments == 3, "usage");
    n_samples = atol(arguments[2]);
    (strcmp(arguments[1], "signals") == 0 ? with_signals : with_threads)();
    check(((tp_model_spec_t *)image)->busy == 0, "busy in the end");
    printf("%ld done, %ld refused\n", n_done, n_refused);
    return 0;
}
