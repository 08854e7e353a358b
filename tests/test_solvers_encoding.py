"""CP-SAT on encodings against brute force."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from ortools.sat.python import cp_model
from scheduling_cases import encodings, project
from solvers_cases import optimum_of_encoding, unlimited

import copt
from copt.problems.encoding import Encoding, Intervals, check, objective, toy
from copt.result import Status, StopReason
from copt.solvers import encoding as solver
from copt.solvers.encoding import EncodingModel


def simple(size: list[int], before: list[list[int]], resource: list[int]) -> Encoding:
    """Mandatory intervals with precedences and one resource."""
    return Encoding(
        size=np.array(size),
        earliest=np.zeros(len(size), dtype=np.int64),
        before=np.array(before, dtype=np.int64).reshape(-1, 2),
        resource_items=np.array(resource, dtype=np.int64),
        resource_offsets=np.array([0, len(resource)]),
        masters=np.array([], dtype=np.int64),
        option_items=np.array([], dtype=np.int64),
        option_offsets=np.array([0]),
    )


def stretched(instance: Encoding, solution: Intervals) -> Intervals:
    """Delay every present interval by 7."""
    present = solution.start >= 0
    return Intervals(np.where(present, solution.start + 7, -1), np.where(present, solution.end + 7, -1))


def test_toy_and_project_are_proved() -> None:
    for instance, value in ((toy(), 11), (project(), 8)):
        result = copt.solve(instance, seconds=60, workers=1)
        assert result.objective == result.bound == value
        assert (result.status, result.stopped_by) == (Status.OPTIMAL, StopReason.PROVED)
        assert result.solver == "cp-sat"
        assert check(instance, result.solution) == []


@given(encodings(max_tasks=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_encodings_reach_the_brute_force_optimum(instance: Encoding) -> None:
    monitor = unlimited()
    solver.solve(instance, monitor, start=None, policy=None, workers=1, seed=0)
    assert monitor.best == monitor.lower_bound == optimum_of_encoding(instance)
    assert check(instance, monitor.solution) == []
    assert objective(instance, monitor.solution) == monitor.best


@given(encodings(max_tasks=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hint_covers_every_variable_and_is_feasible(instance: Encoding) -> None:
    monitor = unlimited()
    solver.solve(instance, monitor, start=None, policy=None, workers=1, seed=0)
    hint = stretched(instance, monitor.solution)
    built = EncodingModel(instance, upper=objective(instance, hint), hint=hint)
    proto = built.model.proto
    assert sorted(proto.solution_hint.vars) == list(range(len(proto.variables)))
    fixed = cp_model.CpSolver()
    fixed.parameters.fix_variables_to_their_hinted_value = True
    assert fixed.solve(built.model) == cp_model.OPTIMAL
    value, solution = built.read(fixed.value)
    assert value == objective(instance, hint)
    assert np.array_equal(solution.start, hint.start) and np.array_equal(solution.end, hint.end)


def test_upper_and_lower_bound_the_objective() -> None:
    cases = [(simple([4, 5], [], [0, 1]), 9)]
    late = simple([4, 5], [], [0, 1])
    cases.append((Encoding(**{**vars(late), "due": np.array([3, 4]), "weights": np.array([2, 1])}), 7))
    for instance, best in cases:
        search = cp_model.CpSolver()
        assert search.solve(EncodingModel(instance, upper=best - 1).model) == cp_model.INFEASIBLE
        assert search.solve(EncodingModel(instance, upper=best, lower=best).model) == cp_model.OPTIMAL
        assert search.objective_value == best
        assert search.solve(EncodingModel(instance, lower=best).model) == cp_model.OPTIMAL
        assert search.objective_value == best


def test_an_upper_bound_below_the_earliest_start_is_refuted() -> None:
    instance = Encoding(**{**vars(simple([4], [], [])), "earliest": np.array([50])})
    assert cp_model.CpSolver().solve(EncodingModel(instance, upper=20).model) == cp_model.INFEASIBLE


def test_an_empty_interval_may_lie_inside_another_on_its_resource() -> None:
    result = copt.solve(simple([2, 0, 4, 6], [[0, 1], [1, 2]], [1, 3]), seconds=60, workers=1)
    assert result.objective == result.bound == 6


def test_empty_intervals_in_a_circle_still_count_for_the_makespan() -> None:
    circle = simple([0, 0], [[0, 1], [1, 0]], [])
    result = copt.solve(Encoding(**{**vars(circle), "earliest": np.array([3, 0])}), seconds=60, workers=1)
    assert result.objective == result.bound == 3


def test_precedences_in_a_circle_are_infeasible() -> None:
    result = copt.solve(simple([1, 2], [[0, 1], [1, 0]], []), seconds=60, workers=1)
    assert (result.status, result.solution, result.bound) == (Status.INFEASIBLE, None, None)
    assert result.stopped_by is StopReason.PROVED


def test_an_interval_twice_on_a_resource_is_infeasible() -> None:
    assert copt.solve(simple([2], [], [0, 0]), seconds=60, workers=1).status is Status.INFEASIBLE


def test_start_is_kept_when_nothing_better_exists() -> None:
    best = copt.solve(toy(), seconds=60, workers=1).solution
    result = copt.solve(toy(), seconds=60, workers=1, start=best)
    assert result.trace.incumbents[0][1] == 11 and len(result.trace.incumbents) == 1
    assert result.status is Status.OPTIMAL


@pytest.mark.parametrize("target", [15, 12])
def test_target_ends_the_search(target: int) -> None:
    result = copt.solve(toy(), seconds=60, workers=1, target=target)
    assert result.objective is not None and result.objective <= target
    assert result.stopped_by in (StopReason.TARGET, StopReason.PROVED)
