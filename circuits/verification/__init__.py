"""Questions about circuits, with proofs: is an output ever 1, are two circuits equal, for how many inputs is it 1.

Read in this order: `miters` (two circuits as one question), `cnf` (a question as clauses), `drat` (proofs and their
checker), `answers`, `xor_and_graphs`, `structural_hashing`, `local_functions`, `sat_queries`, `sweeping`;
`hashed_graphs`, `adders` and `algebraic_rewriting` (sums and products of numbers), `partial_sums` (is an output a
function of one weighted sum); `satisfiability`; `port_names`, `port_classes` and `matching` (which ports belong
together), `equivalence`, `model_counting`.
"""
