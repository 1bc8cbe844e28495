"""Circuits on file.

Read in this order: `files` (read and write, by the file's extension), `nets` (what all readers build), `naming`; then a
module or a family of modules a format: `bench`, `blif`, `pla`, `aiger`, `verilog`, `th`; `dimacs` and `dot` only write.
"""
