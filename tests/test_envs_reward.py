import pickle

import pytest

from copt.envs import Constant, Objective, ObjectiveIncrease, Reward, Scale, Step

MIDDLE = Step(before=10.0, after=14.0, scale=8.0, done=False)
LAST = Step(before=14.0, after=16.0, scale=8.0, done=True)


@pytest.mark.parametrize(
    ("reward", "middle", "last"),
    [
        (Constant(0.0), 0.0, 0.0),
        (Objective(), 0.0, 16.0),
        (ObjectiveIncrease(), 4.0, 2.0),
        (Scale(), 8.0, 8.0),
        (-Objective(), 0.0, -16.0),
        (-1.0 * ObjectiveIncrease() / Scale(), -0.5, -0.25),
        (ObjectiveIncrease() * 3 + 1, 13.0, 7.0),
        (1 + 3 * ObjectiveIncrease(), 13.0, 7.0),
        (ObjectiveIncrease() - Objective(), 4.0, -14.0),
        (ObjectiveIncrease() + Objective(), 4.0, 18.0),
        (5 - ObjectiveIncrease(), 1.0, 3.0),
        (ObjectiveIncrease() - 5, -1.0, -3.0),
        (2 / ObjectiveIncrease(), 0.5, 1.0),
        (ObjectiveIncrease() / 2, 2.0, 1.0),
        (ObjectiveIncrease() * (lambda step: step.before), 40.0, 28.0),
    ],
)
def test_rewards_are_arithmetic_on_parts(reward: Reward, middle: float, last: float) -> None:
    assert (reward(MIDDLE), reward(LAST)) == (middle, last)


def test_rewards_are_values() -> None:
    dense = -1.0 * ObjectiveIncrease() / Scale()
    assert dense == -1.0 * ObjectiveIncrease() / Scale()
    assert dense != -2.0 * ObjectiveIncrease() / Scale()
    assert pickle.loads(pickle.dumps(dense)) == dense
