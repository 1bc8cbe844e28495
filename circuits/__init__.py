"""Boolean circuits, circuits of threshold units, and the bridge between them and networks.

The rooms: `library` (circuits for any width), `units` (single threshold units), `threshold_circuits`, `formats`.
"""

from importlib.resources import files as _files

from circuits import library as library
from circuits import threshold_circuits as threshold_circuits
from circuits import units as units
from circuits.activities import Activity as Activity
from circuits.activities import activity as activity
from circuits.comparison import Comparison as Comparison
from circuits.comparison import compare as compare
from circuits.compilation import CompiledCircuit as CompiledCircuit
from circuits.compilation import to_network as to_network
from circuits.equivalence import Counterexample as Counterexample
from circuits.equivalence import Equivalent as Equivalent
from circuits.equivalence import equivalent as equivalent
from circuits.errors import ParseError as ParseError
from circuits.expansion import to_circuit as to_circuit
from circuits.expressions import parse as parse
from circuits.formats import dumps as dumps
from circuits.formats import loads as loads
from circuits.formats import read as read
from circuits.formats import write as write
from circuits.library import maj as maj
from circuits.library import mux as mux
from circuits.measures import Statistics as Statistics
from circuits.measures import statistics as statistics
from circuits.miters import miter as miter
from circuits.netlist import Circuit as Circuit
from circuits.netlist import depth as depth
from circuits.optimisation import optimise as optimise
from circuits.patterns import exhaustive_patterns as exhaustive_patterns
from circuits.patterns import pack as pack
from circuits.patterns import random_patterns as random_patterns
from circuits.patterns import unpack as unpack
from circuits.satisfiability import Satisfiable as Satisfiable
from circuits.satisfiability import Undecided as Undecided
from circuits.satisfiability import Unsatisfiable as Unsatisfiable
from circuits.satisfiability import count_models as count_models
from circuits.satisfiability import satisfiable as satisfiable
from circuits.simplification import simplify as simplify
from circuits.simulation import evaluate as evaluate
from circuits.simulation import simulate as simulate
from circuits.threshold_circuits import ThresholdCircuit as ThresholdCircuit
from circuits.tracing import trace as trace
from circuits.truth_tables import from_truth_table as from_truth_table
from circuits.truth_tables import rows as rows
from circuits.truth_tables import truth_table as truth_table
from circuits.units import ThresholdUnit as ThresholdUnit

# The ISCAS-85 netlist c17, which comes with the package.
c17_path = str(_files("circuits") / "data" / "c17.bench")
