"""Random shops with every optional field, and the benchmark files where they are at hand."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from copt.problems.jobshop import JobShop

BENCHMARKS = Path(__file__).parents[1] / ".." / "shared" / "instances" / "jobshop"
needs_benchmarks = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="../shared/instances/jobshop is absent")


@st.composite
def any_shops(draw: st.DrawFn) -> JobShop:
    """Draw a shop of any kind: classic, re-entrant or flexible, open or not, with any optional fields."""
    machines, count = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    duration = st.integers(0, 2**20)
    if draw(st.booleans()):
        orders = [draw(st.permutations(range(machines))) for _ in range(count)]
        jobs = [[[(machine, draw(duration))] for machine in order] for order in orders]
    else:
        pair = st.tuples(st.integers(0, machines - 1), duration)
        modes = st.lists(pair, min_size=1, max_size=draw(st.integers(1, 3)), unique_by=lambda pair: pair[0])
        jobs = draw(st.lists(st.lists(modes, max_size=5), min_size=count, max_size=count).filter(any))
    per_job = st.lists(st.integers(0, 50), min_size=count, max_size=count)
    fields: dict[str, Any] = {key: draw(st.none() | per_job) for key in ("release", "due", "weights")}
    if fields["due"] is not None:
        fields["criterion"] = draw(st.sampled_from(["makespan", "weighted_tardiness"]))
    name = draw(st.sampled_from(["a", "Hürlimann 7", "ta01", "x: y # z"]))
    return JobShop.from_jobs(jobs, num_machines=machines, ordered=draw(st.booleans()), name=name, **fields)
