"""From circuits to networks and back, with certificates that say what is guaranteed on which inputs.

To a network: `certificates` (a claim, and its check in integers), `compilation` (networks of circuits). From one:
`domains` (the rows that matter) and `encodings` (of tables); `network_units` (what a network is made of),
`rounding_bounds`, `hardening` (steps for sigmoids), `domain_circuits` (circuits of values); `row_decisions` (every row
decided), `relaxations` (lines for curves) and `branch_and_bound` (where rows are too many); `searched_claims`,
`extraction_certificates`, `extraction`; and a second check that needs NumPy alone: `interval_networks`,
`extraction_checker`.
"""
