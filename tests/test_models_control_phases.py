"""Labels, network and training run of proposals of plans."""

from pathlib import Path

import numpy as np
import phases_cases
import pytest
import torch
from test_solvers_control_phases import HEADING, PLANAR, problem_at

from copt.envs import CONTROL
from copt.errors import CoptError, UnknownNameError
from copt.instances.control_cartpole import cartpole_walls
from copt.models import store
from copt.models.control_phases import Model, PhaseNet
from copt.models.train_control_phases import Args, batch_of, problems, run
from copt.problems.control import ControlProblem, Plan, check, objective, toy
from copt.read import read_dynamics
from copt.solvers.control.controls import Mean, Nearest
from copt.solvers.control.lessons import Label, labelled
from copt.solvers.control.phases import REACH, Predictor, predictor_of
from copt.solvers.control.trials import compared

ANGLES = [problem_at(angle) for angle in (0.0, 1.0, -2.5)]


def test_torch_and_numpy_propose_the_same_and_agree_on_costs() -> None:
    torch.manual_seed(0)
    batch = batch_of(ANGLES, HEADING)
    net = PhaseNet(batch.features.mean(dim=0), batch.features.std(dim=0) + 1e-3, (8, 8), 3, (2, 2), REACH)
    model = Model(PLANAR.net, ANGLES[0], planar=True)
    with torch.no_grad():
        plans = model.plans(net(batch.features), batch)
        costs = model.costs(plans, batch)
    sizes = np.array([ANGLES[0].num_states, ANGLES[0].num_actions, 2])
    predictor = Predictor(net.arrays() | {"heading": HEADING, "sizes": sizes})
    for k, problem in enumerate(ANGLES):
        np.testing.assert_allclose(plans[k].numpy(), predictor.plans(problem), atol=1e-5)
        values = [objective(problem, Plan(plan)) for plan in plans[k].double().numpy()]
        np.testing.assert_allclose(costs[k].numpy(), values, rtol=1e-5)


@pytest.mark.parametrize("norm", ["l1", "linf", "quadratic"])
def test_all_norms_are_those_of_the_problem(norm: str) -> None:
    problem = toy()
    object.__setattr__(problem.cost, "norm", norm)
    batch = batch_of([problem], phases_cases.NONE)
    plan = torch.tensor([[[[0.5], [0.25], [-1.0]]]])
    found = Model(problem.dynamics, problem, planar=False).costs(plan, batch)
    assert float(found) == pytest.approx(objective(problem, Plan(plan[0, 0].numpy())), rel=1e-6)


def test_gradients_pass_through_bounds() -> None:
    raw = torch.full((3, 1, 2, 2), 1.9, requires_grad=True)
    plans = Model(PLANAR.net, ANGLES[0], planar=True).plans(raw, batch_of(ANGLES, HEADING))
    assert float(plans.detach().max()) == 1.0
    plans.sum().backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    assert raw.grad[0].flatten().tolist() == [1.0] * 4  # of the start that is not turned


def test_problems_are_starts_and_states_after_moves() -> None:
    stream = problems(("CartPoleWalls",), cartpole_walls(), 5, seed=3)
    (name, first), (later, second), (following, _) = (next(stream) for _ in range(3))
    assert (name, later, following) == (
        "CartPoleWalls-5-3",
        "CartPoleWalls-5-3-later",
        "CartPoleWalls-5-4",
    )
    assert not np.array_equal(first.start, second.start)
    task = CONTROL["CartPoleWalls"]
    assert np.array_equal(first.u_upper, task.reach)
    again = next(problems(("CartPoleWalls",), cartpole_walls(), 5, seed=3))
    assert np.array_equal(again[1].start, first.start)


def test_labels_are_kept_and_damaged_ones_made_again(tmp_path: Path) -> None:
    def labels(minutes: float) -> list[Label]:
        return labelled(iter([("toy", toy())]), 1, tmp_path, seconds=0.05, minutes=minutes)

    (first,) = labels(1.0)
    assert first.costs[0] == pytest.approx(3.0)
    for cost, plan in zip(first.costs, first.plans, strict=True):
        assert objective(toy(), Plan(plan)) == pytest.approx(cost)
        assert check(toy(), Plan(plan)) == []
    (again,) = labels(0.0)
    assert np.array_equal(again.plans, first.plans)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"half")
    assert labels(0.0) == []  # there is no time to make it again


def label(problem: ControlProblem, plan: list[list[float]]) -> Label:
    return Label(problem, np.array([1.0]), np.array([plan]))


def test_controls_know_only_labels() -> None:
    labels = [label(problem_at(0.0), [[0.4, 0.0], [0.0, 0.0]]), label(problem_at(np.pi / 2), [[0.0, 0.2], [0.0, 0.0]])]
    quarter = problem_at(np.pi)
    np.testing.assert_allclose(Mean(labels, HEADING).plans(quarter), [[[-0.3, 0.0], [0.0, 0.0]]], atol=1e-12)
    near = problem_at(0.01)
    one, other = Nearest(labels, HEADING, 2).plans(near)
    assert one[0] == pytest.approx([0.4, 0.0], abs=0.01)
    assert other[0] == pytest.approx([0.2, 0.0], abs=0.01)


def test_gains_are_relative_to_the_planner_alone() -> None:
    best = Predictor(phases_cases.constant(toy(), np.ones((1, 3, 1))))
    found = compared([toy(), toy()], {"network": best}, 0.2)
    assert found["problems"] == 2
    assert found["cost"] == {"none": pytest.approx(3.0), "network": pytest.approx(3.0)}
    assert found["gain"]["network"] == [0.0, 0.0, 0.0]


def tiny(folder: Path, **changes: object) -> Args:
    fields: dict[str, object] = {
        "name": "tiny",
        "dynamics": "control-cartpole-walls-v1",
        "tasks": ("CartPoleWalls",),
        "horizon": 3,
        "shorter": (2,),
        "count": 16,
        "seconds": 0.03,
        "pool": 20,
        "minutes": 0.01,
        "plans": 2,
        "hidden": (8,),
        "held_out": 2,
        "trial": 0.02,
        "labels": folder / "labels",
        "folder": folder,
    }
    return Args(**(fields | changes))  # type: ignore[arg-type]


def test_a_training_run_stores_a_policy_with_its_card(tmp_path: Path) -> None:
    run(tiny(tmp_path))
    policy = store.load("tiny", tmp_path)
    assert policy.card["role"] == "phases"
    assert set(policy.card["measured"]) == {"3", "2"}
    assert set(policy.card["measured"]["2"]["gain"]) == {"network", "nearest", "mean"}
    assert policy.card["command"].startswith(
        "copt train control-phases --name tiny --dynamics control-cartpole-walls-v1"
    )
    predictor = predictor_of(policy)
    assert predictor is not None
    dynamics = read_dynamics("control-cartpole-walls-v1")
    (_, known), (_, longer) = (next(problems(("CartPoleWalls",), dynamics, steps, 77)) for steps in (3, 4))
    assert predictor.stranger(known) is None
    assert [plan.shape for plan in predictor.plans(known)] == [(3, 1)] * 2
    assert predictor.stranger(longer) is not None


def test_a_training_run_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="choose from: "):
        run(tiny(tmp_path, tasks=("CartPoleWall",)))
    with pytest.raises(CoptError, match="plans must be positive, got 0"):
        run(tiny(tmp_path, plans=0))
    with pytest.raises(CoptError, match="shorter horizons must be from 1 to 2, got 3"):
        run(tiny(tmp_path, shorter=(3,)))
    with pytest.raises(CoptError, match=r"only [123] problems have a plan"):
        run(tiny(tmp_path, count=3))


def test_states_that_are_no_pairs_are_not_turned() -> None:
    batch = batch_of([toy()], phases_cases.NONE)
    assert batch.features.tolist() == [[-2.0, 5.0]]
    assert batch.turn.tolist() == [[1.0, 0.0]]
