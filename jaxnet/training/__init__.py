"""A whole training run: compiled, driven, kept on file.

Read in this order: `loop` (one compiled, pure function), `run_state` (what a run has made so far), `batches` (from an
iterator), `checkpoints`, `fitting` (the driver), `ensembles` (many runs at once).
"""
