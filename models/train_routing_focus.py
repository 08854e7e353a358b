"""Training run of where annealing looks; ``copt train routing-focus --help`` lists its arguments.

Random instances are annealed, and at the beginning of each round from some progress on the features of the current legs
are kept. When a search has ended, its best routes tell what was gained at each customer: the labels of a small network.
It is measured in the annealer against a plain rule at equal processor time.
"""

import dataclasses
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from scipy.stats import rankdata

from copt.errors import CoptError
from copt.instances.routing_generators import x_routing
from copt.models import store
from copt.models.store import StoredPolicy
from copt.models.train_routing_schedule import DEMANDS, DEPOTS, PLACES, ProcessorMonitor, benchmark_cases
from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routes, Routing, costs
from copt.solvers.routing.focus import CLIP, Focus, by_gain, by_recency
from copt.solvers.routing.legs import FEATURES, View, leg_features, node_features, smooth
from copt.solvers.routing.loading import warm_routes
from copt.solvers.routing.search import search_routes
from copt.stop import Stop

__all__ = ["Args", "main"]

HIDDEN = 32
FROM = 0.3  # progress from which views are kept
AGAIN = 1000  # added to the seed of the second run without focus
PROTOCOL = (
    "above_off_percent: mean over the instances of the percentage that an arm ends above the run without focus of the "
    "same seed, negative is better, with the standard error of the mean; off_again: without focus, another seed, which "
    "shows what chance does; wins_and_losses against off; seconds of processor time on one core, one run each; "
    "no instance was learned from"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    name: str = "routing-focus-v1"
    """Name to store the policy under."""
    instances: int = 60
    """Instances to learn from, one fifth of which only judge the network."""
    seconds: float = 3.0
    """Time for each search that is learned from."""
    held_out: int = 20
    """Instances to measure on."""
    longest: float = 4.0
    """Time for each search that is measured."""
    epochs: int = 12
    """Passes over the labels."""
    seed: int = 0
    """Seed of instances, searches and weights."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""
    benchmarks: Path | None = None
    """Folder with VRPLIB files to be measured on as well."""
    benchmark_seconds: float = 10.0
    """Time for each of these searches."""
    most_benchmarks: int = 7
    """How many of these files, evenly spread over those of 500 nodes and more."""


@dataclass(frozen=True)
class Sample:
    """What one round saw, and what became of it.

    Args:
        view: The routes at its beginning; its arrays of the fleet are copies.
        gained: Smoothed saving at each node, in mean legs, shape (nodes,).
    """

    view: View
    gained: FloatArray


def random_instance(args: Args, k: int) -> Routing:
    """Return instance number ``k``: 200 to 1200 customers, 5 to 60 on a route."""
    rng = np.random.default_rng([args.seed, 7, k])
    customers = int(np.exp(rng.uniform(*np.log((200, 1200)))))
    size = float(np.exp(rng.uniform(*np.log((5.0, 60.0)))))
    depot, places = DEPOTS[rng.integers(len(DEPOTS))], PLACES[rng.integers(len(PLACES))]
    demands = DEMANDS[rng.integers(len(DEMANDS))]
    return x_routing(
        customers=customers, seed=7000 + k, depot=depot, places=places, demands=demands, route_size=round(size, 2)
    )


def searched(instance: Routing, seconds: float, focus: Focus | None, seed: int) -> tuple[float, Routes]:
    """Return the cost and the routes that annealing reaches in so much processor time."""
    monitor = ProcessorMonitor(Stop(seconds=seconds))
    search_routes(instance, monitor, None, 1, seed, focus=focus)
    assert monitor.best is not None
    return monitor.best, monitor.solution


def halves(instance: Routing, beside: IntArray) -> FloatArray:
    """Return half of the cost of the legs of each node, those on both sides of it being ``beside``, (nodes, 2)."""
    nodes = np.arange(instance.num_nodes)
    out = costs(instance, nodes, beside[:, 1])
    if instance.open_routes:
        out = np.where(beside[:, 1] == instance.depot, 0.0, out)
    half: FloatArray = 0.5 * (costs(instance, beside[:, 0], nodes) + out)
    half[instance.depot] = 0.0
    return half


def beside_of(instance: Routing, routes: Routes) -> IntArray:
    """Return the nodes before and behind each customer, the depot for other nodes, shape (nodes, 2)."""
    assert instance.depot is not None
    beside = np.full((instance.num_nodes, 2), instance.depot)
    for route in routes.to_lists():
        stops = np.array([instance.depot, *route, instance.depot])
        beside[route] = np.stack([stops[:-2], stops[2:]], axis=1)
    return beside


def samples_of(instance: Routing, seconds: float, seed: int) -> list[Sample]:
    """Anneal, and return what the rounds saw together with its labels."""
    views: list[View] = []

    def watch(view: View, rng: np.random.Generator) -> FloatArray:
        copies = view.fleet._replace(**{name: array.copy() for name, array in view.fleet._asdict().items()})
        views.append(dataclasses.replace(view, fleet=copies))
        return np.ones(instance.num_nodes)

    _, routes = searched(instance, seconds, Focus(seeds=watch, begin=FROM), seed)
    return [labelled(view, routes) for view in views]


def labelled(view: View, routes: Routes) -> Sample:
    """Return a view with the labels that ``routes``, the best of the end, give it."""
    instance = view.instance
    last, now = beside_of(instance, routes), np.stack([view.fleet.prev, view.fleet.next], axis=1).astype(np.int64)
    now[view.plan.depot] = view.plan.depot
    before = halves(instance, now)
    unit = before.sum() / instance.customers.size
    return Sample(view, smooth(view, (before - halves(instance, last)) / unit))


def trained(args: Args, inputs: FloatArray, targets: FloatArray) -> tuple[Any, ...]:
    """Return the weights of a network with one hidden layer, fitted to standardised inputs."""
    torch.manual_seed(args.seed)
    into, out = torch.nn.Linear(inputs.shape[1], HIDDEN), torch.nn.Linear(HIDDEN, 1)
    net = torch.nn.Sequential(into, torch.nn.ReLU(), out)
    loss = torch.nn.SmoothL1Loss()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    rows, y = torch.tensor(inputs, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)
    batches = max(1, rows.shape[0] // 2048)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs * batches)
    for _ in range(args.epochs):
        for batch in torch.randperm(rows.shape[0]).chunk(batches):
            optimizer.zero_grad()
            loss(net(rows[batch])[:, 0], y[batch]).backward()
            optimizer.step()
            schedule.step()
    return tuple(part.detach().numpy() for part in (into.weight, into.bias, out.weight[0], out.bias))


def fitted(args: Args, samples: Sequence[Sample]) -> dict[str, NDArray[np.float32]]:
    """Return the weights of the network."""
    views = [(sample.view, sample.view.instance.customers) for sample in samples]
    rows = np.concatenate([node_features(view, leg_features(view))[some] for view, some in views])
    gains = np.concatenate([sample.gained[sample.view.instance.customers] for sample in samples])
    centre, scale, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6, float(gains.std()) + 1e-9
    into, bias, out, level = trained(args, np.clip((rows - centre) / scale, -CLIP, CLIP), gains / spread)
    weights = {"centre": centre, "scale": scale, "gain_in": into, "gain_in_bias": bias}
    weights |= {"gain_out": spread * out, "gain_out_bias": spread * level}
    return {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}


def correlation(values: FloatArray, others: FloatArray) -> float:
    """Return Spearman's rank correlation."""
    if np.ptp(values) == 0.0 or np.ptp(others) == 0.0:
        return 0.0
    return float(np.corrcoef(rankdata(values), rankdata(others))[0, 1])


def judged(policy: StoredPolicy, samples: Sequence[Sample]) -> dict[str, Any]:
    """Return how well each rule foretells, on average over rounds that nothing was learned from."""
    rng = np.random.default_rng(0)
    gains: dict[str, list[float]] = {"learned": [], "recency": []}
    for sample in samples:
        some = sample.view.instance.customers
        for name, rule in (("learned", by_gain(policy)), ("recency", by_recency)):
            gains[name].append(correlation(rule(sample.view, rng)[some], sample.gained[some]))
    found = np.concatenate([by_gain(policy)(s.view, rng)[s.view.instance.customers] for s in samples])
    true = np.concatenate([s.gained[s.view.instance.customers] for s in samples])
    return {
        "rounds": len(samples),
        "rank_correlation_of_gain": {name: round(float(np.mean(row)), 3) for name, row in gains.items()},
        "r2_of_gain": round(1.0 - float(((true - found) ** 2).sum() / ((true - true.mean()) ** 2).sum()), 3),
    }


def arms_of(policy: StoredPolicy) -> dict[str, Focus | None]:
    """Return every arm of the measurement."""
    learned, recent = Focus(seeds=by_gain(policy)), Focus(seeds=by_recency)
    return {"off": None, "off_again": None, "seeds_learned": learned, "seeds_recency": recent}


def measured(arms: Mapping[str, Focus | None], cases: Sequence[Routing], seconds: float) -> dict[str, Any]:
    """Return how far each arm ends above the one without focus."""
    rows = []
    print(" " * 16, *(f"{name[-10:]:>10s}" for name in arms))
    for k, case in enumerate(cases):
        found = [searched(case, seconds, focus, k + AGAIN * (name == "off_again"))[0] for name, focus in arms.items()]
        rows.append([100.0 * (value / found[0] - 1.0) for value in found])
        print(f"{case.name:16s}", *(f"{above:10.3f}" for above in rows[-1]), flush=True)
    table = dict(zip(arms, np.array(rows).T, strict=True))
    error = {name: float(row.std(ddof=1) / np.sqrt(row.size)) if row.size > 1 else 0.0 for name, row in table.items()}
    return {
        "instances": len(cases),
        "seconds": seconds,
        "above_off_percent": {
            name: [round(float(row.mean()), 3), round(error[name], 3)] for name, row in table.items()
        },
        "wins_and_losses": {name: [int((row < 0).sum()), int((row > 0).sum())] for name, row in table.items()},
    }


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train routing-focus"))


def run(args: Args) -> None:
    """Label, train, measure and store."""
    for field in ("instances", "seconds", "held_out", "longest", "epochs"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    began = time.perf_counter()
    warm_routes()
    judges = max(1, args.instances // 5)
    known = [samples_of(random_instance(args, k), args.seconds, k) for k in range(args.instances)]
    weights = fitted(args, [sample for samples in known[judges:] for sample in samples])
    policy = StoredPolicy(args.name, "routing", weights, {"role": "focus"})
    facts: dict[str, Any] = {"judged": judged(policy, [sample for samples in known[:judges] for sample in samples])}
    print(json.dumps(facts["judged"], indent=2), f"{time.perf_counter() - began:.0f} s", flush=True)
    groups = {
        "generated": (
            [random_instance(args, args.instances + k) for k in range(args.held_out)],
            args.longest,
        )
    }
    if args.benchmarks is not None:
        large = [case.instance for case in benchmark_cases(args.benchmarks)]
        picked = np.unique(np.linspace(0, len(large) - 1, min(args.most_benchmarks, len(large))).round().astype(int))
        groups["benchmark"] = ([large[k] for k in picked], args.benchmark_seconds)
    arms = arms_of(policy)
    facts["measured"] = {name: measured(arms, cases, seconds) for name, (cases, seconds) in groups.items() if cases}
    facts |= {"protocol": PROTOCOL, "minutes": round((time.perf_counter() - began) / 60, 1)}
    facts["summary"] = summary(facts["measured"])
    path = store.save(args.name, "routing", weights, card_of(args, facts), args.folder)
    print(json.dumps(facts["measured"], indent=2), f"stored {path}", sep="\n")


def summary(groups: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the mean percentages in one line."""
    parts = []
    for name, group in groups.items():
        arms = group["above_off_percent"].items()
        parts.append(
            f"{name}: " + ", ".join(f"{arm.replace('_', ' ')} {row[0]:+.2f} %" for arm, row in arms if arm != "off")
        )
    return "mean cost against no focus on unseen problems, " + "; ".join(parts)


def card_of(args: Args, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card: how the policy was trained, and what it gains."""
    arguments = {key: value for key, value in dataclasses.asdict(args).items() if key not in ("folder", "benchmarks")}
    options = [f"--{key} {value}" for key, value in arguments.items() if value != getattr(Args(), key)]
    return {
        "role": "focus",
        "command": " ".join(["copt train routing-focus", *options]),
        "arguments": arguments,
        "data": (
            "capacitated problems by the recipe of the X set, 200 to 1200 customers, 5 to 60 on a route; no benchmark "
            "instance was learned from"
        ),
        "features": list(FEATURES),
        "hardware": f"{platform.machine()}, 1 thread",
        **facts,
    }
