"""Dynamics of things in the plane, which are the same in every direction."""

from dataclasses import dataclass

import numpy as np

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray
from copt.problems.relu import ReluNet

__all__ = ["Planar", "turned"]


@dataclass(frozen=True, eq=False)
class Planar:
    """A network for states and actions made of pairs x, y that need only be right where things point about one way.

    Turned together with the state, it is right everywhere. A network for one direction needs far fewer units than one
    for all: how a pushed block moves depends on where it is pushed as it is seen from the block.

    Args:
        net: The next state by state and action, for states whose heading is about (1, 0).
        heading: Which way a state points, up to a factor, is ``heading @ state``, shape (2, states).

    Raises:
        InvalidNetworkError: If states and actions are no pairs, or the heading does not fit.
    """

    net: ReluNet
    heading: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "heading", np.array(self.heading, dtype=np.float64))
        if self.net.inputs % 2 or self.net.outputs % 2:
            raise InvalidNetworkError(f"{self.net.inputs} inputs and {self.net.outputs} outputs are not pairs x, y")
        if self.heading.shape != (2, self.net.outputs) or not np.isfinite(self.heading).all():
            raise InvalidNetworkError(
                f"heading must be finite numbers of shape (2, {self.net.outputs}), got shape {self.heading.shape}"
            )

    def at(self, state: FloatArray) -> ReluNet:
        """Return the network to plan with from a state of shape (states,).

        Raises:
            InvalidNetworkError: If the state does not fit, or points nowhere.
        """
        if np.shape(state) != (self.net.outputs,):
            raise InvalidNetworkError(f"the state has shape {np.shape(state)} instead of ({self.net.outputs},)")
        x, y = self.heading @ state
        length = float(np.hypot(x, y))
        if not 0.0 < length < np.inf:
            raise InvalidNetworkError("the state points nowhere: its heading is zero or not finite")
        back = turned(np.eye(self.net.inputs), x / length, -y / length).T
        forth = turned(np.eye(self.net.outputs), x / length, y / length).T
        weights = [np.hstack([w[:, : self.net.inputs] @ back, w[:, self.net.inputs :]]) for w in self.net.weights]
        weights[-1] = forth @ weights[-1]
        return ReluNet(
            self.net.inputs, tuple(weights), (*self.net.biases[:-1], forth @ self.net.biases[-1]), self.net.kinds
        )


def turned(pairs: FloatArray, cosine: FloatArray | float, sine: FloatArray | float) -> FloatArray:
    """Return vectors of pairs x, y, shape (..., 2 n), with each pair turned counter-clockwise.

    Args:
        pairs: The vectors.
        cosine: Of the angle, a number or of shape (...,).
        sine: Likewise.
    """
    found = np.empty_like(pairs)
    c, s = np.asarray(cosine)[..., None], np.asarray(sine)[..., None]
    found[..., 0::2] = c * pairs[..., 0::2] - s * pairs[..., 1::2]
    found[..., 1::2] = s * pairs[..., 0::2] + c * pairs[..., 1::2]
    return found
