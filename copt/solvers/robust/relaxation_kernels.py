"""Compiled column generation for the two-stage robust knapsack with some first-stage decisions fixed, the rest relaxed.

With certain rows and y <= x, the plans open to binary x are those of the knapsack with y <= x (Arslan and Detienne
2022). The relaxation therefore is a game between plans and scenarios: where x_i is free, the best choice is the share
of plans that produce item i, so that it earns its profit and is never outsourced. A free item earns ``profits``, one
that is chosen earns ``outsourcing`` less a constant, one that is barred cannot be produced. (An item whose outsourcing
costs less than its profit is to be chosen from the start.) With all of x fixed the game is the worst case of x itself.

For every scenario u the best plan at u gives a lower bound, whatever the rest of the method does.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel
from copt.solvers.robust.game_kernels import Int32, factorise, reoptimise
from copt.solvers.robust.knapsack_kernels import Bytes, Floats, Ints, best_plan, lagrangian

__all__ = ["BARRED", "CHOSEN", "FREE", "Items", "Room", "force", "relax", "screen", "static_plan"]

Floats32 = NDArray[np.float32]

BARRED, CHOSEN, FREE = 0, 1, 2
SMOOTHING = 0.6  # share of the best scenario so far in the one that is priced
BATCH = 6  # plans of the pool that enter at a time


class Items(NamedTuple):
    """The instance; arrays of shape (items,)."""

    profits: Floats
    losses: Floats
    outsourcing: Floats
    weights: Ints
    repair: Ints
    capacity: int
    budget: float
    forbidden: float  # more than all items earn


class Room(NamedTuple):
    """The pool of plans and the memory that kernels share."""

    plans: Bytes  # (most plans, items)
    made: Floats32  # (items, most plans): 1 where a plan produces an item
    bare: Floats32  # (items, most plans): 1 where it does so without repair
    filled: Ints  # plans in the pool, place of the next
    costs: Floats  # (most plans,): cost when nothing is lost
    scores: Floats  # (most plans,): cost in a scenario
    active: Ints  # (most plans,): plans in the linear program
    marks: Bytes  # (most plans,): whether a plan is among them
    epsilon: Floats  # (items,)
    basis: Int32  # (items + 1,)
    inverse: Floats  # (items + 1, items + 1)
    primal: Floats  # (items + 1,)
    dual: Floats  # (items + 1,)
    direction: Floats  # (items + 1,)
    outer: Floats  # (items,): scenario of the linear program
    between: Floats  # (items,): scenario that is priced
    table: Floats  # (items, 3)
    best: Floats  # (items,)
    rows: Floats  # (2, capacity + 1)
    choices: Bytes  # (items, capacity + 1)
    core: Ints  # (items, 3)
    spare: Bytes  # (items,)
    plan: Bytes  # (items,)


@kernel
def gain_of(items: Items, fixed: Bytes, i: int) -> float:
    """Return what producing an item earns; if that is forbidden, more is lost than all others earn."""
    if fixed[i] != BARRED:
        gain: float = items.outsourcing[i] if fixed[i] == CHOSEN else items.profits[i]
        return gain
    return -items.forbidden


@kernel
def constant_of(items: Items, fixed: Bytes) -> float:
    """Return the cost of the decisions that are fixed."""
    constant = 0.0
    for i in range(fixed.size):
        if fixed[i] == CHOSEN:
            constant += items.outsourcing[i] - items.profits[i]
    return constant


@kernel
def tabulate(items: Items, fixed: Bytes, scenario: Floats, table: Floats) -> None:
    """Set ``table`` to the profit of each choice in a scenario."""
    for i in range(fixed.size):
        gain = gain_of(items, fixed, i)
        table[i, 0] = 0.0
        table[i, 1] = gain - items.losses[i] * scenario[i]
        table[i, 2] = gain


@kernel
def appraise(items: Items, room: Room, fixed: Bytes) -> None:
    """Set ``room.costs`` to what all plans cost when nothing is lost."""
    count = room.filled[0]
    constant = constant_of(items, fixed)
    for k in range(count):
        room.costs[k] = constant
    for i in range(fixed.size):
        gain = gain_of(items, fixed, i)
        for k in range(count):
            room.costs[k] -= gain * room.made[i, k]


@kernel
def score(items: Items, room: Room, scenario: Floats) -> int:
    """Set ``room.scores`` to what all plans cost in a scenario; return the best plan."""
    count = room.filled[0]
    for k in range(count):
        room.scores[k] = room.costs[k]
    for i in range(scenario.size):
        loss = items.losses[i] * scenario[i]
        if loss > 0.0:
            for k in range(count):
                room.scores[k] += loss * room.bare[i, k]
    best = 0
    for k in range(count):
        if room.scores[k] < room.scores[best]:
            best = k
    return best


@kernel
def activate(k: int, size: int, room: Room) -> int:
    """Let plan ``k`` into the linear program of ``size`` plans; return their number."""
    if room.marks[k] == 1:
        return size
    room.marks[k] = 1
    room.active[size] = k
    return size + 1


@kernel
def prepare(items: Items, room: Room, wanted: Int32) -> int:
    """Make a feasible basis of the linear program, ``wanted`` if it is one; return the number of plans in it."""
    n = items.losses.size
    size = 0
    for r in range(n + 1):
        if wanted[r] > 2 * n:
            size = activate(wanted[r] - 2 * n - 1, size, room)
    if not factorise(
        items.losses, room.plans, room.epsilon, room.basis, wanted, room.inverse, room.primal, room.direction
    ):
        for i in range(n):
            wanted[i] = i
        wanted[n] = 2 * n + 1
        size = activate(0, size, room)
        factorise(items.losses, room.plans, room.epsilon, room.basis, wanted, room.inverse, room.primal, room.direction)
    return size


@kernel
def keep(items: Items, room: Room, fixed: Bytes) -> int:
    """Put the plan just found into the pool, in place of an old one if it is full; return its place."""
    most = room.plans.shape[0]
    k: int = room.filled[1]
    while room.marks[k] == 1 or k == 0:
        k = (k + 1) % most
    room.costs[k] = constant_of(items, fixed)
    for i in range(fixed.size):
        room.plans[k, i] = room.plan[i]
        room.made[i, k] = 1.0 if room.plan[i] > 0 else 0.0
        room.bare[i, k] = 1.0 if room.plan[i] == 1 else 0.0
        if room.plan[i] > 0:
            room.costs[k] -= gain_of(items, fixed, i)
    room.filled[0] = max(room.filled[0], k + 1)
    room.filled[1] = (k + 1) % most
    return k


@kernel
def outer_scenario(budget: float, dual: Floats, outer: Floats) -> None:
    """Set ``outer`` to the scenario of the linear program, put into the set if rounding took it out."""
    total = 0.0
    for i in range(outer.size):
        outer[i] = min(1.0, max(0.0, dual[i]))
        total += outer[i]
    if total > budget:
        for i in range(outer.size):
            outer[i] *= budget / total


@kernel
def enter_from_pool(items: Items, room: Room, size: int, slack: float) -> int:
    """Let the plans in that the linear program misses most; return their number."""
    score(items, room, room.outer)
    value = room.dual[items.losses.size]
    for _ in range(BATCH):
        best = -1
        for k in range(room.filled[0]):
            missed = room.marks[k] == 0 and room.scores[k] < value - slack
            if missed and (best < 0 or room.scores[k] < room.scores[best]):
                best = k
        if best < 0:
            break
        size = activate(best, size, room)
    return size


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
def price(items: Items, room: Room, fixed: Bytes, scenario: Floats, slack: float) -> tuple[float, int]:
    """Return a lower bound on the cost of all plans in a scenario, and the place of a new plan or -1."""
    constant = constant_of(items, fixed)
    floor = constant - room.scores[score(items, room, scenario)] + slack
    tabulate(items, fixed, scenario, room.table)
    profit = find(items, floor, room)
    return constant - profit, keep(items, room, fixed) if profit > floor else -1


@kernel
def cost_in_outer(items: Items, room: Room, place: int) -> float:
    """Return what a plan costs in the scenario of the linear program."""
    cost: float = room.costs[place]
    for i in range(items.losses.size):
        cost += items.losses[i] * room.outer[i] * room.bare[i, place]
    return cost


@kernel
def improve(items: Items, room: Room, size: int) -> float:
    """Solve the linear program over the active plans; return its value and set ``room.outer`` to its scenario."""
    n = items.losses.size
    scale = 1e-3
    for i in range(n):
        scale += items.losses[i] / n
    reoptimise(
        items.budget,
        items.losses,
        room.plans,
        room.costs,
        room.active,
        size,
        room.basis,
        room.inverse,
        room.primal,
        room.dual,
        room.direction,
        scale,
        20 * n + 200,
    )
    outer_scenario(items.budget, room.dual, room.outer)
    value: float = room.dual[n]
    return value


@kernel
def relax(
    items: Items,
    room: Room,
    fixed: Bytes,
    wanted: Int32,
    scenario: Floats,
    cutoff: float,
    tolerance: float,
    rounds: int,
) -> tuple[float, float, int]:
    """Solve the relaxation; return a lower bound, the value of the best mix found and the number of rounds.

    Args:
        items: The instance.
        room: Pool and memory; ``basis`` and ``primal`` become those of the best mix.
        fixed: BARRED, CHOSEN or FREE for each item.
        wanted: Basis to start from; becomes the last one.
        scenario: Scenario to start from; becomes the one of the lower bound.
        cutoff: Stop when the lower bound reaches it.
        tolerance: Stop when bound and value are that close.
        rounds: Most rounds.
    """
    slack = 0.1 * tolerance
    appraise(items, room, fixed)
    size = prepare(items, room, wanted)
    bound, place = price(items, room, fixed, scenario, slack)
    if place >= 0:
        size = activate(place, size, room)
    value, share, step = np.inf, SMOOTHING, 0
    while step < rounds and bound < cutoff:
        step += 1
        value = improve(items, room, size)
        if value - bound <= tolerance:
            break
        more = enter_from_pool(items, room, size, slack)
        if more > size:
            size = more
            continue
        for i in range(fixed.size):
            room.between[i] = share * scenario[i] + (1.0 - share) * room.outer[i]
        least, place = price(items, room, fixed, room.between, slack)
        if least > bound:
            bound = least
            for i in range(fixed.size):
                scenario[i] = room.between[i]
        if place >= 0:
            size = activate(place, size, room)
        elif share == 0.0:
            break
        # A plan that the program does not miss says that the scenario was too far from its own.
        useless = place < 0 or cost_in_outer(items, room, place) >= value - slack
        share = 0.0 if useless and share > 0.0 else SMOOTHING
    for a in range(size):
        room.marks[room.active[a]] = 0
    for r in range(wanted.size):
        wanted[r] = room.basis[r]
    return bound, value, step


@kernel
def force(items: Items, room: Room, fixed: Bytes, scenario: Floats, barred: Floats, chosen: Floats) -> None:
    """Set lower bounds on the relaxation with each free item barred, and with it chosen (a Lagrangian bound)."""
    tabulate(items, fixed, scenario, room.table)
    constant = constant_of(items, fixed)
    rate, total = lagrangian(room.table, items.weights, items.repair, items.capacity, room.best)
    for i in range(fixed.size):
        rest = constant - (total - room.best[i])
        barred[i] = rest
        first = room.table[i, 1] - rate * items.weights[i]
        second = room.table[i, 2] - rate * (items.weights[i] + items.repair[i])
        # Chosen, the item earns the outsourcing costs that it saves, or costs them.
        chosen[i] = rest - max(first, second, items.profits[i] - items.outsourcing[i])


@kernel
def screen(items: Items, room: Room, fixed: Bytes, scenarios: Floats, cutoff: float) -> int:
    """Return the first of some scenarios in which no plan costs less than ``cutoff``, -1 if there is none."""
    constant = constant_of(items, fixed)
    floor = constant - cutoff
    for s in range(scenarios.shape[0]):
        for i in range(fixed.size):
            room.between[i] = scenarios[s, i]
        tabulate(items, fixed, room.between, room.table)
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
