import tempfile
from dataclasses import fields
from pathlib import Path

import pytest
from bench_cases import make_row
from hypothesis import given
from hypothesis import strategies as st

from copt.bench.records import Row, append_row, read_rows
from copt.errors import FormatError

ROWS = [
    make_row(incumbents=((0.125, 120.0), (3.5, 101.0)), primal_integral=0.25),
    make_row(solver="cpsat", objective=None, bound=None, error='no solution, "at all"\nreally'),
    make_row(best_known=None, proved=True, sense="max", seconds_limit=0.5, objective=2.5),
]


def test_rows_come_back_as_they_went(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    assert read_rows(path, Row) == []
    for row in ROWS:
        append_row(path, row)
    assert read_rows(path, Row) == ROWS
    assert path.read_text(encoding="utf-8").count("suite,instance") == 1


def test_the_promised_columns_are_there() -> None:
    columns = [field.name for field in fields(Row)]
    assert columns[:6] == ["suite", "instance", "dimensions", "sense", "solver", "seed"]
    promised = "seed seconds_limit seconds objective bound best_known gap_percent proved time_to_best error"
    assert set(f"{promised} primal_integral versions machine date".split()) < set(columns)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 2**31)), max_size=5))
def test_incumbents_survive_to_a_tenth_of_a_millisecond(pairs: list[tuple[float, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        append_row(path, make_row(objective=None, incumbents=tuple(pairs)))
        back = read_rows(path, Row)[0].incumbents
    assert [value for _, value in back] == [value for _, value in pairs]
    assert [seconds for seconds, _ in back] == pytest.approx([seconds for seconds, _ in pairs], abs=1e-4)


def test_other_columns_are_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("name,value\nft10,930\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"rows\.csv:1: not the columns of a benchmark; choose another folder"):
        read_rows(path, Row)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (",2026-11-24", "", "shorter"),
        (",61,", ",soon,", "soon"),
        (",False,", ",perhaps,", "perhaps"),
        (",61,", ",nan,", "nan"),
    ],
)
def test_damaged_line_is_named(tmp_path: Path, old: str, new: str, reason: str) -> None:
    path = tmp_path / "rows.csv"
    append_row(path, ROWS[0])
    append_row(path, ROWS[0])
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(FormatError, match=rf"rows\.csv:3: not a row of a benchmark .*{reason}.*delete the line"):
        read_rows(path, Row)
