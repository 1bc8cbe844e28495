"""Threshold logic: the Boolean neuron, and circuits of it.

Read in this order: `units`, `threshold_circuits`, `gate_conversion` (gates to units and back), `constructions`.
"""
