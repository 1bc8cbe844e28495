"""From circuits to networks and back: the circuit that is read out of each network is proved equal to the file.

`python benchmarks/round_trip.py [FILE ...]`; without files, every combinational circuit of ISCAS-85, EPFL and MCNC of
up to 20,000 gates in the folder that JAXNET_DATA names. Each becomes a network of steps and one of sigmoids (error
0.1), gate by gate, and with `--tanh` one of tanhs (0.2). The error is the one that the certificate proves, beside the
largest that was measured on 1,024 random rows. A circuit is read out of the parameters alone, and proved equal to the
file. Seconds are of CPU.
"""

import argparse
import os
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

import circuits
import jaxnet

DATA = Path(os.environ.get("JAXNET_DATA", Path(__file__).parents[2] / "shared" / "data"), "circuits")
PLACES = ("iscas85/bench/*.bench", "iscas85/aig/*.aig", "epfl/aig/*.aig", "mcnc/blif/*.blif")
KINDS = {"steps": (jaxnet.step, None), "sigmoid": (jaxnet.sigmoid, 0.1), "tanh": (jaxnet.tanh, 0.2)}
MOST_GATES, ROWS = 20_000, 1024


def measured_error(compiled: circuits.CompiledCircuit, rows: np.ndarray) -> float:
    """Return the largest distance of an output from its Boolean value."""
    y = np.asarray(circuits.evaluate(compiled.circuit, rows), float)
    if compiled.activation is jaxnet.tanh:
        y = 2 * y - 1
    found = compiled.network.apply(compiled.params, jnp.asarray(rows, jnp.float32))
    return float(np.abs(np.asarray(found) - y).max(initial=0))


def there_and_back(circuit: circuits.Circuit, kind: str) -> tuple[str, bool]:
    """Return the row of a table for one kind of network, and whether the circle was closed with a proof."""
    activation, error = KINDS[kind]
    random = np.random.default_rng(0)
    rows = random.random((ROWS, circuit.n_inputs)) < random.choice([0.1, 0.5, 0.9], (ROWS, 1))
    start = time.process_time()
    compiled = circuits.to_network(circuit, activation, error=error)
    proved = compiled.certificate.error
    there = time.process_time() - start
    measured = measured_error(compiled, rows)
    start = time.process_time()
    inputs, outputs = circuit.input_names, circuit.output_names
    found = circuits.from_network(compiled.network, compiled.params, input_names=inputs, output_names=outputs)
    checked = found.certificate.check()
    gates = circuits.to_circuit(found.circuit)
    answer = circuits.equivalent(circuit, gates)
    back = time.process_time() - start
    equal = isinstance(answer, circuits.Equivalent)
    gains = "-" if error is None or not len(compiled.gains) else f"{compiled.gains.max():.2f}"
    row = (
        f"{compiled.circuit.n_units:7,} {kind:8} {gains:>6} {proved:8.5f} {measured:8.5f}  {found.guarantee:12} "
        f"{'yes' if checked else 'NO':7} {f'yes, by {answer.method}' if equal else type(answer).__name__:18} "
        f"{there:6.2f} {back:6.2f}"
    )
    return row, measured <= proved and checked and equal and found.guarantee == "structural"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--tanh", action="store_true", help="networks of tanhs too")
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if kind != "tanh" or options.tanh]
    files = options.files or [path for place in PLACES for path in sorted(DATA.glob(place))]
    start, closed, left, failed = time.perf_counter(), 0, [], []
    print(
        f"{'circuit':22} {'in':>5} {'out':>5} {'gates':>7} {'units':>7} {'kind':8} {'gain':>6} {'proved':>8} "
        f"{'measured':>8}  {'guarantee':12} {'checked':7} {'equal to the file':18} {'there':>6} {'back':>6}"
    )
    bar = tqdm(files, disable=None)
    for path in bar:
        try:
            circuit = circuits.read(path)
        except (circuits.ParseError, OSError, ValueError) as wrong:
            left.append(f"{path.name}: {str(wrong).splitlines()[0]}")
            continue
        if not isinstance(circuit, circuits.Circuit) or circuit.n_gates > MOST_GATES:
            left.append(f"{path.name}: {circuit}")
            continue
        name = f"{path.parent.parent.name}/{path.stem}"
        for kind in kinds:
            try:
                row, good = there_and_back(circuit, kind)
            except Exception as wrong:  # a row that says why, and on to the next
                row, good = f"{kind}: {type(wrong).__name__}: {wrong}", False
            closed, failed = closed + good, failed if good else [*failed, f"{name}, {kind}"]
            bar.write(f"{name[-22:]:22} {circuit.n_inputs:5} {circuit.n_outputs:5} {circuit.n_gates:7,} {row}")
        # Each circuit compiles a program of its own, which no other uses.
        jax.clear_caches()
    seconds = time.perf_counter() - start
    print(f"\n{closed} of {closed + len(failed)} circles closed with a proof, in {seconds:.0f} s")
    print("\n".join([*(f"not closed: {name}" for name in failed), *(f"left out: {reason}" for reason in left)]))
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
