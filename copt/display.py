"""What a running solve looks like: a live table on a terminal, one plain line an event elsewhere."""

import contextlib
import os
import signal
import sys
import time
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from copt.events import Silent
from copt.output import say
from copt.result import Result, relative_gap

__all__ = ["LiveTable", "PlainLines", "format_gap", "format_value", "progress"]

ROWS = 12  # events kept in sight


def progress(json: bool = False) -> "LiveTable | PlainLines":
    """Return the listener that fits where the output goes.

    Args:
        json: Whether standard output is taken by the result, so that progress belongs on standard error.
    """
    console = Console(stderr=True)
    if console.is_interactive and (json or sys.stdout.isatty()):
        return LiveTable(console)
    return PlainLines(sys.stderr if json else sys.stdout)


def format_value(value: float | None) -> str:
    """Return an objective or bound for people; a dash while it is unknown."""
    if value is None:
        return "-"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"


def format_gap(objective: float | None, bound: float | None) -> str:
    """Return the relative gap in percent; a dash while it is unknown."""
    gap = relative_gap(objective, bound)
    return "-" if gap is None else f"{100 * gap:.2f} %"


class PlainLines(Silent):
    """Writes one line an event, for pipes and log files.

    A reader that goes away (``copt solve ... | head -1``) ends the solve as Ctrl-C does.

    Args:
        stream: Where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def on_start(self, instance: Any, solver: str, policy: str | None) -> None:
        """Say what is solved, and with what."""
        self._say(_heading(instance, solver, policy))

    def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
        """Write the better solution's values."""
        self._event(seconds, "incumbent", objective, bound, source)

    def on_bound(self, seconds: float, bound: float, objective: float | None, source: str) -> None:
        """Write the better bound."""
        self._event(seconds, "bound", objective, bound, source)

    def on_note(self, seconds: float, text: str) -> None:
        """Write what the solver has to say."""
        self._say(f"{seconds:9.2f} s  note       {text}")

    def _event(self, seconds: float, kind: str, objective: float | None, bound: float | None, source: str) -> None:
        values = f"objective {format_value(objective)}  bound {format_value(bound)}"
        self._say(f"{seconds:9.2f} s  {kind:9s}  {values}  gap {format_gap(objective, bound)}  ({source})")

    def _say(self, line: str) -> None:
        if not say(line, self._stream):
            os.kill(os.getpid(), signal.SIGINT)


class LiveTable(Silent):
    """Shows the latest incumbents and bounds in a table that redraws itself while the solve runs.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: tuple[tuple[str, ...], ...] = ()
        self._seen = 0
        self._heading = ""
        self._began = time.perf_counter()
        self._result: Result | None = None
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=8, redirect_stdout=False)

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._live.stop()

    def on_start(self, instance: Any, solver: str, policy: str | None) -> None:
        """Set the heading."""
        self._heading = _heading(instance, solver, policy)

    def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
        """Add a row for the better solution."""
        self._add(seconds, objective, bound, source, "green")

    def on_bound(self, seconds: float, bound: float, objective: float | None, source: str) -> None:
        """Add a row for the better bound."""
        self._add(seconds, objective, bound, source, "blue")

    def on_note(self, seconds: float, text: str) -> None:
        """Print the note above the table."""
        self._console.print(Text(f"{seconds:.2f} s  {text}", style="dim"))

    def on_end(self, result: Result) -> None:
        """Stop the clock."""
        self._result = result

    def _add(self, seconds: float, objective: float | None, bound: float | None, source: str, colour: str) -> None:
        # one assignment of one tuple: the drawing thread sees the old rows or the new ones
        row = (
            f"{seconds:.2f} s",
            format_value(objective),
            format_value(bound),
            format_gap(objective, bound),
            source,
            colour,
        )
        self._rows = (*self._rows[1 - ROWS :], row)
        self._seen += 1

    def render(self) -> RenderableType:
        """Return the picture of this moment."""
        if not self._heading:
            return Text("")
        table = Table(box=None, padding=(0, 2), header_style="bold", pad_edge=False)
        for column in ("time", "objective", "bound", "gap"):
            table.add_column(column, justify="right", min_width=10)
        table.add_column("found by")
        rows, hidden = self._rows, self._seen - len(self._rows)
        if hidden > 0:
            table.add_row(f"… {hidden} more", style="dim")
        for i, (*cells, colour) in enumerate(rows):
            table.add_row(*cells, style=colour if i == len(rows) - 1 else "none")
        parts: list[RenderableType] = [Text(self._heading, style="bold"), table]
        if self._result is None:
            elapsed = time.perf_counter() - self._began
            parts.append(Text(f"searching, {elapsed:.1f} s; Ctrl-C keeps the best solution", style="dim"))
        return Group(*parts)


def _heading(instance: Any, solver: str, policy: str | None) -> str:
    return f"{instance.name}: {instance.family}, solver {solver}, policy {policy or 'none'}"
