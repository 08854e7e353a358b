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

from copt.solvers.compiled import kernel
from copt.solvers.robust.game_kernels import Int32, factorise, reoptimise
from copt.solvers.robust.knapsack_kernels import Bytes, Floats, Ints, best_plan, lagrangian

__all__ = ["BARRED", "CHOSEN", "FREE", "Items", "Room", "force", "relax", "screen", "static_plan"]

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


class Room(NamedTuple):
    """The pool of plans and the memory that kernels share."""

    plans: Bytes  # (most plans, items)
    filled: Ints  # plans in the pool, place of the next
    costs: Floats  # (most plans,): cost when nothing is lost
    scores: Floats  # (most plans,): profit in a scenario
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
    plan: Bytes  # (items,)


@kernel
def tabulate(items: Items, fixed: Bytes, scenario: Floats, table: Floats) -> None:
    """Set ``table`` to the profit of each choice in a scenario."""
    n = fixed.size
    forbidden = 0.0
    for i in range(n):
        forbidden -= items.profits[i] + items.outsourcing[i] + items.losses[i] + 1.0
    for i in range(n):
        table[i, 0] = 0.0
        if fixed[i] == BARRED:
            table[i, 1] = table[i, 2] = forbidden
        else:
            gain = items.outsourcing[i] if fixed[i] == CHOSEN else items.profits[i]
            table[i, 1] = gain - items.losses[i] * scenario[i]
            table[i, 2] = gain


@kernel
def score(plans: Bytes, count: int, table: Floats, scores: Floats) -> int:
    """Set ``scores`` to the profit of each plan; return the best plan."""
    n = plans.shape[1]
    best: int = 0
    for k in range(count):
        total = 0.0
        for i in range(n):
            total += table[i, plans[k, i]]
        scores[k] = total
        if total > scores[best]:
            best = k
    return best


@kernel
def activate(items: Items, fixed: Bytes, constant: float, k: int, size: int, room: Room) -> int:
    """Let plan ``k`` into the linear program of ``size`` plans; return their number."""
    if room.marks[k] == 1:
        return size
    cost, forbidden = constant, 0.0
    for i in range(fixed.size):
        forbidden += items.profits[i] + items.outsourcing[i] + items.losses[i] + 1.0
    for i in range(fixed.size):
        if room.plans[k, i] > 0:
            if fixed[i] == BARRED:
                cost += forbidden
            else:
                cost -= items.outsourcing[i] if fixed[i] == CHOSEN else items.profits[i]
    room.costs[k] = cost
    room.marks[k] = 1
    room.active[size] = k
    return size + 1


@kernel
def prepare(items: Items, fixed: Bytes, constant: float, wanted: Int32, room: Room) -> int:
    """Make a feasible basis of the linear program, ``wanted`` if it is one; return the number of plans in it."""
    n = fixed.size
    size = 0
    for r in range(n + 1):
        if wanted[r] > 2 * n:
            size = activate(items, fixed, constant, wanted[r] - 2 * n - 1, size, room)
    if not factorise(
        items.losses, room.plans, room.epsilon, room.basis, wanted, room.inverse, room.primal, room.direction
    ):
        for i in range(n):
            wanted[i] = i
        wanted[n] = 2 * n + 1
        size = activate(items, fixed, constant, 0, size, room)
        factorise(items.losses, room.plans, room.epsilon, room.basis, wanted, room.inverse, room.primal, room.direction)
    return size


@kernel
def keep(room: Room) -> int:
    """Put the plan just found into the pool, in place of an old one if it is full; return its place."""
    most = room.plans.shape[0]
    k: int = room.filled[1]
    while room.marks[k] == 1 or k == 0:
        k = (k + 1) % most
    for i in range(room.plan.size):
        room.plans[k, i] = room.plan[i]
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
def enter_from_pool(items: Items, fixed: Bytes, constant: float, size: int, slack: float, room: Room) -> int:
    """Let the plans in that the linear program misses most; return their number."""
    tabulate(items, fixed, room.outer, room.table)
    count = room.filled[0]
    score(room.plans, count, room.table, room.scores)
    value = room.dual[fixed.size]
    for _ in range(BATCH):
        best = -1
        for k in range(count):
            missed = room.marks[k] == 0 and constant - room.scores[k] < value - slack
            if missed and (best < 0 or room.scores[k] > room.scores[best]):
                best = k
        if best < 0:
            break
        size = activate(items, fixed, constant, best, size, room)
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
        room.plan,
    )


@kernel
def price(items: Items, fixed: Bytes, constant: float, scenario: Floats, slack: float, room: Room) -> tuple[float, int]:
    """Return a lower bound on the cost of all plans in a scenario, and the place of a new plan or -1."""
    tabulate(items, fixed, scenario, room.table)
    floor = room.scores[score(room.plans, room.filled[0], room.table, room.scores)] + slack
    profit = find(items, floor, room)
    return constant - profit, keep(room) if profit > floor else -1


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
    n = fixed.size
    constant, scale = 0.0, 0.0
    for i in range(n):
        scale += items.losses[i] / n
        if fixed[i] == CHOSEN:
            constant += items.outsourcing[i] - items.profits[i]
    slack = 0.1 * tolerance
    size = prepare(items, fixed, constant, wanted, room)
    bound, place = price(items, fixed, constant, scenario, slack, room)
    if place >= 0:
        size = activate(items, fixed, constant, place, size, room)
    value, share, step = np.inf, SMOOTHING, 0
    while step < rounds and bound < cutoff:
        step += 1
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
            max(scale, 1e-3),
            20 * n + 200,
        )
        value = room.dual[n]
        outer_scenario(items.budget, room.dual, room.outer)
        if value - bound <= tolerance:
            break
        more = enter_from_pool(items, fixed, constant, size, slack, room)
        if more > size:
            size = more
            continue
        for i in range(n):
            room.between[i] = share * scenario[i] + (1.0 - share) * room.outer[i]
        least, place = price(items, fixed, constant, room.between, slack, room)
        if least > bound:
            bound = least
            for i in range(n):
                scenario[i] = room.between[i]
        if place < 0:
            if share == 0.0:
                break
            share = 0.0
            continue
        cost = size
        size = activate(items, fixed, constant, place, size, room)
        missed = room.costs[place] - value
        for i in range(n):
            if room.plans[place, i] == 1:
                missed += items.losses[i] * room.outer[i]
        share = 0.0 if missed >= -slack and share > 0.0 else SMOOTHING
        if cost == size:
            break
    for a in range(size):
        room.marks[room.active[a]] = 0
    for r in range(n + 1):
        wanted[r] = room.basis[r]
    return bound, value, step


@kernel
def force(items: Items, room: Room, fixed: Bytes, scenario: Floats, barred: Floats, chosen: Floats) -> None:
    """Set lower bounds on the relaxation with each free item barred, and with it chosen (a Lagrangian bound)."""
    tabulate(items, fixed, scenario, room.table)
    constant = 0.0
    for i in range(fixed.size):
        if fixed[i] == CHOSEN:
            constant += items.outsourcing[i] - items.profits[i]
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
    constant = 0.0
    for i in range(fixed.size):
        if fixed[i] == CHOSEN:
            constant += items.outsourcing[i] - items.profits[i]
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
