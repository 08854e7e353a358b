"""Features have no units, and the learned schedule is one of its settings, the same each time."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from routing_cases import as_matrix, random_routing

import copt
from copt.instances.routing_generators import x_routing
from copt.problems.routing import Routing
from copt.solvers.routing.anneal import Annealer, Schedule
from copt.solvers.routing.features import FEATURES, describe
from copt.solvers.routing.schedule import PACE, choose, regrets, schedule_for, settings_of
from copt.stop import Stop


def toy_policy(**fields: Any) -> Any:
    """Two settings: the first falls behind where routes are long, the second where they are short."""
    k = FEATURES.index("log_route_size")
    slopes = np.zeros((2, len(FEATURES)))
    slopes[0, k] = 1.0
    count = len(FEATURES)
    weights = {
        "centre": np.full(count, np.log(10.0)),
        "scale": np.full(count, 2.0),
        "low": np.full(count, -50.0),
        "high": np.full(count, 50.0),
        "slopes": slopes,
        "bias": np.array([0.25, 0.25]),
        "settings": np.array([[0.5, 1.0, 10.0, 12.0], [2.0, 5.0, 20.0, 22.0]]),
    }
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    facts = {"name": "toy", "family": "routing", "card": {"role": "schedule"}, "weights": weights}
    return SimpleNamespace(**(facts | fields))


SHORT = Schedule(hot=0.5, patience=1.0, mean=10.0, longest=12.0)
LONG = Schedule(hot=2.0, patience=5.0, mean=20.0, longest=22.0)


def moved(instance: Routing, scale: float, angle: float, shift: float) -> Routing:
    """The same problem elsewhere, larger and turned."""
    assert instance.coordinates is not None
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return replace(instance, coordinates=scale * instance.coordinates @ turn.T + shift)


@pytest.mark.parametrize(
    ("scale", "angle", "shift"), [(1e3, 0.0, 0.0), (1e-4, 0.0, 7.0), (1.0, 0.7, 0.0), (3.0, 2.0, 9.0)]
)
def test_features_do_not_depend_on_unit_place_and_direction(scale: float, angle: float, shift: float) -> None:
    instance = replace(x_routing(customers=150, seed=3), metric="exact")
    expected = describe(instance, 5.0, 2)
    np.testing.assert_allclose(describe(moved(instance, scale, angle, shift), 5.0, 2), expected, rtol=1e-6)


def test_features_do_not_depend_on_the_unit_of_demand() -> None:
    instance = x_routing(customers=100, seed=1)
    assert instance.demand is not None
    assert instance.capacity is not None
    tons = replace(instance, demand=7 * instance.demand, capacity=7 * instance.capacity)
    np.testing.assert_allclose(describe(tons, 1.0, 1), describe(instance, 1.0, 1), rtol=1e-12)


def test_features_of_a_square_by_hand() -> None:
    points = np.array([[0, 0], [3, 4], [3, -4], [-3, 4], [-3, -4]], dtype=np.float64)
    instance = Routing(coordinates=points, depot=0, demand=np.array([0, 1, 1, 1, 1]), capacity=2)
    found = dict(zip(FEATURES, describe(instance, 8.0, 2), strict=True))
    assert found["log_customers"] == pytest.approx(np.log(4))
    assert found["log_route_size"] == pytest.approx(np.log(2))
    assert found["log_effort"] == pytest.approx(np.log(4.0))
    assert (found["fill"], found["demand_largest"], found["demand_variation"]) == (1.0, 0.5, 0.0)
    assert found["near_over_depot"] == pytest.approx(np.log(8.0 / 5.0))  # legs of 6, 8 and 10
    assert found["local_variation"] == pytest.approx(np.std([6, 8, 10]) / 8.0)
    assert (found["nearest_variation"], found["near_variation"], found["depot_variation"]) == (0.0, 0.0, 0.0)
    assert found["depot_nearest"] == 1.0
    assert found["share_on_depot_legs"] == pytest.approx(20.0 / (20.0 + 32.0))


def test_features_of_a_matrix_are_those_of_its_coordinates() -> None:
    instance = random_routing(40, 2, metric="exact")
    np.testing.assert_allclose(describe(as_matrix(instance), 1.0, 1), describe(instance, 1.0, 1), rtol=1e-9)


@pytest.mark.parametrize(
    "fields",
    [{"coordinates": np.zeros((9, 2))}, {"demand": np.zeros(9, dtype=np.int64)}],
)
def test_features_are_finite_where_there_is_nothing_to_compare(fields: dict[str, Any]) -> None:
    assert np.isfinite(describe(random_routing(8, 1, **fields), 1.0, 1)).all()


@pytest.mark.parametrize(("size", "expected"), [(4.0, SHORT), (30.0, LONG)])
def test_the_setting_with_the_least_regret_is_chosen_every_time(size: float, expected: Schedule) -> None:
    instance = x_routing(customers=200, seed=5, route_size=size)
    assert settings_of(toy_policy()) == [SHORT, LONG]
    assert {choose(instance, 3.0, 1, toy_policy()) for _ in range(3)} == {expected}


def test_regrets_are_linear_inside_what_was_learned_from_and_flat_outside() -> None:
    policy, features = toy_policy(), np.zeros(len(FEATURES))
    features[FEATURES.index("log_route_size")] = np.log(10.0) + 3.0
    np.testing.assert_allclose(regrets(policy, features), [1.75, 0.25], rtol=1e-6)
    policy.weights["high"][:] = np.log(10.0) + 1.0
    np.testing.assert_allclose(regrets(policy, features), [0.75, 0.25], rtol=1e-6)


def test_moves_count_as_the_time_they_take() -> None:
    instance = x_routing(customers=200, seed=5)
    policy = toy_policy()
    k = FEATURES.index("log_effort")
    policy.weights["slopes"][:] = 0.0
    policy.weights["slopes"][0, k] = 1.0
    policy.weights["centre"][k] = np.log(1.0 / 200)
    assert schedule_for(instance, Stop(seconds=60.0, moves=PACE // 2), 1, policy) == SHORT
    assert schedule_for(instance, Stop(seconds=60.0, moves=PACE * 2), 1, policy) == LONG
    assert schedule_for(instance, Stop(seconds=0.5, moves=PACE * 2), 1, policy) == SHORT


def test_without_a_schedule_policy_or_a_capacity_the_default_is_used() -> None:
    instance, stop = x_routing(customers=50, seed=1, route_size=30.0), Stop()
    assert schedule_for(instance, stop, 1, None) == Schedule()
    assert schedule_for(instance, stop, 1, toy_policy(card={})) == Schedule()
    assert schedule_for(random_routing(20, 1, capacity=None, demand=None), stop, 1, toy_policy()) == Schedule()
    assert schedule_for(instance, stop, 1, toy_policy()) == LONG


def test_the_search_anneals_as_the_policy_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from copt.solvers.routing import search

    heard: list[Schedule] = []

    class Listener(Annealer):
        def __init__(self, *args: Any) -> None:
            if args[0] is instance:  # warming, where it happens meanwhile, is heard too
                heard.append(args[5])
            super().__init__(*args)

    monkeypatch.setattr(search, "Annealer", Listener)
    instance = x_routing(customers=120, seed=1, route_size=30.0)
    values = [copt.solve(instance, moves=300, workers=1, policy=policy).objective for policy in (toy_policy(), None)]
    assert heard == [LONG, Schedule()]
    assert copt.solve(instance, moves=300, workers=1, policy=toy_policy()).objective == values[0]


def test_no_policy_is_used_unless_one_is_asked_for() -> None:
    instance = x_routing(customers=120, seed=1)
    assert copt.solve(instance, moves=50).policy is None
    assert copt.solve(instance, moves=50, policy="routing-schedule-v1").policy == "routing-schedule-v1"
