"""Threshold logic: the Boolean neuron, and circuits of it.

Read in this order: `units` (one neuron), `threshold_circuits` (wired together), `layered_circuits` (each layer reads
the one before), `gate_conversion` (gates to units, and units to gates), `unit_proofs` (does a circuit compute a unit),
`symmetric_functions` (parity and its kind), `constructions` (adders, multiplexers, normal forms), `packed_tables` (Chow
parameters and symmetries), `minimal_weights` (of at most 7 inputs, by look-up), `trades` (proofs of refusal and of
minimality), `desirability` (the order of variables), `exact_simplex`, `weight_programs` (least weights), `recognition`
(a table as one unit), `propositions` (a unit as a formula), `self_dual_levels` (from one self-dual class to the next),
`enumeration` (all threshold functions of n variables, counted), `long_count` (the same for hours), `weight_sums` (how
large weights must be), `minimal_networks` (the fewest units for any four inputs), `network_search` (how they are
found), `two_unit_search` (what two units compute of five).
"""
