"""What a learned schedule sees of an instance: numbers that neither units nor position change."""

import numpy as np

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routing, costs
from copt.solvers.routing.plan import neighbours

__all__ = ["FEATURES", "describe"]

NEAR = 8  # neighbours whose legs are looked at
SAMPLE = 2000  # customers looked at, so that a large instance takes no noticeable time

FEATURES = (
    "log_customers",
    "log_route_size",  # customers of a full route, on average
    "log_effort",  # seconds of all workers for each customer
    "fill",  # demand over the capacity of the fewest vehicles that could carry it
    "demand_variation",
    "demand_largest",  # over the capacity
    "near_over_depot",  # log of the mean leg to near customers over the mean leg to the depot
    "nearest_variation",
    "near_variation",
    "local_variation",  # how much the legs to near customers differ around one customer
    "depot_variation",
    "depot_nearest",  # leg from the depot to its nearest customers over that to all
    "share_on_depot_legs",  # of a rough estimate of the cost
)


def describe(instance: Routing, seconds: float, workers: int) -> FloatArray:
    """Return the features of a capacitated instance and a budget, in the order of ``FEATURES``.

    Args:
        instance: A problem with a depot and a capacity.
        seconds: Time for the search.
        workers: Threads that search.
    """
    assert instance.depot is not None
    assert instance.capacity is not None
    customers = instance.customers
    n, demand = customers.size, instance.demands[customers].astype(np.float64)
    load = max(1e-9, float(demand.sum()) / instance.capacity)
    size = min(float(n), n / load)
    sample = customers[np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64)]
    depot = _positive(costs(instance, np.full(sample.size, instance.depot), sample))
    legs = _near_legs(instance, sample)
    near, out = legs.mean(), depot.mean()
    legs_of_routes, legs_to_depot = near * n, 2.0 * out * n / size
    return np.array(
        [
            np.log(n),
            np.log(size),
            np.log(max(1e-9, seconds * workers / n)),
            load / np.ceil(load),
            _variation(demand),
            demand.max() / instance.capacity,
            np.log(near / out),
            _variation(legs[:, 0]),
            _variation(legs.mean(axis=1)),
            float(np.mean(legs.std(axis=1) / legs.mean(axis=1))),
            _variation(depot),
            np.sort(depot)[: max(1, sample.size // 20)].mean() / out,
            legs_to_depot / (legs_to_depot + legs_of_routes),
        ]
    )


def _near_legs(instance: Routing, sample: IntArray) -> FloatArray:
    """Return the legs from each of ``sample`` to its nearest customers, shape (sample, NEAR or fewer)."""
    near = neighbours(instance, NEAR)[sample]
    return _positive(costs(instance, sample[:, None], near))


def _positive(legs: FloatArray) -> FloatArray:
    """Return legs without zeros, so that their means can be divided by even where all customers share a place."""
    return np.maximum(legs, 1e-9 * float(legs.max()) or 1.0)


def _variation(values: FloatArray) -> float:
    """Return the standard deviation over the mean."""
    return float(values.std() / max(1e-12, values.mean()))
