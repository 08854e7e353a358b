"""Compiled pool of plans of the two-stage robust knapsack: what they do, and what that costs in a scenario."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel
from copt.solvers.robust.game_kernels import Vertex
from copt.solvers.robust.knapsack_kernels import Bytes, Floats, Ints

__all__ = ["BARE", "IDLE", "NOTHING", "WHOLE", "Room", "activate", "add", "enter_from_pool", "keep", "total"]

Floats32 = NDArray[np.float32]

# What a plan does with an item; one that is idle is chosen and not produced.
NOTHING, BARE, WHOLE, IDLE = 0, 1, 2, 3
BATCH = 6  # plans of the pool that enter at a time


class Room(NamedTuple):
    """The pool of plans and the memory that kernels share."""

    plans: Bytes  # (most plans, items): choices
    made: Floats32  # (3, items, most plans): 1 where a plan makes the choice BARE, WHOLE, IDLE
    filled: Ints  # plans in the pool, place of the next
    costs: Floats  # (most plans,): cost when nothing is lost
    scores: Floats  # (most plans,): cost in a scenario
    active: Ints  # (most plans,): plans in the linear program
    marks: Bytes  # (most plans,): whether a plan is among them
    vertex: Vertex
    outer: Floats  # (2 * items + 2,): multipliers of the linear program
    between: Floats  # (2 * items + 2,): multipliers that are priced
    worth: Floats  # (items, 4): cost of each choice
    table: Floats  # (items, 3): profit of each choice that is priced
    best: Floats  # (items,)
    rows: Floats  # (2, capacity + 1)
    choices: Bytes  # (items, capacity + 1)
    core: Ints  # (items, 3)
    spare: Bytes  # (items,)
    plan: Bytes  # (items,)


@kernel
def add(room: Room, worth: Floats, sums: Floats) -> int:
    """Set ``sums`` to what all plans cost if the choices cost ``worth``; return the cheapest plan."""
    count, nothing = room.filled[0], 0.0
    for i in range(worth.shape[0]):
        nothing += worth[i, 0]
    for k in range(count):
        sums[k] = nothing
    for s in range(3):
        for i in range(worth.shape[0]):
            more = worth[i, s + 1] - worth[i, 0]
            if more != 0.0:
                for k in range(count):
                    sums[k] += more * room.made[s, i, k]
    best = 0
    for k in range(count):
        if sums[k] < sums[best]:
            best = k
    return best


@kernel
def total(worth: Floats, plan: Bytes) -> float:
    """Return what a plan costs if the choices cost ``worth``."""
    cost = 0.0
    for i in range(plan.size):
        cost += worth[i, plan[i]]
    return cost


@kernel
def activate(k: int, size: int, room: Room) -> int:
    """Let plan ``k`` into the linear program of ``size`` plans; return their number."""
    if room.marks[k] == 1:
        return size
    room.marks[k] = 1
    room.active[size] = k
    return size + 1


@kernel
def keep(room: Room) -> int:
    """Put the plan at hand into the pool, in place of an old one if it is full; return its place."""
    most = room.plans.shape[0]
    k: int = room.filled[1]
    while room.marks[k] == 1 or k == 0:
        k = (k + 1) % most
    for i in range(room.plan.size):
        room.plans[k, i] = room.plan[i]
        for s in range(3):
            room.made[s, i, k] = 1.0 if room.plan[i] == s + 1 else 0.0
    room.filled[0] = max(room.filled[0], k + 1)
    room.filled[1] = (k + 1) % most
    return k


@kernel
def enter_from_pool(room: Room, size: int, slack: float) -> int:
    """Let the plans in that the linear program misses most, by ``room.scores``; return their number."""
    value = room.vertex.dual[room.plan.size]
    for _ in range(BATCH):
        best = -1
        for k in range(room.filled[0]):
            missed = room.marks[k] == 0 and room.scores[k] < value - slack
            if missed and (best < 0 or room.scores[k] < room.scores[best]):
                best = k
        if best < 0:
            break
        size = activate(best, size, room)
    return size
