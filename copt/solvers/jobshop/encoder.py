"""The static half of the dispatching network without torch: features of a shop and message passing over it.

Works once per instance, linear in operations. Operations exchange messages with their neighbours in the job, with
their job (mean) and with their machine (mean and maximum), so that the cliques of the disjunctive graph are never
built. ``copt.models.jobshop`` holds the same network in torch.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from copt.solvers.jobshop.encoder_kernels import exchange, pool, project
from copt.solvers.jobshop.floor_kernels import Dispatch, Float32, Int32
from copt.solvers.jobshop.rollout_kernels import HIDDEN

__all__ = ["STATIC_FEATURES", "encode", "static_features"]

STATIC_FEATURES = 21


def _soft(x: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    return x / (scale + np.abs(x))


def static_features(shop: Dispatch) -> Float32:
    """Return the features of every operation, free of scale; shape (operations, STATIC_FEATURES).

    Times are relative to a lower bound on the makespan, or to mean durations.
    """
    n, machines = shop.duration.size, shop.load.size
    duration, tail = shop.duration.astype(np.float64), shop.tail.astype(np.float64)
    jobs = shop.first.size
    lengths = np.diff(np.append(shop.first, n))
    job = np.repeat(np.arange(jobs), lengths)
    total = np.add.reduceat(duration, shop.first)
    before = np.cumsum(duration) - duration
    head = before - (before[shop.first] - shop.release)[job]
    path = (head + duration + tail)[shop.first]
    operations = np.maximum(np.bincount(shop.machine, minlength=machines), 1)
    load = shop.load.astype(np.float64)
    low_head, low_tail = np.full(machines, np.inf), np.full(machines, np.inf)
    np.minimum.at(low_head, shop.machine, head)
    np.minimum.at(low_tail, shop.machine, tail)
    low_head[load == 0], low_tail[load == 0] = 0, 0
    reach = low_head + load + low_tail
    bound = max(1.0, float(path.max()), float(reach.max()))
    of_machine = np.stack(
        [
            load / bound,
            load / max(1.0, float(load.max())),
            np.bincount(shop.machine, head, machines) / operations / bound,
            np.bincount(shop.machine, tail, machines) / operations / bound,
            low_head / bound,
            low_tail / bound,
            (bound - reach) / bound,
            _soft(operations * machines / n, 1.0),
        ],
        axis=1,
    ).astype(np.float32)
    of_job = np.stack([path / bound, path / max(1.0, float(path.max()))], axis=1).astype(np.float32)
    position = np.arange(n) - shop.first[job]
    ratio = jobs / machines
    result = np.empty((n, STATIC_FEATURES), dtype=np.float32)
    result[:, 0] = _soft(duration * shop.unit, 1.0)
    result[:, 1] = _soft(duration / np.maximum(load / operations, 1e-9)[shop.machine], 1.0)
    result[:, 2] = _soft(duration / np.maximum(total / lengths, 1e-9)[job], 1.0)
    result[:, 3] = head / bound
    result[:, 4] = tail / bound
    result[:, 5] = _soft(head * shop.unit, 8.0)
    result[:, 6] = _soft(tail * shop.unit, 8.0)
    result[:, 7] = position / lengths[job]
    result[:, 8] = _soft(shop.after.astype(np.float64), 4.0)
    result[:, 9:11] = of_job[job]
    result[:, 11:19] = of_machine[shop.machine]
    result[:, 19] = ratio / (2.0 + ratio)
    result[:, 20] = machines / (16.0 + machines)
    return result


def _projected(x: Float32, weights: Mapping[str, Float32], name: str, rectify: bool) -> Float32:
    """Return ``x`` after a linear layer, shape (rows, HIDDEN)."""
    result = np.empty((len(x), HIDDEN), dtype=np.float32)
    project(x, weights[f"{name}.weight"], weights[f"{name}.bias"], rectify, result)
    return result


def _pooled(h: Float32, group: Int32, groups: int) -> tuple[Float32, Float32]:
    """Return mean and maximum of the rows of ``h`` over each group, shape (groups, HIDDEN); 0 for empty groups."""
    mean, peak = (np.empty((groups, HIDDEN), dtype=np.float32) for _ in range(2))
    pool(h, group, mean, peak, np.empty(groups, dtype=np.int64))
    return mean, peak


def encode(shop: Dispatch, weights: Mapping[str, Float32]) -> Float32:
    """Return the encoder's part of the decoder's first layer, shape (operations, HIDDEN).

    Args:
        shop: The shop.
        weights: Parameters by name, as ``copt.models.jobshop`` stores them.
    """
    matrix = {name: np.ascontiguousarray(value.T) for name, value in weights.items()}
    jobs = int(shop.job[-1]) + 1
    h = _projected(static_features(shop), matrix, "enter", True)
    layer = 0
    while f"layers.{layer}.own.weight" in weights:
        name = f"layers.{layer}"
        by_machine = np.hstack(_pooled(h, shop.machine, shop.load.size)) @ matrix[f"{name}.machine.weight"]
        by_job = _pooled(h, shop.job, jobs)[0] @ matrix[f"{name}.job.weight"]
        following = np.empty_like(h)
        exchange(
            shop,
            h,
            by_machine,
            by_job,
            matrix[f"{name}.own.weight"],
            matrix[f"{name}.own.bias"],
            matrix[f"{name}.ahead.linear.weight"],
            matrix[f"{name}.behind.linear.weight"],
            following,
        )
        h = following
        layer += 1
    return _projected(h, matrix, "static", False)
