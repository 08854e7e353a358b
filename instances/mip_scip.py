"""Mixed-integer programs from SCIP's models and back. SCIP is imported on first use."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from copt.instances.mip_mps import mps_text
from copt.problems.mip import MIP

__all__ = ["ModelError", "Source", "from_scip", "ordered", "read_model", "to_scip", "written"]

_LINE = re.compile(r"\bline:? ([0-9]+)")
_ERROR = re.compile(r"ERROR: (.*)")
_IGNORED = re.compile(r"Warning line ([0-9]+): (.* ignored)")
_OBJECTIVE = re.compile(r'row "(.*)" for objective function "N" ignored')
_CALL = re.compile(r"Error <-?[0-9]+> in function call")


class ModelError(Exception):
    """What SCIP cannot read.

    Args:
        message: What it says.
        line: The number of the line, or None.
    """

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class Source:
    """A SCIP model with more in it than arrays hold, which can be pickled: as the text of a CIP file.

    Args:
        model: The ``pyscipopt.Model``.
        order: Place of each variable of the instance in ``model.getVars()``.
    """

    def __init__(self, model: Any, order: list[int]) -> None:
        self.model = model
        self.order = order

    def __getstate__(self) -> tuple[str, list[int]]:
        return written(self.model, "cip", generic=True), self.order

    def __setstate__(self, state: tuple[str, list[int]]) -> None:
        text, self.order = state
        self.model = read_model(text, "cip")


def from_scip(model: Any, name: str) -> MIP:
    """Return the instance that ``model`` holds, its variables in the order in which they were made.

    Constraints that are no rows, such as SOS1 or nonlinear ones, are named in ``beyond``, and ``source`` is the model.

    Args:
        model: A ``pyscipopt.Model``, in any stage; its original problem is taken.
        name: Name of the instance.

    Raises:
        InvalidInstanceError: If a number in it makes no sense.
    """
    variables = model.getVars()
    indices = [variable.getIndex() for variable in variables]
    order = sorted(range(len(variables)), key=indices.__getitem__)
    variables = [variables[place] for place in order]
    position = {variable.getIndex(): place for place, variable in enumerate(variables)}
    starts, columns, coefficients = [0], list[int](), list[float]()
    limits: list[tuple[float, float]] = []
    beyond: dict[str, None] = {}
    for constraint in model.getConss(transformed=False):
        members = model.getConsVars(constraint) if constraint.isLinearType() else [None]
        places = [position.get(member.getIndex()) if member is not None else None for member in members]
        if None in places:  # not a row, or one with negated variables
            beyond[constraint.getConshdlrName()] = None
            continue
        columns += [place for place in places if place is not None]
        coefficients += model.getConsVals(constraint)
        starts.append(len(columns))
        limits.append((model.getLhs(constraint), model.getRhs(constraint)))
    lower, upper = np.array(limits, dtype=np.float64).reshape(-1, 2).T
    return MIP(
        costs=np.array([variable.getObj() for variable in variables]),
        lower=np.array([variable.getLbOriginal() for variable in variables]),
        upper=np.array([variable.getUbOriginal() for variable in variables]),
        integer=np.array([variable.vtype() in ("BINARY", "INTEGER") for variable in variables], dtype=bool),
        starts=np.array(starts),
        columns=np.array(columns, dtype=np.int64),
        coefficients=np.array(coefficients),
        row_lower=lower,
        row_upper=upper,
        offset=model.getObjoffset(),
        maximise=model.getObjectiveSense() == "maximize",
        names=tuple(variable.name for variable in variables),
        beyond=tuple(beyond),
        source=Source(model, order) if beyond else None,
        name=name,
    )


def ordered(model: Any) -> list[Any]:
    """Return the original variables of ``model`` in the order in which they were made; SCIP's own is another."""
    return sorted(model.getVars(), key=lambda variable: variable.getIndex())


def to_scip(instance: MIP) -> tuple[Any, list[Any]]:
    """Return a new ``pyscipopt.Model`` of ``instance``, which prints nothing, and its variables in the same order.

    SCIP keeps its variables sorted by type, so that ``model.getVars()`` has another order.
    """
    from pyscipopt import Model

    if instance.source is None:
        model = read_model(mps_text(instance), "mps")
        return model, ordered(model)
    model = Model(sourceModel=instance.source.model, origcopy=True)
    model.hideOutput()
    variables = model.getVars()
    return model, [variables[place] for place in instance.source.order]


def read_model(text: str, extension: str) -> Any:
    """Return the ``pyscipopt.Model`` that ``text`` describes; it prints nothing.

    Args:
        text: Content of a file.
        extension: Its format: ``mps``, ``lp`` or ``cip``.

    Raises:
        ModelError: If SCIP cannot read it.
    """
    from pyscipopt import Model

    model = Model()
    model.hideOutput()
    with tempfile.TemporaryDirectory() as folder, _printed_errors() as printed:
        path, log = Path(folder) / f"model.{extension}", Path(folder) / "log"
        path.write_text(text, encoding="utf-8")
        model.setLogfile(str(log))
        model.setParam("display/verblevel", 5)  # where it tells what it passes over
        try:
            model.readProblem(str(path), extension=extension)
        except Exception as error:  # pyscipopt raises several types, and tells little
            printed.seek(0)
            raise _explained(printed.read().decode(errors="replace"), str(error)) from None
        finally:
            model.setLogfile(None)
            model.resetParam("display/verblevel")
        _require_everything(log.read_text(encoding="utf-8", errors="replace"))
    return model


def _require_everything(log: str) -> None:
    """Raise a ModelError if SCIP passed over a line of an MPS file; only second objectives may be left out."""
    objectives: set[str] = set()
    for line in log.splitlines():
        ignored = _IGNORED.match(line)
        if ignored is None:
            continue
        named = _OBJECTIVE.search(line)
        if named:
            objectives.add(named[1])
        elif not any(f'row "{name}"' in line for name in objectives):
            raise ModelError(ignored[2], int(ignored[1]))


@contextlib.contextmanager
def _printed_errors() -> Iterator[IO[bytes]]:
    """Catch in a file what C code prints to the standard error of the process: the only place where SCIP says why."""
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield file
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _explained(printed: str, raised: str) -> ModelError:
    said = [message for message in _ERROR.findall(printed) if not _CALL.match(message)]
    line = _LINE.search(printed)
    reason = " ".join((said[0] if said else raised).split())[:120]
    return ModelError(reason, int(line[1]) if line else None)


def written(model: Any, extension: str, *, generic: bool = False) -> str:
    """Return the text of a file of ``model``.

    Args:
        model: A ``pyscipopt.Model``.
        extension: Format of the file: ``mps``, ``lp`` or ``cip``.
        generic: Whether names become x0, x1, ... in the order of ``model.getVars()``.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model.{extension}"
        with _printed_errors():  # warnings about names, for instance
            model.writeProblem(str(path), genericnames=generic, verbose=False)
        return path.read_text(encoding="utf-8")
