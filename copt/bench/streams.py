"""Streams of programs, each solved with a memory of those before it and without."""

import functools
import math
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import copt
from copt.bench.isolate import cores_in_use, pinned
from copt.bench.stream_records import StreamRow, append_stream_row, read_stream_rows, stream_table
from copt.bench.suites_mip import HELD_OUT
from copt.errors import CoptError, UnknownNameError
from copt.problems.mip import MIP, toy
from copt.registry import FAMILIES
from copt.result import Result

__all__ = ["LENGTH", "NAME", "STREAMS", "run_streams"]

NAME = "mip-stream"
LENGTH = 50  # programs of a stream
SLACK = 1e-6  # relative, by which bounds and points of floating-point solvers may pass each other

_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "setcover-500x1000": ("set-cover", {"rows": 500, "columns": 1000, "density": 0.05}),
    "setcover-1000x1000": ("set-cover", {"rows": 1000, "columns": 1000, "density": 0.05}),
    "facility-100x100": ("facility-location", {"customers": 100, "facilities": 100}),
    "auction-200x1000": ("auction", {"items": 200, "bids": 1000}),
    "assignment-d-10x100": ("assignment", {"agents": 10, "jobs": 100, "difficulty": "D"}),
    "assignment-e-10x100": ("assignment", {"agents": 10, "jobs": 100, "difficulty": "E"}),
    "independent-ba500": ("independent-set", {"nodes": 500, "affinity": 4}),
    "placement-105x10": ("item-placement", {}),
    "knapsacks-100x10": ("knapsacks", {"items": 100, "constraints": 10}),
}


def _drawn(kind: str, arguments: dict[str, Any], number: int) -> MIP:
    program: MIP = FAMILIES["mip"].load("instances").GENERATORS[kind](**arguments, seed=HELD_OUT + number)
    return program


def _varied(kind: str, arguments: dict[str, Any], number: int) -> MIP:
    from copt.instances.mip_varied import varied

    return varied(_drawn(kind, arguments, 0), number)


STREAMS: dict[str, Callable[[int], MIP]] = {
    **{name: functools.partial(_drawn, *how) for name, how in _KINDS.items()},
    **{f"{name}-varied": functools.partial(_varied, *how) for name, how in _KINDS.items()},
}


def run_streams(
    *,
    seconds: float = 3.0,
    length: int = LENGTH,
    out: str | Path = "bench",
    workers: int = 2,
    names: Sequence[str] | None = None,
    say: Callable[[str], object] | None = None,
) -> str:
    """Solve streams of programs with a session and without, and return the table of the results.

    The rows go to ``mip-stream.csv`` as they come, memories beside it; the same call goes on after an interruption.

    Args:
        seconds: Time for each solve.
        length: Number of programs of each stream.
        out: Folder for the files; made if it is not there.
        workers: Workers of each solve, and cores that it is confined to.
        names: Take only these streams: names or patterns such as ``*-varied``.
        say: Takes the lines of progress; by default they go to standard error.

    Raises:
        CoptError: If a number is out of range, no stream has such a name, or the csv file is of another kind.
    """
    if not 0 < seconds < math.inf or length < 1 or workers < 1:
        raise CoptError(f"seconds, length and workers must be positive, got {seconds}, {length} and {workers}")
    chosen = [name for name in STREAMS if names is None or any(fnmatchcase(name, one) for one in names)]
    if not chosen:
        raise UnknownNameError("stream", ", ".join(names or ()), STREAMS, f"streams: {', '.join(STREAMS)}")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}.csv"
    with pinned(cores_in_use(workers)):
        copt.solve(toy(), seconds=seconds, workers=workers)  # what the first call imports is nobody's time
        for name in chosen:
            _run(name, folder, path, seconds, length, workers, say or _to_stderr)
    rows = [row for row in read_stream_rows(path) if row.stream in chosen]
    return stream_table([row for row in rows if (row.seconds_limit, row.workers) == (seconds, workers)])


def _run(
    name: str, folder: Path, path: Path, seconds: float, length: int, workers: int, say: Callable[[str], object]
) -> None:
    """Solve what is left of a stream."""
    done = [
        row
        for row in read_stream_rows(path)
        if (row.stream, row.seconds_limit, row.workers) == (name, seconds, workers)
    ]
    with copt.mip.Session(folder / f"{name}-{seconds:g}-{workers}.json") as session:
        for number in range(len(done), length):
            instance = STREAMS[name](number)
            arms: dict[str, Callable[..., Result]] = {"plain": copt.solve, "memory": session.solve}
            order = sorted(arms, reverse=number % 2 == 0)  # each goes first as often as the other
            results = {arm: arms[arm](instance, seconds=seconds, workers=workers, seed=number) for arm in order}
            gaps = {arm: result.trace.primal_dual_integral(seconds) for arm, result in results.items()}
            setting = session.memory.lessons[-1]["setting"]
            fault = _contradiction(instance.sign, *results.values())
            row = StreamRow(name, number, seconds, workers, setting, gaps["plain"], gaps["memory"], fault)
            append_stream_row(path, row)
            say(f"{name} {number}: without memory {row.plain:.4f}, with {row.memory:.4f} {row.error}".rstrip())


def _contradiction(sign: int, *results: Result) -> str:
    """Return which bound passes which point, or nothing."""
    for one in results:
        for other in results:
            if one.bound is not None and other.objective is not None:
                excess = sign * (one.bound - other.objective)
                if excess > SLACK * max(1.0, abs(other.objective)):
                    return f"bound {one.bound:.10g} passes a point worth {other.objective:.10g}"
    return ""


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
