"""Pictures and films of plans."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Invoke
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from PIL import Image

from copt import CoptError, plot, plot_control
from copt.envs.control_pictures import pictures
from copt.instances.control_generators import cartpole, piecewise_affine
from copt.plot_control import STRIP, plan_chart, plan_film
from copt.problems.control import ControlProblem, KeepOut, Plan, states_of, toy
from copt.problems.control_cost import Cost
from copt.problems.relu import ReluNet


def glide(**changes: Any) -> ControlProblem:
    """A point in the plane that moves by its action, and a third state that nothing is asked of."""
    fields: dict[str, Any] = {
        "dynamics": ReluNet(5, (np.hstack([np.eye(3), np.eye(3, 2)]),), (np.zeros(3),)),
        "start": [0.0, 0.0, 7.0],
        "horizon": 3,
        "cost": Cost(goal=np.array([3.0, 0.0, 0.0]), state=np.array([1.0, 1.0, 0.0])),
        "u_lower": [-2.0, -2.0],
        "u_upper": [2.0, 2.0],
        "x_upper": [3.5, np.inf, 100.0],
        "keep_out": (box((0, 1), (1.0, -1.0), (2.0, 0.5)),),
        "name": "glide",
    }
    return ControlProblem(**(fields | changes))


def box(pair: tuple[int, int], low: tuple[float, float], high: tuple[float, float], states: int = 3) -> KeepOut:
    rows = np.zeros((4, states))
    rows[:2, pair], rows[2:, pair] = np.eye(2), -np.eye(2)
    return KeepOut(rows, np.array([*high, -low[0], -low[1]]))


PLAN = Plan(np.array([[0.5, 1.0], [2.0, 0.0], [0.5, -1.0]]))


def panels(figure: Figure) -> dict[str, Axes]:
    return {axes.get_ylabel(): axes for axes in figure.get_axes()}


def shaded(axes: Axes) -> list[tuple[float, float]]:
    """Return from where to where values are forbidden."""
    boxes = [patch.get_extents().transformed(axes.transData.inverted()) for patch in axes.patches]
    return sorted((round(box.y0, 6), round(box.y1, 6)) for box in boxes)


def test_states_and_actions_are_shown_step_by_step() -> None:
    found = panels(plan_chart(glide(), PLAN))
    states = states_of(glide(), PLAN)
    faint, line, goal = found["x0"].lines[:3]
    for drawn in (faint, line):
        assert drawn.get_xydata().tolist() == [[0, 0], [1, 0.5], [2, 2.5], [3, 3]]  # type: ignore[union-attr]
    assert goal.get_ydata() == [3.0, 3.0]
    assert found["x2"].lines[1].get_ydata() == pytest.approx([7.0] * 4)
    action = found["u1"].lines[1]
    assert action.get_drawstyle() == "steps-post"
    assert action.get_xydata().tolist() == [[0, 1], [1, 0], [2, -1], [3, -1]]  # type: ignore[union-attr]
    assert states[-1].tolist() == [3.0, 0.0, 7.0]


def test_a_state_that_nothing_is_asked_of_has_no_goal() -> None:
    found = panels(plan_chart(glide(), PLAN))
    assert (len(found["x0"].lines), len(found["x2"].lines)) == (4, 2)  # path twice, goal and limit; path twice


def test_limits_near_the_values_are_shaded() -> None:
    found = panels(plan_chart(glide(), PLAN))
    assert [low for low, _ in shaded(found["x0"])] == [3.5]
    assert shaded(found["x1"]) == []
    assert shaded(found["x2"]) == []  # 100 is far from 7
    assert [edge for span in shaded(found["u0"]) for edge in span][1:3] == [-2.0, 2.0]


def test_the_cost_of_each_step() -> None:
    figure = plan_chart(glide(), PLAN)
    (faint, bars) = (patch.get_data() for patch in panels(figure)["cost"].patches)  # type: ignore[attr-defined]
    assert bars.values.tolist() == faint.values.tolist() == [2.5 + 1.0, 0.5 + 1.0, 0.0]
    assert figure.get_suptitle() == "glide: cost 5"


def test_phases_of_relus_are_shown_where_they_are_few() -> None:
    plan = Plan(np.ones((3, 1)))
    image = panels(plan_chart(toy(), plan))["ReLU on"].images[-1]
    assert np.asarray(image.get_array()).tolist() == [[0, 1, 1]]  # the states before the steps are -2, 1, 2
    wide = piecewise_affine(units=STRIP + 1)
    assert "ReLU on" not in panels(plan_chart(wide, Plan(np.zeros((5, 1)))))


def plane_of(problem: ControlProblem) -> Axes | None:
    plan = Plan(np.zeros((problem.horizon, problem.num_actions)))
    equal = [axes for axes in plan_chart(problem, plan).get_axes() if axes.get_aspect() == 1.0]
    assert len(equal) <= 1
    return equal[0] if equal else None


def test_regions_of_two_states_are_drawn_in_the_plane() -> None:
    axes = next(a for a in plan_chart(glide(), PLAN).get_axes() if a.get_aspect() == 1.0)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x0", "x1")
    faint, path, now, start, goal = axes.lines
    assert path.get_xydata().tolist() == faint.get_xydata().tolist() == [[0, 0], [0.5, 1], [2.5, 1], [3, 0]]  # type: ignore[union-attr]
    assert [line.get_xydata().tolist() for line in (now, start, goal)] == [[[3, 0]], [[0, 0]], [[3, 0]]]  # type: ignore[union-attr]
    corners = [patch.get_xy() for patch in axes.patches if isinstance(patch, Polygon)]
    low = axes.get_ylim()[0]
    assert low == pytest.approx(-0.451)  # a little below the path, 0.15 of its extent
    assert corners[0].min(axis=0) == pytest.approx([1.0, low])  # the view cuts the region
    assert corners[0].max(axis=0) == pytest.approx([2.0, 0.5])


def test_what_is_no_plane_is_not_drawn_as_one() -> None:
    assert plane_of(glide(keep_out=())) is None
    tilted = KeepOut(np.array([[1.0, 1.0, 1.0]]), np.array([-1.0]))
    assert plane_of(glide(keep_out=(tilted,))) is None
    assert plane_of(toy()) is None
    assert plane_of(piecewise_affine(states=2)) is not None  # two states are a plane
    both = plane_of(glide(keep_out=(box((0, 1), (1, -1), (2, 0.5)), box((1, 2), (-1, 6), (1, 9)))))
    assert both is not None
    assert (both.get_xlabel(), both.get_title(), len(both.lines)) == ("", "", 10)  # two paths in one plane
    one = plane_of(glide(keep_out=(box((0, 1), (1, -1), (2, 0.5)), tilted)))
    assert one is not None
    assert (one.get_title(), len(one.lines)) == ("1 regions are of other states", 5)


def test_a_region_out_of_view_is_left_out() -> None:
    axes = plane_of(glide(keep_out=(box((0, 1), (100, 100), (101, 101)),)))
    assert axes is not None
    assert [patch for patch in axes.patches if isinstance(patch, Polygon)] == []


def test_many_states_share_one_panel() -> None:
    problem = piecewise_affine(states=40)
    found = panels(plan_chart(problem, Plan(np.zeros((5, 1)))))
    assert list(found) == ["x0 to x39", "u0", "ReLU on", "cost"]


def test_a_film_shows_one_more_step_in_each_picture() -> None:
    frames = list(plan_film(glide(), PLAN))
    assert len(frames) == 4
    assert len({frame.shape for frame in frames}) == 1
    dark = [int((frame.astype(int).sum(axis=2) < 400).sum()) for frame in frames]  # what has happened is not faint
    assert dark == sorted(dark)
    assert len(set(dark)) == 4


def test_films_are_saved_by_suffix(tmp_path: Path) -> None:
    path = tmp_path / "glide.gif"
    plot.save_drawing(glide(), PLAN, path)
    with Image.open(path) as film:
        assert (film.format, getattr(film, "n_frames", 1), film.info["loop"]) == ("GIF", 4, 0)
        film.seek(3)
        assert film.info["duration"] == 1500
    plot.save_drawing(glide(), PLAN, tmp_path / "glide.svg")
    assert (tmp_path / "glide.svg").read_text().startswith("<?xml")


def test_pictures_become_a_film(tmp_path: Path) -> None:
    frames = [np.full((20, 30, 3), value, dtype=np.uint8) for value in (0, 100, 250)]
    plot.save_film(frames, tmp_path / "a.gif", seconds=0.2)
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.size, getattr(film, "n_frames", 1), film.info["duration"]) == ((30, 20), 3, 200)
        film.seek(2)
        assert film.convert("RGB").getpixel((5, 5)) == (250, 250, 250)
    with pytest.raises(CoptError, match="there are no pictures to make a film of"):
        plot.save_film([], tmp_path / "b.gif")


def test_a_long_film_leaves_steps_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_control, "LONGEST", 3)
    problem = cartpole(horizon=9, seed=1)
    frames = list(plan_film(problem, Plan(np.zeros((9, 1)))))
    assert len(frames) == 3


def test_a_system_with_an_environment_is_drawn_as_there() -> None:
    problem = cartpole(horizon=4, seed=1)
    plan = Plan(np.zeros((4, 1)))
    states = np.vstack([problem.start, states_of(problem, plan)])
    expected = pictures(problem, states)
    assert len(expected) == 5
    (image,) = plan_chart(problem, plan).get_axes()[0].images
    shown = np.asarray(image.get_array(), dtype=float)
    assert shown == pytest.approx(0.7 * expected[-1] + 0.3 * np.mean(expected, axis=0), abs=1.0)  # rounding
    assert plan_chart(problem, plan).get_axes()[1].get_ylabel() == "x0"


def test_the_command_line_draws_plans(invoke: Invoke) -> None:
    Path("t.sol").write_text("u0\n1\n1\n1\n")
    assert invoke("plot", "toy-control", "t.sol", "--out", "t.gif") == (0, "", "")
    assert Path("t.gif").read_bytes().startswith(b"GIF89a")
    assert invoke("solve", "toy-control", "--seconds", "60", "--plot", "t.png")[0] == 0
    assert Path("t.png").read_bytes().startswith(b"\x89PNG")


def test_other_families_and_courses_have_no_film(invoke: Invoke) -> None:
    code, _, err = invoke("solve", "ft06", "--plot", "a.gif")
    assert (code, "there is no film for family jobshop, only for control" in err) == (2, True)
    Path("a.csv").write_text("")
    code, _, err = invoke("plot", "a.csv", "--out", "a.gif")
    assert (code, "its suffix must be one of .png, .svg, .pdf" in err) == (2, True)


def test_the_picture_of_a_cart_pole_shows_contacts() -> None:
    problem = cartpole(horizon=12, seed=1)
    figure = plan_chart(problem, Plan(np.full((12, 1), -2.0)))
    states = np.vstack([problem.start, states_of(problem, Plan(np.full((12, 1), -2.0)))])[:-1]
    tip = states[:, 0] - states[:, 1]
    image = np.asarray(panels(figure)["ReLU on"].images[-1].get_array())
    assert image.tolist() == [(tip > 0.5).tolist(), (tip < -0.5).tolist()]
    assert image.any()
