"""What the annealing of routes has been like so far: how old each leg is, and what a model sees of it."""

from dataclasses import dataclass

import numpy as np

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routing, costs
from copt.solvers.routing.cost_kernels import Int32
from copt.solvers.routing.route_kernels import Fleet, Plan

__all__ = ["FEATURES", "Memory", "View", "ends_of", "leg_features", "node_features", "ranks", "smooth"]

NEAR = 8  # neighbours that give the scale of a place, and those asked for their route
AROUND = 15  # neighbours that share what is expected of a customer
DECAY = 0.7  # of what a change in the best routes counts for, from one round to the next

FEATURES = (
    "rank_low",  # log of the rank of an end among the other's neighbours, the lower of both
    "rank_high",
    "length",  # log of the leg over the mean leg to near customers of its ends, as all lengths below
    "detour_low",  # what leaving out one end would save, the lower of both
    "detour_high",
    "beside_low",  # the shorter of the legs before and behind
    "beside_high",
    "depot_beside",  # how many of these go to the depot
    "depot_apart",  # log of the mean leg from the depot to the ends over that to all customers
    "slack",  # free share of the capacity
    "log_route_size",
    "company",  # share of the near customers of both ends that are on the same route
    "progress",
    "age",  # share of the annealing so far in which the leg has been there at the beginning of every round
    "age_beside_low",
    "churn",  # share of the rounds in which an end got a new leg, the mean of both
    "in_best",  # whether the best routes have the leg
)


@dataclass(frozen=True)
class View:
    """The current routes at the beginning of a round, and what became of their legs in the rounds before.

    Args:
        instance: The problem.
        plan: The same for the kernels.
        fleet: The current routes.
        progress: Share of the annealing that is over.
        age: Share of the annealing so far in which each node's leg before it, and behind it, has been there.
        churn: Share of the rounds in which a customer got a new leg, shape (nodes,).
        best: Which nodes each has beside it in the best routes, shape (nodes, 2).
        recent: How much the best routes changed at a customer of late, shape (nodes,).
    """

    instance: Routing
    plan: Plan
    fleet: Fleet
    progress: float
    age: FloatArray
    churn: FloatArray
    best: Int32
    recent: FloatArray


class Memory:
    """Sees the routes at the beginning of every round.

    Args:
        instance: The problem.
        plan: The same for the kernels.
        fleet: The first routes.
    """

    def __init__(self, instance: Routing, plan: Plan, fleet: Fleet) -> None:
        self._instance, self._plan, self._fleet = instance, plan, fleet
        self._beside = np.stack([fleet.prev, fleet.next], axis=1)
        self._born = np.zeros((instance.num_nodes, 2))
        self._changes, self._rounds = np.zeros(instance.num_nodes), 0
        self._best = self._beside.copy()
        self._recent = np.zeros(instance.num_nodes)

    def look(self, progress: float) -> View:
        """Return what there is to see, and remember it."""
        now = np.stack([self._fleet.prev, self._fleet.next], axis=1)
        found = now[:, :, None] == self._beside[:, None, :]
        # A route may be turned round: a leg is the same whichever side of the customer it is on.
        born = np.where(found, self._born[:, None, :], np.inf).min(axis=2)
        self._born = np.where(found.any(axis=2), born, progress)
        self._rounds += 1
        self._recent = DECAY * self._recent
        self._changes += ~found.any(axis=2).all(axis=1)
        self._beside = now
        age = (progress - self._born) / max(progress, 1e-9)
        churn = self._changes / self._rounds
        return View(self._instance, self._plan, self._fleet, progress, age, churn, self._best, self._recent)

    def improve(self, follower: Int32) -> None:
        """Take the routes after a round that found better ones, by the node that follows each customer."""
        depot = self._plan.depot
        customers = self._instance.customers
        before = np.full_like(follower, depot)
        inner = customers[follower[customers] != depot]
        before[follower[inner]] = inner
        now = np.stack([before, follower], axis=1)
        same = (now[:, :, None] == self._best[:, None, :]).any(axis=2).all(axis=1)
        same[depot] = True
        self._recent = self._recent + ~same
        self._best = now


def ends_of(view: View) -> tuple[IntArray, IntArray]:
    """Return the first and the second customer of each leg between two."""
    customers = view.instance.customers
    second = view.fleet.next[customers]
    inner = second != view.plan.depot
    return customers[inner], second[inner].astype(np.int64)


def ranks(view: View, one: IntArray, two: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the ranks of ``two`` among the neighbours of ``one``, and the other way round, from 1; the last is far."""
    near = view.plan.near

    def rank(of: IntArray, among: IntArray) -> FloatArray:
        hit = near[among] == of[:, None]
        place: FloatArray = np.where(hit.any(axis=1), hit.argmax(axis=1), near.shape[1]) + 1.0
        return place

    return rank(two, one), rank(one, two)


def smooth(view: View, values: FloatArray) -> FloatArray:
    """Return the mean of each customer's value and those of the nearest ones, shape (nodes,)."""
    near = view.plan.near[:, :AROUND]
    mean: FloatArray = (values + values[near].sum(axis=1)) / (1 + near.shape[1])
    return mean


def leg_features(view: View) -> FloatArray:
    """Return the features of every leg between customers, in the order of ``FEATURES``, shape (legs, features)."""
    plan, fleet = view.plan, view.fleet
    depot, customers = plan.depot, view.instance.customers
    one, two = ends_of(view)
    before, behind = fleet.prev[one], fleet.next[two]
    local = plan.near_cost[:, :NEAR].mean(axis=1)
    unit = 0.5 * (local[one] + local[two]) + 1e-9 * max(1.0, float(local[customers].mean()))
    leg, into, out = fleet.out[one], fleet.into[one], fleet.out[two]
    joined_two = costs(view.instance, before, two)
    joined_one = np.where(behind == depot, plan.enter[one], costs(view.instance, one, behind))
    ranked, route = ranks(view, one, two), fleet.route[one]
    detours = (into + leg - joined_two) / unit, (leg + out - joined_one) / unit
    beside, ages = (into / unit, out / unit), (view.age[one, 0], view.age[two, 1])
    near = plan.near[:, :NEAR]
    company = [(fleet.route[near[end]] == route[:, None]).mean(axis=1) for end in (one, two)]
    capacity = max(1, min(plan.capacity, int(plan.demand.sum())))
    apart = 0.5 * (plan.leave[one] + plan.leave[two])
    return np.stack(
        [
            np.log(np.minimum(*ranked)),
            np.log(np.maximum(*ranked)),
            np.log1p(leg / unit),
            np.log1p(np.maximum(0.0, np.minimum(*detours))),
            np.log1p(np.maximum(0.0, np.maximum(*detours))),
            np.log1p(np.minimum(*beside)),
            np.log1p(np.maximum(*beside)),
            (before == depot) + 1.0 * (behind == depot),
            np.log1p(apart / max(1e-9, float(plan.leave[customers].mean()))),
            1.0 - fleet.load[route] / capacity,
            np.log(fleet.size[route]),
            0.5 * (company[0] + company[1]),
            np.full(one.size, view.progress),
            view.age[one, 1],
            np.minimum(*ages),
            0.5 * (view.churn[one] + view.churn[two]),
            1.0 * (view.best[one] == two[:, None]).any(axis=1),
        ],
        axis=1,
    )


def node_features(view: View, legs: FloatArray) -> FloatArray:
    """Return the mean of ``legs``, from ``leg_features``, over the legs of each node, shape (nodes, features)."""
    sums, counts = np.zeros((view.instance.num_nodes, legs.shape[1])), np.zeros(view.instance.num_nodes)
    for end in ends_of(view):
        sums[end] += legs  # a customer is the first of one leg at most, and the second of one
        counts[end] += 1
    mean: FloatArray = sums / np.maximum(1, counts)[:, None]
    return mean
