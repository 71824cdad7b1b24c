// A plain loop in floats to compare with: steps of learning of a 64-32-10 network (relu, softmax), one sample at a time.
// Prints how many it does a second.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_IN = 64, N_HIDDEN = 32, N_OUT = 10, SAMPLES = 300 };

static float x[SAMPLES][N_IN];
static int y[SAMPLES];
static float w1[N_HIDDEN][N_IN], b1[N_HIDDEN], w2[N_OUT][N_HIDDEN], b2[N_OUT];

// n numbers, from .. to.
static void fill(float *values, int n, float from, float to) {
    static uint32_t state = 1;
    for (int i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = from + (to - from) * ((float)(state >> 8) / (1 << 24));
    }
}

static float step(const float *in, int target, float lr) {
    float hidden[N_HIDDEN], p[N_OUT], back[N_HIDDEN] = { 0 };
    for (int j = 0; j < N_HIDDEN; j++) {
        float sum = b1[j];
        for (int i = 0; i < N_IN; i++) {
            sum += w1[j][i] * in[i];
        }
        hidden[j] = sum > 0 ? sum : 0;
    }
    float max = -INFINITY, total = 0;
    for (int j = 0; j < N_OUT; j++) {
        p[j] = b2[j];
        for (int i = 0; i < N_HIDDEN; i++) {
            p[j] += w2[j][i] * hidden[i];
        }
        max = p[j] > max ? p[j] : max;
    }
    for (int j = 0; j < N_OUT; j++) {
        p[j] = expf(p[j] - max);
        total += p[j];
    }
    float loss = -logf(p[target] / total);
    for (int j = 0; j < N_OUT; j++) {
        float d = p[j] / total - (j == target);
        b2[j] -= lr * d;
        for (int i = 0; i < N_HIDDEN; i++) {
            back[i] += w2[j][i] * d;
            w2[j][i] -= lr * d * hidden[i];
        }
    }
    for (int j = 0; j < N_HIDDEN; j++) {
        float d = hidden[j] > 0 ? back[j] : 0;
        b1[j] -= lr * d;
        for (int i = 0; i < N_IN; i++) {
            w1[j][i] -= lr * d * in[i];
        }
    }
    return loss;
}

int main(int argc, char **argv) {
    int steps = argc > 1 ? atoi(argv[1]) : 100000;
    static float patterns[N_OUT][N_IN];
    fill(&patterns[0][0], N_OUT * N_IN, 0.1f, 0.9f);
    for (int n = 0; n < SAMPLES; n++) {
        y[n] = n % N_OUT;
        fill(x[n], N_IN, -0.1f, 0.1f);
        for (int i = 0; i < N_IN; i++) {
            x[n][i] += patterns[y[n]][i];
        }
    }
    fill(&w1[0][0], N_HIDDEN * N_IN, -0.3f, 0.3f);
    fill(&w2[0][0], N_OUT * N_HIDDEN, -0.3f, 0.3f);
    float loss = 0;
    clock_t start = clock();
    for (int n = 0; n < steps; n++) {
        loss += step(x[n % SAMPLES], y[n % SAMPLES], 0.03f);
    }
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    printf("%.0f\n", steps / seconds);
    return !(loss / (float)steps < 0.5f);  // it did learn
}
