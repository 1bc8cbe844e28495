"""From circuits to networks, with a bound that a theorem gives; and back, with what is proved on which inputs.

Read `compilation`; then `domains` and `encodings`.
"""
