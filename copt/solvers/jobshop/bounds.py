"""Lower bounds on the makespan that need no search."""

import numpy as np
from numpy.typing import NDArray

from copt.problems.jobshop import JobShop

__all__ = ["heads_and_tails", "job_bound", "machine_bound", "one_machine_bound"]

Int64 = NDArray[np.int64]


def shortest_durations(instance: JobShop) -> Int64:
    """Return each operation's duration on its fastest machine, shape (operations,)."""
    return np.minimum.reduceat(instance.durations, instance.mode_offsets[:-1])


def heads_and_tails(instance: JobShop) -> tuple[Int64, Int64]:
    """Return, for each operation, the least time before its start and after its end that its job alone asks for.

    Both have shape (operations,). In an open shop the release date is all that is certain.
    """
    duration, job = shortest_durations(instance), instance.job_of
    release = np.zeros(instance.num_jobs, dtype=np.int64) if instance.release is None else instance.release
    if not instance.ordered:
        return release[job], np.zeros_like(duration)
    done = np.concatenate([[0], np.cumsum(duration)])
    head = release[job] + done[:-1] - done[instance.job_offsets[job]]
    return head, done[instance.job_offsets[job + 1]] - done[1:]


def job_bound(instance: JobShop) -> int:
    """Return the longest job: its release date and all its shortest durations."""
    total = np.bincount(instance.job_of, shortest_durations(instance), instance.num_jobs).astype(np.int64)
    return int((total if instance.release is None else np.where(total > 0, total + instance.release, 0)).max())


def machine_bound(instance: JobShop) -> int:
    """Return the largest load: of a machine by operations that have no other, or the mean over all machines."""
    duration, counts = shortest_durations(instance), np.diff(instance.mode_offsets)
    fixed = counts == 1
    machine = instance.machines[instance.mode_offsets[:-1]]
    load = np.bincount(machine[fixed], duration[fixed], instance.num_machines)
    return int(max(load.max(), -(-int(duration.sum()) // instance.num_machines)))


def one_machine_bound(instance: JobShop) -> int:
    """Return the largest one-machine bound with heads and tails, preemption allowed (Carlier 1982, Jackson 1955).

    Only operations without an alternative machine take part.
    """
    from copt.solvers.jobshop.bound_kernels import Room, preemptive_bound

    fixed = np.diff(instance.mode_offsets) == 1
    machine = instance.machines[instance.mode_offsets[:-1]]
    head, tail = heads_and_tails(instance)
    order = np.lexsort((head, machine))
    order = order[fixed[order]]
    loads = np.bincount(machine[order], minlength=instance.num_machines)
    offsets = np.concatenate([[0], np.cumsum(loads)])
    room = Room(*(np.empty(max(1, int(loads.max())), dtype=np.int64) for _ in range(2)))
    arrays = (order, offsets, head, shortest_durations(instance), tail)
    return int(preemptive_bound(room, *(a.astype(np.int32) for a in arrays)))
