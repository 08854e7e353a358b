"""Settings of SCIP among which experience chooses, each made of parts."""

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["DEFAULT", "PARTS", "SETTINGS", "Part", "apply"]

DEFAULT = "default"
ALONE = "no heuristics"
# Good points come early and one by one where a partner helps, and each fixes a few variables at the root: SCIP, which
# begins anew when that is a hundredth of them, would do so again and again and separate from the start each time.
RESTARTS = {"presolving/restartfac": 0.1, "presolving/restartminred": 0.15}


class Part(NamedTuple):
    """A change of SCIP's parameters.

    Args:
        apply: Makes it in a ``pyscipopt.Model``.
        hope: By what factor it is thought to change the integral of the gap, as a logarithm, before any is seen.
    """

    apply: Callable[[Any], None]
    hope: float


def _level(name: str) -> int:
    from pyscipopt.scip import PY_SCIP_PARAMSETTING  # a partner starts before SCIP is loaded

    level: int = getattr(PY_SCIP_PARAMSETTING, name)
    return level


def _quick(model: Any) -> None:
    model.setPresolve(_level("FAST"))
    model.setParam("presolving/maxrestarts", 0)


def _best_bound(model: Any) -> None:
    model.setParam("nodeselection/bfs/stdpriority", 10**6)
    for name in ("minplungedepth", "maxplungedepth"):
        model.setParam(f"nodeselection/bfs/{name}", 0)


PARTS: dict[str, Part] = {
    ALONE: Part(lambda model: model.setHeuristics(_level("OFF")), -0.1),
    "quick presolve": Part(_quick, -0.05),
    "few cuts": Part(lambda model: model.setSeparating(_level("FAST")), 0.0),
    "no cuts": Part(lambda model: model.setSeparating(_level("OFF")), 0.0),
    "pseudocosts": Part(lambda model: model.setParam("branching/pscost/priority", 10**6), -0.1),
    "best bound": Part(_best_bound, -0.05),
}

_LEAN = (ALONE, "quick presolve")
SETTINGS: dict[str, tuple[str, ...]] = {
    DEFAULT: (),
    **{
        ", ".join(("lean", *more)): (*_LEAN, *more)
        for more in (
            (),
            ("pseudocosts",),
            ("pseudocosts", "best bound"),
            ("no cuts",),
            ("no cuts", "pseudocosts"),
            ("no cuts", "pseudocosts", "best bound"),
            ("few cuts", "pseudocosts", "best bound"),
        )
    },
}


def apply(setting: str, model: Any, *, helped: bool) -> None:
    """Change the parameters of a ``pyscipopt.Model`` to those of a setting.

    Args:
        setting: Its name.
        model: The model.
        helped: Whether a partner looks for points; heuristics stay on where nobody does.
    """
    for part in SETTINGS[setting]:
        if helped or part != ALONE:
            PARTS[part].apply(model)
    if helped:
        model.setParams(RESTARTS)
