"""A whole training run: compiled, driven, kept on file.

Read in this order: `step_counts` (steps and epochs, checked), `loop` (one compiled, pure function), `batches` (from an
iterator), `checkpoint_files` (whole or refused), `checkpoint_leaves`, `saved_networks`, `checkpoints`, `run_state`
(what a run has made so far), `chunks` (its steps between two evaluations), `fitting` (the driver), `ensembles` (many
runs at once).
"""
