"""Training run of the branching policy; ``copt train mip-branching --help`` lists its arguments.

Imitation of full strong branching (Gasse et al. 2019) by the hybrid of Gupta et al. (2020). Trees are explored by
pseudocosts; at some nodes the expert is asked, and obeyed.
"""

import dataclasses
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro

from copt.envs import ROOT_CUTS, MipEnv, Pseudocosts, Room, StrongBranchingScores
from copt.errors import CoptError
from copt.instances.mip_generators import auction, set_cover
from copt.instances.mip_relaxation import Relaxation
from copt.instances.mip_scip import to_scip
from copt.models import store
from copt.models.mip_branching import BranchingNet, Decisions, RootGraph, imitation_loss
from copt.models.store import StoredPolicy
from copt.plugins.branching import attach_branching
from copt.plugins.branching_policy import candidate_states, embed, score
from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP

__all__ = ["Args", "main"]

ARMS: dict[str, Mapping[str, int]] = {
    "scip": {},
    "random": {"branching/random/priority": 10_000_000},
    "pscost": {"branching/pscost/priority": 10_000_000},
}
USES = ("nodes", "pseudocosts", "priorities")
PATIENCE = 30  # instances for one that needs branching
HELD_OUT = 2**20  # first seed of the instances that are measured on
PROTOCOL = (
    "held-out instances of the training's generator, SCIP's default settings but for the branching rule, one thread, "
    "arms in turn on each instance; shifted geometric means of all nodes (shift 10; what strong branching solves is "
    "not counted) and of the processor time of the whole solve (shift 1 s). scip: reliability pseudocosts, SCIP's own "
    "rule; random and pscost: SCIP's rules of these names; nodes, pseudocosts, priorities: see copt.plugins.branching"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    name: str = "mip-branching-v1"
    """Name to store the policy under."""
    kind: Literal["auction", "set-cover"] = "auction"
    """Kind of the instances."""
    sizes: tuple[int, int] = (80, 400)
    """Rows and variables of the instances, as their generator takes them."""
    minutes: float = 8.0
    """Wall time of asking the expert."""
    nodes: int = 60
    """Largest number of nodes of a tree that is explored."""
    asked: float = 0.4
    """Share of the nodes at which the expert is asked."""
    epochs: int = 60
    """How often every decision is learned from."""
    rate: float = 3e-3
    """First learning rate; it falls along a cosine."""
    seed: int = 0
    """Seed of instances, exploration and weights."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""
    held_out: int = 12
    """Number of instances that the policy is measured on; 0 measures nothing."""
    limit: float = 60.0
    """Seconds of processor time of each solve that is measured."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What the expert said about one instance.

    Args:
        root: Relaxation at the first decision.
        columns: Columns of the candidates, shape (rows,).
        states: Their features, shape (rows, 10).
        decision: Number of the decision, shape (rows,).
        expert: Scores of strong branching, shape (rows,).
    """

    root: Relaxation
    columns: IntArray
    states: FloatArray
    decision: IntArray
    expert: FloatArray


def instance_of(args: Args, seed: int) -> MIP:
    """Return a random instance."""
    first, second = args.sizes
    if args.kind == "auction":
        return auction(items=first, bids=second, seed=seed)
    return set_cover(rows=first, columns=second, seed=seed)


def labelled(args: Args, instance: MIP, rng: np.random.Generator) -> Labels | None:
    """Return what the expert says in one tree, None if there is nothing to branch on."""
    room = Room.of(instance)
    env = MipEnv(instance, observation=Pseudocosts(), parameters={**ROOT_CUTS, "limits/nodes": args.nodes}, room=room)
    seen, info = env.reset(seed=int(rng.integers(2**31)))
    search, expert = env.search, StrongBranchingScores()
    root = search.relaxation()
    column = {place: number for number, place in enumerate(root.place.tolist())}
    columns, states, decision, scores = list[int](), list[FloatArray](), list[int](), list[float]()
    asked, over = 0, search.over
    while not over:
        ratings = seen["pseudocosts"]
        if rng.random() < args.asked or not asked:
            places = [place for place in search.candidates if place in column]
            ratings = expert(search, room)["strong_branching"]
            columns += [column[place] for place in places]
            states.append(candidate_states(search.model, [search.candidates[place] for place in places]))
            scores += ratings[places].tolist()
            decision += [asked] * len(places)
            asked += 1
        action = np.int64(np.where(info["action_mask"] == 1, ratings, -1.0).argmax())
        seen, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    env.close()
    if not decision:
        return None
    return Labels(root, np.array(columns), np.concatenate(states), np.array(decision), np.array(scores))


def collect(args: Args) -> list[Labels]:
    """Return the labels of as many instances as the time allows, two at least.

    Raises:
        CoptError: If there is hardly ever anything to branch on.
    """
    rng, found, began, seed = np.random.default_rng(args.seed), list[Labels](), time.perf_counter(), 0
    while len(found) < 2 or time.perf_counter() - began < 60 * args.minutes:
        labels = labelled(args, instance_of(args, 1000 * args.seed + seed), rng)
        seed += 1
        if seed > PATIENCE * (1 + len(found)):
            raise CoptError(f"of {seed} instances only {len(found)} needed branching; make sizes {args.sizes} larger")
        if labels is not None:
            found.append(labels)
            if len(found) % 10 == 0:
                decisions = sum(int(one.decision[-1]) + 1 for one in found)
                print(f"{time.perf_counter() - began:6.0f} s  {len(found)} trees  {decisions} decisions", flush=True)
    return found


def train(args: Args, data: Sequence[Labels]) -> tuple[BranchingNet, list[float]]:
    """Return the network after ``args.epochs``, and the mean loss of each."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)  # tensors are so small that threads only wait for each other
    rng, net = np.random.default_rng(args.seed), BranchingNet()
    graphs = [RootGraph.of(labels.root) for labels in data]
    decisions = [
        Decisions(
            torch.from_numpy(labels.columns),
            torch.from_numpy(labels.states).float(),
            torch.from_numpy(labels.decision),
            torch.from_numpy(labels.expert).float(),
        )
        for labels in data
    ]
    net.standardise("variable", torch.cat([graph.variables for graph in graphs]))
    net.standardise("row", torch.cat([graph.rows for graph in graphs]))
    net.standardise("state", torch.cat([one.states for one in decisions]))
    optimiser = torch.optim.Adam(net.parameters(), lr=args.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, args.epochs * len(data))
    means = []
    for _ in range(args.epochs):
        losses = []
        for k in rng.permutation(len(data)).tolist():
            scores = net(net.embed(graphs[k])[decisions[k].columns], decisions[k].states)
            loss = imitation_loss(scores, decisions[k])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        means.append(float(np.mean(losses)))
    return net, means


def agreement(weights: Mapping[str, Any], data: Sequence[Labels]) -> dict[str, float]:
    """Return how often the policy, pseudocosts and chance take a variable with the expert's best score."""
    hits = dict[str, list[float]](policy=[], pseudocosts=[], chance=[])
    for labels in data:
        scores = score(embed(labels.root, weights)[labels.columns], labels.states, weights)
        for number in range(int(labels.decision[-1]) + 1):
            within = labels.decision == number
            best = labels.expert[within] >= labels.expert[within].max() * (1 - 1e-6)
            hits["policy"].append(best[scores[within].argmax()])
            hits["pseudocosts"].append(best[labels.states[within, 6].argmax()])
            hits["chance"].append(best.mean())
    return {name: round(float(np.mean(found)), 3) for name, found in hits.items()}


def solved(instance: MIP, parameters: Mapping[str, int], policy: StoredPolicy | None, use: Any, limit: float) -> Any:
    """Return nodes, processor seconds and status of one solve."""
    model, _ = to_scip(instance)
    for name, value in {"timing/clocktype": 1, "limits/time": limit, **parameters}.items():
        model.setParam(name, value)
    rule = None if policy is None else attach_branching(model, policy, use=use)
    began = time.process_time()
    model.optimizeNogil()
    seconds = time.process_time() - began
    if rule is not None and rule.notes:
        raise CoptError(f"the policy failed on {instance.name}: {rule.notes[0]}")
    return model.getNTotalNodes(), seconds, model.getStatus()


def measured(args: Args, policy: StoredPolicy) -> dict[str, dict[str, Any]]:
    """Return nodes and seconds of every arm on instances that were not learned from."""
    instances = [instance_of(args, HELD_OUT + k) for k in range(args.held_out)]
    arms: list[tuple[str, Mapping[str, int], StoredPolicy | None]] = [(name, ARMS[name], None) for name in ARMS]
    arms += [(use, {}, policy) for use in USES]
    runs: dict[str, list[Any]] = {name: [] for name, _, _ in arms}
    for instance in instances:  # all arms in turn, so that they share what else the machine does
        for name, parameters, helper in arms:
            runs[name].append(solved(instance, parameters, helper, name, args.limit))
    result = {}
    for name, found in runs.items():
        nodes, seconds = np.array([run[0] for run in found]), np.array([run[1] for run in found])
        result[name] = {
            "nodes": round(shifted_mean(nodes, 10.0), 1),
            "seconds": round(shifted_mean(seconds, 1.0), 2),
            "optimal": sum(run[2] == "optimal" for run in found),
            "faster_than_scip": sum(run[1] < own[1] for run, own in zip(found, runs["scip"], strict=True)),
        }
        print(f"{name:12} {result[name]}", flush=True)
    return result


def shifted_mean(values: FloatArray | IntArray, shift: float) -> float:
    """Return the shifted geometric mean."""
    return float(np.exp(np.log(values + shift).mean()) - shift)


def summary(gains: Mapping[str, Mapping[str, float]]) -> str:
    """Return the gain, or the loss, in one line."""
    own, ours = gains["scip"], gains["nodes"]
    return (
        f"{ours['nodes']:.0f} nodes and {ours['seconds']:.2f} s, SCIP's reliability pseudocosts "
        f"{own['nodes']:.0f} nodes and {own['seconds']:.2f} s"
    )


def card_of(args: Args, facts: Mapping[str, object]) -> dict[str, object]:
    """Return the card: how the policy was trained, and what it gains."""
    arguments = {key: value for key, value in dataclasses.asdict(args).items() if key != "folder"}
    plain = {key: value for key, value in arguments.items() if value != getattr(Args(), key)}
    options = [f"--{key.replace('_', '-')} {_words(value)}" for key, value in plain.items()]
    return {
        "command": " ".join(["copt train mip-branching", *options]),
        "arguments": arguments,
        "data": (
            f"random instances of {args.kind}, sizes {_words(args.sizes)}, trees of up to {args.nodes} nodes explored "
            f"by pseudocosts with cuts at the root alone; full strong branching was asked at {args.asked:.0%} of them"
        ),
        "hardware": f"{platform.machine()}, {torch.get_num_threads()} thread(s)",
        "torch": torch.__version__,
        **facts,
    }


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train mip-branching"))


def run(args: Args) -> None:
    """Train, measure and store the policy; a tenth of the trees is held back to see how well it agrees."""
    for field in ("minutes", "nodes", "asked", "epochs", "rate", "limit"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    began = time.perf_counter()
    data = collect(args)
    kept = max(1, len(data) // 10)
    net, losses = train(args, data[kept:])
    policy = StoredPolicy(args.name, "mip", net.arrays(), {})
    facts: dict[str, object] = {
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "trees": len(data),
        "decisions": sum(int(labels.decision[-1]) + 1 for labels in data),
        "loss": {"first": round(losses[0], 3), "last": round(losses[-1], 3)},
        "agreement": agreement(policy.weights, data[:kept]),
    }
    print(facts, flush=True)
    if args.held_out:
        gains = measured(args, policy)
        facts["summary"] = summary(gains)
        facts["measured"] = {"shifted_geometric_means": gains, "protocol": PROTOCOL}
    path = store.save(args.name, "mip", policy.weights, card_of(args, facts), args.folder)
    print(f"stored {path}")
