"""Compiled one-machine preemptive bound."""

from typing import NamedTuple

from copt.solvers.compiled import kernel
from copt.solvers.jobshop.order_kernels import Int32
from copt.solvers.jobshop.tabu_kernels import Int64

__all__ = ["Room", "preemptive_bound"]


class Room(NamedTuple):
    """Scratch space, as wide as the machine with the most operations."""

    left: Int64  # (widest,) what is left to do of each operation of the machine
    ready: Int64  # (widest,) binary heap of the operations that have arrived


@kernel
def push(heap: Int64, size: int, key: int) -> None:
    """Put ``key`` into a binary heap of ``size`` keys, the least one first."""
    k = size
    while k > 0 and heap[(k - 1) // 2] > key:
        heap[k] = heap[(k - 1) // 2]
        k = (k - 1) // 2
    heap[k] = key


@kernel
def pop(heap: Int64, size: int) -> None:
    """Take the least of ``size`` keys out of a binary heap."""
    last, k = size - 1, 0
    key = heap[last]
    while 2 * k + 1 < last:
        child = 2 * k + 1
        if child + 1 < last and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[k] = heap[child]
        k = child
    heap[k] = key


@kernel
def preemptive_bound(room: Room, operations: Int32, offsets: Int32, head: Int32, duration: Int32, tail: Int32) -> int:
    """Return the largest makespan over all machines of Jackson's preemptive schedule.

    Args:
        room: Scratch space.
        operations: Operations of all machines, machine by machine, by ascending head.
        offsets: First entry of each machine in ``operations``, and their number.
        head: Earliest start of each operation.
        duration: Its duration.
        tail: Least time from its end to the end of the schedule.
    """
    left, ready = room.left, room.ready
    worst = 0
    for k in range(offsets.size - 1):
        low, high = offsets[k], offsets[k + 1]
        now, waiting = 0, 0
        i = low
        while i < high or waiting > 0:
            if waiting == 0:
                now = max(now, head[operations[i]])
            while i < high and head[operations[i]] <= now:
                o = operations[i]
                left[i - low] = duration[o]
                push(ready, waiting, (i - low) - left.size * tail[o])  # by falling tail, then by arrival
                waiting += 1
                i += 1
            j = ready[0] % left.size
            until = now + left[j]
            if i < high and head[operations[i]] < until:
                left[j] = until - head[operations[i]]
                now = head[operations[i]]
            else:
                now = until
                worst = max(worst, now + tail[operations[low + j]])
                pop(ready, waiting)
                waiting -= 1
    return worst
