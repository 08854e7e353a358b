"""Training run of Neur2RO for two-stage knapsacks; ``copt train robust-neur2ro --help`` lists its arguments.

As Dumouchelle, Julien, Kurtz and Khalil (ICLR 2024) train it: random instances, random decisions for each, random
scenarios for each decision; the label is the least cost of the second stage, which a compiled dynamic program finds
here. One network learns from all sizes and classes.
"""

import csv
import dataclasses
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import tyro
from lightning_fabric import Fabric
from torch import Tensor

from copt.errors import CoptError
from copt.instances.bounds import best_known
from copt.models import store
from copt.models.robust_neur2ro import Neur2roNet
from copt.models.store import StoredPolicy
from copt.problems.base import IntArray
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.read import read
from copt.solve import solve
from copt.solvers.robust.neur2ro_samples import SIZES, Samples, labelled, random_instance

__all__ = ["Args", "main"]

VALIDATION = 0.2  # share of the samples
PAPER = 0.0030  # mean absolute error of the scaled label that the paper reports
PROTOCOL = (
    "gap_percent: 100 (best - value) / best, where best is the best known value of a benchmark instance, or the best "
    "of the arms for a generated one; mean and median. neur2ro: this policy; untrained: the same search with the "
    "weights before training; copt: the same time with policy=None; published: values in the result files of the "
    "paper's authors, whose solver is Gurobi and had no such limit of time. One thread each, that had processor_share "
    "of a core"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run; the defaults are the paper's, but for ``minutes``."""

    name: str = "robust-neur2ro-v1"
    """Name to store the policy under."""
    minutes: float = 15.0
    """Most wall time of the training, labels not included."""
    seed: int = 0
    """Seed of instances, samples and weights."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; ``auto`` takes a GPU where there is one."""
    devices: int = 1
    """Processes, each on a device of its own, that train together."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""
    instances: int = 500
    """Instances to learn from."""
    decisions: int = 10
    """Random decisions for each of them."""
    scenarios: int = 50
    """Random scenarios for each decision."""
    epochs: int = 500
    """Most epochs; the best on the validation samples is kept."""
    batch: int = 256
    """Samples a step, of all processes together."""
    rate: float = 1e-3
    """Learning rate of Adam."""
    unseen: int = 50
    """Further instances that the error is measured on: validation samples are of the instances learned from."""
    held_out: int = 8
    """Further instances to solve, or 0."""
    benchmarks: tuple[Path, ...] = ()
    """Files of instances to solve as well."""
    results: Path | None = None
    """Table of what was published for them, a file of comma-separated columns ``instance`` and ``neur2ro_obj``."""
    seconds: float = 10.0
    """Time limit of each of these solves."""


class Scale(NamedTuple):
    """Ranges in training: of features, and of labels for each number of items.

    Args:
        low: Smallest value of each feature, shape (features,).
        high: Largest.
        least: Smallest label for each number of items in training.
        most: Largest.
    """

    low: FloatArray
    high: FloatArray
    least: dict[int, float]
    most: dict[int, float]

    @classmethod
    def of(cls, samples: Samples) -> "Scale":
        """Return the ranges in ``samples``."""
        rows = np.concatenate([items[:n] for items, n in zip(samples.items, samples.sizes, strict=True)])
        sizes = np.unique(samples.sizes).tolist()
        least, most = ({n: float(end(samples.costs[samples.sizes == n])) for n in sizes} for end in (np.min, np.max))
        return cls(rows.min(axis=0), rows.max(axis=0), least, most)

    def label(self, costs: FloatArray, sizes: IntArray) -> FloatArray:
        """Return ``costs``, shape (instances, decisions, scenarios), scaled; instances have ``sizes`` items."""
        least, most = (np.array([ends[n] for n in sizes.tolist()])[:, None, None] for ends in (self.least, self.most))
        labels: FloatArray = (costs - least) / (most - least)
        return labels


class Feed:
    """Batches of scaled samples on a device.

    Args:
        samples: The samples.
        scale: Their ranges.
        device: Where they are needed.
    """

    def __init__(self, samples: Samples, scale: Scale, device: torch.device) -> None:
        count, decisions, scenarios = samples.costs.shape
        self._per_decision, self._per_instance = scenarios, decisions * scenarios
        most = samples.items.shape[1]

        def moved(array: FloatArray) -> Tensor:
            return torch.from_numpy(array.astype(np.float32)).to(device)

        self._items = moved((samples.items - scale.low) / (scale.high - scale.low))
        self._sizes = torch.from_numpy(samples.sizes).to(device)
        self._within = torch.arange(most, device=device) < self._sizes.unsqueeze(1)
        self._x, self._u = moved(samples.x.reshape(-1, most)), moved(samples.u.reshape(-1, most))
        self._labels = moved(scale.label(samples.costs, samples.sizes).ravel())
        self.size = count * self._per_instance

    def batch(self, rows: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor]:
        """Return inputs of the network and labels of the samples ``rows``."""
        instance = rows // self._per_instance
        keep = self._within[instance]
        x, u, items = self._x[rows // self._per_decision], self._u[rows], self._items[instance]
        return (x[keep], u[keep], items[keep], self._sizes[instance]), self._labels[rows]

    @torch.no_grad()
    def error(self, net: Neur2roNet, rows: Tensor) -> float:
        """Return the mean absolute error on the samples ``rows``."""
        total = 0.0
        for part in torch.split(rows, 4096):
            inputs, labels = self.batch(part)
            total += float((net(*inputs) - labels).abs().sum())
        return total / len(rows)


def trained(args: Args, fabric: Fabric, feed: Feed) -> tuple[Neur2roNet, dict[str, Any]]:
    """Train on four fifths of the samples; return the network of the best epoch and what the card says of it."""
    torch.manual_seed(args.seed)
    net = Neur2roNet()
    model, adam = fabric.setup(net, torch.optim.Adam(net.parameters(), lr=args.rate))
    # All processes draw the same order, and take turns.
    generator = torch.Generator().manual_seed(args.seed)
    order = torch.randperm(feed.size, generator=generator).to(fabric.device)
    cut = feed.size - int(VALIDATION * feed.size)
    learn, judge = order[:cut], order[cut:]
    best, facts, epoch, began, elapsed = float("inf"), dict[str, Any](), 0, time.perf_counter(), 0.0
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    while epoch < args.epochs and elapsed < 60 * args.minutes:
        epoch += 1
        shuffled = learn[torch.randperm(cut, generator=generator).to(fabric.device)]
        own = shuffled[: cut - cut % fabric.world_size][fabric.global_rank :: fabric.world_size]
        for rows in torch.split(own, max(1, args.batch // fabric.world_size)):
            inputs, labels = feed.batch(rows)
            adam.zero_grad()
            fabric.backward(torch.nn.functional.mse_loss(model(*inputs), labels))
            adam.step()
        error = feed.error(net, judge)
        elapsed = fabric.broadcast(time.perf_counter() - began)
        if error < best:
            best, weights = error, {name: value.clone() for name, value in net.state_dict().items()}
            facts = {"validation_error": round(error, 5), "best_epoch": epoch}
        fabric.print(f"{elapsed:6.0f} s  epoch {epoch:3d}  validation error {error:.5f}  best {best:.5f}", flush=True)
    net.load_state_dict(weights)
    return net, {**facts, "epochs": epoch, "training_minutes": round(elapsed / 60, 1), "device": str(fabric.device)}


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train robust-neur2ro"))


def run(args: Args) -> None:
    """Label, train and store; the best weights on the validation samples are kept."""
    counts = ("devices", "instances", "decisions", "scenarios", "epochs", "batch", "unseen")
    for field in ("minutes", "rate", "seconds", *counts):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    fabric = Fabric(accelerator=args.device, devices=args.devices)
    fabric.launch()
    rng = np.random.default_rng(args.seed)
    began = time.perf_counter()
    samples = labelled([random_instance(rng) for _ in range(args.instances)], args.decisions, args.scenarios, rng)
    seconds = time.perf_counter() - began
    fabric.print(f"{samples.costs.size} labels in {seconds:.0f} s", flush=True)
    scale = Scale.of(samples)
    net, facts = trained(args, fabric, Feed(samples, scale, fabric.device))
    facts["labels_per_second"] = round(samples.costs.size / seconds)
    facts["minutes"] = round((time.perf_counter() - began) / 60, 1)
    facts["unseen_error"] = round(unseen_error(args, net, scale), 5)
    if fabric.is_global_zero:
        policy = policy_of(args, net, scale, facts)
        torch.manual_seed(args.seed)
        measured = measure(args, policy, policy_of(args, Neur2roNet(), scale, facts))
        path = store.save(args.name, "robust", policy.weights, policy.card | measured, args.folder)
        print(f"stored {path}")


def unseen_error(args: Args, net: Neur2roNet, scale: Scale) -> float:
    """Return the mean absolute error on instances that were not learned from."""
    rng = np.random.default_rng([args.seed, 1])
    found: list[RobustKnapsack] = []
    while len(found) < args.unseen:
        instance = random_instance(rng)
        if instance.num_items in scale.least:
            found.append(instance)
    feed = Feed(labelled(found, args.decisions, args.scenarios, rng), scale, net.low.device)
    return feed.error(net, torch.arange(feed.size, device=net.low.device))


def policy_of(args: Args, net: Neur2roNet, scale: Scale, facts: dict[str, Any]) -> StoredPolicy:
    """Return the network as a policy; its card says how it was trained."""
    net.low.copy_(torch.from_numpy(scale.low))
    net.high.copy_(torch.from_numpy(scale.high))
    paths = ("folder", "benchmarks", "results")
    arguments = {key: value for key, value in dataclasses.asdict(args).items() if key not in paths}
    changed = {key: value for key, value in arguments.items() if value != getattr(Args(), key)}
    options = [f"--{key.replace('_', '-')} {value}" for key, value in changed.items()]
    card = {
        "role": "neur2ro",
        "problem": "knapsack",
        "command": " ".join(["copt train robust-neur2ro", *options]),
        "arguments": arguments,
        "labels": {str(n): [scale.least[n], scale.most[n]] for n in scale.least},
        "data": (
            f"{args.instances} random instances of {SIZES[0]} to {SIZES[-1]} items and four classes, {args.decisions} "
            f"decisions each, {args.scenarios} scenarios each; exact costs of the second stage; no benchmark instance "
            "was learned from"
        ),
        "hardware": f"{platform.machine()}, {torch.get_num_threads()} thread(s), {args.devices} process(es)",
        "torch": torch.__version__,
        "paper_validation_error": PAPER,
        **facts,
    }
    return StoredPolicy(args.name, "robust", net.arrays(), card)


def measure(args: Args, policy: StoredPolicy, untrained: StoredPolicy) -> dict[str, Any]:
    """Return what the card says of the values that the policy and its controls reach."""
    rng = np.random.default_rng([args.seed, 2])
    published = {}
    if args.results is not None:
        with args.results.open(encoding="utf-8", newline="") as file:
            published = {row["instance"]: float(row["neur2ro_obj"]) for row in csv.DictReader(file)}
    arms = {"neur2ro": policy, "untrained": untrained, "copt": None}
    clocks = time.perf_counter(), time.process_time()
    groups = {
        "generated": [random_instance(rng) for _ in range(args.held_out)],
        "benchmark": [read(path) for path in args.benchmarks],
    }
    measured = {}
    for group, instances in groups.items():
        rows = []
        for instance in instances:
            row = {arm: value(instance, args.seconds, choice) for arm, choice in arms.items()}
            row |= {"published": published[instance.name]} if instance.name in published else {}
            known = best_known(instance.name)
            best = max(row.values()) if known is None else known.upper
            rows.append({arm: round(100 * (best - found) / best, 3) for arm, found in row.items()})
            print(f"{instance.name:50s}", rows[-1], flush=True)
        if rows:
            measured[group] = summarised([instance.name for instance in instances], rows)
    share = (time.process_time() - clocks[1]) / (time.perf_counter() - clocks[0])
    facts = {"processor_share": round(share, 2), "protocol": PROTOCOL}
    return {"summary": summary(measured), "measured": measured, **facts}


def value(instance: RobustKnapsack, seconds: float, policy: StoredPolicy | None) -> float:
    """Return the certified value that is reached."""
    found = solve(instance, seconds=seconds, policy=policy, workers=1).objective
    assert found is not None
    return found


def summarised(names: list[str], rows: list[dict[str, float]]) -> dict[str, Any]:
    """Return mean and median gap of each arm that solved all instances, and all gaps."""
    arms = [arm for arm in rows[-1] if all(arm in row for row in rows)]
    table = {arm: [row[arm] for row in rows] for arm in arms}
    return {
        "gap_percent": {
            arm: {"mean": round(float(np.mean(gaps)), 3), "median": round(float(np.median(gaps)), 3)}
            for arm, gaps in table.items()
        },
        "gaps_percent": dict(zip(names, rows, strict=True)),
    }


def summary(measured: dict[str, Any]) -> str:
    """Return the mean gaps in one line."""
    parts = (
        f"{group}: " + ", ".join(f"{arm} {gap['mean']:.2f} %" for arm, gap in found["gap_percent"].items())
        for group, found in measured.items()
    )
    return "mean gaps on unseen instances, " + "; ".join(parts)
