import numpy as np
import pytest

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.control import ControlProblem, KeepOut, Plan, check, objective, states_of, toy
from copt.problems.control_cost import Cost, Norm
from copt.problems.relu import ReluNet


def drift(**changes: object) -> ControlProblem:
    """A point that moves by its action, two steps."""
    fields = {
        "dynamics": ReluNet(2, (np.array([[1.0, 1.0]]),), (np.zeros(1),)),
        "start": [0.0],
        "horizon": 2,
        "cost": Cost(goal=np.array([2.0]), state=np.array([1.0])),
        "u_lower": [-1.0],
        "u_upper": [1.0],
    }
    return ControlProblem(**(fields | changes))  # type: ignore[arg-type]


def test_the_toys_optimum_reaches_the_goal() -> None:
    plan = Plan(np.ones((3, 1)))
    assert states_of(toy(), plan).ravel().tolist() == [1.0, 2.0, 3.0]
    assert objective(toy(), plan) == 3.0
    assert check(toy(), plan) == []


@pytest.mark.parametrize(("norm", "expected"), [("l1", [7.0, 5.0]), ("linf", [7.0, 5.0]), ("quadratic", [25.0, 25.0])])
def test_costs_of_each_norm(norm: Norm, expected: list[float]) -> None:
    cost = Cost(goal=[1.0, 0.0], state=[1.0, 2.0], action=[3.0], terminal=[[0.0, 5.0]], norm=norm)  # type: ignore[arg-type]
    states, actions = np.array([[1.0, 2.0], [9.0, 1.0]]), np.array([[1.0], [0.0]])
    assert cost.of(states, actions).tolist() == expected  # |(0, 4)| + |3|, then |5| + |0|


def test_limits_of_actions_and_states_are_checked() -> None:
    problem = drift(x_upper=[1.5])
    broken = [str(v) for v in check(problem, Plan(np.array([[1.1], [1.0]])))]
    assert broken == [
        "action-limit: action 0 of step 0 is 1.1, above 1",
        "state-limit: state 0 of step 1 is 2.1, above 1.5",
    ]
    assert check(problem, Plan(np.array([[0.5], [1.0 + 5e-7]]))) == []


def test_a_region_may_be_touched_but_not_entered() -> None:
    region = KeepOut(np.array([[1.0], [-1.0]]), np.array([0.5, -0.2]))  # 0.2 < x < 0.5
    problem = drift(keep_out=(region,))
    assert check(problem, Plan(np.array([[0.2], [0.8]]))) == []
    (violation,) = check(problem, Plan(np.array([[0.3], [0.7]])))
    assert violation.constraint == "keep-out"
    assert "step 0 is 0.1 deep in region 0" in violation.message


def test_what_a_rectangle_shows_of_a_region() -> None:
    triangle = KeepOut(np.array([[0.0, -1.0, 5.0], [-1.0, 0.0, 5.0], [1.0, 1.0, 5.0]]), np.array([0.0, 0.0, 2.0]))
    low, high = np.array([-5.0, -5.0]), np.array([5.0, 5.0])
    corners = triangle.corners((0, 1), low, high)
    assert sorted(map(tuple, corners.round(9).tolist())) == [(0.0, 0.0), (0.0, 2.0), (2.0, 0.0)]
    x, y = corners.T
    assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2 == pytest.approx(2.0)  # counter-clockwise
    cut = triangle.corners((0, 1), np.array([0.5, -1.0]), np.array([1.0, 0.5]))
    assert sorted(map(tuple, cut.round(9).tolist())) == [(0.5, 0.0), (0.5, 0.5), (1.0, 0.0), (1.0, 0.5)]
    assert triangle.corners((0, 1), np.array([3.0, 3.0]), high).shape == (0, 2)
    assert triangle.corners((1, 0), low, high).shape == (3, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": [0.0, 1.0]}, r"start must have shape \(1,\)"),
        ({"u_upper": [np.inf]}, "u_upper must hold finite numbers, got inf"),
        ({"u_lower": [2.0]}, r"u_lower\[0\] = 2 is above u_upper\[0\] = 1"),
        ({"x_lower": [np.nan]}, "x_lower must hold numbers or -inf"),
        ({"x_lower": [np.inf]}, "x_lower must hold numbers or -inf"),
        ({"x_lower": [3.0], "x_upper": [2.0]}, r"x_lower\[0\] = 3 is above"),
        ({"horizon": 0}, "horizon = 0; give at least 1"),
        ({"cost": Cost(goal=np.zeros(2), state=np.ones(2))}, "the goal has 2 entries for 1 states"),
        ({"cost": Cost(goal=np.zeros(1), state=np.ones(1), action=np.ones(2))}, "2 columns for 1"),
        ({"keep_out": (KeepOut(np.ones((1, 2)), np.ones(1)),)}, r"keep_out\[0\] has 2 columns for 1 states"),
        ({"dynamics": ReluNet(1, (np.ones((1, 1)),), (np.zeros(1),))}, "inputs are states and actions"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInstanceError, match=message):
        drift(**changes)


def test_costs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidInstanceError, match="norm must be one of l1, linf, quadratic, got 'l2'"):
        Cost(goal=np.zeros(1), state=np.ones(1), norm="l2")  # type: ignore[arg-type]
    with pytest.raises(InvalidInstanceError, match=r"terminal must have shape \(terms, 1\)"):
        Cost(goal=np.zeros(1), state=np.ones(1), terminal=np.ones((2, 2)))
    with pytest.raises(InvalidInstanceError, match="state must hold numbers in rows of one length"):
        Cost(goal=np.zeros(1), state=[[1.0], [1.0, 2.0]])  # type: ignore[arg-type]


def test_plans_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidSolutionError, match=r"\(3, 1\) instead of \(2, 1\)"):
        check(drift(), Plan(np.zeros((3, 1))))
    with pytest.raises(InvalidSolutionError, match="must be finite numbers"):
        Plan(np.array([[np.nan]]))
