"""Fewer gates for the same function.

Read in this order: `simplification` (local rules), `wide_gates` (trees of gates as one), `balancing` (shallow trees),
`optimisation` (aigverse, and a proof).
"""
