"""Loops so small that a CPU spends its time between the operations, run as one native function each.

On a CPU, XLA runs a loop operation by operation, at 0.05 us each and 0.5 us for a small dot, unless its body moves less
than about 1 kB: then the whole loop becomes one native function. The body of a Boolean-sized network moves a little
more, and takes 10 to 20 times as long as it need. So dots become sums of products here, and the call of the loop is
marked as XLA marks the loops that it finds small itself. The mark is not documented: tests see to what it does, and an
XLA that does not know it ignores it.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.experimental.xla_metadata import set_xla_metadata

from jaxnet.lowering.jaxprs import PLACING, Equation, bind, called, interpret

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, Jaxpr

# The most elements of an array, or products of a dot: beyond it XLA's own loops and libraries are as fast, and native
# functions may not call those.
LARGEST = 2_048
# The most operations in the body, since the time to compile grows with them.
LONGEST = 2_000

# What a native function can hold and whose results do not depend on where it runs. Sorts, scatters, FFTs, callbacks,
# collectives, linear algebra and all that is not known here are left to XLA.
# fmt: off
_PLAIN = frozenset([
    "abs", "acos", "acosh", "add", "add_any", "and", "argmax", "argmin", "asin", "asinh", "atan", "atan2", "atanh",
    "bitcast_convert_type", "broadcast_in_dim", "cbrt", "ceil", "clamp", "concatenate", "convert_element_type",
    "copy", "cos", "cosh", "div", "dynamic_slice", "dynamic_update_slice", "eq", "erf", "erf_inv", "erfc", "exp",
    "exp2", "expand_dims", "expm1", "floor", "ge", "gt", "integer_pow", "iota", "is_finite", "le", "log", "log1p",
    "log2", "logistic", "lt", "max", "min", "mul", "ne", "neg", "nextafter", "not", "one_minus_square", "or", "pad",
    "population_count", "pow", "random_bits", "random_clone", "random_fold_in", "random_seed", "random_split",
    "random_unwrap", "random_wrap", "reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_prod",
    "reduce_sum", "rem", "reshape", "rev", "round", "rsqrt", "select_n", "shift_left", "shift_right_arithmetic",
    "shift_right_logical", "sign", "sin", "sinh", "slice", "split", "sqrt", "square", "squeeze", "stack",
    "stop_gradient", "sub", "tan", "tanh", "threefry2x32", "transpose", "xor",
])
# fmt: on


def is_small(jaxpr: "Jaxpr", most_products: int = LARGEST) -> bool:
    """Return whether a loop around a function would be faster as one native function, and can be one.

    Args:
        jaxpr: of the function: `jax.make_jaxpr(function)(*arguments).jaxpr`.
        most_products: how many products a dot may have.

    Returns:
        True if all arrays have at most `LARGEST` elements, all dots at most `most_products` products, and all
        operations are known.

    >>> is_small(jax.make_jaxpr(lambda w, x: jax.nn.sigmoid(x @ w))(jnp.ones((2, 4)), jnp.ones((4, 2))).jaxpr)
    True
    >>> is_small(jax.make_jaxpr(lambda w, x: jax.nn.sigmoid(x @ w))(jnp.ones((64, 32)), jnp.ones((32, 64))).jaxpr)
    False
    """
    return 0 < _length(jaxpr, most_products) <= LONGEST


def _length(jaxpr: "Jaxpr", most_products: int) -> float:
    """Return how many operations there are, or infinity if one of them does not fit."""
    if any(_size(v) > LARGEST for v in (*jaxpr.constvars, *jaxpr.invars)):
        return math.inf
    total = 0
    for eqn in jaxpr.eqns:
        inner = called(eqn)
        if inner is not None:
            total += _length(inner.jaxpr, most_products)
        elif eqn.primitive.name == "dot_general" and 0 < _products(eqn) <= most_products:
            total += 2
        elif eqn.primitive.name in _PLAIN | PLACING and all(_size(v) <= LARGEST for v in eqn.outvars):
            total += 1
        else:
            return math.inf
    return total


def _size(variable: Any) -> int:
    return math.prod(variable.aval.shape)


def _products(eqn: Equation) -> float:
    """Return how many products a dot adds up, or infinity unless all is float32 or all float64.

    Dots of narrower types are added up in a wider one, which a sum of products would not do.
    """
    (contracting, _), _ = eqn.params["dimension_numbers"]
    dtypes = {v.aval.dtype for v in (*eqn.invars, *eqn.outvars)}
    if len(dtypes) > 1 or dtypes.pop() not in (jnp.float32, jnp.float64):
        return math.inf
    left = eqn.invars[0].aval
    return _size(eqn.outvars[0]) * math.prod(left.shape[i] for i in contracting)


def without_dots(closed: "ClosedJaxpr") -> Callable[..., list]:
    """Return the same function with dots as sums of products, for which no library is called.

    Args:
        closed: a function that `is_small`.

    Returns:
        A function of flat arguments that gives flat results.

    >>> closed = jax.make_jaxpr(lambda x, w: x @ w)(jnp.ones((2, 3)), jnp.ones((3, 4)))
    >>> without_dots(closed)(jnp.ones((2, 3)), jnp.ones((3, 4)))[0]
    Array([[3., 3., 3., 3.],
           [3., 3., 3., 3.]], dtype=float32)
    """
    return lambda *args: interpret(closed, args, _sums_for_dots)


def _sums_for_dots(equation: Equation, operands: Sequence) -> list:
    if equation.primitive.name == "dot_general":
        x, y = operands
        return [_sum_of_products(x, y, equation.params["dimension_numbers"])]
    return bind(equation, operands)


def _sum_of_products(x: Array, y: Array, dimension_numbers: Any) -> Array:
    """Return a dot: batch axes first, then the free ones of x, then those of y; the contracted ones are summed."""
    (sum_x, sum_y), (batch_x, batch_y) = dimension_numbers
    free_x = [i for i in range(x.ndim) if i not in (*sum_x, *batch_x)]
    free_y = [i for i in range(y.ndim) if i not in (*sum_y, *batch_y)]
    x, y = jnp.transpose(x, (*batch_x, *free_x, *sum_x)), jnp.transpose(y, (*batch_y, *free_y, *sum_y))
    n_batch, n_sum = len(batch_x), len(sum_x)
    x = jnp.expand_dims(x, range(n_batch + len(free_x), n_batch + len(free_x) + len(free_y)))
    y = jnp.expand_dims(y, range(n_batch, n_batch + len(free_x)))
    shape = np.broadcast_shapes(x.shape, y.shape)
    products = jnp.broadcast_to(x, shape) * jnp.broadcast_to(y, shape)
    return jnp.sum(products, range(products.ndim - n_sum, products.ndim))


def in_one_function(loop: Callable, *args: Any) -> tuple[Any, Any]:
    """Call a loop as one native function, in a program that is compiled.

    Args:
        loop: a pure function whose loops have bodies that are small.
        args: its arguments.

    Returns:
        What it returns, and all its inputs, which the program has to return as well: XLA's emitter stops the process if
        a native function has an argument without a use.

    >>> jax.jit(lambda x: in_one_function(lambda x: jax.lax.fori_loop(0, 10, lambda i, x: x + 1, x), x))(0.0)[0].item()
    10.0
    """
    from jax.extend.core import ClosedJaxpr

    closed, results = jax.make_jaxpr(loop, return_shape=True)(*args)
    inputs = [*closed.consts, *jax.tree.leaves(args)]  # what it closes over is an argument as well

    @jax.jit
    def keeping(*inputs: Array) -> tuple[list, Any]:
        n = len(closed.consts)
        # The barrier hides from JAX that these results are the inputs; it would leave them out.
        program = ClosedJaxpr(closed.jaxpr, inputs[:n])
        kept = [jax.random.clone(a) if jnp.issubdtype(a.dtype, jax.dtypes.prng_key) else a for a in inputs]
        return interpret(program, inputs[n:], _sums_for_dots), jax.lax.optimization_barrier(kept)

    flat, kept = keeping(*inputs)
    # The mark on a result of the call marks the call, and not the operations inside it.
    kept = [set_xla_metadata(kept[0], xla_cpu_small_call="true", inlineable="false"), *kept[1:]]
    # Keys as numbers: to make a key of each takes longer than the call.
    kept = [jax.random.key_data(k) if jnp.issubdtype(k.dtype, jax.dtypes.prng_key) else k for k in kept]
    return jax.tree.unflatten(jax.tree.structure(results), flat), kept


def apart(function: Callable[..., Array], *args: Array) -> Array:
    """Call a function whose operations a CPU does not merge with those around it, in a program that is compiled.

    XLA merges what it can with the writing of a part of an array, and then leaves out what reads that same array.

    Args:
        function: it returns one array.
        args: its arguments.

    Returns:
        What it returns.

    >>> jax.jit(lambda x: apart(lambda x: x + 1, x))(jnp.zeros(3))
    Array([1., 1., 1.], dtype=float32)
    """

    def called(*args: Array) -> Any:
        return set_xla_metadata(jax.jit(function)(*args), inlineable="false")

    return jax.lax.platform_dependent(*args, cpu=called, default=function)


def on_one_cpu(*trees: Any) -> bool:
    """Return whether all is data on one CPU: nothing is sharded, and nothing is a tracer of jit, vmap or grad.

    Args:
        trees: what a loop is about to be called with, and what it closes over.

    Returns:
        Whether `in_one_function` is safe.

    >>> on_one_cpu(jnp.zeros(3)), jax.jit(lambda x: jnp.array(on_one_cpu(x)))(jnp.zeros(3)).item()
    (True, False)
    """
    arrays = [leaf for leaf in jax.tree.leaves(trees) if isinstance(leaf, jax.Array)]
    try:
        devices = {device for array in arrays for device in array.devices()}
    except jax.errors.ConcretizationTypeError:
        return False
    return len(devices) <= 1 and all(device.platform == "cpu" for device in devices)


def is_traced(*trees: Any) -> bool:
    """Return whether any of it is a tracer of jit, vmap or grad.

    Args:
        trees: of arrays.

    >>> is_traced(jnp.zeros(3)), jax.jit(lambda x: jnp.array(is_traced(x)))(jnp.zeros(3)).item()
    (False, True)
    """
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees))


@jax.jit
def zero_made_here() -> Array:
    """Return a zero that is a tracer wherever something is being traced, whatever the arguments are.

    >>> on_one_cpu(zero_made_here()), jax.jit(lambda: jnp.array(on_one_cpu(zero_made_here())))().item()
    (True, False)
    """
    return jnp.zeros(())
