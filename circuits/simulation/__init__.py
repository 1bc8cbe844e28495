"""Circuits run: on rows of bits, on words of 32 patterns, on all of 2^n.

Read in this order: `patterns` (packed bits), `lookup_tables` and `programs` (what a circuit is lowered to), `simulator`
(the loop that runs it), `long_words` (without a compiled program), `calls` (circuits as functions of bits and words),
`truth_tables`, `switching_activity`.
"""
