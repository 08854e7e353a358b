"""What kernels are handed has one type, whatever an instance is given as: each type costs a minute of compiling."""

import numpy as np
import pytest
from routing_cases import as_matrix, one_of_each_metric, random_routing, random_tour

from copt.problems.routing import Routing
from copt.solvers.arguments import kinds_of, told
from copt.solvers.routing.plan import costs_of, neighbours, plan_of, quadrant_neighbours

ROUTES = random_routing(60, 1)
ONE_WAY = Routing(matrix=np.random.default_rng(1).random((61, 61)), depot=0, demand=ROUTES.demand, capacity=12)
IN_COLUMNS = Routing(matrix=np.asfortranarray(ONE_WAY.matrix), depot=0, demand=ROUTES.demand, capacity=12)


@pytest.mark.parametrize("instance", [as_matrix(ROUTES), ONE_WAY, IN_COLUMNS, random_routing(60, 1, open_routes=True)])
def test_every_plan_has_the_type_of_one_by_coordinates(instance: Routing) -> None:
    kinds = [kinds_of(told((plan_of(each, neighbours(each, 5)),))[0]) for each in (ROUTES, instance)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("nodes", [1, 2, 40])
def test_costs_have_one_type(nodes: int) -> None:
    assert len({told((costs_of(instance),))[0] for instance in one_of_each_metric(nodes)}) == 1


def test_neighbours_have_one_type() -> None:
    tour = random_tour(80, 1)
    lists = [quadrant_neighbours(instance, 18, 3, 3) for instance in (tour, as_matrix(tour))]
    lists += [neighbours(instance, 18) for instance in (tour, as_matrix(tour))]
    assert len({told((near,))[0] for near in lists}) == 1
