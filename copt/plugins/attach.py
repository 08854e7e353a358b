"""The doors: which plug-in fits which kind of model."""

from typing import Any

from copt.errors import CoptError

__all__ = ["attach", "detach"]


def attach(model: Any, *, seed: int = 0) -> Any:
    """Let copt help ``model``, a ``pyscipopt.Model`` or an OR-Tools ``CpModel``; returns a handle that tells how.

    With SCIP, call ``model.optimize()`` as always: a process on another core looks for better points, which SCIP takes
    or refuses as it does with those of its own heuristics. Status, bound and solution are SCIP's own. With CP-SAT, the
    model gets hints at once, which take the place of those that it has.

    Args:
        model: The model, before it is solved.
        seed: Seed of every random choice.

    Raises:
        CoptError: If it is neither.
    """
    kind = f"{type(model).__module__}.{type(model).__name__}"
    if any(base.__module__.startswith("pyscipopt") and base.__name__ == "Model" for base in type(model).__mro__):
        from copt.plugins.scip import attach_scip

        return attach_scip(model, seed=seed)
    if type(model).__name__ == "CpModel":
        from copt.plugins.cpsat import hint

        return hint(model, seed=seed)
    raise CoptError(f"copt.attach takes a pyscipopt.Model or an OR-Tools CpModel, got {kind}")


def detach(model: Any) -> None:
    """Take copt's help from ``model``, all hints of a ``CpModel``; it is solved as if it had never been there."""
    if type(model).__name__ == "CpModel":
        model.clear_hints()
        return
    from copt.plugins.scip import detach_scip

    detach_scip(model)
