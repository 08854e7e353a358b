"""Compiled local search of tours: exchanges of three legs and local double bridges.

Sources: Lin and Kernighan (1973); Johnson and McGeoch (1997) for neighbour lists and don't-look bits; Martin, Otto
and Felten (1991) for double bridges.
"""

import numpy as np

from copt.solvers.compiled import kernel
from copt.solvers.random_kernels import draw, uniform
from copt.solvers.routing.cost_kernels import cost
from copt.solvers.routing.path_kernels import GAIN, KICKS, TINY, Path, flip, push, rewind
from copt.solvers.routing.triple_kernels import best_triple, make_triple

__all__ = ["kick", "mend"]

MOST = 3  # reversals of an exchange


@kernel
def queue_ends(path: Path, begun: int) -> None:
    """Queue the nodes at the ends of the reversals since ``begun``."""
    for k in range(begun, path.counts[0]):
        i, j = path.log[k, 0], path.log[k, 1]
        for p in (i - 1, i, j, j + 1):
            push(path, path.tour[p])


@kernel
def improve(path: Path, t1: int) -> float:
    """Make the best exchange that gives up a leg of ``t1``; return its gain, 0 if there is none."""
    for sign in (1, -1):
        triple = best_triple(path, sign, t1)
        if triple.gain > TINY:
            begun = path.counts[0]
            make_triple(path, sign, triple)
            queue_ends(path, begun)
            return triple.gain
    return 0.0


@kernel
def shift(path: Path, i: int, j: int, k: int) -> None:
    """Exchange the stretches from ``i`` to ``j - 1`` and from ``j`` to ``k - 1``."""
    flip(path, i, k - 1)
    flip(path, i, i + k - j - 1)
    flip(path, i + k - j, k - 1)


@kernel
def settle(path: Path, steps: int) -> float:
    """Look at queued nodes until there are none or ``steps`` of them are done; return the gain."""
    mask, total = path.queue.size - 1, 0.0
    for _ in range(steps):
        if path.ends[1] == 0 or path.counts[0] + MOST > path.log.shape[0]:
            break
        node = path.queue[path.ends[0] & mask]
        path.ends[0] += 1
        path.ends[1] -= 1
        path.waiting[node] = 0
        gain = improve(path, node)
        if gain > 0.0:
            total += gain
            push(path, node)
    return total


@kernel
def mend(path: Path, steps: int) -> bool:
    """Make the path a local optimum; return whether it is one after ``steps`` looks at nodes."""
    while steps > 0 and path.ends[1] > 0:
        path.counts[0] = 0
        looks = min(steps, path.log.shape[0] // (4 * MOST))
        path.account[GAIN] += settle(path, looks)
        steps -= looks
    path.counts[0] = 0
    return int(path.ends[1]) == 0


@kernel
def kick(path: Path, kicks: int, widest: int, temperature: float) -> None:
    """Reverse the order of three neighbouring stretches, none of them turned round, and mend what that opens.

    Such a double bridge is no chain of exchanges, so that it is seldom undone at once.

    Args:
        path: The path, a local optimum.
        kicks: How often.
        widest: Most places of a stretch.
        temperature: A result that costs ``x`` more is accepted with probability exp(-x / temperature).
    """
    room = path.high - path.low - 2
    widest = min(widest, room // 3)
    if widest < 1:
        path.account[KICKS] += kicks
        return
    for _ in range(kicks):
        path.account[KICKS] += 1.0
        path.counts[0] = 0
        one, two, three = 1 + draw(path.random, widest), 1 + draw(path.random, widest), 1 + draw(path.random, widest)
        i = path.low + 1 + draw(path.random, room - one - two - three + 1)
        j, k, m = i + one, i + one + two, i + one + two + three
        gain = 0.0
        for p in (i, j, k, m):
            gain += cost(path.costs, path.tour[p - 1], path.tour[p])
            push(path, path.tour[p - 1])
            push(path, path.tour[p])
        shift(path, i, j, m)
        shift(path, i, i + two, i + two + three)
        for p in (i, i + three, i + three + two, m):
            gain -= cost(path.costs, path.tour[p - 1], path.tour[p])
        gain += settle(path, 1 << 30)
        if gain >= 0.0 or -gain < -temperature * np.log(1.0 - uniform(path.random)):
            path.account[GAIN] += gain
        else:
            rewind(path, 0)
        while path.ends[1] > 0:
            path.waiting[path.queue[path.ends[0] & (path.queue.size - 1)]] = 0
            path.ends[0] += 1
            path.ends[1] -= 1
    path.counts[0] = 0
