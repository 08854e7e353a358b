"""Training run of guides for a family of mixed-integer programs; ``copt train mip --help`` lists its arguments.

The partner's own good points of programs of the family are the labels of a graph network on variables and rows, and of
a logistic regression on the same features; whichever guesses better on programs put aside is kept. It is stored
together with what the programs look like, so that others are left alone, and with what it gained on unseen ones
beside its controls. Lessons are kept on disk, from where an interrupted run goes on.
"""

import dataclasses
import math
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import tyro
from lightning_fabric import Fabric
from scipy.sparse import csr_array
from torch import Tensor

from copt.errors import CoptError, UnknownNameError
from copt.instances.mip_generators import GENERATORS
from copt.models import store
from copt.models.mip_guide import GuideNet, Inputs, sparse_pair
from copt.problems.mip import MIP
from copt.read import read
from copt.solvers.mip.controls import RandomGuide, RelaxedGuide
from copt.solvers.mip.graph import LP_ROWS, LP_VARIABLES, ROWS, VARIABLES, Sparse, graph_of
from copt.solvers.mip.guide import FINGERPRINT, IDLE, SHARES, NetGuide, fingerprint, guessable
from copt.solvers.mip.lessons import Lesson, labelled
from copt.solvers.mip.partner import Guide
from copt.solvers.mip.trials import aucs, best_share, compared, gaps_of, idle_share

__all__ = ["Args", "main"]

HELD_OUT = 10_000  # seeds from here on are for measuring
TRIALS = 6  # programs put aside on which network and regression compete; three chose the worse one
BAD = 0.05  # relative gap from which a point is a bad example
MOVED = 0.2  # share of the variables above their bounds that a disturbed point moves
SHARPNESS = 5.0  # of the choice between a good point and bad ones
PROTOCOL = (
    "mean_gap: of the incumbent over the seconds, relative to the best that any arm found (primal integral over time); "
    "the partner's search alone in one process, without SCIP, in seconds of processor time, features and network "
    "included, the same seed for all arms. none: no guide; relaxation: the guide's moves with the values of the linear "
    "relaxation; linear: with a logistic regression on the same features; random: with random guesses. auc: of telling "
    "variables above their lower bounds in the best point from others, on programs not trained on; kept: which of "
    "network and linear is stored, by its mean gap in searches of trial seconds on six of those; they are not the "
    "programs that are measured. minutes: of processor time, without labels that were on disk"
)


@dataclass(frozen=True)
class Args:
    """Arguments of the training run."""

    name: str
    """Name to store the policy under."""
    instances: Path | None = None
    """Folder with files of programs of the family; the last ``held_out`` by name are for measuring."""
    family: str = ""
    """A generator in place of files, such as set-cover; see ``copt generate mip``."""
    sizes: tuple[str, ...] = ()
    """Its arguments, such as rows=1000."""
    held_out_sizes: tuple[str, ...] = ()
    """Arguments for the programs to measure on, where they differ."""
    count: int = 60
    """Programs to take from the generator."""
    seconds: float = 10.0
    """Processor time of the search that labels a program."""
    label_minutes: float = 60.0
    """Time after which no further program is labelled."""
    minutes: float = 3.0
    """Time of the training."""
    held_out: int = 4
    """Programs to measure on."""
    trial: float = 10.0
    """Seconds of processor time of each search that measures."""
    hidden: int = 16
    """Width of every layer."""
    rounds: int = 2
    """Rounds of messages between variables and rows."""
    rate: float = 3e-3
    """First learning rate; it falls along a cosine."""
    blind: float = 0.5
    """Share of the steps without the features of the relaxation."""
    contrast: float = 0.0
    """Weight of telling good points from bad ones (Huang et al. 2024); 0.1 cost both guides AUC on set covers."""
    seed: int = 0
    """Seed of labels, weights and searches."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """Where to train."""
    labels: Path = Path("mip-labels")
    """Folder of lessons, added to if it exists."""
    folder: Path = store.FOLDER
    """Folder with ``weights`` and ``cards``."""


class Example(NamedTuple):
    """A lesson as tensors.

    Args:
        seeing: Inputs with the relaxation.
        blind: Inputs without it.
        told: Which variables are guessed, shape (guessable variables,).
        marginals: Labels, shape (guessable variables,).
        best: The best point, shape (guessable variables,).
        bad: Bad points, shape (points, guessable variables).
    """

    seeing: Inputs
    blind: Inputs
    told: Tensor
    marginals: Tensor
    best: Tensor
    bad: Tensor


def csr_of(matrix: Sparse, columns: int) -> csr_array:
    """Return a matrix of so many columns as SciPy has it."""
    return csr_array((matrix.values, matrix.columns, matrix.starts), shape=(matrix.starts.size - 1, columns))


def example_of(lesson: Lesson, device: torch.device) -> Example:
    """Return a lesson as tensors on a device."""
    graph = graph_of(lesson.instance, lesson.relaxed)
    n, r = len(graph.variables), len(graph.rows)
    pairs = sparse_pair(csr_of(graph.to_rows, n)), sparse_pair(csr_of(graph.to_variables, r))
    seeing = Inputs(torch.from_numpy(graph.variables), torch.from_numpy(graph.rows), *pairs).to(device)
    variables, rows = seeing.variables.clone(), seeing.rows.clone()
    variables[:, -len(LP_VARIABLES) :] = 0.0
    rows[:, -len(LP_ROWS) :] = 0.0
    parts = (lesson.marginals, lesson.above[0], lesson.above[lesson.gaps > BAD])
    return Example(
        seeing,
        seeing._replace(variables=variables, rows=rows),
        torch.from_numpy(np.flatnonzero(guessable(lesson.instance))).to(device),
        *(torch.from_numpy(part.astype(np.float32)).to(device) for part in parts),
    )


def loss_of(logits: Tensor, example: Example, contrast: float) -> Tensor:
    """Return the cross entropy to the labels, and how badly good points are told from bad ones."""
    told = logits[example.told]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(told, example.marginals)
    if contrast > 0:
        points = torch.cat([example.best[None], _disturbed(example.best)[None], example.bad[-4:]])
        ones = max(1.0, float(example.best.sum()))
        likelihood = -torch.nn.functional.binary_cross_entropy_with_logits(
            told.expand(len(points), -1), points, reduction="none"
        ).sum(dim=1)
        loss = loss - contrast * torch.log_softmax(SHARPNESS * likelihood / ones, dim=0)[0]
    return loss


def _disturbed(point: Tensor) -> Tensor:
    """Return a point with a share of its ones moved elsewhere."""
    off = torch.rand_like(point) < MOVED
    rate = float(point.mean()) * MOVED / max(1e-6, 1.0 - float(point.mean()))
    on = torch.rand_like(point) < rate
    return torch.where(point > 0, (~off).float(), on.float())


def trained(args: Args, examples: Sequence[Example], fabric: Fabric, rounds: int, minutes: float) -> GuideNet:
    """Return a network trained for so long."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    sizes = len(VARIABLES) + len(LP_VARIABLES), len(ROWS) + len(LP_ROWS)
    net = GuideNet(*sizes, args.hidden, rounds)
    model, adam = fabric.setup(net, torch.optim.Adam(net.parameters(), lr=args.rate))
    began, losses = time.process_time(), []
    while (progress := (time.process_time() - began) / (60.0 * minutes)) < 1.0:
        for group in adam.param_groups:
            group["lr"] = args.rate * max(0.01, 0.5 + 0.5 * math.cos(math.pi * progress))
        example = examples[int(rng.integers(len(examples)))]
        loss = loss_of(model(example.blind if rng.random() < args.blind else example.seeing), example, args.contrast)
        adam.zero_grad()
        fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        losses.append(loss.item())
        if len(losses) % 500 == 1:
            fabric.print(f"{100 * progress:3.0f} % {len(losses):5d} steps  loss {np.mean(losses[-100:]):.4f}")
    return net.cpu()


def programs(args: Args) -> tuple[Iterator[MIP], list[MIP]]:
    """Return the programs to learn from, and those to measure on.

    Raises:
        CoptError: If there are too few.
    """
    if (args.instances is None) == (args.family == ""):
        raise CoptError("give either --instances FOLDER or --family KIND")
    if args.instances is None:
        if args.family not in GENERATORS:
            raise UnknownNameError("family", args.family, GENERATORS, f"choose one of: {', '.join(GENERATORS)}")
        build = GENERATORS[args.family]
        seen, unseen = (options(build, sizes) for sizes in (args.sizes, args.held_out_sizes or args.sizes))
        measured = [build(**unseen, seed=HELD_OUT + k) for k in range(args.held_out)]
        return (build(**seen, seed=1_000 * args.seed + k) for k in range(args.count)), measured
    if not args.instances.is_dir():
        raise CoptError(f"{args.instances} is no folder; name the one that holds the files of the family")
    files = sorted(path for path in args.instances.iterdir() if path.is_file())
    if len(files) < args.held_out + 4:
        raise CoptError(f"{args.instances} holds {len(files)} files; add some, at least {args.held_out + 4} are needed")
    return (program(path) for path in files[: -args.held_out]), [program(path) for path in files[-args.held_out :]]


def program(path: Path) -> MIP:
    """Read a program.

    Raises:
        CoptError: If the file holds something else.
    """
    instance = read(path)
    if not isinstance(instance, MIP):
        raise CoptError(f"{path}: holds an instance of family {instance.family}; keep programs of one family here")
    return instance


def options(build: Callable[..., MIP], sizes: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a generator that ``key=value`` texts give.

    Raises:
        CoptError: If a text is not of that form, or the generator has no such argument.
    """
    defaults, found = build.__kwdefaults__ or {}, {}
    for text in sizes:
        key, _, value = text.partition("=")
        if key not in defaults or key == "seed":
            raise CoptError(
                f"sizes: {text!r} is none of {', '.join(key for key in defaults if key != 'seed')}, as key=value"
            )
        try:
            found[key] = type(defaults[key])(value)
        except ValueError:
            raise CoptError(f"sizes: {text!r} needs a value like {defaults[key]!r}") from None
    return found


def main(args: list[str]) -> None:
    """Train and store the policy.

    Raises:
        CoptError: If an argument is out of range, or there is too little to learn from.
    """
    run(tyro.cli(Args, args=args, prog="copt train mip"))


def run(args: Args) -> None:
    """Label, train, measure and store."""
    for field in ("count", "seconds", "label_minutes", "minutes", "held_out", "trial", "hidden", "rounds", "rate"):
        if not getattr(args, field) > 0:
            raise CoptError(f"{field} must be positive, got {getattr(args, field)}")
    torch.set_num_threads(1)  # the time of the training counts processor time
    fabric = Fabric(accelerator=args.device, devices=1)
    learned, measured = programs(args)
    began = time.process_time()
    lessons = list(labelled(learned, args.labels, seconds=args.seconds, minutes=args.label_minutes, seed=args.seed))
    if len(lessons) < 4:
        raise CoptError(f"only {len(lessons)} programs have a good point; raise --seconds, or give more programs")
    unseen = max(1, len(lessons) // 6)
    examples = [example_of(lesson, fabric.device) for lesson in lessons[unseen:]]
    ours = {
        "network": NetGuide(trained(args, examples, fabric, args.rounds, args.minutes).arrays()),
        "linear": NetGuide(trained(args, examples, fabric, 0, args.minutes / 4).arrays()),
    }
    for guide in ours.values():
        shares = [best_share(guide, lessons[:unseen][:3], relaxed=known) for known in (False, True)]
        guide.weights[SHARES] = np.array(shares, dtype=np.float32)
        guide.weights[IDLE] = np.array([idle_share(guide, lessons[:unseen])], dtype=np.float32)
    guides = dict[str, Guide](ours, relaxation=RelaxedGuide(), random=RandomGuide(args.seed))
    table = aucs(lessons[:unseen], guides)
    trials = gaps_of([lesson.instance for lesson in lessons[:unseen]][:TRIALS], args.trial, ours)
    kept = min(ours, key=lambda name: float(trials[name].mean()))
    weights = {**ours[kept].weights, FINGERPRINT: fingerprint([lesson.instance for lesson in lessons])}
    facts: dict[str, Any] = {"lessons": len(lessons), "kept": kept, "auc": table}
    print(f"{kept} is kept; auc: {table}", flush=True)
    facts |= {"measured": compared(measured, args.trial, {**guides, "none": None}, kept), "protocol": PROTOCOL}
    minutes = round((time.process_time() - began) / 60, 1)
    facts |= {"summary": summary(kept, facts["measured"]["mean_gap"]), "minutes": minutes}
    path = store.save(args.name, "mip", weights, card_of(args, str(fabric.device), facts), args.folder)
    print(facts["summary"], f"stored {path}", sep="\n")


def summary(kept: str, gaps: dict[str, float]) -> str:
    """Return the mean gaps in one line."""
    parts = (f"{name} {100 * gap:.2f} %" for name, gap in gaps.items())
    return f"{kept} kept; mean gaps over time on unseen programs: {', '.join(parts)}"


def card_of(args: Args, device: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the card: how the policy was trained, and what it gains."""
    kept = {
        key: value for key, value in dataclasses.asdict(args).items() if key not in ("folder", "labels", "instances")
    }
    changed = {f.name: kept[f.name] for f in dataclasses.fields(Args) if f.name in kept and kept[f.name] != f.default}
    words = [
        f"--{key.replace('_', '-')} {' '.join(value) if isinstance(value, tuple) else value}"
        for key, value in changed.items()
    ]
    own = (
        "programs in files of the user"
        if args.instances
        else f"{args.family} ({' '.join(args.sizes) or 'default sizes'})"
    )
    return {
        "role": "guide",
        "command": " ".join(["copt train mip", *words, *(["--instances FOLDER"] if args.instances else [])]),
        "arguments": kept,
        "data": f"incumbents of {facts['lessons']} {own} after {args.seconds:g} s of processor time each",
        "hardware": f"{platform.machine()}, {device}, 1 thread",
        "torch": torch.__version__,
        **facts,
    }
