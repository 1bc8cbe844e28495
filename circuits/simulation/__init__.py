"""Circuits run: on rows of bits, on words of 32 patterns, on all of 2^n.

Read in this order: `packing` (32 patterns to a word) and `patterns` (random ones, all of them), `lookup_tables`,
`table_orders`, `gate_kinds` and `programs` (what a circuit is lowered to), `program_loops` (what runs it),
`native_runs` (on CPUs and in which memory), `simulator` (anywhere), `long_words` (without a compiled program), `calls`
(circuits as functions of bits and words), `truth_tables`, `switching_activity`.
"""
