import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import class_scores, from_difflogic, gate_outputs, harden, to_expression

WEIGHTS = (
    np.float32(3 * np.sin(1.7 * np.arange(96).reshape(6, 16))),
    np.float32(3 * np.cos(2.3 * np.arange(64).reshape(4, 16))),
)
INDICES = ([4, 0, 3, 1, 2, 0], [0, 2, 1, 3, 4, 3]), ([5, 1, 0, 4], [2, 3, 4, 0])
STATE = {"1.weights": WEIGHTS[0], "2.weights": WEIGHTS[1]}

# What difflogic 0.1 on PyTorch 2.13 gives for these weights and indices and GroupSum(2, tau=1.5): in training for three
# examples, and in evaluation, times tau, for all rows of bits, those of the scores of class 0 and of class 1.
X = np.array([[0.1, 0.9, 0.3, 0.6, 0.5], [1, 0, 0.75, 0.25, 1], [0, 0, 0, 0, 0]], np.float32)
SOFT = [
    [0.6603570580482483, 0.6370126605033875],
    [0.6611941456794739, 0.6520753502845764],
    [0.6336398720741272, 0.6664075255393982],
]
HARD = "11111111111011001111111111101100", "11111111111111110000000000000000"


class Tensor:
    """As much of a tensor of torch as is read."""

    def __init__(self, array):
        self.detach = self.cpu = lambda: self
        self.numpy = lambda: np.asarray(array)


class Module:
    """As much of a module of torch as is read."""

    def __init__(self, *parts, **attributes):
        self.__dict__ |= attributes
        self.parts = parts

    def modules(self):
        return [self, *self.parts]

    def state_dict(self):
        return {f"{i}.weights": part.weights for i, part in enumerate(self.parts) if hasattr(part, "weights")}


def model(**group):
    layers = [
        Module(weights=Tensor(weights), indices=tuple(map(Tensor, pair)), in_dim=n)
        for weights, pair, n in zip(WEIGHTS, INDICES, (5, 6), strict=True)
    ]
    return Module(Module(), *layers, Module(k=2, tau=1.5, **group))


def torchlogix_state():
    state = {}
    for i, (weights, pair) in enumerate(zip(WEIGHTS, INDICES, strict=True)):
        state |= {f"model.{i}.weight": weights, f"model.{i}.connections.indices": np.array(pair)}
    return state


@pytest.mark.parametrize(
    ("checkpoint", "options"),
    [
        (STATE, {"indices": INDICES, "classes": 2, "tau": 1.5}),
        (dict(reversed(STATE.items())), {"indices": [np.array(p) for p in INDICES], "classes": 2, "tau": 1.5}),
        (model(), {}),
        (torchlogix_state(), {"classes": 2, "tau": 1.5, "inputs": 5}),
    ],
    ids=["state_dict", "in another order", "model", "torchlogix"],
)
def test_scores_are_those_of_difflogic(checkpoint, options, all_rows):
    network, params = from_difflogic(checkpoint, **options)
    assert repr(network) == "Network(5 -> 6 -> 4 gates -> 2 classes)"
    assert {level.dtype for level in params.gates} == {jnp.float32.dtype}
    np.testing.assert_allclose(network.apply(params, X), SOFT, atol=1e-6)
    expected = [list(map(int, scores)) for scores in HARD]
    rows = all_rows(5)
    np.testing.assert_allclose(gate_outputs(network, params, rows, forward="hard").T * 1.5, expected, atol=1e-6)
    np.testing.assert_array_equal(class_scores(harden(network, params, "counts"), rows).T, expected)


def test_all_sixteen_gates():
    network, params = from_difflogic({"0.weights": 9 * np.eye(16)}, indices=[([0] * 16, [1] * 16)])
    values = gate_outputs(network, params, [[0, 0], [0, 1], [1, 0], [1, 1]], forward="hard").T
    # In evaluation difflogic gives these for one-hot weights, which are the binary digits of the number of the gate.
    assert ["".join(str(int(bit)) for bit in gate) for gate in values] == [f"{number:04b}" for number in range(16)]
    one = [network.structure.parametrisation, len(params.gates), params.gates[0].shape]
    assert one == ["softmax", 1, (1, 16, 16)]


@pytest.mark.parametrize(
    ("number", "formula"),
    [(1, "x0 & x1"), (2, "x0 & ~x1"), (3, "x0"), (4, "~x0 & x1"), (6, "x0 ^ x1"), (8, "~(x0 | x1)"), (12, "~x0")],
)
def test_gates_are_those_of_the_table_of_the_paper(number, formula):
    network, params = from_difflogic({"0.weights": np.eye(16)[[number]]}, indices=[([0], [1])])
    assert to_expression(harden(network, params)) == formula


def test_layers_in_order_of_their_number_and_runs_of_equal_layers():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(4, 16)) for _ in range(12)]
    indices = [(range(4), rng.permutation(4)) for _ in range(12)]
    by_alphabet = {key: weights[int(key)] for key in sorted(map(str, range(12)))}
    network, params = from_difflogic({f"{key}.weights": w for key, w in by_alphabet.items()}, indices=indices)
    assert jax.tree.map(np.shape, params.gates) == ((12, 16, 4),)
    # Soft values by the definition: a mixture of tables whose rows are drawn.
    values = rng.random((3, 4))
    x = values
    for w, (first, second) in zip(weights, indices, strict=True):
        a, b = values[:, list(first)], values[:, second]
        mixture = np.exp(w) / np.exp(w).sum(axis=1, keepdims=True)
        digits = np.array([[number >> 3 - row & 1 for row in range(4)] for number in range(16)])
        corners = np.stack([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b], axis=-1)
        values = (corners * (mixture @ digits)).sum(axis=-1)
    np.testing.assert_allclose(network.apply(params, x), values, atol=1e-5)


def test_inputs_are_as_many_as_are_read_or_said():
    state, indices = {"0.weights": np.zeros((2, 16))}, [([0, 1], [2, 0])]
    assert from_difflogic(state, indices=indices)[0].structure.n_inputs == 3
    assert from_difflogic(state, indices=indices, inputs=7)[0].structure.n_inputs == 7


MISSING = (
    "expected indices, which a state_dict of difflogic leaves out. Give the model itself, or "
    'indices=[layer.indices for layer in model if hasattr(layer, "indices")].'
)
KEYS = (
    "expected keys 0.weights, 1.weights, ... of difflogic, or 0.weight, 0.connections.indices, ... of torchlogix, got "
)


@pytest.mark.parametrize(
    ("checkpoint", "options", "message"),
    [
        (STATE, {}, MISSING),
        (STATE, {"indices": INDICES[:1]}, "expected indices for each of 2 layers, got 1."),
        (STATE, {"indices": INDICES[::-1]}, "expected indices (2, 6) for layer 0, got (2, 4)."),
        (
            STATE,
            {"indices": (INDICES[0], ([6, 1, 0, 4], [2, 3, 4, 0]))},
            "expected the wiring of layer 1 to read nodes 0..5, got 0..6.",
        ),
        (STATE, {"indices": INDICES, "inputs": 4}, "expected the wiring of layer 0 to read nodes 0..3, got 0..4."),
        (
            STATE,
            {"indices": INDICES, "classes": 3},
            "expected a last layer of equal groups for 3 classes, got 4 gates. Take 6.",
        ),
        ({}, {}, KEYS + "none."),
        ({"0.weights": WEIGHTS[0], "0.bias": WEIGHTS[0]}, {}, KEYS + "'0.bias'."),
        (
            {"a.0.weights": WEIGHTS[0], "b.0.weights": WEIGHTS[0]},
            {},
            "expected the layers of one torch.nn.Sequential, got those of 'a.', 'b.'. Their order is not known.",
        ),
        (
            {"0.weight": np.zeros((6, 4)), "0.connections.indices": np.zeros((2, 6), int)},
            {},
            "expected 16 logits for each gate in '0.weight', got shape (6, 4). Of torchlogix only "
            'parametrization="raw" with two inputs can be read.',
        ),
        (model(beta=0.5), {}, "expected beta 0.0, got 0.5 in Module."),
    ],
)
def test_what_does_not_fit_is_refused(checkpoint, options, message, error):
    assert error(ValueError, from_difflogic, checkpoint, **options) == f"from_difflogic: {message}"


def test_a_path_is_refused(error):
    assert error(TypeError, from_difflogic, "model.pt") == (
        "from_difflogic: expected a model or its state_dict(), got str. torch.load reads a file."
    )
