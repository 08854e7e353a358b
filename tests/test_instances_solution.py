from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances_cases import any_shops

from copt.errors import CoptError, FormatError
from copt.problems.base import same
from copt.problems.jobshop import JobShop, Schedule, check, objective, toy
from copt.read import read_solution, write_solution


def schedule(start: list[int], machine: list[int]) -> Schedule:
    return Schedule(start=np.array(start), machine=np.array(machine))


TOY_TEXT = """# instance: toy
# objective: 11
# one line a job: machine:start of each operation
0:0 1:4 2:6
0:3 2:5 1:7
1:0 2:8
"""
TOY_SCHEDULE = schedule([0, 4, 6, 3, 5, 7, 0, 8], [0, 1, 2, 0, 2, 1, 1, 2])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("solutions")


def test_text_of_a_schedule_of_the_toy(tmp_path: Path) -> None:
    assert check(toy(), TOY_SCHEDULE) == []
    assert objective(toy(), TOY_SCHEDULE) == 11
    path = tmp_path / "toy.sol"
    write_solution(toy(), TOY_SCHEDULE, path)
    assert path.read_text() == TOY_TEXT
    assert same(read_solution(toy(), path), TOY_SCHEDULE)


def test_a_given_objective_is_written_and_a_gz_is_packed(tmp_path: Path) -> None:
    path = tmp_path / "toy.sol.gz"
    write_solution(toy(), TOY_SCHEDULE, path, objective=11.5)
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    assert same(read_solution(toy(), path), TOY_SCHEDULE)
    write_solution(toy(), TOY_SCHEDULE, tmp_path / "plain", objective=11.5)
    assert "# objective: 11.5\n" in (tmp_path / "plain").read_text()


@settings(deadline=None)
@given(instance=any_shops(), data=st.data())
def test_any_schedule_comes_back_unchanged(instance: JobShop, data: st.DataObject, folder: Path) -> None:
    n = instance.num_operations
    start = data.draw(st.lists(st.integers(-5, 10**9), min_size=n, max_size=n))
    machine = data.draw(st.lists(st.integers(0, instance.num_machines - 1), min_size=n, max_size=n))
    drawn = schedule(start, machine)
    write_solution(instance, drawn, folder / "any.sol", objective=0)
    assert same(read_solution(instance, folder / "any.sol"), drawn)


def test_jobs_without_operations_are_a_dash(tmp_path: Path) -> None:
    instance = JobShop.from_jobs([[], [(0, 5)], []])
    write_solution(instance, schedule([3], [0]), tmp_path / "dash.sol")
    assert (tmp_path / "dash.sol").read_text().splitlines()[-3:] == ["-", "0:3", "-"]


def test_an_infeasible_schedule_is_read_for_the_checker(tmp_path: Path) -> None:
    path = tmp_path / "toy.sol"
    path.write_text(TOY_TEXT.replace("1:4", "1:2"))
    violations = check(toy(), read_solution(toy(), path))
    assert [violation.constraint for violation in violations] == ["precedence", "overlap"]


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("0:0", "0-0", 4, "expected 'machine:start' of each operation, found '0-0'"),
        ("0:0", "0:0.5", 4, "found '0:0.5'"),
        ("0:0", "0:nan", 4, "found '0:nan'"),
        ("0:0", "0:٣", 4, "found '0:٣'"),
        ("0:0", "0:" + "9" * 1_000_000, 4, f"found '0:{'9' * 38}...'"),
        ("0:0 ", "", 4, "expected 3 entries 'machine:start' for job 0, found 2"),
        ("0:0", "0:0 0:0", 4, "expected 3 entries 'machine:start' for job 0, found 4"),
        ("1:0 2:8\n", "", 5, "expected 3 rows, one a job, but the file ends after 2"),
        ("1:0 2:8", "1:0 2:8\n0:0", 7, "expected the end of the file after 3 rows"),
        (TOY_TEXT, "", 1, "file is empty"),
        ("# instance", "\0", 1, "found binary data"),
    ],
)
def test_bad_files_are_refused_in_one_line_that_names_file_and_line(
    old: str, new: str, line: int, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.sol"
    path.write_text(TOY_TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FormatError) as caught:
        read_solution(toy(), path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert expected in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(cut=st.tuples(st.integers(0, len(TOY_TEXT)), st.integers(0, 9)), new=st.binary(max_size=5))
def test_damaged_files_are_read_or_refused_and_nothing_else(cut: tuple[int, int], new: bytes, folder: Path) -> None:
    raw, (first, length) = TOY_TEXT.encode(), cut
    path = folder / "damaged.sol"
    path.write_bytes(raw[:first] + new + raw[first + length :])
    try:
        solution = read_solution(toy(), path)
    except CoptError as error:
        assert str(error).startswith(str(path))
        assert str(error).isprintable()
    else:
        assert solution.start.size == toy().num_operations
