"""Networks as graphs: how their nodes are connected.

Read in this order: `graphs`, `network_measures`, `rewiring` (random graphs of the same degrees), `rich_club`.
"""
