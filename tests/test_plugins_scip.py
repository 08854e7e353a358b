"""A partner attached to somebody's own SCIP model changes nothing but how soon points are found."""

import gc
import os
import signal
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_cases import BEYOND, CASES, Cast, blank, knapsack, model_of, until
from pyscipopt.scip import PY_SCIP_RESULT as RESULT
from pyscipopt.scip import Conshdlr, Pricer

import copt
from copt.errors import CoptError
from copt.instances.mip_generators import knapsacks, set_cover
from copt.plugins import scip
from copt.solvers.mip.partner import Partner, Task

BENCHMARKS = Path(os.environ.get("COPT_BENCHMARKS", "benchmarks")) / "mip"
QUICK = {"flugpl": 1201500, "enigma": 0, "gt2": 21166}
BEST_OF_KNAPSACK = 876.0


def course(model: Any) -> tuple[str, float | None, int, int]:
    """Solve; return status, value, nodes and iterations of linear programs."""
    model.optimize()
    value = model.getObjVal() if model.getNSols() and model.getStatus() == "optimal" else None
    return model.getStatus(), value, model.getNNodes(), model.getNLPIterations()


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> Cast:
    made = Cast()
    monkeypatch.setattr(scip, "Partner", made)
    monkeypatch.setattr(scip, "from_corner", lambda _: None)
    return made


@pytest.fixture
def partners(monkeypatch: pytest.MonkeyPatch) -> list[Partner]:
    """Return the list of all real partners that are started."""
    made: list[Partner] = []

    def start(task: Task) -> Partner:
        made.append(Partner(task))
        return made[-1]

    monkeypatch.setattr(scip, "Partner", start)
    return made


def gone(partner: Partner) -> bool:
    try:
        os.kill(partner.pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("name", CASES)
def test_status_and_value_are_the_same_with_and_without(name: str) -> None:
    plain = course(CASES[name]())
    model = CASES[name]()
    handle = copt.attach(model)
    assert course(model)[:2] == plain[:2]
    assert until(lambda: handle._partner is None)
    notes = [f"no partner: a partner's copy cannot hold {name}"] if name in BEYOND else []
    assert handle.notes == notes
    assert handle.summary() == f"copt: {'; '.join([*notes, 'SCIP took 0 points of the partner'])}"


@pytest.mark.parametrize("name", CASES)
def test_a_detached_model_is_solved_as_if_nothing_had_been_there(name: str, tmp_path: Path, cast: Cast) -> None:
    plain, model = CASES[name](), CASES[name]()
    copt.attach(model)
    copt.detach(model)
    for number, each in enumerate((plain, model)):
        each.writeProblem(str(tmp_path / f"{number}.cip"), verbose=False)
    assert (tmp_path / "0.cip").read_text() == (tmp_path / "1.cip").read_text()
    assert course(model) == course(plain)
    assert cast.made == []


@pytest.mark.parametrize("name", QUICK)
def test_quick_files_of_miplib_end_alike(name: str) -> None:
    path = BENCHMARKS / f"{name}.mps.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here; set COPT_BENCHMARKS")
    model = model_of(copt.read(path))
    copt.attach(model)
    status, value, *_ = course(model)
    assert status == "optimal"
    assert value == pytest.approx(QUICK[name], rel=1e-6)


def test_scip_hears_of_the_corner_before_the_partner_has_found_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scip, "Partner", Cast())
    instance = set_cover(rows=60, columns=120, seed=2)
    model = model_of(instance)
    handle = copt.attach(model)
    model.optimize()
    assert model.getStatus() == "optimal"
    assert handle.accepted == {"corner": 1}


def test_scip_takes_a_point_by_position_whatever_the_names_and_types(cast: Cast) -> None:
    model = blank()
    kinds = [("x", "C", 5.0), ("x", "B", 1.0), ("y", "I", 7.0), ("x", "B", 1.0)]
    variables = [model.addVar(name, vtype=kind, ub=most) for name, kind, most in kinds]
    model.addCons(sum(variables) <= 9.5)
    model.setObjective(sum(w * x for w, x in zip((1.5, 4, 2, 3), variables, strict=True)), "maximize")
    best = [0.5, 1, 7, 1]
    cast.points = [best]
    handle = copt.attach(model)
    model.setPresolve(3)
    model.optimize()
    assert [model.getVal(variable) for variable in variables] == best
    assert handle.accepted == {"script": 1}
    assert handle.summary() == "copt: SCIP took 1 points of the partner: 1 by script"
    assert cast.tasks[0].instance.integer.tolist() == [False, True, True, True]
    assert cast.made[0].heard[-1].tolist() == best


def test_a_point_that_is_not_feasible_in_the_original_problem_is_refused(cast: Cast) -> None:
    cast.points = [np.ones(20)] * 50  # dearer than any, and far too heavy
    model = knapsack()
    handle = copt.attach(model)
    assert course(model)[:2] == ("optimal", BEST_OF_KNAPSACK)
    assert handle.accepted == {}


def test_a_partner_whose_points_are_refused_is_sent_home(cast: Cast) -> None:
    cast.points = [np.full(100, 2.0)] * 50
    model = model_of(knapsacks(items=100, constraints=5, seed=1))
    model.setParam("limits/nodes", 50)
    handle = copt.attach(model)
    model.optimize()
    assert handle.notes == ["the partner was sent home: SCIP refused 5 of its points"]
    assert cast.made[0].ended


@pytest.mark.parametrize("where", ["start", "found", "tell", "values"])
def test_no_error_of_the_help_reaches_the_solve(where: str, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("broken")

    if where == "start":
        cast.points = RuntimeError("broken")
    elif where == "found":
        cast.points = [RuntimeError("broken")]
    elif where == "values":
        cast.points = [np.ones(400)]  # of some other model
    else:
        monkeypatch.setattr("plugin_cases.Scripted." + where, fail)
    instance = set_cover(rows=60, columns=120, density=0.1, seed=2)
    plain, model = model_of(instance), model_of(instance)
    handle = copt.attach(model)
    assert course(model)[:2] == course(plain)[:2]
    assert until(lambda: handle._partner is None)
    assert len(handle.notes) == 1
    assert handle.notes[0].startswith("help ended early: ")


@pytest.mark.parametrize(("limit", "share"), [(None, np.inf), (1000.0, 500.0)])
def test_partner_and_scip_get_half_of_a_memory_limit_each(limit: float | None, share: float, cast: Cast) -> None:
    model = knapsack()
    if limit is not None:
        model.setParam("limits/memory", limit)
    copt.attach(model)
    model.optimize()
    assert [task.memory for task in cast.tasks] == [share]


def test_there_is_no_partner_where_memory_is_little(cast: Cast) -> None:
    model = knapsack()
    model.setParam("limits/memory", 200)
    handle = copt.attach(model)
    assert course(model)[:2] == ("optimal", BEST_OF_KNAPSACK)
    assert handle.notes == ["no partner: limits/memory of 200 MB is too little for two, set 256"]


def test_a_partner_is_sent_home_when_scip_needs_its_memory(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scip, "SHARE", 0.999)  # a thousandth of a gigabyte is less than the model takes
    model = model_of(knapsacks(items=100, constraints=5, seed=1))
    model.setParam("limits/nodes", 50)
    model.setParam("limits/memory", 1000.0)
    handle = copt.attach(model)
    model.optimize()
    assert model.getStatus() == "nodelimit"
    assert handle.notes == ["the partner was sent home: SCIP needs its part of limits/memory"]
    assert cast.made[0].ended


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_partner_that_dies_or_hangs_cannot_harm_the_solve(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def start(task: Task) -> Partner:
        made.append(Partner(task))
        os.kill(made[-1].pid, number)
        return made[-1]

    monkeypatch.setattr(scip, "Partner", start)
    instance = set_cover(rows=60, columns=120, density=0.1, seed=2)
    plain, model = model_of(instance), model_of(instance)
    copt.attach(model)
    assert course(model)[:2] == course(plain)[:2]
    assert until(lambda: gone(made[0]))


def test_nothing_is_left_after_a_time_limit(partners: list[Partner]) -> None:
    before = len(os.listdir("/dev/fd"))
    model = model_of(knapsacks(items=500, constraints=10, seed=1))
    model.setParam("limits/time", 1.0)
    copt.attach(model)
    model.optimize()
    assert model.getStatus() == "timelimit"
    assert until(lambda: gone(partners[0]))
    assert len(os.listdir("/dev/fd")) == before


def test_another_solve_gets_another_partner(cast: Cast) -> None:
    model = knapsack()
    handle = copt.attach(model, seed=5)
    assert copt.attach(model, seed=7) is handle
    for solves in (1, 2):
        assert course(model)[:2] == ("optimal", BEST_OF_KNAPSACK)
        assert [len(cast.made), cast.tasks[-1].seed] == [solves, 7]
        assert until(lambda: cast.made[-1].ended)
        model.freeTransform()
    copt.detach(model)
    model.optimize()
    assert len(cast.made) == 2
    model.freeTransform()
    copt.attach(model)
    model.optimize()
    assert len(cast.made) == 3


def test_a_solve_that_goes_on_after_a_limit_gets_help_again(cast: Cast) -> None:
    model = model_of(knapsacks(items=100, constraints=5, seed=1))
    model.setParam("limits/nodes", 5)
    model.setParam("limits/time", 1000)
    copt.attach(model)
    model.optimize()
    assert until(lambda: cast.made[0].ended)
    model.setParam("limits/nodes", 50)
    model.optimize()
    assert model.getStatus() in ("nodelimit", "totalnodelimit")
    assert len(cast.made) == 2
    assert 0 < cast.tasks[1].seconds < 1000


def test_a_solve_that_goes_on_with_little_memory_is_told_once(cast: Cast) -> None:
    model = model_of(knapsacks(items=100, constraints=5, seed=1))
    model.setParam("limits/nodes", 5)
    handle = copt.attach(model)
    model.optimize()
    assert until(lambda: cast.made[0].ended)
    model.setParam("limits/nodes", 50)
    model.setParam("limits/memory", 200.0)
    model.optimize()
    assert model.getStatus() in ("nodelimit", "totalnodelimit")
    assert handle.notes == ["no partner: limits/memory of 200 MB is too little for two, set 256"]
    assert len(cast.made) == 1


def test_a_model_that_nobody_holds_is_freed(cast: Cast) -> None:
    model = knapsack()
    copt.attach(model)
    model.optimize()
    seen = weakref.ref(model)
    assert until(lambda: cast.made[0].ended)
    del model
    gc.collect()
    assert seen() is None


def test_it_helps_without_the_lock_of_python_too(cast: Cast) -> None:
    model = knapsack()
    handle = copt.attach(model)
    model.optimizeNogil()
    assert model.getObjVal() == BEST_OF_KNAPSACK
    assert until(lambda: cast.made[0].ended)
    assert handle.notes == []


class Column(Pricer):
    def pricerredcost(self) -> dict[str, Any]:
        return {"result": RESULT.SUCCESS}


class Lazy(Conshdlr):
    def conscheck(self, *_: Any) -> dict[str, Any]:
        return {"result": RESULT.FEASIBLE}

    def consenfolp(self, *_: Any) -> dict[str, Any]:
        return {"result": RESULT.FEASIBLE}

    def consenfops(self, *_: Any) -> dict[str, Any]:
        return {"result": RESULT.FEASIBLE}

    def conslock(self, *_: Any) -> None: ...


def test_a_model_with_a_pricer_is_left_alone(cast: Cast) -> None:
    model = knapsack()
    model.includePricer(Column(), "columns", "none")
    handle = copt.attach(model)
    assert course(model)[:2] == ("optimal", BEST_OF_KNAPSACK)
    assert handle.notes == ["no partner: pricer columns may know more than the rows say"]
    assert cast.made == []


def test_a_model_with_a_constraint_handler_is_left_alone(cast: Cast) -> None:
    model = knapsack()
    model.includeConshdlr(Lazy(), "lazy", "none", needscons=False)
    handle = copt.attach(model)
    assert course(model)[:2] == ("optimal", BEST_OF_KNAPSACK)
    assert handle.notes == ["no partner: constraint lazy may know more than the rows say"]
    assert cast.made == []


def test_a_model_without_heuristics_or_integers_is_left_alone(cast: Cast) -> None:
    model = knapsack()
    handle = copt.attach(model)
    model.setParam("heuristics/copt/freq", -1)
    model.optimize()
    assert handle.notes == ["no partner: heuristics are switched off"]
    linear = blank()
    linear.setObjective(linear.addVar("x", lb=2))
    handle = copt.attach(linear)
    linear.optimize()
    assert handle.notes == ["no partner: there are no integer variables"]
    assert cast.made == []


def test_a_model_that_is_solved_already_is_refused() -> None:
    model = knapsack()
    model.optimize()
    with pytest.raises(CoptError, match="SCIP takes no plug-ins in stage solved; attach before optimize"):
        copt.attach(model)


def test_a_stranger_is_refused() -> None:
    with pytest.raises(CoptError, match=r"takes a pyscipopt.Model or an OR-Tools CpModel, got builtins.int"):
        copt.attach(3)
