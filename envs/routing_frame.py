"""Pictures of routes, whole or not: a map as pixels, and the visits as text."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from copt.envs.pixels import HEIGHT, INK, WIDTH, Frame, blank, colour, dot, line
from copt.envs.routing_legs import Legs
from copt.problems.base import IntArray

__all__ = ["route_frame", "route_text"]

MARGIN = 12  # pixels
THIN = np.array([217, 223, 228], np.uint8)  # legs to and from the depot
DARK = np.full(3, INK, np.uint8)


def route_frame(
    legs: Legs, routes: Sequence[Sequence[int]], *, closed: bool = True, marked: Iterable[int] = ()
) -> Frame:
    """Draw one colour a route, the legs at the depot thin, and the depot as a square; shape (height, width, 3).

    Args:
        legs: The problem; without coordinates its nodes stand on a circle.
        routes: Customers of each route in order.
        closed: Whether the last route has reached its end.
        marked: Customers that are drawn larger.
    """
    frame, instance = blank(), legs.instance
    pixels = _pixels(legs)
    for number, route in enumerate(routes):
        if not route:
            continue
        whole = closed or number < len(routes) - 1
        if instance.depot is not None:
            line(frame, pixels[instance.depot], pixels[route[0]], THIN)
            if whole and not instance.open_routes:
                line(frame, pixels[route[-1]], pixels[instance.depot], THIN)
        stops = [*route, route[0]] if instance.depot is None and whole else route
        for here, there in pairwise(stops):
            line(frame, pixels[here], pixels[there], colour(number))
    for node in instance.customers.tolist():
        dot(frame, pixels[node], 1, DARK)
    for node in marked:
        dot(frame, pixels[node], 3, DARK)
    if instance.depot is not None:
        dot(frame, pixels[instance.depot], 5, DARK)
    return frame


def route_text(legs: Legs, routes: Sequence[Sequence[int]], cost: float) -> str:
    """Write one line a route with its load, and the cost below."""
    capacity = legs.instance.capacity
    lines = []
    for number, route in enumerate(routes):
        load = "" if capacity is None else f"  [{legs.demands[list(route)].sum()} of {capacity}]"
        name = "tour" if legs.instance.depot is None else f"route {number}"
        lines.append(f"{name}:{''.join(f' {node}' for node in route)}{load}")
    return "\n".join([*lines, f"cost {cost:.10g}"])


def _pixels(legs: Legs) -> IntArray:
    """Return the pixel (x, y) of each node, shape (nodes, 2); y grows upwards, as on a map."""
    places = legs.places
    if legs.instance.coordinates is None:
        angle = 2.0 * np.pi * np.arange(legs.instance.num_nodes) / legs.instance.num_nodes
        places = 0.5 + 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    size = np.array([WIDTH, HEIGHT]) - 2 * MARGIN - 1
    span = places.max(axis=0)
    factor = (size / np.maximum(1e-9, span)).min()  # one for both, so that the map is not stretched
    corner = MARGIN + (size - factor * span) / 2.0
    pixels: IntArray = np.rint(corner + factor * places).astype(np.int64)
    pixels[:, 1] = HEIGHT - 1 - pixels[:, 1]
    return pixels
