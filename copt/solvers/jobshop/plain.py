"""A schedule without compiled code: non-delay dispatching by most work remaining, for every kind of shop."""

import heapq
import time
from collections.abc import Callable

import numpy as np

from copt.problems.jobshop import JobShop, Schedule
from copt.solvers.jobshop.bounds import shortest_durations

__all__ = ["dispatch"]

POLL = 256  # operations between two questions whether to go on
YIELD = 0.0005  # seconds in which another thread may load compiled code, which needs the interpreter lock often


def dispatch(instance: JobShop, halted: Callable[[], bool]) -> Schedule | None:
    """Return a schedule, non-delay unless the shop is flexible, or None if ``halted`` before the end.

    The operation that can start first goes next, on the machine where it ends first; ties go to the job with the
    most work remaining. A heap holds lower bounds on start times, which are corrected when they come up.
    """
    modes, machines, durations = (a.tolist() for a in (instance.mode_offsets, instance.machines, instance.durations))
    work = shortest_durations(instance)
    job_of = instance.job_of.tolist()
    remaining = np.bincount(instance.job_of, work, instance.num_jobs).tolist()
    shortest = work.tolist()
    job_free = [0] * instance.num_jobs if instance.release is None else instance.release.tolist()
    machine_free = [0] * instance.num_machines
    first, after_last = instance.job_offsets[:-1].tolist(), instance.job_offsets[1:].tolist()
    start, chosen = [0] * instance.num_operations, [0] * instance.num_operations
    if instance.ordered:
        heap = [(job_free[j], -remaining[j], o) for j, o in enumerate(first) if o < after_last[j]]
    else:
        heap = [(job_free[j], -remaining[j], o) for o, j in enumerate(job_of)]
    heapq.heapify(heap)
    steps = 0
    while heap:
        bound, urgency, o = heap[0]
        job = job_of[o]
        ready = job_free[job]
        _, begin, mode = min(
            (max(ready, machine_free[machines[k]]) + durations[k], max(ready, machine_free[machines[k]]), k)
            for k in range(modes[o], modes[o + 1])
        )
        if begin > bound or -remaining[job] > urgency:
            heapq.heapreplace(heap, (begin, -remaining[job], o))
            continue
        heapq.heappop(heap)
        start[o], chosen[o] = begin, machines[mode]
        job_free[job] = machine_free[machines[mode]] = begin + durations[mode]
        remaining[job] -= shortest[o]
        if instance.ordered and o + 1 < after_last[job]:
            heapq.heappush(heap, (job_free[job], -remaining[job], o + 1))
        steps += 1
        if steps % POLL == 0:
            if halted():
                return None
            time.sleep(YIELD)
    return Schedule(np.array(start), np.array(chosen))
