"""A random logic gate network, and the C by which difflogic would run it: a line a gate on 64-bit words.

The form of the C is that of F. Petersen and others (2022): one straight function for 64 rows, which are packed before,
and of which the ones are counted after it by loops over single rows.
"""

import numpy as np

import circuits

# A gate by its table: bit r is its value where a + 2b = r.
EXPRESSIONS = (
    "0", "~(a | b)", "a & ~b", "~b", "b & ~a", "~a", "a ^ b", "~(a & b)",
    "a & b", "~(a ^ b)", "a", "a | ~b", "b", "~a | b", "a | b", "~(uint64_t)0",
)  # fmt: skip

SOURCE = """#include <stdint.h>
#include <string.h>

static void network(const uint64_t *x, uint64_t *y) {{
{gates}
}}

void classify(const uint8_t *rows, int32_t *classes, int64_t n_rows) {{
    static uint64_t x[{n}], y[{m}];
    for (int64_t start = 0; start < n_rows; start += 64) {{
        const int64_t here = n_rows - start < 64 ? n_rows - start : 64;
        memset(x, 0, sizeof x);
        for (int64_t j = 0; j < here; j++)
            for (int64_t i = 0; i < {n}; i++) x[i] |= (uint64_t)rows[(start + j) * {n} + i] << j;
        network(x, y);
        for (int64_t j = 0; j < here; j++) {{
            int32_t best = -1, winner = 0;
            for (int32_t c = 0; c < {classes}; c++) {{
                int32_t score = 0;
                for (int64_t i = 0; i < {size}; i++) score += y[c * {size} + i] >> j & 1;
                if (score > best) best = score, winner = c;
            }}
            classes[start + j] = winner;
        }}
    }}
}}
"""


def random_gate_network(n, width, layers, residual, seed=0):
    """Return a circuit of `layers` layers, of whose gates a share `residual` passes its first input on."""
    rng, before, next_node = np.random.default_rng(seed), np.arange(1, n + 1), n + 1
    fan_ins, tables = [], []
    for _ in range(layers):
        first = np.resize(before, width)
        fan_ins.append(np.stack([first, rng.permutation(first)], axis=1))
        tables.append(np.where(rng.random(width) < residual, 0b1010, rng.integers(16, size=width)))
        before = next_node + np.arange(width)
        next_node += width
    names = [f"x[{i}]" for i in range(n)], [f"y[{i}]" for i in range(width)]
    return circuits.Circuit(names[0], np.concatenate(fan_ins), np.concatenate(tables), before, names[1])


def c_source(circuit, classes):
    """Return C that classifies rows of bytes, given a circuit whose outputs are groups, one a class."""
    name = ["0", *(f"x[{i}]" for i in range(circuit.n_inputs)), *(f"g{i}" for i in range(circuit.n_gates))]
    lines = []
    for i, (table, (a, b)) in enumerate(zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True)):
        expression = "".join({"a": name[a], "b": name[b]}.get(part, part) for part in _parts(EXPRESSIONS[table]))
        lines.append(f"    const uint64_t g{i} = {expression};")
    lines += [f"    y[{i}] = {name[node]};" for i, node in enumerate(circuit.outputs.tolist())]
    m = circuit.n_outputs
    return SOURCE.format(gates="\n".join(lines), n=circuit.n_inputs, m=m, classes=classes, size=m // classes)


def _parts(expression):
    return [expression] if "uint64_t" in expression else list(expression)
