"""Compiled column generation for a part of the two-stage robust knapsack: some decisions fixed, the others relaxed.

With certain rows and y <= x, the plans open to binary x are those of the knapsack with y <= x (Arslan and Detienne
2022), and each may have its own x in the relaxation. The relaxation therefore is a game between plans and scenarios,
in which a plan chooses what it produces and may choose further items. With all of x fixed the game is the worst case of
x itself.

Its gap is closed by cutting up the price lambda of the budget, the multiplier of its row. An item that is produced in a
share q of the mix without repair costs nu_i >= loss_i q - lambda beyond the price; since nothing is lost by one that is
not chosen, nu_i >= loss_i q - lambda x_i, which for lambda from ``low`` to ``high`` and x from 0 to 1 leaves

    nu_i >= loss_i q - low x_i - (lambda - low)  and  nu_i >= loss_i q - high x_i,

the rise and rest rows (Buesing, Gersing and Koster 2023, for the problem without recourse). If lambda is known, a
convex mix cannot halve the loss of an item by producing it half the time.

For every scenario the best plan gives a lower bound, whatever the rest of the method does.
"""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import kernel
from copt.solvers.robust.game_kernels import Int32, Program, factorise, first_basis, num_rows, reoptimise, tabulate
from copt.solvers.robust.knapsack_kernels import Floats, Ints, best_plan, lagrangian
from copt.solvers.robust.pool_kernels import IDLE, NOTHING, Room, activate, add, enter_from_pool, keep, total

__all__ = ["Items", "find", "force", "relax", "screen", "static_plan"]

SMOOTHING = 0.6  # share of the best scenario so far in the one that is priced


class Items(NamedTuple):
    """The instance; arrays of shape (items,)."""

    profits: Floats
    losses: Floats
    weights: Ints
    repair: Ints
    capacity: int


@kernel
def prepare(program: Program, room: Room, wanted: Int32) -> int:
    """Make a feasible basis of the linear program, ``wanted`` if it is one; return the number of plans in it."""
    n, size = room.plan.size, 0
    for r in range(wanted.size):
        if wanted[r] > 3 * n + 1:
            size = activate(wanted[r] - 3 * n - 2, size, room)
    if not factorise(program, wanted, room.vertex):
        first_basis(program, room.vertex.epsilon, wanted)
        size = activate(0, size, room)
        factorise(program, wanted, room.vertex)
    return size


@kernel
def outer_scenario(program: Program, room: Room) -> None:
    """Set ``room.outer`` to the multipliers of the linear program, put right where rounding has taken them out."""
    n, outer, total = room.plan.size, room.outer, 0.0
    for r in range(outer.size):
        outer[r] = max(0.0, room.vertex.dual[r])
    for i in range(n):
        both = outer[i] + outer[n + 2 + i]
        if both > 1.0:
            outer[i] /= both
            outer[n + 2 + i] /= both
        total += outer[i]
    if program.plain and total > program.budget:
        for i in range(n):
            outer[i] *= program.budget / total


@kernel
def price_of_budget(program: Program, multipliers: Floats) -> float:
    """Return what the price of the budget costs at least for multipliers of the rows, beside the plans."""
    if program.plain:
        return program.constant
    left = program.budget
    for i in range(program.cost.shape[0]):
        left -= multipliers[i]
    return program.constant + min(0.0, left) * program.width


@kernel
def find(items: Items, floor: float, room: Room) -> float:
    """Find the plan of most profit in ``room.table``; see ``best_plan``."""
    return best_plan(
        room.table,
        items.weights,
        items.repair,
        items.capacity,
        floor,
        room.best,
        room.rows,
        room.choices,
        room.core,
        room.spare,
        room.plan,
    )


@kernel
def profits_of(room: Room) -> float:
    """Set ``room.table`` to what producing saves against not producing; return what it costs to produce nothing."""
    cost, worth = 0.0, room.worth
    for i in range(room.plan.size):
        base = min(worth[i, NOTHING], worth[i, IDLE])
        cost += base
        room.table[i, 0] = 0.0
        for s in range(1, 3):
            room.table[i, s] = base - worth[i, s]
    return cost


@kernel
def price(items: Items, program: Program, room: Room, multipliers: Floats, slack: float) -> tuple[float, int]:
    """Return a lower bound on the relaxation by multipliers of its rows, and the place of a new plan or -1."""
    tabulate(program, multipliers, room.worth)
    known = room.scores[add(room, room.worth, room.scores)]
    nothing = profits_of(room)
    floor = nothing - known + slack
    profit = find(items, floor, room)
    bound = nothing - profit + price_of_budget(program, multipliers)
    if profit <= floor:
        return bound, -1
    for i in range(room.plan.size):
        if room.plan[i] == NOTHING and room.worth[i, IDLE] < room.worth[i, NOTHING]:
            room.plan[i] = IDLE
    place = keep(room)
    program.costs[place] = total(program.cost, room.plan)
    return bound, place


@kernel
def improve(items: Items, program: Program, room: Room, size: int) -> float:
    """Solve the linear program over the active plans; return its value and set ``room.outer`` to its scenario."""
    n = items.losses.size
    scale = 1e-3
    for i in range(n):
        scale += items.losses[i] / n
    reoptimise(program, room.vertex, room.active, size, scale, 20 * num_rows(program) + 200)
    outer_scenario(program, room)
    value: float = program.constant + room.vertex.dual[n]
    return value if program.plain else value + room.vertex.dual[n + 1] * program.width


@kernel
def relax(
    items: Items,
    program: Program,
    room: Room,
    wanted: Int32,
    multipliers: Floats,
    cutoff: float,
    tolerance: float,
    rounds: int,
) -> tuple[float, float, int]:
    """Solve the relaxation; return a lower bound, the value of the best mix found and the number of rounds.

    Args:
        items: The instance.
        program: The part of the problem.
        room: Pool and memory; ``room.vertex`` becomes the best mix.
        wanted: Basis to start from; becomes the last one.
        multipliers: Multipliers of the rows to start from; become those of the lower bound.
        cutoff: Lower bound at which it stops.
        tolerance: Distance of bound and value at which it stops.
        rounds: Most rounds.
    """
    slack = 0.1 * tolerance
    add(room, program.cost, program.costs)
    size = prepare(program, room, wanted)
    bound, place = price(items, program, room, multipliers, slack)
    if place >= 0:
        size = activate(place, size, room)
    value, share, step = np.inf, SMOOTHING, 0
    while step < rounds and bound < cutoff:
        step, value = step + 1, improve(items, program, room, size)
        if value - bound <= tolerance:
            break
        tabulate(program, room.outer, room.worth)
        add(room, room.worth, room.scores)
        more = enter_from_pool(room, size, slack)
        if more > size:
            size = more
            continue
        for r in range(multipliers.size):
            room.between[r] = share * multipliers[r] + (1.0 - share) * room.outer[r]
        least, place = price(items, program, room, room.between, slack)
        if least > bound:
            bound = least
            for r in range(multipliers.size):
                multipliers[r] = room.between[r]
        useless = place < 0
        if not useless:
            size = activate(place, size, room)
            # A plan that the program does not miss says that the scenario was too far from its own.
            tabulate(program, room.outer, room.worth)
            useless = total(room.worth, room.plan) >= room.vertex.dual[items.losses.size] - slack
        elif share == 0.0:
            break
        share = 0.0 if useless and share > 0.0 else SMOOTHING
    for a in range(size):
        room.marks[room.active[a]] = 0
    for r in range(wanted.size):
        wanted[r] = room.vertex.basis[r]
    return bound, value, step


@kernel
def force(items: Items, program: Program, room: Room, multipliers: Floats, barred: Floats, chosen: Floats) -> None:
    """Set lower bounds on the relaxation with each free item barred, and with it chosen (a Lagrangian bound)."""
    tabulate(program, multipliers, room.worth)
    constant = profits_of(room) + price_of_budget(program, multipliers)
    rate, profit = lagrangian(room.table, items.weights, items.repair, items.capacity, room.best)
    for i in range(barred.size):
        worth = room.worth[i]
        rest = constant - (profit - room.best[i]) - min(worth[NOTHING], worth[IDLE])
        barred[i] = rest + worth[NOTHING]
        first = worth[1] + rate * items.weights[i]
        second = worth[2] + rate * (items.weights[i] + items.repair[i])
        chosen[i] = rest + min(first, second, worth[IDLE])


@kernel
def screen(items: Items, program: Program, room: Room, scenarios: Floats, cutoff: float) -> int:
    """Return the first of some scenarios in which no plan costs less than ``cutoff``, -1 if there is none."""
    room.between[:] = 0.0
    for s in range(scenarios.shape[0]):
        for i in range(scenarios.shape[1]):
            room.between[i] = scenarios[s, i]
        tabulate(program, room.between, room.worth)
        floor = profits_of(room) - cutoff
        if find(items, floor, room) <= floor:
            return s
    return -1


@kernel
def static_plan(items: Items, room: Room, price: float, floor: float) -> float:
    """Find the plan of most profit if each item may lose what exceeds ``price``; return its profit, or ``floor``.

    With the right price, the multiplier of the budget, that is the best plan chosen before the scenario (Bertsimas and
    Sim 2003), but for the price of the whole budget.
    """
    for i in range(items.profits.size):
        room.table[i, 0] = 0.0
        room.table[i, 1] = items.profits[i] - max(0.0, items.losses[i] - price)
        room.table[i, 2] = items.profits[i]
    return find(items, floor, room)
