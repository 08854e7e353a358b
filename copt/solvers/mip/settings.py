"""Settings of SCIP among which experience chooses, each made of parts."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pyscipopt.scip import PY_SCIP_PARAMSETTING as LEVEL

__all__ = ["DEFAULT", "PARTS", "SETTINGS", "Part", "apply"]

DEFAULT = "default"


class Part(NamedTuple):
    """A change of SCIP's parameters.

    Args:
        apply: Makes it in a ``pyscipopt.Model``.
        hope: By what factor it is thought to change the integral of the gap, as a logarithm, before any is seen.
    """

    apply: Callable[[Any], None]
    hope: float


def _quick(model: Any) -> None:
    model.setPresolve(LEVEL.FAST)
    model.setParam("presolving/maxrestarts", 0)


PARTS: dict[str, Part] = {
    "no heuristics": Part(lambda model: model.setHeuristics(LEVEL.OFF), -0.1),  # the partner looks for points
    "quick presolve": Part(_quick, -0.05),
    "few cuts": Part(lambda model: model.setSeparating(LEVEL.FAST), 0.0),
    "no cuts": Part(lambda model: model.setSeparating(LEVEL.OFF), -0.05),
    "pseudocosts": Part(lambda model: model.setParam("branching/pscost/priority", 10**6), -0.1),
}

LEAN = ("no heuristics", "quick presolve")
SETTINGS: dict[str, tuple[str, ...]] = {
    DEFAULT: (),
    "lean": LEAN,
    "lean, few cuts": (*LEAN, "few cuts"),
    "lean, no cuts": (*LEAN, "no cuts"),
    "lean, pseudocosts": (*LEAN, "pseudocosts"),
    "lean, few cuts, pseudocosts": (*LEAN, "few cuts", "pseudocosts"),
    "lean, no cuts, pseudocosts": (*LEAN, "no cuts", "pseudocosts"),
    "few cuts": ("few cuts",),
}


def apply(setting: str, model: Any) -> None:
    """Change the parameters of a ``pyscipopt.Model`` to those of a setting."""
    for part in SETTINGS[setting]:
        PARTS[part].apply(model)
