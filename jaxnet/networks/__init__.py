"""Networks: units, layers, graphs of units (eq. 2-8).

Read in this order: `activations`, `units`, `network` (the contract), `initial_weights`, `layers`, `composition`
(parts by name), `wiring` (large sparse graphs, as arrays), `level_schedules`, `level_loops` and `evaluation` (how
they are run), `conversion` (layers to graphs and back), `summaries`; `records`, `activation_records` and
`network_records` (as a file holds them).
"""
