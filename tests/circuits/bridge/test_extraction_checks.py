"""Altered certificates: each is refused, or what it says now is true, by brute force; a check without JAX."""

import copy
import itertools
import json
import subprocess
import sys
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.exact_networks import FUNCTIONS, by_definition, exact_units

from circuits import evaluate, rows
from circuits.bridge import extraction_checks
from circuits.bridge.domains import Domain
from circuits.bridge.exact_rows import Reading
from circuits.bridge.extraction import from_network
from circuits.bridge.extraction_certificates import ExtractionCertificate, circuit_of, digest_of
from circuits.bridge.network_units import NetworkUnits
from jaxnet import Neuron, identity, mlp, per_unit, relu, sigmoid, step, tanh, wired
from jaxnet.networks.wiring import Wiring


def network(sizes, activations, seed, scale=2, rounded=False):
    random = np.random.default_rng(seed)
    layers = [(scale * random.normal(size=(m, n)), scale * random.normal(size=m)) for n, m in itertools.pairwise(sizes)]
    layers = [tuple(np.round(x) if rounded else x for x in layer) for layer in layers]
    params = tuple(Neuron(jnp.asarray(w, jnp.float32), jnp.asarray(b, jnp.float32)) for w, b in layers)
    return mlp(sizes, activations), params


def extracted():
    """Certificates of every guarantee and method, of every kind of unit, reading and domain."""
    one_hot = Domain.one_hot([2]) * Domain.thermometer([1]) * Domain.listed([[0], [1]])
    net, params = network([4, 3, 1], [sigmoid, sigmoid], 0)
    yield net, params, from_network(net, params, one_hot)
    yield net, params, from_network(net, params, want="functional")
    net, params = network([3, 3, 2], [step, step], 1)
    yield net, params, from_network(net, params, Domain.around([0, 1, 1], [0, 2]))
    net, params = network([3, 3, 2], [relu, identity], 2)
    yield net, params, from_network(net, params, threshold=0.5)
    net, params = network([3, 3, 3], [tanh, tanh], 3)
    yield net, params, from_network(net, params, read="argmax")
    net, params = network([3, 3, 1], [sigmoid, identity], 4, 1, rounded=True)
    yield net, params, from_network(net, params, input_names="abc")
    wiring = Wiring(3, [0, 3, 6], [0, 1, 2, 3, 3, 2], [1, 4])
    net = wired(wiring, per_unit([step, sigmoid]))
    params = Neuron(jnp.array([1.0, 2.0, -1.0, 1.0, -2.5, 1.0]), jnp.array([-1.5, 0.0]))
    yield net, params, from_network(net, params)
    net, params = network([3, 3, 1], [sigmoid, sigmoid], 7)
    yield net, params, from_network(net, params)
    net, params = network([40, 2, 1], [sigmoid, sigmoid], 1)
    yield net, params, from_network(net, params, Domain.cube(30) * Domain.around([0] * 10, []), samples=50)


@pytest.fixture(scope="module")
def certificates():
    return [(net, params, found.certificate) for net, params, found in extracted()]


def test_there_is_one_of_every_claim(certificates):
    said = {(c.data["guarantee"], c.data["method"], bool(c.data["refitted"])) for _, _, c in certificates}
    assert said == {
        ("structural", "exact integers", False),
        ("structural", "all rows", False),
        ("structural", "all rows", True),
        ("functional", "all rows", False),
        ("statistical", "samples", False),
    }
    for net, params, certificate in certificates:
        assert list(certificate.faults()) == []
        assert certificate.is_of(net, params)
        assert is_true(certificate.data)


def places(data, path=()):
    """All places in nested data but the digest."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if path or key != "digest":
            yield (*path, key)
            yield from places(value, (*path, key))


def another(value, random):
    """Another value, mostly of the same type."""
    match value:
        case bool() | None:
            return random.choice([0, 0.0, "", 1e-3]).item()
        case int():
            return int(
                random.choice(
                    [value - 1, value + 1, -value, value ^ 1, value ^ 2, value ^ 8, 0, 2**70 % (value + 2**31)]
                )
            )
        case float():
            options = [-value, value * 2, value / 2, value + 1, 0.0, float(np.nextafter(value, 9)), float("inf")]
            return options[random.integers(len(options))]
        case str():
            names = [
                "structural",
                "functional",
                "statistical",
                "all rows",
                "samples",
                "exact integers",
                "bits",
                "argmax",
            ]
            names += [*FUNCTIONS, "float32", "float64", "gates", "units", "x0", "y", "bit", "one-hot", "rows", "", "01"]
            flipped = value[:-1] + {"0": "1", "1": "0"}.get(value[-1:], "_")
            return [flipped, names[random.integers(len(names))]][random.integers(2)]
        case list():
            if not value or random.random() < 0.3:
                return [*value, value[-1] if value else 0]
            place = random.integers(len(value))
            return (random.choice(3) and value[:place] + value[place + 1 :]) or value[::-1]
        case dict():
            rest = [*value]
            key = rest[random.integers(len(rest))]
            return {k: v for k, v in value.items() if k != key} | ({"more": 1} if random.random() < 0.5 else {})
    raise AssertionError(value)


def altered(data, random):
    """Change one to three places, chosen so that short fields are as likely as long ones, with a digest that fits."""
    data = copy.deepcopy(data)
    for _ in range(random.choice([1, 1, 2, 3])):
        where, inner = data, None
        while isinstance(where, dict | list) and where and (inner is None or random.random() < 0.9):
            keys = [key for key in where if key != "digest"] if isinstance(where, dict) else range(len(where))
            inner = where, keys[random.integers(len(keys))]
            where = inner[0][inner[1]]
        inner[0][inner[1]] = another(where, random)
    data["digest"] = digest_of(data)
    return data


def is_true(data):
    """Decide what a certificate says, by definition: row by row in fractions; wrong data raise errors."""
    net, circuit, refitted = data["network"], data["circuit"], data["refitted"]
    wiring = Wiring(net["inputs"], net["offsets"], net["sources"], net["outputs"])
    units = NetworkUnits(wiring, np.array(net["w"]), np.array(net["b"]), tuple(net["kinds"]), net["dtype"])
    domain, reading = Domain.from_description(data["domain"]), Reading(**data["reading"])
    n, method = wiring.n_inputs, data["method"]
    assert np.isfinite(units.w).all()
    assert np.isfinite(units.b).all()
    if data["guarantee"] == "structural" and not same_units(units, reading, circuit, refitted):
        return False
    if method == "samples":
        x = domain.sample(data["rows"], np.random.Generator(np.random.PCG64(data["seed"])))
        differ = sum(evaluated(circuit, row) != by_definition(units, reading, row) for row in x)
        text = data["counterexample"]
        given = text is not None and [bit == "1" for bit in text]
        shown = given and len(given) == n and domain.contains([given])[0]
        shown = shown and evaluated(circuit, given) != by_definition(units, reading, given)
        return data["guarantee"] == "statistical" and differ == data["differ"] and (shown if given else not differ)
    # Exact integers hold for any inputs.
    every = Domain.cube(n) if method == "exact integers" else domain
    x = every.block(0, every.n_rows)
    agree = all(evaluated(circuit, row) == by_definition(units, reading, row) for row in x)
    if method == "exact integers":
        return (
            agree and data["rows"] == 0 and domain.n_columns == n and set(units.kinds) <= {"step", "sign", "identity"}
        )
    calls = [distance for row in x for distance in distances(units, reading, row)]
    nearest = min(calls, default=float("inf"))
    bits = [by_definition(units, reading, row) for row in x]
    wrong = sum(
        any(in_floats(units, reading, row, order) != said for order in (1, -1))
        for row, said in zip(x, bits, strict=True)
    )
    return (
        agree
        and data["rows"] == len(x)
        and domain.n_columns == n
        and (float("inf") if data["closest"] is None else Fraction(data["closest"])) <= nearest
        and wrong <= data["uncertain"] <= len(x)
    )


def same_units(units, reading, circuit, refitted):
    """Whether each unit says what that of the hardened network says, on all rows of the inputs, or on some."""
    if circuit["kind"] != "units" or "relu" in units.kinds or len({*refitted}) < len(refitted):
        return False
    n, hard = units.wiring.n_inputs, units.hardened()
    steps = [k for k, kind in enumerate(hard.kinds) if kind != "identity"]
    for row in Domain.cube(n).block(0, 2**n) if n < 10 else Domain.cube(n).sample(20, np.random.default_rng(0)):
        mine = nodes_of(circuit, row)[n:]
        sums = exact_units(hard, row)
        for place, unit in enumerate(steps):
            if place not in refitted and mine[place] != (sums[unit] >= 0):
                return False
        if not refitted and outputs_of(circuit, row) != by_definition(hard, reading, row):
            return False
    return True


def nodes_of(circuit, row):
    nodes = [bool(bit) for bit in row]
    for k, threshold in enumerate(circuit["thresholds"]):
        edges = range(circuit["offsets"][k], circuit["offsets"][k + 1])
        nodes.append(sum(circuit["weights"][e] * nodes[circuit["sources"][e]] for e in edges) >= threshold)
    return nodes


def outputs_of(circuit, row):
    nodes = nodes_of(circuit, row)
    return [nodes[node] for node in circuit["outputs"]]


def evaluated(circuit, row):
    if circuit["kind"] == "units":
        return outputs_of(circuit, row)
    nodes = [False, *(bool(bit) for bit in row)]
    for (a, b), table in zip(circuit["fan_ins"], circuit["tables"], strict=True):
        nodes.append(bool(table >> (nodes[a] + 2 * nodes[b]) & 1))
    return [nodes[node] for node in circuit["outputs"]]


def distances(units, reading, row):
    n, sums = units.wiring.n_inputs, exact_units(units, row)
    yield from (abs(z) for z, kind in zip(sums, units.kinds, strict=True) if kind in ("step", "sign"))
    outputs = [node for node in units.wiring.outputs.tolist() if node >= n]
    if reading.read == "argmax":
        first = by_definition(units, reading, row).index(True)
        yield from (sums[outputs[first] - n] - sums[node - n] for k, node in enumerate(outputs) if k != first)
    else:
        for node in outputs:
            shift = Fraction(reading.threshold) if units.kinds[node - n] == "identity" else 0
            yield abs(sums[node - n] - shift)


def in_floats(units, reading, row, order):
    """The bits by floats of the network's own type, sums added forwards or backwards."""
    dtype, n = np.dtype(units.dtype).type, units.wiring.n_inputs
    functions = {
        "step": lambda z: dtype(z >= 0),
        "sign": lambda z: dtype(2 * (z >= 0) - 1),
        "sigmoid": lambda z: dtype(0.5) + dtype(0.5) * np.tanh(z / dtype(2)),
        "tanh": np.tanh,
        "relu": lambda z: max(z, dtype(0)),
        "identity": lambda z: z,
    }
    values, sums = [dtype(bit) for bit in row], []
    with np.errstate(over="ignore", invalid="ignore"):
        for k, kind in enumerate(units.kinds):
            edges = range(units.wiring.offsets[k], units.wiring.offsets[k + 1])
            z = dtype(0)
            for term in [dtype(units.b[k]), *(dtype(units.w[e]) * values[units.wiring.sources[e]] for e in edges)][
                ::order
            ]:
                z = z + term
            sums.append(z)
            values.append(functions[kind](z))
    found = [
        dtype(1 if row[node] else -1)
        if node < n
        else sums[node - n] - dtype(reading.threshold if units.kinds[node - n] == "identity" else 0)
        for node in units.wiring.outputs.tolist()
    ]
    return (
        [k == int(np.argmax(found)) for k in range(len(found))]
        if reading.read == "argmax"
        else [bool(z >= 0) for z in found]
    )


def assert_refused_or_true(certificates, count, seed):
    random, accepted = np.random.default_rng(seed), 0
    for _ in range(count):
        net, params, certificate = certificates[random.integers(len(certificates))]
        data = altered(certificate.data, random)
        again = ExtractionCertificate.loads(json.dumps(data))
        if again.check():
            accepted += 1
            assert is_true(data), json.dumps(data)
            assert again.is_of(net, params) == (data["network"] == certificate.data["network"])
    return accepted


def test_altered_certificates_are_refused_or_true(certificates):
    assert assert_refused_or_true(certificates, 200, 0) < 50


@pytest.mark.slow
def test_ten_thousand_altered_certificates_are_refused_or_true(certificates):
    assert 0 < assert_refused_or_true(certificates, 10_000, 1) < 2500


def test_a_process_without_jax_and_scipy(certificates, tmp_path):
    files = []
    for k, (_, _, certificate) in enumerate(certificates):
        files.append(tmp_path / f"{k}.json")
        files[-1].write_text(certificate.dumps())
    wrong = copy.deepcopy(certificates[0][2].data)
    wrong["network"]["b"][-1] = 100.0
    wrong["digest"] = digest_of(wrong)
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    for paths, status in ((files, 0), ([tmp_path / "wrong.json"], 1)):
        # Python says on standard error what it imports.
        command = [sys.executable, "-X", "importtime", extraction_checks.__file__, *map(str, paths)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = answer.stderr.splitlines()
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if "import time" in line}
        assert answer.returncode == status, answer.stderr
        assert {"numpy", "claims"} <= imported
        assert not {"jax", "jaxlib", "jaxnet", "circuits", "scipy"} & imported
    said = [line for line in lines if "import time" not in line]
    assert said[0].startswith(f"{tmp_path / 'wrong.json'}: Network and circuit differ on row ")


def test_the_file_is_a_command(certificates, tmp_path):
    right = tmp_path / "right.json"
    right.write_text(certificates[0][2].dumps())
    command = [sys.executable, extraction_checks.__file__, str(right)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == f"{right}: functional, by all rows: the claim holds\n"


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, "{}", '{"format": "circuits extraction 1"}', "\0"])
def test_files_that_are_no_certificates(text, tmp_path, capsys):
    path = tmp_path / "none.json"
    path.write_text(text)
    assert extraction_checks.main([str(path)]) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err.startswith(f"{path}: ")) == ("", True)
    assert extraction_checks.main([str(tmp_path / "absent.json")]) == 1


def test_weights_that_no_int64_holds():
    """They are those of the certificate, and the circuit has gates."""
    with jax.enable_x64(True):
        params = (
            Neuron(jnp.array([[1.0, -1.0, 2.0**-70], [1.0, 1.0, 1.0]]), jnp.array([-(2.0**-71), -1.5])),
            Neuron(jnp.array([[1.0, 1.0]]), jnp.array([-1.5])),
        )
        found = from_network(mlp([3, 2, 1], step), params)
    assert found.guarantee == "structural"
    assert max(found.certificate.data["circuit"]["weights"]) >= 2**62
    assert list(found.certificate.faults()) == []
    assert is_true(found.certificate.data)
    again = circuit_of(found.certificate.data["circuit"])
    np.testing.assert_array_equal(evaluate(again, rows(3)), evaluate(found.circuit, rows(3)))


def test_a_counterexample_outside_the_domain_is_none():
    net, params = network([40, 3, 1], [sigmoid, sigmoid], 1, 1)
    found = from_network(net, params, Domain.cube(30) * Domain.around([0] * 10, []), samples=200)
    data, inside = found.certificate.data, found.counterexample
    assert found.certificate.check()
    random, refused = np.random.default_rng(0), 0
    for _ in range(20):
        row = inside.copy()
        row[30:] = random.integers(0, 2, 10)
        again = dict(data, counterexample="".join("01"[bit] for bit in row.tolist()))
        again["digest"] = digest_of(again)
        assert list(ExtractionCertificate(again).faults()) == ["The counterexample is none."]
        units = NetworkUnits(
            Wiring.from_mlp([40, 3, 1]),
            np.array(data["network"]["w"]),
            np.array(data["network"]["b"]),
            ("sigmoid",) * 4,
            "float32",
        )
        refused += evaluated(data["circuit"], row) != by_definition(units, Reading(), row)
    assert refused
