"""Runs a suite: every solver in turn on every instance, row by row into a csv file, then the report."""

import datetime
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from copt import output
from copt.bench.entries import Entry, Suite
from copt.bench.isolate import Outcome, cores_in_use, pinned, run_isolated
from copt.bench.loops import Loops
from copt.bench.page import Heading
from copt.bench.peers import Peer, find_peer, installed_versions
from copt.bench.records import Kept, append_row, read_rows
from copt.bench.runs import Run, left_of, plan, require_sensible
from copt.bench.solves import Solves
from copt.bench.suites import find_suite, select_entries

__all__ = ["Ledger", "run_suite"]


class Ledger(Protocol):
    """What is kept of the runs of a suite, and how it is published."""

    @property
    def row(self) -> type[Any]:
        """The dataclass of a row."""

    def record(self, suite: str, run: Run, instance: Any, outcome: Outcome) -> Any:
        """Return the row of a run, its answer checked."""

    def line(self, row: Any) -> str:
        """Return one line of progress."""

    def publish(self, rows: Sequence[Any], heading: Heading, page: Path) -> str:
        """Write the page; return what else there is to say on the terminal."""


SOLVES = Solves()
LEDGERS: dict[str, Ledger] = {"control-loop": Loops()}  # of families whose answers are no solutions


def run_suite(
    suite: str,
    *,
    seconds: float | Sequence[float] = 60.0,
    peers: Sequence[str] | None = None,
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
        peers: Names of the solvers to compare with, by default those of the suite; see ``copt.bench.peers``. ``copt``
            itself always runs.
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
    require_sensible(limits, seeds, workers, limit)
    chosen = find_suite(suite)
    others = chosen.peers if peers is None else peers
    solvers = [find_peer(chosen.family, name) for name in dict.fromkeys(["copt", *others])]
    entries = select_entries(chosen, None if folder is None else Path(folder), names, limit)
    ledger = LEDGERS.get(chosen.family, SOLVES)
    target, tell = Path(out), say or _to_stderr
    target.mkdir(parents=True, exist_ok=True)
    table, page = target / f"{suite}.csv", target / f"{suite}.html"
    todo = _left_to_do(plan(solvers, entries, limits, seeds, workers), read_rows(table, ledger.row), tell)
    try:
        _measure(chosen, ledger, todo, table, tell)
    except KeyboardInterrupt:
        tell("interrupted; the same command goes on from here")
    command = _command(suite, limits, others, seeds, folder, limit, workers, names)
    heading = _heading(chosen, command, entries, solvers)
    summary = ledger.publish(read_rows(table, ledger.row), heading, page)
    if summary:
        output.say(summary, sys.stdout)
    tell(f"wrote {table} and {page}")
    return page


def _heading(suite: Suite, command: str, entries: Sequence[Entry], solvers: Sequence[Peer]) -> Heading:
    return Heading(
        title=suite.name,
        note=suite.note,
        command=command,
        sources=tuple(dict.fromkeys(entry.source for entry in entries if entry.source)),
        solvers={peer.name: peer.note for peer in solvers},
        prepared=any(peer.prepare is not None for peer in solvers),
    )


def _left_to_do(runs: Sequence[Run], rows: Sequence[Kept], tell: Callable[[str], object]) -> list[Run]:
    """Return the runs that have no row yet, and say how many there are."""
    todo = left_of(runs, {row.key for row in rows})
    longest = datetime.timedelta(seconds=round(sum(run.longest for run in todo)))
    instances = len({run.entry.name for run in runs})
    tell(f"instances: {instances}; runs to do: {len(todo)} of {len(runs)}, {longest} (h:mm:ss) at most")
    versions = {run.peer.name: installed_versions(run.peer) for run in runs}
    if any(row.versions != versions.get(row.solver, row.versions) for row in rows):
        tell("rows of other versions stay as they are; to measure anew, pass another folder for the results")
    return todo


def _measure(suite: Suite, ledger: Ledger, todo: Sequence[Run], table: Path, tell: Callable[[str], object]) -> None:
    loaded: tuple[str, Any] = ("", None)
    with pinned(cores_in_use(todo[0].workers if todo else 0)):
        for number, run in enumerate(todo, 1):
            if loaded[0] != run.entry.name:
                loaded = (run.entry.name, run.entry.load())
            instance = loaded[1]
            outcome = run_isolated(
                run.peer.run,
                instance,
                seconds=run.seconds,
                workers=run.workers,
                seed=run.seed,
                prepare=run.peer.prepare,
                calls=run.entry.calls,
            )
            row = ledger.record(suite.name, run, instance, outcome)
            append_row(table, row)
            tell(f"[{number}/{len(todo)}] {ledger.line(row)}")


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
