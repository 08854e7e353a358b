"""Streams of programs with a memory and without: rows, table, and going on after an interruption."""

from dataclasses import replace
from pathlib import Path

import pytest

from copt.bench import streams
from copt.bench.stream_records import StreamRow, append_stream_row, read_stream_rows, stream_table
from copt.bench.streams import STREAMS, run_streams
from copt.errors import CoptError, FormatError
from copt.problems.mip import MIP, toy

ROW = StreamRow("a", 0, 3.0, 2, "lean", 0.5, 0.25)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two streams of toys; the numbers that were asked for."""
    asked: list[int] = []

    def load(number: int) -> MIP:
        asked.append(number)
        return replace(toy(), costs=toy().costs + number)

    monkeypatch.setattr(streams, "STREAMS", {"toys": load, "other": load})
    return asked


def test_a_stream_goes_on_where_it_stopped(numbers: list[int], tmp_path: Path) -> None:
    lines: list[str] = []
    table = run_streams(seconds=9.0, length=2, out=tmp_path, workers=1, names=["toy*"], say=lines.append)
    assert table.splitlines() == [stream_table([])]  # nothing is later than the first ten
    rows = read_stream_rows(tmp_path / "mip-stream.csv")
    assert [(row.stream, row.number, row.seconds_limit, row.workers, row.error) for row in rows] == [
        ("toys", 0, 9.0, 1, ""),
        ("toys", 1, 9.0, 1, ""),
    ]
    assert all(0 < row.plain < 1 and 0 < row.memory < 1 for row in rows)
    assert [line.split(":")[0] for line in lines] == ["toys 0", "toys 1"]
    assert (tmp_path / "toys-9-1.json").exists()
    run_streams(seconds=9.0, length=3, out=tmp_path, workers=1, names=["toys"], say=lines.append)
    assert numbers == [0, 1, 2]
    run_streams(seconds=8.0, length=1, out=tmp_path, workers=1, names=["toys"], say=lines.append)
    assert numbers == [0, 1, 2, 0]


def test_arguments_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CoptError, match="seconds, length and workers must be positive, got 0, 50 and 2"):
        run_streams(seconds=0, out=tmp_path)
    with pytest.raises(CoptError, match="unknown stream 'nope'"):
        run_streams(names=["nope"], out=tmp_path)


def test_rows_survive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [ROW, replace(ROW, number=1, setting="lean, no cuts", error="bound 3, alas")]
    for row in rows:
        append_stream_row(path, row)
    assert read_stream_rows(path) == rows
    path.write_text(path.read_text().replace("0.25", "much"))
    with pytest.raises(FormatError, match="not a row of streams"):
        read_stream_rows(path)
    path.write_text("a,b\n")
    with pytest.raises(FormatError, match="not the columns of streams"):
        read_stream_rows(path)


def test_the_table_compares_the_first_ten_with_the_later_ones() -> None:
    rows = [replace(ROW, number=k, plain=0.5 if k < 10 else 0.4, memory=0.4 if k < 10 else 0.1) for k in range(12)]
    rows[11] = replace(rows[11], memory=0.3, error="bound 2 passes a point worth 1")
    head, line, fault = stream_table(rows).splitlines()
    assert head.split()[0] == "stream"
    assert line.split() == ["a", "0.5000", "0.4000", "0.4000", "0.2000", "0.50", "0.50"]
    assert fault == "a 11: bound 2 passes a point worth 1"


def test_a_bound_that_passes_a_point_of_the_other_solve_is_told() -> None:
    import copt

    result = copt.solve(toy(), workers=1)
    wrong = replace(result, objective=20.0)  # it maximises: a point that is worth more than what 19 was proved of
    assert streams._contradiction(-1, result, result) == ""
    assert streams._contradiction(-1, result, wrong) == "bound 19 passes a point worth 20"
    assert streams._contradiction(-1, result, replace(wrong, objective=None, bound=None)) == ""


@pytest.mark.parametrize("name", STREAMS)
def test_programs_of_a_stream_are_alike_and_differ(name: str) -> None:
    one, other = STREAMS[name](1), STREAMS[name](2)
    assert one.num_variables == other.num_variables
    same = one.starts.shape == other.starts.shape and (one.starts == other.starts).all()
    assert same or not name.endswith("-varied")
    assert one.name != other.name
