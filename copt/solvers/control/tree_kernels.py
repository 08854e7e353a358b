"""Branch and bound on the activations of a network, by linear relaxations that stay in the cache.

The best open node is gone on with until it closes; it begins with the tableau of the root, so that rounding does not
pile up.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.solvers.compiled import kernel
from copt.solvers.control.open_kernels import FREE, OPEN, Pool, pop, push
from copt.solvers.control.relax_kernels import Program, Room, choose, relax, spread
from copt.solvers.control.trace_kernels import Model, trace
from copt.solvers.simplex_kernels import OPTIMAL, Tableau, copy, reoptimise, settle, value_of

__all__ = [
    "ABOVE",
    "DONE",
    "FLOOR",
    "FULL",
    "GAP",
    "NODES",
    "PIVOTS",
    "VALUE",
    "WORKING",
    "Scores",
    "Tree",
    "grow",
    "plant",
]

Int64 = NDArray[np.int64]

DONE, MORE, FULL = 0, 1, 2
CLOSED, OTHER = -1, -2  # what a branch was if not one of a unit
VALUE, FLOOR, ABOVE, GAP = range(4)  # numbers: incumbent, least leaf left to rounding, node at work, gap that will do
NODES, PIVOTS, WORKING = range(3)  # counters
APART = 1e-7  # of their ranges, by which both sides of a unit must be in use for a branch
CLOSE = 1e-9  # relative, between incumbent and a bound that closes a node
TRIES, TRUST, PROBE = 6, 2, 12  # units probed before a branch, gains seen after which none is needed, pivots of a probe
LONGEST = 5000  # pivots of one relaxation


class Scores(NamedTuple):
    """What branches on units gained.

    Args:
        gains: Sums of gains by distance, of passing and being off, shape (units, 2).
        counts: How many they are, likewise.
        tried: The last node that probed the unit, shape (units,).
    """

    gains: FloatArray
    counts: FloatArray
    tried: Int64


class Tree(NamedTuple):
    """A program, its open nodes and the node at work.

    Args:
        program: The relaxation of the root.
        pool: Open nodes.
        scores: Of units.
        root: Its tableau.
        work: That of the node at work.
        spare: Room for another.
        bounds: Of the node at work, shape (2, columns + rows).
        trial: Room for more.
        room: Room to work in.
        numbers: Incumbent, least leaf left to rounding, node at work, and the gap that will do, shape (4,).
        counters: Nodes, pivots, and whether a node is at work, shape (3,).
        best: The best plan, as inputs, shape (inputs,).
    """

    program: Program
    pool: Pool
    scores: Scores
    root: Tableau
    work: Tableau
    spare: Tableau
    bounds: FloatArray
    trial: FloatArray
    room: Room
    numbers: FloatArray
    counters: Int64
    best: FloatArray


@kernel
def target(numbers: FloatArray) -> float:
    """Return the cost from which on a node is closed."""
    value, gap = numbers[VALUE], numbers[GAP]
    return float(value if value == np.inf else value - max(gap * abs(value), CLOSE * max(1.0, abs(value))))


@kernel
def attempt(program: Program, model: Model, point: FloatArray, numbers: FloatArray, best: FloatArray) -> bool:
    """Roll the actions of a point out; keep them if they are the best plan, and say so."""
    for j in range(program.inputs.size):
        share = min(1.0, max(0.0, point[j]))
        model.inputs[program.inputs[j]] = program.scale[0, j] + share * program.scale[1, j]
    cost, violation = trace(model)
    if violation > 0.0 or cost >= numbers[VALUE]:
        return False
    numbers[VALUE] = cost
    for j in range(best.size):
        best[j] = model.inputs[j]
    return True


@kernel
def settle_on(program: Program, model: Model, bounds: FloatArray) -> None:
    """Hold all units and regions to what the plan traced last makes of them."""
    units = model.values.size - model.net[0]
    for v in range(bounds.shape[1]):
        bounds[0, v], bounds[1, v] = program.bounds[0, v], program.bounds[1, v]
    for u in range(program.units.size):
        bounds[1, program.pairs[u, 0 if model.entering[program.units[u]] > 0.0 else 1]] = 0.0
    for k in range(program.regions.size - 1):
        chosen, most = program.regions[k], -np.inf
        for f in range(program.regions[k], program.regions[k + 1]):
            output = program.outputs[f]
            beyond = model.entering[units + output] + model.offsets[output]
            if beyond > most:
                chosen, most = f, beyond
        bounds[0, program.faces[chosen]] = 0.0


@kernel
def polish(tree: Tree, model: Model) -> None:
    """Take the best plan in the region of activations of the plan traced last, as often as that is an improvement."""
    improved = True
    while improved:
        copy(tree.work, tree.spare)
        settle_on(tree.program, model, tree.trial)
        settle(tree.spare, tree.trial)
        status = reoptimise(tree.spare, tree.trial, tree.numbers[VALUE], LONGEST, tree.room.used)
        tree.counters[PIVOTS] += tree.room.used[0]
        improved = status == OPTIMAL
        if improved:
            spread(tree.spare, tree.trial, tree.room.point)
            improved = attempt(tree.program, model, tree.room.point, tree.numbers, tree.best)


@kernel
def restore(tree: Tree) -> None:
    """Lay out the node at work: its choices, on the tableau of the root."""
    choices, bounds = tree.pool.choices, tree.bounds
    copy(tree.root, tree.work)
    for v in range(bounds.shape[1]):
        bounds[0, v], bounds[1, v] = tree.program.bounds[0, v], tree.program.bounds[1, v]
    for k in range(choices.shape[1]):
        if choices[choices.shape[0] - 1, k] > 0:
            choose(tree.program, bounds, k, int(choices[choices.shape[0] - 1, k]))


@kernel
def learn(scores: Scores, unit: int, side: int, distance: float, gain: float) -> None:
    """Remember what a branch gained."""
    scores.gains[unit, side] += max(gain, 0.0) / distance
    scores.counts[unit, side] += 1.0


@kernel
def distance(program: Program, point: FloatArray, unit: int, side: int) -> float:
    """Return how far a unit has to go to pass, or to be off."""
    return float(max(point[program.pairs[unit, side]], APART) * program.sizes[unit, side])


@kernel
def probe(tree: Tree, unit: int, side: int, value: float) -> float:
    """Return how much a side of a unit raises the bound in a few pivots; infinite if that closes the node."""
    copy(tree.work, tree.spare)
    for v in range(tree.trial.shape[1]):
        tree.trial[0, v], tree.trial[1, v] = tree.bounds[0, v], tree.bounds[1, v]
    choose(tree.program, tree.trial, unit, side + 1)
    beyond = target(tree.numbers)
    _, cost = relax(tree.program, tree.spare, tree.trial, beyond, PROBE, tree.room)
    tree.counters[PIVOTS] += tree.room.used[0]
    if cost >= beyond:
        return np.inf
    learn(tree.scores, unit, side, distance(tree.program, tree.room.point, unit, side), cost - value)
    return cost - value


@kernel
def average(scores: Scores, side: int) -> float:
    """Return the mean gain by distance of all branches to a side."""
    gain = count = 0.0
    for u in range(scores.tried.size):
        gain += scores.gains[u, side]
        count += scores.counts[u, side]
    return gain / count if count > 0.0 else 1.0


@kernel
def promising(program: Program, scores: Scores, point: FloatArray) -> int:
    """Return the unit whose two sides promise the largest product of gains; -1 if no unit needs a branch."""
    means = (average(scores, 0), average(scores, 1))
    unit, best = -1, 0.0
    for u in range(program.units.size):
        if min(point[program.pairs[u, 0]], point[program.pairs[u, 1]]) <= APART:
            continue
        product = 1.0
        for side in range(2):
            count = scores.counts[u, side]
            rate = scores.gains[u, side] / count if count > 0.0 else means[side]
            product *= max(rate * distance(program, point, u, side), 1e-9)
        if product > best:
            unit, best = u, product
    return unit


@kernel
def select(tree: Tree, value: float) -> tuple[int, int]:
    """Return the unit to branch on, -1 if none needs it, and 0; or 1 or 2 if only that choice is left of it."""
    scores, node = tree.scores, tree.counters[NODES]
    for _ in range(TRIES):
        unit = promising(tree.program, scores, tree.room.point)
        if unit < 0 or scores.tried[unit] == node or min(scores.counts[unit, 0], scores.counts[unit, 1]) >= TRUST:
            return unit, 0
        scores.tried[unit] = node
        for side in range(2):
            if probe(tree, unit, side, value) == np.inf:
                return unit, 2 - side
    return promising(tree.program, scores, tree.room.point), 0


@kernel
def entered(program: Program, point: FloatArray) -> tuple[int, int]:
    """Return the region that the point is deepest in, and the face nearest to it; -1 if it is in none."""
    region, nearest, worst = -1, 0, -APART
    for k in range(program.regions.size - 1):
        chosen, best = -1, -np.inf
        for f in range(program.regions[k], program.regions[k + 1]):
            if point[program.faces[f]] > best:
                chosen, best = f, point[program.faces[f]]
        if best < worst:
            region, nearest, worst = k, chosen - program.regions[k] + 1, best
    return region, nearest


@kernel
def branch(tree: Tree, model: Model, value: float) -> tuple[int, int]:
    """Choose at the point, and open the nodes of the other choices; return the unit and its side, or what was done."""
    program, pool, point = tree.program, tree.pool, tree.room.point
    cost, last = tree.numbers[ABOVE], tree.pool.choices.shape[0] - 1
    region, face = entered(program, point)
    if region >= 0:
        index = program.units.size + region
        for choice in range(1, program.regions[region + 1] - program.regions[region] + 1):
            if choice != face:
                push(pool, cost, index, choice)
        choose(program, tree.bounds, index, face)
        pool.choices[last, index] = face
        return OTHER, 0
    unit, only = select(tree, value)
    if unit < 0:
        polish(tree, model)
        if cost < target(tree.numbers):
            tree.numbers[FLOOR] = min(tree.numbers[FLOOR], cost)
        return CLOSED, 0
    side = only - 1
    if only == 0:
        side = 0 if distance(program, point, unit, 1) > distance(program, point, unit, 0) else 1
        push(pool, cost, unit, 2 - side)
    choose(program, tree.bounds, unit, side + 1)
    pool.choices[last, unit] = side + 1
    return (unit if only == 0 else OTHER), side


@kernel
def plant(tree: Tree, model: Model) -> float:
    """Solve the relaxation of the root and open it; return its bound, infinite if nothing is feasible.

    If there is an incumbent, it stands in ``model.inputs`` and is polished first.
    """
    program, bounds = tree.program, tree.program.bounds
    _, cost = relax(program, tree.root, bounds, target(tree.numbers), LONGEST, tree.room)
    tree.counters[PIVOTS] += tree.room.used[0]
    if cost < target(tree.numbers):
        copy(tree.root, tree.work)
        if tree.numbers[VALUE] < np.inf:
            trace(model)
            polish(tree, model)
        spread(tree.root, bounds, tree.room.point)
        attempt(program, model, tree.room.point, tree.numbers, tree.best)
        polish(tree, model)
        push(tree.pool, cost, 0, 0)
    return cost


@kernel
def grow(tree: Tree, model: Model, pivots: int) -> int:
    """Branch until nothing is open, about so many pivots are done, or there is no room for more open nodes.

    Returns:
        ``DONE``, ``MORE``, or ``FULL``.
    """
    pool, numbers, counters = tree.pool, tree.numbers, tree.counters
    stop = counters[PIVOTS] + pivots
    index, side, parent, far = -1, 0, 0.0, 1.0
    while counters[PIVOTS] < stop:
        if counters[WORKING] == 0:
            if pool.counts[OPEN] == 0 or pool.costs[pool.heap[0]] >= target(numbers):
                return DONE
            numbers[ABOVE] = pop(pool)
            restore(tree)
            counters[WORKING], index = 1, -1
        if pool.counts[FREE] < tree.program.faces.size + 2:
            return FULL
        counters[NODES] += 1
        _, cost = relax(tree.program, tree.work, tree.bounds, target(numbers), LONGEST, tree.room)
        counters[PIVOTS] += tree.room.used[0] + 1
        value = value_of(tree.work, tree.bounds)
        if index >= 0 and cost < np.inf:
            learn(tree.scores, index, side, far, value - parent)
        numbers[ABOVE] = max(numbers[ABOVE], cost)
        counters[WORKING] = numbers[ABOVE] < target(numbers)
        if counters[WORKING]:
            spread(tree.work, tree.bounds, tree.room.point)
            if attempt(tree.program, model, tree.room.point, numbers, tree.best):
                polish(tree, model)
                spread(tree.work, tree.bounds, tree.room.point)
            index, side = branch(tree, model, value)
            parent = value
            far = distance(tree.program, tree.room.point, index, side) if index >= 0 else 1.0
            counters[WORKING] = index != CLOSED
    return MORE
