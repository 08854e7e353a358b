"""Small programs, what may stand for their relaxations, and random networks that guess."""

from typing import Any

import numpy as np
from mip_cases import dense, make_mip

from copt.instances.mip_generators import assignment, facility_location, set_cover
from copt.models.mip_guide import GuideNet
from copt.problems.mip import MIP
from copt.solvers.mip.graph import LP_ROWS, LP_VARIABLES, ROWS, VARIABLES
from copt.solvers.mip.submip import Relaxed

SMALL = [
    set_cover(rows=20, columns=30, density=0.2, seed=1),
    facility_location(customers=6, facilities=4, seed=2),
    assignment(agents=3, jobs=8, seed=3),
]


def relaxed_of(instance: MIP, seed: int = 0) -> Relaxed:
    """Return something of the shape of a relaxation, its values within finite bounds."""
    rng = np.random.default_rng(seed)
    low, high = np.maximum(instance.lower, -5.0), np.minimum(instance.upper, 5.0)
    values = low + (high - low) * rng.integers(0, 3, low.size) / 2
    return Relaxed(values, rng.normal(size=low.size) * bool(instance.costs.any()), 0.0)


def changed(instance: MIP, seed: int) -> tuple[MIP, Any, Any]:
    """Return the program with rows and variables in another order, rows and costs scaled and some turned round."""
    rng = np.random.default_rng(seed)
    matrix = dense(instance)
    rows, variables = rng.permutation(instance.num_rows), rng.permutation(instance.num_variables)
    scale = 2.0 ** rng.integers(-3, 4, instance.num_rows)
    one_sided = np.isinf(instance.row_lower) != np.isinf(instance.row_upper)
    scale = np.where(one_sided & (rng.random(scale.size) < 0.5), -scale, scale)
    low, high = scale * instance.row_lower, scale * instance.row_upper
    low, high = np.where(scale > 0, low, high), np.where(scale > 0, high, low)
    other = make_mip(
        (scale[:, None] * matrix)[rows][:, variables],
        costs=4.0 * instance.costs[variables],
        lower=instance.lower[variables],
        upper=instance.upper[variables],
        integer=instance.integer[variables],
        row_lower=low[rows],
        row_upper=high[rows],
        maximise=instance.maximise,
    )
    return other, rows, variables


def random_net(rounds: int = 2, seed: int = 0) -> GuideNet:
    import torch

    torch.manual_seed(seed)
    return GuideNet(len(VARIABLES) + len(LP_VARIABLES), len(ROWS) + len(LP_ROWS), 8, rounds)


def random_weights(seed: int = 0) -> dict[str, Any]:
    return random_net(seed=seed).arrays()
