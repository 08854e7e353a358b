"""Slow, obvious twins of the compiled job-shop kernels, and states on which to run both."""

import itertools
from dataclasses import dataclass
from typing import Any, cast

import networkx as nx
import numpy as np

from copt.problems.base import IntArray
from copt.problems.jobshop import JobShop, Schedule, chosen_durations
from copt.solvers.jobshop.flexible_kernels import Modes, first_on
from copt.solvers.jobshop.order_kernels import Int32, Order, Shop, makespan_of
from copt.solvers.jobshop.plain import dispatch
from copt.solvers.jobshop.relink_kernels import load
from copt.solvers.jobshop.shop import machine_successors, memory_for, order_for, shop_of
from copt.solvers.jobshop.tabu_kernels import Int64, Memory, critical_path

RUNNING = np.zeros(1, dtype=np.int32)
HALTED = np.ones(1, dtype=np.int32)
KINDS = ["classic", "re-entrant", "released", "with zeros"]

Sequences = list[list[int]]
Move = tuple[int, int, bool]


def rough_shop(kind: str, jobs: int, machines: int, seed: int, alternatives: int = 1) -> JobShop:
    """Return a random shop: classic, re-entrant, with release dates, or with operations of duration 0."""
    rng = np.random.default_rng(seed)
    low = 0 if kind == "with zeros" else 1

    def operation(machine: int) -> list[tuple[int, int]]:
        others = rng.permutation([k for k in range(machines) if k != machine])[: alternatives - 1]
        return [(k, int(rng.integers(low, 10))) for k in (machine, *others.tolist())]

    def route() -> list[int]:
        many = kind == "re-entrant"
        visits = rng.integers(machines, size=machines + 2) if many else rng.permutation(machines)
        return [int(k) for k in visits]

    fields: dict[str, Any] = {"release": rng.integers(0, 25, jobs)} if kind == "released" else {}
    return JobShop.from_jobs(
        [[operation(k) for k in route()] for _ in range(jobs)], num_machines=machines, name=kind, **fields
    )


def narrow(o: int) -> int:
    """Return ``o`` in the type in which kernels hold it, so that none is compiled anew."""
    return cast("int", np.int32(o))


def plain(instance: JobShop) -> Schedule:
    """Return the dispatched schedule."""
    schedule = dispatch(instance, lambda: False)
    assert schedule is not None
    return schedule


@dataclass
class State:
    """A shop with a machine order, as kernels see it."""

    instance: JobShop
    shop: Shop
    order: Order
    memory: Memory

    @property
    def size(self) -> int:
        """Number of operations."""
        return self.instance.num_operations

    @property
    def duration(self) -> list[int]:
        """Duration of each operation on its present machine."""
        result: list[int] = self.shop.duration[: self.size].tolist()
        return result

    @property
    def sequences(self) -> Sequences:
        """Operations of each machine in order, by the successors alone; those of duration 0 stand in none."""
        return sequences_of(self.shop, self.order.succ)

    def load(self, succ: Int32) -> int:
        """Make ``succ`` the order and return its makespan."""
        return int(load(self.shop, self.order, succ))

    def snapshot(self) -> list[Any]:
        """Everything a rejected move has to leave as it was; entry n of the links is scratch."""
        order, n = self.order, self.size
        parts = (order.pred[:n], order.succ[:n], order.end, order.tail, order.topo, order.rank[:n])
        return [part.tolist() for part in (*parts, self.shop.machine, self.shop.duration)]


def state_of(instance: JobShop, *, seed: int = 0, follow: bool = False, start: Schedule | None = None) -> State:
    """Return the state of ``start``, or of the dispatched schedule.

    Args:
        instance: The shop.
        seed: Seed of the memory.
        follow: Whether changes of ends and tails are followed, as in large shops.
        start: A schedule.
    """
    begin = plain(instance) if start is None else start
    shop = shop_of(instance, begin.machine, chosen_durations(instance, begin.machine))
    order = order_for(instance)
    order = order._replace(stale=np.zeros(instance.num_operations if follow else 0, dtype=np.uint8))
    state = State(instance, shop, order, memory_for(instance, seed))
    assert state.load(machine_successors(shop, begin.start)) >= 0
    return state


def modes_of(state: State) -> tuple[Modes, Int32]:
    """Return the alternatives of every operation and the first operation of each machine."""
    instance = state.instance
    arrays = (instance.mode_offsets, instance.machines, instance.durations)
    first = np.zeros(instance.num_machines, dtype=np.int32)
    first_on(state.shop, state.order, first)
    return Modes(*(a.astype(np.int32) for a in arrays)), first


def limits(patience: int, moves: int, tenure: tuple[int, int] = (10, 14), span: int = 200) -> Int64:
    """Return the limits of a tabu search."""
    return np.array([patience, moves, *tenure, span], dtype=np.int64)


def sequences_of(shop: Shop, succ: Int32) -> Sequences:
    """Return the operations of each machine, following ``succ``; operations of duration 0 stand in no sequence."""
    n = succ.size - 1
    followers = {int(s) for s in succ[:n] if s < n}
    result: Sequences = [[] for _ in range(int(shop.machine[:n].max()) + 1)]
    for o in range(n):
        if o not in followers and shop.duration[o] > 0:
            chain = [o]
            while succ[chain[-1]] < n:
                chain.append(int(succ[chain[-1]]))
            assert len(chain) <= n and len({int(shop.machine[x]) for x in chain}) == 1
            assert result[shop.machine[o]] == [], "a machine has two sequences"
            result[shop.machine[o]] = chain
    assert sorted(itertools.chain(*result)) == np.flatnonzero(shop.duration[:n]).tolist()
    return result


def successors_of(sequences: Sequences, n: int) -> Int32:
    """Return the machine successors of ``sequences``, shape (n + 1,)."""
    succ = np.full(n + 1, n, dtype=np.int32)
    for sequence in sequences:
        succ[sequence[:-1]] = sequence[1:]
    return succ


def graph_of(instance: JobShop, sequences: Sequences) -> "nx.DiGraph[int]":
    """Return the graph of job and machine arcs."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(instance.num_operations))
    for low, high in itertools.pairwise(instance.job_offsets.tolist()):
        nx.add_path(graph, range(low, high))
    for sequence in sequences:
        nx.add_path(graph, sequence)
    return graph


def ends_of(instance: JobShop, duration: list[int], graph: "nx.DiGraph[int]") -> list[int]:
    """Return the longest path into each operation, its duration included."""
    ready = [0] * len(duration) if instance.release is None else instance.release[instance.job_of].tolist()
    end = [0] * len(duration)
    for o in nx.topological_sort(graph):
        end[o] = max([ready[o], *(end[p] for p in graph.predecessors(o))]) + duration[o]
    return end


def tails_of(duration: list[int], graph: "nx.DiGraph[int]") -> list[int]:
    """Return the longest path out of each operation, its duration included."""
    tail = [0] * len(duration)
    for o in reversed(list(nx.topological_sort(graph))):
        tail[o] = max((tail[s] for s in graph.successors(o)), default=0) + duration[o]
    return tail


def makespan_of_sequences(state: State, sequences: Sequences) -> int:
    """Return the makespan of a machine order."""
    return max(ends_of(state.instance, state.duration, graph_of(state.instance, sequences)))


def assert_consistent(state: State) -> None:
    """Compare everything that the kernels keep up to date with its recomputation from the successors."""
    order, n = state.order, state.size
    sequences = state.sequences
    graph = graph_of(state.instance, sequences)
    assert successors_of(sequences, n)[:n].tolist() == order.succ[:n].tolist()
    assert successors_of([s[::-1] for s in sequences], n)[:n].tolist() == order.pred[:n].tolist()
    assert order.end[:n].tolist() == ends_of(state.instance, state.duration, graph)
    assert order.tail[:n].tolist() == tails_of(state.duration, graph)
    assert order.topo[order.rank[:n]].tolist() == list(range(n))
    assert all(order.rank[a] < order.rank[b] for a, b in graph.edges)
    assert not order.stale.any()


def moved(sequence: list[int], o: int, other: int, after: bool) -> list[int]:
    """Return ``sequence`` with ``o`` right after or right before ``other``."""
    rest = [x for x in sequence if x != o]
    rest.insert(rest.index(other) + after, o)
    return rest


def replaced(sequences: Sequences, old: list[int], new: list[int]) -> Sequences:
    """Return ``sequences`` with ``new`` for ``old``."""
    return [new if sequence == old else sequence for sequence in sequences]


def inverted_pairs(one: Sequences, other: Sequences) -> int:
    """Count the pairs that share a machine and stand the other way round."""
    pairs = [{pair for s in sequences for pair in itertools.combinations(s, 2)} for sequences in (one, other)]
    return sum((b, a) in pairs[1] for a, b in pairs[0])


def random_start(instance: JobShop, rng: np.random.Generator) -> IntArray:
    """Return start times, one operation at a time, whose order on the machines is random and has no cycle."""
    free = {j: int(a) for j, a in enumerate(instance.job_offsets[:-1]) if a < instance.job_offsets[j + 1]}
    start = np.zeros(instance.num_operations, dtype=np.int64)
    now = 0
    while free:
        j = int(rng.choice(list(free)))
        start[free[j]] = now
        now += int(instance.durations.max()) + 1
        free[j] += 1
        if free[j] == instance.job_offsets[j + 1]:
            del free[j]
    return start


def jackson(jobs: list[tuple[int, int, int]]) -> int:
    """Return the makespan of Jackson's preemptive schedule, minute by minute.

    Args:
        jobs: Head, duration and tail of each.
    """
    left = [duration for _, duration, _ in jobs]
    finish = [head for head, _, _ in jobs]
    now = 0
    while any(left):
        ready = [k for k, (head, _, _) in enumerate(jobs) if left[k] and head <= now]
        now += 1
        if ready:
            urgent = max(ready, key=lambda k: jobs[k][2])
            left[urgent] -= 1
            finish[urgent] = now
    return max((end + tail for end, (_, _, tail) in zip(finish, jobs, strict=True)), default=0)


def scrambled(kind: str, jobs: int, machines: int, seed: int) -> State:
    """Return a state whose order is random."""
    state = state_of(rough_shop(kind, jobs, machines, seed), seed=seed)
    state.load(machine_successors(state.shop, random_start(state.instance, np.random.default_rng(seed))))
    return state


def path_of(state: State) -> list[int]:
    """Return a critical path, first operation first."""
    length = critical_path(state.shop, state.order, makespan_of(state.shop, state.order), state.memory)
    path: list[int] = state.memory.path[:length].tolist()
    return path[::-1]


def blocks_of(state: State, path: list[int]) -> list[list[int]]:
    """Cut a critical path into runs of machine neighbours."""
    blocks = [[path[0]]]
    for a, b in itertools.pairwise(path):
        if state.order.succ[a] == b:
            blocks[-1].append(b)
        else:
            blocks.append([b])
    return blocks


def through_segment(state: State, sequence: list[int], o: int, other: int, after: bool) -> int:
    """Balas and Vazacopoulos: the longest path through a moved segment, with heads and tails of the order before."""
    instance, n = state.instance, state.size
    graph = graph_of(instance, state.sequences)
    end, tail, duration = ends_of(instance, state.duration, graph), tails_of(state.duration, graph), state.duration
    first, last = sorted((sequence.index(o), sequence.index(other)))
    segment = moved(sequence[first : last + 1], o, other, after)

    def neighbour(x: int, step: int) -> int | None:
        return x + step if 0 <= x + step < n and instance.job_of[x] == instance.job_of[x + step] else None

    def ready(x: int) -> int:
        p = neighbour(x, -1)
        if p is not None:
            return end[p]
        return 0 if instance.release is None else int(instance.release[instance.job_of[x]])

    head, rest = {}, {}
    done = end[sequence[first - 1]] if first else 0
    for x in segment:
        head[x] = max(ready(x), done)
        done = head[x] + duration[x]
    behind = tail[sequence[last + 1]] if last + 1 < len(sequence) else 0
    for x in reversed(segment):
        s = neighbour(x, 1)
        behind = rest[x] = max(0 if s is None else tail[s], behind) + duration[x]
    return max(head[x] + rest[x] for x in segment)


def n7_moves(state: State, path: list[int]) -> list[tuple[list[int], Move]]:
    """Every N7 move that certainly closes no cycle, with the sequence it changes, block by block.

    Any operation of a block moves to its front or its end, the first and the last also inside. Nothing is gained at the
    front of a block that starts at time 0, nor at the end of the last block.
    """
    instance, order = state.instance, state.order
    released = 0 if instance.release is None else instance.release[instance.job_of[path[0]]]
    blocks = blocks_of(state, path)
    found = []
    for k, block in enumerate(blocks):
        sequence = next((s for s in state.sequences if block[0] in s), [])
        first, last = block[0], block[-1]
        front = not (k == 0 and released == 0)
        end = k < len(blocks) - 1
        for u, v in itertools.combinations(block, 2):
            if instance.job_of[u] == instance.job_of[v]:
                continue
            swap = len(block) == 2 and (front or end)
            behind = end if v == last else front and u == first
            before = front if u == first else end and v == last
            if (swap or behind) and order.tail[v] >= order.tail[state.shop.job_succ[u]]:
                found.append((sequence, (u, v, True)))
            if (swap or before) and order.end[u] >= order.end[state.shop.job_pred[v]]:
                found.append((sequence, (v, u, False)))
    return found
