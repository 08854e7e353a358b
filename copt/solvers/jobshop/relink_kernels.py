"""Compiled path relinking between two machine orders (Peng, Lu, Cheng 2015, A tabu search/path relinking algorithm).

A path consists of swaps of machine neighbours that the guide has the other way round. The topological order tells
exactly whether a swap closes a cycle, so that every point of the path is feasible and needs no repair.
"""

from copt.solvers.compiled import kernel
from copt.solvers.jobshop.order_kernels import (
    Int32,
    Order,
    Shop,
    copy,
    makespan_of,
    move_after,
    sort_topologically,
    update_ends,
    update_tails,
)
from copt.solvers.jobshop.tabu_kernels import HUGE, Int64, Memory, tabu_search
from copt.solvers.random_kernels import UInt64, draw


@kernel
def load(shop: Shop, order: Order, succ: Int32) -> int:
    """Make ``succ`` the machine order with everything derived from it; return the makespan, or -1 on a cycle."""
    n = order.topo.size
    copy(succ, order.succ)
    order.pred[:] = n
    for o in range(n):
        if succ[o] < n:
            order.pred[succ[o]] = o
    if not sort_topologically(shop, order):
        return -1
    update_ends(shop, order, 0)
    update_tails(shop, order, order.topo.size - 1)
    return makespan_of(shop, order)


@kernel
def positions(succ: Int32, place: Int32) -> None:
    """Write each operation's position on its machine into ``place``."""
    n = succ.size - 1
    place[:] = -1
    for o in range(n):
        if succ[o] < n:
            place[succ[o]] = 0
    for o in range(n):
        if place[o] == -1:
            x, k = o, 0
            while x < n:
                place[x] = k
                k += 1
                x = succ[x]


@kernel
def distance(succ: Int32, place: Int32) -> int:
    """Count the pairs of one machine that ``succ`` and the order behind ``place`` have the other way round."""
    n = succ.size - 1
    count = 0
    for o in range(n):
        x = succ[o]
        while x < n:
            if place[x] < place[o]:
                count += 1
            x = succ[x]
    return count


@kernel
def walk(shop: Shop, order: Order, place: Int32, random: UInt64, steps: int) -> int:
    """Swap random machine neighbours that the guide has the other way round; return the number of swaps made.

    Ends and tails are stale afterwards.
    """
    n = order.topo.size
    made, misses = 0, 0
    while made < steps and misses < 20 * n:
        o = draw(random, n)
        s = order.succ[o]
        if s < n and place[s] < place[o] and move_after(shop, order, o, s):
            made += 1
            misses = 0
        else:
            misses += 1
    return made


@kernel
def relink(
    shop: Shop,
    order: Order,
    memory: Memory,
    succ: Int32,
    place: Int32,
    apart: int,
    short: Int64,
    work: Int32,
    progress: Int64,
    child: Int32,
    halt: Int32,
    lower: int,
) -> int:
    """Walk from ``succ`` towards the guide, improve points of the middle of the path, return the best makespan.

    Args:
        shop: The shop.
        order: Scratch order.
        memory: Memory of this thread.
        succ: Machine successors of the start.  # (n + 1,)
        place: Machine positions of the guide.  # (n + 1,)
        apart: Distance between start and guide.
        short: Limits of the short tabu search on each point; see ``tabu_search``.  # (5,)
        work: Scratch.  # (2, n + 1)
        progress: Scratch.  # (2,)
        child: Machine successors of the best point after its short search.  # (n + 1,)
        halt: A nonzero first entry ends the search.
        lower: A lower bound.
    """
    point, found = work[0], work[1]
    best = HUGE
    copy(succ, child)
    load(shop, order, succ)
    gone = walk(shop, order, place, memory.random, apart // 5)
    stride = max(apart // 10, 2)
    while halt[0] == 0:
        copy(order.succ, point)
        copy(point, found)
        update_ends(shop, order, 0)
        update_tails(shop, order, order.topo.size - 1)
        progress[0], progress[1] = makespan_of(shop, order), 0
        tabu_search(shop, order, memory, found, progress, short, halt, lower)
        if progress[0] < best:
            best = progress[0]
            copy(found, child)
        if gone + stride > apart - apart // 5:
            break
        load(shop, order, point)
        moved = walk(shop, order, place, memory.random, stride)
        if moved == 0:
            break
        gone += moved
    return best
