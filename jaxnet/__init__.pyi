"""What `import jaxnet` gives: the API, a name in each line, and the module that it comes from.

Type checkers read this file, and `__init__.py` reads it too: a module is imported when one of its names is used.
"""

from jaxnet import connectivity as connectivity
from jaxnet import devices as devices
from jaxnet import differentiation as differentiation
from jaxnet import learning as learning
from jaxnet import lowering as lowering
from jaxnet import networks as networks
from jaxnet import training as training
from jaxnet.answers import Undecided as Undecided
from jaxnet.connectivity.graphs import Graph as Graph
from jaxnet.connectivity.network_measures import degrees as degrees
from jaxnet.connectivity.network_measures import density as density
from jaxnet.connectivity.network_measures import depth as depth
from jaxnet.connectivity.network_measures import fan_in as fan_in
from jaxnet.connectivity.network_measures import fan_out as fan_out
from jaxnet.connectivity.rewiring import Rewired as Rewired
from jaxnet.connectivity.rewiring import rewire as rewire
from jaxnet.connectivity.rich_club import RichClub as RichClub
from jaxnet.connectivity.rich_club import normalised_rich_club as normalised_rich_club
from jaxnet.connectivity.rich_club import rich_club_coefficient as rich_club_coefficient
from jaxnet.connectivity.rich_club import rich_club_members as rich_club_members
from jaxnet.devices.process_data import from_parts as from_parts
from jaxnet.devices.process_data import own_part as own_part
from jaxnet.devices.processes import ProcessLostError as ProcessLostError
from jaxnet.devices.processes import join_processes as join_processes
from jaxnet.devices.sharding import place as place
from jaxnet.differentiation.backpropagation import Backprop as Backprop
from jaxnet.differentiation.backpropagation import backprop as backprop
from jaxnet.differentiation.backpropagation import per_example_gradient_norms as per_example_gradient_norms
from jaxnet.differentiation.backpropagation import per_example_gradients as per_example_gradients
from jaxnet.differentiation.derivatives import partials as partials
from jaxnet.differentiation.gradient_checks import GradientCheck as GradientCheck
from jaxnet.differentiation.gradient_checks import GradientRow as GradientRow
from jaxnet.differentiation.gradient_checks import check_gradients as check_gradients
from jaxnet.learning.boolean_units import anneal_gain as anneal_gain
from jaxnet.learning.boolean_units import integer_penalty as integer_penalty
from jaxnet.learning.boolean_units import margin_penalty as margin_penalty
from jaxnet.learning.cross_entropies import binary_cross_entropy as binary_cross_entropy
from jaxnet.learning.cross_entropies import (
    binary_cross_entropy_from_probabilities as binary_cross_entropy_from_probabilities,
)
from jaxnet.learning.cross_entropies import softmax_cross_entropy as softmax_cross_entropy
from jaxnet.learning.cross_entropies import (
    softmax_cross_entropy_from_probabilities as softmax_cross_entropy_from_probabilities,
)
from jaxnet.learning.cross_entropies import (
    softmax_cross_entropy_with_integer_labels as softmax_cross_entropy_with_integer_labels,
)
from jaxnet.learning.descent import DescentState as DescentState
from jaxnet.learning.descent import gradient_descent as gradient_descent
from jaxnet.learning.losses import absolute_error as absolute_error
from jaxnet.learning.losses import hinge as hinge
from jaxnet.learning.losses import huber as huber
from jaxnet.learning.losses import squared_error as squared_error
from jaxnet.learning.plasticity import PerceptronState as PerceptronState
from jaxnet.learning.plasticity import PlasticState as PlasticState
from jaxnet.learning.plasticity import delta as delta
from jaxnet.learning.plasticity import hebb as hebb
from jaxnet.learning.plasticity import oja as oja
from jaxnet.learning.plasticity import perceptron as perceptron
from jaxnet.learning.rules import Rule as Rule
from jaxnet.learning.rules import sgd_step as sgd_step
from jaxnet.learning.separability import Inseparable as Inseparable
from jaxnet.learning.separability import Separable as Separable
from jaxnet.learning.separability import SeparationUndecided as SeparationUndecided
from jaxnet.learning.separability import margin as margin
from jaxnet.learning.separability import mistake_bound as mistake_bound
from jaxnet.learning.separability import proves_inseparable as proves_inseparable
from jaxnet.learning.separability import separate as separate
from jaxnet.learning.weighted_means import masked_mean as masked_mean
from jaxnet.learning.weighted_means import weighted_mean as weighted_mean
from jaxnet.network_pictures import draw_network as draw_network
from jaxnet.networks.activations import PerUnit as PerUnit
from jaxnet.networks.activations import SurrogateStep as SurrogateStep
from jaxnet.networks.activations import clipped_straight_through_step as clipped_straight_through_step
from jaxnet.networks.activations import elu as elu
from jaxnet.networks.activations import gelu as gelu
from jaxnet.networks.activations import identity as identity
from jaxnet.networks.activations import leaky_relu as leaky_relu
from jaxnet.networks.activations import per_unit as per_unit
from jaxnet.networks.activations import relu as relu
from jaxnet.networks.activations import sigmoid as sigmoid
from jaxnet.networks.activations import silu as silu
from jaxnet.networks.activations import softplus as softplus
from jaxnet.networks.activations import step as step
from jaxnet.networks.activations import straight_through_step as straight_through_step
from jaxnet.networks.activations import surrogate_step as surrogate_step
from jaxnet.networks.activations import tanh as tanh
from jaxnet.networks.composition import Dag as Dag
from jaxnet.networks.composition import dag as dag
from jaxnet.networks.conversion import as_mlp as as_mlp
from jaxnet.networks.conversion import as_wired as as_wired
from jaxnet.networks.evaluation import Wired as Wired
from jaxnet.networks.evaluation import evaluate as evaluate
from jaxnet.networks.evaluation import unit_deltas as unit_deltas
from jaxnet.networks.evaluation import unit_sums as unit_sums
from jaxnet.networks.evaluation import wired as wired
from jaxnet.networks.layers import chain as chain
from jaxnet.networks.layers import default_weights as default_weights
from jaxnet.networks.layers import layer as layer
from jaxnet.networks.layers import mlp as mlp
from jaxnet.networks.level_schedules import LevelSchedule as LevelSchedule
from jaxnet.networks.level_schedules import level_schedule as level_schedule
from jaxnet.networks.network import Chain as Chain
from jaxnet.networks.network import Layer as Layer
from jaxnet.networks.network import Network as Network
from jaxnet.networks.summaries import Summary as Summary
from jaxnet.networks.summaries import SummaryRow as SummaryRow
from jaxnet.networks.summaries import summary as summary
from jaxnet.networks.units import Neuron as Neuron
from jaxnet.networks.units import neuron as neuron
from jaxnet.networks.units import pre_activation as pre_activation
from jaxnet.networks.units import sample as sample
from jaxnet.networks.wiring import Wiring as Wiring
from jaxnet.plots import draw_confusion_matrix as draw_confusion_matrix
from jaxnet.plots import draw_learning_curves as draw_learning_curves
from jaxnet.plots import draw_rich_club as draw_rich_club
from jaxnet.training.checkpoints import CheckpointError as CheckpointError
from jaxnet.training.checkpoints import load as load
from jaxnet.training.checkpoints import read_header as read_header
from jaxnet.training.checkpoints import save as save
from jaxnet.training.ensembles import ensemble as ensemble
from jaxnet.training.ensembles import train_ensemble as train_ensemble
from jaxnet.training.fitting import fit as fit
from jaxnet.training.loop import train as train
from jaxnet.training.run_state import DivergedError as DivergedError
from jaxnet.training.run_state import Run as Run
from jaxnet.training.saved_networks import load_network as load_network
from jaxnet.validation import ShapeError as ShapeError

__version__: str
__all__: list[str]
