"""Certificates of compiled circuits: true bounds, nothing else is accepted, and a check without JAX."""

import copy
import dataclasses
import functools
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxnet
from circuits import evaluate, library, map_to_units, parse, rows, to_network
from circuits.bridge import certificates
from circuits.bridge.certificates import Certificate, CertificateError, as_json, from_json, sigmoid_below


@functools.cache
def xor():
    return to_network(parse("a ^ b"), jaxnet.sigmoid, error=0.1)


@functools.cache
def adder():
    return to_network(library.adder(2), jaxnet.sigmoid, error=0.05)


@functools.cache
def kinds():
    return [
        xor(),
        adder(),
        to_network(library.adder(2), jaxnet.tanh, error=0.1),
        to_network(library.adder(2), jaxnet.relu),
        to_network(parse("a ^ b"), jaxnet.step, layered=True),
    ]


def measured(compiled, x):
    """The largest distance of an output from its Boolean value."""
    y = compiled.network.apply(compiled.params, jnp.asarray(x, float))
    return float(np.abs(np.asarray(y) - evaluate(compiled.circuit, x)).max())


@pytest.mark.parametrize(
    ("circuit", "error"),
    [
        (lambda: parse("a ^ b"), 0.1),
        (lambda: library.adder(4), 0.05),
        (lambda: library.parity(8), 0.2),
        (lambda: map_to_units(library.multiplier(3)), 0.01),
    ],
)
def test_measured_errors_are_within_the_certificate_which_is_tight(circuit, error):
    compiled = to_network(circuit(), jaxnet.sigmoid, error=error)
    worst = measured(compiled, rows(compiled.circuit.n_inputs))
    assert 0.3 * compiled.certificate.error < worst <= compiled.certificate.error <= error
    compiled.check(compiled.certificate)


def test_steps_are_exact():
    compiled = to_network(library.adder(3))
    assert compiled.certificate.error == 0
    assert measured(compiled, rows(6)) == 0


def test_noise_within_the_margin_keeps_the_function_and_is_certified():
    w, b = adder().params
    noise = 1 + 1e-3 * np.random.default_rng(0).standard_normal(w.shape).astype(np.float32)
    noisy = adder()._replace(params=jaxnet.Neuron(w * noise, b))
    worst = measured(noisy, rows(4))
    assert worst <= noisy.certificate.error
    assert adder().certificate.error < noisy.certificate.error


def test_parameters_that_compute_something_else_are_refused():
    w, b = xor().params
    wrong = xor()._replace(params=jaxnet.Neuron(w, b.at[1].set(b[1] + xor().gains[1])))
    with pytest.raises(CertificateError, match=r"^unit 1: expected gain / 2 > D, got gain / 2 = 3\.59375 and D = "):
        _ = wrong.certificate


def altered(certificate, random):
    """A copy with one number changed, and what was changed."""
    units = copy.deepcopy([unit._asdict() for unit in certificate.units])
    fields = {"n_inputs": certificate.n_inputs, "outputs": list(certificate.outputs), "error": certificate.error}
    kinds = ["sources", "weights", "threshold", "parameters", "bias", "outputs", "error", "n_inputs", "tolerance"]
    kind = random.choice(kinds)
    unit = units[random.integers(len(units))]
    if kind in ("sources", "weights", "parameters", "outputs"):
        numbers = fields["outputs"] if kind == "outputs" else unit[kind]
        place = random.integers(len(numbers))
        if kind == "parameters":
            numbers[place] = float(np.float32(numbers[place]) * np.float32(random.choice([-1, 0, 0.9, 1.1, 2])))
        else:
            numbers[place] += int(random.choice([-2, -1, 1, 2]))
    elif kind in ("threshold", "bias"):
        unit[kind] += random.choice([-1, 1]) * (1 if kind == "threshold" else 0.5)
        unit[kind] = int(unit[kind]) if kind == "threshold" else float(unit[kind])
    elif kind == "error":
        fields["error"] = random.choice([0.0, 0.5, 0.999]) * fields["error"] if fields["error"] else -1e-9
    elif kind == "tolerance":
        fields["tolerance"] = float(random.choice([0.3, 0.9, 1.0, -1e-9]))
    else:
        fields["n_inputs"] += int(random.choice([-1, 1]))
    return Certificate(
        units=[certificates.CertifiedUnit(**unit) for unit in units], activation=certificate.activation, **fields
    )


def assert_refused(n, seed):
    random = np.random.default_rng(seed)
    for _ in range(n):
        compiled = kinds()[random.integers(len(kinds()))]
        wrong = altered(compiled.certificate, random)
        with pytest.raises(CertificateError):
            compiled.check(wrong)


def test_altered_certificates_are_refused():
    assert_refused(300, 0)


@pytest.mark.slow
def test_ten_thousand_altered_certificates_are_refused():
    assert_refused(10_000, 1)


@given(z=st.fractions(0, 120))
def test_the_bound_of_the_sigmoid_is_one(z):
    from decimal import Decimal, localcontext

    with localcontext() as context:
        context.prec = 80
        exact = 1 / (1 + (Decimal(z.numerator) / Decimal(z.denominator)).exp())
        bound = Fraction(sigmoid_below(z), 2**160)
        bound = Decimal(bound.numerator) / Decimal(bound.denominator)
        assert exact <= bound
        assert bound <= exact * (1 + Decimal("1e-40")) + Decimal(2) ** -140 or z > 100


def test_the_sigmoid_of_float32_is_as_near_as_the_check_says():
    bits = np.arange(0, 0x42D00000, 4099, dtype=np.uint32)
    worst = 0.0
    for sign in (0, 0x80000000):
        z = (bits | np.uint32(sign)).view(np.float32)
        z = np.concatenate([z, np.zeros(1, np.float32)])
        y = np.asarray(jax.jit(jaxnet.sigmoid)(z), np.float64)
        assert ((y >= 0) & (y <= 1)).all()
        worst = max(worst, np.abs(y - 1 / (1 + np.exp(-z.astype(np.float64)))).max())
    assert worst < float(certificates.SIGMOID_ERROR)


@pytest.mark.parametrize(("gain", "holds"), [(7.1875, True), (7.109375, False)])
def test_a_deep_circuit_needs_the_optimal_gain(gain, holds):
    """h <- AND(h, h) settles near 0.0753 with the optimal gain, and is lost with 99 % of it: the bound is tight."""
    inputs = certificates.CertifiedUnit([0], [1], 1, gain, [gain], -gain / 2)
    ands = [
        certificates.CertifiedUnit([1 + 2 * k, 2 + 2 * k], [1, 1], 2, gain, [gain, gain], -1.5 * gain)
        for k in range(200)
    ]
    chain = Certificate(1, [inputs, inputs, *(unit for unit in ands for _ in range(2))], [402], "sigmoid", 0.0753)
    if holds:
        assert 0.06 < chain.check() < 0.0753
    else:
        with pytest.raises(CertificateError, match="expected gain / 2 > D"):
            chain.check()
    # The network does what the bound says: both halves of each AND see the same value, below 1 by the error.
    h = 1 / (1 + np.exp(-gain / 2))
    for _ in range(2000):
        h = 1 / (1 + np.exp(-gain * (2 * h - 1.5)))
    assert (h > 1 - 0.0753) == holds


def test_a_check_that_needs_nothing_but_python(tmp_path):
    right, wrong = tmp_path / "right.json", tmp_path / "wrong.json"
    right.write_text(as_json(adder().certificate))
    wrong.write_text(as_json(adder().certificate).replace('"threshold": 2', '"threshold": 1', 1))
    for file, status in ((right, 0), (wrong, 1)):
        # -I -S: no path, no site packages.
        command = [sys.executable, "-I", "-S", certificates.__file__, str(file)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        assert answer.returncode == status
    assert answer.stdout == ""
    assert "expected gain / 2 > D" in answer.stderr


def test_files(tmp_path):
    assert from_json(as_json(adder().certificate)) == adder().certificate
    for text in (
        "",
        "[]",
        "{}",
        "null",
        '{"format": "threshold units in float32, 2"}',
        as_json(xor().certificate)[:-40],
    ):
        with pytest.raises(CertificateError):
            from_json(text)
    path = Path(tmp_path, "none.json")
    assert certificates.main([str(path)]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gain": 0.0}, "unit 0: expected a positive gain, got 0.0."),
        ({"gain": float("nan")}, "unit 0: expected a finite number, got nan."),
        ({"sources": [0, 2]}, "unit 0: expected sources below 2, got [0, 2]."),
        ({"weights": [1]}, "unit 0: expected as many parameters as sources and weights."),
        ({"weights": [1.0, 1]}, "unit 0: expected whole weights and a whole threshold."),
        ({"parameters": [0.1, 8.0]}, "unit 0: expected 0 or a normal float32, got 0.1."),
        ({"bias": 1e-40}, "unit 0: expected 0 or a normal float32, got 1e-40."),
    ],
)
def test_errors(change, message):
    unit = certificates.CertifiedUnit([0, 1], [1, 1], 2, 8.0, [8.0, 8.0], -12.0)
    assert float(Certificate(2, [unit], [2], "sigmoid", 0.1).check()) < 0.018
    with pytest.raises(CertificateError) as error:
        Certificate(2, [unit._replace(**change)], [2], "sigmoid", 0.1).check()
    assert str(error.value) == message


def test_a_certificate_of_another_network():
    with pytest.raises(CertificateError, match=r"^unit 0: .* a certificate of another network\.$"):
        xor().check(adder().certificate)
    assert not dataclasses.is_dataclass(xor().certificate)


@pytest.mark.parametrize(
    ("activation", "change", "message"),
    [
        ("relu", {}, None),
        ("relu", {"bias": -1.25}, "unit 0: expected the weights and 1/2 - T themselves, of which sums are exact."),
        (
            "relu",
            {"parameters": [1.0, 1.5]},
            "unit 0: expected the weights and 1/2 - T themselves, of which sums are exact.",
        ),
        (
            "relu",
            {"weights": [2**24, 1], "parameters": [2.0**24, 1.0]},
            "unit 0: expected sums of at most 2^24, got 16777220.",
        ),
        ("gelu", {}, "expected an activation among step, sigmoid, tanh, relu, got 'gelu'."),
    ],
)
def test_rectifiers_have_to_be_integers(activation, change, message):
    unit = certificates.CertifiedUnit([0, 1], [1, 1], 2, 1.0, [1.0, 1.0], -1.5)._replace(**change)
    certificate = Certificate(2, [unit], [2], activation, 0.0)
    if message is None:
        assert certificate.check() == 0
    else:
        with pytest.raises(CertificateError) as error:
            certificate.check()
        assert str(error.value) == message


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan")])
def test_tolerances_out_of_range(tolerance):
    with pytest.raises(CertificateError):
        xor().claim(0.4, tolerance).check()


def test_the_tanh_of_float32_is_as_near_as_the_check_says():
    bits = np.arange(0, 0x42000000, 4099, dtype=np.uint32)
    for sign in (0, 0x80000000):
        z = (bits | np.uint32(sign)).view(np.float32)
        y = np.asarray(jax.jit(jaxnet.tanh)(z), np.float64)
        assert (np.abs(y) <= 1).all()
        assert np.abs(y - np.tanh(z.astype(np.float64))).max() < float(certificates.TANH_ERROR)
