"""Training run of sparse dynamics; ``copt train control --help`` lists its arguments.

A residual network learns how a system moves, from rollouts over random episodes. Then rounds take the ReLUs that it
needs least, replace each by the affine function closest to it, and train the rest on, until few enough are left for a
planner to decide about each (after Liu et al. 2023). Before each round, the network as it is may drive the system:
rounds learn from what comes of it as well. What is stored comes with its errors on unseen episodes beside those of the
first network and of its controls with as many ReLUs.
"""

import dataclasses
import itertools
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from lightning_fabric import Fabric

from copt.errors import CoptError, UnknownNameError
from copt.instances.control_weights import arrays_of, dynamics_of
from copt.models import store
from copt.models.control import random_net
from copt.models.control_fit import Pieces, Recipe, errors, fitted
from copt.models.control_newton import refined
from copt.models.control_prune import magnitudes, needs, pruned
from copt.models.control_systems import SYSTEMS, System
from copt.models.train_control_drive import driven
from copt.problems.base import FloatArray
from copt.problems.pairwise import Pairwise
from copt.problems.planar import Planar
from copt.problems.relu import RELU, ReluNet
from copt.solvers.relu_bounds import crown_bounds

__all__ = ["Args", "main", "run"]

UNSEEN, DRIVEN = 1_000_000, 500_000  # seeds from there on are for measuring, and for driving
SAMPLE = 4_000  # transitions that units are ranked on, and the output layer fitted on
FEW = 64  # ReLUs of networks that the curvature is worked out for
HORIZONS = 5, 10
Arm = Literal["need", "kinds", "magnitude", "random", "direct", "fixed", "dense"]
PRUNED: tuple[Arm, ...] = ("need", "kinds", "magnitude", "random")
PROTOCOL = (
    "errors: root mean squares of what networks tell wrongly after so many steps, on unseen random episodes, relative "
    "to the root mean square of the motion until then; [one step, all steps of a piece]. need: the ReLUs go whose "
    "replacement by the closest affine function costs least; kinds: those that Gumbel-softmax masks give the least "
    "probability (Liu et al. 2023); magnitude, random: those with the smallest weights, or any; all with the same "
    "first network, rounds and updates. direct: as many ReLUs in as many layers from random weights, with as many "
    "updates as first network and rounds together; fixed: the same, one layer of ReLUs beside a linear map (Brenner et "
    "al. 2024); dense: the first network, trained on with all updates of the rounds. driven: errors on unseen episodes "
    "that the kept network drives. unstable: mean number of ReLUs "
    "over 5 and 10 steps that CROWN bounds cannot decide, from unseen "
    "states, all actions allowed. minutes: of processor time, without controls"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    system: str
    """The system: cartpole-walls or pusht."""
    name: str = ""
    """Name to store the dynamics under; control-SYSTEM-v1 by default."""
    first: str = ""
    """Stored dynamics to prune, instead of training a first network."""
    widths: tuple[int, ...] | None = None
    """Widths of the hidden layers of the first network; by default those of the system."""
    budgets: tuple[int, ...] | None = None
    """ReLUs left after each round, none for the first network alone; by default those of the system."""
    episodes: int = 8_000
    """Random episodes to learn from."""
    drives: int = 0
    """Episodes before each round that are driven with the network as it is; rounds learn as much from all of them."""
    held_out: int = 500
    """Episodes to measure on."""
    length: int = 20
    """Steps of an episode."""
    updates: int = 20_000
    """Updates of the first network."""
    round_updates: int = 10_000
    """Updates after each round."""
    rate: float = 3e-3
    """First learning rate; it falls along a cosine."""
    batch: int = 512
    """Rollouts of an update."""
    steps: int = 1
    """Steps of a rollout."""
    noise: float = 0.0
    """Standard deviation of what is added to where rollouts start, in units of motion."""
    decay: float = 0.0
    """Weight of the mean magnitude of the weights."""
    hard: float = 0.0
    """Rollouts weigh exp(hard * error), up to 16."""
    newton: int = 20
    """Iterations of Gauss and Newton's method after that, where few ReLUs are left."""
    rank: Arm = "need"
    """What says which ReLUs go."""
    controls: tuple[Arm, ...] = ()
    """Controls to train and measure."""
    seed: int = 0
    """Seed of data and weights."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """Where to train."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""


class Bench:
    """Data of a system, and what trains and measures networks on it.

    Args:
        args: Arguments of the run.
    """

    def __init__(self, args: Args) -> None:
        self.args, base = args, SYSTEMS[args.system]
        self._random = base.pieces(args.episodes, args.length, args.seed)
        self.unseen = base.pieces(args.held_out, args.length, UNSEEN + args.seed)
        self.system: System = base.scaled(self._random)
        self.budgets = base.budgets if args.budgets is None else args.budgets
        self.widths = base.widths if args.widths is None else args.widths
        self._fabric = Fabric(accelerator=args.device, devices=1)
        self._rng = np.random.default_rng(args.seed)
        self._learn(self._random)

    def _learn(self, seen: Pieces) -> None:
        """Learn from such pieces from now on."""
        self.seen, self._pairs = seen, seen.pairs(self.system.view)
        inputs, outputs = self._pairs
        some = self._rng.choice(len(inputs), min(SAMPLE, len(inputs)), replace=False)
        self._sample = inputs[some], outputs[some]

    def driven(self, net: ReluNet, episodes: int, seed: int) -> Pieces:
        """Return pieces of episodes that a network drives."""
        drive = driven(self.system.task(), self.system.dynamics(net))
        return self.system.pieces(episodes, self.args.length, seed, drive)

    def start(self, widths: Sequence[int]) -> ReluNet:
        """Return a random network."""
        inputs, outputs = self._sample
        return random_net(inputs.shape[1], widths, outputs.shape[1], self._rng)

    def first(self) -> ReluNet:
        """Return the first network, trained or as it is stored."""
        if not self.args.first:
            return self.trained(self.start(self.widths), self.args.updates)[0]
        stored = dynamics_of(store.load(self.args.first).weights)
        if isinstance(stored, Pairwise):
            raise CoptError(f"{self.args.first} is shared by many things; give dynamics of the system")
        return self.system.view.inward(stored.net if isinstance(stored, Planar) else stored)

    def trained(self, net: ReluNet, updates: int, *, draw: bool = False) -> tuple[ReluNet, FloatArray]:
        """Return a network trained on, and the probabilities of its units' kinds."""
        args = self.args
        recipe = Recipe(updates, args.rate, args.batch, args.steps, args.noise, args.decay, args.hard)
        return fitted(net, self.system.view, self.seen, recipe, self._fabric, args.seed, draw=draw)

    def rounds(self, net: ReluNet, rank: Arm) -> list[ReluNet]:
        """Return the networks after each round of pruning, trained on."""
        found: list[ReluNet] = []
        courses: list[Pieces] = []
        self._learn(self._random)
        for budget in self.budgets:
            updates = self.args.round_updates
            if self.args.drives:
                courses.append(self.driven(net, self.args.drives, DRIVEN + self.args.seed + len(courses)))
                self._learn(self._random.balanced(courses))
            if rank == "kinds":
                net, chances = self.trained(net, updates // 2, draw=True)
                updates -= updates // 2
                net = pruned(net, budget, partial(_constant, chances[:, RELU]), *self._sample, parts=1)
            else:
                net = pruned(net, budget, self._ranking(rank), *self._sample)
            found.append(net := self.settled(net, updates))
            self.tell(rank, net)
        return found

    def control(self, arm: Arm, dense: ReluNet) -> list[ReluNet]:
        """Return the networks of a control, by the first network of the run.

        Those without rounds learn from what the rounds before them drove.
        """
        if arm == "dense":
            net, _ = self.trained(dense, len(self.budgets) * self.args.round_updates)
            self.tell(arm, net)
            return [net]
        return self.rounds(dense, arm) if arm in PRUNED else self.straight(arm)

    def straight(self, arm: Arm) -> list[ReluNet]:
        """Return networks of each budget trained from random weights, in the layers of the first one or in one."""
        found = []
        for k, budget in enumerate(self.budgets):
            layers = min(budget, len(self.widths)) if arm == "direct" else 1
            net = self.start([budget // layers + (i < budget % layers) for i in range(layers)])
            found.append(self.settled(net, self.args.updates + (k + 1) * self.args.round_updates))
            self.tell(arm, found[-1])
        return found

    def settled(self, net: ReluNet, updates: int) -> ReluNet:
        """Return a network trained on, first along gradients and then, if it is small, with the curvature."""
        net, _ = self.trained(net, updates)
        if net.units > FEW:
            return net
        return refined(net, *self._pairs, self.args.newton, self._rng)

    def errors(self, net: ReluNet, unseen: Pieces | None = None) -> list[float]:
        """Return relative errors after one step and after all steps of a piece, on unseen episodes, random if None."""
        found = errors(net, self.system.view, self.unseen if unseen is None else unseen)
        return [float(f"{found[0]:.4g}"), float(f"{found[-1]:.4g}")]

    def unstable(self, net: ReluNet) -> list[float]:
        """Return how many ReLUs may be on either side over each of ``HORIZONS``, on average over unseen states."""
        dynamics, reach = self.system.dynamics(net), self.system.task().reach
        plain = dynamics.net if isinstance(dynamics, Planar) else dynamics
        counts = []
        for horizon in HORIZONS:
            long, box = plain.unrolled(horizon), np.tile(reach, horizon)
            found = []
            for x in self.unseen.states[:: max(1, len(self.unseen.states) // 12), 0][:12]:
                bounds = crown_bounds(long, np.concatenate([x, -box]), np.concatenate([x, box]))
                found.append(int(bounds.unstable(long).sum()))
            counts.append(round(float(np.mean(found)), 1))
        return counts

    def tell(self, arm: str, net: ReluNet) -> None:
        """Print how far a network is off."""
        print(f"{arm:10s} {net.units:4d} ReLUs  errors {self.errors(net)}", flush=True)

    def _ranking(self, rank: Arm) -> Callable[[ReluNet], FloatArray]:
        if rank == "need":
            return lambda net: needs(net, *self._sample)
        return magnitudes if rank == "magnitude" else lambda net: self._rng.random(net.units)


def _constant(values: FloatArray, net: ReluNet) -> FloatArray:
    return values


def main(args: list[str]) -> None:
    """Train and store dynamics.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train control"))


def run(args: Args) -> None:
    """Train, prune, measure and store."""
    _check(args)
    torch.set_num_threads(1)  # networks are so small that threads only wait for each other
    began, bench = time.process_time(), Bench(args)
    dense = bench.first()
    bench.tell("dense", dense)
    arms = {args.rank: bench.rounds(dense, args.rank)}
    kept = arms[args.rank][-1] if bench.budgets else dense
    minutes = round((time.process_time() - began) / 60, 1)
    bench.tell("kept", kept)
    for arm in args.controls:
        arms[arm] = bench.control(arm, dense)
    measured: dict[str, Any] = {
        "errors": bench.errors(kept),
        "unstable": dict(zip(map(str, HORIZONS), bench.unstable(kept), strict=True)),
        "dense": {"relus": dense.units, "errors": bench.errors(dense)},
        **({"driven": bench.errors(kept, bench.driven(kept, args.drives, UNSEEN + args.seed))} if args.drives else {}),
        "arms": {arm: {str(net.units): bench.errors(net) for net in nets} for arm, nets in arms.items()},
    }
    facts: dict[str, Any] = {"minutes": minutes, "relus": kept.units, "measured": measured}
    facts["summary"] = (
        f"{kept.units} ReLUs, errors after one step and {bench.system.steps}: "
        f"{' and '.join(f'{100 * error:.3g} %' for error in measured['errors'])} of the motion; "
        f"{dense.units} ReLUs: {' and '.join(f'{100 * error:.3g} %' for error in measured['dense']['errors'])}"
    )
    name = args.name or f"control-{args.system}-v1"
    path = store.save(name, "control", arrays_of(bench.system.dynamics(kept)), card_of(args, facts), args.folder)
    print(facts["summary"], f"stored {path}", sep="\n")


def card_of(args: Args, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the card: how the dynamics were trained, and how wrong they are."""
    kept = {key: value for key, value in dataclasses.asdict(args).items() if key != "folder"}
    words = [
        f"--{f.name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, tuple) else value}".rstrip()
        for f in dataclasses.fields(Args)
        if f.name in kept and (value := kept[f.name]) != f.default
    ]
    return {
        "role": "dynamics",
        "command": " ".join(["copt train control", *words]),
        "arguments": kept,
        "data": f"{args.episodes} episodes of {args.length} random actions, and {args.drives} driven a round, "
        f"seed {args.seed}",
        "hardware": f"{platform.machine()}, {args.device}, {torch.get_num_threads()} thread(s)",
        "torch": torch.__version__,
        "protocol": PROTOCOL,
        **facts,
    }


def _check(args: Args) -> None:
    if args.system not in SYSTEMS:
        raise UnknownNameError("system", args.system, SYSTEMS, f"choose one of: {', '.join(SYSTEMS)}")
    for field in ("episodes", "held_out", "length", "updates", "round_updates", "rate", "batch", "steps"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    pieces = SYSTEMS[args.system].steps
    if not args.steps <= pieces <= args.length:
        raise CoptError(f"episodes are cut into pieces of {pieces} steps; choose steps <= {pieces} <= length")
    budgets = SYSTEMS[args.system].budgets if args.budgets is None else args.budgets
    if any(late > early for early, late in itertools.pairwise(budgets)) or min(budgets, default=0) < 0:
        raise CoptError(f"budgets must not rise from round to round, got {' '.join(map(str, budgets))}")
    if args.drives < 0:
        raise CoptError(f"drives must not be negative, got {args.drives}")
    if args.rank not in PRUNED:
        raise CoptError(f"rank must be one of {', '.join(PRUNED)}, got {args.rank}")
