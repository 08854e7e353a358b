"""Ruin and recreate on zones of the routes: the annealer's Python face."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from copt.monitor import Monitor
from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routes, Routing, objective
from copt.solvers.divide import Limited, next_steps, quota
from copt.solvers.randomness import random_state
from copt.solvers.routing.anneal_kernels import anneal
from copt.solvers.routing.division import Division, by_barycentre, layout_of
from copt.solvers.routing.focus import Focus, drawn
from copt.solvers.routing.legs import Memory
from copt.solvers.routing.route_kernels import Plan, collect, empty_fleet, load_routes
from copt.solvers.routing.ruin_kernels import Ruin
from copt.solvers.routing.zone_kernels import BEST, CURRENT, MOVES, STRING, Zone

__all__ = ["Annealer", "Schedule"]

MOST_ZONES = 64
SPARE = 8  # empty routes beyond those of the start, for each zone


@dataclass(frozen=True)
class Schedule:
    """How the annealing goes.

    Args:
        hot: First temperature, in mean legs of the first solution.
        cold: Last temperature, likewise.
        mean: Customers removed in a move, on average.
        longest: Longest string.
        width: Neighbours that insertion looks at.
        exchange: Neighbours that local search looks at.
        squeeze: How strongly loads are shifted towards full routes while there are more routes than the demand needs,
            in what a route costs at the depot.
        patience: Local search follows a move that costs at most this many mean legs more than is accepted.
        division: How routes are divided into zones.
    """

    hot: float = 1.5
    cold: float = 0.01
    mean: float = 15.0
    longest: float = 15.0
    width: int = 24
    exchange: int = 7
    squeeze: float = 0.5
    patience: float = 5.0
    division: Division = by_barycentre


class Annealer(Limited):
    """Anneals the routes of one instance, zone by zone; see ``copt.solvers.divide.Problem``.

    Args:
        instance: The problem.
        plan: The same for the kernels.
        first: Routes to begin with.
        monitor: Gives the limits and the clock.
        report: Takes routes that are the best so far.
        schedule: How to anneal.
        seed: Seed of every random choice.
        focus: Where to look; None for all alike.
    """

    def __init__(
        self,
        instance: Routing,
        plan: Plan,
        first: Routes,
        monitor: Monitor,
        report: Callable[[Routes], object],
        schedule: Schedule,
        seed: int,
        focus: Focus | None = None,
    ) -> None:
        self._instance, self._plan, self._schedule = instance, plan, schedule
        self._report = report
        self._rng = np.random.default_rng([seed, 2])
        self._state = [random_state(seed, k) for k in range(MOST_ZONES)]
        n, count = instance.num_nodes, first.offsets.size - 1
        routes = count + max(SPARE, count // 10)
        if instance.max_routes is not None:
            routes = max(count, min(routes, instance.max_routes))
        self._fleet = empty_fleet(n, routes)
        load_routes(plan, self._fleet, first.nodes.astype(np.int32), first.offsets)
        self._best_next, self._best_first = self._fleet.next.copy(), self._fleet.first.copy()
        self._focus, self._chooser = focus, np.random.default_rng([seed, 4])
        self._memory = None if focus is None else Memory(instance, plan, self._fleet)
        self._marked, self._waiting = np.zeros(routes, dtype=np.uint8), np.zeros(n, dtype=np.uint8)
        self._current = self._best = float(objective(instance, first))
        self._unit = self._current / max(1, instance.customers.size + count)
        self._fewest, self._most_pressure = self._limits_of_pressure()
        self._squeeze = 0.0
        super().__init__(monitor)  # the clock of the search starts when it is ready

    def divide(self, parts: int) -> list[Zone]:
        """Cut the routes into zones of about equally many customers."""
        fleet = self._fleet
        layout = layout_of(self._instance, fleet.route, fleet.first.size, self._rng)
        labels = self._schedule.division(layout, parts, self._rng)
        fleet.zone[:] = labels
        self._best_next[:], self._best_first[:], self._marked[:] = fleet.next, fleet.first, 0
        self._squeeze = self._pressure()
        owner, weights = np.where(fleet.route >= 0, labels[fleet.route], -1), self._look()
        members = [drawn(np.flatnonzero(owner == k), weights, self._chooser) for k in range(parts)]
        return [self._zone(k, members[k], np.flatnonzero(labels == k)) for k in range(parts)]

    def conquer(self, zone: Zone, deadline: float) -> None:
        """Anneal ``zone`` until the deadline."""
        schedule, used = self._schedule, int(np.count_nonzero(self._fleet.size[zone.routes]))
        longest = min(schedule.longest, zone.members.size / max(1, used))
        alone = self._instance.capacity is None
        listed = self._plan.beside.shape[1]
        amount = Ruin(schedule.mean, longest, alone, min(schedule.width, listed))
        exchange, patience = min(schedule.exchange, listed), self._unit * schedule.patience
        moves, left = 100, quota(self._monitor, self._moves)
        while zone.members.size and left > 0 and not self._halted:
            began = time.perf_counter()
            if math.isinf(left) and began >= deadline:
                return
            moves = int(min(moves, left))
            heat = self._temperature()
            anneal(self._plan, self._fleet, zone, amount, exchange, patience, heat, self._squeeze * heat, moves)
            left -= moves
            moves = next_steps(moves, time.perf_counter() - began)

    def reunite(self, zones: Sequence[Zone]) -> None:
        """Report the best routes of all zones if together they are the best so far."""
        candidate = self._current + sum(float(zone.account[BEST]) for zone in zones)
        self._current += sum(float(zone.account[CURRENT]) for zone in zones)
        self._moves += int(max(zone.account[MOVES] for zone in zones))
        if candidate < self._best - 1e-6:
            self._best = candidate
            self._report(self.routes())
            if self._memory is not None:
                self._memory.improve(self._best_next)

    def routes(self) -> Routes:
        """Return the best routes of the last round."""
        nodes = np.zeros(self._instance.num_nodes, dtype=np.int64)
        offsets = np.zeros(self._best_first.size + 1, dtype=np.int64)
        count = collect(self._plan, self._best_first, self._best_next, nodes, offsets)
        return Routes(nodes[: offsets[count]], offsets[: count + 1])

    def _pressure(self) -> float:
        """Return what raising the sum of squared loads by one may cost, over the temperature; 0 with few routes.

        Were the cost of a route at the depot F, a route filled to the share s would be worth F (2 s - s^2) if that
        cost came with its load, without a step: all of F when full, so that the sum differs from the true costs by
        squares only. The slope leads from nearly empty routes to empty ones; it fades with the temperature.
        """
        return self._most_pressure if np.count_nonzero(self._fleet.size) > self._fewest else 0.0

    def _limits_of_pressure(self) -> tuple[int, float]:
        """Return the fewest routes that the demand allows, and the pressure while there are more."""
        instance, schedule, plan = self._instance, self._schedule, self._plan
        if instance.capacity is None:
            return 0, 0.0
        fewest = -(-int(instance.demands.sum()) // int(instance.capacity))
        at_depot = float((plan.leave + plan.enter)[instance.customers].mean())
        return fewest, schedule.squeeze * at_depot / (self._unit * schedule.hot * float(instance.capacity) ** 2)

    def _look(self) -> FloatArray | None:
        """Return the weights of the seeds of a round, None for all alike."""
        if self._focus is None or self._memory is None:
            return None
        return self._focus.weights(self._memory.look(self._progress()), self._chooser)

    def _zone(self, name: int, members: IntArray, routes: IntArray) -> Zone:
        n, count = self._instance.num_nodes, self._best_first.size
        gone, log, one, two = (np.zeros(n, dtype=np.int32) for _ in range(4))
        log_route, changed = (np.zeros(count, dtype=np.int32) for _ in range(2))
        return Zone(
            name,
            self._state[name],
            members.astype(np.int32),
            routes.astype(np.int32),
            gone,
            key=np.zeros(n),
            kept=np.zeros(count, dtype=np.int64),
            log=log,
            log_route=log_route,
            log_end=np.zeros(count + 1, dtype=np.int64),
            log_load=np.zeros(count, dtype=np.int64),
            best_next=self._best_next,
            best_first=self._best_first,
            changed=changed,
            marked=self._marked,
            queue=np.zeros(1 << n.bit_length(), dtype=np.int32),
            waiting=self._waiting,
            ends=np.zeros((2, STRING), dtype=np.int64),
            freed=np.zeros((2, STRING)),
            carry=np.zeros((2, STRING), dtype=np.int64),
            one=one,
            two=two,
            counts=np.zeros(5, dtype=np.int64),
            account=np.zeros(3),
        )

    def _temperature(self) -> float:
        """Return the temperature of this moment: a geometric course."""
        hot, cold = self._schedule.hot, self._schedule.cold
        return self._unit * hot * math.pow(cold / hot, self._progress())
