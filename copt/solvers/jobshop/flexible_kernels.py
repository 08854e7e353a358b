"""Compiled tabu search for flexible shops: N7 moves on machines, and moves to other machines.

A critical operation moves to another of its machines, to any place there that certainly closes no cycle (Mastrolilli
and Gambardella 2000); both kinds of moves are judged by the same estimate and the better one is made.
"""

from typing import NamedTuple

from copt.solvers.compiled import kernel
from copt.solvers.jobshop.order_kernels import (
    Int32,
    Order,
    Shop,
    copy,
    link,
    makespan_of,
    relink_old,
    shift_after,
    shift_before,
    unlink,
    update_ends,
    update_tails,
)
from copt.solvers.jobshop.tabu_kernels import HUGE, Int64, Memory, apply_move, best_move, critical_path, slot
from copt.solvers.random_kernels import draw


class Modes(NamedTuple):
    """The alternatives of every operation."""

    offset: Int32  # (n + 1,)
    machine: Int32  # (modes,)
    duration: Int32  # (modes,)


@kernel
def first_on(shop: Shop, order: Order, first: Int32) -> None:
    """Fill ``first`` (machines,) with the first operation of each machine, n where there is none.

    Operations of duration 0 stand in no sequence.
    """
    n = order.topo.size
    first[:] = n
    for o in range(n):
        if order.pred[o] == n and shop.duration[o] > 0:
            first[shop.machine[o]] = o


@kernel
def best_transfer(
    shop: Shop, order: Order, modes: Modes, first: Int32, memory: Memory, length: int, best: int
) -> tuple[int, int, int, int]:
    """Choose the best move of a critical operation to another machine.

    Returns the operation, its new mode, the operation there that it goes behind (n for the front), and the estimate
    of the longest path through it; the first is -1 if there is none that is not tabu or beats ``best``.
    """
    n = order.topo.size
    end, tail, succ = order.end, order.tail, order.succ
    mask, now = memory.tabu.size - 1, memory.clock[0]
    chosen, chosen_mode, chosen_before = -1, -1, n
    value, ties = HUGE, 0
    for i in range(length):
        o = memory.path[i]
        if modes.offset[o + 1] - modes.offset[o] < 2:
            continue
        before_job, after_job = shop.job_pred[o], shop.job_succ[o]
        ready, behind = end[before_job], tail[after_job]
        earliest = ready - shop.duration[before_job]  # start of the job predecessor
        latest = end[after_job] if after_job < n else HUGE
        for mode in range(modes.offset[o], modes.offset[o + 1]):
            k = modes.machine[mode]
            if k == shop.machine[o]:
                continue
            forbidden = memory.tabu[slot(o, n + 1 + k, mask)] > now
            x, y = n, first[k] if modes.duration[mode] > 0 else n
            # Whatever ends by the start of the job predecessor may lead to it, so it must stay in front.
            while y < n and end[y] <= earliest:
                x, y = y, succ[y]
            while True:
                guess = max(ready, end[x]) + modes.duration[mode] + max(behind, tail[y])
                if not forbidden or guess < best:
                    if guess < value:
                        value, ties = guess, 0
                    if guess == value:
                        ties += 1
                        if ties == 1 or draw(memory.random, ties) == 0:
                            chosen, chosen_mode, chosen_before = o, mode, x
                # Whatever starts after the end of the job successor may come from it, so it must stay behind.
                if y == n or end[y] - shop.duration[y] >= latest:
                    break
                x, y = y, succ[y]
    return chosen, chosen_mode, chosen_before, value


@kernel
def transfer(shop: Shop, order: Order, modes: Modes, first: Int32, o: int, mode: int, before: int) -> bool:
    """Move ``o`` to the machine of ``mode``, behind ``before`` (n for the front); return False on a cycle.

    With duration 0 it stands in no sequence there. ``shop.machine``, ``shop.duration`` and ``first`` change with it.
    """
    n = order.topo.size
    old, new = shop.machine[o], modes.machine[mode]
    if modes.duration[mode] == 0:
        before = after = n
    else:
        after = first[new] if before == n else order.succ[before]
    high = low = order.rank[o]
    unlink(order, o)
    # While it is between machines, its job arcs alone decide which operations move with it.
    pred, succ = order.pred[o], order.succ[o]
    order.pred[o] = order.succ[o] = n
    possible = True
    if before < n and order.rank[before] > order.rank[o]:
        possible = shift_after(shop, order, o, before)
    elif after < n and order.rank[after] < order.rank[o]:
        possible = shift_before(shop, order, o, after)
    if not possible:
        order.pred[o], order.succ[o] = pred, succ
        relink_old(order, o)
        return False
    if first[old] == o:
        first[old] = succ
    if before == n and modes.duration[mode] > 0:
        first[new] = o
    link(order, o, before, after)
    shop.machine[o], shop.duration[o] = new, modes.duration[mode]
    low, high = min(low, order.rank[o]), max(high, order.rank[o])
    update_ends(shop, order, low)
    update_tails(shop, order, high)
    return True


@kernel
def flexible_search(
    shop: Shop,
    order: Order,
    modes: Modes,
    first: Int32,
    memory: Memory,
    best_succ: Int32,
    best_machine: Int32,
    progress: Int64,
    limits: Int64,
    halt: Int32,
    lower: int,
) -> bool:
    """Search on from ``order``; arguments and result as in ``tabu_search``.

    ``first`` holds the first operation of each machine; ``best_machine`` (n + 1,) gets the machines of the best order.
    """
    patience, moves, shortest, longest, span = limits[0], limits[1], limits[2], limits[3], limits[4]
    mask = memory.tabu.size - 1
    n = order.topo.size
    makespan = makespan_of(shop, order)
    best, idle = progress[0], progress[1]
    done = 0
    over = False
    while done < moves and halt[0] == 0:
        if best <= lower or idle >= patience:
            over = True
            break
        length = critical_path(shop, order, makespan, memory)
        o, other, after, value = best_move(shop, order, memory, length, best, span)
        t, mode, before, through = best_transfer(shop, order, modes, first, memory, length, best)
        if o < 0 and t < 0:
            over = True
            break
        tenure = shortest + draw(memory.random, longest - shortest + 1)
        memory.clock[0] += 1
        done += 1
        idle += 1
        if t >= 0 and (o < 0 or through < value):
            old = shop.machine[t]
            if not transfer(shop, order, modes, first, t, mode, before):
                continue
            memory.tabu[slot(t, n + 1 + old, mask)] = memory.clock[0] + tenure
        else:
            if not apply_move(shop, order, memory, o, other, after, tenure):
                continue
            k = shop.machine[o]
            while order.pred[first[k]] < n:
                first[k] = order.pred[first[k]]
        makespan = makespan_of(shop, order)
        if makespan < best:
            best = makespan
            copy(order.succ, best_succ)
            copy(shop.machine, best_machine)
            idle = 0
    progress[0], progress[1] = best, idle
    return over


@kernel
def shake(shop: Shop, order: Order, modes: Modes, first: Int32, memory: Memory, count: int) -> None:
    """Move ``count`` random operations to random machines, each to a random place that certainly closes no cycle."""
    n = order.topo.size
    for _ in range(count):
        o = draw(memory.random, n)
        mode = modes.offset[o] + draw(memory.random, modes.offset[o + 1] - modes.offset[o])
        if modes.machine[mode] == shop.machine[o]:
            continue
        earliest = order.end[shop.job_pred[o]] - shop.duration[shop.job_pred[o]]
        latest = order.end[shop.job_succ[o]] if shop.job_succ[o] < n else HUGE
        x, y = n, first[modes.machine[mode]]
        while y < n and order.end[y] <= earliest:
            x, y = y, order.succ[y]
        place, places = x, 1
        while y < n and order.end[y] - shop.duration[y] < latest:
            x, y = y, order.succ[y]
            places += 1
            if draw(memory.random, places) == 0:
                place = x
        transfer(shop, order, modes, first, o, mode, place)
