"""Training run of the order of moves on the robust knapsack; ``copt train robust --help`` lists its arguments.

The local search of the exact solver runs on small random instances. At some of the decisions that it reaches, what a
number of moves change is found exactly: the labels of a set network. It is measured on larger instances in the solver,
against the solver's random order and against the rule that tries first what known scenarios say the best of.
"""

import dataclasses
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import tyro
from lightning_fabric import Fabric
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from copt.errors import CoptError
from copt.instances.robust_generators import CORRELATIONS, robust_knapsack
from copt.models import store
from copt.models.robust import MoveNet
from copt.models.train_routing_schedule import ProcessorMonitor
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.read import read
from copt.solvers.robust.knapsack import search_knapsack
from copt.solvers.robust.knapsack_descent import roam, start_static
from copt.solvers.robust.knapsack_game import KnapsackGame
from copt.solvers.robust.knapsack_moves import Guide, Moves, Prices, State, by_bound, least_costs
from copt.solvers.robust.knapsack_primal import Primal, greedy_plan
from copt.solvers.robust.loading import warm_knapsack
from copt.solvers.robust.move_net import Seen, by_net, seen
from copt.stop import Stop

__all__ = ["Args", "main"]

FAR = 0.1  # mean profits by which a move must worsen the decisions for the rest not to matter
SOFT = 0.02  # mean profits over which a label goes from hardly to almost surely
TIMES = {"generated": (0.5, 1.0, 2.0, 5.0), "benchmark": (0.25, 0.5, 1.0)}  # seconds at which searches are compared
SETS = 16  # states of a step
PROTOCOL = (
    "gap_percent: mean over the instances of the percentage of the incumbent above the best one of all arms, after so "
    "many seconds of processor time of one thread, the guide's included, one run each; wins_and_losses: instances on "
    "which the learned order ends better or worse than another arm; off: the solver's random order of all moves; rule: "
    "by the greatest lower bound of known scenarios, as many moves as with the learned order; no instance was learned "
    "from"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    name: str = "robust-moves-v1"
    """Name to store the policy under."""
    instances: int = 60
    """Instances to learn from, one fifth of which only judge the network."""
    seconds: float = 0.5
    """Processor time of each search whose states are learned from."""
    states: int = 10
    """States of each that are kept at most."""
    moves: int = 30
    """Moves at each that are valued, half of them those that the rule prefers."""
    steps: int = 2000
    """Steps of the training."""
    hidden: int = 32
    """Width of every layer."""
    layers: int = 2
    """Layers that see the whole set of items."""
    rate: float = 3e-3
    """First learning rate; it falls to nothing along a cosine."""
    seed: int = 0
    """Seed of instances, searches and weights."""
    held_out: tuple[int, ...] = (100, 200, 300)
    """Numbers of items to measure on, an instance of each class for each."""
    benchmarks: tuple[Path, ...] = ()
    """Files of instances to be measured on as well."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network is trained."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""


class Lesson(NamedTuple):
    """What the network saw of a state, and what its moves changed.

    Args:
        what: Features.
        moves: The moves that were valued.
        changes: What each adds to the cost, in mean profits, ``FAR`` at most, shape (moves,).
        rule: Scores of the rule, shape (moves,).
    """

    what: Seen
    moves: Moves
    changes: FloatArray
    rule: FloatArray


def random_instance(args: Args, k: int) -> RobustKnapsack:
    """Return instance number ``k`` to learn from: 20 to 80 items, every class and setting of the published ones."""
    rng = np.random.default_rng([args.seed, k])
    return robust_knapsack(
        items=int(np.exp(rng.uniform(*np.log((20.0, 80.0))))),
        correlation=CORRELATIONS[k % 4],
        seed=1_000_000 * (args.seed + 1) + k,
        h=int(rng.choice((40, 80))),
        deviation=float(rng.choice((0.1, 0.5, 1.0))),
        share=float(rng.choice((0.1, 0.15, 0.2))),
    )


def lessons_of(args: Args, instance: RobustKnapsack, seed: int) -> list[Lesson]:
    """Search, and value moves at some of the states that the search came to."""
    rng = np.random.default_rng([args.seed, 1, seed])
    visited: list[tuple[State, Moves, Prices]] = []

    def watch(state: State, moves: Moves, prices: Prices) -> FloatArray:
        visited.append((state, moves, prices))
        return rng.random(len(moves.first))

    primal = Primal(instance, ProcessorMonitor(Stop(seconds=args.seconds)))
    primal.offer_plan(greedy_plan(instance), "greedy plan")
    game = KnapsackGame(instance, seed)
    start_static(game, primal)
    for _ in roam(game, primal, seed, watch):
        pass
    kept = [visited[int(k)] for k in rng.permutation(len(visited))[: args.states]]
    lessons = [valued(args, game, state, moves, prices, rng) for state, moves, prices in kept]
    return [lesson for lesson in lessons if lesson is not None]


def valued(
    args: Args, game: KnapsackGame, state: State, moves: Moves, prices: Prices, rng: np.random.Generator
) -> Lesson | None:
    """Return the lesson of a state, or None if known scenarios rule out every move."""
    money = float(state.instance.profits.mean())
    scores = by_bound(state, moves, prices)
    open_to = np.flatnonzero(least_costs(state, moves, prices) < state.found.value)
    if open_to.size == 0:
        return None
    ranked = open_to[np.argsort(-scores[open_to], kind="stable")]
    first, rest = ranked[: args.moves // 2], ranked[args.moves // 2 :]
    some = np.concatenate([first, rng.permutation(rest)[: args.moves - first.size]])
    changes = np.full(some.size, FAR)
    for place, k in enumerate(some):
        limit = state.found.value + FAR * money
        found = game.solve(game.decided(moves.apply(int(k), state.x)), start=state.found, cutoff=limit)
        if found.bound < limit:
            changes[place] = min(FAR, (found.value - state.found.value) / money)
    taken = Moves(moves.first[some], moves.second[some])
    return Lesson(seen(state, taken, prices), taken, changes, scores[some])


def targets(lesson: Lesson) -> NDArray[np.float32]:
    """Return the labels: how surely each move pays."""
    return (1.0 / (1.0 + np.exp(np.clip(lesson.changes / SOFT, -30, 30)))).astype(np.float32)


def batch_of(lessons: Sequence[Lesson], device: torch.device) -> tuple[Any, ...]:
    """Return the arguments of the network for several states."""
    sizes = [len(lesson.what.items) for lesson in lessons]
    offsets = np.concatenate([[0], np.cumsum(sizes[:-1])]).astype(np.int64)
    flipped = [
        np.where(pair >= 0, pair + offset, -1)
        for lesson, offset in zip(lessons, offsets, strict=True)
        for pair in (np.stack(lesson.moves, axis=1),)
    ]
    arrays = (
        np.concatenate([lesson.what.items for lesson in lessons]),
        np.concatenate([lesson.what.chosen for lesson in lessons]),
        np.repeat(np.arange(len(lessons)), sizes),
        len(lessons),
        np.concatenate([lesson.what.moves for lesson in lessons]),
        np.concatenate(flipped),
    )
    return tuple(torch.from_numpy(a).to(device) if isinstance(a, np.ndarray) else a for a in arrays)


def trained(args: Args, lessons: Sequence[Lesson]) -> tuple[MoveNet, dict[str, Any]]:
    """Return the trained network and what the card says of the training."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng([args.seed, 2])
    fabric = Fabric(accelerator=args.device, devices=1)
    net = MoveNet(lessons[0].what.items.shape[1], lessons[0].what.moves.shape[1], args.hidden, args.layers)
    rows = (np.concatenate([getattr(lesson.what, name) for lesson in lessons]) for name in ("items", "moves"))
    net.standardise(*map(torch.from_numpy, rows))
    model, adam = fabric.setup(net, torch.optim.Adam(net.parameters(), lr=args.rate))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, args.steps)
    losses: list[float] = []
    for step in range(args.steps):
        some = [lessons[int(k)] for k in rng.integers(len(lessons), size=SETS)]
        labels = torch.from_numpy(np.concatenate([targets(lesson) for lesson in some])).to(fabric.device)
        score: Tensor = model(*batch_of(some, fabric.device))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score, labels)
        adam.zero_grad()
        fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        schedule.step()
        losses.append(loss.item())
        if step % (args.steps // 5 + 1) == 0:
            print(f"step {step:5d}  loss {np.mean(losses[-200:]):.4f}", flush=True)
    return net, {"device": str(fabric.device), "loss": round(float(np.mean(losses[-200:])), 4)}


def mean_of(values: Sequence[float]) -> float | None:
    """Return the mean, rounded, None if there are no values."""
    return round(float(np.mean(values)), 4) if values else None


def judged(net: MoveNet, lessons: Sequence[Lesson]) -> dict[str, Any]:
    """Return how well each order ranks moves at states that nothing was learned from."""
    found: dict[str, list[float]] = {"learned": [], "rule": []}
    tops: dict[str, list[float]] = {"learned": [], "rule": [], "best": []}
    cpu = torch.device("cpu")
    for lesson in lessons:
        with torch.no_grad():
            scores = {"learned": net.cpu()(*batch_of([lesson], cpu)).numpy(), "rule": lesson.rule}
        tops["best"].append(float(lesson.changes.min()))
        for name, score in scores.items():
            tops[name].append(float(lesson.changes[np.argsort(-score, kind="stable")[:3]].min()))
            if np.ptp(lesson.changes) > 0.0 and np.ptp(score) > 0.0:
                ranks = rankdata(-score), rankdata(lesson.changes)
                found[name].append(float(np.corrcoef(*ranks)[0, 1]))
    return {
        "states": len(lessons),
        "rank_correlation": {name: mean_of(row) for name, row in found.items()},
        "best_change_of_first_three": {name: mean_of(row) for name, row in tops.items()},
    }


def incumbents(instance: RobustKnapsack, guide: Guide | None, times: Sequence[float], seed: int) -> FloatArray:
    """Return the cost of the incumbent at each of ``times``, in processor time of one thread."""
    monitor = ProcessorMonitor(Stop(seconds=times[-1]))
    primal = Primal(instance, monitor)
    primal.offer_plan(greedy_plan(instance), "greedy plan")
    search_knapsack(primal, 1, seed, guide)
    trace = monitor.trace().incumbents
    return np.array([min(value for second, value in trace if second <= max(time, trace[0][0])) for time in times])


def measured(
    arms: Mapping[str, Guide | None], cases: Sequence[RobustKnapsack], times: Sequence[float], seed: int
) -> dict[str, Any]:
    """Return the mean gap of each arm at each time, and whom the learned one beats at the end."""
    rows = []
    for k, case in enumerate(cases):
        costs = np.array([incumbents(case, guide, times, seed + k) for guide in arms.values()])
        rows.append(100.0 * (costs - costs.min()) / abs(costs.min()))
        gaps = zip(arms, rows[-1].round(3).tolist(), strict=True)
        print(f"{case.name:44s}", *(f"{name} {row}" for name, row in gaps), flush=True)
    table = np.array(rows)  # (cases, arms, times)
    last = dict(zip(arms, table[:, :, -1].T, strict=True))
    return {
        "instances": len(cases),
        "seconds": list(times),
        "gap_percent": {
            name: [round(float(gap), 3) for gap in row] for name, row in zip(arms, table.mean(axis=0), strict=True)
        },
        "wins_and_losses": {
            name: [int((last["learned"] < row).sum()), int((last["learned"] > row).sum())]
            for name, row in last.items()
            if name != "learned"
        },
    }


def held_out(args: Args) -> list[RobustKnapsack]:
    """Return the generated instances to measure on."""
    seed = 1000 + args.seed
    return [robust_knapsack(items=n, correlation=kind, seed=seed) for n in args.held_out for kind in CORRELATIONS]


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range, or a benchmark is no robust knapsack.
    """
    run(tyro.cli(Args, args=args, prog="copt train robust"))


def run(args: Args) -> None:
    """Label, train, measure and store."""
    for field in ("instances", "seconds", "states", "moves", "steps", "hidden"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    benchmarks = [read(path) for path in args.benchmarks]
    for path, instance in zip(args.benchmarks, benchmarks, strict=True):
        if not isinstance(instance, RobustKnapsack):
            raise CoptError(f"benchmarks must be two-stage robust knapsacks, {path} is not one")
    began = time.process_time()
    warm_knapsack()
    judges = max(1, args.instances // 5)
    known = [lessons_of(args, random_instance(args, k), k) for k in range(args.instances)]
    lessons = [lesson for row in known[judges:] for lesson in row]
    print(f"{len(lessons)} states to learn from, {time.process_time() - began:.0f} s", flush=True)
    net, facts = trained(args, lessons)
    facts |= {"lessons": len(lessons), "judged": judged(net, [lesson for row in known[:judges] for lesson in row])}
    print(json.dumps(facts["judged"], indent=2), flush=True)
    facts["minutes"] = round((time.process_time() - began) / 60, 1)
    arms: dict[str, Guide | None] = {"off": None, "rule": by_bound, "learned": partial(by_net, net.arrays())}
    groups = {"generated": held_out(args), "benchmark": benchmarks}
    facts["measured"] = {name: measured(arms, cases, TIMES[name], args.seed) for name, cases in groups.items() if cases}
    facts |= {"protocol": PROTOCOL, "summary": summary(facts["measured"])}
    path = store.save(args.name, "robust", net.arrays(), card_of(args, facts), args.folder)
    print(facts["summary"], f"stored {path}", sep="\n")


def summary(groups: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the mean gaps at the end in one line."""
    parts = (
        f"{name}: " + ", ".join(f"{arm} {row[-1]:.3f} %" for arm, row in group["gap_percent"].items())
        for name, group in groups.items()
    )
    return "mean gap to the best arm at the end on unseen instances, " + "; ".join(parts)


def card_of(args: Args, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card: how the policy was trained, and what it gains."""
    paths = ("folder", "benchmarks")
    arguments = {key: value for key, value in dataclasses.asdict(args).items() if key not in paths}
    changed = {key: value for key, value in arguments.items() if value != getattr(Args(), key)}
    words = {key: " ".join(map(str, value)) if isinstance(value, tuple) else value for key, value in changed.items()}
    options = [f"--{key.replace('_', '-')} {value}" for key, value in words.items()]
    return {
        "role": "moves",
        "command": " ".join(["copt train robust", *options]),
        "arguments": arguments,
        "data": f"{args.instances} generated two-stage knapsacks of 20 to 80 items; no benchmark was learned from",
        "hardware": f"{platform.machine()}, 1 thread",
        "torch": torch.__version__,
        **facts,
    }
