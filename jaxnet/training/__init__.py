"""A whole training run: compiled, driven, kept on file.

Read in this order: `step_counts` (steps and epochs, checked), `example_arrays` (what data may be given as), `loop` (one
compiled, pure function), `batches` (from an iterator or a loader), `checkpoint_files` (whole or refused),
`checkpoint_leaves`, `saved_networks`, `checkpoints`, `run_state` (what a run has made so far), `chunks` (its steps
between two evaluations), `validation_batches` (an evaluation, batch by batch), `fitting` (the driver), `ensembles`
(many runs at once).
"""
