"""What the pictures of all environments share: size, colours, lines."""

import colorsys

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEIGHT", "INK", "WIDTH", "Frame", "blank", "colour", "dot", "line"]

Frame = NDArray[np.uint8]  # (height, width, 3)

WIDTH, HEIGHT = 640, 360  # pixels; the same for every instance, so that frames make a video
INK = 40
GOLDEN_RATIO = 0.618034


def blank() -> Frame:
    """Return a white frame."""
    return np.full((HEIGHT, WIDTH, 3), 255, np.uint8)


def colour(index: int) -> NDArray[np.uint8]:
    """Return a colour that differs from those of the neighbouring indices, shape (3,)."""
    rgb = colorsys.hsv_to_rgb(index * GOLDEN_RATIO % 1.0, 0.55, 0.9)
    return np.array([round(255 * part) for part in rgb], np.uint8)


def line(frame: Frame, start: NDArray[np.int64], end: NDArray[np.int64], paint: NDArray[np.uint8]) -> None:
    """Draw a straight line between two pixels, each (x, y), both inside the frame."""
    count = int(np.abs(end - start).max()) + 1
    x, y = (np.rint(np.linspace(start[k], end[k], count)).astype(np.int64) for k in (0, 1))
    frame[y, x] = paint


def dot(frame: Frame, centre: NDArray[np.int64], radius: int, paint: NDArray[np.uint8]) -> None:
    """Draw a square around a pixel (x, y); what lies outside the frame is cut off."""
    x, y = centre.tolist()
    frame[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = paint
