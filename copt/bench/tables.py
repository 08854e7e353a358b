"""The tables of the report."""

from collections.abc import Sequence
from html import escape

from copt.bench.markup import (
    MISSING,
    as_label,
    as_percent,
    as_probability,
    as_seconds,
    solver_name,
    table,
    tag,
)
from copt.bench.published import PUBLISHED, Published
from copt.bench.records import Kept, Row
from copt.bench.suites import blocks_of
from copt.bench.summary import Standing, mean_gaps, standing

__all__ = ["fault_table", "instance_table", "published_table", "split_into_blocks", "summary_table"]

LATE = 1.1  # a run that takes longer than this times its limit is marked


def split_into_blocks(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Split rows into the sets they are summarised with: all, then wider and narrower ones, no set twice."""
    wide: dict[str, list[Row]] = {}
    narrow: dict[str, list[Row]] = {}
    for row in rows:
        *wider, last = blocks_of(row.instance)
        for name in wider:
            wide.setdefault(name, []).append(row)
        narrow.setdefault(last, []).append(row)
    every = {"all": list(rows)} | wide | narrow
    # Of equal sets the narrowest name stays.
    unique = {frozenset(row.instance for row in part): name for name, part in every.items()}
    return {name: every[name] for name in unique.values()}


def summary_table(rows: Sequence[Row], solvers: dict[str, int], baseline: str, reference: dict[str, float]) -> str:
    """Return one line for each set of instances and solver.

    Args:
        rows: Rows of one time limit.
        solvers: Solver -> number of its colour.
        baseline: The solver from whose side wins are counted.
        reference: See ``copt.bench.summary.references``.
    """
    head = [tag("th", text, class_="text") for text in ("set", "solver")]
    head += [tag("th", text) for text in ("mean gap", "primal<br>integral", "solved", "none<br>after 5 s")]
    head += [tag("th", text) for text in ("median time<br>to 1 %", "median time<br>to best")]
    head += [tag("th", text) for text in ("median<br>proven gap", "proved<br>within 1 %", "proved")]
    versus = f"{escape(baseline)} better &ndash;<br>level &ndash; worse"
    head += [tag("th", text) for text in ("median time<br>to proof", versus, "p")]
    bodies = []
    for name, part in split_into_blocks(rows).items():
        results = [standing(part, solver, baseline, reference) for solver in solvers]
        results = [result for result in results if result.runs]
        complete = [r.mean_gap for r in results if r.mean_gap is not None and r.solved == r.runs]
        lines = [_summary_cells(result, min(complete, default=None), solvers, baseline) for result in results]
        lines[0] = _block_cell(name, part, len(results)) + lines[0]
        bodies.append(tag("tbody", *(tag("tr", line) for line in lines)))
    return table(head, bodies)


def _block_cell(name: str, rows: Sequence[Row], span: int) -> str:
    sizes = {row.dimensions for row in rows}
    size = escape(sizes.pop()) if len(sizes) == 1 else f"{len(sizes)} sizes"
    count = len({row.instance for row in rows})
    text = "1 instance" if count == 1 else f"{count} instances"
    return tag("th", as_label(name), tag("span", f"{text}, {size}"), class_="text", rowspan=span)


def _summary_cells(result: Standing, best: float | None, colors: dict[str, int], baseline: str) -> str:
    own = result.solver == baseline
    versus = "" if own else f"{result.wins} &ndash; {result.ties} &ndash; {result.losses}"
    leading = best is not None and result.mean_gap == best
    return "".join(
        [
            tag("td", solver_name(result.solver, colors[result.solver]), class_="text"),
            tag("td", as_percent(result.mean_gap), class_="best" if leading else ""),
            tag("td", as_percent(result.primal_integral)),
            tag("td", f"{result.solved} / {result.runs}", class_="bad" if result.solved < result.runs else ""),
            tag("td", str(result.late)),
            tag("td", as_seconds(result.time_to_near)),
            tag("td", as_seconds(result.time_to_best)),
            tag("td", as_percent(result.proven_gap)),
            tag("td", str(result.certified)),
            tag("td", str(result.proofs)),
            tag("td", as_seconds(result.time_to_proof)),
            tag("td", versus),
            tag("td", as_probability(result.p_value)),
        ]
    )


def fault_table(rows: Sequence[Kept]) -> str:
    """Return every row in which something is wrong."""
    head = [tag("th", text, class_="text") for text in ("instance", "solver")]
    head += [tag("th", "seed"), tag("th", "time"), tag("th", "what is wrong", class_="text")]
    lines = [
        tag(
            "tr",
            tag("td", escape(row.instance), class_="text"),
            tag("td", escape(row.solver), class_="text"),
            tag("td", str(row.seed)),
            tag("td", as_seconds(row.seconds)),
            tag("td", escape(row.error), class_="text wrap"),
            class_="fault",
        )
        for row in rows
        if row.error
    ]
    return table(head, [tag("tbody", *lines)], flat=True)


def instance_table(rows: Sequence[Row], solvers: dict[str, int], reference: dict[str, float]) -> str:
    """Return one line for each instance: best objective over the seeds and mean gap of each solver."""
    gaps = mean_gaps(rows, reference)
    head = [tag("th", "instance", class_="text"), tag("th", "size"), tag("th", "best known")]
    head += [tag("th", solver_name(name, color), colspan=2) for name, color in solvers.items()]
    by_instance: dict[str, list[Row]] = {}
    for row in rows:
        by_instance.setdefault(row.instance, []).append(row)
    lines = []
    for name, part in by_instance.items():
        own = {solver: gaps[solver].get(name) for solver in solvers}
        best = min((gap for gap in own.values() if gap is not None), default=None)
        first = part[0]
        cells = [
            tag("td", escape(name), class_="text"),
            tag("td", escape(first.dimensions)),
            tag("td", MISSING if first.best_known is None else f"{first.best_known:.10g}"),
        ]
        for solver, gap in own.items():
            cells.append(_instance_cells([row for row in part if row.solver == solver], gap, best))
        lines.append(tag("tr", *cells))
    return table(head, [tag("tbody", *lines)], flat=True)


def _instance_cells(rows: Sequence[Row], gap: float | None, best: float | None) -> str:
    if not rows:
        return "<td></td><td></td>"
    values = [row.objective for row in rows if row.objective is not None]
    better = min if rows[0].sense == "min" else max
    shown = f"{better(values):.12g}" if values else MISSING
    marks = [
        (all(row.proved for row in rows), tag("span", "✓", class_="good")),
        (any((row.gap_percent or 0.0) < 0 for row in rows), tag("span", "★", class_="good")),
        (any(row.seconds > LATE * row.seconds_limit for row in rows), "†"),
        (any(row.error for row in rows), tag("span", "✗", class_="bad")),
    ]
    shown += "".join(f" {mark}" for holds, mark in marks if holds)
    leading = gap is not None and gap == best
    return tag("td", shown) + tag("td", as_percent(gap), class_="best" if leading else "")


def published_table(rows: Sequence[Row], baseline: str, reference: dict[str, float]) -> str:
    """Return published gaps of other engines beside those of ``baseline``, or nothing if no set has any.

    Args:
        rows: Rows of ``baseline`` with one time limit.
        baseline: Name of the solver.
        reference: See ``copt.bench.summary.references``.
    """
    blocks = split_into_blocks(rows)
    return "".join(_beside(figures, blocks, baseline, reference) for figures in PUBLISHED)


def _beside(figures: Published, blocks: dict[str, list[Row]], baseline: str, reference: dict[str, float]) -> str:
    lines = []
    for name in [name for name in blocks if name in figures.gaps]:
        here = standing(blocks[name], baseline, baseline, reference).mean_gap
        cells = [tag("td", as_percent(value)) for value in (here, *figures.gaps[name])]
        lines.append(tag("tr", tag("td", as_label(name), class_="text"), *cells))
    if not lines:
        return ""
    limit = next(iter(blocks.values()))[0].seconds_limit
    engines = (f"{baseline} here, {limit:g} s", *figures.engines)
    head = [tag("th", "set", class_="text"), *(tag("th", escape(text).replace(", ", ",<br>")) for text in engines)]
    return table(head, [tag("tbody", *lines)], flat=True) + tag("p", escape(figures.source), class_="soft")
