"""The driver: it changes no numbers, goes on where it was, and says what is wrong."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from common.fitted import DATA, NET, NOISY, PLAIN, START, State, X, close, equal, error, key

from jaxnet import DivergedError, Rule, ShapeError, fit, gradient_descent, train

# What it computes.


@pytest.mark.parametrize(("batch_size", "record_every"), [pytest.param(None, 5, marks=pytest.mark.slow), (3, 1)])
def test_a_fit_is_a_train(batch_size, record_every):
    state, history = train(
        NOISY, NOISY.init(START), DATA, steps=35, batch_size=batch_size, key=key(), record_every=record_every
    )
    run = fit(NOISY, START, DATA, steps=35, batch_size=batch_size, key=key(), every=10, record_every=record_every)
    close(run.state, state)
    close(run.history["loss"], history["loss"])
    np.testing.assert_array_equal(run.history["step"], np.arange(record_every, 36, record_every))
    equal(run.params, run.state.params)
    assert (run.steps, run.stopped, run.validation) == (35, "finished", {})


def test_chunks_change_nothing():
    tens, ones = (fit(NOISY, START, DATA, steps=35, batch_size=3, key=key(), every=n) for n in (10, 1))
    close(ones.state, tens.state)


def test_epochs():
    assert fit(PLAIN, START, DATA, epochs=3, batch_size=4, key=key()).steps == 8  # 30 examples, of four
    assert fit(PLAIN, START, DATA, epochs=3, key=key()).steps == 3


def test_a_state_is_gone_on_from():
    """By the run itself or by its state: 5 + 4 steps are 9, with their order, noise and numbers."""
    first = fit(NOISY, START, DATA, steps=5, batch_size=3, key=key())
    whole = fit(NOISY, START, DATA, steps=9, batch_size=3, key=key(), record_every=3)
    for params, start in ((first, None), (first.state, 5), (first, 5)):
        rest = fit(NOISY, params, DATA, steps=4, batch_size=3, key=key(), start=start, record_every=2)
        close(rest.state, whole.state)
        np.testing.assert_array_equal(rest.history["step"], [7, 9])
        np.testing.assert_allclose(rest.history["loss"][-1], whole.history["loss"][-1], rtol=2e-5)
        assert rest.steps == 9


@pytest.mark.parametrize("every", [1, 2, 4])
def test_metrics_are_trees_as_train_has_them(every):
    def loss(p, x):
        return jnp.mean((p - x) ** 2), {"two": (p, -p), "norms": {"w": [p]}, "none": None}

    rule, p = gradient_descent(loss, optax.sgd(0.1), has_aux=True), jnp.array(1.0)
    _, history = train(rule, rule.init(p), jnp.zeros(4), steps=4, key=key())
    for data in (jnp.zeros(4), iter([jnp.zeros(4)] * 4)):
        run = fit(rule, p, data, steps=4, every=every, key=key(), validation=jnp.zeros(4))
        assert jax.tree.structure(run.history) == jax.tree.structure({"step": 0, **history})
        close({**history, "step": np.arange(1, 5)}, run.history)
    np.testing.assert_allclose(run.validation["two"][1][:-1], history["two"][1][::every], rtol=1e-6)


def test_no_steps():
    run = fit(PLAIN, START, DATA, steps=0, key=key())
    equal(run.params, START)
    assert (run.history, run.steps, run.stopped) == ({}, 0, "finished")


def test_a_second_fit_traces_nothing():
    traces = []

    def loss(params, batch):
        traces.append(1)
        return error(params, batch)

    rule = gradient_descent(loss, optax.sgd(0.1))
    for seed, shift in ((0, 0), (1, 1)):
        data = DATA[0] + shift, DATA[1]
        fit(rule, START, data, steps=25, batch_size=3, key=jax.random.key(seed), every=10, validation=data)
    assert len(traces) == 2  # one for the steps, of whatever number at a time, and one for validation


def test_a_second_fit_compiles_nothing(tmp_path):
    """Also with validation and a checkpoint, another number of steps, and other data of the same shape."""
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(lambda event, seconds, **_: compiled.append(event))

    def go(steps, shift, name):
        data = DATA[0] + shift, DATA[1]
        arguments = {"batch_size": 3, "every": 10, "validation": data, "checkpoint": tmp_path / name}
        fit(PLAIN, START, data, steps=steps, key=key(), **arguments)

    go(25, 0, "first")
    assert any("backend_compile" in event for event in compiled)
    compiled.clear()
    go(47, 1, "second")
    assert not [event for event in compiled if "backend_compile" in event]


# Validation.


def test_validation_is_measured_after_each_chunk():
    run = fit(PLAIN, START, DATA, steps=25, key=key(), every=10, validation=DATA)
    np.testing.assert_array_equal(run.validation["step"], [0, 10, 20, 25])
    # The loss of the training data before a step is that of the validation data after the step before.
    close(run.validation["loss"][:3], run.history["loss"][[0, 10, 20]])


def test_the_best_parameters_are_kept():
    """A rule that walks through 3, 2, 1, 0, 1, 2, ...: the best is where it came nearest to zero."""
    walk = Rule(lambda p: State(p), lambda s, b, k: (State(s.params - 1), {"loss": jnp.abs(s.params)}))
    run = fit(walk, jnp.array(5.0), X, steps=9, key=key(), every=1, validation=X)
    assert (run.params, run.state.params) == (0, -4)
    np.testing.assert_array_equal(run.validation["loss"], [5, 4, 3, 2, 1, 0, 1, 2, 3, 4])
    run = fit(walk, jnp.array(5.0), X, steps=100, key=key(), every=1, validation=X, patience=2)
    assert (run.params, run.steps, run.stopped) == (0, 7, "no improvement")


def test_a_validation_of_your_own():
    def validate(params, data):
        return {"loss": error(params, data), "worst": jnp.max(jnp.abs(NET.apply(params, data[0]) - data[1]))}

    run = fit(PLAIN, START, DATA, steps=20, key=key(), every=10, validation=DATA, validate=validate, monitor="worst")
    assert run.validation.keys() == {"step", "loss", "worst"}
    run = fit(PLAIN, START, DATA, steps=20, key=key(), every=10, validation=DATA, validate=error)
    assert run.validation.keys() == {"step", "loss"}


def test_the_best_may_be_those_at_the_start_and_larger_may_be_better():
    climb = Rule(State, lambda s, b, k: (State(s.params + 1), {"height": 9 - (s.params - 3) ** 2}))
    settings = {"steps": 9, "key": key(), "every": 1, "validation": X, "monitor": "height"}
    run = fit(climb, jnp.array(0.0), X, **settings, mode="max")
    assert (run.params, run.state.params) == (3, 9)
    run = fit(climb, jnp.array(3.0), X, **settings, mode="max", patience=2)
    assert (run.params, run.steps, run.stopped) == (3, 2, "no improvement")
    assert fit(climb, jnp.array(0.0), X, **settings).params == 9
    nan = Rule(State, lambda s, b, k: (State(s.params + 1), {"height": jnp.where(s.params == 2, s.params, jnp.nan)}))
    assert fit(nan, jnp.array(0.0), X, **settings, mode="max").params == 2


def test_a_resumed_run_knows_its_best(tmp_path):
    climb = Rule(State, lambda s, b, k: (State(s.params + 1), {"height": 9 - (s.params - 3) ** 2}))
    settings = {"every": 1, "validation": X, "monitor": "height", "mode": "max", "patience": 3}
    for steps in (5, 99):
        run = fit(climb, jnp.array(0.0), X, steps=steps, key=key(), **settings, checkpoint=tmp_path / "run")
    assert (run.params, run.steps, run.stopped) == (3, 6, "no improvement")


@pytest.mark.parametrize(
    ("validate", "error", "message"),
    [
        (lambda p, d: (error(p, d),) * 2, TypeError, "fit: expected validate to return a scalar or a dict of metrics"),
        (lambda p, d: {"error": error(p, d)}, ValueError, r"fit: expected monitor to be .*\['error'\], got 'loss'"),
        (lambda p, d: {"loss": d[0]}, ValueError, r"fit: expected monitor to be a scalar of .*, \[\], got 'loss'"),
        (lambda p, d: p.nothing, AttributeError, "nothing"),
    ],
)
@pytest.mark.parametrize("made", [0, 4])
def test_a_validation_that_fails_fails_before_the_first_step(tmp_path, validate, error, message, made):
    file, seen = tmp_path / "run", []
    settings = {"steps": 8, "key": key(), "every": 2, "validation": DATA, "checkpoint": file}
    if made:
        fit(PLAIN, START, DATA, **{**settings, "steps": made})
    with pytest.raises(error, match=message):
        fit(PLAIN, START, DATA, **settings, validate=validate, on_visit=seen.append)
    assert seen == []


def test_a_monitor_that_is_not_measured():
    with pytest.raises(ValueError, match="monitor") as e:
        fit(PLAIN, START, DATA, steps=2, key=key(), validation=DATA, monitor="accuracy")
    assert str(e.value) == ("fit: expected monitor to be a scalar of the validation metrics, ['loss'], got 'accuracy'.")


# Visits.


def test_a_visit_sees_the_run_and_changes_nothing():
    seen = []
    whole = fit(NOISY, START, DATA, steps=25, key=key(), every=10, validation=DATA)
    run = fit(NOISY, START, DATA, steps=25, key=key(), every=10, validation=DATA, on_visit=seen.append)
    equal(run, whole)
    assert [(r.steps, r.stopped, len(r.history["loss"]), len(r.validation["loss"])) for r in seen] == [
        (10, "running", 10, 2), (20, "running", 20, 3), (25, "running", 25, 4)
    ]  # fmt: skip
    np.testing.assert_array_equal(seen[1].history["loss"], run.history["loss"][:20])
    equal(seen[2].state, run.state)


def test_a_visit_ends_the_run(tmp_path):
    """Saved, so that it may be gone on with."""

    def enough(run):
        return "stop" if run.steps >= 20 else None

    settings = {"steps": 45, "key": key(), "every": 10, "checkpoint": tmp_path / "run"}
    run = fit(NOISY, START, DATA, **settings, on_visit=enough)
    assert (run.steps, run.stopped) == (20, "on_visit")
    equal(fit(NOISY, START, DATA, **settings), fit(NOISY, START, DATA, steps=45, key=key(), every=10))


def test_a_visit_changes_the_state(tmp_path):
    def reset(run):
        return State(0.0) if run.steps == 4 else None

    walk = Rule(State, lambda s, b, k: (State(s.params + 1), {"loss": s.params}))
    settings = {"steps": 8, "key": key(), "every": 2, "checkpoint": tmp_path / "run"}
    run = fit(walk, jnp.array(5.0), X, **settings, on_visit=reset)
    np.testing.assert_array_equal(run.history["loss"], [5, 6, 7, 8, 0, 1, 2, 3])
    equal(fit(walk, jnp.array(5.0), X, **settings), run)  # resumed, finished
    for answer, name in ((True, "bool"), ({"params": 0.0}, "dict"), (State(np.zeros(2)), "State")):
        with pytest.raises(TypeError) as e:
            fit(walk, jnp.array(5.0), X, steps=2, key=key(), on_visit=lambda run, answer=answer: answer)
        assert str(e.value) == (
            'fit: expected on_visit to return None, "stop" or a state of the shapes of run.state, got '
            f"{name}. run.state._replace(...) makes one of a NamedTuple."
        )


# Iterators.


def slices(n):
    return ((DATA[0][i % 7 :][:3], DATA[1][i % 7 :][:3]) for i in range(n))


def test_batches_of_an_iterator():
    run = fit(NOISY, START, slices(25), key=key(), every=10, validation=DATA)
    assert (run.steps, run.stopped) == (25, "no more data")
    np.testing.assert_array_equal(run.validation["step"], [0, 10, 20, 25])
    state, step_key = NOISY.init(START), jax.random.split(key())[1]
    for i, batch in enumerate(slices(25)):
        state, metrics = jax.jit(NOISY.update)(state, batch, jax.random.fold_in(jax.random.clone(step_key), i))
        np.testing.assert_allclose(run.history["loss"][i], metrics["loss"], rtol=1e-5)
    close(run.state, state)


def test_an_iterator_is_drawn_for_the_steps_alone_and_compiled_once():
    drawn, traces = [], []

    def loss(params, batch):
        traces.append(1)
        return error(params, batch)

    def batches():
        for i in itertools.count():
            drawn.append(i)
            yield DATA

    run = fit(gradient_descent(loss, optax.sgd(0.1)), START, batches(), steps=20, key=key(), record_every=5)
    np.testing.assert_array_equal(run.history["step"], [5, 10, 15, 20])
    assert len(traces) == 1
    assert len(drawn) == 20


def test_an_iterator_begins_at_the_start_and_a_function_is_told(tmp_path):
    """From both, what a checkpoint has made is left out."""
    first = fit(NOISY, START, slices(10), key=key())
    whole = fit(NOISY, START, slices(30), key=key())
    rest = [batch for i, batch in enumerate(slices(30)) if i >= 10]
    for name, data in (("a", lambda: iter(rest)), ("b", lambda: lambda n: iter(rest[n - 10 :]))):
        for steps in (5, None):
            run = fit(NOISY, first, data(), steps=steps, key=key(), checkpoint=tmp_path / name)
        assert run.steps == 30
        close(run.state, whole.state)
        np.testing.assert_array_equal(run.history["step"], np.arange(11, 31))


def test_a_resumed_iterator_begins_where_it_was(tmp_path):
    file = tmp_path / "run.safetensors"
    fit(NOISY, START, slices(30), steps=10, key=key(), every=10, checkpoint=file)
    rest = fit(NOISY, START, slices(30), key=key(), every=10, checkpoint=file)
    whole = fit(NOISY, START, slices(30), key=key(), every=10)
    equal(rest[:4], whole[:4])


def test_an_error_of_an_iterator_is_its_own():
    def batches():
        yield DATA
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        fit(PLAIN, START, batches(), key=key())


def test_batches_of_different_shapes():
    with pytest.raises(ShapeError) as e:
        fit(PLAIN, START, iter([DATA, DATA, (X[:7], X[:7]), DATA]), key=key())
    assert str(e.value) == (
        "fit: expected batches of the same shapes, (((10, 1), 'float32'), ((10, 1), 'float32')), got "
        "(((7, 1), 'float32'), ((7, 1), 'float32')) for batch 2 (the first is 0). "
        "Only the last one may have fewer examples: fill it up, or leave it out."
    )


class Loader:
    """As those of PyTorch: an iterable of batches with a length."""

    def __iter__(self):
        return slices(7)

    def __len__(self):
        return 7


def test_fits_in_a_row_go_on_where_the_iterator_is():
    seen = Rule(State, lambda s, b, k: (s, {"x": b}))
    numbers = (np.full(2, i, np.float32) for i in itertools.count())
    runs = [fit(seen, jnp.array(0.0), numbers, steps=4, every=every, key=key()) for every in (1, 3, 4, 100)]
    np.testing.assert_array_equal(np.concatenate([run.history["x"][:, 0] for run in runs]), range(16))
    assert next(numbers)[0] == 16


def test_a_run_that_diverges_by_its_data_says_so():
    data = (DATA[0], np.where(np.arange(10)[:, None] == 3, np.nan, DATA[1]).astype(np.float32))
    with pytest.raises(DivergedError) as e:
        fit(PLAIN, START, data, steps=2, key=key())
    assert e.value.__notes__ == ["The data have values that are not finite: data[1] 1 of 10."]


def test_epochs_of_a_loader_are_passes_over_it(tmp_path):
    by_hand = fit(NOISY, START, itertools.chain(slices(7), slices(7)), key=key(), every=7)
    for data in (Loader(), lambda: slices(7)):
        run = fit(NOISY, START, data, epochs=2, key=key(), validation=DATA)
        assert (run.steps, run.stopped) == (14, "finished")
        equal(run.state, by_hand.state)
    np.testing.assert_array_equal(fit(NOISY, START, Loader(), epochs=2, key=key(), validation=DATA).validation["step"],
                                  [0, 7, 14])  # fmt: skip
    assert fit(NOISY, START, Loader(), epochs=0, key=key()).steps == 0
    once = fit(NOISY, START, Loader(), key=key())
    assert (once.steps, once.stopped) == (7, "no more data")
    # Steps begin it anew as often as it takes, and a checkpoint goes on within a pass.
    file = tmp_path / "run.safetensors"
    fit(NOISY, START, Loader(), steps=10, key=key(), checkpoint=file)
    run = fit(NOISY, START, Loader(), steps=14, key=key(), checkpoint=file)
    assert (run.steps, run.stopped) == (14, "finished")
    equal(run.state, by_hand.state)


def test_a_loss_that_fails_at_once_takes_one_batch_alone():
    def loss(params, batch):
        raise KeyError("a mistake")

    numbers = iter(np.ones((5, 2), np.float32))
    with pytest.raises(KeyError):
        fit(gradient_descent(loss, optax.sgd(0.1)), START, numbers, steps=5, key=key())
    assert len(list(numbers)) == 4


def test_a_fit_that_is_traced_is_refused():
    calls = [
        lambda p: fit(PLAIN, p, DATA, steps=1, key=key()).params,
        lambda p: fit(PLAIN, START, p, steps=1, key=key()),
    ]
    for call, argument in zip(calls, (START, DATA), strict=True):
        with pytest.raises(TypeError) as e:
            jax.jit(call)(argument)
        assert str(e.value) == (
            "fit: expected a call outside of jit, vmap and grad, got traced values. jaxnet.train is a pure function, "
            "for jit, vmap and grad."
        )


def test_a_last_batch_of_fewer_examples():
    """The steps are those of the same batches by hand."""
    batches = [DATA, DATA, (X[:7], X[:7])]
    fitted = fit(PLAIN, START, iter(batches), key=key())
    state, update = PLAIN.init(START), jax.jit(PLAIN.update)
    for batch in batches:
        state, _ = update(state, batch, key())
    assert (fitted.steps, fitted.stopped) == (3, "no more data")
    for got, expected in zip(jax.tree.leaves(fitted.params), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


# What it refuses.


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (TypeError, {}, "fit: expected either steps or epochs, got neither."),
        (TypeError, {"steps": 1, "epochs": 1}, "fit: expected either steps or epochs, got both."),
        (TypeError, {"steps": 1.5}, "fit: expected steps to be a whole number, got 1.5."),
        (ValueError, {"steps": 5, "batch_size": 11}, "fit: expected batch_size in 1..10, got 11."),
        (ValueError, {"steps": 5, "mode": "most"}, "fit: expected mode to be one of 'min', 'max', got 'most'."),
        (
            ValueError,
            {"steps": 5, "on_nonfinite": None},
            "fit: expected on_nonfinite to be one of 'stop', 'skip', 'go on', got None.",
        ),
        (TypeError, {"steps": 5, "start": 1.0}, "fit: expected start to be a whole number, got 1.0."),
        (
            ValueError,
            {"steps": 5, "start": 2**32 - 3},
            "fit: expected start + steps in 0..4294967295, got 4294967298.",
        ),
        (ValueError, {"steps": 5, "every": 0}, "fit: expected every to be at least 1, got 0."),
        (
            ValueError,
            {"steps": 5, "record_every": 2},
            "fit: expected steps to be a multiple of record_every, 2, got 5 steps.",
        ),
        (
            ValueError,
            {"steps": 6, "record_every": 2, "every": 3},
            "fit: expected every to be a multiple of record_every, 2, got 3.",
        ),
        (
            TypeError,
            {"steps": 5, "patience": 3},
            "fit: expected validation data for validate, monitor, mode and patience, got none. Pass validation=...",
        ),
        (
            TypeError,
            {"steps": 5, "monitor": "accuracy"},
            "fit: expected validation data for validate, monitor, mode and patience, got none. Pass validation=...",
        ),
        (TypeError, {"steps": 5, "on_visit": 3}, "fit: expected on_visit to be a function, got int."),
        (TypeError, {"steps": 5, "validate": "loss"}, "fit: expected validate to be a function, got str."),
        (TypeError, {"steps": 5, "checkpoint": 3}, "fit: expected a path for checkpoint, got int."),
        (
            TypeError,
            {"data": iter([]), "epochs": 3},
            "fit: expected no epochs, since the data can be read only once, got some. Epochs are passes over a loader, "
            "or over what a function of no arguments returns: lambda: batches.",
        ),
        (TypeError, {"data": Loader(), "epochs": 3, "steps": 3}, "fit: expected either steps or epochs, got both."),
        (
            TypeError,
            {"data": iter([]), "batch_size": 3},
            "fit: expected no batch_size, since the data have batches of their own, got one.",
        ),
    ],
)
def test_arguments_that_do_not_fit(error, arguments, message):
    with pytest.raises(error) as e:
        fit(PLAIN, START, **{"data": DATA, "key": key(), **arguments})
    assert str(e.value) == message


@pytest.mark.parametrize("name", ["steps", "epochs", "batch_size", "every", "record_every", "patience"])
def test_whole_numbers(name):
    """Numbers of NumPy are; Booleans and floats are not."""
    others = {} if name == "epochs" else {"steps": 2}
    arguments = {"params": START, "data": DATA, "validation": DATA, **others}
    for number in (True, 2.0):
        with pytest.raises(TypeError) as e:
            fit(PLAIN, key=key(), **{**arguments, name: number})
        assert str(e.value) == f"fit: expected {name} to be a whole number, got {number}."
    assert fit(PLAIN, key=key(), **{**arguments, name: np.int64(2)}).steps == 2


def test_a_metric_called_step():
    rule = Rule(State, lambda s, b, k: (s, {"step": s.params}))
    with pytest.raises(ValueError, match="fit: a metric is called 'step', as the numbers of the steps are"):
        fit(rule, jnp.array(0.0), X, steps=1, key=key())


def test_progress_is_silent_where_there_is_no_terminal(capfd):
    fit(PLAIN, START, DATA, steps=3, key=key())
    assert capfd.readouterr() == ("", "")


def test_what_is_no_rule():
    with pytest.raises(TypeError) as e:
        fit(optax.sgd(0.1), START, DATA, steps=1, key=key())  # pyright: ignore[reportArgumentType]
    assert str(e.value) == (
        "fit: expected a rule, got GradientTransformationExtraArgs. jaxnet.gradient_descent(loss, optimizer) makes one."
    )


def test_a_monitor_that_is_no_scalar_is_named_with_its_shape():
    each = Rule(State, lambda s, b, k: (s, {"loss": b[:, 0]}))
    with pytest.raises(ValueError, match="fit: ") as e:
        fit(each, jnp.array(0.0), X, steps=1, key=key(), validation=X)
    assert str(e.value) == (
        "fit: expected monitor to be a scalar of the validation metrics, [], got 'loss' of shape (10,). "
        "Pass validate=..., which returns its mean."
    )


def test_parameters_that_are_not_finite_at_the_start_are_not_said_to_have_been():
    with pytest.raises(ValueError, match="fit: ") as e:
        fit(PLAIN, jax.tree.map(lambda p: p * jnp.nan, START), DATA, steps=2, key=key())
    assert str(e.value) == "fit: expected finite parameters to begin with, got infinity or NaN at step 0."
