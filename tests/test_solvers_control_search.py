"""Branch and bound on control problems: optima by brute force, rollouts, relaxations, bounds that improve."""

import dataclasses

import numpy as np
import pytest
from control_cases import optimum, random_cost, random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from copt.problems.control import ControlProblem, KeepOut, Plan, check, objective, states_of
from copt.problems.control_cost import Cost, Norm
from copt.problems.relu import ReluNet
from copt.solvers.control import search as search_module
from copt.solvers.control.horizon import Horizon, Reach
from copt.solvers.control.neighbourhoods import Descent
from copt.solvers.control.relaxation import Relaxation
from copt.solvers.control.search import Search
from copt.solvers.control.trace_kernels import EITHER, OFF, PASS, express, trace
from copt.solvers.control.tree import model_of, roomier

EXACT = 1e-6  # relative: brute force keeps rows to 1e-7 of their scale


def rooted(problem: ControlProblem, **options: object) -> Search:
    horizon = Horizon(problem)
    reach = horizon.reach(*horizon.box())
    assert reach is not None
    return Search(horizon, reach, **options)  # type: ignore[arg-type]


def hopeless(problem: ControlProblem) -> bool:
    """Whether bounds alone tell that limits cannot be kept."""
    horizon = Horizon(problem)
    return horizon.reach(*horizon.box()) is None


def solved(problem: ControlProblem, **options: object) -> Search:
    """Search to the end, and compare with the least cost by brute force."""
    search, best = rooted(problem, **options), optimum(problem)
    while not search.done:
        search.run(100)
    if best == np.inf:
        assert (search.value, search.bound, search.actions) == (np.inf, np.inf, None)
        return search
    assert search.value == pytest.approx(best, rel=EXACT, abs=EXACT)
    assert search.bound == pytest.approx(search.value, rel=1e-8, abs=1e-8)
    if search.actions is not None:
        plan = Plan(search.actions)
        assert objective(problem, plan) == pytest.approx(search.value, abs=1e-9)
        assert check(problem, plan) == []
    return search


def triangle(seed: int, size: float = 0.4) -> KeepOut:
    """A region around a random point."""
    rows = np.array([[1.0, 0.0], [-1.0, 1.0], [-0.5, -1.0]])
    return KeepOut(rows, rows @ np.random.default_rng(seed).normal(size=2) + size)


@pytest.mark.parametrize("norm", ["l1", "linf"])
@pytest.mark.parametrize("seed", range(8))
def test_the_optimum_is_that_of_all_patterns(norm: Norm, seed: int) -> None:
    solved(random_problem(seed, units=3, cost=random_cost(seed, 2, 1, norm=norm)))


@pytest.mark.parametrize("seed", range(6))
def test_limits_of_states_are_kept(seed: int) -> None:
    problem = random_problem(seed, actions=2, x_lower=[-1.0, -np.inf], x_upper=[np.inf, 0.5])
    if hopeless(problem):
        assert optimum(problem) == np.inf
    else:
        solved(problem)


@pytest.mark.parametrize("seed", range(6))
def test_regions_are_kept_out_of(seed: int) -> None:
    solved(random_problem(seed, keep_out=(triangle(seed), triangle(seed + 50, 0.2))))


def test_a_known_plan_is_improved_or_proved() -> None:
    problem = random_problem(3, units=3)
    best = solved(problem)
    assert best.actions is not None
    again = solved(problem, start=best.actions, value=best.value)
    assert again.actions is None
    worse = Plan(np.zeros((2, 1)))
    other = solved(problem, start=worse.actions, value=objective(problem, worse))
    assert other.value == pytest.approx(best.value, abs=1e-9)


def test_a_gap_that_will_do_ends_early() -> None:
    problem = random_problem(1, units=8, horizon=4)
    exact, rough = rooted(problem), rooted(problem, gap=0.2)
    for search in (exact, rough):
        while not search.done:
            search.run(50)
    assert rough.value * 0.8 - 1e-9 <= rough.bound <= exact.value <= rough.value


@pytest.mark.parametrize("seed", range(4))
def test_tightening_changes_nothing_but_the_bounds(seed: int) -> None:
    problem = random_problem(seed, units=6, horizon=4, actions=2)
    plain, tight = rooted(problem), rooted(problem)
    root = tight.bound
    tight.tighten()
    assert tight.bound >= root
    for search in (plain, tight):
        while not search.done:
            search.run(1000)
    assert tight.value == pytest.approx(plain.value, abs=1e-8)
    assert tight.bound == pytest.approx(plain.bound, abs=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_known_of_plans_that_are_not_better(seed: int) -> None:
    problem = random_problem(seed, units=3)
    best = optimum(problem)
    rng = np.random.default_rng(seed)
    for actions in rng.uniform(-1, 1, (10, 2, 1)):
        value = objective(problem, Plan(actions))
        search = rooted(problem, start=actions, value=value, gap=0.5)
        if not search.done:
            search.tighten()
        assert search.bound <= best + EXACT


def test_a_region_that_is_left_by_tolerance_only_has_a_face() -> None:
    def beyond(limit: float) -> tuple[Horizon, Reach]:
        horizon = Horizon(random_problem(0, horizon=1, keep_out=(KeepOut(np.array([[1.0, 0.0]]), np.array([limit])),)))
        reach = horizon.reach(*horizon.box())
        assert reach is not None
        return horizon, reach

    horizon, reach = beyond(-1.0)
    most = float(reach.bounds.upper[-1][horizon.faces[0].start])
    assert np.diff(Relaxation(*beyond(most + 5e-7)).regions).tolist() == [1]


def test_bounds_are_tightened_only_if_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "PATIENT", 0)
    tightened: list[Search] = []
    monkeypatch.setattr(Search, "tighten", lambda search: tightened.append(search))
    search = rooted(random_problem(1, units=8, horizon=4))
    search.run(5, seconds=0.0)
    assert not search.done
    assert tightened == []
    search.run(5)
    assert tightened == [search]


def test_moments_add_up_to_a_search() -> None:
    problem = random_problem(1, units=8, horizon=4)
    whole, parts = rooted(problem), rooted(problem)
    while not whole.done:
        whole.run(1000)
    while not parts.done:
        parts.advance(0.0)
        assert parts.took > 0.0
    assert parts.value == pytest.approx(whole.value, abs=1e-9)


def test_regions_out_of_reach_are_no_choice() -> None:
    # from 0, with steps of at most 1, the region from 1.5 to 2.5 is entered in the second step at the earliest
    region = KeepOut(np.array([[1.0], [-1.0]]), np.array([2.5, -1.5]))
    dynamics = ReluNet(2, (np.array([[1.0, 1.0]]),), (np.zeros(1),))
    one = np.ones(1)
    problem = ControlProblem(
        dynamics=dynamics,
        start=0.0 * one,
        horizon=3,
        cost=Cost(goal=3.0 * one, state=one),
        u_lower=-one,
        u_upper=one,
        keep_out=(region,),
    )
    horizon = Horizon(problem)
    reach = horizon.reach(*horizon.box())
    assert reach is not None
    assert horizon.entered(reach) == horizon.faces[1:]
    # the best plan waits at 1.5 after one step, or two, and steps to 2.5
    assert solved(problem).value == pytest.approx(2.0 + 1.5 + 0.5, abs=1e-6)


def test_open_nodes_find_more_room() -> None:
    problem = random_problem(5, units=6, horizon=4, actions=2)
    search, twin = rooted(problem), rooted(problem)
    search.run(50)
    before = search.bound
    for _ in range(2):
        search._tree = roomier(search._tree)
    assert search.bound == before
    for own in (search, twin):
        while not own.done:
            own.run(50)
    assert search.value == pytest.approx(twin.value, abs=1e-9)


@given(st.integers(0, 1000), st.sampled_from(["l1", "linf", "quadratic"]))
@settings(max_examples=30, deadline=None)
def test_traces_are_rollouts(seed: int, norm: Norm) -> None:
    cost = random_cost(seed, 2, 2, norm=norm)
    problem = random_problem(
        seed, actions=2, units=4, horizon=3, cost=cost, keep_out=(triangle(seed),), x_upper=[0.5, 9]
    )
    actions = np.random.default_rng(seed).uniform(-1, 1, (3, 2))
    model = model_of(Horizon(problem))
    model.inputs[:] = np.append(problem.start, actions)
    value, violation = trace(model)
    plan = Plan(actions)
    assert value == pytest.approx(objective(problem, plan), rel=1e-12)
    assert (violation == 0.0) == (check(problem, plan) == [])
    states = states_of(problem, plan)
    beyond = np.maximum(states - [0.5, 9.0], 0).sum() + np.maximum(problem.keep_out[0].depth(states), 0).sum()
    assert violation == pytest.approx(beyond, abs=1e-4)


def test_expressions_are_what_enters() -> None:
    problem = random_problem(2, actions=2, units=4, horizon=3)
    horizon = Horizon(problem)
    net, rng = horizon.net, np.random.default_rng(0)
    x = np.append(problem.start, rng.uniform(-1, 1, 6))
    phases = net.phases(x[None])[0]
    either = np.flatnonzero((net.kind == 0) & (rng.random(net.units) < 0.5))
    known = np.where(phases == 1, PASS, OFF).astype(np.int8)
    known[either] = EITHER
    place, columns = np.zeros(net.units, dtype=np.int64), np.full(net.inputs, -1)
    columns[4:] = np.arange(net.inputs - 4)
    place[either] = net.inputs - 4 + np.arange(either.size)
    forms = np.empty((net.units + net.outputs, net.inputs - 4 + either.size + 1))
    express(horizon.crown.net, known, place, x, columns, forms)
    entering = net.preactivations(x[None])[0]
    point = np.concatenate([x[4:], np.maximum(entering[either], 0.0), [1.0]])
    expected = np.append(entering, net.forward(x[None])[0])
    assert forms @ point == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 500))
@settings(max_examples=25, deadline=None)
def test_every_plan_is_a_point_of_the_relaxation(seed: int) -> None:
    problem = random_problem(seed, actions=2, units=4, horizon=3, cost=random_cost(seed, 2, 2, norm="l1"))
    horizon = Horizon(problem)
    reach = horizon.reach(*horizon.box())
    assert reach is not None
    program = Relaxation(horizon, reach)
    actions = np.random.default_rng(seed).uniform(-1, 1, (3, 2))
    x = horizon.inputs(actions)
    entering = horizon.net.preactivations(x[None])[0]
    terms = horizon.net.forward(x[None])[0] + horizon.offsets
    own = program.inputs.size
    columns = np.zeros(program.goal.size - 1)
    columns[:own] = (x[program.inputs] - program.scale[0]) / program.scale[1]
    columns[own:][: program.units.size] = np.maximum(entering[program.units], 0.0) / program.sizes[:, 1]
    low, high = reach.bounds.lower[-1] + horizon.offsets, reach.bounds.upper[-1] + horizon.offsets
    mixed = (low < 0) & (high > 0)
    columns[own + program.units.size :] = np.maximum(terms, 0.0)[mixed] / high[mixed]
    values = np.append(columns, program.rows @ np.append(columns, 1.0))
    assert (values >= program.bounds[0] - 1e-9).all()
    assert (values <= program.bounds[1] + 1e-9).all()
    assert program.goal @ np.append(columns, 1.0) == pytest.approx(objective(problem, Plan(actions)), abs=1e-9)
    assert values[-1] * program.cost_size == pytest.approx(objective(problem, Plan(actions)), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_a_descent_never_loses_and_reaches_the_optimum_of_small_problems(seed: int) -> None:
    problem = random_problem(seed, actions=2, units=3, horizon=3)
    start = Plan(np.zeros((3, 2)))
    descent = Descent(Horizon(problem), start.actions, objective(problem, start), seed)
    values = [descent.value]
    while descent.stale < 12:
        descent.step(lambda: np.inf)
        values.append(descent.value)
    assert values == sorted(values, reverse=True)
    assert objective(problem, Plan(descent.actions)) == pytest.approx(descent.value, abs=1e-9)
    best = rooted(problem)
    while not best.done:
        best.run(1000)
    assert descent.value == pytest.approx(best.value, rel=1e-6)


def test_a_descent_keeps_what_it_stands_on_when_told_to_stop() -> None:
    problem = random_problem(0, units=3, horizon=3)
    start = Plan(np.zeros((3, 1)))
    descent = Descent(Horizon(dataclasses.replace(problem)), start.actions, objective(problem, start), 0)
    descent.step(lambda: 0.0)
    assert descent.value <= objective(problem, start)
    assert check(problem, Plan(descent.actions)) == []
