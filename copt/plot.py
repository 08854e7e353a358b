"""Pictures: Gantt charts, maps of routes, the course of a solve, plans and films of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from copt.errors import CoptError
from copt.plot_control import plan_chart, plan_film
from copt.plot_style import BOUND, GRID, INCUMBENT, INK, colours_of, style
from copt.problems import encoding, jobshop, routing
from copt.problems.base import IntArray
from copt.result import Trace

__all__ = [
    "check_suffix",
    "convergence",
    "draw",
    "gantt",
    "require_picture",
    "route_map",
    "save",
    "save_drawing",
    "save_film",
]

DRAWN_ONE_BY_ONE = 5_000  # above this many bars the chart is painted as one image
LABELLED = 600  # above this many bars no bar carries its job's number
SUFFIXES = (".png", ".svg", ".pdf")
FILM = ".gif"
FILM_SECONDS, LAST_SECONDS, FASTEST = 4.0, 1.5, 0.04  # of a film, of its last picture, of any picture
COLOURS = 128  # of each picture of a film


@dataclass(frozen=True)
class _Bars:
    """What a Gantt chart shows: bars in rows, one colour a group."""

    row: IntArray  # (bars,)
    start: IntArray  # (bars,)
    end: IntArray  # (bars,)
    group: IntArray  # (bars,)
    num_rows: int
    row_name: str
    group_name: str


def draw(instance: Any, solution: Any) -> Figure:
    """Return the customary picture of ``solution``.

    Raises:
        CoptError: If the family has none.
    """
    require_picture(instance)
    return _PICTURES[instance.family](instance, solution)


def require_picture(instance: Any, path: str | Path | None = None) -> None:
    """Say before the work is done that solutions of ``instance`` are not drawn, or not in the format of ``path``.

    Raises:
        CoptError: If so.
    """
    film = path is not None and Path(path).suffix.lower() == FILM
    if path is not None and not film:
        check_suffix(path)
    known = _FILMS if film else _PICTURES
    if instance.family not in known:
        raise CoptError(
            f"there is no {'film' if film else 'picture'} for family {instance.family}, only for {', '.join(known)}; "
            "`copt plot TRACE.csv` draws the course of a solve"
        )


def save_drawing(instance: Any, solution: Any, path: str | Path) -> None:
    """Write the customary picture of ``solution`` to ``path``, or the film of it where the suffix is ``.gif``.

    Raises:
        CoptError: If the family has none, or the format is unknown.
    """
    require_picture(instance, path)
    if Path(path).suffix.lower() == FILM:
        save_film(_FILMS[instance.family](instance, solution), path)
    else:
        save(draw(instance, solution), path)


def save_film(frames: Iterable[NDArray[np.uint8]], path: str | Path, *, seconds: float | None = None) -> None:
    """Write pictures as an animated GIF that starts again after its last one.

    Args:
        frames: Pictures of one shape (height, width, 3).
        path: Path of the file.
        seconds: How long each is shown, and the last one longer; by default, all take about four seconds.

    Raises:
        CoptError: If there are none.
    """
    from PIL import Image

    pictures = [Image.fromarray(frame).quantize(COLOURS, dither=Image.Dither.NONE) for frame in frames]
    if not pictures:
        raise CoptError("there are no pictures to make a film of")
    first, *others = pictures
    each = max(FASTEST, FILM_SECONDS / len(pictures)) if seconds is None else seconds
    times = [round(1000 * time) for time in (*[each] * len(others), max(each, LAST_SECONDS))]
    first.save(path, format="GIF", save_all=True, append_images=others, duration=times, loop=0)


def gantt(instance: jobshop.JobShop, solution: jobshop.Schedule, *, title: str | None = None) -> Figure:
    """Return the Gantt chart of a schedule: a row for each machine, a colour for each job.

    Args:
        instance: The shop.
        solution: Its schedule.
        title: Text above the chart; by default the instance's name and the objective value.
    """
    end = solution.start + jobshop.chosen_durations(instance, solution.machine)
    bars = _Bars(solution.machine, solution.start, end, instance.job_of, instance.num_machines, "machine", "job")
    if title is None:
        title = f"{instance.name}: {instance.criterion.replace('_', ' ')} {jobshop.objective(instance, solution)}"
    return _chart(bars, title)


def _gantt_of_intervals(instance: encoding.Encoding, solution: encoding.Intervals) -> Figure:
    """Return the chart of an encoding: a row for each resource, a colour for each chain of precedences."""
    import networkx as nx

    items = instance.resource_items
    row = np.repeat(np.arange(instance.num_resources), np.diff(instance.resource_offsets))
    chains = nx.Graph(instance.before.tolist())
    for k, master in enumerate(instance.masters.tolist()):
        first, last = instance.option_offsets[k : k + 2]
        chains.add_edges_from((master, o) for o in instance.option_items[first:last].tolist())
    group = np.arange(instance.num_intervals)
    for chain in nx.connected_components(chains):
        group[list(chain)] = min(chain)
    group = np.unique(group, return_inverse=True)[1]
    here = solution.start[items] >= 0
    items = items[here]
    bars = _Bars(
        row[here],
        solution.start[items],
        solution.end[items],
        group[items],
        instance.num_resources,
        "resource",
        "chain",
    )
    return _chart(bars, f"{instance.name}: objective {encoding.objective(instance, solution)}")


def route_map(instance: routing.Routing, solution: routing.Routes, *, title: str | None = None) -> Figure:
    """Return a map of routes, a colour for each; the legs to and from the depot are thin.

    Args:
        instance: A problem with coordinates.
        solution: Its routes.
        title: Text above the map; by default the instance's name and the cost.

    Raises:
        CoptError: If the instance has no coordinates.
    """
    if instance.coordinates is None:
        raise CoptError(f"{instance.name} has a matrix of costs and no coordinates: there is no map to draw")
    wide, high = np.maximum(1e-9, np.ptp(instance.coordinates, axis=0))
    figure = Figure(figsize=(10, float(np.clip(10 * high / wide, 4, 14))), layout="constrained")
    axes = figure.add_subplot()
    routes = solution.to_lists()
    colours = colours_of(len(routes)) if instance.depot is not None else np.array([[0.12, 0.44, 0.55]])
    width = float(np.clip(60.0 / np.sqrt(instance.num_nodes), 0.35, 1.6))
    lines = [instance.coordinates[route + ([] if instance.depot is not None else route[:1])] for route in routes]
    axes.add_collection(LineCollection(lines, colors=colours[: len(lines)], linewidths=width))
    if instance.depot is not None:
        home = instance.coordinates[instance.depot]
        ends = [place for line in lines for place in (line[:1] if instance.open_routes else line[[0, -1]])]
        legs = [np.vstack([home, place]) for place in ends]
        axes.add_collection(LineCollection(legs, colors=GRID, linewidths=0.5 * width, zorder=0))
        axes.plot(*home, marker="s", color=INK, ms=7, zorder=4)
    if instance.num_nodes <= DRAWN_ONE_BY_ONE:
        size = np.clip(4_000.0 / instance.num_nodes, 0.5, 16.0)
        x, y = instance.coordinates[instance.customers].T
        axes.scatter(x, y, s=size, color=INK, lw=0, zorder=3)
    axes.set_aspect("equal")
    axes.margins(0.02)
    axes.autoscale_view()
    axes.set_axis_off()
    if title is None:
        count = "" if instance.depot is None else f", {len(routes)} routes"
        title = f"{instance.name}: cost {routing.objective(instance, solution):.10g}{count}"
    axes.set_title(title, loc="left", color=INK, fontweight="bold")
    return figure


_PICTURES: dict[str, Callable[[Any, Any], Figure]] = {
    "jobshop": gantt,
    "routing": route_map,
    "encoding": _gantt_of_intervals,
    "control": plan_chart,
}
_FILMS: dict[str, Callable[[Any, Any], Iterator[NDArray[np.uint8]]]] = {"control": plan_film}


def convergence(trace: Trace, *, title: str = "", reference: float | None = None, end: float | None = None) -> Figure:
    """Return the course of a solve: incumbents and bounds over time, the gap between them shaded.

    Args:
        trace: Incumbents and bounds.
        title: Text above the chart.
        reference: A value to compare with, such as the best known; drawn as a dashed line.
        end: Seconds at which the solve ended; by default the last event.

    Raises:
        CoptError: If the trace is empty.
    """
    times = [t for t, _ in (*trace.incumbents, *trace.bounds)]
    if not times:
        raise CoptError("the trace is empty: there is nothing to draw")
    end = max(times) if end is None else end
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    style(axes)
    for pairs, colour, name in ((trace.incumbents, INCUMBENT, "incumbent"), (trace.bounds, BOUND, "bound")):
        if pairs:
            x, y = zip(*pairs, (end, pairs[-1][1]), strict=True)
            axes.step(x, y, where="post", color=colour, lw=1.8, label=f"{name} {pairs[-1][1]:.10g}")
            axes.plot(x[:-1], y[:-1], "o", color=colour, ms=3)
    _shade_gap(axes, trace, end)
    if reference is not None:
        axes.axhline(reference, color=INK, lw=1, ls=(0, (4, 3)), label=f"reference {reference:.10g}")
    positive = [t for t in times if t > 0]
    if positive and end > 100 * min(positive):
        axes.set_xscale("log")
    axes.set_xlabel("seconds")
    axes.set_ylabel("objective")
    axes.legend(frameon=False, loc="best")
    axes.set_title(title, loc="left", color=INK, fontweight="bold")
    return figure


def _shade_gap(axes: Axes, trace: Trace, end: float) -> None:
    if not trace.incumbents or not trace.bounds:
        return
    times = np.unique([t for t, _ in (*trace.incumbents, *trace.bounds)] + [end])
    levels = []
    for pairs in (trace.incumbents, trace.bounds):
        at, values = np.array([t for t, _ in pairs]), np.array([v for _, v in pairs], dtype=float)
        index = np.searchsorted(at, times, side="right") - 1
        levels.append(np.where(index >= 0, values[index], np.nan))
    axes.fill_between(times, levels[0], levels[1], step="post", color=INCUMBENT, alpha=0.08, lw=0)


def check_suffix(path: str | Path) -> None:
    """Say before the work is done that no picture can be written to ``path``.

    Raises:
        CoptError: If its suffix names no known picture format.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise CoptError(f"cannot write a picture to {path}: its suffix must be one of {', '.join(SUFFIXES)}")


def save(figure: Figure, path: str | Path) -> None:
    """Write ``figure`` to ``path`` in the format of its suffix.

    Raises:
        CoptError: If the format is unknown.
    """
    check_suffix(path)
    figure.savefig(path, dpi=150)


def _chart(bars: _Bars, title: str) -> Figure:
    height = min(14.0, max(2.4, 1.1 + 0.34 * bars.num_rows))
    figure = Figure(figsize=(13, height), layout="constrained")
    axes = figure.add_subplot()
    style(axes)
    colours = colours_of(int(bars.group.max(initial=0)) + 1)
    makespan = int(bars.end.max(initial=1))
    if bars.row.size > DRAWN_ONE_BY_ONE:
        _paint(axes, bars, colours, makespan)
    else:
        _draw_bars(axes, bars, colours, makespan)
    axes.axvline(makespan, color=INK, lw=1, ls=(0, (4, 3)))
    axes.set_xlim(0, 1.01 * makespan)
    axes.set_ylim(bars.num_rows - 0.4, -0.6)
    if bars.num_rows <= 40:
        axes.set_yticks(range(bars.num_rows))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(20, integer=True))
    axes.set_xlabel("time")
    axes.set_ylabel(bars.row_name)
    axes.set_title(title, loc="left", color=INK, fontweight="bold")
    axes.set_title(f"one colour a {bars.group_name}", loc="right", color=INK, fontsize=9)
    return figure


def _draw_bars(axes: Axes, bars: _Bars, colours: NDArray[np.float64], makespan: int) -> None:
    shown = bars.end > bars.start
    row, start, end, group = bars.row[shown], bars.start[shown], bars.end[shown], bars.group[shown]
    low, high = row - 0.4, row + 0.4
    corners = np.stack([start, low, start, high, end, high, end, low], axis=1).reshape(-1, 4, 2)
    edge = 0.6 if row.size <= LABELLED else 0.2
    axes.add_collection(PolyCollection(list(corners), facecolors=colours[group], edgecolors="white", linewidths=edge))
    if row.size > LABELLED:
        return
    dark = colours @ (0.299, 0.587, 0.114) < 0.5  # perceived brightness (ITU-R BT.601)
    for r, s, e, g in zip(row, start, end, group, strict=True):
        if e - s >= 0.008 * makespan * len(str(g)):
            ink = "white" if dark[g] else INK
            axes.text((s + e) / 2, r, str(g), ha="center", va="center_baseline", fontsize=7.5, color=ink)


def _paint(axes: Axes, bars: _Bars, colours: NDArray[np.float64], makespan: int, width: int = 3000) -> None:
    """Draw the bars as an image: each pixel shows what its row runs at the pixel's middle."""
    image = np.ones((bars.num_rows, width, 3))
    time = (np.arange(width) + 0.5) * makespan / width
    shown = np.flatnonzero(bars.end > bars.start)
    order = shown[np.lexsort((bars.start[shown], bars.row[shown]))]
    firsts = np.searchsorted(bars.row[order], np.arange(bars.num_rows + 1))
    for r in range(bars.num_rows):
        here = order[firsts[r] : firsts[r + 1]]
        if here.size:
            current = here[np.maximum(0, np.searchsorted(bars.start[here], time, side="right") - 1)]
            busy = (bars.start[current] <= time) & (time < bars.end[current])
            image[r, busy] = colours[bars.group[current[busy]]]
    axes.imshow(
        image,
        aspect="auto",
        interpolation="nearest",
        extent=(0, makespan, bars.num_rows - 0.5, -0.5),
        zorder=2,
    )
