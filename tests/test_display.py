import io
import os
import sys

import pytest
from rich.console import Console
from scripted import Scripted

from copt import Result, Status, StopReason
from copt.display import LiveTable, PlainLines, format_gap, format_value, progress

END = Result("play", "scripted", 5, 5, 5, Status.OPTIMAL, StopReason.PROVED, 1.0, "actor", None, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (930, "930"), (930.0, "930"), (0.1, "0.1"), (-12345678, "-12345678"), (1e-7, "1e-07")],
)
def test_values_for_people(value: float | None, text: str) -> None:
    assert format_value(value) == text


def test_gaps_for_people() -> None:
    assert format_gap(100, 90) == "10.00 %"
    assert format_gap(100, None) == "-"


def test_plain_lines_are_one_an_event() -> None:
    stream = io.StringIO()
    with PlainLines(stream) as listener:
        listener.on_start(Scripted(), "actor", "advice")
        listener.on_note(0.0, "compiling")
        listener.on_bound(0.25, 4, None, "b")
        listener.on_incumbent(1.5, 5, 4, "a")
        listener.on_end(END)
    assert stream.getvalue().splitlines() == [
        "play: scripted, solver actor, policy advice",
        "     0.00 s  note       compiling",
        "     0.25 s  bound      objective -  bound 4  gap -  (b)",
        "     1.50 s  incumbent  objective 5  bound 4  gap 20.00 %  (a)",
    ]


def test_a_reader_that_goes_away_is_a_control_c() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        listener = PlainLines(stream)
        with pytest.raises(KeyboardInterrupt):
            listener.on_note(0.0, "nobody hears this")
        listener.on_note(0.0, "nor this, and it no longer matters")


def drawn(table: LiveTable) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    console.print(table.render())
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def test_the_live_table_shows_the_latest_events() -> None:
    table = LiveTable(Console(file=io.StringIO(), force_terminal=True, width=100))
    table.on_start(Scripted(), "actor", None)
    table.on_bound(0.25, 90, None, "bounder")
    for k in range(30):
        table.on_incumbent(1.0 + k, 130 - k, 90, "searcher")
    lines = drawn(table)
    assert lines[0] == "play: scripted, solver actor, policy none"
    assert lines[1].split() == ["time", "objective", "bound", "gap", "found", "by"]
    assert lines[2].split() == ["…", "19", "more"]
    assert [line.split()[2] for line in lines[3:15]] == [str(112 - k) for k in range(12)]
    assert lines[14].split() == ["30.00", "s", "101", "90", "10.89", "%", "searcher"]
    assert lines[15].endswith("Ctrl-C keeps the best solution")
    table.on_end(END)
    assert len(drawn(table)) == 15


def test_the_live_table_is_left_on_the_terminal() -> None:
    terminal = io.StringIO()
    with LiveTable(Console(file=terminal, force_terminal=True, width=100)) as table:
        table.on_start(Scripted(), "actor", None)
        table.on_note(0.5, "compiling")
        table.on_incumbent(1.0, 5, None, "searcher")
        table.on_end(END)
    text = terminal.getvalue()
    assert "0.50 s  compiling" in text
    assert text.rstrip().count("searcher") >= 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdout", "stderr", "json", "kind"),
    [
        (Terminal, Terminal, False, LiveTable),
        (Terminal, Terminal, True, LiveTable),
        (io.StringIO, Terminal, True, LiveTable),
        (io.StringIO, Terminal, False, PlainLines),
        (Terminal, io.StringIO, False, PlainLines),
        (io.StringIO, io.StringIO, True, PlainLines),
    ],
)
def test_the_listener_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, stdout: type[io.StringIO], stderr: type[io.StringIO], json: bool, kind: type
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", stdout())
    monkeypatch.setattr(sys, "stderr", stderr())
    assert type(progress(json)) is kind


def test_json_keeps_standard_output_clean(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(json=True) as listener:
        listener.on_note(0.0, "hello")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "     0.00 s  note       hello\n")
