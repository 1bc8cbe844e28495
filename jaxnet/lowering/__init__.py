"""How XLA is made to run small programs fast, whatever they compute.

Read in this order: `jaxprs` (a traced program, walked over), `native_loops` (a loop as one native function),
`last_axis` (many members along the last axis of every array), `owned_programs` (compiled for a function, and freed
with it), `threefry` (random numbers of `jax.random` that compile fast).
"""
