"""Samplers written in PyTorch see the same model, cost and limits as everybody else."""

import time
from typing import Any

import numpy as np
import pytest
from control_cases import random_cost, random_problem

from copt.bench.peers import find_peer
from copt.bench.peers_control_torch import _Model
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, KeepOut, Plan, check, objective, states_of, toy
from copt.problems.control_cost import NORMS, Norm

torch = pytest.importorskip("torch", reason="torch is not installed")
PEERS = ["pytorch-mppi", "pytorch-icem"]


def rolled(problem: ControlProblem, plans: FloatArray) -> tuple[Any, Any]:
    """Model and states of plans, by the tensors."""
    model, tensor = _Model(problem, 1, 1), torch.tensor(plans)
    x, states = model.start.expand(len(plans), -1), []
    for t in range(problem.horizon):
        x = model.dynamics(x, tensor[:, t])
        states.append(x)
    return model, torch.stack(states, dim=1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("effort", [True, False])
def test_tensors_are_the_problem(norm: Norm, effort: bool) -> None:
    changes: dict[str, Any] = {} if effort else {"action": None}
    problem = random_problem(1, actions=2, units=5, horizon=3, cost=random_cost(1, 2, 2, norm=norm, **changes))
    plans = np.random.default_rng(0).uniform(-1.0, 1.0, (6, 3, 2))
    model, states = rolled(problem, plans)
    costs = model.total_cost(states, torch.tensor(plans))
    for k, plan in enumerate(plans):
        assert states[k].numpy() == pytest.approx(states_of(problem, Plan(plan)), rel=1e-12)
        assert float(costs[k]) == pytest.approx(objective(problem, Plan(plan)), rel=1e-12)


def test_what_is_beyond_limits_is_penalised_and_never_the_best() -> None:
    region = KeepOut(np.eye(2), np.zeros(2))
    problem = random_problem(1, horizon=2, x_upper=[0.8, np.inf], keep_out=(region,))
    plans = np.random.default_rng(0).uniform(-1.0, 1.0, (200, 2, 1))
    model, states = rolled(problem, plans)
    costs = model.total_cost(states, torch.tensor(plans)).numpy()
    kept = np.array([not check(problem, Plan(plan)) for plan in plans])
    true = np.array([objective(problem, Plan(plan)) for plan in plans])
    assert 0 < kept.sum() < len(plans)
    assert costs[kept] == pytest.approx(true[kept], rel=1e-12)
    assert (costs[~kept] > true[~kept]).all()
    model.consider(torch.tensor(plans))
    assert objective(problem, Plan(model.best)) == pytest.approx(true[kept].min(), rel=1e-12)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("actions", [1, 2, 3])
def test_packages_find_good_plans(name: str, actions: int) -> None:
    pytest.importorskip(name.replace("-", "_"), reason=f"{name} is not installed")
    peer = find_peer("control", name)
    assert peer.prepare is not None
    peer.prepare()
    problem = random_problem(2, actions=actions, horizon=3)
    answer = peer.run(problem, seconds=0.5, workers=1, seed=1)
    assert check(problem, answer.solution) == []
    assert answer.objective == objective(problem, answer.solution)
    # Better than any of as many random plans as one round has.
    drawn = np.random.default_rng(0).uniform(-1.0, 1.0, (256, 3, actions))
    assert answer.objective < min(objective(problem, Plan(plan)) for plan in drawn)


@pytest.mark.parametrize("name", PEERS)
def test_packages_begin_with_a_plan_and_keep_it_if_there_is_no_time(name: str) -> None:
    pytest.importorskip(name.replace("-", "_"), reason=f"{name} is not installed")
    from copt.bench.peers_control_torch import plan_icem, plan_mppi

    plan = {"pytorch-mppi": plan_mppi, "pytorch-icem": plan_icem}[name]
    assert plan(toy(), time.perf_counter(), 1, 1).tolist() == [[0.0]] * 3
    assert plan(toy(), time.perf_counter(), 1, 1, [np.full((3, 1), 0.5)]).tolist() == [[0.5]] * 3
