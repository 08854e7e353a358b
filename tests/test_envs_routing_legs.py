import numpy as np
import pytest
from hypothesis import given
from routing_cases import STEADY, make, problems

from copt.envs import Legs
from copt.envs import routing_legs as module
from copt.problems.routing import Routing, costs, toy


def test_legs_of_the_toy() -> None:
    legs = Legs(toy())
    assert legs.scale == 20  # nearest: 3 of (4, 3), 3 of (4, 0), 4 of (8, 3), twice
    assert legs.dearest == 17  # from (8, 3) to (-8, -3)
    assert legs.capacity == 3
    assert legs.to_visit.tolist() == [0, 1, 1, 1, 1, 1, 1]
    np.testing.assert_allclose(legs.places[[0, 3, 6]], [[0.5, 3 / 16], [1.0, 6 / 16], [0.0, 0.0]])
    assert legs.outward(1).tolist() == [4, 0, 3, 5, 8, 9, 12]


def test_the_way_back_may_cost_something_else() -> None:
    legs = Legs(make(matrix=[[7, 1, 2], [30, 9, 4], [5, 6, 8]]))
    assert legs.outward(1).tolist() == [30, 9, 4]
    assert legs.homeward(1).tolist() == [1, 9, 6]
    assert (legs.scale, legs.dearest) == (5 + 1 + 2, 30)  # the diagonal counts for nothing
    assert legs.places.tolist() == [[0, 0]] * 3


def test_no_load_is_above_the_largest_multiple_of_what_divides_all_demands() -> None:
    fields = {"coordinates": [[0, 0]] * 3, "depot": 0, "capacity": 10}
    assert Legs(make(demand=[0, 6, 4], **fields)).capacity == 10
    assert Legs(make(demand=[0, 3, 6], **fields)).capacity == 9
    assert Legs(make(demand=[0, 0, 0], **fields)).capacity == 10
    assert Legs(make(coordinates=[[0, 0]] * 3, depot=0)).capacity is None


def test_where_all_is_in_one_place_units_are_one() -> None:
    for count in (1, 3):
        legs = Legs(make(coordinates=[[2, 2]] * count))
        assert (legs.scale, legs.dearest) == (1, 1)
        assert legs.places.tolist() == [[0, 0]] * count


@STEADY
@given(problems())
def test_extremes_equal_those_of_the_whole_matrix(instance: Routing) -> None:
    nodes = np.arange(instance.num_nodes)
    table = np.array(costs(instance, *np.meshgrid(nodes, nodes, indexing="ij")))
    np.fill_diagonal(table, np.inf)
    others = table[:, instance.customers] if nodes.size > 1 else np.zeros((1, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 2 * nodes.size)  # two rows at a time
        legs = Legs(instance)
        assert legs.scale == pytest.approx(others.min(axis=0).sum() or 1.0)
        assert legs.dearest == (max(table[np.isfinite(table)], default=0) or 1)
