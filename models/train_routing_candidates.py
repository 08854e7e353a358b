"""Training run of the candidate edges of routing; ``copt train routing-candidates --help`` lists its arguments.

The compiled search solves random problems; the edges of its solutions are the labels of a graph network on the lists
of near nodes that the search has anyway. How many candidates are best is found on problems like those trained on.
Labels go to a file, from which an interrupted run goes on.
"""

import dataclasses
import json
import math
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import tyro
from torch_geometric.data import Data

from copt.errors import CoptError
from copt.instances.bounds import best_known
from copt.instances.routing_generators import clustered_tour, uniform_tour, x_routing
from copt.models import store
from copt.models.routing_candidates import CandidateNet
from copt.models.routing_graph import graph_data
from copt.models.train_routing_schedule import DEMANDS, DEPOTS, PLACES, ProcessorMonitor
from copt.problems.routing import Routes, Routing
from copt.read import read
from copt.solvers.routing.anneal import Schedule
from copt.solvers.routing.candidate_lessons import Lesson, RankPrior, partners, recall
from copt.solvers.routing.candidates import Candidates, Scorer, chosen, near_graph, scores_of
from copt.solvers.routing.cost_kernels import Int32
from copt.solvers.routing.loading import warm_routes, warm_tour
from copt.solvers.routing.plan import neighbours, quadrant_neighbours
from copt.solvers.routing.search import NEAR_ROUTES, NEAR_TOUR, search_routes, search_tour
from copt.stop import Stop

__all__ = ["Args", "main"]

LISTED = {"tsp": NEAR_TOUR[0], "cvrp": 24}  # near nodes that are scored
DEFAULTS = {"tsp": (NEAR_TOUR[0], 0), "cvrp": (Schedule().width, Schedule().exchange)}
WIDTHS = {"tsp": ((5, 0), (7, 0), (10, 0)), "cvrp": ((8, 5), (12, 5), (16, 7))}
SIZES = {"tsp": ((200, 1000), (1000, 2000)), "cvrp": ((200, 800), (500, 1500))}  # to learn from, to measure on
SECONDS = {"tsp": 1.5, "cvrp": 3.3}  # of a search for labels
TRIAL = {"tsp": 2.0, "cvrp": 2.5}  # seconds of a search that compares widths
RANKS = (5, 7, 10, 16)
PROTOCOL = (
    "gap_percent: mean over the problems of the percentage above the best of the arms (generated, tuning), or above "
    "the best known value (benchmark); seconds of processor time on one core, the network's included, one run each, "
    "the same seed for all arms; the generated problems are larger than those trained on. plain: the nearest or "
    "quadrant neighbours, as many as learned candidates; best_plain: as many as were best for those in tuning, the "
    "default's number among the choices; rank_prior: as many as learned candidates, by how often edges of their two "
    "ranks were in the solutions trained on; widths: candidates, and those of local search of routes. recall_percent: "
    "of the neighbours in solutions of problems not trained on, from either end"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    problem: Literal["tsp", "cvrp"] = "tsp"
    """Tours, or capacitated routes."""
    name: str = ""
    """Name to store the policy under; by default ``routing-candidates-tsp-v1`` or ``routing-candidates-cvrp-v1``."""
    instances: int = 90
    """Problems to learn from."""
    tuning: int = 6
    """Further problems, on which recall is measured and the number of candidates is chosen."""
    held_out: int = 12
    """Larger problems to measure on, 4 seconds for each arm."""
    seed: int = 0
    """Seed of problems, searches and weights."""
    minutes: float = 2.0
    """Processor time of the training."""
    hidden: int = 32
    """Width of every layer."""
    layers: int = 4
    """Layers of the network."""
    rate: float = 3e-3
    """First learning rate; it falls along a cosine."""
    pace: float = 1.0
    """Factor of the seconds of every search."""
    labels: Path = Path("routing-candidates.jsonl")
    """File of labels, added to if it exists."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""
    benchmarks: tuple[Path, ...] = ()
    """Files of problems to be measured on as well, for ten seconds each."""


class Case(NamedTuple):
    """A problem to measure on, the time for it, and its best known value or None."""

    instance: Routing
    seconds: float
    best: float | None = None


def random_problem(args: Args, k: int, *, large: bool = False) -> Routing:
    """Return the problem number ``k``, of a size to learn from or a larger one to measure on."""
    seed = 1_000_000 * args.seed + k
    rng = np.random.default_rng([args.seed, k])
    size = int(np.exp(rng.uniform(*np.log(SIZES[args.problem][large]))))
    if args.problem == "tsp":
        return (uniform_tour, clustered_tour)[k % 2](nodes=size, seed=seed)
    depot, places = DEPOTS[rng.integers(len(DEPOTS))], PLACES[rng.integers(len(PLACES))]
    demands = DEMANDS[rng.integers(len(DEMANDS))]
    route_size = round(float(np.exp(rng.uniform(*np.log((3.0, 30.0))))), 2)
    return x_routing(customers=size, seed=seed, depot=depot, places=places, demands=demands, route_size=route_size)


def near_of(instance: Routing) -> Int32:
    """Return the near nodes that are scored."""
    if instance.depot is None:
        return quadrant_neighbours(instance, *NEAR_TOUR)
    return np.ascontiguousarray(neighbours(instance, NEAR_ROUTES)[:, : LISTED["cvrp"]])


@dataclass(frozen=True)
class Arm:
    """A way to choose candidates.

    Args:
        widths: How many candidates, and how many of them for local search of routes.
        score: What ranks them; None takes plain neighbours.
    """

    widths: tuple[int, int]
    score: Scorer | None = None

    def search(self, instance: Routing, seconds: float, seed: int) -> tuple[float, Routes]:
        """Return the cost reached in so much processor time, and the solution."""
        monitor = ProcessorMonitor(Stop(seconds=seconds))
        problem = "tsp" if instance.depot is None else "cvrp"
        candidates = None if self.score is None else Candidates(self.score, LISTED[problem], *self.widths)
        width, exchange = self.widths
        if problem == "tsp":
            plain = (width, max(1, min(NEAR_TOUR[1], width // 4)), 0)
            listed = plain if candidates is None else NEAR_TOUR
            search_tour(instance, monitor, None, 1, seed, listed=listed, candidates=candidates)
        else:
            schedule = Schedule(width=width, exchange=exchange)
            search_routes(instance, monitor, None, 1, seed, schedule=schedule, candidates=candidates)
        assert monitor.best is not None
        return monitor.best, monitor.solution


def labelled(args: Args, instances: Sequence[Routing]) -> Iterator[Lesson]:
    """Yield the lesson of each instance, from the file as far as it goes."""
    known: dict[tuple[str, float], list[list[int]]] = {}
    if args.labels.exists():
        for line in args.labels.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            known[row["instance"], row["seconds"]] = row["routes"]
    arm, seconds = Arm(DEFAULTS[args.problem]), args.pace * SECONDS[args.problem]
    with args.labels.open("a", encoding="utf-8") as file:
        for instance in instances:
            key = instance.name, seconds
            if key not in known:
                cost, routes = arm.search(instance, seconds, args.seed)
                known[key] = routes.to_lists()
                row = {"instance": instance.name, "seconds": seconds, "cost": cost, "routes": known[key]}
                file.write(json.dumps(row) + "\n")
                file.flush()
            beside = partners(Routes.from_lists(known[key]), instance.num_nodes, instance.depot)
            yield Lesson(instance, near_of(instance), beside)


def candidate_data(instance: Routing, near: Int32) -> Data:
    """Return a problem with its near nodes for torch."""
    graph = near_graph(instance, near)
    data = graph_data(graph.nodes, graph.near, graph.edges)
    data.back = torch.from_numpy(graph.back.ravel())
    return data


def trained(args: Args, lessons: Sequence[Lesson]) -> tuple[CandidateNet, dict[str, Any]]:
    """Train on one problem a step; return the network and what the card says of the training."""
    torch.manual_seed(args.seed)
    rng, limit, began = np.random.default_rng([args.seed, 1]), 60 * args.minutes, time.process_time()
    example = candidate_data(lessons[0].instance, lessons[0].near)
    net = CandidateNet(example.x.shape[1], example.edge_attr.shape[1], args.hidden, args.layers)
    adam = torch.optim.Adam(net.parameters(), lr=args.rate)
    labels = [torch.from_numpy(lesson.labels.ravel().astype(np.float32)) for lesson in lessons]
    hits = float(sum(label.sum() for label in labels))
    weight = torch.tensor(sum(label.numel() for label in labels) / hits - 1.0)
    steps, losses, reported = 0, list[float](), 0
    while (progress := (time.process_time() - began) / limit) < 1.0:
        for group in adam.param_groups:
            group["lr"] = args.rate * max(0.01, 0.5 + 0.5 * math.cos(math.pi * progress))
        k = int(rng.integers(len(lessons)))
        score = net(candidate_data(lessons[k].turned(rng), lessons[k].near))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score, labels[k], pos_weight=weight)
        adam.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        steps += 1
        losses.append(loss.item())
        if int(10 * progress) > reported:
            reported = int(10 * progress)
            print(f"{100 * progress:3.0f} % {steps:5d} steps  loss {np.mean(losses[-100:]):.4f}", flush=True)
    return net, {"steps": steps, "loss": round(float(np.mean(losses[-100:])), 4)}


def recalls(lessons: Sequence[Lesson], scorers: dict[str, Scorer]) -> dict[str, dict[str, float]]:
    """Return the mean recall of so many best-ranked edges, by the scorers, by nearness, and of plain neighbours."""
    table = {}
    for count in RANKS:
        rows = []
        for instance, near, beside in ((lesson.instance, lesson.near, lesson.beside) for lesson in lessons):
            lists = {name: chosen(near, score(instance, near), count) for name, score in scorers.items()}
            lists["nearest"] = neighbours(instance, count)
            if instance.depot is None:
                lists["quadrant"] = quadrant_neighbours(instance, count, min(NEAR_TOUR[1], count // 4), 0)
            rows.append({name: recall(found, beside) for name, found in lists.items()})
        table[str(count)] = {name: round(float(np.mean([row[name] for row in rows])), 3) for name in rows[0]}
    return table


def compared(cases: Sequence[Case], arms: dict[str, Arm], seed: int) -> dict[str, Any]:
    """Return the mean gap of each arm, and on how many cases the learned one is better or worse than each other."""
    table = []
    for k, case in enumerate(cases):
        # The same arm is not run twice: its difference to itself would be nothing but noise.
        costs = {arm: arm.search(case.instance, case.seconds, seed + k)[0] for arm in dict.fromkeys(arms.values())}
        best = min(costs.values()) if case.best is None else case.best
        table.append([100.0 * (costs[arm] / best - 1.0) for arm in arms.values()])
        print(f"{case.instance.name:24s} {case.seconds:6.2f} s ", *(f"{gap:7.3f}" for gap in table[-1]), flush=True)
    gaps = dict(zip(arms, np.array(table).T, strict=True))
    found: dict[str, Any] = {
        "problems": len(cases),
        "gap_percent": {name: round(float(column.mean()), 3) for name, column in gaps.items()},
    }
    if "learned" in gaps:
        learned = gaps["learned"]
        found["learned_wins_and_losses_against"] = {
            name: [int((learned < column).sum()), int((learned > column).sum())]
            for name, column in gaps.items()
            if name != "learned"
        }
    print("mean", found["gap_percent"], flush=True)
    return found


def tuned(args: Args, lessons: Sequence[Lesson], learned: Scorer) -> tuple[Arm, Arm, dict[str, Any]]:
    """Return the best arms of learned candidates and of plain neighbours, and the gaps of all."""
    plain = {f"plain {widths}": Arm(widths) for widths in (DEFAULTS[args.problem], *WIDTHS[args.problem])}
    ranked = {f"learned {widths}": Arm(widths, learned) for widths in WIDTHS[args.problem]}
    cases = [Case(lesson.instance, args.pace * TRIAL[args.problem]) for lesson in lessons]
    found = compared(cases, plain | ranked, args.seed)
    gaps = found["gap_percent"]
    return ranked[min(ranked, key=gaps.__getitem__)], plain[min(plain, key=gaps.__getitem__)], found


def benchmark_cases(args: Args) -> list[Case]:
    """Return the problems of the files whose best value is known."""
    known = ((instance, best_known(instance.name)) for instance in map(read, args.benchmarks))
    return [Case(instance, 10.0 * args.pace, bounds.upper) for instance, bounds in known if bounds]


def summary(groups: dict[str, Any]) -> str:
    """Return the mean gaps in one line."""
    parts = (
        f"{name}: " + ", ".join(f"{arm.replace('_', ' ')} {gap:.2f} %" for arm, gap in group["gap_percent"].items())
        for name, group in groups.items()
    )
    return "mean gaps on unseen problems, " + "; ".join(parts)


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train routing-candidates"))


def run(args: Args) -> None:
    """Label, train, choose the number of candidates, measure and store."""
    for field in ("instances", "tuning", "minutes", "hidden", "layers", "rate", "pace"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    args = dataclasses.replace(args, name=args.name or f"routing-candidates-{args.problem}-v1")
    began = time.process_time()
    (warm_tour if args.problem == "tsp" else warm_routes)()
    count = args.instances + args.tuning
    lessons = list(labelled(args, [random_problem(args, k) for k in range(count)]))
    seen, unseen = lessons[: args.instances], lessons[args.instances :]
    net, facts = trained(args, seen)
    scorers: dict[str, Scorer] = {"learned": partial(scores_of, net.arrays()), "rank_prior": RankPrior(seen)}
    facts["recall_percent"] = recalls(unseen, scorers)
    print(json.dumps(facts["recall_percent"]), flush=True)
    learned, fixed, facts["measured_widths"] = tuned(args, unseen, scorers["learned"])
    widths = learned.widths
    arms = {"learned": learned, "default": Arm(DEFAULTS[args.problem]), "plain": Arm(widths)}
    arms |= {"rank_prior": Arm(widths, scorers["rank_prior"]), "best_plain": fixed}
    facts["best_plain"] = list(fixed.widths)
    large = [random_problem(args, count + k, large=True) for k in range(args.held_out)]
    groups = {"generated": [Case(instance, 4.0 * args.pace) for instance in large], "benchmark": benchmark_cases(args)}
    facts["measured"] = {name: compared(cases, arms, args.seed) for name, cases in groups.items() if cases}
    facts |= {"summary": summary(facts["measured"]), "protocol": PROTOCOL}
    facts["minutes"] = round((time.process_time() - began) / 60, 1)
    path = store.save(args.name, "routing", net.arrays(), card_of(args, widths, facts), args.folder)
    print(facts["summary"], f"stored {path}", sep="\n")


def card_of(args: Args, widths: tuple[int, int], facts: dict[str, Any]) -> dict[str, Any]:
    """Return the card: how the policy was trained, what it is used with, and what it gains."""
    paths = ("folder", "benchmarks", "labels")
    arguments = {key: value for key, value in dataclasses.asdict(args).items() if key not in paths}
    default = dataclasses.replace(Args(), name=f"routing-candidates-{args.problem}-v1")
    changed = {key: value for key, value in arguments.items() if value != getattr(default, key)}
    options = [f"--{key.replace('_', '-')} {value}" for key, value in changed.items()]
    recipe = {"tsp": "uniform and clustered tours", "cvrp": "capacitated problems by the recipe of the X set"}
    smallest, largest = SIZES[args.problem][0]
    return {
        "role": "candidates",
        "problem": args.problem,
        "neighbours": LISTED[args.problem],
        "width": widths[0],
        "exchange": widths[1],
        "command": " ".join(["copt train routing-candidates", *options]),
        "arguments": arguments,
        "data": (
            f"edges of solutions of {args.instances} {recipe[args.problem]}, {smallest} to {largest} nodes, after "
            f"{args.pace * SECONDS[args.problem]:g} s each; no benchmark instance was learned from"
        ),
        "hardware": f"{platform.machine()}, 1 thread",
        "torch": torch.__version__,
        **facts,
    }
