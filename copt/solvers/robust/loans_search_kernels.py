"""Compiled search for what to begin early: a dive that branches on projects, and a climb by exchanges of two."""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import inlined, kernel
from copt.solvers.robust.knapsack_kernels import Bytes, Floats, Ints
from copt.solvers.robust.loans_kernels import (
    BARRED,
    CHOSEN,
    EARLY,
    FREE,
    Desk,
    Projects,
    appraise,
    relax,
    screen,
)

__all__ = ["Stack", "climb", "dive"]

SHARE = 0.2  # of the gap at a node by which its bound may fall short
WHOLE = 1e-7  # shares nearer to 0 or 1 are whole
ROUNDED = 8  # every so many nodes the shares are rounded


class Stack(NamedTuple):
    """Open nodes of a dive, the last one next, and memory of the search."""

    fixed: Bytes  # (depth, projects)
    scenarios: Floats  # (depth, entries)
    bounds: Floats  # (depth,): of their parents
    items: Ints  # (depth,): the project that was fixed last, or -1
    distances: Floats  # (depth,): of its share from what it was fixed to
    node: Bytes  # (projects,): the node at hand
    v: Floats  # (entries,): its scenario
    shares: Floats  # (projects,)
    barred: Floats  # (projects,): bounds
    chosen: Floats  # (projects,)
    x: Bytes  # (projects,): decisions on trial
    best: Bytes  # (projects,): the best decisions found
    trial: Floats  # (entries,): scenario of the decisions on trial
    hard: Floats  # (scenarios, entries): that decisions are screened with
    known: Ints  # number of these, place of the next
    lowered: Floats  # (2, projects): what fixing a project lowered the bound by, per unit of share
    times: Ints  # (2, projects): how often


@inlined
def mix(desk: Desk, shares: Floats) -> None:
    """Set ``shares`` to those in which the best mix of the game begins each project early."""
    m = desk.game.lower.size
    for i in range(shares.size):
        shares[i] = 0.0
    for r in range(m + 1):
        k = desk.game.basis[r] - 2 * m
        if k >= 0:
            for i in range(shares.size):
                if desk.plans[k, i] == EARLY:
                    shares[i] += desk.game.primal[r]


@inlined
def settle(projects: Projects, fixed: Bytes) -> int:
    """Bar free projects that the early budget cannot pay; return the number of those still free."""
    left, free = projects.early_budget, 0
    for i in range(fixed.size):
        if fixed[i] == CHOSEN:
            left -= projects.costs[i]
    for i in range(fixed.size):
        if fixed[i] == FREE:
            if projects.costs[i] > left:
                fixed[i] = BARRED
            else:
                free += 1
    return free


@inlined
def tighten(projects: Projects, desk: Desk, stack: Stack, cutoff: float) -> bool:
    """Fix free projects whose other side cannot beat ``cutoff``; return whether any better decisions are left."""
    fixed = stack.node
    appraise(projects, desk, fixed, stack.v, stack.barred, stack.chosen)
    spent = 0
    for i in range(fixed.size):
        if fixed[i] == FREE:
            if stack.barred[i] <= cutoff and stack.chosen[i] <= cutoff:
                return False
            if stack.chosen[i] <= cutoff:
                fixed[i] = BARRED
            elif stack.barred[i] <= cutoff:
                fixed[i] = CHOSEN
        if fixed[i] == CHOSEN:
            spent += projects.costs[i]
    return spent <= projects.early_budget


@inlined
def evaluate(projects: Projects, desk: Desk, stack: Stack, cutoff: float, tiny: float) -> float:
    """Return what ``stack.x`` earns in the worst case, and make it the best found; or ``cutoff`` if that is no less."""
    x = stack.x
    beaten = screen(projects, desk, x, stack.hard, stack.known[0], cutoff)
    if beaten >= 0:
        for j in range(stack.trial.size):  # what beats one is likely to beat its neighbours: it moves up
            stack.hard[beaten, j], stack.hard[beaten // 2, j] = stack.hard[beaten // 2, j], stack.hard[beaten, j]
        return cutoff
    bound, value = relax(projects, desk, x, stack.trial, cutoff, 0.0, tiny)
    place = stack.known[1]
    for j in range(stack.trial.size):
        stack.hard[place, j] = stack.trial[j]
    stack.known[0] = max(stack.known[0], place + 1)
    stack.known[1] = (place + 1) % stack.hard.shape[0]
    if bound <= cutoff or value <= cutoff:
        return cutoff
    for i in range(x.size):
        stack.best[i] = x[i]
    return value


@inlined
def round_off(projects: Projects, desk: Desk, stack: Stack, cutoff: float, tiny: float) -> float:
    """Value what is early for the most part, largest shares first while the budget lasts; see ``evaluate``."""
    fixed, left = stack.node, projects.early_budget
    for i in range(fixed.size):
        stack.x[i] = CHOSEN if fixed[i] == CHOSEN else BARRED
        if fixed[i] == CHOSEN:
            left -= projects.costs[i]
    while True:
        item = -1
        for i in range(fixed.size):
            open_to = fixed[i] == FREE and stack.x[i] == BARRED and projects.costs[i] <= left
            if open_to and stack.shares[i] > 0.05 and (item < 0 or stack.shares[i] > stack.shares[item]):
                item = i
        if item < 0:
            break
        stack.x[item] = CHOSEN
        left -= projects.costs[item]
    return evaluate(projects, desk, stack, cutoff, tiny)


@inlined
def rate(stack: Stack, side: int, i: int, typical: float) -> float:
    """Return what fixing project ``i`` lowers the bound by, per unit of share, as far as experience tells."""
    if stack.times[side, i] > 0:
        known: float = stack.lowered[side, i] / stack.times[side, i]
        return known
    return typical


@inlined
def pays(projects: Projects, x: Bytes) -> bool:
    """Return whether the early budget pays for ``x``."""
    left = projects.early_budget
    for i in range(x.size):
        if x[i] == CHOSEN:
            left -= projects.costs[i]
    return left >= 0


@inlined
def branching(projects: Projects, stack: Stack) -> int:
    """Return the free project whose sides promise to lower the bound most, -1 if all shares are whole: ``stack.x``."""
    item, most = -1, -1.0
    for i in range(stack.node.size):
        share = stack.shares[i]
        stack.x[i] = CHOSEN if share > 0.5 else BARRED
        if stack.node[i] == FREE and WHOLE < share < 1.0 - WHOLE:
            typical = 0.1 * projects.profits[i]
            down = max(1e-9, rate(stack, BARRED, i, typical) * share)
            up = max(1e-9, rate(stack, CHOSEN, i, typical) * (1.0 - share))
            if down * up > most:
                item, most = i, down * up
    if item < 0 and not pays(projects, stack.x):  # the mix was left before its price was high enough
        for i in range(stack.node.size):
            if stack.node[i] == FREE and stack.x[i] == CHOSEN:
                item = i
    return item


@inlined
def push(stack: Stack, top: int, item: int, side: int, distance: float, bound: float) -> None:
    """Put the node at hand into place ``top``, with one project fixed."""
    for i in range(stack.node.size):
        stack.fixed[top, i] = stack.node[i]
    stack.fixed[top, item] = side
    for j in range(stack.v.size):
        stack.scenarios[top, j] = stack.v[j]
    stack.bounds[top] = bound
    stack.items[top] = item
    stack.distances[top] = distance


@inlined
def pull(stack: Stack, top: int) -> None:
    """Take the node of place ``top`` in hand."""
    for i in range(stack.node.size):
        stack.node[i] = stack.fixed[top, i]
    for j in range(stack.v.size):
        stack.v[j] = stack.scenarios[top, j]


@inlined
def learn(stack: Stack, top: int, bound: float) -> None:
    """Remember what fixing the project that led to the node of place ``top`` has lowered the bound by."""
    item = stack.items[top]
    if item >= 0 and stack.distances[top] > WHOLE:
        side = stack.fixed[top, item]
        stack.lowered[side, item] += (stack.bounds[top] - bound) / stack.distances[top]
        stack.times[side, item] += 1


@inlined
def expand(
    projects: Projects, desk: Desk, stack: Stack, bound: float, cutoff: float, tiny: float
) -> tuple[float, float, int]:
    """Return a bound on the node at hand, what the best mix found is worth, and the project to branch on.

    That is -1 if the bound is no better than ``cutoff``, or the mix begins ``stack.x`` early and is all but the best.
    """
    share = SHARE if settle(projects, stack.node) > 0 else 0.0
    while True:
        most, value = relax(projects, desk, stack.node, stack.v, cutoff, share, tiny)
        bound, item = min(bound, most), -1
        if bound > cutoff:
            mix(desk, stack.shares)
            item = branching(projects, stack)
        if bound <= cutoff or item >= 0 or share == 0.0:
            break
        share = 0.0
    return bound, value, item


@kernel
def dive(
    projects: Projects, desk: Desk, stack: Stack, open_nodes: int, nodes: int, cutoff: float, tiny: float
) -> tuple[int, float, float]:
    """Branch on the nodes of ``stack``, the last first.

    Args:
        projects: The instance.
        desk: Pool and memory.
        stack: The nodes.
        open_nodes: Number of them.
        nodes: Most nodes to solve.
        cutoff: What is known to be earned, or a little more: nothing less is looked for.
        tiny: Difference of bound and value at which a relaxation is solved.

    Returns:
        Number of nodes left in the stack; what ``stack.best`` earns if that is more than ``cutoff``, else ``cutoff``;
        and the largest bound of a node that was closed without the worst case of its decisions being that close.
    """
    loose = -np.inf
    for count in range(nodes):
        if open_nodes == 0:
            break
        open_nodes -= 1
        if stack.bounds[open_nodes] <= cutoff:
            continue
        pull(stack, open_nodes)
        bound, value, item = expand(projects, desk, stack, stack.bounds[open_nodes], cutoff, tiny)
        learn(stack, open_nodes, bound)
        if bound <= cutoff:
            continue
        if item < 0:
            if value > cutoff:
                cutoff = value
                for i in range(stack.node.size):
                    stack.best[i] = stack.x[i]
            if bound > value + 2.0 * tiny:
                loose = max(loose, bound)
            continue
        if not tighten(projects, desk, stack, cutoff):
            continue
        if count % ROUNDED == 0:
            cutoff = round_off(projects, desk, stack, cutoff, tiny)
        if stack.node[item] == FREE:
            push(stack, open_nodes, item, BARRED, stack.shares[item], bound)
            push(stack, open_nodes + 1, item, CHOSEN, 1.0 - stack.shares[item], bound)
            open_nodes += 2
        else:
            push(stack, open_nodes, item, stack.node[item], 1.0, bound)
            open_nodes += 1
    return open_nodes, cutoff, loose


@kernel
def climb(
    projects: Projects, desk: Desk, stack: Stack, moves: Ints, start: int, trials: int, cutoff: float, tiny: float
) -> tuple[int, float]:
    """Exchange pairs of projects in ``stack.best`` while that pays.

    Args:
        projects: The instance.
        desk: Pool and memory.
        stack: ``best`` is where to start, and becomes the end.
        moves: Pairs of projects each of which changes sides, or twice the same, shape (moves, 2).
        start: Move to begin with.
        trials: Most moves.
        cutoff: What ``stack.best`` earns.
        tiny: Difference that is none.

    Returns:
        Number of moves tried since the last success; and what ``stack.best`` earns.
    """
    count, failures = moves.shape[0], 0
    for t in range(trials):
        if failures >= count:
            break
        first, second = moves[(start + t) % count, 0], moves[(start + t) % count, 1]
        failures += 1
        if first != second and stack.best[first] == stack.best[second]:
            continue
        for i in range(stack.x.size):
            stack.x[i] = stack.best[i]
        stack.x[first] = 1 - stack.x[first]
        if first != second:
            stack.x[second] = 1 - stack.x[second]
        if pays(projects, stack.x):
            value = evaluate(projects, desk, stack, cutoff + tiny, tiny)
            if value > cutoff + tiny:
                cutoff, failures = value, 0
    return failures, cutoff
