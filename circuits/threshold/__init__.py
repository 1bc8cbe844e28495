"""Threshold logic: the Boolean neuron, and circuits of it.

Read in this order: `units` (one neuron), `threshold_circuits` (wired together), `gate_conversion` (gates to units, and
units to gates), `constructions` (parity).
"""
