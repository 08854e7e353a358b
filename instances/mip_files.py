"""The file formats of mixed-integer programs: MPS, LP as CPLEX has it, and CIP, all read by SCIP."""

import functools

from copt.errors import InvalidInstanceError
from copt.instances.formats import Format
from copt.instances.mip_mps import mps_text, require_numbers
from copt.instances.mip_scip import ModelError, from_scip, read_model, to_scip, written
from copt.instances.text import Line, Text
from copt.problems.mip import MIP

__all__ = ["CIP", "LP", "MPS"]

_SECTIONS = {"NAME", "ROWS", "OBJSENSE", "OBJSENSE:"}
_SENSES = {"minimize", "minimise", "minimum", "min", "maximize", "maximise", "maximum", "max"}
_OPENING = 40  # lines in which the rows of an MPS file begin


def _is_mps(text: Text) -> bool:
    lines = [line.text for line in text.lines[:_OPENING] if not line.text.startswith("*")]
    return bool(lines) and lines[0].split()[0].upper() in _SECTIONS and any(row.split() == ["ROWS"] for row in lines)


def _is_lp(text: Text) -> bool:
    for line in text.lines:
        if not line.text.lstrip().startswith("\\"):
            return line.text.replace(":", " ").split()[:1] != [] and line.text.split()[0].lower() in _SENSES
    return False


def _is_cip(text: Text) -> bool:
    return text.lines[0].text.startswith("STATISTICS")


def _read_mps(text: Text) -> MIP:
    require_numbers(text)
    return _read(text, "mps")


def _read(text: Text, extension: str) -> MIP:
    rows = [""] * text.lines[-1].number  # blank lines too, so that SCIP counts as the file does
    for number, row in text.lines:
        rows[number - 1] = row
    try:
        return from_scip(read_model("\n".join(rows) + "\n", extension), text.name)
    except ModelError as error:
        line = None if error.line is None else Line(error.line, "")
        text.fail(line, f"expected a model in format {extension}, SCIP says: {error}")
    except InvalidInstanceError as error:
        text.fail(None, str(error))


def _refusal(instance: object) -> str | None:
    if not isinstance(instance, MIP):
        return "it holds mixed-integer programs only"
    if (instance.row_lower > instance.row_upper).any():
        return "one of its rows has a lower limit above its upper one"
    return None


def _refuse_mps(instance: MIP) -> str | None:
    reason = _refusal(instance)
    return f"it holds no {', '.join(instance.beyond)}" if reason is None and instance.beyond else reason


def _write(instance: MIP, extension: str) -> str:
    return written(to_scip(instance)[0], extension)


MPS = Format("mps", (".mps",), _is_mps, _read_mps, _refuse_mps, mps_text)
LP = Format(
    "lp",
    (".lp",),
    _is_lp,
    functools.partial(_read, extension="lp"),
    _refuse_mps,
    functools.partial(_write, extension="lp"),
)
CIP = Format(
    "cip",
    (".cip",),
    _is_cip,
    functools.partial(_read, extension="cip"),
    _refusal,
    functools.partial(_write, extension="cip"),
)
