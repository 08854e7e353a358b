"""Peers on mixed-integer programs small enough to know the optimum."""

import importlib.util
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from mip_cases import best_binary, make_mip

from copt.bench.answer import Answer
from copt.bench.peers import PEERS, find_peer
from copt.bench.peers_mip import _answer
from copt.errors import CoptError
from copt.instances.mip_generators import auction, facility_location, set_cover
from copt.instances.mip_scip import from_scip
from copt.problems.mip import MIP, check, objective, toy

LIMITS: dict[str, Any] = {"seconds": 20.0, "workers": 1, "seed": 1}
EXACT = ("scip", "scip-aggressive", "highs", "cpsat")

needs_highs = pytest.mark.skipif(importlib.util.find_spec("highspy") is None, reason="highspy is not installed")


def peers(*names: str) -> list[Any]:
    return [pytest.param(name, marks=needs_highs) if name == "highs" else name for name in names]


def assert_optimal(instance: MIP, answer: Answer, optimum: float) -> None:
    assert check(instance, answer.solution) == []
    assert answer.objective == objective(instance, answer.solution)
    assert answer.objective == pytest.approx(optimum, rel=1e-6)
    assert answer.bound == answer.objective
    times, values = zip(*answer.incumbents, strict=True) if answer.incumbents else ((), ())
    assert list(times) == sorted(times)
    assert list(values) == sorted(values, reverse=not instance.maximise)
    assert not values or values[-1] == answer.objective


@pytest.mark.parametrize("name", peers(*EXACT, "scip-concurrent"))
def test_peers_prove_the_toy(name: str) -> None:
    assert_optimal(toy(), find_peer("mip", name).run(toy(), **LIMITS), 19.0)


@pytest.mark.parametrize("name", peers(*EXACT))
def test_peers_prove_either_sense(name: str) -> None:
    run = find_peer("mip", name).run
    for instance in (auction(items=8, bids=12, seed=1), set_cover(rows=8, columns=10, density=0.3, seed=1)):
        best = best_binary(instance)
        assert best is not None
        answer = run(instance, **LIMITS)
        assert_optimal(instance, answer, best)
        assert answer.incumbents


@pytest.mark.parametrize("name", peers(*EXACT))
def test_peers_take_every_kind_of_row_and_bound(name: str) -> None:
    # x0 + x1 from 2 to 3, x1 - 2 x2 = 0, x2 free: x1 = 3, x2 = 1.5, x0 = -1 is best. A variable twice in a row adds.
    instance = make_mip(
        [[1, 1, 0], [0, 1, -2]],
        costs=[1, -2, 1],
        lower=[-5, 0, -np.inf],
        upper=[4, 3, np.inf],
        integer=[True, True, False],
        row_lower=[2, 0],
        row_upper=[3, 0],
        offset=10.0,
    )
    twice = MIP(**(vars(instance) | {
        "columns": np.array([0, 1, 1, 1, 2]),
        "coefficients": np.array([1, 0.5, 0.5, 1, -2]),
        "starts": np.array([0, 3, 5]),
    }))  # fmt: skip
    run = find_peer("mip", name).run
    assert_optimal(instance, run(instance, **LIMITS), 4.5)
    assert_optimal(twice, run(twice, **LIMITS), 4.5)


@pytest.mark.parametrize("name", peers(*EXACT))
def test_without_a_feasible_point_there_is_no_solution(name: str) -> None:
    answer = find_peer("mip", name).run(make_mip([[1, 1], [1, 1]], row_lower=[1, 2], row_upper=[1, 2]), **LIMITS)
    assert (answer.solution, answer.objective, answer.incumbents) == (None, None, ())


@pytest.mark.parametrize("name", peers(*EXACT))
def test_what_was_found_at_the_limit_is_handed_back(name: str) -> None:
    instance = facility_location(customers=30, facilities=15, seed=1)
    answer = find_peer("mip", name).run(instance, **(LIMITS | {"seconds": 1.0}))
    if answer.solution is not None:
        assert check(instance, answer.solution) == []
        assert answer.objective == objective(instance, answer.solution) >= (answer.bound or 0.0)


@pytest.mark.parametrize("name", peers("highs", "cpsat"))
def test_what_is_no_row_is_refused(name: str) -> None:
    pyscipopt = pytest.importorskip("pyscipopt")
    model = pyscipopt.Model()
    model.addConsSOS1([model.addVar("a", ub=1), model.addVar("b", ub=1)])
    instance = from_scip(model, "exclusive")
    with pytest.raises(CoptError, match=f"peer {name} takes rows and bounds only; exclusive has SOS1"):
        find_peer("mip", name).run(instance, **LIMITS)


def test_scip_sees_to_what_is_no_row() -> None:
    pyscipopt = pytest.importorskip("pyscipopt")
    model = pyscipopt.Model()
    a, b = model.addVar("a", ub=1), model.addVar("b", ub=2)
    model.addConsSOS1([a, b])
    model.setObjective(a + b, "maximize")
    assert find_peer("mip", "scip").run(from_scip(model, "exclusive"), **LIMITS).objective == 2


def test_values_are_rounded_and_records_made_to_fit() -> None:
    found = np.array([1 - 1e-7, 2.0, 1.0])
    answer = _answer(toy(), found, 19.000001, [(0.1, 5.0), (0.2, 4.0), (0.3, 18.9999990), (0.4, 25.0)])
    assert answer.solution.values.tolist() == [1, 2, 1]
    assert (answer.objective, answer.bound) == (19.0, 19.0)
    assert answer.incumbents == ((0.1, 5.0), (0.3, 19.0))
    assert _answer(toy(), found, 1e20, [(0.1, 5.0)]).incumbents == ()
    assert _answer(toy(), None, 25.0, []) == Answer(bound=25.0)


def test_a_point_that_rounding_breaks_is_handed_back_as_it_is() -> None:
    large = make_mip([[1, -1e6]], upper=[np.inf, 1], integer=[False, True], row_upper=[0])
    answer = _answer(large, np.array([0.9, 9e-7]), 0.9, [])
    assert answer.solution.values.tolist() == [0.9, 9e-7]
    assert check(large, answer.solution) == []


def test_every_peer_says_what_it_needs() -> None:
    assert all(peer.packages for peer in PEERS["mip"].values())


@needs_highs
@pytest.mark.parametrize("order", [("highspy", "ortools"), ("ortools", "highspy")])
def test_highs_and_ortools_live_in_one_process(order: tuple[str, str]) -> None:
    lines = {
        "highspy": "import highspy; highspy.Highs().version()",
        "ortools": "from ortools.math_opt.python import mathopt; mathopt.Model()",
    }
    subprocess.run([sys.executable, "-c", "\n".join(lines[name] for name in order)], check=True, timeout=120)
