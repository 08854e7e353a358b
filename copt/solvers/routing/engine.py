"""Chooses what runs when: bounds, plain routes, compiled search, CP-SAT."""

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.routing import Routes, Routing, objective
from copt.result import StopReason
from copt.solvers.loading import COLD, Loading
from copt.solvers.routing.bounds import degree_bound, rounded_up
from copt.solvers.routing.loading import ROUTES, TOUR, UDC
from copt.solvers.routing.plain import plain_routes

__all__ = ["NAME", "solve"]

NAME = "routing"
SETTLE = 0.5  # seconds of search before CP-SAT begins on a small problem
PROVABLE_TOUR, PROVABLE_ROUTES = 100, 16  # customers up to which CP-SAT often proves an optimum


def solve(
    instance: Routing,
    monitor: Monitor,
    *,
    start: Routes | None,
    policy: Policy | None,
    workers: int,
    seed: int,
) -> None:
    """Search until the monitor says stop; see ``copt.solvers.base.Solver``.

    A policy of UDC searches alone, so that it can be measured beside the compiled search; one of candidates chooses
    which edges that search looks at, any other one its schedule or where it looks.
    """
    kernels = UDC if _is_udc(policy) else TOUR if instance.depot is None and instance.symmetric else ROUTES
    kernels.begin()
    _await_kernels(instance, monitor, kernels)
    if monitor.reason() is None:
        monitor.prove(rounded_up(instance, degree_bound(instance), None), "two cheapest legs")
        _search(instance, monitor, start, policy, workers, seed)
    if monitor.reason() is None and monitor.stop.moves is None and _provable(instance):
        from copt.solvers.routing import exact  # OR-Tools, which no large problem needs

        exact.prove(instance, monitor, workers=workers, seed=seed)
    if monitor.reason() is None:
        monitor.end(StopReason.MOVES if monitor.stop.moves is not None else StopReason.EXHAUSTED)


def _provable(instance: Routing) -> bool:
    most = PROVABLE_TOUR if instance.depot is None else PROVABLE_ROUTES
    return instance.customers.size <= most


def _search(
    instance: Routing, monitor: Monitor, start: Routes | None, policy: Policy | None, workers: int, seed: int
) -> None:
    tour = instance.depot is None and instance.symmetric
    chooses = policy is not None and policy.card.get("role") == "candidates"
    if policy is not None and not chooses and (tour or _is_udc(policy)):
        from copt.solvers.routing.udc import udc_search

        return udc_search(instance, monitor, policy, seed)
    from copt.solvers.routing.candidates import candidates_of
    from copt.solvers.routing.search import search_routes, search_tour

    candidates = candidates_of(instance, policy) if policy is not None and chooses else None
    settled = monitor.elapsed + SETTLE
    small = _provable(instance) and monitor.stop.moves is None

    def until() -> bool:
        return small and monitor.elapsed > settled

    if tour:
        return search_tour(instance, monitor, start, workers, seed, until, candidates=candidates)
    return search_routes(instance, monitor, start, workers, seed, until, policy=policy, candidates=candidates)


def _is_udc(policy: Policy | None) -> bool:
    return policy is not None and policy.card.get("role") == "udc"


def _offer_plain(instance: Routing, monitor: Monitor) -> None:
    routes = plain_routes(instance)
    if routes is not None:
        monitor.offer(objective(instance, routes), routes, "plain routes")


def _await_kernels(instance: Routing, monitor: Monitor, kernels: Loading) -> None:
    """Wait for the kernels; while they compile on first use, there are plain routes at least."""
    began = monitor.elapsed
    while not kernels.done() and monitor.wait(0.01) is None:
        if monitor.elapsed - began > COLD:
            monitor.note("compiling the search kernels on first use (once); `copt doctor --warm` does it ahead")
            _offer_plain(instance, monitor)
            began = float("inf")
