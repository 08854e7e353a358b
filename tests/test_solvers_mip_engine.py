"""Programs from first to last: status, value and bound, with a partner and without."""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import any_mips, make_mip, solve_with_scip
from plugin_cases import CASES, Cast, Scripted
from pyscipopt.scip import PY_SCIP_STAGE as STAGE

import copt
from copt import Status, StopReason
from copt.errors import InvalidSolutionError
from copt.events import Silent
from copt.instances.mip_generators import knapsacks, set_cover
from copt.instances.mip_scip import from_scip
from copt.monitor import Monitor
from copt.problems.mip import MIP, Point, check, objective, toy
from copt.solvers.mip import master, partner
from copt.solvers.mip.duality import bound_of
from copt.solvers.mip.partner import Partner, Task
from copt.stop import Stop

INF = np.inf
FREE = {"lower": [-INF, -INF], "upper": [INF, INF]}
EMPTY: dict[str, Any] = {"costs": [], "lower": [], "upper": [], "integer": [], "columns": [], "coefficients": []}

both = pytest.mark.parametrize("workers", [1, 2])


def no_columns(low: float, high: float) -> MIP:
    return MIP(**EMPTY, starts=[0, 0], row_lower=[low], row_upper=[high], offset=3.0)  # type: ignore[arg-type]


OPTIMA: dict[str, tuple[MIP, float]] = {
    "toy": (toy(), 19),
    "only continuous": (make_mip([[1, 1]], **FREE, integer=[False] * 2, row_lower=[-3.5], row_upper=[4]), -3.5),
    "free integers": (make_mip([[1, 1]], **FREE, row_lower=[-3.5], row_upper=[4]), -3),
    "only equations": (make_mip([[3, 5, 7]], upper=[9] * 3, row_lower=[29], row_upper=[29]), 5),
    "no rows": (make_mip(np.zeros((0, 3)), costs=[1, -1, 2]), -1),
    "no variables": (make_mip(np.zeros((0, 0)), offset=2.5), 2.5),
    "an empty row": (no_columns(-1, 2), 3),
    "no objective": (make_mip([[1, 1]], costs=[0, 0]), 0),
    "tenths": (make_mip([[1, 1, 1]], costs=[0.1, 0.2, 0.3], row_lower=[3], row_upper=[3]), 0.6),
    "maximised": (make_mip([[2, 3]], costs=[5, 6], row_upper=[4], maximise=True, offset=-1), 5),
}
INFEASIBLE: dict[str, MIP] = {
    "by parity": make_mip([[2, 2]], upper=[9, 9], row_lower=[7], row_upper=[7]),
    "by the limits of a row": make_mip([[1, 1]], row_lower=[3], row_upper=[2]),
    "by the bounds of a variable": make_mip([[1, 1]], lower=[2, 0]),
    "by integrality": make_mip([[1, 1]], lower=[0.3, 0], upper=[0.7, 1]),
    "by an empty row": no_columns(1, 2),
    "though its cost has no limit": make_mip(
        [[1, -1], [1, -1]], upper=[INF] * 2, maximise=True, row_lower=[1, -INF], row_upper=[INF, 0]
    ),
    "by parity, without bounds": make_mip([[2, -2, 0]], upper=[INF] * 3, maximise=True, row_lower=[1], row_upper=[1]),
}


@both
@pytest.mark.parametrize("name", OPTIMA)
def test_optimal(name: str, workers: int) -> None:
    instance, optimum = OPTIMA[name]
    result = copt.solve(instance, workers=workers)
    assert (result.status, result.objective, result.bound) == (Status.OPTIMAL, optimum, optimum)
    assert result.stopped_by is StopReason.PROVED
    assert check(instance, result.solution) == []


@both
@pytest.mark.parametrize("name", INFEASIBLE)
def test_infeasible(name: str, workers: int) -> None:
    result = copt.solve(INFEASIBLE[name], workers=workers)
    assert (result.status, result.solution, result.bound) == (Status.INFEASIBLE, None, None)
    assert result.stopped_by is StopReason.PROVED


@both
@pytest.mark.parametrize("whole", [True, False])
def test_unbounded(workers: int, whole: bool) -> None:
    instance = make_mip([[1, -1]], upper=[INF, INF], integer=[whole] * 2, maximise=True)
    result = copt.solve(instance, workers=workers)
    assert (result.status, result.bound, result.stopped_by) == (Status.UNBOUNDED, None, StopReason.PROVED)
    assert result.to_dict()["status"] == "unbounded"
    assert result.trace.bounds == ()


@settings(deadline=None, max_examples=40)
@given(any_mips, st.integers(1, 2))
def test_random_programs_are_optimal_infeasible_or_unbounded(instance: MIP, workers: int) -> None:
    result = copt.solve(instance, workers=workers)
    feasible = solve_with_scip(replace(instance, costs=np.zeros(instance.num_variables))) is not None
    assert feasible is (result.status is not Status.INFEASIBLE)
    if result.status is Status.UNBOUNDED:
        small, large = (solve_with_scip(boxed(instance, size)) for size in (1e3, 1e4))
        assert small is not None and large is not None
        assert instance.sign * large < instance.sign * small - 1
    elif feasible:
        assert result.status is Status.OPTIMAL
        assert result.objective == pytest.approx(solve_with_scip(instance), abs=1e-6)


def boxed(instance: MIP, size: float) -> MIP:
    return replace(instance, lower=np.maximum(instance.lower, -size), upper=np.minimum(instance.upper, size))


@pytest.mark.parametrize("name", CASES)
def test_models_with_more_than_rows(name: str) -> None:
    model, again = CASES[name](), CASES[name]()
    again.optimize()
    result = copt.solve(from_scip(model, name))
    words = {"optimal": Status.OPTIMAL, "infeasible": Status.INFEASIBLE, "unbounded": Status.UNBOUNDED}
    assert result.status is words[again.getStatus()]
    if result.status is Status.OPTIMAL:
        assert result.objective == pytest.approx(again.getObjVal(), abs=1e-6)


HARD = knapsacks(items=200, constraints=10, seed=1)


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_hardly_any_time(seconds: float) -> None:
    result = copt.solve(HARD, seconds=seconds)
    assert result.stopped_by is StopReason.TIME
    assert result.status in (Status.UNKNOWN, Status.FEASIBLE)


def test_a_gap_and_a_target_end_it() -> None:
    result = copt.solve(HARD, gap=0.05)
    assert result.stopped_by is StopReason.GAP
    assert result.gap is not None and 0 < result.gap <= 0.05
    assert result.objective is not None
    target = result.objective - 1
    aimed = copt.solve(HARD, target=target)
    assert aimed.stopped_by is StopReason.TARGET
    assert aimed.objective is not None and aimed.objective >= target


def test_the_bound_of_the_first_relaxation_is_heard_while_scip_cuts() -> None:
    """From an optimum, no better point draws attention to it: 215.2 is the relaxation, 217 what cuts make of it."""
    instance = set_cover(rows=100, columns=150, density=0.08, seed=3)
    start = copt.solve(instance, workers=1).solution
    result = copt.solve(instance, workers=1, start=start)
    assert result.objective == 217
    assert any(abs(bound - 215.2) <= 1e-6 for _, bound in result.trace.bounds)


def test_a_start_is_the_first_incumbent_and_a_wrong_one_is_refused() -> None:
    result = copt.solve(toy(), start=Point(np.array([1.0, 0.0, 0.0])))
    assert result.trace.incumbents[0][1] == 10
    assert result.objective == 19
    with pytest.raises(InvalidSolutionError, match="start is not a solution of toy-mip: bounds: b = 2"):
        copt.solve(toy(), start=Point(np.array([2.0, 0.0, 0.0])))


class Stopper(Silent):
    """Presses Ctrl-C at the first incumbent, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.pressed = error, False

    def on_incumbent(self, *_: Any) -> None:
        if self.error is not None:
            raise self.error
        if not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)


@both
def test_ctrl_c_returns_the_incumbent(workers: int) -> None:
    result = copt.solve(HARD, events=Stopper(), workers=workers)
    assert (result.status, result.stopped_by) == (Status.FEASIBLE, StopReason.USER)
    assert check(HARD, result.solution) == []


class Impatient(Silent):
    """Ends the solve, once, when SCIP has a bound above 1."""

    ended = False

    def on_bound(self, seconds: float, bound: float, *_: Any) -> None:
        if bound > 1 and not self.ended:
            self.ended = True
            os.kill(os.getpid(), signal.SIGINT)


def test_what_scip_leaves_of_its_tree_when_it_ends_is_no_bound() -> None:
    """It says that nothing is better than its best point, since no node is left."""
    cover = set_cover(rows=200, columns=400, density=0.05, seed=1)
    result = copt.solve(cover, workers=1, events=Impatient())
    assert result.stopped_by is StopReason.USER
    assert result.bound is not None
    assert result.bound <= 377  # the optimum
    assert result.status is Status.FEASIBLE


def test_a_second_ctrl_c_takes_no_memory_from_scip_while_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: master.Master) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(master.Master, "_interrupt", interrupt)
    with pytest.raises(KeyboardInterrupt):
        copt.solve(HARD, events=Stopper(), workers=1)
    for thread in threading.enumerate():
        if thread.name == "copt-scip":
            thread.join()


@both
def test_an_error_of_a_listener_ends_the_solve_and_reaches_the_caller(workers: int) -> None:
    with pytest.raises(RuntimeError, match="listener"):
        copt.solve(HARD, events=Stopper(RuntimeError("listener")), workers=workers)


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> Cast:
    made = Cast()
    monkeypatch.setattr(partner, "Partner", made)
    monkeypatch.setattr("plugin_cases.Scripted.records", {}, raising=False)
    return made


def test_points_of_the_partner_become_incumbents_and_wrong_ones_do_not(cast: Cast) -> None:
    wrong, right = np.ones(200), np.zeros(200)
    right[3] = 1
    cast.points = [wrong, right]
    result = copt.solve(HARD, workers=2, gap=0.02)
    values = [value for _, value in result.trace.incumbents]
    assert max(values) < objective(HARD, Point(wrong))
    assert cast.made[0].ended
    assert all(check(HARD, Point(values)) == [] for values in cast.made[0].heard)
    assert cast.tasks[0].instance.source is None


def test_prices_of_the_partner_become_a_bound() -> None:
    monitor, duals = Monitor(Stop(), Silent(), sign=HARD.sign), np.full(HARD.num_rows, -0.1)
    known: Any = Scripted(duals=duals)
    alone = master.Master(HARD, monitor, 0, partner=known)
    alone._receive()
    assert monitor.lower_bound == bound_of(HARD, duals)
    known.duals = None
    alone._receive()
    assert len(monitor.trace().bounds) == 1


def test_without_a_process_scip_works_alone(cast: Cast) -> None:
    cast.points = OSError(11, "too many processes")
    result = copt.solve(toy(), workers=2)
    assert (result.status, result.objective) == (Status.OPTIMAL, 19)
    assert result.notes[0] == "SCIP works alone: no process could be started beside it (too many processes)"


def test_a_partner_that_dies_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(task: Task) -> Partner:
        dead = Partner(task)
        os.kill(dead.pid, 9)
        return dead

    monkeypatch.setattr(partner, "Partner", start)
    assert copt.solve(HARD, workers=2, gap=0.02).stopped_by is StopReason.GAP


def children() -> set[str]:
    """The processes that this one has begun and not yet buried, where the system tells; other tests may have some."""
    return {name for path in Path("/proc/self/task").glob("*/children") for name in path.read_text().split()}


def test_no_process_and_no_file_stays_open() -> None:
    copt.solve(toy(), workers=2)
    before = len(os.listdir("/dev/fd")), children()
    copt.solve(HARD, workers=2, gap=0.05)
    assert (len(os.listdir("/dev/fd")), children()) == before


def test_a_point_that_scip_takes_and_the_checker_does_not_is_repaired(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if SCIP's tolerances were wide: its points have every continuous variable off by a thousandth."""
    instance = make_mip([[2, 1]], upper=[5, 9], integer=[True, False], costs=[1, 3], row_lower=[7.5], row_upper=[9.0])

    def off(model: Any, variables: Any) -> Any:
        return np.array([model.getSolVal(model.getBestSol(), variable) for variable in variables]) - [0, 1e-3]

    monkeypatch.setattr(master, "best_values", off)
    result = copt.solve(instance, workers=1)
    assert (result.status, result.objective) == (Status.OPTIMAL, 4)
    hopeless = from_scip(CASES["SOS1"](), "exclusive")
    monkeypatch.setattr(master, "best_values", lambda *_: np.full(5, 99.0))
    result = copt.solve(hopeless, workers=1)
    assert (result.status, result.solution) == (Status.UNKNOWN, None)
    assert result.notes == ("SCIP's optimum, 5, is no point that the checker accepts",)
    assert result.bound == 5


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_values_are_the_same_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs, values = rng.normal(size=50) * 10.0 ** rng.integers(-9, 9, 50), rng.normal(size=50)
    order = rng.permutation(50)
    one = make_mip(np.zeros((0, 50)), costs=costs)
    other = make_mip(np.zeros((0, 50)), costs=costs[order])
    assert objective(one, Point(values)) == objective(other, Point(values[order]))


def test_scip_is_not_asked_to_end_on_its_way_from_one_stage_to_the_next() -> None:
    """Events come there too, and asking raises; the thread that waits for SCIP asks again."""

    class Between:
        asked, stage = 0, STAGE.EXITPRESOLVE

        def interruptSolve(self) -> None:
            Between.asked += 1
            raise RuntimeError("SCIP: method cannot be called at this time in solution process!")

        def getStage(self) -> Any:
            return self.stage

    model = Between()
    master._ask_to_end(model)
    assert Between.asked == 0
    model.stage = STAGE.SOLVING
    master._ask_to_end(model)
    assert Between.asked == 1
