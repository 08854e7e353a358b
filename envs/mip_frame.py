"""Pictures of a solve: both bounds over its decisions, and a line of text."""

from itertools import pairwise

import numpy as np

from copt.envs.mip_search import Search
from copt.envs.pixels import HEIGHT, INK, WIDTH, Frame, blank, colour, line

__all__ = ["bounds_frame", "bounds_text"]

MARGIN = 12  # pixels


def bounds_frame(path: list[tuple[float, float]]) -> Frame:
    """Draw the primal and the dual bound after each decision as two lines over axes; shape (height, width, 3).

    Args:
        path: Both bounds in the minimising sense, infinite before the first.
    """
    frame = blank()
    frame[MARGIN : HEIGHT - MARGIN, MARGIN] = frame[HEIGHT - 1 - MARGIN, MARGIN : WIDTH - MARGIN] = INK  # the axes
    values = np.array(path).reshape(-1, 2)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return frame
    low, span = finite.min(), max(1e-9, float(np.ptp(finite)))
    x = np.linspace(MARGIN, WIDTH - 1 - MARGIN, max(2, len(values))).astype(np.int64)
    for bound in (0, 1):
        known = np.flatnonzero(np.isfinite(values[:, bound]))
        share = (values[known, bound] - low) / span
        y = np.rint(HEIGHT - 1 - MARGIN - share * (HEIGHT - 1 - 2 * MARGIN)).astype(np.int64)
        points = np.column_stack([x[known], y])
        for start, end in pairwise([points[0], *points] if len(points) else []):  # one alone is a dot
            line(frame, start, end, colour(bound))
    return frame


def bounds_text(search: Search) -> str:
    """Write the bounds, the nodes and the number of candidates."""
    seen = search.progress
    sign = search.instance.sign
    return (
        f"{search.instance.name}: best {sign * seen.primal:.10g}, bound {sign * seen.dual:.10g}, {seen.nodes} nodes, "
        f"{len(search.candidates)} candidates"
    )
