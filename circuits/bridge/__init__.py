"""From circuits to networks, with a bound that a theorem gives; and back, with what is proved on which inputs.

Read `compilation`. Then `domains` and `encodings`; `network_units`, `rounding_bounds`, `hardening`, `domain_circuits`;
`row_decisions`, `extraction_certificates`, `extraction`.
"""
