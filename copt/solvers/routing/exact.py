"""CP-SAT on small routing problems: circuits, with loads along the routes."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from copt.monitor import Monitor
from copt.problems.routing import Routes, Routing, costs, objective
from copt.solvers import cpsat
from copt.solvers.routing.bounds import rounded_up

__all__ = ["improve", "prove"]

SCALE = 1 << 20  # of costs that are not whole


class _Model:
    """A CP-SAT model of an instance; node 0 of the circuit is the depot, or the first node of a tour.

    Args:
        instance: The problem.
        incumbent: Routes whose legs are the hint.
    """

    def __init__(self, instance: Routing, incumbent: Routes) -> None:
        self._instance = instance
        self.scale = 1 if instance.integral else SCALE
        home = 0 if instance.depot is None else instance.depot
        self._nodes = [home, *(node for node in instance.customers.tolist() if node != home)]
        self.model = cp_model.CpModel()
        self._leg: dict[tuple[int, int], cp_model.IntVar] = {}
        self._add_legs()
        if instance.depot is None:
            self.model.add_circuit([(i, j, leg) for (i, j), leg in self._leg.items()])
        else:
            self.model.add_multiple_circuit([(i, j, leg) for (i, j), leg in self._leg.items()])
            self._limit_routes()
        self._hint(incumbent)

    def read(self, value: cpsat.Reader) -> tuple[float, Routes]:
        """Return the cost and the routes of the solution that ``value`` reads."""
        follower: dict[int, int] = {}
        starts = []
        for (i, j), leg in self._leg.items():
            if value(leg):
                if i == 0:
                    starts.append(j)
                follower[i] = j
        routes = []
        for start in starts:
            route, node = [], start
            while node != 0:
                route.append(self._nodes[node])
                node = follower[node]
            routes.append(route)
        if self._instance.depot is None:
            routes[0].insert(0, self._nodes[0])
        solution = Routes.from_lists(routes)
        return objective(self._instance, solution), solution

    def _add_legs(self) -> None:
        n, terms = len(self._nodes), []
        matrix = self._matrix()
        for i in range(n):
            for j in range(n):
                if i != j:
                    self._leg[i, j] = self.model.new_bool_var("")
                    terms.append(int(matrix[i, j]) * self._leg[i, j])
        self.model.minimize(sum(terms))

    def _matrix(self) -> Any:
        i, j = np.meshgrid(self._nodes, self._nodes, indexing="ij")
        matrix = np.array(costs(self._instance, i, j))
        if self._instance.open_routes:
            matrix[:, 0] = 0.0
        return np.floor(matrix * self.scale)  # rounded down, so that the bound holds

    def _limit_routes(self) -> None:
        instance, n = self._instance, len(self._nodes)
        if instance.max_routes is not None:
            self.model.add(sum(self._leg[0, j] for j in range(1, n)) <= instance.max_routes)
        if instance.capacity is None:
            return
        demand = [int(instance.demands[node]) for node in self._nodes]
        load = [self.model.new_int_var(demand[k], int(instance.capacity), "") for k in range(n)]
        for (i, j), leg in self._leg.items():
            if i > 0 and j > 0:
                self.model.add(load[j] >= load[i] + demand[j]).only_enforce_if(leg)

    def _hint(self, incumbent: Routes) -> None:
        place = {node: k for k, node in enumerate(self._nodes)}
        used = set()
        for route in incumbent.to_lists():
            stops = [place[node] for node in route]
            stops = [*stops, stops[0]] if self._instance.depot is None else [0, *stops, 0]
            used |= set(itertools.pairwise(stops))
        for pair, leg in self._leg.items():
            self.model.add_hint(leg, pair in used)


def prove(instance: Routing, monitor: Monitor, *, workers: int, seed: int) -> bool:
    """Search the whole problem until its optimum is proved; start from the monitor's incumbent.

    Args:
        instance: The problem, small.
        monitor: Has an incumbent, receives better ones and bounds, and says when to stop.
        workers: Number of CP-SAT's threads.
        seed: Seed of CP-SAT.

    Returns:
        Whether the optimum is proved.
    """
    built = _Model(instance, monitor.solution)
    if instance.integral:
        status = cpsat.run(built.model, monitor, built.read, workers=workers, seed=seed)
        return bool(status == cp_model.OPTIMAL)
    status = cpsat.search(
        built.model,
        seconds=monitor.remaining,
        workers=workers,
        seed=seed,
        stopped=lambda: monitor.reason() is not None,
        on_solution=lambda read: _offer(monitor, *built.read(read)),
        on_bound=lambda bound: _prove(instance, monitor, bound / built.scale),
    )
    return bool(status == cp_model.OPTIMAL)


def improve(
    instance: Routing, routes: Routes, *, seconds: float, work: float, seed: int, stopped: Callable[[], bool]
) -> Routes:
    """Return the last routes that CP-SAT finds from ``routes`` on; ``routes`` itself if it finds none.

    Args:
        instance: The problem, small.
        routes: Hint.
        seconds: Limit on wall time.
        work: Limit on CP-SAT's deterministic time; if it comes first, the answer depends on the seed alone.
        seed: Seed of CP-SAT, which uses one thread.
        stopped: Whether to return soon.
    """
    built = _Model(instance, routes)
    found = [routes]
    cpsat.search(
        built.model,
        seconds=seconds,
        workers=1,
        seed=seed,
        stopped=stopped,
        on_solution=lambda read: found.append(built.read(read)[1]),
        on_bound=lambda bound: None,
        parameters={"max_deterministic_time": work},
    )
    return found[-1]


def _offer(monitor: Monitor, value: float, solution: Routes) -> None:
    monitor.offer(value, solution, "cp-sat")


def _prove(instance: Routing, monitor: Monitor, bound: float) -> None:
    monitor.prove(rounded_up(instance, bound, monitor.best), "cp-sat")
