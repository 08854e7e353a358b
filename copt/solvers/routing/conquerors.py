"""Conquerors: what improves a small zone of routes as a problem of its own, one behind another's back.

``copt.solvers.routing.popmusic`` cuts zones and hands them out. A conqueror is a value: its fields say how much work a
zone is worth, so that under a limit on moves its answer does not depend on the speed of the machine.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from copt.errors import CoptError, MissingExtraError
from copt.policy import Policy
from copt.problems.routing import Routes, Routing
from copt.solvers.routing import exact, udc
from copt.solvers.routing.part import has_pyvrp, pyvrp_data, pyvrp_routes

__all__ = ["Conqueror", "CpSat", "Neural", "PyVrp"]


class Conqueror(Protocol):
    """What improves zones; any thread may call it."""

    @property
    def size(self) -> int:
        """Customers up to which a zone suits it."""

    def admit(self, instance: Routing) -> None:
        """Raise ``CoptError`` if zones of ``instance`` are not for this conqueror."""

    def __call__(
        self, part: Routing, routes: Routes, *, seconds: float, seed: int, stopped: Callable[[], bool]
    ) -> Routes:
        """Return routes of ``part``, hopefully better ones; the caller checks them.

        Args:
            part: The zone, a problem with its depot as node 0.
            routes: Feasible routes to start from.
            seconds: Limit on wall time.
            seed: Seed of every random choice.
            stopped: Asked often; True means to return soon.
        """


@dataclass(frozen=True)
class CpSat:
    """CP-SAT's circuit model on one thread, from the zone's routes as hint: every kind of routes, small zones.

    Args:
        work: Limit on CP-SAT's deterministic time, of the order of a second a unit.
        size: Customers of a zone; 10 to 40 make sense.
    """

    work: float = 2.0
    size: int = 30

    def admit(self, instance: Routing) -> None:
        """Admit open routes, one-way costs and any limit."""

    def __call__(
        self, part: Routing, routes: Routes, *, seconds: float, seed: int, stopped: Callable[[], bool]
    ) -> Routes:
        """Return the best routes found, optimal ones if time allows; see ``Conqueror``."""
        return exact.improve(part, routes, seconds=seconds, work=self.work, seed=seed, stopped=stopped)


@dataclass(frozen=True)
class PyVrp:
    """PyVRP's iterated local search (Wouda, Lan and Kool 2024): every kind of routes.

    Costs that are not whole are rounded to a ten-thousandth of the zone's extent. Needs the package ``pyvrp``.

    Args:
        iterations: Iterations for a zone.
        size: Customers of a zone.
    """

    iterations: int = 2000
    size: int = 200

    def admit(self, instance: Routing) -> None:
        """Admit open routes, one-way costs and any limit.

        Raises:
            MissingExtraError: If PyVRP is not installed.
        """
        if not has_pyvrp():
            raise MissingExtraError("conqueror 'pyvrp'", "bench")

    def __call__(
        self, part: Routing, routes: Routes, *, seconds: float, seed: int, stopped: Callable[[], bool]
    ) -> Routes:
        """Return the best routes found; see ``Conqueror``."""
        import pyvrp

        end = time.perf_counter() + seconds
        count = iter(range(self.iterations))

        def stop(best_cost: float) -> bool:
            return next(count, None) is None or time.perf_counter() >= end or stopped()

        data = pyvrp_data(part)
        # Clients count from 0 without the depot, which is node 0 of a zone.
        start = pyvrp.Solution(data, [[node - 1 for node in route] for route in routes.to_lists()])
        result = pyvrp.solve(data, stop, seed % 2**32, collect_stats=False, display=False, initial_solution=start)
        return pyvrp_routes(part, result.best) if result.is_feasible() else routes


@dataclass(frozen=True)
class Neural:
    """The conquering net of UDC (Zheng et al. 2024): coordinates and closed routes.

    Args:
        policy: A policy trained by ``copt train routing-udc --problem cvrp``.
        rounds: Rounds on a zone, each with its paths cut elsewhere.
        size: Customers of a zone.
    """

    policy: Policy
    rounds: int = 8
    size: int = 300

    def admit(self, instance: Routing) -> None:
        """Admit problems with coordinates and closed routes.

        Raises:
            CoptError: If there is a matrix, routes are open, or the policy is of another kind.
        """
        if instance.coordinates is None or instance.open_routes:
            what = "a matrix" if instance.coordinates is None else "open routes"
            raise CoptError(
                f"{instance.name} has {what}; conqueror 'neural' needs coordinates and closed routes, "
                "take CpSat or PyVrp"
            )
        udc.Conqueror(instance, self.policy)

    def __call__(
        self, part: Routing, routes: Routes, *, seconds: float, seed: int, stopped: Callable[[], bool]
    ) -> Routes:
        """Return the routes after some rounds, each of which keeps only what is better; see ``Conqueror``."""
        net, rng = udc.Conqueror(part, self.policy), np.random.default_rng(seed)
        end = time.perf_counter() + seconds
        for _ in range(self.rounds):
            if time.perf_counter() >= end or stopped():
                break
            routes = net.routes(routes, int(rng.integers(net.part)))
        return routes
