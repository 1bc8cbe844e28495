"""Boolean neurons against sigmoid networks: one function, three readings.

Read in this order: `comparison`, `tables`, `figures`.
"""
