"""Compiled simulated annealing over ruin, recreate and local search in one zone."""

import numpy as np

from copt.solvers.compiled import kernel
from copt.solvers.random_kernels import uniform
from copt.solvers.routing.exchange_kernels import settle
from copt.solvers.routing.route_kernels import Fleet, Plan, number
from copt.solvers.routing.ruin_kernels import Ruin, recreate, ruin
from copt.solvers.routing.zone_kernels import LOGGED, MOVES, Zone, accept, packed, queue_changed, take_back

__all__ = ["anneal"]


@kernel
def anneal(
    plan: Plan,
    fleet: Fleet,
    zone: Zone,
    amount: Ruin,
    width: int,
    patience: float,
    temperature: float,
    squeeze: float,
    moves: int,
) -> None:
    """Make ``moves`` moves in a zone at one temperature.

    Args:
        plan: The problem.
        fleet: The routes; those of the zone change.
        zone: What the worker remembers; its account is kept up to date.
        amount: How much to remove.
        width: Neighbours that local search looks at; 0 for none.
        patience: Local search follows if recreating costs at most this more than is accepted.
        temperature: A move that costs ``x`` more is accepted with probability exp(-x / temperature).
        squeeze: What raising the sum of squared loads by one may cost, so that nearly empty routes become empty.
        moves: Number of moves.
    """
    for _ in range(moves):
        zone.account[MOVES] += 1.0
        removed, gain = ruin(plan, fleet, zone, amount)
        change = recreate(plan, fleet, zone, amount, removed) - gain
        limit = -temperature * np.log(1.0 - uniform(zone.random))
        if width > 0 and change < limit + patience + squeeze * packed(fleet, zone):
            queue_changed(plan, fleet, zone)
            for entry in range(zone.counts[LOGGED]):
                number(plan, fleet, zone.log_route[entry])
            change -= settle(plan, fleet, zone, width)
        if change < limit + squeeze * packed(fleet, zone):
            accept(plan, fleet, zone, change)
        else:
            take_back(plan, fleet, zone)
