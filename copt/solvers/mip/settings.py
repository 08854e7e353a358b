"""Settings of SCIP among which experience chooses."""

from collections.abc import Callable
from typing import Any

from pyscipopt.scip import PY_SCIP_PARAMEMPHASIS as EMPHASIS
from pyscipopt.scip import PY_SCIP_PARAMSETTING as LEVEL

__all__ = ["DEFAULT", "SETTINGS"]

DEFAULT = "default"

SETTINGS: dict[str, Callable[[Any], None]] = {
    DEFAULT: lambda model: None,
    "few cuts": lambda model: model.setSeparating(LEVEL.FAST),
    "no cuts": lambda model: model.setSeparating(LEVEL.OFF),
    "many cuts": lambda model: model.setSeparating(LEVEL.AGGRESSIVE),
    "no heuristics": lambda model: model.setHeuristics(LEVEL.OFF),
    "quick presolve": lambda model: model.setPresolve(LEVEL.FAST),
    "optimality": lambda model: model.setEmphasis(EMPHASIS.OPTIMALITY),
}
