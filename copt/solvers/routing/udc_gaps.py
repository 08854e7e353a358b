"""What the networks of UDC are worth, for the cards of policies."""

from collections.abc import Mapping, Sequence

import numpy as np

from copt.events import Silent
from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.routing import Routes, Routing, objective
from copt.solvers.routing.greedy import greedy_tour
from copt.solvers.routing.plan import neighbours, plan_of
from copt.solvers.routing.savings import savings_routes
from copt.solvers.routing.udc import Conqueror, udc_search
from copt.stop import Stop

__all__ = ["ROUNDS", "compare", "greedy_start", "searched"]

ROUNDS = (0, 2, 10, 50)


def greedy_start(instance: Routing) -> Routes:
    """Return the start without learning: a greedy tour, or the savings routes."""
    if instance.depot is None:
        return Routes(greedy_tour(instance, neighbours(instance, 10)), np.array([0, instance.num_nodes]))
    return Routes.from_lists(savings_routes(instance, plan_of(instance, neighbours(instance, 40))))


def searched(instance: Routing, policy: Policy, rounds: int) -> float:
    """Return the length after so many rounds from the heat-map start."""
    monitor = Monitor(Stop(moves=rounds, seconds=3600.0), Silent())
    udc_search(instance, monitor, policy, seed=0)
    assert monitor.best is not None
    return monitor.best


def improved(instance: Routing, policy: Policy, routes: Routes, rounds: int) -> float:
    """Return the length after so many rounds from given routes."""
    conqueror, rng = Conqueror(instance, policy), np.random.default_rng(0)
    for _ in range(rounds):
        routes = conqueror.routes(routes, int(rng.integers(1, conqueror.part + 1)))
    return objective(instance, routes)


def compare(policies: Mapping[str, Policy], instances: Sequence[Routing]) -> dict[str, object]:
    """Return mean lengths: of the start without learning, and of the search with each policy by its name.

    Each policy searches from its own heat map and, for as many rounds as at most, from the start without learning.
    """
    starts = [greedy_start(instance) for instance in instances]
    values = [objective(instance, start) for instance, start in zip(instances, starts, strict=True)]
    result: dict[str, object] = {"greedy_start": mean(values)}
    for name, policy in policies.items():
        arms = {f"x{rounds}": mean([searched(one, policy, rounds) for one in instances]) for rounds in ROUNDS}
        greedy = [improved(one, policy, start, ROUNDS[-1]) for one, start in zip(instances, starts, strict=True)]
        result[name] = arms | {f"greedy_start_x{ROUNDS[-1]}": mean(greedy)}
    return result


def mean(values: Sequence[float]) -> float:
    """Return the mean, rounded for a card."""
    return round(float(np.mean(values)), 3)
