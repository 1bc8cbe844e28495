"""What one step of learning does: losses (eq. 10), and rules that lower them or need none.

Read in this order: `losses`, `cross_entropies`, `weighted_means`, `rules` (the step along the gradient),
`loss_signatures` (how a loss is called), `averaging` (the parameters to predict with), `descent` (any loss with any
optimiser of Optax), `plasticity` (perceptron, delta, Hebb, Oja), `separability` (what one unit can learn, with a
proof), `boolean_units` (networks that learn to be circuits).
"""
