"""The elite pool."""

import threading

import numpy as np
import pytest
from jobshop_twins import successors_of

from copt.solvers.jobshop.elite import FIRST, TOO_CLOSE, Pool
from copt.solvers.jobshop.order_kernels import Int32
from copt.solvers.jobshop.relink_kernels import distance


def order(*sequence: int) -> Int32:
    """One machine with these operations in order."""
    return successors_of([list(sequence)], len(sequence))


FORWARD = order(0, 1, 2, 3, 4, 5)
BACKWARD = order(5, 4, 3, 2, 1, 0)  # all 15 pairs inverted
NEARLY_FORWARD = order(1, 0, 2, 3, 4, 5)  # 1 from forward, 14 from backward
MIDDLE = order(2, 1, 0, 5, 4, 3)  # 6 from forward, 9 from backward
MIXED = order(3, 4, 5, 2, 1, 0)  # 12 from forward, 3 from backward


def members(pool: Pool) -> list[int]:
    """Makespans of the members, smallest first, as drawn pairs show them."""
    random = np.random.default_rng(0)
    pairs = [pool.pair(random) for _ in range(60)]
    return sorted({member.makespan for pair in pairs if pair is not None for member in pair})


def test_starts_are_counted_up_to_the_capacity() -> None:
    pool = Pool(4)
    assert [pool.claim_start() for _ in range(6)] == [0, 1, 2, 3, None, None]


def test_a_pool_without_members_still_makes_the_first_starts() -> None:
    pool = Pool(0)
    assert [pool.claim_start() for _ in range(FIRST + 1)] == [*range(FIRST), None]
    pool.insert(10, FORWARD)
    pool.insert(10, BACKWARD)
    assert pool.pair(np.random.default_rng(0)) is None


def test_a_pair_needs_two_members() -> None:
    pool, random = Pool(3), np.random.default_rng(0)
    assert pool.pair(random) is None
    pool.insert(10, FORWARD)
    assert pool.pair(random) is None
    pool.insert(12, BACKWARD)
    pair = pool.pair(random)
    assert pair is not None
    assert {member.makespan for member in pair} == {10, 12}
    assert distance(pair[0].succ, pair[1].place) == distance(pair[1].succ, pair[0].place) == 15


def test_members_are_copies() -> None:
    pool = Pool(2)
    succ = FORWARD.copy()
    pool.insert(10, succ)
    succ[:] = BACKWARD
    pool.insert(12, succ)
    assert members(pool) == [10, 12]


@pytest.mark.parametrize(("makespan", "kept"), [(9, [9, 12]), (10, [10, 12]), (11, [10, 12])])
def test_of_two_close_orders_the_better_one_stays(makespan: int, kept: list[int]) -> None:
    assert distance(FORWARD, np.array([1, 0, 2, 3, 4, 5, -1], dtype=np.int32)) < TOO_CLOSE
    pool = Pool(5)
    pool.insert(10, FORWARD)
    pool.insert(12, BACKWARD)
    pool.insert(makespan, NEARLY_FORWARD)
    assert members(pool) == kept


def test_the_nearest_member_counts() -> None:
    """The mixed order is 12 from the forward and 3 from the backward one, so it stands against the latter."""
    pool = Pool(5)
    pool.insert(10, FORWARD)
    pool.insert(12, BACKWARD)
    pool.insert(11, MIXED)
    assert members(pool) == [10, 11]


@pytest.mark.parametrize(("makespan", "kept"), [(13, [10, 12]), (12, [10, 12]), (11, [10, 11])])
def test_a_full_pool_gives_up_its_worst_member(makespan: int, kept: list[int]) -> None:
    apart = [order(*range(12)), order(*range(11, -1, -1)), order(*range(6, 12), *range(6))]
    pool = Pool(2)
    pool.insert(10, apart[0])
    pool.insert(12, apart[1])
    pool.insert(makespan, apart[2])  # 36 from the first, 30 from the second
    assert members(pool) == kept


def test_a_removed_member_asks_for_a_fresh_start() -> None:
    pool, random = Pool(2), np.random.default_rng(0)
    assert [pool.claim_start() for _ in range(3)] == [0, 1, None]
    pool.insert(10, FORWARD)
    pool.insert(12, BACKWARD)
    pair = pool.pair(random)
    assert pair is not None
    worse = max(pair, key=lambda member: member.makespan)
    pool.remove(worse)
    pool.remove(worse)  # another thread may have had the same idea
    assert pool.pair(random) is None
    assert [pool.claim_start() for _ in range(2)] == [1, None]


def test_threads_share_the_starts() -> None:
    pool = Pool(200)
    claimed: list[int | None] = []

    def claim() -> None:
        for _ in range(100):
            claimed.append(pool.claim_start())

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for number in claimed if number is not None) == list(range(200))
    assert claimed.count(None) == 200
