"""From circuits to networks and back, with certificates that say what is guaranteed on which inputs.

To a network: `error_bounds` (the theorem), `certificates` (a claim, and its check in integers), `unit_parameters` (of
sigmoids, tanhs, steps and rectifiers), `compilation` (networks of circuits), `tolerances`. From one: `domains` (the
rows that matter), `table_files`, `thermometers` (where numbers are cut), `encodings` (of tables), `rules` (circuits in
their columns); what a check needs, on NumPy alone: `exact_rows`, `row_checks` (floats, then fractions), `hardening`
(steps for sigmoids), `unit_margins` (where that changes nothing), `dense_levels`, `relaxations` (lines for curves),
`branch_and_bound` (where rows are too many), `claims` (as data), `region_checks`, `extraction_checks`; `network_units`
(what a network is made of), `rounding_bounds`, `domain_circuits` (circuits of values), `row_decisions` (every row
decided), `extraction_certificates`, `extraction`. Both ways: `network_files`.
"""
