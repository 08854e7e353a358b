"""The facade: commands in closed loop, what they say of limits, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from control_cases import random_dynamics

from copt import Status
from copt.control import MPC, Cost, KeepOut
from copt.errors import CoptError, FormatError, InvalidInstanceError, UnknownNameError
from copt.instances.control_cartpole import FORCE, LIMITS, cartpole_walls
from copt.instances.control_weights import written
from copt.problems.control import TOLERANCE
from copt.problems.planar import Planar
from copt.problems.relu import ReluNet

DRIFT = ReluNet(2, (np.array([[1.0, 1.0]]),), (np.zeros(1),))  # a point that moves by its action


def drive(**changes: object) -> MPC:
    fields = {"cost": Cost(goal=[2.0], state=[1.0]), "horizon": 3, "u_bounds": (-1, 1), "seconds": 5.0}  # type: ignore[arg-type]
    return MPC(DRIFT, **(fields | changes))  # type: ignore[arg-type]


def test_a_point_goes_to_its_goal_and_then_to_the_next() -> None:
    ctrl = drive()
    u, info = ctrl.command([0.0])
    assert u == pytest.approx([1.0], abs=1e-6)
    assert (info.status, info.violation, info.gap) == (Status.OPTIMAL, 0.0, 0.0)
    assert info.value == info.bound == pytest.approx(1.0, abs=1e-6)  # one away after the first step, then there
    assert info.states.ravel() == pytest.approx([1.0, 2.0, 2.0], abs=1e-6)
    assert {"samplers", "bounds"} <= set(info.times)
    u, _ = ctrl.command([1.0], goal=[0.5])
    assert u == pytest.approx([-0.5], abs=1e-6)
    u, _ = ctrl.command([0.2])
    assert u == pytest.approx([0.3], abs=1e-6)


def test_limits_and_regions_are_kept_and_impossible_ones_told() -> None:
    ctrl = drive(x_bounds=(-5, 1.25))
    _, info = ctrl.command([0.0])
    assert info.states.max() <= 1.25 * (1 + TOLERANCE)
    assert info.value == pytest.approx(1.0 + 0.75 + 0.75, abs=1e-5)
    _, info = drive(x_bounds=(-5, 1.25), seconds=0.5).command([4.0])
    assert info.status is Status.INFEASIBLE
    assert info.bound == np.inf
    assert info.gap is None
    assert info.plan[0] == pytest.approx([-1.0], abs=0.01)  # the least violation goes down as fast as it can
    assert info.violation == pytest.approx(1.75 + 0.75, abs=0.02)
    region = KeepOut(np.array([[1.0], [-1.0]]), np.array([1.9, -1.0]))  # 1 < x < 1.9
    _, info = drive(keep_out=[region], horizon=2).command([0.5])
    assert not ((info.states > 1.0 + 2 * TOLERANCE) & (info.states < 1.9 - 2 * TOLERANCE)).any()


def test_the_cart_pole_comes_to_rest_between_its_walls() -> None:
    dynamics = cartpole_walls()
    cost = Cost(goal=np.zeros(4), state=np.array([1, 1, 0.1, 0.1]), terminal=np.array([10.0, 10, 1, 1]))
    ctrl = MPC(dynamics, cost, horizon=10, u_bounds=(-FORCE, FORCE), x_bounds=(-LIMITS, LIMITS), seconds=1.0)
    x = np.array([0.3, 0.0, 0.5, 0.0])
    for _ in range(60):
        u, info = ctrl.command(x)
        assert info.violation == 0.0
        x = dynamics.forward(np.append(x, u)[None])[0]
        assert x == pytest.approx(info.states[0], abs=1e-12)
    assert np.abs(x[1:]).max() < 0.05
    assert abs(x[0]) < 0.3  # it creeps on to the middle, as ten steps of leaning cost more than they bring


def test_a_reset_controller_begins_anew() -> None:
    ctrl = drive()
    first, _ = ctrl.command([0.3])
    ctrl.command([0.7])
    ctrl.reset()
    again, _ = ctrl.command([0.3])
    assert again == pytest.approx(first, abs=1e-6)


def test_dynamics_from_torch_and_from_files(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    cost = Cost(goal=np.zeros(2), state=np.ones(2))
    _, info = MPC(module, cost, horizon=1, u_bounds=(-1, 1), seconds=5).command([0.5, -0.5])
    inputs = torch.tensor([[0.5, -0.5, float(info.plan[0, 0])]])
    assert info.states[0] == pytest.approx(module(inputs)[0].detach().numpy(), abs=1e-6)
    net = random_dynamics(2, 1, 3, 0)
    (tmp_path / "net.safetensors").write_bytes(written(net))
    _, info = MPC(str(tmp_path / "net.safetensors"), cost, horizon=1, u_bounds=(-1, 1), seconds=5).command([0.5, -0.5])
    assert info.states[0] == pytest.approx(net.forward(np.array([[0.5, -0.5, info.plan[0, 0]]]))[0], abs=1e-12)


def test_what_does_not_fit_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInstanceError, match=r"u_bounds must be two numbers, or two vectors of 1 numbers"):
        drive(u_bounds=(1, 2, 3))
    with pytest.raises(InvalidInstanceError, match=r"u_upper must hold finite numbers, got inf"):
        drive(u_bounds=(-1, np.inf))
    with pytest.raises(InvalidInstanceError, match=r"start must hold finite numbers, got nan"):
        drive().command([np.nan])
    with pytest.raises(InvalidInstanceError, match=r"start must have shape \(1,\)"):
        drive().command([1.0, 2.0])
    with pytest.raises(InvalidInstanceError, match=r"goal must have shape \(1,\)"):
        drive().command([1.0], goal=[1.0, 2.0])
    with pytest.raises(CoptError, match="seconds must be a non-negative number"):
        drive(seconds=-1.0)
    cost = Cost(goal=np.zeros(1), state=np.ones(1))
    with pytest.raises(FormatError, match="missing"):
        MPC(tmp_path / "missing.safetensors", cost, u_bounds=(-1, 1))
    with pytest.raises(UnknownNameError, match="unknown policy 'nothing'"):
        MPC("nothing", cost, u_bounds=(-1, 1))


def test_planar_dynamics_turn_with_the_state() -> None:
    # A thing at (x, y) that points along (p, q) and goes where it is pushed, if that is forwards and to half of it.
    ahead = ReluNet.residual(
        skip=np.eye(4, 6), shift=np.zeros(4), lift=0.5 * np.eye(4, 1), weights=np.eye(1, 6, 4), biases=[0.0]
    )
    cost = Cost(goal=np.zeros(4), state=np.array([1.0, 1.0, 0.0, 0.0]), action=np.array([0.01, 0.01]))
    ctrl = MPC(Planar(ahead, np.eye(2, 4, 2)), cost, horizon=1, u_bounds=(-1, 1), seconds=5)
    for heading, expected in (((0.0, 2.0), (0.0, 0.6)), ((-1.0, 0.0), (-0.8, 0.0))):
        place = -0.5 * np.array(expected)
        u, info = ctrl.command([*place, *heading])
        np.testing.assert_allclose(u, expected, atol=1e-6)
        assert info.value == pytest.approx(0.01 * np.abs(expected).sum())
