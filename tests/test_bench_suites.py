from pathlib import Path

import numpy as np
import pytest

from copt.bench.runner import LEDGERS
from copt.bench.suites import SUITES, blocks_of, find_suite, select_entries
from copt.bench.suites_mip import HELD_OUT
from copt.errors import CoptError, UnknownNameError
from copt.problems.base import same
from copt.registry import FAMILIES

SHARED = Path(__file__).resolve().parents[2] / "shared" / "instances" / "jobshop"
needs_files = pytest.mark.skipif(not SHARED.is_dir(), reason="the benchmark files are not beside the checkout")

STANDARD_LINE = "2 2\n0 3 1 2\n1 4 0 1\n"


def test_every_suite_names_itself_and_a_known_family() -> None:
    for name, suite in SUITES.items():
        assert suite.name == name
        assert suite.family in {*FAMILIES, *LEDGERS}
        assert suite.note


def test_taillard_needs_no_files() -> None:
    entries = find_suite("jobshop-ta").entries(None)
    assert [entry.name for entry in entries] == [f"ta{number:02d}" for number in range(1, 81)]
    first, last = entries[0].load(), entries[79].load()
    assert (first.num_jobs, first.num_machines) == (15, 15)
    assert (last.num_jobs, last.num_machines) == (100, 20)
    assert (entries[0].lower, entries[0].upper) == (1231, 1231)
    assert (entries[79].lower, entries[79].upper) == (5183, 5183)
    assert "2026-08-19" in entries[0].source


def test_ta51_is_the_large_part() -> None:
    names = [entry.name for entry in find_suite("jobshop-ta51").entries(None)]
    assert names == [entry.name for entry in find_suite("jobshop-ta").entries(None)][50:]


@needs_files
def test_files_are_found_beside_the_checkout() -> None:
    entries = find_suite("jobshop-dmu").entries(None)
    assert [entry.name for entry in entries] == [f"dmu{number:02d}" for number in range(1, 81)]
    shop = entries[79].load()
    assert (shop.num_jobs, shop.num_machines, shop.num_operations) == (50, 20, 1000)
    assert entries[0].upper == 2563


@needs_files
def test_large_suite_reads_packed_files() -> None:
    entries = {entry.name: entry for entry in find_suite("jobshop-large").entries(None)}
    assert {"tai_100_100_1", "tai_1000_100_1", "tai_1000_1000_1"} <= set(entries)
    shop = entries["tai_100_100_1"].load()
    assert (shop.num_jobs, shop.num_machines, shop.num_operations) == (100, 100, 10_000)


def test_folder_is_searched_through_and_what_is_missing_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("dmu02.txt", "deep/dmu01.jsp", "dmu03", "other.txt"):
        (tmp_path / name).write_text(STANDARD_LINE, encoding="utf-8")
    entries = find_suite("jobshop-dmu").entries(tmp_path)
    assert [entry.name for entry in entries] == ["dmu01", "dmu02", "dmu03"]
    np.testing.assert_array_equal(entries[0].load().durations, [3, 2, 4, 1])


def test_missing_files_and_folders_name_the_remedy(tmp_path: Path) -> None:
    suite = find_suite("jobshop-dmu")
    with pytest.raises(CoptError, match=r"no file dmu01 to dmu80 in .*; pass the folder that has them"):
        select_entries(suite, tmp_path)
    with pytest.raises(CoptError, match="gone is not there; pass the folder"):
        select_entries(suite, tmp_path / "gone")


def test_flexible_suite_is_reproducible_and_of_brandimartes_sizes() -> None:
    entries = find_suite("jobshop-flexible").entries(None)
    shops = [entry.load() for entry in entries]
    assert [entry.name for entry in entries] == [f"flexible{number:02d}" for number in range(1, 11)]
    assert [(shop.num_jobs, shop.num_machines) for shop in shops] == [
        (10, 6), (10, 6), (15, 8), (15, 8), (15, 4), (10, 15), (20, 5), (20, 10), (20, 10), (20, 15),
    ]  # fmt: skip
    assert all(shop.flexible for shop in shops)
    assert same(shops[3], entries[3].load())
    assert shops[7].durations.min() == 5
    assert shops[7].durations.max() == 20
    assert all(entry.upper is None for entry in entries)


def test_selection_by_names_ranges_patterns_and_number() -> None:
    suite = find_suite("jobshop-ta")

    def chosen(*names: str, limit: int | None = None) -> list[str]:
        return [entry.name for entry in select_entries(suite, None, names, limit)]

    assert chosen("ta51") == ["ta51"]
    assert chosen("ta09-11", "ta01") == ["ta01", "ta09", "ta10", "ta11"]
    assert chosen("ta7*", limit=3) == ["ta70", "ta71", "ta72"]
    assert len(select_entries(suite)) == 80


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown suite 'jobshop-at'; did you mean 'jobshop-ta'"):
        find_suite("jobshop-at")
    with pytest.raises(UnknownNameError, match=r"unknown instance 'ta81'.*jobshop-ta has ta01 to ta80"):
        select_entries(find_suite("jobshop-ta"), None, ["ta81"])


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("ta01", ["ta01-50", "ta01-10"]),
        ("ta50", ["ta01-50", "ta41-50"]),
        ("ta51", ["ta51-80", "ta51-60"]),
        ("ta80", ["ta51-80", "ta71-80"]),
        ("dmu40", ["dmu01-40", "dmu36-40"]),
        ("dmu41", ["dmu41-80", "dmu41-45"]),
        ("tai_1000_100_1", ["tai_1000_100"]),
        ("flexible07", ["flexible"]),
        ("ft06", ["ft"]),
        ("toy", ["toy"]),
        ("7", ["7"]),
        ("X-n1001-k43", ["X, 500 or more"]),
        ("X-n101-k25", ["X-n101-k"]),
        ("Leuven2", ["Belgium, 3k-7k"]),
        ("Brussels1", ["Belgium, 10k-16k"]),
        ("Flanders2", ["Belgium, 20k-30k"]),
        ("pr1002", ["TSPLIB, 1k-5k"]),
        ("d15112", ["TSPLIB, 5k-20k"]),
        ("pla85900", ["TSPLIB, 30k-100k"]),
        ("neural-tsp-500-3", ["neural-tsp-500"]),
    ],
)
def test_blocks(name: str, blocks: list[str]) -> None:
    assert blocks_of(name) == blocks


def test_routing_suites_come_from_the_table_of_best_known_values() -> None:
    from copt.bench.suites_routing import _TSPLIB, _X

    assert (len(_X), _X[0], _X[-1]) == (32, "X-n502-k39", "X-n1001-k43")
    assert {"pr1002", "d15112", "pla85900"} <= set(_TSPLIB)
    assert "rat783" not in _TSPLIB
    neural = find_suite("routing-nco").entries(None)
    assert len(neural) == 48
    assert (neural[0].name, neural[-1].name) == ("neural-tsp-500-0", "neural-cvrp-2000-7")
    assert neural[-1].load().num_nodes == 2001
    assert neural[-1].load().name == neural[-1].name


def test_solutions_beside_instances_are_passed_over(tmp_path: Path) -> None:
    text = "NAME: a\nTYPE: TSP\nDIMENSION: 1\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n"
    (tmp_path / "pr1002.tsp").write_text(text)
    (tmp_path / "pr1002.sol").write_text("Route #1: 1\n")
    (entry,) = find_suite("routing-tsplib").entries(tmp_path)
    assert (entry.name, entry.upper, entry.load().num_nodes) == ("pr1002", 259045, 1)


@pytest.mark.skipif(not (SHARED.parent / "robust").is_dir(), reason="the benchmark files are not beside the checkout")
def test_robust_suites_have_published_values() -> None:
    knapsacks, budgets, loans = (find_suite(name).entries(None) for name in ("robust-kp", "robust-cb", "robust-cbl"))
    assert [len(entries) for entries in (knapsacks, budgets, loans)] == [252, 125, 180]
    assert knapsacks[0].name == "RKP_ASC_n20_R1000_H100_h40_dev0.15_d0.1"
    assert (knapsacks[0].lower, knapsacks[0].upper, knapsacks[0].load().num_items) == (4358.41, 4358.41, 20)
    assert (budgets[0].lower, budgets[0].upper) == (None, 3.08283096)
    assert budgets[0].load().budget == 19.0  # 19.158 in the file
    assert blocks_of(knapsacks[0].name) == ["knapsack, 20 items", "knapsack ASC, 20 items"]
    assert blocks_of(budgets[0].name) == ["budgeting, 10 projects"]
    assert {loan.load().num_projects for loan in loans if "_N40_" in loan.name} == {40}
    assert sum(loan.lower == loan.upper for loan in loans) == 176
    assert blocks_of(loans[0].name) in (["loans, 10 projects"], ["loans, 100 projects"])


def test_large_knapsacks_are_generated() -> None:
    entries = find_suite("robust-large").entries(None)
    assert len(entries) == 24
    assert {entry.load().num_items for entry in entries} == {100, 200, 300}
    assert blocks_of(entries[0].name) == ["generated knapsack, 100 items"]


def test_mip_families_are_held_out_and_named_as_their_entries() -> None:
    entries = find_suite("mip-families").entries(None)
    assert len(entries) == 70
    assert len({entry.name for entry in entries}) == 70
    by_name = {entry.name: entry for entry in entries}
    program = by_name["assignment-20x100-0"].load()
    assert (program.name, program.dimensions) == ("assignment-20x100-0", "120x2000")
    assert same(program, by_name["assignment-20x100-0"].load())
    assert not same(program.costs, by_name["assignment-20x100-1"].load().costs)
    drawn = FAMILIES["mip"].load("instances").GENERATORS["assignment"](agents=20, jobs=100, seed=HELD_OUT)
    assert same(program.costs, drawn.costs)
    assert blocks_of("setcover-4000x4000-3") == ["setcover", "setcover-4000x4000"]
    assert blocks_of("nw04") == ["MIPLIB"]


@pytest.mark.skipif(not (SHARED.parent / "mip").is_dir(), reason="the benchmark files are not beside the checkout")
def test_mip_files_have_published_optima() -> None:
    entries = {entry.name: entry for entry in find_suite("mip-lib").entries(None)}
    assert len(entries) >= 30
    flugpl = entries["flugpl"]
    assert (flugpl.upper, flugpl.load().dimensions) == (1201500, "18x18")
    assert flugpl.lower == 1201500
    assert 0 < flugpl.slack <= 1e-6  # what tolerances may gain
    assert entries["dano3mip"].lower is None
