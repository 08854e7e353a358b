import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from instances_cases import BENCHMARKS, any_shops, needs_benchmarks

import copt
from copt.errors import CoptError
from copt.instances.formats import Format
from copt.instances.jobshop import FORMATS
from copt.problems.base import same
from copt.problems.jobshop import JobShop, toy

FLEXIBLE_TEXT = "2 3 1.5\n2 1 1 4 2 2 5 3 6\n1 2 1 3 3 2\n"
TAILLARD_TEXT = """Nb of jobs, Nb of Machines, Time seed, Machine seed, Upper bound, Lower bound
           2           3   840612802   398197754        1231        1005
Times
 94 66 10
 53 26 15
Machines
  3 1 2
  2 3 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats")


def read_text(folder: Path, text: str, name: str = "case.txt") -> JobShop:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    instance = copt.read(path)
    assert isinstance(instance, JobShop)
    return instance


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
@settings(deadline=None)
@given(instance=any_shops())
def test_what_a_format_holds_comes_back_unchanged(known: Format, instance: JobShop, folder: Path) -> None:
    path = folder / f"{known.name}.txt"
    if known.refusal(instance) is not None:
        with pytest.raises(CoptError, match=f"format {known.name} cannot hold .*; use format "):
            copt.write(instance, path, format=known.name)
        return
    copt.write(instance, path, format=known.name)
    name = path.stem if known.name == "taillard" else instance.name
    assert same(copt.read(path), dataclasses.replace(instance, name=name))


@settings(deadline=None)
@given(instance=any_shops())
def test_without_a_format_the_first_that_holds_everything_is_written(instance: JobShop, folder: Path) -> None:
    path = folder / "any.txt"
    copt.write(instance, path)
    assert same(copt.read(path), instance)


def test_standard_rows_are_pairs_of_machine_and_duration(folder: Path) -> None:
    instance = read_text(folder, "# a comment\n\n2 3\n0 5  2 7 1 9\r\n# between\n2 1 1 2 0 3\n\n")
    expected = JobShop.from_jobs([[(0, 5), (2, 7), (1, 9)], [(2, 1), (1, 2), (0, 3)]], name="case")
    assert same(instance, expected)


def test_no_break_spaces_part_numbers_too(folder: Path) -> None:
    assert read_text(folder, "1 2\n0\u00a05 1\u20286\n").durations.tolist() == [5, 6]


def test_marked_standard_rows_have_any_length(folder: Path) -> None:
    instance = read_text(folder, "3 2\n0 5 1 7 0 9 -1 -1\n1 4 -1 -1\n-1 -1\n")
    assert instance.num_machines == 2
    assert instance.job_offsets.tolist() == [0, 3, 4, 4]
    assert instance.machines.tolist() == [0, 1, 0, 1]
    assert instance.durations.tolist() == [5, 7, 9, 4]


def test_the_comments_carry_every_other_field(folder: Path) -> None:
    text = "# Name: my shop\n# release: 0 5\n# due: 9 8\n# weights: 1 3\n# criterion: weighted_tardiness\n"
    instance = read_text(folder, text + "# ordered: no\n2 1\n0 5\n0 2\n")
    fields = {"release": [0, 5], "due": [9, 8], "weights": [1, 3], "criterion": "weighted_tardiness"}
    expected = JobShop.from_jobs([[(0, 5)], [(0, 2)]], name="my shop", ordered=False, **fields)
    assert same(instance, expected)


def test_flexible_rows_list_the_alternatives_of_each_operation(folder: Path) -> None:
    expected = JobShop.from_jobs([[[(0, 4)], [(1, 5), (2, 6)]], [[(0, 3), (2, 2)]]], num_machines=3, name="case")
    assert same(read_text(folder, FLEXIBLE_TEXT), expected)
    assert same(read_text(folder, FLEXIBLE_TEXT.replace(" 1.5\n", "\n")), expected)


@pytest.mark.parametrize(
    ("text", "flexible"),
    [
        ("1 2\n1 1 1 5\n", True),  # standard: twice on machine 1
        ("1 2\n1 1 0 5\n", False),  # flexible: machine 0 of 1..2
        ("1 4\n1 3 1 9 2 9 3 9\n", True),  # standard: three times on a machine
        ("2 2\n1 1 0 5\n1 1 1 5\n", False),  # the first job decides
        ("2 2\n1 1 1 5\n1 1 0 5\n", False),  # not every job fits the flexible format
    ],
)
def test_small_files_that_fit_two_formats(folder: Path, text: str, flexible: bool) -> None:
    instance = read_text(folder, text)
    assert instance.machines[0] == (0 if flexible else 1)


def test_taillard_has_a_matrix_of_times_and_one_of_machines(folder: Path) -> None:
    expected = JobShop.from_jobs(
        [[(2, 94), (0, 66), (1, 10)], [(1, 53), (2, 26), (0, 15)]], num_machines=3, name="case"
    )
    assert same(read_text(folder, TAILLARD_TEXT), expected)
    lower = TAILLARD_TEXT.replace("Times", "processing times :").replace("Machines\n", "machines :\n")
    assert same(read_text(folder, lower), expected)
    assert same(read_text(folder, TAILLARD_TEXT.split("\n", 1)[1]), expected)


def test_texts_of_the_toy() -> None:
    texts = {known.name: known.write(toy()) for known in FORMATS if known.refusal(toy()) is None}
    assert texts == {
        "standard": "# name: toy\n3 3\n0 3 1 2 2 2 -1 -1\n0 2 2 1 1 4 -1 -1\n1 4 2 3 -1 -1\n",
        "fjsplib": "# name: toy\n3 3 1\n3 1 1 3 1 2 2 1 3 2\n3 1 1 2 1 3 1 1 2 4\n2 1 2 4 1 3 3\n",
    }


def test_a_classic_shop_is_written_as_published(tmp_path: Path) -> None:
    for name in ("standard", "taillard"):
        copt.write(copt.read("ft06"), tmp_path / name, format=name)
    assert (tmp_path / "standard").read_text().splitlines()[1:3] == ["6 6", "2 1 0 3 1 6 3 7 5 3 4 6"]
    rows = (tmp_path / "taillard").read_text().splitlines()
    assert rows[1:4] == ["6 6", "Times", "1 3 6 7 3 6"]
    assert rows[9:11] == ["Machines", "3 1 2 4 6 5"]


@needs_benchmarks
@pytest.mark.parametrize("family", ["abz", "dmu", "la", "orb", "swv", "yn"])
def test_benchmark_files_have_the_shape_of_the_table(family: str) -> None:
    paths = sorted((BENCHMARKS / family).glob("*.txt"))
    assert paths
    for path in paths:
        instance = copt.read(path)
        rows = path.read_text().split()
        assert instance.name == path.stem
        assert (instance.num_jobs, instance.num_machines) == (int(rows[0]), int(rows[1]))
        assert instance.machines.tolist() == list(map(int, rows[2::2]))
        assert instance.durations.tolist() == list(map(int, rows[3::2]))


@needs_benchmarks
def test_packed_benchmark_files() -> None:
    large = copt.read(BENCHMARKS / "tai" / "tai_1000_1000_1.zip")
    assert (large.name, large.num_jobs, large.num_machines) == ("tai_1000_1000_1", 1000, 1000)
    assert large.num_operations == 1_000_000
    assert (large.machines[:3].tolist(), large.durations[:3].tolist()) == ([570, 680, 517], [452, 117, 138])
    reentrant = copt.read(BENCHMARKS / "dct" / "dct-long-100-10000-1.zip")
    assert (reentrant.num_jobs, reentrant.num_machines, reentrant.num_operations) == (103, 100, 10_000)
    assert (reentrant.machines[-1], reentrant.durations[-1]) == (78, 1995)
