"""Systems whose dynamics are learned: what networks see of them, and how large they are."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from copt.envs import CartPoleWalls, ControlTask, PushT, transitions
from copt.envs.control_pushing import KEYPOINTS
from copt.envs.control_task import Explorer
from copt.models.control import View
from copt.models.control_fit import Pieces
from copt.problems.base import FloatArray
from copt.problems.planar import Planar, turned
from copt.problems.relu import ReluNet

__all__ = ["SYSTEMS", "System"]


@dataclass(frozen=True, eq=False)
class System:
    """A system whose dynamics are learned.

    Args:
        task: Returns the task.
        view: What networks see and tell, not yet scaled.
        widths: Of the hidden layers of the first network.
        budgets: ReLUs after each round of pruning; the last network is kept.
        steps: Steps of the pieces that episodes are cut into.
        alike: Whether what networks tell is in one unit.
        heading: Which way states point, shape (2, states), if the system is the same in every direction.
    """

    task: Callable[[], ControlTask]
    view: View
    widths: tuple[int, ...]
    budgets: tuple[int, ...]
    steps: int
    alike: bool = False
    heading: FloatArray | None = None

    def pieces(self, episodes: int, length: int, seed: int, policy: Explorer | None = None) -> Pieces:
        """Return pieces of random episodes, turned so that the first state of each points along (1, 0).

        Pieces that no outputs could tell are left out, such as those where the edge of the table stops the pusher.

        Args:
            episodes: How many.
            length: Steps of each.
            seed: Of states and actions.
            policy: Chooses the actions; the task's own ``explore`` if None.
        """
        states, actions = transitions(self.task(), episodes, length, seed=seed, policy=policy)
        pieces = Pieces.of(states, actions, self.steps)
        before, u, after = pieces.transitions()
        view = self.view
        missed = (
            np.hstack([before, u]) @ view.plain.T + view.told(before, after, by=u) @ view.motions.T + view.shift - after
        )
        pieces = pieces.kept(np.abs(missed).reshape(len(pieces.states), -1).max(axis=1) < 1e-6)
        if self.heading is None:
            return pieces
        x, y = self.heading @ pieces.states[:, 0].T
        cosine, sine = ((part / np.hypot(x, y))[:, None] for part in (x, -y))
        return Pieces(turned(pieces.states, cosine, sine), turned(pieces.actions, cosine, sine))

    def scaled(self, pieces: Pieces) -> "System":
        """Return the system with a view that is scaled to such pieces."""
        return replace(self, view=self.view.scaled(pieces.states, pieces.actions, alike=self.alike))

    def dynamics(self, net: ReluNet) -> ReluNet | Planar:
        """Return what plans can be made with, by a network that sees and tells through the view."""
        outward = self.view.outward(net)
        return outward if self.heading is None else Planar(outward, self.heading)


def _pushing() -> View:
    """Return the view of a block that moves as a rigid one does to first order, and of a pusher that goes anywhere.

    Networks see the middle of the keypoints from the pusher, a unit vector along the bar, and the action. They tell how
    the keypoints move along and turn (and grow, which tells a turn's second order), in lengths of the whole vector.
    """
    x, y = slice(0, 8, 2), slice(1, 8, 2)
    features = np.zeros((6, 12))
    features[0, x] = features[1, y] = 0.25
    features[[0, 1], [8, 9]] = -1.0
    features[[2, 3], [2, 3]], features[[2, 3], [0, 1]] = 1.0, -1.0
    features[2:4] /= KEYPOINTS[1, 0] - KEYPOINTS[0, 0]
    features[[4, 5], [10, 11]] = 1.0
    plain = np.eye(10, 12)
    plain[[8, 9], [10, 11]] = 1.0
    motions, around = np.zeros((10, 4)), KEYPOINTS - KEYPOINTS.mean(axis=0)
    motions[x, 0] = motions[y, 1] = 0.5
    motions[x, 2], motions[y, 2] = around.T
    motions[x, 3], motions[y, 3] = -around[:, 1], around[:, 0]
    motions[:, 2:] /= np.linalg.norm(around)
    return View(features, np.zeros(6), plain, np.zeros(10), motions)


SYSTEMS = {
    "cartpole-walls": System(CartPoleWalls, View.whole(4, 1), widths=(24,), budgets=(16, 8, 4, 3, 2), steps=3),
    "pusht": System(
        PushT,
        _pushing(),
        widths=(24, 24, 24, 24),
        budgets=(64, 48, 32),
        steps=5,
        alike=True,
        heading=np.eye(2, 10, 2) - np.eye(2, 10),
    ),
}
