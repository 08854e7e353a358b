"""The samplers among the peers of control: each plans once, and drives whole episodes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from copt.bench.peers_control import Planner, plan_sampled, prepare_copt, prepare_kernels
from copt.bench.peers_control_torch import plan_icem, plan_mppi, prepare_torch

__all__ = ["MPC", "SAMPLERS", "Driver", "Sampler"]


@dataclass(frozen=True)
class Driver:
    """What plans in closed loop.

    Args:
        name: Name in tables and on the command line.
        planner: How it is called; all of copt if None.
        note: What it is, one phrase for the report.
        packages: Distributions that it needs.
        prepare: Imports and compiles what it needs.
    """

    name: str
    planner: Planner | None
    note: str
    packages: tuple[str, ...]
    prepare: Callable[[], object]


@dataclass(frozen=True)
class Sampler(Driver):
    """A sampler under test, which plans once as well."""

    planner: Planner


NUMBA, TORCH = ("numba",), ("pytorch-mppi", "pytorch-icem", "torch")

MPC = Driver("copt", None, "copt.control.MPC", ("numba", "pyscipopt"), prepare_copt)
SAMPLERS = (
    Sampler("mppi", partial(plan_sampled, method="MPPI"), "MPPI, compiled and tuned", NUMBA, prepare_kernels),
    Sampler("icem", partial(plan_sampled, method="ICEM"), "iCEM, compiled and tuned", NUMBA, prepare_kernels),
    Sampler(
        "descent",
        partial(plan_sampled, method="GradientDescent"),
        "Adam from many starts, compiled and tuned",
        NUMBA,
        prepare_kernels,
    ),
    Sampler("pytorch-mppi", plan_mppi, "pytorch_mppi, round after round", TORCH, prepare_torch),
    Sampler("pytorch-icem", plan_icem, "pytorch_icem, round after round", TORCH, prepare_torch),
)
