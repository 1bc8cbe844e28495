// The yardstick of ../simulation.py: AND gates with inverters over rows of WORDS words, 32 patterns in each.
//
// The rows stay in the cache: there are no more of them than are live at once, and a block of patterns runs through the
// whole circuit before the next. Inputs are copied in for each block, and outputs copied out. A row is made of vectors
// of 512 bits, whatever width the compiler would choose by itself; it halves them for machines that have none.

#include <stdint.h>
#include <string.h>

typedef uint32_t vector __attribute__((vector_size(64)));
enum { VECTORS = WORDS / 16 };

// Rows, and masks that are all zeros or, where there is an inverter, all ones.
typedef struct { int32_t to, a, b; uint32_t not_a, not_b; } gate;
typedef struct { int32_t row; uint32_t inverted; } output;

// words (inputs, k) to result (outputs, k), where k is a multiple of WORDS; row 0 is zeros and is never written.
void simulate(const gate *gates, int64_t n_gates, const int32_t *inputs, int64_t n_inputs, const output *outputs,
              int64_t n_outputs, const uint32_t *words, uint32_t *result, int64_t k, vector *rows) {
    for (int64_t start = 0; start < k; start += WORDS) {
        for (int64_t i = 0; i < n_inputs; i++)
            memcpy(rows + (int64_t)inputs[i] * VECTORS, words + i * k + start, sizeof(vector) * VECTORS);
        for (int64_t i = 0; i < n_gates; i++) {
            const gate g = gates[i];
            vector *to = rows + (int64_t)g.to * VECTORS;
            const vector *a = rows + (int64_t)g.a * VECTORS, *b = rows + (int64_t)g.b * VECTORS;
#pragma GCC unroll 8
            for (int j = 0; j < VECTORS; j++) to[j] = (a[j] ^ g.not_a) & (b[j] ^ g.not_b);
        }
        for (int64_t i = 0; i < n_outputs; i++) {
            const vector *row = rows + (int64_t)outputs[i].row * VECTORS;
            for (int j = 0; j < VECTORS; j++) {
                const vector value = row[j] ^ outputs[i].inverted;
                memcpy(result + i * k + start + 16 * j, &value, sizeof value);
            }
        }
    }
}
