"""Training run of the job-shop dispatching policy; ``copt train jobshop --help`` lists its arguments.

Expert iteration on random shops: the current policy samples schedules (priority rules do in the first round), a
short tabu search improves the best of them, and the policy learns to take the decisions that lead there. Labelled
shops are kept and learned from several times.
"""

import dataclasses
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from torch_geometric.data import Batch

from copt.errors import CoptError
from copt.instances import taillard
from copt.instances.bounds import best_known
from copt.instances.jobshop_generators import flow_shop, reentrant_shop, two_set_shop, uniform_shop
from copt.models import store
from copt.models.jobshop import JobShopNet, ShopGraph, decision_loss
from copt.models.store import StoredPolicy
from copt.problems.jobshop import JobShop
from copt.read import read
from copt.solvers.jobshop.encoder import static_features
from copt.solvers.jobshop.gaps import compare
from copt.solvers.jobshop.order_kernels import Int32
from copt.solvers.jobshop.relink_kernels import load
from copt.solvers.jobshop.rollout import Dispatcher, expert_decisions
from copt.solvers.jobshop.shop import machine_successors, memory_for, order_for, shop_of
from copt.solvers.jobshop.tabu_kernels import tabu_search

__all__ = ["Args", "main"]

RULE_STARTS = (("mwkr", 0.5), ("mor", 0.5), ("spt", 0.5))  # rule and temperature
POLICY_STARTS = (0.15, 0.4)  # temperatures: the first samples well, the second widely
DURATIONS = ((1, 99), (1, 200), (10, 50))
PROTOCOL = (
    "greedy: one forward schedule; best_of_k: k sampled schedules, half of them reversed; seconds: wall time of 128 "
    "on one core, encoding included. best_rule: for each column the best of mwkr, mor, spt, fifo and random in "
    "hindsight, non-delay, under the same sampling, its seconds those of mwkr"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    name: str = "jobshop-v1"
    """Name to store the policy under."""
    minutes: float = 17.0
    """Wall time of the training."""
    seed: int = 0
    """Seed of shops, labels and weights."""
    device: str = "auto"
    """``cpu``, ``cuda``, or ``auto`` for a GPU where there is one."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""
    operations: int = 450
    """Largest number of operations of a shop."""
    samples: int = 16
    """Sampled schedules per shop, of which the best is improved."""
    moves: int = 12_000
    """Moves of the tabu search that improves it."""
    fresh: int = 96
    """New labelled shops a round."""
    reuse: int = 8
    """How often each labelled shop is learned from, on average."""
    batch: int = 12
    """Shops per gradient step."""
    rate: float = 2e-3
    """First learning rate; it falls along a cosine."""
    reference: int = 200_000
    """Moves of the tabu search behind the validation gaps."""
    measure: bool = True
    """Whether to measure the gaps on ta01 to ta80 at the end, a few minutes, for the card."""
    benchmarks: Path | None = None
    """Folder with dmu41.txt to dmu80.txt, to be measured as well."""


def random_shop(rng: np.random.Generator, operations: int) -> JobShop:
    """Return a random shop of at most ``operations`` operations, with 0.5 to 5 jobs a machine."""
    while True:
        machines = int(rng.integers(5, 21))
        jobs = max(5, round(machines * np.exp(rng.uniform(np.log(0.5), np.log(5.0)))))
        if jobs * machines <= operations:
            break
    low, high = DURATIONS[rng.integers(len(DURATIONS))]
    seed, kind = int(rng.integers(2**31)), rng.random()
    if kind < 0.04:
        return flow_shop(jobs=jobs, machines=machines, seed=seed, low=low, high=high)
    if kind < 0.10:
        return reentrant_shop(jobs=jobs, machines=machines, operations=machines, seed=seed, low=low, high=high)
    shop = uniform_shop if kind < 0.55 else two_set_shop
    return shop(jobs=jobs, machines=machines, seed=seed, low=low, high=high)


def sampled_start(instance: JobShop, policy: StoredPolicy | None, samples: int, seed: int) -> Int32:
    """Return the start times of the best of ``samples`` schedules of the policy, or of priority rules."""
    if policy is None:
        arms = [(Dispatcher(instance, rule), temperature, 0.0) for rule, temperature in RULE_STARTS]
    else:
        dispatcher = Dispatcher(instance, policy)
        arms = [(dispatcher, temperature, 1.0) for temperature in POLICY_STARTS]
    batches = [
        dispatcher.run(max(1, samples // len(arms)), seed=seed, temperature=temperature, delta=delta)
        for dispatcher, temperature, delta in arms
    ]
    best = min(batches, key=lambda batch: int(batch.makespans.min()))
    start: Int32 = best.starts[0]
    return start


def improved(instance: JobShop, start: Int32, moves: int, seed: int) -> tuple[Int32, int]:
    """Return start times and makespan after a tabu search of ``moves`` moves from ``start``."""
    shop, order, memory = shop_of(instance), order_for(instance), memory_for(instance, seed)
    best = machine_successors(shop, start)
    progress = np.array([load(shop, order, best), 0], dtype=np.int64)
    shortest = 10 + instance.num_jobs // instance.num_machines
    limits = np.array([moves, moves, shortest, 1 + 3 * shortest // 2, instance.num_jobs], dtype=np.int64)
    tabu_search(shop, order, memory, best, progress, limits, np.zeros(1, dtype=np.int32), 0)
    makespan = int(load(shop, order, best))
    n = instance.num_operations
    return (order.end[:n] - shop.duration[:n]).astype(np.int32), makespan


def graph_of(instance: JobShop, expert: Int32) -> ShopGraph:
    """Return the shop with the decisions that lead to the schedule ``expert``."""
    shop, state, operations, decisions = expert_decisions(instance, expert)
    pred = np.flatnonzero(shop.after > 0)
    as_index = [torch.from_numpy(a.astype(np.int64)) for a in (shop.machine, shop.job, operations, decisions)]
    machine, job, operation, decision = as_index
    return ShopGraph(
        x=torch.from_numpy(static_features(shop)),
        edge_index=torch.from_numpy(np.stack([pred, pred + 1])),
        machine_index=machine,
        job_index=job,
        num_machines=instance.num_machines,
        num_jobs=instance.num_jobs,
        state=torch.from_numpy(state),
        operation_index=operation,
        decision_index=decision,
        num_decisions=int(decisions[-1]) + 1 if decisions.size else 0,
    )


class Validation:
    """Held-out shops with the makespans of a longer tabu search.

    Args:
        seed: Seed of shops and search.
        moves: Moves of the search.
    """

    def __init__(self, seed: int, moves: int) -> None:
        sizes = ((10, 10), (15, 15), (20, 15), (30, 10), (30, 20))
        self._shops = [
            shop(jobs=jobs, machines=machines, seed=2**40 + 100 * seed + k)
            for shop in (uniform_shop, two_set_shop)
            for jobs, machines in sizes
            for k in range(2)
        ]
        starts = (sampled_start(shop, None, 30, seed) for shop in self._shops)
        self._best = [improved(shop, start, moves, seed)[1] for shop, start in zip(self._shops, starts, strict=True)]

    def gaps(self, policy: StoredPolicy) -> tuple[float, float]:
        """Return the mean gaps in percent of the greedy schedule and of the best of 16 sampled ones."""
        greedy, sampled = [], []
        for shop, best in zip(self._shops, self._best, strict=True):
            dispatcher = Dispatcher(shop, policy)
            greedy.append(dispatcher.run(1).makespans[0] / best)
            sampled.append(dispatcher.run(16, temperature=POLICY_STARTS[0]).makespans.min() / best)
        return 100 * float(np.mean(greedy)) - 100, 100 * float(np.mean(sampled)) - 100


class Trainer:
    """Network, optimiser and labelled shops of one run."""

    def __init__(self, args: Args) -> None:
        self.args = args
        name = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(name if args.device == "auto" else args.device)
        torch.manual_seed(args.seed)
        self.rng = np.random.default_rng(args.seed)
        self.net = JobShopNet().to(self.device)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=args.rate)
        self.graphs: list[ShopGraph] = []

    def policy(self) -> StoredPolicy:
        """Return the current weights as a policy."""
        return StoredPolicy(self.args.name, "jobshop", self.net.arrays(), {})

    def label(self) -> None:
        """Add freshly labelled shops; the first come from priority rules alone."""
        policy = self.policy() if self.graphs else None
        for _ in range(self.args.fresh):
            shop = random_shop(self.rng, self.args.operations)
            seed = int(self.rng.integers(2**31))
            start = sampled_start(shop, policy, self.args.samples, seed)
            self.graphs.append(graph_of(shop, improved(shop, start, self.args.moves, seed)[0]))

    def learn(self, rate: float) -> float:
        """Make the gradient steps of one round; return the mean loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses = []
        for _ in range(max(1, self.args.fresh * self.args.reuse // self.args.batch)):
            chosen = self.rng.integers(len(self.graphs), size=self.args.batch)
            batch = Batch.from_data_list([self.graphs[i] for i in chosen]).to(self.device)
            loss = decision_loss(self.net(batch), batch.decision_index)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimiser.step()
            losses.append(loss.item())
        return float(np.mean(losses))


def measured(policy: StoredPolicy, folder: Path | None) -> dict[str, dict[str, Any]]:
    """Return the gaps of the policy and of priority rules on benchmark shops, by groups of ten."""
    groups = [("ta", k, taillard.named) for k in range(1, 80, 10)]
    if folder is not None:
        groups += [("dmu", k, lambda name: read(folder / f"{name}.txt")) for k in range(41, 80, 10)]
    result = {}
    for stem, first, get in groups:
        names = [f"{stem}{k:02d}" for k in range(first, first + 10)]
        bounds = [best_known(name) for name in names]
        known = [bound.upper for bound in bounds if bound is not None]
        result[f"{names[0]}-{names[-1]}"] = compare(policy, [get(name) for name in names], known)
    return result


def summary(gaps: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return the gain in one line."""
    policy, rule = (np.mean([group[arm]["greedy"] for group in gaps.values()]) for arm in ("policy", "best_rule"))
    return f"greedy {policy:.1f} % above the best known, the best priority rule {rule:.1f} %"


def card_of(args: Args, facts: Mapping[str, object]) -> dict[str, object]:
    """Return the card: how the policy was trained, and what it gains."""
    paths = ("folder", "benchmarks")
    arguments = {key: value for key, value in dataclasses.asdict(args).items() if key not in paths}
    options = [f"--{key} {value}" for key, value in arguments.items() if value != getattr(Args(), key)]
    return {
        "command": " ".join(["copt train jobshop", *options]),
        "arguments": arguments,
        "data": (
            "random shops of 5 to 20 machines, 0.5 to 5 jobs a machine and at most 450 operations: 45 % uniform, "
            "45 % two-set, 6 % re-entrant, 4 % flow; durations 1-99, 1-200 or 10-50; labels are schedules that a "
            "short tabu search made from the policy's own samples; no benchmark instance was learned from"
        ),
        "hardware": f"{platform.machine()}, {torch.get_num_threads()} thread(s)",
        "torch": torch.__version__,
        **facts,
    }


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range.
    """
    run(tyro.cli(Args, args=args, prog="copt train jobshop"))


def run(args: Args) -> None:
    """Train and store the policy; the best weights on the validation shops are kept."""
    for field in ("minutes", "operations", "samples", "moves", "fresh", "reuse", "batch", "rate", "reference"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    if args.operations < 25:
        raise CoptError(f"operations must be at least 25, the smallest shop of the training, got {args.operations}")
    policy, facts = trained(args)
    if args.measure:
        gaps = measured(policy, args.benchmarks)
        facts["summary"] = summary(gaps)
        facts["measured"] = {"gap_percent_to_best_known": gaps, "protocol": PROTOCOL}
    path = store.save(args.name, "jobshop", policy.weights, card_of(args, facts), args.folder)
    print(f"stored {path}")


def trained(args: Args) -> tuple[StoredPolicy, dict[str, object]]:
    """Train; return the best policy on the validation shops and what its card says of the training."""
    trainer, validation = Trainer(args), Validation(args.seed, args.reference)
    began = time.perf_counter()
    limit, rounds, best, looked, elapsed = 60 * args.minutes, 0, float("inf"), 0.0, 0.0
    while elapsed < limit:
        trainer.label()
        loss = trainer.learn(args.rate * max(0.01, 0.5 + 0.5 * float(np.cos(np.pi * elapsed / limit))))
        rounds += 1
        elapsed = time.perf_counter() - began
        if elapsed - looked < limit / 25 and elapsed < limit:
            continue
        looked = elapsed
        policy = trainer.policy()
        greedy, sampled = validation.gaps(policy)
        print(
            f"{elapsed:6.0f} s  {rounds:4d} rounds  loss {loss:.4f}  greedy {greedy:.2f} %  best of 16 {sampled:.2f} %",
            flush=True,
        )
        if greedy + sampled < best:
            best, winner = greedy + sampled, policy
            facts: dict[str, object] = {
                "minutes": round(elapsed / 60, 1),
                "rounds": rounds,
                "shops": len(trainer.graphs),
                "device": str(trainer.device),
                "validation_gap_percent": {"greedy": round(greedy, 2), "best_of_16": round(sampled, 2)},
            }
    return winner, facts
