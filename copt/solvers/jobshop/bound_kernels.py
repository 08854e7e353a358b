"""Compiled one-machine preemptive bound."""

import heapq

from copt.solvers.compiled import allocating
from copt.solvers.jobshop.order_kernels import Int32


@allocating
def preemptive_bound(operations: Int32, offsets: Int32, head: Int32, duration: Int32, tail: Int32) -> int:
    """Return the largest makespan over all machines of Jackson's preemptive schedule.

    Args:
        operations: Operations of all machines, machine by machine, by ascending head.
        offsets: First entry of each machine in ``operations``, and their number.
        head: Earliest start of each operation.
        duration: Its duration.
        tail: Least time from its end to the end of the schedule.
    """
    worst = 0
    for k in range(offsets.size - 1):
        low, high = offsets[k], offsets[k + 1]
        now = 0
        left = [0] * (high - low)
        ready = [(0, 0)]
        ready.pop()
        i = low
        while i < high or len(ready) > 0:
            if len(ready) == 0:
                now = max(now, head[operations[i]])
            while i < high and head[operations[i]] <= now:
                o = operations[i]
                left[i - low] = duration[o]
                heapq.heappush(ready, (-tail[o], i))
                i += 1
            urgency, j = ready[0]
            until = now + left[j - low]
            if i < high and head[operations[i]] < until:
                left[j - low] = until - head[operations[i]]
                now = head[operations[i]]
            else:
                now = until
                worst = max(worst, now - urgency)
                heapq.heappop(ready)
    return worst
