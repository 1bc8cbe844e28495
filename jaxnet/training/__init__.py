"""A whole training run: compiled, driven, kept on file.

Read in this order: `step_counts` (steps and epochs, checked), `example_arrays` (what data may be given as), `loop` (one
compiled, pure function), `batches` (from an iterator or a loader), `checkpoint_files` (whole or refused),
`checkpoint_leaves`, `saved_networks`, `checkpoints`, `plans` (how a run is cut and when it ends), `histories` (tables
of metrics, also on file), `run_state` (what a run has made so far), `run_files` (the same on file), `beginnings`
(parameters or a state), `chunks` (the steps between two evaluations), `validation_batches` (an evaluation, batch by
batch), `skipping` (steps not taken), `interrupts`, `fitting` (the driver), `ensembles` (many runs at once).
"""
