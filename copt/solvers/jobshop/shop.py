"""Translation between instances and schedules and the arrays of the compiled kernels."""

import numpy as np

from copt.problems.base import IntArray
from copt.problems.jobshop import JobShop, Schedule
from copt.solvers.jobshop.order_kernels import Int32, Order, Shop
from copt.solvers.jobshop.tabu_kernels import Memory
from copt.solvers.randomness import random_state

__all__ = ["LARGE", "machine_successors", "memory_for", "order_for", "schedule_from", "shop_of"]

TABU_SLOTS = (1 << 14, 1 << 20)  # some hundred pairs are tabu at once: few collisions, and small shops stay in cache
LARGE = 20_000  # operations from which on changes are followed instead of recomputing the rest of the order


def shop_of(instance: JobShop, machine: IntArray | None = None, duration: IntArray | None = None) -> Shop:
    """Return ``instance`` for the kernels; a flexible shop needs the ``machine`` and ``duration`` of each operation."""
    n, jobs = instance.num_operations, instance.num_jobs
    nothing = np.full(1, n)
    first, last = np.full(jobs, n), np.full(jobs, n)
    busy = np.diff(instance.job_offsets) > 0
    first[busy], last[busy] = instance.job_offsets[:-1][busy], instance.job_offsets[1:][busy] - 1
    job_pred, job_succ = np.arange(-1, n), np.arange(1, n + 2)
    job_pred[first], job_succ[last] = n + 1 + np.arange(jobs), n
    job_pred[n] = job_succ[n] = n
    parts = (
        np.concatenate([instance.durations if duration is None else duration, np.zeros(1 + jobs, dtype=np.int64)]),
        job_pred,
        job_succ,
        np.concatenate([instance.machines if machine is None else machine, nothing]),
        np.concatenate([instance.job_of, nothing]),
        last,
    )
    return Shop(*(np.ascontiguousarray(part, dtype=np.int32) for part in parts))


def order_for(instance: JobShop) -> Order:
    """Return an empty machine order of the right size, with the release dates in place."""
    n, jobs = instance.num_operations, instance.num_jobs
    end = np.zeros(n + 1 + jobs, dtype=np.int32)
    if instance.release is not None:
        end[n + 1 :] = instance.release
    pred, succ = (np.full(n + 1, n, dtype=np.int32) for _ in range(2))
    tail, topo, rank, buffer = (np.zeros(size, dtype=np.int32) for size in (n + 1, n, n + 1 + jobs, n))
    stale = np.zeros(n if n >= LARGE else 0, dtype=np.uint8)
    return Order(pred, succ, end, tail, topo, rank, buffer, stale)


def memory_for(instance: JobShop, seed: int) -> Memory:
    """Return the memory of a search thread whose random choices depend on ``seed`` alone."""
    n = instance.num_operations
    scratch = [np.zeros(n, dtype=np.int32) for _ in range(2)]
    slots = min(max(1 << (16 * n).bit_length(), TABU_SLOTS[0]), TABU_SLOTS[1])
    return Memory(np.zeros(slots, dtype=np.int64), random_state(seed), np.zeros(1, dtype=np.int64), *scratch)


def machine_successors(shop: Shop, start: IntArray | Int32) -> Int32:
    """Return each operation's successor on its machine, shape (n + 1,), in the order of start times.

    Operations of duration 0 stand in no sequence: they may run while another one does.
    """
    n = shop.job_succ.size - 1
    succ = np.full(n + 1, n, dtype=np.int32)
    order = np.lexsort((start, shop.machine[:n]))
    order = order[shop.duration[order] > 0]
    left, right = order[:-1], order[1:]
    same = shop.machine[left] == shop.machine[right]
    succ[left[same]] = right[same]
    return succ


def schedule_from(shop: Shop, end: Int32) -> Schedule:
    """Return the schedule with these completion times."""
    n = shop.job_succ.size - 1
    return Schedule((end[:n] - shop.duration[:n]).astype(np.int64), shop.machine[:n].astype(np.int64))
