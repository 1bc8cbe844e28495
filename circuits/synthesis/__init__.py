"""Fewer gates for the same function.

Read in this order: `simplification` (local rules), `optimisation` (aigverse, and a proof).
"""
