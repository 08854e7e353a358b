"""Compiled column generation for capital budgeting with loans, some of the early projects fixed and the rest relaxed.

A plan says of each project whether it is begun early, late or never, and whether the late loan is taken. If the costs
are certain, the plans of binary x are those that begin early what x does, and their convex hull is a face of that of
all plans (Arslan and Detienne 2022): the relaxation is a game between plans and scenarios where a free project is
early in a share of the plans. Only the budget for what is begun early stays a row of that game; its price becomes one
more entry of the scenario v, which is counted in units of ``most_price``. For each v the best plan, a knapsack, gives
an upper bound on what can be earned, whatever the rest of the method does.
"""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import inlined, kernel
from copt.solvers.robust.box_game_kernels import BoxGame, begin, earned, improve
from copt.solvers.robust.knapsack_kernels import Bytes, Floats, Ints, best_plan, lagrangian

__all__ = [
    "BARRED",
    "CHOSEN",
    "EARLY",
    "FREE",
    "LATE",
    "RECENT",
    "Desk",
    "Projects",
    "appraise",
    "price",
    "relax",
    "screen",
]

BARRED, CHOSEN, FREE = 0, 1, 2
EARLY, LATE = 1, 2
SMOOTHING = 0.5  # share of the best scenario so far in the one that is priced
RECENT = 400  # plans of the pool that are looked through
NEVER = -1e30  # earned by a choice that is none


class Projects(NamedTuple):
    """The instance once it is decided whether to take the early loan; arrays of shape (projects, ...)."""

    profits: Floats
    spreads: Floats  # (projects, factors): change of the profit with each factor
    costs: Ints
    late: float
    early_cost: float  # of the early loan, 0 if it is not taken
    late_cost: float  # of the late loan
    early_budget: int
    late_budget: int  # with the late loan
    most_price: float  # a price of the early budget at which nothing is worth beginning early
    nothing: Ints  # (projects,): zeros


class Desk(NamedTuple):
    """The pool of plans and the memory that kernels share."""

    game: BoxGame
    plans: Bytes  # (most plans, projects): 0, EARLY or LATE
    borrowed: Bytes  # (most plans,): whether the late loan is taken
    filled: Ints  # plans in the pool, place of the next
    between: Floats  # (factors + 1,): scenario that is priced
    table: Floats  # (projects, 3)
    modes: Bytes  # (projects,): better way to begin
    best: Floats  # (projects,)
    rows: Floats  # (2, capacity + 1)
    choices: Bytes  # (projects, capacity + 1)
    core: Ints  # (projects, 3)
    spare: Bytes  # (projects,)
    plan: Bytes  # (projects,)
    found: Bytes  # (projects,): the plan last found
    loan: Bytes  # (1,): whether it takes the late loan


@kernel
def tabulate(projects: Projects, desk: Desk, fixed: Bytes, v: Floats) -> tuple[float, int]:
    """Set ``desk.table`` to what each project adds in scenario ``v``; return what is earned and spent anyway."""
    factors = v.size - 1
    price = v[factors] * projects.most_price
    sure, spent = price * projects.early_budget - projects.early_cost, 0
    for i in range(fixed.size):
        profit = projects.profits[i]
        for j in range(factors):
            profit += projects.spreads[i, j] * v[j]
        early, late = profit - price * projects.costs[i], projects.late * profit
        desk.table[i, 0], desk.table[i, 2] = 0.0, NEVER
        if fixed[i] == CHOSEN:
            sure += early
            spent += projects.costs[i]
            desk.table[i, 1] = NEVER
        elif fixed[i] == FREE and early >= late:
            desk.table[i, 1] = early
            desk.modes[i] = EARLY
        else:
            desk.table[i, 1] = late
            desk.modes[i] = LATE
    return sure, spent


@inlined
def find(projects: Projects, desk: Desk, capacity: int, floor: float) -> float:
    """Find what to begin for most profit in ``desk.table``; see ``best_plan``."""
    return best_plan(
        desk.table,
        projects.costs,
        projects.nothing,
        capacity,
        floor,
        desk.best,
        desk.rows,
        desk.choices,
        desk.core,
        desk.spare,
        desk.plan,
    )


@kernel
def price(projects: Projects, desk: Desk, fixed: Bytes, v: Floats, floor: float) -> float:
    """Find a plan that earns more than ``floor`` in scenario ``v``, the best of all: ``desk.found`` and ``desk.loan``.

    Returns:
        What it earns; ``floor`` if there is none.
    """
    sure, spent = tabulate(projects, desk, fixed, v)
    most = floor
    for loan in range(2):
        budget = projects.late_budget if loan == 1 else projects.early_budget
        if loan == 1 and budget <= projects.early_budget:
            break
        base = sure - (projects.late_cost if loan == 1 else 0.0)
        earns = find(projects, desk, budget - spent, most - base)
        if earns > most - base:
            most = base + earns
            desk.loan[0] = loan
            for i in range(fixed.size):
                if fixed[i] == CHOSEN:
                    desk.found[i] = EARLY
                else:
                    desk.found[i] = desk.modes[i] if desk.plan[i] > 0 else 0
    return most


@inlined
def keep(projects: Projects, desk: Desk) -> int:
    """Put the plan last found into the pool, in place of the oldest if it is full; return its place."""
    most, factors = desk.plans.shape[0], projects.spreads.shape[1]
    k: int = desk.filled[1]
    game = desk.game
    gain = -projects.early_cost - (projects.late_cost if desk.loan[0] == 1 else 0.0)
    rest = projects.early_budget
    for j in range(factors):
        game.slopes[k, j] = 0.0
    for i in range(desk.found.size):
        way = desk.found[i]
        desk.plans[k, i] = way
        if way == 0:
            continue
        share = 1.0 if way == EARLY else projects.late
        gain += share * projects.profits[i]
        for j in range(factors):
            game.slopes[k, j] += share * projects.spreads[i, j]
        if way == EARLY:
            rest -= projects.costs[i]
    game.gains[k] = gain
    game.slopes[k, factors] = rest * projects.most_price
    desk.borrowed[k] = desk.loan[0]
    desk.filled[0] = max(desk.filled[0], k + 1)
    desk.filled[1] = (k + 1) % most
    return k


@inlined
def gather(desk: Desk, fixed: Bytes) -> int:
    """Let the recent plans of the pool that do what is ``fixed`` into the game; return their number."""
    size, count, most = 0, desk.filled[0], desk.plans.shape[0]
    for back in range(1, min(count, RECENT) + 1):
        k = (desk.filled[1] - back) % most
        fits = True
        for i in range(fixed.size):
            if fixed[i] != FREE and (desk.plans[k, i] == EARLY) != (fixed[i] == CHOSEN):
                fits = False
                break
        if fits:
            desk.game.active[size] = k
            size += 1
    return size


@kernel
def relax(
    projects: Projects, desk: Desk, fixed: Bytes, v: Floats, cutoff: float, share: float, tiny: float
) -> tuple[float, float]:
    """Solve the relaxation; return an upper bound on it and the value of the best mix found.

    Args:
        projects: The instance.
        desk: Pool and memory; its game becomes that of the best mix.
        fixed: BARRED, CHOSEN or FREE for each project.
        v: Scenario to start from; becomes that of the bound.
        cutoff: Stop when the bound is not above it; then it is the bound, and the value minus infinity.
        share: Stop when bound and value are as close as this share of the bound's distance to ``cutoff``,
        tiny: or as close as this.
    """
    game = desk.game
    bound = price(projects, desk, fixed, v, cutoff)
    if bound <= cutoff:
        return cutoff, -np.inf
    size = gather(desk, fixed)
    k = keep(projects, desk)
    game.active[size] = k
    size += 1
    begin(game, k)
    weight, value, last = SMOOTHING, -np.inf, game.active.size - 1
    while size < last:
        value = improve(game, size, 0.1 * tiny)
        if bound - value <= max(tiny, share * (bound - cutoff)):
            break
        for j in range(v.size):
            desk.between[j] = weight * v[j] + (1.0 - weight) * game.outer[j]
        floor = max(value + 0.5 * tiny, cutoff)
        most = price(projects, desk, fixed, desk.between, floor)
        if most < bound:
            bound = most
            for j in range(v.size):
                v[j] = desk.between[j]
        if most <= floor:
            break
        k = keep(projects, desk)
        game.active[size] = k
        size += 1
        # A plan that the program does not miss says that the scenario was too far from its own.
        useless = earned(game, k, game.outer) <= value + 0.5 * tiny
        if useless and weight == 0.0:
            break
        weight = 0.0 if useless else SMOOTHING
    return bound, value


@inlined
def screen(projects: Projects, desk: Desk, x: Bytes, hard: Floats, count: int, cutoff: float) -> int:
    """Return the first of ``count`` scenarios in which ``x`` earns no more than ``cutoff``, -1 if there is none."""
    for s in range(count):
        for j in range(hard.shape[1]):
            desk.between[j] = hard[s, j]
        if price(projects, desk, x, desk.between, cutoff) <= cutoff:
            return s
    return -1


@inlined
def appraise(projects: Projects, desk: Desk, fixed: Bytes, v: Floats, barred: Floats, chosen: Floats) -> None:
    """Set upper bounds on the relaxation with each free project barred, and with it chosen (a Lagrangian bound)."""
    factors = v.size - 1
    rent = v[factors] * projects.most_price
    sure, spent = tabulate(projects, desk, fixed, v)
    for i in range(fixed.size):
        barred[i], chosen[i] = -np.inf, -np.inf
    for loan in range(2):
        budget = projects.late_budget if loan == 1 else projects.early_budget
        rate, total = lagrangian(desk.table, projects.costs, projects.nothing, budget - spent, desk.best)
        base = sure + total - (projects.late_cost if loan == 1 else 0.0)
        for i in range(fixed.size):
            if fixed[i] == FREE:
                profit = projects.profits[i]
                for j in range(factors):
                    profit += projects.spreads[i, j] * v[j]
                rest = base - desk.best[i]
                weight = rate * projects.costs[i]
                barred[i] = max(barred[i], rest + max(0.0, projects.late * profit - weight))
                chosen[i] = max(chosen[i], rest + profit - rent * projects.costs[i] - weight)
