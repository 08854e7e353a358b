"""Line charts as inline svg: mean gap over time, both axes logarithmic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curve", "convergence_chart", "time_grid"]

FLOOR_PERCENT = 0.01
POINTS = 160
LETTER = 7.6  # width of a letter at the end of a line


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Args:
        name: Name of the solver.
        color: Number of its colour in the style sheet.
        gaps: Mean gap in percent at each time.
    """

    name: str
    color: int
    gaps: NDArray[np.float64]  # (times,)


@dataclass(frozen=True)
class _Frame:
    """Where the plot lies in the picture, and what its axes span."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    first: float
    last: float
    low: float
    high: float

    def x(self, seconds: float) -> float:
        span = math.log(self.last / self.first)
        return self.left + (self.width - self.left - self.right) * math.log(seconds / self.first) / span

    def y(self, gap: float) -> float:
        share = math.log(max(self.low, min(gap, self.high)) / self.low) / math.log(self.high / self.low)
        return self.height - self.bottom - (self.height - self.top - self.bottom) * share


def time_grid(first: float, last: float) -> NDArray[np.float64]:
    """Return the times at which a chart samples its curves, evenly on a logarithmic axis."""
    return np.geomspace(first, last, POINTS)


def convergence_chart(title: str, times: NDArray[np.float64], curves: Sequence[Curve], *, small: bool = False) -> str:
    """Return an svg element that shows ``curves`` over ``times``.

    Args:
        title: What it shows, as html text; stands above a small plot.
        times: Seconds, rising; the axis spans them.
        curves: The lines; a gap below 0.01 % is drawn at the bottom.
        small: Whether to leave out axis titles and the names at the line ends, for a picture among many.
    """
    # The axis starts at a full power of ten below the best gap reached, and never hides more than 0.01 %.
    reached = max(FLOOR_PERCENT, min((float(curve.gaps.min()) for curve in curves), default=FLOOR_PERCENT))
    low = min(10.0, 10.0 ** math.floor(math.log10(reached) + 1e-9))
    room = max([170.0, *(16.0 + LETTER * len(_end_label(curve)) for curve in curves)])
    size = (360.0, 230.0, 54.0, 14.0, 30.0, 28.0) if small else (960.0, 400.0, 62.0, room, 16.0, 52.0)
    frame = _Frame(*size, first=float(times[0]), last=float(times[-1]), low=low, high=100.0)
    box = f"0 0 {frame.width:g} {frame.height:g}"
    parts = [
        f'<svg class="chart" viewBox="{box}" role="img" aria-label="{title}">',
        *_axes(frame, title, small),
        *(_line(frame, times, curve) for curve in curves),
    ]
    if not small:
        parts += _end_labels(frame, curves)
    return "\n".join([*parts, "</svg>"])


def _axes(frame: _Frame, title: str, small: bool) -> list[str]:
    parts = []
    right, bottom = frame.width - frame.right, frame.height - frame.bottom
    for gap in _powers(frame.low, frame.high):
        y = frame.y(gap)
        label = f"≤ {gap:g}" if gap == FLOOR_PERCENT else f"{gap:g}"
        parts.append(f'<line class="grid" x1="{frame.left:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{frame.left - 6:g}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for seconds in _time_ticks(frame):
        x = frame.x(seconds)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top:g}" y2="{bottom:g}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 17:g}" text-anchor="middle">{seconds:g}</text>')
    if small:
        parts.append(f'<text class="name" x="{frame.left:g}" y="16">{title}</text>')
    else:
        middle = (frame.left + right) / 2
        parts.append(f'<text class="axis" x="{middle:g}" y="{frame.height - 8:g}" text-anchor="middle">seconds</text>')
        y = (frame.top + bottom) / 2
        turn = f"translate(14 {y:g}) rotate(-90)"
        parts.append(f'<text class="axis" transform="{turn}" text-anchor="middle">mean gap, %</text>')
    return parts


def _powers(low: float, high: float) -> list[float]:
    return [10.0**k for k in range(round(math.log10(low)), round(math.log10(high)) + 1)]


def _time_ticks(frame: _Frame) -> list[float]:
    """Return powers of ten within the axis, and its end where that is no power and not too near to one."""
    first = math.ceil(math.log10(frame.first) - 1e-9)
    ticks = [10.0**k for k in range(first, math.floor(math.log10(frame.last) + 1e-9) + 1)]
    if not ticks or frame.x(frame.last) - frame.x(ticks[-1]) > 28:
        ticks.append(frame.last)
    return ticks


def _line(frame: _Frame, times: NDArray[np.float64], curve: Curve) -> str:
    """Draw a staircase: a gap stands until the next better solution."""
    path = [f"M{frame.x(times[0]):.1f} {frame.y(curve.gaps[0]):.1f}"]
    for seconds, gap in zip(times[1:], curve.gaps[1:], strict=True):
        path.append(f"H{frame.x(seconds):.1f}V{frame.y(gap):.1f}")
    tip = f"{escape(curve.name)}: {curve.gaps[-1]:.2f} % after {times[-1]:g} s"
    return f'<path class="line c{curve.color}" d="{"".join(path)}"><title>{tip}</title></path>'


def _end_label(curve: Curve) -> str:
    return f"{curve.name} {curve.gaps[-1]:.2f} %"


def _end_labels(frame: _Frame, curves: Sequence[Curve]) -> list[str]:
    """Name each line at its end; names that would overlap are moved apart, downwards first."""
    spacing, lowest = 19.0, frame.height - frame.bottom + 4
    order = sorted(curves, key=lambda curve: frame.y(float(curve.gaps[-1])))
    heights: list[float] = []
    for curve in order:
        wanted = frame.y(float(curve.gaps[-1])) + 4
        heights.append(max(wanted, heights[-1] + spacing) if heights else wanted)
    for k in reversed(range(len(heights))):
        heights[k] = min(heights[k], lowest - spacing * (len(heights) - 1 - k))
    x = frame.width - frame.right + 8
    parts = []
    for curve, y in zip(order, heights, strict=True):
        text = escape(_end_label(curve))
        parts.append(f'<text class="end c{curve.color}" x="{x:g}" y="{y:.1f}">{text}</text>')
    return parts
