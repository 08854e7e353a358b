"""Random mixed-integer programs by the recipes of the papers that introduced them. One seed, one program."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from copt.errors import CoptError
from copt.instances.mip_auctions import auction
from copt.instances.mip_graphs import independent_set
from copt.instances.mip_rows import Block, program, randomness
from copt.problems.mip import MIP

__all__ = [
    "GENERATORS",
    "Difficulty",
    "assignment",
    "auction",
    "facility_location",
    "independent_set",
    "item_placement",
    "knapsacks",
    "set_cover",
]

Difficulty = Literal["C", "D", "E"]

DIFFICULTIES = ("C", "D", "E")
LARGEST = 20_000  # of any count
DEMANDS, CAPACITIES = (5, 35), (10, 160)  # of facility location
RESOURCES = 3  # of item placement
WEIGHTS = 1000  # largest of knapsacks


def _binary(count: int) -> dict[str, Any]:
    """Return the fields of ``count`` variables that are 0 or 1."""
    return {"lower": np.zeros(count), "upper": np.ones(count), "integer": np.ones(count, dtype=bool)}


def set_cover(*, rows: int = 500, columns: int = 1000, density: float = 0.05, seed: int = 0) -> MIP:
    """Return a set cover with costs from 1 to 100 as Balas and Ho (1980) draw it.

    Every column covers two rows or more. Ready sizes are 1000 columns of density 0.05 and 500, 1000 or 2000 rows
    (Gasse et al. 2019).

    Args:
        rows: Number of rows, the elements to cover.
        columns: Number of columns, the sets.
        density: Share of nonzeros.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = randomness(seed, most=LARGEST, rows=rows, columns=columns)
    nonzeros = int(rows * columns * density) if 0 < density <= 1 else 0
    if rows < 2 or nonzeros < max(rows, 2 * columns):
        least = max(rows, 2 * columns) / (rows * columns)
        raise CoptError(
            f"density must be from {least:.4g}, two rows a column and one column a row, to 1, got {density}"
        )
    sizes = 2 + rng.multivariate_hypergeometric(np.full(columns, rows - 2), nonzeros - 2 * columns, method="marginals")
    ends = np.cumsum(sizes)
    elements = np.concatenate([rng.permutation(rows), np.zeros(nonzeros - rows, dtype=np.int64)])
    for first, last in zip((ends - sizes).tolist(), ends.tolist(), strict=True):
        given = elements[first : max(first, min(last, rows))]  # so that every row is in some column
        drawn = rng.choice(rows, last - first, replace=False)
        others = drawn if not given.size else drawn[~np.isin(drawn, given)]
        elements[first + given.size : last] = others[: last - first - given.size]
    return program(
        [Block.of(elements, np.repeat(np.arange(columns), sizes), count=rows, lower=1.0)],
        costs=rng.integers(1, 101, columns),
        name=f"set-cover-{rows}x{columns}-{density:g}-{seed}",
        **_binary(columns),
    )


def facility_location(*, customers: int = 100, facilities: int = 100, ratio: float = 5.0, seed: int = 0) -> MIP:
    """Return capacitated facility location as Cornuejols, Sridharan and Thizy (1991) draw it.

    Shares of demand are continuous; rows say what the relaxation lacks, that a closed facility serves nobody and that
    the open ones suffice. Ready sizes are 100, 200 or 400 customers and 100 facilities (Gasse et al. 2019).

    Args:
        customers: Number of customers.
        facilities: Number of facilities.
        ratio: Sum of the capacities over that of the demands.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = randomness(seed, most=LARGEST, customers=customers, facilities=facilities)
    if not 1 < ratio < np.inf:
        raise CoptError(f"ratio must be above 1, got {ratio}")
    places, sites = rng.random((customers, 2)), rng.random((facilities, 2))
    demands = rng.integers(DEMANDS[0], DEMANDS[1] + 1, customers).astype(float)
    drawn = rng.integers(CAPACITIES[0], CAPACITIES[1] + 1, facilities).astype(float)
    fixed = rng.integers(100, 111, facilities) * np.sqrt(drawn) + rng.integers(0, 91, facilities)
    capacities = np.ceil(drawn * ratio * demands.sum() / drawn.sum())
    distances = np.linalg.norm(places[:, None] - sites, axis=2)
    customer, facility = np.divmod(np.arange(customers * facilities), facilities)
    share = np.arange(customers * facilities)
    opened = share.size + np.arange(facilities)
    links = share.size
    return program(
        [
            Block.of(customer, share, count=customers, lower=1.0),
            Block.of(
                np.concatenate([facility, np.arange(facilities)]),
                np.concatenate([share, opened]),
                np.concatenate([demands[customer], -capacities]),
                count=facilities,
                upper=0.0,
            ),
            Block.of(np.zeros(facilities, dtype=np.int64), opened, capacities, count=1, lower=demands.sum()),
            Block.of(
                np.concatenate([share, share]),
                np.concatenate([share, opened[facility]]),
                np.repeat([1.0, -1.0], links),
                count=links,
                upper=0.0,
            ),
        ],
        costs=np.concatenate([(10 * distances * demands[:, None]).ravel(), np.floor(fixed)]),
        lower=np.zeros(links + facilities),
        upper=np.ones(links + facilities),
        integer=np.arange(links + facilities) >= links,
        name=f"facility-location-{customers}x{facilities}-{ratio:g}-{seed}",
    )


def item_placement(*, small: int = 100, big: int = 5, bins: int = 10, seed: int = 0) -> MIP:
    """Return the balanced placement of items in bins with three resources, of the ML4CO competition (2021).

    Bins hold twice what they must on average. The objective is the sum of what bins lack to their even share, plus
    the largest lack of each resource, which weighs most.

    Args:
        small: Number of items that take up to 0.1 of each resource.
        big: Number of items that take 0.9 to 1.
        bins: Number of bins.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = randomness(seed, most=LARGEST, small=small, big=big, bins=bins)
    uses = np.concatenate([rng.uniform(0, 0.1, (small, RESOURCES)), rng.uniform(0.9, 1.0, (big, RESOURCES))])
    items, totals = small + big, uses.sum(axis=0)
    item, place = np.divmod(np.arange(items * bins), bins)
    placed, pairs = np.arange(items * bins), bins * RESOURCES
    lack = placed.size + np.arange(pairs)  # of a bin and a resource
    worst = placed.size + pairs + np.arange(RESOURCES)
    pair = np.arange(pairs)
    loads = place[:, None] * RESOURCES + np.arange(RESOURCES)
    return program(
        [
            Block.of(item, placed, count=items, lower=1.0, upper=1.0),
            Block.of(loads, placed[:, None], uses[item], count=pairs, upper=np.tile(2 * totals / bins, bins)),
            Block.of(
                np.concatenate([loads.ravel(), pair]),
                np.concatenate([np.repeat(placed, RESOURCES), lack]),
                np.concatenate([(uses * bins / totals)[item].ravel(), np.ones(pairs)]),
                count=pairs,
                lower=1.0,
            ),
            Block.of(
                np.concatenate([pair, pair]),
                np.concatenate([worst[pair % RESOURCES], lack]),
                np.repeat([1.0, -1.0], pairs),
                count=pairs,
                lower=0.0,
            ),
        ],
        costs=np.concatenate([np.zeros(placed.size), np.ones(pairs), np.full(RESOURCES, 10.0 * pairs)]),
        lower=np.zeros(placed.size + pairs + RESOURCES),
        upper=np.ones(placed.size + pairs + RESOURCES),
        integer=np.arange(placed.size + pairs + RESOURCES) < placed.size,
        name=f"item-placement-{small}-{big}-{bins}-{seed}",
    )


def assignment(*, agents: int = 20, jobs: int = 100, difficulty: Difficulty = "E", seed: int = 0) -> MIP:
    """Return a generalised assignment problem of type C, D (Chu and Beasley 1997) or E (Laguna et al. 1995).

    Ready sizes are 10 or 20 agents and 100 or 200 jobs, 40 and 400, 80 and 1600.

    Args:
        agents: Number of agents.
        jobs: Number of jobs.
        difficulty: Type, which says how costs follow loads: ``C`` not at all, ``D`` and ``E`` against them.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = randomness(seed, most=LARGEST, agents=agents, jobs=jobs)
    if difficulty not in DIFFICULTIES:
        raise CoptError(f"difficulty must be one of {', '.join(DIFFICULTIES)}, got {difficulty!r}")
    shape = (agents, jobs)
    if difficulty == "C":
        loads, costs = rng.integers(5, 26, shape).astype(float), rng.integers(10, 51, shape).astype(float)
    elif difficulty == "D":
        loads = rng.integers(1, 101, shape).astype(float)
        costs = 111 - loads + rng.integers(-10, 11, shape)
    else:
        loads = 1 - 10 * np.log(1 - rng.random(shape))  # the argument is above 0
        costs = np.rint(1000 / loads - 10 * rng.random(shape))
        loads = np.rint(loads)
    chosen = np.arange(agents * jobs)
    agent, job = np.divmod(chosen, jobs)
    capacities = np.floor(0.8 * loads.sum(axis=1) / agents)
    return program(
        [
            Block.of(job, chosen, count=jobs, lower=1.0, upper=1.0),
            Block.of(agent, chosen, loads.ravel(), count=agents, upper=capacities),
        ],
        costs=costs.ravel(),
        name=f"assignment-{difficulty.lower()}-{agents}x{jobs}-{seed}",
        **_binary(chosen.size),
    )


def knapsacks(*, items: int = 250, constraints: int = 10, tightness: float = 0.5, seed: int = 0) -> MIP:
    """Return a knapsack problem with several constraints as Chu and Beasley (1998) draw it; all numbers are whole.

    Ready sizes are 100, 250 or 500 items, 5, 10 or 30 constraints, and tightness 0.25, 0.5 or 0.75.

    Args:
        items: Number of items.
        constraints: Number of constraints.
        tightness: Share of all weights that each constraint allows.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = randomness(seed, most=LARGEST, items=items, constraints=constraints)
    if not 0 < tightness <= 1:
        raise CoptError(f"tightness must be above 0 and at most 1, got {tightness}")
    weights = rng.integers(1, WEIGHTS + 1, (constraints, items)).astype(float)
    row, item = np.divmod(np.arange(weights.size), items)
    return program(
        [Block.of(row, item, weights.ravel(), count=constraints, upper=np.floor(tightness * weights.sum(axis=1)))],
        costs=np.floor(weights.mean(axis=0) + 500 * rng.random(items)),
        maximise=True,
        name=f"knapsacks-{items}x{constraints}-{tightness:g}-{seed}",
        **_binary(items),
    )


GENERATORS: dict[str, Callable[..., MIP]] = {
    "set-cover": set_cover,
    "auction": auction,
    "facility-location": facility_location,
    "independent-set": independent_set,
    "item-placement": item_placement,
    "assignment": assignment,
    "knapsacks": knapsacks,
}
