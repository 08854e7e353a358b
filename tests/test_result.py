import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copt import Result, Status, StopReason
from copt.errors import FormatError
from copt.result import Trace, relative_gap


def result(**changes: Any) -> Result:
    fields: dict[str, Any] = {
        "instance": "ft06",
        "family": "jobshop",
        "solution": None,
        "objective": 55,
        "bound": 50,
        "status": Status.FEASIBLE,
        "stopped_by": StopReason.TIME,
        "seconds": 10.0,
        "solver": "jobshop",
        "policy": None,
        "seed": 3,
    }
    return Result(**(fields | changes))


@pytest.mark.parametrize(
    ("objective", "bound", "gap"),
    [(None, 1, None), (1, None, None), (5, 5, 0.0), (0, 0, 0.0), (0, 1, math.inf), (100, 90, 0.1), (-100, -110, 0.1)],
)
def test_relative_gap(objective: float | None, bound: float | None, gap: float | None) -> None:
    assert relative_gap(objective, bound) == gap


def test_to_json_is_one_object_with_the_promised_keys() -> None:
    trace = Trace(((0.5, 60), (1.0, 55)), ((0.1, 50),))
    value = json.loads(result(trace=trace, notes=("hello",)).to_json())
    assert value == {
        "instance": "ft06",
        "family": "jobshop",
        "status": "feasible",
        "stopped_by": "time",
        "objective": 55,
        "bound": 50,
        "gap": 5 / 55,
        "seconds": 10.0,
        "solver": "jobshop",
        "policy": None,
        "seed": 3,
        "guaranteed": True,
        "notes": ["hello"],
        "incumbents": [[0.5, 60], [1.0, 55]],
        "bounds": [[0.1, 50]],
    }


def test_an_infinite_gap_is_null_in_json() -> None:
    assert json.loads(result(objective=0, bound=-1).to_json())["gap"] is None


def test_large_values_are_written_out() -> None:
    assert result(objective=7349238, bound=7240118).summary().startswith("ft06: 7349238 (feasible, bound 7240118, gap")


def test_summary_names_value_status_bound_and_reason() -> None:
    assert result().summary() == "ft06: 55 (feasible, bound 50, gap 9.09 %), stopped by time after 10.0 s"
    doubtful = result(guaranteed=False)
    assert doubtful.summary().startswith("ft06: 55 (feasible, not guaranteed, bound 50, gap 9.09 %), stopped")
    nothing = result(objective=None, bound=None, status=Status.UNKNOWN)
    assert nothing.summary() == "ft06: no solution, unknown, stopped by time after 10.0 s"


def test_primal_integral_weighs_each_gap_by_its_time() -> None:
    # 2 s without a solution (gap 1), 3 s at 100 against 80 (gap 0.2), 5 s at the reference
    trace = Trace(((2.0, 100), (5.0, 80)))
    assert result(trace=trace).primal_integral(80) == pytest.approx((2 + 3 * 0.2 + 0) / 10)
    assert result(trace=trace).primal_integral(80, seconds=2.0) == 1.0
    assert result(trace=Trace()).primal_integral(80) == 1.0


@given(st.lists(st.floats(0, 20), max_size=6), st.floats(1, 100))
def test_primal_integral_is_a_share(times: list[float], reference: float) -> None:
    values = [reference + 10 * k for k in range(len(times), 0, -1)]
    share = result(trace=Trace(tuple(zip(sorted(times), values, strict=True)))).primal_integral(reference)
    assert 0.0 <= share <= 1.0 + 1e-12


def test_trace_survives_csv(tmp_path: Path) -> None:
    trace = Trace(((0.25, 1234567), (1.5, 0.1)), ((0.1, -3),))
    text = trace.to_csv()
    assert text.splitlines() == [
        "seconds,kind,value",
        "0.1000,bound,-3",
        "0.2500,incumbent,1234567",
        "1.5000,incumbent,0.1",
    ]
    (tmp_path / "trace.csv").write_text(text)
    assert Trace.from_csv(tmp_path / "trace.csv") == trace


@pytest.mark.parametrize(
    ("text", "where"),
    [("", ":1:"), ("a,b\n", ":1:"), ("seconds,kind,value\n1,bound\n", ":2:"), ("seconds,kind,value\n1,x,3\n", ":2:")],
)
def test_a_broken_trace_is_refused_with_its_line(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=where):
        Trace.from_csv(path)


def test_a_missing_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read: No such file"):
        Trace.from_csv(tmp_path / "nope.csv")
