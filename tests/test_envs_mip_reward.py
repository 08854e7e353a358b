"""Rewards of a solve by hand: counters, bounds and integrals on a clock that is set."""

import pickle
import time

import numpy as np
import pytest

from copt.envs import (
    DualIntegral,
    LpIterations,
    Nodes,
    Objective,
    ObjectiveIncrease,
    PrimalDualIntegral,
    PrimalIntegral,
    Scale,
    SolveStep,
    SolvingTime,
    Step,
)
from copt.envs.mip_reward import Progress, gaps
from copt.envs.reward import Reward
from copt.errors import CoptError

BOUNDS = np.array([[2.0, np.inf, -np.inf], [1.0, 20.0, 5.0], [3.0, 10.0, 8.0]])
STEP = SolveStep(5.0, 8.0, 5.0, False, nodes=4, lp_iterations=70, seconds=6.0, bounds=BOUNDS)


@pytest.mark.parametrize(
    ("reward", "paid"),
    [
        (Nodes(), 4.0),
        (LpIterations(), 70.0),
        (SolvingTime(), 6.0),
        (PrimalIntegral(10.0), 2.0 * 1 + 1.0 * 0.5 + 3.0 * 0),
        (DualIntegral(10.0), 2.0 * 1 + 1.0 * 0.5 + 3.0 * 0.2),
        (PrimalDualIntegral(), 2.0 * 1 + 1.0 * 0.75 + 3.0 * 0.2),
        (PrimalIntegral(-10.0, maximise=True), 2.5),
        (DualIntegral(-10.0, maximise=True), 3.1),
        (-1.0 * ObjectiveIncrease() / Scale() - 0.5 * Nodes(), -2.6),
    ],
)
def test_rewards_by_hand(reward: Reward, paid: float) -> None:
    assert reward(STEP) == pytest.approx(paid)


def test_gaps_by_hand() -> None:
    first = np.array([0.0, 0.0, 4.0, -1.0, np.inf, -8.0])
    second = np.array([0.0, 5.0, 5.0, 2.0, 3.0, -4.0])
    np.testing.assert_allclose(gaps(first, second), [0, 1, 0.2, 1, 1, 0.5])
    np.testing.assert_allclose(gaps(second, first), gaps(first, second))


def test_progress_counts_from_step_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    progress = Progress(-1)  # maximises
    progress.go()
    now[0] = 102.0
    progress.note(primal=-np.inf, dual=50.0, nodes=1, lp_iterations=9)
    now[0] = 103.0
    progress.note(primal=30.0, dual=50.0, nodes=1, lp_iterations=12)
    progress.stop()
    now[0] = 200.0  # the agent thinks
    first = progress.step(done=False)
    assert (first.before, first.after, first.scale, first.done) == (0.0, -50.0, 50.0, False)
    assert (first.nodes, first.lp_iterations, first.seconds) == (1, 12, 3.0)
    np.testing.assert_array_equal(first.bounds, [[2.0, np.inf, -np.inf], [1.0, np.inf, -50.0]])
    progress.go()
    now[0] = 204.0
    progress.note(primal=40.0, dual=40.0, nodes=6, lp_iterations=20)
    progress.stop()
    last = progress.step(done=True)
    assert (last.before, last.after, last.scale, last.done) == (-50.0, -40.0, 50.0, True)
    assert (last.nodes, last.lp_iterations, last.seconds) == (5, 8, 4.0)
    np.testing.assert_array_equal(last.bounds, [[4.0, -30.0, -50.0]])
    assert Objective()(last) == -40.0


def test_other_steps_are_refused() -> None:
    with pytest.raises(CoptError, match="use it with copt/Branching-v0"):
        Nodes()(Step(0.0, 1.0, 1.0, False))


def test_rewards_are_values() -> None:
    reward = -1.0 * PrimalIntegral(3.0) + Nodes()
    assert pickle.loads(pickle.dumps(reward)) == reward
    assert reward != -1.0 * PrimalIntegral(4.0) + Nodes()
