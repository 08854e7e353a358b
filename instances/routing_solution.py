"""Routes as text: the ``.sol`` files of VRPLIB, and the ``.tour`` files of TSPLIB.

::

    Route #1: 2 1
    Route #2: 3
    Cost 42

Customers count from 0 with the depot among them, so that they are 1, 2, ... where the depot comes first. A tour is
``TOUR_SECTION`` with one node a line, from 1, and a last line ``-1``; it is read as well where it is one ``Route``,
which may leave out node 0 as if it were a depot.
"""

import re

from copt.instances.text import Line, Text, one_line, quoted
from copt.problems.routing import Routes, Routing

__all__ = ["format_solution", "parse_solution"]

_ROUTE = re.compile(r"\s*route\s*#?\s*[0-9]*\s*:", re.IGNORECASE | re.ASCII)
_REST = re.compile(r"\s*(cost|value|optimal|time|name|type|comment|dimension|eof)\b", re.IGNORECASE | re.ASCII)


def parse_solution(instance: Routing, text: Text) -> Routes:
    """Return the routes that ``text`` describes. Whether they are feasible is for ``check`` to say.

    Raises:
        FormatError: If there is neither a line ``Route #1: ...`` nor a section ``TOUR_SECTION``, or no number
            where one belongs.
    """
    headings = [line for line in text.lines if line.text.strip().upper() == "TOUR_SECTION"]
    if headings:
        return _tour(text, headings[0])
    routes = []
    for line in text.lines:
        if _ROUTE.match(line.text):
            routes.append(_numbers(text, line, line.text.split(":", 1)[1]))
        elif not _REST.match(line.text) and not line.text.lstrip().startswith("#"):
            text.fail(line, f"expected 'Route #1: ...' or 'Cost ...', found {quoted(line.text.strip())}")
    if not routes:
        text.fail(text.lines[-1], "expected a line 'Route #1: ...' or a TOUR_SECTION, found none")
    if instance.depot is None and 0 not in routes[0]:
        routes[0].insert(0, 0)
    return Routes.from_lists(routes)


def _tour(text: Text, heading: Line) -> Routes:
    nodes: list[int] = []
    for line in text.lines:
        if line.number <= heading.number:
            continue
        if line.text.strip() in ("-1", "EOF"):
            break
        nodes += [node - 1 for node in _numbers(text, line, line.text)]
    return Routes.from_lists([[node for node in nodes if node >= 0]])


def _numbers(text: Text, line: Line, words: str) -> list[int]:
    tokens = words.split()
    for token in tokens:
        if not (token.removeprefix("-").isdigit() and token.isascii() and len(token) < 16):
            text.fail(line, f"expected the numbers of nodes, found {quoted(token)}")
    return [int(token) for token in tokens]


def format_solution(instance: Routing, solution: Routes, objective: float) -> str:
    """Return ``solution`` as text: a tour as TSPLIB's, routes as VRPLIB's."""
    if instance.depot is None:
        lines = [
            f"NAME : {one_line(instance.name)}",
            f"COMMENT : Length = {objective:.15g}",
            "TYPE : TOUR",
            f"DIMENSION : {instance.num_nodes}",
            "TOUR_SECTION",
            *(str(node + 1) for node in solution.nodes.tolist()),
            "-1",
            "EOF",
        ]
    else:
        lines = [f"Route #{k}: {' '.join(map(str, route))}" for k, route in enumerate(solution.to_lists(), start=1)] + [
            f"Cost {objective:.15g}"
        ]
    return "\n".join(lines) + "\n"
