"""Schedules by dispatching: priority rules and the learned policy behind one face."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copt.errors import CoptError, UnknownNameError
from copt.policy import Policy
from copt.problems.jobshop import JobShop
from copt.solvers.jobshop import rollout_kernels as kernels
from copt.solvers.jobshop.encoder import encode
from copt.solvers.jobshop.floor_kernels import Dispatch, Float32, Floor, Int32
from copt.solvers.jobshop.rollout_kernels import Scorer
from copt.solvers.randomness import random_state

__all__ = ["RULES", "Dispatcher", "Rollouts", "expert_decisions"]

RULES = {"mwkr": kernels.MWKR, "mor": kernels.MOR, "spt": kernels.SPT, "fifo": kernels.FIFO, "random": kernels.RANDOM}
INT32 = np.int32


@dataclass(frozen=True)
class Rollouts:
    """What a batch of rollouts gave.

    Args:
        makespans: Makespan of each rollout, in the order they were made; fewer than asked for after a stop.
        starts: Start times of the best of them, best first, without repetition of a makespan.
    """

    makespans: NDArray[np.int64]  # (made,)
    starts: Int32  # (kept, operations)


def _dispatch_of(instance: JobShop, reverse: bool) -> Dispatch:
    """Translate a shop, or its mirror image in time, for the kernels."""
    n, m = instance.num_operations, instance.num_machines
    duration, machine, job = instance.durations, instance.machines, instance.job_of
    lengths = np.diff(instance.job_offsets)
    busy = lengths > 0
    first = instance.job_offsets[:-1][busy]
    release = np.zeros(instance.num_jobs, dtype=np.int64) if instance.release is None else instance.release
    before = np.cumsum(duration) - duration
    head = before - before[first][np.cumsum(busy)[job] - 1]
    work = np.add.reduceat(duration, first)[np.cumsum(busy)[job] - 1]
    position = np.arange(n) - instance.job_offsets[job]
    if reverse:
        duration, machine, job = duration[::-1], machine[::-1], (instance.num_jobs - 1 - job)[::-1]
        after, tail = position[::-1], (head + release[instance.job_of])[::-1]
        first = n - instance.job_offsets[1:][busy][::-1]
        ready = np.zeros(first.size, dtype=np.int64)
    else:
        after, tail = lengths[job] - 1 - position, work - head - duration
        ready = release[busy]
    load = np.bincount(machine, duration, m).astype(np.int64)
    offset = np.concatenate([[0], np.cumsum(np.bincount(machine, minlength=m))])
    total = int(load.sum())
    return Dispatch(
        duration=_as32(duration),
        machine=_as32(machine),
        job=_as32(job),
        after=_as32(after),
        tail=_as32(tail),
        first=_as32(first),
        release=_as32(ready),
        offset=_as32(offset),
        load=load,
        unit=n / total if total else 1.0,
    )


def _as32(values: NDArray[np.int64]) -> Int32:
    return np.ascontiguousarray(values, dtype=INT32)


def _floor_of(shop: Dispatch, seed: int) -> Floor:
    n, m = shop.duration.size, shop.load.size
    widest = max(1, int(np.diff(shop.offset).max()))
    leaves = 1 << max(1, (m - 1).bit_length())
    return Floor(
        free=np.zeros(m, dtype=np.int64),
        left=np.zeros(m, dtype=np.int64),
        queued=np.zeros(m, dtype=np.int64),
        coming=np.zeros(m, dtype=np.int64),
        in_queue=np.zeros(m, dtype=INT32),
        waiting=np.zeros(n, dtype=INT32),
        arrival=np.zeros(n, dtype=INT32),
        key=np.zeros(leaves, dtype=np.int64),
        tree=np.zeros(2 * leaves, dtype=INT32),
        total=np.zeros(4, dtype=np.int64),
        place=np.zeros(widest, dtype=INT32),
        reach=np.zeros(widest, dtype=np.int64),
        feature=np.zeros((widest, kernels.FEATURES), dtype=np.float32),
        hidden=np.zeros((widest, kernels.HIDDEN), dtype=np.float32),
        pool=np.zeros((2, kernels.HIDDEN), dtype=np.float32),
        score=np.zeros(widest, dtype=np.float32),
        random=random_state(seed),
    )


def _scorer_of(shop: Dispatch, weights: dict[str, Float32] | None) -> Scorer:
    """Encode the shop once; without weights, return a placeholder of the right types."""
    f, h = kernels.FEATURES, kernels.HIDDEN
    if weights is None:
        return Scorer(*(np.zeros(shape, dtype=np.float32) for shape in ((0, h), (f, h), (h, h), (h, h), h, h)))
    parts = (
        encode(shop, weights),
        weights["dynamic.weight"].T,
        weights["own.weight"].T,
        weights["context.weight"].T,
        weights["own.bias"],
        weights["out.weight"][0],
    )
    return Scorer(*(np.ascontiguousarray(part, dtype=np.float32) for part in parts))


class Dispatcher:
    """A shop made ready for dispatching; the policy looks at the whole shop once, here.

    One object may serve several threads: ``run`` releases the interpreter lock while it works.

    Args:
        instance: A shop with ordered jobs and one machine an operation.
        rule: Name of a priority rule (see ``RULES``) or a policy of family ``jobshop``.
        reverse: Dispatch the mirror image in time and turn the schedules back.

    Raises:
        CoptError: If the shop is flexible or open.
        UnknownNameError: If no priority rule has that name.
    """

    def __init__(self, instance: JobShop, rule: str | Policy, *, reverse: bool = False) -> None:
        if instance.flexible or not instance.ordered:
            kind = "a flexible" if instance.flexible else "an open"
            raise CoptError(
                f"{instance.name} is {kind} shop; dispatching needs ordered jobs with one machine an operation"
            )
        if isinstance(rule, str) and rule not in RULES:
            raise UnknownNameError("priority rule", rule, RULES, f"known are: {', '.join(RULES)}")
        self._reverse = reverse
        self._shop = _dispatch_of(instance, reverse)
        self._forward = _dispatch_of(instance, False) if reverse else self._shop
        release = np.zeros(instance.num_jobs) if instance.release is None else instance.release
        self._release = release[instance.job_of].astype(INT32)
        self._rule = RULES[rule] if isinstance(rule, str) else kernels.NETWORK
        self._net = _scorer_of(self._shop, None if isinstance(rule, str) else rule.weights)

    def run(
        self,
        count: int = 1,
        *,
        seed: int = 0,
        temperature: float = 0.0,
        delta: float = 1.0,
        keep: int = 1,
        stop: Int32 | None = None,
    ) -> Rollouts:
        """Make ``count`` schedules and return the makespans of all and the start times of the best.

        Args:
            count: Number of rollouts.
            seed: Seed of the random choices.
            temperature: 0 takes the best score at every decision; above, scores are divided by it and the
                choice is sampled from their softmax. Rules score in mean durations (``mor``: in operations).
            delta: 1 for active schedules, 0 for non-delay schedules, or in between.
            keep: Number of schedules to return.
            stop: Array of one number; the rollouts end soon after it becomes nonzero.
        """
        n = self._shop.duration.size
        flag = np.zeros(1, dtype=INT32) if stop is None else stop
        floor = _floor_of(self._shop, seed)
        sequence = np.empty(n, dtype=INT32)
        best: list[tuple[int, Int32]] = []
        made: list[int] = []
        start = np.empty(n, dtype=INT32)
        for _ in range(count):
            value = kernels.roll_out(
                self._shop, floor, self._net, self._rule, temperature, delta, flag, start, sequence
            )
            if value < 0:
                break
            if self._reverse:
                value = kernels.mirror(self._forward, self._release, sequence, floor.free, start)
            made.append(value)
            if all(value != other for other, _ in best) and (len(best) < keep or value < best[-1][0]):
                best = sorted([*best, (value, start.copy())], key=lambda pair: pair[0])[:keep]
        starts = np.stack([s for _, s in best]) if best else np.empty((0, n), dtype=INT32)
        return Rollouts(np.array(made, dtype=np.int64), starts)


def expert_decisions(instance: JobShop, expert: Int32) -> tuple[Dispatch, Float32, Int32, Int32]:
    """Return what the network sees and should choose on the way to the schedule ``expert``.

    Args:
        instance: A shop with ordered jobs and one machine an operation.
        expert: Start times, shape (operations,); an active schedule is followed exactly.

    Returns:
        The shop, and one row an operation of every conflict set of two or more, the expert's choice first in each:
        features (rows, FEATURES), operations (rows,) and numbers of the decisions (rows,).
    """
    shop = _dispatch_of(instance, False)
    sizes = np.diff(shop.offset).astype(np.int64)
    rows = int((sizes * (sizes + 1) // 2).sum())  # if all operations of a machine waited for it from the start
    features = np.empty((rows, kernels.FEATURES), dtype=np.float32)
    operations, decisions = np.empty(rows, dtype=INT32), np.empty(rows, dtype=INT32)
    used = kernels.replay(shop, _floor_of(shop, 0), expert, features, operations, decisions)
    return shop, features[:used].copy(), operations[:used].copy(), decisions[:used].copy()
