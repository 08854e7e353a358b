"""The solvers that a benchmark can run, each behind one function; packages are imported on first use."""

import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import copt
from copt.bench import (
    controllers,
    peers_control,
    peers_control_mip,
    peers_jobshop,
    peers_mip,
    peers_routing,
)
from copt.bench.answer import Answer
from copt.bench.samplers import MPC, SAMPLERS, Driver, Sampler
from copt.errors import MissingExtraError, UnknownNameError
from copt.policy import load_policy, policy_names

__all__ = ["COPT", "PEERS", "Peer", "Run", "find_peer", "installed_versions"]


class Run(Protocol):
    """A function at the top level of a module, so that a fresh process can find it by name, or a partial of one."""

    def __call__(self, instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
        """Solve ``instance`` within ``seconds`` of wall time after this call, imports and model included."""


@dataclass(frozen=True)
class Peer:
    """A solver under test.

    Args:
        name: Name in tables and on the command line.
        run: How it is called.
        note: What it is, one phrase for the report.
        packages: Distributions that it needs; their versions go into the report.
        prepare: Imports and compiles what it needs before its time runs, where limits are shorter than that takes; a
            function at the top level of a module. None if that is part of its time.
    """

    name: str
    run: Run
    note: str
    packages: tuple[str, ...] = ()
    prepare: Callable[[], object] | None = None


def run_copt(instance: Any, *, seconds: float, workers: int, seed: int, policy: str | None = "auto") -> Answer:
    """Run ``copt.solve`` with its defaults, or with another policy."""
    result = copt.solve(instance, seconds=seconds, policy=policy, workers=workers, seed=seed)
    return Answer(result.solution, result.objective, result.bound, result.trace.incumbents)


def _by_name(*peers: Peer) -> dict[str, Peer]:
    return {peer.name: peer for peer in peers}


def _planning(sampler: Sampler) -> Peer:
    """Return a sampler as a peer that plans once."""
    run = partial(peers_control.run_planner, planner=sampler.planner)
    return Peer(sampler.name, run, sampler.note, sampler.packages, sampler.prepare)


def _driving(driver: Driver, dense: bool) -> Peer:
    """Return a peer that drives episodes, on the sparse or on the dense model."""
    run = partial(controllers.run_loop, planner=driver.planner, dense=dense)
    name = f"{driver.name}-dense" if dense else driver.name
    model = "dense model, or the exact one of the cart-pole" if dense else "sparse model"
    prepare = partial(controllers.prepare_loop, driver.prepare)
    return Peer(name, run, f"{driver.note}, on the {model}", (*driver.packages, "pymunk"), prepare)


OWN = ("ortools", "numba")
SCIP = ("pyscipopt",)

# These two serve every family that does not list them, the others the family they are listed under.
COPT = _by_name(
    Peer("copt", run_copt, "copt with its defaults", OWN),
    Peer("copt-nopolicy", partial(run_copt, policy=None), "copt with policy=None", OWN),
)

MIP = _by_name(
    Peer("scip", peers_mip.run_scip, "SCIP with its defaults, one thread", SCIP),
    Peer(
        "scip-aggressive",
        partial(peers_mip.run_scip, aggressive=True),
        "SCIP with aggressive heuristics, one thread",
        SCIP,
    ),
    Peer("scip-concurrent", peers_mip.run_concurrent, "SCIP's concurrent solvers, one a worker", SCIP),
    Peer("highs", peers_mip.run_highs, "HiGHS, as many threads as workers", ("highspy",)),
    Peer("cpsat", peers_mip.run_cpsat, "OR-Tools CP-SAT through MathOpt, as many workers as cores", ("ortools",)),
)

PEERS: dict[str, dict[str, Peer]] = {
    "jobshop": _by_name(
        Peer(
            "cpsat",
            peers_jobshop.run_cpsat,
            "OR-Tools CP-SAT, interval model, as many workers as cores",
            ("ortools",),
        ),
        Peer(
            "cpsat8",
            peers_jobshop.run_cpsat8,
            "OR-Tools CP-SAT, interval model, 8 workers on the same cores",
            ("ortools",),
        ),
        Peer("pyjobshop", peers_jobshop.run_pyjobshop, "PyJobShop on OR-Tools", ("pyjobshop", "ortools")),
        Peer("rules", peers_jobshop.run_rules, "best of six priority rules, non-delay"),
    ),
    "routing": _by_name(
        Peer("pyvrp", peers_routing.run_pyvrp, "PyVRP, iterated local search, one thread", ("pyvrp",)),
        Peer("ortools", peers_routing.run_ortools, "OR-Tools routing, guided local search, one thread", ("ortools",)),
        Peer("lkh", peers_routing.run_lkh, "LKH through elkai, one run, stopped at the limit", ("elkai",)),
        Peer("udc", peers_routing.run_udc, "UDC re-implemented, trained for half an hour on a CPU", OWN),
    ),
    "mip": {name: replace(peer, prepare=peers_mip.prepare) for name, peer in (COPT | MIP).items()},
    "control": _by_name(
        *(replace(peer, prepare=peers_control.prepare_copt) for peer in COPT.values()),
        *(_planning(sampler) for sampler in SAMPLERS),
        Peer(
            "naive-bigm",
            peers_control_mip.run_bigm,
            "SCIP with its defaults, a binary for every ReLU, interval bounds, one thread",
            SCIP,
            peers_control_mip.prepare_bigm,
        ),
        Peer(
            "pyscipopt-ml",
            peers_control_mip.run_pyscipopt_ml,
            "SCIP with its defaults, ReLUs as PySCIPOpt-ML encodes them, one thread",
            ("pyscipopt-ml", *SCIP),
            peers_control_mip.prepare_pyscipopt_ml,
        ),
    ),
    "control-loop": _by_name(
        *(_driving(driver, dense) for dense in (False, True) for driver in (MPC, *SAMPLERS)),
    ),
}


def find_peer(family: str, name: str) -> Peer:
    """Return the peer called ``name`` for ``family``: a solver, or a trained policy of the family, for copt with it.

    Raises:
        UnknownNameError: If the family has no such peer.
        MissingExtraError: If a package that it needs is not installed.
    """
    known = COPT | PEERS.get(family, {})
    if name not in known and name in policy_names() and load_policy(name).family == family:
        return replace(known["copt"], name=name, run=partial(run_copt, policy=name), note=f"copt with policy {name}")
    if name not in known:
        raise UnknownNameError("peer", name, known, f"peers of {family}: {', '.join(known)}; or a trained policy")
    if any(_version(package) is None for package in known[name].packages):
        raise MissingExtraError(f"peer '{name}'", "bench")
    return known[name]


def installed_versions(peer: Peer) -> str:
    """Return the versions that ``peer`` runs on, such as ``copt 0.1.0; ortools 9.15.6755; python 3.11.7``."""
    packages = [f"{package} {_version(package)}" for package in peer.packages]
    return "; ".join([f"copt {copt.__version__}", *packages, f"python {platform.python_version()}"])


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
