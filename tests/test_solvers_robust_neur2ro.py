"""The networks of Neur2RO in numpy and in SCIP, and the search with them, on instances that can be enumerated."""

import numpy as np
import pytest
from neur2ro_cases import (
    best_profit,
    greatest_prediction,
    plain_prediction,
    random_policy,
    random_weights,
    selected_profit,
)
from robust_cases import random_loans
from robust_twins import best_decisions as fewest_costs
from robust_twins import random_knapsack, worst_case

import copt
from copt.errors import CoptError
from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.robust import check
from copt.problems.robust_knapsack import RobustKnapsack, toy_knapsack
from copt.problems.uncertainty import FloatArray
from copt.result import StopReason
from copt.solvers.robust.neur2ro import generate, search_neur2ro
from copt.solvers.robust.neur2ro_net import Neur2roNet
from copt.solvers.robust.neur2ro_programs import Limits, best_decisions, decision_net, scenario_net, worst_scenario
from copt.stop import Stop


def watched(seconds: float = 60.0) -> Monitor:
    return Monitor(Stop(seconds=seconds), Silent(), sign=-1)


def limits() -> Limits:
    return Limits(watched(), 60.0, 60.0)


def small_net(seed: int, items: int = 4) -> Neur2roNet:
    instance = next(k for k in (random_knapsack(s, items) for s in range(9 * seed, 9 * seed + 999)) if fits(k, items))
    return Neur2roNet(random_weights(instance, seed), instance)


def fits(instance: RobustKnapsack, items: int) -> bool:
    return instance.num_items == items and 0.5 <= instance.budget <= items - 0.5


def some_scenarios(net: Neur2roNet, count: int, seed: int) -> list[FloatArray]:
    rng = np.random.default_rng(seed)
    uncertainty = net.instance.two_stage().uncertainty
    return [rng.uniform(0.3, 1.0) * u for u in uncertainty.sample(rng, count)]


@pytest.mark.parametrize("seed", range(5))
def test_networks_predict_what_the_layers_give(seed: int) -> None:
    net, rng = small_net(seed), np.random.default_rng(seed)
    x, scenarios = rng.integers(0, 2, 4).astype(np.float64), some_scenarios(small_net(seed), 3, seed)
    expected = [plain_prediction(net, x, u) for u in scenarios]
    decisions = net.embedded("x", x)
    np.testing.assert_allclose([net.value(decisions, net.embedded("u", u)) for u in scenarios], expected, rtol=1e-9)
    np.testing.assert_allclose(decision_net(net, scenarios).forward(x[None])[0], expected, rtol=1e-9)
    np.testing.assert_allclose(scenario_net(net, decisions).forward(np.array(scenarios))[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
@pytest.mark.parametrize("seed", range(4, 9))
def test_decisions_are_the_best_in_the_scenario_selected_for_them(seed: int, count: int) -> None:
    net = small_net(seed)
    scenarios = some_scenarios(net, count, seed)
    found = best_decisions(net, scenarios, limits())
    assert found is not None
    x, bound = found
    best = best_profit(net, scenarios)
    assert selected_profit(net, x.astype(np.float64), scenarios) == pytest.approx(best, rel=2e-4, abs=1e-4)
    assert bound == pytest.approx(-best, rel=2e-4, abs=1e-4)  # SCIP stops at a relative gap of 1e-4


def test_the_network_decides_which_scenario_counts() -> None:
    net, scenarios = small_net(5), some_scenarios(small_net(5), 4, 5)
    alone = [best_profit(net, [u]) for u in scenarios]
    everywhere = max(
        min(selected_profit(net, np.array(x, dtype=np.float64), [u]) for u in scenarios) for x in np.ndindex(2, 2, 2, 2)
    )
    assert everywhere + 1.0 < best_profit(net, scenarios) < max(alone) - 1.0


@pytest.mark.parametrize("seed", range(6))
def test_no_scenario_of_a_grid_is_predicted_to_be_worse(seed: int) -> None:
    net = small_net(seed, 3)
    x = np.random.default_rng(seed).integers(0, 2, 3).astype(np.uint8)
    worst, predicted = worst_scenario(net, x, [], limits(), np.random.default_rng(0))
    assert net.instance.two_stage().uncertainty.contains(worst)
    assert predicted == pytest.approx(plain_prediction(net, x.astype(np.float64), worst), rel=1e-9)
    most = greatest_prediction(net, x.astype(np.float64), 8)
    assert predicted >= most - 2e-4 * abs(most)


@pytest.mark.parametrize("seed", range(5))
def test_local_search_ends_where_no_exchange_is_predicted_to_be_worse(seed: int) -> None:
    net, rng = small_net(seed + 4), np.random.default_rng(seed)
    x, begin = rng.integers(0, 2, 4).astype(np.float64), rng.choice([0.0, 0.5, 1.0], 4)
    found = net.climbed(net.embedded("x", x), begin, lambda: False)
    np.testing.assert_array_equal(net.climbed(net.embedded("x", x), begin, lambda: True), begin)
    assert sorted(found) == sorted(begin)
    most = plain_prediction(net, x, found)
    assert most >= plain_prediction(net, x, begin)
    for i, j in np.ndindex(4, 4):
        other = found.copy()
        other[[i, j]] = other[[j, i]]
        assert plain_prediction(net, x, other) <= most + 1e-8


@pytest.mark.parametrize("seed", range(3))
def test_the_toy_is_valued_exactly_whatever_the_network_says(seed: int) -> None:
    toy = toy_knapsack()
    result = copt.solve(toy, seconds=60, policy=random_policy(toy, seed))
    assert (result.policy, check(toy, result.solution)) == ("tiny", [])
    assert result.objective == pytest.approx(-worst_case(toy, result.solution.x), abs=1e-4)
    assert result.bound is not None
    assert result.bound >= 14 - 1e-4  # the optimum
    assert any(note.startswith("Neur2RO ended with ") for note in result.notes)


@pytest.mark.parametrize("seed", range(6))
def test_bounds_hold_and_scenarios_end(seed: int) -> None:
    instance = random_knapsack(seed)
    monitor = watched()
    search_neur2ro(instance, monitor, random_policy(instance, seed), seed)
    assert monitor.best is not None and monitor.lower_bound is not None
    optimum = fewest_costs(instance)
    assert monitor.lower_bound <= optimum + 1e-4
    assert monitor.best >= optimum - 1e-4
    assert check(instance, monitor.solution) == []


def test_generation_starts_without_loss_and_stops_when_told() -> None:
    net, monitor = small_net(2), watched()
    steps = generate(net, monitor, np.random.default_rng(0))
    first = next(steps).astype(np.float64)
    assert selected_profit(net, first, []) == pytest.approx(best_profit(net, []), rel=2e-4)
    monitor.end(StopReason.USER)
    assert list(steps) == []


def test_an_ended_solve_keeps_what_there_is() -> None:
    instance, monitor = random_knapsack(5), watched()
    monitor.end(StopReason.USER)
    search_neur2ro(instance, monitor, random_policy(instance, 5), 0)
    assert monitor.reason() is StopReason.USER
    assert monitor.solution is not None


def test_other_problems_are_refused() -> None:
    with pytest.raises(CoptError, match="loans-4-1: policy 'tiny' is for two-stage knapsacks only; use policy=None"):
        copt.solve(random_loans(4, 1), seconds=5, policy=random_policy(toy_knapsack(), 0))
