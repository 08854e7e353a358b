"""Compiled recourse of the two-stage robust knapsack: the best plan of what to produce and what to repair.

Each item is left alone, produced, or produced and repaired: a multiple-choice knapsack of three choices an item. Most
choices are ruled out by the Lagrangian bound and a value to be beaten (Dembo and Hammer 1980); dynamic programming
decides between the rest.
"""

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel

__all__ = ["Bytes", "Floats", "Ints", "best_plan", "lagrangian"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

HALVINGS = 32  # of the interval in which the price of capacity lies


@kernel
def lagrangian(table: Floats, weights: Ints, repair: Ints, capacity: int, best: Floats) -> tuple[float, float]:
    """Return a price of capacity and the upper bound on the profit of all plans that it gives.

    Args:
        table: Profit of each choice: nothing, produced, produced and repaired, shape (items, 3).
        weights: Weight in production.
        repair: Further weight of the repair.
        capacity: Most weight.
        best: Becomes the profit of the best choice of each item less the price of its weight.
    """
    n = weights.size
    low, high = 0.0, 1.0
    for i in range(n):
        if table[i, 1] > high * max(weights[i], 1):
            high = table[i, 1] / max(weights[i], 1)
        if table[i, 2] > high * max(weights[i] + repair[i], 1):
            high = table[i, 2] / max(weights[i] + repair[i], 1)
    for _ in range(HALVINGS):
        price = 0.5 * (low + high)
        used = 0
        for i in range(n):
            first = table[i, 1] - price * weights[i]
            second = table[i, 2] - price * (weights[i] + repair[i])
            if first > 0.0 and first >= second:
                used += weights[i]
            elif second > 0.0:
                used += weights[i] + repair[i]
        if used > capacity:
            low = price
        else:
            high = price
    total = high * capacity
    for i in range(n):
        first = table[i, 1] - high * weights[i]
        second = table[i, 2] - high * (weights[i] + repair[i])
        best[i] = max(table[i, 0], first, second)
        total += best[i]
    return high, total


@kernel
def weigh(weights: Ints, repair: Ints, i: int, s: int) -> int:
    """Return the weight of choice ``s`` of item ``i``."""
    weight: int = (weights[i] if s > 0 else 0) + (repair[i] if s > 1 else 0)
    return weight


@kernel
def greedy(table: Floats, weights: Ints, repair: Ints, capacity: int, price: float, plan: Bytes) -> float:
    """Make the plan of the best choices at a price of capacity, as far as it fits, and fill it up; return its profit.

    Args:
        table: Profit of each choice, shape (items, 3).
        weights: Weight in production.
        repair: Further weight of the repair.
        capacity: Most weight.
        price: A price at which the best choices fit, but for rounding.
        plan: Becomes the choices, shape (items,).
    """
    n, left, total = weights.size, capacity, 0.0
    for i in range(n):
        plan[i] = 0
        for s in range(1, 3):
            weight = weigh(weights, repair, i, s)
            more = table[i, s] - price * weight - (table[i, plan[i]] - price * weigh(weights, repair, i, plan[i]))
            if more > 0.0 and weight <= left:
                plan[i] = s
        left -= weigh(weights, repair, i, plan[i])
        total += table[i, plan[i]]
    while True:
        item, choice, most = -1, 0, 0.0
        for i in range(n):
            for s in range(plan[i] + 1, 3):
                weight = weigh(weights, repair, i, s) - weigh(weights, repair, i, plan[i])
                if weight <= left and table[i, s] - table[i, plan[i]] > most:
                    item, choice, most = i, s, table[i, s] - table[i, plan[i]]
        if item < 0:
            return total
        left -= weigh(weights, repair, item, choice) - weigh(weights, repair, item, plan[item])
        plan[item] = choice
        total += most


@kernel
def best_plan(
    table: Floats,
    weights: Ints,
    repair: Ints,
    capacity: int,
    floor: float,
    best: Floats,
    rows: Floats,
    choices: Bytes,
    core: Ints,
    spare: Bytes,
    plan: Bytes,
) -> float:
    """Find a plan of more profit than ``floor``, the best of all; return its profit, or ``floor`` if there is none.

    Args:
        table: Profit of each choice, shape (items, 3); that of the first is 0.
        weights: Weight in production.
        repair: Further weight of the repair.
        capacity: Most weight.
        floor: Profit to be exceeded.
        best: Room, shape (items,).
        rows: Room, shape (2, capacity + 1).
        choices: Room, shape (items, capacity + 1).
        core: Room, shape (items, 3).
        spare: Room, shape (items,).
        plan: Becomes the choices of the plan, shape (items,), if there is one.
    """
    price, bound = lagrangian(table, weights, repair, capacity, best)
    if bound <= floor:
        return floor
    quick = greedy(table, weights, repair, capacity, price, plan)
    higher = max(floor, quick)
    size, left, most, value = sift(table, weights, repair, capacity, price, bound - higher, best, core, spare)
    if left < 0:
        return higher
    left = min(left, most)
    fill(table, weights, repair, left, rows, choices, core, size, spare)
    total: float = value + rows[size % 2, left]
    if total <= higher:
        return higher
    for i in range(weights.size):
        plan[i] = spare[i]
    for k in range(size - 1, -1, -1):
        i, chosen = core[k, 0], choices[k, left]
        if chosen > 0:
            s = core[k, chosen]
            left -= weigh(weights, repair, i, s) - weigh(weights, repair, i, plan[i])
            plan[i] = s
    return total


@kernel
def sift(
    table: Floats,
    weights: Ints,
    repair: Ints,
    capacity: int,
    price: float,
    slack: float,
    best: Floats,
    core: Ints,
    plan: Bytes,
) -> tuple[int, int, int, float]:
    """Rule out choices that cost the Lagrangian bound ``slack`` or more.

    Returns:
        The number of items with more than one choice left, which are the ``core``: item and its second and third choice
        or -1; the capacity that the lightest choices, ``plan``, leave, negative if some item has no choice; the most
        that the others weigh on top; and the profit of the lightest.
    """
    size, left, most, value = 0, capacity, 0, 0.0
    for i in range(weights.size):
        light, middle, heavy = -1, -1, -1
        for s in range(3):
            if best[i] - table[i, s] + price * weigh(weights, repair, i, s) < slack:
                if light < 0:
                    light = s
                elif middle < 0:
                    middle = s
                else:
                    heavy = s
        if light < 0:
            return 0, -1, 0, 0.0
        plan[i] = light
        left -= weigh(weights, repair, i, light)
        value += table[i, light]
        if middle >= 0:
            core[size, 0], core[size, 1], core[size, 2] = i, middle, heavy
            size += 1
            last = heavy if heavy >= 0 else middle
            most += weigh(weights, repair, i, last) - weigh(weights, repair, i, light)
    return size, left, most, value


@kernel
def fill(
    table: Floats,
    weights: Ints,
    repair: Ints,
    capacity: int,
    rows: Floats,
    choices: Bytes,
    core: Ints,
    size: int,
    plan: Bytes,
) -> None:
    """Fill the table of dynamic programming over the items of ``core`` and all capacities; see ``best_plan``."""
    for c in range(capacity + 1):
        rows[0, c] = 0.0
    for k in range(size):
        i, s, third = core[k, 0], core[k, 1], core[k, 2]
        old, new = k % 2, (k + 1) % 2
        light = plan[i]
        weight = (weights[i] if light == 0 else 0) + (repair[i] if s == 2 else 0)
        gain = table[i, s] - table[i, light]
        for c in range(min(weight, capacity + 1)):
            rows[new, c] = rows[old, c]
            choices[k, c] = 0
        end = capacity + 1
        if third >= 0:
            end = min(end, weight + repair[i])
        for c in range(weight, end):
            more = rows[old, c - weight] + gain
            rows[new, c] = max(more, rows[old, c])
            choices[k, c] = 1 if more > rows[old, c] else 0
        if third < 0:
            continue
        heavy = weight + repair[i]
        extra = table[i, third] - table[i, light]
        for c in range(heavy, capacity + 1):
            more = rows[old, c - weight] + gain
            most = rows[old, c - heavy] + extra
            top = max(more, rows[old, c])
            rows[new, c] = max(top, most)
            choices[k, c] = 2 if most > top else (1 if more > rows[old, c] else 0)
