import re

import pytest
from instances_cases import BENCHMARKS, needs_benchmarks

from copt.errors import CoptError
from copt.instances import BestKnown, best_known, expand


def known_of(name: str) -> BestKnown:
    known = best_known(name)
    assert known is not None
    return known


def test_bounds_of_closed_and_open_instances() -> None:
    source, date = "ScheduleOpt/benchmarks bks.json@79f0edc", "2026-08-19"
    assert best_known("ft10") == BestKnown(930, 930, source, date)
    assert best_known("ta41") == BestKnown(1926, 2005, source, date)
    assert [known_of(name).closed for name in ("ta41", "ft10")] == [False, True]
    assert best_known("ta81") is None


def test_every_bound_is_below_its_solution_and_has_a_dated_source() -> None:
    names = expand("ft06,ft10,ft20,la01-40,abz5-9,orb01-10,swv01-20,yn1-4,ta01-80,dmu01-80")
    assert len(names) == 242
    for name in names:
        known = known_of(name)
        assert known.lower is not None and 0 < known.lower <= known.upper
        assert known.source
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", known.date)


@needs_benchmarks
def test_the_bounds_are_those_of_the_published_table() -> None:
    rows = (BENCHMARKS / "best_known.csv").read_text().splitlines()[1:]
    assert len(rows) == 376
    for row in rows:
        name, _, _, lower, upper, _ = row.split(",", 5)
        assert (known_of(name).lower, known_of(name).upper) == (int(lower), int(upper))


@pytest.mark.parametrize(
    ("names", "members"),
    [
        ("ta09-11", ["ta09", "ta10", "ta11"]),
        ("ta09-ta11", ["ta09", "ta10", "ta11"]),
        ("yn1-4", ["yn1", "yn2", "yn3", "yn4"]),
        ("abz9-10", ["abz9", "abz10"]),
        (" ft06 , ta01-02,", ["ft06", "ta01", "ta02"]),
        ("dct-long-100-10000-1", ["dct-long-100-10000-1"]),
        ("tai_100_100_1-2", ["tai_100_100_1-2"]),
        ("ta01-dmu02", ["ta01-dmu02"]),
        ("", []),
    ],
)
def test_ranges_expand(names: str, members: list[str]) -> None:
    assert expand(names) == members


@pytest.mark.parametrize("names", ["ta80-51", "ta1-100000000"])
def test_ranges_that_fall_or_explode_are_refused(names: str) -> None:
    with pytest.raises(CoptError, match=f"range '{names}' must rise and have at most 10000 members"):
        expand(names)
