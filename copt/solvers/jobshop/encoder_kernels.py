"""Compiled message passing over a shop, one pass over the operations a layer."""

import numpy as np

from copt.solvers.compiled import kernel
from copt.solvers.jobshop.floor_kernels import Dispatch, Float32, Int32
from copt.solvers.jobshop.rollout_kernels import HIDDEN, add_product
from copt.solvers.jobshop.tabu_kernels import Int64


@kernel
def project(x: Float32, matrix: Float32, bias: Float32, rectify: bool, result: Float32) -> None:
    """Write ``x @ matrix + bias``, rectified if asked for, into ``result``, shape (rows, HIDDEN)."""
    for o in range(x.shape[0]):
        row = result[o]
        for k in range(HIDDEN):
            row[k] = bias[k]
        add_product(x[o], matrix, row)
        if rectify:
            for k in range(HIDDEN):
                row[k] = max(row[k], np.float32(0.0))


@kernel
def pool(h: Float32, group: Int32, mean: Float32, peak: Float32, count: Int64) -> None:
    """Write mean and maximum of the rows of ``h`` over each group, 0 for empty groups.

    Args:
        h: Embeddings, shape (operations, HIDDEN).
        group: Group of each operation, shape (operations,).
        mean: Receives the means, shape (groups, HIDDEN).
        peak: Receives the maxima, shape (groups, HIDDEN).
        count: Receives how many rows each group has, shape (groups,).
    """
    mean[:] = np.float32(0.0)
    peak[:] = np.float32(-np.inf)
    count[:] = 0
    for o in range(group.size):
        g = group[o]
        count[g] += 1
        for k in range(HIDDEN):
            mean[g, k] += h[o, k]
            peak[g, k] = max(peak[g, k], h[o, k])
    for g in range(count.size):
        for k in range(HIDDEN):
            if count[g] == 0:
                peak[g, k] = np.float32(0.0)
            else:
                mean[g, k] /= np.float32(count[g])


@kernel
def exchange(
    shop: Dispatch,
    h: Float32,
    by_machine: Float32,
    by_job: Float32,
    own: Float32,
    bias: Float32,
    ahead: Float32,
    behind: Float32,
    result: Float32,
) -> None:
    """Write the embeddings after one exchange of messages.

    Args:
        shop: The shop.
        h: Embeddings, shape (operations, HIDDEN).
        by_machine: Message of each machine, shape (machines, HIDDEN).
        by_job: Message of each job, shape (jobs, HIDDEN).
        own: Weights of the operation itself, shape (HIDDEN, HIDDEN).
        bias: Bias, shape (HIDDEN,).
        ahead: Weights of the message to the next operation of the job.
        behind: Weights of the message to the previous one.
        result: Receives the embeddings, shape (operations, HIDDEN).
    """
    for o in range(h.shape[0]):
        m, j, z = shop.machine[o], shop.job[o], result[o]
        for k in range(HIDDEN):
            z[k] = bias[k] + by_machine[m, k] + by_job[j, k]
        add_product(h[o], own, z)
        if o > 0 and shop.job[o - 1] == j:
            add_product(h[o - 1], ahead, z)
        if shop.after[o]:
            add_product(h[o + 1], behind, z)
        for k in range(HIDDEN):
            z[k] = h[o, k] + max(z[k], np.float32(0.0))
