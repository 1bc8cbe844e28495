"""Threshold logic: the Boolean neuron, and circuits of it.

Read in this order: `units` (one neuron), `threshold_circuits` (wired together), `gate_conversion` (gates to units, and
units to gates), `symmetric_functions` (parity and its kind), `constructions` (adders, multiplexers, normal forms),
`enumeration` (all threshold functions of n variables, counted).
"""
