"""Training run of proposals of plans; ``copt train control-phases --help`` lists its arguments.

A network proposes several plans by start and goal, and so what ReLUs do along good plans. It learns from the plans that
long searches find on random episodes, the closest proposal to each counting (Guzman-Rivera et al. 2012), and from what
proposals cost on the model in many more problems, whose gradient passes through the model. It is stored with what
problems look like, so that others are left alone, and with what it gains on unseen ones beside its controls.
"""

import dataclasses
import itertools
import math
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import tyro

from copt.envs import CONTROL, ControlEnv
from copt.errors import CoptError, UnknownNameError
from copt.models import store
from copt.models.control_phases import Batch, Model, PhaseNet, tensor
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.problems.dynamics import Dynamics
from copt.problems.pairwise import Pairwise
from copt.problems.planar import Planar, turned
from copt.read import read_dynamics
from copt.solvers.control.controls import Mean, Nearest
from copt.solvers.control.lessons import labelled
from copt.solvers.control.phases import REACH, ROLE, Predictor, features, traits, turn_of
from copt.solvers.control.trials import compared

if TYPE_CHECKING:
    from copt.solvers.control.planner import Proposer

__all__ = ["Args", "main"]

HELD_OUT = 10_000  # seeds from here on are for measuring
WALK = 20  # most random moves before the state to plan from
LOOSE = 0.1  # weight of the mean of all proposals beside that of the best
PROBES = 8  # inputs by whose outputs dynamics are told apart
PROTOCOL = (
    "gain: mean over problems of what the planner's plan costs less with proposals than without, relative to without, "
    "after so many seconds of processor time each, the same seed for all arms, with its 95 % interval by the normal "
    "distribution; the network's own time counts. network: ours; nearest: as many plans of the nearest problems "
    "among the labels; mean: the mean of the best plans of all labels. Problems are starts of episodes and states "
    "after some random moves, of seeds not trained on. minutes: of processor time, without labels that were on disk"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    name: str
    """Name to store the policy under, such as control-phases-pusht-v1."""
    dynamics: str = "control-pusht-v1"
    """Policy or file with the dynamics."""
    tasks: tuple[str, ...] = ("PushT", "PushTAround")
    """Tasks whose episodes to plan in."""
    horizon: int = 10
    """Steps of a plan."""
    shorter: tuple[int, ...] = (5,)
    """Shorter horizons to measure at, too."""
    count: int = 100
    """Problems to label."""
    seconds: float = 0.4
    """Processor time of the search that labels a problem."""
    label_minutes: float = 15.0
    """Processor time after which no further problem is labelled."""
    pool: int = 2000
    """Problems to learn from, labelled or not."""
    minutes: float = 2.0
    """Processor time of the training."""
    plans: int = 8
    """Plans to propose."""
    hidden: tuple[int, ...] = (128, 128)
    """Widths of the hidden layers."""
    batch: int = 64
    """Problems of an update, and labels."""
    rate: float = 1e-3
    """First learning rate; it falls along a cosine."""
    held_out: int = 40
    """Problems to measure on."""
    trial: float = 0.1
    """Seconds of processor time of each plan that is measured."""
    seed: int = 0
    """Seed of weights and batches."""
    labels: Path = Path("control-labels")
    """Folder of labels, added to if it exists."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""


def problems(tasks: Sequence[str], dynamics: Dynamics, horizon: int, seed: int) -> Iterator[tuple[str, ControlProblem]]:
    """Yield problems without end, each with a name: starts of episodes of one task after the other, then states after.

    Args:
        tasks: Words of tasks, as in ``copt.envs.CONTROL``.
        dynamics: The model to plan with.
        horizon: Steps to plan.
        seed: Of the first episode; the others follow.
    """
    while True:
        for word in tasks:
            task = CONTROL[word]
            env = ControlEnv(task)
            env.reset(seed=seed)
            yield f"{word}-{horizon}-{seed}", env.problem(dynamics, horizon)
            yield f"{word}-{horizon}-{seed}-later", env.problem(dynamics, horizon, _later(env, seed))
        seed += 1


def _later(env: ControlEnv, seed: int) -> FloatArray:
    """Return a state that random moves from the start of an episode lead to."""
    rng, task = np.random.default_rng(seed), env.task
    state, action, simulation = env.scene.start, np.zeros(task.reach.size), task.simulate(env.scene)
    for _ in range(int(rng.integers(1, WALK))):
        action = task.explore(env.scene, state, action, rng)
        state = simulation.step(action)
    return state


def batch_of(problems: Sequence[ControlProblem], heading: FloatArray) -> Batch:
    """Return problems as tensors."""
    turns = [turn_of(one.start, heading) for one in problems]
    return Batch(
        tensor(np.array([features(one.start, one.cost.goal, heading) for one in problems])),
        tensor(np.array([_along(one.start, turn, heading) for one, turn in zip(problems, turns, strict=True)])),
        tensor(np.array([one.cost.goal for one in problems])),
        tensor(np.array(turns)),
    )


def _along(start: FloatArray, turn: tuple[float, float], heading: FloatArray) -> FloatArray:
    """Return a start turned so that it points along (1, 0)."""
    return turned(start, turn[0], -turn[1]) if heading.size else start


def trained(args: Args, model: Model, pool: Batch, labels: tuple[Batch, torch.Tensor]) -> PhaseNet:
    """Return a network trained for so long.

    Args:
        args: Arguments of the run.
        model: What plans cost.
        pool: Problems.
        labels: Other problems, and the best plan of each.
    """
    torch.manual_seed(args.seed)
    known, best = labels
    mean, scale = pool.features.mean(dim=0), pool.features.std(dim=0) + 1e-3
    net = PhaseNet(mean, scale, args.hidden, args.plans, (best.shape[1], best.shape[2]), REACH)
    adam = torch.optim.Adam(net.parameters(), lr=args.rate)
    still = model.costs(torch.zeros_like(best[:1]).expand(len(pool.start), 1, *best.shape[1:]), pool)[:, 0]
    began, losses = time.process_time(), []
    while (progress := (time.process_time() - began) / (60.0 * args.minutes)) < 1.0:
        for group in adam.param_groups:
            group["lr"] = args.rate * max(0.01, 0.5 + 0.5 * math.cos(math.pi * progress))
        some, few = torch.randint(len(pool.start), (args.batch,)), torch.randint(len(best), (args.batch,))
        free, taught = pool.rows(some), known.rows(few)
        costs = model.costs(model.plans(net(free.features), free), free) / still[some, None]
        away = (model.plans(net(taught.features), taught) - best[few, None]).square().mean(dim=(2, 3))
        loss = _loose(costs) + (1.0 - progress) * _loose(away / model.variance)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        losses.append(float(costs.detach().min(dim=1).values.mean()))
        if len(losses) % 200 == 1:
            print(f"{100 * progress:3.0f} % {len(losses):5d} updates  cost {np.mean(losses[-100:]):.4f}", flush=True)
    return net


def _loose(losses: torch.Tensor) -> torch.Tensor:
    """Return the loss of the best proposal, and a little of those of the others, so that none is left behind."""
    return ((1.0 - LOOSE) * losses.min(dim=1).values + LOOSE * losses.mean(dim=1)).mean()


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range, or there is too little to learn from.
    """
    run(tyro.cli(Args, args=args, prog="copt train control-phases"))


def run(args: Args) -> None:
    """Label, train, measure and store."""
    _check(args)
    torch.set_num_threads(1)  # the time of the training counts processor time
    began, dynamics = time.process_time(), read_dynamics(args.dynamics)
    if isinstance(dynamics, Pairwise):
        raise CoptError(f"dynamics = {args.dynamics} are for any number of things; proposals need those of one system")
    net, heading = (dynamics.net, dynamics.heading) if isinstance(dynamics, Planar) else (dynamics, np.zeros((0, 0)))
    named = list(itertools.islice(problems(args.tasks, dynamics, args.horizon, 0), max(args.pool, args.count)))
    seen = [problem for _, problem in named]
    labels = labelled(iter(named), args.count, args.labels, seconds=args.seconds, minutes=args.label_minutes)
    if len(labels) < 4:
        raise CoptError(f"only {len(labels)} problems have a plan; raise --seconds, or --count")
    best = torch.from_numpy(np.array([label.plans[0] for label in labels], dtype=np.float32))
    told = batch_of([label.problem for label in labels], heading), best
    found = trained(args, Model(net, seen[0], bool(heading.size)), batch_of(seen, heading), told)
    weights = found.arrays() | fingerprint(seen[:: max(1, len(seen) // PROBES)], heading)
    minutes = round((time.process_time() - began) / 60, 1)
    arms: dict[str, Proposer] = {
        "network": Predictor(weights),
        "nearest": Nearest(labels, heading, args.plans),
        "mean": Mean(labels, heading),
    }
    facts = {"labels": len(labels), "minutes": minutes, **measured(args, dynamics, arms)}
    path = store.save(args.name, "control", weights, card_of(args, facts), args.folder)
    print(facts["summary"], f"stored {path}", sep="\n")


def measured(args: Args, dynamics: Dynamics, arms: Mapping[str, "Proposer"]) -> dict[str, Any]:
    """Return what arms gain on unseen problems of the horizon and of shorter ones, and that in one line."""
    found, lines = {}, []
    for steps in (args.horizon, *args.shorter):
        stream = problems(args.tasks, dynamics, steps, HELD_OUT)
        some = [problem for _, problem in itertools.islice(stream, args.held_out)]
        found[str(steps)] = measure = compared(some, arms, args.trial)
        gains = (
            f"{name} {100 * mean:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
            for name, (mean, low, high) in measure["gain"].items()
        )
        lines.append(f"{steps} steps: {', '.join(gains)}")
        print(lines[-1], flush=True)
    return {"measured": found, "summary": f"plans cost less than without proposals by, {'; '.join(lines)}"}


def fingerprint(some: Sequence[ControlProblem], heading: FloatArray) -> dict[str, Any]:
    """Return what tells problems like these from others; see ``copt.solvers.control.phases``."""
    like, rng = some[0], np.random.default_rng(0)
    probes = []
    for one in some[:PROBES]:
        cosine, sine = turn_of(one.start, heading)
        own = turned(one.start, cosine, -sine) if heading.size else one.start
        probes.append(np.concatenate([own, rng.uniform(one.u_lower, one.u_upper)]))
    array = np.array(probes).astype(np.float32).astype(np.float64)
    return {"heading": heading, "probes": array, **traits(like, array, turn_of(like.start, heading))}


def card_of(args: Args, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the card: how the policy was trained, and what it gains."""
    kept = {key: value for key, value in dataclasses.asdict(args).items() if key not in ("folder", "labels")}
    words = [
        f"--{f.name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, tuple) else value}".rstrip()
        for f in dataclasses.fields(Args)
        if f.name in kept and (value := kept[f.name]) != f.default
    ]
    return {
        "role": ROLE,
        "command": " ".join(["copt train control-phases", *words]),
        "arguments": kept,
        "data": f"plans of {facts['labels']} problems after {args.seconds:g} s of processor time each, and "
        f"{max(args.pool, args.count)} problems without",
        "hardware": f"{platform.machine()}, cpu, 1 thread",
        "torch": torch.__version__,
        "protocol": PROTOCOL,
        **facts,
    }


def _check(args: Args) -> None:
    for word in args.tasks:
        if word not in CONTROL:
            raise UnknownNameError("task", word, CONTROL, f"choose from: {', '.join(CONTROL)}")
    for field in ("horizon", "count", "seconds", "minutes", "pool", "plans", "batch", "rate", "held_out", "trial"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    if not all(1 <= steps < args.horizon for steps in args.shorter):
        raise CoptError(
            f"shorter horizons must be from 1 to {args.horizon - 1}, got {' '.join(map(str, args.shorter))}"
        )
