"""Local search of routes against every exchange written out as lists."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from routing_cases import random_routing

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.routing import Routes, Routing, check, costs, objective
from copt.solvers.routing.anneal import Annealer, Schedule
from copt.solvers.routing.exchange_kernels import TINY, best_exchange, make, settle
from copt.solvers.routing.plan import neighbours, plan_of
from copt.solvers.routing.zone_kernels import MOVES, Zone, push
from copt.stop import Stop

WIDTH = 5


def shuffled(instance: Routing, seed: int) -> Routes:
    """Customers in random order, cut where a route is full."""
    rng = np.random.default_rng(seed)
    routes: list[list[int]] = [[]]
    for c in rng.permutation(instance.customers).tolist():
        if instance.capacity is not None and instance.demands[[*routes[-1], c]].sum() > 0.8 * instance.capacity:
            routes.append([])
        routes[-1].append(c)
    return Routes.from_lists(routes)


def searched(instance: Routing, seed: int) -> tuple[Annealer, Zone]:
    """Shuffled routes, ready for local search."""
    plan = plan_of(instance, neighbours(instance, WIDTH))
    first = shuffled(instance, seed)
    annealer = Annealer(instance, plan, first, Monitor(Stop(), Silent()), lambda routes: None, Schedule(), seed)
    (zone,) = annealer.divide(1)
    zone.account[MOVES] = 1
    return annealer, zone


def lists_of(annealer: Annealer) -> list[list[int]]:
    fleet, depot = annealer._fleet, annealer._plan.depot
    routes: list[list[int]] = []
    for node in fleet.first.tolist():
        routes.append([])
        while node != depot:
            routes[-1].append(node)
            node = int(fleet.next[node])
    return routes


def cost(instance: Routing, routes: list[list[int]]) -> float:
    return objective(instance, Routes.from_lists([route for route in routes if route]))


def leg(instance: Routing, routes: list[list[int]], i: int, ahead: bool) -> float:
    """The cost of the leg behind or before ``i``."""
    (route,) = [route for route in routes if i in route]
    stops = [0, *route, 0]
    place = 1 + route.index(i)
    one, two = (stops[place], stops[place + 1]) if ahead else (stops[place - 1], stops[place])
    return 0.0 if two == 0 and instance.open_routes else float(costs(instance, one, two))


def exchanges(routes: list[list[int]], i: int, j: int, ahead: bool, turn: bool) -> Iterator[list[list[int]]]:
    """Everything that brings ``i`` beside ``j`` by giving up the leg behind ``i``, or the one before it."""
    (a,) = [route for route in routes if i in route]
    (b,) = [route for route in routes if j in route]
    others = [route for route in routes if route is not a and route is not b]
    p, q = a.index(i), b.index(j)
    if a is not b:
        cut, other = p + ahead, q + (not ahead)
        yield [*others, a[:cut] + b[other:], b[:other] + a[cut:]]
        if turn:
            cut, other = p + ahead, q + ahead
            yield [*others, a[:cut] + b[:other][::-1], a[cut:][::-1] + b[other:]]
    elif turn:
        low, high = sorted((p + ahead, q + ahead))
        yield [*others, a[:low] + a[low:high][::-1] + a[high:]]
    for size in (1, 2, 3):
        begin = p - size + 1 if ahead else p
        string = a[max(0, begin) : begin + size]
        if len(string) < size or j in string:
            continue
        rest = [c for c in a if c not in string]
        into = rest if a is b else b
        at = into.index(j)
        for after in (False, True):
            # ``i`` comes beside ``j``, so the string may have to be turned round.
            facing = string if (string[0] == i) == after else string[::-1]
            if size == 1 or turn or facing == string:
                new = into[: at + after] + facing + into[at + after :]
                yield [*others, new] if a is b else [*others, rest, new]


def swaps(routes: list[list[int]], i: int, j: int) -> Iterator[list[list[int]]]:
    """The swaps of ``i`` with the neighbours of ``j``, unless these are its own."""
    (a,) = [route for route in routes if i in route]
    (b,) = [route for route in routes if j in route]
    for step in (-1, 1):
        at = b.index(j) + step
        if 0 <= at < len(b) and b[at] != i and not (a is b and abs(a.index(i) - at) == 1):
            other = b[at]
            change = {i: other, other: i}
            yield [[change.get(c, c) for c in route] for route in routes]


def fits(instance: Routing, routes: list[list[int]]) -> bool:
    return instance.capacity is None or all(instance.demands[route].sum() <= instance.capacity for route in routes)


def best_gain(instance: Routing, annealer: Annealer, i: int) -> float:
    """The largest gain of all exchanges that the kernel is meant to look at."""
    plan, routes, now = annealer._plan, lists_of(annealer), cost(instance, lists_of(annealer))
    legs = {ahead: leg(instance, routes, i, ahead) for ahead in (True, False)}
    best = TINY
    for k in range(WIDTH):
        j, apart = int(plan.near[i, k]), float(plan.near_cost[i, k])
        back = apart if plan.turn else float(instance.matrix[j, i])  # type: ignore[index]
        made = [
            new for ahead in legs if legs[ahead] > min(apart, back) for new in exchanges(routes, i, j, ahead, plan.turn)
        ]
        if apart < max(legs.values()) or not plan.turn:
            made += swaps(routes, i, j)
        best = max([best, *(now - cost(instance, new) for new in made if fits(instance, new))])
    return best


def one_way(customers: int, seed: int) -> Routing:
    matrix = np.random.default_rng(seed).integers(1, 60, (customers + 1, customers + 1)).astype(np.float64)
    base = random_routing(customers, seed)
    return Routing(matrix=matrix, depot=0, demand=base.demand, capacity=30)


FIELDS: list[dict[str, Any]] = [
    {"capacity": 20},
    {"capacity": 60},
    {"capacity": 40, "open_routes": True},
    {"metric": "exact"},
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", range(5))
def test_the_best_exchange_is_that_of_all_lists_and_is_made_as_promised(case: int, seed: int) -> None:
    instance = one_way(24, seed) if case == 4 else random_routing(24, seed, **FIELDS[case])
    annealer, zone = searched(instance, seed)
    plan, fleet = annealer._plan, annealer._fleet
    kinds = set()
    for step in range(60):
        i = 1 + step % 24
        chosen = best_exchange(plan, fleet, zone, WIDTH, i)
        assert chosen.gain == pytest.approx(best_gain(instance, annealer, i), abs=1e-6)
        if chosen.kind < 0:
            continue
        kinds.add(chosen.kind)
        before = cost(instance, lists_of(annealer))
        make(plan, fleet, zone, chosen)
        after = lists_of(annealer)
        assert before - cost(instance, after) == pytest.approx(chosen.gain, abs=1e-6)
        assert check(instance, Routes.from_lists([route for route in after if route])) == []
        assert [fleet.place[c] for route in after for c in route] == [k for route in after for k in range(len(route))]
    assert len(kinds) >= 2


def test_settled_routes_have_no_exchange_left() -> None:
    instance = random_routing(60, 4, capacity=50)
    annealer, zone = searched(instance, 4)
    plan, fleet = annealer._plan, annealer._fleet
    gains: list[float] = []
    while not gains or gains[-1] > 0.0:
        before = cost(instance, lists_of(annealer))
        for c in instance.customers.tolist():
            push(plan, zone, c)
        gains.append(settle(plan, fleet, zone, WIDTH))
        assert before - cost(instance, lists_of(annealer)) == pytest.approx(gains[-1], abs=1e-6)
    # Room that a later exchange makes does not bring customers back into the queue, so a second look may gain a little.
    assert sum(gains[1:]) < 0.05 * gains[0]
    assert all(best_exchange(plan, fleet, zone, WIDTH, c).kind < 0 for c in instance.customers.tolist())
