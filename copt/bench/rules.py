"""Priority rules (Panwalkar and Iskander 1977, A survey of scheduling rules), in plain Python."""

import heapq
from collections.abc import Callable

import numpy as np

from copt.problems.base import IntArray
from copt.problems.jobshop import JobShop, Schedule

__all__ = ["RULES", "dispatch"]


def _shortest(instance: JobShop) -> IntArray:
    shortest: IntArray = np.minimum.reduceat(instance.durations, instance.mode_offsets[:-1])
    return shortest


def _work_remaining(instance: JobShop) -> IntArray:
    """Return for each operation its own duration plus those after it in its job, shape (operations,)."""
    total = np.concatenate([[0], np.cumsum(_shortest(instance))])
    remaining: IntArray = total[instance.job_offsets[1:]][instance.job_of] - total[:-1]
    return remaining


def _operations_remaining(instance: JobShop) -> IntArray:
    return instance.job_offsets[1:][instance.job_of] - np.arange(instance.num_operations)


# Rule -> priority of each operation; the lowest goes first, ties go to the operation that became ready first.
RULES: dict[str, Callable[[JobShop], IntArray]] = {
    "most work remaining": lambda instance: -_work_remaining(instance),
    "most operations remaining": lambda instance: -_operations_remaining(instance),
    "shortest processing time": _shortest,
    "longest processing time": lambda instance: -_shortest(instance),
    "least work remaining": _work_remaining,
    "first in, first out": lambda instance: np.zeros(instance.num_operations, dtype=np.int64),
}


def dispatch(instance: JobShop, rule: str) -> Schedule:
    """Build a non-delay schedule: a machine never idles while an operation waits for it.

    An operation with alternatives joins, when it is ready, the queue of the machine that would end it first.

    Args:
        instance: A shop with ordered jobs.
        rule: A key of ``RULES``.
    """
    priority = RULES[rule](instance).tolist()
    machines, durations = instance.machines.tolist(), instance.durations.tolist()
    modes, last_of = instance.mode_offsets.tolist(), (instance.job_offsets[1:] - 1).tolist()
    job_of = instance.job_of.tolist()
    start, chosen = [0] * instance.num_operations, [0] * instance.num_operations
    free_at = [0] * instance.num_machines
    committed = [0] * instance.num_machines  # when the machine would have emptied its queue
    waiting: list[list[tuple[int, int, int, int]]] = [[] for _ in range(instance.num_machines)]
    release = np.zeros(instance.num_jobs, dtype=np.int64) if instance.release is None else instance.release
    busy_jobs = np.flatnonzero(np.diff(instance.job_offsets) > 0)
    arrivals = [(int(release[job]), int(instance.job_offsets[job])) for job in busy_jobs]
    heapq.heapify(arrivals)
    wakeups: list[tuple[int, int]] = []
    count = 0
    while arrivals or wakeups:
        now = min(queue[0][0] for queue in (arrivals, wakeups) if queue)
        touched = set()
        while arrivals and arrivals[0][0] == now:
            operation = heapq.heappop(arrivals)[1]
            options = range(modes[operation], modes[operation + 1])
            mode = min(options, key=lambda k: max(committed[machines[k]], now) + durations[k])
            machine = machines[mode]
            committed[machine] = max(committed[machine], now) + durations[mode]
            heapq.heappush(waiting[machine], (priority[operation], count, operation, durations[mode]))
            touched.add(machine)
            count += 1
        while wakeups and wakeups[0][0] == now:
            touched.add(heapq.heappop(wakeups)[1])
        for machine in touched:
            if free_at[machine] > now or not waiting[machine]:
                continue
            _, _, operation, duration = heapq.heappop(waiting[machine])
            start[operation], chosen[operation] = now, machine
            free_at[machine] = now + duration
            heapq.heappush(wakeups, (now + duration, machine))
            if operation != last_of[job_of[operation]]:
                heapq.heappush(arrivals, (now + duration, operation + 1))
    return Schedule(np.array(start), np.array(chosen))
