"""Adapters of routing solvers. Each gets the whole time limit and its usual model; none is held back."""

import multiprocessing
import time
from typing import Any

import numpy as np

import copt
from copt.bench.answer import Answer
from copt.errors import CoptError
from copt.problems.routing import Routes, Routing, objective
from copt.solvers.routing.part import cost_matrix, pyvrp_data, pyvrp_routes, whole

__all__ = ["run_lkh", "run_ortools", "run_pyvrp", "run_udc"]

DENSE = 12_000  # nodes up to which a matrix of costs fits into memory


def run_pyvrp(instance: Routing, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run PyVRP with its default parameters, reading inside the time limit; it uses one thread."""
    began = time.perf_counter()
    if instance.open_routes:
        raise CoptError(f"peer pyvrp has closed routes only; {instance.name} has open ones")
    import pyvrp
    from pyvrp.stop import MaxRuntime

    data = pyvrp_data(instance)
    left = max(0.0, seconds - (time.perf_counter() - began))
    result = pyvrp.solve(data, stop=MaxRuntime(left), seed=seed, collect_stats=False, display=False)
    return _answer(instance, pyvrp_routes(instance, result.best)) if result.is_feasible() else Answer()


def run_udc(instance: Routing, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run UDC as copt re-implements and trains it, without the compiled search; it uses one thread."""
    policy = f"routing-udc-{'tsp' if instance.depot is None else 'cvrp'}-v1"
    result = copt.solve(instance, seconds=seconds, policy=policy, workers=workers, seed=seed)
    return Answer(result.solution, result.objective, result.bound, result.trace.incumbents)


def run_ortools(instance: Routing, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run OR-Tools' routing library: savings, then guided local search; it uses one thread and takes no seed."""
    began = time.perf_counter()
    if instance.num_nodes > DENSE:
        raise CoptError(f"peer ortools needs a matrix; {instance.num_nodes} nodes are more than {DENSE}")
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    rounded = whole(instance)
    vehicles = _vehicles(instance)
    manager = pywrapcp.RoutingIndexManager(rounded.num_nodes, vehicles, rounded.depot or 0)
    model = pywrapcp.RoutingModel(manager)
    transit = model.RegisterTransitMatrix(cost_matrix(rounded).astype(np.int64).tolist())
    model.SetArcCostEvaluatorOfAllVehicles(transit)
    if instance.capacity is not None:
        demand = model.RegisterUnaryTransitVector(instance.demands.tolist())
        model.AddDimension(demand, 0, int(instance.capacity), True, "load")
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.SAVINGS
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    left = max(0.01, seconds - (time.perf_counter() - began))
    parameters.time_limit.FromMilliseconds(int(1000 * left))
    found = model.SolveWithParameters(parameters)
    if found is None:
        return Answer()
    routes = []
    for vehicle in range(vehicles):
        node, route = model.Start(vehicle), []
        while not model.IsEnd(node):
            route.append(manager.IndexToNode(node))
            node = found.Value(model.NextVar(node))
        routes.append(route if instance.depot is None else route[1:])
    return _answer(instance, Routes.from_lists(route for route in routes if route))


def run_lkh(instance: Routing, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run LKH through elkai, one run; it knows no time limit, so it is stopped without an answer at the limit."""
    if instance.depot is not None:
        raise CoptError(f"peer lkh solves tours; {instance.name} has a depot")
    if instance.num_nodes > DENSE:
        raise CoptError(f"peer lkh needs a matrix; {instance.num_nodes} nodes are more than {DENSE}")
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_lkh, args=(whole(instance), sender), daemon=True)
    process.start()
    try:
        tour = receiver.recv() if receiver.poll(seconds) else None
    finally:
        process.kill()
    return Answer() if tour is None else _answer(instance, Routes.from_lists([tour]))


def _lkh(instance: Routing, sender: Any) -> None:
    import elkai

    tour = elkai.DistanceMatrix(cost_matrix(instance).astype(np.int64).tolist()).solve_tsp(runs=1)
    sender.send(tour[:-1])


def _vehicles(instance: Routing) -> int:
    """Return a number of vehicles that suffices."""
    if instance.depot is None:
        return 1
    if instance.max_routes is not None:
        return int(instance.max_routes)
    if instance.capacity is None:
        return 1
    return min(instance.customers.size, 2 * -(-int(instance.demands.sum()) // int(instance.capacity)) + 1)


def _answer(instance: Routing, routes: Routes) -> Answer:
    return Answer(routes, float(objective(instance, routes)))
