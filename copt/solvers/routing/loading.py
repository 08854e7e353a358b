"""The kernels of routing and how they are loaded."""

import numpy as np

from copt.events import Silent
from copt.monitor import Monitor
from copt.policy import load_policy
from copt.problems.routing import Routing
from copt.solvers.loading import COMPILING, Loading
from copt.stop import Stop

__all__ = ["ROUTES", "TOUR", "UDC", "warm"]


def warm() -> None:
    """Compile every kernel, or load it from the cache, by running each on a small problem."""
    warm_routes()
    warm_tour()
    warm_udc()


def warm_routes() -> None:
    """Run every kernel for routes from a depot."""
    from copt.solvers.routing.search import search_routes

    points = np.random.default_rng(0).random((30, 2))
    instance = Routing(coordinates=points, depot=0, demand=np.minimum(1, np.arange(30)), capacity=7)
    search_routes(instance, Monitor(Stop(moves=300, seconds=COMPILING), Silent()), None, 1, 0)


def warm_tour() -> None:
    """Run every kernel for tours."""
    from copt.solvers.routing.bounds import Ascent
    from copt.solvers.routing.search import search_tour

    instance = Routing(coordinates=np.random.default_rng(0).random((60, 2)))
    Ascent(instance, 10.0, 1).step()  # the search may end before the one beside it begins
    search_tour(instance, Monitor(Stop(moves=50, seconds=COMPILING), Silent()), None, 1, 0)


def warm_udc() -> None:
    """Run every kernel of the networks that UDC searches with."""
    from copt.solvers.routing.udc import udc_search

    points = np.random.default_rng(0).random((60, 2))
    routes = Routing(coordinates=points, depot=0, demand=np.minimum(1, np.arange(60)), capacity=20)
    for problem, instance in (("tsp", Routing(coordinates=points)), ("cvrp", routes)):
        udc_search(
            instance, Monitor(Stop(moves=1, seconds=COMPILING), Silent()), load_policy(f"routing-udc-{problem}-v1"), 0
        )


ROUTES = Loading(warm_routes)
TOUR = Loading(warm_tour)
UDC = Loading(warm_udc)
