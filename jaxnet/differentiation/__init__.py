"""Partial derivatives (eq. 9): as functions, by backpropagation written out, and checked by differences.

Read in this order: `derivatives`, `backpropagation`; then `finite_differences`, `perturbed_values` and
`gradient_checks`. `complex_parts` is for complex parameters.
"""
