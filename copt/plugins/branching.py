"""A learned branching rule for somebody's own SCIP model. Off unless attached; see the card for where it pays."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pyscipopt import Branchrule, Model
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from copt.errors import CoptError
from copt.instances.mip_relaxation import relaxation_of
from copt.plugins.branching_policy import candidate_states, embed, score
from copt.policy import Policy

__all__ = ["LearnedBranching", "Use", "attach_branching"]

Use = Literal["nodes", "pseudocosts", "priorities"]

PRIORITY = 1_000_000  # above SCIP's own rules
PREFERRED = 0.3  # share of the root's candidates that get a higher branching priority


def attach_branching(model: Model, policy: Policy, *, use: Use = "nodes") -> "LearnedBranching":
    """Let a learned policy branch in ``model``; call ``model.optimize()`` as always.

    Branching rules change how long a proof takes, never what is optimal.

    Args:
        model: The model, before it is solved.
        policy: A policy of the family ``mip`` from ``copt train mip-branching``.
        use: ``nodes`` branches on the policy's choice at every node; ``pseudocosts`` and ``priorities`` ask it once, at
            the root, and leave branching to SCIP, which gets the scores as one observation of each candidate's
            pseudocosts, or a branching priority for the best 30 % of the candidates.

    Returns:
        The rule; its ``notes`` say what went wrong, if anything did, after which SCIP branched by itself.

    Raises:
        CoptError: If the policy is of another kind, or ``use`` is unknown.
    """
    if policy.family != "mip" or "variable_mean" not in policy.weights:
        raise CoptError(f"policy '{policy.name}' does not branch; train one with `copt train mip-branching`")
    if use not in get_args(Use):
        raise CoptError(f"use must be one of {', '.join(get_args(Use))}, got {use!r}")
    rule = LearnedBranching(policy, use)
    model.includeBranchrule(rule, "copt-branching", "learned from strong branching", PRIORITY, -1, 1.0)
    return rule


class LearnedBranching(Branchrule):
    """Made by ``attach_branching``.

    Args:
        policy: The policy.
        use: How it is used.
    """

    def __init__(self, policy: Policy, use: Use) -> None:
        self.notes: list[str] = []
        self.decisions = 0
        self._weights, self._use = policy.weights, use
        self._embedded: NDArray[np.float32] | None = None
        self._columns: dict[int, int] = {}  # of the root's relaxation, by the index of the variable

    def branchinitsol(self) -> None:
        """Forget the root of the last solve, or of the last run before a restart."""
        self._embedded = None

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        """Branch, or tell SCIP once what the policy thinks; nothing may be raised here."""
        if self.notes or (self._use != "nodes" and self._embedded is not None):
            return {"result": SCIP_RESULT.DIDNOTRUN}
        try:
            return {"result": self._decide()}
        except Exception as error:
            self.notes.append(f"SCIP branches by itself after an error: {type(error).__name__}: {error}")
            return {"result": SCIP_RESULT.DIDNOTRUN}

    def branchexecext(self, allowaddcons: bool) -> dict[str, Any]:
        """Leave external candidates to SCIP."""
        return {"result": SCIP_RESULT.DIDNOTRUN}

    def branchexecps(self, allowaddcons: bool) -> dict[str, Any]:
        """Leave nodes without a relaxation to SCIP."""
        return {"result": SCIP_RESULT.DIDNOTRUN}

    def _decide(self) -> int:
        found = self.model.getLPBranchCands()
        candidates = found[0][: found[4]]  # those of the highest priority
        scores = self._scores(candidates)
        self.decisions += 1
        if self._use == "nodes":
            self.model.branchVar(candidates[int(scores.argmax())])
            return SCIP_RESULT.BRANCHED
        if self._use == "priorities":
            for place in np.argsort(-scores)[: max(1, int(PREFERRED * scores.size))].tolist():
                self.model.chgVarBranchPriority(candidates[place], 1)
        else:
            self._observe(candidates, scores)
        return SCIP_RESULT.DIDNOTRUN

    def _scores(self, candidates: list[Any]) -> NDArray[np.float32]:
        """Return the policy's scores, shape (candidates,); variables that are new since the root have no embedding."""
        if self._embedded is None:
            columns = [column.getVar().getIndex() for column in self.model.getLPColsData()]
            self._columns = {index: place for place, index in enumerate(columns)}
            known = embed(relaxation_of(self.model, {}), self._weights)
            self._embedded = np.vstack([known, np.zeros((1, known.shape[1]), np.float32)])
        rows = [self._columns.get(variable.getIndex(), -1) for variable in candidates]
        return score(self._embedded[rows], candidate_states(self.model, candidates), self._weights)

    def _observe(self, candidates: list[Any], scores: NDArray[np.float32]) -> None:
        """Enter the scores as pseudocosts, in units of what strong branching on the best candidate gains."""
        model, best = self.model, int(scores.argmax())
        model.startStrongbranch()
        try:
            down, up, *_ = model.getVarStrongbranch(candidates[best], 2**31 - 1, idempotent=True)
        finally:
            model.endStrongbranch()
        bound = model.getLPObjVal()
        gain = float(np.sqrt(max(1e-9, down - bound) * max(1e-9, up - bound)))
        gains = gain * np.exp((scores - scores[best]) / 2.0)  # the score of a variable is a product of two gains
        for variable, amount in zip(candidates, gains.tolist(), strict=True):
            value = variable.getLPSol()
            model.updateVarPseudocost(variable, np.floor(value) - value, amount, 1.0)
            model.updateVarPseudocost(variable, np.ceil(value) - value, amount, 1.0)
