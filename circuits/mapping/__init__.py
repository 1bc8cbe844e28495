"""From gates to few threshold units, proved equal; each step is useful alone.

Read in this order: `cuts` (a gate as a table over few nodes), `covering` (which of them are needed), `unit_networks`
(units that change), `merging` (units inside their readers), `fitting` (one unit for given rows), `resubstitution` (a
unit over other nodes nearby), `unit_synthesis` (a table as few units), `refactoring` (cones of units made anew),
`output_tables` (all outputs from their tables), `wide_units` (ANDs as wide as they may be), `portfolio` (all of it).
"""
