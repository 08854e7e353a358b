"""What is kept of a solve, and how a benchmark of solves is published."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from copt.bench.isolate import Outcome
from copt.bench.judge import judge
from copt.bench.machine import machine_name
from copt.bench.page import Heading
from copt.bench.peers import installed_versions
from copt.bench.records import Row
from copt.bench.report import write_report
from copt.bench.runs import Run
from copt.bench.standings import write_standings
from copt.bench.summary import percent_gap

__all__ = ["Solves"]


class Solves:
    """Rows of solves; see ``copt.bench.runner.Ledger``."""

    row = Row

    def record(self, suite: str, run: Run, instance: Any, outcome: Outcome) -> Row:
        """Return the row of a run, its answer checked."""
        entry = run.entry
        verdict = judge(instance, outcome, lower=entry.lower, upper=entry.upper, slack=entry.slack)
        sense = "min" if instance.sign > 0 else "max"
        gap = None
        if entry.upper is not None and verdict.objective is not None:
            gap = percent_gap(verdict.objective, entry.upper, sense)
        return Row(
            suite=suite,
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

    def line(self, row: Row) -> str:
        """Return one line of progress."""
        head = f"{row.instance} {row.dimensions}, {row.solver}, seed {row.seed}, {row.seconds_limit:g} s"
        value = "no solution" if row.objective is None else f"{row.objective:.10g}"
        if row.gap_percent is not None:
            value += f" ({row.gap_percent:+.2f} %)"
        proof = ", proved" if row.proved else ""
        fault = f"; {row.error}" if row.error and row.error != "no solution" else ""
        return f"{head}: {value}{proof} in {row.seconds:.1f} s{fault}"

    def publish(self, rows: Sequence[Row], heading: Heading, page: Path) -> str:
        """Write the page and the summary beside it."""
        write_report(rows, heading, page)
        write_standings(rows, "copt", page.with_name(f"{page.stem}-summary.csv"))
        return ""
