"""Kernels that answer boxes of risk factors with plans, and single scenarios with bounds; profits are maximised.

A problem is ``risk``: costs (n,), their slopes (n, k), profits (n,), their slopes (n, k), the share of late profits
and the budget, both of shape (1,), and for each factor 1 if no cost falls with it, -1 if none rises, else 0. Costs
and profits are never negative. ``desk`` is room to work in: numbers (7, n), an order of the projects (n,) and flags
(3, n).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import IntArray
from copt.problems.uncertainty import FloatArray
from copt.solvers.compiled import kernel
from copt.solvers.random_kernels import UInt64, uniform

__all__ = ["Flags", "harden", "keeps_budget", "neighbours", "recourse", "refine", "root", "seek", "subsets"]

Flags = NDArray[np.uint8]

PACK_NODES = 3000  # of branch and bound in one knapsack; then its relaxation must do as bound
START, SHORTEST = 0.7, 1e-5  # steps of the search for the worst scenario
ROUNDING = 1e-9  # relative, by which plans stay inside the budget and bounds look beyond it


@kernel
def copy(source: Any, target: Any, count: int) -> None:
    """Copy the first entries; slices would allocate."""
    for i in range(count):
        target[i] = source[i]


@kernel
def pack(count: int, room: float, start: float, enough: float, slack: float, desk: Any) -> tuple[float, float]:
    """Fill a knapsack by branch and bound (Horowitz and Sahni 1974); return value and upper bound.

    Rows 0 and 1 of the numbers are values and weights by falling ratio; flags row 0 receives the choice, if one better
    than ``start`` is found. Ends early at a value of ``enough``; the bound is then infinite. The value found is
    best but for ``slack``, which the bound includes.
    """
    numbers, _, flags = desk
    value, weight, chosen, now = numbers[0], numbers[1], flags[0], flags[1]
    best, profit, left, j, first = start, 0.0, room, 0, -1.0
    for _ in range(PACK_NODES):
        reach, spare, i = profit, left, j
        while i < count and weight[i] <= spare:
            spare -= weight[i]
            reach += value[i]
            i += 1
        bound = reach + (value[i] * spare / weight[i] if i < count else 0.0)
        if first < 0.0:
            first = bound
        if bound > best + slack:
            now[j:i] = 1
            now[i:count] = 0
            profit, left, j = reach, spare, min(i + 1, count)
            if profit > best:
                best = profit
                copy(now, chosen, count)
                if best >= enough:
                    return best, np.inf
            if j < count:
                continue
        j -= 1
        while j >= 0 and now[j] == 0:
            j -= 1
        if j < 0:
            return best, best + slack
        now[j] = 0
        profit -= value[j]
        left += weight[j]
        j += 1
    return best, max(first, best)


@kernel
def load(risk: Any, x: Flags, lower: FloatArray, upper: FloatArray, desk: Any) -> tuple[int, float, float]:
    """Lay out the knapsack of late projects for a box: costs at most, profits at least.

    Returns how many projects compete, what early ones cost at most, and what they earn at least.
    """
    costs, cost_slopes, profits, profit_slopes, late, _, _ = risk
    numbers, order, _ = desk
    n, k = cost_slopes.shape
    spent, earned, count = 0.0, 0.0, 0
    ratio, cost, profit = numbers[2], numbers[3], numbers[4]
    for i in range(n):
        most, least = costs[i], profits[i]
        for f in range(k):
            slope = cost_slopes[i, f]
            most += slope * (upper[f] if slope > 0.0 else lower[f])
            slope = profit_slopes[i, f]
            least += slope * (lower[f] if slope > 0.0 else upper[f])
        cost[i], profit[i] = most, late[0] * least
        ratio[i] = profit[i] / max(most, 1e-300)
        if x[i]:
            spent += most
            earned += least
            ratio[i] = -1.0
    for position in range(1, n):  # the order of the last box is nearly right
        i, j = order[position], position - 1
        while j >= 0 and ratio[order[j]] < ratio[i]:
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = i
    while count < n and ratio[order[count]] >= 0.0:
        numbers[0, count], numbers[1, count] = profit[order[count]], cost[order[count]]
        count += 1
    return count, spent, earned


@kernel
def recourse(risk: Any, x: Flags, scenario: FloatArray, enough: float, slack: float, desk: Any) -> float:
    """Return an upper bound on what ``x`` earns in ``scenario``; infinity once it is known to be above ``enough``."""
    count, spent, earned = load(risk, x, scenario, scenario, desk)
    budget = risk[5][0]
    left = max(0.0, budget + ROUNDING * (1.0 + budget) - spent)
    _, bound = pack(count, left, -1.0, enough - earned, slack, desk)
    return float(earned + bound)


@kernel
def worth(risk: Any, x: Flags, plan: Flags, lower: FloatArray, upper: FloatArray) -> float:
    """Return what early and late projects earn at least in a box."""
    _, _, profits, profit_slopes, late, _, _ = risk
    n, k = profit_slopes.shape
    total = 0.0
    for i in range(n):
        total += (x[i] + late[0] * plan[i]) * profits[i]
    for f in range(k):
        slope = 0.0
        for i in range(n):
            slope += (x[i] + late[0] * plan[i]) * profit_slopes[i, f]
        total += slope * (lower[f] if slope > 0.0 else upper[f])
    return float(total)


@kernel
def answer(risk: Any, x: Flags, tree: Any, node: int, enough: float, slack: float, desk: Any) -> None:
    """Improve the plan of a box, which it has from its parent, unless that earns ``enough``."""
    lower, upper, values, plans = tree[0][node], tree[1][node], tree[2], tree[3]
    plan = plans[node]
    values[node] = worth(risk, x, plan, lower, upper)
    if values[node] >= enough:
        return
    count, spent, earned = load(risk, x, lower, upper, desk)
    budget = risk[5][0]
    left = budget - ROUNDING * (1.0 + budget) - spent
    if left < 0.0:
        return
    start = values[node] - earned
    found, _ = pack(count, left, start, enough - earned, slack, desk)
    if found > start:
        _, order, flags = desk
        plan[:] = 0
        for j in range(count):
            plan[order[j]] = flags[0, j]
        values[node] = worth(risk, x, plan, lower, upper)


@kernel
def factor_to_split(risk: Any, x: Flags, plan: Flags, lower: FloatArray, upper: FloatArray) -> int:
    """Return the factor whose range in the box takes most from the plan: profits lost, and costs at their worth."""
    costs, cost_slopes, profits, profit_slopes, late, _, _ = risk
    n, k = cost_slopes.shape
    price, best, widest = late[0] * profits.sum() / max(costs.sum(), 1e-300), -1.0, 0
    for f in range(k):
        loss = 0.0
        for i in range(n):
            taken = x[i] + plan[i]
            loss += (x[i] + late[0] * plan[i]) * abs(profit_slopes[i, f]) + price * taken * abs(cost_slopes[i, f])
        loss = (loss + 1e-9) * (upper[f] - lower[f])
        if loss > best:
            best, widest = loss, f
    return widest


@kernel
def sift(heap: IntArray, values: FloatArray, place: int, size: int) -> None:
    """Restore the order of a heap, least value first, when the entry at ``place`` may be too great or too small."""
    node = heap[place]
    while place > 0 and values[heap[(place - 1) // 2]] > values[node]:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and values[heap[child + 1]] < values[heap[child]]:
            child += 1
        if values[heap[child]] >= values[node]:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = node


@kernel
def probe(
    risk: Any, x: Flags, tree: Any, node: int, slack: float, best: FloatArray, worst: FloatArray, desk: Any
) -> None:
    """Look at the corners of a box where costs may be greatest: is one the worst scenario so far?"""
    sides, k = risk[6], len(worst)
    point = desk[0][5]
    for corner in range(1 << k):
        useful = True
        for f in range(k):
            above = (corner >> f) & 1
            useful = useful and not (sides[f] > 0 and not above) and not (sides[f] < 0 and above)
            point[f] = tree[1][node, f] if above else tree[0][node, f]
        if useful:
            found = recourse(risk, x, point[:k], best[0], slack, desk)
            if found < best[0]:
                best[0] = found
                copy(point, worst, k)


@kernel
def root(risk: Any, x: Flags, tree: Any, state: IntArray, best: FloatArray, worst: FloatArray, desk: Any) -> None:
    """Answer the box of all scenarios, whose corners the tree has already."""
    tree[3][0] = 0
    answer(risk, x, tree, 0, np.inf, 0.0, desk)
    probe(risk, x, tree, 0, 0.0, best, worst, desk)
    tree[4][0], tree[7][0] = -1, 0
    state[0], state[1] = 1, 1


@kernel
def refine(
    risk: Any,
    x: Flags,
    tree: Any,
    state: IntArray,
    best: FloatArray,
    worst: FloatArray,
    splits: int,
    tolerance: float,
    floor: float,
    desk: Any,
) -> None:
    """Split the boxes that earn least until ``best``, what ``x`` earns in the worst scenario found, is nearly proved.

    Args:
        risk: The problem.
        x: Early projects, shape (n,).
        tree: lower, upper (nodes, k), values, plans (nodes, n), entry, cut, child (nodes, 2), heap of open leaves.
        state: Nodes and open leaves in use.
        best: Profit in the worst scenario found, shape (1,).
        worst: That scenario, shape (k,).
        splits: Most splits.
        tolerance: Difference between ``best`` and the least leaf at which to end.
        floor: A ``best`` down to which ``x`` is of no use.
        desk: Room to work in.
    """
    lower, upper, values, plans, entry, cut, child, heap = tree
    best[0] = min(best[0], recourse(risk, x, worst, np.inf, 0.25 * tolerance, desk))  # with less slack than before
    for _ in range(splits):
        if state[1] == 0 or best[0] - values[heap[0]] <= tolerance or best[0] <= floor or state[0] + 2 > len(values):
            return
        node = heap[0]
        factor = factor_to_split(risk, x, plans[node], lower[node], upper[node])
        middle = 0.5 * (lower[node, factor] + upper[node, factor])
        if not lower[node, factor] < middle < upper[node, factor]:
            return
        state[1] -= 1
        heap[0] = heap[state[1]]
        sift(heap, values, 0, state[1])
        entry[node], cut[node] = factor, middle
        for side in range(2):
            new = state[0]
            state[0] += 1
            child[node, side] = new
            entry[new] = -1
            copy(lower[node], lower[new], len(worst))
            copy(upper[node], upper[new], len(worst))
            copy(plans[node], plans[new], len(x))
            if side == 0:
                upper[new, factor] = middle
            else:
                lower[new, factor] = middle
            if risk[6][factor] != 2 * side - 1:  # else the corner is one of the parent's
                probe(risk, x, tree, new, 0.25 * tolerance, best, worst, desk)
            answer(risk, x, tree, new, best[0], 0.25 * tolerance, desk)
            if values[new] < best[0]:
                heap[state[1]] = new
                state[1] += 1
                sift(heap, values, state[1] - 1, state[1])


@kernel
def seek(risk: Any, x: Flags, best: FloatArray, worst: FloatArray, tries: int, random: UInt64, desk: Any) -> None:
    """Look for a worse scenario than ``worst`` by random steps that shrink while they fail and grow where they help.

    Starts at ``worst``, and again at a random corner or point once steps are tiny.
    """
    k = len(worst)
    point, centre, radius, value, starts = desk[0][5], desk[0][6], START, best[0], 0
    copy(worst, centre, k)
    for _ in range(tries):
        if radius < SHORTEST:
            radius, value, starts = START, np.inf, starts + 1
        for f in range(k):
            step = 2.0 * uniform(random) - 1.0
            if value == np.inf:
                point[f] = step if starts % 2 else math.copysign(1.0, step)
            else:
                point[f] = min(1.0, max(-1.0, centre[f] + radius * step))
        found = recourse(risk, x, point[:k], value, 0.0, desk)
        if found < value:
            value = found
            copy(point, centre, k)
            radius = min(START, 2.0 * radius)
            if value < best[0]:
                best[0] = value
                copy(point, worst, k)
        else:
            radius *= 0.93


@kernel
def keeps_budget(risk: Any, x: Flags, lower: FloatArray, upper: FloatArray) -> bool:
    """Return whether early projects stay within the budget in every scenario of a box."""
    costs, cost_slopes, _, _, _, budget, _ = risk
    n, k = cost_slopes.shape
    total = 0.0
    for i in range(n):
        total += x[i] * costs[i]
    for f in range(k):
        slope = 0.0
        for i in range(n):
            slope += x[i] * cost_slopes[i, f]
        total += slope * (upper[f] if slope > 0.0 else lower[f])
    return bool(total <= budget[0] + ROUNDING * (1.0 + budget[0]))


@kernel
def subsets(risk: Any, lower: FloatArray, upper: FloatArray, masks: IntArray, desk: Any) -> int:
    """List all sets of projects that keep the budget, as masks with bit i for project i; return how many there are."""
    n, count = len(risk[0]), 0
    x = desk[2][2]
    for mask in range(1 << n):
        for i in range(n):
            x[i] = (mask >> i) & 1
        if keeps_budget(risk, x, lower, upper):
            masks[count] = mask
            count += 1
    return count


@kernel
def harden(risk: Any, rows: Flags, bounds: FloatArray, scenario: FloatArray, floor: float, desk: Any) -> None:
    """Lower the ``bounds`` on what each of ``rows`` earns by ``scenario``, of those that are above ``floor``."""
    for row in range(len(rows)):
        if bounds[row] > floor:
            bounds[row] = min(bounds[row], recourse(risk, rows[row], scenario, bounds[row], 0.0, desk))


@kernel
def neighbours(risk: Any, x: Flags, lower: FloatArray, upper: FloatArray, rows: Flags) -> int:
    """Write the sets that differ from ``x`` by one project, or by one for another, and keep the budget; count them."""
    n, count = len(x), 0
    for i in range(n):
        for j in range(i, n):
            if i != j and x[i] == x[j]:
                continue
            copy(x, rows[count], n)
            rows[count, i] = 1 - x[i]
            if j != i:
                rows[count, j] = 1 - x[j]
            if keeps_budget(risk, rows[count], lower, upper):
                count += 1
    return count
