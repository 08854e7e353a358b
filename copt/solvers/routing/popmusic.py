"""POPMUSIC on routes (Taillard and Voss 2002): small zones of one incumbent, each improved as a problem of its own.

A zone is a random route and those nearest to it. A conqueror of ``copt.solvers.routing.conquerors`` (CP-SAT, PyVRP, a
trained network) gets it, and its answer is kept where the checker finds nothing and it costs less::

    conquer_routes(instance, monitor, routes, PyVrp(), workers=2, seed=0)

The engine does not call it. On problems of 500 to 1000 customers by the recipe of the X set, with 30 s and two workers,
the last tenth of the time gained 0.009 % on average with PyVRP and nothing with CP-SAT over the annealed routes handed
to it, less than two runs of annealing to the end differ by.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from copt.errors import CoptError
from copt.monitor import Monitor
from copt.problems.base import IntArray
from copt.problems.routing import Routes, Routing, check, objective
from copt.solvers.divide import Limited, divide_and_conquer
from copt.solvers.routing.conquerors import Conqueror
from copt.solvers.routing.division import Layout, layout_of
from copt.solvers.routing.part import part_of

__all__ = ["Popmusic", "Zone", "conquer_routes"]

FIRST = 1.0  # seconds of the first round: the conquerors need that long to begin
LEAST = 1e-9  # relative gain below which two costs are the same


@dataclass
class Zone:
    """Some routes as a problem of their own.

    Args:
        part: The problem.
        nodes: The instance's node behind each of the part's, the depot first.
        picked: Which routes these are.
        routes: The part's routes; better ones take their place.
        seed: For the conqueror.
        gain: What the better routes save.
    """

    part: Routing
    nodes: IntArray
    picked: list[int]
    routes: Routes
    seed: int
    gain: float = 0.0


class Popmusic(Limited):
    """Improves the routes of one instance, small zone by small zone; see ``copt.solvers.divide.Problem``.

    A move is one zone for each worker.

    Args:
        instance: A problem with a depot.
        first: Feasible routes to begin with.
        conqueror: What improves a zone.
        monitor: Gives the limits and the clock.
        report: Takes routes that are the best so far.
        seed: Seed of every random choice.

    Raises:
        CoptError: If there is no depot, or the conqueror does not admit the instance.
    """

    def __init__(
        self,
        instance: Routing,
        first: Routes,
        conqueror: Conqueror,
        monitor: Monitor,
        report: Callable[[Routes], object],
        seed: int,
    ) -> None:
        if instance.depot is None:
            raise CoptError(f"{instance.name} is a tour; zones of routes need a depot, call search_tour instead")
        conqueror.admit(instance)
        self._instance, self._depot, self._conqueror = instance, instance.depot, conqueror
        self._report = report
        self._rng = np.random.default_rng([seed, 3])
        self._routes = first.to_lists()
        super().__init__(monitor)

    def divide(self, parts: int) -> list[Zone]:
        """Return at most ``parts`` zones, each a random route and the nearest ones that are in no other zone."""
        owner = np.full(self._instance.num_nodes, -1, dtype=np.int32)
        for r, route in enumerate(self._routes):
            owner[route] = r
        layout = layout_of(self._instance, owner, len(self._routes), self._rng)
        free, zones = np.ones(len(self._routes), dtype=np.bool_), list[Zone]()
        for r in self._rng.permutation(len(self._routes)).tolist():
            if len(zones) < parts and free[r]:
                picked = self._nearest(layout, r, np.flatnonzero(free))
                free[picked] = False
                zones.append(self._zone(picked.tolist()))
        return zones

    def conquer(self, zone: Zone, deadline: float) -> None:
        """Let the conqueror improve ``zone``; keep its answer only if it is feasible and costs less."""
        seconds = self._monitor.remaining
        if self._monitor.stop.moves is None:
            seconds = min(seconds, deadline - time.perf_counter())
        if seconds <= 0.0 or self._halted:
            return
        part, before = zone.part, zone.routes
        found = self._conqueror(part, before, seconds=seconds, seed=zone.seed, stopped=lambda: self._halted)
        if check(part, found) == []:
            gain = objective(part, before) - objective(part, found)
            if gain > LEAST * objective(part, before):
                zone.routes, zone.gain = found, gain

    def reunite(self, zones: Sequence[Zone]) -> None:
        """Put better routes in the place of those that they improve on, and report them."""
        self._moves += 1
        better = [zone for zone in zones if zone.gain > 0.0]
        if not better:
            return
        replaced = {r for zone in better for r in zone.picked}
        kept = [route for r, route in enumerate(self._routes) if r not in replaced]
        made = [zone.nodes[route].tolist() for zone in better for route in zone.routes.to_lists()]
        self._routes = kept + made
        self._report(self.routes())

    def routes(self) -> Routes:
        """Return the routes as they are."""
        return Routes.from_lists(self._routes)

    def _nearest(self, layout: Layout, seed: int, free: IntArray) -> IntArray:
        """Return route ``seed`` and the nearest of ``free`` by their centres, as many as suit the conqueror."""
        apart = np.linalg.norm(layout.centres[free] - layout.centres[seed], axis=1)
        apart[free == seed] = -1.0
        order = free[np.argsort(apart, kind="stable")]
        count = int(np.searchsorted(np.cumsum(layout.sizes[order]), self._conqueror.size, side="right"))
        return order[: max(1, count)]

    def _zone(self, picked: list[int]) -> Zone:
        lists = [self._routes[r] for r in picked]
        nodes = np.array([self._depot, *(node for route in lists for node in route)])
        limited = self._instance.max_routes is not None
        offsets = np.cumsum([0, *map(len, lists)])
        return Zone(
            part=part_of(self._instance, nodes, len(picked) if limited else None),
            nodes=nodes,
            picked=picked,
            routes=Routes(np.arange(1, nodes.size), offsets),
            seed=int(self._rng.integers(2**31)),
        )


def conquer_routes(
    instance: Routing, monitor: Monitor, start: Routes, conqueror: Conqueror, *, workers: int, seed: int
) -> None:
    """Improve routes zone by zone until the monitor says stop, or the moves are used up.

    Args:
        instance: A problem with a depot.
        monitor: Hears of ``start`` and of all that is better.
        start: Feasible routes.
        conqueror: What improves a zone.
        workers: Zones at once, one thread for each.
        seed: Seed of every random choice.

    Raises:
        CoptError: If there is no depot, or the conqueror does not admit the instance.
    """

    def report(routes: Routes) -> None:
        monitor.offer(objective(instance, routes), routes, "popmusic")

    problem = Popmusic(instance, start, conqueror, monitor, report, seed)
    report(start)
    divide_and_conquer(problem, monitor, workers, first=FIRST)
