"""What all pictures share: colours, and axes without clutter."""

import colorsys

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

__all__ = ["BOUND", "GRID", "INCUMBENT", "INK", "colours_of", "style"]

INK = "#22303c"
GRID = "#d9dfe4"
INCUMBENT = "#1f6f8b"
BOUND = "#c8553d"


def style(axes: Axes) -> None:
    """Leave a grid of times and the names of the axes."""
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=GRID, lw=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(which="both", length=0, colors=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def colours_of(count: int) -> NDArray[np.float64]:
    """Return ``count`` soft colours, shape (count, 3); hues a golden angle apart, so neighbours differ."""
    shades = ((0.55, 0.80), (0.40, 0.93), (0.50, 0.66))  # saturation, value
    return np.array([colorsys.hsv_to_rgb(0.56 + 0.618034 * i % 1 % 1, *shades[i % 3]) for i in range(count)])
