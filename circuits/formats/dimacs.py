"""A question about a circuit as DIMACS text, for SAT solvers; `circuits.verification.cnf` makes its clauses."""

from circuits.verification.cnf import dimacs_text as dumps

__all__ = ["dumps"]
