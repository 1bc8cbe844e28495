"""Boolean neurons against sigmoid networks: one function, three readings.

Read in this order: `learned_networks`, `comparison`, `tables`, `figures`.
"""
