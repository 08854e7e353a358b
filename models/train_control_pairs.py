"""Training run of dynamics that any number of like things share; ``copt train control-pairs --help`` lists arguments.

Two small networks learn how a stroke moves a disc, and how a disc that is moved moves another one (``Pairwise``), from
random strokes over a table with a few discs. Rounds take the ReLUs that are needed least, as for the dynamics of one
system (``train_control``). What is stored comes with its errors on unseen episodes, also with more discs than it
learned from, beside those of plain networks and of a linear map.
"""

import dataclasses
import itertools
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from lightning_fabric import Fabric

from copt.envs import Sorting, transitions
from copt.errors import CoptError
from copt.instances.control_weights import arrays_of
from copt.models import store
from copt.models.control import View, random_net
from copt.models.control_fit import Pieces, Recipe, errors, errors_of, fit, fitted
from copt.models.control_newton import refined
from copt.models.control_pairs import PairNet
from copt.models.control_prune import needs, pruned, refitted
from copt.problems.base import FloatArray
from copt.problems.pairwise import ACTIONS, SEEN, TOLD, Pairwise
from copt.problems.relu import RELU, ReluNet

__all__ = ["Args", "main", "run"]

UNSEEN = 1_000_000  # seeds from here on are for measuring
SAMPLE = 4_000  # transitions that units are ranked on
PIECE = 3  # strokes of a piece of an episode, after which errors are measured
PROTOCOL = (
    "errors: root mean squares of what is told wrongly of places after 1 stroke and after 3, on unseen random episodes "
    "with so many discs, relative to the root mean square of the motion until then: standing still has error 1. plain: "
    "a network of two layers for the discs of the training, with as many ReLUs as the shared ones then have, and large "
    "with more, from the same data by as many updates; linear: the best affine map. ReLUs go whose replacement by the "
    "closest affine function costs least. minutes: of processor time, with the data and without controls"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    name: str = "control-sorting-v1"
    """Name to store the dynamics under."""
    discs: int = 3
    """Discs on the table to learn from."""
    more: tuple[int, ...] = (5, 6)
    """Other numbers of discs to measure on."""
    own: tuple[int, ...] = (32, 32)
    """Widths of the hidden layers of the first network for what a stroke does."""
    other: tuple[int, ...] = (16,)
    """Widths of the hidden layers of the first network for what another disc does; plans have each twice a pair."""
    own_budgets: tuple[int, ...] = ()
    """ReLUs of the network for strokes that are left after each round; by default nothing is taken away."""
    other_budgets: tuple[int, ...] = ()
    """Likewise of the network for other discs."""
    episodes: int = 1_500
    """Random episodes to learn from."""
    held_out: int = 100
    """Episodes to measure on."""
    length: int = 20
    """Strokes of an episode."""
    updates: int = 6_000
    """Updates of the first networks."""
    round_updates: int = 3_000
    """Updates after each round."""
    rate: float = 5e-3
    """First learning rate; it falls along a cosine."""
    batch: int = 256
    """Strokes of an update."""
    newton: int = 10
    """Iterations of Gauss and Newton's method for what a stroke does, after all updates."""
    large: int = 512
    """ReLUs of the larger plain network; none is trained if 0."""
    seed: int = 0
    """Seed of data and weights."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""


class Bench:
    """Data of a table with discs, and what trains and measures networks on it.

    Args:
        args: Arguments of the run.
    """

    def __init__(self, args: Args) -> None:
        self.args = args
        self.seen = _pieces(args.discs, args.episodes, args.length, args.seed)
        self.transitions = before, _, after = self.seen.transitions()
        self.unit = math.sqrt(np.square(after - before).mean())
        self._rng = np.random.default_rng(args.seed)
        self._fabric = Fabric(accelerator="cpu", devices=1)

    def start(self) -> Pairwise:
        """Return random networks."""
        return Pairwise(*(random_net(SEEN, widths, TOLD, self._rng) for widths in (self.args.own, self.args.other)))

    def trained(self, net: Pairwise, updates: int) -> Pairwise:
        """Return networks trained on."""
        torch.manual_seed(self.args.seed)
        module = PairNet(net, self.unit)
        fit(module, self.seen, Recipe(updates, self.args.rate, self.args.batch), self._fabric)
        return module.net()

    def pruned(self, net: Pairwise, budgets: Sequence[int]) -> Pairwise:
        """Return networks of so many ReLUs that tell about the same."""
        x, u, _ = self.transitions
        some = self._rng.choice(len(x), min(SAMPLE, len(x)), replace=False)
        own, _, other = inputs_of(net, x[some], u[some])
        return Pairwise(_pruned(net.own, budgets[0], own), _pruned(net.other, budgets[1], other))

    def refined(self, net: Pairwise) -> Pairwise:
        """Return networks of which that for strokes fits better what that for other discs leaves."""
        x, u, after = self.transitions
        inputs, motions, _ = inputs_of(net, x, u)
        others = net.of(self.args.discs).forward(np.hstack([x, u])) - x - motions
        target = (after - x - others).reshape(-1, TOLD)
        return Pairwise(refined(net.own, inputs, target, self.args.newton, self._rng), net.other)

    def plain(self, relus: int) -> tuple[ReluNet, View]:
        """Return a plain network for the discs of the training, and what it sees and tells; a linear map without ReLUs.

        Its layers see the inputs and all layers before, and it is trained by as many updates as the shared ones are.
        """
        args, seen = self.args, self.seen
        view = View.whole(2 * args.discs, ACTIONS).scaled(seen.states, seen.actions, alike=True)
        if relus == 0:
            empty = random_net(len(view.features), (), 2 * args.discs, self._rng)
            return refitted(empty, *seen.pairs(view)), view
        net = random_net(len(view.features), (relus - relus // 2, relus // 2), 2 * args.discs, self._rng)
        updates = args.updates + len(args.own_budgets) * args.round_updates
        recipe = Recipe(updates, args.rate, args.batch)
        return fitted(net, view, seen, recipe, self._fabric, args.seed)[0], view


def inputs_of(net: Pairwise, x: FloatArray, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what the first network sees and tells, and what the second one sees, a row for each thing or pair.

    Args:
        net: The networks.
        x: States, shape (batch, 2 things).
        u: Strokes, shape (batch, 4).

    Returns:
        Shapes (batch * things, 4), (batch, 2 * things) and (batch * pairs, 4).
    """
    module, places = PairNet(net, 1.0, torch.float64), torch.from_numpy(x).view(len(x), -1, 2)
    with torch.no_grad():
        own = module.seen(places, torch.from_numpy(u)).flatten(0, 1)
        motions = module.own(own)
        other = module.met(places, motions.view_as(places)).flatten(0, 1)
    return own.numpy(), motions.numpy().reshape(x.shape), other.numpy()


def _pruned(net: ReluNet, budget: int, inputs: FloatArray) -> ReluNet:
    told = net.forward(inputs)
    return pruned(net, budget, lambda found: needs(found, inputs, told), inputs, told)


def _pieces(discs: int, episodes: int, length: int, seed: int) -> Pieces:
    return Pieces.of(*transitions(Sorting(discs), episodes, length, seed=seed), PIECE)


def main(args: list[str]) -> None:
    """Train and store dynamics.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train control-pairs"))


def run(args: Args) -> None:
    """Train, prune, measure and store."""
    _check(args)
    torch.set_num_threads(1)  # the time of the training counts processor time
    began, bench = time.process_time(), Bench(args)
    net = bench.trained(bench.start(), args.updates)
    for budgets in zip(args.own_budgets, args.other_budgets, strict=True):
        net = bench.trained(bench.pruned(net, budgets), args.round_updates)
    net = bench.refined(net)
    minutes = round((time.process_time() - began) / 60, 1)
    relus = int((net.of(args.discs).kind == RELU).sum())
    measured = measure(bench, net, relus)
    facts = {"minutes": minutes, "relus": [net.own.units, net.other.units], "measured": measured}
    facts["summary"] = (
        f"{net.own.units} ReLUs a disc and {2 * net.other.units} a pair, errors after 1 stroke and {PIECE}: "
        + "; ".join(
            f"{discs} discs {' and '.join(f'{100 * error:.3g} %' for error in found)}"
            for discs, found in measured["errors"].items()
        )
    )
    path = store.save(args.name, "control", arrays_of(net), card_of(args, facts), args.folder)
    print(facts["summary"], f"stored {path}", sep="\n")


def measure(bench: Bench, net: Pairwise, relus: int) -> dict[str, Any]:
    """Return errors on unseen episodes, by the number of discs, and those of controls."""
    args, module = bench.args, PairNet(net, bench.unit, torch.float64)
    unseen = {k: _pieces(k, args.held_out, args.length, UNSEEN + args.seed) for k in (args.discs, *args.more)}
    found: dict[str, Any] = {"errors": {str(k): _ends(errors_of(module, data)) for k, data in unseen.items()}}
    print("shared", found["errors"], flush=True)
    for arm, size in (("linear", 0), ("plain", relus), ("large", args.large)):
        if size or arm == "linear":
            control = bench.plain(size)
            found[arm] = {"relus": size, "errors": _ends(errors(*control, unseen[args.discs]))}
            print(arm, found[arm], flush=True)
    return found


def _ends(found: list[float]) -> list[float]:
    return [float(f"{found[k]:.4g}") for k in (0, -1)]


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
        "command": " ".join(["copt train control-pairs", *words]),
        "arguments": kept,
        "data": f"{args.episodes} episodes of {args.length} random strokes at {args.discs} discs, seed {args.seed}",
        "hardware": f"{platform.machine()}, cpu, {torch.get_num_threads()} thread(s)",
        "torch": torch.__version__,
        "protocol": PROTOCOL,
        **facts,
    }


def _check(args: Args) -> None:
    for field in ("episodes", "held_out", "updates", "round_updates", "rate", "batch"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    if args.discs < 2 or args.length < PIECE:
        raise CoptError(f"discs = {args.discs} and length = {args.length}; give at least 2 and {PIECE}")
    if len(args.own_budgets) != len(args.other_budgets):
        raise CoptError(
            f"own_budgets has {len(args.own_budgets)} rounds, other_budgets {len(args.other_budgets)}; give as many"
        )
    for budgets in (args.own_budgets, args.other_budgets):
        if any(late > early for early, late in itertools.pairwise(budgets)) or min(budgets, default=0) < 0:
            raise CoptError(f"budgets must not grow from round to round, got {' '.join(map(str, budgets))}")
