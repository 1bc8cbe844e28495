"""From circuits to networks, with a bound that a theorem gives, and a certificate of what float32 makes of it.

Read in this order: `certificates` (a claim, and its check in integers), `compilation` (networks of circuits).
"""
