"""Boolean circuits, circuits of threshold units, and the bridge between them and networks.

Flat in the package: what a circuit is and how one is made: gate by gate (builder.py), composed (composition.py),
traced (bits.py, words.py with arithmetic.py and ports.py, tracing.py), of any width (`library`). The wings, each read
after those before it: `simulation`, `verification`, `threshold`, `formats`, `synthesis`, `mapping`, `bridge`,
`drawing`, `gate_networks`, `study`, `playground`.
"""

from importlib.resources import files as _files
from types import ModuleType as _ModuleType

from circuits import library as library
from circuits import playground as playground
from circuits.bridge.compilation import CompiledCircuit as CompiledCircuit
from circuits.bridge.compilation import to_network as to_network
from circuits.bridge.domain_circuits import circuit_on_domain as circuit_on_domain
from circuits.bridge.domains import Domain as Domain
from circuits.bridge.encodings import Encoding as Encoding
from circuits.bridge.encodings import fit_encoding as fit_encoding
from circuits.bridge.encodings import formula as formula
from circuits.bridge.extraction import Extracted as Extracted
from circuits.bridge.extraction import from_network as from_network
from circuits.bridge.extraction_certificates import ExtractionCertificate as ExtractionCertificate
from circuits.bridge.network_files import NetworkFile as NetworkFile
from circuits.bridge.network_files import read_network as read_network
from circuits.bridge.network_files import write_network as write_network
from circuits.bridge.rules import rule as rule
from circuits.bridge.table_files import read_table as read_table
from circuits.bridge.thermometers import cut_points as cut_points
from circuits.bridge.tolerances import tolerance as tolerance
from circuits.composition import cone as cone
from circuits.composition import connect as connect
from circuits.composition import join as join
from circuits.composition import rename as rename
from circuits.composition import restrict as restrict
from circuits.composition import select as select
from circuits.drawing.cubes import draw_cube as draw_cube
from circuits.drawing.depth_histograms import draw_units_by_depth as draw_units_by_depth
from circuits.drawing.gate_symbols import draw_circuit as draw_circuit
from circuits.drawing.karnaugh_maps import draw_karnaugh_map as draw_karnaugh_map
from circuits.drawing.weight_histograms import draw_weights as draw_weights
from circuits.errors import ParseError as ParseError
from circuits.expressions import parse as parse
from circuits.formats.c_checks import CCheck as CCheck
from circuits.formats.c_checks import check_c as check_c
from circuits.formats.cell_libraries import read_cells as read_cells
from circuits.formats.files import dumps as dumps
from circuits.formats.files import loads as loads
from circuits.formats.files import read as read
from circuits.formats.files import write as write
from circuits.formulas import to_expression as to_expression
from circuits.gate_networks import gate_records as _gate_records  # noqa: F401 - lets jaxnet.save know them
from circuits.gate_networks.certified_files import CertifiedFiles as CertifiedFiles
from circuits.gate_networks.certified_files import certify as certify
from circuits.gate_networks.certified_files import check_certificate as check_certificate
from circuits.gate_networks.chosen_wires import fix_wires as fix_wires
from circuits.gate_networks.difflogic_checkpoints import from_difflogic as from_difflogic
from circuits.gate_networks.gate_pictures import draw_accuracy as draw_accuracy
from circuits.gate_networks.gate_pictures import draw_gate_types as draw_gate_types
from circuits.gate_networks.gate_pictures import draw_input_map as draw_input_map
from circuits.gate_networks.gate_statistics import GateTypes as GateTypes
from circuits.gate_networks.gate_statistics import gate_errors as gate_errors
from circuits.gate_networks.gate_statistics import gate_types as gate_types
from circuits.gate_networks.gate_statistics import input_readers as input_readers
from circuits.gate_networks.hardened_circuits import discretisation_gap as discretisation_gap
from circuits.gate_networks.hardened_circuits import hard_layers as hard_layers
from circuits.gate_networks.hardened_circuits import harden as harden
from circuits.gate_networks.joint_networks import joint_loss as joint_loss
from circuits.gate_networks.joint_networks import joint_outputs as joint_outputs
from circuits.gate_networks.joint_networks import side_by_side as side_by_side
from circuits.gate_networks.joint_networks import split_params as split_params
from circuits.gate_networks.logic_gate_networks import gate_loss as gate_loss
from circuits.gate_networks.logic_gate_networks import gate_network as gate_network
from circuits.gate_networks.logic_gate_networks import gate_outputs as gate_outputs
from circuits.gate_networks.logic_tree_convolutions import logic_convolution as logic_convolution
from circuits.gate_networks.packed_inference import class_scores as class_scores
from circuits.gate_networks.packed_inference import classify as classify
from circuits.gate_networks.table_learning import Learned as Learned
from circuits.gate_networks.table_learning import learn_table as learn_table
from circuits.library import maj as maj
from circuits.library import mux as mux
from circuits.mapping.portfolio import map_to_units as map_to_units
from circuits.measures import Statistics as Statistics
from circuits.measures import statistics as statistics
from circuits.minimal_covers import MinimalCover as MinimalCover
from circuits.minimal_covers import minimal_cover as minimal_cover
from circuits.netlist import Circuit as Circuit
from circuits.netlist import depth as depth
from circuits.registers import unroll as unroll
from circuits.simulation.calls import values as values
from circuits.simulation.packing import pack as pack
from circuits.simulation.packing import unpack as unpack
from circuits.simulation.patterns import exhaustive_patterns as exhaustive_patterns
from circuits.simulation.patterns import random_patterns as random_patterns
from circuits.simulation.simulator import evaluate as evaluate
from circuits.simulation.simulator import simulate as simulate
from circuits.simulation.switching_activity import Activity as Activity
from circuits.simulation.switching_activity import activity as activity
from circuits.simulation.truth_tables import from_truth_table as from_truth_table
from circuits.simulation.truth_tables import rows as rows
from circuits.simulation.truth_tables import truth_table as truth_table
from circuits.study.comparison import Comparison as Comparison
from circuits.study.comparison import compare as compare
from circuits.study.figures import draw_comparison as draw_comparison
from circuits.synthesis.balancing import balance as balance
from circuits.synthesis.optimisation import optimise as optimise
from circuits.synthesis.simplification import simplify as simplify
from circuits.threshold.enumeration import count_threshold_functions as count_threshold_functions
from circuits.threshold.gate_conversion import from_circuit as from_circuit
from circuits.threshold.gate_conversion import from_unit as from_unit
from circuits.threshold.gate_conversion import to_circuit as to_circuit
from circuits.threshold.minimal_networks import minimal_network as minimal_network
from circuits.threshold.packed_tables import chow_parameters as chow_parameters
from circuits.threshold.packed_tables import influence as influence
from circuits.threshold.packed_tables import npn as npn
from circuits.threshold.packed_tables import pack_tables as pack_tables
from circuits.threshold.packed_tables import symmetric_variables as symmetric_variables
from circuits.threshold.packed_tables import unate as unate
from circuits.threshold.packed_tables import unpack_tables as unpack_tables
from circuits.threshold.propositions import proposition as proposition
from circuits.threshold.recognition import Minimality as Minimality
from circuits.threshold.recognition import NotThreshold as NotThreshold
from circuits.threshold.recognition import Recognised as Recognised
from circuits.threshold.recognition import minimality as minimality
from circuits.threshold.recognition import recognise as recognise
from circuits.threshold.threshold_circuits import ThresholdCircuit as ThresholdCircuit
from circuits.threshold.trades import MinimalSum as MinimalSum
from circuits.threshold.trades import TradingTransform as TradingTransform
from circuits.threshold.unit_proofs import prove_unit as prove_unit
from circuits.threshold.units import ThresholdUnit as ThresholdUnit
from circuits.threshold.weight_sums import largest_weight_sum as largest_weight_sum
from circuits.tracing import trace as trace
from circuits.verification.answers import Counterexample as Counterexample
from circuits.verification.answers import Equivalent as Equivalent
from circuits.verification.answers import Satisfiable as Satisfiable
from circuits.verification.answers import Unsatisfiable as Unsatisfiable
from circuits.verification.equivalence import equivalent as equivalent
from circuits.verification.miters import miter as miter
from circuits.verification.model_counting import count_models as count_models
from circuits.verification.satisfiability import satisfiable as satisfiable
from circuits.words import Word as Word
from circuits.words import concat as concat
from jaxnet import __version__ as __version__
from jaxnet.answers import Undecided as Undecided

# The ISCAS-85 netlist c17, which comes with the package.
c17_path = str(_files("circuits") / "data" / "c17.bench")

_WINGS = (
    "simulation",
    "verification",
    "threshold",
    "formats",
    "synthesis",
    "mapping",
    "bridge",
    "drawing",
    "gate_networks",
    "study",
    "playground",
)


def __dir__() -> list[str]:
    """Return the API and the wings; files that happen to be loaded are left out."""
    api = (name for name, value in globals().items() if not (name.startswith("_") or isinstance(value, _ModuleType)))
    return sorted([*api, "library", *_WINGS, "__version__"])
