"""What every page of a benchmark has: a heading, the command that repeats it, the solvers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from copt.bench.markup import tag
from copt.bench.records import Kept
from copt.bench.style import COLORS, STYLE

__all__ = ["BASELINE", "Heading", "colors_of", "document", "opening", "solver_list"]

BASELINE = "copt"


@dataclass(frozen=True)
class Heading:
    """What the rows do not tell.

    Args:
        title: Name of the suite.
        note: What is in it, one phrase.
        command: Command line that repeats the run.
        sources: Where the best known values come from, with their dates.
        solvers: Solver -> what it is, one phrase.
        prepared: Whether imports and kernels were loaded before the time began.
    """

    title: str
    note: str
    command: str
    sources: tuple[str, ...]
    solvers: dict[str, str]
    prepared: bool = False


def document(heading: Heading, body: Iterable[str]) -> str:
    """Return the whole page; it needs neither network nor script."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>copt bench {escape(heading.title)}</title><style>{STYLE}</style>"
    )
    main = tag("main", "\n".join(body))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{main}</body></html>\n'


def colors_of(rows: Iterable[Kept], heading: Heading) -> dict[str, int]:
    """Return the number of each solver's colour, the baseline first."""
    order = dict.fromkeys([BASELINE, *heading.solvers, *(row.solver for row in rows)])
    return {name: number % len(COLORS) for number, name in enumerate(order)}


def opening(rows: Sequence[Kept], heading: Heading) -> str:
    """Return title, size, day and machine of a benchmark, and its command."""
    days = sorted({row.date for row in rows})
    when = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else "no run has finished yet"
    machines = "; ".join(dict.fromkeys(row.machine for row in rows))
    counts = f"{len({row.instance for row in rows})} instances, {len(rows)} runs"
    return "\n".join(
        [
            tag("h1", f"copt bench &middot; {escape(heading.title)}"),
            tag("p", escape(f"{heading.note}; {counts}. {when}. {machines}"), class_="soft"),
            tag("pre", tag("code", escape(heading.command))),
        ]
    )


def solver_list(rows: Iterable[Kept], heading: Heading) -> str:
    """Return what each solver is, with its versions."""
    solvers = []
    for name, versions in dict.fromkeys((row.solver, row.versions) for row in rows):
        note = heading.solvers.get(name, "")
        solvers.append(tag("dt", escape(name)))
        solvers.append(tag("dd", escape(note), " ", tag("span", escape(versions), class_="soft")))
    return tag("dl", *solvers)
