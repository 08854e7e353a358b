"""Pictures of plans: states and actions over the steps, the system or paths in the plane, and the same as a film."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from copt.plot_style import BOUND, GRID, INCUMBENT, INK, colours_of, style
from copt.problems.base import FloatArray, IntArray
from copt.problems.control import ControlProblem, Plan, states_of

__all__ = ["plan_chart", "plan_film"]

SEPARATE = 24  # above this many states they share one panel
STRIP = 96  # above this many ReLUs their phases are not shown
DOTTED = 60  # above this many steps no dot marks each
LONGEST = 250  # pictures of a film
FORBIDDEN = "#f6ddd6"
ON = LinearSegmentedColormap.from_list("on", [to_rgba(INCUMBENT, 0.0), to_rgba(INCUMBENT, 0.8)])
FAINT = 0.25  # opacity of what is still to come in a film

Show = Callable[[int], None]  # changes a chart to what it is after so many steps
Picture = NDArray[np.uint8]  # (height, width, 3)
Drawer = Callable[[Axes], None]


@dataclass(frozen=True, eq=False)
class _Run:
    """A plan, and where it leads."""

    instance: ControlProblem
    actions: FloatArray  # (horizon, actions)
    states: FloatArray  # (horizon + 1, states), the start among them
    moving: list[tuple[Artist, Show]] = field(default_factory=list)

    @property
    def ends(self) -> FloatArray:
        """The goal, not a number where the cost does not ask for any, shape (states,)."""
        cost = self.instance.cost
        wanted = np.any(cost.state != 0, axis=0) | np.any(cost.last != 0, axis=0)
        return np.where(wanted, cost.goal, np.nan)


def plan_chart(instance: ControlProblem, plan: Plan) -> Figure:
    """Return what states, actions, ReLUs and cost are at each step; limits and regions to keep out of are shaded.

    Systems that have an environment are drawn as there. Of others, where regions are of two states or there are two
    states at all, the paths of these are drawn in the plane.
    """
    return _chart(instance, plan)[0]


def plan_film(instance: ControlProblem, plan: Plan) -> Iterator[Picture]:
    """Yield the chart after each step, from none on, as pictures of shape (height, width, 3); at most ``LONGEST``."""
    figure, run = _chart(instance, plan)
    canvas: Any = FigureCanvasAgg(figure)
    for artist, _ in run.moving:
        artist.set_animated(True)  # left out when all the rest is drawn, which is once
    canvas.draw()
    rest = canvas.copy_from_bbox(figure.bbox)
    for step in _filmed(instance).tolist():
        canvas.restore_region(rest)
        for artist, show in run.moving:
            show(step)
            assert artist.axes is not None
            artist.axes.draw_artist(artist)
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _chart(instance: ControlProblem, plan: Plan) -> tuple[Figure, _Run]:
    run = _Run(instance, plan.actions, np.vstack([instance.start, states_of(instance, plan)]))
    drawers, planes, pictures = _panels(run), _planes(instance), _pictures(run)
    columns = 1 + int(np.searchsorted([4, 12, 24], len(drawers)))
    height = float(np.clip(1.2 * -(-len(drawers) // columns), 3.6, 14.0))
    width = 5.5 if columns == 1 else 3.4 * columns
    ratios = [max(5.0, height)] * bool(planes or pictures) + [width / columns] * columns
    figure = Figure(figsize=(sum(ratios), height + 0.4), layout="constrained")
    parts = figure.subfigures(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
    if pictures:
        _draw_pictures(parts[0].add_subplot(), run, pictures)
    elif planes:
        _draw_plane(parts[0].add_subplot(), run, planes)
    first = 0
    for part, count in zip(parts[-columns:], _shares(len(drawers), columns), strict=True):
        _draw_column(part, drawers[first : first + count], instance.horizon)
        first += count
    cost = float(instance.cost.of(run.states[1:], run.actions).sum())
    figure.suptitle(f"{instance.name}: cost {cost:.6g}", x=0.01, ha="left", color=INK, fontweight="bold")
    return figure, run


def _shares(panels: int, columns: int) -> list[int]:
    """Return how many panels stand in each column, in those to the left perhaps one more."""
    return [panels // columns + (k < panels % columns) for k in range(columns)]


def _draw_column(part: SubFigure, drawers: list[Drawer], horizon: int) -> None:
    column = part.subplots(len(drawers), 1, sharex=True, squeeze=False)[:, 0]
    for axes, drawer in zip(column, drawers, strict=True):
        style(axes)
        drawer(axes)
    column[-1].set_xlim(-0.02 * horizon, 1.02 * horizon)
    column[-1].set_xlabel("step")
    column[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    part.align_ylabels()


def _panels(run: _Run) -> list[Drawer]:
    instance = run.instance
    states, actions, net = instance.num_states, instance.num_actions, instance.dynamics.folded()
    panels: list[Drawer] = []
    if states > SEPARATE:
        panels.append(lambda axes: _draw_many(axes, run))
    else:
        colours = _colours_of_states(instance)
        panels += [partial(_draw_state, run=run, k=k, colour=colours[k]) for k in range(states)]
    panels += [partial(_draw_action, run=run, k=k) for k in range(actions)]
    if 0 < net.units <= STRIP:
        phases = net.phases(np.hstack([run.states[:-1], run.actions]))
        panels.append(lambda axes: _draw_phases(axes, run, phases))
    panels.append(lambda axes: _draw_cost(axes, run))
    return panels


def _lines_of(count: int) -> NDArray[np.float64]:
    """Return ``count`` colours that thin lines are seen in, shape (count, 3)."""
    return np.asarray(0.85 * colours_of(count))


def _colours_of_states(instance: ControlProblem) -> NDArray[np.float64]:
    """Return a colour for each state: that of its path in the plane, if there is one."""
    colours = np.tile(_lines_of(1), (instance.num_states, 1))
    planes = _planes(instance)
    for pair, colour in zip(planes, _lines_of(len(planes)), strict=True):
        colours[list(pair)] = colour
    return colours


def _draw_state(axes: Axes, run: _Run, k: int, colour: NDArray[np.float64]) -> None:
    assert run.instance.x_lower is not None
    assert run.instance.x_upper is not None
    steps, values = np.arange(len(run.states)), run.states[:, k]
    marker = "o" if len(steps) <= DOTTED else ""
    axes.plot(steps, values, color=colour, lw=1.5, alpha=FAINT)
    (line,) = axes.plot(steps, values, color=colour, lw=1.5, marker=marker, ms=3)
    run.moving.append((line, lambda step: line.set_data(steps[: step + 1], values[: step + 1])))
    if np.isfinite(run.ends[k]):
        axes.axhline(run.ends[k], color=INK, lw=1, ls=(0, (4, 3)))
    _frame(axes, np.append(values, run.ends[k]), run.instance.x_lower[k], run.instance.x_upper[k])
    axes.set_ylabel(f"x{k}")


def _draw_many(axes: Axes, run: _Run) -> None:
    steps = np.arange(len(run.states))
    for values, colour in zip(run.states.T, colours_of(run.instance.num_states), strict=True):
        axes.plot(steps, values, color=colour, lw=1)
    mark = axes.axvline(len(steps) - 1, color=INK, lw=1)
    run.moving.append((mark, lambda step: mark.set_xdata([step, step])))
    axes.set_ylabel(f"x0 to x{run.instance.num_states - 1}")


def _draw_action(axes: Axes, run: _Run, k: int) -> None:
    steps, values = np.arange(len(run.states)), np.append(run.actions[:, k], run.actions[-1, k])
    axes.step(steps, values, where="post", color=INK, lw=1.5, alpha=FAINT)
    (line,) = axes.step(steps, values, where="post", color=INK, lw=1.5)

    def show(step: int) -> None:
        line.set_data(steps[: step + 1], np.append(values[:step], values[max(0, step - 1)]))

    run.moving.append((line, show))
    low, high = run.instance.u_lower[k], run.instance.u_upper[k]
    _frame(axes, np.append(values, [low, high]), low, high)
    axes.set_ylabel(f"u{k}")


def _draw_phases(axes: Axes, run: _Run, phases: FloatArray) -> None:
    steps, units = phases.shape

    def paint(shown: FloatArray) -> AxesImage:
        extent = (0, steps, units - 0.5, -0.5)
        return axes.imshow(shown.T, ON, vmin=0, vmax=1, aspect="auto", interpolation="nearest", extent=extent)

    paint(FAINT * phases)
    image = paint(phases)
    passed = np.arange(steps)[:, None]
    run.moving.append((image, lambda step: image.set_data(np.where(passed < step, phases, 0.0).T)))
    axes.grid(visible=False)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_ylabel("ReLU on")


def _draw_cost(axes: Axes, run: _Run) -> None:
    costs = run.instance.cost.of(run.states[1:], run.actions)
    passed = np.arange(len(costs))
    axes.stairs(costs, fill=True, color=INCUMBENT, alpha=FAINT)
    bars = axes.stairs(costs, fill=True, color=INCUMBENT)
    run.moving.append((bars, lambda step: bars.set_data(np.where(passed < step, costs, 0.0))))
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("cost")


def _frame(axes: Axes, values: FloatArray, low: float, high: float) -> None:
    """Show all values, and limits that are not far from them; shade what is beyond these."""
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
    span = most - least if most > least else 0.1 * abs(most) or 1.0
    below, above = least - low <= span, high - most <= span
    pad = 0.12 * span
    bottom, top = (min(least, low) if below else least) - pad, (max(most, high) if above else most) + pad
    axes.set_ylim(bottom, top)
    for near, edge, end in ((below, low, bottom), (above, high, top)):
        if near:
            axes.axhspan(end, edge, color=FORBIDDEN, lw=0, zorder=0)
            axes.axhline(edge, color=BOUND, lw=0.8, zorder=1)


def _pictures(run: _Run) -> list[Picture]:
    """Return the system at each filmed step as its environment draws it; none if it has none."""
    from copt.envs.control_pictures import pictures

    return pictures(run.instance, run.states[_filmed(run.instance)])


def _filmed(instance: ControlProblem) -> IntArray:
    """Return the steps after which a film shows a picture."""
    return np.unique(np.linspace(0, instance.horizon, LONGEST).astype(np.int64))


def _draw_pictures(axes: Axes, run: _Run, pictures: list[Picture]) -> None:
    """Draw the system at the end, with a trace of how it came there."""
    end = (0.7 * pictures[-1] + 0.3 * np.mean(pictures, axis=0)).astype(np.uint8)
    image, filmed = axes.imshow(end, interpolation="antialiased"), _filmed(run.instance)
    run.moving.append((image, lambda step: image.set_data(pictures[int(np.searchsorted(filmed, step))])))
    axes.set_axis_off()


def _planes(instance: ControlProblem) -> list[tuple[int, int]]:
    """Return the pairs of states that are points of a plane."""
    if instance.num_states == 2:
        return [(0, 1)]
    seen = [tuple(np.flatnonzero((region.rows != 0).any(axis=0)).tolist()) for region in instance.keep_out]
    return [pair for pair in dict.fromkeys(seen) if len(pair) == 2]


def _draw_plane(axes: Axes, run: _Run, planes: list[tuple[int, int]]) -> None:
    """Draw the path of each pair of states among its regions."""
    points = np.vstack([np.vstack([run.states, run.ends])[:, pair] for pair in planes])
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    margin = 0.15 * float((high - low).max()) + 1e-3
    view = np.stack([low - margin, high + margin])
    shown = 0
    for pair, colour in zip(planes, _lines_of(len(planes)), strict=True):
        shown += _draw_regions(axes, run.instance, pair, colour, view)
        _draw_path(axes, run, pair, colour)
    if shown < len(run.instance.keep_out):
        axes.set_title(f"{len(run.instance.keep_out) - shown} regions are of other states", color=INK, fontsize=9)
    if len(planes) == 1:
        _draw_limits(axes, run.instance, planes[0], view)
        axes.set_xlabel(f"x{planes[0][0]}")
        axes.set_ylabel(f"x{planes[0][1]}")
    axes.set_xlim(*view[:, 0])
    axes.set_ylim(*view[:, 1])
    axes.set_aspect("equal")
    axes.tick_params(length=0, colors=INK)
    for spine in axes.spines.values():
        spine.set_color(GRID)


def _draw_path(axes: Axes, run: _Run, pair: tuple[int, int], colour: NDArray[np.float64]) -> None:
    path, goal = run.states[:, pair], run.ends[list(pair)]
    axes.plot(*path.T, color=colour, lw=1.5, alpha=FAINT, zorder=3)
    (line,) = axes.plot(*path.T, color=colour, lw=1.8, marker="o" if len(path) <= DOTTED else "", ms=3, zorder=3)
    line.set_markevery(slice(1, None))  # the start has its own
    (now,) = axes.plot(*path[-1:].T, color=colour, marker="o", ms=9, zorder=4)
    axes.plot(*path[0], color=colour, marker="o", ms=7, mfc="white", mew=1.5, zorder=4)
    axes.plot(*goal, color=colour, marker="X", ms=11, mec="white", mew=1, zorder=5)

    run.moving.append((line, lambda step: line.set_data(*path[: step + 1].T)))
    run.moving.append((now, lambda step: now.set_data(*path[step : step + 1].T)))


def _draw_regions(
    axes: Axes, instance: ControlProblem, pair: tuple[int, int], colour: NDArray[np.float64], view: FloatArray
) -> int:
    """Draw what a view shows of the regions of a pair of states; return how many there are."""
    own = [region for region in instance.keep_out if not np.delete(region.rows, pair, axis=1).any()]
    for region in own:
        corners = region.corners(pair, view[0], view[1])
        if len(corners) > 2:
            axes.add_patch(Polygon(corners, closed=True, facecolor=FORBIDDEN, edgecolor="none", zorder=0))
            axes.add_patch(Polygon(corners, closed=True, facecolor="none", edgecolor=colour, lw=1, zorder=1))
    return len(own)


def _draw_limits(axes: Axes, instance: ControlProblem, pair: tuple[int, int], view: FloatArray) -> None:
    """Shade what is beyond the limits of two states."""
    assert instance.x_lower is not None
    assert instance.x_upper is not None
    spans: tuple[Callable[..., Any], ...] = (axes.axvspan, axes.axhspan)
    for k, (state, span) in enumerate(zip(pair, spans, strict=True)):
        for edge, end in ((instance.x_lower[state], view[0, k]), (instance.x_upper[state], view[1, k])):
            if view[0, k] < edge < view[1, k]:
                span(min(edge, end), max(edge, end), color=FORBIDDEN, lw=0, zorder=0)
