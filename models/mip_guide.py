"""The network that guesses values of variables of mixed-integer programs, in torch.

Solvers run the same weights in numpy: ``copt.solvers.mip.guide``.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["GuideNet", "Inputs", "sparse_pair"]


class Inputs(NamedTuple):
    """A program as tensors.

    Args:
        variables: Features, shape (variables, features).
        rows: Features, shape (rows, features).
        to_rows: The matrix of messages to rows, and its transpose.
        to_variables: The matrix of messages to variables, and its transpose.
    """

    variables: Tensor
    rows: Tensor
    to_rows: tuple[Tensor, Tensor]
    to_variables: tuple[Tensor, Tensor]

    def to(self, device: torch.device) -> "Inputs":
        """Return them on a device."""
        pairs = [(one.to(device), other.to(device)) for one, other in self[2:]]
        return Inputs(self.variables.to(device), self.rows.to(device), *pairs)


def sparse_pair(matrix: Any) -> tuple[Tensor, Tensor]:
    """Return a sparse matrix of SciPy as tensor, and its transpose, which the backward pass needs."""
    one, other = (
        torch.sparse_csr_tensor(
            torch.from_numpy(half.indptr.astype(np.int64)),
            torch.from_numpy(half.indices.astype(np.int64)),
            torch.from_numpy(half.data.copy()),
            size=half.shape,
            check_invariants=False,
        )
        for half in (matrix, matrix.T.tocsr())
    )
    return one, other


class _Product(torch.autograd.Function):
    """A sparse matrix times a dense one, whose gradient needs no transposition."""

    @staticmethod
    def forward(context: Any, x: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        context.save_for_backward(transposed)
        return matrix @ x

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (transposed,) = context.saved_tensors
        return transposed @ gradients[0].contiguous(), None, None


class _Round(nn.Module):
    """Messages from variables to rows and back."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.row = nn.Linear(2 * hidden, hidden)
        self.variable = nn.Linear(2 * hidden, hidden)

    def forward(self, variables: Tensor, rows: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Return both after the round."""
        told = torch.cat([rows, _product(variables, inputs.to_rows)], dim=1)
        rows = rows + nn.functional.silu(self.row(_normed(told)))
        told = torch.cat([variables, _product(rows, inputs.to_variables)], dim=1)
        return variables + nn.functional.silu(self.variable(_normed(told))), rows


class GuideNet(nn.Module):
    """Bipartite graph network, or a logistic regression on the features of the variables.

    Args:
        variables: Number of features of a variable.
        rows: Number of features of a row.
        hidden: Width of every layer.
        rounds: Rounds of messages; 0 is the logistic regression.
    """

    def __init__(self, variables: int, rows: int, hidden: int = 32, rounds: int = 2) -> None:
        super().__init__()
        self.rounds = nn.ModuleList(_Round(hidden) for _ in range(rounds))
        if rounds:
            self.enter, self.enter_row = nn.Linear(variables, hidden), nn.Linear(rows, hidden)
            self.mix = nn.Linear(hidden, hidden)
        self.last = nn.Linear(variables + (hidden if rounds else 0), 1)

    def forward(self, inputs: Inputs) -> Tensor:
        """Return the logit of each variable to be above its lower bound, shape (variables,)."""
        features = [inputs.variables]
        if len(self.rounds):
            variables = nn.functional.silu(self.enter(inputs.variables))
            rows = nn.functional.silu(self.enter_row(inputs.rows))
            for turn in self.rounds:
                variables, rows = turn(variables, rows, inputs)
            features.append(nn.functional.silu(self.mix(variables)))
        logits: Tensor = self.last(torch.cat(features, dim=1)).squeeze(-1)
        return logits

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters as numpy arrays by the names under which they are stored."""
        return {name: p.detach().cpu().numpy().copy() for name, p in self.named_parameters()}


def _product(x: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
    result: Tensor = _Product.apply(x, *pair)  # type: ignore[no-untyped-call]
    return result


def _normed(x: Tensor) -> Tensor:
    return nn.functional.layer_norm(x, x.shape[1:], eps=1e-5)
