"""Compiled exchanges of two or three legs of a tour, judged before anything is reversed.

Sequential exchanges (Lin and Kernighan 1973): legs (t1, t2), (t3, t4) and (t5, t6) go, (t2, t3), (t4, t5) and (t6, t1)
come, and the gain stays positive all along. In each of them two neighbouring stretches of the tour change places or
are turned round, so that a few comparisons of places tell what would become of the tour.

Places are negated where ``t2`` stands before ``t1``, so that there is one case, ``t2`` behind ``t1``, instead of two.
"""

from typing import NamedTuple

from copt.solvers.compiled import inlined, kernel
from copt.solvers.routing.cost_kernels import cost
from copt.solvers.routing.path_kernels import TINY, Path, flip

__all__ = ["Triple", "best_triple", "make_triple"]

WIDTH = 8  # neighbours looked at for the third leg


class Triple(NamedTuple):
    """What becomes of two stretches side by side, the second of which ends at place ``end``."""

    gain: float
    begin: int  # first place of the first stretch
    middle: int  # last place of the first stretch
    end: int  # equals ``middle`` if there is no second one
    change: bool  # whether they change places
    turn_one: bool  # whether the first is turned round
    turn_two: bool  # whether the second is


@inlined
def allowed(path: Path, sign: int, begin: int, end: int) -> bool:
    """Return whether a change from ``begin`` to ``end`` leaves the ends of the path alone and is not too long."""
    low, high = (path.low, path.high - 1) if sign > 0 else (1 - path.high, -path.low)
    return begin > low and end < high and end - begin < path.reach


@inlined
def take(path: Path, sign: int, triple: Triple, best: Triple) -> Triple:
    """Return the better of two, the first only if it is allowed."""
    return triple if triple.gain > best.gain and allowed(path, sign, triple.begin, triple.end) else best


@kernel
def close_third(path: Path, sign: int, t1: int, t3: int, t4: int, gain: float, best: Triple) -> Triple:
    """Return the better of ``best`` and the exchanges of three legs that begin with these.

    ``gain`` is that of the first two legs less the one from ``t2`` to ``t3``.
    """
    tour, place, costs = path.tour, path.place, path.costs
    low, high = (path.low, path.high - 1) if sign > 0 else (1 - path.high, -path.low)
    q1, q3, q4 = sign * place[t1], sign * place[t3], sign * place[t4]
    q2, later, valid = q1 + 1, q3 > q1, q4 < q3
    for k in range(min(WIDTH, path.near.shape[1])):
        t5 = path.near[t4, k]
        left = gain - cost(costs, t4, t5)
        if left <= TINY:
            break
        q5 = sign * place[t5]
        if q5 < low or q5 > high or q5 in (q1, q3):
            continue
        for step in (-1, 1):
            q6 = q5 + step
            if q6 < low or q6 > high:
                continue
            t6 = tour[sign * q6]
            value = left + cost(costs, t5, t6) - cost(costs, t6, t1)
            if value <= best.gain:
                continue
            if valid and later:
                if q5 < q1 and step < 0:
                    best = take(path, sign, Triple(value, q5, q1, q4, False, True, True), best)
                elif q5 > q3 and step < 0:
                    best = take(path, sign, Triple(value, q2, q4, q6, True, False, True), best)
                elif q2 <= q5 < q4 and step > 0:
                    best = take(path, sign, Triple(value, q2, q5, q4, True, True, False), best)
            elif valid:
                if q5 < q4 and step > 0:
                    best = take(path, sign, Triple(value, q6, q4, q1, False, True, True), best)
                elif q5 >= q2 and step > 0:
                    best = take(path, sign, Triple(value, q3, q1, q5, True, False, True), best)
                elif q3 < q5 < q1 and step < 0:
                    best = take(path, sign, Triple(value, q3, q6, q1, True, True, False), best)
            elif later:
                if q2 <= q5 < q3 and step > 0:
                    best = take(path, sign, Triple(value, q2, q5, q3, True, False, False), best)
                elif q2 < q5 <= q3 and step < 0:
                    best = take(path, sign, Triple(value, q2, q6, q3, False, True, True), best)
            elif q5 < q3:
                if step > 0:
                    best = take(path, sign, Triple(value, q6, q3, q1, True, False, False), best)
                else:
                    best = take(path, sign, Triple(value, q5, q3, q1, True, False, True), best)
            elif q5 >= q2:
                if step > 0:
                    best = take(path, sign, Triple(value, q4, q1, q5, True, False, False), best)
                elif q5 > q2:
                    best = take(path, sign, Triple(value, q4, q1, q6, True, True, False), best)
    return best


@kernel
def best_triple(path: Path, sign: int, t1: int) -> Triple:
    """Return the best exchange that gives up the leg from ``t1`` to the node behind it, before it if ``sign`` is -1."""
    tour, place, costs = path.tour, path.place, path.costs
    low, high = (path.low, path.high - 1) if sign > 0 else (1 - path.high, -path.low)
    q1 = sign * place[t1]
    q2 = q1 + 1
    best = Triple(TINY, 0, 0, 0, False, False, False)
    if q1 < low or q2 > high:
        return best
    t2 = tour[sign * q2]
    given = cost(costs, t1, t2)
    for k in range(path.near.shape[1]):
        t3 = path.near[t2, k]
        first = given - cost(costs, t2, t3)
        if first <= TINY:
            break
        q3 = sign * place[t3]
        if q3 < low or q3 > high or t3 == t1:
            continue
        for step in (-1, 1):
            q4 = q3 + step
            if q4 < low or q4 > high or q4 == q2 or (q4 == q1 and step < 0):
                continue
            t4 = tour[sign * q4]
            gain = first + cost(costs, t3, t4)
            if step < 0:
                value = gain - cost(costs, t4, t1)
                begin, end = (q2, q4) if q3 > q1 else (q3, q1)
                best = take(path, sign, Triple(value, begin, end, end, False, True, False), best)
            best = close_third(path, sign, t1, t3, t4, gain, best)
    return best


@inlined
def turn_round(path: Path, sign: int, begin: int, end: int) -> None:
    """Reverse a stretch of signed places."""
    if sign > 0:
        flip(path, begin, end)
    else:
        flip(path, -end, -begin)


@kernel
def make_triple(path: Path, sign: int, triple: Triple) -> None:
    """Make an exchange."""
    begin, middle, end = triple.begin, triple.middle, triple.end
    if not triple.change:
        turn_round(path, sign, begin, middle)
        if triple.turn_two:
            turn_round(path, sign, middle + 1, end)
        return
    # Turned round as a whole, both stretches have changed places and are turned round.
    turn_round(path, sign, begin, end)
    border = begin + end - middle - 1
    if not triple.turn_two:
        turn_round(path, sign, begin, border)
    if not triple.turn_one:
        turn_round(path, sign, border + 1, end)
