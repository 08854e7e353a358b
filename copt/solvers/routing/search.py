"""The compiled searches of routes and of tours, from first solution to last."""

import math
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.routing import Routes, Routing, objective
from copt.solvers.divide import divide_and_conquer
from copt.solvers.routing.anneal import Annealer, Schedule
from copt.solvers.routing.bounds import Ascent, rounded_up
from copt.solvers.routing.candidates import Candidates
from copt.solvers.routing.focus import Focus, focus_for
from copt.solvers.routing.greedy import greedy_tour
from copt.solvers.routing.plain import plain_routes
from copt.solvers.routing.plan import neighbours, plan_of, quadrant_neighbours
from copt.solvers.routing.route_kernels import Plan
from copt.solvers.routing.savings import savings_routes
from copt.solvers.routing.schedule import schedule_for
from copt.solvers.routing.tours import TourSearch

__all__ = ["search_routes", "search_tour"]

NEAR_ROUTES = 40  # neighbours of each node
NEAR_TOUR = (18, 3, 3)  # neighbours of each node, those of them in each direction, those across gaps
ASCENT = (3, 5000)  # nodes between which one-trees bound a tour
SHARE, ROUNDS = 0.1, 300  # of the time, and most steps, of that ascent


def search_routes(
    instance: Routing,
    monitor: Monitor,
    start: Routes | None,
    workers: int,
    seed: int,
    until: Callable[[], bool] = lambda: False,
    *,
    policy: Policy | None = None,
    schedule: Schedule | None = None,
    candidates: Candidates | None = None,
    focus: Focus | None = None,
) -> None:
    """Anneal routes until the monitor or ``until`` says stop, or the moves are used up.

    A tour, for which this is meant where costs are not symmetric, is annealed as a single route from node 0. Without
    a ``schedule`` or a ``focus``, the policy chooses it; without a policy that can, it is the default. With
    ``candidates``, these are what insertion and local search look at, instead of the nearest customers.
    """
    home = instance if instance.depot is not None else replace(instance, depot=0, max_routes=1)

    def report(routes: Routes, source: str = "ruin and recreate") -> None:
        if instance.depot is None:
            routes = Routes.from_lists([[0, *routes.nodes.tolist()]])
        monitor.offer(objective(instance, routes), routes, source)

    near = neighbours(home, NEAR_ROUTES)
    plan = plan_of(home, near, None if candidates is None else candidates.of(home, near))
    first = _first_routes(home, plan) if start is None else start
    if start is not None and instance.depot is None:
        place = int(np.flatnonzero(start.nodes == 0)[0])
        first = Routes.from_lists([np.roll(start.nodes, -place)[1:].tolist()])
    if first is not None:
        report(first, "savings")
        chosen = schedule or schedule_for(home, monitor.stop, workers, policy)
        if candidates is not None:
            chosen = replace(chosen, width=candidates.width, exchange=candidates.exchange)
        looked = focus or focus_for(home, policy)
        annealer = Annealer(home, plan, first, monitor, report, chosen, seed, looked)
        divide_and_conquer(annealer, monitor, workers, until)


def _first_routes(instance: Routing, plan: Plan) -> Routes | None:
    """Return the routes of the savings algorithm, or plain ones if those are too many; None if both are."""
    lists = savings_routes(instance, plan)
    if instance.capacity is None and instance.max_routes == 1:
        lists = [[node for route in lists for node in route]]
    if instance.max_routes is not None and len(lists) > instance.max_routes:
        return plain_routes(instance)
    return Routes.from_lists(lists)


def search_tour(
    instance: Routing,
    monitor: Monitor,
    start: Routes | None,
    workers: int,
    seed: int,
    until: Callable[[], bool] = lambda: False,
    *,
    listed: tuple[int, int, int] = NEAR_TOUR,
    candidates: Candidates | None = None,
) -> None:
    """Improve a tour until the monitor or ``until`` says stop, or the moves are used up.

    Moves look at ``listed`` neighbours of each node, see ``quadrant_neighbours``, or at ``candidates`` among these.
    """
    near = quadrant_neighbours(instance, *listed)
    tour = greedy_tour(instance, near) if start is None else start.nodes
    first = Routes(tour, np.array([0, tour.size]))
    monitor.offer(objective(instance, first), first, "greedy")
    ascent = threading.Thread(target=_ascend, args=(instance, monitor), daemon=True)
    if ASCENT[0] <= instance.num_nodes <= ASCENT[1]:
        ascent.start()
    if candidates is not None:
        near = candidates.of(instance, near)
    divide_and_conquer(TourSearch(instance, near, tour, monitor, seed), monitor, workers, until)


def _ascend(instance: Routing, monitor: Monitor) -> None:
    """Report one-tree bounds for a share of the time."""
    ascent = Ascent(instance, float(monitor.best or math.inf), ROUNDS)
    end = monitor.elapsed + SHARE * monitor.stop.seconds
    for _ in range(ROUNDS):
        if monitor.reason() is not None or monitor.elapsed > end:
            return
        monitor.prove(rounded_up(instance, ascent.step(), monitor.best), "one-tree")
