"""Compiled tabu search on the critical path.

Neighbourhood N7 (Zhang, Li, Guan, Rao 2007): an operation of a critical block moves to the front or the end of the
block (N6, Balas and Vazacopoulos 1998), or the first or last operation moves inside. Moves are judged by the head and
tail estimate of Balas and Vazacopoulos. The tabu list holds pairs of operations whose order may not be reversed back.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel
from copt.solvers.jobshop.order_kernels import (
    Int32,
    Order,
    Shop,
    copy,
    makespan_of,
    move_after,
    move_before,
    spread_ends,
    spread_tails,
    update_ends,
    update_tails,
)
from copt.solvers.random_kernels import UInt64, draw

HUGE = 1 << 60
Int64 = NDArray[np.int64]


class Memory(NamedTuple):
    """What one search thread remembers."""

    tabu: Int64  # (power of two,) iteration until which a hashed ordered pair is tabu
    random: UInt64  # (1,) state of the random generator
    clock: Int64  # (1,) iterations so far
    path: Int32  # (n,) scratch: critical path, last operation first
    front: Int32  # (n,) scratch: heads or tails of a moved segment


@kernel
def slot(before: int, after: int, mask: int) -> int:
    """Return the place of the ordered pair in the hashed tabu list."""
    return (before * 0x9E3779B1 ^ after * 0x85EBCA77 ^ (after >> 7)) & mask


@kernel
def critical_path(shop: Shop, order: Order, makespan: int, memory: Memory) -> int:
    """Write a random critical path, last operation first, into ``memory.path``; return its length."""
    end, pred, job_pred = order.end, order.pred, shop.job_pred
    path, random = memory.path, memory.random
    n = order.topo.size
    o, ties = n, 0
    for last in shop.last:
        if end[last] == makespan and last < n:
            ties += 1
            if ties == 1 or draw(random, ties) == 0:
                o = last
    length = 0
    while o < n:
        path[length] = o
        length += 1
        head = end[o] - shop.duration[o]
        a, b = job_pred[o], pred[o]
        by_job = a < n and end[a] == head
        by_machine = b < n and end[b] == head
        if by_job and by_machine:
            o = a if draw(random, 2) == 0 else b
        elif by_job:
            o = a
        elif by_machine:
            o = b
        else:
            o = n
    return length


@kernel
def estimate_after(shop: Shop, order: Order, front: Int32, u: int, v: int) -> int:
    """Estimate the longest path through the segment u..v once ``u`` stands right after ``v``."""
    end, tail, pred, succ = order.end, order.tail, order.pred, order.succ
    duration, job_pred, job_succ = shop.duration, shop.job_pred, shop.job_succ
    done = end[pred[u]]
    o = succ[u]
    count = 0
    while True:
        head = max(end[job_pred[o]], done)
        front[count] = head
        count += 1
        done = head + duration[o]
        if o == v:
            break
        o = succ[o]
    head = max(end[job_pred[u]], done)
    behind = max(tail[job_succ[u]], tail[succ[v]]) + duration[u]
    worst = head + behind
    o = v
    while o != u:
        count -= 1
        behind = max(tail[job_succ[o]], behind) + duration[o]
        worst = max(worst, front[count] + behind)
        o = pred[o]
    return int(worst)


@kernel
def estimate_before(shop: Shop, order: Order, front: Int32, v: int, u: int) -> int:
    """Estimate the longest path through the segment u..v once ``v`` stands right before ``u``."""
    end, tail, pred, succ = order.end, order.tail, order.pred, order.succ
    duration, job_pred, job_succ = shop.duration, shop.job_pred, shop.job_succ
    behind = tail[succ[v]]
    o = pred[v]
    count = 0
    while True:
        behind = max(tail[job_succ[o]], behind) + duration[o]
        front[count] = behind
        count += 1
        if o == u:
            break
        o = pred[o]
    head = max(end[job_pred[v]], end[pred[u]])
    worst = head + max(tail[job_succ[v]], behind) + duration[v]
    done = head + duration[v]
    o = u
    while o != v:
        count -= 1
        head = max(end[job_pred[o]], done)
        worst = max(worst, head + front[count])
        done = head + duration[o]
        o = succ[o]
    return int(worst)


@kernel
def is_tabu_after(order: Order, memory: Memory, u: int, v: int) -> bool:
    """Return whether every pair that putting ``u`` after ``v`` reverses is tabu."""
    now, mask = memory.clock[0], memory.tabu.size - 1
    o = u
    while o != v:
        o = order.succ[o]
        if memory.tabu[slot(o, u, mask)] <= now:
            return False
    return True


@kernel
def is_tabu_before(order: Order, memory: Memory, v: int, u: int) -> bool:
    """Return whether every pair that putting ``v`` before ``u`` reverses is tabu."""
    now, mask = memory.clock[0], memory.tabu.size - 1
    o = v
    while o != u:
        o = order.pred[o]
        if memory.tabu[slot(v, o, mask)] <= now:
            return False
    return True


@kernel
def best_move(
    shop: Shop, order: Order, memory: Memory, length: int, best: int, span: int
) -> tuple[int, int, bool, int]:
    """Choose a move on the critical path: the best that is not tabu or beats ``best``, else a random one.

    Returns the operation to move, the operation to put it next to, whether it goes after that one, and the estimate
    of the makespan (huge for a tabu move); the first is -1 if no move is feasible.
    """
    path, front, random = memory.path, memory.front, memory.random
    end, tail, succ = order.end, order.tail, order.succ
    chosen, chosen_next, chosen_after = -1, -1, True
    value, ties = HUGE, 0
    spare, spare_next, spare_after, spares = -1, -1, True, 0
    stop = 0
    while stop < length:
        # The block is path[stop .. start], in reverse machine order.
        start = stop
        while start + 1 < length and succ[path[start + 1]] == path[start]:
            start += 1
        size = start - stop + 1
        if size >= 2:
            first, final = path[start], path[stop]
            at_source = start == length - 1 and end[first] == shop.duration[first]
            at_sink = stop == 0
            for k in range(4 * (size - 1)):
                kind, i = k % 4, k // 4 + 1
                forward = kind % 2 == 0
                # In the first block nothing is gained at the front, in the last block nothing at the end.
                if kind == 0:  # the first moves behind the i-th
                    u, v, allowed = first, path[start - i], not at_source and (i == 1 or i < size - 1 or not at_sink)
                elif kind == 1:  # the i-th moves to the front
                    u, v, allowed = first, path[start - i], not at_source and i > 1
                elif kind == 2:  # the i-th from the end moves to the end
                    u, v, allowed = path[stop + i], final, not at_sink and (i < size - 1 or at_source)
                else:  # the last moves before the i-th from the end
                    u, v, allowed = path[stop + i], final, not at_sink and 1 < i < size - 1
                if not allowed or i > span:
                    continue
                if shop.job[u] == shop.job[v]:
                    continue
                if forward:
                    if tail[v] < tail[shop.job_succ[u]]:
                        continue
                    guess = estimate_after(shop, order, front, u, v)
                    forbidden = is_tabu_after(order, memory, u, v)
                else:
                    if end[u] < end[shop.job_pred[v]]:
                        continue
                    guess = estimate_before(shop, order, front, v, u)
                    forbidden = is_tabu_before(order, memory, v, u)
                if not forbidden or guess < best:
                    if guess < value:
                        value, ties = guess, 0
                    if guess == value:
                        ties += 1
                        if ties == 1 or draw(random, ties) == 0:
                            chosen, chosen_next, chosen_after = (u, v, True) if forward else (v, u, False)
                else:
                    spares += 1
                    if draw(random, spares) == 0:
                        spare, spare_next, spare_after = (u, v, True) if forward else (v, u, False)
        stop = start + 1
    if chosen < 0:
        return spare, spare_next, spare_after, HUGE
    return chosen, chosen_next, chosen_after, value


@kernel
def apply_move(shop: Shop, order: Order, memory: Memory, o: int, other: int, after: bool, tenure: int) -> bool:
    """Make the move, forbid its reversal, and update ends and tails; return False if it would close a cycle."""
    mask = memory.tabu.size - 1
    until = memory.clock[0] + tenure
    old_pred, old_succ = order.pred[o], order.succ[o]
    if after:
        low, high = order.rank[o], order.rank[other]
        x = old_succ
        if not move_after(shop, order, o, other):
            return False
        while x != o:
            memory.tabu[slot(o, x, mask)] = until
            x = order.succ[x]
    else:
        low, high = order.rank[other], order.rank[o]
        x = old_pred
        if not move_before(shop, order, o, other):
            return False
        while x != o:
            memory.tabu[slot(x, o, mask)] = until
            x = order.pred[x]
    if order.stale.size > 0:
        order.buffer[0], order.buffer[1], order.buffer[2] = o, order.succ[o], old_succ
        spread_ends(shop, order, 3)
        order.buffer[1], order.buffer[2] = order.pred[o], old_pred
        spread_tails(shop, order, 3)
    else:
        update_ends(shop, order, low)
        update_tails(shop, order, high)
    return True


@kernel
def tabu_search(
    shop: Shop, order: Order, memory: Memory, best_succ: Int32, progress: Int64, limits: Int64, halt: Int32, lower: int
) -> bool:
    """Search on from ``order``; return whether the search is over, rather than at the end of its slice.

    Args:
        shop: The shop.
        order: Current order with valid ends, tails and topological order; it is changed.
        memory: Memory of this thread.
        best_succ: Machine successors of the best order found.  # (n + 1,)
        progress: Its makespan, and moves since it was found; both are kept from slice to slice.  # (2,)
        limits: Moves without improvement, moves in this slice, shortest tenure, longest tenure, longest span.  # (5,)
        halt: A nonzero first entry ends the search.
        lower: A lower bound; the search is over when it is met.
    """
    patience, moves, shortest, longest, span = limits[0], limits[1], limits[2], limits[3], limits[4]
    makespan = makespan_of(shop, order)
    best, idle = progress[0], progress[1]
    done = 0
    over = False
    while done < moves and halt[0] == 0:
        if best <= lower or idle >= patience:
            over = True
            break
        length = critical_path(shop, order, makespan, memory)
        o, other, after, _ = best_move(shop, order, memory, length, best, span)
        if o < 0:
            over = True
            break
        tenure = shortest + draw(memory.random, longest - shortest + 1)
        memory.clock[0] += 1
        done += 1
        idle += 1
        if not apply_move(shop, order, memory, o, other, after, tenure):
            continue
        makespan = makespan_of(shop, order)
        if makespan < best:
            best = makespan
            copy(order.succ, best_succ)
            idle = 0
    progress[0], progress[1] = best, idle
    return over
