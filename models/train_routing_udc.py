"""Training run of UDC for routing; ``copt train routing-udc --help`` lists its arguments.

Divide, conquer, reunite (Zheng et al., NeurIPS 2024): on one random problem a step, the dividing net samples
sequences, the conquering net samples new paths for their parts, and again after the cuts have moved by half a part;
both learn by REINFORCE, jointly and from scratch, against the mean of their own samples. The defaults are what one
CPU core can do in half an hour. The published scale took 140 to 230 hours on a V100; ``--devices`` spreads it::

    copt train routing-udc --smallest 500 --largest 1000 --part 100 --neighbours 100 --starts 40 --samples 25
        --hidden 64 --layers 12 6 --rate 1e-4 --divide-rate 1e-4 --minutes 14000 --device cuda

There the conquering net was twice as wide; routes took ``--samples 20 --capacity 100 200``.
"""

import dataclasses
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from copt.errors import CoptError
from copt.instances.routing import GENERATORS
from copt.models import store
from copt.models.routing_graph import graph_data
from copt.models.routing_udc import Paths, UdcNet, Walks, path_costs
from copt.models.store import StoredPolicy
from copt.problems.routing import FloatArray, Routing, objective
from copt.solvers.routing.udc import Divider, even_bounds, sequence_of_walk
from copt.solvers.routing.udc_gaps import ROUNDS, compare, mean, searched
from copt.solvers.routing.udc_kernels import Walk
from copt.solvers.routing.udc_paths import (
    Parts,
    Sequence,
    by_angle,
    capacity_of,
    cut,
    frames_of,
    mirrored,
    routes_of,
)

__all__ = ["Args", "main"]

PROTOCOL = (
    "mean length of 16 instances of the generator of the same name, seeds 1000 to 1015; x0: best of 8 sequences "
    "decoded from the heat map; x2, x10, x50: after so many conquer rounds; greedy_start_x50: 50 rounds from "
    "the greedy tour or the savings routes instead; untrained: the same search with the weights before training"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    problem: Literal["tsp", "cvrp"] = "tsp"
    """Tours, or capacitated routes."""
    name: str = ""
    """Name to store the policy under; by default ``routing-udc-tsp-v1`` or ``routing-udc-cvrp-v1``."""
    minutes: float = 27.0
    """Wall time of the training."""
    seed: int = 0
    """Seed of problems, samples and weights."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; ``auto`` takes a GPU where there is one."""
    devices: int = 1
    """Processes, each on a device of its own, that train together."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""
    smallest: int = 150
    """Fewest customers of a problem, a multiple of ``part``."""
    largest: int = 250
    """Most customers of a problem."""
    capacity: tuple[int, int] = (50, 150)
    """Least and most capacity of a vehicle; demands are 1 to 9."""
    part: int = 50
    """Customers of a path that the conquering net constructs."""
    neighbours: int = 20
    """Edges of each node in the graph of the dividing net."""
    starts: int = 8
    """Sequences that the dividing net samples on a problem."""
    samples: int = 8
    """Constructions of each path from either end."""
    hidden: int = 32
    """Width of both nets."""
    layers: tuple[int, int] = (4, 3)
    """Layers of the dividing and of the conquering net."""
    rate: float = 1e-3
    """First learning rate of the conquering net; it falls along a cosine."""
    divide_rate: float = 1e-3
    """First learning rate of the dividing net, which falls with it."""
    measure: bool = True
    """Whether to measure the gain at the end, a few minutes, for the card."""


def random_problem(args: Args, rng: np.random.Generator) -> Routing:
    """Return a random problem whose size is a multiple of a part, so that all parts are of one size."""
    size = int(rng.choice(np.arange(args.smallest, args.largest + 1, args.part)))
    seed = int(rng.integers(2**31))
    if args.problem == "tsp":
        return GENERATORS["neural-tsp"](nodes=size, seed=seed)
    capacity = int(rng.integers(args.capacity[0], args.capacity[1], endpoint=True))
    return GENERATORS["neural-cvrp"](customers=size, seed=seed, capacity=capacity)


def walks_of(walks: list[Walk], depot: int | None, device: torch.device) -> Walks:
    """Return decoded walks for torch, padded with visits that nothing was chosen at."""
    visits, segments = max(w.sequence.size for w in walks), max(w.starts.size for w in walks)

    def padded(arrays: list[NDArray[Any]], size: int, value: int) -> Tensor:
        rows = [np.pad(a, [(0, size - len(a))] + [(0, 0)] * (a.ndim - 1), constant_values=value) for a in arrays]
        stacked = np.stack(rows)
        return torch.from_numpy(stacked if stacked.dtype == np.bool_ else stacked.astype(np.int64)).to(device)

    return Walks(
        sequence=padded([w.sequence for w in walks], visits, 0),
        column=padded([w.column for w in walks], visits - 1, -1),
        allowed=padded([w.allowed for w in walks], visits - 1, 0),
        segment=padded([w.segment for w in walks], visits - 1, 0),
        starts=padded([w.starts for w in walks], segments, 0),
        depot=-1 if depot is None else depot,
    )


def paths_of(instance: Routing, parts: Parts, device: torch.device) -> Paths:
    """Return parts of one size for torch."""
    frames = frames_of(instance, parts)
    capacity = np.full(len(parts.size), capacity_of(instance))
    arrays = (*frames, instance.demands[parts.nodes], capacity, parts.limits)
    return Paths(*(torch.from_numpy(array.astype(np.float32)).to(device) for array in arrays))


class Trainer:
    """Networks and optimisers of one run; with several processes, of one of them.

    Args:
        args: Arguments of the run.
        fabric: The devices.
    """

    def __init__(self, args: Args, fabric: Fabric) -> None:
        self.args, self.fabric = args, fabric
        torch.manual_seed(args.seed)
        self.net = UdcNet(args.problem == "cvrp", args.hidden, args.layers)
        parts = (self.net.divide, self.net.conquer)
        adam = [torch.optim.Adam(part.parameters()) for part in parts]
        self.divide, self.divide_adam = fabric.setup(parts[0], adam[0])
        self.conquer, self.conquer_adam = fabric.setup(parts[1], adam[1])
        torch.manual_seed(args.seed + 1 + fabric.global_rank)
        self.rng = np.random.default_rng([args.seed, fabric.global_rank])

    def policy(self) -> StoredPolicy:
        """Return the current weights as a policy."""
        card = {"role": "udc", "problem": self.args.problem, "arguments": dataclasses.asdict(self.args)}
        return StoredPolicy(self.args.name, "routing", self.net.arrays(), card)

    def step(self, instance: Routing, pace: float = 1.0) -> tuple[float, float, float]:
        """Learn from one problem; return the mean lengths of sampled, of conquered and of reunited solutions.

        Args:
            instance: A problem of whole parts.
            pace: Factor of the first learning rates.
        """
        args = self.args
        for adam, rate in ((self.divide_adam, args.divide_rate), (self.conquer_adam, args.rate)):
            for group in adam.param_groups:
                group["lr"] = pace * rate
        divider = Divider(instance, self.net.arrays(), args.neighbours, args.part)
        walks = [divider.walk(self.rng, sample=True) for _ in range(args.starts)]
        sequences = [sequence_of_walk(instance, walk) for walk in walks]
        lengths = [self._lengths(instance, sequences)]
        for shift in (args.part // 2, 2 * (args.part // 2)):  # conquer, then reunite
            sequences = self.conquered(instance, sequences, shift)
            lengths.append(self._lengths(instance, sequences))
        reward = torch.from_numpy(lengths[-1].astype(np.float32)).to(self.fabric.device)
        graph = graph_data(*divider.graph[:3]).to(self.fabric.device)
        batch = walks_of(walks, instance.depot, self.fabric.device)
        chance = self.divide(graph, batch)
        self._descend(((reward - reward.mean()) * chance).mean(), self.divide, self.divide_adam)
        first, second, third = (float(values.mean()) for values in lengths)
        return first, second, third

    def conquered(self, instance: Routing, sequences: list[Sequence], shift: int) -> list[Sequence]:
        """Sample new paths for all parts of all sequences and learn from them; return what they make better."""
        bounds = even_bounds(instance.customers.size, self.args.part)
        turned = [by_angle(instance, sequence).rolled(shift) for sequence in sequences]
        parts = Parts.stacked([cut(instance, sequence, bounds) for sequence in turned])
        made, better = self.constructed(instance, parts)
        shape = (len(sequences), -1)
        nodes, via = (np.where(better[:, None], made[k], parts[k]).reshape(shape) for k in (0, 1))
        return [Sequence(n, v).rolled(-shift) for n, v in zip(nodes, via, strict=True)]

    def constructed(self, instance: Routing, parts: Parts) -> tuple[Parts, NDArray[np.bool_]]:
        """Learn from samples of new paths; return the best of each part, and where it is better than the old one."""
        both = Parts.stacked([parts, mirrored(parts)])
        paths = paths_of(instance, both, self.fabric.device)
        order, via = self.net.conquer.sample(paths, self.args.samples)
        cost = path_costs(paths, order, via)
        two_sided = torch.cat(cost.chunk(2), dim=1)
        gain = cost - two_sided.mean(dim=1).repeat(2).unsqueeze(1)
        self._descend((gain * self.conquer(paths, order, via)).mean(), self.conquer, self.conquer_adam)
        count, size = parts.nodes.shape
        old = torch.arange(size, device=cost.device).expand(count, 1, size)
        flags = torch.from_numpy(parts.via).to(cost.device).unsqueeze(1)
        before = path_costs(Paths(*(field[:count] for field in paths)), old, flags).squeeze(1)
        best, pick = two_sided.min(dim=1)
        side, sample = np.divmod(pick.cpu().numpy(), self.args.samples)
        row = np.arange(count) + side * count
        made = both.rows(row).reordered(order.cpu().numpy()[row, sample], via.cpu().numpy()[row, sample])
        back = mirrored(made)
        nodes, calls = (np.where(side[:, None] == 1, back[k], made[k]) for k in (0, 1))
        calls[:, 0] = parts.via[:, 0]  # how a path is reached is not its own choice
        return parts._replace(nodes=nodes, via=calls), (best < before - 1e-5).cpu().numpy()

    def _descend(self, loss: Tensor, net: torch.nn.Module, adam: torch.optim.Optimizer) -> None:
        adam.zero_grad()
        self.fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()

    def _lengths(self, instance: Routing, sequences: list[Sequence]) -> FloatArray:
        return np.array([objective(instance, routes_of(sequence)) for sequence in sequences])


def held_out(problem: str, size: int, count: int, first: int) -> list[Routing]:
    """Return the generator's problems from seed ``first`` on."""
    word = "nodes" if problem == "tsp" else "customers"
    return [GENERATORS[f"neural-{problem}"](**{word: size, "seed": first + k}) for k in range(count)]


def measured(policy: StoredPolicy, untrained: StoredPolicy) -> dict[str, Any]:
    """Return mean lengths with and without training on problems of two sizes."""
    problem, arms = policy.card["problem"], {"trained": policy, "untrained": untrained}
    return {f"neural-{problem}-{size}": compare(arms, held_out(problem, size, 16, 1000)) for size in (200, 500)}


def summary(lengths: dict[str, Any]) -> str:
    """Return the gain in one line."""
    return "; ".join(
        f"{name}: {arms['trained']['x50']} after 50 rounds, untrained {arms['untrained']['x50']}, "
        f"greedy start {arms['greedy_start']}"
        for name, arms in lengths.items()
    )


def card_of(args: Args, facts: dict[str, object]) -> dict[str, object]:
    """Return the card: how the policy was trained, and what it gains."""
    arguments = {key: value for key, value in dataclasses.asdict(args).items() if key != "folder"}
    default = dataclasses.replace(Args(), name=f"routing-udc-{args.problem}-v1")
    options = [
        f"--{key.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, tuple) else value}"
        for key, value in arguments.items()
        if value != getattr(default, key)
    ]
    return {
        "command": " ".join(["copt train routing-udc", *options]),
        "role": "udc",
        "problem": args.problem,
        "arguments": arguments,
        "data": (
            f"random problems of the generator neural-{args.problem} with {args.smallest} to {args.largest} customers, "
            "one a step; no labels"
        ),
        "hardware": f"{platform.machine()}, {torch.get_num_threads()} thread(s), {args.devices} process(es)",
        "torch": torch.__version__,
        **facts,
    }


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train routing-udc"))


def run(args: Args) -> None:
    """Train and store the policy; the best weights on the validation problems are kept."""
    numbers = "minutes devices smallest part neighbours starts samples hidden rate divide_rate"
    for field in numbers.split():
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    if args.smallest % args.part or args.largest < args.smallest or args.part < 4:
        raise CoptError(
            f"smallest = {args.smallest} must be a multiple of part = {args.part}, at least 4, and at most largest"
        )
    args = dataclasses.replace(args, name=args.name or f"routing-udc-{args.problem}-v1")
    fabric = Fabric(accelerator=args.device, devices=args.devices)
    fabric.launch()
    trainer = Trainer(args, fabric)
    untrained = trainer.policy()
    policy, facts = trained(trainer)
    if fabric.is_global_zero:
        if args.measure:
            lengths = measured(policy, untrained)
            facts["summary"] = summary(lengths)
            facts["measured"] = {"mean_length": lengths, "protocol": PROTOCOL}
        path = store.save(args.name, "routing", policy.weights, card_of(args, facts), args.folder)
        print(f"stored {path}")


def trained(trainer: Trainer) -> tuple[StoredPolicy, dict[str, object]]:
    """Train; return the best policy on the validation problems and what its card says of the training."""
    args, problems = trainer.args, held_out(trainer.args.problem, 200, 8, 2000)
    began, limit, looked, steps, best = time.perf_counter(), 60 * args.minutes, 0.0, 0, float("inf")
    elapsed, lengths = 0.0, []
    while elapsed < limit:
        pace = max(0.02, 0.5 + 0.5 * float(np.cos(np.pi * elapsed / limit)))
        lengths.append(trainer.step(random_problem(args, trainer.rng), pace))
        steps += 1
        # All processes must make the same number of steps.
        elapsed = trainer.fabric.broadcast(time.perf_counter() - began)
        if elapsed - looked < limit / 25 and elapsed < limit:
            continue
        looked, policy = elapsed, trainer.policy()
        start, short, long = (mean([searched(p, policy, r) for p in problems]) for r in ROUNDS[:3])
        sampled = " ".join(f"{value:.2f}" for value in np.mean(lengths, axis=0))
        trainer.fabric.print(
            f"{elapsed:6.0f} s {steps:5d} steps  sampled {sampled}  x0 {start} x2 {short} x10 {long}", flush=True
        )
        lengths = []
        if start + long < best:
            best, winner = start + long, policy
            facts: dict[str, object] = {
                "minutes": round(elapsed / 60, 1),
                "steps": steps,
                "device": str(trainer.fabric.device),
                "validation_mean_length": {"x0": start, "x2": short, "x10": long},
            }
    return winner, facts
