"""Training run of the routing schedule; ``copt train routing-schedule --help`` lists its arguments.

Every setting of a small design anneals random instances, with random budgets. From features of instance and budget, a
ridge regression learns the root of the percentage that each setting falls behind the best on that instance; the root
keeps the few instances where a setting fails from deciding everything. Labels go to a file, from which an interrupted
run goes on.
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
import tyro
from numpy.typing import NDArray

from copt.errors import CoptError
from copt.events import Silent
from copt.instances.bounds import best_known
from copt.instances.routing_generators import Demands, Depot, Places, x_routing
from copt.models import store
from copt.models.store import StoredPolicy
from copt.monitor import Monitor
from copt.problems.routing import FloatArray, Routing
from copt.read import read
from copt.solvers.routing.anneal import Schedule
from copt.solvers.routing.features import FEATURES, describe
from copt.solvers.routing.loading import warm_routes
from copt.solvers.routing.schedule import FIELDS, choose
from copt.solvers.routing.search import search_routes
from copt.stop import Stop

__all__ = ["Args", "main"]

DESIGN = tuple(
    Schedule(hot=hot, patience=patience, mean=size, longest=size)
    for hot, patience, size in (
        (1.0, 3.0, 10.0),
        (0.3, 1.0, 10.0),
        (0.3, 5.0, 10.0),
        (3.0, 20.0, 10.0),
        (0.3, 5.0, 20.0),
        (1.0, 5.0, 20.0),
        (3.0, 5.0, 20.0),
        (1.0, 20.0, 20.0),
    )
)
DEPOTS: tuple[Depot, ...] = ("centre", "corner", "random")
PLACES: tuple[Places, ...] = ("random", "clustered", "mixed")
DEMANDS: tuple[Demands, ...] = ("unit", "1-10", "5-10", "1-100", "50-100", "quadrant", "many-small")
LABEL = ("instance", "seconds", "setting", "cost")  # fields of a line in the file of labels
LARGE = 0.12  # share of instances with more than 2000 customers
PROTOCOL = (
    "gap_percent: mean over the instances of the percentage above the best of the three arms (generated), or above the "
    "best known value (benchmark); seconds of processor time on one core, one run each; generated instances were not "
    "trained on, benchmark ones neither; best_fixed is the setting with the smallest mean gap on the training instances"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    name: str = "routing-schedule-v1"
    """Name to store the policy under."""
    instances: int = 48
    """Instances to learn from; each costs about twelve seconds."""
    held_out: int = 24
    """Instances to measure on."""
    seed: int = 0
    """Seed of instances and searches."""
    penalty: float = 3.0
    """Weight of the squared slopes, against one for each instance."""
    longest: float = 4.0
    """Most seconds of a search."""
    labels: Path = Path("routing-schedule.jsonl")
    """File of labels, added to if it exists."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""
    benchmarks: Path | None = None
    """Folder with VRPLIB files to be measured on as well, for ten seconds each."""


class ProcessorMonitor(Monitor):
    """A monitor whose clock is the time of this process: what else the machine does must not blur the labels."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop, Silent())
        self._offset = time.process_time()

    @property
    def elapsed(self) -> float:
        """Processor seconds since the beginning."""
        return time.process_time() - self._offset


@dataclass(frozen=True)
class Case:
    """An instance and a budget.

    Args:
        instance: The problem.
        seconds: Time for the search.
        best: Best known value, or None.
    """

    instance: Routing
    seconds: float
    best: float | None = None

    def cost(self, schedule: Schedule, seed: int) -> float:
        """Return the cost that annealing by ``schedule`` reaches."""
        monitor = ProcessorMonitor(Stop(seconds=self.seconds))
        search_routes(self.instance, monitor, None, 1, seed, schedule=schedule)
        assert monitor.best is not None
        return monitor.best


def random_case(args: Args, k: int) -> Case:
    """Return the instance and budget number ``k``: 100 to 8000 customers, 3 to 200 on a route."""
    rng = np.random.default_rng([args.seed, k])
    large = rng.random() < LARGE
    customers = int(np.exp(rng.uniform(*np.log((2000, 8000) if large else (100, 1200)))))
    size = float(np.exp(rng.uniform(np.log(3.0), np.log(min(200.0, customers / 4)))))
    if large:
        size = max(size, float(rng.uniform(10.0, 150.0)))
    seconds = float(np.clip(customers * np.exp(rng.uniform(*np.log((0.0005, 0.03)))), 0.4, args.longest))
    depot = DEPOTS[rng.integers(len(DEPOTS))]
    places = PLACES[rng.integers(len(PLACES))]
    demands = DEMANDS[rng.integers(len(DEMANDS))]
    instance = x_routing(
        customers=customers, seed=k, depot=depot, places=places, demands=demands, route_size=round(size, 2)
    )
    return Case(instance, round(seconds, 3))


def labelled(args: Args, cases: Sequence[Case]) -> FloatArray:
    """Return the cost of each setting of the design, shape (cases, settings), from the file as far as it goes."""
    known: dict[tuple[Any, ...], float] = {}
    if args.labels.exists():
        for line in args.labels.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            known[tuple(row[field] for field in LABEL[:3])] = row[LABEL[3]]
    found = np.zeros((len(cases), len(DESIGN)))
    with args.labels.open("a", encoding="utf-8") as file:
        for (i, j), _ in np.ndenumerate(found):
            case = cases[i]
            key = case.instance.name, case.seconds, j
            if key not in known:
                known[key] = case.cost(DESIGN[j], 1000 * i + j)
                row = dict(zip(LABEL, (*key, known[key]), strict=True))
                file.write(json.dumps(row) + "\n")
                file.flush()
            found[i, j] = known[key]
    return found


def gaps_of(found: FloatArray) -> FloatArray:
    """Return the percentages above the best of each row."""
    gaps: FloatArray = 100.0 * (found / found.min(axis=1, keepdims=True) - 1.0)
    return gaps


def fitted(features: FloatArray, gaps: FloatArray, penalty: float) -> dict[str, NDArray[np.float32]]:
    """Return the weights of the ridge regression from features to the roots of gaps."""
    centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    inputs, roots = (features - centre) / scale, np.sqrt(gaps)
    bias = roots.mean(axis=0)
    gram = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
    weights = {
        "centre": centre,
        "scale": scale,
        "low": features.min(axis=0),
        "high": features.max(axis=0),
        "slopes": np.linalg.solve(gram, inputs.T @ (roots - bias)).T,
        "bias": bias,
        "settings": np.array([[getattr(setting, field) for field in FIELDS] for setting in DESIGN]),
    }
    return {name: value.astype(np.float32) for name, value in weights.items()}


def described(cases: Sequence[Case]) -> FloatArray:
    """Return the features of each case, shape (cases, features)."""
    return np.array([describe(case.instance, case.seconds, 1) for case in cases])


def measured(policy: StoredPolicy, cases: Sequence[Case], fixed: Schedule) -> dict[str, Any]:
    """Return mean gaps of the learned schedule, of the best fixed one and of the default, and who beats whom."""
    table = []
    for k, case in enumerate(cases):
        arms = (choose(case.instance, case.seconds, 1, policy), fixed, Schedule())
        # The same setting is not run twice: its difference to itself would be nothing but noise.
        costs = {arm: case.cost(arm, k) for arm in dict.fromkeys(arms)}
        best = min(costs.values()) if case.best is None else case.best
        table.append([100.0 * (costs[arm] / best - 1.0) for arm in arms])
        print(f"{case.instance.name:20s} {case.seconds:6.2f} s ", *(f"{gap:6.2f}" for gap in table[-1]), flush=True)
    gaps = np.array(table)
    learned, others = gaps[:, 0], {"best_fixed": gaps[:, 1], "default": gaps[:, 2]}
    means = {name: round(float(row.mean()), 3) for name, row in {"learned": learned, **others}.items()}
    wins = {name: [int((learned < row).sum()), int((learned > row).sum())] for name, row in others.items()}
    return {"instances": len(cases), "gap_percent": means, "learned_wins_and_losses_against": wins}


def summary(groups: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the mean gaps in one line."""
    words = ("learned", "best_fixed", "default")
    parts = (
        f"{name}: " + ", ".join(f"{word.replace('_', ' ')} {group['gap_percent'][word]:.2f} %" for word in words)
        for name, group in groups.items()
    )
    return "mean gaps on unseen problems, " + "; ".join(parts)


def benchmark_cases(folder: Path) -> list[Case]:
    """Return the problems of at least 500 nodes in ``folder`` whose best value is known."""
    instances = (read(path) for path in sorted(folder.glob("*.vrp")))
    large = [instance for instance in instances if instance.num_nodes >= 500]
    known = ((instance, best_known(instance.name)) for instance in large)
    return [Case(instance, 10.0, bounds.upper) for instance, bounds in known if bounds]


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train routing-schedule"))


def run(args: Args) -> None:
    """Label, train, measure and store."""
    for field in ("instances", "penalty", "longest"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    began = time.perf_counter()
    warm_routes()
    cases = [random_case(args, k) for k in range(args.instances)]
    gaps = gaps_of(labelled(args, cases))
    weights = fitted(described(cases), gaps, args.penalty)
    fixed = DESIGN[int(gaps.mean(axis=0).argmin())]
    policy = StoredPolicy(args.name, "routing", weights, {"role": "schedule"})
    groups = {"generated": [random_case(args, args.instances + k) for k in range(args.held_out)]}
    if args.benchmarks is not None:
        groups["benchmark"] = benchmark_cases(args.benchmarks)
    facts: dict[str, Any] = {
        "mean_gap_percent_of_settings": [round(float(gap), 3) for gap in gaps.mean(axis=0)],
        "best_fixed": {field: getattr(fixed, field) for field in FIELDS},
        "measured": {name: measured(policy, group, fixed) for name, group in groups.items() if group},
        "protocol": PROTOCOL,
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "minutes_of_labels": round(len(DESIGN) * sum(case.seconds for case in cases) / 60, 1),
    }
    facts["summary"] = summary(facts["measured"])
    path = store.save(args.name, "routing", weights, card_of(args, facts), args.folder)
    print(json.dumps(facts["measured"]), f"stored {path}", sep="\n")


def card_of(args: Args, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the card: how the policy was trained, and what it gains."""
    paths = ("folder", "benchmarks", "labels")
    arguments = {key: value for key, value in dataclasses.asdict(args).items() if key not in paths}
    options = [f"--{key} {value}" for key, value in arguments.items() if value != getattr(Args(), key)]
    return {
        "role": "schedule",
        "command": " ".join(["copt train routing-schedule", *options]),
        "arguments": arguments,
        "data": (
            "capacitated problems by the recipe of the X set, 100 to 8000 customers, 3 to 200 on a route, 0.4 to 4 "
            "seconds; no benchmark instance was learned from"
        ),
        "features": list(FEATURES),
        "hardware": f"{platform.machine()}, 1 thread",
        **facts,
    }
