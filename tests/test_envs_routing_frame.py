import numpy as np
from routing_cases import make

from copt.envs import Legs, RoutingEnv
from copt.envs.pixels import colour
from copt.envs.routing_frame import DARK, THIN, route_frame, route_text
from copt.problems.routing import Routing, toy

# The map is 640 x 360 with a margin of 12, so that one unit of this box is one pixel, and (0, 0) is pixel (12, 347).
BOX = [[0, 0], [615, 0], [615, 335], [0, 335]]


def box(**fields: object) -> Routing:
    return make(coordinates=BOX, **fields)


def test_a_closed_tour_has_four_sides() -> None:
    frame = route_frame(Legs(box()), [[0, 1, 2, 3]])
    assert frame.shape == (360, 640, 3)
    assert frame.dtype == np.uint8
    for side in (frame[347, 20:620], frame[12, 20:620], frame[20:340, 12], frame[20:340, 627]):
        assert (side == colour(0)).all()
    assert (frame[30:330, 30:610] == 255).all()
    assert (frame[347, 12] == DARK).all() and (frame[346, 13] == DARK).all()


def test_a_tour_that_is_being_built_is_not_closed() -> None:
    frame = route_frame(Legs(box()), [[0, 1, 2, 3]], closed=False)
    assert (frame[20:340, 12] == 255).all()
    assert (frame[20:340, 627] == colour(0)).all()


def test_routes_differ_in_colour_and_their_legs_at_the_depot_are_thin() -> None:
    legs = Legs(box(depot=0))
    frame = route_frame(legs, [[1, 2], [3], []])
    assert (frame[347, 20:620] == THIN).all()
    assert (frame[20:340, 627] == colour(0)).all()
    assert (frame[20:340, 12] == THIN).all()
    assert (frame[342:353, 7:18] == DARK).all()  # the depot
    assert not (frame[100:200, 100:500] == 255).all()  # the way home from node 2
    under_way = route_frame(legs, [[1, 2]], closed=False)
    assert (under_way[100:200, 100:500] == 255).all()
    opened = route_frame(Legs(box(depot=0, open_routes=True)), [[1, 2], [3]])
    assert (opened[100:200, 100:500] == 255).all()


def test_marked_customers_are_larger() -> None:
    frame = route_frame(Legs(box()), [], marked=[2])
    assert (frame[9:16, 624:631] == DARK).all()
    assert (frame[344:351, 624:631] == DARK).all(axis=2).sum() == 9


def test_without_coordinates_nodes_stand_on_a_circle() -> None:
    frame = route_frame(Legs(make(matrix=np.ones((4, 4)))), [[0, 2]])
    # Nodes 0 and 2 are the ends of the horizontal diameter.
    assert (frame[179, 160:480] == colour(0)).all() or (frame[180, 160:480] == colour(0)).all()


def test_text_has_a_line_for_each_route() -> None:
    assert route_text(Legs(toy()), [[1, 2], [6]], 27.0) == "route 0: 1 2  [2 of 3]\nroute 1: 6  [1 of 3]\ncost 27"
    assert route_text(Legs(box()), [[0, 2]], 12.5) == "tour: 0 2\ncost 12.5"
    assert route_text(Legs(box(depot=0)), [[]], 0.0) == "route 0:\ncost 0"


def test_the_environment_renders_in_its_mode() -> None:
    drawn, told, silent = (RoutingEnv(toy(), render_mode=mode) for mode in ("rgb_array", "ansi", None))
    for env in (drawn, told, silent):
        env.reset()
        env.step(1)
    np.testing.assert_array_equal(drawn.render(), route_frame(Legs(toy()), [[1]], closed=False))
    assert told.render() == "route 0: 1  [1 of 3]\ncost 4"
    assert silent.render() is None
