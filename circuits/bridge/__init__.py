"""From circuits to networks, with a bound that a theorem gives.

Read `compilation`.
"""
