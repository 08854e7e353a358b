"""What the pictures of all environments share: their size and their colours."""

import colorsys

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEIGHT", "INK", "WIDTH", "Frame", "blank", "colour"]

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
