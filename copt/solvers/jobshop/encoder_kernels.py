"""Compiled message passing over a shop, one pass over the operations a layer."""

import numpy as np

from copt.solvers.compiled import allocating
from copt.solvers.jobshop.floor_kernels import Dispatch, Float32, Int32
from copt.solvers.jobshop.rollout_kernels import HIDDEN, add_product


@allocating
def project(x: Float32, matrix: Float32, bias: Float32, rectify: bool) -> Float32:
    """Return ``x @ matrix + bias``, rectified if asked for; shape (rows, HIDDEN)."""
    result = np.empty((x.shape[0], HIDDEN), dtype=np.float32)
    for o in range(x.shape[0]):
        row = result[o]
        row[:] = bias
        add_product(x[o], matrix, row)
        if rectify:
            for k in range(HIDDEN):
                row[k] = max(row[k], np.float32(0.0))
    return result


@allocating
def pool(h: Float32, group: Int32, groups: int) -> tuple[Float32, Float32]:
    """Return mean and maximum of the rows of ``h`` over each group, shape (groups, HIDDEN); 0 for empty groups."""
    mean = np.zeros((groups, HIDDEN), dtype=np.float32)
    peak = np.full((groups, HIDDEN), -np.inf, dtype=np.float32)
    count = np.zeros(groups, dtype=np.int64)
    for o in range(group.size):
        g = group[o]
        count[g] += 1
        for k in range(HIDDEN):
            mean[g, k] += h[o, k]
            peak[g, k] = max(peak[g, k], h[o, k])
    for g in range(groups):
        if count[g] == 0:
            peak[g] = np.float32(0.0)
        else:
            mean[g] /= np.float32(count[g])
    return mean, peak


@allocating
def exchange(
    shop: Dispatch,
    h: Float32,
    by_machine: Float32,
    by_job: Float32,
    own: Float32,
    bias: Float32,
    ahead: Float32,
    behind: Float32,
) -> Float32:
    """Return the embeddings after one exchange of messages.

    Args:
        shop: The shop.
        h: Embeddings, shape (operations, HIDDEN).
        by_machine: Message of each machine, shape (machines, HIDDEN).
        by_job: Message of each job, shape (jobs, HIDDEN).
        own: Weights of the operation itself, shape (HIDDEN, HIDDEN).
        bias: Bias, shape (HIDDEN,).
        ahead: Weights of the message to the next operation of the job.
        behind: Weights of the message to the previous one.
    """
    result = np.empty_like(h)
    z = np.empty(HIDDEN, dtype=np.float32)
    for o in range(h.shape[0]):
        m, j = shop.machine[o], shop.job[o]
        for k in range(HIDDEN):
            z[k] = bias[k] + by_machine[m, k] + by_job[j, k]
        add_product(h[o], own, z)
        if o > 0 and shop.job[o - 1] == j:
            add_product(h[o - 1], ahead, z)
        if shop.after[o]:
            add_product(h[o + 1], behind, z)
        for k in range(HIDDEN):
            result[o, k] = h[o, k] + max(z[k], np.float32(0.0))
    return result
