import hashlib
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from instances_cases import BENCHMARKS, needs_benchmarks

import copt
from copt.instances import taillard
from copt.problems.base import same

FIRST_JOBS = {  # of the published files: machine, duration, machine, duration ...
    "ta01": (15, 15, "6 94 12 66 4 10 7 53 3 26 2 15 10 65 11 82 8 10 14 27 9 93 13 92 5 96 0 70 1 83"),
    "ta35": (30, 15, "3 4 11 27 14 90 5 76 8 76 6 16 13 38 0 72 1 80 2 94 9 97 10 5 7 44 12 9 4 23"),
    "ta80": (
        100,
        20,
        "9 54 12 87 4 61 7 35 16 5 0 48 1 33 18 21 17 65 5 83 14 78 11 14 8 70 10 25 3 36 15 56",
    ),
}
# of machines, then durations, of each published file from ta01 to ta80, as little-endian 32-bit integers
SHA256 = "f777cb1aa844d71aa0431d2f1ae1ead4e3cf8e58339811dfacb138101e769274"


def test_the_random_numbers_are_those_of_the_minimal_standard_generator() -> None:
    state, expected = 1, []
    for _ in range(10_000):
        state = state * 16_807 % (2**31 - 1)
        expected.append(state / (2**31 - 1))
    assert state == 1_043_618_065  # Park and Miller 1988
    assert list(islice(taillard._uniform(1), 10_000)) == expected


def test_the_names_are_ta01_to_ta80() -> None:
    assert taillard.names() == [f"ta{number:02d}" for number in range(1, 81)]


@pytest.mark.parametrize("name", FIRST_JOBS)
def test_the_first_jobs_are_the_published_ones(name: str) -> None:
    jobs, machines, text = FIRST_JOBS[name]
    instance, row = taillard.named(name), text.split()
    assert (instance.name, instance.num_jobs, instance.num_machines) == (name, jobs, machines)
    assert instance.machines[: len(row) // 2].tolist() == list(map(int, row[::2]))
    assert instance.durations[: len(row) // 2].tolist() == list(map(int, row[1::2]))


def test_all_eighty_are_the_published_ones_by_their_digest() -> None:
    digest = hashlib.sha256()
    for name in taillard.names():
        instance = taillard.named(name)
        digest.update(np.stack([instance.machines, instance.durations]).astype("<i4").tobytes())
    assert digest.hexdigest() == SHA256


@needs_benchmarks
def test_all_eighty_are_the_published_files() -> None:
    for name in taillard.names():
        assert same(taillard.named(name), copt.read(BENCHMARKS / "ta" / f"{name}.txt"))


@needs_benchmarks
def test_the_seeds_are_the_published_table() -> None:
    ours = (Path(taillard.__file__).with_name("data") / "taillard_seeds.csv").read_text()
    assert ours == (BENCHMARKS / "taillard_seeds.csv").read_text()
