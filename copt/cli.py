"""The command ``copt``: what ``copt.solve`` and its neighbours do, from a shell."""

import contextlib
import importlib
import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import copt
from copt.errors import CoptError, WrongSolutionError
from copt.forward import generate as generated
from copt.forward import training_run
from copt.output import check_writable, replacing, say
from copt.policy import load_policy, policy_names
from copt.registry import family_of
from copt.result import Result, StopReason, Trace

__all__ = ["ExitCode", "app", "main"]

FORWARDING = {"allow_extra_args": True, "ignore_unknown_options": True}


class ExitCode(IntEnum):
    """What a shell learns from a command."""

    OK = 0
    BAD_INPUT = 2
    NOTHING_FOUND = 3
    CHECK_FAILED = 4


app = typer.Typer(
    name="copt",
    help="Combinatorial optimisation: compiled search, CP-SAT and learned decisions behind one call.",
    epilog="Exit codes: 0 feasible or better, 2 usage or bad input, 3 nothing found in time, 4 check failed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="Show the trained policies that are stored.", no_args_is_help=True)
app.add_typer(models_app, name="models")


def main() -> None:
    """Run the command line of this process; errors that copt raises on purpose become one line."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app(prog_name="copt")
    except CoptError as error:
        say(f"copt: {' '.join(str(error).split())}", sys.stderr)
        sys.exit(ExitCode.CHECK_FAILED if isinstance(error, WrongSolutionError) else ExitCode.BAD_INPUT)


def _version(asked: bool) -> None:
    if asked:
        say(f"copt {copt.__version__}", sys.stdout)
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


def _examples(*lines: str) -> str:
    return "Examples:\n\n" + "\n\n".join(lines)


def _option(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text)


Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Instance files, or names such as ft10.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="Instance file, or a name such as ft10.")]
Seconds = Annotated[float, _option("Wall time for each instance, everything included.")]
Gap = Annotated[float, _option("Stop at this relative gap between objective and bound.")]
Stall = Annotated[float | None, _option("Stop after this many seconds without a better solution.")]
Target = Annotated[float | None, _option("Stop at this objective value.")]
Moves = Annotated[int | None, _option("Stop after this many local-search moves per worker.")]
Policy = Annotated[str, _option("auto, none, or a name from `copt models list`.")]
Start = Annotated[Path | None, _option("Solution file to start from.")]
Workers = Annotated[int | None, _option("Threads; by default the cores at hand, at most 2.")]
Seed = Annotated[int, _option("Seed of every random choice.")]
Json = Annotated[bool, _option("Print the result as one JSON object; all else goes to stderr.", "--json")]
Out = Annotated[Path | None, _option("Write the solution here; a directory gets NAME.sol.")]
Plot = Annotated[
    Path | None, _option("Draw the solution here (png, svg, pdf; gif for plans); a directory gets NAME.png.")
]
TraceFile = Annotated[Path | None, _option("Write incumbents and bounds here as csv.", "--trace")]


@app.command(
    no_args_is_help=True,
    epilog=_examples(
        "copt solve ft10.txt --seconds 10 --out ft10.sol --plot ft10.png",
        "copt solve ta51 --json",
        "copt solve shops/*.txt --seconds 5 --out results/",
    ),
)
def solve(
    files: Files,
    seconds: Seconds = 60.0,
    gap: Gap = 0.0,
    stall: Stall = None,
    target: Target = None,
    moves: Moves = None,
    policy: Policy = "auto",
    start: Start = None,
    workers: Workers = None,
    seed: Seed = 0,
    as_json: Json = False,
    out: Out = None,
    plot: Plot = None,
    trace: TraceFile = None,
) -> None:
    """Solve instances and show how the solutions improve.

    Ctrl-C, or a plain `kill`, ends the search and keeps the best solution.
    """
    from copt.display import progress

    instances = [copt.read(file) for file in files]
    names = [instance.name for instance in instances]
    places = [_places(*pair, names) for pair in ((".sol", out), (".png", plot), (".csv", trace))]
    for instance, place in zip(instances, places[1], strict=True):
        if place is not None:
            importlib.import_module("copt.plot").require_picture(instance, place)
    code = ExitCode.OK
    for instance, *targets in zip(instances, *places, strict=True):
        with _kill_is_interrupt(), progress(as_json) as listener:
            result = copt.solve(
                instance,
                seconds=seconds,
                gap=gap,
                stall=stall,
                target=target,
                moves=moves,
                policy=policy,
                start=None if start is None else copt.read_solution(instance, start),
                workers=workers,
                seed=seed,
                events=listener,
            )
        _write(instance, result, *targets)
        say(result.to_json() if as_json else result.summary(), sys.stdout)
        if result.solution is None:
            code = ExitCode.NOTHING_FOUND
        if result.stopped_by is StopReason.USER:
            break
    raise typer.Exit(code)


def _places(suffix: str, path: Path | None, names: list[str]) -> list[Path | None]:
    """Return where the output of each instance goes, and say before the search if it cannot go there."""
    if path is None:
        return [None] * len(names)
    if path.is_dir():
        if len(set(names)) < len(names):
            raise CoptError(f"{path}: two instances have the same name, so one file would replace the other")
        return [path / f"{name}{suffix}" for name in names]
    if len(names) > 1:
        raise CoptError(f"{path}: {len(names)} instances need a directory for their output; make it first")
    check_writable(path)
    return [path]


def _write(instance: Any, result: Result, out: Path | None, plot: Path | None, trace: Path | None) -> None:
    if out is not None and result.solution is not None:
        with replacing(out) as draft:
            copt.write_solution(instance, result.solution, draft, objective=result.objective)
    if trace is not None:
        with replacing(trace) as draft:
            draft.write_text(result.trace.to_csv())
    if plot is not None and result.solution is not None:
        _save_picture(instance, result.solution, plot)


def _save_picture(instance: Any, solution: Any, path: Path) -> None:
    from copt import plot

    with replacing(path) as draft:
        plot.save_drawing(instance, solution, draft)


@contextlib.contextmanager
def _kill_is_interrupt() -> Iterator[None]:
    """Let the signal that ``kill`` sends end a solve as Ctrl-C does."""
    previous = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@app.command(no_args_is_help=True, epilog=_examples("copt check ft10.txt ft10.sol"))
def check(
    file: File,
    solution: Annotated[Path, typer.Argument(metavar="SOLUTION", help="Solution file.")],
    as_json: Annotated[bool, _option("Print the verdict as one JSON object.", "--json")] = False,
) -> None:
    """Say whether a solution is feasible, and what it is worth."""
    instance = copt.read(file)
    found = copt.read_solution(instance, solution)
    problem = family_of(instance).load("problem")
    violations = [str(violation) for violation in problem.check(instance, found)]
    value = None if violations else problem.objective(instance, found)
    guaranteed = getattr(found, "proved", True)
    if as_json:
        verdict = {
            "instance": instance.name,
            "family": instance.family,
            "objective": value,
            "guaranteed": guaranteed,
            "violations": violations,
        }
        say(json.dumps(verdict), sys.stdout)
    elif violations:
        for violation in violations:
            say(f"{instance.name}: violated {violation}", sys.stdout)
    else:
        doubt = "" if guaranteed else ", not guaranteed: only some scenarios were looked at"
        say(f"{instance.name}: feasible, objective {value:.10g}{doubt}", sys.stdout)
    raise typer.Exit(ExitCode.CHECK_FAILED if violations else ExitCode.OK)


@app.command(
    no_args_is_help=True,
    context_settings={**FORWARDING, "help_option_names": []},
    epilog=_examples(
        "copt generate jobshop --kind two-set --jobs 30 --machines 20 --seed 1 --out shop.txt",
        "copt generate jobshop --kind flexible --help",
    ),
)
def generate(
    context: typer.Context,
    family: Annotated[str | None, typer.Argument(metavar="FAMILY", help="Family, such as jobshop.")] = None,
    kind: Annotated[str | None, _option("Which generator; without it, the kinds are listed.")] = None,
    out: Annotated[Path | None, _option("Write the instance here; by default to stdout.")] = None,
    format: Annotated[str | None, _option("File format; by default the one of the suffix.")] = None,
    help: Annotated[
        bool, _option("Show this message, or with --kind the options of that kind.", "-h", "--help")
    ] = False,
) -> None:
    """Draw a random instance. Every kind has its own options."""
    if family is None or (help and kind is None):
        print(context.get_help(), end="")
        return
    instance = generated(family, kind, [*context.args, *(["--help"] if help else [])])
    if instance is None:
        return
    if out is not None:
        check_writable(out)
        with replacing(out) as draft:
            copt.write(instance, draft, format=format)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / instance.name
        copt.write(instance, path, format=format)
        if len(list(path.parent.iterdir())) > 1:
            raise CoptError(f"format {format} puts weights beside the file; give its place with --out")
        say(path.read_text().rstrip("\n"), sys.stdout)


@models_app.command("list")
def list_models() -> None:
    """List the stored policies, one a line: name, family, what it was measured to gain."""
    for name in policy_names():
        policy = load_policy(name)
        say(f"{name}  {policy.family}  {policy.card.get('summary', '')}".rstrip(), sys.stdout)


@models_app.command("show", no_args_is_help=True)
def show_model(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a stored policy.")]) -> None:
    """Print the card of a policy: how it was trained and what it was measured to gain."""
    say(json.dumps(load_policy(name).card, indent=2), sys.stdout)


@app.command(
    no_args_is_help=True,
    context_settings={**FORWARDING, "allow_interspersed_args": False},
    epilog=_examples("copt train jobshop --help"),
)
def train(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Training run, such as jobshop or routing-udc.")],
) -> None:
    """Train a policy; the arguments after the name are those of its training run."""
    training_run(name)(context.args)


@app.command(
    no_args_is_help=True,
    epilog=_examples(
        "copt bench jobshop-ta --seconds 10 --peers cpsat,pyjobshop --limit 5 --out bench-ta",
        "copt bench mip-stream --seconds 3 --names 'setcover*,*-varied' --out bench-stream",
    ),
)
def bench(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="Suite, such as jobshop-ta.")],
    seconds: Annotated[str, _option("Time limit of each solve, or several: 1,10,60.")] = "60",
    peers: Annotated[str | None, _option("Solvers to compare with: cpsat,pyjobshop; else the suite's.")] = None,
    seeds: Annotated[int, _option("Number of seeds.")] = 1,
    out: Annotated[Path, _option("Folder for the csv file and the page.")] = Path("bench"),
    folder: Annotated[Path | None, _option("Folder with the instance files.")] = None,
    limit: Annotated[int | None, _option("Take only so many instances, the first of the suite.")] = None,
    names: Annotated[str | None, _option("Take only these instances: ta51-60,dmu4*.")] = None,
    workers: Annotated[int, _option("Workers and cores that each solver gets.")] = 2,
) -> None:
    """Run copt and its peers in turn on a suite; write a csv file and one html page.

    The suite mip-stream measures what a session's memory pays instead, on streams of 50 programs or LIMIT.
    """
    from copt.bench import runner, streams

    try:
        limits = [float(value) for value in seconds.split(",")]
    except ValueError:
        raise CoptError(f"seconds must be numbers separated by commas, got '{seconds}'") from None
    chosen = None if names is None else [name.strip() for name in names.split(",")]
    if suite == streams.NAME:
        say(
            streams.run_streams(seconds=limits[0], length=limit or 50, out=out, workers=workers, names=chosen),
            sys.stdout,
        )
        return
    page = runner.run_suite(
        suite,
        seconds=limits,
        peers=None if peers is None else [name.strip() for name in peers.split(",") if name.strip()],
        seeds=seeds,
        out=out,
        folder=folder,
        limit=limit,
        workers=workers,
        names=chosen,
    )
    say(str(page), sys.stdout)


@app.command(
    no_args_is_help=True,
    epilog=_examples("copt plot ft10.txt ft10.sol --out ft10.png", "copt plot trace.csv --out course.png"),
)
def plot(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Instance file or name; or a trace csv on its own.")],
    solution: Annotated[Path | None, typer.Argument(metavar="[SOLUTION]", help="Solution file.")] = None,
    out: Annotated[Path, _option("Picture: png, svg or pdf; gif for the film of a plan.")] = Path("plot.png"),
) -> None:
    """Draw a solution; or, from a trace alone, the course of a solve."""
    from copt import plot

    check_writable(out)
    if solution is None:
        plot.check_suffix(out)
        figure = plot.convergence(Trace.from_csv(file), title=Path(file).stem)
        with replacing(out) as draft:
            plot.save(figure, draft)
        return
    instance = copt.read(file)
    plot.require_picture(instance, out)
    _save_picture(instance, copt.read_solution(instance, solution), out)


@app.command()
def doctor(
    warm: Annotated[bool, _option("Compile all kernels now, so that the first solve need not.", "--warm")] = False,
) -> None:
    """Show what copt runs on: versions, cores, caches, kernels, policies."""
    from copt.doctor import report

    for line in report(warm=warm):
        say(line, sys.stdout)
