"""Small pieces of html, and numbers as the report shows them."""

import math
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["as_label", "as_percent", "as_probability", "as_seconds", "solver_name", "table", "tag"]

MISSING = "&ndash;"


def tag(name: str, *children: str, **attributes: object) -> str:
    """Return an element; ``children`` are html already, attribute names lose a trailing underscore."""
    pairs = (f' {key.rstrip("_")}="{escape(str(value))}"' for key, value in attributes.items() if value)
    return f"<{name}{''.join(pairs)}>{''.join(children)}</{name}>"


def table(head: Sequence[str], bodies: Iterable[str], *, flat: bool = False) -> str:
    """Return a table that scrolls sideways on a narrow screen.

    Args:
        head: The header cells, html with their tags.
        bodies: The ``tbody`` elements.
        flat: Whether to rule off every line instead of every body.
    """
    inner = tag("table", tag("thead", tag("tr", *head)), *bodies, class_="flat" if flat else "")
    return tag("div", inner, class_="scroll")


def solver_name(name: str, color: int) -> str:
    """Return a solver's name behind a dot of its colour."""
    return tag("i", class_=f"dot c{color}") + escape(name)


def as_label(block: str) -> str:
    """Return the name of a set of instances for people."""
    return "all instances" if block == "all" else escape(block).replace("-", "&ndash;")


def as_percent(value: float | None) -> str:
    """Return a gap with two decimals; infinity stands for no solution at all."""
    if value is None:
        return MISSING
    return "none found" if math.isinf(value) else f"{round(value, 2) + 0.0:.2f} %"


def as_seconds(value: float | None) -> str:
    """Return a duration to two digits or so."""
    if value is None:
        return MISSING
    if value < 0.1:
        return f"{1000 * value:.1f} ms"
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def as_probability(value: float | None) -> str:
    """Return a p-value; small ones only as small."""
    if value is None:
        return ""
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"
