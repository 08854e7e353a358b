"""The text of an MPS file, written, and looked through for what is no number."""

import re

import numpy as np

from copt.errors import InvalidInstanceError
from copt.instances.text import Text, quoted
from copt.problems.base import first_where
from copt.problems.mip import MIP

__all__ = ["mps_text", "plain_names", "require_numbers"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]()#@~!-]{0,199}")
_NUMBER = re.compile(r"[eE][0-9]|(inf|infinity|free|st|nan)$", re.IGNORECASE)  # LP files take these otherwise
_NUMBERED = {"COLUMNS", "RHS", "RANGES", "BOUNDS"}  # sections
_BARE = {"FR", "MI", "PL", "BV"}  # bounds without a number


def plain_names(instance: MIP) -> list[str]:
    """Return names of the variables that differ and that every format takes: their own, or x0, x1, ... for all."""
    names = [instance.name_of(j) for j in range(instance.num_variables)]
    plain = all(_NAME.fullmatch(name) and not _NUMBER.match(name) for name in names)
    return names if plain and len(set(names)) == len(names) else [f"x{j}" for j in range(len(names))]


def mps_text(instance: MIP) -> str:
    """Return the rows, bounds and objective of ``instance`` as the text of an MPS file; numbers keep all digits.

    Rows without limits are left out.

    Raises:
        InvalidInstanceError: If a row has a lower limit above its upper one, which the format cannot say.
    """
    wrong = first_where(instance.row_lower > instance.row_upper)
    if wrong is not None:
        raise InvalidInstanceError(
            f"row {wrong} must be at least {instance.row_lower[wrong]:g} and at most {instance.row_upper[wrong]:g}: "
            "nothing is feasible"
        )
    names = plain_names(instance)
    sense = ["OBJSENSE", "    MAX"] if instance.maximise else []
    title = instance.name if _NAME.fullmatch(instance.name) else ""
    lines = [f"NAME {title}", *sense, "ROWS", " N obj", *_rows(instance), "COLUMNS", *_columns(instance, names)]
    lines += ["RHS", *_sides(instance), "BOUNDS", *_bounds(instance, names), "ENDATA"]
    return "\n".join(lines) + "\n"


def _types(instance: MIP) -> list[str]:
    """Return the letter of each row; empty if it has no limits."""
    below, above = np.isfinite(instance.row_lower), np.isfinite(instance.row_upper)
    kinds = np.where(above, "L", np.where(below, "G", ""))
    return list(np.where(above & (instance.row_lower == instance.row_upper), "E", kinds))


def _rows(instance: MIP) -> list[str]:
    return [f" {kind} c{i}" for i, kind in enumerate(_types(instance)) if kind]


def _columns(instance: MIP, names: list[str]) -> list[str]:
    rows = np.repeat(np.arange(instance.num_rows), np.diff(instance.starts))
    limited = (np.isfinite(instance.row_lower) | np.isfinite(instance.row_upper))[rows]
    order = np.argsort(instance.columns, kind="stable")
    order = order[limited[order]]
    ends = np.cumsum(np.bincount(instance.columns[order], minlength=instance.num_variables)).tolist()
    row, factor = rows[order].tolist(), instance.coefficients[order].tolist()
    lines, first, whole = [], 0, False
    columns = zip(names, instance.costs.tolist(), instance.integer.tolist(), ends, strict=True)
    for name, cost, integer, last in columns:
        if integer != whole:
            lines.append(f"    MARKER 'MARKER' '{'INTORG' if integer else 'INTEND'}'")
            whole = integer
        if cost or first == last:
            lines.append(f"    {name} obj {cost!r}")
        lines += [f"    {name} c{row[k]} {factor[k]!r}" for k in range(first, last)]
        first = last
    return lines + (["    MARKER 'MARKER' 'INTEND'"] if whole else [])


def _sides(instance: MIP) -> list[str]:
    """Return the sections of right-hand sides and ranges, without the first heading."""
    sides, ranges = [], []
    if instance.offset:
        sides.append(f"    RHS obj {-instance.offset!r}")
    limits = zip(_types(instance), instance.row_lower.tolist(), instance.row_upper.tolist(), strict=True)
    for i, (kind, lower, upper) in enumerate(limits):
        side = lower if kind == "G" else upper
        if kind and side:
            sides.append(f"    RHS c{i} {side!r}")
        if kind == "L" and lower > -np.inf:
            ranges.append(f"    RNG c{i} {upper - lower!r}")
    return sides + (["RANGES", *ranges] if ranges else [])


def _bounds(instance: MIP, names: list[str]) -> list[str]:
    lines = []
    columns = zip(names, instance.lower.tolist(), instance.upper.tolist(), instance.integer.tolist(), strict=True)
    for name, lower, upper, integer in columns:
        if integer and (lower, upper) == (0.0, 1.0):
            lines.append(f" BV BND {name}")
        elif lower == -np.inf and upper == np.inf:
            lines.append(f" FR BND {name}")
        elif lower == upper:
            lines.append(f" FX BND {name} {lower!r}")
        else:
            # The order matters: a lower bound frees an integer variable above.
            if lower == -np.inf:
                lines.append(f" MI BND {name}")
            elif lower or integer:
                lines.append(f" LO BND {name} {lower!r}")
            if upper < np.inf:
                lines.append(f" UP BND {name} {upper!r}")
            if lower == 0 > upper:  # a negative upper bound takes the lower bound of 0 away
                lines.append(f" LO BND {name} 0")
    return lines


def require_numbers(text: Text) -> None:
    """Look at the numbers in the text of an MPS file; SCIP takes what is none for 0.

    Raises:
        FormatError: If something else is where a number belongs.
    """
    section = ""
    for line in text.lines:
        if line.text.startswith("*"):
            continue
        tokens = line.text.split()
        if not line.text[0].isspace():
            section = tokens[0].upper()
        elif section in _NUMBERED and "'MARKER'" not in tokens and not (section == "BOUNDS" and tokens[0] in _BARE):
            for token in (tokens[-1], *(tokens[2:3] if len(tokens) == 5 else ())):
                try:
                    float(token)
                except ValueError:
                    text.fail(line, f"expected a number, found {quoted(token)}")
