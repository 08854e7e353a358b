"""Runs a peer in a process of its own, so that imports, compilation, memory and crashes are alike for all.

``python -m copt.bench.isolate`` is the other end: it reads one pickled call from standard input and writes
one pickled reply to standard output.
"""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copt.bench.answer import Answer
from copt.bench.peers import Run

__all__ = ["Outcome", "cores_in_use", "pinned", "run_isolated"]

GRACE_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """What came out of the process of one peer.

    Args:
        answer: What the peer returned, or None if it crashed or was killed.
        seconds: Wall time from the call of the peer to its return, imports inside the call included; what it prepared
            before is not.
        process_seconds: Wall time from the start of the process to its end.
        error: Why there is no answer; empty otherwise.
    """

    answer: Answer | None
    seconds: float
    process_seconds: float
    error: str = ""


def run_isolated(
    run: Run,
    instance: Any,
    *,
    seconds: float,
    workers: int,
    seed: int,
    prepare: Callable[[], object] | None = None,
    calls: int = 1,
    grace: float = GRACE_SECONDS,
) -> Outcome:
    """Call ``run`` in a fresh process and return what it says, or how it died.

    The process inherits the cores of this one. It is killed ``grace`` seconds after twice its time, and at once if
    this process gets an exception, Ctrl-C included.

    Args:
        run: The peer.
        instance: What it gets.
        seconds: Its time limit.
        workers: Its workers.
        seed: Its seed.

    Other Args:
        prepare: Called in the process before the time of the peer begins.
        calls: How often it may use the limit.
        grace: Seconds on top of twice its time.
    """
    began = time.perf_counter()
    call = pickle.dumps((prepare, run, instance, seconds, workers, seed))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-P", "-m", "copt.bench.isolate"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True)
    try:
        output, errors = process.communicate(call, timeout=2 * calls * seconds + grace)
    except subprocess.TimeoutExpired:
        elapsed = time.perf_counter() - began
        return Outcome(
            None,
            elapsed,
            elapsed,
            f"killed after {elapsed:.0f} s, it did not stop at its limit of {calls * seconds:g} s",
        )
    finally:
        _kill(process)
    elapsed = time.perf_counter() - began
    if process.returncode != 0 or not output:
        return Outcome(None, elapsed, elapsed, _cause_of_death(process.returncode, errors))
    answer, duration, error = pickle.loads(output)
    return Outcome(answer, duration, elapsed, error)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the process with everything that it started; what is already gone is no error."""
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _cause_of_death(code: int, errors: bytes) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    last = f": {lines[-1][:200]}" if lines else ""
    if code >= 0:
        return f"exited with code {code}{last}"
    name = signal.Signals(-code).name
    return f"crashed with {name}{' (out of memory?)' if name == 'SIGKILL' else ''}{last}"


def cores_in_use(workers: int) -> list[int]:
    """Return the cores that a run with ``workers`` is confined to: the first at hand, or [] if unknown."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    return sorted(os.sched_getaffinity(0))[:workers]


@contextlib.contextmanager
def pinned(cores: list[int]) -> Iterator[None]:
    """Confine this process, and those it starts, to ``cores``; an empty list changes nothing."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def main() -> None:
    """Read a call from standard input, run it, write the outcome to standard output."""
    # What a solver prints must not get between the bytes of the outcome.
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(OSError):
        # If memory runs out, this process goes first, not the one that keeps the table.
        Path("/proc/self/oom_score_adj").write_text("1000")
    prepare, run, instance, seconds, workers, seed = pickle.load(sys.stdin.buffer)
    began = time.perf_counter()
    try:
        if prepare is not None:
            prepare()
            began = time.perf_counter()
        answer = run(instance, seconds=seconds, workers=workers, seed=seed)
        reply = pickle.dumps((answer, time.perf_counter() - began, ""))
    except Exception as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        reply = pickle.dumps((None, time.perf_counter() - began, text))
    with channel:
        channel.write(reply)


if __name__ == "__main__":
    main()
