"""Runs a suite: every solver in turn on every instance, row by row into a csv file, then the report."""

import datetime
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copt.bench.entries import Entry, Suite
from copt.bench.isolate import Outcome, cores_in_use, pinned, run_isolated
from copt.bench.judge import judge
from copt.bench.machine import machine_name
from copt.bench.peers import Peer, find_peer, installed_versions
from copt.bench.records import Row, append_row, read_rows
from copt.bench.report import Heading, write_report
from copt.bench.standings import write_standings
from copt.bench.suites import find_suite, select_entries
from copt.bench.summary import percent_gap
from copt.errors import CoptError

__all__ = ["run_suite"]


@dataclass(frozen=True)
class Run:
    """One cell of the plan: a solver on an instance with a seed and a time limit."""

    entry: Entry
    peer: Peer
    seed: int
    seconds: float
    workers: int

    @property
    def key(self) -> tuple[str, str, int, float, int]:
        """The key of the row that it will give; see ``Row.key``."""
        return (self.entry.name, self.peer.name, self.seed, self.seconds, self.workers)


def run_suite(
    suite: str,
    *,
    seconds: float | Sequence[float] = 60.0,
    peers: Sequence[str] = ("cpsat",),
    seeds: int = 1,
    out: str | Path = "bench",
    folder: str | Path | None = None,
    limit: int | None = None,
    workers: int = 2,
    names: Sequence[str] | None = None,
    say: Callable[[str], object] | None = None,
) -> Path:
    """Run copt and ``peers`` on a suite and return the path of the report, a self-contained html page.

    The rows go to ``SUITE.csv`` beside the report as they come, and those already there are not run again: the same
    call goes on after an interruption, or adds seeds and peers. Ctrl-C ends with a report of what is there. The table
    of sets and solvers is in ``SUITE-summary.csv`` as well.

    Args:
        suite: Name of a suite; see ``copt.bench.suites.SUITES``.
        seconds: Time limit of each solve, or several to run one after the other.
        peers: Names of the solvers to compare with; see ``copt.bench.peers``. ``copt`` itself always runs.
        seeds: Number of seeds, 1 to ``seeds``.
        out: Folder for the csv file and the report; made if it is not there.

    Other Args:
        folder: Folder with instance files; by default the usual places are searched.
        limit: Take only so many instances, the first of the suite.
        workers: Workers that each solver gets, and cores that it is confined to.
        names: Take only these instances: names, ranges such as ``ta51-60`` or patterns such as ``ta5*``.
        say: Takes the lines of progress; by default they go to standard error.

    Raises:
        CoptError: If a number is out of range, a name is unknown, instance files or a package are missing, or
            the csv file in ``out`` is of another kind.
    """
    limits = [float(value) for value in (seconds if isinstance(seconds, Sequence) else [seconds])]
    _require_sensible(limits, seeds, workers, limit)
    chosen = find_suite(suite)
    solvers = [find_peer(chosen.family, name) for name in dict.fromkeys(["copt", *peers])]
    entries = select_entries(chosen, None if folder is None else Path(folder), names, limit)
    target, tell = Path(out), say or _to_stderr
    target.mkdir(parents=True, exist_ok=True)
    table, page = target / f"{suite}.csv", target / f"{suite}.html"
    todo = _left_to_do(_plan(solvers, entries, limits, seeds, workers), read_rows(table), tell)
    try:
        _measure(chosen, todo, table, tell)
    except KeyboardInterrupt:
        tell("interrupted; the same command goes on from here")
    heading = Heading(
        title=suite,
        note=chosen.note,
        command=_command(suite, limits, peers, seeds, folder, limit, workers, names),
        sources=tuple(dict.fromkeys(entry.source for entry in entries if entry.source)),
        solvers={peer.name: peer.note for peer in solvers},
    )
    _publish(read_rows(table), heading, page)
    tell(f"wrote {table} and {page}")
    return page


def _publish(rows: Sequence[Row], heading: Heading, page: Path) -> None:
    write_report(rows, heading, page)
    write_standings(rows, "copt", page.with_name(f"{page.stem}-summary.csv"))


def _plan(
    solvers: Sequence[Peer], entries: Sequence[Entry], limits: Sequence[float], seeds: int, workers: int
) -> list[Run]:
    """List all runs. Every instance gets its first seed before any gets its second, in case time runs out."""
    return [
        Run(entry, peer, seed, value, workers)
        for seed in range(1, seeds + 1)
        for entry in entries
        for value in limits
        for peer in solvers
    ]


def _left_to_do(plan: Sequence[Run], rows: Sequence[Row], tell: Callable[[str], object]) -> list[Run]:
    """Return the runs that have no row yet, and say how many there are."""
    done = {row.key for row in rows}
    todo = [run for run in plan if run.key not in done]
    longest = datetime.timedelta(seconds=round(sum(run.seconds for run in todo)))
    instances = len({run.entry.name for run in plan})
    tell(f"instances: {instances}; runs to do: {len(todo)} of {len(plan)}, {longest} (h:mm:ss) at most")
    versions = {run.peer.name: installed_versions(run.peer) for run in plan}
    if any(row.versions != versions.get(row.solver, row.versions) for row in rows):
        tell("rows of other versions stay as they are; to measure anew, pass another folder for the results")
    return todo


def _require_sensible(limits: Sequence[float], seeds: int, workers: int, limit: int | None) -> None:
    if not limits or not all(0 < value < float("inf") for value in limits):
        raise CoptError(f"seconds must be positive numbers, got {list(limits)}")
    for name, value in (("seeds", seeds), ("workers", workers), ("limit", limit)):
        if value is not None and value < 1:
            raise CoptError(f"{name} must be at least 1, got {value}")


def _measure(suite: Suite, todo: Sequence[Run], table: Path, tell: Callable[[str], object]) -> None:
    loaded: tuple[str, Any] = ("", None)
    with pinned(cores_in_use(todo[0].workers if todo else 0)):
        for number, run in enumerate(todo, 1):
            if loaded[0] != run.entry.name:
                loaded = (run.entry.name, run.entry.load())
            instance = loaded[1]
            outcome = run_isolated(run.peer.run, instance, seconds=run.seconds, workers=run.workers, seed=run.seed)
            row = _row(suite, run, instance, outcome)
            append_row(table, row)
            tell(f"[{number}/{len(todo)}] {_line(row)}")


def _row(suite: Suite, run: Run, instance: Any, outcome: Outcome) -> Row:
    entry = run.entry
    verdict = judge(instance, outcome, lower=entry.lower, upper=entry.upper, slack=entry.slack)
    sense = "min" if instance.sign > 0 else "max"
    gap = None
    if entry.upper is not None and verdict.objective is not None:
        gap = percent_gap(verdict.objective, entry.upper, sense)
    return Row(
        suite=suite.name,
        instance=entry.name,
        dimensions=instance.dimensions,
        sense=sense,
        solver=run.peer.name,
        seed=run.seed,
        seconds_limit=run.seconds,
        workers=run.workers,
        seconds=outcome.seconds,
        process_seconds=outcome.process_seconds,
        objective=verdict.objective,
        bound=verdict.bound,
        best_known=entry.upper,
        gap_percent=gap,
        proved=verdict.proved,
        time_to_best=verdict.time_to_best,
        primal_integral=verdict.primal_integral(entry.upper, run.seconds),
        error=verdict.error,
        versions=installed_versions(run.peer),
        machine=machine_name(),
        date=datetime.date.today().isoformat(),
        incumbents=verdict.incumbents,
    )


def _line(row: Row) -> str:
    """Return one line of progress."""
    head = f"{row.instance} {row.dimensions}, {row.solver}, seed {row.seed}, {row.seconds_limit:g} s"
    value = "no solution" if row.objective is None else f"{row.objective:.10g}"
    if row.gap_percent is not None:
        value += f" ({row.gap_percent:+.2f} %)"
    proof = ", proved" if row.proved else ""
    fault = f"; {row.error}" if row.error and row.error != "no solution" else ""
    return f"{head}: {value}{proof} in {row.seconds:.1f} s{fault}"


def _command(
    suite: str,
    limits: Sequence[float],
    peers: Sequence[str],
    seeds: int,
    folder: str | Path | None,
    limit: int | None,
    workers: int,
    names: Sequence[str] | None,
) -> str:
    """Return the command line that does the same."""
    words = ["copt", "bench", suite, "--seconds", ",".join(f"{value:g}" for value in limits)]
    words += ["--peers", ",".join(peers), "--seeds", str(seeds), "--workers", str(workers)]
    for option, value in (("--names", names and ",".join(names)), ("--limit", limit), ("--folder", folder)):
        if value is not None:
            words += [option, str(value)]
    return shlex.join(words)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
