"""Circuits learned by gradient: networks of logic gates, hardened, proved and written to files.

The method, differentiable logic gate networks (F. Petersen and others, 2022), is described as patent pending by its
authors. Read: `parametrisations` (what the numbers of a gate mean), `gate_wirings`, `gate_layers` (with their own
derivative), `gate_structures` (what networks of gates and chains of them have in common), `layered_gates`,
`logic_gate_networks`, `chosen_wires` (that become fixed), `tree_layers` and `logic_tree_convolutions` (on images),
`class_outputs` (counts and arg max as gates), `hardened_circuits`, `packed_inference` (Boolean rows in, classes out),
`certified_files`, `difflogic_checkpoints` (of PyTorch); `gate_statistics`, `gate_pictures`, `joint_networks` (several
that train as one), `gate_records` (as a file holds them), `class_formulas`, `table_parts`, `table_learning`.
"""
