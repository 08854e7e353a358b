"""Compiled state of a machine order: completion times, tails and a topological order, kept up to date move by move.

Operations are 0..n-1. Index n stands for "none" (completion and tail 0); indices from n + 1 on, one a job, carry
release dates, so that no kernel needs a branch for a missing predecessor or successor.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel

Int32 = NDArray[np.int32]


class Shop(NamedTuple):
    """A shop with one machine an operation, as kernels see it."""

    duration: Int32  # (n + 1 + jobs,)
    job_pred: Int32  # (n + 1,) previous operation of the job, else the index that carries its release date
    job_succ: Int32  # (n + 1,) next operation of the job, else n
    machine: Int32  # (n + 1,)
    job: Int32  # (n + 1,)
    last: Int32  # (jobs,) last operation of each job, n if it has none


class Order(NamedTuple):
    """A machine order with its longest paths."""

    pred: Int32  # (n + 1,) previous operation on the machine, else n
    succ: Int32  # (n + 1,) next operation on the machine, else n
    end: Int32  # (n + 1 + jobs,) completion: longest path into the operation, its duration included
    tail: Int32  # (n + 1,) longest path out of the operation, its duration included
    topo: Int32  # (n,) operations in a topological order
    rank: Int32  # (n + 1 + jobs,) position of each operation in topo
    buffer: Int32  # (n,) scratch
    stale: NDArray[np.uint8]  # (n,) marks by rank while a change spreads; empty if changes are not followed


@kernel
def copy(source: Int32, target: Int32) -> None:
    """Make ``target`` equal to ``source``; a slice would count references."""
    for k in range(source.size):
        target[k] = source[k]


@kernel
def sort_topologically(shop: Shop, order: Order) -> bool:
    """Fill topo and rank from the machine order alone; return False if it has a cycle."""
    n = order.topo.size
    waiting = order.buffer
    filled = 0
    for o in range(n):
        waiting[o] = (1 if shop.job_pred[o] < n else 0) + (1 if order.pred[o] < n else 0)
        if waiting[o] == 0:
            order.topo[filled] = o
            filled += 1
    done = 0
    while done < filled:
        o = order.topo[done]
        order.rank[o] = done
        done += 1
        for s in (shop.job_succ[o], order.succ[o]):
            if s < n:
                waiting[s] -= 1
                if waiting[s] == 0:
                    order.topo[filled] = s
                    filled += 1
    return done == n


@kernel
def unlink(order: Order, o: int) -> None:
    """Take ``o`` out of its machine's sequence; its own links stay, so that ``relink_old`` can undo it."""
    before, after = order.pred[o], order.succ[o]
    order.succ[before] = after
    order.pred[after] = before


@kernel
def relink_old(order: Order, o: int) -> None:
    """Put ``o`` back where ``unlink`` took it from."""
    order.succ[order.pred[o]] = o
    order.pred[order.succ[o]] = o


@kernel
def link(order: Order, o: int, before: int, after: int) -> None:
    """Put ``o`` between two neighbours of a machine's sequence, either of which may be missing."""
    order.pred[o] = before
    order.succ[o] = after
    order.succ[before] = o
    order.pred[after] = o


@kernel
def shift_after(shop: Shop, order: Order, u: int, v: int) -> bool:
    """Repair the topological order for an unlinked ``u`` that will follow ``v``; only ranks between the two change.

    If ``v`` descends from ``u``, nothing changes and the result is False.
    """
    topo, rank, buffer = order.topo, order.rank, order.buffer
    job_pred, pred = shop.job_pred, order.pred
    low, high = rank[u], rank[v]
    # Descendants of u are marked by rank -1 and set aside, the others close up.
    count = 1
    buffer[0] = u
    rank[u] = -1
    write = low
    for i in range(low + 1, high + 1):
        o = topo[i]
        if rank[job_pred[o]] == -1 or rank[pred[o]] == -1:
            rank[o] = -1
            buffer[count] = o
            count += 1
        else:
            topo[write] = o
            write += 1
    if rank[v] == -1:
        _merge_back(order, low, high, count)
        return False
    for i in range(count):
        topo[write + i] = buffer[i]
    for i in range(low, high + 1):
        rank[topo[i]] = i
    return True


@kernel
def _merge_back(order: Order, low: int, high: int, count: int) -> None:
    """Merge survivors (whose ranks still are the old ones) and set-aside operations into the former order."""
    topo, rank, buffer = order.topo, order.rank, order.buffer
    write, survivor, aside = high, high - count, count - 1
    while write >= low:
        if survivor >= low and rank[topo[survivor]] == write:
            topo[write] = topo[survivor]
            survivor -= 1
        else:
            topo[write] = buffer[aside]
            rank[buffer[aside]] = write
            aside -= 1
        write -= 1


@kernel
def shift_before(shop: Shop, order: Order, v: int, u: int) -> bool:
    """Repair the topological order for an unlinked ``v`` that will precede ``u``; the mirror of ``shift_after``."""
    topo, rank, buffer = order.topo, order.rank, order.buffer
    job_succ, succ = shop.job_succ, order.succ
    low, high = rank[u], rank[v]
    count = 1
    buffer[0] = v
    rank[v] = -1
    write = high
    for i in range(high - 1, low - 1, -1):
        o = topo[i]
        if rank[job_succ[o]] == -1 or rank[succ[o]] == -1:
            rank[o] = -1
            buffer[count] = o
            count += 1
        else:
            topo[write] = o
            write -= 1
    if rank[u] == -1:
        _merge_back_mirrored(order, low, high, count)
        return False
    for i in range(count):
        topo[write - i] = buffer[i]
    for i in range(low, high + 1):
        rank[topo[i]] = i
    return True


@kernel
def _merge_back_mirrored(order: Order, low: int, high: int, count: int) -> None:
    topo, rank, buffer = order.topo, order.rank, order.buffer
    write, survivor, aside = low, low + count, count - 1
    while write <= high:
        if survivor <= high and rank[topo[survivor]] == write:
            topo[write] = topo[survivor]
            survivor += 1
        else:
            topo[write] = buffer[aside]
            rank[buffer[aside]] = write
            aside -= 1
        write += 1


@kernel
def move_after(shop: Shop, order: Order, u: int, v: int) -> bool:
    """Move ``u`` right after ``v``, a later operation of its machine; return False if it would close a cycle."""
    unlink(order, u)
    if not shift_after(shop, order, u, v):
        relink_old(order, u)
        return False
    link(order, u, v, order.succ[v])
    return True


@kernel
def move_before(shop: Shop, order: Order, v: int, u: int) -> bool:
    """Move ``v`` right before ``u``, an earlier operation of its machine; return False if it would close a cycle."""
    unlink(order, v)
    if not shift_before(shop, order, v, u):
        relink_old(order, v)
        return False
    link(order, v, order.pred[u], u)
    return True


@kernel
def update_ends(shop: Shop, order: Order, low: int) -> None:
    """Recompute completion times from rank ``low`` on."""
    end, pred, topo = order.end, order.pred, order.topo
    duration, job_pred = shop.duration, shop.job_pred
    for i in range(low, topo.size):
        o = topo[i]
        end[o] = max(end[job_pred[o]], end[pred[o]]) + duration[o]


@kernel
def update_tails(shop: Shop, order: Order, high: int) -> None:
    """Recompute tails from rank ``high`` down."""
    tail, succ, topo = order.tail, order.succ, order.topo
    duration, job_succ = shop.duration, shop.job_succ
    for i in range(high, -1, -1):
        o = topo[i]
        tail[o] = max(tail[job_succ[o]], tail[succ[o]]) + duration[o]


@kernel
def spread_ends(shop: Shop, order: Order, count: int) -> None:
    """Recompute completion times of the first ``count`` operations in buffer and of what their changes reach.

    On large shops a move changes few of them. On small ones the unpredictable branch costs more than it saves.
    """
    n = order.topo.size
    topo, rank, stale, end = order.topo, order.rank, order.stale, order.end
    i, waiting = n, 0
    for k in range(count):
        o = order.buffer[k]
        if o < n and stale[rank[o]] == 0:
            stale[rank[o]] = 1
            waiting += 1
            i = min(i, rank[o])
    while waiting > 0:
        if stale[i] == 1:
            stale[i] = 0
            waiting -= 1
            o = topo[i]
            value = max(end[shop.job_pred[o]], end[order.pred[o]]) + shop.duration[o]
            if value != end[o]:
                end[o] = value
                for s in (shop.job_succ[o], order.succ[o]):
                    if s < n and stale[rank[s]] == 0:
                        stale[rank[s]] = 1
                        waiting += 1
        i += 1


@kernel
def spread_tails(shop: Shop, order: Order, count: int) -> None:
    """Recompute tails of the first ``count`` operations in buffer (n for none) and of what their changes reach."""
    n = order.topo.size
    topo, rank, stale, tail = order.topo, order.rank, order.stale, order.tail
    i, waiting = -1, 0
    for k in range(count):
        o = order.buffer[k]
        if o < n and stale[rank[o]] == 0:
            stale[rank[o]] = 1
            waiting += 1
            i = max(i, rank[o])
    while waiting > 0:
        if stale[i] == 1:
            stale[i] = 0
            waiting -= 1
            o = topo[i]
            value = max(tail[shop.job_succ[o]], tail[order.succ[o]]) + shop.duration[o]
            if value != tail[o]:
                tail[o] = value
                for s in (shop.job_pred[o], order.pred[o]):
                    if s < n and stale[rank[s]] == 0:
                        stale[rank[s]] = 1
                        waiting += 1
        i -= 1


@kernel
def makespan_of(shop: Shop, order: Order) -> int:
    """Return the largest completion time of a job."""
    makespan = 0
    for o in shop.last:
        makespan = max(makespan, order.end[o])
    return makespan
