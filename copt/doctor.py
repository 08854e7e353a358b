"""What copt runs on: versions, cores, caches, and whether the kernels are compiled."""

import importlib
import importlib.metadata
import itertools
import multiprocessing
import os
import pkgutil
import platform
import re
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import copt
from copt.policy import policy_names
from copt.registry import FAMILIES

__all__ = ["report"]

DISTRIBUTION = "copt-solver"


def report(*, warm: bool = False) -> Iterator[str]:
    """Yield one line a finding.

    Args:
        warm: Compile every kernel that is not, so that the first solve need not; some minutes on first use.
    """
    yield f"copt       {copt.__version__} at {Path(copt.__file__).parent}"
    yield f"python     {platform.python_version()} on {platform.platform()}"
    yield f"cores      {_usable_cores()} usable of {os.cpu_count()}"
    yield from _packages()
    if warm:
        yield from _warm()
    yield from _caches()
    yield f"policies   {', '.join(policy_names()) or 'none stored'}"


def _usable_cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _packages() -> Iterator[str]:
    """Yield the versions of what copt needs, then one line for each extra."""
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        yield f"packages   unknown: {DISTRIBUTION} is not installed, only on the path"
        return
    groups: dict[str, list[str]] = {}
    for requirement in requirements:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        extra = re.search(r"""extra\s*==\s*["']([\w-]+)""", requirement)
        groups.setdefault(f"[{extra[1]}]" if extra else "packages", []).append(f"{name} {_version(name)}")
    for group, members in groups.items():
        yield f"{group:10s} {', '.join(members)}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _warm() -> Iterator[str]:
    """Compile the kernels of all families, as many at a time as there are cores."""
    yield "warming    all families, some minutes where nothing is compiled yet"
    workers = min(_usable_cores() or 1, len(FAMILIES))
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for name, seconds in zip(FAMILIES, pool.map(_warmed, FAMILIES), strict=True):
            if seconds is not None:
                yield f"warmed     {name} in {seconds:.1f} s"


def _warmed(name: str) -> float | None:
    """Compile the kernels of a family; return the seconds that it took, None if it has none."""
    warm = getattr(FAMILIES[name].load("solver"), "warm", None)
    if warm is None:
        return None
    began = time.perf_counter()
    warm()
    return time.perf_counter() - began


def _caches() -> Iterator[str]:
    """Yield for each folder of compiled kernels whether it can be written, and how many of them are there."""
    from copt.solvers.objects import folder_of, kept_in

    folders: dict[Path, list[Any]] = {}
    for module in _kernel_modules():
        for kernel in _kernels(module):
            folders.setdefault(folder_of(kernel.py_func.__code__.co_filename), []).append(kernel)
    kept = set[str]().union(*map(kept_in, folders))
    for kernel in itertools.chain(*folders.values()):
        if _kept_by_numba(kernel):
            kept.update(kernel.parts())
    for folder, kernels in sorted(folders.items()):
        cold = [kernel.__name__ for kernel in kernels if _name(kernel) not in kept]
        names = f"; not yet: {', '.join(cold)}" if 0 < len(cold) < len(kernels) else ""
        yield f"kernels    {len(kernels) - len(cold)} of {len(kernels)} compiled in {folder}{names}"
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(nearest, os.W_OK):
            yield f"           {nearest} cannot be written: every process compiles anew; set NUMBA_CACHE_DIR"


def _kernel_modules() -> list[ModuleType]:
    from copt import solvers

    found = pkgutil.walk_packages(solvers.__path__, "copt.solvers.")
    return [importlib.import_module(module.name) for module in found if module.name.endswith("_kernels")]


def _kernels(module: ModuleType) -> list[Any]:
    """Return the compiled functions that ``module`` defines."""
    from copt.solvers.compiled import Kernel

    return [
        member
        for member in vars(module).values()
        if isinstance(member, Kernel)
        and member.__module__ == module.__name__
        and member.targetoptions.get("inline") != "always"  # those are compiled as parts of others only
    ]


def _name(kernel: Any) -> str:
    return f"{kernel.__module__}.{kernel.__qualname__}"


def _kept_by_numba(kernel: Any) -> bool:
    """Return whether numba's cache holds ``kernel`` in a version that is not older than its source."""
    if not kernel.kept_by_numba:
        return False
    code, folder = kernel.py_func.__code__, kernel.dispatcher.stats.cache_path
    source = Path(code.co_filename)
    pattern = f"{source.stem}.{kernel.__qualname__}-{code.co_firstlineno}.*.nbi"
    return any(index.stat().st_mtime >= source.stat().st_mtime for index in Path(folder).glob(pattern))
