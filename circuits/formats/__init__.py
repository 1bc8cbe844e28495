"""Circuits on file.

Read in this order: `files` (read and write, by the file's extension), `nets` and `gate_lists` (what readers of
netlists build), `lines`, `naming`, `renaming` and `zipped_files`; then one module or family of modules per format:
`bench`, `blif`, `pla` and `pla_rows`, `aiger`, `verilog`, `th`; `dimacs` and `dot` only write. C: `c_functions`,
`c_statements`, `c_packing`, and the check that compiles it, `c_checks` and `c_calls`. Libraries of cells:
`cell_functions`, `cells`, `genlib`, `liberty`, `cell_libraries`.
"""
