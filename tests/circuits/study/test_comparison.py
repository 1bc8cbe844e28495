"""The study: what it counts is checked against counting by hand, and its structure against the definitions."""

import numpy as np
import pytest

import circuits
from circuits.bridge.error_bounds import smallest_gain
from circuits.study import comparison
from circuits.study.comparison import compare


@pytest.fixture(scope="module")
def xor():
    return compare(circuits.parse("a ^ b"), name="XOR", seeds=64, steps=1000, progress=False)


@pytest.mark.slow
def test_a_linearly_separable_function_is_learned_by_single_neurons_from_every_seed():
    study = compare(circuits.parse("a & b"), name="AND", seeds=16, steps=500, progress=False)
    assert (study.name, study.n_inputs, study.n_outputs, study.n_gates, study.depth) == ("AND", 2, 1, 1, 1)
    assert (study.n_rows, study.exhaustive) == (4, True)
    assert study.threshold == (1, 1, 0, 1)
    assert study.learned.sizes == (2, 1)
    assert study.learned.n_solved == study.learned.n_hardened == study.learned.n_seeds == 16


def test_the_gain_is_that_of_the_theorem_and_the_measured_error_stays_within_its_promise(xor):
    found = xor.constructed
    assert found.asked == 0.1
    assert found.gain == smallest_gain(2, 0.1)
    assert 0 < found.worst_error <= found.bound <= 0.1

    # The 2-layer XOR at gain g has its worst row at (1, 1): h = s(g/2), y = s(g (3/2 - 2 h)), in float64.
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    y11 = sigmoid(found.gain * (1.5 - 2 * sigmoid(found.gain / 2)))
    y01 = sigmoid(found.gain * (0.5 - 2 * sigmoid(-found.gain / 2)))
    y00 = sigmoid(found.gain * (-0.5 - 2 * sigmoid(-1.5 * found.gain)))
    assert found.worst_error == pytest.approx(max(y11, 1 - y01, y00), rel=1e-4)


def test_the_proved_error_is_no_less_than_the_measured_one(xor):
    assert xor.constructed.worst_error <= xor.constructed.certified <= xor.constructed.bound * 1.001


def test_the_circuit_of_the_best_network_is_the_function(xor):
    assert (xor.recovered.guarantee, xor.recovered.size, xor.recovered.wrong_rows) == ("structural", "3 units", 0)
    assert circuits.evaluate(xor.recovered.circuit, circuits.rows(2)).tolist() == [[False], [True], [True], [False]]


def test_the_error_falls_with_the_gain(xor):
    assert len(xor.constructed.gains) == len(xor.constructed.worst_errors)
    steep = xor.constructed.worst_errors[xor.constructed.gains > 4]
    assert (np.diff(steep) < 0).all()


def test_some_but_not_all_small_networks_learn_xor(xor):
    learned = xor.learned
    assert learned.sizes == (2, 2, 1)
    assert 0 < learned.n_solved < learned.n_seeds == 64
    assert learned.n_hardened <= learned.n_solved
    assert learned.n_solved == learned.solved_at[-1].sum()


def test_median_steps_are_those_after_which_no_row_is_wrong_again(xor):
    learned = xor.learned
    settled = []
    for seed in np.flatnonzero(learned.solved_at[-1]):
        check = len(learned.steps) - 1
        while check > 0 and learned.solved_at[check - 1, seed]:
            check -= 1
        settled.append(learned.steps[check])
    assert learned.median_steps == np.median(settled)


def test_histories_have_one_entry_a_check_and_a_seed(xor):
    learned = xor.learned
    assert learned.steps.tolist() == list(range(10, 1001, 10))
    assert learned.losses.shape == learned.solved_at.shape == (100, 64)
    # Eq. 10 with all four outputs within 1/2 of the target: at most 1/8 on average.
    assert (learned.losses[learned.solved_at] < 1 / 8).all()


def test_surfaces_agree_with_the_function_at_the_four_corners(xor):
    assert xor.surfaces.shape == (3, len(comparison.SQUARE), len(comparison.SQUARE))
    nearest = [int(np.abs(comparison.SQUARE - corner).argmin()) for corner in (0, 1)]
    for surface in xor.surfaces:
        for a in (0, 1):
            for b in (0, 1):
                # The second input runs along the first axis.
                assert (surface[nearest[b], nearest[a]] > 0.5) == (a ^ b)
    assert set(np.unique(xor.surfaces[0])) == {0, 1}


@pytest.mark.slow
def test_surfaces_tell_the_first_input_from_the_second():
    study = compare(circuits.parse("a & ~b"), seeds=8, steps=500, progress=False)
    nearest = [int(np.abs(comparison.SQUARE - corner).argmin()) for corner in (0, 1)]
    for surface in study.surfaces:
        assert surface[nearest[0], nearest[1]] > 0.5 > surface[nearest[1], nearest[0]]


@pytest.mark.slow
def test_no_seed_solves_what_has_no_time_and_the_result_says_none():
    study = compare(circuits.library.parity(4), seeds=4, steps=10, progress=False)
    learned = study.learned
    assert (learned.n_solved, learned.median_steps, learned.worst_error, learned.n_hardened) == (0, None, None, 0)
    assert study.surfaces is None


@pytest.mark.slow
def test_the_same_seed_gives_the_same_study_and_another_seed_another():
    studies = [compare(circuits.parse("a | b"), seeds=4, steps=50, seed=s, progress=False) for s in (0, 0, 1)]
    assert np.array_equal(studies[0].learned.losses, studies[1].learned.losses)
    assert not np.array_equal(studies[0].learned.losses, studies[2].learned.losses)


@pytest.mark.slow
def test_several_outputs_are_right_only_together():
    study = compare(circuits.read(circuits.c17_path), seeds=8, steps=1000, progress=False)
    assert (study.n_inputs, study.n_outputs, study.n_gates, study.depth) == (5, 2, 6, 3)
    assert study.threshold == (6, 3, 0, 3)
    assert study.learned.sizes == (5, 5, 2)
    assert study.learned.n_solved > 0


@pytest.mark.slow
def test_beyond_sixteen_inputs_rows_are_sampled_all_different_and_trained_in_batches():
    study = compare(circuits.library.and_(17), seeds=2, steps=100, progress=False)
    assert not study.exhaustive
    assert 2**14 < study.n_rows <= 2**16
    assert study.threshold.wrong_rows == 0


def test_sampled_rows_are_different_and_fewer_for_a_large_circuit():
    rows = comparison.sampled_rows(40, 100, seed=3)
    assert rows.shape[1] == 40
    assert 2**16 * 7 // 8 < len(rows) <= 2**16
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert np.abs(rows.mean(axis=0) - 0.5).max() < 0.02
    assert 240 < len(comparison.sampled_rows(40, 10**6, seed=3)) <= 2**28 // (10**6 + 40)


def test_a_circuit_without_inputs_is_refused(error):
    assert error(ValueError, compare, circuits.parse("1")) == (
        "compare: expected at least one input and one output, got Circuit(0 inputs, 1 outputs, 1 gates)."
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"error": 0.5}, "compare: expected an error between 0 and 1/2, got 0.5."),
        ({"step_size": 0.0}, "compare: expected a positive step size, got 0.0."),
        ({"seeds": 0}, "compare: expected seeds to be at least 1, got 0."),
        ({"steps": 0}, "compare: expected steps to be at least 1, got 0."),
        ({"seed": -1}, "compare: expected seed in 0..4294967295, got -1."),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, message, error):
    assert error(ValueError, compare, circuits.parse("a"), **wrong) == message


@pytest.mark.parametrize("name", ["seeds", "steps", "seed"])
@pytest.mark.parametrize("wrong", [True, 2.0])
def test_what_is_no_whole_number_is_refused(name, wrong, error):
    assert error(TypeError, compare, circuits.parse("a"), **{name: wrong}) == (
        f"compare: expected {name} to be a whole number, got {wrong!r}."
    )


def test_what_is_no_circuit_is_refused(error):
    assert error(TypeError, compare, circuits.ThresholdUnit([1], 1)) == (
        "compare: expected a Circuit, got ThresholdUnit. circuits.to_circuit makes one of units."
    )


def test_a_diverged_network_has_solved_nothing():
    two = np.int64(2)
    study = compare(circuits.parse("a & b"), seeds=two, steps=np.int64(10), seed=two, step_size=1e38, progress=False)
    assert study.learned.n_solved == 0
    assert np.isnan(study.learned.losses).all()


def test_an_output_that_is_an_input_needs_no_unit_and_hardening_replaces_sigmoids_by_steps():
    study = compare(circuits.parse("y = a; z = a | b"), seeds=8, steps=1000, progress=False)
    assert study.threshold == (1, 1, 0, 1)
    assert study.constructed.worst_error <= 0.1
    # Single neurons that are on the right side of 1/2 in every row are so with a step as well.
    assert study.learned.n_hardened == study.learned.n_solved == 8
    assert isinstance(study.learned.losses, np.ndarray)


def test_a_study_is_shown_without_its_arrays(xor):
    assert repr(xor) == (
        "Comparison('XOR', 4 rows, Threshold(n_units=2, depth=2, wrong_rows=0, n_mapped=2), "
        "Constructed(gain 7.19, worst error 0.0388), "
        f"Learned(2-2-1, solved by {xor.learned.n_solved} of 64 seeds))"
    )


@pytest.mark.slow
def test_a_sample_has_rows_on_which_a_wide_and_is_true():
    study = compare(circuits.library.and_(24), seeds=2, steps=10, progress=False)
    assert study.n_constant == 0
    assert study.threshold.wrong_rows == 0
    constant = compare(circuits.parse("a & ~a", inputs=["a", "b"]), seeds=2, steps=10, progress=False)
    assert constant.n_constant == 1
