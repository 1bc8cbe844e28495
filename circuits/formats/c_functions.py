r"""Circuits as C99 functions, one expression a gate, on words of 64 patterns; written, and read back from the code.

As the C of logic gate networks (F. Petersen and others, 2022), but for any circuit and any number of rows.
"""

import json
import re

import numpy as np

from circuits.formats.c_packing import around
from circuits.formats.c_statements import PART, Signature, fault, read_statements, signature, statements
from circuits.gates import essential
from circuits.netlist import Circuit, without_dead_gates
from jaxnet.validation import whole_number

# Keywords of C and C++, names that the file itself uses, and old macros.
_TAKEN = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const
const_cast consteval constexpr constinit continue decltype default delete do double dynamic_cast else enum
explicit export extern false float for friend goto if inline int long main mutable namespace new noexcept not
not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires restrict return
short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try
typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
memcpy size_t uint8_t uint32_t uint64_t in out v linux unix
"""

_HEAD = """/*
 * A Boolean circuit of INPUTS inputs, OUTPUTS outputs and GATES gates.
 *
 * void @_words(const uint64_t *in, uint64_t *out);
 *     64 patterns: bit r of in[i] is input i of pattern r, and bit r of out[j] its output j. in and out do not overlap.
 * void @(const uint8_t *rows, uint8_t *outs, size_t n);
 *     n rows of INPUTS bytes to n rows of OUTPUTS bytes, each 0 or 1; the lowest bit of a byte counts. n is any number.
COUNTS *
 * The functions keep no state and allocate nothing; the stack takes about STACK bytes.
 *
\0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { @_n_inputs = INPUTS, @_n_outputs = OUTPUTS, @_n_groups = GROUPS };

void @_words(const uint64_t *in, uint64_t *out);
void @(const uint8_t *rows, uint8_t *outs, size_t n);
"""
_COUNTS = """ * void @_counts(const uint8_t *rows, uint32_t *counts, size_t n);
 *     n rows to n rows of GROUPS counts: how many of each GROUP outputs in turn are 1.
 * void @_classes(const uint8_t *rows, uint32_t *classes, size_t n);
 *     n rows to the group with the most ones, from 0, the first of the largest.
"""
_COUNTED = """void @_counts(const uint8_t *rows, uint32_t *counts, size_t n);
void @_classes(const uint8_t *rows, uint32_t *classes, size_t n);
"""
# Compilers take more than linear time for long functions, so parts must stay apart.
_APART = """
#if defined(__GNUC__)
#define @_APART __attribute__((noinline))
#elif defined(_MSC_VER)
#define @_APART __declspec(noinline)
#else
#define @_APART
#endif
"""
_TAIL = """
#ifdef __cplusplus
}
#endif
"""


def dumps(circuit: Circuit, *, name: str = "circuit", counts: int | None = None) -> str:
    r"""Write a circuit as C99, which C++ compilers take as well.

    Args:
        circuit: any circuit; its gates that no output depends on are left out.
        name: of the function, and what the names of the others begin with.
        counts: into how many equal groups the outputs are split, whose ones two more functions count.

    Returns:
        Text that `loads` reads as the same function with the same names. It needs no library but `memcpy`.

        - `void NAME_words(const uint64_t *in, uint64_t *out)`: 64 patterns, a bit of a word each.
        - `void NAME(const uint8_t *rows, uint8_t *outs, size_t n)`: any number of rows of bytes.
        - `void NAME_counts(const uint8_t *rows, uint32_t *counts, size_t n)`: ones of each group, with `counts`.
        - `void NAME_classes(const uint8_t *rows, uint32_t *classes, size_t n)`: the group with the most ones.

    Raises:
        ValueError: if the name is no identifier of C and C++, or the outputs do not split into such groups.
        TypeError: if `counts` is no whole number.

    Source: F. Petersen, C. Borgelt, H. Kuehne and O. Deussen, Deep differentiable logic gate networks (2022).

    >>> from circuits import parse
    >>> print(*[line for line in dumps(parse("y = a ^ b")).split("\n") if "const uint64_t n" in line])
        const uint64_t n3 = in[0] ^ in[1];
    """
    if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name)) or name in _TAKEN.split():
        raise ValueError(f"dumps: expected a name that is an identifier of C and C++, got {name!r}.")
    groups = 0 if counts is None else whole_number("dumps", "counts", counts)
    if counts is not None and (groups < 1 or not circuit.n_outputs or circuit.n_outputs % groups):
        raise ValueError(
            f"dumps: expected counts to split {circuit.n_outputs} outputs into equal groups, got {groups}."
        )
    circuit = _plain(circuit)
    body, slots = statements(circuit, name)
    sizes = Signature(name, circuit.n_inputs, circuit.n_outputs, groups)
    before, after = _frame(sizes, circuit, slots)
    return before + body + after


def identifier(text: str) -> str:
    """Return a name for C functions that is as close to a text, such as the name of a file, as C and C++ allow.

    >>> identifier("mnist"), identifier("c17.a"), identifier("class"), identifier("3x")
    ('mnist', 'c17_a', 'circuit_class', 'circuit_3x')
    """
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    if not name[:1].isalpha() or name in _TAKEN.split():
        name = f"circuit_{name}"
    return name[:63]


def loads(text: str, source: str = "c") -> Circuit:
    r"""Read a circuit from C that `dumps` wrote.

    Gates are read from the code. The rest of the file must be what `dumps` writes around these gates, to the letter;
    of comments only the names of inputs and outputs are used.

    Args:
        text: the whole file.
        source: its name, for errors.

    Returns:
        A circuit with a gate per gate of the file.

    Raises:
        ParseError: with the line, if a line is not what `dumps` writes, or uses a value before it is there.

    >>> from circuits import parse
    >>> loads(dumps(parse("y = a ^ b")))
    Circuit(2 inputs, 1 outputs, 1 gates)
    """
    text = text.replace("\r\n", "\n")
    sizes, inputs, outputs = signature(text, source)
    circuit, slots, begin, end = read_statements(text, sizes, inputs, outputs, source)
    before, after = _frame(sizes, circuit, slots)
    lines = text.split("\n")
    for first, expected, found in (
        (1, before.split("\n")[:-1], lines[:begin]),
        (end + 1, after.split("\n"), lines[end:]),
    ):
        for number in range(max(len(expected), len(found))):
            wanted = expected[number] if number < len(expected) else None
            got = found[number] if number < len(found) else None
            if wanted != got:
                raise fault(source, first + number, "the end" if wanted is None else repr(wanted), got)
    return circuit


def _plain(circuit: Circuit) -> Circuit:
    """Return the circuit with gates that read only what they depend on, and none that nothing depends on."""
    fan_ins, tables = np.zeros((circuit.n_gates, 2), np.int32), np.zeros(circuit.n_gates, np.uint8)
    for gate, (table, pair) in enumerate(zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True)):
        tables[gate], operands = essential(table, *pair)
        fan_ins[gate, : len(operands)] = operands
    return without_dead_gates(Circuit(circuit.input_names, fan_ins, tables, circuit.outputs, circuit.output_names))


def _frame(sizes: Signature, circuit: Circuit, slots: int) -> tuple[str, str]:
    """Return what stands before and after the gates."""
    name, n, m, groups = sizes
    ports = [f" * in[{i}] is {_quoted(port)}\n" for i, port in enumerate(circuit.input_names)]
    ports += [f" * out[{i}] is {_quoted(port)}\n" for i, port in enumerate(circuit.output_names)]
    head = _HEAD.replace("COUNTS", _COUNTS if groups else "") + (_COUNTED if groups else "") + _APART
    # Spills of a part are one word a gate at most.
    numbers = {
        "INPUTS": n,
        "OUTPUTS": m,
        "GATES": circuit.n_gates,
        "GROUPS": groups,
        "GROUP": m // groups if groups else 0,
        "STACK": 8 * (n + m + slots + PART) + 1024,
    }
    for word, number in numbers.items():
        head = head.replace(word, str(number))
    head, tail = head.replace("@", name).split("\0")
    return head + "".join(ports) + tail, around(name, n, m, groups) + _TAIL


def _quoted(name: str) -> str:
    """Return a name as a string of JSON in ASCII that neither ends nor begins a comment."""
    return json.dumps(name).replace("/", "\\u002f")
