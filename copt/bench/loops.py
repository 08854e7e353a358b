"""What is kept of an episode in closed loop, and how a benchmark of episodes is published."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from copt.bench.episodes import Course, Drive, Episode, replay
from copt.bench.isolate import Outcome
from copt.bench.loop_records import EpisodeRow
from copt.bench.loop_report import text_table, write_loop_report
from copt.bench.machine import machine_name
from copt.bench.page import Heading
from copt.bench.peers import installed_versions
from copt.bench.runs import Run
from copt.errors import InvalidSolutionError

__all__ = ["Loops"]


class Loops:
    """Rows of episodes; see ``copt.bench.runner.Ledger``."""

    row = EpisodeRow

    def record(self, suite: str, run: Run, instance: Episode, outcome: Outcome) -> EpisodeRow:
        """Return the row of a run: the actions are taken again, whatever the controller saw."""
        drive, course, error = _course(instance, outcome)
        return EpisodeRow(
            suite=suite,
            instance=instance.name,
            task=instance.name.rpartition("-")[0],
            dimensions=instance.dimensions,
            solver=run.peer.name,
            seed=run.seed,
            seconds_limit=run.seconds,
            workers=run.workers,
            seconds=outcome.seconds,
            process_seconds=outcome.process_seconds,
            steps=0 if drive is None else len(drive.actions),
            success=course is not None and course.success,
            cost=None if course is None else course.cost,
            final_cost=None if course is None else course.final_cost,
            violations=0 if course is None else course.violations,
            deepest=None if course is None else course.deepest,
            broken_plans=0 if drive is None else int(drive.broken.sum()),
            error=error,
            versions=installed_versions(run.peer),
            machine=machine_name(),
            date=datetime.date.today().isoformat(),
            step_seconds=() if drive is None else tuple(drive.seconds.tolist()),
        )

    def line(self, row: EpisodeRow) -> str:
        """Return one line of progress."""
        head = f"{row.instance} {row.dimensions}, {row.solver}, seed {row.seed}, {row.seconds_limit:g} s a step"
        if row.final_cost is None:
            return f"{head}: {row.error}"
        end = "reached the goal" if row.success else "did not reach the goal"
        return f"{head}: {end} in {row.steps} steps, final cost {row.final_cost:.4g}, cost {row.cost:.4g}"

    def publish(self, rows: Sequence[EpisodeRow], heading: Heading, page: Path) -> str:
        """Write the page; return the table of tasks and controllers."""
        write_loop_report(rows, heading, page)
        return text_table(rows)


def _course(episode: Episode, outcome: Outcome) -> tuple[Drive | None, Course | None, str]:
    drive = None if outcome.answer is None else outcome.answer.solution
    if not isinstance(drive, Drive):
        return None, None, outcome.error or "no actions"
    try:
        return drive, replay(episode, drive.actions), outcome.error
    except InvalidSolutionError as error:
        return None, None, str(error)
