"""A whole training run: compiled, driven, kept on file.

Read in this order.

- A run as a pure function: `step_counts` (steps and epochs, checked), `example_arrays` (what data may be given as),
  `orders` (which examples a step sees), `loop` (one compiled function).
- Its batches: `streams` (iterators, loaders, functions), `batches` (read from them).
- Its files: `checkpoint_files` (whole or refused), `checkpoint_leaves`, `saved_networks`, `checkpoints` (any tree).
- A run in chunks: `plans` (how it is cut and when it ends), `histories` (tables of metrics, also on file), `run_state`
  (what it has made so far), `run_files` (the same on file), `beginnings` (parameters, a state or a run), `skipping`
  (steps not taken), `chunks` (the steps between two evaluations), `evaluations` (of validation data), `visits` (the
  user's function, the bar), `interrupts` (Ctrl-C), `fitting` (the driver).
- Many runs at once: `ensembles`.
"""
