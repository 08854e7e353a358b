"""The format of TSPLIB and VRPLIB: specifications ``KEY : VALUE``, then sections of rows.

::

    NAME : toy
    TYPE : CVRP
    DIMENSION : 3
    EDGE_WEIGHT_TYPE : EUC_2D
    CAPACITY : 10
    NODE_COORD_SECTION
    1 0 0
    2 3 4
    3 6 8
    DEMAND_SECTION
    1 0
    2 5
    3 5
    DEPOT_SECTION
    1
    -1
    EOF

Nodes count from 1. ``EXACT_2D`` stands for Euclidean distances as they are. The package ``vrplib`` parses; what it
would not notice, or name no line of, is checked before.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from vrplib.parse import parse_vrplib

from copt.errors import InvalidInstanceError
from copt.instances.formats import Format
from copt.instances.routing_weights import matrix_of
from copt.instances.text import Line, Text, one_line, quoted
from copt.problems.routing import MAX_MATRIX, Routing

__all__ = ["VRPLIB"]

COLUMNS = {"NODE_COORD_SECTION": 3, "DEMAND_SECTION": 2, "DEPOT_SECTION": 1, "EDGE_WEIGHT_SECTION": 0}
IGNORED = ("DISPLAY_DATA_SECTION",)
TYPES = ("TSP", "ATSP", "CVRP", "OVRP")
METRICS = {"EUC_2D": "euc_2d", "CEIL_2D": "ceil_2d", "GEO": "geo", "ATT": "att", "EXACT_2D": "exact"}
LARGEST = 1_000_000  # nodes


class _Parts:
    """The lines of a file by key and by section.

    Args:
        text: The file.
    """

    def __init__(self, text: Text) -> None:
        self.text = text
        self.value: dict[str, tuple[Line, str]] = {}
        self.rows: dict[str, list[Line]] = {}
        self.heading: dict[str, Line] = {}
        section: list[Line] | None = None
        for line in self._lines():
            word = line.text.split(":")[0].strip().upper()
            if word.endswith("_SECTION"):
                section = self._open(line, word)
            elif ":" in line.text:
                section = None
                self.value[word] = (line, line.text.split(":", 1)[1].strip())
            elif section is None:
                text.fail(line, f"expected 'KEY : VALUE' or a section, found {quoted(line.text)}")
            else:
                section.append(line)

    def _lines(self) -> Iterator[Line]:
        for line in self.text.lines:
            if line.text.strip() == "EOF":
                return
            if not line.text.lstrip().startswith("#"):
                yield line

    def _open(self, line: Line, word: str) -> list[Line]:
        if word not in COLUMNS and word not in IGNORED:
            self.text.fail(line, f"section {quoted(word)} is none that copt reads: {', '.join(COLUMNS)}")
        if word in self.rows:
            self.text.fail(line, f"section {word} is there twice")
        self.heading[word], self.rows[word] = line, []
        return self.rows[word]

    def word(self, key: str, default: str | None = None) -> str:
        """Return the value of ``key``; without a default it must be there."""
        if key not in self.value:
            if default is None:
                self.text.fail(self.text.lines[-1], f"expected a line '{key} : ...', found none")
            return default
        return self.value[key][1]

    def whole(self, key: str, least: int, most: int) -> int | None:
        """Return the value of ``key`` as a number from ``least`` to ``most``, or None if it is not there."""
        if key not in self.value:
            return None
        line, word = self.value[key]
        digits = word.removesuffix(".0")
        if not digits.isascii() or not digits.isdigit() or not least <= int(digits[:20]) <= most:
            self.text.fail(line, f"expected a whole number from {least} to {most} as {key}, found {quoted(word)}")
        return int(digits)

    def choice(self, key: str, known: tuple[str, ...], default: str | None = None) -> str:
        """Return the value of ``key``, one of ``known``."""
        word = self.word(key, default).upper()
        if word not in known:
            line = self.value[key][0]
            self.text.fail(line, f"expected {key} to be one of {', '.join(known)}, found {quoted(word)}")
        return word

    def check_rows(self, section: str, count: int | None) -> None:
        """Check that ``section`` has ``count`` rows of numbers, numbered from 1 if they have more than one column."""
        rows, columns = self.rows[section], COLUMNS[section]
        for number, row in enumerate(rows, start=1):
            tokens = row.text.split()
            if len(tokens) != columns or not all(map(_is_number, tokens)):
                self.text.fail(row, f"expected {columns} numbers in {section}, found {quoted(row.text.strip())}")
            if columns > 1 and tokens[0] != str(number):
                self.text.fail(row, f"expected node {number} in {section}, found {quoted(tokens[0])}")
        if count is not None and len(rows) != count:
            last = (rows or [self.heading[section]])[-1]
            self.text.fail(last, f"expected {count} rows in {section}, found {len(rows)}")


def _is_number(token: str) -> bool:
    try:
        return bool(np.isfinite(float(token))) and token.isascii() and "_" not in token
    except ValueError:
        return False


def _recognise(text: Text) -> bool:
    words = (line.text.split(":")[0].strip().upper() for line in text.lines[:30])
    return any(word in ("DIMENSION", "EDGE_WEIGHT_TYPE", "NODE_COORD_SECTION") for word in words)


def _read(text: Text) -> Routing:
    parts = _Parts(text)
    kind = parts.choice("TYPE", TYPES)
    nodes = parts.whole("DIMENSION", 1, LARGEST)
    if nodes is None:
        text.fail(text.lines[-1], "expected a line 'DIMENSION : ...', found none")
    if "DISTANCE" in parts.value:
        text.fail(parts.value["DISTANCE"][0], "copt has no limit on the length of routes; leave DISTANCE out")
    fields = _costs(parts, nodes)
    if kind in ("CVRP", "OVRP"):
        fields |= _customers(parts, nodes)
    parsed = parse_vrplib("\n".join(_simple_lines(parts, fields)), compute_edge_weights=False)
    if "coordinates" in fields:
        fields["coordinates"] = parsed["node_coord"]
    if "demand" in fields:
        fields |= {"demand": parsed["demand"], "depot": int(parsed["depot"][0])}
    try:
        return Routing(
            **fields,
            capacity=parts.whole("CAPACITY", 1, 2**53),
            max_routes=parts.whole("VEHICLES", 1, LARGEST),
            open_routes=kind == "OVRP",
            name=one_line(parts.word("NAME", text.name)) or text.name,
        )
    except InvalidInstanceError as error:
        text.fail(None, str(error))


def _costs(parts: _Parts, nodes: int) -> dict[str, Any]:
    """Return the fields that costs come from; coordinates are only checked here."""
    kind = parts.choice("EDGE_WEIGHT_TYPE", (*METRICS, "EXPLICIT"))
    if kind == "EXPLICIT":
        if nodes > MAX_MATRIX:
            parts.text.fail(parts.value["DIMENSION"][0], f"expected at most {MAX_MATRIX} nodes with EXPLICIT costs")
        if "EDGE_WEIGHT_SECTION" not in parts.rows:
            parts.text.fail(parts.value["EDGE_WEIGHT_TYPE"][0], "EXPLICIT costs need an EDGE_WEIGHT_SECTION")
        layout = parts.word("EDGE_WEIGHT_FORMAT", "FULL_MATRIX").upper()
        return {"matrix": matrix_of(parts.text, parts.rows["EDGE_WEIGHT_SECTION"], layout, nodes)}
    if "NODE_COORD_SECTION" not in parts.rows:
        parts.text.fail(parts.value["EDGE_WEIGHT_TYPE"][0], f"{kind} costs need a NODE_COORD_SECTION")
    parts.check_rows("NODE_COORD_SECTION", nodes)
    return {"metric": METRICS[kind], "coordinates": None}


def _customers(parts: _Parts, nodes: int) -> dict[str, Any]:
    """Check the sections of demands and depots."""
    for section in ("DEMAND_SECTION", "DEPOT_SECTION"):
        if section not in parts.rows:
            parts.text.fail(parts.value["TYPE"][0], f"{parts.word('TYPE')} needs a {section}")
    parts.check_rows("DEMAND_SECTION", nodes)
    parts.check_rows("DEPOT_SECTION", None)
    depots = [row for row in parts.rows["DEPOT_SECTION"] if row.text.strip() != "-1"]
    heading = parts.heading["DEPOT_SECTION"]
    if len(depots) != 1 or not depots[0].text.strip().isdigit() or not 1 <= int(depots[0].text) <= nodes:
        parts.text.fail((depots or [heading])[-1], f"expected one depot from 1 to {nodes}, found {len(depots)} entries")
    return {"demand": None}


def _simple_lines(parts: _Parts, fields: dict[str, Any]) -> Iterator[str]:
    """Yield the sections that vrplib parses."""
    wanted = {"coordinates": "NODE_COORD_SECTION", "demand": "DEMAND_SECTION"}
    sections = [section for field, section in wanted.items() if field in fields]
    for section in (*sections, *(["DEPOT_SECTION"] if "demand" in fields else [])):
        yield section
        yield from (row.text for row in parts.rows[section])


def _refusal(instance: Any) -> str | None:
    return None if isinstance(instance, Routing) else "it holds routing problems"


def _write(instance: Routing) -> str:
    codes = {metric: code for code, metric in METRICS.items()}
    kind = ("TSP" if instance.symmetric else "ATSP") if instance.depot is None else "CVRP"
    lines = [
        f"NAME : {one_line(instance.name)}",
        f"TYPE : {'OVRP' if instance.open_routes else kind}",
        f"DIMENSION : {instance.num_nodes}",
        f"EDGE_WEIGHT_TYPE : {'EXPLICIT' if instance.coordinates is None else codes[instance.metric]}",
    ]
    lines += [] if instance.capacity is None else [f"CAPACITY : {instance.capacity}"]
    lines += [] if instance.max_routes is None else [f"VEHICLES : {instance.max_routes}"]
    if instance.coordinates is None:
        assert instance.matrix is not None
        lines += ["EDGE_WEIGHT_FORMAT : FULL_MATRIX", "EDGE_WEIGHT_SECTION"]
        lines += [" ".join(f"{value:.17g}" for value in row) for row in instance.matrix.tolist()]
    else:
        lines.append("NODE_COORD_SECTION")
        lines += [f"{k} {_plain(x)} {_plain(y)}" for k, (x, y) in enumerate(instance.coordinates.tolist(), start=1)]
    if instance.depot is not None:
        lines += ["DEMAND_SECTION", *(f"{k} {d}" for k, d in enumerate(instance.demands.tolist(), start=1))]
        lines += ["DEPOT_SECTION", str(instance.depot + 1), "-1"]
    return "\n".join([*lines, "EOF", ""])


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


VRPLIB = Format("vrplib", (".vrp", ".tsp", ".atsp"), _recognise, _read, _refusal, _write)
