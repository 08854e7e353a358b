import dataclasses
import math

import pytest

from copt import CoptError, Stop


def test_defaults_are_a_minute_and_nothing_else() -> None:
    assert Stop() == Stop(seconds=60.0, gap=0.0, stall=None, target=None, moves=None)


def test_is_a_value() -> None:
    stop = Stop(seconds=1, target=5)
    assert stop == Stop(seconds=1, target=5)
    assert hash(stop) == hash(Stop(seconds=1, target=5))
    with pytest.raises(dataclasses.FrozenInstanceError):
        stop.seconds = 2  # type: ignore[misc]


@pytest.mark.parametrize("field", ["seconds", "gap", "stall", "moves"])
@pytest.mark.parametrize("value", [-1, math.nan])
def test_limits_are_non_negative_numbers(field: str, value: float) -> None:
    with pytest.raises(CoptError, match=f"{field} must be a non-negative number, got {value!r}"):
        Stop(**{field: value})  # type: ignore[arg-type]


def test_target_may_be_negative_but_not_nan() -> None:
    assert Stop(target=-5).target == -5
    with pytest.raises(CoptError, match="target must be a number, got nan"):
        Stop(target=math.nan)


def test_no_time_at_all_and_all_the_time_are_limits() -> None:
    assert Stop(seconds=0).seconds == 0
    assert Stop(seconds=math.inf).seconds == math.inf
